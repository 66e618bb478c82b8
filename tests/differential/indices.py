"""Random modules about accesses a constant apart, as text: bases with a bias that the constants make good by a wrap, loads that
wait while others are made, locals that change in between, labels, calls, and the memory's end."""

import random

FUNCTIONS = 6
BIASES = [0, 0, 8, 100, 4096, 65536, 1 << 20, (1 << 20) + 64, 0x7FFFFFF0, 0x80000000, 0xFFFFFFF0]
LOADS = {"i32": ["i32.load", "i32.load8_u", "i32.load8_s", "i32.load16_u"], "i64": ["i64.load", "i64.load32_u", "i64.load8_s"],
         "f64": ["f64.load"]}
STORES = {"i32": ["i32.store", "i32.store8", "i32.store16"], "i64": ["i64.store", "i64.store32"], "f64": ["f64.store"]}
MIXES = {"i32": ["add", "xor", "sub", "mul"], "i64": ["add", "xor", "sub", "rotl"], "f64": ["add", "sub", "mul"]}


class Writer:
    """Bases $b0… are i32 locals; each is about 64 to 16000 less its bias. $i, $l, $d take what comes out."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.bases = rng.choice([1, 2, 2, 4, 12])
        self.biases = [rng.choice(BIASES) for _ in range(self.bases)]
        self.labels = 0

    def index(self, number: int) -> str:
        """The base plus what makes its bias good, and some more; now and then what does not."""
        rng = self.rng
        near = rng.choice([0, 4, 8, 8, 16, 24, 32, -8, rng.randrange(64), rng.randrange(2000)])
        if rng.randrange(60) == 0:
            near += rng.choice([1 << 20, (1 << 20) + 1, 1 << 31, 65536])
        constant = (self.biases[number] + near) % (1 << 32)
        base = f"(local.get $b{number})"
        if constant == 0 and rng.randrange(4):
            return base
        sums = [f"(i32.add {base} (i32.const {constant}))", f"(i32.add (i32.const {constant}) {base})",
                f"(i32.sub {base} (i32.const {-constant % (1 << 32)}))",
                f"(i32.add (i32.add {base} (i32.const {constant - 8 & 0xFFFFFFFF})) (i32.const 8))"]
        text = rng.choice(sums)
        if rng.randrange(12) == 0:
            text = f"(local.tee $t {text})"
        if rng.randrange(12) == 0:
            text = f"(i32.add {text} (i32.shl (i32.and (local.get $i) (i32.const 7)) (i32.const 3)))"
        return text

    def access(self) -> str:
        return f"{self.rng.choice(['', '', '', ' offset=8', ' offset=40'])} {self.index(self.rng.randrange(self.bases))}"

    def value(self, kind: str, depth: int) -> str:
        rng = self.rng
        if depth == 0 or rng.randrange(3) == 0:
            return f"({rng.choice(LOADS[kind])}{self.access()})"
        return f"({kind}.{rng.choice(MIXES[kind])} {self.value(kind, depth - 1)} {self.value(kind, depth - 1)})"

    def fold(self, kind: str) -> str:
        name = {"i32": "$i", "i64": "$l", "f64": "$d"}[kind]
        value = self.value(kind, self.rng.randrange(4))
        if kind == "f64":  # no NaNs
            return f"(local.set $d (f64.load (i32.const 0))) (local.set $l (i64.xor (local.get $l) (i64.reinterpret_f64 {self.finite(value)})))"
        return f"(local.set {name} ({kind}.add ({kind}.rotl (local.get {name}) ({kind}.const 5)) {value}))"

    def finite(self, value: str) -> str:
        return f"(select (local.tee $d {value}) (f64.const 1) (f64.eq (local.get $d) (local.get $d)))"

    def statement(self, number: int, depth: int = 2) -> str:
        rng = self.rng
        kind = rng.choice(["i32", "i64", "f64"])
        choice = rng.randrange(16)
        base = rng.randrange(self.bases)
        if choice < 6:
            return self.fold(kind)
        if choice < 9:
            return f"({rng.choice(STORES[kind])}{self.access()} {self.value(kind, rng.randrange(2)) if kind != 'f64' else self.finite(self.value(kind, 1))})"
        if choice == 9:
            return f"(local.set $b{base} (i32.add (local.get $b{base}) (i32.const {rng.choice([8, 16, -8, 1])})))"
        if choice == 10:
            other = rng.choice([i for i in range(self.bases) if self.biases[i] == self.biases[base]])
            return f"(local.set $b{base} (i32.add (local.get $b{other}) (i32.const {rng.choice([0, 8, -16])})))"
        if choice == 11 and number:
            return f"(local.set $i (call $f{rng.randrange(number)} (local.get $i) (local.get $b{base}) (local.get $l)))"
        if choice == 12:
            return "(local.set $i (i32.add (local.get $i) (i32.div_u (i32.const 1000) (i32.or (local.get $i) (i32.const 1)))))"
        if depth == 0 or choice < 14:
            return self.fold("i32")
        body = " ".join(self.statement(number, depth - 1) for _ in range(rng.randrange(1, 4)))
        self.labels += 1
        label = f"$l{self.labels}"
        if rng.randrange(3) == 0:
            return f"(if (i32.and (local.get $i) (i32.const 1)) (then {body}) (else {self.statement(number, depth - 1)}))"
        if rng.randrange(2):
            return f"(block {label} {body} (br_if {label} (i32.and (local.get $i) (i32.const 2))) {self.statement(number, depth - 1)})"
        count = f"$n{depth}"
        return (f"(local.set {count} (i32.const {rng.randrange(1, 4)})) (loop {label} {body} "
                f"(br_if {label} (local.tee {count} (i32.sub (local.get {count}) (i32.const 1)))))")

    def function(self, number: int) -> str:
        rng = self.rng
        names = " ".join(f"(local $b{i} i32)" for i in range(self.bases))
        start = lambda i: (f"(local.set $b{i} (i32.sub (i32.add (i32.and (i32.rotl (local.get {i % 2}) (i32.const {3 * i})) (i32.const 16368))"
                           f" (i32.const 64)) (i32.const {self.biases[i]})))")
        body = "\n    ".join(self.statement(number) for _ in range(rng.randrange(3, 14)))
        return f"""
  (func $f{number} (export "f{number}") (param i32 i32 i64) (result i32) {names}
    (local $i i32) (local $l i64) (local $d f64) (local $t i32) (local $n1 i32) (local $n2 i32)
    {" ".join(start(i) for i in range(self.bases))} (local.set $i (local.get 0)) (local.set $l (local.get 2))
    {body}
    (i32.xor (local.get $i) (i32.xor (local.get $t) (i32.wrap_i64 (i64.add (local.get $l)
      (i64.shr_u (local.get $l) (i64.const 32)))))))"""


def text(rng: random.Random) -> str:
    """One module; its memory may grow without end, or not at all."""
    writer = Writer(rng)
    functions = "".join(writer.function(number) for number in range(FUNCTIONS))
    data = "".join(f"\\{rng.choice([0, 1, 0x3F, 0x40, rng.randrange(256)]):02x}" for _ in range(512))
    return f"""(module
  (memory {rng.choice(['1', '1 1', '1 2', '17', '1 65536'])})
  (data (i32.const 0) "{data}"){functions}
  (func (export "hashMemory") (result i32) (local i32 i32)
    (loop $l
      (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 31)) (i32.load (local.get 0))))
      (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 4))) (i32.const 65536))))
    (local.get 1)))
"""
