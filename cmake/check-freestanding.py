#!/usr/bin/env python3
"""Checks that each library needs nothing but what it declares.

Reads lines `library path dependency,dependency…`. For each library: an undefined symbol must be defined by the library
itself, by a declared dependency, or be one of the four functions any C compiler may call on its own. A library must
also carry no writable data: state belongs to whoever calls.
"""
import argparse
import subprocess
import sys

COMPILER_CALLS = {"memcpy", "memset", "memmove", "memcmp"}
# The kernel's stack protector and the linker; no code of ours names them.
TOOLCHAIN_SYMBOLS = {"__stack_chk_fail", "__stack_chk_guard", "_GLOBAL_OFFSET_TABLE_"}
WRITABLE_SECTIONS = (".data", ".bss", ".tdata", ".tbss")
RELOCATED_CONSTANTS = ".data.rel.ro"


def symbols(nm, path):
    """The sets (defined, undefined) of external symbols in an archive."""
    defined, undefined = set(), set()
    listing = subprocess.run([nm, "-P", "-g", path], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        words = line.split()
        if len(words) < 2 or line.endswith(":"):
            continue
        if words[1] in ("U", "w", "v"):
            undefined.add(words[0])
        else:
            defined.add(words[0])
    return defined, undefined - defined


def writable_sections(readelf, path):
    """Names of sections with writable data in an archive."""
    found = set()
    listing = subprocess.run([readelf, "-SW", path], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        words = line.replace("[", " ").replace("]", " ").split()
        if len(words) < 6 or not words[0].isdigit():
            continue
        name, size_hex = words[1], words[5]
        if name.startswith(WRITABLE_SECTIONS) and not name.startswith(RELOCATED_CONSTANTS) and int(size_hex, 16):
            found.add(name)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--readelf", default="readelf")
    parser.add_argument("list")
    args = parser.parse_args()

    libraries = {}
    with open(args.list, encoding="utf-8") as lines:
        for line in lines:
            name, path, *dependencies = line.split()
            libraries[name] = (path, dependencies[0].split(",") if dependencies else [])
    exports = {name: symbols(args.nm, path) for name, (path, _) in libraries.items()}

    failures = 0
    for name, (path, dependencies) in libraries.items():
        allowed = COMPILER_CALLS | TOOLCHAIN_SYMBOLS
        for dependency in dependencies:
            allowed |= exports[dependency][0]
        for symbol in sorted(exports[name][1] - allowed):
            owners = [other for other in exports if symbol in exports[other][0]]
            where = f"defined by {owners[0]}, which is not in its DEPENDS" if owners else "defined by no library"
            print(f"{name}: undefined symbol {symbol} ({where})")
            failures += 1
        for section in sorted(writable_sections(args.readelf, path)):
            print(f"{name}: has writable data in {section}")
            failures += 1
    print(f"{len(libraries)} libraries checked, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
