#!/usr/bin/env python3
"""Real modules from published packages: fetches them, and has Alkahest validate and compile each.

In: packages.txt. Out: BUILD/corpus/PACKAGE/*.wasm and a table with one line per module: whether it
compiles, how fast, how large the code is. Exit code 1 unless every module compiles; with --skip-refused, unless every
module compiles whose features are built. Only .wasm files are taken out of a package, and nothing of it is executed.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORE_MODULE = b"\0asm\1\0\0\0"  # components and other versions begin otherwise

# wasm-validate's names for what goes beyond Wasm 1.0, and how to switch each one off or on.
FEATURES = {
    "multi-value": "--disable-multi-value",
    "bulk-memory": "--disable-bulk-memory",
    "reference-types": "--disable-reference-types",
    "simd": "--disable-simd",
    "threads": "--enable-threads",
    "exceptions": "--enable-exceptions",
    "tail-call": "--enable-tail-call",
    "memory64": "--enable-memory64",
    "extended-const": "--enable-extended-const",
    "relaxed-simd": "--enable-relaxed-simd",
}
FEATURE_CODES = ("ALKA_040", "ALKA_041")  # not allowed, not built


class CorpusError(Exception):
    """A tool is missing or failed; the message is for the user."""


def packages(wanted):
    """(name, version) of every package in the list, or of those that are wanted."""
    lines = [line.split("#")[0].split() for line in (HERE / "packages.txt").read_text().splitlines()]
    found = [tuple(words) for words in lines if words]
    unknown = set(wanted) - {name for name, _ in found}
    if unknown:
        raise CorpusError(f"not in packages.txt: {', '.join(sorted(unknown))}")
    return [(name, version) for name, version in found if not wanted or name in wanted]


def folder_of(corpus, name, version):
    return corpus / f"{name.replace('/', '+')}@{version}"


def unpack(archive, folder):
    """Takes the core modules out of an archive, each once. The names inside of it are not trusted."""
    seen = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            name = pathlib.PurePosixPath(member.name).name
            if not member.isfile() or not name.endswith(".wasm"):
                continue
            data = tar.extractfile(member).read()
            digest = hashlib.sha256(data).digest()
            if not data.startswith(CORE_MODULE) or digest in seen:
                continue
            seen.add(digest)
            target = folder / name
            if target.exists():
                target = folder / f"{hashlib.sha256(data).hexdigest()[:8]}-{name}"
            target.write_bytes(data)
    return len(seen)


def fetch(name, version, corpus):
    """Fetches one package unless it is there already."""
    folder = folder_of(corpus, name, version)
    if folder.exists():
        return
    if not shutil.which("npm"):
        raise CorpusError("npm is not installed")
    with tempfile.TemporaryDirectory(dir=corpus) as scratch:
        command = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", scratch]
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
        archives = list(pathlib.Path(scratch).glob("*.tgz"))
        if result.returncode != 0 or len(archives) != 1:
            raise CorpusError(f"{name}@{version} could not be fetched: {result.stderr.strip()}")
        unpacked = pathlib.Path(scratch) / "modules"
        unpacked.mkdir()
        count = unpack(archives[0], unpacked)
        if count == 0:
            raise CorpusError(f"{name}@{version} has no .wasm file")
        unpacked.rename(folder)  # whole or not at all
    print(f"fetched {name} {version}: {count} modules", file=sys.stderr)


def modules(chosen, corpus):
    return [path for name, version in chosen
            for path in sorted(folder_of(corpus, name, version).glob("*.wasm"))]  # fmt: skip


def needed_features(path):
    """The features beyond 1.0, sign extension and saturating truncation that a module cannot do
    without, as wabt's validator judges it; None if it refuses the module with everything on."""

    def accepted(without=None):
        flags = [flag for name, flag in FEATURES.items()
                 if flag.startswith("--disable") == (name == without)]  # fmt: skip
        return subprocess.run(["wasm-validate", *flags, path], capture_output=True,
                              check=False).returncode == 0  # fmt: skip

    if not accepted():
        return None
    return [name for name in FEATURES if not accepted(without=name)]


def print_features(paths, corpus):
    if not shutil.which("wasm-validate"):
        raise CorpusError("wasm-validate is not installed (package wabt)")
    print("| module | MB | needs beyond Wasm 1.0 |\n|---|---:|---|")
    for path in paths:
        needed = needed_features(path)
        text = "refused by wabt" if needed is None else ", ".join(needed) or "nothing"
        print(f"| {path.relative_to(corpus)} | {path.stat().st_size / 1e6:.2f} | {text} |", flush=True)


def call(command, timeout_s):
    """(standard output, None) or (None, first line of what went wrong)."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                timeout=timeout_s, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"no end in {timeout_s} s"
    if result.returncode == 0:
        return result.stdout, None
    said = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
    return None, f"exit code {result.returncode}: {said[0][:200]}"


def check_module(alkahest, path, options):
    """(the line of the table, what became of it)"""
    _, reason = call([alkahest, "validate", *options.features_flag, path], options.timeout)
    if reason and any(code in reason for code in FEATURE_CODES):
        return f"refused: {reason}", "refused for a feature"
    if reason:
        return f"FAILED to validate: {reason}", "failed"
    command = [alkahest, "compile", *options.features_flag, "--stats=json", "-o", os.devnull, path]
    output, reason = call(command, options.timeout)
    if reason:
        return f"FAILED to compile: {reason}", "failed"
    try:
        stats = json.loads(output)
    except ValueError:
        return f"FAILED: --stats=json is no JSON: {output[:100]!r}", "failed"
    seconds = stats["total_ms"] / 1000
    growth = stats["native_code_bytes"] / max(1, stats["code_section_bytes"])
    return (f"{stats['functions']:8} functions {stats['module_bytes'] / 1e6 / seconds:8.1f} MB/s"
            f" {growth:6.2f} x code {stats['peak_arena_bytes'] / 1e6:8.1f} MB arena"), "compiled"  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="corpus.py", description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", help="some of packages.txt (default: all)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--alkahest", help="the alkahest command (default: BUILD/bin/alkahest)")
    parser.add_argument("--features", help="handed to alkahest as --features=…")
    parser.add_argument("--fetch-only", action="store_true", help="fetch, and stop")
    parser.add_argument("--needs", action="store_true",
                        help="print which features each module needs (wabt's judgement), and stop")
    parser.add_argument("--skip-refused", action="store_true",
                        help="a module that is refused for a feature is counted, but no failure")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="for one module")
    options = parser.parse_args()
    options.features_flag = [f"--features={options.features}"] if options.features else []
    alkahest = options.alkahest or str(options.build / "bin" / "alkahest")

    corpus = options.build.resolve() / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    chosen = packages(options.packages)
    for name, version in chosen:
        fetch(name, version, corpus)
    paths = modules(chosen, corpus)
    if options.fetch_only:
        return 0
    if options.needs:
        print_features(paths, corpus)
        return 0
    if not shutil.which(alkahest):
        raise CorpusError(f"{alkahest} does not exist")

    counts = {"compiled": 0, "refused for a feature": 0, "failed": 0}
    for path in paths:
        line, outcome = check_module(alkahest, path, options)
        counts[outcome] += 1
        print(f"{str(path.relative_to(corpus)):64} {path.stat().st_size / 1e6:7.2f} MB {line}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    refused = counts["refused for a feature"] if options.skip_refused else 0
    return 0 if 0 < counts["compiled"] == len(paths) - refused else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CorpusError as error:
        print(f"corpus: {error}", file=sys.stderr)
        sys.exit(2)
