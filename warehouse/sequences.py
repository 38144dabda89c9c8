"""Sequences: the last 20 minutes of every setup as a grid of bars, for later study."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from warehouse import catalog, plan
from warehouse.frames import Tables
from warehouse.schema import BAR_NS, CUBE_BARS, SEQUENCE_BARS, SEQUENCES


def sequences(setups: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """gold.sequences of a trading date's setups: its own columns, and the catalogue's sequence of features.

    Of the pressure cube it holds the last bars alone.

    Every setup has every step; a bar that does not exist is null but for its keys. Level and direction
    are those of the setup, frozen over its look-back.

    Args:
        setups: gold.setups.
        tables: silver tables of the date by their short names, as features read them.
    """
    bar = pl.duration(nanoseconds=BAR_NS) * pl.col("step")
    grid = (
        setups.select("setup_id", "level_price", "direction", "trigger_ts", "sigma_60")
        .with_columns(step=pl.int_ranges(1 - SEQUENCE_BARS, 1))
        .explode("step")
        .with_columns(trigger_ts=pl.col("trigger_ts") + bar)
    )
    d = pl.when(pl.col("direction") == "UP").then(1.0).otherwise(-1.0)
    mid = (pl.col("bid_px_00") + pl.col("ask_px_00")) / 2
    book = tables["book"].select("bar_ts", mid=mid).collect(engine="in-memory")
    x = (d * (pl.col("mid") - pl.col("level_price"))).round(9) + 0.0
    own = grid.rename({"trigger_ts": "bar_ts"}).join(book, on="bar_ts", how="left", maintain_order="left")
    names = catalog.load().sequence
    seen = _made(grid, tables, names)
    keys = ["setup_id", "step"]
    last = grid.filter(pl.col("step") > -CUBE_BARS)
    cube = last.select(keys).hstack(_made(last, tables, catalog.load().approach))
    seen = grid.select(keys).hstack(seen).join(cube, on=keys, how="left", maintain_order="left").drop(keys)
    return own.with_columns(x=x).select(*SEQUENCES.schema).cast(SEQUENCES.schema).hstack(seen)  # type: ignore[arg-type]


def _made(moments: pl.DataFrame, tables: Tables, names: Collection[str]) -> pl.DataFrame:
    """Features of some bars, in their order."""
    return plan.at_setups(moments, tables, names).select(pl.col(names).cast(pl.Float32))
