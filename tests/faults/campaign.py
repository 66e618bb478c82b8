#!/usr/bin/env python3
"""The fault campaign: athanor-test.elf under QEMU with the system of campaign.toml.

    campaign.py --build build [--seed N] [--count N]     faults one after the other (the kernel's `campaign`)
    campaign.py --build build --load [--rounds N]        a crash each 10 ms beside a workload (`campaign-load`)

Victims trap in each way, loop, exhaust what they may have, give the kernel bad arguments and stale handles, have bits flipped, and are
killed: by the clock at any nanosecond and by other threads, while they send, receive, publish, lend, allocate, call or are called. Bystanders
(modules/bystander.c, patron.c) work with them and with each other on threads of their own, and count what is wrong.

The same seed chooses the same faults; with --icount times are instructions, as good as repeatable. Ends with 0 if every fault was contained,
nobody else had a wrong result or stood still, nothing is lost, and at least 99.9 % were recovered from; under load, if the others lost
at most 5 %.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[0] / "boot"))
from machine import STATUS_GOOD, BootError, Image, Machine  # noqa: E402

MKBUNDLE = HERE.parents[1] / "athanor" / "bundle" / "mkbundle.py"
RECOVERED_LEAST = 0.999
LOSS_MOST_PERMILLE = 50


class Failed(Exception):
    """What was expected and not found."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def make_bundle(folder, modules):
    """Of what is text here, and of what the build has compiled."""
    for source in HERE.glob("*.wat"):
        subprocess.run(["wat2wasm", source, "-o", folder / f"{source.stem}.wasm"], check=True)
    bundle = folder / "faults.bundle"
    subprocess.run([sys.executable, MKBUNDLE, HERE / "campaign.toml", "-o", bundle, "--search", folder, "--search", modules], check=True)
    return bundle


def numbers(line):
    return {key: int(value) for key, value in re.findall(r"(\w+)=(-?\d+)", line)}


def judge_campaign(text, count):
    """Raises Failed, with what went wrong first."""
    lines = text.splitlines()
    total = next((numbers(line) for line in lines if line.startswith("campaign seed=")), None)
    require(total, text[-3000:])
    wrong = [line for line in lines if line.startswith(("fault=", "other="))]
    for line in wrong[:40]:
        print(line)
    leaks = numbers(next(line for line in lines if line.startswith("leaked_")))
    require(total["injected"] == count, f"{total['injected']} of {count} faults injected")
    require(total["contained"] == count, f"{count - total['contained']} faults were not contained")
    require(total["wrong"] == 0, f"{total['wrong']} wrong results in others")
    require(total["stalled"] == 0, f"others stood still {total['stalled']} times")
    require(total["recovered"] >= RECOVERED_LEAST * count, f"{count - total['recovered']} not recovered")
    require(not any(leaks.values()), f"lost: {leaks}")


def judge_load(text):
    total = next((numbers(line) for line in text.splitlines() if line.startswith("campaign-load ")), None)
    require(total and total["crashes"] > 0, text[-3000:])
    require(total["wrong"] == 0, f"{total['wrong']} wrong results")
    require(total["loss_permille"] <= LOSS_MOST_PERMILLE, f"the others lost {total['loss_permille'] / 10} %")


def run(args, folder):
    image = Image(kernel=args.build / "athanor-test.elf", bundle=make_bundle(folder, args.modules or args.build / "kernel" / "faults"))
    # A random place near a boundary of the page tables can cost a table for good: the places follow from the seed, too.
    extra = ["-append", f"debug-exit aslr={args.seed}", *(["-icount", "shift=0,sleep=off"] if args.icount else [])]
    with Machine(image, args.timeout, extra=extra) as machine:
        machine.wait_for_shell()
        text = machine.command(f"campaign-load {args.seed} {args.rounds}" if args.load else f"campaign {args.seed} {args.count}")
        print("\n".join(line for line in text.splitlines() if re.match(r"\w+(-\w+)?[ =]", line) and not line.startswith(("fault=", "other="))))
        judge_load(text) if args.load else judge_campaign(text, args.count)
        require("ready" in machine.command("ps"), "the shell does not work any more")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor-test.elf")
    parser.add_argument("--modules", type=Path, help="folder with hostage.wasm and the others (default: kernel/faults in the build)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--icount", action="store_true", help="time counts instructions")
    parser.add_argument("--timeout", type=int, default=7200, help="seconds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        try:
            run(args, Path(folder))
        except (Failed, BootError) as error:
            print(f"FAILED: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
