#!/usr/bin/env python3
"""Compiles a system manifest and the modules it names into one bundle (bundle.h has the layout)."""
import argparse
import struct
import sys
import zlib
from pathlib import Path

from manifest import ManifestErrors, Vocabulary, read_manifest
from supervision import RESTARTS, ROOT, STRATEGIES

MAGIC = b"\x89AZB\r\n\x1a\n"
VERSION = 4
HEADER = struct.Struct("<8s12I")
MODULE = struct.Struct("<IIIIIIQ24IQ6I")
CALL = struct.Struct("<IIII")
START = struct.Struct("<III")
THREAD = struct.Struct("<III")
SUPERVISOR = struct.Struct("<10I")
OBJECT = struct.Struct("<8I")
GRANT = struct.Struct("<III")
CHECKED_FROM = 20
BUNDLE_BYTES_MAX = 2**32 - 1
FLAG_STOP_AFTER_TRAP, FLAG_LOAD_LATER = 1, 2
SCHEDULER_NUMBERS = {"": 0, "round_robin": 1, "fair": 2}


def align8(size):
    return (size + 7) & ~7


def loader_fields(loader, service_bits):
    bits = sum(1 << service_bits[capability] for capability in loader.pass_on)
    return bits, loader.modules, loader.memory_pages, loader.code_bytes, loader.handles, loader.threads, int(loader.pass_calls)


class Writer:
    """Lays out records first, then texts, then images; offsets are known before anything is written."""

    def __init__(self, system):
        calls = sum(len(module.calls) for module in system.modules)
        starts = sum(len(module.starts) for module in system.modules)
        self.system = system
        self.modules_off = HEADER.size
        self.calls_off = self.modules_off + MODULE.size * len(system.modules)
        self.starts_off = self.calls_off + CALL.size * calls
        self.threads_off = self.starts_off + START.size * starts
        self.objects_off = self.threads_off + THREAD.size * sum(len(module.threads) for module in system.modules)
        self.grants_off = self.objects_off + OBJECT.size * len(system.objects)
        self.supervisors_off = self.grants_off + GRANT.size * sum(len(module.grants) for module in system.modules)
        self.texts_off = self.supervisors_off + SUPERVISOR.size * len(system.supervisors)
        self.texts = bytearray()
        self.text_offs = {}

    def text(self, text):
        """{offset, bytes} of a text, which is stored once."""
        data = text.encode()
        if data not in self.text_offs:
            self.text_offs[data] = self.texts_off + len(self.texts)
            self.texts += data
        return self.text_offs[data], len(data)

    def objects(self, indices):
        return b"".join(OBJECT.pack(thing.kind, *self.text(thing.name), thing.size, thing.places, thing.subscribers, thing.allowed,
                                    indices[thing.owner] + 1 if thing.owner else 0) for thing in self.system.objects)

    def supervisors(self):
        """The indices by name, and the records: the root is the first, and its own parent."""
        indices = {supervisor.name: index for index, supervisor in enumerate(self.system.supervisors)}
        records = bytearray()
        for supervisor in self.system.supervisors:
            parent = 0 if supervisor.name == ROOT else indices[supervisor.parent]
            records += SUPERVISOR.pack(*self.text(supervisor.name), parent, supervisor.before_module,
                                       STRATEGIES.index(supervisor.strategy), RESTARTS.index(supervisor.restart),
                                       supervisor.intensity, supervisor.period_ms, supervisor.backoff_ms, supervisor.backoff_max_ms)
        return indices, records

    def records(self, service_bits):
        """Module records without their images' offsets; call, start, thread, object, grant and supervisor records."""
        modules, calls, starts, threads, grants = [], bytearray(), bytearray(), bytearray(), bytearray()
        indices = {module.name: index for index, module in enumerate(self.system.modules)}
        supervisors, supervisor_records = self.supervisors()
        for module in self.system.modules:
            bits = sum(1 << service_bits[capability] for capability in module.capabilities)
            modules.append((*self.text(module.name), *self.text(module.file), bits, module.memory_pages,
                            len(module.calls), self.calls_off + len(calls),
                            len(module.starts), self.starts_off + len(starts),
                            (FLAG_STOP_AFTER_TRAP if module.after_trap == "stop" else 0) | (FLAG_LOAD_LATER if module.load == "later" else 0),
                            indices[module.version_of] + 1 if module.version_of else 0, 0,
                            *module.cpu, len(module.threads), self.threads_off + len(threads),
                            module.limits["handles"], len(module.grants), self.grants_off + len(grants), module.clock_resolution_ns,
                            module.limits["gate_depth"], module.limits["queue_places"], module.limits["log_rate"],
                            supervisors[module.supervisor] + 1 if module.supervisor else 0,
                            RESTARTS.index(module.restart) if module.supervisor else 0, module.heartbeat_ms, module.shutdown_ms, 0,
                            *loader_fields(module.loader, service_bits)))
            for (peer, function), on_trap in module.calls.items():
                calls += CALL.pack(indices[peer], *self.text(function), on_trap)
            for start in module.starts:
                starts += START.pack(*self.text(start.function), start.expect)
            for thread in module.threads:
                threads += THREAD.pack(*self.text(thread.function), thread.priority)
            for grant in module.grants:
                grants += GRANT.pack(*grant)
        return modules, bytes(calls + starts + threads + self.objects(indices) + grants + supervisor_records)

    def write(self, service_bits):
        name = self.text(self.system.name)
        modules, records = self.records(service_bits)
        images = bytearray()
        images_off = align8(self.texts_off + len(self.texts))
        module_records = b""
        for module, fields in zip(self.system.modules, modules):
            image = module.path.read_bytes()
            name_and_file, rest = fields[:4], fields[4:]
            module_records += MODULE.pack(*name_and_file, images_off + len(images), len(image), *rest)
            images += image + bytes(align8(len(image)) - len(image))
        body = module_records + records + self.texts
        total = images_off + len(images)
        if total > BUNDLE_BYTES_MAX:
            raise ManifestErrors(f"the bundle would have {total} bytes, more than {BUNDLE_BYTES_MAX}")
        checked = struct.pack("<9I", len(modules), self.modules_off, *name, len(self.system.objects), self.objects_off,
                              len(self.system.supervisors), self.supervisors_off,
                              SCHEDULER_NUMBERS[self.system.scheduler]) + body
        checked += bytes(images_off - CHECKED_FROM - len(checked)) + images
        return struct.pack("<8sIII", MAGIC, VERSION, total, zlib.crc32(checked)) + checked


def write_depfile(depfile, output, manifest, system):
    """What the bundle was made from, for the build tool."""
    inputs = [str(manifest)] + [str(module.path) for module in system.modules]
    escaped = [name.replace(" ", "\\ ") for name in inputs]
    Path(depfile).write_text(f"{output}: {' '.join(escaped)}\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--search", action="append", default=[], metavar="FOLDER", help="look for module files here too")
    parser.add_argument("--depfile", metavar="FILE")
    args = parser.parse_args()

    words = Vocabulary(Path(__file__).resolve().parent.parent)
    try:
        system = read_manifest(args.manifest, args.search, words)
        bundle = Writer(system).write({name: bit for bit, name in enumerate(words.services)})
        Path(args.output).write_bytes(bundle)
    except (ManifestErrors, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if args.depfile:
        write_depfile(args.depfile, args.output, args.manifest, system)
    return 0


if __name__ == "__main__":
    sys.exit(main())
