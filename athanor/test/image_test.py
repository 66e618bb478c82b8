#!/usr/bin/env python3
"""What loaders are given: the kernel's file. image_test.py KERNEL.elf KERNEL.debug --most BYTES.

It is no larger than it should be; no segment is writable and executable; segments begin at pages of their own in memory, so that
protections can differ; both loaders find their headers; and its own symbol table names every function as the linker does.
"""
import argparse
import importlib.util
import struct
import subprocess
from pathlib import Path

MULTIBOOT2_MAGIC = 0xE85250D6
MULTIBOOT2_WITHIN = 32768
PT_LOAD, PT_NOTE = 1, 4
EXECUTABLE, WRITABLE = 1, 2
PAGE = 4096

_spec = importlib.util.spec_from_file_location("symbols", Path(__file__).resolve().parents[1] / "tools" / "symbols.py")
symbols = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(symbols)


def segments(image):
    """[(type, flags, file offset, physical address, bytes in the file, bytes in memory)]"""
    table, = struct.unpack_from("<Q", image, 32)
    entry_bytes, count = struct.unpack_from("<HH", image, 54)
    for at in range(table, table + entry_bytes * count, entry_bytes):
        kind, flags, offset, _, physical, file_bytes, memory_bytes, _ = struct.unpack_from("<IIQQQQQQ", image, at)
        yield kind, flags, offset, physical, file_bytes, memory_bytes


def check_segments(image):
    end = 0
    loads = [segment for segment in segments(image) if segment[0] == PT_LOAD]
    for _, flags, offset, physical, file_bytes, memory_bytes in loads:
        assert flags & (EXECUTABLE | WRITABLE) != EXECUTABLE | WRITABLE, f"writable and executable: {physical:#x}"
        assert physical % PAGE == 0 and physical >= end, f"shares a page: {physical:#x}"
        assert offset + file_bytes <= len(image) and file_bytes <= memory_bytes, f"cut: {physical:#x}"
        end = physical + memory_bytes
    assert len(loads) >= 4


def check_headers(image):
    magic = struct.pack("<I", MULTIBOOT2_MAGIC)
    assert any(image[at : at + 4] == magic for at in range(0, MULTIBOOT2_WITHIN, 8)), "no Multiboot2 header"
    notes = [image[offset : offset + size] for kind, _, offset, _, size, _ in segments(image) if kind == PT_NOTE]
    assert any(note[12:16] == b"Xen\0" for note in notes), "no PVH note"


def check_symbols(image, debug):
    listing = subprocess.run(["nm", "--defined-only", debug], check=True, capture_output=True, text=True).stdout
    expected, end = symbols.functions(listing)
    table = bytes(symbols.symbol_table(listing))
    assert table in image, "the symbol table is not of these functions"
    assert list(symbols.decode(table)) == [(name, after - offset) for (offset, name), after in
                                           zip(expected, [offset for offset, _ in expected[1:]] + [end])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernel", type=Path)
    parser.add_argument("debug", type=Path)
    parser.add_argument("--most", type=int, required=True, help="bytes")
    args = parser.parse_args()
    image = args.kernel.read_bytes()
    assert len(image) <= args.most, f"{len(image)} bytes; {args.most} at most: docs/kernel.md says where they are"
    check_segments(image)
    check_headers(image)
    check_symbols(image, args.debug)


if __name__ == "__main__":
    main()
