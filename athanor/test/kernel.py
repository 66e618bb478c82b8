"""A kernel under test: bundles to boot it with, what its shell prints, and how the cases of a test are run."""
import argparse
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "boot"))
sys.path.insert(0, str(HERE.parent / "tools"))
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


ATTACKER = ['capabilities = ["log", "exit", "random"]', "limits = { memory_pages = 3 }", 'start = ["main"]']


def attacker(folder):
    return ("attacker", assemble(folder, (HERE / "modules" / "attacker.wat").read_text(encoding="utf-8")), ATTACKER)


def recheck(data):
    """The bundle with the checksum that fits it."""
    return data[:16] + zlib.crc32(data[20:]).to_bytes(4, "little") + data[20:]


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


def unquote(value):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match.group(1), match.group(1)), value[1:-1]) if value.startswith('"') else value


def keys(text):
    """The key=value pairs of each line."""
    return [{key: unquote(value) for key, value in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)} for line in text.splitlines() if "=" in line]


def state_of(machine, name):
    return next(row for row in keys(machine.command("ps -k")) if row["module"] == name)


def returned(machine, command):
    answer = machine.command(command)
    match = re.search(r"returned (\d+)", answer)
    require(match, f"{command}: {answer}")
    return int(match.group(1))


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
BUSY = """(module (memory 1)
  (func (export "spin") (loop (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))) (br 0)))
  (func (export "rounds") (result i32) (i64.ne (i64.load (i32.const 0)) (i64.const 0)))
  (func (export "trap") unreachable))"""


def run_cases(names, doc, **folders):
    """Runs the case that the command line names, one of the functions case_NAME(args, folder); `folders`: options beside
    --build that name a file or folder, and what they are. Returns the exit status."""
    cases = {name.removeprefix("case_"): function for name, function in names.items() if name.startswith("case_")}
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor.elf, azoth.iso, system.bundle")
    for name, meaning in folders.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=meaning)
    parser.add_argument("case", choices=cases)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        try:
            cases[args.case](args, Path(folder))
        except (Failed, BootError) as error:
            print(f"FAILED: {error}")
            return 1
    return 0
