"""Levels of a trading date: prices that people watch, when each may be read, and placebos beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from warehouse import session, sqlfile
from warehouse.schema import AVERAGES, BAR_NS, LEVELS
from warehouse.session import Window

AGE_NS = 300 * 10**9
"""How long an extreme of the session must have stood to be a level."""
_WINDOWS = {"PM": session.PREMARKET, "OR": session.OPENING_RANGE, "OR30": session.OPENING_HALF_HOUR}
_TRADES = {"ts": pl.Datetime("ns"), "price": pl.Float64(), "size": pl.Int64()}
_UNDEFINED, _MOST = 2**63 - 1, 2**32 - 2
"""A price that is none, and the largest size that is one."""
_AT_ONCE = 1 << 19
"""Trades looked at together, so that a busy day takes no more memory than a calm one."""
NO_TRADES = pl.LazyFrame(schema=_TRADES)


def levels(
    trades: pl.DataFrame | pl.LazyFrame,
    custom: pl.DataFrame,
    symbol: str,
    date: dt.date,
    setup_window: Window = session.SETUP_WINDOW,
    *,
    prior: pl.LazyFrame = NO_TRADES,
    evening: bool = False,
) -> pl.DataFrame:
    """The real levels of a trading date, as silver.levels holds them.

    Args:
        trades: silver.trades of the date.
        custom: The user's prices as `pricelist.read` gives them.
        symbol: The contract.
        date: The trading date.
        setup_window: Where it begins, custom prices become known unless they say otherwise.
        prior: Trades of the same contract in the previous session, if its cash session was seen whole.
        evening: The evening before was landed, so that there is an overnight range.
    """
    base = _base(trades)
    bars = _bars(trades, base)
    open_ns, close = session.window(date, session.RTH)
    known = {"open": open_ns, "close": close}
    moving = [
        sqlfile.run(sqlfile.load("averages"), {"bars": bars}, base=base, **known),
        sqlfile.run(sqlfile.load("session_extremes"), {"bars": bars}, age_ns=AGE_NS, **known),
    ]
    before = session.window(session.previous(date, 1)[0], session.RTH)
    cash = pl.col("ns").is_between(*before, closed="left")
    found = sqlfile.run(
        sqlfile.load("levels"),
        {
            "bars": bars,
            "spans": _spans(date, evening=evening),
            "prior": _bars(prior, 0).filter(cash),
            "moving": pl.concat(moving),
            "custom": _custom(custom, date, session.window(date, setup_window)[0]),
        },
        symbol=symbol,
        date=date.isoformat(),
        prior_close=before[1],
        end=session.bounds(date)[1],
    )
    return found.cast(LEVELS.schema)  # type: ignore[arg-type]


def placebos(levels: pl.DataFrame, product: str, tick: float) -> pl.DataFrame:
    """Placebo levels of a trading date, as silver.levels holds them.

    Args:
        levels: The real levels.
        product: Such as ES.
        tick: Tick size in points.
    """
    found = sqlfile.run(
        sqlfile.load("placebos"), {"levels": levels}, product=product, tick=tick, averages=list(AVERAGES)
    )
    return found.cast(LEVELS.schema)  # type: ignore[arg-type]


def before(tables: Mapping[str, pl.LazyFrame], date: dt.date) -> pl.LazyFrame:
    """Trades of the session before a date; none unless its cash session was seen whole.

    Args:
        tables: That session's `trades` and `quality`, or alone its bronze records of the contract, where
            another contract was front; nothing where it was not landed.
        date: The trading date.
    """
    if "quality" in tables:
        trades, ends = tables["trades"], tables["quality"].select(first="first_ts", last="last_ts")
    elif tables:
        [records] = tables.values()
        trades = _trades(records)
        ends = records.select(first=pl.col("ts_event").min(), last=pl.col("ts_event").max())
    else:
        return NO_TRADES
    [(first, last)] = ends.cast(pl.Int64).collect(engine="in-memory").rows()
    start, end = session.window(session.previous(date, 1)[0], session.RTH)
    return trades if first is not None and first <= start and end <= last else NO_TRADES


def _trades(records: pl.LazyFrame) -> pl.LazyFrame:
    """Trades among bronze records; those without a price or a size left out."""
    told = (pl.col("price") != _UNDEFINED) & pl.col("size").is_between(1, _MOST)
    return records.filter(pl.col("action") == "T", told).select(
        ts="ts_event", price=pl.col("price") / 1e9, size=pl.col("size").cast(pl.Int64)
    )


_UNITS = (pl.col("price") * 1e9).round().cast(pl.Int64)


def _base(trades: pl.DataFrame | pl.LazyFrame) -> int:
    """Price of the first trade in billionths of a point; 0 without one."""
    first: list[int] = trades.lazy().head(1).select(_UNITS).collect(engine="in-memory")["price"].to_list()
    return first[0] if first else 0


def _bars(trades: pl.DataFrame | pl.LazyFrame, base: int) -> pl.DataFrame:
    """Trades in feed order by bars of five seconds that have one.

    Returns:
        ns (the bar's start), close, high, low (prices in billionths of a point), lots, moved (lots times
        billionths from `base`).
    """
    trades = trades.lazy()
    rows = trades.select(pl.len()).collect(engine="in-memory").item()
    pieces = [_piece(trades.slice(first, _AT_ONCE), base) for first in range(0, max(rows, 1), _AT_ONCE)]
    return _together(pl.concat(pieces).lazy()).collect(engine="in-memory")


def _piece(trades: pl.LazyFrame, base: int) -> pl.DataFrame:
    told = trades.select("size", ns=pl.col("ts").cast(pl.Int64) // BAR_NS * BAR_NS, close=_UNITS)
    moved = (pl.col("close") - base) * pl.col("size")
    alike = told.with_columns(moved=moved, high="close", low="close", lots="size")
    return _together(alike).collect(engine="in-memory")


def _together(bars: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of a bar as one."""
    return bars.group_by("ns").agg(
        pl.col("close").last(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("lots").sum(),
        pl.col("moved").sum(),
    )


def _spans(date: dt.date, *, evening: bool) -> pl.DataFrame:
    windows = _WINDOWS | ({"OVERNIGHT": session.OVERNIGHT} if evening else {})
    rows = [(name, *session.window(date, window)) for name, window in windows.items()]
    names = {"name": pl.String(), "first": pl.Int64(), "last": pl.Int64()}
    return pl.DataFrame(rows, names, orient="row").with_columns(known="last")


def _custom(prices: pl.DataFrame, date: dt.date, start: int) -> pl.DataFrame:
    today = prices.filter(pl.col("date").is_null() | (pl.col("date") == date))
    known = [start if time is None else session.at(date, time) for time in today["known"]]
    return today.select("price", pl.Series("known_ns", known, pl.Int64))
