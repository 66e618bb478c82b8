#!/usr/bin/env python3
"""Modules that come after the boot. One case per run: loading_test.py --build FOLDER CASE."""
import argparse
import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from kernel_test import STATUS_GOOD, BootError, Failed, assemble, boot, keys, make_bundle, require, state_of  # noqa: E402

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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="the folder with athanor.elf")
    parser.add_argument("case", choices=sorted(name[len("case_"):] for name in globals() if name.startswith("case_")))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            globals()[f"case_{args.case}"](args, Path(folder))
        except (BootError, Failed) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
