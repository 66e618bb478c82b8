#!/usr/bin/env python3
"""Every mistake in a manifest names its file, line and key; a sound one compiles to the same bytes every time."""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from manifest import ManifestErrors, Vocabulary, read_manifest  # noqa: E402
from toml_lines import key_lines  # noqa: E402

WORDS = Vocabulary(FOLDER.parent.parent)
HEAD = '[system]\nname = "s"\n[[module]]\nname = "a"\nfile = "a.wasm"\n'  # the next line is line 6


def supervisor(name, lines=""):
    return f'[[supervisor]]\nname = "{name}"\n{lines}\n'


class Manifests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name) / "system.toml"
        (Path(self.folder.name) / "a.wasm").write_bytes(b"\0asm\1\0\0\0")

    def read(self, text):
        self.path.write_text(text, encoding="utf-8")
        return read_manifest(self.path, [], WORDS)

    def assert_errors(self, text, *expected):
        """The errors are exactly the expected ones: (line, key, part of the message)."""
        with self.assertRaises(ManifestErrors) as caught:
            self.read(text)
        lines = str(caught.exception).splitlines()
        self.assertEqual(len(lines), len(expected), lines)
        for found, (line, key, message) in zip(lines, expected):
            prefix = f"{self.path}:{line}: {key}" + (": " if key else "")
            self.assertTrue(found.startswith(prefix), f"{found!r} does not start with {prefix!r}")
            self.assertIn(message, found)

    def test_sound(self):
        system = self.read(HEAD + 'start = ["main", {function = "f", trap = "ALKA_609"}]\n')
        self.assertEqual([start.expect for start in system.modules[0].starts], [0, 609])
        self.assertEqual(system.modules[0].memory_pages, 65536)

    def test_syntax(self):
        self.assert_errors('[system]\nname = \n', (2, "", "Invalid value"))
        self.assert_errors('[system]\nname = "x', (2, "", ""))

    def test_system(self):
        self.assert_errors('[[module]]\nname = "a"\nfile = "a.wasm"\n', (1, "system", "is missing"))
        self.assert_errors('[system]\nname = "s"\n', (1, "module", "at least one"))
        self.assert_errors(HEAD.replace('"s"', "7"), (2, "system.name", "expected a string, found an integer"))
        self.assert_errors('colour = 1\n' + HEAD, (1, "colour", "unknown key"))

    def test_scheduler(self):
        self.assertEqual(self.read(HEAD).scheduler, "")
        for name in ("round_robin", "fair"):
            self.assertEqual(self.read(HEAD.replace('"s"', f'"s"\nscheduler = "{name}"')).scheduler, name)
        self.assert_errors(HEAD.replace('"s"', '"s"\nscheduler = "fare"'), (3, "system.scheduler", 'did you mean "fair"?'))
        self.assert_errors(HEAD.replace('"s"', '"s"\nscheduler = ""'), (3, "system.scheduler", "is neither"))
        self.assert_errors(HEAD.replace('"s"', '"s"\nscheduler = 2'), (3, "system.scheduler", "expected a string"))

    def test_unknown_keys(self):
        self.assert_errors(HEAD + 'strat = ["f"]\n', (6, "module[0].strat", 'did you mean "start"?'))
        self.assert_errors(HEAD + '[module.limits]\nmemory_page = 1\n',
                           (7, "module[0].limits.memory_page", 'did you mean "memory_pages"?'))
        self.assert_errors(HEAD + 'start = [{ function = "f", trp = true }]\n', (6, "module[0].start[0].trp", "unknown key"))

    def test_names(self):
        for bad in ("", "A", "1a", "a b", "a" * 33, "é"):
            self.assert_errors(HEAD.replace('"a"', f'"{bad}"'), (4, "module[0].name", "is not a name"))
        self.assert_errors(HEAD + '[[module]]\nname = "a"\nfile = "a.wasm"\n', (7, "module[1].name", "another module"))

    def test_types(self):
        for key, value in (("capabilities", '"log"'), ("calls", "[]"), ("limits", "3"), ("start", "true")):
            self.assert_errors(HEAD + f"{key} = {value}\n", (6, f"module[0].{key}", "expected"))
        self.assert_errors('module = [3]\n[system]\nname = "s"\n', (1, "module[0]", "expected a table"))
        self.assert_errors(HEAD + 'start = [\n  "f",\n  3]\n', (8, "module[0].start[1]", "expected a function's name"))

    def test_capabilities(self):
        self.assert_errors(HEAD + 'capabilities = [\n "log", # comment ]\n "lgo",\n "log" ]\n',
                           (8, "module[0].capabilities[1]", 'unknown capability "lgo"; did you mean "log"?'),
                           (9, "module[0].capabilities[2]", "listed twice"))

    def test_calls(self):
        two = HEAD + 'calls = { b = ["f"] }\n[[module]]\nname = "b"\nfile = "a.wasm"\n'
        self.assert_errors(two, (6, "module[0].calls.b", 'must come before "a"'))
        self.assert_errors(HEAD + 'calls = { a = ["f"] }\n', (6, "module[0].calls.a", "must come before"))
        self.assert_errors(HEAD + '[module.calls]\nnobody = ["f"]\n', (7, "module[0].calls.nobody", 'no module "nobody"'))
        self.assert_errors(two.replace("calls = { b", "#") + 'calls = { a = ["f", "f", ""] }\n',
                           (10, "module[1].calls.a[1]", "listed twice"), (10, "module[1].calls.a[2]", "name has 1 to"))

    def test_on_trap(self):
        one = HEAD + '[[module]]\nname = "b"\nfile = "a.wasm"\n'  # the next line is line 9
        calls = self.read(one + 'calls = { a = ["f", { function = "g", on_trap = "error" }] }\n').modules[1].calls
        self.assertEqual(calls, {("a", "f"): 0, ("a", "g"): 1})
        for bad, key, message in (('{ function = "f", on_trap = "eror" }', ".on_trap", 'did you mean "error"?'),
                                  ('{ on_trap = "trap" }', ".function", "is missing"), ("3", "", "expected a function's name"),
                                  ('{ function = "f", on = 1 }', ".on", "unknown key")):
            self.assert_errors(one + f"calls = {{ a = [{bad}] }}\n", (9, f"module[1].calls.a[0]{key}", message))

    def test_limits(self):
        for key, most in (("handles", 4096), ("gate_depth", 4096), ("queue_places", 2**20), ("log_rate", 1000000)):
            self.assertEqual(self.read(HEAD + f"limits.{key} = {most}\n").modules[0].limits[key], most)
            for bad in (-1, most + 1):
                self.assert_errors(HEAD + f"limits.{key} = {bad}\n", (6, f"module[0].limits.{key}", "not between"))
        self.assertEqual(self.read(HEAD).modules[0].clock_resolution_ns, 1000000)
        self.assert_errors(HEAD + "clock_resolution_ns = 0\n", (6, "module[0].clock_resolution_ns", "not between"))
        for bad in ("-1", "65537"):
            self.assert_errors(HEAD + f"limits.memory_pages = {bad}\n", (6, "module[0].limits.memory_pages", "not between"))
        self.assert_errors(HEAD + "limits.memory_pages = true\n", (6, "module[0].limits.memory_pages", "expected an integer"))

    def test_cpu(self):
        self.assertEqual(self.read(HEAD + "limits = { cpu_us = 5, period_us = 9 }\n").modules[0].cpu, (5, 9))
        for cpu, period, key in ((0, 9, "cpu_us"), (10, 9, "cpu_us"), (5, 0, "period_us"), (5, 1000001, "period_us")):
            self.assert_errors(HEAD + f"limits = {{ cpu_us = {cpu}, period_us = {period} }}\n",
                               (6, f"module[0].limits.{key}", "not between"))
        self.assert_errors(HEAD + "limits.cpu_us = 5\n", (6, "module[0].limits.cpu_us", 'without "period_us"'))

    def test_threads(self):
        threads = self.read(HEAD + 'threads = ["f", { function = "g", priority = 31 }]\n').modules[0].threads
        self.assertEqual([(thread.function, thread.priority) for thread in threads], [("f", 16), ("g", 31)])
        self.assert_errors(HEAD + 'threads = [{ function = "f", priority = 32 }]\n', (6, "module[0].threads[0].priority", "not between"))
        self.assert_errors(HEAD + 'threads = ["f", "f"]\n', (6, "module[0].threads", "listed twice"))
        self.assert_errors(HEAD + 'threads = [3]\n', (6, "module[0].threads[0]", "expected a function's name"))

    def test_loader(self):
        capable = HEAD + 'capabilities = ["log", "random"]\n'  # the next line is line 7
        least = "modules = 2, memory_pages = 3, code_bytes = 4"
        self.assertEqual(self.read(capable).modules[0].loader.modules, 0)
        loader = self.read(capable + f'loader = {{ {least}, pass_on = ["log"] }}\n').modules[0].loader
        self.assertEqual((loader.modules, loader.memory_pages, loader.code_bytes, loader.handles, loader.threads, loader.pass_on, loader.pass_calls),
                         (2, 3, 4, 64, 2, ["log"], False))
        for bad, key, message in (("modules = 0", "modules", "not between 1 and 64"), ("modules = 65", "modules", "not between"),
                                  ("memory_pages = 65537", "memory_pages", "not between"), ("code_bytes = -1", "code_bytes", "not between")):
            word = bad.split()[0]
            text = ", ".join(bad if part.startswith(word) else part for part in least.split(", "))
            self.assert_errors(capable + f"loader = {{ {text} }}\n", (7, f"module[0].loader.{key}", message))
        self.assert_errors(capable + "loader = { modules = 1, memory_pages = 1 }\n", (7, "module[0].loader.code_bytes", "is missing"))
        self.assert_errors(capable + f"loader = {{ {least}, handles = 4097 }}\n", (7, "module[0].loader.handles", "not between"))
        self.assert_errors(capable + f"loader = {{ {least}, threads = 257 }}\n", (7, "module[0].loader.threads", "not between"))
        self.assert_errors(capable + f"loader = {{ {least}, thread = 2 }}\n", (7, "module[0].loader.thread", 'did you mean "threads"?'))
        self.assert_errors(capable + f'loader = {{ {least}, pass_on = ["lgo", "log", "log"] }}\n',
                           (7, "module[0].loader.pass_on[0]", 'did you mean "log"?'), (7, "module[0].loader.pass_on[2]", "listed twice"))
        self.assert_errors(capable + f"loader = {{ {least}, pass_calls = 1 }}\n", (7, "module[0].loader.pass_calls", "expected true or false"))
        self.assert_errors(HEAD + f'[[module]]\nname = "b"\nfile = "a.wasm"\nversion_of = "a"\nloader = {{ {least} }}\n',
                           (10, "module[1].loader", 'is for "a" to have'))
        many = "".join(f'[[module]]\nname = "b{i}"\nfile = "a.wasm"\nloader = {{ modules = 64, memory_pages = 1, code_bytes = 1 }}\n' for i in range(16))
        self.assert_errors(HEAD + many, (3, "module", "1041 modules, with those that can be loaded, are more than 1024"))

    def test_load(self):
        self.assertEqual(self.read(HEAD).modules[0].load, "boot")
        self.assertEqual(self.read(HEAD + 'load = "later"\n').modules[0].load, "later")
        self.assert_errors(HEAD + 'load = "late"\n', (6, "module[0].load", 'did you mean "later"?'))
        self.assert_errors(HEAD + "load = true\n", (6, "module[0].load", "expected a string"))
        late = HEAD + 'load = "later"\n[[module]]\nname = "b"\nfile = "a.wasm"\n'  # the next line is line 10
        self.assert_errors(late + 'calls = { a = ["f"] }\n', (10, "module[1].calls.a", 'so must "b" be'))
        self.assertEqual(self.read(late + 'load = "later"\ncalls = { a = ["f"] }\n').modules[1].load, "later")
        self.assert_errors(late + 'version_of = "a"\nload = "later"\n', (11, "module[1].load", "means nothing for a version"))

    def test_after_trap(self):
        self.assertEqual(self.read(HEAD).modules[0].after_trap, "restart")
        self.assertEqual(self.read(HEAD + 'after_trap = "stop"\n').modules[0].after_trap, "stop")
        self.assert_errors(HEAD + 'after_trap = "stopp"\n', (6, "module[0].after_trap", 'did you mean "stop"?'))
        self.assert_errors(HEAD + "after_trap = true\n", (6, "module[0].after_trap", "expected a string"))

    def test_versions(self):
        def more(name, key):
            return f'[[module]]\nname = "{name}"\nfile = "a.wasm"\n{key}\n'
        self.assertEqual(self.read(HEAD + more("b", 'version_of = "a"')).modules[1].version_of, "a")
        self.assert_errors(HEAD + 'version_of = "a"\n', (6, "module[0].version_of", 'must come before "a"'))
        self.assert_errors(HEAD + more("b", 'version_of = "aa"'), (9, "module[1].version_of", 'did you mean "a"?'))
        self.assert_errors(HEAD + more("b", 'version_of = "a"') + more("c", 'version_of = "b"'),
                           (13, "module[2].version_of", 'is itself a version of "a"'))
        self.assert_errors(HEAD + more("b", 'version_of = "a"') + more("c", 'calls = { b = ["f"] }'),
                           (13, "module[2].calls.b", 'is a version of "a"'))
        self.assert_errors(HEAD + more("b", "version_of = 1"), (9, "module[1].version_of", "expected a string"))

    def test_objects(self):
        text = HEAD + ('[[topic]]\nname = "news"\nmessage_max = 8\nplaces = 2\nslow = ["blocks", "leaves"]\n[[event]]\nname = "go"\n'
                       '[[channel]]\nname = "work"\nmessage_max = 100\nplaces = 5\n'
                       '[[buffer]]\nname = "frame"\npages = 7\nowner = "a"\n')
        objects = self.read(text).objects
        self.assertEqual([(thing.name, thing.kind) for thing in objects], [("frame", 4), ("go", 3), ("news", 2), ("work", 1)])
        self.assertEqual([(thing.size, thing.places, thing.allowed) for thing in objects],
                         [(7, 0, 0), (0, 0, 0), (8, 2, 9), (100, 5, 0)])
        self.assertEqual((objects[0].owner, objects[2].subscribers), ("a", 32))
        for name in ("a", "kernel"):  # a module's and a default's
            self.assert_errors(HEAD + f'[[event]]\nname = "{name}"\n', (7, "event[0].name", "something else is called"))
        self.assert_errors(HEAD + '[[event]]\nname = "go"\n' * 2, (9, "event[1].name", "something else is called"))
        for kind, keys, key, message in (
                ("channel", "message_max = 0\nplaces = 1", "message_max", "not between"), ("channel", "places = 1", "message_max", "missing"),
                ("channel", "message_max = 1048576\nplaces = 17", "places", "more than 16777216"), ("event", "places = 1", "places", "unknown"),
                ("topic", 'message_max = 1\nplaces = 1\nslow = ["skip"]', "slow[0]", 'did you mean "skips"'),
                ("topic", "message_max = 1\nplaces = 1\nslow = []", "slow", "at least one"),
                ("buffer", "pages = 4097", "pages", "not between"), ("buffer", 'pages = 1\nowner = "b"', "owner", 'no module "b"')):
            with self.assertRaises(ManifestErrors) as caught:
                self.read(HEAD + f'[[{kind}]]\nname = "x"\n{keys}\n')
            self.assertRegex(str(caught.exception), f":\\d+: {kind}\\[0\\].{re.escape(key)}: .*{message}")

    def test_handles(self):
        text = HEAD + '{}\n[[event]]\nname = "go"\n[[event]]\nname = "at"\n[[module]]\nname = "b"\nfile = "a.wasm"\n'
        grants = self.read(text.format('handles = { b = ["write"], go = ["read", "move"], log = ["write", "delegate"] }')).modules[0].grants
        self.assertEqual(grants, [(0, 1, 17), (1, 3, 10), (2, 1, 2)])
        for bad, key, message in (('got = ["read"]', "got", 'did you mean "go"?'), ('go = ["wirte"]', "go[0]", 'did you mean "write"?'),
                                  ('go = ["read", "read"]', "go[1]", "listed twice"), ("go = []", "go", "at least one"),
                                  ('log = ["read"]', "log", "nobody has"), ('go = "read"', "go", "expected an array")):
            self.assert_errors(text.format(f"handles = {{ {bad} }}"), (6, f"module[0].handles.{key}", message))
        self.assert_errors(text.format('handles = { go = ["read"], b = ["read"] }\nlimits.handles = 1'), (6, "module[0].handles", "more than"))
        self.assert_errors(text.format("") + 'version_of = "a"\nhandles = { go = ["read"] }\n', (15, "module[1].handles", "is not for a version"))

    def test_supervisors(self):
        tree = HEAD + 'supervisor = "low"\n' + supervisor("low", 'supervisor = "high"') + supervisor("high", "intensity = 0")
        system = self.read(tree)
        self.assertEqual([item.name for item in system.supervisors], ["root", "high", "low"])
        self.assertEqual([item.before_module for item in system.supervisors], [0, 1, 1])
        self.assertEqual((system.modules[0].restart, system.modules[0].shutdown_ms), ("permanent", 1000))
        self.assertEqual([item.name for item in self.read(HEAD + 'supervisor = "root"\n').supervisors], ["root"])
        self.assertEqual(self.read(HEAD).supervisors, [])
        self.assert_errors(HEAD + 'supervisor = "lo"\n' + supervisor("low"), (6, "module[0].supervisor", 'did you mean "low"?'))
        self.assert_errors(HEAD + supervisor("low", 'supervisor = "rot"'), (8, "supervisor[0].supervisor", 'did you mean "root"?'))
        self.assert_errors(HEAD + supervisor("a"), (7, "supervisor[0].name", "another supervisor or of a module"))
        self.assert_errors(HEAD + supervisor("b") + supervisor("b"), (10, "supervisor[1].name", "another supervisor or of a module"))
        self.assert_errors(HEAD + supervisor("root", 'restart = "transient"'), (8, "supervisor[0].restart", "nobody supervises the root"))
        self.assert_errors(HEAD + supervisor("b", "intensty = 1"), (8, "supervisor[0].intensty", 'did you mean "intensity"?'))
        many = "".join(supervisor(f"s{number}") for number in range(64))
        self.assert_errors(HEAD + many, (6, "supervisor", "64 supervisors are more than 63"))

    def test_circles(self):
        two = supervisor("b", 'supervisor = "c"') + supervisor("c", 'supervisor = "b"') + supervisor("d", 'supervisor = "b"')
        self.assert_errors(HEAD + two, (8, "supervisor[0].supervisor", '"b" supervises itself: b in c in b'),
                           (11, "supervisor[1].supervisor", '"c" supervises itself: c in b in c'))
        self.assert_errors(HEAD + supervisor("b", 'supervisor = "b"'), (8, "supervisor[0].supervisor", "b in b"))

    def test_impossible_supervision(self):
        for key, bad in (("intensity", 32), ("intensity", -1), ("period_ms", 0), ("period_ms", 86400001), ("backoff_ms", -1)):
            self.assert_errors(HEAD + supervisor("b", f"{key} = {bad}"), (8, f"supervisor[0].{key}", "is not between"))
        self.assert_errors(HEAD + supervisor("b", "backoff_ms = 9\nbackoff_max_ms = 8"), (9, "supervisor[0].backoff_max_ms", "is not between 9"))
        self.assert_errors(HEAD + supervisor("b", 'strategy = "one_for_two"'), (8, "supervisor[0].strategy", 'did you mean "one_for_one"?'))
        for key, value in (("restart", '"permanent"'), ("heartbeat_ms", 5), ("shutdown_ms", 5)):
            self.assert_errors(HEAD + f"{key} = {value}\n", (6, f"module[0].{key}", 'without "supervisor"'))
        under = HEAD + 'supervisor = "root"\n'
        for line, key, message in (("heartbeat_ms = 0", "heartbeat_ms", "is not between"), ('restart = "always"', "restart", "is not one of"),
                                   ('after_trap = "stop"', "after_trap", 'use "restart"')):
            self.assert_errors(under + line + "\n", (7, f"module[0].{key}", message))
        version = '[[module]]\nname = "b"\nfile = "a.wasm"\nversion_of = "a"\nsupervisor = "root"\n'
        self.assert_errors(HEAD + version, (10, "module[1].supervisor", "in the place of that"))

    def test_expectations(self):
        for bad in ('"ALKA_200"', '"602"', "602"):
            self.assert_errors(HEAD + f'start = [{{ function = "f", trap = {bad} }}]\n', (6, "module[0].start[0].trap", "expected"))

    def test_files(self):
        self.assert_errors(HEAD.replace("a.wasm", "b.wasm"), (5, "module[0].file", 'no file "b.wasm" in'))
        self.assert_errors(HEAD.replace('file = "a.wasm"\n', ""), (3, "module[0].file", "is missing"))
        self.assert_errors(HEAD.replace("a.wasm", ""), (5, "module[0].file", "is empty"))

    def test_all_errors_are_told_in_order(self):
        self.assert_errors(HEAD.replace('"s"', '"S"') + "limits = 1\ncalls = 2\n",
                           (2, "system.name", ""), (6, "module[0].limits", ""), (7, "module[0].calls", ""))


class Lines(unittest.TestCase):
    def test_odd_spellings(self):
        lines = key_lines('''# comment [not.a.header]
top = """
[not.a.header]
""" # still not
[a."b.c"]
d . e = 'x # y'
[[t]]
k = [ [1,
  2], { "q r" = [
] } ]
[t.sub]
s = 1979-05-27
[[t]]
k = 0x1F
''')
        expected = {("top",): 2, ("a",): 5, ("a", "b.c"): 5, ("a", "b.c", "d", "e"): 6, ("t", 0): 7, ("t", 0, "k", 0, 1): 9,
                    ("t", 0, "k", 1, "q r"): 9, ("t", 0, "sub", "s"): 12, ("t", 1): 13, ("t", 1, "k"): 14}
        for path, line in expected.items():
            self.assertEqual(lines.get(path), line, path)
        self.assertNotIn(("not",), lines)


class Command(unittest.TestCase):
    def run_mkbundle(self, *arguments):
        return subprocess.run([sys.executable, str(FOLDER.parent / "mkbundle.py"), *map(str, arguments)],
                              capture_output=True, text=True, check=False)

    def test_repeatable(self):
        with tempfile.TemporaryDirectory() as folder:
            outputs = [Path(folder) / name for name in ("one", "two")]
            for output in outputs:
                done = self.run_mkbundle(FOLDER / "sample.toml", "-o", output, "--depfile", f"{output}.d")
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(outputs[0].read_bytes(), outputs[1].read_bytes())
            self.assertIn("sample.bin", Path(f"{outputs[0]}.d").read_text(encoding="utf-8"))

    def test_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_mkbundle(Path(folder) / "none.toml", "-o", Path(folder) / "out")
            self.assertEqual(done.returncode, 1)
            self.assertIn("none.toml: cannot be read", done.stderr)
            self.assertFalse((Path(folder) / "out").exists())


if __name__ == "__main__":
    unittest.main()
