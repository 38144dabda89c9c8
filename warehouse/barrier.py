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
Flags = npt.NDArray[np.bool_]

SESSIONS_NEEDED = 20
LEARNT = ("x0", "sigma_60", "sigma_ratio")
"""Columns of gold.setups that the geometric null is of."""
_TERMS = 40
_STEPS, _STRIDE, _FARTHEST = 60, 0.5, 3.0
_PRECISION, _FLAT, _DECAYED = 1e-10, 1e-9, -40.0
_LIVELIEST = 4.0
_INNER_CUT = 0.5  # sigmas at the horizon within which level_class5 says CHOP
_erfc = np.frompyfunc(math.erfc, 1, 1)


class Calibration(NamedTuple):
    """By what sigma is scaled: a factor, times how lively the last three minutes were to a power.

    The one-minute move of the last three minutes over sigma_60 counts between 1/4 and 4, and as 1 where it
    is unknown.
    """

    factor: float
    power: float

    def scale(self, ratio: float | None) -> float:
        """That of one start, whose `sigma_ratio` may be unknown."""
        lively = _liveliness(np.array([np.nan if ratio is None else ratio]))
        return self.factor * math.exp(self.power * float(lively[0]))


UNCALIBRATED = Calibration(0.9, 0.0)
"""Until enough sessions exist to fit one."""


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


def calibrate(x0: Reals, barrier: Reals, sigma: Reals, ratio: Reals, chops: Flags) -> Calibration:
    """The scale of sigma at which geometry gives CHOP as often as it was seen, lively or calm.

    It solves two equations: over all starts the chances of CHOP sum to the number seen, and so they do where
    each start weighs by the logarithm of its ratio. Both sides fall as the scale grows, so there is one
    solution; where nothing or everything was CHOP it is one that gives hardly anything else. Starts on or
    beyond a barrier, or without sigma, tell nothing.
    """
    share, spread = _shape(x0, barrier, sigma)
    inside = np.isfinite(spread)
    lively = _liveliness(ratio[inside])
    known = np.stack([np.ones_like(lively), lively], axis=1)
    odd = np.arange(1, _TERMS + 1, 2)[:, None]
    waves = 4 / np.pi * np.sin(odd * np.pi * share[inside]) / odd
    slopes = -((odd * np.pi * spread[inside]) ** 2) / 2
    seen, at = chops[inside], np.zeros(2)
    for _ in range(_STEPS):
        scale = np.exp(2 * _along(known, at))
        # Later terms have all decayed to less than a float64 of the sum can hold.
        terms = int(((scale * slopes).max(axis=1, initial=-np.inf) > _DECAYED).sum())
        each = waves[:terms] * np.exp(scale * slopes[:terms])
        missed = (known * (each.sum(axis=0) - seen)[:, None]).sum(axis=0)
        steep = 2 * (each * scale * slopes[:terms]).sum(axis=0)
        bend = (known[:, :, None] * known[:, None, :] * steep[:, None, None]).sum(axis=0)
        step = np.clip(-np.linalg.lstsq(bend, missed, rcond=_FLAT)[0], -_STRIDE, _STRIDE)
        at = np.clip(at + step, -_FARTHEST, _FARTHEST)
        if np.abs(step).max() < _PRECISION:
            break
    return Calibration(float(np.exp(at[0])), float(at[1]))


def calibrations(library: pl.DataFrame) -> dict[int, Calibration]:
    """How sigma is scaled at every horizon (seconds), from past setups; none until 20 sessions exist.

    Args:
        library: Resolved outcomes of one scheme, placebo too, with columns `date, horizon_s, outcome,
            barrier_pts, x0, sigma_60, sigma_ratio`, all of earlier dates.
    """
    resolved = library.filter(pl.col("outcome").is_in(["BREAK", "REJECT", "CHOP"]) & (pl.col("sigma_60") > 0))
    return {
        horizon: _calibration(part, horizon)
        for (horizon,), part in resolved.group_by("horizon_s", maintain_order=True)
        if part["date"].n_unique() >= SESSIONS_NEEDED
    }


def with_odds(
    outcomes: pl.DataFrame, setups: pl.DataFrame, calibrated: Mapping[int, Calibration]
) -> pl.DataFrame:
    """The plug-in and the calibrated null beside each outcome; null where born or without sigma.

    Args:
        outcomes: Rows of gold.outcomes; a scheme named `level_*` starts at x0, another at 0.
        setups: gold.setups, for x0, sigma_60 and sigma_ratio.
        calibrated: By horizon; 0.9 for those it does not name. The columns `cal_factor` and `cal_power`.
    """
    starts = setups.select("setup_id", *LEARNT)
    known = outcomes.join(starts, on="setup_id", how="left", maintain_order="left")
    anchored = known["scheme"].str.starts_with("level").to_numpy()
    x0 = np.where(anchored, _reals(known["x0"]), 0.0)
    width, horizon = _reals(known["barrier_pts"]), known["horizon_s"].to_numpy()
    sigma = _reals(known["sigma_60"]) * np.sqrt(horizon / 60)
    fits = [calibrated.get(int(seconds), UNCALIBRATED) for seconds in horizon]
    factor, power = np.array(fits, np.float64).reshape(-1, 2).T
    g = factor * np.exp(power * _liveliness(_reals(known["sigma_ratio"])))
    classes = (known["scheme"] == CLASSES_SCHEME).to_numpy()
    columns = []
    for name, scale in (("null", np.ones_like(g)), ("cal", g)):
        raced, at_end = geometric(x0, width, sigma * scale), ended(x0, _INNER_CUT * sigma, sigma * scale)
        for end, race, last in zip(("break", "reject", "chop"), raced, at_end, strict=True):
            columns.append(pl.Series(f"{name}_{end}", np.where(classes, last, race), nan_to_null=True))
    return known.with_columns(pl.Series("cal_factor", factor), pl.Series("cal_power", power), *columns)


def _calibration(part: pl.DataFrame, horizon: int) -> Calibration:
    barrier, x0, sigma, ratio = (_reals(part[name]) for name in ("barrier_pts", *LEARNT))
    return calibrate(
        x0, barrier, sigma * np.sqrt(horizon / 60), ratio, (part["outcome"] == "CHOP").to_numpy()
    )


def _liveliness(ratio: Reals) -> Reals:
    """Logarithm of the ratio, bounded; 0 where it is unknown: neither lively nor calm."""
    known = np.where(ratio >= 0, ratio, 1.0)
    found: Reals = np.log(np.clip(known, 1 / _LIVELIEST, _LIVELIEST))
    return found


def _along(known: Reals, at: Reals) -> Reals:
    found: Reals = (known * at).sum(axis=1)
    return found


def _shape(x0: Reals, barrier: Reals, sigma: Reals) -> tuple[Reals, Reals]:
    """Start as a share of the corridor from below, and sigma over its width; NaN where undefined."""
    inside = (np.abs(x0) < barrier) & (sigma > 0)
    width = np.where(inside, 2 * barrier, np.nan)
    return (x0 + barrier) / width, sigma / width


def _reals(column: pl.Series) -> Reals:
    """Float64 with NaN for null."""
    return column.cast(pl.Float64).to_numpy()
