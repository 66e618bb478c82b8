#!/usr/bin/env python3
"""Supervision trees in a running kernel, with modules that fail. One case per run: supervision_test.py --build FOLDER CASE."""
import re
import subprocess
import sys
import time
from itertools import count

from kernel import MKBUNDLE, Failed, assemble, boot, keys, require, run_cases

TALKER = """(module
  (import "athanor" "log" (func $log (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "up")
  (data (i32.const 8) "down")
  (func (export "init") (call $log (i32.const 0) (i32.const 2)))
  (func (export "terminate") (call $log (i32.const 8) (i32.const 4)))
  (func (export "trap") unreachable)
  (func (export "count") (result i32)
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.sub (i32.load (i32.const 64)) (i32.const 1))))"""
TALKS = ['capabilities = ["log"]', 'start = ["init"]']
SILENT = """(module (memory 1)
  (func (export "trap") unreachable)
  (func (export "count") (result i32)
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.sub (i32.load (i32.const 64)) (i32.const 1)))
  (func (export "well") (result i32) (i32.const 0))
  (func (export "badly") (result i32) (i32.const 3)))"""
CLIENT = """(module
  (import "silent" "trap" (func $trap))
  (import "silent" "count" (func $count (result i32)))
  (func (export "trap") (call $trap))
  (func (export "count") (result i32) (call $count)))"""


def system(folder, entries):
    """A bundle of supervisors (name, lines) and modules (name, bytes, lines), in this order."""
    text = '[system]\nname = "test"\n'
    for name, *data, lines in entries:
        text += f'\n[[{"module" if data else "supervisor"}]]\nname = "{name}"\n' + "".join(f"{line}\n" for line in lines)
        if data:
            (folder / f"{name}.wasm").write_bytes(data[0])
            text += f'file = "{name}.wasm"\n'
    (folder / "test.toml").write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, MKBUNDLE, folder / "test.toml", "-o", folder / "test.bundle"], check=True)
    return folder / "test.bundle"


MARKS = count()


def ask(machine, line):
    """What a command line printed. Others print meanwhile, and the prompt comes again behind them: so the end is marked."""
    mark = f"mark-{next(MARKS)}"
    begin = len(machine.transcript)
    machine.type(f"{line}; {mark}\r")
    machine.expect(rf"^{mark}: .*\n")
    return machine.transcript[begin:].rsplit(f"\n{mark}: ", 1)[0]


def tree(machine):
    return {row["node"]: row for row in keys(ask(machine, "tree -k")) if "node" in row}


def state_of(machine, name):
    return next(row for row in keys(ask(machine, "ps -k")) if row.get("module") == name)


def becomes(machine, name, seconds=10, hangs=0, **values):
    """The node's row, when it has these values, and has hung so often at least."""
    row = {}
    for _ in range(seconds * 10):
        row = tree(machine).get(name, {})
        if row and all(row[key] == value for key, value in values.items()) and int(row.get("hangs", 0)) >= hangs:
            return row
        time.sleep(0.1)
    raise Failed(f"{name} does not become {values}: {row}")


def said(machine, since):
    """What modules said of their lives since then, in order."""
    return re.findall(r"\] (\w+: (?:up|down))\b", machine.transcript[since:])


def case_strategies(args, folder):
    """Started in order, stopped in reverse; who is started again with the one that failed."""
    talker = assemble(folder, TALKER)
    entries, names = [], []
    for short, strategy in (("one", "one_for_one"), ("all", "one_for_all"), ("rest", "rest_for_one")):
        entries.append((short, [f'strategy = "{strategy}"', "period_ms = 60000"]))
        for letter in "abc":
            names.append(f"{short}_{letter}")
            entries.append((names[-1], talker, [*TALKS, f'supervisor = "{short}"']))
    with boot(args, system(folder, entries)) as machine:
        machine.wait_for_shell()
        require(said(machine, 0) == [f"{name}: up" for name in names], f"the order of the boot: {said(machine, 0)}")
        rows = tree(machine)
        require(list(rows) == ["root", *(entry[0] for entry in entries)], f"tree: {list(rows)}")
        require(all(row["state"] == "up" for row in rows.values()), f"not up: {rows}")
        for short, expected in (("one", "b: up"), ("all", "c: down, a: down, a: up, b: up, c: up"), ("rest", "c: down, b: up, c: up")):
            for name in names:
                ask(machine, f"restart {name}; run {name} count")
            since = len(machine.transcript)
            ask(machine, f"run {short}_b trap")
            for letter in "abc":
                becomes(machine, f"{short}_{letter}", state="up")
            becomes(machine, short, restarts="1")
            wanted = [f"{short}_{event}" for event in expected.split(", ")]
            require(said(machine, since) == wanted, f"{short}: {said(machine, since)} is not {wanted}")
            anew = {event.split(":")[0] for event in wanted}
            for name in names:
                answer = ask(machine, f"run {name} count")
                require(f"returned {0 if name in anew else 1} " in answer, f"after {short}_b failed, {name}: {answer}")
        # A subtree goes down in reverse and stays down, whatever is in it; and comes back.
        since = len(machine.transcript)
        ask(machine, "stop all")
        require(said(machine, since) == ["all_c: down", "all_b: down", "all_a: down"], f"stop all: {said(machine, since)}")
        require(tree(machine)["all"]["state"] == "held", "all is not held")
        require("is down" in ask(machine, "run all_a count"), "what is stopped runs")
        since = len(machine.transcript)
        ask(machine, "start all")
        require(said(machine, since) == ["all_a: up", "all_b: up", "all_c: up"], f"start all: {said(machine, since)}")
        require("one_for_all" in ask(machine, "tree"), "the table")
        machine.finish()


def case_intensity(args, folder):
    """Too many failures: the supervisor gives up, its own decides by its strategy; when the root gives up, the shell is still there."""
    silent = assemble(folder, SILENT)
    fast = ["backoff_ms = 0", "period_ms = 60000"]
    entries = [("root", ["intensity = 1", *fast]), ("high", ['strategy = "one_for_all"', "intensity = 1", *fast]),
               ("witness", silent, ['supervisor = "high"']), ("low", ['supervisor = "high"', "intensity = 2", *fast]),
               ("weak", silent, ['supervisor = "low"']), ("apart", silent, [])]
    with boot(args, system(folder, entries)) as machine:
        machine.wait_for_shell()
        ask(machine, "run witness count; run apart count")
        for failures in (1, 2):
            ask(machine, "run weak trap")
            row = becomes(machine, "weak", state="up")
            require((row["restarts"], tree(machine)["low"]["recent"]) == (str(failures), str(failures)), f"{row}")
        require("returned 1 " in ask(machine, "run witness count"), "a failure below concerns the witness")
        ask(machine, "run weak trap")  # the third: low gives up, high restarts all its children
        becomes(machine, "low", state="up")
        require("low: gave up: more than 2 restarts in 60000 ms" in machine.transcript, "low does not give up")
        require("returned 0 " in ask(machine, "run witness count"), "the witness was not started again with low")
        require(tree(machine)["high"]["recent"] == "1", f"high: {tree(machine)['high']}")
        ask(machine, "run weak trap; run weak trap; run weak trap")  # low again: too much for high, the root starts that again
        becomes(machine, "high", state="up", recent="0")
        require("high: gave up" in machine.transcript and tree(machine)["root"]["recent"] == "1", f"root: {tree(machine)['root']}")
        for _ in range(6):
            ask(machine, "run weak trap")
            time.sleep(0.2)
        becomes(machine, "root", state="down")
        require("root: everything that is supervised is down" in machine.transcript, "nobody is told")
        require({row["state"] for row in tree(machine).values()} == {"down"}, f"{tree(machine)}")
        require("is down" in ask(machine, "run witness count"), "it runs though the root gave up")
        require("returned 1 " in ask(machine, "run apart count"), "what nobody supervises was stopped")
        ask(machine, "start root")
        becomes(machine, "weak", state="up")
        require("returned 0 " in ask(machine, "run witness count"), "the tree does not come back")
        machine.finish()


def case_kinds(args, folder):
    """Permanent, transient, temporary; ends that are normal and ends that are not; back-off; what people do."""
    silent = assemble(folder, SILENT)
    entries = [("kinds", ["intensity = 20", "period_ms = 60000", "backoff_ms = 1500", "backoff_max_ms = 1500"])]
    for kind in ("permanent", "transient", "temporary"):
        entries.append((kind, silent, ['supervisor = "kinds"', f'restart = "{kind}"']))
        for end in ("well", "badly"):
            entries.append((f"{kind}-{end}", silent, ['supervisor = "kinds"', f'restart = "{kind}"', f'threads = ["{end}"]']))
    entries += [("silent", silent, ['supervisor = "kinds"']), ("client", assemble(folder, CLIENT), ['calls = { silent = ["trap", "count"] }'])]
    with boot(args, system(folder, entries)) as machine:
        machine.wait_for_shell()
        for name, ends in (("permanent-well", True), ("permanent-badly", True), ("transient-badly", True), ("transient-well", False),
                           ("temporary-well", False), ("temporary-badly", False)):
            if ends:
                require(int(becomes(machine, name, state="waiting")["restarts"]) >= 2, f"{name}: the first restart is at once")
                ask(machine, f"stop {name}")
            else:
                row = becomes(machine, name, state="out" if name.startswith("temporary") else "down")
                require(row["restarts"] == "0" and state_of(machine, name)["state"] == "stopped", f"{name}: {row}")
        for name, state in (("permanent", "up"), ("transient", "up"), ("temporary", "out")):
            ask(machine, f"run {name} trap")
            becomes(machine, name, state=state)
        require(state_of(machine, "permanent")["restarts"] == "1", "no recovery on the spot")
        require(state_of(machine, "temporary")["state"] == "trapped", "it was temporary")
        ask(machine, "start temporary")
        require(tree(machine)["temporary"]["state"] == "up", "people start what is out")

        # The second failure in a row waits, and people can shorten that; clients find who is started again.
        require("returned 0 " in ask(machine, "run client count"), "the client's call")
        ask(machine, "run silent trap")
        require("returned 0 " in ask(machine, "run client count"), "after a restart on the spot")
        ask(machine, "run silent trap")
        row = tree(machine)["silent"]
        require(row["state"] == "waiting" and 0 < int(row["wait_ms"]) <= 1500 and row["in_a_row"] == "2", f"{row}")
        require("starts again in" in ask(machine, "tree"), "the table does not say when")
        require("ALKA_619" in ask(machine, "run client count"), "who is down is called")
        becomes(machine, "silent", state="up")
        require("returned 0 " in ask(machine, "run client count"), "after the wait")
        ask(machine, "run silent trap")
        ask(machine, "start silent")
        require("returned 0 " in ask(machine, "run client count"), "after a start by hand")
        require(tree(machine)["silent"]["in_a_row"] == "0", "a start by hand begins anew")

        ask(machine, "kill silent")
        require(becomes(machine, "silent", state="up")["restarts"] == "4", "killed is failed")
        ask(machine, "kill client; kill temporary; stop silent")
        require(tree(machine)["temporary"]["state"] == "out", "killed is failed, and that is all")
        require((tree(machine)["silent"]["state"], state_of(machine, "silent")["state"]) == ("held", "stopped"), "it is held")
        require("is stopped" in ask(machine, "run silent count"), "what is held runs")
        ask(machine, "start client; start silent")
        require("returned 0 " in ask(machine, "run client count"), "a client of an instance that is gone finds the new one")
        ask(machine, "restart silent")
        require("returned 0 " in ask(machine, "run client count"), "restart does not make it new")
        ask(machine, "kill client; unload silent; start silent; start client")
        require("returned 0 " in ask(machine, "run client count"), "after unload and start")
        for line in ("stop nobody", "start kinds", "restart root", "kill kinds", "tree", "restart kinds"):
            ask(machine, line)
        becomes(machine, "silent", state="up")
        machine.finish()


HEARTS = """(module
  (import "athanor" "heartbeat" (func $beat))
  (import "athanor" "clock_ns" (func $clock (result i64)))
  (import "athanor" "sleep_until" (func $sleep (param i64) (result i32)))
  (func $beats (param $count i32)
    (loop $again
      (call $beat)
      (drop (call $sleep (i64.add (call $clock) (i64.const 50000000))))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $again (local.get $count))))
  (func $spins (loop (br 0)))
  (func (export "healthy") (call $beats (i32.const -1)))
  (func (export "loops") (call $beats (i32.const 10)) (call $spins))
  (func (export "sleeps") (call $beats (i32.const 10)) (drop (call $sleep (i64.const -1))))
  (func (export "silent") (drop (call $sleep (i64.const -1)))))"""


def case_heartbeat(args, folder):
    """Who does not beat is killed and started again, in an endless loop and asleep; who does is left alone; it is told where it hung."""
    hearts = assemble(folder, HEARTS)
    lines = ['capabilities = ["heartbeat", "clock_ns", "sleep_until"]', 'supervisor = "hearts"', "heartbeat_ms = 400"]
    entries = [("hearts", ["intensity = 31", "period_ms = 60000", "backoff_ms = 0"])]
    for name, more in (("healthy", []), ("loops", []), ("sleeps", []), ("silent", ['restart = "temporary"'])):
        priority = 31 if name in ("loops", "healthy") else 16  # a loop leaves time only to those as urgent as itself
        entries.append((name, hearts, [*lines, *more, f'threads = [{{ function = "{name}", priority = {priority} }}]']))
    with boot(args, system(folder, entries)) as machine:
        machine.wait_for_shell()
        becomes(machine, "silent", state="out", hangs=1)
        for name in ("loops", "sleeps"):
            becomes(machine, name, seconds=20, state="up", hangs=1)
            require(f"{name}: no heartbeat for 400 ms: killed" in machine.transcript, f"{name} is not named")
        dump = ask(machine, "dump loops")
        for part in ("heartbeat", "ALKA_618", r"0 loops: .*\n.*1 loops: loops"):
            require(re.search(part, dump), f"the dump lacks {part}:\n{dump}")
        require("heartbeat" in ask(machine, "dump sleeps"), "no record of the one that slept")
        becomes(machine, "loops", seconds=20, hangs=2)
        healthy = tree(machine)["healthy"]
        require((healthy["state"], healthy["restarts"], healthy["hangs"]) == ("up", "0", "0"), f"healthy: {healthy}")
        ask(machine, "stop hearts")
        require({row["state"] for name, row in tree(machine).items() if name != "root"} == {"down", "held", "out"}, f"{tree(machine)}")
        machine.finish()


LISTENER = """(module
  (import "athanor" "log" (func $log (param i32 i32)))
  (import "athanor" "event_own" (func $own (param i32) (result i32)))
  (import "athanor" "event_wait" (func $wait (param i64 i64 i32 i64) (result i32)))
  (memory 1)
  (data (i32.const 0) "stop") (data (i32.const 8) "memory") (data (i32.const 16) "mail")
  (func (export "init") (drop (call $own (i32.const 64))))
  (func (export "serve") (result i32)
    (loop $more
      (br_if 1 (i32.const 1) (call $wait (i64.load (i32.const 64)) (i64.const -1) (i32.const 72) (i64.const -1)))
      (if (i64.lt_s (i64.load (i32.const 72)) (i64.const 0)) (then (call $log (i32.const 0) (i32.const 4)) END))
      (if (i64.ne (i64.and (i64.load (i32.const 72)) (i64.const 0x4000000000000000)) (i64.const 0))
        (then (call $log (i32.const 8) (i32.const 6))))
      (if (i64.eq (i64.load (i32.const 72)) (i64.const 40)) (then (call $log (i32.const 16) (i32.const 4))))
      (br $more))
    (unreachable)))"""
GREEDY = """(module (memory 1) (func (export "take_all")
  (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))))"""


def await_saying(machine, since, text):
    for _ in range(100):
        if text in machine.transcript[since:]:
            return
        ask(machine, "uptime")
        time.sleep(0.05)
    raise Failed(f"nobody said {text!r}")


def case_signals(args, folder):
    """The kernel speaks to a module through its own event: before it is stopped, and when memory is scarce; so do people."""
    hears = ['capabilities = ["log", "event_own", "event_wait"]', 'start = ["init"]', 'threads = ["serve"]']
    entries = [("ears", ['strategy = "one_for_all"']),
               ("polite", assemble(folder, LISTENER.replace("END", "(return (i32.const 0))")), [*hears, 'supervisor = "ears"', "shutdown_ms = 20000"]),
               ("stubborn", assemble(folder, LISTENER.replace("END", "")), [*hears, 'supervisor = "ears"', "shutdown_ms = 300"]),
               ("deaf", assemble(folder, SILENT), []), ("greedy", assemble(folder, GREEDY), [])]
    with boot(args, system(folder, entries)) as machine:
        machine.wait_for_shell()
        ask(machine, "signal polite 40")
        await_saying(machine, 0, "polite: mail")
        for line, why in (("signal deaf 1", "has not asked"), ("signal polite 0", "bits are"), (f"signal polite {1 << 56}", "bits are"),
                          ("signal polite x", "bits are"), ("signal nobody 1", "nobody")):
            answer = ask(machine, line)
            require(why in answer.partition("\n")[2], f"{line}: no diagnostic:\n{answer}")
        ask(machine, "run greedy take_all")
        await_saying(machine, 0, "polite: memory")
        await_saying(machine, 0, "stubborn: memory")
        ask(machine, "restart greedy; run greedy take_all")
        since = len(machine.transcript)
        ask(machine, "stop polite")
        becomes(machine, "polite", state="held")
        said_then = machine.transcript[since:]
        require("polite: stop" in said_then and "polite: its threads have ended\n" in said_then, f"it was not asked, or not heard:\n{said_then}")
        ask(machine, "stop stubborn")
        becomes(machine, "stubborn", state="held")
        said_then = machine.transcript[since:]
        require("stubborn: stop" in said_then and "stubborn: its threads" not in said_then, f"it was not killed:\n{said_then}")
        # A new life has not heard of the end of the one before.
        since = len(machine.transcript)
        ask(machine, "start polite; start stubborn")
        becomes(machine, "polite", state="up")
        ask(machine, "signal polite 40")
        await_saying(machine, since, "polite: mail")
        require("polite: stop" not in machine.transcript[since:], "a signal to the life before")
        # Whose sibling fails comes down in the same way, and up again.
        ask(machine, "kill stubborn")
        await_saying(machine, since, "polite: stop")
        becomes(machine, "polite", state="up")
        becomes(machine, "stubborn", state="up")
        machine.finish()


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__))
