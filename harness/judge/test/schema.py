"""schema.py FILE: is this a whole "ashlar-summary-1"? Names the first thing that is not."""
import json
import sys

VERDICTS = {"better", "worse", "same", "unclear", "failed"}
METRICS = {"time", "peak_rss", "instructions"}


def number_or_null(value):
    return value is None or isinstance(value, (int, float)) and not isinstance(value, bool)


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


CELL = {
    "workload": lambda v: isinstance(v, str) and v,
    "params": lambda v: isinstance(v, str),
    "threads": lambda v: isinstance(v, int) and v >= 1,
    "metric": lambda v: v in METRICS,
    "contender": lambda v: isinstance(v, str) and v,
    "ratio": lambda v: number_or_null(v) and (v is None or v > 0),
    "low": number_or_null,
    "high": number_or_null,
    "p": lambda v: number_or_null(v) and (v is None or 0 <= v <= 1),
    "p_holm": lambda v: number_or_null(v) and (v is None or 0 <= v <= 1),
    "verdict": lambda v: v in VERDICTS,
    "blocks": lambda v: isinstance(v, int) and v >= 0,
}
MEAN = {k: CELL[k] for k in ("contender", "metric", "ratio", "low", "high")}
MEAN["workloads"] = CELL["blocks"]
WARNING = {k: lambda v: isinstance(v, str) and v for k in ("id", "text", "remedy")}


def check(items, keys, what):
    for i, item in enumerate(items):
        for key, good in keys.items():
            if key not in item or not good(item[key]):
                sys.exit(f"{what} {i}: {key} is {item.get(key, 'missing')!r}")


def main():
    try:
        s = json.load(open(sys.argv[1]), parse_constant=refuse_constant)
    except ValueError as problem:
        sys.exit(str(problem))
    if s.get("schema") != "ashlar-summary-1":
        sys.exit("schema")
    if not isinstance(s.get("baseline"), str) or not isinstance(s.get("environment"), dict):
        sys.exit("baseline or environment")
    check(s["cells"], CELL, "cell")
    check(s["geomean"], MEAN, "mean")
    check(s["warnings"], WARNING, "warning")
    for cell in s["cells"]:
        if cell["contender"] not in s["contenders"]:
            sys.exit(f"{cell['contender']} is no contender")
        if cell["ratio"] is not None and not cell["low"] <= cell["ratio"] <= cell["high"]:
            sys.exit(f"ratio outside its interval: {cell}")
        if cell["p"] is not None and cell["p_holm"] < cell["p"]:
            sys.exit(f"Holm below p: {cell}")
        judged = cell["verdict"] in ("better", "worse") and cell["judged_by"] != "count"
        if judged and not cell["p_holm"] <= 0.05:
            sys.exit(f"a verdict without its p: {cell}")
    print(f"valid: {len(s['cells'])} cells, {len(s['geomean'])} means")


main()
