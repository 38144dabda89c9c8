"""The geometric null: where a driftless walk between two barriers ends, by closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.schema import CLASSES_SCHEME

Reals = npt.NDArray[np.float64]

UNCALIBRATED = 0.9
"""Factor on sigma until enough sessions exist to fit one."""
SESSIONS_NEEDED = 20
_TERMS = 40
_SEARCH = (0.05, 20.0)
_PRECISION, _DECAYED = 1e-9, -40.0
_INNER_CUT = 0.5  # sigmas at the horizon within which level_class5 says CHOP
_erfc = np.frompyfunc(math.erfc, 1, 1)


class Odds(NamedTuple):
    """Probabilities of the three ends, one element per start; they sum to 1, NaN where undefined."""

    breaks: Reals
    rejects: Reals
    chops: Reals


def geometric(x0: Reals, barrier: Reals, sigma: Reals) -> Odds:
    """Chances of a driftless Brownian start at x0 between barriers at -barrier and +barrier.

    Args:
        x0: Start, in points.
        barrier: Distance of both barriers from 0, in points.
        sigma: Standard deviation of the walk at the horizon, in points.

    Returns:
        NaN where the start is on or beyond a barrier or sigma is not positive.
    """
    share, spread = _shape(x0, barrier, sigma)
    n = np.arange(1, _TERMS + 1)
    decay = np.exp(-((n * np.pi * spread[:, None]) ** 2) / 2)
    terms = np.sin(n * np.pi * share[:, None]) / n * decay
    chops = np.clip(4 / np.pi * terms[:, ::2].sum(axis=1), 0, 1)
    breaks = np.clip(share + 2 / np.pi * (terms * (-1.0) ** n).sum(axis=1), 0, 1 - chops)
    return Odds(breaks, 1 - breaks - chops, chops)


def ended(x0: Reals, cut: Reals, sigma: Reals) -> Odds:
    """Chances that a driftless Brownian walk ends at or beyond +cut, at or beyond -cut, or in between.

    Args:
        x0: Start, in points.
        cut: Distance of both cuts from 0, in points.
        sigma: Standard deviation of the walk at the horizon, in points.

    Returns:
        NaN where sigma is not positive.
    """
    unit = np.where(sigma > 0, sigma, np.nan) * math.sqrt(2)
    breaks, rejects = (np.asarray(_erfc((cut - start) / unit), np.float64) / 2 for start in (x0, -x0))
    return Odds(breaks, rejects, 1 - breaks - rejects)


def calibrate(x0: Reals, barrier: Reals, sigma: Reals, chop_share: float) -> float:
    """The factor on sigma at which the mean chance of CHOP equals the share seen.

    The chance falls as sigma grows, so bisection finds it; a share of 0 or 1 gives an end of the search.
    Starts on or beyond a barrier, or without sigma, tell nothing.
    """
    share, spread = _shape(x0, barrier, sigma)
    inside = np.isfinite(spread)
    odd = np.arange(1, _TERMS + 1, 2)[:, None]
    waves = 4 / np.pi * np.sin(odd * np.pi * share[inside]) / odd
    slopes = -((odd * np.pi * spread[inside]) ** 2) / 2
    slowest = slopes.max(axis=1, initial=-np.inf)
    wanted = chop_share * inside.sum()
    low, high = _SEARCH
    while high > low * (1 + _PRECISION):
        factor = float(np.sqrt(low * high))
        # Later terms have all decayed to less than a float64 of the sum can hold.
        terms = int((factor**2 * slowest > _DECAYED).sum())
        too_calm = (waves[:terms] * np.exp(factor**2 * slopes[:terms])).sum() > wanted
        low, high = (factor, high) if too_calm else (low, factor)
    return float(np.sqrt(low * high))


def factors(library: pl.DataFrame) -> dict[int, float]:
    """The factor g of every horizon (seconds) from past setups; 0.9 until 20 sessions exist.

    Args:
        library: Resolved outcomes of one scheme, placebo too, with columns `date, horizon_s, outcome,
            barrier_pts, x0, sigma_60`, all of earlier dates.
    """
    resolved = library.filter(pl.col("outcome").is_in(["BREAK", "REJECT", "CHOP"]) & (pl.col("sigma_60") > 0))
    return {
        horizon: _factor(part, horizon)
        for (horizon,), part in resolved.group_by("horizon_s", maintain_order=True)
        if part["date"].n_unique() >= SESSIONS_NEEDED
    }


def with_odds(outcomes: pl.DataFrame, setups: pl.DataFrame, factors: Mapping[int, float]) -> pl.DataFrame:
    """The plug-in and the calibrated null beside each outcome; null where born or without sigma.

    Args:
        outcomes: Rows of gold.outcomes; a scheme named `level_*` starts at x0, another at 0.
        setups: gold.setups, for x0 and sigma_60.
        factors: g by horizon; 0.9 for those it does not name. It is the column `cal_factor`.
    """
    starts = setups.select("setup_id", "x0", "sigma_60")
    known = outcomes.join(starts, on="setup_id", how="left", maintain_order="left")
    anchored = known["scheme"].str.starts_with("level").to_numpy()
    x0 = np.where(anchored, _reals(known["x0"]), 0.0)
    width, horizon = _reals(known["barrier_pts"]), known["horizon_s"].to_numpy()
    sigma = _reals(known["sigma_60"]) * np.sqrt(horizon / 60)
    g = np.array([factors.get(int(seconds), UNCALIBRATED) for seconds in horizon])
    classes = (known["scheme"] == CLASSES_SCHEME).to_numpy()
    columns = []
    for name, scale in (("null", np.ones_like(g)), ("cal", g)):
        raced, at_end = geometric(x0, width, sigma * scale), ended(x0, _INNER_CUT * sigma, sigma * scale)
        for end, race, last in zip(("break", "reject", "chop"), raced, at_end, strict=True):
            columns.append(pl.Series(f"{name}_{end}", np.where(classes, last, race), nan_to_null=True))
    return known.with_columns(pl.Series("cal_factor", g), *columns)


def _factor(part: pl.DataFrame, horizon: int) -> float:
    x0, barrier, sigma = (part[name].to_numpy() for name in ("x0", "barrier_pts", "sigma_60"))
    share = float((part["outcome"] == "CHOP").mean())  # type: ignore[arg-type]
    return calibrate(x0, barrier, sigma * np.sqrt(horizon / 60), share)


def _shape(x0: Reals, barrier: Reals, sigma: Reals) -> tuple[Reals, Reals]:
    """Start as a share of the corridor from below, and sigma over its width; NaN where undefined."""
    inside = (np.abs(x0) < barrier) & (sigma > 0)
    width = np.where(inside, 2 * barrier, np.nan)
    return (x0 + barrier) / width, sigma / width


def _reals(column: pl.Series) -> Reals:
    """Float64 with NaN for null."""
    return column.cast(pl.Float64).to_numpy()
