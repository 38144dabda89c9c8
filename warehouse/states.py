"""The state of every level through the session, each half minute, for later study."""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse import catalog, moments, plan, session, sqlfile
from warehouse.frames import Tables
from warehouse.schema import LEVEL_STATES


def states(setups: pl.DataFrame, tables: Tables, date: dt.date) -> pl.DataFrame:
    """gold.level_states of a trading date: its own columns, and what a sequence holds of a bar.

    Args:
        setups: gold.setups.
        tables: silver tables of the date by their short names: levels, volatility, and what features read.
        date: The trading date.
    """
    found = machines(setups, tables, date)
    faced = found.filter(pl.col("direction").is_not_null())
    names = catalog.load().sequence
    bars = faced.select(
        "level_id", "level_price", "direction", "sigma_60", setup_id="level_id", trigger_ts="bar_ts"
    )
    seen = plan.at_setups(bars, tables, names).select(pl.col(names).cast(pl.Float32))
    keys = faced.select("level_id", "bar_ts")
    return found.join(keys.hstack(seen), on=keys.columns, how="left", maintain_order="left")


def machines(setups: pl.DataFrame, tables: Tables, date: dt.date) -> pl.DataFrame:
    """The columns of gold.level_states that are no features; arguments as of `states`."""
    own = ("setup_id", "level_id", "level_price", "is_placebo", "known_ts")
    touch = ("bar_ts", "mid_min", "mid_max", "meta_reset", "bid_px_00", "ask_px_00")
    return sqlfile.run(
        sqlfile.load("level_states"),
        {
            "levels": tables["levels"],
            "setups": setups.select(own),
            "book": tables["book"].select(touch),
            "volatility": tables["volatility"].select("bar_ts", "sigma_60"),
        },
        open_ns=session.at(date, session.RTH.start),
        rearm_bars=moments.REARM_BARS,
        rearm_pts=moments.REARM_PTS,
        touch_pts=moments.TOUCH_PTS,
    ).cast(LEVEL_STATES.schema)  # type: ignore[arg-type]
