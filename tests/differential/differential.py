#!/usr/bin/env python3
"""Compares alkahest with another engine on random modules.

Binaryen makes valid modules out of random bytes, node's V8 runs them and writes down results, traps, globals and a hash
of memory as a test script; `alkahest wast` must agree, in every configuration. `--features references` and `vectors` take
modules of our own (references.py, vectors.py) instead. Everything follows from --seed: a failing module is made again with the seed and
--count 1 --first N.

    tests/differential/differential.py --alkahest build/bin/alkahest --seed 1 --count 2000
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import types

import references
import vectors

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
FEATURES = {
    "wasm1": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue"],
    "bulk": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "bulk-memory", "reference-types"],
    "wasm2": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "bulk-memory", "simd"],
}
CONFIGURATIONS = [
    ["--memory=guard", "--cpu=x86-64-v3"],
    ["--memory=checked", "--cpu=x86-64-v1"],
    ["--memory=guard", "--cpu=x86-64-v2", "--regs=1"],
]
# Vectors need the second level.
CONFIGURATIONS_SIMD = [
    ["--memory=guard", "--cpu=x86-64-v3"],
    ["--memory=checked", "--cpu=x86-64-v2"],
    ["--memory=guard", "--cpu=x86-64-v2", "--regs=1"],
    ["--memory=checked", "--cpu=x86-64-v3", "--regs=1"],
]
WRITERS = {"references": references, "vectors": vectors}
MODULES_PER_SCRIPT = 25


def take_u32(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def leb_u32(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def sections(module: bytes) -> list[tuple[int, bytes]]:
    at, found = 8, []
    while at < len(module):
        section_id = module[at]
        size, at = take_u32(module, at + 1)
        found.append((section_id, module[at : at + size]))
        at += size
    return found


def export_globals(module: bytes) -> tuple[bytes, dict[str, str]]:
    """The module with all its own globals exported, and their types by name."""
    kinds = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}
    consts = {0x41: "leb", 0x42: "leb", 0x43: 4, 0x44: 8}
    names, extra, count = {}, bytearray(), 0
    for section_id, data in sections(module):
        if section_id != 6:
            continue
        total, at = take_u32(data, 0)
        for index in range(total):
            kind, opcode = data[at], data[at + 2]
            if kind not in kinds or opcode not in consts:
                break
            at += 3
            if consts[opcode] == "leb":
                while data[at] & 128:
                    at += 1
                at += 1
            else:
                at += consts[opcode]
            at += 1  # end
            name = f"g{index}"
            names[name] = kinds[kind]
            extra += leb_u32(len(name)) + name.encode() + b"\x03" + leb_u32(index)
            count += 1
    out = bytearray(module[:8])
    for section_id, data in sections(module):
        if section_id == 7:
            total, at = take_u32(data, 0)
            data = leb_u32(total + count) + data[at:] + extra
        out += bytes([section_id]) + leb_u32(len(data)) + data
    return bytes(out), names


def make_written_module(folder: pathlib.Path, seed: int, number: int, writer: types.ModuleType) -> pathlib.Path:
    target = folder / f"{number}.wasm"
    source = folder / f"{number}.wat"
    source.write_text(writer.text(random.Random(f"{seed}/{number}")))
    subprocess.run(["wat2wasm", source, "-o", target], check=True, timeout=120)
    pathlib.Path(f"{target}.globals.json").write_text("{}")
    return target


def make_module(folder: pathlib.Path, seed: int, number: int, features: list[str]) -> pathlib.Path:
    rng = random.Random(f"{seed}/{number}")
    source = folder / f"{number}.random"
    source.write_bytes(rng.randbytes(rng.choice([200, 800, 2000, 6000])))
    target = folder / f"{number}.wasm"
    flags = [f"--enable-{name}" for name in features]
    subprocess.run(
        ["wasm-opt", "-ttf", source, "--denan", "--mvp-features", *flags, "-o", target, *rng.choice([[], ["-O1"], ["-O3"]])],
        check=True,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    module, names = export_globals(target.read_bytes())
    target.write_bytes(module)
    pathlib.Path(f"{target}.globals.json").write_text(json.dumps(names))
    return target


def configurations(options: argparse.Namespace) -> list[list[str]]:
    needs_simd = options.features == "vectors" or "simd" in FEATURES.get(options.features, [])
    return CONFIGURATIONS_SIMD if needs_simd else CONFIGURATIONS


def compare(options: argparse.Namespace, folder: pathlib.Path, numbers: range) -> tuple[int, int]:
    """Assertions passed and scripts failed, for one batch of modules."""
    if options.features in WRITERS:
        modules = [make_written_module(folder, options.seed, number, WRITERS[options.features]) for number in numbers]
    else:
        modules = [make_module(folder, options.seed, number, FEATURES[options.features]) for number in numbers]
    script = folder / f"{numbers.start}.json"
    subprocess.run(
        [options.node, HERE / "oracle.mjs", folder / "support.wasm", str(options.seed), script, *modules],
        check=True,
        timeout=600,
    )
    passed = failed = 0
    for configuration in configurations(options):
        run = subprocess.run(
            [options.alkahest, "wast", script, f"--features={options.wast_features}", "--verbose", *configuration],
            capture_output=True,
            text=True,
            timeout=600,
        )
        last = run.stdout.strip().splitlines()[-1] if run.stdout.strip() else f"exit {run.returncode}"
        words = last.split()
        if run.returncode != 0 or words[1:2] != ["passed,"]:
            failed += 1
            print(f"modules {numbers.start}–{numbers.stop - 1}, {' '.join(configuration)}: {last}")
            print("\n".join(run.stdout.strip().splitlines()[:5] + run.stderr.strip().splitlines()[:5]))
            kept = pathlib.Path(options.keep) / f"seed{options.seed}-{numbers.start}"
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            print(f"kept in {kept}")
        else:
            passed += int(words[0])
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alkahest", required=True)
    parser.add_argument("--node", default="node")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first module")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--features", choices=[*FEATURES, *WRITERS], default="wasm1")
    parser.add_argument("--wast-features", default="wasm2")
    parser.add_argument("--keep", default="build/differential", help="where failing modules are kept")
    options = parser.parse_args()
    for tool in ("wasm-opt", "wat2wasm", options.node):
        if not shutil.which(tool):
            print(f"SKIPPED: {tool} is not installed (packages binaryen, wabt, nodejs)")
            return SKIPPED

    passed = failed = 0
    end = options.first + options.count
    for start in range(options.first, end, MODULES_PER_SCRIPT):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run(["wat2wasm", HERE / "support.wat", "-o", folder / "support.wasm"], check=True)
            batch = compare(options, folder, range(start, min(start + MODULES_PER_SCRIPT, end)))
        passed += batch[0]
        failed += batch[1]
    print(f"{options.count} modules, {len(configurations(options))} configurations, {passed} assertions agreed, {failed} scripts disagreed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
