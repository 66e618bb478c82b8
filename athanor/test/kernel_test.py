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
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "boot"))
sys.path.insert(0, str(HERE.parent / "tools"))
import font  # noqa: E402
from machine import STATUS_GOOD, BootError, Image, Machine  # noqa: E402

TIMEOUT = 100
STATUS_FAILED, STATUS_PANIC = 35, 37
MKBUNDLE = HERE.parent / "bundle" / "mkbundle.py"


class Failed(Exception):
    """What was expected and not found."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def boot(args, bundle=None, options="debug-exit", extra=()):
    image = Image(kernel=args.build / "athanor.elf", bundle=bundle or args.build / "system.bundle")
    return Machine(image, TIMEOUT, extra=[*extra, "-append", options])


def make_bundle(folder, modules):
    """A bundle of (name, bytes, manifest lines) in the folder."""
    text = '[system]\nname = "test"\n'
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


# Cases


def case_panic(args, _):
    """A fault of the kernel's own: all that helps to find it, and the exit status that says so."""
    with boot(args, options="debug-exit panic-test") as machine:
        status = machine.wait()
        text = machine.transcript
    for part in ("KERNEL PANIC: #PF page fault", "where the page forbids it", r"at   0x[0-9a-f]{16} boot_go_on\+0x", "rax [0-9a-f]{16}",
                 r"cr2 [0-9a-f]{16}", "code: ([0-9a-f]{2} ?){16}", r"from 0x[0-9a-f]{16} kmain\+0x"):
        require(re.search(part, text), f"the dump lacks {part!r}:\n{text}")
    require(status == STATUS_PANIC, f"status {status}")


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
