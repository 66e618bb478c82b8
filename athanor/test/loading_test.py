#!/usr/bin/env python3
"""Modules that come after the boot. One case per run: loading_test.py --build FOLDER CASE."""
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from caps_test import Shell  # noqa: E402
from kernel import MKBUNDLE, ROOT, STATUS_GOOD, Failed, assemble, boot, keys, make_bundle, require, run_cases, state_of  # noqa: E402

STALE, KIND, RIGHTS, FULL, CLOSED, NO_NAME, NAME_TAKEN, LIMIT, ARGUMENT = 700, 701, 702, 703, 712, 715, 716, 717, 718
READ, WRITE, CONTROL, DELEGATE = 1, 2, 4, 8
CALLS, SIBLINGS = 1, 2

LATE = """(module (memory 1) (global $calls (mut i32) (i32.const 0))
  (func (export "main") (result i32) (i32.const 0))
  (func (export "count") (result i32) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls)))"""
ASKER = '(module (import "late" "count" (func $count (result i32))) (func (export "ask") (result i32) (call $count)))'
BUSY = '(module (func (export "spin") (loop (br 0))))'


def case_later(args, folder):
    """What the bundle has for later is not there until somebody loads it; loading and unloading loses nothing."""
    later = 'load = "later"'
    bundle = make_bundle(folder, [
        ("early", assemble(folder, LATE), ['start = ["main"]']),
        ("late", assemble(folder, LATE), [later, 'start = ["main"]', "limits = { memory_pages = 2 }"]),
        ("asker", assemble(folder, ASKER), [later, 'calls = { late = ["count"] }']),
        ("busy", assemble(folder, BUSY), [later, 'threads = ["spin"]']),
        ("watched", assemble(folder, LATE), [later, 'supervisor = "root"', 'start = ["main"]']),
        ("broken", b"\0asm\1\0\0\0\xff", [later])])
    with boot(args, bundle) as machine:
        machine.wait_for_shell()
        require("1 of 1 start functions" in machine.transcript, f"the boot starts more than what it loads:\n{machine.transcript}")
        for name in ("late", "asker", "busy", "watched", "broken"):
            require(state_of(machine, name)["state"] == "unloaded", f"{name} was loaded at boot")
        require("is unloaded" in machine.command("run late count"), "what was not loaded runs")
        require("caps" in machine.command("help caps") and "granted" not in machine.command("caps late"), "caps of what is not loaded")
        require("ALKA_" in machine.command("load asker"), "a module was loaded before the one that it imports from")
        require("main returned 0" in machine.command("load late"), "it is not started when it is loaded")
        require("is loaded already" in machine.command("load late"), "it was loaded twice")
        require("is loaded already" in machine.command("load early"), "what the boot loaded was loaded again")
        machine.command("load asker")
        require("returned 1 in" in machine.command("run asker ask"), "its import is not bound")
        require("asker imports from it" in machine.command("unload late"), "what is needed was unloaded")
        machine.command("load broken")
        require(state_of(machine, "broken")["state"] == "refused", "malformed bytes were loaded")
        machine.command("load watched")
        require(keys(machine.command("tree -k"))[-1]["state"] == "up", "its supervisor does not start it")
        machine.command("unload watched")
        require(state_of(machine, "watched")["state"] == "unloaded", "it stays loaded")
        machine.command("load watched")
        require(state_of(machine, "watched")["state"] == "ready", "it is not loaded again")
        machine.command("load busy")
        require("busy" in machine.command("threads"), "its threads do not run")
        machine.command("unload busy")
        require("no such module" in machine.command("load nobody"), "nobody was loaded")

        round_trip = "unload asker; unload late; load late; load asker; load busy; unload busy"

        def memory():
            """What is used, when the threads of what was unloaded have ended."""
            machine.command(round_trip)
            for _ in range(20):
                if "busy" not in machine.command("threads"):
                    break
            return keys(machine.command("mem -k"))

        memory()  # the books of the code space grow once
        before = memory()
        for _ in range(3):
            after = memory()
            require("returned 1 in" in machine.command("run asker ask"), "not as new after unload and load")
        require(before == after, f"loading loses memory:\n{before}\n{after}")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


# A module that loads others. Its memory: handles from 0 on, the state at 512, its own names from 600 on, then what it loads.
LOADER = """(module
  (import "athanor" "open" (func $open (param i32 i32 i32) (result i32)))
  (import "athanor" "close" (func $close (param i64) (result i32)))
  (import "athanor" "derive" (func $derive (param i64 i32 i32) (result i32)))
  (import "athanor" "revoke" (func $revoke (param i64) (result i32)))
  (import "athanor" "channel_post" (func $post (param i64 i32 i64) (result i32)))
  (import "athanor" "module_load" (func $load (param i32 i32) (result i32)))
  (import "athanor" "module_start" (func $start (param i64 i32 i32) (result i32)))
  (import "athanor" "module_state" (func $state (param i64 i32) (result i32)))
  (import "athanor" "module_unload" (func $unload (param i64) (result i32)))
  (memory (export "memory") PAGES)
  (data (i32.const 600) "run") (data (i32.const 608) "work") (data (i32.const 616) "nothing") (data (i32.const 624) "odd")
  (func (export "open_work") (result i32) (call $open (i32.const 608) (i32.const 4) (i32.const 0)))
  (func (export "open_itself") (result i32) (call $open (i32.const 640) (i32.const 6) (i32.const 8)))
  (data (i32.const 640) "target")
  (func (export "control_itself") (result i32) (call $unload (i64.load (i32.const 8))))
  (func (export "look_itself") (result i32) (call $state (i64.load (i32.const 8)) (i32.const 512)))
  (func (export "is") (result i32) (i32.load (i32.const 512)))
  (func (export "threads") (result i32) (i32.load (i32.const 516)))
  (func (export "ended") (result i32) (i32.load (i32.const 520)))
  (func (export "last") (result i32) (i32.load (i32.const 524)))
  (func (export "traps") (result i32) (i32.load (i32.const 536)))
  (func (export "crash") unreachable)
  (func (export "outside") (result i32) (call $load (i32.const -8) (i32.const 0)))
  (func (export "out_outside") (result i32) (call $load (i32.const 1024) (i32.const -4)))
  (func (export "made_up") (result i32) (i32.add (i32.add (call $state (i64.const 12345678) (i32.const 512)) (call $unload (i64.const -1)))
                                                 (call $start (i64.const 0) (i32.const 600) (i32.const 3))))
FUNCTIONS)"""
PER_MODULE = """
  (func (export "load_KEY") (result i32) (call $load (i32.const TERMS) (i32.const HANDLE)))
  (func (export "start_KEY") (result i32) (call $start (i64.load (i32.const HANDLE)) (i32.const 600) (i32.const 3)))
  (func (export "odd_KEY") (result i32) (call $start (i64.load (i32.const HANDLE)) (i32.const 624) (i32.const 3)))
  (func (export "nothing_KEY") (result i32) (call $start (i64.load (i32.const HANDLE)) (i32.const 616) (i32.const 7)))
  (func (export "state_KEY") (result i32) (call $state (i64.load (i32.const HANDLE)) (i32.const 512)))
  (func (export "unload_KEY") (result i32) (call $unload (i64.load (i32.const HANDLE))))
  (func (export "close_KEY") (result i32) (call $close (i64.load (i32.const HANDLE))))
  (func (export "revoke_KEY") (result i32) (call $revoke (i64.load (i32.const HANDLE))))
  (func (export "weaken_KEY") (result i32) (call $derive (i64.load (i32.const HANDLE)) (i32.const 1) (i32.const HANDLE)))
  (func (export "send_KEY") (result i32)
    (i32.store (i32.const 816) (i32.const 0)) (i32.store (i32.const 804) (i32.const 0)) (i32.store (i32.const 808) (i32.const 1))
    (i64.store (i32.const 816) (i64.load (i32.const HANDLE))) (i32.store (i32.const 824) (i32.const 5))
    (call $post (i64.load (i32.const 0)) (i32.const 800) (i64.const 0)))
  (func (export "many_KEY") (result i32) (local i32 i32)
    (loop
      (local.set 1 (i32.add (local.get 1) (i32.ne (call $load (i32.const TERMS) (i32.const HANDLE)) (i32.const 0))))
      (local.set 1 (i32.add (local.get 1) (i32.ne (call $unload (i64.load (i32.const HANDLE))) (i32.const 0))))
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))
    (local.get 1))"""


def loader(folder, modules):
    """A loader of {key: (bytes, {what the terms say besides})}."""
    data, functions, at = "", "", 1024

    def put(content):
        nonlocal data, at
        data += f'  (data (i32.const {at}) "{"".join(f"{chr(92)}{byte:02x}" for byte in content)}")\n'
        start, at = at, (at + len(content) + 15) & ~15
        return start

    for index, (key, (content, terms)) in enumerate(modules.items()):
        handle = 16 + 8 * index
        grants = b""
        for source, rights, name in terms.get("grants", ()):
            grants += struct.pack("<QII32s", source, rights, len(name), name.encode())
        name, capabilities = terms.get("name", key).encode(), terms.get("capabilities", "").encode()
        packed = struct.pack("<12I", put(content), terms.get("size", len(content)), put(name), len(name), put(capabilities), len(capabilities),
                             put(grants), len(grants) // 48, terms.get("pages", 1), terms.get("handles", 8), terms.get("flags", 0), 0)
        functions += PER_MODULE.replace("KEY", key).replace("TERMS", str(put(packed))).replace("HANDLE", str(handle))
        for place, other in terms.get("from", ()):  # a grant's handle is one that this module has by then
            functions = functions.replace(f'(export "load_{key}") (result i32)', f'(export "load_{key}") (result i32) '
                                          f"(i64.store (i32.const {grants_at(packed) + 48 * place}) (i64.load (i32.const {other})))")
    return assemble(folder, LOADER.replace("PAGES", str(at // 65536 + 1)).replace("FUNCTIONS", data + functions))


def grants_at(terms):
    return struct.unpack("<12I", terms)[6]


LOADER_SERVICES = ["open", "close", "derive", "revoke", "channel_post", "module_load", "module_start", "module_state", "module_unload"]
PASSED = ["log", "open", "channel_receive", "module_unload"]
GUEST = """(module
  (import "athanor" "log" (func $log (param i32 i32)))
  (memory 1) (data (i32.const 0) "hello from a guest")
  (func (export "run") (result i32) (call $log (i32.const 0) (i32.const 18)) (i32.const 7))
  (func (export "odd") (param i32) (result i32) (local.get 0))
  (func (export "crash") unreachable))"""
SLEEPER = """(module (import "athanor" "sleep_until" (func $sleep (param i64) (result i32)))
  (import "athanor" "clock_ns" (func $clock (result i64)))
  (func (export "sleep") (result i32) (call $sleep (i64.add (call $clock) (i64.const 700000000)))))"""
RECEIVER = """(module (import "athanor" "open" (func $open (param i32 i32 i32) (result i32)))
  (import "athanor" "channel_receive" (func $receive (param i64 i32 i32 i32 i64) (result i32)))
  (import "athanor" "module_unload" (func $unload (param i64) (result i32)))
  (memory 1) (data (i32.const 0) "work")
  (func (export "run") (result i32) (local i32)
    (if (local.tee 0 (call $open (i32.const 0) (i32.const 4) (i32.const 16))) (then (return (local.get 0))))
    (if (local.tee 0 (call $receive (i64.load (i32.const 16)) (i32.const 100) (i32.const 16) (i32.const 200) (i64.const -1)))
      (then (return (local.get 0))))
    (drop (call $unload (i64.load (i32.const 224)))) ;; itself
    unreachable))"""
MIDDLE = '(module (import "sleeper" "sleep" (func $sleep (result i32))) (func (export "call") (result i32) (call $sleep)))'
ASKER_OF_MIDDLE = '(module (import "middle" "call" (func $call (result i32))) (func (export "run") (result i32) (call $call)))'


def loaders(folder, modules, grant=""):
    """A bundle with a loader, and with what it may call and hold."""
    passed = ", ".join(f'"{name}"' for name in PASSED)
    own = ", ".join(f'"{name}"' for name in [*LOADER_SERVICES, "log", "channel_receive", "random"])
    limits = grant or "modules = 4, memory_pages = 8, code_bytes = 4000000, handles = 32, threads = 3"
    return make_bundle(folder, [
        ("target", b"\0asm\1\0\0\0", []),
        ("sleeper", assemble(folder, SLEEPER), ['capabilities = ["sleep_until", "clock_ns"]']),
        ("loader", loader(folder, modules),
         [f"capabilities = [{own}]", 'calls = { sleeper = ["sleep"] }', f"loader = {{ {limits}, pass_on = [{passed}], pass_calls = true }}",
          'handles = { work = ["read", "write", "delegate"], target = ["read", "control"] }', "limits = { handles = 16 }"]),
        ("twin", b"\0asm\1\0\0\0", [])], ['[[channel]]', 'name = "work"', "message_max = 16", "places = 4"])


def there(machine, name):
    return any(row["module"] == name for row in keys(machine.command("ps -k")))


def gone(machine, *names):
    """They are not there any more, or are not soon; nor are their threads. (A line of the log can break a row.)"""
    for _ in range(40):
        shown = machine.command("ps -k; threads -k")
        if "[" not in shown and not any(re.search(rf'="?{name}"?\s', shown) for name in names):
            return True
        time.sleep(0.05)
    return False


def figures(machine):
    """What is used: the same again means that nothing is left behind."""
    rows = []
    while not rows:  # a line of the log may have come into the middle of it
        rows = [row for row in keys(machine.command("mem -k")) if "parcels" in row and "heap_used_bytes" in row]
    row = rows[0]
    return {key: row[key] for key in ("heap_used_bytes", "slot_bytes", "code_bytes", "page_bytes", "slot_space_bytes", "objects", "capabilities",
                                      "bad_gives")}


def case_guest(args, folder):
    """A module that a module loads is like any other: started, seen, reset, unloaded. A thousand of them leave nothing behind."""
    guest = assemble(folder, GUEST)
    modules = {"guest": (guest, {"capabilities": "log open"})}
    with boot(args, loaders(folder, modules)) as machine:
        machine.wait_for_shell()
        shell = Shell(machine)
        machine.command("run loader crash")  # what is kept of that stays
        nothing = figures(machine)
        shell.expect(("loader", "load_guest", 0), ("loader", "state_guest", 0), ("loader", "is", 1), ("loader", "ended", 0))
        require(state_of(machine, "guest")["state"] == "ready", "ps does not show it")
        caps = machine.command("caps guest")
        require("loaded by loader" in caps and "granted  log" in caps and "bound    athanor.log" in caps, f"caps: {caps}")
        rows = keys(machine.command("caps -k loader"))
        require(any(row.get("loaded") == "1" and row["loaded_max"] == "4" and row["loaded_pages"] == "1" for row in rows), f"caps loader: {rows}")
        require(any(row["act"] == "grant" and row["name"] == "guest" and row["to"] == "loader" for row in keys(machine.command("audit -k"))
                    if "act" in row), "no grant of it in the audit")
        machine.command("trace guest")
        shell.expect(("loader", "start_guest", 0))
        machine.command("threads")
        require("guest: hello from a guest" in machine.transcript, "it does not run")
        shell.expect(("loader", "state_guest", 0), ("loader", "ended", 1), ("loader", "last", 7), ("loader", "threads", 0),
                     ("loader", "odd_guest", ARGUMENT), ("loader", "nothing_guest", NO_NAME), ("guest", "run", 7))
        shell.traps("guest", "crash", "ALKA_600")
        require("guest: crash +" in machine.command("dump guest"), "no post-mortem")
        trace = machine.command("trace; trace off")
        require("guest            call     function=run" in trace, f"trace: {trace}")
        shell.expect(("loader", "state_guest", 0), ("loader", "traps", 1), ("guest", "run", 7), ("loader", "load_guest", NAME_TAKEN))
        machine.command("stop guest; start guest")
        shell.expect(("guest", "run", 7), ("loader", "unload_guest", 0))
        require(not there(machine, "guest") and "no such module" in machine.command("run guest run"), "it is still there")
        shell.expect(("loader", "state_guest", STALE), ("loader", "start_guest", STALE), ("loader", "unload_guest", STALE), ("loader", "made_up", 3 * STALE))
        require(figures(machine) == nothing, f"something is left: {nothing}, later {figures(machine)}")
        # By the console, by closing the handle, by the end of the loader's life.
        for end in ("unload guest", "run loader close_guest", "run loader crash", "kill loader; start loader"):
            shell.expect(("loader", "load_guest", 0))
            machine.command(end)
            require(gone(machine, "guest"), f"{end}: it is still there")
            require(figures(machine) == nothing, f"{end}: something is left: {nothing}, later {figures(machine)}")
        shell.expect(("loader", "many_guest", 0))
        require(gone(machine, "guest") and figures(machine) == nothing, f"a thousand leave something: {nothing}, later {figures(machine)}")
        require(any(row.get("loaded") == "0" and row["loaded_code_bytes"] == row["loaded_handles"] == "0"
                    for row in keys(machine.command("caps -k loader"))), "they are still counted")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def module(folder, body):
    return assemble(folder, f"(module {body})")


def case_bounds(args, folder):
    """What is more than the loader may pass on, or is no module, is a code to who asked, and nothing of it stays."""
    guest = assemble(folder, GUEST)
    randoms = module(folder, '(import "athanor" "random" (func (param i32 i32)))')
    table = module(folder, '(table (export "t") 1 funcref) (func (export "f"))')
    large = module(folder, " ".join(f"(func (export \"f{i}\") (param i32) (result i32) (i32.popcnt (i32.div_u (local.get 0) (i32.const {i + 3}))))"
                                    for i in range(1500)))
    good = {"capabilities": "log"}
    expected = {  # key: (bytes, terms, what loading returns)
        "file": (guest, {"size": len(large) + 5000}, LIMIT), "empty": (b"", {}, "any"), "cut": (guest[:-9], good, "any"), "garbage": (b"\0asm\1\0\0\0" + b"\xff" * 50, {}, "any"),
        "text": (b"(module)", {}, "any"), "invalid": (module(folder, '(func (result i32) (i32.const 1))').replace(b"\x41\x01", b"\x42\x01"), {}, "any"),
        "machine": (b"\x89ALK\r\n\x1a\n" + bytes(100), {}, "any"),
        "unlisted": (guest, {}, 202), "notours": (randoms, {"capabilities": "log random"}, RIGHTS), "hidden": (randoms, good, 202),
        "nosuch": (guest, {"capabilities": "log lgo"}, NO_NAME), "wide": (guest, {"capabilities": "log" * 400}, ARGUMENT),
        "spaces": (guest, {"capabilities": "  log   log "}, 0),
        "target": (guest, good, NAME_TAKEN), "work": (guest, good, NAME_TAKEN), "kernel": (guest, good, NAME_TAKEN),
        "noname": (guest, {**good, "name": ""}, ARGUMENT), "upper": (guest, {**good, "name": "Guest"}, ARGUMENT),
        "longname": (guest, {**good, "name": "a" * 33}, ARGUMENT), "control": (guest, {**good, "name": "a\x1b[2J"}, ARGUMENT),
        "flags": (guest, {**good, "flags": 4}, ARGUMENT), "pages": (guest, {**good, "pages": 9}, LIMIT),
        "allpages": (guest, {**good, "pages": 2**32 - 1}, LIMIT), "few": (guest, {**good, "pages": 0}, "any"),
        "handles": (guest, {**good, "handles": 33}, LIMIT), "native": (large, {}, LIMIT),
        "memories": (module(folder, '(memory 1) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)'), {}, "any"),
        "start": (module(folder, "(func $s unreachable) (start $s)"), {}, "any"),
        "grant": (guest, {**good, "grants": [(0x777777, READ, "x")]}, STALE), "oddrights": (guest, {**good, "grants": [(1 << 16, 32, "x")]}, ARGUMENT),
        "sleepy": (module(folder, '(import "sleeper" "sleep" (func (result i32)))'), {}, "2xx"),
        "strange": (module(folder, '(import "target" "f" (func))'), {"flags": CALLS}, "2xx"),
        "other": (module(folder, '(import "spaces" "run" (func (result i32)))'), {"flags": CALLS}, "2xx"),
        "shared": (table, {}, 0),
        "thief": (module(folder, '(import "shared" "t" (table 1 funcref))'), {"flags": SIBLINGS}, "2xx"),
        "brother": (module(folder, '(import "spaces" "run" (func $r (result i32))) (func (export "run") (result i32) (call $r))'), {"flags": SIBLINGS}, 0),
    }
    modules = {key: (content, terms) for key, (content, terms, _) in expected.items()}
    limits = f"modules = 3, memory_pages = 8, code_bytes = {len(large) + 4000}, handles = 32, threads = 1"
    with boot(args, loaders(folder, modules, limits)) as machine:
        machine.wait_for_shell()
        shell = Shell(machine)
        shell.traps("loader", "outside", "ALKA_601")
        shell.traps("loader", "out_outside", "ALKA_601")
        nothing = figures(machine)
        kept = []
        for key, (_, _, status) in expected.items():
            answer = machine.command(f"run loader load_{key}")
            found = int(answer.rsplit("returned ", 1)[1].split()[0]) if "returned" in answer else answer
            right = isinstance(found, int) and (found == status or (status == "any" and found > 0) or
                                                (isinstance(status, str) and status[1:] == "xx" and str(found).startswith(status[0])))
            require(right, f"{key}: {found}, not {status}:\n{answer}")
            kept += [key] if status == 0 else []
            if status != 0:
                require(key in ("target", "work", "kernel") or gone(machine, key), f"{key} is there")
        shell.expect(("brother", "run", 7), ("loader", "load_unlisted", LIMIT))  # three are there
        shell.expect(("loader", "open_itself", 0), ("loader", "look_itself", 0), ("loader", "is", 1), ("loader", "control_itself", KIND))
        # A handle with fewer rights does what they say; the name is free again when its owner is gone.
        shell.expect(("loader", "unload_spaces", 0))
        shell.traps("brother", "run", "ALKA_619")
        require("gone: calling it traps" in machine.command("caps brother"), "caps shows what is gone as if it was there")
        shell.expect(("loader", "unload_brother", 0), ("loader", "unload_shared", 0))
        require(figures(machine) == nothing, f"something is left: {nothing}, later {figures(machine)}")
        shell.expect(("loader", "load_spaces", 0), ("loader", "weaken_spaces", 0), ("loader", "state_spaces", 0), ("loader", "start_spaces", RIGHTS),
                     ("loader", "unload_spaces", RIGHTS))
        machine.command("unload spaces")
        shell.expect(("loader", "state_spaces", STALE), ("loader", "load_spaces", 0), ("loader", "revoke_spaces", 0), ("loader", "state_spaces", 0))
        machine.command("kill loader")
        require(gone(machine, "spaces"), "it outlives its loader")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def wait_for(machine, command, found):
    for _ in range(100):
        if re.search(found, machine.command(command)):
            return
        time.sleep(0.01)
    raise Failed(f"{command}: never {found}")


def case_ends(args, folder):
    """Loaders and what they load end in the middle of what they do: nobody else is hurt, and nothing is left."""
    long = module(folder, " ".join("(func (param i64) (result i64) (local.get 0)" + "(i64.mul (i64.const 3)) (i64.add (local.get 0))" * 40 + ")"
                                   for _ in range(1500)))
    work = {"capabilities": "open channel_receive module_unload", "grants": [(1, READ, "work")], "from": [(0, 0)]}
    modules = {"long": (long, {}), "endless": (module(folder, "(func $s (loop (br 0))) (start $s)"), {}),
               "spinner": (module(folder, '(func (export "run") (loop (br 0)))'), {}),
               "receiver": (assemble(folder, RECEIVER), work), "greedy": (assemble(folder, RECEIVER), {**work, "grants": [(1, READ | CONTROL, "work")]}),
               "middle": (assemble(folder, MIDDLE), {"flags": CALLS}), "asker": (assemble(folder, ASKER_OF_MIDDLE), {"flags": SIBLINGS})}
    with boot(args, loaders(folder, modules)) as machine:
        machine.wait_for_shell()
        shell = Shell(machine)
        machine.command("run loader crash")
        nothing = figures(machine)

        def clean(what, *names):
            require(gone(machine, *names), f"{what}: {names} are still there")
            now = figures(machine)
            require(now == nothing, f"{what}: something is left: {nothing}, later {now}")

        # While it is compiled, and while its start section runs, others run, and can end it.
        for name in ("long", "endless"):
            for end in (f"unload {name}", "kill loader; start loader", "inject loader trap"):
                machine.command(f"spawn loader load_{name}")
                wait_for(machine, "ps -k", f"module={name} state=loading")
                require("is loading" in machine.command(f"run {name} run"), f"{name}: is called before its time")
                machine.command(end)
                machine.command(f"start {name}")
                clean(f"{end}, while {name} is loaded", name)
                require("loader" not in machine.command("threads"), f"{end}: the loader's thread is still there")
        # A thread that runs, one that sleeps in a channel; ended by the loader, by the console, with the loader.
        for name in ("spinner", "receiver"):
            for end in (f"run loader unload_{name}", f"unload {name}", "kill loader; start loader", f"run loader close_{name}", "run loader crash"):
                shell.expect(("loader", "open_work", 0), ("loader", f"load_{name}", 0), ("loader", f"start_{name}", 0))
                wait_for(machine, f"run loader state_{name}; run loader threads", "threads returned 1")
                machine.command(end)
                machine.command("run loader crash")  # and what it has opened is closed
                clean(f"{end}, while {name} runs", name)
        # It unloads itself; and is not given what the loader could not pass on.
        shell.expect(("loader", "open_work", 0), ("loader", "load_greedy", RIGHTS), ("loader", "load_receiver", 0), ("loader", "start_receiver", 0))
        shell.expect(("loader", "send_receiver", 0))
        require(gone(machine, "receiver"), "it does not end itself")
        shell.expect(("loader", "state_receiver", STALE))
        machine.command("run loader crash")
        clean("unloading oneself", "receiver")
        # In the middle of a chain: the callee goes on, the caller is told.
        for first, second in (("middle", "asker"), ("asker", "middle")):
            shell.expect(("loader", "load_middle", 0), ("loader", "load_asker", 0), ("loader", "start_asker", 0))
            wait_for(machine, "threads -k", r'name="asker" priority=\d+ state=waiting ')
            shell.expect(("loader", f"unload_{first}", 0))
            require(not there(machine, first) and there(machine, second), f"{first} was to go, {second} to stay")
            if first == "middle":
                wait_for(machine, "run loader state_asker; run loader ended", "ended returned 1")
                answer = machine.command("run loader last")
                require("returned 618" in answer or "returned 619" in answer, f"what became of its call: {answer}")
            shell.expect(("loader", f"unload_{second}", 0), ("sleeper", "sleep", 0))
            machine.command("run loader crash")
            clean(f"unloading {first} in the middle", "middle", "asker")
        # More threads than the loader may have in all of them.
        shell.expect(("loader", "load_spinner", 0), *[("loader", "start_spinner", status) for status in (0, 0, 0, LIMIT)])
        machine.command("unload spinner; run loader crash")
        clean("three threads", "spinner")
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def case_example(args, folder):
    """The SDK's example: a module loads another, gets its answer, and nothing of it is left."""
    bundle = folder / "plugins.bundle"
    subprocess.run([sys.executable, MKBUNDLE, ROOT / "iso" / "systems" / "plugins.toml", "-o", bundle, "--search", args.modules], check=True)
    with boot(args, bundle) as machine:
        machine.wait_for_shell()
        require("host: 6 times 7 is 42" in machine.transcript, f"no answer:\n{machine.transcript}")
        require(gone(machine, "plugin"), "it is still there")
        before = figures(machine)
        for _ in range(3):
            require("main returned 0" in machine.command("run host"), "not a second time")
        require(gone(machine, "plugin") and figures(machine) == before, f"something is left: {before}, later {figures(machine)}")
        require(machine.finish() == STATUS_GOOD, "the boot score")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__, modules="the folder with the examples' .wasm files"))
