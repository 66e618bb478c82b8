#!/usr/bin/env python3
"""Packs files of the official suite (JSON and modules) into the form that the kernel's runner reads.

All numbers are little-endian.

    pack     "AZSUITE1" · file count u32 · files
    file     name text · command count u32 · bytes of commands u32 · commands
    command  kind u8 · line u32 · what the kind has, in this order:
             MODULE         name text, module blob
             REGISTER       as text, instance text
             ACTION         action
             RETURN         action, count u8, for each result: choices u8, patterns
             TRAP           action, message text
             REFUSED, UNLINKABLE, UNINSTANTIABLE   message text, module blob
             SKIPPED        nothing: a module in text form
    action   is a call u8 · instance text · field text · count u8 · patterns
    text     bytes u16 (0xFFFF: there is none), bytes, a zero
    blob     bytes u32, bytes
    pattern  kind u8 · type u8 · lanes u8 · lane kinds 4 u8 · a zero · bits 2 u64
"""
import json
import struct
from pathlib import Path

MAGIC = b"AZSUITE1"
KINDS = {"module": 0, "register": 1, "action": 2, "assert_return": 3, "assert_trap": 4, "assert_exhaustion": 4,
         "assert_invalid": 5, "assert_malformed": 5, "assert_unlinkable": 6, "assert_uninstantiable": 7}
SKIPPED = 8
TYPES = ["i32", "i64", "f32", "f64", "v128", "funcref", "externref"]
LANES = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}
NANS = {"nan:canonical": 1, "nan:arithmetic": 2}
BITS, LANED, NAN_FIRST, NON_NULL, ANY_NULL = 0, 1, 1, 4, 5  # enum wast_pattern_kind; a NaN's is NAN_FIRST + its class


class PackError(Exception):
    """What the kernel's runner has no form for."""


def text(value):
    if value is None:
        return struct.pack("<H", 0xFFFF)
    data = value.encode("utf-8", "surrogatepass")
    return struct.pack("<H", len(data)) + data + b"\0"


def blob(data):
    return struct.pack("<I", len(data)) + data


def number(value, bits):
    return int(value) & ((1 << bits) - 1)


def vector(value):
    """(pattern kind, lane kinds, bits) of a v128."""
    width, is_float = LANES[value["lane_type"]], value["lane_type"][0] == "f"
    lanes, bits = [0, 0, 0, 0], 0
    for i, lane in enumerate(value["value"]):
        if is_float and lane in NANS:
            lanes[i] = NANS[lane]
        else:
            bits |= number(lane, width) << (i * width)
    return (LANED if is_float else BITS), 128 // width if is_float else 0, lanes, bits


def pattern(value):
    kind, count, lanes, bits = BITS, 0, [0, 0, 0, 0], 0
    if value["type"] == "refnull":
        return struct.pack("<BBB4BBQQ", ANY_NULL, TYPES.index("funcref"), 0, *lanes, 0, 0, 0)
    if value["type"] not in TYPES:
        raise PackError(f"values of type {value['type']}")
    if value["type"] == "v128":
        kind, count, lanes, bits = vector(value)
    elif "value" not in value:
        kind = NON_NULL
    elif value["type"].endswith("ref"):
        bits = 0 if value["value"] == "null" else int(value["value"]) + 1
    elif value["value"] in NANS:
        kind = NAN_FIRST + NANS[value["value"]]
    else:
        bits = number(value["value"], 32 if value["type"] in ("i32", "f32") else 64)
    return struct.pack("<BBB4BBQQ", kind, TYPES.index(value["type"]), count, *lanes, 0, bits & (2**64 - 1), bits >> 64)


def action(command):
    what = command["action"]
    args = what.get("args", [])
    return (struct.pack("<B", what["type"] == "invoke") + text(what.get("module")) + text(what["field"]) +
            struct.pack("<B", len(args)) + b"".join(map(pattern, args)))


def results(command):
    data = struct.pack("<B", len(command["expected"]))
    for value in command["expected"]:
        choices = value["values"] if value["type"] == "either" else [value]
        data += struct.pack("<B", len(choices)) + b"".join(map(pattern, choices))
    return data


def payload(command, folder):
    kind = command["type"]
    if kind == "module":
        return text(command.get("name")) + blob((folder / command["filename"]).read_bytes())
    if kind == "register":
        return text(command["as"]) + text(command.get("name"))
    if kind == "action":
        return action(command)
    if kind == "assert_return":
        return action(command) + results(command)
    if kind in ("assert_trap", "assert_exhaustion"):
        return action(command) + text(command.get("text"))
    return text(command.get("text")) + blob((folder / command["filename"]).read_bytes())


def pack_command(command, folder):
    if command["type"] not in KINDS:
        raise PackError(f"commands of type {command['type']}")
    head = struct.pack("<I", command["line"])
    if command["type"].startswith("assert_") and command.get("module_type") == "text":
        return bytes([SKIPPED]) + head
    return bytes([KINDS[command["type"]]]) + head + payload(command, folder)


def pack_file(name, path):
    commands = json.loads(Path(path).read_text(encoding="utf-8"))["commands"]
    data = b"".join(pack_command(command, Path(path).parent) for command in commands)
    return text(name) + struct.pack("<II", len(commands), len(data)) + data


def pack(files):
    """The pack of (name, path of the JSON file)."""
    return MAGIC + struct.pack("<I", len(files)) + b"".join(pack_file(name, path) for name, path in files)
