"""A QEMU machine that boots Athanor: command lines for every way to boot, and a serial console to type into.

Everything has a deadline. With the kernel option `debug-exit` a run ends through the isa-debug-exit device: the kernel writes
EXIT_GOOD to it when all went well, anything else when not. Options reach the kernel on its command line; from an ISO through
the machine's SKU number, which iso/grub.cfg looks at.
"""
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROMPT = "athanor> "
LINE_CHARACTERS = 255  # that the shell takes
EXIT_GOOD = 0x10  # what the kernel writes; QEMU exits with (value << 1) | 1
STATUS_GOOD = EXIT_GOOD << 1 | 1
STATUS_PLAIN = 0  # ACPI power-off, or a reboot under -no-reboot
MEMORY_MIB = 256
MONITOR_TIMEOUT = 30  # seconds
_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][0-9A-Za-z]|\r")
_FIRMWARE = [("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd")]


class BootError(Exception):
    """The machine did not do what was expected of it; the text says what."""


@dataclass
class Image:
    """What to boot: an ISO (by BIOS or UEFI firmware), or the kernel file and a bundle."""
    iso: Path | None = None
    kernel: Path | None = None
    bundle: Path | None = None
    uefi: bool = False


def _firmware(folder):
    """Arguments for UEFI firmware, whose variables get a file of their own in the folder."""
    for code, variables in _FIRMWARE:
        code_path, variables_path = (Path("/usr/share/OVMF") / name for name in (code, variables))
        if code_path.is_file() and variables_path.is_file():
            own = Path(folder) / variables
            shutil.copyfile(variables_path, own)
            return ["-drive", f"if=pflash,format=raw,readonly=on,file={code_path}",
                    "-drive", f"if=pflash,format=raw,file={own}"]
    raise BootError("no UEFI firmware: install the package ovmf")


def command_line(image, folder, display="none", serial="stdio", options="debug-exit", extra=()):
    """The QEMU command. `folder` holds files of this run only; `options` are the kernel's."""
    accel = os.environ.get("AZOTH_ACCEL", "tcg")
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", accel, "-cpu", "host" if accel == "kvm" else "max",
               "-m", str(MEMORY_MIB), "-serial", serial, "-display", display, "-monitor", "none", "-net", "none",
               "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    if image.kernel:
        command += ["-kernel", str(image.kernel), "-initrd", str(image.bundle), "-append", options]
    else:
        command += ["-cdrom", str(image.iso), "-smbios", f"type=1,sku=azoth:{options}"]
        command += _firmware(folder) if image.uefi else []
    return command + list(extra)


class Machine:
    """A running machine. Use as a context manager; leaving it ends QEMU.

    `transcript` is all that came over the serial line, without escape sequences and carriage returns.
    `on_text`, if given, is called with each new piece of it.
    """

    def __init__(self, image, timeout=60, on_text=None, extra=()):
        self.deadline = time.monotonic() + timeout
        self.timeout = timeout
        self.on_text = on_text
        self.transcript = ""
        self.seen = 0  # up to here the transcript has been matched
        self.pending = b""
        self.folder = tempfile.TemporaryDirectory(prefix="azoth-")
        self.started = time.monotonic()
        command = command_line(image, self.folder.name, extra=extra)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.folder.cleanup()

    def elapsed(self):
        """Seconds since the start."""
        return time.monotonic() - self.started

    def fail(self, what):
        tail = "\n".join(self.transcript.splitlines()[-30:])
        raise BootError(f"{what}\n--- the last lines of the console:\n{tail}\n---")

    def _read(self):
        """Takes in what has arrived, waiting at most until the deadline. False at the end of the stream."""
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            self.fail(f"no answer within {self.timeout} s")
        data = os.read(self.process.stdout.fileno(), 65536)
        self.pending += data
        # An escape sequence or a character may be cut in two: keep an unfinished tail for the next time.
        cut = self.pending.rfind(b"\x1b")
        keep = cut if cut >= 0 and len(self.pending) - cut < 16 and data and not re.search(rb"[A-Za-z]", self.pending[cut:]) \
            else len(self.pending)
        text = _ESCAPES.sub("", self.pending[:keep].decode("utf-8", "replace"))
        self.pending = self.pending[keep:]
        self.transcript += text
        if self.on_text and text:
            self.on_text(text)
        return bool(data)

    def expect(self, pattern):
        """Waits until the regular expression matches what has not been matched yet. The match."""
        while True:
            match = re.compile(pattern, re.MULTILINE).search(self.transcript, self.seen)
            if match:
                self.seen = match.end()
                return match
            if not self._read():
                self.fail(f"the machine stopped (status {self.process.wait()}) before it printed {pattern!r}")

    def type(self, text):
        """Types text as it is. The line's input buffer is small, as on a real machine: bytes are paced."""
        for start in range(0, len(text), 8):
            try:
                self.process.stdin.write(text[start:start + 8].encode())
                self.process.stdin.flush()
            except BrokenPipeError:
                self.fail("the machine stopped while a command was typed")
            time.sleep(0.005)

    def wait_for_shell(self):
        """Seconds until the prompt stood there; what came before is the boot log."""
        self.expect(re.escape(PROMPT) + r"\Z")
        return self.elapsed()

    def command(self, line):
        """Types a command line; what it printed, without echo and next prompt."""
        self.type(line + "\r")
        # A line of the log that comes in between has the shell show again what was typed so far.
        echo = "".join(character for character in line if " " <= character <= "~")[:LINE_CHARACTERS]
        begin = self.expect(re.escape(echo) + r"\n").end()
        end = self.expect(r"^" + re.escape(PROMPT) + r"\Z").start()
        return self.transcript[begin:end]

    def wait(self):
        """QEMU's exit status, when the machine stops by itself."""
        while self._read():
            pass
        return self.process.wait()

    def finish(self, line="poweroff"):
        """Types the last command; QEMU's exit status."""
        self.type(line + "\r")
        return self.wait()


class Monitor:
    """QEMU's machine protocol, a line of JSON each way: screen shots and keys. The machine must be running."""

    def __init__(self, path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(MONITOR_TIMEOUT)
            connection.connect(str(path))
            self.stream = connection.makefile("rw")  # keeps the connection open
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "error" in answer:
                raise BootError(f"{name}: {answer}")
            if "return" in answer:
                return

    def type(self, keys):
        """Presses keys by their QEMU names, one after the other."""
        for key in keys:
            self.command("send-key", keys=[{"type": "qcode", "data": key}])
            time.sleep(0.15)  # QEMU holds a key for a tenth of a second
