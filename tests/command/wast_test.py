#!/usr/bin/env python3
"""`alkahest wast` judges: each kind of assertion passes when it is true, and fails when it is not."""
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import CommandTest, alkahest, module

MAIN = """(module
  (global (export "g") i64 (i64.const -2))
  (memory 1)
  (func (export "bits") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "bits64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))
  (func (export "two") (result i32 i64) (i32.const 7) (i64.const 8))
  (func (export "nothing"))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1)))
  (func (export "a\\00b") (result i32) (i32.const 1)))"""
IMPORTER = """(module
  (import "M" "two" (func $two (result i32 i64)))
  (import "spectest" "global_i32" (global $g i32))
  (import "spectest" "memory" (memory 1 2))
  (import "spectest" "table" (table 10 20 funcref))
  (import "spectest" "print_f64_f64" (func $print (param f64 f64)))
  (func (export "sum") (result i32)
    (call $print (f64.const 1) (f64.const 2)) (drop (call $two)) (i32.add (global.get $g))))"""
FILES = {
    "main.wasm": MAIN,
    "importer.wasm": IMPORTER,
    "missing.wasm": '(module (import "M" "absent" (func)))',
    "wrong.wasm": '(module (import "M" "two" (func (param f32))))',
    "trapping.wasm": "(module (func $f (unreachable)) (start $f))",
    "outside.wasm": '(module (memory 1) (data (i32.const 65536) "x"))',
    "good.wasm": "(module)",
}


def value(kind, text):
    return {"type": kind, "value": text}


def invoke(field, *args, expect=None, **more):
    return {"type": "assert_return", "action": {"type": "invoke", "field": field, "args": list(args)} | more,
            "expected": expect or []}


class WastTest(CommandTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, text in FILES.items():
            shutil.copy(module(text), self.folder / name)
        bad = module("(module (func (result i32) (i64.const 1)))", "--no-check")
        shutil.copy(bad, self.folder / "invalid.wasm")
        (self.folder / "malformed.wasm").write_bytes(b"\0asm\1\0\0\0\x0f\0")
        (self.folder / "text.wat").write_text("(module", encoding="utf-8")

    def run_commands(self, *commands, name="$m"):
        """Runs the commands behind one that makes the main instance; returns what was counted, and the output."""
        first = {"type": "module", "line": 1, "filename": "main.wasm", "name": name}
        numbered = [command | {"line": line} for line, command in enumerate(commands, 2)]
        path = self.folder / "suite.json"
        path.write_text(json.dumps({"source_filename": "suite.wast", "commands": [first, *numbered]}), encoding="utf-8")
        done = alkahest("wast", "--verbose", path)
        counts = [int(word) for word in done.out.splitlines()[-1].replace(",", "").split() if word.isdigit()]
        self.assertEqual(done.returncode, 1 if counts[1] else 0)
        self.assertEqual(sum(counts), len(commands) + 1)
        return counts, done.out

    def holds(self, *commands):
        counts, out = self.run_commands(*commands)
        self.assertEqual(counts, [len(commands) + 1, 0, 0], out)

    def fails(self, command, because):
        counts, out = self.run_commands(command)
        self.assertEqual(counts, [1, 1, 0], out)
        self.assertIn("suite.json:2: " + command["type"], out)
        self.assertIn(because, out)


class Returns(WastTest):
    def test_exact_bits(self):
        self.holds(invoke("two", expect=[value("i32", "7"), value("i64", "8")]),
                   invoke("nothing"),
                   invoke("bits", value("i32", "2143289345"), expect=[value("f32", "2143289345")]),
                   invoke("bits", value("i32", "-1"), expect=[value("f32", "4294967295")]))
        self.fails(invoke("two", expect=[value("i32", "7"), value("i64", "9")]), "got i64 8")
        self.fails(invoke("two", expect=[value("i32", "7")]), "expected 1 results, got 2")
        self.fails(invoke("two", expect=[value("i64", "7"), value("i64", "8")]), "got i32 7")
        self.fails(invoke("bits", value("i32", "2143289345"), expect=[value("f32", "2143289344")]), "nan:0x400001")
        self.fails(invoke("bits", value("i32", "2147483648"), expect=[value("f32", "0")]), "got f32 -0")

    def test_nan_classes(self):
        for bits, canonical, arithmetic in (("2143289344", True, True), ("4290772992", True, True),
                                            ("2143289345", False, True), ("2139095041", False, False),
                                            ("2139095040", False, False), ("0", False, False)):
            for pattern, expected in (("nan:canonical", canonical), ("nan:arithmetic", arithmetic)):
                command = invoke("bits", value("i32", bits), expect=[value("f32", pattern)])
                if expected:
                    self.holds(command)
                else:
                    self.fails(command, pattern)
        self.holds(invoke("bits64", value("i64", "-2251799813685248"), expect=[value("f64", "nan:canonical")]))
        self.fails(invoke("bits64", value("i64", "9218868437227405313"), expect=[value("f64", "nan:arithmetic")]), "nan")

    def test_alternatives(self):
        def either(*texts):
            return {"type": "either", "values": [value("f32", text) for text in texts]}
        self.holds(invoke("bits", value("i32", "5"), expect=[either("4", "5")]))
        self.fails(invoke("bits", value("i32", "6"), expect=[either("4", "nan:canonical")]), "either")

    def test_names_with_zero_bytes(self):
        self.holds(invoke("a\0b", expect=[value("i32", "1")]))
        self.fails(invoke("a"), "no such export")

    def test_wrong_calls(self):
        self.fails(invoke("bits"), "takes 1 arguments")
        self.fails(invoke("bits", {"type": "i32", "value": "x"}, expect=[value("f32", "0")]), "no known form")
        self.fails(invoke("two", module="$nobody"), "no such instance")
        self.fails(invoke("load", value("i32", "-1"), expect=[value("i32", "0")]), "trapped: out of bounds")

    def test_globals(self):
        get = {"type": "assert_return", "action": {"type": "get", "field": "g"}}
        self.holds(get | {"expected": [value("i64", "18446744073709551614")]})
        self.fails(get | {"expected": [value("i64", "2")]}, "got i64 -2")
        self.fails({"type": "assert_return", "action": {"type": "get", "field": "two"}, "expected": []}, "another kind")


class Traps(WastTest):
    def test_messages(self):
        trap = {"type": "assert_trap", "action": {"type": "invoke", "field": "load", "args": [value("i32", "-1")]}}
        self.holds(trap | {"text": "out of bounds memory access"})
        self.fails(trap | {"text": "integer overflow"}, 'got "out of bounds memory access"')
        self.fails(trap | {"text": ""}, "got")
        trap["action"]["args"] = [value("i32", "0")]
        self.fails(trap | {"text": "out of bounds memory access"}, "expected a trap")

    def test_exhaustion(self):
        trap = {"type": "assert_exhaustion", "action": {"type": "invoke", "field": "deep", "args": []}}
        self.holds(trap | {"text": "call stack exhausted"}, invoke("nothing"))
        self.fails(trap | {"text": "unreachable"}, "call stack exhausted")

    def test_actions(self):
        self.holds({"type": "action", "action": {"type": "invoke", "field": "nothing", "args": []}})
        self.fails({"type": "action", "action": {"type": "invoke", "field": "load", "args": [value("i32", "-1")]}},
                   "trapped")


class Modules(WastTest):
    def refused(self, kind, filename, text):
        return {"type": kind, "filename": filename, "text": text, "module_type": "binary"}

    def test_invalid_and_malformed(self):
        self.holds(self.refused("assert_invalid", "invalid.wasm", "type mismatch"),
                   self.refused("assert_malformed", "malformed.wasm", "malformed section id"))
        self.fails(self.refused("assert_invalid", "invalid.wasm", "unknown local"), 'got "type mismatch')
        self.fails(self.refused("assert_invalid", "good.wasm", "type mismatch"), "the module was accepted")
        self.fails(self.refused("assert_malformed", "absent.wasm", "unexpected end"), "cannot read")

    def test_text_modules_are_skipped(self):
        counts, _ = self.run_commands(
            {"type": "assert_malformed", "filename": "text.wat", "text": "x", "module_type": "text"})
        self.assertEqual(counts, [1, 0, 1])

    def test_linking(self):
        register = {"type": "register", "name": "$m", "as": "M"}
        self.holds(register, {"type": "module", "filename": "importer.wasm"},
                   invoke("sum", expect=[value("i32", "673")]),
                   invoke("two", module="$m", expect=[value("i32", "7"), value("i64", "8")]),
                   self.refused("assert_unlinkable", "missing.wasm", "unknown import"),
                   self.refused("assert_unlinkable", "wrong.wasm", "incompatible import type"))
        self.fails({"type": "module", "filename": "importer.wasm"}, "unknown import")
        self.fails({"type": "register", "name": "$n", "as": "M"}, "no such instance")
        self.fails(self.refused("assert_unlinkable", "good.wasm", "unknown import"), "was instantiated")
        self.fails(self.refused("assert_unlinkable", "outside.wasm", "out of bounds memory access"), "got")

    def test_initialization(self):
        self.holds(self.refused("assert_uninstantiable", "trapping.wasm", "unreachable"),
                   self.refused("assert_uninstantiable", "outside.wasm", "out of bounds memory access"))
        self.fails(self.refused("assert_uninstantiable", "trapping.wasm", "integer overflow"), 'got "unreachable"')
        self.fails(self.refused("assert_uninstantiable", "missing.wasm", "unknown import"), "got")

    def test_definitions_and_instances(self):
        self.holds({"type": "module_definition", "filename": "main.wasm", "name": "$d"},
                   {"type": "module_instance", "module": "$d", "instance": "$i"},
                   {"type": "module_instance", "module": "$d", "instance": "$j"},
                   invoke("two", module="$i", expect=[value("i32", "7"), value("i64", "8")]))
        self.fails({"type": "module_instance", "module": "$absent", "instance": "$i"}, "no such module definition")

    def test_files_elsewhere_are_not_read(self):
        for name in ("../main.wasm", "/etc/passwd", "", "x/main.wasm"):
            self.fails({"type": "module", "filename": name}, "no usable file name")


class Files(WastTest):
    def test_a_failed_module_fails_what_uses_it(self):
        counts, _ = self.run_commands({"type": "module", "filename": "invalid.wasm"}, invoke("nothing"))
        self.assertEqual(counts, [1, 2, 0])

    def test_unknown_commands_fail(self):
        self.fails({"type": "assert_magic"}, "unknown command")

    def test_no_suite(self):
        for content in ("", "{", "[]", '{"commands": 1}', '{"commands": []} x'):
            path = self.folder / "bad.json"
            path.write_text(content, encoding="utf-8")
            done = alkahest("wast", path)
            self.assertEqual(done.returncode, 1)
            self.assertIn("bad.json", done.err)

    def test_several_files_are_summed(self):
        self.run_commands(invoke("nothing"))
        path = self.folder / "suite.json"
        lines = self.ok("wast", path, path).splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[-1], "4 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
