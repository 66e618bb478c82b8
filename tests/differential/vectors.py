"""Random modules about v128, as text: each operation of the opcode table on operands of every form (constants, locals,
loads, results of others), with results into locals, memory, globals, calls and branches. NaNs that come out of arithmetic
lose their bits, which the specification leaves open."""

import pathlib
import random
import re

OPS_FILE = pathlib.Path(__file__).resolve().parents[2] / "alkahest-core/include/alkahest/wasm_ops.def"
ROW = re.compile(r'OP\(\w+, "([^"]+)", FD, 0x\w+, (\w+), (\w+)_(\w), SIMD\)')
FUNCTIONS = 6
PARAMS = "(param i32 i32) (param i64) (param f32) (param f64)"
# Results that may be NaNs with bits of the engine's choice.
OPEN_NAN = re.compile(r"f(32x4|64x2)\.(add|sub|mul|div|min|max|sqrt|ceil|floor|trunc|nearest|demote\w+|promote\w+)$")
LANES = {"LANE2": 2, "LANE4": 4, "LANE8": 8, "LANE16": 16}
WORDS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x3F800000, 0x4F000000, 0xCF000000,
         0x4F800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x41DFFFFF, 0xFFC00000, 0x41EFFFFF, 0xFFE00000, 0x41F00000,
         0x80008000, 0x7FFF7FFF, 0x80818283]


def read_ops() -> list[tuple[str, str, str, str]]:
    """(text, immediate, operands, result) of each row."""
    rows = [match.groups() for match in map(ROW.match, OPS_FILE.read_text(encoding="utf-8").splitlines()) if match]
    assert len(rows) == 236, len(rows)
    return rows


OPS = read_ops()


class Writer:
    def __init__(self, rng: random.Random):
        self.rng = rng
        self.vectors = rng.choice([1, 3, 8, 20])

    def word(self) -> int:
        return self.rng.choice(WORDS) if self.rng.randrange(3) else self.rng.getrandbits(32)

    def address(self) -> str:
        """Mostly inside the one page, now and then around its end."""
        rng = self.rng
        if rng.randrange(40) == 0:
            return f"(i32.const {65536 - rng.randrange(20)})"
        if rng.randrange(2):
            return f"(i32.const {rng.randrange(256)})"
        return f"(i32.and (local.get {rng.randrange(2)}) (i32.const 255))"

    def offset(self) -> str:
        return self.rng.choice(["", "", f" offset={self.rng.randrange(64)}"])

    def scalar(self, kind: str, depth: int) -> str:
        rng = self.rng
        choice = rng.randrange(4 if depth else 2)
        if choice == 0:
            values = {"I": rng.choice([rng.randrange(70), self.word()]), "L": self.word() << 32 | self.word(),
                      "F": rng.choice(["0", "-0", "1.5", "-3e9", "inf"]), "D": rng.choice(["0", "-0", "1.5", "-3e9", "inf"])}
            return f"({ {'I': 'i32', 'L': 'i64', 'F': 'f32', 'D': 'f64'}[kind]}.const {values[kind]})"
        if choice == 1:
            return f"(local.get {rng.randrange(2) if kind == 'I' else {'L': 2, 'F': 3, 'D': 4}[kind]})"
        if choice == 2:
            name = {"I": rng.choice(["i32.load", "i32.load8_u", "i32.load16_s"]), "L": "i64.load", "F": "f32.load",
                    "D": "f64.load"}[kind]
            return f"({name}{self.offset()} {self.address()})"
        return self.op(rng.choice([op for op in OPS if op[3] == kind]), depth - 1)

    def vector(self, depth: int) -> str:
        rng = self.rng
        choice = rng.randrange(10)
        if depth == 0 or choice < 4:
            if choice % 3 == 0:
                return f"(v128.const i32x4 {self.word()} {self.word()} {self.word()} {self.word()})"
            if choice % 3 == 1:
                return f"(v128.load{self.offset()} {self.address()})"
            return f"(local.get $v{rng.randrange(self.vectors)})"
        if choice == 4:
            return rng.choice([f"(global.get $g)", f"(local.tee $v{rng.randrange(self.vectors)} {self.vector(depth - 1)})"])
        if choice == 5:
            return (f"(select {self.vector(depth - 1)} {self.vector(depth - 1)} {self.scalar('I', depth - 1)})")
        return self.op(rng.choice([op for op in OPS if op[3] == "V"]), depth - 1)

    def op(self, op: tuple[str, str, str, str], depth: int) -> str:
        rng = self.rng
        text, imm, operands, _ = op
        if text == "v128.const":
            return self.vector(0)
        words = [text]
        if imm.startswith("MEM"):
            words[0] += self.offset()
        if imm.endswith("_LANE"):
            words.append(str(rng.randrange(128 // int(imm[3:-5]))))
        elif imm in LANES:
            words.append(str(rng.randrange(LANES[imm])))
        elif imm == "SHUFFLE":
            words += map(str, self.shuffle())
        for operand in "" if operands == "N" else operands:
            if operand == "A":
                words.append(self.address())
            else:
                words.append(self.vector(depth) if operand == "V" else self.scalar(operand, depth))
        code = f"({' '.join(words)})"
        open_nan = OPEN_NAN.match(text)
        if open_nan:
            shape = "f32x4" if text.startswith("f32") else "f64x2"
            code = f"(v128.and (local.tee $n {code}) ({shape}.eq (local.get $n) (local.get $n)))"
        return code

    def shuffle(self) -> list[int]:
        rng = self.rng
        kind, width, first = rng.randrange(6), rng.choice([1, 2, 4, 8]), rng.choice([0, 16])
        if kind == 0:
            start = rng.randrange(17)
            return [start + i for i in range(16)]
        if kind == 1:
            high = rng.choice([0, 8])
            lanes = [high + i // width // 2 * width + i % width + 16 * (i // width % 2) for i in range(16)]
            return [(lane + first) % 32 for lane in lanes]
        if kind == 2:
            dwords = [rng.randrange(4) for _ in range(4)]
            return [first + dwords[i // 4] * 4 + i % 4 for i in range(16)]
        if kind == 3:
            return [first + rng.randrange(16) for _ in range(16)]
        return [rng.randrange(32) for _ in range(16)]

    def statement(self, function: int, depth: int = 3) -> str:
        rng = self.rng
        local = f"$v{rng.randrange(self.vectors)}"
        choice = rng.randrange(12)
        if choice == 0:
            return f"(global.set $g {self.vector(depth)})"
        if choice == 1:
            return f"(v128.store{self.offset()} {self.address()} {self.vector(depth)})"
        if choice == 2:
            return self.op(rng.choice([op for op in OPS if op[3] == "N"]), depth)
        if choice == 3 and function:
            args = " ".join(self.vector(1) for _ in range(10))
            return (f"(call $pass {args} {self.scalar('I', 1)})\n    (local.set {local}) (drop) (local.set $n) (drop)"
                    f" (local.set {local} (v128.xor (local.get {local}) (local.get $n)))")
        if choice == 4:
            return f"(local.set {local} (call $f{rng.randrange(function)}v {self.vector(2)} {self.vector(1)}))" if function else "nop"
        if choice == 5:
            return (f"(if {self.scalar('I', depth)}\n      (then {self.statement(function, 2)})"
                    f" (else {self.statement(function, 2)}))")
        if choice == 6:
            return (f"(local.set {local} (block $b (result v128)\n      (drop (br_if $b {self.vector(2)} {self.scalar('I', 2)}))"
                    f" {self.vector(2)}))")
        if choice == 7:
            return (f"(block $b (result v128 i32 v128) {self.vector(1)} {self.scalar('I', 1)} {self.vector(1)}"
                    f" (br_if $b {self.scalar('I', 1)}) (drop) (drop) (drop) {self.vector(2)} {self.scalar('I', 0)}"
                    f" {self.vector(2)})\n    (local.set {local}) (drop) (local.set $n)")
        if choice == 8:
            return f"(local.set $h (i64.add (i64.rotl (local.get $h) (i64.const 7)) {self.scalar('L', depth)}))"
        if choice == 9:
            return f"(local.set $i (i32.xor (i32.rotl (local.get $i) (i32.const 5)) {self.scalar('I', depth)}))"
        return f"(local.set {local} {self.vector(depth)})"

    def function(self, number: int) -> str:
        rng = self.rng
        locals_text = " ".join(f"(local $v{i} v128)" for i in range(self.vectors))
        body = "\n    ".join(self.statement(number) for _ in range(rng.randrange(2, 12)))
        mix = "(local.get $h)"
        for i in range(self.vectors):
            mix = (f"(i64.add (i64.rotl {mix} (i64.const 9)) (i64.xor (i64x2.extract_lane 0 (local.get $v{i}))"
                   f" (i64x2.extract_lane 1 (local.get $v{i}))))")
        return f"""
  (func $f{number}v (param v128 v128) (result v128) (local $n v128)
    {self.inner(number)})
  (func (export "f{number}") {PARAMS} (result i64) (local $h i64) (local $i i32) (local $n v128)
    {locals_text}
    {body}
    (i64.add (i64.extend_i32_u (local.get $i)) {mix}))"""

    def inner(self, number: int) -> str:
        """An expression of two vectors alone."""
        rng = self.rng
        op = rng.choice([op for op in OPS if op[3] == "V" and op[1] == "NONE" and set(op[2]) == {"V"}])
        if OPEN_NAN.match(op[0]):
            return "(local.get 1)"
        operands = " ".join(f"(local.get {rng.randrange(2)})" for _ in op[2])
        return f"({op[0]} {operands})"


def text(rng: random.Random) -> str:
    writer = Writer(rng)
    functions = "".join(writer.function(number) for number in range(FUNCTIONS))
    vectors = " ".join(["v128"] * 10)
    data = "".join(f"\\{byte:02x}" for _ in range(90) for byte in writer.word().to_bytes(4, "little"))
    return f"""(module
  (memory 1 1)
  (data (i32.const 0) "{data}")
  (global $g (mut v128) (v128.const i32x4 {writer.word()} {writer.word()} {writer.word()} {writer.word()}))
  (func $pass (param {vectors} i32) (result v128 v128 i32 v128)
    (i8x16.add (local.get 0) (local.get 9)) (i16x8.sub (local.get 8) (local.get 3)) (local.get 10)
    (v128.xor (v128.xor (local.get 1) (local.get 2)) (v128.and (local.get 4) (v128.or (local.get 5)
      (v128.andnot (local.get 6) (local.get 7)))))){functions}
  (func (export "hashMemory") (result i32) (local i32 i32)
    (loop $l
      (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 31)) (i32.load (local.get 0))))
      (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 4))) (i32.const 1024))))
    (local.get 1)))
"""
