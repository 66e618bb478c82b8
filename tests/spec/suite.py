"""Finds a suite of the official WebAssembly tests in its JSON form: `wg-2.0` (frozen with release 2.0) or `main`
(release 3.0 and proposals, by group).

Looked for, in this order:
  1. $WASM_TESTSUITE: a folder with wg-2.0/ and main/, or their .tar.xz; or (wg-2.0 only) NAME/NAME.json or NAME.wast
  2. ../shared/spec-suite/NAME.tar.xz beside the repository, unpacked into the build folder
  3. a clone of WebAssembly/testsuite at a pinned commit, its .wast files converted with wast2json
"""
import fcntl
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CLONE_URL = "https://github.com/WebAssembly/testsuite"
CLONE_COMMIT = "193e551"
NAMES = ("wg-2.0", "main")


class NoSuite(Exception):
    """Why there is none."""


def json_path(folder, name):
    return folder / name / f"{Path(name).name}.json"


def find_source(sources, name):
    """GROUP/NAME of ours is NAME, GROUP/NAME or proposals/GROUP/NAME in the sources."""
    group, file = str(Path(name).parent), f"{Path(name).name}.wast"
    proposal = group.replace("proposals-", "proposals/")
    places = (sources / f"{name}.wast", sources / proposal / file, sources / "proposals" / group / file, sources / file)
    return next((place for place in places if place.exists()), None)


def convert(sources, folder, names):
    """Converts the .wast files that the tool understands; a newer file may use what it does not know."""
    tool = shutil.which("wast2json")
    if not tool:
        raise NoSuite(f"{sources} has .wast files, but there is no wast2json (package wabt) to convert them")
    for name in names:
        source, target = find_source(sources, name), json_path(folder, name)
        if not source or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([tool, "--enable-all", source, "-o", target], capture_output=True, check=False)
    return folder


def from_folder(folder, work, suite, names):
    if (folder / f"{suite}.tar.xz").exists():
        return from_archive(folder / f"{suite}.tar.xz", work, suite)
    if (folder / suite).is_dir():
        folder = folder / suite
    if any(json_path(folder, name).exists() for name in names):
        return folder
    if any(find_source(folder, name) for name in names):
        return convert(folder, work / "converted" / suite, names)
    raise NoSuite(f"{folder} holds no suite {suite}: neither NAME/NAME.json nor NAME.wast")


def from_archive(archive, work, suite):
    target = work / suite
    if not target.is_dir():
        unpacked = work / "unpacking"
        shutil.rmtree(unpacked, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(unpacked)
        (unpacked / suite).rename(target)
        shutil.rmtree(unpacked)
    return target


def from_clone(work, suite, names):
    sources = work / "testsuite"
    if not (sources / ".git").is_dir():
        shutil.rmtree(sources, ignore_errors=True)
        for command in (["clone", "--quiet", "--filter=blob:none", "--no-checkout", CLONE_URL, str(sources)],
                        ["-C", str(sources), "checkout", "--quiet", CLONE_COMMIT]):
            done = subprocess.run(["git", *command], capture_output=True, text=True, check=False, timeout=300,
                                  env=os.environ | {"GIT_TERMINAL_PROMPT": "0"})
            if done.returncode:
                shutil.rmtree(sources, ignore_errors=True)
                raise NoSuite(f"not beside the repository, and {CLONE_URL} cannot be cloned: {done.stderr.strip()}")
    return convert(sources, work / "converted" / suite, names)


def find(work, suite, names):
    """The folder with NAME/NAME.json for the names that could be had. Raises NoSuite."""
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        given = os.environ.get("WASM_TESTSUITE")
        if given:
            return from_folder(Path(given), work, suite, names)
        archive = REPOSITORY.parent / "shared" / "spec-suite" / f"{suite}.tar.xz"
        if archive.exists():
            return from_archive(archive, work, suite)
        return from_clone(work, suite, names)
