#!/usr/bin/env python3
"""Golden tests of the code generator: modules in text form whose comments say what must come out.

    ;; flags: --cpu=x86-64-v3            how the machine code below is made
    ;; enable: multi-memory …         what the assembler must be told to understand the module
    ;; least: x86-64-v2               processors below have no place among the configurations
    ;; run: NAME ARG… => RESULT          checked in every configuration; RESULT may be `trap: MESSAGE`
    ;; code NAME                         then the function's instructions, one comment line each

With --update the code comments are written anew: look at the difference before you commit it.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
CONFIGURATIONS = [
    ["--memory=guard", "--cpu=x86-64-v1"],
    ["--memory=guard", "--cpu=x86-64-v2"],
    ["--memory=guard", "--cpu=x86-64-v3"],
    ["--memory=checked", "--cpu=x86-64-v1"],
    ["--memory=guard", "--cpu=x86-64-v1", "--regs=3"],
    ["--memory=checked", "--cpu=x86-64-v1", "--regs=4"],
]
INSTRUCTION = re.compile(r"^ +([0-9a-f]{6})  ((?:[0-9a-f]{2} )+) *([^;{]+?) *(\{[^}]*\})? *(?:;.*)?$")
JUMP_TARGET = re.compile(r"\b(j\w+|call) 0x([0-9a-f]+)$")


class Failure(Exception):
    """What is wrong, for the user."""


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def disassemble(alkahest, wasm, function, flags):
    """The function's instructions as text, jumps relative to its start, padding left out."""
    done = run([alkahest, "disasm", *flags, wasm, function])
    if done.returncode != 0:
        raise Failure(f"disasm {function}: {done.stderr.strip()}")
    rows = [match for match in map(INSTRUCTION.match, done.stdout.splitlines()) if match]
    if not rows:
        raise Failure(f"disasm {function}: no instructions")
    start = int(rows[0][1], 16)
    lines = []
    for row in rows:
        text = re.sub(r"\s+", " ", row[3]).strip()
        if text == "int3":
            continue
        jump = JUMP_TARGET.search(text)
        note = row[4] or ""
        if jump and not note:
            text = f"{jump[1]} {int(jump[2], 16) - start:+#x}"
        elif jump:
            text = jump[1]
        text = re.sub(r"\[rip [+-] 0x[0-9a-f]+\]", "[rip + rodata]", text)
        lines.append(f"{int(row[1], 16) - start:4x}  {text} {note}".rstrip())
    return lines


def read_parts(text):
    """The module without the code comments, and the comments by function."""
    lines = text.splitlines()
    try:
        first = next(i for i, line in enumerate(lines) if line.startswith(";; code "))
    except StopIteration:
        return lines, {}
    parts, name = {}, None
    for line in lines[first:]:
        head = re.match(r";; code (\S+)$", line)
        if head:
            name = head[1]
            parts[name] = []
        elif line.startswith(";;"):
            parts[name].append(line[2:].rstrip())
    return lines[:first], parts


def configurations(lines):
    for line in lines:
        if line.startswith(";; least: "):
            level = line.removeprefix(";; least: ").strip()
            return [[max(flag, f"--cpu={level}") if flag.startswith("--cpu=") else flag for flag in configuration]
                    for configuration in CONFIGURATIONS]
    return CONFIGURATIONS


def flags_of(lines):
    for line in lines:
        if line.startswith(";; flags: "):
            return line.removeprefix(";; flags: ").split()
    return ["--cpu=x86-64-v3"]


def check_runs(alkahest, wasm, lines):
    count = 0
    for line in lines:
        match = re.match(r";; run: (.*?) => (.*)$", line)
        if not match:
            continue
        name, *arguments = match[1].split()
        for configuration in configurations(lines):
            done = run([alkahest, "run", *configuration, wasm, "--invoke", name, *arguments])
            got = " ".join(done.stdout.split())
            if match[2].startswith("trap: "):
                wanted = match[2].removeprefix("trap: ")
                good = done.returncode == 134 and wanted in done.stderr
                got = done.stderr.strip().splitlines()[0] if done.stderr else got
            else:
                good = done.returncode == 0 and got == match[2]
            if not good:
                raise Failure(f"{' '.join(configuration)}: {match[1]}: expected {match[2]}, got {got}")
            count += 1
    return count


def check_code(alkahest, wasm, flags, parts):
    for name, expected in parts.items():
        got = disassemble(alkahest, wasm, name, flags)
        if [line.strip() for line in got] != [line.strip() for line in expected]:
            wrong = next((i for i, pair in enumerate(zip(got, expected)) if pair[0].strip() != pair[1].strip()),
                         min(len(got), len(expected)))
            raise Failure(f"code of {name} differs at instruction {wrong}: expected "
                          f"{(expected + ['nothing'])[wrong].strip()!r}, got {(got + ['nothing'])[wrong].strip()!r}")


def update(path, alkahest, wasm, flags, lines, names):
    out = list(lines)
    while out and not out[-1]:
        out.pop()
    for name in names:
        out += ["", f";; code {name}"]
        out += [f";;{line}" for line in disassemble(alkahest, wasm, name, flags)]
    path.write_text("\n".join(out) + "\n", encoding="utf-8")


def check_file(path, alkahest, folder, is_update):
    wasm = folder / f"{path.stem}.wasm"
    lines, parts = read_parts(path.read_text(encoding="utf-8"))
    enabled = [f"--enable-{name}" for line in lines for names in re.findall(r";; enable: (.*)$", line)
               for name in names.split()]
    done = run(["wat2wasm", "--debug-names", *enabled, path, "-o", wasm])
    if done.returncode != 0:
        raise Failure(done.stderr.strip())
    flags = flags_of(lines)
    wanted = [name for line in lines for name in re.findall(r";; show: (.*)$", line)]
    names = " ".join(wanted).split()
    if is_update:
        update(path, alkahest, wasm, flags, lines, names)
    elif set(names) != set(parts):
        raise Failure(f"`show` names {sorted(names)}, the code comments are of {sorted(parts)}: run with --update")
    else:
        check_code(alkahest, wasm, flags, parts)
    return check_runs(alkahest, wasm, lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alkahest", default=os.environ.get("ALKAHEST", "alkahest"))
    parser.add_argument("--update", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    if not shutil.which("wat2wasm"):
        print("SKIPPED: wat2wasm (package wabt) is not installed")
        return SKIPPED
    failed = runs = 0
    files = options.files or sorted(HERE.glob("*.wat"))
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            try:
                runs += check_file(path, options.alkahest, pathlib.Path(folder), options.update)
            except Failure as failure:
                failed += 1
                print(f"{path.name}: {failure}")
    print(f"{len(files) - failed} files as expected, {failed} not; {runs} runs")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
