"""How fast a question is and what the graph finds, on setups drawn at random.

`uv run just bench-index` draws 100,000 vectors, `uv run just bench-million` a million. Vectors have thirty
slots that hang together as features do: eight hidden causes, noise, and one slot in twenty missing.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import threadpoolctl

from warehouse import index, odds, vectors
from warehouse.index import Pool, SetupIndex
from warehouse.spread import Groups
from warehouse.vectors import Scaler

SLOTS, CAUSES, QUESTIONS, K = 30, 8, 100, 30
PER_DATE, KINDS = 200, 8
LIBRARY = 50_000


def drawn(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((count, CAUSES)) @ rng.standard_normal((CAUSES, SLOTS))
    values += rng.standard_normal((count, SLOTS))
    values[rng.random(values.shape) < 0.05] = np.nan
    return values.astype(np.float32)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def timed(ask, rows) -> tuple[float, float]:
    """Median and largest milliseconds of processor time of a question."""
    spent = []
    for row in rows:
        begun = time.process_time()
        ask(row)
        spent.append(1e3 * (time.process_time() - begun))
    return float(np.median(spent)), float(np.max(spent))


def question(values: np.ndarray) -> None:
    """Search, rarity and odds of a question by level and direction, and by price, exact."""
    count = len(values)
    dates = np.arange(count) // PER_DATE
    groups, kind = Groups(dates, np.arange(count)), np.random.default_rng(1).integers(0, KINDS, count)
    ends = np.eye(3)[np.random.default_rng(2).integers(0, 3, count)]

    def answer(row, like):
        allowed = like & (dates != dates[row])
        found = index.search_exact(values[row], Pool(values, np.ones(SLOTS), allowed, groups), K)
        vectors.usual(values[allowed], groups.of(allowed), np.ones(SLOTS), K)
        odds.blend(
            odds.weights(found.distances),
            ends[found.rows],
            np.full((len(found.rows), 3), 1 / 3),
            np.full(3, 1 / 3),
            None,
        )

    for what, ask in (
        ("a level and direction", lambda row: answer(row, kind == kind[row])),
        ("a price, one direction", lambda row: answer(row, kind % 2 == kind[row] % 2)),
    ):
        middle, most = timed(ask, range(0, count, count // 20))
        say(f"{count:,} setups, exact, {what}: {middle:.0f} ms, at most {most:.0f} (mark 50)")


def recall(values: np.ndarray) -> None:
    """Recall of thirty neighbours after re-ranking, beside brute force."""
    count, scale = len(values), Scaler(np.zeros(SLOTS), np.ones(SLOTS))
    begun = time.process_time()
    graph = SetupIndex.build(values, scale)
    say(f"{count:,} vectors: graph built in {time.process_time() - begun:.0f} s")
    pool = Pool(values, np.ones(SLOTS), np.ones(count, bool))
    rows = range(0, count, count // QUESTIONS)
    found = []

    def near(row):
        found.append((row, index.search(values[row], pool, K, graph).rows))

    middle, _ = timed(near, rows)
    brute, _ = timed(lambda row: index.search_exact(values[row], pool, K), list(rows)[:10])
    shares = [np.isin(index.search_exact(values[row], pool, K).rows, got).mean() for row, got in found]
    line = f"recall@{K} after re-ranking {np.mean(shares):.4f} (mark 0.99), worst {np.min(shares):.3f}"
    say(f"{count:,} vectors: {line}; {middle:.1f} ms beside {brute:.1f} ms of brute force")


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--vectors", type=int, default=100_000)
    options = parser.parse_args()
    with threadpoolctl.threadpool_limits(1):  # other threads wait by spinning, which counts as processor time
        question(drawn(LIBRARY))
        recall(drawn(options.vectors))


if __name__ == "__main__":
    main()
