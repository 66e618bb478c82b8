#!/usr/bin/env python3
"""Runs the mutation fuzzer (mutate.c) on valid modules: those of tests/golden, put together with wat2wasm, and, where
they can be found, modules of the official suites. A finding is run again with the same --seed and --count FIRST-LAST.

    tests/fuzz/mutate.py --mutate build/host/tests/mutate --work /tmp/mutants --seed 7 --count 100000
"""
import argparse
import pathlib
import random
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/spec"))
import suite  # noqa: E402 (found only now)

SKIPPED = 77
SUITE_MODULES = 1500
MODULE_BYTES_MOST = 16 << 10


def golden_modules(folder):
    modules = []
    for source in sorted((SOURCE / "tests/golden").glob("*.wat")):
        names = re.findall(r"^;; enable: (.*)$", source.read_text(encoding="utf-8"), re.M)
        flags = [f"--enable-{name}" for name in " ".join(names).split()]
        target = folder / f"{source.stem}.wasm"
        subprocess.run(["wat2wasm", *flags, source, "-o", target], check=True, timeout=120)
        modules.append(target)
    return modules


def suite_modules(work, seed):
    modules = []
    for name in suite.NAMES:
        try:
            folder = suite.find(work, name, ["address", "core/address"])
        except suite.NoSuite as reason:
            print(f"SKIPPED: no modules of the suite {name}: {reason}")
            continue
        modules += sorted(path for path in folder.rglob("*.wasm") if 8 < path.stat().st_size <= MODULE_BYTES_MOST)
    return random.Random(seed).sample(modules, min(SUITE_MODULES, len(modules)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutate", required=True, help="the program that mutate.c became")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--suites", type=pathlib.Path, help="where tests/spec unpacks suites (default: --work)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", default="5000", help="COUNT or FIRST-LAST")
    options = parser.parse_args()
    if not shutil.which("wat2wasm"):
        print("SKIPPED: wat2wasm (package wabt) is not installed")
        return SKIPPED
    options.work.mkdir(parents=True, exist_ok=True)
    modules = golden_modules(options.work) + suite_modules(options.suites or options.work, options.seed)
    command = [options.mutate, str(options.seed), options.count, options.work, *modules]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
