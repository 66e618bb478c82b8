#!/usr/bin/env python3
"""Lua, a real interpreter: runs tour.lua natively and as WebAssembly.

wasi-libc has no setjmp, so both builds treat an error as the end (the script makes none but the last); hashes are seeded with
a constant, so that both visit tables in the same order.
"""
from pathlib import Path

from real_program import Program, main

HERE = Path(__file__).resolve().parent
LIBRARY = """lapi lauxlib lbaselib lcode lctype ldebug ldo ldump lfunc lgc llex lmathlib lmem lobject lopcodes lparser lstate
lstring lstrlib ltable ltablib ltm lundump lutf8lib lvm lzio""".split()
FLAGS = ["-Dluai_makeseed(L)=42", "-Dl_randomizePivot()=0", "-DLUAI_THROW(L,c)=(G(L)->panic(L), abort())",
         "-DLUAI_TRY(L,c,a)=a;", "-Dluai_jmpbuf=int"]
WASM_FLAGS = ["-D_WASI_EMULATED_SIGNAL", "-lwasi-emulated-signal"]


def without_setjmp(work):
    """A folder with a setjmp.h for libraries that have none: Lua includes it whether it jumps or not."""
    folder = work / "include"
    folder.mkdir(exist_ok=True)
    (folder / "setjmp.h").write_text("", encoding="ascii")
    return folder


def test(args, source):
    sources = [source / "src" / f"{name}.c" for name in LIBRARY] + [HERE / "programs" / "lua_filter.c"]
    include = without_setjmp(args.work)
    lua = Program(args, "lua", sources, [*FLAGS, f"-I{include}", f"-I{source / 'src'}", "-lm"], WASM_FLAGS)
    lua.compare("tour", (HERE / "programs" / "tour.lua").read_bytes())
    lua.compare("syntax error", b"x = = 1")
    lua.compare("run-time error", b"local t = nil\nprint('before')\nprint(t.x)")
    return lua.failures


if __name__ == "__main__":
    main("lua5.4", test)
