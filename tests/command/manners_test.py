#!/usr/bin/env python3
"""Help, versions, exit codes, streams, options: how the command speaks with people and scripts."""
import json
import os
import pty
import re
import tempfile
import unittest
from pathlib import Path

from harness import ADD, ALKAHEST, CommandTest, alkahest, binary, module

COMMANDS = ["validate", "compile", "run", "inspect", "disasm", "explain", "wast"]
EMPTY = b"\0asm\1\0\0\0"


def on_terminal(*words, env=None):
    """The command's output when both its streams are a terminal, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(env or {})
        os.execv(ALKAHEST, [ALKAHEST, *map(str, words)])
    output = b""
    try:
        while chunk := os.read(terminal, 4096):
            output += chunk
    except OSError:
        pass  # the other end is closed
    os.close(terminal)
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Help(CommandTest):
    def test_all_commands_are_listed(self):
        for words in (["--help"], ["-h"], ["help"]):
            text = self.ok(*words)
            for command in COMMANDS:
                self.assertIn(f"  {command} ", text)

    def test_each_command_has_help(self):
        for command in COMMANDS:
            text = self.ok(command, "--help")
            self.assertIn(f"Usage: alkahest {command}", text)
            self.assertEqual(text, self.ok("help", command))

    def test_help_wins_over_missing_operands_and_errors_elsewhere(self):
        self.ok("wast", "-h")

    def test_version(self):
        for words in (["--version"], ["-V"], ["run", "--version"]):
            self.assertRegex(self.ok(*words), r"^alkahest \d+\.\d+\.\d+\n$")


class Usage(CommandTest):
    def refused(self, *words, err):
        self.check(alkahest(*words), 2, out="", err=err)

    def test_wrong_usage_is_2_and_says_why(self):
        self.refused(err="which command?")
        self.refused("frobnicate", err="frobnicate")
        self.refused("validate", err="validate needs FILE")
        self.refused("validate", "a", "b", err="'b' is one too many")
        self.refused("validate", "--frob", "a", err="--frob")
        self.refused("validate", "-x", "a", err="-x")
        self.refused("compile", "a.wasm", err="-o")
        self.refused("compile", "a.wasm", "-o", err="needs a value")
        self.refused("validate", "--features=warp", "a", err="'warp' is no feature")
        self.refused("compile", "--memory=none", "a", err="'none' is no memory model")
        self.refused("compile", "--cpu=z80", "a", err="'z80' is no processor level")
        self.refused("compile", "-d", "parse,cook", "a", err="'cook' is no phase")
        self.refused("compile", "--stats=xml", "a", err="json")
        self.refused("wast", "--verbose=1", "a", err="takes no value")
        self.refused("explain", err="CODE")

    def test_options_of_other_commands_are_unknown(self):
        self.refused("validate", "--invoke=f", "a", err="--invoke")

    def test_double_dash_ends_options(self):
        self.check(alkahest("validate", "--", "--no-such-file"), 1, err="--no-such-file")


class Files(CommandTest):
    def test_missing_files_are_failures(self):
        for command in ("validate", "run", "inspect", "disasm", "wast"):
            self.check(alkahest(command, "/nonexistent/file"), 1, err="/nonexistent/file")

    def test_a_folder_is_no_file(self):
        self.check(alkahest("validate", "/"), 1, err="Is a directory")

    def test_standard_input(self):
        self.check(alkahest("validate", "-", stdin=EMPTY), 0, out="")
        self.check(alkahest("validate", "-", stdin=b"nonsense"), 1, err="<standard input>")
        self.check(alkahest("run", "-", "--invoke", "add", "2", "3", stdin=module(ADD).read_bytes()), 0, out="5\n")

    def test_a_large_module_from_a_pipe(self):
        custom = b"\x01x" + b"\0" * 1_000_000
        size = bytearray()
        rest = len(custom)
        while rest:
            size.append((rest & 0x7F) | (0x80 if rest > 0x7F else 0))
            rest >>= 7
        self.check(alkahest("validate", "-", stdin=EMPTY + b"\0" + bytes(size) + custom), 0)

    def test_results_that_cannot_be_written_are_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            import subprocess
            done = subprocess.run([ALKAHEST, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)

    def test_a_failed_compilation_leaves_no_file(self):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out.alk"
            self.check(alkahest("compile", binary(b"\0asm\1\0\0"), "-o", target), 1)
            self.assertFalse(target.exists())
            self.check(alkahest("compile", module(ADD), "-o", "/nonexistent/out.alk"), 1, err="/nonexistent/out.alk")


class Diagnostics(CommandTest):
    def test_an_invalid_module_has_code_offset_and_message(self):
        bad = module('(module (func $f (result i32) (i64.const 1)))', "--no-check")
        done = alkahest("validate", bad)
        self.check(done, 1, out="", err="type mismatch")
        self.assertRegex(done.err, r"error\[ALKA_1\d\d\]")
        self.assertIn(str(bad), done.err)
        for command in (["run"], ["inspect"], ["disasm"], ["compile", "-o", "/dev/null"]):
            self.check(alkahest(*command, bad), 1, err="type mismatch")

    def test_every_code_can_be_explained(self):
        codes = Path(__file__).resolve().parents[2] / "alkahest-core/include/alkahest/codes.def"
        numbers = re.findall(r"^ALKA_CODE\((\d+),", codes.read_text(encoding="utf-8"), re.M)
        self.assertGreater(len(numbers), 50)
        for number in numbers:
            text = self.ok("explain", f"ALKA_{int(number):03}")
            self.assertGreater(len(text.splitlines()), 2, number)

    def test_codes_are_understood_in_any_form(self):
        page = self.ok("explain", "ALKA_100")
        for form in ("100", "alka_100"):
            self.assertEqual(self.ok("explain", form), page)

    def test_particulars_of_a_failure_are_no_part_of_the_page(self):
        self.assertTrue(self.ok("explain", "ALKA_100").startswith("# ALKA_100: type mismatch: expected …, found …\n\n"))

    def test_an_unknown_code_fails(self):
        self.check(alkahest("explain", "ALKA_999"), 1, err="999")
        self.check(alkahest("explain", "shrug"), 2, err="shrug")

    def test_objects_are_valid_but_not_compiled(self):
        types = "01 07 02 5f 00 60 00 01 6b"  # a struct type, and [] -> [structref]
        made = "03 02 01 01 0a 07 01 05 00 fb 00 00 0b"  # struct.new 0 in a function
        constant = "06 07 01 6b 00 fb 00 00 0b"  # and in a global's initial value
        for sections, offset in ((made, 26), (constant, 22)):
            path = binary(EMPTY + bytes.fromhex(types + sections))
            self.ok("validate", "--features=all", path)
            done = alkahest("compile", "--features=all", path, "-o", os.devnull)
            self.check(done, 1, out="", err="ALKA_303")
            self.assertIn(f"at byte {offset} ", done.err)


class Terminal(CommandTest):
    def test_colours_only_on_a_terminal(self):
        self.assertNotIn("\x1b", alkahest("validate", "/nonexistent").err)
        text, code = on_terminal("validate", "/nonexistent", env={"TERM": "xterm", "NO_COLOR": ""})
        self.assertIn("\x1b[1;31m", text)
        self.assertEqual(code, 1)

    def test_no_color_is_respected(self):
        text, _ = on_terminal("validate", "/nonexistent", env={"TERM": "xterm", "NO_COLOR": "1"})
        self.assertNotIn("\x1b", text)

    def test_disasm_ends_with_the_function(self):
        out = self.ok("disasm", module('(module (func (export "a")) (func (export "b") unreachable))'))
        self.assertRegex(out, r"(?s)\A.*: 16 bytes\n  000000 [^\n]*\bret\b[^\n]*\n\nfunc\[1\]")

    def test_names_from_a_module_cannot_steer_the_terminal(self):
        name = module('(module (func (export "\\1b[31mred\\c2\\9b") (param) unreachable))')
        for command in (["inspect"], ["disasm"]):
            out = self.ok(*command, name)
            self.assertNotIn("\x1b", out)
            self.assertIn("\\x1b[31mred\\xc2\\x9b", out)


class Features(CommandTest):
    SIGN = '(module (func (export "f") (result i32) (i32.extend8_s (i32.const 200))))'

    def test_releases_and_names(self):
        path = module(self.SIGN)
        for allowed in ("wasm2", "wasm3", "all", "mvp,sign-extension", "wasm1,+sign-extension", "-simd"):
            self.check(alkahest("validate", f"--features={allowed}", path), 0)
        for refused in ("wasm1", "mvp", "wasm2,-sign-extension", "-sign-extension"):
            self.check(alkahest("validate", f"--features={refused}", path), 1, err="sign-extension")


class Stats(CommandTest):
    KEYS = {"module_bytes", "code_section_bytes", "functions", "parse_ms", "compile_ms", "link_ms", "total_ms",
            "native_code_bytes", "peak_arena_bytes"}

    def test_json(self):
        path = module(ADD)
        stats = json.loads(self.ok("compile", path, "-o", "/dev/null", "--stats=json"))
        self.assertLessEqual(self.KEYS, set(stats))
        self.assertEqual(stats["module_bytes"], path.stat().st_size)
        self.assertEqual(stats["functions"], 1)
        self.assertGreater(stats["native_code_bytes"], 0)
        self.assertGreater(stats["peak_arena_bytes"], 0)
        self.assertGreater(stats["total_ms"], 0)
        self.assertLessEqual(stats["parse_ms"] + stats["compile_ms"] + stats["link_ms"], stats["total_ms"] + 0.01)

    def test_json_leaves_a_program_and_a_file_their_output(self):
        done = alkahest("run", "--stats=json", module(ADD), "--invoke", "add", "1", "2")
        self.check(done, 0, out="3\n")
        self.assertLessEqual(self.KEYS, set(json.loads(done.err)))
        done = alkahest("compile", module(ADD), "-o", "-", "--stats=json")
        self.assertEqual(done.stdout, alkahest("compile", module(ADD), "-o", "-").stdout)
        self.assertLessEqual(self.KEYS, set(json.loads(done.err)))

    def test_text_goes_to_the_error_output(self):
        done = alkahest("run", "--stats", module(ADD), "--invoke", "add", "1", "2")
        self.check(done, 0, out="3\n", err="native_code_bytes")


class Traces(CommandTest):
    def test_each_phase_says_something(self):
        path = module('(module (import "a" "b" (func $i)) (func $add (export "add") (param i32 i32) (result i32)'
                      ' (local i32) (local.set 2 (local.get 1)) (call $i) (i32.add (local.get 0) (local.get 2))))')
        for phase, expected in (("parse", "2 functions"), ("check", "2 parameters"), ("regs", "local 0"),
                                ("emit", "i32.add"), ("link", "thunk")):
            done = alkahest("compile", path, "-o", "/dev/null", "-d", phase)
            self.check(done, 0, out="", err=expected)

    def test_tracing_changes_no_byte(self):
        path = module(ADD)
        plain = alkahest("compile", path, "-o", "-").stdout
        self.assertTrue(plain.startswith(b"\x7fELF"))
        self.assertEqual(plain, alkahest("compile", path, "-o", "-", "-d", "parse,check,regs,emit,link").stdout)


if __name__ == "__main__":
    unittest.main()
