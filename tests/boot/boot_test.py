#!/usr/bin/env python3
"""Boots Athanor in QEMU and holds what it prints against what it should. One case per run: boot_test.py --build FOLDER CASE."""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import PROMPT, STATUS_GOOD, STATUS_PLAIN, BootError, Image, Machine

HERE = Path(__file__).resolve().parent
TIMEOUT = 100  # seconds per boot: a loaded machine is slow, a hanging kernel stays


class Failed(Exception):
    """What was expected and not found."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def image_of(build, how):
    if how == "kernel":
        return Image(kernel=build / "athanor.elf", bundle=build / "system.bundle")
    return Image(iso=build / "azoth.iso", uefi=how == "uefi")


def boot_score(machine):
    """(passed, all) of the boot's steps, after the shell is there."""
    machine.seen = 0
    match = machine.expect(r"boot score (\d+)/(\d+)")
    machine.seen = len(machine.transcript)
    return int(match.group(1)), int(match.group(2))


def require_full_score(machine):
    passed, total = boot_score(machine)
    require(passed == total > 0, f"boot score {passed}/{total}")
    return f"{passed}/{total}"


def require_shell_works(machine):
    """The shell's manners, which hold in every system."""
    commands = {line.split()[0] for line in machine.command("help").splitlines()}
    missing = set("help ps mem log run kill reboot poweroff".split()) - commands
    require(not missing, f"help does not list {missing}")
    require("free" in machine.command("mem"), "mem does not say what is free")
    require("boot score" in machine.command("log"), "the log has no boot score")
    require("nonsense" in machine.command("nonsense"), "an unknown command is not named")
    require(machine.command("") == "", "an empty line prints something")


# Cases


def case_shell(build, how):
    """To the shell and out again."""
    with Machine(image_of(build, how), TIMEOUT) as machine:
        seconds = machine.wait_for_shell()
        score = require_full_score(machine)
        require_shell_works(machine)
        status = machine.finish()
        require(status == STATUS_GOOD, f"poweroff ended with status {status}")
    print(f"{how}: boot score {score}, {seconds:.2f} s to the shell")


def case_kernel(build):
    case_shell(build, "kernel")


def case_bios(build):
    case_shell(build, "bios")


def case_uefi(build):
    case_shell(build, "uefi")


def case_machines(build):
    """Little memory, much memory, more processors, older ones, another chip set."""
    for extra in (["-m", "32"], ["-m", "5000"], ["-smp", "2"], ["-cpu", "qemu64"], ["-cpu", "max,-avx,-fsgsbase,-smap"], ["-M", "pc"]):
        with Machine(image_of(build, "kernel"), TIMEOUT, extra=extra) as machine:
            machine.wait_for_shell()
            score = require_full_score(machine)
            status = machine.finish()
            require(status == STATUS_GOOD, f"{extra}: status {status}")
            print(f"{' '.join(extra)}: boot score {score}")


def case_unfit_processors(build):
    """What is missing is said, instead of a triple fault."""
    for cpu, words in (("qemu32", "no 64-bit long mode"), ("max,-nx", r"\(NX\)"), ("max,-apic", "lacks apic")):
        with Machine(image_of(build, "kernel"), TIMEOUT, extra=["-cpu", cpu]) as machine:
            found = machine.expect(rf".*{words}.*").group(0)
            require(PROMPT not in machine.transcript, f"{cpu}: went on nevertheless")
            print(f"{cpu}: {found}")


def case_typing(build):
    """Nothing that can be typed harms the shell."""
    lines = ["a" * 600, '"not closed', "; ;;", "help x y z", "run", "kill " + "x" * 200, "run \x01\x02nothing", "é€😀 ß",
             "\x1b[Z\x1b[999999999999D\x1b[3~\x1bOA\x1b[B", "\x7f" * 50 + "mem", "%s%n%x", "run " + "y " * 100]
    with Machine(image_of(build, "kernel"), TIMEOUT) as machine:
        machine.wait_for_shell()
        for line in lines:
            machine.command(line)
            machine.type("\x03")  # in case the line left something behind
            machine.wait_for_shell()
        require("free" in machine.command("me\x7fem"), "line editing does not work")
        status = machine.finish()
        require(status == STATUS_GOOD, f"poweroff ended with status {status}")


def case_reboot(build):
    """`reboot` resets the machine; under -no-reboot that ends it."""
    for how in ("kernel", "bios"):
        with Machine(image_of(build, how), TIMEOUT) as machine:
            machine.wait_for_shell()
            status = machine.finish("reboot")
            require(status == STATUS_PLAIN, f"{how}: reboot ended with status {status}")


def case_command(build):
    """`./azoth run` says by its exit status whether all went well."""
    def run(*arguments):
        command = [sys.executable, str(HERE / "run.py"), "--build", str(build), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)

    good = run("--kernel", "--exec", "ps; mem; poweroff")
    require(good.returncode == 0, f"exit status {good.returncode}: {good.stderr}")
    require("athanor> mem" in good.stdout, "the transcript lacks a command")
    headless = run("--kernel", "--headless")
    require(headless.returncode == 0 and "poweroff" in headless.stdout, f"--headless: {headless.stderr}")
    late = run("--kernel", "--exec", "mem", "--timeout", "0.01")
    require(late.returncode == 1 and "no answer within" in late.stderr, f"a timeout ended with {late.returncode}: {late.stderr}")
    missing = run("--kernel", "no-such-system.toml")
    require(missing.returncode == 1 and "no such file" in missing.stderr, f"a missing manifest ended with {missing.returncode}")


def case_new(build):
    """`./azoth new` starts a module that builds, boots and speaks; a mistake in its manifest is told with its line."""
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        new = [sys.executable, str(HERE.parents[1] / "sdk" / "new.py"), "my-app"]
        subprocess.run(new, cwd=folder, check=True, capture_output=True)
        require(subprocess.run(new, cwd=folder, check=False, capture_output=True).returncode == 1, "an old folder was reused")
        manifest = Path(folder) / "my-app" / "my-app.toml"
        run = [sys.executable, str(HERE / "run.py"), "--build", str(build), "--kernel", "--headless", str(manifest)]
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=TIMEOUT)
        require(done.returncode == 0, f"exit status {done.returncode}: {done.stdout}{done.stderr}")
        require("hello from my-app" in done.stdout, f"the new module says nothing:\n{done.stdout}")

        manifest.write_text(manifest.read_text().replace('"log"', '"lgo"'))
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=TIMEOUT)
        require(done.returncode == 1 and f'{manifest}:8: module[0].capabilities[0]: unknown capability "lgo"' in done.stderr,
                f"a wrong manifest ended with {done.returncode}: {done.stderr}")


CASES = {name.removeprefix("case_").replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_") and name != "case_shell"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor.elf, azoth.iso, system.bundle")
    parser.add_argument("--trouble", type=Path, help="the bundle of trouble.toml")
    parser.add_argument("case", choices=CASES)
    args = parser.parse_args()
    try:
        CASES[args.case](args.build)
    except (Failed, BootError) as error:
        print(f"FAILED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
