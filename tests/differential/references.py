"""Random modules about tables, references, segments and bulk memory, as text: what binaryen's generator leaves out."""

import random

FUNCTIONS = 8
TYPES = ["(result i32)", "(param i32) (result i32)"]


class Writer:
    """Expressions over the locals of an exported function: i32 params 0–2 and $x, i64 $l, f64 $d, funcref $r, externref $e."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.labels = 0

    def i32(self, depth: int = 2) -> str:
        rng = self.rng
        kind = rng.randrange(12 if depth else 6)
        if kind < 2:
            return f"(i32.const {rng.choice([0, 0, 1, 2, 3, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 40, 64, -1, 65536])})"
        if kind < 4:
            return f"(i32.and (local.get {rng.randrange(3)}) (i32.const {rng.choice([3, 7, 15, 31])}))"
        if kind == 4:
            return f"(table.size {self.table()})"
        if kind == 5:
            return rng.choice([f"(local.get {rng.randrange(3)})", "(local.get $x)"])
        if kind == 6:
            return f"(ref.is_null {self.funcref(depth - 1)})"
        if kind == 7:
            return f"(ref.is_null {self.externref(depth - 1)})"
        if kind == 8:
            return f"(i32.add {self.i32(depth - 1)} {self.i32(depth - 1)})"
        if kind == 9:
            return f"(i32.load8_u {self.near_end()})"
        if kind == 10:
            return f"(i32.lt_u {self.i32(depth - 1)} {self.i32(depth - 1)})"
        return f"(i32.xor (i32.wrap_i64 (local.get $l)) (i32.trunc_sat_f64_s (local.get $d)))"

    def near_end(self) -> str:
        """An address: around 0, or around the end of the memory."""
        rng = self.rng
        low = f"(i32.const {rng.randrange(70)})"
        if rng.randrange(3):
            return rng.choice([low, f"(i32.add (i32.and (local.get {rng.randrange(3)}) (i32.const 127)) {low})"])
        return f"(i32.sub (i32.mul (memory.size) (i32.const 65536)) {low})"

    def table(self, kinds: str = "abc") -> str:
        return "$" + self.rng.choice(kinds)

    def funcref(self, depth: int = 2) -> str:
        rng = self.rng
        kind = rng.randrange(6 if depth > 0 else 4)
        if kind == 0:
            return "(ref.null func)"
        if kind == 1:
            return f"(ref.func $f{rng.randrange(FUNCTIONS)})"
        if kind == 2:
            return "(local.get $r)"
        if kind == 3:
            return "(global.get $g)"
        if kind == 4:
            return f"(table.get {self.table('ab')} {self.i32(0)})"
        return f"(select (result funcref) {self.funcref(depth - 1)} {self.funcref(depth - 1)} {self.i32(depth - 1)})"

    def externref(self, depth: int = 2) -> str:
        kind = self.rng.randrange(4 if depth > 0 else 2)
        if kind < 2:
            return ["(ref.null extern)", "(local.get $e)"][kind]
        if kind == 2:
            return f"(table.get $c {self.i32(0)})"
        return f"(select (result externref) {self.externref(depth - 1)} {self.externref(depth - 1)} {self.i32(0)})"

    def element(self, table: str) -> str:
        return self.externref() if table == "$c" else self.funcref()

    def fold(self, value: str) -> str:
        return f"(local.set $x (i32.xor (i32.mul (local.get $x) (i32.const 31)) {value}))"

    def table_statement(self) -> str:
        rng, table = self.rng, self.table()
        kind = rng.randrange(7)
        if kind == 0:
            return f"(table.set {table} {self.i32()} {self.element(table)})"
        if kind == 1:
            return f"(table.fill {table} {self.i32()} {self.element(table)} {self.i32()})"
        if kind == 2:
            return self.fold(f"(table.grow {table} {self.element(table)} (i32.and {self.i32()} (i32.const 3)))")
        if kind == 3:
            source = table if table == "$c" else self.table("ab")
            return f"(table.copy {table} {source} {self.i32()} {self.i32()} {self.i32()})"
        if kind == 4:
            table = self.table("ab")
            return f"(table.init {table} $e{rng.randrange(3)} {self.i32()} {self.i32()} {self.i32()})"
        if kind == 5:
            return f"(elem.drop $e{rng.randrange(3)})" if rng.randrange(4) == 0 else "(nop)"
        which = rng.randrange(2)
        argument = self.i32() if which else ""
        return self.fold(f"(call_indirect {self.table('ab')} (type $t{which}) {argument} {self.i32()})")

    def memory_statement(self) -> str:
        rng = self.rng
        kind = rng.randrange(6)
        size = f"(i32.const {rng.randrange(40)})" if rng.randrange(3) else self.i32()
        if kind < 2:
            return f"(memory.copy {self.near_end()} {self.near_end()} {size})"
        if kind == 2:
            return f"(memory.fill {self.near_end()} {self.i32()} {size})"
        if kind == 3:
            return f"(memory.init $d{rng.randrange(2)} {self.near_end()} {self.i32()} {self.i32()})"
        if kind == 4:
            return f"(data.drop $d{rng.randrange(2)})" if rng.randrange(4) == 0 else f"(i64.store {self.near_end()} (local.get $l))"
        return self.fold("(memory.grow (i32.const 1))") if rng.randrange(4) == 0 else self.fold(f"(i32.load {self.near_end()})")

    def local_statement(self) -> str:
        return self.rng.choice([
            lambda: f"(local.set $r {self.funcref()})",
            lambda: f"(local.set $e {self.externref()})",
            lambda: f"(global.set $g {self.funcref()})",
            lambda: f"(local.set $l (i64.add (local.get $l) (i64.extend_i32_u {self.i32()})))",
            lambda: f"(local.set $d (f64.add (local.get $d) (f64.convert_i32_s {self.i32()})))",
            lambda: f"(local.set {self.rng.randrange(3)} {self.i32()})",
            lambda: self.fold(self.i32()),
        ])()

    def statement(self, depth: int = 2) -> str:
        kind = self.rng.randrange(12)
        if kind < 4:
            return self.table_statement()
        if kind < 7:
            return self.memory_statement()
        if kind < 10 or depth == 0:
            return self.local_statement()
        body = " ".join(self.statement(depth - 1) for _ in range(self.rng.randrange(1, 4)))
        if kind == 10:
            return f"(if {self.i32()} (then {body}) (else {self.statement(depth - 1)}))"
        self.labels += 1
        count, label = f"$n{depth}", f"$l{self.labels}"
        return (f"(local.set {count} (i32.const {self.rng.randrange(1, 4)})) (loop {label} {body} "
                f"(br_if {label} (local.tee {count} (i32.sub (local.get {count}) (i32.const 1)))))")


def element_items(rng: random.Random) -> str:
    items = [rng.choice(["(ref.null func)", f"(ref.func $f{rng.randrange(FUNCTIONS)})"]) for _ in range(rng.randrange(6))]
    return "funcref " + " ".join(f"(item {item})" for item in items)


def text(rng: random.Random) -> str:
    """One module, which exports functions of integers only."""
    writer = Writer(rng)
    limits = lambda: rng.choice(["0", "1 1", "5", "10 10", "10 16", "20 24"])
    lines = ["(module",
             *(f"(type $t{i} (func {kind}))" for i, kind in enumerate(TYPES)),
             f"(memory $m {rng.randrange(3)} 4)",
             f"(table $a {limits()} funcref) (table $b {limits()} funcref) (table $c {limits()} externref)",
             "(global $g (mut funcref) (ref.func $f0))"]
    if rng.randrange(3) == 0:
        lines.append('(export "a" (table $a))')
    lines.append("(elem declare func " + " ".join(f"$f{i}" for i in range(FUNCTIONS)) + ")")
    lines += [f"(elem $e{i} {element_items(rng)})" for i in range(3)]
    data = lambda: '"' + "".join(f"\\{rng.randrange(256):02x}" for _ in range(rng.randrange(24))) + '"'
    lines += [f"(data $d{i} {data()})" for i in range(2)]
    for i in range(FUNCTIONS):
        which = rng.randrange(2)
        value = f"(i32.add (local.get 0) (i32.const {i}))" if which else f"(i32.const {rng.randrange(1000)})"
        lines.append(f"(func $f{i} (type $t{which}) {value})")
    for i in range(rng.randrange(4, 12)):
        body = "\n  ".join(writer.statement() for _ in range(rng.randrange(1, 8)))
        lines.append(f'(func (export "op{i}") (param i32 i32 i32) (result i32)\n'
                     "  (local $x i32) (local $l i64) (local $d f64) (local $r funcref) (local $e externref)"
                     f" (local $n0 i32) (local $n1 i32) (local $n2 i32)\n  {body}\n"
                     "  (i32.add (local.get $x) (i32.add (local.get 0) (i32.wrap_i64 (local.get $l)))))")
    for name in "abc":
        lines.append(f"""(func (export "nulls_{name}") (result i32) (local $i i32) (local $x i32)
  (block $out (loop $next
    (br_if $out (i32.ge_u (local.get $i) (table.size ${name})))
    (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 3)) (ref.is_null (table.get ${name} (local.get $i)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (i32.add (local.get $x) (table.size ${name})))""")
    lines.append("""(func (export "hashMemory") (result i32) (local $i i32) (local $x i32)
  (block $out (loop $next
    (br_if $out (i32.ge_u (local.get $i) (i32.mul (memory.size) (i32.const 65536))))
    (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 31)) (i32.load (local.get $i))))
    (local.set $i (i32.add (local.get $i) (i32.const 4)))
    (br $next)))
  (local.get $x)))""")
    return "\n".join(lines)
