#!/usr/bin/env python3
"""Tests calls.py: reading what sides print, differences, medians, tables; its modules; and one short run of bench-calls."""
import argparse
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import calls

PROGRAM = None


def printed(**cases):
    return json.dumps({"cases": cases})


def case(ns, cycles=None, instructions=None):
    return {"ns": ns, "cycles": cycles, "instructions": instructions}


def side(**cases):
    out = {"title": "Side", "version": "1", "cases": {}}
    calls.add(out, calls.parse(printed(**cases)))
    return out


class Parsing(unittest.TestCase):
    def test_reads_what_a_side_prints(self):
        cases = calls.parse(printed(gate=case([1.5, 2.5], [4.0, 5.0], 33.0)))
        self.assertEqual(cases["gate"]["ns"], [1.5, 2.5])
        self.assertEqual(cases["gate"]["instructions"], 33)

    def test_refuses_what_is_no_measurement(self):
        for text in ("", "nonsense", "{}", printed(gate=case([])), printed(gate=case([0.0])), printed(gate=case([-1.0])),
                     printed(gate=case([1.0, 2.0], [1.0])), json.dumps({"cases": {"gate": {}}})):  # fmt: skip
            with self.subTest(text), self.assertRaises((ValueError, KeyError)):
                calls.parse(text)

    def test_a_side_that_fails_says_why(self):
        self.assertEqual(calls.run_side([sys.executable, "-c", "import sys; sys.exit('broken')"], 10), (None, "exit code 1: broken"))
        self.assertIn("no figures", calls.run_side([sys.executable, "-c", "print('fast')"], 10)[1])
        self.assertIn("timed out", calls.run_side([sys.executable, "-c", "import time; time.sleep(9)"], 0.2)[1])
        self.assertIn("No such file", calls.run_side(["/no/such/program"], 10)[1])

    def test_turns_follow_each_other(self):
        both = side(gate=case([1.0], [3.0], 7))
        calls.add(both, calls.parse(printed(gate=case([2.0], [4.0], 7))))
        self.assertEqual(both["cases"]["gate"], case([1.0, 2.0], [3.0, 4.0], 7))


class Figures(unittest.TestCase):
    def test_median_and_spread(self):
        self.assertEqual(calls.middle([5.0]), (5.0, 0.0))
        self.assertEqual(calls.middle([1.0, 2.0, 3.0, 4.0, 100.0]), (3.0, 1.0))
        self.assertIsNone(calls.middle([]))

    def test_least(self):
        self.assertEqual(calls.least([5.0, 4.0, 9.0], [2.0, 3.0, 1.0]), 3.0)
        self.assertEqual(calls.least([5.0, 4.0]), 4.0)
        self.assertIsNone(calls.least([]))

    def test_the_base_is_taken_away_round_by_round(self):
        # A machine that is slower in the second half: the difference is 2 all the same.
        self.assertEqual(calls.middle([3.0, 3.0, 12.0, 12.0], [1.0, 1.0, 10.0, 10.0]), (2.0, 0.0))

    def test_a_crossing_beyond_its_base(self):
        measured = side(near=case([2.0], [4.0], 4.0), gate=case([5.0], [12.0], 35.0))
        gate = next(crossing for crossing in calls.CROSSINGS if crossing.case == "gate")
        self.assertEqual(calls.figure(measured, gate), {"ns": (3.0, 0.0), "cycles": (8.0, 0.0), "least": 8.0, "instructions": 31.0})
        self.assertIsNone(calls.figure(side(gate=case([5.0])), gate))
        without = calls.figure(side(near=case([2.0]), gate=case([5.0])), gate)
        self.assertEqual(without, {"ns": (3.0, 0.0), "cycles": None, "least": None, "instructions": None})

    def test_tables(self):
        data = {"sides": {"alkahest": side(enter=case([9.0], [25.0], 160.0)), "linux": side(pipe=case([4000.0], [9000.0]))},
                "failed": {"v8": "broken"}}  # fmt: skip
        text = calls.table(data)
        self.assertRegex(text, r"host → module → host +Side +9\.0 ±0\.0 +25\.0 ±0\.0 +25\.0 +160 +≤ 10 ns")
        self.assertRegex(text, r"pipe +Side +4000 ±0\.0 +9000 ±0\.0 +9000 +-")
        self.assertIn("v8: broken", text)
        self.assertIn("| host → module → host | Side | 9.0 ±0.0 | 25.0 ±0.0 | 25.0 | 160 | ≤ 10 ns |", calls.markdown(data, "here"))

    def test_comparison(self):
        def data(cycles, instructions):
            return {"sides": {"alkahest": side(enter=case([9.0] * 3, cycles, instructions))}, "failed": {}}

        old = data([25.0, 26.0, 27.0], 160.0)
        self.assertEqual(calls.comparison(old, data([25.4, 26.4, 27.4], 160.0)), "nothing changed beyond the noise")
        self.assertIn("26.0 ±0.5 cycles  20.0 ±0.0 cycles", calls.comparison(old, data([20.0] * 3, 160.0)))
        self.assertIn("160.0 instructions  90.0 instructions", calls.comparison(old, data([26.0] * 3, 90.0)))


class Program(unittest.TestCase):
    def run_program(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "callee.wasm").write_bytes(calls.callee_module())
            Path(folder, "caller.wasm").write_bytes(calls.caller_module())
            cases, reason = calls.run_side([PROGRAM, "--instructions", "3", *(folder if word == "FOLDER" else word for word in words)], 60)
        self.assertIsNone(reason)
        return cases

    def test_alkahest(self):
        cases = self.run_program("alkahest", "FOLDER")
        self.assertEqual(set(cases), {"empty", "near", "host", "gate", "enter", "instance"})
        for name, figures in cases.items():
            self.assertEqual([len(figures["ns"]), len(figures["cycles"])], [3, 3], name)
        count = {name: figures["instructions"] for name, figures in cases.items()}
        self.assertEqual(count["empty"], 2)  # dec, jnz
        self.assertLessEqual(count["near"], 4)  # and call, ret
        self.assertLess(count["near"], count["host"])
        self.assertLess(count["host"], count["gate"])
        self.assertLess(count["gate"], count["enter"])
        self.assertLess(count["enter"], count["instance"])

    def test_linux(self):
        cases = self.run_program("linux")
        self.assertEqual({figures["instructions"] for figures in cases.values()}, {None})
        self.assertEqual(set(cases), {"getppid", "pipe", "futex"})
        self.assertLess(min(cases["getppid"]["ns"]), min(cases["pipe"]["ns"]))

    def test_misuse(self):
        for words in ([], ["3"], ["0", "linux"], ["3", "alkahest"], ["3", "other", "FOLDER"]):
            self.assertEqual(subprocess.run([PROGRAM, *words], capture_output=True, check=False).returncode, 2)
        self.assertEqual(subprocess.run([PROGRAM, "3", "alkahest", "/nowhere"], capture_output=True, check=False).returncode, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, help="bench-calls")
    options, rest = parser.parse_known_args()
    PROGRAM = options.program
    unittest.main(argv=[sys.argv[0], *rest])
