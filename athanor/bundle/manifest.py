"""Reads a system manifest (TOML) and checks all of it; every mistake is reported with file, line and key.

    [system]
    name = "default"
    scheduler = "fair"                   # or "round_robin": how threads share the processor (the kernel's choice)

    [[module]]
    name = "caller"                      # [a-z][a-z0-9_-]*, at most 32 bytes, unique
    file = "caller.wasm"                 # beside the manifest, or in a folder given with --search
    capabilities = ["log", "clock_ns"]   # kernel functions it may import (services.def)
    calls = { echo = ["echo", { function = "risky", on_trap = "error" }] }
                                         # functions of modules listed before it that it may import; if one traps, so does
                                         # the caller (on_trap = "trap"); with "error" the caller goes on, and gets an
                                         # error: docs/sdk.md
    limits = { memory_pages = 16,        # 64 KiB each
               handles = 64,             # held at once
               gate_depth = 8,           # calls between modules, one inside the other, of which its own is the last; 0: no limit
               queue_places = 4096,      # messages in all the channels that it makes
               log_rate = 100,           # lines per second; 0: no limit
               cpu_us = 2000, period_us = 10000 }  # what its threads may use of the processor, together, per period
    after_trap = "restart"               # or "stop": whether it is reset and serves again after a trap (the default)
    load = "boot"                        # or "later": it is in the bundle, and `load` in the shell brings it up
    version_of = "counter"               # it is not loaded, but may replace that module, which is listed before it (`swap`)
    start = ["main", { function = "crash", trap = "ALKA_602" }]
                                         # exports to call at boot, and what they must do if not return: trap (true: any)
    handles = { requests = ["read"], log = ["write"], echo = ["write"] }
                                         # rights on objects below, default channels and topics, or other modules: read, write,
                                         # control, delegate, move
    clock_resolution_ns = 1000           # of what clock_ns says; 1000000 if it is not given
    threads = ["serve", { function = "poll", priority = 20 }]
                                         # exports that run in the background, from boot on, each on a thread (0 to 31; 16)

    loader = { modules = 4, … }          # what it may load at run time: loading.py

    [[supervisor]]                       # supervision.py has these, and what a module says about its own

    [[channel]]
    name = "requests"                    # as a module's name, and no module's
    message_max = 256                    # bytes
    places = 32                          # messages
    [[topic]]
    name = "news"
    message_max = 256
    places = 16                          # in the channel of a subscriber that does not say
    subscribers = 32                     # at most (the default)
    slow = ["skips", "drops", "leaves"]  # what a subscriber that is slower than the publishers may ask for; also "blocks"
    [[event]]
    name = "go"
    [[buffer]]
    name = "frame"
    pages = 300                          # of 4096 bytes
    owner = "camera"                     # the module whose it is at first; else who opens it first
"""
import re
from dataclasses import dataclass, field
from pathlib import Path

from loading import Loader, read_loader
from manifest_objects import OBJECT_KINDS, read_handles, read_objects
from reading import ManifestErrors, Reader, did_you_mean
from supervision import MODULE_KEYS, ROOT, parents_first, read_supervisors, supervise_module
from toml_lines import key_lines

__all__ = ["ManifestErrors", "Vocabulary", "read_manifest"]

MODULES_MAX = 1024
CALLS_MAX = 256
STARTS_MAX = 64
THREADS_MAX = 16
PRIORITIES = 32
PRIORITY_NORMAL = 16
PERIOD_US_MAX = 1000000
TEXT_BYTES_MAX = 255
MEMORY_PAGES_MAX = 65536
MODULE_BYTES_MAX = 2**27 - 1
TRAP_CODE = re.compile(r"ALKA_(6\d\d)")
AFTER_TRAP = ("restart", "stop")
LOAD = ("boot", "later")
SCHEDULERS = ("round_robin", "fair")
EXPECT_RETURN = 0
EXPECT_ANY_TRAP = 1
SERVICE = re.compile(r"^SERVICE\((\w+),", re.MULTILINE)
KIND = re.compile(r'^KIND\(\w+,\s*"(\w+)"\)', re.MULTILINE)
DEFAULT = re.compile(r'^DEFAULT\(\w+,\s*"(\w+)",(?:[^,]*,){4}\s*(\w+),', re.MULTILINE)
DEFAULT_RIGHTS = {"READ": ("read",), "WRITE": ("write",), "BOTH": ("read", "write")}
ON_TRAP = ("trap", "error")
CLOCK_NS = 1000000
CLOCK_NS_MAX = 1000000000
LIMITS = {"handles": (64, 4096), "gate_depth": (0, 4096), "queue_places": (4096, 2**20), "log_rate": (0, 1000000)}  # default, most


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
    calls: dict = field(default_factory=dict)  # (peer name, function): what a trap in it is for the caller, as in ON_TRAP
    starts: list = field(default_factory=list)
    memory_pages: int = MEMORY_PAGES_MAX
    after_trap: str = AFTER_TRAP[0]
    load: str = LOAD[0]
    version_of: str = ""
    cpu: tuple = (0, 0)  # microseconds, of so many; 0: no limit
    threads: list = field(default_factory=list)
    clock_resolution_ns: int = CLOCK_NS
    limits: dict = field(default_factory=dict)  # by name, as in LIMITS
    grants: list = field(default_factory=list)  # (target, index, rights), ascending
    supervisor: str = ""  # nobody
    restart: str = ""
    heartbeat_ms: int = 0  # none is expected
    shutdown_ms: int = 0
    loader: Loader = field(default_factory=Loader)


@dataclass
class System:
    name: str
    modules: list
    objects: list  # by name
    supervisors: list  # parents first: the root; empty if it supervises nobody
    scheduler: str  # empty: the kernel's choice


class Vocabulary:
    """The words that a manifest may use, from the kernel's own tables."""

    def __init__(self, athanor):
        self.services = SERVICE.findall(Path(athanor, "services.def").read_text(encoding="utf-8"))  # in the order of their bits
        kinds = KIND.findall(Path(athanor, "cap", "kinds.def").read_text(encoding="utf-8"))
        self.kinds = {name: number for number, name in enumerate(kinds, 1)}
        defaults = DEFAULT.findall(Path(athanor, "ipc", "defaults.def").read_text(encoding="utf-8"))
        self.defaults = {name: (number, DEFAULT_RIGHTS[rights]) for number, (name, rights) in enumerate(defaults)}


class ManifestReader(Reader):
    def __init__(self, file, search, words):
        super().__init__(file)
        self.search = [self.file.parent, *map(Path, search)]
        self.words = words
        self.tables = []  # (path, table) of each module
        self.services = words.services

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

    def call(self, value, path):
        """(function, what its trap is for the caller) of an item of `calls`."""
        if isinstance(value, str):
            return self.function(value, path), 0
        if not isinstance(value, dict):
            self.error(path, "expected a function's name or a table { function, on_trap }")
            return "?", 0
        self.known_keys(value, ["function", "on_trap"], path)
        function = self.get(value, "function", str, path, default="?", required=True)
        on_trap = self.get(value, "on_trap", str, path, default=ON_TRAP[0])
        if on_trap not in ON_TRAP:
            self.error(path + ("on_trap",), f'"{on_trap}" is neither "trap" nor "error"{did_you_mean(on_trap, ON_TRAP)}')
            on_trap = ON_TRAP[0]
        return self.function(function, path + ("function",)), ON_TRAP.index(on_trap)

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
            for index, value in enumerate(functions):
                function, on_trap = self.call(value, peer_path + (index,))
                if (peer, function) in module.calls:
                    self.error(peer_path + (index,), f'function "{function}" is listed twice')
                module.calls[peer, function] = on_trap
        if len(module.calls) > CALLS_MAX:
            self.error(path, f"{len(module.calls)} functions are more than the {CALLS_MAX} a module may call")

    def limits(self, module, table, path):
        limits = self.get(table, "limits", dict, path, default={})
        path += ("limits",)
        self.known_keys(limits, ["memory_pages", "cpu_us", "period_us", *LIMITS], path)
        module.memory_pages = self.number(limits, "memory_pages", path, MEMORY_PAGES_MAX, 0, MEMORY_PAGES_MAX)
        module.limits = {key: self.number(limits, key, path, default, 0, most) for key, (default, most) in LIMITS.items()}
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

    def choice(self, table, key, path, words):
        """One of two words; the first one if there is none."""
        word = self.get(table, key, str, path, default=words[0])
        if word not in words:
            self.error(path + (key,), f'"{word}" is neither "{words[0]}" nor "{words[1]}"{did_you_mean(word, words)}')
        return word

    def load_time(self, module, table, path, earlier):
        """Who is loaded at boot finds those that it calls; a version is loaded when it is its turn."""
        module.load = self.choice(table, "load", path, LOAD)
        if module.version_of and "load" in table:
            self.error(path + ("load",), "means nothing for a version of another module")
        late = sorted({peer for peer, _ in module.calls if peer in earlier and earlier[peer].load == "later"})
        if module.load == "boot" and late:
            self.error(path + ("calls", late[0]), f'"{late[0]}" is loaded later; so must "{module.name}" be, which calls it')

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

    def module(self, table, path, earlier, all_names, supervisors):
        self.known_keys(table, ["name", "file", "capabilities", "calls", "limits", "after_trap", "load", "version_of", "start", "threads", "handles",
                                "clock_resolution_ns", "loader", "supervisor", *MODULE_KEYS], path)
        module = Module(self.name(table, path))
        if module.name in earlier:
            self.error(path + ("name",), f'another module is called "{module.name}"')
        self.module_file(module, table, path)
        self.capabilities(module, table, path)
        self.calls(module, table, path, earlier, all_names)
        self.limits(module, table, path)
        module.after_trap = self.choice(table, "after_trap", path, AFTER_TRAP)
        self.version_of(module, table, path, earlier, all_names)
        self.load_time(module, table, path, earlier)
        self.starts(module, table, path)
        self.threads(module, table, path)
        module.loader = read_loader(self, module, table, path)
        supervise_module(self, module, table, path, supervisors)
        module.clock_resolution_ns = self.number(table, "clock_resolution_ns", path, CLOCK_NS, 1, CLOCK_NS_MAX)
        return module

    def names(self, values):
        return {value["name"] for value in values if isinstance(value, dict) and isinstance(value.get("name"), str)}

    def modules(self, values, supervisors):
        all_names = self.names(values)
        modules = []
        self.tables = list(self.items(values, dict, ("module",)))
        for path, table in self.tables:
            modules.append(self.module(table, path, {module.name: module for module in modules}, all_names, supervisors))
        if not values:
            self.error(("module",), "a system has at least one [[module]]")
        count = len(values) + sum(module.loader.modules for module in modules)
        if count > MODULES_MAX:
            self.error(("module",), f"{count} modules, with those that can be loaded, are more than {MODULES_MAX}")
        return modules

    def scheduler(self, table, path):
        scheduler = self.get(table, "scheduler", str, path, default="")
        if isinstance(table.get("scheduler"), str) and scheduler not in SCHEDULERS:
            self.error(path + ("scheduler",),
                       f'"{scheduler}" is neither "round_robin" nor "fair"{did_you_mean(scheduler, SCHEDULERS)}')
        return scheduler

    def read(self):
        text, manifest = self.load()
        self.lines = key_lines(text.replace("\r\n", "\n"))
        self.known_keys(manifest, ["system", "module", "supervisor", *OBJECT_KINDS], ())
        system = self.get(manifest, "system", dict, (), default={}, required=True)
        name = scheduler = ""
        if system or "system" in manifest:
            self.known_keys(system, ["name", "scheduler"], ("system",))
            name = self.name(system, ("system",))
            scheduler = self.scheduler(system, ("system",))
        values = self.get(manifest, "module", list, (), default=[])
        supervisors = read_supervisors(self, self.get(manifest, "supervisor", list, (), default=[]), self.names(values))
        modules = self.modules(values, {supervisor.name for supervisor in supervisors} | {ROOT})
        objects = read_objects(self, manifest, modules)
        for module, (path, table) in zip(modules, self.tables):
            module.grants = read_handles(self, module, table, path, objects, modules)
        self.fail_if_errors()
        is_supervised = len(supervisors) > 1 or any(module.supervisor for module in modules)
        return System(name, modules, objects, parents_first(supervisors) if is_supervised else [], scheduler)


def read_manifest(file, search, words):
    """The checked system of a manifest file. Raises ManifestErrors."""
    return ManifestReader(file, search, words).read()
