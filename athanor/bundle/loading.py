"""What a module may load at run time: the key `loader` of a manifest's module.

    loader = { modules = 4,              # at a time, 1 to 64
               memory_pages = 32,        # of 64 KiB, in all of them together
               code_bytes = 1048576,     # of their files, and of the machine code made of them
               handles = 64,             # held by all of them (the default)
               threads = 4,              # that run in all of them (as many as modules)
               pass_on = ["log"],        # which of its own capabilities they may have
               pass_calls = true }       # whether they may call what it may call (false)
"""
from dataclasses import dataclass, field

from reading import did_you_mean

LOADED_MAX = 64
LIMITS = {"memory_pages": 65536, "code_bytes": 2**26}  # required
HANDLES = (64, 4096)
THREADS_MAX = 256


@dataclass
class Loader:
    modules: int = 0  # none
    memory_pages: int = 0
    code_bytes: int = 0
    handles: int = 0
    threads: int = 0
    pass_on: list = field(default_factory=list)
    pass_calls: bool = False


def passed_on(reader, module, table, path):
    path += ("pass_on",)
    names = []
    for item_path, name in reader.items(reader.get(table, "pass_on", list, path[:-1], default=[]), str, path):
        if name not in module.capabilities:
            reader.error(item_path, f'"{name}" is no capability of the module itself{did_you_mean(name, module.capabilities)}')
        elif name in names:
            reader.error(item_path, f'capability "{name}" is listed twice')
        else:
            names.append(name)
    return names


def required_number(reader, table, key, path, least, most):
    if key not in table:
        reader.error(path + (key,), "is missing")
    return reader.number(table, key, path, least, least, most)


def read_loader(reader, module, table, path):
    """What `loader` says; nothing can be loaded without it."""
    if "loader" not in table:
        return Loader()
    loader = reader.get(table, "loader", dict, path, default={})
    path += ("loader",)
    if module.version_of:
        reader.error(path, f'is for "{module.version_of}" to have: a version loads what that may')
    reader.known_keys(loader, ["modules", *LIMITS, "handles", "threads", "pass_on", "pass_calls"], path)
    modules = required_number(reader, loader, "modules", path, 1, LOADED_MAX)
    pages, code_bytes = (required_number(reader, loader, key, path, 0, most) for key, most in LIMITS.items())
    return Loader(modules, pages, code_bytes,
                  reader.number(loader, "handles", path, HANDLES[0], 0, HANDLES[1]),
                  reader.number(loader, "threads", path, modules, 0, THREADS_MAX),
                  passed_on(reader, module, loader, path),
                  reader.get(loader, "pass_calls", bool, path, default=False))
