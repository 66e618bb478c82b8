"""Drives the wasmer Python package with its single-pass compiler: wasmer_host.py run|compile FILE.wasm

run: executes a benchmark program under wasmer's own WASI. compile: prints the time from bytes to
executable code, as JSON. The packages are found through PYTHONPATH.
"""
import json
import sys
import time

from wasmer import Instance, Module, Store, engine, wasi
from wasmer_compiler_singlepass import Compiler


def main():
    task, path = sys.argv[1:]
    with open(path, "rb") as file:
        data = file.read()
    store = Store(engine.Universal(Compiler))
    start = time.perf_counter()
    module = Module(store, data)
    if task == "compile":
        print(json.dumps({"compile_ms": (time.perf_counter() - start) * 1000}))
        return
    environment = wasi.StateBuilder("program").finalize()
    version = wasi.get_version(module, strict=False)
    instance = Instance(module, environment.generate_import_object(store, version))
    instance.exports._start()


main()
