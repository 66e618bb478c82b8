#!/usr/bin/env python3
"""The kernel itself: where it lies, its panics, bundles and modules made to harm it. One case per run: kernel_test.py --build FOLDER CASE."""
import re
import sys
from random import Random

from kernel import STATUS_FAILED, STATUS_GOOD, STATUS_PANIC, assemble, attacker, boot, keys, make_bundle, recheck, require, run_cases  # noqa: E402


# Cases


def case_panic(args, _):
    """A fault of the kernel's own: all that helps to find it, and the exit status that says so."""
    with boot(args, options="debug-exit panic-test") as machine:
        status = machine.wait()
        text = machine.transcript
    for part in ("KERNEL PANIC: #PF page fault", "where the page forbids it", r"at   0x[0-9a-f]{16} boot_go_on\+0x", "rax [0-9a-f]{16}",
                 r"cr2 [0-9a-f]{16}", "code: ([0-9a-f]{2} ?){16}", r"from 0x[0-9a-f]{16} kmain\+0x", r"log before it:\n(.*\n)*.*boot score"):
        require(re.search(part, text), f"the dump lacks {part!r}:\n{text}")
    require(status == STATUS_PANIC, f"status {status}")


PANICS = {
    "call": ("KERNEL PANIC: as was asked for", [r"panics_do\+", r"command_panic\+", r"shell_run\+", r"kmain\+"]),
    "module": ("KERNEL PANIC: in an interrupt",
               [r"panics_tick\+", r"trap_dispatch\+", r"interrupted at 0x[0-9a-f]{16} attacker: spin\+0x", r"from .* caller: call\+0x", r"alka_call\+",
                r"call_export\+", r"shell_run\+", r"kmain\+"]),
    "service": ("KERNEL PANIC: in an interrupt",
                [r"panics_tick\+", r"trap_dispatch\+", r"interrupted at 0x[0-9a-f]{16} \w+\+0x", r"service_\w+\+",
                 r"attacker: spin_in_kernel\+0x", r"call_export\+", r"kmain\+"]),
    "nested": ("KERNEL PANIC inside of the panic: #PF page fault", [r"at 0x[0-9a-f]{16} panics_write\+"]),
}


def case_panics(args, folder):
    """Panics in the middle of things: the way there is told, through interrupts, modules and gates; a second one is one line."""
    caller = assemble(folder, '(module (import "attacker" "spin" (func $spin)) (func (export "call") (call $spin)))')
    bundle = make_bundle(folder, [attacker(folder), ("caller", caller, ['calls = { attacker = ["spin"] }'])])
    work = {"module": "; run caller call", "service": "; run attacker spin_in_kernel"}
    for kind, (message, frames) in PANICS.items():
        with boot(args, bundle, kernel="athanor-test.elf") as machine:
            machine.wait_for_shell()
            machine.type(f"panic {kind}{work.get(kind, '')}\r")
            status = machine.wait()
            text = machine.transcript
        require(message in text, f"{kind}: no {message!r}:\n{text}")
        at = text.index(message)
        for frame in frames:
            match = re.compile(frame).search(text, at)
            require(match, f"{kind}: no {frame!r}, or not in its place:\n{text}")
            at = match.end()
        require(status == STATUS_PANIC, f"{kind}: status {status}")
        require(kind == "nested" or "log before it:\n" in text, f"{kind}: no log before it")


def case_bundles(args, folder):
    """Damaged bundles: a diagnostic and a shell, each time."""
    good = (args.build / "system.bundle").read_bytes()
    damaged = {"empty": b"\0", "cut": good[: len(good) // 2], "flipped": good[:100] + bytes([good[100] ^ 1]) + good[101:],
               "other": b"#!/bin/sh\n" * 100, "header": good[:16]}
    for name, data in damaged.items():
        bundle = folder / name
        bundle.write_bytes(data)
        with boot(args, bundle) as machine:
            machine.wait_for_shell()
            found = re.search(r"modules +the system bundle is no good: (.*)", machine.transcript)
            require(found, f"{name}: no diagnostic")
            require("module" in machine.command("ps"), "ps does not work")
            status = machine.finish()
            require(status == STATUS_FAILED, f"{name}: status {status}")
            print(f"{name}: {found.group(1)}")


def case_corruptions(args, folder):
    """Random damage under a checksum that fits: whatever the bundle says then, there is a score and a shell."""
    good = (args.build / "system.bundle").read_bytes()
    random = Random(1)
    outcomes = []
    for number in range(24):
        data = bytearray(good)
        reach = 1000 if number % 2 == 0 else len(data)  # records and names, or anything
        for _ in range(random.randrange(1, 12)):
            data[random.randrange(20, reach)] = random.randrange(256)
        bundle = folder / f"corrupt-{number}"
        bundle.write_bytes(recheck(bytes(data)))
        with boot(args, bundle) as machine:
            machine.wait_for_shell()
            found = re.search(r"modules +(the system bundle is no good: .*|\d+ loaded, \d+ refused.*)", machine.transcript)
            require(found and "boot score" in machine.transcript, f"corruption {number}: no verdict")
            require("module" in machine.command("ps"), f"corruption {number}: ps does not work")
            require(machine.finish() in (STATUS_GOOD, STATUS_FAILED), f"corruption {number}: it did not end well")
            outcomes.append(found.group(1))
    print("\n".join(outcomes))
    require(any("no good" in outcome for outcome in outcomes) and any("loaded" in outcome for outcome in outcomes), "all alike")


REFUSED = {
    "ungranted": ('(module (import "athanor" "random" (func (param i32 i32))) (memory 1))', "ALKA_202"),
    "unknown": ('(module (import "athanor" "format_disk" (func)))', "ALKA_200"),
    "mistyped": ('(module (import "athanor" "log" (func (param i64 i32))))', "ALKA_201"),
    "stranger": ('(module (import "attacker" "spin" (func)))', "ALKA_200"),
    "unlisted": ('(module (import "attacker" "leave" (func (result i32))))', "ALKA_202"),
    "start-traps": ("(module (func $s unreachable) (start $s))", "ALKA_600"),
    "data-bounds": ('(module (memory 1) (data (i32.const 65535) "ab"))', "ALKA_501"),
}
CALLS = [
    ("log_past_the_end", "ALKA_601"), ("log_wrapped", "ALKA_601"), ("log_everything", "returned 0"), ("random_past_the_end", "ALKA_601"),
    ("leave", "returned 42"), ("grow_too_far", "returned 4294967295"), ("recurse", "ALKA_609"), ("read_far", "ALKA_601"),
    ("fill", "ALKA_601"), ("takes", "takes parameters"), ("gives_much", "takes parameters"), ("nothing", "exports no function"),
]


def case_hostile(args, folder):
    """Modules that should not load do not; one that misbehaves is contained; the rest goes on."""
    modules = [attacker(folder)]
    for name, (text, _) in REFUSED.items():
        lines = ['capabilities = ["log"]', "limits = { memory_pages = 4 }"]
        lines += ['calls = { attacker = ["spin"] }'] if name == "unlisted" else []
        modules.append((name, assemble(folder, text), lines))
    modules.append(("noise", bytes(range(256)), []))
    modules.append(("cut", modules[0][1][:60], []))
    with boot(args, make_bundle(folder, modules)) as machine:
        machine.wait_for_shell()
        listing = machine.command("ps")
        for name, *_ in modules[1:]:
            require(re.search(rf"^{name} +refused", listing, re.MULTILINE), f"{name} was not refused:\n{listing}")
        for name, (_, code) in REFUSED.items():
            require(re.search(rf"{code}.*\n(.*\n)*?.*{name}: refused", machine.transcript), f"{name}: no {code}")
        require("attacker: evil ?[31m ?? line" in machine.transcript, "a module's line was not cleaned")
        for function, expected in CALLS:
            answer = machine.command(f"run attacker {function}")
            require(expected in answer, f"{function}: not {expected!r} but {answer!r}")
        require("main returned 0" in machine.command("run attacker"), "it does not work any more")
        status = machine.finish()
        require(status == STATUS_FAILED, f"refused modules, but status {status}")


def case_interrupt(args, folder):
    """^C ends a module that would not end, wherever it is: in its code, in the kernel, in another module, at boot."""
    caller = assemble(folder, '(module (import "attacker" "spin" (func $spin)) (func (export "call") (call $spin)))')
    endless = assemble(folder, "(module (func $s (loop (br 0))) (start $s))")
    bundle = make_bundle(folder, [attacker(folder), ("caller", caller, ['calls = { attacker = ["spin"] }']), ("endless", endless, [])])
    with boot(args, bundle) as machine:
        machine.expect("caller: .* bytes of code")
        while "endless: refused" not in machine.transcript:
            machine.type("\x03")
            machine.expect(r"\n")
        machine.wait_for_shell()
        for command, module in (("run attacker spin", "attacker"), ("run attacker spin_in_kernel", "attacker"), ("run caller call", "caller")):
            machine.type(command + "\r")
            machine.expect(r"run .*\n")
            machine.type("\x03")
            machine.expect(f"{module}: .* trapped: ALKA_618 killed")
            machine.wait_for_shell()
        require("main returned 0" in machine.command("run attacker"), "it does not work any more")
        machine.finish()


# Instructions at most, with room for what others add; a switch that waits for a slice, or a poll, is far beyond.
COUNTS = {"direct_call": 30, "module_call": 60, "instantiate": 5000, "recover_1": 3000, "recover_8": 8000, "serve_again": 9000,
          "channel_message": 1600, "channel_stream": 900, "hot_swap": 16000}


def case_counts(args, _):
    """Where a tick is an instruction, what the kernel's crossings cost; the median, and the worst of what another thread takes part in."""
    with boot(args, extra=["-icount", "shift=0,sleep=off"]) as machine:
        machine.wait_for_shell()
        rows = {row["bench"]: row for row in keys(machine.command("bench -k"))}
        for name, most in COUNTS.items():
            require(float(rows[name]["ticks"]) <= most, f"{name}: {rows[name]}, at most {most}")
        require(float(rows["hot_swap"]["worst"]) <= COUNTS["hot_swap"], f"hot_swap: {rows['hot_swap']}")
        machine.finish()


def places(args, options):
    """Where a module's code, memory and stack were when it trapped."""
    with boot(args, options=options) as machine:
        machine.wait_for_shell()
        row = {key: int(value, 16) for key, value in re.findall(r"\b(rip|r15|rsp)=0x([0-9a-f]+)", machine.command("dump -k crash"))}
        machine.finish()
    require(row.keys() == {"rip", "r15", "rsp"}, f"no registers in the dump: {row}")
    return row


def case_aslr(args, _):
    """Code, memories and stacks lie elsewhere at each boot, unless a word fixes them."""
    first, second = (places(args, "debug-exit") for _ in range(2))
    for register, value in first.items():
        require(value != second[register], f"{register} is 0x{value:x} in both boots")
    fixed, again, other = (places(args, f"debug-exit aslr={word}") for word in ("one", "one", "two"))
    require(fixed == again, f"one word, two places: {fixed} {again}")
    require(all(fixed[register] != other[register] for register in fixed), f"two words, one place: {fixed} {other}")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__))
