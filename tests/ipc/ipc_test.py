#!/usr/bin/env python3
"""Channels, topics and events between modules in a running system. One case per run: ipc_test.py --build FOLDER --bundle FILE CASE."""
import argparse
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "boot"))
from machine import STATUS_GOOD, BootError, Image, Machine  # noqa: E402

TIMEOUT = 200
PROMISES = ("basics", "large", "many", "limits", "forged", "parcels", "topics", "events", "full", "churn")
ATTACKS = 17
SENDERS, MESSAGES = 8, 2000


class Failed(Exception):
    """What was expected and not found."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def boot(args):
    return Machine(Image(kernel=args.build / "athanor.elf", bundle=args.bundle), TIMEOUT, extra=["-append", "debug-exit"])


def keys(text):
    return [dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line)) for line in text.splitlines() if "=" in line]


def ask(machine, line):
    """What was printed until the command was done: lines that threads log meanwhile, and prompts behind those, too."""
    start = len(machine.transcript)
    machine.type(f"{line}; uptime -k\r")
    machine.seen = start
    machine.expect(r"^uptime_s=.*\n")
    machine.wait_for_shell()
    return machine.transcript[start:]


def await_line(machine, start, pattern):
    """Until there is such a line behind `start` in the transcript."""
    for _ in range(200):
        if re.search(pattern, machine.transcript[start:]):
            return
        ask(machine, "threads")
    raise Failed(f"no {pattern!r} in {machine.transcript[start:]}")


def returned(machine, module, function):
    """What an export returned."""
    answer = ask(machine, f"run {module} {function}")
    match = re.search(rf"{module}: {function} returned (\d+)", answer)
    require(match, f"{module}: {function} did not return: {answer}")
    return int(match.group(1))


def used(machine):
    """What must be the same afterwards."""
    rows = keys(ask(machine, "channels -k"))
    memory = next(row for row in keys(ask(machine, "mem -k")) if "heap_used_bytes" in row)
    objects = [row["number"] for row in rows if "number" in row]
    places = {row["module"]: (row["places"], row["bytes"]) for row in rows if "places_max" in row}
    return objects, places, {key: memory[key] for key in ("heap_used_bytes", "mapped_bytes", "slot_bytes", "bad_gives")}


def finish(machine):
    status = machine.finish()
    require(status == STATUS_GOOD, f"status {status}")


def case_promises(args):
    """What the header says of each function; and all is given back."""
    with boot(args) as machine:
        machine.wait_for_shell()
        returned(machine, "probe", "events")  # the module's own event stays
        before = used(machine)
        for function in PROMISES:
            line = returned(machine, "probe", function)
            require(line == 0, f"{function}: modules/probe.c:{line}")
            after = used(machine)
            require(after == before, f"{function} left something behind:\n{before}\n{after}")
        finish(machine)


def case_attacks(args):
    """Ranges that are not all in the caller's memory trap it; what it had is given back, and it serves again."""
    with boot(args) as machine:
        machine.wait_for_shell()
        ask(machine, "run probe attack_0")
        before = used(machine)
        for number in range(ATTACKS):
            answer = ask(machine, f"run probe attack_{number}")
            require("ALKA_601" in answer, f"attack {number}: {answer}")
            after = used(machine)
            require(after == before, f"attack {number} left something behind:\n{before}\n{after}")
        require(returned(machine, "probe", "basics") == 0, "it does not serve any more")
        finish(machine)


def spawn_and_wait(machine, function):
    """A thread of the probe that waits; the row of what it waits for."""
    ask(machine, f"spawn probe {function}")
    for _ in range(100):
        waiting = [row for row in keys(ask(machine, "channels -k"))
                   if row.get("maker") == "probe" and int(row["senders"]) + int(row["receivers"]) > 0]
        if waiting:
            return
        time.sleep(0.02)
    raise Failed(f"{function} does not wait")


def case_waits(args):
    """Closing, losing the handle, a kill, a trap elsewhere in the module: each ends a wait, and nothing stays."""
    with boot(args) as machine:
        machine.wait_for_shell()
        ask(machine, "run probe fail")
        before = used(machine)
        for function in ("wait_here", "wait_full", "wait_event"):
            for ending, expected in (("run probe drop", rf"probe: {function} returned 700"), ("run probe fail", None),
                                     ("kill probe; start probe", None), ("run probe shut", rf"probe: {function} returned 712")):
                if function == "wait_event" and "shut" in ending:
                    continue
                spawn_and_wait(machine, function)
                start = len(machine.transcript)
                ask(machine, ending)
                await_line(machine, start, expected or f"probe: {function} trapped: ALKA_618")
                if "shut" in ending:
                    require(returned(machine, "probe", "drop") == 0, "the handle is gone")
                for _ in range(50):  # the thread is given back a moment later
                    after = used(machine)
                    if after == before:
                        break
                require(after == before, f"{function}, {ending}: something is left:\n{before}\n{after}")
        require(returned(machine, "probe", "basics") == 0, "it does not serve any more")
        finish(machine)


def case_load(args):
    """Eight threads in four modules send, eight receive, through sixteen places: each message arrives once, in its sender's order."""
    modules = [f"party-{number}" for number in range(1, 5)]
    with boot(args) as machine:
        machine.wait_for_shell()
        require(returned(machine, "party-1", "number") == 0, "no numbers")
        for module in modules:
            for function in ("receive_a", "receive_b", "send_a", "send_b"):
                ask(machine, f"spawn {module} {function}")
        for module in modules:
            for function in ("send_a", "send_b"):
                await_line(machine, 0, f"{module}: {function} returned 0")
        total = sum(returned(machine, module, "received") for module in modules)
        for _ in range(50):
            if total == SENDERS * MESSAGES:
                break
            total = sum(returned(machine, module, "received") for module in modules)
        require(total == SENDERS * MESSAGES, f"{total} messages of {SENDERS * MESSAGES}")
        expected = sum(sender * 100000 + serial for sender in range(SENDERS) for serial in range(MESSAGES))
        found = sum(returned(machine, module, "sum") for module in modules)
        require(found % 2**32 == expected % 2**32, "not each message once")
        require(all(returned(machine, module, "errors") == 0 for module in modules), "out of order, or torn")
        row = next(row for row in keys(ask(machine, "channels -k")) if row.get("name") == "work")
        require((row["queued"], row["receivers"]) == ("0", "8") and int(row["refused"]) > 0, f"it was never full, or not emptied: {row}")
        # One who waits is killed: the others go on.
        ask(machine, "kill party-1; kill party-2")
        row = next(row for row in keys(ask(machine, "channels -k")) if row.get("name") == "work")
        require(row["receivers"] == "4", f"the dead still wait: {row}")
        finish(machine)


def case_kernel(args):
    """The kernel tells of modules on the topic `kernel`, reads the channel `log`, and traces messages and grants."""
    with boot(args) as machine:
        machine.wait_for_shell()
        ask(machine, "trace news")
        require(returned(machine, "news", "begin") == 0, "no subscription")
        ask(machine, "run probe fail")
        line = returned(machine, "news", "after_trap")
        require(line == 0, f"of a trap: modules/news.c:{line}")
        ask(machine, "stop probe; start probe")
        line = returned(machine, "news", "after_stop")
        require(line == 0, f"of a stop: modules/news.c:{line}")
        start = len(machine.transcript)
        require(returned(machine, "news", "say") == 0, "the log took no line")
        await_line(machine, start, r"news: through\S* the channel")
        require("\x1b[2J" not in machine.transcript[start:], "a module commands the terminal")
        traced = ask(machine, "trace 1000")
        require(re.search(r"news +send +object=\d+ bytes=23\n", traced) and re.search(r"news +grant +kind=\d", traced), traced)
        finish(machine)


CASES = {name.removeprefix("case_"): function for name, function in globals().items() if name.startswith("case_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("case", choices=CASES)
    args = parser.parse_args()
    try:
        CASES[args.case](args)
    except (Failed, BootError) as error:
        print(f"{args.case}: {error}")
        return 1
    print(f"{args.case}: good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
