"""Figures from raw times: medians, spreads, ratios, geometric means, and what changed.

In: the dictionaries that measure.py makes or that a JSON file holds. Out: numbers. A ratio is the
median over interleaved turns of (engine's time ÷ base's time in the same turn); its spread is the
distance between the quartiles relative to the median.
"""
import math
import statistics

FLOOR = 0.03  # changes below this are never called real, however quiet the machine was


def median_and_spread(values):
    middle = statistics.median(values)
    if len(values) < 3:
        return middle, (max(values) - min(values)) / middle
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, (high - low) / middle


def ratio(result, engine, base="native"):
    """(ratio, spread), or None where one of the two has no times."""
    times, base_times = result["ns"].get(engine), result["ns"].get(base)
    if not times or not base_times:
        return None
    return median_and_spread([a / b for a, b in zip(times, base_times)])


def geomean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def class_geomean(results, engine, kinds, base="native"):
    """(geometric mean of ratios, number of programs) over the programs of these classes."""
    ratios = [ratio(r, engine, base) for r in results.values() if r["class"] in kinds]
    found = [value[0] for value in ratios if value]
    return geomean(found), len(found)


def changes(old, new, base="native"):
    """What differs between two result sets beyond their noise: rows (program, engine, old, new,
    change), the largest first."""
    rows = []
    for name in sorted(set(old) & set(new)):
        for engine in sorted(set(old[name]["ns"]) & set(new[name]["ns"]) - {base}):
            before, after = ratio(old[name], engine, base), ratio(new[name], engine, base)
            if not before or not after:
                continue
            change = after[0] / before[0] - 1
            if abs(change) > max(FLOOR, before[1] + after[1]):
                rows.append((name, engine, before[0], after[0], change))
    return sorted(rows, key=lambda row: -abs(row[4]))
