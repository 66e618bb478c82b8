#!/usr/bin/env python3
"""`./azoth` itself: what it does not know it says, with exit code 2, before it installs or builds anything."""
import subprocess
import unittest
from pathlib import Path

AZOTH = Path(__file__).resolve().parents[2] / "azoth"


class AzothTest(unittest.TestCase):
    def run_azoth(self, *arguments):
        return subprocess.run([AZOTH, *arguments], capture_output=True, text=True, timeout=20, check=False)

    def test_misuse(self):
        for arguments, word in (
            (["frobnicate"], "unknown command: frobnicate"),
            (["build", "kernel"], "build takes no arguments"),
            (["test", "--frob"], "unknown argument --frob"),
            (["test", "-L"], "-L needs a label"),
            (["new"], "usage: ./azoth new NAME"),
        ):
            with self.subTest(arguments=arguments):
                result = self.run_azoth(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertIn(word, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_help(self):
        for word in ("help", "-h", "--help"):
            result = self.run_azoth(word)
            self.assertEqual(result.returncode, 0)
            self.assertIn("usage: ./azoth COMMAND", result.stdout)


if __name__ == "__main__":
    unittest.main()
