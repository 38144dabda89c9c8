"""What order-by-order records measure: kinds of acts, the grammar of events, sizes and lives of orders."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from warehouse.simulate.statistics import ratio

Array = np.ndarray[Any, Any]

GRAMMAR = ("A", "C", "M", "T F C", "T F M", "T F C M", "longer sweeps", "other")
"""Shapes of events; a sweep prints and fills more than once."""
_LAST, _SNAPSHOT = 128, 32


def table(found: Array) -> pl.DataFrame:
    """Live records in file order: `ts`, `event`, `action`, `side`, `order_id`, `price`, `size`."""
    live = found[(found["flags"] & _SNAPSHOT) == 0]
    ended = (live["flags"] & _LAST) != 0
    return pl.DataFrame(
        {
            "ts": live["ts_event"].astype(np.int64),
            "event": np.cumsum(np.r_[0, ended[:-1]]),
            "action": live["action"].astype(str),
            "side": live["side"].astype(str),
            "order_id": live["order_id"],
            "price": live["price"],
            "size": live["size"].astype(np.int64),
        }
    )


def shares(records: pl.DataFrame) -> dict[str, float]:
    """Share of each action among records."""
    counts = dict(records.group_by("action").len().rows())
    return {letter: ratio(counts.get(letter, 0), len(records)) for letter in "ACMTF"}


def following(records: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Of the records after one of each action, the share of each action; file order."""
    pairs = records.select(before="action", after=pl.col("action").shift(-1)).drop_nulls()
    counts: dict[str, Counter[str]] = {letter: Counter() for letter in "ACMTF"}
    for before, after, count in pairs.group_by("before", "after").len().rows():
        counts[before][after] = count
    return {
        f"after {before}": {after: ratio(row[after], row.total()) for after in "ACMTF"}
        for before, row in counts.items()
    }


def grammar(records: pl.DataFrame) -> dict[str, float]:
    """Share of each shape of GRAMMAR: of trading events where they trade, of the others else."""
    words = records.group_by("event", maintain_order=True).agg(pl.col("action").str.join(""))
    counts: Counter[str] = Counter()
    for word, count in words.group_by("action").len().rows():
        counts[_shape(word)] += count
    trades = sum(n for shape, n in counts.items() if shape not in "ACM" and shape != "other")
    quiet = counts.total() - trades
    return {shape: ratio(counts[shape], quiet if shape in "ACM" else trades) for shape in GRAMMAR[:-1]} | {
        "other": ratio(counts["other"], counts.total())
    }


def _shape(word: str) -> str:
    spaced = " ".join(word)
    if spaced in GRAMMAR:
        return spaced
    if word.startswith("TF"):
        return "longer sweeps"
    return "other"


def lives(records: pl.DataFrame) -> Array:
    """Seconds from the add of an order to its cancel by the owner, of orders that have both here."""
    traded = records.filter(pl.col("action") == "T")["event"].unique()
    born = records.filter(pl.col("action") == "A").select("order_id", born="ts")
    died = records.filter(pl.col("action") == "C", ~pl.col("event").is_in(traded.implode()))
    seconds = (pl.col("ts") - pl.col("born")) / 1e9
    return died.join(born, on="order_id").select(seconds=seconds)["seconds"].to_numpy()


def moved(records: pl.DataFrame) -> float:
    """Share of modifies that change the price."""
    price = pl.col("price").shift(1).over("order_id", order_by="row")
    kept = records.with_row_index("row").filter(pl.col("action").is_in(["A", "M"]))
    told = kept.with_columns(before=price).filter(pl.col("action") == "M", pl.col("before").is_not_null())
    return ratio(told.filter(pl.col("price") != pl.col("before")).height, told.height)


def unpaid(records: pl.DataFrame) -> int:
    """Lots, over events and prices, by which fills of resting orders and prints differ; auctions apart."""
    prints = records.filter(pl.col("action") == "T")
    aggressor = prints.group_by("event").agg(aggressor=pl.col("side").first())
    resting = records.filter(pl.col("action") == "F").join(aggressor, on="event", how="left")
    acts = [
        prints.filter(pl.col("side") != "N").select("event", "price", "size"),
        resting.filter(pl.col("side") != pl.col("aggressor"), pl.col("aggressor") != "N").select(
            "event", "price", size=-pl.col("size")
        ),
    ]
    gaps = pl.concat(acts).group_by("event", "price").agg(pl.col("size").sum())
    return int(gaps["size"].abs().sum())
