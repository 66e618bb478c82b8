"""Turns pages/ALKA_nnn.md into a C table for alka_explain. Usage: embed_pages.py OUT.c PAGE.md…"""
import pathlib
import re
import sys


def c_string(line: str) -> str:
    """One line of a page as a C string literal; ASCII only, so that any terminal shows it."""
    line.encode("ascii")
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'     "{escaped}\\n"'


def main() -> int:
    out, *pages = sys.argv[1:]
    rows = []
    for page in sorted(pages):
        path = pathlib.Path(page)
        match = re.fullmatch(r"ALKA_(\d{3})\.md", path.name)
        if not match:
            sys.exit(f"{page}: not named ALKA_nnn.md")
        lines = path.read_text(encoding="ascii").splitlines()
        if not lines or not lines[0].startswith(f"# ALKA_{match[1]}: "):
            sys.exit(f"{page}:1: a page begins with '# ALKA_{match[1]}: ' and its message")
        text = "\n".join(c_string(line) for line in lines)
        rows.append(f"    {{{int(match[1])},\n{text}}},")
    pathlib.Path(out).write_text(
        "/* Made from pages/ by embed_pages.py. */\n"
        '#include "pages.h"\n\n'
        "const struct page pages[] = {\n" + "\n".join(rows) + "\n};\n"
        f"const uint32_t page_count = {len(rows)};\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
