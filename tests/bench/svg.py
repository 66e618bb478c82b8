"""A small SVG writer and the three charts drawn with it.

In: result dictionaries. Out: SVG text: geomeans per class as grouped bars, every program as a row of
dots on a logarithmic scale, compile throughput as bars on a logarithmic scale.
"""
import math
from xml.sax.saxutils import escape

import stats

FONT = "font-family='sans-serif' fill='#222'"
COLOURS = {
    "native": "#999999", "novec": "#c8c8c8", "alkahest": "#c0392b", "checked": "#e59866",
    "wrap": "#f5cba7",
    "turbofan": "#2471a3", "liftoff": "#7fb3d5", "turbofan-new": "#154360",
    "liftoff-new": "#a9cce3", "wasm2c": "#229954", "cranelift": "#7d3c98", "winch": "#c39bd3",
    "wasmer": "#d4ac0d", "validate": "#b2babb",
}  # fmt: skip


class Picture:
    def __init__(self, width, height):
        self.parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
            f"viewBox='0 0 {width} {height}'>",
            f"<rect width='{width}' height='{height}' fill='white'/>",
        ]

    def text(self, x, y, text, size=12, anchor="start", weight="normal"):
        self.parts.append(
            f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' "
            f"font-weight='{weight}' {FONT}>{escape(text)}</text>"
        )

    def bar(self, x, y, width, height, colour, hint=""):
        self.parts.append(
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' "
            f"fill='{colour}'><title>{escape(hint)}</title></rect>"
        )

    def dot(self, x, y, colour, hint=""):
        self.parts.append(
            f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4.5' fill='{colour}' fill-opacity='0.85'>"
            f"<title>{escape(hint)}</title></circle>"
        )

    def line(self, x1, y1, x2, y2, colour="#ddd"):
        self.parts.append(
            f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'/>"
        )

    def legend(self, x, y, engines, titles):
        for engine in engines:
            title = titles.get(engine, engine)
            self.bar(x, y - 9, 10, 10, COLOURS.get(engine, "#000"))
            self.text(x + 14, y, title, 11)
            x += 26 + 6.2 * len(title)

    def __str__(self):
        return "\n".join([*self.parts, "</svg>", ""])


def geomean_chart(results, engines, titles, groups, base):
    """Grouped bars: one group per class, one bar per engine, height = time ÷ base."""
    shown = [engine for engine in engines if engine != base]
    groups = [group for group in groups if any(r["class"] in group[1] for r in results.values())]
    values = {
        (title, engine): stats.class_geomean(results, engine, kinds, base)[0]
        for title, kinds in groups
        for engine in shown
    }
    top = max([v for v in values.values() if v], default=1) * 1.1
    bar_width, height = 20, 260
    group_width = bar_width * len(shown) + 30
    picture = Picture(max(80 + group_width * len(groups), 60 + 150 * len(shown)), height + 110)
    picture.text(60, 22, f"Run time ÷ {titles.get(base, base)} (geometric mean, less is better)",
                 14, weight="bold")  # fmt: skip
    picture.legend(60, 42, shown, titles)
    scale = height / top
    floor_y = height + 60
    for tick in (0.5 * i for i in range(int(top / 0.5) + 1)):
        y = floor_y - tick * scale
        picture.line(50, y, 60 + group_width * len(groups), y, "#888" if tick == 1 else "#e4e4e4")
        picture.text(44, y + 4, f"{tick:g}", 11, "end")
    for index, (title, _) in enumerate(groups):
        left = 60 + index * group_width
        for position, engine in enumerate(shown):
            value = values[title, engine]
            if not value:
                continue
            x = left + position * bar_width
            picture.bar(x, floor_y - value * scale, bar_width - 3, value * scale,
                        COLOURS.get(engine, "#000"), f"{engine}: {value:.2f}")  # fmt: skip
            picture.text(x + bar_width / 2 - 1, floor_y - value * scale - 3, f"{value:.2f}", 8,
                         "middle")  # fmt: skip
        picture.text(left + (group_width - 30) / 2, floor_y + 18, title, 12, "middle")
    return str(picture)


def log_axis(picture, low, high, left, right, top, bottom, ticks):
    """Draws a logarithmic axis; returns the function from a value to its x."""

    def place(value):
        share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return left + share * (right - left)

    for tick in ticks:
        if low <= tick <= high:
            picture.line(place(tick), top, place(tick), bottom, "#888" if tick == 1 else "#e4e4e4")
            picture.text(place(tick), bottom + 16, f"{tick:g}", 11, "middle")
    return place


def programs_chart(results, engines, titles, base):
    """One row per program, one dot per engine."""
    shown = [engine for engine in engines if engine != base]
    points = {(name, e): stats.ratio(r, e, base) for name, r in results.items() for e in shown}
    values = [p[0] for p in points.values() if p] or [1]
    low, high = min(values + [1]) * 0.9, max(values + [1]) * 1.1
    row, left, right = 18, 130, 900
    bottom = 60 + row * len(results)
    picture = Picture(max(right + 40, 60 + 150 * len(shown)), bottom + 40)
    picture.text(20, 22, f"Run time ÷ {titles.get(base, base)}, each program", 14, weight="bold")
    picture.legend(20, 42, shown, titles)
    place = log_axis(picture, low, high, left, right, 52, bottom,
                     (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4, 6, 8, 12))  # fmt: skip
    for index, name in enumerate(results):
        y = 66 + row * index
        picture.text(left - 8, y + 4, name, 11, "end")
        picture.line(left, y, right, y, "#f0f0f0")
        for engine in reversed(shown):
            point = points[name, engine]
            if point:
                picture.dot(place(point[0]), y, COLOURS.get(engine, "#000"),
                            f"{name}, {engine}: {point[0]:.2f}")  # fmt: skip
    return str(picture)


def throughput_chart(modules, engines, titles):
    """MB of module per second, bars on a logarithmic scale; longer is better."""
    rates = {}
    for name, entry in modules.items():
        for engine in engines:
            if entry["ms"].get(engine):
                ms = stats.median_and_spread(entry["ms"][engine])[0]
                rates[name, engine] = entry["bytes"] / 1e3 / ms
    if not rates:
        return str(Picture(10, 10))
    low, high = min(rates.values()) * 0.7, max(rates.values()) * 1.3
    bar, left, right = 11, 220, 900
    block = bar * len(engines) + 12
    bottom = 60 + block * len(modules)
    picture = Picture(max(right + 40, 60 + 150 * len(engines)), bottom + 40)
    picture.text(20, 22, "Compiling: MB of module per second, one thread", 14, weight="bold")
    picture.legend(20, 42, engines, titles)
    place = log_axis(picture, low, high, left, right, 52, bottom,
                     (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000))  # fmt: skip
    for index, name in enumerate(modules):
        y = 62 + block * index
        picture.text(left - 8, y + block / 2, name, 11, "end")
        for position, engine in enumerate(engines):
            rate = rates.get((name, engine))
            if rate:
                picture.bar(left, y + position * bar, place(rate) - left, bar - 2,
                            COLOURS.get(engine, "#000"), f"{engine}: {rate:.1f} MB/s")  # fmt: skip
    return str(picture)
