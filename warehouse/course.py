"""The course of price about a level: bar by bar the side, level and distance that a question there has."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from warehouse import phases, values
from warehouse.question import DOWN, UP, Place
from warehouse.schema import BAR_NS, LEVELS

TOUCH_PTS = 1.0
"""Half-width of the band in which price is at a level, as in moments.py, which loads DuckDB."""
_ARRIVAL = ("setup_id", "direction", "level_price", "t0", "resolved", "until")


def course(place: Place, last: int) -> pl.DataFrame:
    """Where price stands at the end of every bar from a place's to `last`, both included, ns UTC.

    While an arrival holds, level and direction are those of its T0, as `phases.phase` has them; otherwise
    they are what is known at the bar.

    Returns:
        bar, seq (bars since the first of the date), mid, sigma_60; level_price (null where the level was
        passed), direction (null without a level, and where price came from no side), x0 (null without
        direction or a two-sided market); clear (bars since the book was last dropped, 0 in it; null: never);
        setup_id, t0 and resolved of the last arrival so far, and whether it `holds`.
    """
    own = _sided(place, _priced(place, _bars(place, last)))
    arrived = phases.holding(replace(place, bar=last)).select(_ARRIVAL).unique("t0", keep="last")
    found = own.join_asof(arrived.sort("t0"), left_on="end", right_on="t0", suffix="_then")
    holds = pl.col("t0").is_not_null() & pl.col("end").le(pl.col("until")).fill_null(value=True)
    held = {
        name: pl.when("holds").then(f"{name}_then").otherwise(name) for name in ("direction", "level_price")
    }
    d = pl.when(direction=UP).then(1).when(direction=DOWN).then(-1)
    return (
        found.with_columns(holds=holds)
        .with_columns(**held)
        .with_columns(x0=(d * (pl.col("mid") - pl.col("level_price"))).round(9) + 0.0)
        .drop("end", "until", "direction_then", "level_price_then")
    )


def _bars(place: Place, last: int) -> pl.DataFrame:
    """Bars of the span with mid, sigma and how long ago the book was dropped."""
    bar = pl.col("bar_ts").cast(pl.Int64)
    dropped = pl.when("meta_reset").then(bar).forward_fill()
    book = place.scan("silver.book").filter(bar <= last).sort("bar_ts")
    sigma = place.scan("silver.volatility").select("sigma_60", bar=bar)
    return (
        book.select(
            bar=bar,
            seq=(bar - bar.min()) // BAR_NS,
            end=bar + BAR_NS,
            mid=(pl.col("bid_px_00") + pl.col("ask_px_00")) / 2,
            clear=(bar - dropped) // BAR_NS,
        )
        .filter(pl.col("bar") >= place.bar)
        .join(sigma, on="bar", how="left", maintain_order="left")
        .collect(engine="in-memory")
    )


def _priced(place: Place, bars: pl.DataFrame) -> pl.DataFrame:
    """The same with the level as each bar knows it."""
    if place.by_price:
        return bars.with_columns(level_price=pl.lit(place.price))
    told = values.values(place.read("silver.levels", LEVELS.schema), place.kind)
    value = told.select("since", level_price="price")
    return bars.join_asof(value, left_on="end", right_on="since").drop("since")


def _sided(place: Place, bars: pl.DataFrame) -> pl.DataFrame:
    """The same with the side that price comes from: that of mid or, in the touch band, the last beyond it."""
    mid = (pl.col("bid_px") + pl.col("ask_px")) / 2
    quotes = (
        place.scan("silver.quotes")
        .filter(~pl.col("reset"))
        .select(ts=pl.col("ts").cast(pl.Int64), quoted=mid)
        .drop_nulls()
        .filter(pl.col("quoted").ne_missing(pl.col("quoted").shift()))
        .collect(engine="in-memory")
    )
    away = (pl.col("level_price") - pl.col("mid")).round(9)
    beyond = bars.filter(away.abs() > TOUCH_PTS).with_columns(came=away)
    near = bars.join(beyond.select("bar"), on="bar", how="anti", maintain_order="left")
    parts = near.partition_by("level_price", maintain_order=True)
    came = [beyond, *(_came(quotes, part).with_columns(came=pl.coalesce("came", away)) for part in parts)]
    side = pl.col("came").sign()
    named = pl.when(side > 0).then(pl.lit(UP)).when(side < 0).then(pl.lit(DOWN))
    return pl.concat(came).sort("bar").with_columns(direction=named).drop("came")


def _came(quotes: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Bars held against one price, with how far from it mid last was beyond the touch band."""
    away = (pl.lit(bars["level_price"][0]) - pl.col("quoted")).round(9)
    beyond = quotes.select("ts", came=away).filter(pl.col("came").abs() > TOUCH_PTS)
    return bars.join_asof(beyond, left_on="end", right_on="ts", allow_exact_matches=False).drop("ts")
