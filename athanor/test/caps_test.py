#!/usr/bin/env python3
"""Attacks on capabilities, by modules in a running kernel. One case per run: caps_test.py --build FOLDER CASE."""
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from kernel import MKBUNDLE, STATUS_FAILED, STATUS_GOOD, assemble, boot, keys, require, returned, run_cases, state_of  # noqa: E402

READ, WRITE, CONTROL, DELEGATE, MOVE = 1, 2, 4, 8, 16
STALE, KIND, RIGHTS, LIMIT, DEPTH, CLOSED, NO_NAME = 700, 701, 702, 703, 704, 712, 715
HANDLES = '["open", "close", "derive", "delegate", "move", "revoke", "handle_info"]'

# Where modules keep what: handles of their own and of a peer, one that was given to them, and results.
SERVICES = """
  (import "athanor" "open" (func $open (param i32 i32 i32) (result i32)))
  (import "athanor" "close" (func $close (param i64) (result i32)))
  (import "athanor" "derive" (func $derive (param i64 i32 i32) (result i32)))
  (import "athanor" "delegate" (func $delegate (param i64 i32 i64 i32) (result i32)))
  (import "athanor" "move" (func $move (param i64 i64 i32) (result i32)))
  (import "athanor" "revoke" (func $revoke (param i64) (result i32)))
  (import "athanor" "handle_info" (func $info (param i64 i32) (result i32)))
  (memory 1)
  (data (i32.const 256) "target") (data (i32.const 272) "b") (data (i32.const 280) "c") (data (i32.const 288) "nothing")
  (func $own (result i64) (i64.load (i32.const 0)))
  (func $peer (result i64) (i64.load (i32.const 8)))
  (func $given (result i64) (i64.load (i32.const 16)))
  (func $out (result i64) (i64.load (i32.const 24)))
  (func $set_given (param i64) (i64.store (i32.const 16) (local.get 0)))
  (func (export "take") (param i64) (call $set_given (local.get 0)))
  (func (export "look") (result i32) (call $info (call $given) (i32.const 64)))
  (func (export "rights") (result i32) (drop (call $info (call $given) (i32.const 64))) (i32.load (i32.const 68)))
  (func (export "depth") (result i32) (drop (call $info (call $given) (i32.const 64))) (i32.load (i32.const 72)))
"""

ALICE = "(module" + """
  (import "b" "take" (func $b_take (param i64)))
  (import "c" "keep" (func $c_keep (param i64)))
  (import "c" "number" (func $c_number (result i64)))
  (import "athanor" "state_save" (func $save (param i32 i32)))
  (import "athanor" "state_load" (func $load (param i32 i32) (result i32)))""" + SERVICES + """
  (func (export "open") (result i32)
    (drop (call $open (i32.const 272) (i32.const 1) (i32.const 8)))
    (call $open (i32.const 256) (i32.const 6) (i32.const 0)))
  (func (export "open_nothing") (result i32) (call $open (i32.const 288) (i32.const 7) (i32.const 24)))
  (func (export "open_c") (result i32) (call $open (i32.const 280) (i32.const 1) (i32.const 24)))
  (func (export "own") (result i32) (call $info (call $own) (i32.const 64)))
  (func $give (export "give") (result i32)
    (local i32)
    (local.set 0 (call $delegate (call $own) (i32.const 9) (call $peer) (i32.const 24)))
    (if (i32.eqz (local.get 0)) (then (call $b_take (call $out))))
    (local.get 0))
  (func (export "give_by_move") (result i32)
    (local i32)
    (local.set 0 (call $derive (call $own) (i32.const 25) (i32.const 32)))
    (if (i32.eqz (local.get 0)) (then
      (local.set 0 (call $move (i64.load (i32.const 32)) (call $peer) (i32.const 24)))
      (call $b_take (call $out))))
    (local.get 0))
  (func (export "moved") (result i32) (call $info (i64.load (i32.const 32)) (i32.const 64)))
  (func (export "more_rights") (result i32) (call $derive (call $own) (i32.const 4) (i32.const 24)))
  (func (export "odd_rights") (result i32) (call $derive (call $own) (i32.const -1) (i32.const 24)))
  (func (export "made_up_peer") (result i32) (call $delegate (call $own) (i32.const 1) (i64.const 0xdead0001) (i32.const 24)))
  (func (export "give_the_peer") (result i32) (call $delegate (call $peer) (i32.const 2) (call $peer) (i32.const 24)))
  (func (export "move_the_peer") (result i32) (call $move (call $peer) (call $peer) (i32.const 24)))
  (func (export "revoke") (result i32) (call $revoke (call $own)))
  (func (export "close") (result i32) (call $close (call $own)))
  (func (export "fill") (result i32)
    (local i32 i32)
    (loop
      (local.set 0 (call $derive (call $own) (i32.const 1) (i32.const 24)))
      (if (i32.eqz (local.get 0)) (then (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br 1))))
    (i32.add (i32.mul (local.get 1) (i32.const 1000)) (local.get 0)))
  (func (export "forge") (result i32) (local i64 i32)
    (loop
      (if (i32.eqz (call $info (i64.or (i64.and (local.get 0) (i64.const 255)) (i64.shl (i64.shr_u (local.get 0) (i64.const 8)) (i64.const 16)))
                               (i32.const 64)))
        (then (local.set 1 (i32.add (local.get 1) (i32.const 1)))))
      (br_if 0 (i64.lt_u (local.tee 0 (i64.add (local.get 0) (i64.const 1))) (i64.const 16384))))
    (local.get 1))
  (func $edge (param i64) (result i32)
    (i32.add (i32.ne (call $info (local.get 0) (i32.const 64)) (i32.const 700)) (i32.ne (call $close (local.get 0)) (i32.const 700))))
  (func (export "edges") (result i32)
    (i32.add (i32.add (i32.add (call $edge (i64.const 0)) (call $edge (i64.const -1))) (call $edge (i64.const 0x8000000000000000)))
             (i32.add (call $edge (i64.const 0xffff)) (i32.add (call $edge (i64.const 0x1ffff)) (call $edge (i64.xor (call $own) (i64.const 0x10000)))))))
  (func (export "outside") (result i32) (call $derive (call $own) (i32.const 1) (i32.const 65529)))
  (func (export "far_outside") (result i32) (call $info (call $own) (i32.const -8)))
  (func (export "wide_name") (result i32) (call $open (i32.const 16) (i32.const -16) (i32.const 24)))
  (func (export "tell_c") (call $c_keep (call $own)))
  (func (export "ask_c") (result i32) (call $info (call $c_number) (i32.const 64)))
  (func (export "crash") unreachable)
  (func (export "export_state") (result i32) (call $save (i32.const 0) (i32.const 64)) (i32.const 0))
  (func (export "import_state") (result i32) (i32.ne (call $load (i32.const 0) (i32.const 64)) (i32.const 64)))
  (func (export "version") (result i32) (i32.const VERSION)))"""

BOB = "(module" + """
  (import "c" "take" (func $c_take (param i64)))""" + SERVICES + """
  (func (export "pass") (result i32)
    (local i32)
    (drop (call $open (i32.const 280) (i32.const 1) (i32.const 8)))
    (local.set 0 (call $delegate (call $given) (i32.const 9) (call $peer) (i32.const 24)))
    (if (i32.eqz (local.get 0)) (then (call $c_take (call $out))))
    (local.get 0))
  (func (export "more") (result i32) (call $derive (call $given) (i32.const 3) (i32.const 24)))
  (func (export "pass_more") (result i32)
    (drop (call $open (i32.const 280) (i32.const 1) (i32.const 8)))
    (call $delegate (call $given) (i32.const 31) (call $peer) (i32.const 24)))
  (func (export "as_peer") (result i32) (call $delegate (call $given) (i32.const 1) (call $given) (i32.const 24)))
  (func (export "give_back") (result i32) (call $close (call $given)))
  (func (export "crash") unreachable))"""

CAROL = "(module" + SERVICES + """
  (func (export "keep") (param i64) (i64.store (i32.const 40) (local.get 0)))
  (func (export "number") (result i64) (i64.load (i32.const 40)))
  (func (export "try") (result i32) (call $info (i64.load (i32.const 40)) (i32.const 64)))
  (func (export "try_close") (result i32) (call $close (i64.load (i32.const 40)))))"""

DEEP = "(module" + SERVICES + """
  (func (export "deep") (result i32)
    (local i32 i32)
    (drop (call $open (i32.const 256) (i32.const 6) (i32.const 24)))
    (loop
      (local.set 0 (call $derive (call $out) (i32.const 9) (i32.const 24)))
      (if (i32.eqz (local.get 0)) (then (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br 1))))
    (i32.add (i32.mul (local.get 1) (i32.const 1000)) (local.get 0))))"""

GREEDY = '(module (import "athanor" "open" (func (param i32 i32 i32) (result i32))) (import "athanor" "revoke" (func (param i64) (result i32))) (memory 1))'


def system(folder, text, modules):
    """A bundle of a manifest and its modules' texts."""
    for name, source in modules.items():
        (folder / f"{name}.wasm").write_bytes(assemble(folder, source))
    (folder / "caps.toml").write_text(text, encoding="utf-8")
    bundle = folder / "caps.bundle"
    subprocess.run([sys.executable, MKBUNDLE, folder / "caps.toml", "-o", bundle], check=True)
    return bundle


def three(folder):
    """alice may use target, and give handles to b; b to c; c nothing."""
    text = f"""[system]
name = "caps"
[[module]]
name = "target"
file = "target.wasm"
[[module]]
name = "c"
file = "carol.wasm"
capabilities = {HANDLES}
[[module]]
name = "b"
file = "bob.wasm"
capabilities = {HANDLES}
calls = {{ c = ["take"] }}
handles = {{ c = ["write"] }}
[[module]]
name = "alice"
file = "alice.wasm"
capabilities = [*, "state_save", "state_load"]
calls = {{ b = ["take"], c = ["keep", "number"] }}
handles = {{ target = ["read", "write", "delegate", "move"], b = ["write"] }}
limits = {{ handles = 8 }}
[[module]]
name = "alice-2"
file = "alice-2.wasm"
capabilities = [*, "state_save", "state_load"]
calls = {{ b = ["take"], c = ["keep", "number"] }}
version_of = "alice"
[[module]]
name = "deep"
file = "deep.wasm"
capabilities = {HANDLES}
handles = {{ target = ["read", "delegate"] }}
[[module]]
name = "greedy"
file = "greedy.wasm"
capabilities = ["open"]
handles = {{ target = ["read", "write", "control", "delegate", "move"] }}
""".replace("*", HANDLES[1:-1])
    return system(folder, text, {"target": "(module)", "carol": CAROL, "bob": BOB, "alice": ALICE.replace("VERSION", "1"),
                                 "alice-2": ALICE.replace("VERSION", "2"), "deep": DEEP, "greedy": GREEDY})


class Shell:
    """Calls of modules' functions: what they return."""

    def __init__(self, machine):
        self.machine = machine

    def expect(self, *calls):
        """Each (module, function, what it returns)."""
        for module, function, expected in calls:
            found = returned(self.machine, f"run {module} {function}")
            require(found == expected, f"{module}.{function}: {found}, not {expected}")

    def traps(self, module, function, code):
        answer = self.machine.command(f"run {module} {function}")
        require(code in answer, f"{module}.{function}: {answer}")

    def handles(self, module):
        return [row for row in keys(self.machine.command(f"caps -k {module}")) if "handle" in row]


def case_rights(args, folder):
    """No number that a module makes up is a handle; nobody has more rights than it was given; tables have an end."""
    with boot(args, three(folder)) as machine:
        machine.wait_for_shell()
        shell = Shell(machine)
        rows = shell.handles("alice")
        require([(row["name"], row["kind"], row["rights"], row["depth"]) for row in rows] ==
                [("target", "instance", "rw-dm", "0"), ("b", "instance", "-w---", "0")], f"alice begins with {rows}")
        shell.expect(("alice", "forge", 2), ("alice", "open", 0), ("alice", "forge", 2), ("alice", "own", 0), ("alice", "edges", 0),
                     ("alice", "open_nothing", NO_NAME), ("alice", "open_c", NO_NAME), ("alice", "own", 0))
        # Rights: of one's own handle, of the peer's, of one that was given.
        shell.expect(("alice", "more_rights", RIGHTS), ("alice", "odd_rights", RIGHTS), ("alice", "made_up_peer", STALE),
                     ("alice", "give_the_peer", RIGHTS), ("alice", "move_the_peer", RIGHTS),
                     ("alice", "give", 0), ("b", "look", 0), ("b", "rights", READ | DELEGATE), ("b", "depth", 1),
                     ("b", "more", RIGHTS), ("b", "pass_more", RIGHTS), ("b", "as_peer", RIGHTS))
        # Another module's number is nothing, or something else: never what the other one has.
        machine.command("run alice tell_c")
        shell.expect(("c", "try", STALE), ("c", "try_close", STALE), ("alice", "own", 0))
        # Full: alice has 8 places. Then one revocation frees all that was derived.
        shell.expect(("alice", "fill", 6000 + LIMIT), ("alice", "fill", LIMIT), ("alice", "forge", 8), ("alice", "revoke", 0),
                     ("b", "look", STALE), ("alice", "forge", 2), ("alice", "fill", 6000 + LIMIT), ("alice", "revoke", 0))
        require(any(row.get("handles_max") == "8" for row in keys(machine.command("caps -k alice"))), "caps does not show the limit")
        shell.expect(("deep", "deep", 32000 + DEPTH))
        # Closed is closed, and opened again it has another number.
        old = shell.handles("alice")
        shell.expect(("alice", "close", 0), ("alice", "own", STALE), ("alice", "close", STALE), ("alice", "open", 0), ("alice", "own", 0),
                     ("alice", "ask_c", STALE))
        new = shell.handles("alice")
        require(len(old) == len(new) == 2 and old != new, f"{old} {new}")
        # What was moved is no more with whom it was, and lives on without.
        shell.expect(("alice", "give_by_move", 0), ("alice", "moved", STALE), ("b", "look", 0), ("b", "rights", READ | DELEGATE | MOVE))
        for function in ("outside", "far_outside", "wide_name"):
            shell.traps("alice", function, "ALKA_601")
            machine.command("run alice open")
        require(state_of(machine, "greedy")["state"] == "refused", "an import without a capability was bound")
        require("needs a capability that was not granted" in machine.transcript, "nobody said why greedy was refused")
        status = machine.finish()
        require(status == STATUS_FAILED, f"status {status}")


def case_lives(args, folder):
    """Revoked through three modules at once; dead with the life that held it; alive over a swap; nothing is left behind."""
    with boot(args, three(folder)) as machine:
        machine.wait_for_shell()
        shell = Shell(machine)
        chain = (("alice", "open", 0), ("alice", "give", 0), ("b", "pass", 0), ("b", "look", 0), ("c", "look", 0))
        dead = (("b", "look", STALE), ("c", "look", STALE))
        shell.expect(*chain, ("c", "depth", 2), ("alice", "revoke", 0), *dead, ("alice", "own", 0), ("b", "pass", STALE))
        last = keys(machine.command("audit -k"))[-1]
        require((last["act"], last["from"], last["name"]) == ("revoke", "alice", "target"), f"audit ends with {last}")
        require("audit" in machine.command("log") and "delegate instance target" in machine.transcript, "the log has no audit lines")
        # The middle hand closes: what went on from it is dead, too, and the first is not.
        shell.expect(*chain, ("b", "give_back", 0), *dead, ("alice", "own", 0))
        # The middle one crashes: its grants are made again, what it was given is not.
        shell.expect(*chain)
        shell.traps("b", "crash", "ALKA_600")
        shell.expect(("c", "look", STALE))
        require([row["name"] for row in shell.handles("b")] == ["c"], "a new life does not begin with what the manifest grants")
        # The first crashes: a number of the life before is nothing in the next one.
        shell.expect(*chain)
        machine.command("run alice tell_c")
        before = shell.handles("alice")
        shell.expect(("alice", "ask_c", 0))
        shell.traps("alice", "crash", "ALKA_600")
        shell.expect(*dead, ("alice", "ask_c", STALE), ("alice", "open", 0), ("alice", "own", 0))
        require(shell.handles("alice")[0]["handle"] != before[0]["handle"], "a number came back to life")
        # A swap, and back: the same numbers, alive, with all that came from them.
        shell.expect(*chain)
        before = shell.handles("alice")
        machine.command("swap alice alice-2")
        shell.expect(("alice", "version", 2), ("alice", "own", 0), ("b", "look", 0), ("c", "look", 0))
        require(shell.handles("alice") == before, "a swap changes handles")
        machine.command("rollback alice")
        shell.expect(("alice", "version", 1), ("alice", "own", 0), ("b", "look", 0))
        machine.command("swap alice alice-2")
        shell.expect(("alice", "revoke", 0), *dead, ("alice", "give", 0), ("b", "look", 0))
        # From the console: gone with all that came from it, and not to be opened again in this life.
        shell.expect(*chain)
        machine.command("revoke alice target")
        shell.expect(*dead, ("alice", "own", STALE), ("alice", "open", RIGHTS), ("alice", "ask_c", STALE))
        require("grants no nothing" in machine.command("revoke alice nothing"), "what was revoked?")
        machine.command("restart alice")
        # Kills, stops and restarts; a peer that is not there gets nothing.
        machine.command("kill alice")
        shell.expect(*dead)
        machine.command("start alice")
        shell.expect(*chain)
        machine.command("restart alice")
        shell.expect(*dead)
        machine.command("run alice open; kill b")
        shell.expect(("alice", "give", CLOSED))
        machine.command("kill alice; kill c; kill deep; kill target")
        row = keys(machine.command("mem -k"))[0]
        require((row["capabilities"], row["parcels"]) == ("0", "0"), f"capabilities are left: {row}")
        # Around and around.
        machine.command("start target; start c; start b; start alice; run alice open; run alice give; run alice crash")
        held = keys(machine.command("mem -k"))[0]
        for _ in range(5):
            machine.command("run alice open; run alice give; run b pass; run alice fill; run alice crash; run b crash")
        after = keys(machine.command("mem -k"))[0]
        require((after["capabilities"], after["objects"]) == (held["capabilities"], held["objects"]) and
                int(after["heap_used_bytes"]) <= int(held["heap_used_bytes"]), f"something is left each time: {held}, later {after}")
        machine.finish()


CLOCKS = """(module
  (import "athanor" "clock_ns" (func $clock (result i64)))
  (import "athanor" "sleep_until" (func $sleep (param i64) (result i32)))
  (import "judge" "now" (func $now (result i64)))
  (func $between (param i64) (result i32) (local i32 i32)
    (loop
      (local.set 1 (i32.add (local.get 1) (i64.ne (i64.rem_u (call $clock) (local.get 0)) (i64.const 0))))
      (br_if 0 (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 2000))))
    (local.get 1))
  (func (export "between_ms") (result i32) (call $between (i64.const 1000000)))
  (func (export "between_us") (result i32) (call $between (i64.const 1000)))
  ;; How often sleeping woke up before the clock's next tick.
  (func (export "early") (result i32) (local i64 i32 i32)
    (loop
      (local.set 0 (call $clock))
      (drop (call $sleep (i64.add (local.get 0) (i64.const 1))))
      (local.set 1 (i32.add (local.get 1) (i64.lt_u (call $now) (i64.add (local.get 0) (i64.const 1000000)))))
      (br_if 0 (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 20))))
    (local.get 1))
  (func (export "forever") (result i32) (call $sleep (i64.const -1))))"""
JUDGE = '(module (import "athanor" "clock_ns" (func $clock (result i64))) (func (export "now") (result i64) (call $clock)))'


def case_clock(args, folder):
    """No module sees finer time than its manifest says: not by looking, and not by waking up."""
    common = 'capabilities = ["clock_ns", "sleep_until"]\ncalls = { judge = ["now"] }\n'
    text = ('[system]\nname = "clocks"\n[[module]]\nname = "judge"\nfile = "judge.wasm"\ncapabilities = ["clock_ns"]\nclock_resolution_ns = 1\n'
            f'[[module]]\nname = "coarse"\nfile = "clocks.wasm"\n{common}'
            f'[[module]]\nname = "fine"\nfile = "clocks.wasm"\nclock_resolution_ns = 1000\n{common}')
    with boot(args, system(folder, text, {"judge": JUDGE, "clocks": CLOCKS})) as machine:
        machine.wait_for_shell()
        shell = Shell(machine)
        shell.expect(("coarse", "between_ms", 0), ("fine", "between_us", 0), ("coarse", "early", 0))
        require(returned(machine, "run fine between_ms") > 1000, "the finer clock is not finer")
        require(returned(machine, "run fine early") > 0, "nothing ever wakes early: the test is blind")
        row = next(row for row in keys(machine.command("caps -k fine")) if "clock_resolution_ns" in row)
        require(row["clock_resolution_ns"] == "1000", f"caps says {row}")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


NOISY = """(module
  (import "athanor" "log" (func $log (param i32 i32)))
  (memory 1) (data (i32.const 0) "noise")
  (func (export "noise") (local i32)
    (loop
      (call $log (i32.const 0) (i32.const 5))
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 300)))))
  (func (export "word") (call $log (i32.const 0) (i32.const 5))))"""


def case_log_rate(args, folder):
    """A module that logs all the time is cut short, and the log says by how much; others write on."""
    text = '[system]\nname = "noise"\n' + "".join(f'[[module]]\nname = "{name}"\nfile = "noisy.wasm"\ncapabilities = ["log"]\n{limit}\n'
                                                 for name, limit in (("bounded", "limits.log_rate = 10"), ("free", "")))
    with boot(args, system(folder, text, {"noisy": NOISY})) as machine:
        machine.wait_for_shell()
        lines = machine.command("run bounded noise").count("bounded: noise\n")
        require(10 <= lines <= 20, f"{lines} lines")
        time.sleep(1.2)
        answer = machine.command("run bounded word")
        require(f"bounded: wrote {300 - lines} more lines than it may" in answer and answer.count("bounded: noise\n") == 1, answer)
        require(machine.command("run free noise").count("free: noise\n") == 300, "a module without a limit is cut short")
        row = next(row for row in keys(machine.command("caps -k bounded")) if "log_rate_max" in row)
        require((row["log_rate_max"], row["log_lines_refused"]) == ("10", str(300 - lines)), f"caps says {row}")
        machine.finish()


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__))
