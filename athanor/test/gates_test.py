#!/usr/bin/env python3
"""What callers see of modules that fail, and how deep they may call, in a running kernel. One case per run: gates_test.py --build FOLDER CASE."""
import re
import sys
import time

from kernel import assemble, boot, keys, make_bundle, require, run_cases
from supervision_test import ask, becomes, state_of, system

# C, which fails in every way.
VICTIM = """(module
  (import "athanor" "clock_ns" (func $clock (result i64)))
  (import "athanor" "sleep_until" (func $sleep (param i64) (result i32)))
  (import "athanor" "exit" (func $exit (param i32)))
  (func (export "trap") (result i32) unreachable)
  (func (export "nothing") unreachable)
  (func (export "long") (result i64) unreachable)
  (func (export "float") (param f64) (result f64) unreachable)
  (func (export "exit") (result i32) (call $exit (i32.const 7)) (i32.const 1))
  (func (export "fine") (result i32) (i32.const 42))
  (func (export "nap") (result i32) (drop (call $sleep (i64.add (call $clock) (i64.const 400000000)))) (i32.const 5))
  (func (export "spin") (result i32) (loop (br 0)) (i32.const 0)))"""
VICTIM_LINES = ['capabilities = ["clock_ns", "sleep_until", "exit"]']
# B between the two, which traps with C.
MIDDLE = """(module
  (import "victim" "trap" (func $trap (result i32)))
  (import "victim" "fine" (func $fine (result i32)))
  (import "victim" "nap" (func $nap (result i32)))
  (import "victim" "spin" (func $spin (result i32)))
  (func (export "trap") (result i32) (call $trap))
  (func (export "fine") (result i32) (call $fine))
  (func (export "nap") (result i32) (call $nap))
  (func (export "spin") (result i32) (call $spin)))"""
# A, which gets errors. Each function results in 1 if all is as the SDK promises, given the code that is expected.
FRONT = """(module
  (import "middle" "trap" (func $trap (result i32)))
  (import "middle" "fine" (func $fine (result i32)))
  (import "middle" "nap" (func $nap (result i32)))
  (import "middle" "spin" (func $spin (result i32)))
  (import "victim" "nothing" (func $nothing))
  (import "victim" "long" (func $long (result i64)))
  (import "victim" "float" (func $float (param f64) (result f64)))
  (import "victim" "exit" (func $exit (result i32)))
  (import "victim" "fine" (func $fine_alone (result i32)))
  (import "athanor" "call_error" (func $error (result i32)))
  (func $says (param i32) (result i32)
    (i32.and (i32.eq (call $error) (local.get 0)) (i32.eqz (call $error))))
  (func $least (param i32) (result i32) (i32.eq (local.get 0) (i32.const 0x80000000)))
  (func (export "trap") (result i32) (local i32 i64 f64)
    (local.set 0 (i32.const 11)) (local.set 1 (i64.const 22)) (local.set 2 (f64.const 33))
    (i32.and (i32.and (call $least (call $trap)) (call $says (i32.const 600)))
             (i32.and (i32.eq (local.get 0) (i32.const 11))
                      (i32.and (i64.eq (local.get 1) (i64.const 22)) (f64.eq (local.get 2) (f64.const 33))))))
  (func (export "gone") (result i32) (i32.and (call $least (call $trap)) (call $says (i32.const 619))))
  (func (export "storm") (result i32) (local i32)
    (local.set 0 (i32.const 2000))
    (loop (drop (call $trap)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.ne (call $error) (i32.const 0)))
  (func (export "nothing") (result i32) (call $nothing) (call $says (i32.const 600)))
  (func (export "long") (result i32)
    (i32.and (i64.eq (call $long) (i64.const 0x8000000000000000)) (call $says (i32.const 600))))
  (func (export "float") (result i32)
    (i32.and (f64.eq (call $float (f64.const 5)) (f64.const 0)) (call $says (i32.const 600))))
  (func (export "exit") (result i32) (i32.and (call $least (call $exit)) (call $says (i32.const 617))))
  (func (export "fine") (result i32)
    (i32.and (i32.eq (call $fine) (i32.const 42)) (i32.and (i32.eq (call $fine_alone) (i32.const 42)) (call $says (i32.const 0)))))
  (func (export "nap") (result i32) (i32.and (call $least (call $nap)) (call $says (i32.const 618))))
  (func (export "spin") (result i32) (i32.and (call $least (call $spin)) (call $says (i32.const 618)))))"""
FRONT_LINES = ['capabilities = ["call_error"]',
               'calls = { middle = [' + ", ".join(f'{{ function = "{name}", on_trap = "error" }}' for name in ("trap", "fine", "nap", "spin")) + "], "
               'victim = [' + ", ".join(f'{{ function = "{name}", on_trap = "error" }}' for name in ("nothing", "long", "float", "exit", "fine")) + "] }"]
MIDDLE_LINES = ['calls = { victim = ["trap", "fine", "nap", "spin"] }']
# D, which calls A and must not learn of A's errors.
OUTER = """(module
  (import "front" "trap" (func $trap (result i32)))
  (import "athanor" "call_error" (func $error (result i32)))
  (func (export "calls") (result i32) (i32.and (call $trap) (i32.eqz (call $error)))))"""
OUTER_LINES = ['capabilities = ["call_error"]', 'calls = { front = [{ function = "trap", on_trap = "error" }] }']


def count(machine, name, key):
    return int(state_of(machine, name)[key])


def run_well(machine, name, function):
    require("returned 1 " in ask(machine, f"run {name} {function}"), f"{name} {function}")


def case_errors(args, folder):
    """Traps, kills, exits and modules that are gone are errors for a caller that wants them; whoever trapped serves again, and is told of."""
    modules = [(name, assemble(folder, text), lines) for name, text, lines in
               (("victim", VICTIM, VICTIM_LINES), ("middle", MIDDLE, MIDDLE_LINES), ("front", FRONT, FRONT_LINES), ("outer", OUTER, OUTER_LINES))]
    with boot(args, make_bundle(folder, modules)) as machine:
        machine.wait_for_shell()
        run_well(machine, "front", "fine")
        require(re.search(r'import="trap" from=middle on_trap=error', ask(machine, "caps -k front")), "caps tells how calls end")
        # The chain: C traps, B with it, A goes on; C and B begin again.
        for round_ in range(1, 4):
            run_well(machine, "front", "trap")
            becomes_count(machine, "victim", "restarts", round_)
            becomes_count(machine, "middle", "restarts", round_)
            run_well(machine, "front", "fine")
        require((count(machine, "front", "traps"), count(machine, "front", "restarts")) == (0, 0), "the caller was struck")
        require("trapped: ALKA_600" in machine.transcript, "nobody says what happened")
        dump = ask(machine, "dump victim")
        require("ALKA_600" in dump and "middle" in dump, f"dump: {dump}")
        for function in ("nothing", "long", "float"):
            traps = count(machine, "victim", "traps")
            run_well(machine, "front", function)
            becomes_count(machine, "victim", "restarts", traps + 1)
        traps = count(machine, "victim", "traps")
        run_well(machine, "front", "exit")
        require(count(machine, "victim", "traps") == traps, "to exit is no trap")
        traps = count(machine, "victim", "traps")
        run_well(machine, "outer", "calls")
        becomes_count(machine, "victim", "restarts", traps + 1)
        require(count(machine, "front", "traps") == 0, "who got an error was struck")
        # As fast as one can; what is not there yet is gone.
        run_well(machine, "front", "storm")
        run_well(machine, "front", "storm")
        require(machine.transcript.count("its caller goes on") < 40, "a storm of traps is a storm of lines")
        memory = settled_memory(machine)
        for _ in range(3):
            run_well(machine, "front", "storm")
        require(settled_memory(machine) == memory, "errors lose memory")
        # B dies while C is at work: that goes on, then A gets the error.
        ask(machine, "spawn front nap")
        traps = count(machine, "victim", "traps")
        since = len(machine.transcript)
        ask(machine, "kill middle")
        require(until(machine, lambda: "front: nap returned 1 " in machine.transcript[since:]), "killed in the middle")
        require(count(machine, "victim", "traps") == traps and state_of(machine, "victim")["state"] != "stopped", "the callee was struck")
        run_well(machine, "front", "gone")
        ask(machine, "start middle")
        run_well(machine, "front", "fine")
        # C dies where it runs.
        ask(machine, "spawn front spin")
        since = len(machine.transcript)
        ask(machine, "kill victim")
        require(until(machine, lambda: "front: spin returned 1 " in machine.transcript[since:]), "killed at its end")
        ask(machine, "start victim")
        require(until(machine, lambda: "returned 1 " in ask(machine, "run front fine")), "it serves again")
        # A itself is killed and restarted: the error is not for its next life.
        for order in ("kill front; start front", "restart front"):
            ask(machine, "spawn front nap")
            since = len(machine.transcript)
            ask(machine, order)
            require(until(machine, lambda: "front: nap trapped: ALKA_618" in machine.transcript[since:]), "a dead caller goes on")
            run_well(machine, "front", "fine")
        machine.finish()


def until(machine, condition):
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.1)
        ask(machine, "")
    return False


def becomes_count(machine, name, key, value):
    require(until(machine, lambda: count(machine, name, key) == value), f"{name}: {key} is not {value}: {state_of(machine, name)}")


def settled_memory(machine):
    """When all that trapped serve again."""
    until(machine, lambda: "returned 1 " in ask(machine, "run front fine"))
    row = keys(ask(machine, "mem -k"))[0]
    return [row[key] for key in ("heap_used_bytes", "mapped_bytes", "slot_bytes", "code_bytes", "page_bytes")]


def case_supervised(args, folder):
    """Supervision is told of a trap that a gate answered: by its rules the module is started again"""
    silent = assemble(folder, '(module (func (export "trap") (result i32) unreachable))')
    client = assemble(folder, '(module (import "silent" "trap" (func $trap (result i32))) (func (export "trap") (result i32) (i32.lt_s (call $trap) (i32.const 0))))')
    entries = [("boss", ["intensity = 2", "period_ms = 600000", "backoff_ms = 1", "backoff_max_ms = 1"]), ("silent", silent, ['supervisor = "boss"']),
               ("client", client, ['calls = { silent = [{ function = "trap", on_trap = "error" }] }'])]
    with boot(args, system(folder, entries)) as machine:
        machine.wait_for_shell()
        for restarts in (1, 2):
            run_well(machine, "client", "trap")
            becomes_count(machine, "silent", "restarts", restarts)
            becomes(machine, "silent", state="up")
            becomes(machine, "boss", restarts=str(restarts))
        require(count(machine, "client", "traps") == 0, "the client was struck")
        machine.finish()


LINK = '(module (import "{0}" "go" (func $go (result i32))) (func (export "go") (result i32) (i32.add (call $go) (i32.const 1))))'


def case_depth(args, folder):
    """A module calls no deeper in a chain than its manifest allows; the chain ends with a trap, or with an error where that is wanted."""
    leaf = assemble(folder, '(module (func (export "go") (result i32) (i32.const 0)))')
    names = ["one", "two", "three", "four", "five"]
    limits = {"two": 2}
    modules = [("one", leaf, [])]
    for callee, name in zip(names, names[1:]):
        lines = [f'calls = {{ {callee} = ["go"] }}'] + ([f"limits = {{ gate_depth = {limits[name]} }}"] if name in limits else [])
        modules.append((name, assemble(folder, LINK.format(callee)), lines))
    modules.append(("wary", assemble(folder, LINK.format("one")), ['calls = { one = [{ function = "go", on_trap = "error" }] }', "limits = { gate_depth = 1 }"]))
    modules.append(("outer", assemble(folder, LINK.format("wary")), ['calls = { wary = ["go"] }']))
    with boot(args, make_bundle(folder, modules)) as machine:
        machine.wait_for_shell()
        require("gate_depth_max=2" in ask(machine, "caps -k two"), "caps does not show it")
        for depth, name in enumerate(names[:3]):
            require(f"returned {depth} " in ask(machine, f"run {name} go"), f"{name} may call")
        for name in names[3:]:
            answer = ask(machine, f"run {name} go")
            require("ALKA_621" in answer, f"{name}: {answer}")
        require(count(machine, "one", "traps") == 0, "the callee was entered")
        require(count(machine, "two", "traps") == 2, "the caller traps")
        require("returned 1 " in ask(machine, "run wary go"), "the first call of a chain")
        require("returned 2147483650 " in ask(machine, "run outer go") or "returned -2147483646 " in machine.transcript, "refused with an error")
        require(count(machine, "wary", "traps") == 0, "an error is no trap")
        machine.finish()


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__))
