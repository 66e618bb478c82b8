"""Runs tests/diagnostics: each ALKA_nnn/module.txt must yield exactly its code at exactly its offset.

A module.txt has `key = value` lines (offset; features; limit; fail_grant; arena_bytes), an empty line, and the
module's bytes in hexadecimal, with comments behind `;`. Also checked: every code of the decoder, the validator and the
limits has a module, the code's page shows it, the message is codes.def's.

Usage: run.py DIAGNOSE SOURCE_DIR [CODE…]     runs
       run.py --assemble OUT_DIR SOURCE_DIR   only writes ALKA_nnn.wasm files, for a fuzzer's seeds
"""
import pathlib
import re
import subprocess
import sys
import tempfile

UNBUILT_TOO = 1 << 31  # ALKA_FEATURES_UNBUILT_TOO: verdicts must not change when a feature gets built


class Case:
    def __init__(self, path: pathlib.Path):
        self.path = path
        self.code = int(path.parent.name.removeprefix("ALKA_"))
        self.settings = {}
        head, _, self.listing = path.read_text(encoding="ascii").partition("\n\n")
        for line in head.splitlines():
            if not line.startswith(";"):
                key, equals, value = line.partition(" = ")
                if not equals:
                    raise ValueError(f"{path}: {line!r} is not 'key = value'")
                self.settings[key] = value
        words = " ".join(line.partition(";")[0] for line in self.listing.splitlines())
        self.wasm = bytes.fromhex(words)
        self.offset = int(self.settings["offset"])


def features(source: pathlib.Path) -> tuple[dict[str, int], dict[str, int]]:
    """Bits of the features by flag name, and of the releases, from features.h."""
    text = (source / "alkahest-core/include/alkahest/features.h").read_text()
    rows = re.findall(r'FEATURE\((\w+), "([\w-]+)", (\d), [01]\)', text)
    bits = {name: 1 << i for i, (_, name, _) in enumerate(rows)}
    releases = {
        f"wasm{last}": sum(bits[name] for _, name, release in rows if 0 < int(release) <= last)
        for last in (1, 2, 3)
    }
    return bits, releases


def codes(source: pathlib.Path) -> dict[int, str]:
    text = (source / "alkahest-core/include/alkahest/codes.def").read_text()
    return {int(n): message for n, message in re.findall(r'^ALKA_CODE\((\d+), \w+, "(.*)"\)', text, re.M)}


FEATURE_UNBUILT = 41  # cannot be had from a version that builds every feature it knows


def needs_module(code: int) -> bool:
    return code != FEATURE_UNBUILT and (code < 200 or code in (900, 901) or 910 <= code < 1000)


def feature_bits(case: Case, source: pathlib.Path) -> int:
    bits, releases = features(source)
    wanted = UNBUILT_TOO
    for word in case.settings.get("features", "wasm1").split(","):
        wanted |= bits.get(word) or releases[word]
    return wanted


def run(case: Case, diagnose: str, source: pathlib.Path, message: str) -> str:
    """What is wrong, or nothing."""
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(case.wasm)
        file.flush()
        command = [diagnose, f"{feature_bits(case, source):x}", file.name]
        if "limit" in case.settings:
            command.append(case.settings["limit"])
        command += [f"{key}={case.settings[key]}" for key in ("fail_grant", "arena_bytes") if key in case.settings]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        return f"{command} ended with {done.returncode}: {done.stderr}"
    got, _, rendered = done.stdout.partition("\n")
    if got != f"{case.code} {case.offset}":
        return f"wanted '{case.code} {case.offset}', got '{got}'\n{rendered}"
    start = f"error[ALKA_{case.code:03}]: {message.partition('{')[0]}"
    if not rendered.startswith(start):
        return f"rendered text does not begin with {start!r}:\n{rendered}"
    return ""


def check_page(case: Case, source: pathlib.Path) -> str:
    page = source / f"alkahest-diagnostics/pages/ALKA_{case.code:03}.md"
    listing = "".join(f"    {line}\n" for line in case.listing.splitlines())
    if not page.exists() or listing not in page.read_text(encoding="ascii"):
        return f"{page} does not show the module of {case.path}"
    return ""


def main() -> int:
    tool, source = sys.argv[1], pathlib.Path(sys.argv[2] if sys.argv[1] != "--assemble" else sys.argv[3])
    cases = [Case(path) for path in sorted((source / "tests/diagnostics").glob("ALKA_*/module.txt"))]
    if tool == "--assemble":
        for case in cases:
            (pathlib.Path(sys.argv[2]) / f"ALKA_{case.code:03}.wasm").write_bytes(case.wasm)
        return 0
    only = [int(word) for word in sys.argv[3:]]
    messages, failed = codes(source), 0
    for code in sorted({code for code in messages if needs_module(code)} - {case.code for case in cases}):
        print(f"ALKA_{code:03}: has no module")
        failed += 1
    for case in cases:
        if only and case.code not in only:
            continue
        message = messages.get(case.code)
        wrong = f"{case.path}: no such code" if message is None else run(case, tool, source, message)
        wrong = wrong or check_page(case, source)
        if wrong:
            print(f"ALKA_{case.code:03}: {wrong}")
            failed += 1
    print(f"{len(cases)} modules, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
