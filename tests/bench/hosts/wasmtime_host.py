"""Drives wasmtime's Python package: wasmtime_host.py cranelift|winch run|compile FILE.wasm

run: executes a benchmark program under wasmtime's own WASI, whose functions are native code.
compile: prints the time from bytes to executable code on one thread, as JSON.
The package is found through PYTHONPATH; the engine is in it.
"""
import json
import sys
import time

import wasmtime
from wasmtime import _ffi

STRATEGIES = {"cranelift": 1, "winch": 2}  # wasmtime_strategy_enum; the package names only the first


def make_engine(strategy):
    config = wasmtime.Config()
    _ffi.wasmtime_config_strategy_set(config.ptr(), STRATEGIES[strategy])
    config.parallel_compilation = False
    return wasmtime.Engine(config)


def run(engine, data):
    module = wasmtime.Module(engine, data)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    wasi.inherit_stdout()
    store.set_wasi(wasi)
    linker.instantiate(store, module).exports(store)["_start"](store)


def compile_once(engine, data):
    start = time.perf_counter()
    wasmtime.Module(engine, data)
    print(json.dumps({"compile_ms": (time.perf_counter() - start) * 1000}))


def main():
    strategy, task, path = sys.argv[1:]
    with open(path, "rb") as file:
        data = file.read()
    engine = make_engine(strategy)
    try:
        (run if task == "run" else compile_once)(engine, data)
    except wasmtime.ExitTrap as trap:
        sys.exit(trap.code)


main()
