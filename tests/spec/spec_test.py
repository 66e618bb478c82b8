#!/usr/bin/env python3
"""Runs the listed files of the official suite with `alkahest wast`. Exit code 77: skipped, and why."""
import argparse
import subprocess
import sys
from pathlib import Path

import suite

SKIPPED = 77
CPU_FLAGS = {"x86-64-v1": set(), "x86-64-v2": {"sse4_2", "popcnt", "ssse3"},
             "x86-64-v3": {"avx2", "bmi1", "bmi2", "fma", "abm"}}


def cpu_flags():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def read_list(path, model):
    names = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#", 1)[0].split()
        if words and not (model == "wrap" and "not-wrap" in words[1:]):
            names.append(words[0])
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alkahest", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--list", type=Path, required=True)
    parser.add_argument("--memory", default="guard")
    parser.add_argument("--cpu", default="x86-64-v1")
    parser.add_argument("--regs", default="0")
    args = parser.parse_args()

    missing_flags = CPU_FLAGS[args.cpu] - cpu_flags()
    if missing_flags:
        print(f"SKIPPED: this processor lacks {' '.join(sorted(missing_flags))}")
        return SKIPPED
    names = read_list(args.list, args.memory)
    try:
        folder = suite.find(args.work, names)
    except suite.NoSuite as reason:
        print(f"SKIPPED: no test suite: {reason}")
        return SKIPPED
    files = [path for path in (suite.json_path(folder, name) for name in names) if path.exists()]
    if len(files) < len(names):
        print(f"{len(names) - len(files)} of {len(names)} files are not in {folder}")
    if not files:
        print("SKIPPED: none of the files could be had")
        return SKIPPED
    command = [args.alkahest, "wast", "--features=wasm2", f"--memory={args.memory}", f"--cpu={args.cpu}",
               f"--regs={args.regs}", "--verbose", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=560)
    sys.stdout.write(done.stdout[-20000:])
    sys.stderr.write(done.stderr[-20000:])
    if done.returncode < 0:
        print(f"killed by signal {-done.returncode}")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
