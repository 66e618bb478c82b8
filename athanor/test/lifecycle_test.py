#!/usr/bin/env python3
"""Modules in a running kernel: faults, recovery, threads, life and death, other versions. One case per run: lifecycle_test.py --build FOLDER CASE."""
import re
import sys
import time

from kernel import BUSY, PHOENIX, PROMPT, SERVER, STATUS_FAILED, STATUS_GOOD, Failed, assemble, attacker, boot, keys, make_bundle, recheck, require, returned, run_cases, state_of  # noqa: E402


# What `inject` lists, and the code of the trap that follows; None: there is none.
FAULTS = {"trap": 600, "bounds": 601, "divide": 602, "integer": 603, "convert": 604, "table": 605, "undefined": 606, "empty": 607,
          "type": 608, "null": 610, "unaligned": 613, "exception": 615, "argument": 601, "loop": 618, "overflow": 609, "stack": 609,
          "memory": 601, "handles": 600, "queue": 600, "bitflip": None, "kill": 618, "kill-later": None}


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
CLIENT = """(module
  (import "phoenix" "soil" (func $soil))
  (import "phoenix" "is_new" (func $is_new (result i32)))
  (global $calls (mut i32) (i32.const 0))
  (func (export "soil") (global.set $calls (i32.const 1)) (call $soil))
  (func (export "ask") (result i32) (i32.add (call $is_new) (global.get $calls))))"""


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


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__))
