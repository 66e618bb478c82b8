#!/usr/bin/env python3
"""What `./azoth run` does: boots a system in QEMU, on this terminal or without one."""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import STATUS_GOOD, STATUS_PLAIN, BootError, Image, Machine, command_line

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "iso"))
from mkimage import ImageError, make_image  # noqa: E402

ENDINGS = ("poweroff", "reboot")


def choose_image(args):
    iso, bundle = args.build / "azoth.iso", args.build / "system.bundle"
    if args.manifest:
        if not args.manifest.is_file():
            raise ImageError(f"{args.manifest}: no such file")
        manifest = args.manifest.resolve()
        iso, bundle = make_image(manifest, args.build, args.build / "images" / f"{manifest.stem}.iso")
    if args.kernel:
        return Image(kernel=args.build / "athanor.elf", bundle=bundle)
    return Image(iso=iso, uefi=args.uefi)


def run_console(image, gui):
    """The machine's console on this terminal. 0 if the machine ended as one that is well."""
    print("azoth: type help at the prompt; poweroff or Ctrl-A X ends it", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="azoth-") as folder:
        command = command_line(image, folder, display="gtk" if gui else "none", serial="mon:stdio")
        return subprocess.run(command, check=False).returncode


def run_headless(image, commands, timeout):
    """Boots, types the commands, prints the transcript. QEMU's status."""
    def show(text):
        sys.stdout.write(text)
        sys.stdout.flush()

    if not commands or commands[-1].split()[0] not in ENDINGS:
        commands.append("poweroff")
    with Machine(image, timeout=timeout, on_text=show) as machine:
        machine.wait_for_shell()
        for command in commands[:-1]:
            machine.command(command)
        return machine.finish(commands[-1])


def main():
    parser = argparse.ArgumentParser(prog="azoth run", description="Boot a system in QEMU.")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--headless", action="store_true", help="print the transcript, exit 0 only if all went well")
    parser.add_argument("--exec", metavar="'CMD; CMD'", help="type these commands; implies --headless")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", default=60, help="headless: give up after this time")
    parser.add_argument("--gui", action="store_true", help="open a window")
    parser.add_argument("--kernel", action="store_true", help="start the kernel file itself, without the ISO")
    parser.add_argument("--uefi", action="store_true", help="start the ISO from UEFI firmware")
    parser.add_argument("manifest", metavar="SYSTEM.toml", type=Path, nargs="?")
    args = parser.parse_args()
    if args.kernel and args.uefi:
        parser.error("--kernel has no firmware: --uefi makes no sense with it")
    if args.gui and (args.headless or args.exec):
        parser.error("--gui and --headless exclude each other")

    try:
        image = choose_image(args)
        if not args.headless and args.exec is None:
            status = run_console(image, args.gui)
            return 0 if status in (STATUS_GOOD, STATUS_PLAIN) else 1
        commands = [command.strip() for command in (args.exec or "").split(";") if command.strip()]
        status = run_headless(image, commands, args.timeout)
    except (BootError, ImageError, OSError) as error:
        print(f"\nazoth run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    expected = STATUS_PLAIN if commands[-1].startswith("reboot") else STATUS_GOOD
    if status != expected:
        print(f"\nazoth run: the machine ended with status {status}, not {expected}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
