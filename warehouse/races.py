"""Races from a start to its barriers: the path of mid, what followed on it, and the odds beside that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from warehouse import barrier, session, sqlfile
from warehouse.barrier import LEARNT, Calibration
from warehouse.schema import BAR_NS, DEFAULT_SCHEME, OUTCOMES, SCHEMES

HALT_NS = 60 * 10**9
"""Silence after which trading counts as halted."""
TOUCH_PTS = 1.0
"""Half-width of the band in which price is at a level."""
_FOREVER = np.iinfo(np.int64).max
_AT_ONCE = 1 << 19
"""Quotes looked at together, so that a busy day takes no more memory than a calm one."""


def mids(quotes: pl.LazyFrame) -> pl.DataFrame:
    """The path of mid in event order, as far as it tells a race that starts or ends between bars.

    Of a bar's changes of mid there are those to a mid higher or lower than any before it in the bar, the last
    one, and every reset and loss of mid; what stands at a bar's first instant is no part of its inside. So a
    barrier is crossed first at one of these rows, and there are few, however busy the day.

    Args:
        quotes: silver.quotes of a trading date.

    Returns:
        seq (order), ns, until (ns of the next change, told here or not; far future in the last), mid in
        points (null unless both sides exist), step (points from the last mid that was known, at least 0; null
        in the first), reset.
    """
    rows = quotes.select(pl.len()).collect(engine="in-memory").item()
    pieces: list[pl.DataFrame] = []
    earlier: float | None = None
    for first in range(0, max(rows, 1), _AT_ONCE):
        changes = _changes(quotes, first)
        pieces.append(_outline(changes, earlier))
        known: list[float] = changes["mid"].drop_nulls().tail(1).to_list()
        earlier = known[0] if known else earlier
    path = pl.concat(pieces, rechunk=True).with_row_index("seq")
    later = pl.col("ns").shift(-1, fill_value=_FOREVER)
    return path.with_columns(pl.col("until").fill_null(later))


def _changes(quotes: pl.LazyFrame, first: int) -> pl.DataFrame:
    """Changes of mid among the quotes from row `first` on; the row before only says what was."""
    before = min(first, 1)
    piece = quotes.slice(first - before, _AT_ONCE + before)
    mid = pl.when(~pl.col("reset")).then((pl.col("bid_px") + pl.col("ask_px")) / 2)
    row = pl.int_range(pl.len())
    changed = pl.col("reset") | pl.col("mid").ne_missing(pl.col("mid").shift()) | (row == 0)
    path = piece.select(ns=pl.col("ts").cast(pl.Int64), mid=mid, reset="reset")
    return path.filter(changed & (row >= before)).collect(engine="in-memory")


def _outline(changes: pl.DataFrame, earlier: float | None) -> pl.DataFrame:
    """Of a piece's changes those that `mids` tells, each with the next one's ns and its step."""
    mid, inside = pl.col("mid"), pl.col("inside")
    told = changes.with_columns(
        inside=pl.col("ns") // BAR_NS * 2 + (pl.col("ns") % BAR_NS > 0),
        until=pl.col("ns").shift(-1),
        step=(mid - mid.forward_fill().shift().fill_null(pl.lit(earlier, pl.Float64))).abs(),
    ).with_columns(high=mid.cum_max().over("inside"), low=mid.cum_min().over("inside"))
    newly = [column.ne_missing(column.shift()) for column in (inside, pl.col("high"), pl.col("low"))]
    kept = pl.any_horizontal(*newly, mid.is_null(), "reset", inside.ne_missing(inside.shift(-1)))
    return told.filter(kept).select("ns", "until", "mid", "step", "reset")


def outcomes(
    setups: pl.DataFrame,
    path: pl.DataFrame,
    book: pl.LazyFrame,
    date: dt.date,
    *,
    tick: float,
    calibrated: Mapping[int, Calibration],
    end_ns: int | None = None,
) -> pl.DataFrame:
    """gold.outcomes of a trading date's setups.

    Args:
        setups: gold.setups.
        path: As `mids` gives it.
        book: silver.book.
        date: The trading date.
        tick: Tick size in points.
        calibrated: By horizon, from `barrier.calibrations`; 0.9 for those it does not name.
        end_ns: Instant up to which the tape was seen; default the end of the last bar.
    """
    found = followed(setups, path, book, date, tick=tick, end_ns=end_ns)
    return barrier.with_odds(found, setups, calibrated).select(*OUTCOMES.schema).cast(OUTCOMES.schema)  # type: ignore[arg-type]


def followed(
    starts: pl.DataFrame,
    path: pl.DataFrame,
    book: pl.LazyFrame,
    date: dt.date,
    *,
    tick: float,
    end_ns: int | None = None,
    schemes: Sequence[str] = SCHEMES,
) -> pl.DataFrame:
    """What `sql/outcomes.sql` says of races that start somewhere, without their odds.

    Args:
        starts: `setup_id, known_ts, direction, level_price, x0`, and the `sigma_60` that sets the barriers.
        path: As `mids` gives it.
        book: silver.book.
        date: The trading date.
        tick: Tick size in points.
        end_ns: As `outcomes` takes it.
        schemes: Those wanted.
    """
    bars = book.select("bar_ts", "meta_empty").collect(engine="in-memory")
    known = starts.select("setup_id", "known_ts", "direction", "level_price", "x0", "sigma_60")
    return sqlfile.run(
        sqlfile.load("outcomes"),
        {"setups": known, "mids": path, "book": bars},
        end_ns=min(_last_bar_end(bars) if end_ns is None else end_ns, session.bounds(date)[1]),
        halt_ns=HALT_NS,
        touch_pts=TOUCH_PTS,
        tick=tick,
        schemes=list(schemes),
    )


def library(setups: pl.LazyFrame, outcomes: pl.LazyFrame) -> pl.DataFrame:
    """What `barrier.calibrations` learns from: the default scheme's outcomes with their starts.

    Args:
        setups: gold.setups of earlier dates, with `date`.
        outcomes: gold.outcomes of the same dates.
    """
    starts = setups.select("setup_id", "date", *LEARNT)
    default = outcomes.filter(pl.col("scheme") == DEFAULT_SCHEME)
    wanted = ("date", "horizon_s", "outcome", "barrier_pts", *LEARNT)
    joined = default.drop("date", strict=False).join(starts, on="setup_id", maintain_order="left")
    return joined.select(wanted).collect(engine="in-memory")


def _last_bar_end(bars: pl.DataFrame) -> int:
    last = bars["bar_ts"].cast(pl.Int64).max()
    return int(last) + BAR_NS if isinstance(last, int) else 0
