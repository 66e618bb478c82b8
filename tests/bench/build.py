"""Builds the benchmark programs: native, native without vectorizers, wasm32, and wasm2c + gcc.

In: programs/*.c, bench.h, bench_rt.c. Out: files below the build folder, made again only when what
they are made from (sources, commands) has changed. Nothing is written into the source tree.
"""
import hashlib
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
CLASSES = ("float", "integer", "control", "mix")

# Both sides get the same meaning of C: no contraction to FMA, no errno from sqrt.
COMMON = ["-std=c11", "-O2", "-ffp-contract=off", "-fno-math-errno"]
WASM = ["--target=wasm32", "-msign-ext", "-mnontrapping-fptoint"]
WASM_VARIANTS = {"plain": [], "simd": ["-msimd128"]}
NATIVE_VARIANTS = {"native": [], "novec": ["-fno-vectorize", "-fno-slp-vectorize"]}
WASM2C_RUNTIME = pathlib.Path("/usr/share/wabt/wasm2c")


class BuildError(Exception):
    """A tool is missing or failed; the message is for the user."""


@dataclass(frozen=True)
class Program:
    name: str
    kind: str  # one of CLASSES
    source: pathlib.Path


def find_programs(patterns=()):
    """All programs, or those whose name or class is in `patterns`, in the order of their classes."""
    programs = []
    for source in sorted((HERE / "programs").glob("*.c")):
        head = re.match(r"/\* (\w+) \((\w+)\): ", source.read_text())
        if not head or head[1] != source.stem or head[2] not in CLASSES:
            raise BuildError(f"{source.name} does not begin with /* {source.stem} (class): …")
        programs.append(Program(source.stem, head[2], source))
    unknown = set(patterns) - {p.name for p in programs} - set(CLASSES)
    if unknown:
        raise BuildError(f"no such program or class: {', '.join(sorted(unknown))}")
    if patterns:
        programs = [p for p in programs if p.name in patterns or p.kind in patterns]
    return sorted(programs, key=lambda p: CLASSES.index(p.kind))


def run(command):
    if not shutil.which(command[0]):
        raise BuildError(f"{command[0]} is not installed")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildError(f"{' '.join(map(str, command))}\n{result.stderr or result.stdout}")


class Builder:
    def __init__(self, out_dir, clang="clang", gcc="gcc"):
        self.out_dir = pathlib.Path(out_dir)
        self.clang = clang
        self.gcc = gcc
        self.out_dir.mkdir(parents=True, exist_ok=True)

    def _make(self, target, inputs, *commands):
        """Runs `commands` unless `target` was made by the same commands from the same inputs."""
        digest = hashlib.sha256(repr(commands).encode())
        for path in inputs:
            digest.update(path.read_bytes())
        stamp = target.with_name(target.name + ".stamp")
        if target.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
            return target
        stamp.unlink(missing_ok=True)
        for command in commands:
            run([str(word) for word in command])
        stamp.write_text(digest.hexdigest())
        return target

    def native(self, program, variant):
        inputs = [program.source, HERE / "bench_rt.c", HERE / "bench.h"]
        target = self.out_dir / f"{program.name}.{variant}"
        flags = COMMON + NATIVE_VARIANTS[variant]
        return self._make(
            target, inputs,
            [self.clang, *flags, HERE / "bench_rt.c", program.source, "-o", target],
        )  # fmt: skip

    def wasm(self, program, variant="plain"):
        """The linker is called directly: the clang driver would run wasm-opt where it is installed,
        and the input of all engines would depend on that."""
        inputs = [program.source, HERE / "bench_rt.c", HERE / "bench.h"]
        target = self.out_dir / f"{program.name}.{variant}.wasm"
        runtime, unit = target.with_suffix(".rt.o"), target.with_suffix(".o")
        flags = COMMON + WASM + WASM_VARIANTS[variant]
        linker = shutil.which("wasm-ld") or shutil.which("wasm-ld-14") or "wasm-ld"
        return self._make(
            target, inputs,
            [self.clang, *flags, "-fno-builtin", "-c", HERE / "bench_rt.c", "-o", runtime],
            [self.clang, *flags, "-c", program.source, "-o", unit],
            [linker, "--no-entry", runtime, unit, "-o", target],
        )  # fmt: skip

    def wasm2c(self, program):
        wasm = self.wasm(program)
        host = HERE / "hosts" / "wasm2c_host.c"
        folder = self.out_dir / f"{program.name}.wasm2c"
        folder.mkdir(exist_ok=True)
        source, target = folder / "program.c", self.out_dir / f"{program.name}.wasm2c.exe"
        runtime = WASM2C_RUNTIME / "wasm-rt-impl.c"
        if not runtime.exists():
            raise BuildError("wasm2c's runtime is not installed (package wabt)")
        return self._make(
            target, [wasm, host],
            ["wasm2c", wasm, "-n", "program", "-o", source],
            [self.gcc, "-O2", "-fno-math-errno", f"-I{folder}", f"-I{WASM2C_RUNTIME}",
             host, source, runtime, "-lm", "-o", target],
        )  # fmt: skip
