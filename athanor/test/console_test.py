#!/usr/bin/env python3
"""What people and scripts see: the shell's keys and lines, tables and traces, the screen. One case per run: console_test.py --build FOLDER CASE."""
import gzip
import json
import re
import socket
import sys

from kernel import BUSY, PHOENIX, PROMPT, SERVER, STATUS_GOOD, TIMEOUT, Image, Machine, assemble, boot, make_bundle, require, run_cases, unquote

import font  # noqa: E402


PAIR = r'[a-z][a-z0-9_]*=(?:"(?:[^"\\\n]|\\["\\n])*"|[A-Za-z0-9._:+/%-]+)'
KEYS_LINE = re.compile(rf"{PAIR}(?: {PAIR})*")
LOG_LINE = re.compile(rf"{PROMPT}|\[ *\d+\.\d{{6}}\] ")  # what is typed is shown again behind a line of the log
# What stands for the words of a usage; the other words are a module's name.
ARGUMENTS = {"FUNCTION": "main", "FAULT": "trap"}


def key_lines(text):
    """The pairs of each line that is not one of the log's, all of which have to be key=value lines."""
    lines = [line for line in text.splitlines() if not LOG_LINE.match(line)]
    for line in lines:
        require(KEYS_LINE.fullmatch(line), f"not a key=value line: {line!r}")
    return [{key: unquote(value) for key, value in (pair.split("=", 1) for pair in re.findall(PAIR, line))} for line in lines]


def case_keys(args, folder):
    """Every command that `help` lists takes -k, and then prints key=value lines only, also when it has to refuse."""
    odd = assemble(folder, '(module (func $odd (export "say \\"no\\" \\\\ = now") unreachable))')
    crash = assemble(folder, '(module (memory 1) (func (export "main")) (func (export "trap") unreachable))')
    with boot(args, make_bundle(folder, [("odd", odd, []), ("crash", crash, ['start = ["main", { function = "trap", trap = true }]'])])) as machine:
        machine.wait_for_shell()
        rows = key_lines(machine.command("help -k"))
        usages = {row["command"]: row["usage"] for row in rows}
        require(len(usages) == len(machine.command("help").splitlines()) > 20, f"help -k lists {list(usages)}")
        for name, usage in usages.items():
            if name in ("poweroff", "reboot"):
                continue
            words = re.sub(r"\[[^]]*\]+", "", usage).split()
            line = " ".join([name, "-k", *(ARGUMENTS.get(word, "crash") for word in words)])
            require(key_lines(machine.command(line)), f"{line}: prints nothing")
            answer = key_lines(machine.command(f"{name} -k" + " x" * 40))
            require(any("error" in row for row in answer), f"{name} with too many words: {answer}")
            if "NAME" in words:
                answer = key_lines(machine.command(" ".join([name, "-k", "nobody", *words[1:]])))
                require(any("no such module" in row.get("error", "") for row in answer), f"{name} nobody: {answer}")
            answer = key_lines(machine.command(f"help -k {name}"))
            require(len(answer) == 1 and answer[0]["command"] == name and answer[0]["help"], f"help {name}: {answer}")
            require(f"usage: {name} [-k]" in machine.command(f"help {name}"), f"help {name}")
        require(key_lines(machine.command("klil -k"))[0]["error"].endswith("did you mean `kill`?"), "no suggestion")
        machine.command('run odd "say"')
        answer = key_lines(machine.command("caps -k odd; run -k odd; run -k odd nothing; swap -k odd; rollback -k odd"))
        require(any("outcome" in row for row in answer), f"{answer}")
        machine.command("start odd; spawn odd nothing")
        require(key_lines(machine.command("log -k"))[-1].keys() >= {"at_s", "text"}, "log -k")
        require(machine.finish("poweroff -k") == STATUS_GOOD, "poweroff -k does not power off")
        require("\naction=poweroff\n" in machine.transcript, "poweroff -k says nothing")
    with boot(args) as machine:
        machine.wait_for_shell()
        machine.finish("reboot -k")
        require("\naction=reboot\n" in machine.transcript, "reboot -k says nothing")


TALKER = """(module
  (import "athanor" "yield" (func $yield))
  (func (export "talk") (local i32)
    (loop $again
      (call $yield)
      (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 4200))))))"""


def events(machine, count=4000):
    """What `trace` has recorded."""
    return [row for row in key_lines(machine.command(f"trace -k {count}")) if "event" in row]


def case_trace(args, folder):
    """What is traced is recorded in order, with names; what is not, is not; the ring keeps the newest."""
    bundle = make_bundle(folder, [
        ("server", assemble(folder, SERVER), ['capabilities = ["clock_ns", "sleep_until"]']),
        ("talker", assemble(folder, TALKER), ['capabilities = ["yield"]']), ("busy", assemble(folder, BUSY), []), ("phoenix", assemble(folder, PHOENIX), ["limits = { memory_pages = 4 }"])])
    with boot(args, bundle) as machine:
        machine.wait_for_shell()
        machine.command("run busy trap")
        require(events(machine) == [] and "0 recorded" in machine.command("trace"), "something is recorded before it is asked for")
        machine.command("trace busy; run busy rounds; run phoenix is_new; run busy trap; restart busy; stop busy; trace off; start busy")
        rows = [row for row in events(machine) if row["event"] != "switch"]
        require([row["event"] for row in rows] == ["call", "return", "call", "trap", "failed", "recovery", "restart", "stop"], f"{rows}")
        require(all(row["module"] == "busy" and row["thread"] == "1" for row in rows), f"{rows}")
        require((rows[0]["function"], rows[1]["value"], rows[2]["function"], rows[3]["code"]) == ("rounds", "0", "trap", "ALKA_600"), f"{rows}")
        times = [float(row["at_s"]) for row in rows]
        require(times == sorted(times) and times[-1] < float(key_lines(machine.command("uptime -k"))[0]["uptime_s"]), f"{times}")
        require(int(rows[5]["ns"]) > 0, "a recovery in no time")

        machine.command("trace all; spawn server nap; run server nap; trace off")
        kinds = {row["event"] for row in events(machine)}
        require({"call", "return", "spawn", "switch", "service"} <= kinds, f"only {kinds}")
        services = {row["service"] for row in events(machine) if row["event"] == "service"}
        require(services == {"sleep_until"}, f"{services}")
        switches = [row for row in events(machine) if row["event"] == "switch"]
        require(all(row["from"] != row["to"] for row in switches) and {row["module"] for row in switches} >= {"server", "kernel"}, f"{switches}")

        machine.command("trace talker; run talker talk")
        said = key_lines(machine.command("trace -k 10"))
        require(int(said[0]["recorded"]) > 4096 and said[0]["shown"] == "10" and len(said) == 12, f"{said}")
        kept = len(events(machine, 99999))
        require(kept == 4096, f"{kept} records are kept")
        machine.command("trace off")
        require(machine.finish() == STATUS_GOOD, "it does not end well")
    with boot(args, bundle, options="debug-exit trace=phoenix") as machine:
        machine.wait_for_shell()
        rows = events(machine)
        require(rows[0]["event"] == "load" and {row["module"] for row in rows} == {"phoenix"}, f"{rows}")
        machine.finish()


def case_top(args, folder):
    """top shows who uses the processor, date what the clock chip says, stats what is counted."""
    bundle = make_bundle(folder, [("busy", assemble(folder, BUSY), ['threads = ["spin"]']), ("idle", assemble(folder, PHOENIX), [])])
    with boot(args, bundle, extra=["-rtc", "base=2024-02-29T23:59:50,clock=vm"]) as machine:
        machine.wait_for_shell()
        rows = key_lines(machine.command("top -k"))
        shares = {row["module"]: int(row["cpu_permille"]) for row in rows if "module" in row}
        require(shares["busy"] > 700 and shares["idle"] == 0 and next(iter(shares)) == "busy", f"{rows}")
        require(any(row.get("thread") == "busy" and int(row["cpu_permille"]) > 700 for row in rows), f"{rows}")
        require(sum(int(row["cpu_permille"]) for row in rows if "thread" in row) + int(rows[0]["idle_permille"]) <= 1010, f"{rows}")
        require(len(key_lines(machine.command("top -k 1 2"))) > 2 * len(rows) - 4, "not twice")
        machine.type("top\r")
        machine.expect(r"module +1 idle[^\n]*\n(.*\n)*?any key ends it")
        machine.expect(r"module +0 busy")
        machine.type("q")
        machine.wait_for_shell()
        machine.command("kill busy")
        rows = key_lines(machine.command("top -k"))
        require(int(rows[0]["idle_permille"]) > 700, f"not idle: {rows}")
        for line in ("top 0", "top x", "top 1 x", "top 9999999"):
            require("seconds, 1 to" in machine.command(line), line)

        date = key_lines(machine.command("date -k"))[0]
        # The chip's second 50 was at the start of the machine; it is a leap year's day, and shortly before the next.
        since = int(date["unix_s"]) - 1709251190
        require(0 <= since <= float(date["uptime_s"]) + 20, f"{date}")
        require(date["date"].startswith("2024-02-29T23:59:5" if since < 10 else "2024-03-01T00:0"), f"{date}")
        require(re.match(r"2024-0[23]-\d\d \d\d:\d\d:\d\d UTC, up \d+\.\d{3} s", machine.command("date")), "date")

        machine.command("run idle is_new; run idle soil")
        stats = key_lines(machine.command("stats -k idle"))[0]
        require((stats["calls"], stats["traps"], stats["recoveries"], stats["threads"]) == ("2", "1", "1", "0"), f"{stats}")
        require(int(stats["cycles"]) > 0 and int(stats["cpu_ns"]) > 0 and int(stats["pages"]) > 16, f"{stats}")
        for name, value in stats.items():
            require(name in ("module", "state") or re.search(rf"^  {name} +{value}\b", machine.command("stats idle"), re.MULTILINE), f"no {name}")
        require(re.search(r"^idle +ready +2 .* 1 +1 +\d+$", machine.command("ps -l"), re.MULTILINE), machine.command("ps -l"))
        require("-l or nothing" in machine.command("ps -x"), "ps -x")
        require(machine.finish() == STATUS_GOOD, "it does not end well")


def case_tab(args, _):
    """Tab ends words: commands, then names of modules; two tabs are not needed to see what there is."""
    with boot(args) as machine:
        machine.wait_for_shell()
        for typed, echoed in (("upt\t\r", r"uptime \n.* ticks"), ("dump cr\t\r", r"dump crash \n.*crash 4"),
                              ("uptime;run he\t\r", r"run hello \n(.*\n)*.*main returned 0"), ("help ki\t\r", r"help kill \nusage: kill"),
                              ("inject crash bit\t\x15\r", r"inject crash bitflip .*\n"), ("inject -k crash kill\t\x15\r", r"kill  kill-later  \n"),
                              ("inject -k he\t\x15\r", r"inject -k hello .*\n"), ("nothing \t\x15\r", r"hello  sha256  matmul  echo  caller  crash  consumer  producer  \n.*nothing "),
                              ("re\t\x15uptime\r", r"reboot  restart  revoke  \nathanor> re.*\n.* ticks"), ("\t\x15\r", r"audit  bench  buffers  caps  .*uptime  \n")):
            machine.type(typed)
            machine.expect(echoed)
            machine.wait_for_shell()
        status = machine.finish()
        require(status == STATUS_GOOD, f"status {status}")


def qmp(path, command, **arguments):
    """One command over QEMU's monitor protocol."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        lines = connection.makefile("rw")
        lines.readline()
        for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
            lines.write(json.dumps(request) + "\n")
            lines.flush()
            answer = {}
            while not answer.keys() & {"return", "error"}:
                answer = json.loads(lines.readline())
        return answer


def read_screen(path, font_path):
    """The text on a screen dump (PPM): one string per row, from the font's glyphs."""
    data = path.read_bytes()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    width, height = int(header.group(1)), int(header.group(2))
    pixels = data[header.end():]
    raw = font_path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    glyph_height, glyphs, by_code = font.parse_psf1(raw) if raw[:2] == font.PSF1_MAGIC else font.parse_psf2(raw)
    known = {glyphs[by_code[code]]: chr(code) for code in range(0x20, 0x7F)}
    paper = pixels[-3:]

    def is_ink(x, y):
        at = (y * width + x) * 3
        return pixels[at:at + 3] != paper

    def character(left, top):
        glyph = bytes(sum(is_ink(left + x, top + y) << (7 - x) for x in range(8)) for y in range(glyph_height))
        return known.get(glyph, "\0")

    return ["".join(character(left, top) for left in range(0, width - 7, 8)).rstrip()
            for top in range(0, height - glyph_height + 1, glyph_height)]


def case_display(args, folder):
    """What is on the screen is what came over the serial line, and the keyboard types."""
    monitor = folder / "monitor"
    image = Image(iso=args.build / "azoth.iso")
    with Machine(image, TIMEOUT, extra=["-vga", "std", "-qmp", f"unix:{monitor},server=on,wait=off"]) as machine:
        machine.wait_for_shell()
        for key in ("p", "s", "ret"):
            qmp(monitor, "send-key", keys=[{"type": "qcode", "data": key}])
        machine.expect(r"ps\n")
        machine.wait_for_shell()
        qmp(monitor, "screendump", filename=str(folder / "screen.ppm"))
        rows = [row for row in read_screen(folder / "screen.ppm", args.font) if row]
        expected = [line.rstrip() for line in machine.transcript.splitlines() if line.strip()][-len(rows):]
        # The cursor stands behind the last prompt, drawn over a blank.
        rows[-1] = rows[-1].rstrip("\0 ")
        require(len(rows) > 20 and rows == expected, "the screen shows\n" + "\n".join(rows) + "\ninstead of\n" + "\n".join(expected))
        machine.finish()


if __name__ == "__main__":
    sys.exit(run_cases(globals(), __doc__, font="the console font that the kernel was built with"))
