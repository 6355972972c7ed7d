"""oracle.py: the statistics by another road: scipy where it has them, brute force where it has not.

    oracle.py data                     prints fixed data, a line a case
    oracle.py compare DATA OURS        compares `stats-cli pairs` (OURS) with the oracle, line by line
    oracle.py data-upward | compare-upward   the same for the one-sided test and its bounds
    oracle.py data-holm | compare-holm       the same for Holm's adjustment
    oracle.py data-share | compare-share     the same for Clopper and Pearson's interval

Exit status 1 and a line for each case that differs.
"""
import itertools
import random
import sys

import numpy
from scipy import stats

TOLERANCE = 1e-9


def cases():
    rng = random.Random(20)
    yield [-0.952, 0.147, -1.022, -0.43, -0.62, -0.59, -0.49, 0.08, -0.01]
    for n in range(1, 26):
        yield [rng.gauss(0.02, 0.03) for _ in range(n)]
    for n in (12, 24, 48, 72):
        yield [rng.gauss(0, 0.03) + rng.choice((0.2, -0.2)) for _ in range(n)]
    for n in range(3, 15):  # ties, and zeros in some
        yield [float(rng.randrange(-4, 6)) for _ in range(n)]
    yield [0.0, 0.0, 0.0]
    yield [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]


def p_by_signs(ranks, w):
    """All 2^n signs, for ties: scipy's exact mode is not exact there."""
    sums = numpy.array([0.0])
    for rank in ranks:
        sums = numpy.concatenate([sums, sums + rank])
    return min(1.0, 2 * min(numpy.mean(sums <= w), numpy.mean(sums >= w)))


def signed_rank(d):
    nonzero = [x for x in d if x != 0]
    if not nonzero:
        return 0.0, 1.0, 0.0, 0
    ranks = stats.rankdata(numpy.abs(nonzero))
    w = sum(r for r, x in zip(ranks, nonzero) if x > 0)
    effect = (w - (sum(ranks) - w)) / sum(ranks)
    if len(set(numpy.abs(nonzero))) < len(nonzero):
        p = p_by_signs(ranks, w)
    elif len(nonzero) <= 50:
        p = stats.wilcoxon(nonzero, mode="exact").pvalue
    else:
        p = exact_by_counting(len(nonzero), w)
    return w, p, effect, len(nonzero)


def exact_by_counting(n, w):
    """Integer counts of subsets of 1..n by their sum."""
    ways = [1] + [0] * (n * (n + 1) // 2)
    for rank in range(1, n + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    lower = sum(ways[:int(w) + 1])
    upper = sum(ways[int(w):])
    return min(1.0, 2 * min(lower, upper) / 2**n)


def location(d, alpha=0.05):
    n = len(d)
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2))
    ways = [1] + [0] * (n * (n + 1) // 2)
    for rank in range(1, n + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    below = 0  # P(T < k) <= alpha / 2 for the largest such k
    k = 0
    while (below + ways[k]) / 2**n <= alpha / 2:
        below += ways[k]
        k += 1
    if k == 0:
        k, below = 1, ways[0]
    return float(numpy.median(walsh)), walsh[k - 1], walsh[len(walsh) - k], 1 - 2 * below / 2**n


def upward_cases():
    """The limit, then the blocks: limits below, at and above the centre."""
    rng = random.Random(22)
    for n in (1, 4, 5, 6, 12, 24, 48, 72):
        for limit in (0.0, 0.0296, 0.05):
            yield [limit, *(rng.gauss(0.04, 0.04) for _ in range(n))]
    for n in (6, 10, 14):  # ties, and blocks that are exactly at the limit
        yield [1.0, *(float(rng.randrange(-3, 6)) for _ in range(n))]


def upward(case):
    limit, d = case[0], case[1:]
    shifted = [x - limit for x in d]
    nonzero = [x for x in shifted if x != 0]
    ranks = stats.rankdata(numpy.abs(nonzero))
    w = sum(r for r, x in zip(ranks, nonzero) if x > 0)
    if len(set(numpy.abs(nonzero))) < len(nonzero):
        sums = numpy.array([0.0])
        for rank in ranks:
            sums = numpy.concatenate([sums, sums + rank])
        p = numpy.mean(sums >= w)
    elif len(nonzero) <= 50:
        p = stats.wilcoxon(nonzero, mode="exact", alternative="greater").pvalue
    else:
        ways = subsets(len(nonzero))
        p = sum(ways[int(w):]) / 2**len(nonzero)
    return [p, upper_bound(d, 0.05), upper_bound(d, 0.02)]


def subsets(n):
    """How many subsets of 1..n have each sum."""
    ways = [1] + [0] * (n * (n + 1) // 2)
    for rank in range(1, n + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return ways


def upper_bound(d, alpha):
    """The largest limit that the test does not reject at alpha, by trying every Walsh average."""
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2))
    ways, n = subsets(len(d)), len(d)
    k, below = 0, 0
    while (below + ways[k]) / 2**n <= alpha:
        below += ways[k]
        k += 1
    return walsh[len(walsh) - k] if k > 0 else float("inf")


def holm_cases():
    rng = random.Random(21)
    for n in (1, 2, 5, 10, 30):
        yield [rng.random() ** 3 for _ in range(n)]
    yield [0.01, 0.01, 0.01, 0.5]


def holm(p):
    """Straight from the definition: the maximum over all smaller p of its multiple."""
    ordered = sorted(p)
    return [min(1.0, max((len(p) - j) * q for j, q in enumerate(ordered) if q <= x)) for x in p]


def share_cases():
    for of in (1, 2, 5, 20, 24, 72, 240, 1000):
        for found in sorted({0, 1, of // 3, of // 2, of - 1, of}):
            yield [found, of]


def share(case):
    """By the binomial test's own interval, and its one-sided bound."""
    found, of = int(case[0]), int(case[1])
    both = stats.binomtest(found, of).proportion_ci(0.95, method="exact")
    upper = stats.binomtest(found, of, alternative="less").proportion_ci(0.95, method="exact").high
    return [both.low, both.high, upper]


def differ(name, ours, want):
    if len(ours) == len(want) and all(a == b or abs(a - b) <= TOLERANCE for a, b in zip(ours, want)):
        return 0
    print(f"{name}: ours {ours}, oracle {want}")
    return 1


def main():
    mode = sys.argv[1]
    if mode.startswith("data"):
        made = {"data": cases, "data-upward": upward_cases, "data-holm": holm_cases,
                "data-share": share_cases}
        for d in made[mode]():
            print(*(repr(x) for x in d))
        return 0
    rows = [[[float(x) for x in line.split()] for line in open(name)] for name in sys.argv[2:4]]
    if len(rows[0]) != len(rows[1]) or not rows[0]:
        print(f"{len(rows[0])} cases, {len(rows[1])} results")
        return 1
    wrong = 0
    for i, (data, ours) in enumerate(zip(*rows)):
        if mode == "compare":
            want = [*signed_rank(data), *location(data)]
        else:
            want = {"compare-holm": holm, "compare-upward": upward, "compare-share": share}[mode](data)
        wrong += differ(f"case {i} (n = {len(data)})", ours, [float(x) for x in want])
    print(f"{len(rows[0])} cases, {wrong} differ")
    return wrong > 0


sys.exit(main())
