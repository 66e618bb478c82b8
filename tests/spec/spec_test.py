#!/usr/bin/env python3
"""Runs the listed files of the official suite with `alkahest wast`, all in one process. A list has one file per line:

    NAME                    must pass
    NAME wrap:12,20-31      in the wrap memory model exactly the commands at these lines fail, because it never traps
    NAME except:12,20-31    the commands at these lines fail in every model; the list says why
    NAME pending: REASON    does not pass yet. It is run all the same: once it passes, it must be struck from here

Exit code 77: skipped, and why.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

import suite

SKIPPED = 77
CPU_FLAGS = {"x86-64-v1": set(), "x86-64-v2": {"sse4_2", "popcnt", "ssse3"},
             "x86-64-v3": {"avx2", "bmi1", "bmi2", "fma", "abm"}}
SUMMARY = re.compile(r"^(\S.*?): (\d+) passed, (\d+) failed, (\d+) skipped$")
FAILURE = re.compile(r"^(\S.*?\.json):(\d+): ")
SHOWN_PER_FILE = 10


class Entry:
    def __init__(self, line):
        self.name, _, rest = line.partition(" ")
        self.pending, self.lines = None, {"wrap": set(), "except": set()}
        rest = rest.strip()
        if rest.startswith("pending:"):
            self.pending = rest.removeprefix("pending:").strip() or "no reason given"
            return
        for word in rest.split():
            kind, colon, numbers = word.partition(":")
            if not colon or kind not in self.lines:
                raise SystemExit(f"{self.name}: what is '{word}'?")
            for part in numbers.split(","):
                first, _, last = part.partition("-")
                self.lines[kind] |= set(range(int(first), int(last or first) + 1))

    def excused(self, is_wrap):
        return self.lines["except"] | self.lines["wrap"] if is_wrap else self.lines["except"]


class Outcome:
    def __init__(self):
        self.counts, self.lines, self.texts = None, set(), []


def read_list(path):
    lines = (line.split("#", 1)[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Entry(line) for line in lines if line]


def cpu_flags():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def run(command, files):
    """Outcomes by path, and what else there is to say."""
    outcomes = {str(path): Outcome() for path in files}
    done = subprocess.run([*command, *outcomes], capture_output=True, text=True, errors="replace", check=False,
                          timeout=560)
    for line in done.stdout.splitlines():
        failure, summary = FAILURE.match(line), SUMMARY.match(line)
        if failure and failure[1] in outcomes:
            outcomes[failure[1]].lines.add(int(failure[2]))
            outcomes[failure[1]].texts.append(line)
        elif summary and summary[1] in outcomes:
            outcomes[summary[1]].counts = [int(summary[i]) for i in (2, 3, 4)]
    trouble = done.stderr[-20000:]
    if done.returncode not in (0, 1):
        trouble += f"\nended with {done.returncode} instead of a verdict"
    return outcomes, trouble


def ranges(lines):
    """Line numbers as lists have them."""
    runs = []
    for line in sorted(lines):
        if runs and runs[-1][1] == line - 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def judge(entry, outcome, is_wrap):
    """What is wrong with a file that must pass; None if nothing is."""
    if outcome.counts is None:
        return "did not end"
    excused = entry.excused(is_wrap)
    if outcome.lines - excused:
        return f"fails at lines {ranges(outcome.lines - excused)}"
    # Several commands of one line are one line here.
    if outcome.counts[1] and not outcome.lines:
        return f"{outcome.counts[1]} failed"
    if excused - outcome.lines:
        return f"passes at lines that its list excuses: {ranges(excused - outcome.lines)}"
    return None


def report(entries, paths, outcomes, is_wrap):
    passed = failed = excused = skipped = bad = 0
    for entry in entries:
        outcome = outcomes[str(paths[entry.name])]
        wrong = judge(entry, outcome, is_wrap)
        for i, text in enumerate(outcome.texts if wrong else []):
            if i < SHOWN_PER_FILE and int(FAILURE.match(text)[2]) not in entry.excused(is_wrap):
                print(text)
        if wrong:
            print(f"FAILED: {entry.name}: {wrong}")
            bad += 1
        counts = outcome.counts or [0, 1, 0]
        passed += counts[0]
        skipped += counts[2]
        failed += counts[1] if wrong else 0
        excused += 0 if wrong else counts[1]
    text = f"{len(entries)} files: {passed} passed, {failed} failed, {skipped} skipped (modules in text form)"
    print(text + (f", {excused} excused by the list" if excused else ""))
    return bad == 0


def report_pending(entries, paths, command):
    ok = True
    for entry in entries:
        outcomes, _ = run(command, [paths[entry.name]])
        counts = outcomes[str(paths[entry.name])].counts
        print(f"SKIPPED: {entry.name} is pending: {entry.pending}")
        if counts and counts[1] == 0:
            print(f"FAILED: {entry.name} passes now: strike 'pending' from its list")
            ok = False
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alkahest", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--suite", choices=suite.NAMES, required=True)
    parser.add_argument("--list", type=Path, required=True)
    parser.add_argument("--features", default="wasm2")
    parser.add_argument("--memory", default="guard")
    parser.add_argument("--cpu", default="x86-64-v1")
    parser.add_argument("--regs", default="0")
    args = parser.parse_args()

    missing_flags = CPU_FLAGS[args.cpu] - cpu_flags()
    if missing_flags:
        print(f"SKIPPED: this processor lacks {' '.join(sorted(missing_flags))}")
        return SKIPPED
    entries = read_list(args.list)
    try:
        folder = suite.find(args.work, args.suite, [entry.name for entry in entries])
    except suite.NoSuite as reason:
        print(f"SKIPPED: no test suite: {reason}")
        return SKIPPED
    paths = {entry.name: suite.json_path(folder, entry.name) for entry in entries}
    absent = [entry.name for entry in entries if not paths[entry.name].exists()]
    if absent:
        print(f"SKIPPED: {len(absent)} of {len(entries)} files are not in {folder}: {' '.join(absent)}")
        entries = [entry for entry in entries if entry.name not in absent]
    if not entries:
        return SKIPPED
    command = [args.alkahest, "wast", f"--features={args.features}", f"--memory={args.memory}", f"--cpu={args.cpu}",
               f"--regs={args.regs}", "--verbose"]
    ready = [entry for entry in entries if entry.pending is None]
    pending = [entry for entry in entries if entry.pending is not None]
    outcomes, trouble = run(command, [paths[entry.name] for entry in ready]) if ready else ({}, "")
    ok = report(ready, paths, outcomes, args.memory == "wrap")
    if trouble:
        print(trouble)
        ok = False
    ok &= report_pending(pending, paths, command)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
