"""Fetches the source of one of the distribution's packages, with the distribution's own tool and its signatures.

Machines rarely have the indexes of sources. They are fetched into a folder of ours, from the very mirrors that the machine
uses for its binaries; nothing of the machine's own configuration changes.
"""
import re
import subprocess
import tarfile
from pathlib import Path

APT_FOLDER = Path("/etc/apt")


class NoSource(Exception):
    """Why the source could not be had."""


def _one_line_sources(text):
    """`deb …` lines as `deb-src …` lines."""
    return [re.sub(r"^deb\b", "deb-src", line.strip()) for line in text.splitlines() if re.match(r"\s*deb\s", line)]


def _deb822_sources(text):
    """Stanzas with their types replaced by deb-src."""
    stanzas = [stanza for stanza in re.split(r"\n\s*\n", text) if re.search(r"^Types:.*\bdeb\b", stanza, re.MULTILINE)]
    return [re.sub(r"^Types:.*$", "Types: deb-src", stanza, flags=re.MULTILINE) for stanza in stanzas]


def _write_source_lists(folder):
    """The machine's lists, for sources. apt tells the two formats apart by the files' names."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [APT_FOLDER / "sources.list", *sorted((APT_FOLDER / "sources.list.d").glob("*"))]
    for file in filter(Path.is_file, files):
        text = file.read_text(encoding="utf-8", errors="replace")
        if file.suffix == ".list":
            (folder / file.name).write_text("\n".join(_one_line_sources(text)) + "\n", encoding="utf-8")
        elif file.suffix == ".sources":
            (folder / file.name).write_text("\n\n".join(_deb822_sources(text)) + "\n", encoding="utf-8")


def _apt_get(work, *arguments):
    lists = work / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    options = {"Dir::Etc::SourceList": "/dev/null", "Dir::Etc::SourceParts": work / "sources", "Dir::State::Lists": lists,
               "Dir::Cache": work, "APT::Sandbox::User": "", "Acquire::Languages": "none", "Acquire::Retries": "2"}
    command = ["apt-get", "-q", "-y"] + [f"-o{key}={value}" for key, value in options.items()] + list(arguments)
    return subprocess.run(command, cwd=work, capture_output=True, text=True, check=False, timeout=240)


def fetch(package, work):
    """The folder with the package's unpacked upstream source; cached in `work`. Raises NoSource."""
    done = work / "source"
    if not done.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        _write_source_lists(work / "sources")
        try:
            update = _apt_get(work, "update")  # may complain about mirrors that have no sources
            download = _apt_get(work, "source", "--download-only", package)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoSource(str(error)) from None
        archives = sorted(work.glob(f"{package}_*.orig.tar.*[!c]"))
        if download.returncode or not archives:
            raise NoSource(f"apt-get source {package}: {(update.stderr + download.stderr).strip()[-400:]}")
        unpacked = work / "unpacked"
        # apt has checked the archive's signature; older Pythons know no filters.
        filters = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        with tarfile.open(archives[0]) as archive:
            archive.extractall(unpacked, **filters)
        unpacked.rename(done)
    inside = list(done.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else done
