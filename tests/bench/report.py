"""Says the figures: the table on the terminal, the table in Markdown, and the comparison of two runs.

In: result dictionaries (see measure.py). Out: text. Cells are ratios to `clang -O2` in the same run;
a spread above 5 % is shown beside its figure, for it says how much to believe it.
"""
import stats

GROUPS = [("float", ("float",)), ("integer", ("integer",)), ("control", ("control",)),
          ("mix", ("mix",)), ("all", ("float", "integer", "control", "mix"))]  # fmt: skip
SHOWN_SPREAD = 0.05
RIVALS = {"alkahest": ("turbofan", "turbofan-new", "cranelift", "liftoff"),
          "alkahest-simd": ("turbofan-simd", "cranelift-simd")}  # fmt: skip


def align(rows):
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def cell(result, engine, base):
    if engine in result["failed"]:
        return "FAILED"
    figures = stats.ratio(result, engine, base)
    if not figures:
        return "-"
    value, spread = figures
    return f"{value:.2f}" + (f" ±{spread * 50:.0f}%" if spread > SHOWN_SPREAD else "")


def base_ms(result, base):
    times = result["ns"].get(base)
    return f"{stats.median_and_spread(times)[0] / 1e6:.1f}" if times else "-"


def ratio_rows(results, engines, base):
    """Header, one row per program, one row per class."""
    others = [name for name in engines if name != base]
    rows = [["program", f"{base} ms", *others]]
    for name, result in results.items():
        rows.append([name, base_ms(result, base), *(cell(result, e, base) for e in others)])
    for title, kinds in GROUPS:
        means = [stats.class_geomean(results, e, kinds, base) for e in others]
        count = max((n for _, n in means), default=0)
        if count > 1 or (count and title != "all"):
            cells = [f"{mean:.2f}" + ("" if n == count else f" ({n})") if mean else "-"
                     for mean, n in means]  # fmt: skip
            rows.append([f"geomean {title}", str(count), *cells])
    return rows


def against(results, engine, rival):
    """One sentence: the engine's times over the rival's, in the mean and at worst."""
    ratios = {}
    for name, result in results.items():
        figures = stats.ratio(result, engine, rival)
        if figures:
            ratios[name] = figures[0]
    if not ratios:
        return None
    worst = max(ratios, key=ratios.get)
    return (
        f"{engine} ÷ {rival}: geomean {stats.geomean(ratios.values()):.2f} over {len(ratios)} "
        f"programs, worst {ratios[worst]:.2f} ({worst}), "
        f"ahead on {sum(1 for r in ratios.values() if r < 1)}"
    )


def table(results, engines, base):
    lines = align(ratio_rows(results, engines, base)) + [""]
    for engine, rivals in RIVALS.items():
        for rival in rivals:
            if engine in engines and rival in engines:
                sentence = against(results, engine, rival)
                lines += [sentence] if sentence else []
    failures = [f"{name}: {engine}: {reason}" for name, result in results.items()
                for engine, reason in result["failed"].items()]  # fmt: skip
    if failures:
        lines += ["", f"{len(failures)} FAILED:", *failures]
    return "\n".join(lines)


def markdown(rows, titles, setting):
    """The same rows for a README: engines by their titles, means in bold, the setting below."""
    heads = [head.split(" ") for head in rows[0]]
    rows[0] = [" ".join([titles.get(head[0], head[0]), *head[1:]]) for head in heads]
    rows[1:] = [[f"**{c}**" if row[0].startswith("geomean") else c for c in row] for row in rows[1:]]
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" + "|---:" * (len(rows[0]) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    return "\n".join(lines + ["", setting, ""])


def throughput_rows(modules, engines):
    rows = [["module", "MB", "code MB", *(f"{e} MB/s" for e in engines), "code ÷ body"]]
    for name, entry in modules.items():
        cells = []
        for engine in engines:
            ms = entry["ms"].get(engine)
            failed = engine in entry["failed"]
            cells.append("failed" if failed else "-" if not ms else
                         f"{entry['bytes'] / 1e3 / stats.median_and_spread(ms)[0]:.3g}")  # fmt: skip
        native = entry.get("native_code_bytes")
        growth = f"{native / entry['code_bytes']:.2f}" if native and entry["code_bytes"] else "-"
        rows.append([name, f"{entry['bytes'] / 1e6:.2f}", f"{entry['code_bytes'] / 1e6:.2f}",
                     *cells, growth])  # fmt: skip
    return rows


def throughput_table(modules, engines):
    lines = align(throughput_rows(modules, engines))
    failures = [f"{name}: {engine}: {reason}" for name, entry in modules.items()
                for engine, reason in entry["failed"].items()]  # fmt: skip
    if failures:
        lines += ["", f"{len(failures)} failed:", *failures]
    return "\n".join(lines)


def comparison(old, new, base):
    """What changed beyond the noise between two files, and the geomeans of both."""
    rows = stats.changes(old["programs"], new["programs"], base)
    lines = []
    if rows:
        cells = [["program", "engine", "before", "now", "change"]]
        cells += [[name, engine, f"{before:.2f}", f"{after:.2f}", f"{change:+.0%}"]
                  for name, engine, before, after, change in rows]  # fmt: skip
        lines += align(cells)
    else:
        lines.append("nothing changed beyond the noise")
    common = set(old["programs"]) & set(new["programs"])
    before = {name: old["programs"][name] for name in common}
    after = {name: new["programs"][name] for name in common}
    everything = GROUPS[-1][1]
    for engine in new["engines"]:
        first, _ = stats.class_geomean(before, engine, everything, base)
        second, _ = stats.class_geomean(after, engine, everything, base)
        if first and second and engine != base:
            lines.append(f"geomean {engine}: {first:.3f} -> {second:.3f}")
    return "\n".join(lines)
