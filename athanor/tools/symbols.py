#!/usr/bin/env python3
"""Makes the kernel's symbol table (read by trap/symbol_table.c) from a linked kernel, or an empty one without an input.

Output: an assembly source with one section `.symbols`, from kernel_symbols to kernel_symbols_end. First what each code from 0 to
255 stands for, in two bytes: a character and 0, or two lower codes. Then the functions in the order of the text: the bytes to
the next one (unsigned LEB128), the codes of the name, 0. Which pairs of codes get one of their own is chosen by how often they
stand beside each other (byte-pair encoding): names take less than half of their characters.
"""
import argparse
import collections
import re
import subprocess
import sys

COMPILERS = re.compile(r"(\.(part|constprop|isra|cold|llvm)(\.\d+)*)+$")
CODES = 256
DEEPEST = 15  # pairs within pairs: symbol_table.c has room for so many
RAREST = 4  # a pair that stands in fewer places saves nothing


def functions(listing):
    """Sorted [(offset, name)] of the text, and the offset of its end, from what nm prints."""
    symbols = [line.split() for line in listing.splitlines()]
    marks = {name: int(address, 16) for address, _, name in symbols}
    start, end = marks["kernel_text_start"], marks["kernel_text_end"]
    found = {}
    for address_hex, kind, name in symbols:
        address = int(address_hex, 16)
        # Local labels of assembly sources (`function.label`) are no functions; what the compiler made of one is.
        if kind in "tT" and start <= address < end and "." not in COMPILERS.sub("", name):
            found.setdefault(address - start, name.split(".")[0])
    found.setdefault(0, "kernel_text_start")
    return sorted(found.items()), end - start


def encode(names):
    """(what each code stands for, the names in codes)."""
    characters = sorted({character for name in names for character in name.encode()})
    table = [(0, 0)] + [(character, 0) for character in characters]
    depths = [0] * len(table)
    code_of = {character: code for code, (character, _) in enumerate(table)}
    coded = b"\0".join(bytes(code_of[character] for character in name.encode()) for name in names)
    while len(table) < CODES:
        pairs = collections.Counter(zip(coded, coded[1:]))
        fitting = [(count, pair) for pair, count in pairs.items() if 0 not in pair and max(depths[part] for part in pair) < DEEPEST]
        count, pair = max(fitting, default=(0, None))
        if count < RAREST:
            break
        coded = coded.replace(bytes(pair), bytes([len(table)]))
        depths.append(1 + max(depths[part] for part in pair))
        table.append(pair)
    return table + [(0, 0)] * (CODES - len(table)), [list(codes) for codes in coded.split(b"\0")]


def leb128(value):
    encoded = []
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return encoded + [value]


def symbol_table(listing):
    """The section's bytes."""
    found, end = functions(listing)
    pairs, coded = encode([name for _, name in found])
    table = [part for pair in pairs for part in pair]
    for (offset, _), after, codes in zip(found, [offset for offset, _ in found[1:]] + [end], coded):
        table += leb128(after - offset) + codes + [0]
    return table


def decode(table):
    """[(name, bytes to the next function)] of a section's bytes: what symbol_table.c reads."""

    def text(code):
        first, second = table[2 * code], table[2 * code + 1]
        return text(first) + text(second) if second else chr(first)

    at = 2 * CODES
    while at < len(table):
        size = shift = 0
        while True:
            size |= (table[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if table[at - 1] < 0x80:
                break
        end = table.index(0, at)
        yield "".join(map(text, table[at:end])), size
        at = end + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--listing", help="what nm printed, instead of a kernel")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("kernel", nargs="?")
    args = parser.parse_args()

    listing = None
    if args.listing:
        with open(args.listing, encoding="utf-8") as file:
            listing = file.read()
    elif args.kernel:
        listing = subprocess.run([args.nm, "--defined-only", args.kernel], check=True, capture_output=True, text=True).stdout
    table = symbol_table(listing) if listing else []
    with open(args.output, "w", encoding="utf-8") as out:
        out.write("global kernel_symbols, kernel_symbols_end\n")
        out.write("section .symbols progbits alloc noexec nowrite align=1\n")
        out.write("kernel_symbols:\n")
        for at in range(0, len(table), 32):
            out.write("    db " + ", ".join(map(str, table[at : at + 32])) + "\n")
        out.write("kernel_symbols_end:\n")
        out.write("section .note.GNU-stack noalloc noexec nowrite progbits\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
