#!/usr/bin/env python3
"""Keeps the documentation true.

Every page: a file or folder of the repository that it names in backquotes exists. Pages with a module in a ```wat block: each
indented `$ alkahest …` is run on it, and must print what stands below it; `…` stands for anything within a line.
"""
import argparse
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77
NAMED = re.compile(r"`([A-Za-z_.][\w.*-]*/[\w./*-]*)`")


def missing_paths(page: str) -> list[str]:
    """What the page names below a folder of the repository and is not there. `*` and `nnn` stand for anything."""
    named = [path for path in NAMED.findall(page) if (ROOT / path.split("/")[0].replace("*", "_")).is_dir()]
    return [path for path in named if path.split("/")[0] != "build" and not list(ROOT.glob(path.rstrip("/").replace("nnn", "*")))]


def examples(page: str) -> list[tuple[str, list[str]]]:
    """(command, lines of its output) of every indented `$ alkahest …`."""
    found: list[tuple[str, list[str]]] = []
    output: list[str] | None = None
    for line in page.splitlines():
        if line.startswith("    $ alkahest "):
            output = []
            found.append((line[len("    $ alkahest ") :], output))
        elif line.startswith("    ") and output is not None:
            output.append(line[4:].rstrip())
        else:
            output = None
    return found


def matches(wanted: list[str], got: list[str]) -> bool:
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in wanted]
    return len(wanted) == len(got) and all(map(re.fullmatch, patterns, got))


def check_examples(alkahest: str, page: str, source: str) -> tuple[int, int]:
    """(examples, how many of them are not true)"""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        name = re.search(r"`(\w+\.wat)`", page)[1]  # the page says what its module is called
        pathlib.Path(folder, name).write_text(source)
        subprocess.run(["wat2wasm", "--debug-names", name], cwd=folder, check=True)
        commands = examples(page)
        for command, wanted in commands:
            run = subprocess.run(
                [alkahest, *shlex.split(command)], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
            )
            got = [line.rstrip() for line in run.stdout.rstrip("\n").split("\n")]
            if run.returncode != 0 or not matches(wanted, got):
                wrong += 1
                print(f"alkahest {command}: exit code {run.returncode}, prints\n" + "\n".join("    " + line for line in got))
    return len(commands), wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alkahest", required=True)
    options = parser.parse_args()
    alkahest = str(pathlib.Path(options.alkahest).resolve())
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    run_examples = shutil.which("wat2wasm") is not None
    count = wrong = 0
    for path in pages:
        page = path.read_text(encoding="utf-8")
        for name in missing_paths(page):
            wrong += 1
            print(f"{path.relative_to(ROOT)}: there is no {name}")
        source = re.search(r"^```wat\n(.*?)^```", page, re.M | re.S)
        if source and run_examples:
            examples_here, wrong_here = check_examples(alkahest, page, source[1])
            count += examples_here
            wrong += wrong_here
    if wrong:
        return 1
    if not run_examples:
        print("SKIPPED: wat2wasm is not installed (package wabt)")
        return SKIPPED
    print(f"{len(pages)} pages, {count} examples")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
