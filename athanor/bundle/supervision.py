"""Supervisors, and who supervises a module: the part of a manifest that says what is started again, and when to give up.

    [[supervisor]]
    name = "servers"                     # as a module's name, and none of theirs; "root": the one above all
    supervisor = "root"                  # its own supervisor (the default)
    strategy = "one_for_one"             # or "one_for_all", "rest_for_one": who is started again with a child that failed
    intensity = 3                        # more restarts than that
    period_ms = 5000                     # within that time, and it gives up: it stops its children and fails itself
    backoff_ms = 100                     # the second restart of a child in a row waits so long, the next twice as long …
    backoff_max_ms = 10000               # … and so on, up to this
    restart = "permanent"                # as a module's

    [[module]]
    supervisor = "servers"
    restart = "permanent"                # always; "transient": unless it ended normally; "temporary": never
    heartbeat_ms = 500                   # it calls heartbeat() at least so often, or has failed
    shutdown_ms = 1000                   # how long its export `terminate` may take when it is stopped; 0: it is not called

Children are started in the order of the manifest, each when the one before is up, and stopped in reverse.
"""
from dataclasses import dataclass

from reading import did_you_mean

SUPERVISORS_MAX = 64
INTENSITY_MAX = 31
MS_MAX = 86400000  # a day
ROOT = "root"
STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = ("permanent", "transient", "temporary")
KEYS = ["name", "supervisor", "strategy", "intensity", "period_ms", "backoff_ms", "backoff_max_ms", "restart"]
MODULE_KEYS = ("restart", "heartbeat_ms", "shutdown_ms")


@dataclass
class Supervisor:
    name: str
    parent: str = ROOT
    strategy: str = STRATEGIES[0]
    restart: str = RESTARTS[0]
    intensity: int = 3
    period_ms: int = 5000
    backoff_ms: int = 100
    backoff_max_ms: int = 10000
    before_module: int = 0  # how many modules the manifest lists before it
    path: tuple = ()


def choice(reader, table, key, words, path):
    """One of the words; the first is the default."""
    value = reader.get(table, key, str, path, default=words[0])
    if value not in words:
        known = ", ".join(f'"{word}"' for word in words)
        reader.error(path + (key,), f'"{value}" is not one of {known}{did_you_mean(value, words)}')
        return words[0]
    return value


def supervise_module(reader, module, table, path, names):
    """`names`: of all supervisors."""
    module.supervisor = reader.get(table, "supervisor", str, path, default="")
    if not module.supervisor:
        for key in MODULE_KEYS:
            if key in table:
                reader.error(path + (key,), 'means nothing without "supervisor"')
        return
    if module.supervisor not in names:
        reader.error(path + ("supervisor",), f'no supervisor "{module.supervisor}" in this system{did_you_mean(module.supervisor, names)}')
    if "after_trap" in table:
        reader.error(path + ("after_trap",), 'means nothing with "supervisor": use "restart"')
    if "version_of" in table:
        reader.error(path + ("supervisor",), "a version of another module is supervised in the place of that")
    module.restart = choice(reader, table, "restart", RESTARTS, path)
    module.heartbeat_ms = reader.number(table, "heartbeat_ms", path, None, 1, MS_MAX) or 0
    module.shutdown_ms = reader.number(table, "shutdown_ms", path, 1000, 0, MS_MAX)


def read_one(reader, table, path, taken):
    reader.known_keys(table, KEYS, path)
    name = reader.name(table, path)
    if name and name in taken:
        reader.error(path + ("name",), f'"{name}" is the name of another supervisor or of a module')
    supervisor = Supervisor(name, path=path)
    supervisor.strategy = choice(reader, table, "strategy", STRATEGIES, path)
    supervisor.intensity = reader.number(table, "intensity", path, supervisor.intensity, 0, INTENSITY_MAX)
    supervisor.period_ms = reader.number(table, "period_ms", path, supervisor.period_ms, 1, MS_MAX)
    supervisor.backoff_ms = reader.number(table, "backoff_ms", path, supervisor.backoff_ms, 0, MS_MAX)
    most = max(supervisor.backoff_max_ms, supervisor.backoff_ms)
    supervisor.backoff_max_ms = reader.number(table, "backoff_max_ms", path, most, supervisor.backoff_ms, MS_MAX)
    supervisor.restart = choice(reader, table, "restart", RESTARTS, path)
    supervisor.parent = reader.get(table, "supervisor", str, path, default=ROOT)
    if name == ROOT:
        for key in ("supervisor", "restart"):
            if key in table:
                reader.error(path + (key,), "nobody supervises the root")
    return supervisor


def check_parents(reader, supervisors):
    """Every supervisor's line of parents ends at the root."""
    parents = {supervisor.name: supervisor.parent for supervisor in supervisors if supervisor.name != ROOT}
    for supervisor in supervisors:
        if supervisor.name == ROOT:
            continue
        path = supervisor.path + ("supervisor",)
        line = [supervisor.name]
        while line[-1] in parents and line.count(line[-1]) == 1:
            line.append(parents[line[-1]])
        if supervisor.parent != ROOT and supervisor.parent not in parents:
            similar = did_you_mean(supervisor.parent, [*parents, ROOT])
            reader.error(path, f'no supervisor "{supervisor.parent}" in this system{similar}')
        elif line[-1] == supervisor.name:
            reader.error(path, f'"{supervisor.name}" supervises itself: {" in ".join(line)}')


def depth(supervisor, by_name):
    levels = 0
    while supervisor.name != ROOT:
        supervisor = by_name[supervisor.parent]
        levels += 1
    return levels


def read_supervisors(reader, values, module_names):
    """In the order of the manifest; the root first, whether it is there or not."""
    supervisors = []
    module_lines = [line for path, line in reader.lines.items() if len(path) == 2 and path[0] == "module"]
    for path, table in reader.items(values, dict, ("supervisor",)):
        taken = module_names | {supervisor.name for supervisor in supervisors}
        supervisor = read_one(reader, table, path, taken)
        supervisor.before_module = sum(line < reader.lines[path] for line in module_lines)
        supervisors.append(supervisor)
    if len(values) > SUPERVISORS_MAX - 1:
        reader.error(("supervisor",), f"{len(values)} supervisors are more than {SUPERVISORS_MAX - 1}")
    check_parents(reader, supervisors)
    if not any(supervisor.name == ROOT for supervisor in supervisors):
        supervisors.append(Supervisor(ROOT))
    return supervisors


def parents_first(supervisors):
    """The order in a bundle: a supervisor behind its parent, siblings in the order of the manifest."""
    by_name = {supervisor.name: supervisor for supervisor in supervisors}
    return sorted(supervisors, key=lambda supervisor: depth(supervisor, by_name))
