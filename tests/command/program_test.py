#!/usr/bin/env python3
"""`alkahest run`, `inspect` and `disasm` on small modules: values, traps, backtraces."""
import struct
import unittest

from harness import ADD, CommandTest, alkahest, binary, module

IDENTITY = """(module
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "bits32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "bits64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
  (func (export "two") (result i32 f64) (i32.const 7) (f64.const 0.5))
  (func (export "none")))"""

TRAPS = """(module
  (memory 1)
  (table 2 funcref)
  (elem (i32.const 0) $leaf)
  (func $leaf (export "leaf") (param i32) (result i32)
    (i32.load offset=100 (local.get 0)))
  (func $middle (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (i32.const 1)))
  (func $outer (export "outer") (param i32) (result i32) (i32.add (call $middle (local.get 0)) (i32.const 1)))
  (func $unnamed_twin (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $forever (export "forever") (param i32) (result i32)
    (i32.add (call $forever (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "truncate") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "stop") (unreachable))
  (func (export "indirect") (param i32) (result i32)
    (call_indirect (param i32) (result i32) (i32.const 0) (local.get 0)))
  (func (export "mismatch") (call_indirect (i32.const 0))))"""


class Values(CommandTest):
    def call(self, name, *args):
        return self.ok("run", module(IDENTITY), "--invoke", name, *args).strip()

    def test_integers(self):
        for text, expected in (("0", "0"), ("-1", "-1"), ("4294967295", "-1"), ("0xffffffff", "-1"),
                               ("-2147483648", "-2147483648"), ("i32:7", "7")):
            self.assertEqual(self.call("i32", text), expected)
        for text, expected in (("18446744073709551615", "-1"), ("-9223372036854775808", "-9223372036854775808"),
                               ("i64:0x7fffffffffffffff", "9223372036854775807")):
            self.assertEqual(self.call("i64", text), expected)

    def test_floats(self):
        for text, expected in (("0.1", "0.1"), ("-0", "-0"), ("1e10", "1e+10"), ("inf", "inf"), ("-inf", "-inf"),
                               ("nan", "nan:0x400000"), ("-nan:0x1", "-nan:0x1"), ("0x1p-149", "1e-45")):
            self.assertEqual(self.call("f32", text), expected)
        for text, expected in (("0.1", "0.1"), ("5e-324", "5e-324"), ("nan:0x8000000000001", "nan:0x8000000000001"),
                               ("1.7976931348623157e308", "1.7976931348623157e+308")):
            self.assertEqual(self.call("f64", text), expected)

    def test_bits_arrive_unchanged(self):
        for value in (0.1, -2.5, 3.4e38, 1e-40):
            bits = struct.unpack("<i", struct.pack("<f", value))[0]
            self.assertEqual(self.call("bits32", repr(value)), str(bits))
        for value in (0.1, -2.5, 1e308, 5e-324):
            bits = struct.unpack("<q", struct.pack("<d", value))[0]
            self.assertEqual(self.call("bits64", repr(value)), str(bits))

    def test_results_one_per_line(self):
        self.assertEqual(self.call("two"), "7\n0.5")
        self.assertEqual(self.call("none"), "")

    def test_wrong_values_are_usage_errors(self):
        path = module(IDENTITY)
        for name, text in (("i32", "4294967296"), ("i32", "-2147483649"), ("i32", "x"), ("i32", ""), ("i32", "1.5"),
                           ("i32", "i64:1"), ("i64", "18446744073709551616"), ("f32", "one"), ("f64", "nan:0x0"),
                           ("f64", "nan:0x10000000000000"), ("f32", "1.5x")):
            self.check(alkahest("run", path, "--invoke", name, text), 2, out="", err=f"'{text}' is no value")
        self.check(alkahest("run", path, "--invoke", "i32"), 2, out="", err="takes 1 arguments")

    def test_unknown_function(self):
        self.check(alkahest("run", module(IDENTITY), "--invoke", "nope"), 1, out="", err="'nope'")

    def test_a_function_reference_is_its_index(self):
        path = module('(module (func) (func $f (export "f") (result funcref) ref.func $f) (func (export "n") (result funcref) ref.null func))')
        self.assertEqual(self.ok("run", path, "--invoke", "f"), "func[1]\n")
        self.assertEqual(self.ok("run", path, "--invoke", "n"), "null\n")

    def test_negative_arguments_are_no_options(self):
        self.assertEqual(self.ok("run", module(ADD), "--invoke", "add", "-5", "3"), "-2\n")
        self.assertEqual(self.ok("run", "--invoke", "add", module(ADD), "-5", "-3"), "-8\n")


class Traps(CommandTest):
    def trapped(self, code, message, name, *args, memory="guard"):
        done = alkahest("run", f"--memory={memory}", module(TRAPS), "--invoke", name, *args)
        self.check(done, 134, out="", err=f"trap[ALKA_{code}]: {message}")
        return done.err

    def test_each_kind(self):
        self.trapped(600, "unreachable", "stop")
        self.trapped(602, "integer divide by zero", "divide", "1", "0")
        self.trapped(603, "integer overflow", "divide", "-2147483648", "-1")
        self.trapped(603, "integer overflow", "truncate", "1e10")
        self.trapped(604, "invalid conversion to integer", "truncate", "nan")
        self.trapped(606, "undefined element", "indirect", "2")
        self.trapped(607, "uninitialized element", "indirect", "1")
        self.trapped(608, "indirect call type mismatch", "mismatch")
        for memory in ("guard", "checked"):
            self.trapped(601, "out of bounds memory access", "leaf", "65536", memory=memory)
            self.trapped(609, "call stack exhausted", "forever", "0", memory=memory)

    def test_backtrace_names_the_functions_from_inside_out(self):
        error = self.trapped(601, "out of bounds memory access", "outer", "-1")
        frames = [line.split()[2].split("+")[0] for line in error.splitlines()[1:]]
        self.assertEqual(frames, ["leaf", "middle", "outer"])
        self.assertRegex(error.splitlines()[1], r"0: func\[0\] leaf\+0x[0-9a-f]+ at offset 0x[0-9a-f]+ of the module")

    def test_the_offset_is_that_of_the_instruction(self):
        path = module(TRAPS)
        error = self.trapped(600, "unreachable", "stop")
        offset = int(error.split("offset 0x")[1].split()[0], 16)
        self.assertEqual(path.read_bytes()[offset], 0x00)
        error = self.trapped(602, "integer divide by zero", "divide", "1", "0")
        offset = int(error.split("offset 0x")[1].split()[0], 16)
        self.assertEqual(path.read_bytes()[offset], 0x6D)

    def test_a_deep_backtrace_is_cut(self):
        error = self.trapped(609, "call stack exhausted", "forever", "0")
        self.assertLess(len(error.splitlines()), 100)
        self.assertIn("… more callers", error)

    def test_a_trapping_start_function(self):
        path = module('(module (func $boot (unreachable)) (start $boot))')
        self.check(alkahest("run", path), 134, out="", err="trap[ALKA_600]: unreachable")

    def test_vectors_are_refused_for_processors_without_them(self):
        path = module("""(module (func (export "sum") (param i32) (result i32)
          (i32x4.extract_lane 3 (i32x4.add (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))))""")
        for command in (("run", "--cpu=x86-64-v1", path, "--invoke", "sum", "3"), ("compile", "--cpu=x86-64-v1", path, "-o", "/dev/null")):
            self.check(alkahest(*command), 1, out="", err="error[ALKA_302]: v128 needs a processor with SSSE3 and SSE4.2")
        for level in ("x86-64-v2", "x86-64-v3"):
            self.assertEqual(self.ok("run", f"--cpu={level}", path, "--invoke", "sum", "3"), "7\n")

    def test_colliding_constants_take_no_longer_than_others(self):
        def sized(content):
            size, rest = bytearray(), len(content)
            while rest:
                size.append(rest & 0x7F | (0x80 if rest > 0x7F else 0))
                rest >>= 7
            return bytes(size) + content
        body = bytearray(b"\0")
        for low in range(150_000):
            high = (low ^ 16) * 0x9E3779B97F4A7C15 % 2**64 ^ 0x55  # as text.c's constant_find mixes them
            body += b"\xfd\x0c" + low.to_bytes(8, "little") + high.to_bytes(8, "little") + b"\xfd\x53\x1a"
        code = sized(b"\1" + sized(bytes(body) + b"\x0b"))
        path = binary(b"\0asm\1\0\0\0" b"\1\4\1\x60\0\0" b"\3\2\1\0" b"\x0a" + code)
        self.check(alkahest("compile", "--cpu=x86-64-v2", path, "-o", "/dev/null", timeout=10), 0)

    def test_after_a_trap_within_the_limits_all_is_well(self):
        self.assertEqual(self.ok("run", module(TRAPS), "--invoke", "outer", "1"), "2\n")


class Loading(CommandTest):
    def test_unknown_imports_name_themselves(self):
        path = module('(module (import "env" "frob" (func)))')
        done = alkahest("run", path)
        self.check(done, 1, out="", err="unknown import")
        self.assertIn('"env" "frob"', done.err)

    def test_wrong_import_types(self):
        path = module('(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32))))')
        self.check(alkahest("run", path), 1, out="", err="incompatible import type")

    def test_data_out_of_bounds(self):
        path = module('(module (memory 1) (data (i32.const 65535) "ab"))')
        self.check(alkahest("run", path), 1, out="", err="out of bounds memory access")

    def test_nothing_to_start_is_said(self):
        self.check(alkahest("run", module(ADD)), 0, out="", err="--invoke")

    def test_reactors_are_initialized_first(self):
        path = module('(module (global $g (mut i32) (i32.const 1)) (func (export "_initialize")'
                      ' (global.set $g (i32.const 42))) (func (export "get") (result i32) (global.get $g)))')
        self.assertEqual(self.ok("run", path, "--invoke", "get"), "42\n")


class Models(CommandTest):
    GROW = """(module (memory 0 70000)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "last") (param i32) (result i32)
        (drop (memory.grow (local.get 0)))
        (i32.store8 (i32.sub (i32.mul (local.get 0) (i32.const 65536)) (i32.const 1)) (i32.const 200))
        (i32.load8_u (i32.sub (i32.mul (local.get 0) (i32.const 65536)) (i32.const 1)))))"""

    def test_the_same_results_in_every_model_and_level(self):
        source = self.GROW.replace("70000", "600")
        for memory in ("guard", "checked", "wrap"):
            for cpu in ("x86-64-v1", "native"):
                options = (f"--memory={memory}", f"--cpu={cpu}", module(source), "--invoke")
                self.assertEqual(self.ok("run", *options, "last", "3"), "200\n")
                self.assertEqual(self.ok("run", *options, "grow", "601"), "-1\n")


class Inspect(CommandTest):
    def test_everything_is_shown(self):
        out = self.ok("inspect", module("""(module $shop
          (import "env" "log" (func $log (param i32 i64) (result f32)))
          (import "env" "memory" (memory 1 10))
          (import "env" "limit" (global i64))
          (table (export "calls") 3 9 funcref)
          (global (export "count") (mut i32) (i32.const 1))
          (func $f (export "f") (result i32) (i32.extend8_s (i32.const 1)))
          (data (i32.const 0) "hello"))"""))
        for line in ("func   env.log  (i32, i64) -> (f32)", "memory env.memory  1–10 pages", "global env.limit  i64",
                     "func   f  func[1]  () -> (i32)", "table  calls  table[0]  3–9 entries of funcref",
                     "global count  global[1]  mutable i32", "data segments: 1, 5 bytes", "name shop"):
            self.assertIn(line, out)
        self.assertRegex(out, r"features used:.* sign-extension")

    # What needs each feature, and how the assembler is told to understand it.
    NEEDS = {
        "multi-memory": ("(memory 1) (memory 1)", ["--enable-multi-memory"]),
        "memory64": ("(memory i64 1 2)", ["--enable-memory64"]),
        "extended-const": ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", ["--enable-extended-const"]),
        "relaxed-simd": ("(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
                         ["--enable-relaxed-simd"]),
        "threads": ("(memory 1 1) (func (drop (i32.atomic.load (i32.const 0))))", ["--enable-threads"]),
    }

    def test_what_a_module_needs_is_listed(self):
        for feature, (text, flags) in self.NEEDS.items():
            path = module(f"(module {text})", *flags)
            self.assertRegex(self.ok("inspect", path), rf"features used:.* {feature}\b")
            self.ok("validate", "--features=all", path)
            release = "wasm2" if feature == "threads" else "wasm3"
            self.ok("validate", f"--features={release},{feature}", path)

    def test_a_refusal_says_which_flag_allows_it(self):
        for feature, (text, flags) in self.NEEDS.items():
            path = module(f"(module {text})", *flags)
            for features in ("wasm2", f"-{feature}"):
                self.check(alkahest("validate", f"--features={features}", path), 1, out="", err=f"--features=+{feature}")

    def test_limits_of_shared_and_wide_things(self):
        out = self.ok("inspect", module("(module (memory 1 5 shared) (memory i64 2 6))",
                                        "--enable-threads", "--enable-memory64", "--enable-multi-memory"))
        for line in ("memory[0]  1–5 pages, shared", "memory[1]  2–6 pages, 64-bit"):
            self.assertIn(line, out)
        header = b"\0asm\1\0\0\0"
        out = self.ok("inspect", binary(header + b"\4\4\1\x70\4\3"))  # a table64
        self.assertIn("table[0]  3 or more entries of funcref, 64-bit", out)


class Disasm(CommandTest):
    def test_opcodes_stand_beside_the_code(self):
        out = self.ok("disasm", module(ADD))
        self.assertIn("func[0] add:", out)
        self.assertRegex(out, r"(add|lea) .*; 0x.*i32\.add")
        self.assertRegex(out, r"\bret\b")

    def test_one_function_by_name_or_index(self):
        path = module(TRAPS)
        by_name = self.ok("disasm", path, "middle")
        self.assertEqual(by_name, self.ok("disasm", path, "1"))
        self.assertIn("func[1] middle:", by_name)
        self.assertNotIn("leaf:", by_name)
        self.check(alkahest("disasm", path, "nobody"), 1, out="", err="'nobody'")


if __name__ == "__main__":
    unittest.main()
