#!/usr/bin/env python3
"""Shared buffers between modules in the running kernel: what the page tables allow is what was lent, whoever touches it."""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from kernel import MKBUNDLE, ROOT, BootError, Failed, boot, keys, make_bundle, require  # noqa: E402

PLACE = 0x10000  # where both have the buffer: page 16 of the memory
PAGES = 16
VALUE = 42
SERVICES = {"open": "i32 i32 i32", "close": "i64", "revoke": "i64", "random": "i32 i32", "buffer_create": "i32 i32", "buffer_place": "i64 i32",
            "buffer_displace": "i64", "buffer_lend": "i64 i64 i32 i32", "buffer_return": "i64", "buffer_recall": "i64 i64",
            "buffer_give": "i64 i64 i32", "buffer_info": "i64 i32"}

# What code can do to the place: all of it is allowed to who may write. The address is a constant, or not known to the compiler.
WRITES = {
    "store": f"(i32.store (i32.const {PLACE}) (i32.const 7))",
    "store_far": f"(i32.store offset={PLACE} (global.get $zero) (i32.const 7))",
    "store_byte": f"(i32.store8 (i32.add (global.get $zero) (i32.const {PLACE + PAGES * 4096 - 1})) (i32.const 7))",
    "store_wide": f"(v128.store (i32.const {PLACE + 4096}) (v128.const i64x2 7 7))",
    "store_across": f"(i64.store (i32.const {PLACE - 4}) (i64.const -1))",
    "add": f"(i32.store (i32.const {PLACE}) (i32.add (i32.load (i32.const {PLACE})) (i32.const 1)))",
    "atomic_add": f"(drop (i32.atomic.rmw.add (i32.const {PLACE}) (i32.const 1)))",
    "atomic_store": f"(i64.atomic.store (i32.const {PLACE + 8}) (i64.const 1))",
    "exchange": f"(drop (i32.atomic.rmw.cmpxchg (i32.const {PLACE}) (i32.const {VALUE}) (i32.const 1)))",
    "fill": f"(memory.fill (i32.const {PLACE}) (i32.const 7) (i32.const {PAGES * 4096}))",
    "fill_across": f"(memory.fill (i32.const {PLACE - 4096}) (i32.const 7) (i32.const 8192))",
    "copy": f"(memory.copy (i32.const {PLACE + 4}) (i32.const 0) (global.get $bytes))",
    "copy_small": f"(memory.copy (i32.const {PLACE + 4}) (i32.const 0) (i32.const 8))",
    "copy_within": f"(memory.copy (i32.const {PLACE}) (i32.const {PLACE + 4096}) (i32.const 4096))",
    "init": f"(memory.init $text (i32.const {PLACE}) (i32.const 0) (i32.const 4))",
    "random": f"(call $random (i32.const {PLACE + 4000}) (i32.const 200))",
    "info": f"(drop (call $buffer_info (global.get $handle) (i32.const {PLACE})))",
}
READS = {
    "load": f"(drop (i32.load (i32.const {PLACE})))",
    "load_far": f"(drop (i64.load offset={PLACE} (global.get $zero)))",
    "load_wide": f"(drop (v128.load (i32.const {PLACE + 4096})))",
    "atomic_load": f"(drop (i32.atomic.load (i32.const {PLACE})))",
    "copy_out": f"(memory.copy (i32.const 0) (i32.const {PLACE}) (i32.const 4096))",
    "name": f"(drop (call $open (i32.const {PLACE}) (i32.const 4) (i32.const 64)))",
}

COMMON = "".join(f'(import "athanor" "{name}" (func ${name} (param {params}) {"" if name == "random" else "(result i32)"}))\n'
                 for name, params in SERVICES.items()) + "%s" + f"""
  (memory (export "memory") 4 8)
  (data (i32.const 128) "userthirdownername") (data $text "text")
  (global $handle (mut i64) (i64.const 0)) (global $zero (mut i32) (i32.const 0)) (global $bytes (mut i32) (i32.const 64))
  (func $peer (param $at i32) (param $bytes i32) (result i64)
    (if (call $open (local.get $at) (local.get $bytes) (i32.const 64)) (then unreachable))
    (i64.load (i32.const 64)))
  (func (export "accept") (param i64) (result i32)
    (global.set $handle (local.get 0))
    (call $buffer_place (local.get 0) (i32.const {PLACE})))
  (func (export "accept_only") (param i64) (result i32) (global.set $handle (local.get 0)) (i32.const 0))
  (func (export "place") (result i32) (call $buffer_place (global.get $handle) (i32.const {PLACE})))
  (func (export "place_odd") (result i32) (call $buffer_place (global.get $handle) (i32.const {PLACE + 8})))
  (func (export "place_end") (result i32) (call $buffer_place (global.get $handle) (i32.const {4 * 65536 - PAGES * 4096 + 4096})))
  (func (export "place_far") (result i32) (call $buffer_place (global.get $handle) (i32.const -4096)))
  (func (export "displace") (result i32) (call $buffer_displace (global.get $handle)))
  (func (export "return") (result i32) (call $buffer_return (global.get $handle)))
  (func (export "close") (result i32) (call $close (global.get $handle)))
  (func (export "revoke") (result i32) (call $revoke (global.get $handle)))
  (func (export "value") (result i32) (i32.load (i32.const {PLACE})))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
""" + "".join(f'  (func (export "{name}") {body})\n' for name, body in {**WRITES, **READS}.items())

ACCEPT = '(import "{0}" "accept" (func ${0}_accept (param i64) (result i32)))\n(import "{0}" "accept_only" (func ${0}_take (param i64) (result i32)))\n'
USER_NAME, THIRD_NAME = "(i32.const 128) (i32.const 4)", "(i32.const 132) (i32.const 5)"


def lending(name, peer, text, access, accept):
    return f"""  (func (export "{name}") (result i32) (local i32)
    (if (local.tee 0 (call $buffer_lend (global.get $handle) (call $peer {text}) (i32.const {access}) (i32.const 72))) (then (return (local.get 0))))
    (call ${peer}_{accept} (i64.load (i32.const 72))))
"""


OWNER = f"""
  (func $create (export "create") (result i32)
    (if (call $buffer_create (i32.const {PAGES}) (i32.const 80)) (then (return (i32.const -1))))
    (global.set $handle (i64.load (i32.const 80)))
    (if (call $buffer_place (global.get $handle) (i32.const {PLACE})) (then (return (i32.const -2))))
    (if (i32.load (i32.const {PLACE})) (then (return (i32.const -3))))
    (i32.store (i32.const {PLACE}) (i32.const {VALUE}))
    (i32.const 0))
  (func (export "create_large") (result i32) (call $buffer_create (i32.const 4096) (i32.const 80)))
  (func (export "create_many") (result i32) (local i32)
    (loop $more (if (i32.eqz (call $buffer_create (i32.const 1) (i32.const 80)))
      (then (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br $more))))
    (local.get 0))
  (func (export "recall") (result i32) (call $buffer_recall (global.get $handle) (i64.const 0)))
  (func (export "recall_user") (result i32) (call $buffer_recall (global.get $handle) (call $peer {USER_NAME})))
  (func (export "give") (result i32) (local i32)
    (if (local.tee 0 (call $buffer_give (global.get $handle) (call $peer {USER_NAME}) (i32.const 72))) (then (return (local.get 0))))
    (call $user_accept (i64.load (i32.const 72))))
  (func (export "thousand") (result i32) (local i32)
    (local.set 0 (i32.const 1000))
    (loop $again
      (if (call $buffer_lend (global.get $handle) (call $peer {USER_NAME}) (i32.const 2) (i32.const 72)) (then (return (i32.const -1))))
      (if (call $user_accept (i64.load (i32.const 72))) (then (return (i32.const -2))))
      (if (call $buffer_recall (global.get $handle) (i64.const 0)) (then (return (i32.const -3))))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.load (i32.const {PLACE})))
  (func (export "crash") unreachable)
""" + lending("lend_read", "user", USER_NAME, 1, "accept") + lending("lend_write", "user", USER_NAME, 2, "accept") \
    + lending("lend_third", "third", THIRD_NAME, 1, "accept") + lending("lend_only", "user", USER_NAME, 1, "take")
THIRD = '(func (export "crash") unreachable)'


def module(folder, text):
    (folder / "in.wat").write_text(f"(module {text})", encoding="utf-8")
    subprocess.run(["wat2wasm", "--enable-threads", folder / "in.wat", "-o", folder / "out.wasm"], check=True)
    return (folder / "out.wasm").read_bytes()


def system(folder):
    capabilities = "capabilities = [" + ", ".join(f'"{name}"' for name in SERVICES) + "]"
    limits = "limits = { memory_pages = 8, handles = 12 }"
    return make_bundle(folder, [
        ("user", module(folder, COMMON % "" + THIRD), [capabilities, limits]),
        ("third", module(folder, COMMON % "" + THIRD), [capabilities, limits]),
        ("owner", module(folder, COMMON % (ACCEPT.format("user") + ACCEPT.format("third")) + OWNER),
         [capabilities, limits, 'calls = { user = ["accept", "accept_only"], third = ["accept", "accept_only"] }',
          'handles = { user = ["write"], third = ["write"] }'])])


class System:
    def __init__(self, machine):
        self.machine = machine

    def run(self, name, function):
        text = self.machine.command(f"run {name} {function}")
        return text

    def returns(self, name, function, value=0):
        text = self.run(name, function)
        require(f"{function} returned {value & 0xFFFFFFFF} in" in text, f"{name} {function}: not {value}: {text}")

    def traps(self, name, function, code="ALKA_601"):
        text = self.run(name, function)
        require(f"{function} trapped: {code}" in text, f"{name} {function}: no {code}: {text}")

    def frames(self):
        self.machine.command("ps")
        row = keys(self.machine.command("mem -k"))[0]
        return [int(row[key]) for key in ("frames_free", "heap_used_bytes", "mapped_bytes", "slot_bytes")]


RIGHTS, STATE, ARGUMENT, STALE, LIMIT = 702, 720, 718, 700, 717


def attacks(it):
    """Whatever a borrower, or an owner who has lent, does to a buffer that it may only read: it traps, and the buffer is what it was."""
    for name in WRITES:
        it.returns("owner", "create")
        it.returns("owner", "lend_read")
        it.returns("user", "value", VALUE)
        it.traps("user", name)  # the borrower is as new: its loan is over
        it.returns("owner", "value", VALUE)
        it.returns("owner", "lend_read")
        it.returns("owner", "value", VALUE)
        it.traps("owner", name)  # now the owner is gone, and the buffer with it
        it.returns("user", "value", 0)
        it.returns("user", "displace", STALE)
        it.machine.command("restart user")
    for name in {**WRITES, **READS}:
        it.returns("owner", "create")
        it.returns("owner", "lend_write")
        it.traps("owner", name)  # it has no access at all
        it.returns("user", "value", 0)
        it.machine.command("restart user")
    for name in {**WRITES, **READS}:  # who may write, may
        it.returns("owner", "create")
        it.returns("owner", "lend_write")
        require("trapped" not in it.run("user", name), f"{name}: not allowed to who may write")
        it.machine.command("restart owner; restart user")


def rules(it):
    """Loans, gifts and places, and what is refused."""
    it.returns("owner", "create")
    for function, status in (("place", STATE), ("place_odd", STATE), ("return", RIGHTS), ("recall_user", STATE)):
        it.returns("owner", function, status)
    it.returns("owner", "displace")
    it.returns("owner", "value", 0)  # the memory's own page
    for function in ("place_odd", "place_end", "place_far"):
        it.returns("owner", function, ARGUMENT)
    it.returns("owner", "place")
    it.returns("owner", "value", VALUE)
    it.returns("owner", "grow", 4)
    it.returns("owner", "value", VALUE)
    it.returns("owner", "lend_read")
    it.returns("owner", "lend_read", STATE)
    it.returns("owner", "lend_write", STATE)
    it.returns("owner", "lend_third")
    it.returns("third", "value", VALUE)
    rows = keys(it.machine.command("buffers -k"))
    require([row.get("borrower") for row in rows] == [None, "user", "third", None], f"{rows}")
    require(rows[0] | {"owner": "owner", "pages": "16", "placed": "1", "loans": "2"} == rows[0], f"{rows[0]}")
    require("lent to third for reading" in it.machine.command("buffers"), "`buffers` does not say so")
    it.returns("user", "return")
    it.returns("user", "value", 0)
    it.returns("user", "place", STALE)
    it.returns("third", "value", VALUE)
    it.traps("owner", "store")  # lent still; the owner's end takes it from the last borrower
    it.returns("third", "value", 0)
    # A loan that is recalled, closed or revoked is over at once.
    for ending in ("recall", "recall_user", "revoke"):
        it.returns("owner", "create")
        it.returns("owner", "lend_write")
        it.returns("user", "value", VALUE)
        it.run("user", "add")
        it.returns("owner", ending)
        it.returns("user", "value", 0)
        it.returns("user", "place", STALE)
        it.returns("owner", "value", VALUE + 1)
        it.run("owner", "store")
        it.returns("owner", "close")
        it.returns("owner", "value", 0)
    it.returns("owner", "create")
    it.returns("owner", "lend_write")
    it.returns("user", "close")
    it.returns("user", "value", 0)
    it.run("owner", "store")
    # A gift is the other's, and outlives who gave it.
    it.returns("owner", "give")
    it.returns("owner", "value", 0)
    it.returns("owner", "place", STALE)
    it.returns("user", "value", 7)
    it.traps("owner", "crash", "ALKA_600")
    it.run("user", "add")
    it.returns("user", "value", 8)
    it.traps("user", "crash", "ALKA_600")
    it.returns("user", "value", 0)
    # Who was lent a handle and never placed it has no access; limits hold.
    it.returns("owner", "create")
    it.returns("owner", "lend_only")
    it.returns("user", "value", 0)
    it.returns("user", "place")
    it.returns("user", "value", VALUE)
    it.returns("owner", "create_large", LIMIT)
    it.machine.command("restart owner; restart user; restart third")


def leaks(it):
    """Loans, crashes and kills leave nothing behind."""
    def once():
        it.returns("owner", "create")
        it.returns("owner", "thousand", VALUE)
        it.returns("owner", "lend_read")
        it.returns("owner", "lend_third")
        it.traps("user", "store")
        it.traps("third", "random")
        it.traps("owner", "crash", "ALKA_600")
        text = it.run("owner", "create_many")
        require("returned 10 in" in text, f"as many as it has handles: {text}")
        it.machine.command("kill owner; kill user; start user; kill third; start third; start owner")

    once()
    before = it.frames()
    for _ in range(3):
        once()
    require(it.frames() == before, f"something is left behind: {before}, {it.frames()}")


def frames(args, folder):
    """The example: a megabyte through three modules, each time in the same pages, and nothing left of it."""
    bundle = folder / "frames.bundle"
    subprocess.run([sys.executable, MKBUNDLE, ROOT / "iso" / "systems" / "frames.toml", "-o", bundle, "--search", args.modules], check=True)
    with boot(args, bundle) as machine:
        machine.wait_for_shell()
        it = System(machine)
        require("1 MiB went through three modules in its place" in machine.transcript, "the boot does not say so")
        it.returns("camera", "main")
        before = it.frames()
        for _ in range(3):
            it.returns("camera", "main")
        require(it.frames() == before, f"something is left behind: {before}, {it.frames()}")
        machine.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor.elf")
    parser.add_argument("--modules", type=Path, required=True, help="folder with the examples' .wasm files")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azoth-") as name:
        folder = Path(name)
        try:
            for check in (rules, attacks, leaks):
                with boot(args, system(folder)) as machine:
                    machine.wait_for_shell()
                    check(System(machine))
                    require("PANIC" not in machine.transcript, "a panic")
                    machine.finish()
                print(f"{check.__name__}: as it should be")
            frames(args, folder)
        except (Failed, BootError) as error:
            print(f"FAILED: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
