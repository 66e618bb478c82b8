"""A real program, built from a distribution's source natively and to WebAssembly, and run side by side."""
import argparse
import subprocess
import sys
from pathlib import Path

from source_package import NoSource, fetch

SKIP = 77
FLAGS = ["-std=gnu99", "-O2", "-w", "-ffp-contract=off"]
WASM_FLAGS = ["--target=wasm32-wasi", "-msign-ext", "-mnontrapping-fptoint"]
SECONDS_MAX = 250


def build(command, output, sources):
    """Compiles all sources at once, unless the output is newer than they are."""
    if not output.is_file() or output.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        subprocess.run([*map(str, command), *map(str, sources), "-o", str(output)], check=True)
    return output


class Program:
    """Both builds of one program, and the count of differences between them."""

    def __init__(self, args, name, sources, flags, wasm_flags=()):
        command = [args.clang, *FLAGS, *flags]
        self.native = [str(build(command, args.work / name, sources))]
        self.module = build([*command, *WASM_FLAGS, *wasm_flags], args.work / f"{name}.wasm", sources)
        self.guest = [args.alkahest, "run", str(self.module)]
        self.failures = 0

    def check(self, what, good):
        print(("same    " if good else "DIFFERS ") + what)
        self.failures += not good

    def compare(self, what, data, *arguments):
        """Runs both on the input; output, error output and status have to be the same. The guest's outcome."""
        outcomes = [subprocess.run([*command, *arguments], input=data, capture_output=True, check=False, timeout=SECONDS_MAX)
                    for command in (self.native, self.guest)]
        native, guest = [(done.returncode, done.stdout, done.stderr) for done in outcomes]
        self.check(f"{what}: status {native[0]}, {len(native[1])} bytes", native == guest)
        if native != guest:
            print(f"  native:      status {native[0]}, {len(native[1])} bytes, {native[2][:300]!r}")
            print(f"  WebAssembly: status {guest[0]}, {len(guest[1])} bytes, {guest[2][:300]!r}")
        return outcomes[1]


def main(package, test):
    """Fetches the package's source and runs the test on it: test(args, source folder) → number of failures."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--alkahest", required=True)
    parser.add_argument("--clang", required=True)
    parser.add_argument("--work", type=Path, required=True, help="downloads and builds stay here")
    args = parser.parse_args()
    try:
        source = fetch(package, args.work)
    except NoSource as reason:
        print(f"SKIPPED: no source of {package}: {reason}")
        sys.exit(SKIP)
    sys.exit(1 if test(args, source) else 0)
