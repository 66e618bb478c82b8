#!/usr/bin/env python3
"""Recomputes the programs' expected values by other means: Python's own hashes, big integers,
sorting, regular expressions, and OpenSSL's ChaCha20.

In: the `expected` constants of programs/*.c. Out: one line per program; exit code 1 when a constant
is wrong. Programs whose value is a checksum of floats are not here: they check residuals themselves
and must give the same bits on every engine.
"""
import base64
import hashlib
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import zlib

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
PROGRAMS = pathlib.Path(__file__).parent / "programs"


class Random:
    """splitmix64, as bench_random() in bench.h."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK64
        return z ^ (z >> 31)

    def bytes(self, count):
        return struct.pack(f"<{count // 8}Q", *(self.next() for _ in range(count // 8)))


def mix(check, value):
    check = (check ^ value) * 0x9E3779B97F4A7C15 & MASK64
    return check ^ (check >> 32)


def constant(source, name):
    """The value of an enum constant `NAME = EXPRESSION` in a C source."""
    text = re.search(rf"\b{name} = ([^,}};]+)", source).group(1)
    return int(eval(text.replace("/", "//"), {"__builtins__": {}}))  # our own sources


def sha256(source):
    message = Random(16).bytes(constant(source, "MESSAGE_BYTES"))
    digest = hashlib.sha256(message * constant(source, "REPEATS")).digest()
    return int.from_bytes(digest[:8], "big")


def blake2b(source):
    message = Random(17).bytes(constant(source, "MESSAGE_BYTES"))
    digest = hashlib.blake2b(message * constant(source, "REPEATS")).digest()
    return int.from_bytes(digest[:8], "little")


def keccak(source):
    message = Random(19).bytes(constant(source, "MESSAGE_BYTES"))
    digest = hashlib.sha3_256(message * constant(source, "REPEATS")).digest()
    return int.from_bytes(digest[:8], "little")


def chacha20(source):
    if not shutil.which("openssl"):
        return None
    size, repeats = constant(source, "BUFFER_BYTES"), constant(source, "REPEATS")
    random = Random(18)
    words = struct.pack(f"<{size // 4}I", *(random.next() & MASK32 for _ in range(size // 4)))
    key = bytes(range(32)).hex()
    iv = struct.pack("<4I", 1, 0x09000000, 0x4A000000, 0).hex()
    command = ["openssl", "enc", "-chacha20", "-nopad", "-K", key, "-iv", iv]
    stream = subprocess.run(command, input=bytes(size * repeats), stdout=subprocess.PIPE, check=True)
    folded = int.from_bytes(words, "little")
    for at in range(0, size * repeats, size):
        folded ^= int.from_bytes(stream.stdout[at : at + size], "little")
    bits = size * 8
    while bits > 64:  # sizes are powers of two
        bits //= 2
        folded = (folded >> bits) ^ (folded & ((1 << bits) - 1))
    return folded


def bigint(source):
    limbs, random = constant(source, "LIMBS"), Random(20)
    modulus = base = exponent = 0
    for i in range(limbs):
        modulus |= (random.next() & MASK32) << 32 * i
        base |= (random.next() & MASK32) << 32 * i
        exponent |= (random.next() & MASK32) << 32 * i
    top = 1 << (32 * limbs - 1)
    return pow(base & ~top, exponent, modulus | 1 | top) & MASK64


def crc32(source):
    message = Random(24).bytes(constant(source, "MESSAGE_BYTES"))
    return zlib.crc32(message * constant(source, "REPEATS"))


def base64_(source):
    text = base64.b64encode(Random(25).bytes(constant(source, "PLAIN_BYTES")))
    check = 0
    for repeat in range(constant(source, "REPEATS")):
        at = repeat * 5003
        check = check * 31 + int.from_bytes(text[at : at + 4], "big") & MASK64
    return check


def string_search(source):
    random = Random(21)
    text = bytearray()
    for _ in range(constant(source, "TEXT_BYTES")):
        r = random.next()
        text.append(ord("a") + (r & 7) * (r >> 3 & 7) // 8)
    check = 0
    for p, length in enumerate((3, 4, 5, 6, 9, 12)):
        start = 100000 * (p + 1)
        pattern = re.escape(bytes(text[start : start + length]))
        count = sum(1 for _ in re.finditer(b"(?=" + pattern + b")", text))  # overlaps count
        check = check * 1000003 + count & MASK64
    return check


def quicksort(source):
    random = Random(11)
    keys = sorted(random.next() & MASK32 for _ in range(constant(source, "COUNT")))
    check = keys[0]
    for key in keys[1:]:
        check = mix(check, key)
    return check


def heapsort(source):
    random, count = Random(12), constant(source, "COUNT")
    records = sorted((random.next() >> 20, i) for i in range(count))
    check = 0
    for key, serial in records:
        check = mix(check, key + serial)
    return mix(check, sum(i * 7 % 1000 for i in range(count)))


def interpreter(_source):
    """Instructions executed, from the lengths of the Collatz sequences below 50,000."""
    executed, best = 5 + 1, 0
    for start in range(1, 50000):
        value, steps, loops, odd = start, 1, 0, 0
        while value != 1:
            loops += 1
            if value & 1:
                odd += 1
                value = 3 * value + 1
                steps += 1
            value >>= 1
            steps += 1
        # move, load; then jeq, jump, andi, jz, (muli, addi, add), shri, addi, jump for each turn
        executed += 2 + 7 * loops + 3 * odd + 2  # … and jeq, jump out
        executed += 3 if steps > best else 2  # jlt, move, move; or jlt, jump
        best = max(best, steps)
        executed += 2  # addi, jlt
        executed += start + 1 < 50000  # the jump back
    return executed


def recursion(_source):
    a, b = 0, 1
    for _ in range(36):
        a, b = b, a + b
    return a * 1000000 + (2**12 - 3) * 100 + 9


def queens(_source):
    return 73712 * 1000000 + 14 * 724  # the published counts for 13 and 10


def red_black(source):
    random, nodes, counts = Random(28), constant(source, "NODES"), {}
    for _ in range(nodes):
        key = (random.next() & MASK32) >> 12
        counts[key] = counts.get(key, 0) + 1
    check = 0
    for _ in range(constant(source, "LOOKUPS")):
        check = mix(check, counts.get((random.next() & MASK32) >> 12, 7))
    for key in sorted(counts):
        check = mix(check, key)
    return check


ORACLES = {
    "sha256": sha256, "blake2b": blake2b, "keccak": keccak, "chacha20": chacha20, "bigint": bigint,
    "crc32": crc32, "base64": base64_, "string_search": string_search, "quicksort": quicksort,
    "heapsort": heapsort, "interpreter": interpreter, "recursion": recursion, "queens": queens,
    "red_black": red_black,
}  # fmt: skip


def main():
    wrong = 0
    for name, oracle in ORACLES.items():
        source = (PROGRAMS / f"{name}.c").read_text()
        expected = int(re.search(r"prepare, run, (\w+)}", source).group(1), 0)
        value = oracle(source)
        verdict = "skipped" if value is None else "ok" if value == expected else "WRONG"
        wrong += verdict == "WRONG"
        print(f"{name:14} {verdict:7} {expected:#x}" + (f" computed {value:#x}" if verdict == "WRONG" else ""))
    print(f"{len(ORACLES) - wrong} of {len(ORACLES)} answers confirmed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
