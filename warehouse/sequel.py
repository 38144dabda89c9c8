"""What followed some setups: how far price went, and how soon it was decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.odds import CLASSES, Reals
from warehouse.schema import BAR_NS

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the excursions that are told."""
REACH = ("mfe_pts", "mae_pts")
_STEP_S = BAR_NS // 10**9 * 6
_HALF_HOUR = 30


def excursions(ends: pl.DataFrame, weights: Reals) -> dict[str, dict[str, float] | None]:
    """Weighted quantiles of the excursions, in points; None where no neighbour has one.

    Args:
        ends: The neighbours' outcomes at a horizon, nearest first; null where there is none.
        weights: (k,) of the neighbours.
    """
    found: dict[str, dict[str, float] | None] = {}
    for name in REACH:
        known = ends[name].is_not_null().to_numpy()
        values = ends[name].drop_nulls().to_numpy()
        cut = [quantile(values, weights[known], q) for q in QUANTILES]
        found[name] = (
            {f"{q:g}": value for q, value in zip(QUANTILES, cut, strict=True)} if len(values) else None
        )
    return found


def times(ends: pl.DataFrame, weights: Reals, horizon_s: int) -> list[dict[str, Any]]:
    """Weighted share of neighbours that had broken, and that had been rejected, every half minute.

    The two compete: a neighbour counts with what came first, and what is left at the horizon chopped.
    Those born beyond a barrier or censored are left out, so the shares end at the raw distribution.
    """
    usable = ends["outcome"].is_in(CLASSES).fill_null(value=False).to_numpy()
    if not usable.any():
        return []
    steps = np.arange(_STEP_S, horizon_s + 1, _STEP_S)
    told: dict[str, npt.NDArray[np.float64]] = {}
    for outcome, column in (("BREAK", "time_to_break_s"), ("REJECT", "time_to_reject_s")):
        after = np.where(ends["outcome"] == outcome, ends[column].cast(pl.Float64).to_numpy(), np.inf)
        told[outcome] = weights[usable] @ (after[usable, None] <= steps) / weights[usable].sum()
    return [
        {"s": int(step), **{outcome: float(shares[n]) for outcome, shares in told.items()}}
        for n, step in enumerate(steps)
    ]


def quantile(values: Reals, weights: Reals, q: float) -> float:
    """The least value up to which at least the share q of the weight lies; NaN of nothing."""
    if not len(values):
        return float("nan")
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(mass, q * mass[-1] * (1 - 1e-12))])


def half_hour(time: pl.Expr) -> pl.Expr:
    """Number of a UTC time's half hour in the New York day, 0 to 47."""
    clock = time.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    return (clock.dt.hour().cast(pl.Int64) * 60 + clock.dt.minute().cast(pl.Int64)) // _HALF_HOUR
