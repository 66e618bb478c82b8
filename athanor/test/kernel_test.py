#!/usr/bin/env python3
"""Boots the kernel with what it should survive. One case per run: kernel_test.py --build FOLDER … CASE."""
import argparse
import gzip
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "boot"))
sys.path.insert(0, str(HERE.parent / "tools"))
import font  # noqa: E402
from machine import PROMPT, STATUS_GOOD, BootError, Image, Machine  # noqa: E402

TIMEOUT = 100
STATUS_FAILED, STATUS_PANIC = 35, 37
MKBUNDLE = HERE.parent / "bundle" / "mkbundle.py"


class Failed(Exception):
    """What was expected and not found."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def boot(args, bundle=None, options="debug-exit", extra=(), kernel="athanor.elf"):
    image = Image(kernel=args.build / kernel, bundle=bundle or args.build / "system.bundle")
    return Machine(image, TIMEOUT, extra=[*extra, "-append", options])


def make_bundle(folder, modules, system=()):
    """A bundle of (name, bytes, manifest lines) in the folder; `system`: more lines about it."""
    text = '[system]\nname = "test"\n' + "".join(f"{line}\n" for line in system)
    for name, data, lines in modules:
        (folder / f"{name}.wasm").write_bytes(data)
        text += f'\n[[module]]\nname = "{name}"\nfile = "{name}.wasm"\n' + "".join(f"{line}\n" for line in lines)
    (folder / "test.toml").write_text(text, encoding="utf-8")
    bundle = folder / "test.bundle"
    subprocess.run([sys.executable, MKBUNDLE, folder / "test.toml", "-o", bundle], check=True)
    return bundle


def assemble(folder, text):
    """WebAssembly text as bytes."""
    (folder / "in.wat").write_text(text, encoding="utf-8")
    subprocess.run(["wat2wasm", folder / "in.wat", "-o", folder / "out.wasm"], check=True)
    return (folder / "out.wasm").read_bytes()


# What `inject` lists, and the code of the trap that follows; None: there is none.
FAULTS = {"trap": 600, "bounds": 601, "divide": 602, "integer": 603, "convert": 604, "table": 605, "undefined": 606, "empty": 607,
          "type": 608, "null": 610, "unaligned": 613, "exception": 615, "argument": 601, "loop": 618, "overflow": 609, "stack": 609,
          "memory": 601, "handles": 600, "queue": 600, "bitflip": None, "kill": 618, "kill-later": None}


ATTACKER = ['capabilities = ["log", "exit", "random"]', "limits = { memory_pages = 3 }", 'start = ["main"]']


def attacker(folder):
    return ("attacker", assemble(folder, (HERE / "modules" / "attacker.wat").read_text(encoding="utf-8")), ATTACKER)


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


def recheck(data):
    """The bundle with the checksum that fits it."""
    return data[:16] + zlib.crc32(data[20:]).to_bytes(4, "little") + data[20:]


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


LEAKS_ROUND = "kill crash; run crash; kill caller; run caller; kill hello; kill echo; run hello; run echo echo_count"


def case_scheduler(args, folder):
    """The manifest's scheduler is the one that acts, the boot's word goes before it, and an unknown one is refused."""
    busy = assemble(folder, BUSY)
    modules = [("high", busy, ['threads = [{ function = "spin", priority = 16 }]']),
               ("low", busy, ['threads = [{ function = "spin", priority = 10 }]'])]
    fair, turns = ['scheduler = "fair"'], ['scheduler = "round_robin"']
    cases = [(turns, "", "round_robin"), ([], "", "round_robin"), ([], "scheduler=fair", "fair"),
             (fair, "scheduler=round_robin", "round_robin"), (fair, "scheduler=none", "fair"), (fair, "", "fair")]
    for lines, words, expected in cases:
        with boot(args, make_bundle(folder, modules, lines), f"debug-exit {words}") as machine:
            machine.wait_for_shell()
            time.sleep(2)
            rows = keys(machine.command("threads -k"))
            require({row["scheduler"] for row in rows if "scheduler" in row} == {expected}, f"{words}: not {expected}: {rows}")
            require(f"scheduler {expected}:" in machine.command("threads"), "`threads` does not say so")
            spent = {row["name"]: int(row["cpu_ms"]) for row in rows if "name" in row}
            shares = spent["low"] > spent["high"] / 10
            require(shares == (expected == "fair"), f"{expected}: {spent}")
            machine.finish()
    data = bytearray(make_bundle(folder, modules, fair).read_bytes())
    data[52] = 3
    unknown = folder / "unknown"
    unknown.write_bytes(recheck(bytes(data)))
    with boot(args, unknown) as machine:
        machine.wait_for_shell()
        require("no good: the bundle asks for a scheduler that this kernel does not know" in machine.transcript, "taken")
        require(machine.finish() == STATUS_FAILED, "it passes")


def case_leaks(args, _):
    """Stopping and starting, trapping and killing: afterwards all memory is where it was."""
    with boot(args) as machine:
        machine.wait_for_shell()

        def memory():
            text = machine.command("mem")
            return [re.sub(r"; \d+ taken.*", "", line) for line in text.splitlines()]

        # An importer keeps what it imports from: the first round leaves one old echo with the new caller.
        machine.command(LEAKS_ROUND)
        before = memory()
        for _ in range(40):
            machine.command(LEAKS_ROUND)
        after = memory()
        require(before == after, f"before: {before}\nafter: {after}")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


PHOENIX = """(module
  (memory (export "memory") 1 4)
  (data (i32.const 8192) "ashes")
  (global $lives (mut i32) (i32.const 7))
  (table $t 2 4 funcref)
  (elem (i32.const 1) $one)
  (elem $passive func $one)
  (func $one (result i32) (i32.const 1))
  (func $start (i32.store (i32.const 100) (i32.add (i32.load (i32.const 100)) (i32.const 1))))
  (start $start)
  (func (export "soil")
    (i64.store (i32.const 8192) (i64.const -1))
    (i32.store (i32.const 20000) (i32.const -1))
    (global.set $lives (i32.const 0))
    (table.set $t (i32.const 1) (ref.null func))
    (elem.drop $passive)
    (if (i32.lt_s (memory.grow (i32.const 2)) (i32.const 0)) (then (return)))
    (i32.store (i32.const 190000) (i32.const -1))
    unreachable)
  (func $is_new (export "is_new") (result i32)
    (if (i64.ne (i64.load (i32.const 8192)) (i64.const 0x7365687361)) (then (return (i32.const 1))))
    (if (i32.load (i32.const 20000)) (then (return (i32.const 2))))
    (if (i32.ne (global.get $lives) (i32.const 7)) (then (return (i32.const 3))))
    (if (i32.ne (memory.size) (i32.const 1)) (then (return (i32.const 4))))
    (if (i32.ne (i32.load (i32.const 100)) (i32.const 1)) (then (return (i32.const 5))))
    (table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 1))
    (i32.sub (call_indirect (result i32) (i32.const 1)) (i32.const 1)))
  (func (export "past_the_end") (drop (i32.load (i32.const 65536))))
  (func (export "grown_is_clear") (result i32)
    (drop (memory.grow (i32.const 2)))
    (i32.load (i32.const 190000))))"""
CLIENT = """(module
  (import "phoenix" "soil" (func $soil))
  (import "phoenix" "is_new" (func $is_new (result i32)))
  (global $calls (mut i32) (i32.const 0))
  (func (export "soil") (global.set $calls (i32.const 1)) (call $soil))
  (func (export "ask") (result i32) (i32.add (call $is_new) (global.get $calls))))"""


def unquote(value):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match.group(1), match.group(1)), value[1:-1]) if value.startswith('"') else value


def keys(text):
    """The key=value pairs of each line."""
    return [{key: unquote(value) for key, value in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)} for line in text.splitlines() if "=" in line]


def state_of(machine, name):
    return next(row for row in keys(machine.command("ps -k")) if row["module"] == name)


def case_recover(args, folder):
    """After a trap nothing of the life before is left, in the module and in whoever called it; clients go on; stop means stop."""
    phoenix = assemble(folder, PHOENIX)
    calls = ['calls = { phoenix = ["soil", "is_new"] }']
    bundle = make_bundle(folder, [("phoenix", phoenix, ["limits = { memory_pages = 4 }"]), ("client", assemble(folder, CLIENT), calls),
                                  ("mortal", phoenix, ['after_trap = "stop"', "limits = { memory_pages = 4 }"])])
    with boot(args, bundle) as machine:
        machine.wait_for_shell()
        require("returned 0" in machine.command("run phoenix is_new"), "it is not new to begin with")
        machine.command("run phoenix soil")
        before = machine.command("mem -k")
        for name, function in (("phoenix", "soil"), ("client", "soil")) * 10:
            require("ALKA_600" in machine.command(f"run {name} {function}"), f"{name}: {function} did not trap")
            for asked, question in (("phoenix", "is_new"), ("client", "ask")):
                answer = machine.command(f"run {asked} {question}")
                require("returned 0" in answer, f"after {name}.{function}, {asked}.{question}: {answer}")
        require("ALKA_601" in machine.command("run phoenix past_the_end"), "grown memory stayed mapped")
        require("returned 0" in machine.command("run phoenix grown_is_clear"), "grown memory was not cleared")
        machine.command("restart phoenix")
        after = machine.command("mem -k")
        require(keys(before)[0]["slot_bytes"] == keys(after)[0]["slot_bytes"], f"memory is lost:\n{before}{after}")
        phoenix_row = state_of(machine, "phoenix")
        require((phoenix_row["traps"], phoenix_row["restarts"], phoenix_row["state"]) == ("22", "23", "ready"), f"{phoenix_row}")
        require(state_of(machine, "client")["restarts"] == "10", "the caller was not reset with it")
        dump = machine.command("dump client")
        for part in ("in a call of soil: ALKA_600", r"0 phoenix: soil \+", r"1 client: soil \+", "rip +[0-9a-f]{16}", "log before it"):
            require(re.search(part, dump), f"dump lacks {part}:\n{dump}")

        machine.command("run mortal soil")
        require(state_of(machine, "mortal")["state"] == "trapped", "it did not stop")
        require("is trapped" in machine.command("run mortal is_new"), "it runs after all")
        machine.command("start mortal")
        require("returned 0" in machine.command("run mortal is_new"), "it does not start again")
        machine.finish()


BENCH_ROWS = ("direct_call", "module_call", "instantiate", "recover_1", "recover_8", "serve_again", "channel_message", "channel_stream",
              "hot_swap", "first_instruction")


def check_bench(figures):
    """Each row is there; its parts are in order, and what contains something else is not the shorter one. No times: machines differ."""
    rows = {row["bench"]: {key: float(value) for key, value in row.items() if key != "bench"} for row in figures}
    require(tuple(rows) == BENCH_ROWS, f"bench: rows {tuple(rows)}")
    for name, row in rows.items():
        require(0 <= row["ticks"] < row["p99"] + 1 <= row["worst"] + 1 and row["ns"] >= 0, f"bench: {name}: {row}")
    for longer, shorter in (("recover_8", "recover_1"), ("channel_message", "direct_call"), ("channel_stream", "direct_call"),
                            ("hot_swap", "module_call"), ("first_instruction", "module_call")):
        require(rows[longer]["ticks"] > rows[shorter]["ticks"], f"bench: {longer} {rows[longer]}, {shorter} {rows[shorter]}")


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


def case_lifecycle(args, folder):
    """stop, start, restart, kill, unload and injected faults, each seen from outside; the others go on."""
    bundle = make_bundle(folder, [attacker(folder), ("phoenix", assemble(folder, PHOENIX), ["limits = { memory_pages = 4 }"]),
                                  ("client", assemble(folder, CLIENT), ['calls = { phoenix = ["soil", "is_new"] }'])])
    # Where things lie follows from a word: how many tables and books that takes is the same each time.
    with boot(args, bundle, options="debug-exit aslr=lifecycle") as machine:
        machine.wait_for_shell()
        caps = machine.command("caps client")
        require("bound    phoenix.soil" in caps and "athanor" not in caps, f"caps client: {caps}")
        require("granted  random" in machine.command("caps attacker"), "caps does not show what is granted")
        require("client imports from it" in machine.command("stop phoenix"), "what is needed was stopped")
        require("client imports from it" in machine.command("unload phoenix"), "what is needed was unloaded")
        machine.command("kill phoenix")
        require("ALKA_619" in machine.command("run client ask"), "a call to a killed module goes through")
        machine.command("start phoenix; kill client; start client")
        require("returned 0" in machine.command("run client ask"), "client and phoenix do not find each other again")
        machine.command("unload attacker; start attacker")  # the books of the code space may grow once, by the hole it leaves
        before = keys(machine.command("mem -k"))
        for _ in range(3):
            machine.command("unload attacker")
            require("is unloaded" in machine.command("run attacker main"), "what is unloaded runs")
            machine.command("start attacker")
        after = keys(machine.command("mem -k"))
        require(before == after, f"unloading loses memory:\n{before}\n{after}")
        require("main returned 0" in machine.command("restart attacker"), "no restart")
        check_bench(keys(machine.command("bench -k")))
        require(keys(machine.command("mem -k")) == after, "bench loses memory")
        for line in ("start nobody", "dump nobody", "caps nobody", "inject nobody trap", "unload nobody", "restart -k nobody", "ps -k -k", "dump"):
            machine.command(line)
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def case_inject(args, folder):
    """Every fault that `inject` lists does to a module what it says, and to nobody else; nothing of it is left."""
    phoenix = ["limits = { memory_pages = 4, queue_places = 1000, handles = 20 }"]
    bundle = make_bundle(folder, [("phoenix", assemble(folder, PHOENIX), phoenix),
                                  ("client", assemble(folder, CLIENT), ['calls = { phoenix = ["soil", "is_new"] }'])])
    with boot(args, bundle, options="debug-exit aslr=inject") as machine:
        machine.wait_for_shell()
        listed = [row["fault"] for row in keys(machine.command("inject -k"))]
        require(listed == list(FAULTS), f"listed: {listed}")
        require(len(machine.command("inject").splitlines()) == len(FAULTS), "the list for people")

        def held():
            row = keys(machine.command("mem -k"))[0]
            return [row[key] for key in ("mapped_bytes", "slot_bytes", "page_bytes")]

        machine.command("inject phoenix exception; restart phoenix; restart client")  # a thread's first exception makes it a place for those
        before = held()
        for fault, code in FAULTS.items():
            if code is not None:
                answer = keys(machine.command(f"inject -k phoenix {fault}"))[-1]
                require((answer["code"], answer["state"]) == (f"ALKA_{code}", "ready"), f"{fault}: {answer}")
                require("returned 0" in machine.command("run client ask"), f"{fault}: not new afterwards")
        traps = int(state_of(machine, "phoenix")["traps"])
        require(traps == 1 + sum(code is not None for code in FAULTS.values()), f"{traps} traps")
        require(int(state_of(machine, "client")["traps"]) == 0, "another module was struck")
        answer = machine.command("inject -k phoenix bitflip")
        require(re.search(r"bit [0-7] of byte 0x[0-9a-f]+ ", answer) and keys(answer)[-1]["code"] == "none", f"bitflip: {answer}")
        require(int(state_of(machine, "phoenix")["traps"]) == traps, "a flipped bit is no trap")
        machine.command("restart phoenix")
        require("returned 0" in machine.command("run client ask"), "a flipped bit survives a restart")
        machine.command("inject phoenix kill-later")
        machine.expect(r"phoenix: loop trapped, as it should: ALKA_618")
        machine.command("")
        require(int(state_of(machine, "phoenix")["traps"]) == traps + 1, "not killed later")
        machine.command("inject phoenix kill-later; kill phoenix")
        machine.expect(r"phoenix: not killed: it does not run any more")
        machine.command("")
        for line, answer in (("inject phoenix trap", "is stopped"), ("inject nobody trap", "no such module"), ("inject phoenix", "which fault"),
                             ("inject client memory", "has no memory"), ("inject client bitflip", "has no memory"),
                             ("start phoenix; restart client; inject phoenix flood", "no such fault")):
            require(answer in machine.command(line), line)
        require("returned 0" in machine.command("run client ask"), "they do not find each other again")
        require(held() == before, f"memory is lost: {before}, {held()}")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


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
COUNTER = """(module
  (import "athanor" "state_save" (func $save (param i32 i32)))
  (import "athanor" "state_load" (func $load (param i32 i32) (result i32)))
  (memory 1)
  (func (export "add") (result i32)
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.load (i32.const 64)))
  (func (export "version") (result i32) (i32.const VERSION))
  (func (export "slowly") (loop (br_if 0 (i32.eqz (i32.load (i32.const 128))))))
  (func (export "steal") (call $save (i32.const 64) (i32.const 4)))
  (func (export "break_export") (result i32) (i32.store8 (i32.const 200) (i32.const 1)) (i32.const 0))
  (func (export "loop_export") (result i32) (i32.store8 (i32.const 200) (i32.const 2)) (i32.const 0))
  (func (export "export_state")
    (call $save (i32.const 64) (i32.const 2)) (call $save (i32.const 66) (i32.const 2))
    (if (i32.eq (i32.load8_u (i32.const 200)) (i32.const 1)) (then unreachable))
    (loop $again (br_if $again (i32.eq (i32.load8_u (i32.const 200)) (i32.const 2)))))
  (func (export "import_state") (result i32)
    (i32.or (i32.ne (call $load (i32.const 64) (i32.const 4)) (i32.const 4)) (call $load (i32.const 64) (i32.const 4))))
  (func (export "health") (result i32) (i32.const 0)))"""
TELLER = """(module
  (import "counter" "add" (func $add (result i32)))
  (import "counter" "version" (func $version (result i32)))
  (import "counter" "slowly" (func $slowly))
  (memory 1)
  (func (export "load") (result i32) (local $expected i32)
    (local.set $expected (i32.load (i32.const 0)))
    (loop $again
      (local.set $expected (i32.add (local.get $expected) (i32.const 1)))
      (if (i32.ne (call $add) (local.get $expected)) (then (return (local.get $expected))))
      (i32.store (i32.const 0) (local.get $expected))
      (br_if $again (i32.eqz (i32.load (i32.const 4)))))
    (i32.store (i32.const 4) (i32.const 0))
    (i32.const 0))
  (func (export "stop") (i32.store (i32.const 4) (i32.const 1)))
  (func (export "calls") (result i32) (i32.load (i32.const 0)))
  (func (export "slowly") (call $slowly))
  (func (export "version") (result i32) (call $version)))"""
SPARES = {  # how each differs from the counter, and what is said about it
    "v-two": (("VERSION", "2"), None),
    "v-start": (('(func (export "health")', '(start $s) (func $s unreachable) (func (export "health")'), "refused"),
    "v-unlinked": (('"state_save"', '"format_disk"'), "refused"),
    "v-lacking": (('(export "add") (result i32)', "(result i32)"), "does not have all"),
    "v-mistyped": (('(export "version") (result i32) (i32.const', '(export "version") (result i64) (i64.const'), "does not have all"),
    "v-forgetful": (('"import_state"', '"import"'), "no import_state"),
    "v-import-traps": (('(export "import_state") (result i32)', '(export "import_state") (result i32) unreachable'), "import_state failed"),
    "v-import-refuses": (('(export "import_state") (result i32)', '(export "import_state") (result i32) (return (i32.const 7))'),
                         "import_state failed"),
    "v-import-loops": (('(export "import_state") (result i32)', '(export "import_state") (result i32) (loop (br 0))'), "import_state failed"),
    "v-sick": (('(export "health") (result i32) (i32.const 0)', '(export "health") (result i32) (i32.const 1)'), "not well"),
    "v-sick-traps": (('(export "health") (result i32) (i32.const 0)', '(export "health") (result i32) unreachable'), "not well"),
    "v-crashing": (('(export "version") (result i32)', '(export "version") (result i32) unreachable'), None),
}


def swap_system(folder):
    """counter, the teller that calls it, and all of counter's other versions."""
    lines = ['capabilities = ["state_save", "state_load"]', "limits = { memory_pages = 2 }"]
    modules = [("counter", assemble(folder, COUNTER.replace("VERSION", "1")), lines),
               ("teller", assemble(folder, TELLER), ['calls = { counter = ["add", "version", "slowly"] }'])]
    for name, ((old, new), _) in SPARES.items():
        text = COUNTER.replace(old, new).replace("VERSION", "3")
        require(text != COUNTER.replace("VERSION", "3"), f"{name} is no other version")
        modules.append((name, assemble(folder, text), [*lines, 'version_of = "counter"']))
    return make_bundle(folder, modules)


def returned(machine, command):
    answer = machine.command(command)
    match = re.search(r"returned (\d+)", answer)
    require(match, f"{command}: {answer}")
    return int(match.group(1))


def case_swap(args, folder):
    """Versions change under the hands of a client that calls all the time: no call fails, no count is lost; a bad version changes nothing."""
    with boot(args, swap_system(folder)) as machine:
        machine.wait_for_shell()
        require(returned(machine, "run teller version") == 1, "it does not begin with version 1")
        require("ALKA_616" in machine.command("run counter steal"), "state can be saved at any time")
        machine.command("spawn teller load")
        closed = []
        for _ in range(10):
            for command, key, version in (("swap -k counter v-two", "swap", 2), ("rollback -k counter", "rollback", 1)):
                answer = keys(machine.command(command))[-1]
                require(answer[key] == "1" and answer["state_bytes"] == "4", f"{command}: {answer}")
                closed.append(int(answer["closed_ns"]) / 1000)
                require(returned(machine, "run teller version") == version, f"after {command} not version {version}")
        for name, (_, reason) in SPARES.items():
            if reason is not None:
                answer = machine.command(f"swap counter {name}")
                require("no swap" in answer and reason in answer, f"{name}: {answer}")
                require(returned(machine, "run teller version") == 1, f"{name} is in service")
        calls = returned(machine, "run teller calls")
        machine.type("run teller stop\r")
        ended = machine.expect(r"teller: load (returned \d+|trapped)").group(1)
        require(ended == "returned 0", f"a call failed, or a count was wrong: load {ended}")
        machine.command("")
        require(calls > 1000 and returned(machine, "run counter add") > calls, f"{calls} calls: there was no load")
        require(state_of(machine, "counter")["traps"] == "1", "the old version suffered")

        # A call that does not end: the gates open again, and the old version serves.
        machine.command("spawn teller slowly")
        require("did not end in time" in machine.command("swap counter v-two"), "somebody was still inside")
        require(returned(machine, "run teller version") == 1, "version 1 does not serve any more")
        machine.type("kill counter\r")  # which ends it, before the memory goes
        machine.expect("teller: slowly trapped: ALKA_618")
        machine.command("")
        machine.command("start counter; kill teller; start teller")

        # export_state traps, or does not end: the version that serves goes on with what it knows.
        row, count = state_of(machine, "counter"), returned(machine, "run counter add")
        for breaks, code in (("break_export", 600), ("loop_export", 618)):
            machine.command(f"run counter {breaks}")
            answer = machine.command("swap counter v-two")
            require("export_state failed" in answer and f"ALKA_{code}" in answer, f"{breaks}: {answer}")
            require(returned(machine, "run teller version") == 1, f"after {breaks} version 1 does not serve")
            count += 1
            require(returned(machine, "run counter add") == count, f"after {breaks} the state is lost")
        after = state_of(machine, "counter")
        require((int(after["traps"]), after["restarts"]) == (int(row["traps"]) + 2, row["restarts"]), f"{row} {after}")
        machine.command("restart counter")

        # Too many traps bring the version before back, with its state.
        count = returned(machine, "run counter add")
        machine.command("swap counter v-crashing")
        for _ in range(3):
            require("ALKA_600" in machine.command("run teller version"), "it does not crash")
            require(returned(machine, "run counter add") > 0, "it does not serve after a crash")
        require("back to the version before" in machine.transcript, "no rollback by itself")
        require(returned(machine, "run teller version") == 1 and returned(machine, "run counter add") > count, "the state before is lost")
        require("no version before" in machine.command("rollback counter"), "a version that is not kept")

        for line in ("swap nobody", "swap teller", "swap counter teller", "swap teller v-two", "swap v-two counter", "start v-two", "rollback teller"):
            machine.command(line)
        around = "swap counter v-two; rollback counter; unload v-two"
        machine.command(around)  # the books of the code space may grow once
        before = keys(machine.command("mem -k"))
        for _ in range(5):
            machine.command(around)
        after = keys(machine.command("mem -k"))
        require(after == before, f"swapping loses memory: {before} {after}")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")
        closed.sort()
        print(f"{len(closed)} swaps under load: gates closed p50 {closed[len(closed) // 2]:.1f} us, at worst {closed[-1]:.1f} us; {calls} calls")


SERVER = """(module
  (import "athanor" "clock_ns" (func $clock (result i64)))
  (import "athanor" "sleep_until" (func $sleep (param i64) (result i32)))
  (memory 1)
  (func (export "nap") (result i32)
    (drop (call $sleep (i64.add (call $clock) (i64.const 2000000000))))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (i32.const 0))
  (func (export "naps") (result i32) (i32.load (i32.const 0)))
  (func (export "sleep") (drop (call $sleep (i64.const -1))))
  (func (export "spin") (loop (br 0))))"""
MIDDLE = """(module
  (import "server" "nap" (func $nap (result i32)))
  (import "server" "sleep" (func $sleep))
  (import "server" "spin" (func $spin))
  (func (export "nap") (result i32) (drop (call $nap)) unreachable)
  (func (export "sleep") (call $sleep))
  (func (export "spin") (call $spin))
  (func (export "own_spin") (loop (br 0))))"""
ASKER = """(module
  (import "middle" "nap" (func $nap (result i32)))
  (import "middle" "sleep" (func $sleep))
  (import "middle" "spin" (func $spin))
  (import "middle" "own_spin" (func $own_spin))
  (func (export "nap") (drop (call $nap)))
  (func (export "sleep") (call $sleep))
  (func (export "spin") (call $spin))
  (func (export "own_spin") (call $own_spin)))"""
BUSY = """(module (memory 1)
  (func (export "spin") (loop (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))) (br 0)))
  (func (export "rounds") (result i32) (i64.ne (i64.load (i32.const 0)) (i64.const 0)))
  (func (export "trap") unreachable))"""


def case_workers(args, folder):
    """Threads of modules: the shell stays there beside endless loops; budgets hold; a kill ends calls wherever they are, and only those."""
    sleeper = ['capabilities = ["clock_ns", "sleep_until"]']
    middle = ['calls = { server = ["nap", "sleep", "spin"] }', 'after_trap = "stop"']
    asker = ['calls = { middle = ["nap", "sleep", "spin", "own_spin"] }', 'after_trap = "stop"']
    busy = assemble(folder, BUSY)
    bundle = make_bundle(folder, [
        ("busy", busy, ['threads = [{ function = "spin", priority = 16 }]']),
        ("poor", busy, ['threads = ["spin"]', "limits = { cpu_us = 1000, period_us = 20000 }"]),
        ("server", assemble(folder, SERVER), sleeper), ("middle", assemble(folder, MIDDLE), middle), ("asker", assemble(folder, ASKER), asker)])
    with boot(args, bundle, options="debug-exit aslr=workers") as machine:
        machine.wait_for_shell()

        def threads():
            return {row["name"]: row for row in keys(machine.command("threads -k")) if "name" in row}

        def said(pattern, since):
            """The line comes, before or behind the prompt that follows the command."""
            for _ in range(100):
                if pattern in machine.transcript[since:]:
                    return
                time.sleep(0.1)
                machine.command("")
            raise Failed(f"no line {pattern}")

        def gone(*names):
            """Whoever has used up its budget ends when it has one again."""
            for _ in range(50):
                if threads().keys().isdisjoint(names):
                    return True
                time.sleep(0.1)
            return False

        time.sleep(2)
        rows = threads()
        spent, poor = int(rows["busy"]["cpu_ms"]), int(rows["poor"]["cpu_ms"])
        require(spent > 300, f"busy ran for {spent} ms only")
        require(10 < poor < spent / 4, f"a budget of a twentieth: {poor} ms, beside {spent}")
        require("returned 1" in machine.command("run busy rounds"), "another call into the module cannot be made")
        machine.command("kill busy; kill poor")
        require(gone("busy", "poor"), "threads of killed modules are still there")
        def held():
            """What modules and threads hold, when those that were killed have ended."""
            gone("busy")
            row = keys(machine.command("mem -k"))[0]
            return [row[key] for key in ("heap_used_bytes", "mapped_bytes", "slot_bytes", "code_bytes", "page_bytes")]

        machine.command("start busy; kill busy")
        memory = held()
        for _ in range(3):
            machine.command("start busy; kill busy")
        require(held() == memory, f"threads leave memory behind: {memory}, {held()}")

        # The one in the middle dies, while its callee is at work: that goes on, and the chain unwinds afterwards.
        machine.command("spawn asker nap")
        since = len(machine.transcript)
        machine.command("kill middle")
        require(state_of(machine, "server")["traps"] == "0", "the callee suffers")
        said("asker: nap trapped: ALKA_618 killed", since)
        require("returned 1" in machine.command("run server naps"), "the callee was not allowed to finish")
        require(state_of(machine, "server")["traps"] == "0", "the callee was struck")
        # The innermost dies: where it runs, where it sleeps; the call ends at once.
        for function, victim in (("own_spin", "middle"), ("spin", "server"), ("sleep", "server")):
            machine.command("start server; kill middle; start middle; kill asker; start asker")
            machine.command(f"spawn asker {function}")
            since = len(machine.transcript)
            machine.command(f"kill {victim}")
            said(f"asker: {function} trapped: ALKA_618 killed", since)
            require(state_of(machine, "asker")["state"] == "trapped", "the caller goes on")
        # The outermost dies: its callee spins on, as nobody asked it to stop; killing that ends it.
        machine.command("start server; kill middle; start middle; start asker; spawn asker spin")
        machine.command("kill asker; kill middle")
        require("asker" in threads(), "the callee's thread was ended")
        machine.command("kill server")
        machine.command("start server; start middle; start asker")
        require(gone("asker"), "a zombie's thread stays")
        # A trap on one thread ends the module's calls on the others; all begin again.
        machine.command("start busy")
        machine.command("run busy trap")
        time.sleep(1)
        row = state_of(machine, "busy")
        require(row["state"] == "running" and int(row["restarts"]) == 1, f"after a trap: {row}")
        require("returned 1" in machine.command("run busy rounds"), "its thread did not begin again")
        machine.type("run server sleep\r")
        machine.expect(r"run .*\n")
        machine.type("\x03")
        machine.expect("server: sleep trapped: ALKA_618 killed")
        machine.wait_for_shell()
        machine.command("unload busy; unload poor; kill asker; kill middle; kill server")
        require(gone("busy", "poor", "asker"), f"threads are left: {threads().keys()}")
        machine.finish()


STARTER = """(module
  (import "busy" "rounds" (func $rounds (result i32)))
  (import "busy" "trap" (func $trap))
  (memory 1)
  (func $start (i32.store (i32.const 0) (i32.add (i32.const 41) (call $rounds))))
  (start $start)
  (func (export "answer") (result i32) (i32.load (i32.const 0)))
  (func (export "trap") (call $trap)))"""


def seconds_between(machine, since, first, second):
    """Of the kernel's clock, between two lines of the log."""
    times = []
    for pattern in (first, second):
        machine.seen = since
        times.append(float(machine.expect(rf"^(?:{PROMPT})?\[ *(\d+\.\d+)\] (?:error: )?{pattern}").group(1)))
        machine.command("")
    return times[1] - times[0]


def case_struck(args, folder):
    """What follows a trap or a kill follows at once, whatever the budget, and callees are new before their callers."""
    busy = assemble(folder, BUSY)
    bundle = make_bundle(folder, [("busy", busy, []), ("poor", busy, ["limits = { cpu_us = 1000, period_us = 1000000 }"]),
                                  ("starter", assemble(folder, STARTER), ['calls = { busy = ["rounds", "trap"] }'])])
    # Time counts instructions here; while nobody runs, it jumps to the next thing that is to happen.
    with boot(args, bundle, extra=["-icount", "shift=0,sleep=off"]) as machine:
        machine.wait_for_shell()
        for _ in range(5):
            machine.command("spawn poor spin")
            since = machine.seen
            machine.command("kill poor")
            late = seconds_between(machine, since, "poor: killed", "poor: spin trapped: ALKA_618")
            require(late < 0.005, f"a thread without a budget ended {late} s after the kill")
            machine.command("start poor")
        machine.command("run starter trap")
        require(returned(machine, "run starter answer") == 41, "its start section has met what was not yet new")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


SWITCHER = """(module
  (import "athanor" "channel_create" (func $create (param i32 i32 i32) (result i32)))
  (import "athanor" "channel_send" (func $send (param i64 i32 i32 i64) (result i32)))
  (import "athanor" "channel_receive" (func $receive (param i64 i32 i32 i32 i64) (result i32)))
  (import "athanor" "channel_close" (func $close (param i64) (result i32)))
  (memory 1)
  (func (export "serve")
    (drop (call $create (i32.const 64) (i32.const 4) (i32.const 0)))
    (loop $again
      (drop (call $send (i64.load (i32.const 0)) (i32.const 64) (i32.const 64) (i64.const 0)))
      (drop (call $receive (i64.load (i32.const 0)) (i32.const 128) (i32.const 64) (i32.const 256) (i64.const 0)))
      (br $again))))"""


def case_services(args, folder):
    """A module that is always inside of the kernel's functions is killed, again and again, by a thread that goes before its own."""
    manifest = ['capabilities = ["channel_create", "channel_send", "channel_receive", "channel_close"]',
                'threads = [{ function = "serve", priority = 1 }]']
    with boot(args, make_bundle(folder, [("switcher", assemble(folder, SWITCHER), manifest)])) as machine:
        machine.wait_for_shell()
        for _ in range(60):
            machine.command("kill switcher")
            machine.command("start switcher")
        ended = machine.transcript.count("switcher: serve trapped: ALKA_618")
        require(ended > 30, f"it ran {ended} times only when it was killed")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


PAIR = r'[a-z][a-z0-9_]*=(?:"(?:[^"\\\n]|\\["\\n])*"|[A-Za-z0-9._:+/%-]+)'
KEYS_LINE = re.compile(rf"{PAIR}(?: {PAIR})*")
LOG_LINE = re.compile(rf"{PROMPT}|\[ *\d+\.\d{{6}}\] ")  # what is typed is shown again behind a line of the log
# What stands for the words of a usage; the other words are a module's name.
ARGUMENTS = {"FUNCTION": "main", "FAULT": "trap"}


def key_lines(text):
    """The pairs of each line that is not one of the log's, all of which have to be key=value lines."""
    lines = [line for line in text.splitlines() if not LOG_LINE.match(line)]
    for line in lines:
        require(KEYS_LINE.fullmatch(line), f"not a key=value line: {line!r}")
    return [{key: unquote(value) for key, value in (pair.split("=", 1) for pair in re.findall(PAIR, line))} for line in lines]


def case_keys(args, folder):
    """Every command that `help` lists takes -k, and then prints key=value lines only, also when it has to refuse."""
    odd = assemble(folder, '(module (func $odd (export "say \\"no\\" \\\\ = now") unreachable))')
    crash = assemble(folder, '(module (memory 1) (func (export "main")) (func (export "trap") unreachable))')
    with boot(args, make_bundle(folder, [("odd", odd, []), ("crash", crash, ['start = ["main", { function = "trap", trap = true }]'])])) as machine:
        machine.wait_for_shell()
        rows = key_lines(machine.command("help -k"))
        usages = {row["command"]: row["usage"] for row in rows}
        require(len(usages) == len(machine.command("help").splitlines()) > 20, f"help -k lists {list(usages)}")
        for name, usage in usages.items():
            if name in ("poweroff", "reboot"):
                continue
            words = re.sub(r"\[[^]]*\]+", "", usage).split()
            line = " ".join([name, "-k", *(ARGUMENTS.get(word, "crash") for word in words)])
            require(key_lines(machine.command(line)), f"{line}: prints nothing")
            answer = key_lines(machine.command(f"{name} -k" + " x" * 40))
            require(any("error" in row for row in answer), f"{name} with too many words: {answer}")
            if "NAME" in words:
                answer = key_lines(machine.command(" ".join([name, "-k", "nobody", *words[1:]])))
                require(any("no such module" in row.get("error", "") for row in answer), f"{name} nobody: {answer}")
            answer = key_lines(machine.command(f"help -k {name}"))
            require(len(answer) == 1 and answer[0]["command"] == name and answer[0]["help"], f"help {name}: {answer}")
            require(f"usage: {name} [-k]" in machine.command(f"help {name}"), f"help {name}")
        require(key_lines(machine.command("klil -k"))[0]["error"].endswith("did you mean `kill`?"), "no suggestion")
        machine.command('run odd "say"')
        answer = key_lines(machine.command("caps -k odd; run -k odd; run -k odd nothing; swap -k odd; rollback -k odd"))
        require(any("outcome" in row for row in answer), f"{answer}")
        machine.command("start odd; spawn odd nothing")
        require(key_lines(machine.command("log -k"))[-1].keys() >= {"at_s", "text"}, "log -k")
        require(machine.finish("poweroff -k") == STATUS_GOOD, "poweroff -k does not power off")
        require("\naction=poweroff\n" in machine.transcript, "poweroff -k says nothing")
    with boot(args) as machine:
        machine.wait_for_shell()
        machine.finish("reboot -k")
        require("\naction=reboot\n" in machine.transcript, "reboot -k says nothing")


TALKER = """(module
  (import "athanor" "yield" (func $yield))
  (func (export "talk") (local i32)
    (loop $again
      (call $yield)
      (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 4200))))))"""


def events(machine, count=4000):
    """What `trace` has recorded."""
    return [row for row in key_lines(machine.command(f"trace -k {count}")) if "event" in row]


def case_trace(args, folder):
    """What is traced is recorded in order, with names; what is not, is not; the ring keeps the newest."""
    bundle = make_bundle(folder, [
        ("server", assemble(folder, SERVER), ['capabilities = ["clock_ns", "sleep_until"]']),
        ("talker", assemble(folder, TALKER), ['capabilities = ["yield"]']), ("busy", assemble(folder, BUSY), []), ("phoenix", assemble(folder, PHOENIX), ["limits = { memory_pages = 4 }"])])
    with boot(args, bundle) as machine:
        machine.wait_for_shell()
        machine.command("run busy trap")
        require(events(machine) == [] and "0 recorded" in machine.command("trace"), "something is recorded before it is asked for")
        machine.command("trace busy; run busy rounds; run phoenix is_new; run busy trap; restart busy; stop busy; trace off; start busy")
        rows = [row for row in events(machine) if row["event"] != "switch"]
        require([row["event"] for row in rows] == ["call", "return", "call", "trap", "failed", "recovery", "restart", "stop"], f"{rows}")
        require(all(row["module"] == "busy" and row["thread"] == "1" for row in rows), f"{rows}")
        require((rows[0]["function"], rows[1]["value"], rows[2]["function"], rows[3]["code"]) == ("rounds", "0", "trap", "ALKA_600"), f"{rows}")
        times = [float(row["at_s"]) for row in rows]
        require(times == sorted(times) and times[-1] < float(key_lines(machine.command("uptime -k"))[0]["uptime_s"]), f"{times}")
        require(int(rows[5]["ns"]) > 0, "a recovery in no time")

        machine.command("trace all; spawn server nap; run server nap; trace off")
        kinds = {row["event"] for row in events(machine)}
        require({"call", "return", "spawn", "switch", "service"} <= kinds, f"only {kinds}")
        services = {row["service"] for row in events(machine) if row["event"] == "service"}
        require(services == {"sleep_until"}, f"{services}")
        switches = [row for row in events(machine) if row["event"] == "switch"]
        require(all(row["from"] != row["to"] for row in switches) and {row["module"] for row in switches} >= {"server", "kernel"}, f"{switches}")

        machine.command("trace talker; run talker talk")
        said = key_lines(machine.command("trace -k 10"))
        require(int(said[0]["recorded"]) > 4096 and said[0]["shown"] == "10" and len(said) == 12, f"{said}")
        kept = len(events(machine, 99999))
        require(kept == 4096, f"{kept} records are kept")
        machine.command("trace off")
        require(machine.finish() == STATUS_GOOD, "it does not end well")
    with boot(args, bundle, options="debug-exit trace=phoenix") as machine:
        machine.wait_for_shell()
        rows = events(machine)
        require(rows[0]["event"] == "load" and {row["module"] for row in rows} == {"phoenix"}, f"{rows}")
        machine.finish()


def case_top(args, folder):
    """top shows who uses the processor, date what the clock chip says, stats what is counted."""
    bundle = make_bundle(folder, [("busy", assemble(folder, BUSY), ['threads = ["spin"]']), ("idle", assemble(folder, PHOENIX), [])])
    with boot(args, bundle, extra=["-rtc", "base=2024-02-29T23:59:50,clock=vm"]) as machine:
        machine.wait_for_shell()
        rows = key_lines(machine.command("top -k"))
        shares = {row["module"]: int(row["cpu_permille"]) for row in rows if "module" in row}
        require(shares["busy"] > 700 and shares["idle"] == 0 and next(iter(shares)) == "busy", f"{rows}")
        require(any(row.get("thread") == "busy" and int(row["cpu_permille"]) > 700 for row in rows), f"{rows}")
        require(sum(int(row["cpu_permille"]) for row in rows if "thread" in row) + int(rows[0]["idle_permille"]) <= 1010, f"{rows}")
        require(len(key_lines(machine.command("top -k 1 2"))) > 2 * len(rows) - 4, "not twice")
        machine.type("top\r")
        machine.expect(r"module +1 idle[^\n]*\n(.*\n)*?any key ends it")
        machine.expect(r"module +0 busy")
        machine.type("q")
        machine.wait_for_shell()
        machine.command("kill busy")
        rows = key_lines(machine.command("top -k"))
        require(int(rows[0]["idle_permille"]) > 700, f"not idle: {rows}")
        for line in ("top 0", "top x", "top 1 x", "top 9999999"):
            require("seconds, 1 to" in machine.command(line), line)

        date = key_lines(machine.command("date -k"))[0]
        # The chip's second 50 was at the start of the machine; it is a leap year's day, and shortly before the next.
        since = int(date["unix_s"]) - 1709251190
        require(0 <= since <= float(date["uptime_s"]) + 20, f"{date}")
        require(date["date"].startswith("2024-02-29T23:59:5" if since < 10 else "2024-03-01T00:0"), f"{date}")
        require(re.match(r"2024-0[23]-\d\d \d\d:\d\d:\d\d UTC, up \d+\.\d{3} s", machine.command("date")), "date")

        machine.command("run idle is_new; run idle soil")
        stats = key_lines(machine.command("stats -k idle"))[0]
        require((stats["calls"], stats["traps"], stats["recoveries"], stats["threads"]) == ("2", "1", "1", "0"), f"{stats}")
        require(int(stats["cycles"]) > 0 and int(stats["cpu_ns"]) > 0 and int(stats["pages"]) > 16, f"{stats}")
        for name, value in stats.items():
            require(name in ("module", "state") or re.search(rf"^  {name} +{value}\b", machine.command("stats idle"), re.MULTILINE), f"no {name}")
        require(re.search(r"^idle +ready +2 .* 1 +1 +\d+$", machine.command("ps -l"), re.MULTILINE), machine.command("ps -l"))
        require("-l or nothing" in machine.command("ps -x"), "ps -x")
        require(machine.finish() == STATUS_GOOD, "it does not end well")


def case_tab(args, _):
    """Tab ends words: commands, then names of modules; two tabs are not needed to see what there is."""
    with boot(args) as machine:
        machine.wait_for_shell()
        for typed, echoed in (("upt\t\r", r"uptime \n.* ticks"), ("dump cr\t\r", r"dump crash \n.*crash 4"),
                              ("uptime;run he\t\r", r"run hello \n(.*\n)*.*main returned 0"), ("help ki\t\r", r"help kill \nusage: kill"),
                              ("inject crash bit\t\x15\r", r"inject crash bitflip .*\n"), ("inject -k crash kill\t\x15\r", r"kill  kill-later  \n"),
                              ("inject -k he\t\x15\r", r"inject -k hello .*\n"), ("nothing \t\x15\r", r"hello  sha256  matmul  echo  caller  crash  consumer  producer  \n.*nothing "),
                              ("re\t\x15uptime\r", r"reboot  restart  revoke  \nathanor> re.*\n.* ticks"), ("\t\x15\r", r"audit  bench  buffers  caps  .*uptime  \n")):
            machine.type(typed)
            machine.expect(echoed)
            machine.wait_for_shell()
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def qmp(path, command, **arguments):
    """One command over QEMU's monitor protocol."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        lines = connection.makefile("rw")
        lines.readline()
        for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
            lines.write(json.dumps(request) + "\n")
            lines.flush()
            answer = {}
            while not answer.keys() & {"return", "error"}:
                answer = json.loads(lines.readline())
        return answer


def read_screen(path, font_path):
    """The text on a screen dump (PPM): one string per row, from the font's glyphs."""
    data = path.read_bytes()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    width, height = int(header.group(1)), int(header.group(2))
    pixels = data[header.end():]
    raw = font_path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    glyph_height, glyphs, by_code = font.parse_psf1(raw) if raw[:2] == font.PSF1_MAGIC else font.parse_psf2(raw)
    known = {glyphs[by_code[code]]: chr(code) for code in range(0x20, 0x7F)}
    paper = pixels[-3:]

    def is_ink(x, y):
        at = (y * width + x) * 3
        return pixels[at:at + 3] != paper

    def character(left, top):
        glyph = bytes(sum(is_ink(left + x, top + y) << (7 - x) for x in range(8)) for y in range(glyph_height))
        return known.get(glyph, "\0")

    return ["".join(character(left, top) for left in range(0, width - 7, 8)).rstrip()
            for top in range(0, height - glyph_height + 1, glyph_height)]


def case_display(args, folder):
    """What is on the screen is what came over the serial line, and the keyboard types."""
    monitor = folder / "monitor"
    image = Image(iso=args.build / "azoth.iso")
    with Machine(image, TIMEOUT, extra=["-vga", "std", "-qmp", f"unix:{monitor},server=on,wait=off"]) as machine:
        machine.wait_for_shell()
        for key in ("p", "s", "ret"):
            qmp(monitor, "send-key", keys=[{"type": "qcode", "data": key}])
        machine.expect(r"ps\n")
        machine.wait_for_shell()
        qmp(monitor, "screendump", filename=str(folder / "screen.ppm"))
        rows = [row for row in read_screen(folder / "screen.ppm", args.font) if row]
        expected = [line.rstrip() for line in machine.transcript.splitlines() if line.strip()][-len(rows):]
        # The cursor stands behind the last prompt, drawn over a blank.
        rows[-1] = rows[-1].rstrip("\0 ")
        require(len(rows) > 20 and rows == expected, "the screen shows\n" + "\n".join(rows) + "\ninstead of\n" + "\n".join(expected))
        machine.finish()


CASES = {name.removeprefix("case_"): function for name, function in globals().items() if name.startswith("case_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor.elf, azoth.iso, system.bundle")
    parser.add_argument("--font", type=Path, required=True, help="the console font the kernel was built with")
    parser.add_argument("case", choices=CASES)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        try:
            CASES[args.case](args, Path(folder))
        except (Failed, BootError) as error:
            print(f"FAILED: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
