"""Reads a system manifest (TOML) and checks all of it; every mistake is reported with file, line and key.

    [system]
    name = "default"

    [[module]]
    name = "caller"                      # [a-z][a-z0-9_-]*, at most 32 bytes, unique
    file = "caller.wasm"                 # beside the manifest, or in a folder given with --search
    capabilities = ["log", "clock_ns"]   # kernel functions it may import (services.def)
    calls = { echo = ["echo"] }          # functions of modules listed before it that it may import
    limits = { memory_pages = 16,        # 64 KiB each
               cpu_us = 2000, period_us = 10000 }  # what its threads may use of the processor, together, per period
    after_trap = "restart"               # or "stop": whether it is reset and serves again after a trap (the default)
    version_of = "counter"               # it is not loaded, but may replace that module, which is listed before it (`swap`)
    start = ["main", { function = "crash", trap = "ALKA_602" }]
                                         # exports to call at boot, and what they must do if not return: trap (true: any)
    threads = ["serve", { function = "poll", priority = 20 }]
                                         # exports that run in the background, from boot on, each on a thread (0 to 31; 16)
"""
import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from toml_lines import key_lines

MODULES_MAX = 1024
CALLS_MAX = 256
STARTS_MAX = 64
THREADS_MAX = 16
PRIORITIES = 32
PRIORITY_NORMAL = 16
PERIOD_US_MAX = 1000000
NAME_BYTES_MAX = 32
TEXT_BYTES_MAX = 255
MEMORY_PAGES_MAX = 65536
MODULE_BYTES_MAX = 2**27 - 1
NAME = re.compile(r"[a-z][a-z0-9_-]*")
TRAP_CODE = re.compile(r"ALKA_(6\d\d)")
AFTER_TRAP = ("restart", "stop")
EXPECT_RETURN = 0
EXPECT_ANY_TRAP = 1
SERVICE = re.compile(r"^SERVICE\((\w+),", re.MULTILINE)

TYPE_WORDS = {str: "a string", int: "an integer", bool: "true or false", list: "an array", dict: "a table"}


@dataclass
class Start:
    function: str
    expect: int = EXPECT_RETURN


@dataclass
class Thread:
    function: str
    priority: int = PRIORITY_NORMAL


@dataclass
class Module:
    name: str
    file: str = ""
    path: Path | None = None
    capabilities: list = field(default_factory=list)
    calls: list = field(default_factory=list)  # (peer name, function)
    starts: list = field(default_factory=list)
    memory_pages: int = MEMORY_PAGES_MAX
    after_trap: str = AFTER_TRAP[0]
    version_of: str = ""
    cpu: tuple = (0, 0)  # microseconds, of so many; 0: no limit
    threads: list = field(default_factory=list)


@dataclass
class System:
    name: str
    modules: list


class ManifestErrors(Exception):
    """All that is wrong with a manifest: one `file:line: key: message` per line."""


def service_names(services_def):
    """The capability names, in the order of their bits."""
    return SERVICE.findall(Path(services_def).read_text(encoding="utf-8"))


def key_text(path):
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(word, words):
    close = difflib.get_close_matches(word, list(words), 1)
    return f'; did you mean "{close[0]}"?' if close else ""


class Reader:
    def __init__(self, file, search, services):
        self.file = Path(file)
        self.search = [self.file.parent, *map(Path, search)]
        self.services = services
        self.lines = {}
        self.errors = []

    # Reporting

    def error(self, path, message):
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        key = f"{key_text(path)}: " if path else ""
        self.errors.append((line, f"{self.file}:{line}: {key}{message}"))

    def fail_if_errors(self):
        if self.errors:
            raise ManifestErrors("\n".join(text for _, text in sorted(self.errors, key=lambda error: error[0])))

    # Typed access

    def typed(self, value, kind, path):
        """The value if it has the type, else None and an error."""
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        found = next((word for type_, word in TYPE_WORDS.items() if type(value) is type_), type(value).__name__)
        self.error(path, f"expected {TYPE_WORDS[kind]}, found {found}")
        return None

    def known_keys(self, table, keys, path):
        for key in table:
            if key not in keys:
                self.error(path + (key,), f"unknown key{did_you_mean(key, keys)}")

    def get(self, table, key, kind, path, default=None, required=False):
        if key not in table:
            if required:
                self.error(path + (key,), "is missing")
            return default
        value = self.typed(table[key], kind, path + (key,))
        return default if value is None else value

    def items(self, values, kind, path):
        """(index path, item) of the items that have the type."""
        for index, value in enumerate(values):
            item_path = path + (index,)
            if self.typed(value, kind, item_path) is not None:
                yield item_path, value

    # Values

    def name(self, table, path):
        name = self.get(table, "name", str, path, required=True)
        if name is None:
            return ""
        if not NAME.fullmatch(name) or len(name) > NAME_BYTES_MAX:
            self.error(path + ("name",), f'"{name}" is not a name: a–z first, then a–z 0–9 _ -, at most {NAME_BYTES_MAX}')
            return ""
        return name

    def function(self, name, path):
        if not 0 < len(name.encode()) <= TEXT_BYTES_MAX or not name.isprintable():
            self.error(path, f"a function's name has 1 to {TEXT_BYTES_MAX} bytes and no control characters")
        return name

    def module_file(self, module, table, path):
        module.file = self.get(table, "file", str, path, default="", required=True)
        if not module.file:
            if "file" in table and isinstance(table["file"], str):
                self.error(path + ("file",), "is empty")
            return
        path += ("file",)
        if len(module.file.encode()) > TEXT_BYTES_MAX or not module.file.isprintable():
            self.error(path, f"a file's name has at most {TEXT_BYTES_MAX} bytes and no control characters")
            return
        module.path = next((folder / module.file for folder in self.search if (folder / module.file).is_file()), None)
        if module.path is None:
            folders = ", ".join(str(folder) for folder in self.search)
            self.error(path, f'no file "{module.file}" in {folders}')
        elif module.path.stat().st_size > MODULE_BYTES_MAX:
            self.error(path, f"{module.path.stat().st_size} bytes are more than the {MODULE_BYTES_MAX} a module may have")

    def capabilities(self, module, table, path):
        path += ("capabilities",)
        for item_path, capability in self.items(self.get(table, "capabilities", list, path[:-1], default=[]), str, path):
            if capability not in self.services:
                self.error(item_path, f'unknown capability "{capability}"{did_you_mean(capability, self.services)}')
            elif capability in module.capabilities:
                self.error(item_path, f'capability "{capability}" is listed twice')
            else:
                module.capabilities.append(capability)

    def calls(self, module, table, path, earlier, all_names):
        path += ("calls",)
        for peer, functions in self.get(table, "calls", dict, path[:-1], default={}).items():
            peer_path = path + (peer,)
            if peer not in all_names:
                self.error(peer_path, f'no module "{peer}" in this system{did_you_mean(peer, all_names)}')
            elif earlier.get(peer, module).version_of:
                self.error(peer_path, f'"{peer}" is a version of "{earlier[peer].version_of}": call that')
            elif peer not in earlier:
                self.error(peer_path, f'module "{peer}" must come before "{module.name}", which calls it')
            if self.typed(functions, list, peer_path) is None:
                continue
            for item_path, function in self.items(functions, str, peer_path):
                call = (peer, self.function(function, item_path))
                if call in module.calls:
                    self.error(item_path, f'function "{function}" is listed twice')
                module.calls.append(call)
        if len(module.calls) > CALLS_MAX:
            self.error(path, f"{len(module.calls)} functions are more than the {CALLS_MAX} a module may call")

    def limits(self, module, table, path):
        limits = self.get(table, "limits", dict, path, default={})
        path += ("limits",)
        self.known_keys(limits, ["memory_pages", "cpu_us", "period_us"], path)
        module.memory_pages = self.get(limits, "memory_pages", int, path, default=MEMORY_PAGES_MAX)
        if not 0 <= module.memory_pages <= MEMORY_PAGES_MAX:
            self.error(path + ("memory_pages",), f"{module.memory_pages} is not between 0 and {MEMORY_PAGES_MAX}")

        self.cpu(module, limits, path)

    def cpu(self, module, limits, path):
        budget, period = (self.get(limits, key, int, path) for key in ("cpu_us", "period_us"))
        for key, value, other in (("cpu_us", budget, "period_us"), ("period_us", period, "cpu_us")):
            if value is not None and other not in limits:
                self.error(path + (key,), f'means nothing without "{other}"')
        if budget is None or period is None:
            return
        if not 0 < period <= PERIOD_US_MAX:
            self.error(path + ("period_us",), f"{period} is not between 1 and {PERIOD_US_MAX}")
        elif not 0 < budget <= period:
            self.error(path + ("cpu_us",), f"{budget} is not between 1 and the period's {period}")
        module.cpu = (budget, period)

    def threads(self, module, table, path):
        path += ("threads",)
        values = self.get(table, "threads", list, path[:-1], default=[])
        for index, value in enumerate(values):
            item_path = path + (index,)
            if isinstance(value, str):
                module.threads.append(Thread(self.function(value, item_path)))
            elif isinstance(value, dict):
                self.known_keys(value, ["function", "priority"], item_path)
                function = self.get(value, "function", str, item_path, default="?", required=True)
                self.function(function, item_path + ("function",))
                priority = self.get(value, "priority", int, item_path, default=PRIORITY_NORMAL)
                if not 0 <= priority < PRIORITIES:
                    self.error(item_path + ("priority",), f"{priority} is not between 0 and {PRIORITIES - 1}")
                module.threads.append(Thread(function, priority))
            else:
                self.error(item_path, "expected a function's name or a table { function, priority }")
        names = [thread.function for thread in module.threads]
        if len(set(names)) != len(names):
            self.error(path, "a function is listed twice")
        if len(values) > THREADS_MAX:
            self.error(path, f"{len(values)} threads are more than the {THREADS_MAX} a module may have")

    def after_trap(self, module, table, path):
        module.after_trap = self.get(table, "after_trap", str, path, default=AFTER_TRAP[0])
        if module.after_trap not in AFTER_TRAP:
            self.error(path + ("after_trap",),
                       f'"{module.after_trap}" is neither "restart" nor "stop"{did_you_mean(module.after_trap, AFTER_TRAP)}')

    def version_of(self, module, table, path, earlier, all_names):
        other = self.get(table, "version_of", str, path, default="")
        path += ("version_of",)
        if not isinstance(table.get("version_of"), str):
            return
        if other not in all_names:
            self.error(path, f'no module "{other}" in this system{did_you_mean(other, all_names)}')
        elif other not in earlier:
            self.error(path, f'module "{other}" must come before "{module.name}", which is a version of it')
        elif earlier[other].version_of:
            self.error(path, f'"{other}" is itself a version of "{earlier[other].version_of}"')
        else:
            module.version_of = other

    def expectation(self, table, path):
        path += ("trap",)
        trap = table.get("trap", False)
        if isinstance(trap, bool):
            return EXPECT_ANY_TRAP if trap else EXPECT_RETURN
        match = TRAP_CODE.fullmatch(trap) if isinstance(trap, str) else None
        if not match:
            self.error(path, "expected true, false or a trap's code, such as \"ALKA_602\"")
            return EXPECT_RETURN
        return int(match.group(1))

    def starts(self, module, table, path):
        path += ("start",)
        values = self.get(table, "start", list, path[:-1], default=[])
        for index, value in enumerate(values):
            item_path = path + (index,)
            if isinstance(value, str):
                module.starts.append(Start(self.function(value, item_path)))
            elif isinstance(value, dict):
                self.known_keys(value, ["function", "trap"], item_path)
                function = self.get(value, "function", str, item_path, default="?", required=True)
                self.function(function, item_path + ("function",))
                module.starts.append(Start(function, self.expectation(value, item_path)))
            else:
                self.error(item_path, "expected a function's name or a table { function, trap }")
        if len(values) > STARTS_MAX:
            self.error(path, f"{len(values)} functions are more than the {STARTS_MAX} a module may start with")

    # The whole

    def module(self, table, path, earlier, all_names):
        self.known_keys(table, ["name", "file", "capabilities", "calls", "limits", "after_trap", "version_of", "start", "threads"], path)
        module = Module(self.name(table, path))
        if module.name in earlier:
            self.error(path + ("name",), f'another module is called "{module.name}"')
        self.module_file(module, table, path)
        self.capabilities(module, table, path)
        self.calls(module, table, path, earlier, all_names)
        self.limits(module, table, path)
        self.after_trap(module, table, path)
        self.version_of(module, table, path, earlier, all_names)
        self.starts(module, table, path)
        self.threads(module, table, path)
        return module

    def modules(self, values):
        all_names = {value.get("name") for value in values if isinstance(value, dict)}
        all_names = {name for name in all_names if isinstance(name, str)}
        modules = []
        for path, table in self.items(values, dict, ("module",)):
            modules.append(self.module(table, path, {module.name: module for module in modules}, all_names))
        if not values:
            self.error(("module",), "a system has at least one [[module]]")
        if len(values) > MODULES_MAX:
            self.error(("module",), f"{len(values)} modules are more than {MODULES_MAX}")
        return modules

    def load(self):
        try:
            text = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestErrors(f"{self.file}: cannot be read: {error}") from None
        try:
            return text, tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = int(at.group(1)) if at else text.count("\n") + 1
            raise ManifestErrors(f"{self.file}:{line}: {re.sub(r' *[(]at .*[)]$', '', str(error))}") from None

    def read(self):
        text, manifest = self.load()
        self.lines = key_lines(text.replace("\r\n", "\n"))
        self.known_keys(manifest, ["system", "module"], ())
        system = self.get(manifest, "system", dict, (), default={}, required=True)
        name = ""
        if system or "system" in manifest:
            self.known_keys(system, ["name"], ("system",))
            name = self.name(system, ("system",))
        modules = self.modules(self.get(manifest, "module", list, (), default=[]))
        self.fail_if_errors()
        return System(name, modules)


def read_manifest(file, search, services):
    """The checked system of a manifest file. Raises ManifestErrors."""
    return Reader(file, search, services).read()
