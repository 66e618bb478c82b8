"""What the tests of the command share: running it, making modules from text."""
import functools
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ALKAHEST = os.environ.get("ALKAHEST", "alkahest")
WORK = Path(os.environ.get("WORK", tempfile.gettempdir())) / "modules"


def alkahest(*words, stdin=b"", env=None, cwd=None, timeout=60):
    """Runs the command; output and error output as text (undecodable bytes kept). `stdin`: text, bytes, or a file."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run([ALKAHEST, *map(str, words)], **given, capture_output=True, check=False,
                          timeout=timeout, cwd=cwd, env=os.environ | (env or {}))
    done.out = done.stdout.decode("utf-8", "surrogateescape")
    done.err = done.stderr.decode("utf-8", "surrogateescape")
    return done


@functools.lru_cache(maxsize=None)
def module(text, *flags):
    """The path of the module with this text."""
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".wat", dir=WORK, delete=False) as source:
        source.write(text)
    target = Path(source.name).with_suffix(".wasm")
    subprocess.run(["wat2wasm", "--debug-names", *flags, source.name, "-o", target], check=True, capture_output=True)
    return target


def binary(content):
    """The path of a file with these bytes."""
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".wasm", dir=WORK, delete=False) as target:
        target.write(content)
    return Path(target.name)


class CommandTest(unittest.TestCase):
    def check(self, done, code, out=None, err=None):
        """Exit code, whole output, and a part of the error output."""
        self.assertEqual(done.returncode, code, f"output: {done.out}\nerror output: {done.err}")
        if out is not None:
            self.assertEqual(done.out, out)
        if err is not None:
            self.assertIn(err, done.err)

    def ok(self, *words, **options):
        done = alkahest(*words, **options)
        self.check(done, 0)
        return done.out


ADD = """(module
  (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"""
