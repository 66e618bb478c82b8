#!/usr/bin/env python3
"""Runs the .wast files beside it with `alkahest wast`, in every configuration. Exit code 77: skipped, and why."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
CONFIGURATIONS = [[f"--memory={model}", f"--cpu={cpu}", f"--regs={regs}"]
                  for model in ("guard", "checked", "wrap") for cpu in ("x86-64-v2", "x86-64-v3") for regs in (0, 1)]


def run(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=250)


def supported(configuration):
    flags = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return "x86-64-v3" not in configuration[1] or " avx2 " in flags


def main():
    if not shutil.which("wast2json"):
        print("SKIPPED: wast2json (package wabt) is not installed")
        return SKIPPED
    alkahest = os.environ.get("ALKAHEST", "alkahest")
    failed, files = 0, sorted(HERE.glob("*.wast"))
    with tempfile.TemporaryDirectory() as folder:
        scripts = []
        for path in files:
            script = pathlib.Path(folder) / f"{path.stem}.json"
            done = run(["wast2json", "--enable-all", path, "-o", script])
            if done.returncode:
                failed += 1
                print(f"{path.name}: {done.stderr.strip()}")
            scripts.append(script)
        for configuration in filter(supported, CONFIGURATIONS):
            done = run([alkahest, "wast", "--features=all", "--verbose", *configuration, *scripts])
            if done.returncode:
                failed += 1
                print(f"{' '.join(configuration)}:\n{done.stdout}{done.stderr}")
    print(f"{len(files)} files, {failed} failures")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
