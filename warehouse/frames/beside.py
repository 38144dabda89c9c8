"""Columns of bars that come from tables beside book and ladder: prints, and other levels."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from warehouse import inputs
from warehouse.schema import BAR_NS

Tables = Mapping[str, pl.LazyFrame]
BARS_A_CANDLE = 24
"""Bars of a two-minute candle of the clock."""
_VOLUMES = ("buy_vol", "sell_vol", "unknown_vol")
TRADED = (*_VOLUMES, "notional")
"""What the mean price of a bar's prints is made of."""
_PRICE = pl.col("price")
PRINTS = {
    "print_open": _PRICE.first(),
    "print_high": _PRICE.max(),
    "print_low": _PRICE.min(),
    "print_close": _PRICE.last(),
}
"""What is made of a bar's prints, in feed order."""


def tables_of(columns: Collection[str]) -> set[str]:
    """Those of the tables that some columns are made from."""
    names: dict[str, Collection[str]] = {
        "trades": PRINTS,
        "levels": inputs.KINDS,
        "retreat_profile": inputs.FITTED,
    }
    return {table for table, made in names.items() if not set(made).isdisjoint(columns)}


def vwap() -> pl.Expr:
    """Mean price of a bar's prints; null without one."""
    volume = pl.sum_horizontal(_VOLUMES).cast(pl.Float64)
    return pl.when(volume > 0).then(pl.col("notional") / volume).alias("trade_vwap")


def prints(frame: pl.LazyFrame, tables: Tables, columns: Collection[str]) -> pl.LazyFrame:
    """The frame with first, highest, lowest and last print of each bar, and its number in a candle."""
    if "candle_bar" in columns:
        number = pl.col("bar_ts").cast(pl.Int64) // BAR_NS % BARS_A_CANDLE
        frame = frame.with_columns(candle_bar=number.cast(pl.Float64))
    wanted = [expr.alias(name) for name, expr in PRINTS.items() if name in columns]
    if not wanted:
        return frame
    bar = (pl.col("ts").cast(pl.Int64) // BAR_NS * BAR_NS).cast(pl.Datetime("ns"))
    made = tables["trades"].group_by(bar_ts=bar, maintain_order=True).agg(wanted)
    return frame.join(made, on="bar_ts", how="left", maintain_order="left")


def kinds(frame: pl.LazyFrame, tables: Tables, columns: Collection[str]) -> pl.LazyFrame:
    """The frame with the level of each kind as it stood at the bar's start; null before it is known."""
    for name, kind in inputs.KINDS.items():
        if name in columns:
            values = tables["levels"].filter(pl.col("level_kind") == kind, ~pl.col("is_placebo"))
            held = values.sort("known_ts").select("known_ts", "valid_to", pl.col("price").alias(name))
            frame = frame.join_asof(held, left_on="bar_ts", right_on="known_ts").with_columns(
                pl.when(pl.col("bar_ts") < pl.col("valid_to")).then(name).alias(name)
            )
            frame = frame.drop("known_ts", "valid_to", strict=False)
    return frame
