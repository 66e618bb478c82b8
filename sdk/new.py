#!/usr/bin/env python3
"""Starts a new module: the folder NAME with a source file, its build, and a system that boots it."""
import re
import sys
from pathlib import Path

SDK = Path(__file__).resolve().parent
FILES = {"app.c.in": "{name}.c", "CMakeLists.txt.in": "CMakeLists.txt", "system.toml.in": "{name}.toml"}


def main():
    name = sys.argv[1]
    folder = Path.cwd() / name
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
        print(f'azoth new: "{name}" is not a module name: a–z first, then a–z 0–9 _ -, at most 32', file=sys.stderr)
        return 1
    if folder.exists():
        print(f"azoth new: {folder} exists already", file=sys.stderr)
        return 1
    words = {"@NAME@": name, "@IDENTIFIER@": name.replace("-", "_") + "_app", "@SDK@": str(SDK)}
    folder.mkdir()
    for template, target in FILES.items():
        text = (SDK / "template" / template).read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        (folder / target.format(name=name)).write_text(text, encoding="utf-8")
    print(f"{name}/ is ready: edit {name}/{name}.c, then ./azoth run {name}/{name}.toml")
    return 0


if __name__ == "__main__":
    sys.exit(main())
