"""Random modules about memories, as text: several of them, with 32-bit and 64-bit addresses, shared and not; accesses of
every width around their edges, atomic ones, growth, bulk memory, and constant expressions that compute."""

import random

ENABLE = ["multi-memory", "memory64", "threads", "extended-const"]
LOADS = {"i32": ["load", "load8_s", "load8_u", "load16_s", "load16_u"],
         "i64": ["load", "load8_s", "load8_u", "load16_s", "load16_u", "load32_s", "load32_u"]}  # fmt: skip
STORES = {"i32": ["store", "store8", "store16"], "i64": ["store", "store8", "store16", "store32"]}
RMWS = {"i32": ["rmw", "rmw8", "rmw16"], "i64": ["rmw", "rmw8", "rmw16", "rmw32"]}
OPERATIONS = ["add", "sub", "and", "or", "xor", "xchg"]
EDGES = [0, 1, 2, 4, 7, 8, 15, 16, 100, 65528, 65532, 65535, 65536, 131064, 131072, 2**31 - 1, 2**31, 2**32 - 1]
OFFSETS = [0, 0, 0, 1, 3, 4, 8, 100, 65528, 65535, 2**31 - 9, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1]


class Writer:
    """Expressions over the locals of an exported function: i32 0, i64 1, i32 $x, i64 $l."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.indices = [rng.choice(["i32", "i32", "i64"]) for _ in range(rng.randrange(1, 5))]
        self.shared = [rng.randrange(3) == 0 for _ in self.indices]
        self.maxima = [rng.randrange(2, 5) if shared or rng.randrange(2) else None for shared in self.shared]

    def memory(self) -> int:
        return self.rng.randrange(len(self.indices))

    def number(self, kind: str, depth: int = 1) -> str:
        rng = self.rng
        way = rng.randrange(6 if depth else 4)
        if way == 0:
            value = rng.choice([*EDGES, rng.getrandbits(32)]) if kind == "i32" else rng.choice([*EDGES, rng.getrandbits(64)])
            return f"({kind}.const {value})"
        if way == 1:
            return f"(local.get {'$x' if kind == 'i32' else '$l'})"
        if way == 2:
            return f"(local.get {0 if kind == 'i32' else 1})"
        if way == 3:
            return "(i32.wrap_i64 (local.get 1))" if kind == "i32" else "(i64.extend_i32_u (local.get 0))"
        if way == 4:
            return f"({kind}.{rng.choice(['add', 'xor', 'mul'])} {self.number(kind, 0)} {self.number(kind, 0)})"
        return self.load(kind)

    def address(self, memory: int) -> str:
        """Around 0, around the end, or anywhere."""
        rng, kind = self.rng, self.indices[memory]
        low = f"({kind}.const {rng.randrange(80)})"
        way = rng.randrange(8)
        if way < 3:
            return low
        if way < 5:
            return f"({kind}.add ({kind}.and {self.number(kind, 0)} ({kind}.const 255)) {low})"
        if way < 7:
            return f"({kind}.sub ({kind}.mul (memory.size {memory}) ({kind}.const 65536)) {low})"
        return rng.choice([self.number(kind, 0), f"({kind}.const {-rng.randrange(1, 70)})"])

    def offset(self) -> str:
        rng = self.rng
        value = rng.choice(OFFSETS) if rng.randrange(4) == 0 else rng.randrange(40)
        return f"offset={value} " if value else ""

    def load(self, kind: str) -> str:
        rng, memory = self.rng, self.memory()
        if rng.randrange(5) == 0:
            width = rng.choice(["load", "load8_u", "load16_u"])
            return f"({kind}.atomic.{width} {memory} {self.offset()}{self.aligned(memory)})"
        return f"({kind}.{rng.choice(LOADS[kind])} {memory} {self.offset()}{self.address(memory)})"

    def aligned(self, memory: int) -> str:
        kind = self.indices[memory]
        if self.rng.randrange(4) == 0:
            return self.address(memory)
        return f"({kind}.and {self.address(memory)} ({kind}.const -8))"

    def length(self, kind: str) -> str:
        if self.rng.randrange(4) == 0:
            return self.number(kind, 0)
        return f"({kind}.const {self.rng.randrange(100)})"

    def atomic(self) -> str:
        rng, memory, kind = self.rng, self.memory(), self.rng.choice(["i32", "i64"])
        width = rng.choice(RMWS[kind])
        tail = "" if width == "rmw" else "_u"
        if rng.randrange(4) == 0:
            value = f"({kind}.atomic.{width}.cmpxchg{tail} {memory} {self.offset()}{self.aligned(memory)} {self.number(kind)} {self.number(kind)})"
        else:
            value = f"({kind}.atomic.{width}.{rng.choice(OPERATIONS)}{tail} {memory} {self.offset()}{self.aligned(memory)} {self.number(kind)})"
        return self.fold(kind, value)

    def fold(self, kind: str, value: str) -> str:
        name = "$x" if kind == "i32" else "$l"
        return f"(local.set {name} ({kind}.xor ({kind}.mul (local.get {name}) ({kind}.const 31)) {value}))"

    def bulk(self) -> str:
        rng, to, source = self.rng, self.memory(), self.memory()
        kind = self.indices[to]
        way = rng.randrange(4)
        if way == 0:
            return f"(memory.fill {to} {self.address(to)} {self.number('i32')} {self.length(kind)})"
        if way == 1:
            narrow = "i64" if kind == self.indices[source] == "i64" else "i32"
            return f"(memory.copy {to} {source} {self.address(to)} {self.address(source)} {self.length(narrow)})"
        if way == 2:
            return f"(memory.init {to} $d {self.address(to)} (i32.const {rng.randrange(12)}) {self.length('i32')})"
        return "(data.drop $d)" if rng.randrange(4) == 0 else f"(memory.fill {to} {self.address(to)} (i32.const 7) {self.length(kind)})"

    def statement(self, depth: int = 2) -> str:
        rng = self.rng
        way = rng.randrange(12)
        kind = rng.choice(["i32", "i64"])
        if way < 3:
            return self.fold(kind, self.load(kind))
        if way < 6:
            memory = self.memory()
            return f"({kind}.{rng.choice(STORES[kind])} {memory} {self.offset()}{self.address(memory)} {self.number(kind)})"
        if way < 8:
            return self.atomic()
        if way == 8:
            return self.bulk()
        if way == 9:
            memory = self.memory()
            index = self.indices[memory]
            return self.fold(index, f"(memory.grow {memory} ({index}.const {rng.choice([0, 1, 1, 2, 65536, -1])}))")
        if way == 10 and depth:
            return f"(if {self.number('i32')} (then {self.statement(depth - 1)}) (else {self.statement(depth - 1)}))"
        memory = self.memory()
        return self.fold(self.indices[memory], f"(memory.size {memory})")

    def function(self, number: int) -> str:
        body = "\n    ".join(self.statement() for _ in range(self.rng.randrange(3, 14)))
        return f"""  (func (export "f{number}") (param i32 i64) (result i32 i64) (local $x i32) (local $l i64)
    {body}
    (local.get $x) (local.get $l))"""

    def module(self) -> str:
        rng, lines = self.rng, []
        for index, shared, most in zip(self.indices, self.shared, self.maxima):
            limits = f"{rng.randrange(3)}" + (f" {most}" if most else " 4") + (" shared" if shared else "")
            lines.append(f"  (memory {'i64 ' if index == 'i64' else ''}{limits})")
        lines.append(f"  (global $c i32 (i32.add (i32.const {rng.randrange(9)}) (i32.mul (i32.const 3) (i32.const {rng.randrange(9)}))))")
        lines.append('  (data $d "of eleven b")')
        lines += [self.function(number) for number in range(rng.randrange(1, 6))]
        return "\n".join(["(module", *lines, ")"])


def text(rng: random.Random) -> str:
    return Writer(rng).module()
