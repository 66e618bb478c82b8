#!/usr/bin/env python3
"""zlib, a real program: its filter zpipe compresses zlib's own sources and expands them again.

The compressed bytes must be the same as the native program's, and damaged input must fail in the same way.
"""
import zlib

from real_program import Program, main

LIBRARY = ["adler32", "crc32", "deflate", "inflate", "inffast", "inftrees", "trees", "zutil"]


def corpus(source):
    """All C files of zlib in one piece, and some bytes that do not compress."""
    text = b"".join(path.read_bytes() for path in sorted(source.glob("*.[ch]")))
    noise = bytearray()
    state = 1
    while len(noise) < 100000:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        noise += state.to_bytes(8, "little")[3:]
    return text + bytes(noise)


def test(args, source):
    sources = [source / f"{name}.c" for name in LIBRARY] + [source / "examples" / "zpipe.c"]
    zpipe = Program(args, "zpipe", sources, ["-DHAVE_UNISTD_H", f"-I{source}"])
    data = corpus(source)
    packed = zpipe.compare("compress", data).stdout
    zpipe.check("this machine's own zlib expands it", packed != b"" and zlib.decompress(packed) == data)
    zpipe.compare("expand", packed, "-d")
    zpipe.compare("expand damaged data", packed[:5000] + b"?" + packed[5001:], "-d")
    zpipe.compare("expand truncated data", packed[:5000], "-d")
    zpipe.compare("wrong argument", b"", "--nonsense")
    return zpipe.failures


if __name__ == "__main__":
    main("zlib", test)
