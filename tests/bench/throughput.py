"""Compile throughput: how many bytes of module per second each engine turns into code.

In: real modules (BUILD/corpus, see tests/corpus, or --module FILE) and modules made here: the same
code repeated to several sizes, and functions of extreme shapes, on which a compiler's time must stay
linear. Out: times per module and engine, interleaved; one thread, from bytes to sealed code.
"""
import pathlib
import struct

from measure import time_command


def leb(value):
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def read_leb(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def sections(data):
    """(id, payload) of each section; stops where the bytes make no sense."""
    at = 8
    while at < len(data):
        kind = data[at]
        size, at = read_leb(data, at + 1)
        yield kind, data[at : at + size]
        at += size


CODE, FUNCTION = 10, 3


def code_bytes(data):
    try:
        return sum(len(payload) for kind, payload in sections(data) if kind == CODE)
    except IndexError:
        return 0


def vector(items):
    return leb(len(items)) + b"".join(items)


def section(kind, payload):
    return bytes([kind]) + leb(len(payload)) + payload


def body(code, local_groups=()):
    code = vector([leb(n) + bytes([t]) for n, t in local_groups]) + code + b"\x0b"
    return leb(len(code)) + code


def module(bodies, imports=(), exports=()):
    """Functions () -> i32, some imported, some exported, one page of memory."""
    return (
        b"\0asm\1\0\0\0"
        + section(1, vector([b"\x60\x00\x01\x7f"]))
        + (section(2, vector(imports)) if imports else b"")
        + section(FUNCTION, vector([b"\x00"] * len(bodies)))
        + section(5, vector([b"\x00\x01"]))
        + (section(7, vector(exports)) if exports else b"")
        + section(CODE, vector(bodies))
    )


def repeated(data, target_bytes):
    """The module with its functions repeated until it has about `target_bytes`: calls still reach the
    first copies, so it stays valid."""
    parts = dict(sections(data))

    def split(payload, sized):
        count, at = read_leb(payload, 0)
        items = []
        for _ in range(count):
            size, after = read_leb(payload, at)
            end = after + size if sized else after
            items.append(payload[at:end])
            at = end
        return items

    types, bodies = split(parts[FUNCTION], False), split(parts[CODE], True)
    times = max(1, round(target_bytes / len(parts[CODE])))
    out = bytearray(data[:8])
    for kind, payload in sections(data):
        if kind == 0:
            continue  # names and producers
        if kind == FUNCTION:
            payload = vector(types * times)
        if kind == CODE:
            payload = vector(bodies * times)
        out += section(kind, payload)
    return bytes(out)


def extreme_bodies(scale):
    """{name: (code, local groups)} of single functions."""
    i32, f64 = 0x7F, 0x7C
    get0, set0, const0, add, drop = b"\x20\x00", b"\x21\x00", b"\x41\x00", b"\x6a", b"\x1a"
    block, loop, end, br_if0 = b"\x02\x40", b"\x03\x40", b"\x0b", b"\x0d\x00"
    load, store, call0 = b"\x28\x02\x00", b"\x36\x02\x00", b"\x10\x00"
    increment = get0 + b"\x41\x01" + add + set0

    def n(count):
        return max(1, round(count * scale))

    locals_ = n(10000)
    many_reads = b"".join(b"\x20" + leb(i % locals_) + add for i in range(n(100000)))
    many_writes = b"".join(b"\x20" + leb(i) + b"\x41\x01" + add + b"\x21" + leb(i * 7919 % locals_)
                           for i in range(locals_))  # fmt: skip
    arms = block * 64 + const0 + b"\x0e" + leb(n(60000))
    arms += b"".join(leb(i * 31 % 64) for i in range(n(60000) + 1)) + end * 64
    arithmetic = get0 + b"\x41\x05\x6c\x20\x01\x6a\x22\x00\x41\x03\x74\x21\x01"
    choice = get0 + b"\x04\x7f\x41\x01\x05\x41\x02\x0b" + set0
    constants = b"".join(get0 + b"\x44" + struct.pack("<d", i + 0.5) + b"\xa0" + set0
                         for i in range(n(50000)))  # fmt: skip
    one = [(1, i32)]
    return {
        "locals-10000": (const0 + many_reads, [(locals_, i32)]),
        "locals-10000-written": (many_writes + const0, [(locals_, i32)]),
        "blocks-50000": (block * n(50000) + (get0 + br_if0 + end) * n(50000) + const0, one),
        "loops-20000": (loop * n(20000) + increment + end * n(20000) + const0, one),
        "ifs-60000": (choice * n(60000) + get0, one),
        "br_table-60000": (arms + const0, []),
        "body-5MB": (arithmetic * n(350000) + get0, [(2, i32)]),
        "constants-50000": (constants + const0, [(1, f64)]),
        "stack-50000": (const0 * n(50000) + add * (n(50000) - 1), []),
        # with thousands of values waiting on the operand stack:
        "stack-branches": (get0 * n(5000) + block + (get0 + br_if0) * n(50000) + end
                           + add * (n(5000) - 1), one),
        "stack-calls": ((get0 + load) * n(2000) + (call0 + drop) * n(20000)
                        + add * (n(2000) - 1), one),
        "stack-sets": ((get0 + increment) * n(20000) + add * (n(20000) - 1), one),
        "stack-stores": ((get0 + load + get0 + get0 + store) * n(20000)
                         + add * (n(20000) - 1), one),
        "stack-blocks": ((get0 + block + end) * n(20000) + add * (n(20000) - 1), one),
        "stack-ifs": ((get0 + choice) * n(20000) + add * (n(20000) - 1), one),
    }  # fmt: skip


def name(text):
    return vector([bytes([byte]) for byte in text.encode()])


def extreme_shapes(scale=1):
    """Valid modules that tempt a compiler into quadratic time. Names say the shape, at scale 1."""
    out = {shape: module([body(code, groups)])
           for shape, (code, groups) in extreme_bodies(scale).items()}  # fmt: skip
    count = max(1, round(100000 * scale))
    constant = body(b"\x41\x07")
    out["functions-100000"] = module([constant] * count)
    out["exports-100000"] = module(
        [constant], exports=[name(f"export {i}") + b"\x00\x00" for i in range(count)])
    imports = [name("m") + name(f"import {i}") + b"\x00\x00" for i in range(count)]
    calls = b"".join(b"\x10" + leb(i) + b"\x1a" for i in range(count)) + b"\x41\x00"
    out["imports-100000"] = module([body(calls)], imports=imports)
    return out


SIZES = {"0.1MB": 100_000, "1MB": 1_000_000, "10MB": 10_000_000, "60MB": 60_000_000}


def synthetic_modules(builder, program, folder):
    """Writes the modules made here; returns {name: path}."""
    folder.mkdir(parents=True, exist_ok=True)
    real = builder.wasm(program).read_bytes()
    made = {f"{program.name} x {name}": repeated(real, size) for name, size in SIZES.items()}
    made.update(extreme_shapes())
    paths = {}
    for name, data in made.items():
        paths[name] = folder / f"{name.replace(' ', '_')}.wasm"
        paths[name].write_bytes(data)
    return paths


def total_ms(figures):
    """Alkahest's total, or another engine's only figure."""
    return figures.get("total_ms", figures.get("compile_ms", figures.get("validate_ms")))


def measure_module(engines, path, runs, timeout_s):
    """Interleaved, as programs are. `validate` is V8's validation alone."""
    data = pathlib.Path(path).read_bytes()
    entry = {"bytes": len(data), "code_bytes": code_bytes(data), "ms": {}, "failed": {}}
    work = [(e.name, e, e.compile_command(path)) for e in engines if e.compile_command]
    validators = [e for e in engines if e.validate_command]
    if validators:
        work.append(("validate", validators[0], validators[0].validate_command(path)))
    for turn in range(runs):
        shift = turn % len(work)
        for name, engine, command in work[shift:] + work[:shift]:
            if name in entry["failed"]:
                continue
            figures, reason = time_command(engine, command, timeout_s)
            if reason or total_ms(figures) is None:
                entry["failed"][name] = reason or f"no time in {figures}"
                continue
            entry["ms"].setdefault(name, []).append(total_ms(figures))
            if "native_code_bytes" in figures:
                entry["native_code_bytes"] = figures["native_code_bytes"]
                entry["stats"] = figures
    return entry
