"""How far price is expected to move, from the day so far and from the time of day."""

import polars as pl

from warehouse.catalog import feature
from warehouse.units import FRACTION, POINTS

HALF_LIFE = 120
"""Bars in which the weight of a squared move halves."""
WARM = 180
"""Moves needed before the first value."""
BARS_A_MINUTE = 12
LATELY = 36
"""Bars of the last three minutes."""


def recent(moves: pl.Expr) -> pl.Expr:
    """Exponentially weighted mean of the date's moves so far."""
    return moves.ewm_mean(half_life=HALF_LIFE, min_samples=WARM, ignore_nulls=True)


@feature(unit=POINTS * POINTS, window=2, bounds=(0, float("inf")))
def volatility_move2(bid_px_00: pl.Expr, ask_px_00: pl.Expr, meta_reset: pl.Expr) -> pl.Expr:
    """Squared change of mid since the bar before; null across a reset or without two sides."""
    mid = pl.when(meta_reset.not_()).then((bid_px_00 + ask_px_00) / 2)
    return (mid - mid.shift(1)) ** 2


@feature(unit=FRACTION, window=None, bounds=(0, float("inf")))
def volatility_rel(volatility_move2: pl.Expr, mid_var: pl.Expr) -> pl.Expr:
    """Squared moves over the usual ones at their time of day, recent ones weighing more; 1 is a usual day.

    Half-life 120 bars, null before 180 moves, and null without the past's five sessions.
    """
    return recent(pl.when(mid_var > 0).then(volatility_move2 / mid_var))


@feature(name="sigma_60", unit=POINTS, window=None, bounds=(0, float("inf")), prefix="")
def expected(volatility_rel: pl.Expr, volatility_move2: pl.Expr, mid_var_ahead: pl.Expr) -> pl.Expr:
    """Expected one-minute move of mid, as a standard deviation; null before 180 moves.

    The usual variance two minutes ahead times how unusual the day is; without five past sessions the
    day's own moves, and then `sigma_warmup` says so.
    """
    known = (mid_var_ahead * volatility_rel).fill_nan(None)
    return (BARS_A_MINUTE * pl.coalesce(known, recent(volatility_move2))).sqrt()


@feature(name="sigma_ratio", unit=FRACTION, window=None, bounds=(0, float("inf")), prefix="")
def lately(volatility_move2: pl.Expr, sigma_60: pl.Expr) -> pl.Expr:
    """Moves of mid over the last three minutes, as a one-minute standard deviation, over `sigma_60`.

    1 is as lively as expected; null where `sigma_60` is null or 0, and where half of the moves are unknown.
    """
    moved = BARS_A_MINUTE * volatility_move2.rolling_mean(LATELY, min_samples=LATELY // 2).clip(0)
    return moved.sqrt() / pl.when(sigma_60 > 0).then(sigma_60)


@feature(
    name="sigma_warmup",
    unit=FRACTION,
    bounds=(0, 1),
    prefix="",
    dtype=pl.Boolean(),
    idle="False from the sixth session on",
)
def warmup(volatility_rel: pl.Expr, mid_var_ahead: pl.Expr, sigma_60: pl.Expr) -> pl.Expr:
    """True where `sigma_60` rests on the day's own moves alone; null where it is null."""
    return pl.when(sigma_60.is_not_null()).then((mid_var_ahead * volatility_rel).is_null())
