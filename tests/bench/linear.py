#!/usr/bin/env python3
"""Is compiling linear, whatever the module looks like?

In: shapes made to tempt a compiler into quadratic time (throughput.py), at two sizes. Counts the instructions
that each takes under valgrind: a count, unlike a time, is the same on a busy machine. Twice the module may take
twice the instructions and a little more (webs are sorted); quadratic time would be four times. Exit code 77
without valgrind.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import throughput

SMALL, LARGE = 0.04, 0.08
MOST = 2.25


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alkahest", required=True, help="the alkahest command")
    parser.add_argument("shapes", nargs="*", help="some of them (default: all)")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("SKIPPED: valgrind is not installed")
        return 77
    small, large = throughput.extreme_shapes(SMALL), throughput.extreme_shapes(LARGE)
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        nothing = instructions(options.alkahest, throughput.module([throughput.body(b"\x41\x00")]), folder)
        for shape in options.shapes or small:
            less = instructions(options.alkahest, small[shape], folder) - nothing
            more = instructions(options.alkahest, large[shape], folder) - nothing
            ratio = more / less
            failed |= ratio > MOST
            print(f"{shape:22} {less / len(small[shape]):7.0f} instructions per byte; twice the size: "
                  f"{ratio:.2f} times{' FAILED' if ratio > MOST else ''}", flush=True)  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
