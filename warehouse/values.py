"""The values that a level takes through a date, and from which moment a bar is held against each."""

from __future__ import annotations

import polars as pl

from warehouse.schema import BAR_NS


def values(levels: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Values of a real level, in order of time; the one in force at a moment is the last since then.

    A bar is held against the value that was known at its start: what its own trades made of it comes too
    late. Only the first value holds from the bar in which it became known.

    Args:
        levels: silver.levels of a date.
        kind: Name of the level.

    Returns:
        level_id, price (points; null: the level was passed and has none), known and since (ns UTC).
    """
    mine = levels.filter(~pl.col("is_placebo"), pl.col("level_kind") == kind)
    told = mine.select("level_id", "price", known=pl.col("known_ts").cast(pl.Int64)).sort("known")
    later = pl.int_range(pl.len()) > 0
    return told.with_columns(since=pl.col("known") + pl.when(later).then(BAR_NS).otherwise(0))
