#!/usr/bin/env python3
"""Boots Athanor in QEMU and holds what it prints against what it should. One case per run: boot_test.py --build FOLDER CASE."""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import PROMPT, STATUS_GOOD, STATUS_PLAIN, BootError, Image, Machine, Monitor

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


def require_lines(text, patterns):
    """Each regular expression matches, in this order."""
    at = 0
    for pattern in patterns:
        match = re.compile(pattern, re.MULTILINE).search(text, at)
        require(match, f"not found, or not in its place: {pattern}\n{text}")
        at = match.end()


def module_states(machine):
    """{name: state} from ps."""
    return {words[0]: words[1] for words in map(str.split, machine.command("ps").splitlines()[1:])}


def case_modules(build):
    """The default system: each module's own checks pass, each crash is contained and named, and the rest goes on."""
    with Machine(image_of(build, "kernel"), TIMEOUT) as machine:
        machine.wait_for_shell()
        require_full_score(machine)
        require_lines(machine.transcript, [
            *(rf"{name}: \d+ bytes of WebAssembly became \d+ bytes of code in \d+\.\d+ ms"
              for name in ("hello", "sha256", "matmul", "echo", "caller", "crash", "consumer", "producer")),
            "hello: hello, world",
            "hello: main returned 0",
            "sha256: cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0 in",
            "matmul: 2304 elements as on the host, bit for bit",
            "caller: 100000 calls",
            r"crash: out_of_bounds trapped, as it should: ALKA_601 .*\n.*read_past_the_end.*\n.*out_of_bounds",
            r"crash: divide_by_zero trapped, as it should: ALKA_602 .*\n.*divide_by_zero",
            r"crash: stack_overflow trapped, as it should: ALKA_609 .*\n(.*deeper.*\n)+",
            r"crash: unreachable trapped, as it should: ALKA_600 .*\n.*unreachable",
            "crash: still_alive returned 0",
            "producer: 8 jobs went through a channel, and came back on a topic; the sum of squares is 204",
            "boot score"])
        names = {"hello", "sha256", "matmul", "echo", "caller", "crash", "producer"}
        states = module_states(machine)
        require(states == {**dict.fromkeys(names, "ready"), "consumer": "running"}, f"ps says {states}")

        require("hello, world" in machine.command("run hello"), "hello does not run again")
        free_kib = []
        for _ in range(6):
            require(machine.command("run crash").count("as it should") == 4, "crash does not fail as before")
            free_kib.append(machine.command("mem").split()[1])
        require(len(set(free_kib)) == 1, f"each crash costs memory: KiB free {free_kib}")
        machine.command("kill echo")
        require("ALKA_619" in machine.command("run caller"), "a call to a killed module goes through")
        require(module_states(machine)["echo"] == "stopped", "ps does not show that echo was killed")
        require("hello, world" in machine.command("run hello"), "others suffer from a killed module")
        status = machine.finish()
        require(status == STATUS_GOOD, f"poweroff ended with status {status}")


def case_trouble(build, trouble):
    """Modules that are refused or fail: each for its own reason, none at another's cost, and the score and status say so."""
    refused = {"truncated": "ALKA_010", "noise": "ALKA_005", "poor": "ALKA_202", "large": "ALKA_9", "stranger": "ALKA_201",
               "uninvited": "ALKA_202"}
    with Machine(Image(kernel=build / "athanor.elf", bundle=trouble), TIMEOUT) as machine:
        machine.wait_for_shell()
        log = machine.transcript
        for name, code in refused.items():
            require_lines(log, [rf"error\[{code}", rf"error: {name}: refused"])
        require_lines(log, [
            "first: main returned 0",
            "greedy: refused what was too much",
            *(f"services: {name} returned 0" for name in ("random_fills", "clock_moves", "log_oddities", "exit_well")),
            *(f"services: {name} trapped, as it should: ALKA_601" for name in ("log_past_the_end", "log_wraps", "random_past_the_end")),
            "error: services: exit_badly returned 3",
            "error: services: result_badly returned 4",
            "error: services: .*no_such_export",
            "error: liar: divide_by_zero trapped: ALKA_602",
            "error: liar: still_alive returned 0",
            "error: liar: unreachable trapped: ALKA_600",
            "liar: stack_overflow trapped, as it should",
            "last: main returned 0",
            "6 loaded, 6 refused; 11 of 23 start functions"])
        require("two?lines, ?[31mred" in log, "a module's text reached the terminal unfiltered")
        states = module_states(machine)
        require({name for name, state in states.items() if state == "refused"} == set(refused), f"ps says {states}")
        passed, total = boot_score(machine)
        require(passed == total - 1, f"boot score {passed}/{total}")
        require("hello, world" in machine.command("run last"), "the last module does not run again")
        machine.command("run poor")
        machine.command("kill poor")
        status = machine.finish()
        require(status not in (STATUS_GOOD, STATUS_PLAIN), f"poweroff ended with status {status}, as if all were well")


def case_bundles(build, trouble):
    """A damaged bundle, a foreign file, or none at all: said, counted, and the shell is there."""
    whole = (build / "system.bundle").read_bytes()
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 4
    files = {"damaged": (bytes(damaged), "checksum does not match"), "cut": (whole[:-1], "truncated"),
             "foreign": (trouble.read_bytes()[8:], "not a system bundle"), "absent": (b"", "no system bundle")}
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        for name, (data, words) in files.items():
            bundle = Path(folder) / name
            bundle.write_bytes(data)
            with Machine(Image(kernel=build / "athanor.elf", bundle=bundle), TIMEOUT) as machine:
                machine.wait_for_shell()
                passed, total = boot_score(machine)
                lost = 0 if name == "absent" else 1  # a kernel alone is not a failure
                require(passed == total - lost, f"{name}: boot score {passed}/{total}")
                require(words in machine.transcript, f"{name}: nothing about it\n{machine.transcript[-1500:]}")
                require("free" in machine.command("mem"), f"{name}: the shell does not work")
                status = machine.finish()
                require((status == STATUS_GOOD) == (lost == 0), f"{name}: status {status}")


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
            machine.type(line + "\r")
            machine.expect(r"\n")
            machine.wait_for_shell()
            machine.type("\x03")  # in case the line left something behind
            machine.wait_for_shell()
        machine.type("me\x7fem\r")
        machine.expect(r"free(.*\n)+" + re.escape(PROMPT) + r"\Z")  # else line editing does not work
        status = machine.finish()
        require(status == STATUS_GOOD, f"poweroff ended with status {status}")


def lit_pixels(picture):
    """(width, height, pixels that do not have the most common colour) of a PPM file."""
    header, data = picture.read_bytes().split(b"\n255\n", 1)
    width, height = map(int, header.split()[1:3])
    pixels = [data[at:at + 3] for at in range(0, len(data), 3)]
    background = max(set(pixels), key=pixels.count)
    return width, height, sum(pixel != background for pixel in pixels)


def case_screen(build):
    """The framebuffer console shows text, and a keyboard types into the same shell."""
    for how in ("bios", "uefi"):
        with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
            path, picture = Path(folder) / "qmp", Path(folder) / "screen.ppm"
            extra = ["-qmp", f"unix:{path},server=on,wait=off"]
            with Machine(image_of(build, how), TIMEOUT, extra=extra) as machine:
                machine.wait_for_shell()
                monitor = Monitor(path)
                monitor.command("screendump", filename=str(picture))
                width, height, lit = lit_pixels(picture)
                require(width >= 640 and height >= 400, f"{how}: a screen of {width}x{height}")
                require(5000 < lit < width * height // 2, f"{how}: {lit} pixels show something")
                monitor.type([*"uptime", "ret"])
                machine.expect(r"uptime\n.* ticks\n")
                machine.wait_for_shell()
                monitor.type([*"poweroff", "ret"])
                status = machine.wait()
                require(status == STATUS_GOOD, f"{how}: status {status}")
                print(f"{how}: {width}x{height}, {lit} pixels lit")


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
    case = CASES[args.case]
    try:
        case(args.build, args.trouble) if "trouble" in case.__code__.co_varnames else case(args.build)
    except (Failed, BootError) as error:
        print(f"FAILED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
