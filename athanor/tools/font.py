#!/usr/bin/env python3
"""Converts a PSF console font (version 1 or 2, gzip allowed, 8 pixels wide, with a Unicode table) to a C file.

The kernel draws U+0020–U+007E and U+00A0–U+00FF; a character without a glyph in the font gets that of '?'.
"""
import argparse
import gzip
import struct
import sys

PSF1_MAGIC = b"\x36\x04"
PSF2_MAGIC = b"\x72\xb5\x4a\x86"
CODE_POINTS = [*range(0x20, 0x7F), *range(0xA0, 0x100)]


def parse_psf1(data):
    """(height, glyphs, {code point: glyph index})"""
    mode, height = data[2], data[3]
    count = 512 if mode & 1 else 256
    if not mode & 2:
        raise ValueError("the font has no Unicode table")
    glyphs = [data[4 + i * height : 4 + (i + 1) * height] for i in range(count)]
    table = data[4 + count * height :]
    values = struct.unpack(f"<{len(table) // 2}H", table[: len(table) // 2 * 2])
    index, by_code, in_sequence = 0, {}, False
    for value in values:
        if value == 0xFFFF:
            index, in_sequence = index + 1, False
        elif value == 0xFFFE:
            in_sequence = True
        elif not in_sequence:
            by_code.setdefault(value, index)
    return height, glyphs, by_code


def parse_psf2(data):
    """(height, glyphs, {code point: glyph index})"""
    header_bytes, flags, count, glyph_bytes, height, width = struct.unpack("<6I", data[8:32])
    if width != 8:
        raise ValueError(f"the font is {width} pixels wide, not 8")
    if not flags & 1:
        raise ValueError("the font has no Unicode table")
    glyphs = [data[header_bytes + i * glyph_bytes :][:glyph_bytes] for i in range(count)]
    by_code = {}
    for index, entry in enumerate(data[header_bytes + count * glyph_bytes :].split(b"\xff")[:count]):
        for character in entry.split(b"\xfe")[0].decode("utf-8"):
            by_code.setdefault(ord(character), index)
    return height, glyphs, by_code


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("font")
    parser.add_argument("-o", "--output", required=True)
    args = parser.parse_args()

    with open(args.font, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:2] == PSF1_MAGIC:
        height, glyphs, by_code = parse_psf1(data)
    elif data[:4] == PSF2_MAGIC:
        height, glyphs, by_code = parse_psf2(data)
    else:
        raise ValueError("not a PSF font")

    with open(args.output, "w", encoding="utf-8") as out:
        out.write(f'/* Made from {args.font.rsplit("/", 1)[-1]}. */\n#include "console/font.h"\n\n')
        out.write(f"const uint32_t font_height = {height};\nconst uint8_t font_glyphs[] = {{\n")
        for code in CODE_POINTS:
            glyph = glyphs[by_code.get(code, by_code[ord("?")])]
            out.write("    " + ", ".join(f"0x{row:02x}" for row in glyph) + f", /* U+{code:04X} */\n")
        out.write("};\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f"font.py: {error}")
