#!/usr/bin/env python3
"""The SDK's header declares each row of services.def with the row's types, and nothing else.

Arguments: services.def, athanor.h, and the module compiled from services.c.
"""
import re
import sys
from pathlib import Path

TYPE_LETTERS = {0x7F: "i", 0x7E: "I", 0x7D: "f", 0x7C: "F"}


class Bytes:
    def __init__(self, data):
        self.data = data
        self.pos = 0

    def byte(self):
        self.pos += 1
        return self.data[self.pos - 1]

    def u32(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, size):
        self.pos += size
        return self.data[self.pos - size:self.pos]

    def name(self):
        return self.take(self.u32()).decode()


def imports(wasm):
    """{(module, name): (params, results)} of a module's imported functions."""
    reader = Bytes(wasm[8:])
    types, found = [], {}
    while reader.pos < len(reader.data):
        section = reader.byte()
        body = Bytes(reader.take(reader.u32()))
        if section == 1:
            for _ in range(body.u32()):
                assert body.byte() == 0x60
                types.append(tuple("".join(TYPE_LETTERS[byte] for byte in body.take(body.u32())) for _ in range(2)))
        if section == 2:
            for _ in range(body.u32()):
                key = (body.name(), body.name())
                assert body.byte() == 0, f"{key}: not a function"
                found[key] = types[body.u32()]
    return found


def main():
    services_def, header, module = map(Path, sys.argv[1:])
    rows = re.findall(r'^SERVICE\((\w+),\s*"(\w*)",\s*"(\w*)",', services_def.read_text(encoding="utf-8"), re.MULTILINE)
    expected = {("athanor", name): (params, results) for name, params, results in rows}
    found = imports(module.read_bytes())
    declared = set(re.findall(r'ATHANOR_IMPORT\("athanor", "(\w+)"\)', header.read_text(encoding="utf-8")))
    problems = [f"{name}: services.def says {expected.get(name)}, the header compiles to {found.get(name)}"
                for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
    problems += [f"athanor_{name}: declared in the header, but not in services.def"
                 for name in sorted(declared - {name for name, _, _ in rows})]
    print("\n".join(problems) or f"{len(rows)} services agree")
    return 1 if problems or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
