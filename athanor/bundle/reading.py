"""What all readers of a manifest's parts have in common: typed access, and errors with file, line and key."""
import difflib
import re
import tomllib
from pathlib import Path

NAME_BYTES_MAX = 32
NAME = re.compile(r"[a-z][a-z0-9_-]*")
TYPE_WORDS = {str: "a string", int: "an integer", bool: "true or false", list: "an array", dict: "a table"}


class ManifestErrors(Exception):
    """All that is wrong with a manifest: one `file:line: key: message` per line."""


def key_text(path):
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(word, words):
    close = difflib.get_close_matches(word, list(words), 1)
    return f'; did you mean "{close[0]}"?' if close else ""


class Reader:
    def __init__(self, file):
        self.file = Path(file)
        self.lines = {}
        self.errors = []

    # Reporting

    def error(self, path, message):
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        key = f"{key_text(path)}: " if path else ""
        self.errors.append((line, f"{self.file}:{line}: {key}{message}"))

    def fail_if_errors(self):
        if self.errors:
            raise ManifestErrors("\n".join(text for _, text in sorted(self.errors, key=lambda error: error[0])))

    # Typed access

    def typed(self, value, kind, path):
        """The value if it has the type, else None and an error."""
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        found = next((word for type_, word in TYPE_WORDS.items() if type(value) is type_), type(value).__name__)
        self.error(path, f"expected {TYPE_WORDS[kind]}, found {found}")
        return None

    def known_keys(self, table, keys, path):
        for key in table:
            if key not in keys:
                self.error(path + (key,), f"unknown key{did_you_mean(key, keys)}")

    def get(self, table, key, kind, path, default=None, required=False):
        if key not in table:
            if required:
                self.error(path + (key,), "is missing")
            return default
        value = self.typed(table[key], kind, path + (key,))
        return default if value is None else value

    def items(self, values, kind, path):
        """(index path, item) of the items that have the type."""
        for index, value in enumerate(values):
            item_path = path + (index,)
            if self.typed(value, kind, item_path) is not None:
                yield item_path, value

    # Values

    def name(self, table, path):
        name = self.get(table, "name", str, path, required=True)
        if name is None:
            return ""
        if not NAME.fullmatch(name) or len(name) > NAME_BYTES_MAX:
            self.error(path + ("name",), f'"{name}" is not a name: a–z first, then a–z 0–9 _ -, at most {NAME_BYTES_MAX}')
            return ""
        return name

    def number(self, table, key, path, default, least, most):
        """An integer in its range; the default also after an error."""
        value = self.get(table, key, int, path, default=default)
        if value is not default and not least <= value <= most:
            self.error(path + (key,), f"{value} is not between {least} and {most}")
            return default
        return value

    def load(self):
        try:
            text = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestErrors(f"{self.file}: cannot be read: {error}") from None
        try:
            return text, tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = int(at.group(1)) if at else text.count("\n") + 1
            raise ManifestErrors(f"{self.file}:{line}: {re.sub(r' *[(]at .*[)]$', '', str(error))}") from None
