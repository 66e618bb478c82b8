#!/usr/bin/env python3
"""Runs gdb against a booting kernel, with athanor/tools/gdb/azoth.py: what it says about modules, and how it walks through them.

gdb_test.py --build FOLDER. Exit status 77: there is no gdb (./azoth setup installs it).
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "boot"))
from machine import Image, command_line  # noqa: E402

SCRIPT = HERE.parent / "tools" / "gdb" / "azoth.py"
MKBUNDLE = HERE.parent / "bundle" / "mkbundle.py"
TIMEOUT = 120
SKIPPED = 77

SERVER = """(module
  (import "athanor" "log" (func $log (param i32 i32)))
  (memory 1) (data (i32.const 0) "deep")
  (func $deepest (param i32) (result i32) (local.get 0) (call $log (i32.const 0) (i32.const 4)))
  (func $deeper (export "deep") (param i32) (result i32) (i32.add (i32.load (i32.const 0)) (call $deepest (i32.mul (local.get 0) (i32.const 3)))))
  (func $wait (export "wait") (loop (br_if 0 (i32.eqz (i32.load (i32.const 64)))))))"""
CLIENT = """(module
  (import "server" "deep" (func $deep (param i32) (result i32)))
  (import "server" "wait" (func $wait))
  (func $middle (param i32) (result i32) (i32.add (call $deep (local.get 0)) (local.get 0)))
  (func $main (export "main") (result i32) (drop (call $middle (i32.const 5))) (i32.const 0))
  (func $spin (export "spin") (call $wait)))"""

BELOW_MIDDLE = r"\+0x[0-9a-f]+\n#\d .* client: main\+0x[0-9a-f]+\n#\d .* gate into client\n#\d .* alka_call\n#\d .* call_export\n"

# Commands, and what they print, in this order.
SESSION = [
    ("hbreak service_log", None), ("continue", "service_log"), ("delete", None),
    ("azoth modules", r"server +ready +code 0x[0-9a-f]{16} \d+ bytes, r15 0x[0-9a-f]+, 0 calls, 0 traps\nclient +running .* 1 calls"),
    ("azoth bt", r"#0 .* service_log\n#1 .* server: deepest\+0x[0-9a-f]+\n#2 .* server: deeper\+0x[0-9a-f]+\n"
                 r"#3 .* gate into server\n#4 .* client: middle\+0x[0-9a-f]+\n#5 .* client: main\+0x[0-9a-f]+\n#6 .* gate into client\n"
                 r"(#.*\n)*#\d+ .* call_export\n(#\d+ .* module_run_start\n)?#\d+ .* module_run\n(#.*\n)*#\d+ .* kmain\n"),
    ("azoth symbols", r"[5-9] functions of modules have symbols"),
    ("bt", r"#1 .*server::deepest.*\n#2 .*server::deeper.*\n#3 .*\n#4 .*client::middle.*\n#5 .*client::main.*\n(.*\n)*#\d+ .* call_export "),
    ("info symbol (unsigned long) &'client::main'", r"client::main in section"),
    ("frame 5", r"#5 .*client::main"),
    ("print modules_list[0]", r"module server \(ready\) = \{"),
    ("print modules_list[1].entry.name", r'"client"'),
    # Module code from its first instruction on, through prologue and epilogue: the caller is always the same.
    ("hbreak client::middle", None), ("continue", "client::middle"), ("delete", None),
    *[step for _ in range(4) for step in (("azoth bt", r"#0 .* client: middle" + BELOW_MIDDLE), ("stepi", None))],
    ("hbreak server::deepest", None), ("continue", "server::deepest"), ("delete", None),
    ("azoth bt", r"#0 .* server: deepest\+0x0\n#1 .* server: deeper\+0x[0-9a-f]+\n#2 .* gate into server\n#3 .* client: middle" + BELOW_MIDDLE),
    ("frame 1", None), ("thbreak *$pc", None), ("continue", r"server::deeper"),
    *[step for _ in range(3) for step in (("azoth bt", r"#0 .* server: deeper\+0x[0-9a-f]+\n#1 .* gate into server\n#2 .* client: middle"
                                                       + BELOW_MIDDLE), ("stepi", None))],
    ("hbreak server::wait", None), ("frame function client::middle", None), ("thbreak *$pc", None), ("continue", r"client::middle"),
    *[step for _ in range(3) for step in (("azoth bt", r"#0 .* client: middle" + BELOW_MIDDLE), ("stepi", None))],
    ("continue", "server::wait"), ("delete", None),
    # The timer interrupts module code.
    ("hbreak timer_tick", None), ("continue", "timer_tick"), ("delete", None),
    ("azoth bt", r"timer_tick\n(#.*\n)*#\d+ .* trap_common\n#\d+ .* server: wait\+0x[0-9a-f]+\n#\d+ .* gate into server\n#\d+ .* client: spin"
                 r"(.*\n)*#\d+ .* kmain\n"),
]


def make_bundle(folder):
    text = '[system]\nname = "gdb"\n'
    for name, source, lines in (("server", SERVER, 'capabilities = ["log"]'),
                                ("client", CLIENT, 'calls = { server = ["deep", "wait"] }\nstart = ["main", "main", "spin"]')):
        (folder / f"{name}.wat").write_text(source, encoding="utf-8")
        subprocess.run(["wat2wasm", "--debug-names", folder / f"{name}.wat", "-o", folder / f"{name}.wasm"], check=True)
        text += f'\n[[module]]\nname = "{name}"\nfile = "{name}.wasm"\n{lines}\n'
    (folder / "gdb.toml").write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, MKBUNDLE, folder / "gdb.toml", "-o", folder / "gdb.bundle"], check=True)
    return folder / "gdb.bundle"


def run_gdb(build, folder):
    """The session's output, a line `=== N` before what command N printed."""
    socket = folder / "gdb"
    image = Image(kernel=build / "athanor.elf", bundle=make_bundle(folder))
    command = command_line(image, folder, serial=f"file:{folder / 'serial'}", extra=["-gdb", f"unix:{socket},server=on,wait=off", "-S"])
    arguments = ["gdb", "--batch", "-nx", "-ex", "set pagination off", "-ex", "set width 0", "-ex", "set python print-stack full", "-x", str(SCRIPT), "-ex", f"target remote {socket}"]
    for number, (line, _) in enumerate(SESSION):
        arguments += ["-ex", f"echo \\n=== {number}\\n", "-ex", line]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as machine:
        try:
            while not socket.exists() and machine.poll() is None:
                time.sleep(0.02)
            with subprocess.Popen([*arguments, "-ex", "echo \\n=== end\\n", str(build / "athanor.debug")], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as debugger:
                try:
                    return debugger.communicate(timeout=TIMEOUT)
                except subprocess.TimeoutExpired:
                    debugger.kill()
                    return debugger.communicate()
        finally:
            machine.kill()


def judge(out, errors):
    answers = dict(re.findall(r"^=== (\d+)\n(.*?)(?=\n=== )", out, re.MULTILINE | re.DOTALL))
    for number, (line, pattern) in enumerate(SESSION):
        answer = answers.get(str(number), "") + "\n"
        if pattern is not None and not re.search(pattern, answer):
            print(f"FAILED: {line}: no {pattern!r} in\n{answer}\n--- all of it:\n{out}\n{errors}")
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="folder with athanor.elf and athanor.debug")
    args = parser.parse_args()
    if shutil.which("gdb") is None:
        print("SKIPPED: there is no gdb: install the package gdb")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        return judge(*run_gdb(args.build, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
