"""synthetic.py: a run that never happened, as `ashlar run` would have written it.

    synthetic.py OUT_DIR [SCENARIO] [--blocks N] [--seed S] [--contenders a,b]

The effects are planted and known, so the tests can ask whether they are found. Scenarios:

    plain     effects between 0.6 and 1.25, as the table EFFECT says; instructions counted once
    aa        the same library under two names: nothing differs
    slow      one primary cell is 10 % slower, with 3 % noise
    failed    a crash, a time-out, a damaged block
    holes     blocks missing, no end line
    torn      the last line cut off in the middle
    perf      instructions from every process, one cell of them not repeatable
    floor     `limit` is a contender and a reference: a quarter of the time, but twice that of
              malloc-large; the bare loop is a third of fastpath's time, a tenth elsewhere
    memory    memory over time alone: three blocks, ashlar needs three quarters of glibc's memory
    duets     every second block of one thread is a duet, with a third of the noise
    markup    names that try to break out of HTML, JSON and Markdown
"""
import argparse
import json
import os
import random

MS = 1_000_000

# workload, params, threads, primary, ms, net peak KiB, time ratio, memory ratio, noise
CELLS = [
    ("fastpath", "size=16,batch=1", 1, False, 410, 120, 0.72, 1.00, 0.03),
    ("fastpath", "size=64,batch=1", 1, True, 415, 130, 0.71, 1.00, 0.03),
    ("fastpath", "size=256,batch=1", 1, False, 420, 130, 0.74, 1.00, 0.03),
    ("fastpath", "size=1024,batch=1", 1, True, 430, 160, 0.78, 1.00, 0.03),
    ("fastpath", "size=16384,batch=1", 1, False, 455, 300, 1.004, 1.00, 0.01),
    ("stack", "order=lifo,depth=128,size=64", 1, True, 380, 420, 0.83, 1.00, 0.03),
    ("stack", "order=rnd,depth=8192,size=16..512", 1, True, 510, 6800, 0.92, 1.06, 0.035),
    ("larson", "size=8..1000,slots=1000", 2, True, 470, 9200, 0.61, 0.88, 0.05),
    ("xmalloc-test", "size=8..1024,queue=4096", 2, True, 540, 14100, 1.24, 1.19, 0.16),
    ("malloc-large", "size=1M..32M,live=16", 1, True, 360, 262144, 0.55, 1.005, 0.04),
    ("frag", "shape=sawtooth,peak=64M,size=16..4096", 1, True, 590, 71680, 0.95, 0.93, 0.03),
    ("micro", "BM_malloc_free/64", 1, True, 18, 2100, 0.69, 1.00, 0.02),
    ("micro", "BM_calloc/1024", 1, False, 44, 2100, 1.03, 1.00, 0.012),
    ("micro", "BM_realloc_growth", 1, True, 320, 2400, 1.11, 1.00, 0.03),
]

ENVIRONMENT = {
    "kernel": "6.1.0-28-amd64", "architecture": "x86_64", "cpu_model": "Imagined CPU @ 2.60GHz",
    "cores": 2, "cores_allowed": 2, "memory_mib": 7949, "thp": "madvise", "governor": None,
    "turbo": None, "smt": "on", "aslr": "2", "glibc": "2.36", "clock_source": "kvm-clock",
    "pmu": "No such file or directory", "container": "docker", "virtual_machine": True,
    "load": 0.08, "fingerprint": "5f0c9a3b7d21e846",
}

WARNINGS = [
    {"id": "no-pmu", "text": "no hardware counters here (No such file or directory)",
     "remedy": "run on a machine with a PMU; then callgrind counts instructions"},
    {"id": "smt", "text": "two threads may be siblings of one core: two-thread timings have two modes",
     "remedy": "switch SMT off, or read the paired blocks and the instructions"},
]


def plan(args, cells, names):
    return {
        "type": "plan", "schema": "ashlar-samples-1", "run_id": "0123456789abcdef", "seed": args.seed,
        "suite": "quick", "baseline": names[0], "contenders": names[1:], "blocks": args.blocks,
        "cells": [
            {"id": i, "label": f"{c[0]}-{i}", "workload": c[0], "params": c[1], "threads": c[2],
             "primary": c[3], "args": ["--threads", str(c[2]), "--ops", "100000"]}
            for i, c in enumerate(cells)],
        "skipped": [],
        **({"duet": {"both": True, "cpus": [0, 1]}} if args.scenario == "duets" else {}),
        "environment": ENVIRONMENT,
        "allocators": [
            {"name": n, "path": f"/usr/lib/{n}.so", "version": "1.0", "build_id": f"{i:040x}",
             "audit": {"loaded": True}, "reference": n == "limit"} for i, n in enumerate(names)],
        "warnings": [] if args.scenario == "aa" else WARNINGS,
    }


def sample(rng, args, index, cell, name, is_contender, block, order, shared):
    workload, _, threads, _, ms, kib, time_ratio, memory_ratio, noise = cell
    if args.scenario == "aa" or not is_contender:
        time_ratio = memory_ratio = 1.0
    if name == "limit":
        time_ratio = 2.0 if workload == "malloc-large" else 0.25
    duet = args.scenario == "duets" and threads == 1 and block % 2 == 1 and block > 0
    if duet:
        noise /= 3
    if args.scenario == "slow":
        time_ratio, noise = (1.10 if is_contender and workload == "larson" else 1.0), 0.03
        memory_ratio = 1.0
    # Two modes, as of two CPUs that are siblings of one core at times.
    mode = 1.35 if threads == 2 and workload == "xmalloc-test" and rng.random() < 0.4 else 1.0
    # The noise is that of a paired log ratio; each side has its share of it.
    time_ns = ms * MS * shared * mode * time_ratio * rng.lognormvariate(0, noise / 2 ** 0.5)
    peak = kib * memory_ratio + rng.choice([-4, 0, 0, 0, 4]) + 1800
    one = {
        "type": "sample", "cell": index, "block": block, "order": order, "warmup": block < 0,
        "allocator": name, "status": "ok", "exit": 0, "signal": 0, "detail": "",
        "time_ns": round(time_ns), "wall_ns": round(time_ns * 1.03), "peak_rss_kib": round(peak),
        "user_us": round(time_ns / 1000), "sys_us": 900, "minflt": 300, "majflt": 0,
        "ctx_switches": rng.randrange(4), "instructions": None, "counters": {},
    }
    if duet:
        one.update(duet=True, cpu=order)
    if args.scenario == "perf":
        spread = 0.024 if threads == 2 else 0.0002
        one["instructions"] = round(ms * 3e6 * time_ratio * rng.lognormvariate(0, spread))
    return one


def blocks(rng, args, cells, names):
    for block in range(-1, args.blocks):
        for index, cell in enumerate(cells):
            shared = rng.lognormvariate(0, 0.02)
            order = names[:]
            rng.shuffle(order)
            for place, name in enumerate(order):
                one = sample(rng, args, index, cell, name, name != names[0], block, place, shared)
                if one["warmup"]:
                    one["block"] = 0
                yield one


def spoil(args, lines):
    """Plants the failures and holes of a scenario."""
    for one in lines:
        where = (one.get("cell"), one.get("allocator"), one.get("block"), one.get("warmup"))
        if args.scenario == "failed":
            if where == (7, "ashlar", 3, False):
                one.update(status="crash", signal=11, exit=-1, time_ns=None, peak_rss_kib=None,
                           detail="signal 11 (Segmentation fault): planted")
            if where == (9, "glibc", 0, True):
                one.update(status="timeout", signal=9, time_ns=None, peak_rss_kib=None,
                           detail="killed after 60.0 s")
            if where == (10, "ashlar", 5, False):
                one.update(status="integrity", exit=1, time_ns=None, peak_rss_kib=None,
                           detail="3 blocks were damaged")
        if args.scenario == "holes" and one["type"] == "sample" and not one["warmup"]:
            if one["cell"] == 5 and one["block"] >= 9 or one["cell"] == 6 and where[1:3] == ("ashlar", 2):
                continue
        yield one


def loop_ns(args, cell):
    long = args.scenario == "floor" and cell[0] == "fastpath"
    return round(cell[4] * MS / (3 if long else 10))


def nulls(args, cells, names):
    for index, cell in enumerate(cells):
        if cell[0] != "micro":
            for name in names:
                yield {"type": "null", "cell": index, "allocator": name, "status": "ok",
                       "null_rss_kib": 1800, "time_ns": loop_ns(args, cell)}


def counts(cells, names):
    for index, cell in enumerate(cells):
        if cell[2] == 1:
            for name in names:
                ratio = cell[6] if name != names[0] else 1.0
                yield {"type": "count", "cell": index, "allocator": name, "status": "ok",
                       "instructions": round(cell[4] * 40_000 * ratio), "ops": 20_000,
                       "method": "callgrind", "detail": ""}
                first = name == names[0]
                by_name = {"madvise": [10, 10], "process_madvise": [4, 4]} if first else {"madvise": [3, 3], "munmap": [1, 1]}
                yield {"type": "count", "cell": index, "allocator": name, "status": "ok", "method": "ptrace",
                       "detail": "", "ops": 15_000, "syscalls": [14, 14] if first else [4, 4],
                       "minor_faults": [300, 300], "by_name": by_name}


def curve(live, resident, rest):
    """Up to the crest in a second, down in another, and five seconds of rest."""
    points = [[-5.0, 1900, 0, 0, 0, "ready"]]
    for i in range(1, 40):
        share = min(i, 40 - i) / 20
        points.append([i * 50.0, 1800 + round(resident * min(1, i / 20)), 0, 0, round(live * share),
                       "active" if i >= 20 else "begin"])
    return points + [[2000.0 + ms, 1800 + rest, 64, 0, 0, "idle"] for ms in (100, 1000, 5000)]


def memory(cells, names):
    """Figures that change by block as 1.0, 0.9, 1.1."""
    for index in range(2):
        for name in names:
            need = 1.0 if name == names[0] else 0.75
            for block, factor in enumerate((1.0, 0.9, 1.1)):
                live, kib = 32768, round(49152 * need * factor)
                line = {"type": "memory", "cell": index, "allocator": name, "block": block, "status": "ok",
                        "detail": "", "exit": 0, "signal": 0, "base_kib": 1800, "idle_ms": 5300,
                        "curve": curve(live, kib, 20000),
                        "drained": {"0.1": 1800 + 20000, "1": 1800 + round(20000 * need), "5": 1700},
                        "figures": {"f1": 2.0 * need * factor, "f2": 1.5 * need * factor, "f3": None,
                                    "f4": 1.5 * need * factor, "peak_kib": kib, "live_kib": live, "readings": 39},
                        "peak": {}, "live_peak_kib": live, "vmhwm_kib": 1800 + kib, "time_ns": 2000000000,
                        "read_share": 0.008 + block / 1000}
                if block == 0:
                    line["layout"] = {"page_waste": 0.25 * need, "false_sharing": 0.0,
                                      "internal_waste": 0.125, "huge_coverage": 0.5}
                    line["disturbance"] = {"watched_ns": 2000000000, "alone_ns": 1990000000}
                yield line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("scenario", nargs="?", default="plain")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contenders", default="ashlar")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    cells = CELLS
    if args.scenario == "floor":
        args.contenders = "limit,ashlar"
    names = ["glibc"] + args.contenders.split(",")
    if args.scenario == "markup":
        names = ["glibc", "a</script><b>|`*_&\"'\\"]
        cells = [("x</script><script>alert(1)</script>", "p=|<!--", 1, True) + c[4:] for c in CELLS[1:2]]
    lines = [plan(args, cells, names)]
    lines += nulls(args, cells, names)
    if args.scenario == "memory":
        lines[0].update(blocks=0, memory_blocks=3, memory_idle_ms=5300)
        lines += memory(cells, names)
    else:
        lines += spoil(args, blocks(rng, args, cells, names))
    if args.scenario in ("plain", "failed"):
        lines += counts(cells, names)
    if args.scenario != "holes":
        lines.append({"type": "end", "elapsed_s": 201.5})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    if args.scenario == "torn":
        text = text[:text.rindex('{"type": "sample"') + 90]
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "samples.jsonl"), "w") as out:
        out.write(text)


main()
