#!/usr/bin/env python3
"""Suites inside the kernel: athanor-test.elf under QEMU, one case per run.

    units    the unit tests that need no host: as many pass in each program as on the host
    suite    the official suite of Wasm 2.0: the counts of each file are those of `alkahest wast` on the host
    canary   a function that overruns its stack frame ends in a panic that says so

Exit code 77: skipped, and why.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "boot"), str(ROOT / "tests" / "spec")]
import pack  # noqa: E402
import suite  # noqa: E402
from machine import BootError, Image, Machine  # noqa: E402
from spec_test import SKIPPED, SUMMARY, read_list  # noqa: E402

TIMEOUT = 800
STATUS_PANIC = 37
LISTS = ("wg-2.0", "wg-2.0-simd")
MKBUNDLE = ROOT / "athanor" / "bundle" / "mkbundle.py"


class Failed(Exception):
    """What was expected and not found."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def make_bundle(folder, behind=b""):
    """A system of one empty module, and something behind it."""
    (folder / "empty.wasm").write_bytes(b"\0asm\1\0\0\0")
    manifest = '[system]\nname = "tests"\n[[module]]\nname = "empty"\nfile = "empty.wasm"\n'
    (folder / "empty.toml").write_text(manifest, encoding="utf-8")
    bundle = folder / "tests.bundle"
    subprocess.run([sys.executable, MKBUNDLE, folder / "empty.toml", "-o", bundle], check=True)
    data = bundle.read_bytes()
    bundle.write_bytes(data + bytes(-len(data) % 8) + behind)
    return bundle


def boot(args, folder, behind=b""):
    image = Image(kernel=args.build / "athanor-test.elf", bundle=make_bundle(folder, behind))
    return Machine(image, TIMEOUT, extra=["-m", "512"])


# Cases


def host_units(args):
    """How many tests pass in each program, on the host; {} if it was not built."""
    counts = {}
    for program in sorted((args.build / "host" / "tests").glob("*_test")):
        name = re.sub(r"^(alkahest-|athanor-)", "", program.name).removesuffix("_test").replace("-", "_")
        done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=300)
        passed = re.search(r"\[  PASSED  \] (\d+) test", done.stdout + done.stderr)
        counts[name] = int(passed[1]) if passed else 0
    return counts


def case_units(args, folder):
    with boot(args, folder) as machine:
        machine.wait_for_shell()
        text = machine.command("units")
    rows = re.findall(r"^(\d+) of (\d+) passed in (\w+)$", text, re.MULTILINE)
    total = re.search(r"^units: (\d+) programs, (\d+) failed$", text, re.MULTILINE)
    require(total and int(total[1]) == len(rows) > 0 and total[2] == "0", text)
    host = host_units(args)
    for passed, count, name in rows:
        require(passed == count, text)
        expected = host.get(name.removeprefix("athanor_"), host.get(name, int(count)))
        require(int(passed) == expected, f"{name}: {passed} pass in the kernel, {expected} on the host")
    print(f"{total[1]} programs, {sum(int(row[0]) for row in rows)} tests; {len(host)} programs ran on the host beside them")


def host_counts(args, paths):
    """[passed, failed, skipped] by name on the host; {} if it was not built."""
    command = args.build / "bin" / "alkahest"
    if not command.exists():
        return {}
    done = subprocess.run([command, "wast", "--features=wasm2", *paths.values()], capture_output=True, text=True, check=False,
                          timeout=TIMEOUT)
    by_path = {m[1]: [int(m[i]) for i in (2, 3, 4)] for m in map(SUMMARY.match, done.stdout.splitlines()) if m}
    return {name: by_path.get(str(path)) for name, path in paths.items()}


def case_suite(args, folder):
    names = [entry.name for each in LISTS for entry in read_list(ROOT / "tests" / "spec" / f"{each}.list")
             if entry.pending is None]
    source = suite.find(args.work, "wg-2.0", names)
    paths = {name: suite.json_path(source, name) for name in names}
    paths = {name: path for name, path in paths.items() if path.exists()}
    require(paths, "no files")
    with boot(args, folder, pack.pack(list(paths.items()))) as machine:
        machine.wait_for_shell()
        text = machine.command("suite")
    lines = text.splitlines()
    inside = {m[1]: [int(m[i]) for i in (2, 3, 4)] for m in map(SUMMARY.match, lines) if m}
    total = re.search(r"^suite: (\d+) passed, (\d+) failed, (\d+) skipped in (\d+) ms$", text, re.MULTILINE)
    require(total, "\n".join(lines[-20:]))
    failures = [line for line in lines if not SUMMARY.match(line)][:-1]
    require(total[2] == "0", "\n".join(failures[:30] + lines[-1:]))
    require(inside.keys() == paths.keys(), f"not run: {paths.keys() - inside.keys()}")
    host = host_counts(args, paths)
    for name, counts in host.items():
        require(inside[name] == counts, f"{name}: {inside[name]} in the kernel, {counts} on the host")
    print(f"{len(inside)} files, {lines[-1]}; {len(host)} files ran on the host beside them, with the same counts")


def case_canary(args, folder):
    with boot(args, folder) as machine:
        machine.wait_for_shell()
        require("the frame is whole" in machine.command("smash not"), "a whole frame is called broken")
        machine.type("smash\r")
        status = machine.wait()
        text = machine.transcript
    require("KERNEL PANIC: a function overran its stack frame" in text, f"no panic:\n{text[-1500:]}")
    require(re.search(r"from 0x[0-9a-f]{16} command_smash", text), f"the panic does not say where:\n{text[-1500:]}")
    require(status == STATUS_PANIC, f"status {status}")


CASES = {name.removeprefix("case_"): function for name, function in globals().items() if name.startswith("case_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor-test.elf")
    parser.add_argument("--work", type=Path, required=True, help="where a suite may be unpacked")
    parser.add_argument("case", choices=CASES)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        try:
            CASES[args.case](args, Path(folder))
        except suite.NoSuite as reason:
            print(f"SKIPPED: no test suite: {reason}")
            return SKIPPED
        except (Failed, BootError) as error:
            print(f"FAILED: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
