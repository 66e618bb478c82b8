"""Where each key of a TOML file stands: tomllib gives values, diagnostics need lines.

The text is known to be valid TOML (tomllib read it), so this scanner only finds its way; it checks nothing.
A path is a tuple of keys and array indices, as tomllib's dicts and lists are indexed: ("module", 2, "limits", "memory_pages").
"""
import re

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_BLANK = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_STRINGS = [
    re.compile(r'"""(?:\\.|[^\\])*?"""+', re.DOTALL),
    re.compile(r"'''.*?'''+", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
]


class _Scanner:
    def __init__(self, text):
        self.text = text
        self.pos = 0
        self.lines = {}
        self.array_sizes = {}

    def line(self):
        return self.text.count("\n", 0, self.pos) + 1

    def skip(self, pattern):
        match = pattern.match(self.text, self.pos)
        if match:
            self.pos = match.end()
        return match.group(0) if match else ""

    def at(self, token):
        return self.text.startswith(token, self.pos)

    def string(self):
        for pattern in _STRINGS:
            text = self.skip(pattern)
            if text:
                return text
        return ""

    def key(self):
        """A dotted key, as a tuple."""
        parts = []
        while True:
            self.skip(_BLANK)
            quoted = self.string()
            parts.append(quoted[1:-1] if quoted else self.skip(_BARE))
            self.skip(_BLANK)
            if not self.at("."):
                return tuple(parts)
            self.pos += 1

    def resolve(self, key):
        """A header's key with the index of the last element wherever it names an array of tables."""
        path = ()
        for part in key:
            path += (part,)
            if path in self.array_sizes:
                path += (self.array_sizes[path] - 1,)
        return path

    def note(self, path):
        for size in range(1, len(path) + 1):
            self.lines.setdefault(path[:size], self.line())

    def header(self):
        is_array = self.at("[[")
        self.pos += 2 if is_array else 1
        key = self.key()
        if not is_array:
            self.pos += 1
            prefix = self.resolve(key)
        else:
            self.pos += 2
            path = self.resolve(key[:-1]) + key[-1:]
            self.array_sizes[path] = self.array_sizes.get(path, 0) + 1
            prefix = path + (self.array_sizes[path] - 1,)
        self.note(prefix)
        return prefix

    def assignment(self, prefix):
        path = prefix + self.key()
        self.note(path)
        self.pos += 1  # the equals sign
        self.skip(_BLANK)
        self.value(path)

    def value(self, path):
        self.note(path)
        if self.at("["):
            self.items(path, "]", lambda index: self.value(path + (index,)))
        elif self.at("{"):
            self.items(path, "}", lambda _: self.assignment(path))
        elif not self.string():
            self.skip(_SCALAR)

    def items(self, path, end, item):
        self.pos += 1
        index = 0
        self.skip(_FILLER)
        while not self.at(end):
            item(index)
            index += 1
            self.skip(_FILLER)
            if self.at(","):
                self.pos += 1
                self.skip(_FILLER)
        self.pos += 1

    def scan(self):
        prefix = ()
        self.skip(_FILLER)
        while self.pos < len(self.text):
            if self.at("["):
                prefix = self.header()
            else:
                self.assignment(prefix)
            self.skip(_FILLER)
        return self.lines


def key_lines(text):
    """Maps each path in valid TOML text to the line where it first stands."""
    return _Scanner(text).scan()
