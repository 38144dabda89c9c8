"""How fast a question is and what the graph finds, on setups drawn at random.

`uv run just bench-index` draws 100,000 vectors, `uv run just bench-million` a million. Vectors have thirty
slots that hang together as features do: eight hidden causes, noise, and one slot in twenty missing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import threadpoolctl

from tests import gold
from warehouse import index, library, odds, rarity, scales, session, similar, store, trials, vectors
from warehouse.index import Pool, SetupIndex
from warehouse.schema import SETUPS
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
        rarity.usual(values[allowed], groups.of(allowed), np.ones(SLOTS), K)
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


def asked(root: Path) -> None:
    """Whole answers of a warm process from files: at an arrival, a minute before and a minute after one."""
    days = session.sessions(dt.date(2024, 7, 8), dt.date(2025, 8, 30))[: LIBRARY // PER_DATE]
    slots = vectors.spec().slots
    gold.features = lambda: dict.fromkeys(slots, pl.Float64())
    for day in days:
        drawn = gold.setups(day, PER_DATE).select(*SETUPS.schema, *slots)
        parts = {"setups": drawn, "outcomes": gold.outcomes(drawn), "snapshots": gold.snapshots(drawn)}
        for table, frame in parts.items():
            target = store.partition(root, f"gold.{table}", symbol=gold.SYMBOL, date=day)
            store.write(target, frame, {"parameters": {"tick": gold.TICK}})
    gold.day(root, days[-1])
    past = trials.with_excess(library.setups(root, slots), library.outcomes(root))
    fitted = scales.fitted(past, [vectors.spec()], days[-1])
    store.write(store.partition(root, "gold.scalers", product=gold.PRODUCT, date=days[-1]), fitted, {})
    rows = drawn.filter(~pl.col("is_placebo"), pl.col("level_kind") != "CUSTOM")[40:60]
    levels, ends = rows["level_price"].to_list(), rows["known_ts"].cast(pl.Int64).to_list()
    stored = similar.features  # of a moment that is no arrival they would be made from the bars
    similar.features = lambda now, names: stored(now, names) if now.setup else dict.fromkeys(slots, 0.1)
    for what, later in (("an arrival", 0), ("a minute before", -60), ("a minute after", 60)):

        def answer(n, later=later):
            similar.ask(root, repr(levels[n]), ends[n] + later * 10**9, index="exact")

        answer(0)
        middle, most = timed(answer, range(len(levels)))
        say(
            f"{LIBRARY:,} setups, whole answer by price, {what}: {middle:.0f} ms, at most {most:.0f} (mark 50)"
        )


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
        with tempfile.TemporaryDirectory() as folder:
            asked(Path(folder))
        recall(drawn(options.vectors))


if __name__ == "__main__":
    main()
