"""What is usual at a time of day, from earlier sessions alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from warehouse import session, sqlfile
from warehouse.schema import NS, REAL, TEXT
from warehouse.sqlfile import Source

SESSIONS = 20
"""Sessions that a date looks back on at most."""
RECENT = 7
"""Full sessions of them whose bars make the volume profile."""
_DATE = pl.Date()
LVL = {
    "date": _DATE, "bar_ts": NS, "level_id": TEXT,
    "bar5s_lvl_ask_above_retreat_sum": REAL, "bar5s_lvl_bid_below_retreat_sum": REAL,
}  # fmt: skip
"""Columns of silver.lvl that the retreat profile reads."""
VOLATILITY = {"date": _DATE, "bar_ts": NS, "sigma_60": REAL}
"""Columns of silver.volatility that it reads."""


def profile_dates(date: dt.date) -> tuple[list[dt.date], list[dt.date]]:
    """Sessions that a date looks back on: the last 7 full ones, and the last 20."""
    twenty = session.previous(date, SESSIONS)
    return [day for day in twenty if not session.is_half_day(day)][-RECENT:], twenty


def volume_profile(date: dt.date, book: Source, ladder: Source, tick: float) -> pl.DataFrame:
    """silver.volume_profile of a date from the front contract's book and ladder of earlier dates.

    Args:
        date: The trading date; nothing of it is read.
        book: silver.book with `date`, of those of `profile_dates(date)[1]` that exist.
        ladder: silver.ladder with `date`, of those of `profile_dates(date)[0]` that exist.
        tick: Tick size in points.
    """
    tables: Mapping[str, Source] = {"book": book, "ladder": ladder, "sessions": _calendar(date)}
    return sqlfile.run(sqlfile.load("volume_profile"), tables, tick=tick)


def retreat_profile(date: dt.date, lvl: pl.LazyFrame, volatility: pl.LazyFrame, book: Source) -> pl.DataFrame:
    """silver.retreat_profile of a date from the front contract's bars and levels of earlier dates.

    Args:
        date: The trading date; nothing of it is read.
        lvl: silver.lvl with `date`, of those of `profile_dates(date)[1]` that exist; a column that it
            does not have yet is null.
        volatility: silver.volatility with `date`, of the same.
        book: silver.book with `date`, of the same.
    """
    tables: Mapping[str, Source] = {
        "lvl": _with(LVL, lvl),
        "volatility": _with(VOLATILITY, volatility),
        "book": book,
        "sessions": _calendar(date),
    }
    return sqlfile.run(sqlfile.load("retreat_profile"), tables)


def _calendar(date: dt.date) -> pl.DataFrame:
    """Sessions that a date looks back on, with their midnight in New York and whether they are recent."""
    recent, twenty = profile_dates(date)
    midnights = [session.at(day, dt.time()) for day in twenty]
    return pl.DataFrame(
        {"date": twenty, "midnight_ns": midnights, "recent": [day in recent for day in twenty]},
        schema={"date": _DATE, "midnight_ns": pl.Int64(), "recent": pl.Boolean()},
    )


def _with(schema: Mapping[str, pl.DataType], frame: pl.LazyFrame) -> pl.LazyFrame:
    """A frame's columns of a schema, null where it has none of that name."""
    return pl.concat([pl.LazyFrame(schema=schema), frame], how="diagonal_relaxed").select(*schema)
