"""Frozen moments: the models of fronts and arrivals with their inputs made explicit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from warehouse import races, session, sqlfile
from warehouse.levels import levels
from warehouse.races import TOUCH_PTS
from warehouse.schema import (
    AVERAGES,
    DEFAULT_SCHEME,
    FRONT_CONTRACT,
    LEVEL_KINDS,
    SETUPS,
    WEIGHTS,
)
from warehouse.session import Window
from warehouse.sqlfile import Source

__all__ = ["TOUCH_PTS", "front_contract", "levels", "side", "triggers", "weights"]

REARM_PTS = 2.0
"""Half-width of the band beyond which price has left a level."""
REARM_BARS = 6
"""Bars, 30 s, that price must stay beyond the re-arm band."""
COOLDOWN_NS = 240 * 10**9
"""Time between arrivals at a level; a label of that horizon tells the next one how the last ended."""


def front_contract(product: str, date: dt.date, records: Source, user: str | None = None) -> pl.DataFrame:
    """One row of silver.front_contract: the user's word, else yesterday's volume, else the calendar.

    Args:
        product: Such as ES.
        date: The trading date.
        records: Bronze records of the previous session's UTC date with their `symbol`, one schema for
            each landed outright of the product; empty where that session is not landed.
        user: The contract that the user named.
    """
    schema = FRONT_CONTRACT.schema
    if user is not None:
        return pl.DataFrame([(user, "user", None)], schema, orient="row")
    start, end = session.window(session.previous(date, 1)[0], session.RTH)
    if isinstance(records, pl.DataFrame | pl.LazyFrame) or records:
        model = sqlfile.load("front_contract")
        ranked = sqlfile.run(model, {"records": records}, start=start, end=end)
        if not ranked.is_empty():
            return ranked.head(1).select("symbol", pl.lit("volume").alias("reason"), "volume")
    return pl.DataFrame([(session.calendar_front(product, date), "calendar", None)], schema, orient="row")


def triggers(
    levels: pl.DataFrame,
    path: pl.DataFrame,
    book: pl.LazyFrame,
    volatility: pl.LazyFrame,
    date: dt.date,
    setup_window: Window = session.SETUP_WINDOW,
    *,
    tick: float,
    source: str,
    maybe_back_month: bool = False,
    doubtful: bool = False,
) -> pl.DataFrame:
    """Every accepted arrival of a trading date: gold.setups' own columns.

    Args:
        levels: silver.levels.
        path: As `races.mids` gives it.
        book: silver.book.
        volatility: `bar_ts, sigma_60, sigma_warmup, sigma_ratio`; a bar without a row has no sigma.
        date: The trading date.
        setup_window: Trigger bars lie wholly inside.
        tick: Tick size in points.
        source: mbp-10 or mbo.
        maybe_back_month: The contract was named by the user.
        doubtful: The date's order flow was beyond tolerance.
    """
    start, end = session.window(date, setup_window)
    found = sqlfile.run(
        sqlfile.load("triggers"),
        {
            "levels": levels,
            "mids": path,
            "book": book.select("bar_ts", "mid_min", "mid_max", "meta_reset"),
            "volatility": volatility.select("bar_ts", "sigma_60", "sigma_warmup", "sigma_ratio"),
        },
        kinds=list(LEVEL_KINDS),
        averages=list(AVERAGES),
        open_ns=session.at(date, session.RTH.start),
        window_start=start,
        window_end=end,
        touch_pts=TOUCH_PTS,
        rearm_pts=REARM_PTS,
        rearm_bars=REARM_BARS,
        cooldown_ns=COOLDOWN_NS,
        source=source,
        maybe_back_month=maybe_back_month,
        doubtful=doubtful,
    )
    labels = races.followed(found, path, book, date, tick=tick, schemes=(DEFAULT_SCHEME,))
    past = sqlfile.run(
        sqlfile.load("touches"),
        {
            "setups": found,
            "levels": levels,
            "outcomes": labels.filter(pl.col("horizon_s") * 10**9 == COOLDOWN_NS),
        },
        averages=list(AVERAGES),
        open_ns=session.at(date, session.RTH.start),
        label_ns=COOLDOWN_NS,
        tick=tick,
    )
    joined = found.join(past, on="setup_id", how="left", validate="1:1", maintain_order="left")
    return joined.select(*SETUPS.schema).cast(SETUPS.schema)  # type: ignore[arg-type]


def weights(setups: pl.DataFrame) -> pl.DataFrame:
    """gold.weights of a trading date's setups."""
    found = sqlfile.run(sqlfile.load("weights"), {"setups": setups})
    return found.cast(WEIGHTS.schema)  # type: ignore[arg-type]


def side(quotes: pl.LazyFrame, price: float, ns: int) -> int | None:
    """From which side price comes to a level at a moment: 1 from below, -1 from above.

    Beyond the touch band it is the side of mid; inside it, the side on which mid last was beyond it.

    Returns:
        None if mid was never beyond the band before `ns`.
    """
    mid = (pl.col("bid_px") + pl.col("ask_px")) / 2
    away = (
        quotes.filter(pl.col("ts").cast(pl.Int64) < ns, ~pl.col("reset"))
        .select(away=(price - mid).round(9))
        .filter(pl.col("away").abs() > TOUCH_PTS)
    )
    last: Sequence[float] = away.tail(1).collect(engine="in-memory")["away"].to_list()
    return (1 if last[0] > 0 else -1) if last else None
