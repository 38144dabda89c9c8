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
from warehouse.build import build
from warehouse.circles import TIMES, K
from warehouse.index import Pool, SetupIndex
from warehouse.request import Request
from warehouse.schema import SETUPS
from warehouse.simulate import market
from warehouse.spread import Groups
from warehouse.vectors import Scaler

SLOTS, CAUSES, QUESTIONS = 30, 8, 100
PER_DATE, KINDS = 200, 8
LIBRARY, ROUNDS = 50_000, 3
HOURS = (dt.time(4), dt.time(12, 45))


def drawn(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((count, CAUSES)) @ rng.standard_normal((CAUSES, SLOTS))
    values += rng.standard_normal((count, SLOTS))
    values[rng.random(values.shape) < 0.05] = np.nan
    return values.astype(np.float32)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def timed(ask, rows) -> tuple[list[float], list[float]]:
    """Milliseconds of processor time, and on the clock, of every question."""
    spent, passed = [], []
    for row in rows:
        begun, clock = time.process_time(), time.perf_counter()
        ask(row)
        spent.append(1e3 * (time.process_time() - begun))
        passed.append(1e3 * (time.perf_counter() - clock))
    return spent, passed


def question(values: np.ndarray) -> None:
    """Search of both circles, rarity and odds of a question by level and direction, and by price, exact."""
    count = len(values)
    dates = np.arange(count) // PER_DATE
    groups, kind = Groups(dates, np.arange(count)), np.random.default_rng(1).integers(0, KINDS, count)
    ends = np.eye(3)[np.random.default_rng(2).integers(0, 3, count)]

    def answer(row, like):
        allowed = like & (dates != dates[row])
        rarity.usual(values[allowed], groups.of(allowed), np.ones(SLOTS), K)
        told = np.full(3, 1 / 3)
        for mask, k in ((dates != dates[row], TIMES * K), (allowed, K)):
            found = index.search_exact(values[row], Pool(values, np.ones(SLOTS), mask, groups), k)
            weights = odds.weights(found.distances)
            shares = odds.moved(weights @ ends[found.rows] / weights.sum(), told, told)
            told = odds.drawn(shares, odds.effective(weights), told, odds.STRENGTH)
        odds.chances(told, 2 * odds.STRENGTH, None, told)

    for what, ask in (
        ("a level and direction", lambda row: answer(row, kind == kind[row])),
        ("a price, one direction", lambda row: answer(row, kind % 2 == kind[row] % 2)),
    ):
        spent, _ = timed(ask, range(0, count, count // 20))
        say(f"{count:,} setups, exact, {what}: {np.median(spent):.0f} ms, at most {max(spent):.0f} (mark 50)")


def drawn_past(root: Path, days: list[dt.date]) -> None:
    """Setups, what followed them and moments around them, of days that nothing else is there of."""
    slots = vectors.spec().slots
    gold.features = lambda: dict.fromkeys(slots, pl.Float64())
    for day in days:
        drawn = gold.setups(day, PER_DATE).select(*SETUPS.schema, *slots)
        parts = {"setups": drawn, "outcomes": gold.outcomes(drawn), "snapshots": gold.snapshots(drawn)}
        for table, frame in parts.items():
            store.write(store.partition(root, f"gold.{table}", symbol=gold.SYMBOL, date=day), frame, {})


def asked(root: Path) -> None:
    """Whole answers of a warm process at a day that was built: at an arrival, a minute before and after one.

    The last day is simulated and built, the past before it is drawn; questions are by price, so that every
    setup of their direction is admitted, which is the most that can be.
    """
    *past, day = session.sessions(dt.date(2024, 7, 8), dt.date(2025, 8, 30))[: LIBRARY // PER_DATE + 1]

    def still(*_: object, **__: object) -> None:
        """Progress that nobody watches."""

    market.simulate(
        root / "raw", [day], world="planted", hours=HOURS, rate_scale=0.05, seed=7, progress=still
    )
    build(Request(root, str(day), workers=1), still)
    drawn_past(root, past)
    built = [
        store.partition(root, f"gold.{name}", product=gold.PRODUCT, date=day)
        for name in ("scalers", "trials")
    ]
    past_of = trials.with_excess(library.setups(root, vectors.spec().slots), library.outcomes(root))
    fitted = scales.fitted(past_of, [vectors.spec()], day)
    for part, frame in zip(
        built, (fitted, pl.read_parquet(built[1].path, hive_partitioning=False)), strict=True
    ):
        for each in (*past, day):
            store.write(store.partition(root, part.table, product=gold.PRODUCT, date=each), frame, {})
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") == day).sort("known_ts")
    moments = rows.select("level_price", pl.col("known_ts").cast(pl.Int64)).unique(maintain_order=True)[:30]
    for what, later in (("an arrival", 0), ("a minute before", -60), ("a minute after", 60)):

        def answer(moment, later=later):
            similar.ask(root, repr(moment[0]), moment[1] + later * 10**9, index="exact")

        answer(moments.row(0))
        spent, passed = timed(answer, ROUNDS * moments.rows())
        say(
            f"{len(library.setups(root)):,} setups, whole answer by price, {what}: {np.median(passed):.0f} ms on "
            f"the clock, nine in ten below {np.quantile(passed, 0.9):.0f} (mark 50); {np.median(spent):.0f} ms "
            "of a processor"
        )


def recall(values: np.ndarray) -> None:
    """Recall of thirty neighbours after re-ranking, beside brute force; all but the question may answer."""
    count, scale = len(values), Scaler(np.zeros(SLOTS), np.ones(SLOTS))
    begun = time.process_time()
    graph = SetupIndex.build(values, scale)
    say(f"{count:,} vectors: graph built in {time.process_time() - begun:.0f} s")

    def pool(row):
        return Pool(values, np.ones(SLOTS), np.arange(count) != row)

    rows = range(0, count, count // QUESTIONS)
    found = []

    def near(row):
        found.append((row, index.search(values[row], pool(row), K, graph).rows))

    spent, _ = timed(near, rows)
    brute, _ = timed(lambda row: index.search_exact(values[row], pool(row), K), list(rows)[:10])
    shares = [np.isin(index.search_exact(values[row], pool(row), K).rows, got).mean() for row, got in found]
    line = f"recall@{K} after re-ranking {np.mean(shares):.4f} (mark 0.99), worst {np.min(shares):.3f}"
    say(
        f"{count:,} vectors: {line}; {np.median(spent):.1f} ms beside {np.median(brute):.1f} ms of brute force"
    )


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--vectors", type=int, default=100_000)
    options = parser.parse_args()
    question(drawn(LIBRARY))
    with tempfile.TemporaryDirectory() as folder:
        asked(Path(folder))
    with threadpoolctl.threadpool_limits(1):  # other threads wait by spinning, which counts as processor time
        recall(drawn(options.vectors))


if __name__ == "__main__":
    main()
