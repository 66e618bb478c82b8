#!/usr/bin/env python3
"""Runs a program natively and as WebAssembly; output, error output and exit status must be the same.

usage: guest_test.py ALKAHEST PROGRAM.wasm NATIVE [--stdin FILE] [ARGUMENT…]
"""
import argparse
import subprocess
import sys
from pathlib import Path


def outcome(command, stdin):
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=100)
    return {"status": done.returncode, "output": done.stdout, "error output": done.stderr}


def first_difference(one, other):
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    start = max(0, at - 60)
    return f"byte {at}: native {one[start:at + 60]!r}, WebAssembly {other[start:at + 60]!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("alkahest")
    parser.add_argument("wasm")
    parser.add_argument("native")
    parser.add_argument("--stdin", type=Path)
    parser.add_argument("arguments", nargs="*")
    args = parser.parse_intermixed_args()
    stdin = args.stdin.read_bytes() if args.stdin else b""
    expected = outcome([args.native, *args.arguments], stdin)
    found = outcome([args.alkahest, "run", args.wasm, *args.arguments], stdin)
    different = [key for key in expected if expected[key] != found[key]]
    for key in different:
        if key == "status":
            print(f"status: native {expected[key]}, WebAssembly {found[key]}")
        else:
            print(f"{key} differs at {first_difference(expected[key], found[key])}")
    if not expected["output"]:
        print("the native program printed nothing: this test would prove nothing")
        return 1
    print(f"{len(expected['output'])} bytes of output, {len(different)} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
