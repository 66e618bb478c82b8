#!/usr/bin/env python3
"""Is compiling linear, whatever the module looks like?

In: shapes made to tempt a compiler into quadratic time (throughput.py), at two sizes. Counts the instructions
that each takes under valgrind: a count, unlike a time, is the same on a busy machine. Twice the module may take
twice the instructions and a little more (webs are sorted); quadratic time would be four times. Exit code 77
without valgrind.

--figures prints a table instead: a program's code repeated until it has 0.1, 1, 10 and 60 MB, and the shapes at
their full size, in instructions per byte and in MB/s (the best of some runs, in turns).
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import throughput
from build import Builder, find_programs
from report import align

SMALL, LARGE = 0.04, 0.08
MOST = 2.25
PROGRAM = "json"  # what is repeated for --figures
RUNS = 5
EMPTY = throughput.module([throughput.body(b"\x41\x00")])


def instructions(alkahest, module, folder):
    path = folder / "module.wasm"
    path.write_bytes(module)
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", alkahest,
         "compile", "-o", os.devnull, path],
        capture_output=True, text=True, check=False)  # fmt: skip
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode or not found:
        sys.exit(f"linear: {result.stderr.strip()[-400:]}")
    return int(found[1])


def check(options, folder):
    """Exit code: do all shapes, or some, stay linear?"""
    small, large = throughput.extreme_shapes(SMALL), throughput.extreme_shapes(LARGE)
    failed = False
    nothing = instructions(options.alkahest, EMPTY, folder)
    for shape in options.shapes or small:
        less = instructions(options.alkahest, small[shape], folder) - nothing
        more = instructions(options.alkahest, large[shape], folder) - nothing
        ratio = more / less
        failed |= ratio > MOST
        print(f"{shape:22} {less / len(small[shape]):7.0f} instructions per byte; twice the size: "
              f"{ratio:.2f} times{' FAILED' if ratio > MOST else ''}", flush=True)  # fmt: skip
    return 1 if failed else 0


def milliseconds(alkahest, module, folder):
    """Of one run, as `--stats` says."""
    path = folder / "module.wasm"
    path.write_bytes(module)
    done = subprocess.run([alkahest, "compile", "--stats=json", "-o", os.devnull, path],
                          check=True, capture_output=True, text=True)  # fmt: skip
    return throughput.total_ms(json.loads(done.stdout))


def figures(options, folder):
    real = Builder(folder / "programs").wasm(find_programs([PROGRAM])[0]).read_bytes()
    modules = {f"{PROGRAM} × {size}": throughput.repeated(real, target) for size, target in throughput.SIZES.items()}
    modules |= throughput.extreme_shapes()
    chosen = {name: data for name, data in modules.items() if not options.shapes or name in options.shapes}
    best = dict.fromkeys(chosen, float("inf"))
    for _ in range(RUNS):
        for name, data in chosen.items():
            best[name] = min(best[name], milliseconds(options.alkahest, data, folder))
    nothing = instructions(options.alkahest, EMPTY, folder)
    rows = [["module", "MB", "instructions per byte", "MB/s"]]
    for name, data in chosen.items():
        count = instructions(options.alkahest, data, folder) - nothing
        rows.append([name, f"{len(data) / 1e6:.2f}", f"{count / len(data):.0f}", f"{len(data) / 1e3 / best[name]:.1f}"])
    print("\n".join(align(rows)))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alkahest", required=True, help="the alkahest command")
    parser.add_argument("--figures", action="store_true", help="print a table at full size instead")
    parser.add_argument("shapes", nargs="*", help="some of them (default: all)")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("SKIPPED: valgrind is not installed")
        return 77
    with tempfile.TemporaryDirectory() as name:
        return (figures if options.figures else check)(options, pathlib.Path(name))


if __name__ == "__main__":
    sys.exit(main())
