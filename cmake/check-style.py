#!/usr/bin/env python3
"""Style of the C code: check-style.py format | tidy BUILD_FOLDER… [all].

format: clang-format over every C file of the repository.
tidy:   clang-tidy over the C files that changed, compared with where this branch left main; on main itself, with the commit
        before. At most TIDY_FILES_MAX of them, and it says when there were more. With `all`: every file.
        A file is checked as the first of the build folders compiles it.
Exit status 77: not a git checkout, nothing can be compared.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SKIP = 77
TIDY_FILES_MAX = 24
# The build may use gcc; clang-tidy is told what the build tells clang, and not what only gcc knows.
GCC_WORDS = re.compile(r" -mpreferred-stack-boundary=\d")
TIDY_ARGUMENTS = ["--quiet", "--warnings-as-errors=*", "--extra-arg=-Wno-gnu", "--extra-arg=-Wno-unknown-warning-option",
                  "--extra-arg=-Wno-ignored-optimization-argument"]
# Tests are scripts with asserts: long, sure of what they are given, and careless about what printf returns.
TEST_CHECKS = "--checks=" + ",".join("-" + check for check in """
    bugprone-implicit-widening-of-multiplication-result bugprone-narrowing-conversions bugprone-not-null-terminated-result
    bugprone-suspicious-include cert-err33-c clang-analyzer-core.NullDereference clang-analyzer-security.insecureAPI.strcpy
    readability-function-cognitive-complexity readability-non-const-parameter
    """.split())
ROOT = Path(__file__).resolve().parent.parent


def git(*arguments):
    """Output lines; None if git fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else None


def all_c_files():
    """Tracked files, and new ones that are not ignored."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard", "--", "*.c", "*.h")
    return None if names is None else sorted({name for name in names if (ROOT / name).is_file()})


def base_commit():
    head = git("rev-parse", "HEAD")
    for main in ("origin/main", "main"):
        base = git("merge-base", "HEAD", main)
        if base and base != head:
            return base[0]
    parent = git("rev-parse", "--verify", "--quiet", "HEAD~1")
    return parent[0] if parent else None


def changed_c_files(names):
    base = base_commit()
    if base is None:
        return names
    changed = set(git("diff", "--name-only", "--diff-filter=d", base) or [])
    changed |= set(git("ls-files", "--others", "--exclude-standard") or [])
    return [name for name in names if name in changed]


def check_format(names):
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *names], cwd=ROOT, check=False)
    print(f"{len(names)} files checked")
    return done.returncode


def compiled_in(builds, folder):
    """{file name: a folder with the commands of the first build that compiles it}; builds that are not configured are passed over."""
    found = {}
    for number, build in enumerate(builds):
        database = build / "compile_commands.json"
        text = GCC_WORDS.sub("", database.read_text(encoding="utf-8")) if database.is_file() else "[]"
        own = Path(folder, str(number))
        own.mkdir()
        (own / "compile_commands.json").write_text(text, encoding="utf-8")
        for entry in json.loads(text):
            found.setdefault(str(Path(entry["directory"], entry["file"]).resolve()), own)
    return found


def check_tidy(names, builds, everything):
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        return tidy_files(names, compiled_in(builds, folder), everything)


def tidy_files(names, compiled, everything):
    wanted = names if everything else changed_c_files(names)
    changed = [name for name in wanted if str(ROOT / name) in compiled]
    chosen = changed if everything else changed[:TIDY_FILES_MAX]

    def tidy(name):
        build = compiled[str(ROOT / name)]
        checks = [TEST_CHECKS] if "/test/" in name or name.startswith("tests/") else []
        command = ["clang-tidy", *TIDY_ARGUMENTS, *checks, "-p", str(build), name]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(tidy, chosen):
            if done.returncode:
                failed += 1
                print(done.stdout.strip() or done.stderr.strip())
    left_out = f" ({len(changed) - len(chosen)} more changed and were not looked at)" if len(changed) > len(chosen) else ""
    print(f"{len(chosen)} files checked{left_out}, {failed} with findings")
    return 1 if failed else 0


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("format", "tidy"):
        sys.exit(__doc__)
    names = all_c_files()
    if names is None:
        print("SKIPPED: not a git checkout")
        return SKIP
    if sys.argv[1] == "format":
        return check_format(names)
    folders = [Path(word).resolve() for word in sys.argv[2:] if word != "all"]
    return check_tidy(names, folders, "all" in sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
