"""Runs engines on programs, interleaved, and keeps every single time.

In: engines and programs. Out: plain dictionaries that go into the JSON file as they are. No averages
here: figures are made from the raw times by stats.py, so that an old file can be read in a new way.
"""
import json
import os
import re
import subprocess

RESULT = re.compile(r"^bench (\w+) (ok|WRONG) ns=(\d+) check=0x[0-9a-f]+", re.MULTILINE)


def execute(engine, command, timeout_s):
    """(standard output, None) or (None, reason)."""
    try:
        result = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, errors="replace",
            timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, **engine.environment},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"no result in {timeout_s} s"
    except OSError as error:
        return None, str(error)
    if result.returncode != 0:
        said = (result.stdout + result.stderr).strip().splitlines()
        return None, f"exit code {result.returncode}: {' | '.join(said[:3])[:300]}"
    return result.stdout, None


def run_program(engine, command, program, timeout_s):
    """(nanoseconds, None) or (None, reason). A wrong answer is a reason, never a time."""
    output, reason = execute(engine, command, timeout_s)
    if reason:
        return None, reason
    result = RESULT.search(output)
    if not result or result[1] != program.name:
        return None, f"printed no result: {output[:200]!r}"
    if result[2] != "ok":
        return None, f"wrong answer: {output.strip()[:200]}"
    return int(result[3]), None


def measure_program(engines, builder, program, runs, timeout_s):
    """A B C, B C A, …: what disturbs the machine for a while disturbs all alike."""
    times, failed = {engine.name: [] for engine in engines}, {}
    commands = {engine.name: engine.command(builder, program) for engine in engines}
    for turn in range(runs):
        shift = turn % len(engines)
        for engine in engines[shift:] + engines[:shift]:
            if engine.name in failed:
                continue
            ns, reason = run_program(engine, commands[engine.name], program, timeout_s)
            if reason:
                failed[engine.name] = reason
            else:
                times[engine.name].append(ns)
    return {
        "class": program.kind,
        "ns": {name: list_ for name, list_ in times.items() if name not in failed},
        "failed": failed,
    }


def time_command(engine, command, timeout_s):
    """The JSON object that a compile or validate command prints."""
    output, reason = execute(engine, command, timeout_s)
    if reason:
        return None, reason
    try:
        return json.loads(output), None
    except ValueError:
        return None, f"printed no figures: {output[:200]!r}"
