#!/usr/bin/env python3
"""zlib, a real program: its filter zpipe compresses zlib's own sources and expands them again.

Built from the same source natively and to WebAssembly. The compressed bytes must be the same, each must expand what the other
compressed, and damaged input must fail in the same way.
"""
import argparse
import subprocess
import sys
import zlib
from pathlib import Path

from source_package import NoSource, fetch

SKIP = 77
LIBRARY = ["adler32", "crc32", "deflate", "inflate", "inffast", "inftrees", "trees", "zutil"]
FLAGS = ["-std=gnu99", "-O2", "-w", "-DHAVE_UNISTD_H", "-DNO_GZIP"]
WASM_FLAGS = ["--target=wasm32-wasi", "-msign-ext", "-mnontrapping-fptoint"]


def newest(paths):
    return max((path.stat().st_mtime for path in paths), default=0)


def build(command, output, sources):
    if not output.is_file() or output.stat().st_mtime < newest(sources):
        subprocess.run([*command, *map(str, sources), "-o", str(output)], check=True)
    return output


def corpus(source):
    """All C files of zlib in one piece, and some bytes that do not compress."""
    text = b"".join(path.read_bytes() for path in sorted(source.glob("*.[ch]")))
    noise = bytearray()
    state = 1
    while len(noise) < 100000:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        noise += state.to_bytes(8, "little")[3:]
    return text + bytes(noise)


def run(command, data):
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=250)


class Comparison:
    def __init__(self):
        self.failures = 0

    def same(self, what, native, guest):
        equal = (native.returncode, native.stdout, native.stderr) == (guest.returncode, guest.stdout, guest.stderr)
        self.check(f"{what}: status {native.returncode}, {len(native.stdout)} bytes", equal)
        if not equal:
            print(f"  native: status {native.returncode}, {len(native.stdout)} bytes, {native.stderr[:200]!r}")
            print(f"  WebAssembly: status {guest.returncode}, {len(guest.stdout)} bytes, {guest.stderr[:200]!r}")

    def check(self, what, good):
        print(("same   " if good else "DIFFERS ") + what)
        self.failures += not good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alkahest", required=True)
    parser.add_argument("--clang", required=True)
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    try:
        source = fetch("zlib", args.work)
    except NoSource as reason:
        print(f"SKIPPED: no source of zlib: {reason}")
        return SKIP

    sources = [source / f"{name}.c" for name in LIBRARY] + [source / "examples" / "zpipe.c"]
    flags = [*FLAGS, "-I", str(source)]
    native = [str(build([args.clang, *flags], args.work / "zpipe", sources))]
    module = build([args.clang, *WASM_FLAGS, *flags], args.work / "zpipe.wasm", sources)
    guest = [args.alkahest, "run", str(module)]

    data = corpus(source)
    comparison = Comparison()
    packed, guest_packed = run(native, data), run(guest, data)
    comparison.same("compress", packed, guest_packed)
    comparison.check("the library of this machine reads it", zlib.decompress(guest_packed.stdout) == data
                     if guest_packed.returncode == 0 else False)
    comparison.same("expand", run([*native, "-d"], packed.stdout), run([*guest, "-d"], packed.stdout))
    comparison.same("expand damaged data", run([*native, "-d"], packed.stdout[:5000] + b"?" + packed.stdout[5001:]),
                    run([*guest, "-d"], packed.stdout[:5000] + b"?" + packed.stdout[5001:]))
    comparison.same("expand truncated data", run([*native, "-d"], packed.stdout[:5000]), run([*guest, "-d"], packed.stdout[:5000]))
    comparison.same("wrong argument", run([*native, "--nonsense"], b""), run([*guest, "--nonsense"], b""))
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
