#!/usr/bin/env python3
"""./azoth bench: how fast compiled programs run, how fast they are compiled, and what calls cost.

Builds every program natively and as wasm32 from the same source, runs all engines on it in turns
(A B C, B C A, …), and prints times as ratios to `clang -O2` in the same run. Results, charts and the
Markdown table go to BUILD/bench. Nothing here is a test: a slow result is no failure, a wrong one is.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys

import calls
import report
import stats
import svg
import throughput
from build import Builder, BuildError, find_programs
from engines import DEFAULT_ENGINES, fetch_engines, find_engines
from measure import measure_program

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUICK = ("matmul", "nbody", "sha256", "lz", "interpreter", "recursion", "coremix")


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="azoth bench", description="Measures run time and compile time against other engines.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--alkahest", help="the alkahest command (default: BUILD/bin/alkahest)")
    parser.add_argument("--alkahest-flags", default="", metavar="FLAGS",
                        help="handed to every alkahest command, e.g. '--cpu=native'")
    parser.add_argument("--engines", help="names separated by commas, or `all`; see --list")
    parser.add_argument("--programs", help="names or classes separated by commas; see --list")
    parser.add_argument("--runs", type=int, help="turns (default 5; 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="a few programs of each class only")
    parser.add_argument("--check", action="store_true",
                        help="only whether every answer is right: one run each, no figures")
    parser.add_argument("--compile", action="store_true", help="measure compile throughput instead")
    parser.add_argument("--calls", action="store_true",
                        help="measure what calls between host, modules and processes cost instead")
    parser.add_argument("--module", type=pathlib.Path, action="append", default=[],
                        help="a module for --compile, instead of the corpus (repeatable)")
    parser.add_argument("--json", type=pathlib.Path, help="write the raw times here")
    parser.add_argument("--compare", type=pathlib.Path, metavar="OLD.json",
                        help="say what changed beyond the noise since OLD.json")
    parser.add_argument("--from", type=pathlib.Path, dest="from_file", metavar="FILE.json",
                        help="measure nothing: report on an earlier file")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="for one run")
    parser.add_argument("--list", action="store_true", help="list programs and engines, and stop")
    parser.add_argument("--fetch-engines", action="store_true",
                        help="fetch wasmtime, wasmer and a newer V8 into BUILD/engines, and stop")
    options = parser.parse_args(arguments)
    options.runs = options.runs or (1 if options.check else 3 if options.quick else 5)
    options.alkahest = options.alkahest or str(options.build / "bin" / "alkahest")
    return options


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()] if text else []


def choose_engines(options):
    """The engines to measure; says which are not there. One that was asked for must be there."""
    engines = find_engines(options.build, options.alkahest, shlex.split(options.alkahest_flags))
    known = {engine.name: engine for engine in engines}
    asked = words(options.engines)
    unknown = set(asked) - set(known) - {"all"}
    if unknown:
        raise BuildError(f"no such engine: {', '.join(sorted(unknown))} (see --list)")
    everything = "all" in asked
    wanted = list(known) if everything else asked or DEFAULT_ENGINES
    chosen = []
    for name in wanted:
        engine = known[name]
        if not engine.missing:
            chosen.append(engine)
        elif asked and not everything:
            raise BuildError(f"{name}: {engine.missing}")
        else:
            print(f"SKIPPED {name}: {engine.missing}", file=sys.stderr)
    if not chosen:
        raise BuildError("no engine to measure")
    return sorted(chosen, key=lambda engine: list(known).index(engine.name))


def choose_programs(options):
    asked = words(options.programs)
    if options.quick and not asked:
        asked = QUICK
    return find_programs(asked)


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.machine()


def description(engines, options):
    """What a reader of the file must know to believe it."""
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"],
                            capture_output=True, text=True, check=False)  # fmt: skip
    return {
        "format": 1,
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "commit": commit.stdout.strip(),
        "runs": options.runs,
        "alkahest_flags": options.alkahest_flags,
        "engines": {e.name: {"title": e.title, "version": e.version} for e in engines},
        "programs": {},
        "modules": {},
    }


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def measure_programs(options, engines, data):
    builder = Builder(options.build / "bench" / "programs")
    programs = choose_programs(options)
    for index, program in enumerate(programs):
        progress(f"[{index + 1}/{len(programs)}] {program.name}")
        data["programs"][program.name] = measure_program(
            engines, builder, program, options.runs, options.timeout)
    progress("")


def corpus_modules(options):
    """{name: path}: what was asked for, or the corpus and the modules made here."""
    if options.module:
        return {path.name: path for path in options.module}
    corpus = options.build / "corpus"
    modules = {str(path.relative_to(corpus)): path for path in sorted(corpus.glob("*/*.wasm"))}
    if not modules:
        print(f"no corpus in {corpus}: run tests/corpus/corpus.py first", file=sys.stderr)
    builder = Builder(options.build / "bench" / "programs")
    program = find_programs(["json"])[0]
    modules.update(throughput.synthetic_modules(builder, program, options.build / "bench/modules"))
    return modules


def measure_modules(options, engines, data):
    modules = corpus_modules(options)
    for index, (name, path) in enumerate(modules.items()):
        progress(f"[{index + 1}/{len(modules)}] {name}")
        data["modules"][name] = throughput.measure_module(
            engines, path, options.runs, options.timeout)
    progress("")


def measure(options, engines, data):
    if options.calls:
        data["calls"] = calls.measure(options.build, options.runs, options.timeout, progress)
    elif options.compile:
        measure_modules(options, engines, data)
    else:
        measure_programs(options, engines, data)


def base_of(data):
    """Ratios are to native code where it was measured, else to the first engine."""
    return "native" if "native" in data["engines"] else next(iter(data["engines"]))


def throughput_engines(data):
    used = {name for entry in data["modules"].values() for name in entry["ms"] | entry["failed"]}
    return [name for name in [*data["engines"], "validate"] if name in used]


def write_reports(data, folder):
    folder.mkdir(parents=True, exist_ok=True)
    engines = list(data["engines"])
    titles = {name: engine["title"] for name, engine in data["engines"].items()}
    titles["validate"] = "V8, validation only"
    setting = (f"Medians of {data['runs']} interleaved runs on {data['cpu']}, "
               f"commit {data['commit']}, ")  # fmt: skip
    files = {}
    if data["programs"]:
        results, base = data["programs"], base_of(data)
        rows = report.ratio_rows(results, engines, base)
        files["classes.svg"] = svg.geomean_chart(results, engines, titles, report.GROUPS, base)
        files["programs.svg"] = svg.programs_chart(results, engines, titles, base)
        files["programs.md"] = report.markdown(rows, titles, setting + "`./azoth bench`.")
        print(report.table(results, engines, base))
    if data["modules"]:
        names = throughput_engines(data)
        rows = report.throughput_rows(data["modules"], names)
        files["compile.svg"] = svg.throughput_chart(data["modules"], names, titles)
        files["compile.md"] = report.markdown(rows, titles, setting + "`./azoth bench --compile`.")
        print(report.throughput_table(data["modules"], names))
    if data.get("calls"):
        files["calls.md"] = calls.markdown(data["calls"], setting + "`./azoth bench --calls`.")
        print(calls.table(data["calls"]))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"\ncharts and Markdown table in {folder}")


def print_list(options):
    for program in find_programs():
        print(f"{program.kind:8} {program.name}")
    print()
    for engine in find_engines(options.build, options.alkahest):
        state = engine.missing or engine.version
        print(f"{engine.name:13} {engine.title:22} {state}")


def check_answers(data):
    """One line per wrong or failed run, then the count."""
    failures = [(name, engine, reason) for name, result in data["programs"].items()
                for engine, reason in result["failed"].items()]  # fmt: skip
    for name, engine, reason in failures:
        print(f"{name}: {engine}: {reason}")
    right = sum(len(result["ns"]) for result in data["programs"].values())
    print(f"{right} answers right, {len(failures)} wrong or missing")
    return 1 if failures else 0


def load(path):
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"{path}: {error}") from error
    if data.get("format") != 1:
        raise BuildError(f"{path} is not a file that --json wrote")
    return data


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.list:
        print_list(options)
        return 0
    if options.fetch_engines:
        failed = fetch_engines(options.build)
        print_list(options)
        if failed:
            raise BuildError(f"could not fetch {', '.join(failed)}")
        return 0
    if options.from_file:
        data = load(options.from_file)
    else:
        engines = [] if options.calls else choose_engines(options)
        data = description(engines, options)
        measure(options, engines, data)
    if options.json:
        options.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    if options.check:
        return check_answers(data)
    write_reports(data, options.build / "bench")
    if options.compare:
        old = load(options.compare)
        print(f"\nsince {old['when']} ({old['commit']}):")
        print(calls.comparison(old["calls"], data["calls"]) if "calls" in old and "calls" in data
              else report.comparison(old, data, base_of(data)))
    failed = [result["failed"] for result in data["programs"].values()] + [data.get("calls", {}).get("failed")]
    return 1 if any(failed) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
