#!/usr/bin/env python3
"""Makes the kernel's symbol table (read by trap/symbols.c) from a linked kernel, or an empty one without an input.

Output: an assembly source with one section `.symbols`: the number of functions, their offsets from the start of the text
and the end of the last one, the offsets of their names, the names.
"""
import argparse
import re
import subprocess
import sys

COMPILERS = re.compile(r"(\.(part|constprop|isra|cold|llvm)(\.\d+)*)+$")


def functions(nm, path):
    """Sorted [(offset, name)] of the text, and the offset of its end."""
    listing = subprocess.run([nm, "--defined-only", path], check=True, capture_output=True, text=True).stdout
    symbols = [line.split() for line in listing.splitlines()]
    marks = {name: int(address, 16) for address, _, name in symbols}
    start, end = marks["kernel_text_start"], marks["kernel_text_end"]
    found = {}
    for address_hex, kind, name in symbols:
        address = int(address_hex, 16)
        # Local labels of assembly sources (`function.label`) are no functions; what the compiler made of one is.
        if kind in "tT" and start <= address < end and "." not in COMPILERS.sub("", name):
            found.setdefault(address - start, name)
    found[0] = found.get(0, "kernel_text_start")
    return sorted(found.items()), end - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("kernel", nargs="?")
    args = parser.parse_args()

    table, end = functions(args.nm, args.kernel) if args.kernel else ([], 0)
    name_offsets, names = [], b""
    for _, name in table:
        name_offsets.append(len(names))
        names += name.split(".")[0].encode() + b"\0"
    with open(args.output, "w", encoding="utf-8") as out:
        out.write("section .symbols progbits alloc noexec nowrite align=4\n")
        out.write(f"    dd {len(table)}\n")
        for value in [offset for offset, _ in table] + [end] + name_offsets:
            out.write(f"    dd {value}\n")
        if names:
            out.write("    db " + ", ".join(str(byte) for byte in names) + "\n")
        out.write("section .note.GNU-stack noalloc noexec nowrite progbits\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
