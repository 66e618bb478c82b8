#!/usr/bin/env python3
"""Memory of the running kernel: who asks for too much gets an error and the others go on; freed memory that is written to is found."""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from kernel import STATUS_PANIC, TIMEOUT, assemble, boot, keys, make_bundle, require, run_cases, state_of  # noqa: E402
from machine import Image, Machine  # noqa: E402

CODE_FRAMES = 1024  # as many may be kept for code, and count as free
GREEDY = """(module (memory 1)
  (func (export "take_all") (result i32)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (memory.size))
  (func (export "last") (result i32)
    (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (i32.const 1))
    (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))))
  (func (export "trap") unreachable))"""
OTHER = """(module (memory 1) (global $turns (mut i64) (i64.const 0))
  (func (export "spin") (loop (global.set $turns (i64.add (global.get $turns) (i64.const 1))) (br 0)))
  (func (export "turns") (result i32) (i32.wrap_i64 (i64.shr_u (global.get $turns) (i64.const 10))))
  (func (export "soil") (i64.store (i32.const 40000) (i64.const -1)) unreachable))"""


def case_exhaustion(args, folder, options="debug-exit"):
    """One module takes all there is: it is told so, others run, are reset and get errors, and all of it comes back."""
    bundle = make_bundle(folder, [("greedy", assemble(folder, GREEDY), []), ("other", assemble(folder, OTHER), ['threads = ["spin"]']),
                                  ("third", assemble(folder, GREEDY), [])])

    def free(machine):
        return int(keys(machine.command("mem -k"))[0]["frames_free"])

    def number(text):
        return int(re.search(r"returned (\d+) in", text).group(1))

    with boot(args, bundle, options) as machine:
        machine.wait_for_shell()
        machine.command("kill third; start third; kill greedy; start greedy")
        before = free(machine)
        pages = number(machine.command("run greedy take_all"))
        require(pages > 1000, f"only {pages} pages")
        require(free(machine) < 64 + CODE_FRAMES, f"{free(machine)} frames are left")
        require("returned 1 in" in machine.command("run greedy last"), "the last page is not usable")
        first = number(machine.command("run other turns"))
        require(number(machine.command("run third take_all")) <= 4, "there was more, after all")
        machine.command("kill third")
        text = machine.command("start third")
        require("PANIC" not in text, text)
        require("trapped: ALKA_600" in machine.command("run other soil"), "no trap")
        require(state_of(machine, "other")["restarts"] == "1", "it was not reset")
        require(number(machine.command("run other turns")) != first, "the other one stands still")
        machine.command("spawn greedy last; mem detail; ps; threads")
        require("trapped: ALKA_600" in machine.command("run greedy trap"), "no trap")
        require("returned 1 in" in machine.command("run greedy last"), "it does not serve again")
        machine.command("kill third; start third")
        require("returned" in machine.command("run third last"), "nobody can be started any more")
        machine.command("kill third; start third; kill greedy; start greedy")
        require(abs(free(machine) - before) < 32, f"{before} frames were free, now {free(machine)}")
        rows = keys(machine.command("mem -k detail"))
        require(int(rows[0]["frames_least_free"]) < 64, f"{rows[0]}")
        total = sum(int(row["block_frames"]) * int(row["free_blocks"]) for row in rows if "block_frames" in row)
        require(abs(total - free(machine)) < 1024 + CODE_FRAMES, f"blocks of {total} frames, {free(machine)} are free")
        used = sum(int(row["class_bytes"]) * int(row["used_blocks"]) for row in rows if "class_bytes" in row)
        require(0 < used <= 2 * int(rows[0]["heap_peak_bytes"]), f"{used} bytes in blocks of the heap")
        machine.finish()


def test_kernel(args, options):
    image = Image(kernel=args.build / "athanor-test.elf", bundle=args.build / "system.bundle")
    return Machine(image, TIMEOUT, extra=["-append", options])


def case_poison(args, folder):
    """With the word `poison` a late write is a panic that says where; all that the kernel does by itself is none."""
    with test_kernel(args, "debug-exit") as machine:
        machine.wait_for_shell()
        for what in ("heap", "frames"):
            require("nobody has noticed" in machine.command(f"stale {what}"), "it is noticed without being asked for")
        machine.finish()
    for what, line in (("heap", r"KERNEL PANIC: the block of 48 bytes at 0x\w+ was written to after it was given back: 0x\w*01\w* at offset 0x10"),
                       ("frames", r"KERNEL PANIC: the frame at 0x\w+ was written to after it was given back: 0x\w*01\w* at offset 0x60")):
        with test_kernel(args, "debug-exit poison") as machine:
            machine.wait_for_shell()
            machine.type(f"stale {what}\r")
            require(machine.wait() == STATUS_PANIC, f"{what}: no panic")
            require(re.search(line, machine.transcript), f"{what}: the panic says something else:\n{machine.transcript[-2000:]}")
    with test_kernel(args, "debug-exit poison") as machine:
        machine.wait_for_shell()
        require("what is given back is poisoned" in machine.transcript, "the boot does not say so")
        machine.command("campaign 3 60; units; bench")
        machine.command("unload caller; unload echo; start echo; start caller; inject crash memory")
        require("PANIC" not in machine.transcript, "a panic of its own")
        machine.finish()
    case_exhaustion(args, folder, "debug-exit poison")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__))
