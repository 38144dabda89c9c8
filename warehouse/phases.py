"""Moments that are no arrival: in which phase they are, and earlier setups as they stood at such moments."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from warehouse import question, warm
from warehouse.index import Mask
from warehouse.library import Admission
from warehouse.odds import Reals
from warehouse.past import Moments, Past
from warehouse.question import UP, Moment, Place
from warehouse.schema import BAR_NS, TAUS_S
from warehouse.sequel import Rows

APPROACH, ZONE, AFTER = "APPROACH", "ZONE", "AFTER"
_NEAR_PTS, _NEAR_MOVES = 0.5, 0.25
"""How unlike distances from the level may be: half a point, or a quarter of the expected one-minute move."""
_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Phase:
    """Where a moment stands beside the last arrival at its level.

    Args:
        name: APPROACH, ZONE or AFTER, as gold.snapshots has them.
        tau_s: Seconds since the arrival's T0; None in an approach.
        sigma_60: What the arrival's barriers were set by; None in an approach, and where it had none.
    """

    name: str
    tau_s: int | None = None
    sigma_60: float | None = None


def phase(now: Moment) -> tuple[Moment, Phase]:
    """The phase of a moment, and the moment as that phase sees it.

    An arrival holds for four minutes, as long as setups are frozen after theirs, and longer while price has
    not left the level. As long, direction and level are those of its T0, whichever way price has gone since
    and wherever a moving level is. Any other moment is of an approach.
    """
    arrived = arrivals(now.place)
    if arrived.is_empty():
        return now, Phase(APPROACH)
    last = arrived.row(-1, named=True)
    gone = left(now.place, last["level_price"], last["t0"])
    until = _until(last["t0"], gone)
    if until is not None and now.place.end > until:
        return now, Phase(APPROACH)
    d, price = 1 if last["direction"] == UP else -1, last["level_price"]
    x = round(d * (now.p_ref - price), 9) + 0.0
    turned = replace(now, place=replace(now.place, price=price), direction=last["direction"], x0=x)
    tau_s = (now.place.end - last["t0"]) // _SECOND
    return turned, Phase(ZONE if gone is None else AFTER, tau_s, last["sigma_60"])


def arrivals(place: Place) -> pl.DataFrame:
    """Arrivals at the level on its date up to its bar's end, in order of time.

    Returns:
        setup_id, direction, level_price, sigma_60, and t0 and resolved, ns UTC.
    """
    t0 = pl.col("known_ts").cast(pl.Int64)
    known = warm.arrived(place.partition("gold.setups")).filter(question.concerns(place), t0 <= place.end)
    resolved = pl.col("resolved_ts").cast(pl.Int64)
    told = known.select("setup_id", "direction", "level_price", "sigma_60", t0=t0, resolved=resolved)
    return told.sort("t0", "setup_id")


def holding(place: Place) -> pl.DataFrame:
    """The same with `until`: the last moment at which each holds, ns UTC; null: as long as is known.

    Of moments before it nothing changes when later bars are known.
    """
    known = arrivals(place)
    told = known.select("level_price", "t0").rows()
    until = [_until(t0, left(place, price, t0)) for price, t0 in told]
    return known.with_columns(pl.Series("until", until, pl.Int64))


def alike(
    moments: Moments, arrivals: Past, admitted: Mask, now: Moment, stage: Phase, admission: Admission
) -> Past:
    """Setups as they stood at a moment of the same phase and a like distance, and what followed from there.

    Of a setup there is the moment whose distance is the likest of those that are resolved, at levels that
    could be read by then; of two as like, the nearer to T0 and then the earlier.

    Args:
        moments: Of the arrivals' setups.
        arrivals: The setups.
        admitted: (n,) which of them are, but for time of day and volatility.
        now: The moment that is asked about.
        stage: Its phase.
        admission: What such moments have to fulfil as arrivals have to.

    Returns:
        The setups that stood so.
    """
    rows = _like(moments, admitted, now, stage, admission)
    setup = moments.setup[rows]
    starts = np.flatnonzero(np.diff(setup, prepend=-1))
    off = np.abs(moments.x[rows] - now.x0)
    nearest = np.minimum.reduceat(off, starts) if len(rows) else off
    best = np.flatnonzero(off == np.repeat(nearest, np.diff(starts, append=len(rows))))
    best = best[np.diff(setup[best], prepend=-1) != 0]
    rows, setup = rows[best], setup[best]
    groups, ends = arrivals.groups.of(setup), moments.ends.of(rows)
    return Past(arrivals.setups, moments.moved, setup, rows, groups, moments.hours[rows], ends)


def _like(moments: Moments, admitted: Mask, now: Moment, stage: Phase, admission: Admission) -> Rows:
    """Rows of moments of the same phase and a like distance that are admitted, in their order."""
    span = moments.spans.get(stage.name, slice(0, 0))
    near = max(_NEAR_PTS, _NEAR_MOVES * (now.sigma_60 or 0.0))
    like = np.abs(moments.x[span] - now.x0) <= near
    like &= moments.resolved[span] <= admission.as_of
    rows: Rows = span.start + np.flatnonzero(like)
    rows = rows[admitted[moments.setup[rows]]]
    if rules := admission.like.rules():
        rule = functools.reduce(operator.and_, rules)
        rows = rows[moments.moved[rows].select(rule).to_series().to_numpy()]
    return rows


def sets_barriers(now: Moment, stage: Phase | None) -> float | None:
    """Sigma that sets the barriers: of an arrival that holds that of its T0, otherwise the moment's own."""
    return now.sigma_60 if stage is None or stage.name == APPROACH else stage.sigma_60


def given_arrival(cal: Reals) -> Reals | None:
    """Of an approach, whose race begins at the level: mean chances, (3,), that geometry gave arrivals.

    Args:
        cal: (n, 3) of those that arrived, NaN where there are none.
    """
    known = ~np.isnan(cal).any(axis=1)
    return np.array([pl.Series(one[known]).mean() for one in cal.T]) if known.any() else None


def compared(stage: Phase | None, *, odds: bool) -> str:
    """With what a moment that is no arrival is compared."""
    if stage is None:
        return "This moment is no arrival at the level; it is compared with arrivals."
    if stage.tau_s is None:
        said = "This moment is no arrival; it is compared with approaches that did arrive"
        return f"{said}: read the odds as given that it arrives." if odds else f"{said}."
    gone = "has left the level since" if stage.name == AFTER else "has not stood off it for 30 s since"
    said = f"An arrival {stage.tau_s} s ago has this direction, and price {gone}"
    return f"{said}: compared with such moments, their races run anew from there."


def _until(t0: int, gone: int | None) -> int | None:
    """Last moment at which an arrival holds that price had left by `gone`, ns UTC; None: it holds on."""
    return None if gone is None else max(t0 + max(TAUS_S) * _SECOND, gone - BAR_NS)


def left(place: Place, price: float, t0: int) -> int | None:
    """End of the first bar by which price had stood off an arrival's level for half a minute since its T0.

    As `sql/snapshots.sql` has it of stored moments.

    Returns:
        ns UTC; None where it had not by the end of the place's bar.
    """
    from warehouse.moments import REARM_BARS, REARM_PTS  # noqa: PLC0415 (an arrival does not need it)

    bars = place.read("silver.book", question.BAR)
    since = bars.filter(pl.col("bar_ts").cast(pl.Int64).is_between(t0, place.bar))
    bar = since["bar_ts"].cast(pl.Int64)
    held = bar.diff(REARM_BARS - 1) == (REARM_BARS - 1) * BAR_NS
    low = (since["mid_min"] - price).rolling_min(REARM_BARS).round(9)
    high = (since["mid_max"] - price).rolling_max(REARM_BARS).round(9)
    off = bar.filter(held & ((low > REARM_PTS) | (high < -REARM_PTS)))
    return None if off.is_empty() else int(off[0]) + BAR_NS
