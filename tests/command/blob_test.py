#!/usr/bin/env python3
"""`alkahest compile`: the .alk file, seen by other people's tools, and run again."""
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import CommandTest, alkahest, module

PROGRAM = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello\\0a")
  (func $greet (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func $half (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func $crash (export "crash") (param i32) (result i32) (i32.load (local.get 0)))
  (func $start (export "_start") (if (call $greet) (then unreachable))))"""


def tool(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


class Blob(CommandTest):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name) / "program.alk"

    def compile(self, *options):
        self.check(alkahest("compile", module(PROGRAM), "-o", self.path, *options), 0, out="")
        return self.path

    def test_it_runs_like_the_module(self):
        for memory in ("guard", "checked", "wrap"):
            path = self.compile(f"--memory={memory}")
            self.check(alkahest("run", path), 0, out="hello\n")
            self.check(alkahest("run", path, "--invoke", "half", "5"), 0, out="2.5\n")

    def test_it_traps_like_the_module(self):
        path = self.compile()
        expected = alkahest("run", module(PROGRAM), "--invoke", "crash", "-1")
        found = alkahest("run", path, "--invoke", "crash", "-1")
        self.check(found, 134, err="out of bounds memory access")
        self.assertEqual(found.err, expected.err)

    def test_compiling_is_deterministic(self):
        first = self.compile().read_bytes()
        self.assertEqual(first, self.compile().read_bytes())
        self.assertEqual(first, alkahest("compile", module(PROGRAM), "-o", "-").stdout)

    def test_readelf_and_objdump_are_content(self):
        path = self.compile()
        listing = tool("readelf", "-aW", path)
        self.assertEqual((listing.returncode, listing.stderr), (0, ""))
        for section in (".text", ".alka.info", ".alka.functions", ".alka.traps", ".alka.relocs", ".alka.module"):
            self.assertIn(section, listing.stdout)
        for symbol in ("greet", "half", "_start", "crash"):
            self.assertRegex(listing.stdout, rf"FUNC .* {symbol}\b")
        code = tool("objdump", "-d", path)
        self.assertEqual((code.returncode, code.stderr), (0, ""))
        self.assertNotIn("(bad)", code.stdout)
        self.assertIn("mulsd", code.stdout)
        symbols = tool("nm", path)
        self.assertEqual((symbols.returncode, symbols.stderr), (0, ""))

    def test_the_module_is_in_it(self):
        section = Path(self.folder.name) / "module"
        done = tool("objcopy", "-O", "binary", "--only-section=.alka.module", "--set-section-flags",
                    ".alka.module=alloc", self.compile(), section)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(section.read_bytes(), module(PROGRAM).read_bytes())

    def test_inspect_and_disasm_know_it(self):
        path = self.compile("--memory=checked", "--cpu=x86-64-v1")
        out = self.ok("inspect", path)
        self.assertIn("memory model: checked", out)
        self.assertIn("none beyond x86-64-v1", out)
        self.assertIn("func   half", out)
        out = self.ok("disasm", path, "crash")
        self.assertRegex(out, r"; 0x[0-9a-f]+ i32\.load")

    def test_compiling_twice_is_refused(self):
        self.check(alkahest("compile", self.compile(), "-o", "/dev/null"), 1, err="compiled already")

    def test_missing_processor_features_are_named(self):
        content = bytearray(self.compile().read_bytes())
        at = content.index(b"ALKA\x02\0\0\0") + 20
        content[at:at + 4] = (1 << 20).to_bytes(4, "little")
        self.path.write_bytes(content)
        self.check(alkahest("run", self.path), 1, out="", err="ALKA_51")

    def test_damaged_files_are_refused_or_harmless(self):
        content = self.compile().read_bytes()
        for size in list(range(0, 64, 7)) + [200, len(content) // 2, len(content) - 1]:
            self.path.write_bytes(content[:size])
            self.check(alkahest("inspect", self.path), 1, out="", err="error[ALKA_")
        chance = random.Random(1)
        for _ in range(60):
            damaged = bytearray(content)
            for _ in range(chance.randrange(1, 6)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            self.path.write_bytes(damaged)
            self.assertIn(alkahest("inspect", self.path).returncode, (0, 1))
            self.assertIn(alkahest("disasm", self.path).returncode, (0, 1))


if __name__ == "__main__":
    unittest.main()
