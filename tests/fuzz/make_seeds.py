"""Writes seeds for parse_fuzz: the modules of tests/diagnostics, whole and cut down to one body, and one small body per
row of the opcode table, with operands that fit where the signature says what fits.

Usage: make_seeds.py SOURCE_DIR OUT_DIR
"""
import pathlib
import re
import sys

WHOLE, BODY = b"m", b"b"
LOCALS_FLOAT_VECTOR = bytes.fromhex("03 01 7d 01 7c 01 7b")  # behind i32 and i64: f32 f64 v128
LOCAL_OF = {"A": 0, "I": 0, "L": 1, "F": 2, "D": 3, "V": 4}
IMMEDIATE_BYTES = {
    "NONE": "", "I32": "ff 00", "I64": "80 7f", "F32": "00 00 c0 7f", "F64": "00 00 00 00 00 00 f8 7f", "V128": "00" * 16,
    "SHUFFLE": "1f" * 16, "BLOCK_TYPE": "40", "BR_TABLE": "01 00 00", "TRY_TABLE": "40 00", "SELECT_TYPES": "01 7f",
    "HEAP_TYPE": "70", "CAST": "00 00 70 70", "MEM8": "00 00", "MEM16": "01 81 00", "MEM32": "02 04", "MEM64": "43 01 08",
    "MEM128": "04 80 01", "MEM8_LANE": "00 00 0f", "MEM16_LANE": "01 00 07", "MEM32_LANE": "02 00 03",
    "MEM64_LANE": "03 00 01", "ATOMIC8": "00 00", "ATOMIC16": "01 00", "ATOMIC32": "02 00", "ATOMIC64": "03 00",
    "FENCE": "00", "LANE2": "01", "LANE4": "03", "LANE8": "07", "LANE16": "0f",
}  # fmt: skip


def leb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def opcode_bodies(source: pathlib.Path):
    table = (source / "alkahest-core/include/alkahest/wasm_ops.def").read_text()
    rows = re.findall(r"^OP\((\w+), \"[^\"]+\", (\w\w), 0x(\w+), (\w+), (\w+), \w+\)", table, re.M)
    for name, prefix, code, immediate, signature in rows:
        operands, _, result = signature.partition("_") if signature != "SPECIAL" else ("IVL", "", "N")
        body = bytearray(LOCALS_FLOAT_VECTOR)
        for letter in operands.replace("N", ""):
            body += bytes([0x20, LOCAL_OF[letter]])
        body += bytes([int(code, 16)]) if prefix == "00" else bytes([int(prefix, 16)]) + leb(int(code, 16))
        two = immediate.count("_") == 1 and immediate not in IMMEDIATE_BYTES
        body += bytes.fromhex(IMMEDIATE_BYTES.get(immediate, "00 00" if two else "00"))
        body += bytes.fromhex(("" if result == "N" else "1a ") + "20 02 0b")
        yield f"op_{name.lower()}", BODY + bytes(body)


def diagnostics_seeds(source: pathlib.Path):
    sys.path.insert(0, str(source / "tests/diagnostics"))
    import run

    for path in sorted((source / "tests/diagnostics").glob("ALKA_*/module.txt")):
        case = run.Case(path)
        yield f"module_{case.code:03}", WHOLE + case.wasm
        if case.wasm[-1:] == b"\x0b":
            yield f"body_{case.code:03}", BODY + case.wasm[-12:]


def main() -> int:
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name, data in [*diagnostics_seeds(source), *opcode_bodies(source)]:
        (out / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
