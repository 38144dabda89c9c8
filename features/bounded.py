"""The few bounded forms that features take, and sums over columns."""

from collections.abc import Iterable
from functools import reduce
from operator import add

import polars as pl

CLIP_LR = 3.0
"""Bound of a log ratio."""
NEEDED = 0.7
"""Share of a window's bars that must have a value."""


def itself(value: pl.Expr) -> pl.Expr:
    """What is read, under a name of its own."""
    return value


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Part of a whole; null where that is 0."""
    return part / whole


def per(flow: pl.Expr, size: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Flow for each lot there, near 0 where little is."""
    return flow / (size + kappa)


def share_of_both(a: pl.Expr, b: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Share of `a` in both, in [0, 1), near 0 where both are small against kappa."""
    return a / (a + b + kappa)


def imbalance(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Signed share in [-1, 1]: +1 is all `a`; null where both are 0."""
    return (a - b) / (a + b)


def balance(a: pl.Expr, b: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Signed share in (-1, 1) that shrinks to 0 where both are small against kappa."""
    return (a - b) / (a + b + kappa)


def log_ratio(a: pl.Expr, b: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Log ratio in [-3, 3], near 0 where both are small against kappa."""
    return ((a + kappa) / (b + kappa)).log().clip(-CLIP_LR, CLIP_LR)


def logistic(z: pl.Expr) -> pl.Expr:
    """Degree in (0, 1) to which z is above 0; 0.5 at 0."""
    return 1 / (1 + (-4 * z).exp())


def average(columns: Iterable[pl.Expr]) -> pl.Expr:
    """Their mean, nulls left out; null where all are null.

    Added up in order: `mean_horizontal` adds in whichever order threads finish, so its last bit may change.
    """
    given = list(columns)
    return total(each.fill_null(0.0) for each in given) / total(
        each.is_not_null().cast(pl.Float64) for each in given
    )


def total(columns: Iterable[pl.Expr]) -> pl.Expr:
    """Their sum; null where one is null."""
    return reduce(add, columns)


def over_window(value: pl.Expr, bars: int) -> tuple[pl.Expr, pl.Expr]:
    """Sum over the values of the last `bars` bars, and how many there are.

    Each window is added up anew, so that its last bit does not depend on where the history starts.
    """
    count = value.is_not_null().cast(pl.Float64).rolling_sum(bars, min_samples=1)
    return value.fill_null(0.0).rolling_sum(bars, weights=[1.0] * bars, min_samples=1), count


def lots_over(lots: pl.Expr, bars: int) -> tuple[pl.Expr, pl.Expr]:
    """The same of lots, weighted by distance or not: a running sum, since parts of a power of two add up exactly."""
    count = lots.is_not_null().cast(pl.Float64).rolling_sum(bars, min_samples=1)
    return lots.fill_null(0.0).rolling_sum(bars, min_samples=1), count


def window_sum(value: pl.Expr, bars: int) -> pl.Expr:
    """Sum over the last `bars` bars; null unless each has a value."""
    summed, count = over_window(value, bars)
    return pl.when(count == bars).then(summed)


def window_mean(value: pl.Expr, bars: int, least: int) -> pl.Expr:
    """Mean over the last `bars` bars; null where fewer than `least` have a value."""
    summed, count = over_window(value, bars)
    return pl.when(count >= least).then(summed / count)


def slope(value: pl.Expr, bars: int) -> pl.Expr:
    """Least-squares change per bar over the last `bars`; null where fewer than 70 % have a value."""
    there = value.is_not_null().cast(pl.Float64)
    # An absent value weighs nothing in any of the sums, so 0 stands for it.
    filled = value.fill_null(0.0)
    y, ty = (filled.rolling_sum(bars, weights=[float(k**power) for k in range(bars)]) for power in range(2))
    # Sums of whole numbers are exact wherever the history starts, so running ones will do for places.
    place = pl.int_range(pl.len()).cast(pl.Float64)
    n, p, pp = (each.rolling_sum(bars) for each in (there, there * place, there * place * place))
    found = (n * ty - (p - (place - (bars - 1)) * n) * y) / (n * pp - p * p)
    return pl.when(n >= NEEDED * bars).then(found)
