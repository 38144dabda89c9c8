"""Forecasts that look at no feature: what any skill must beat."""

from __future__ import annotations

import numpy as np
import polars as pl

from warehouse import barrier, odds
from warehouse.evaluate.sample import Codes, Reals, Sample

_NOTHING = 3
"""State of a level at which nothing is resolved yet today."""


def one_factor(sample: Sample) -> Reals:
    """Geometry with the one factor on sigma at which the past's mean chance of CHOP is its share."""
    asked, races = sample.questions, sample.races.with_columns(sigma_ratio=pl.lit(1.0))
    horizon, dates = sample.races["horizon_s"][0], sample.frame["date"][asked.tolist()]
    fits = {
        date: barrier.calibrations(races.filter(pl.col("date") < date)).get(horizon, barrier.UNCALIBRATED)
        for date in dates.unique()
    }
    own = (
        sample.frame[asked.tolist()]
        .select("setup_id")
        .join(races, on="setup_id", how="left", maintain_order="left")
    )
    x0, width, sigma = (own[name].to_numpy() for name in ("x0", "barrier_pts", "sigma_60"))
    scale = np.array([fits[date].factor for date in dates]) * np.sqrt(horizon / 60)
    return np.stack(barrier.geometric(x0, width, sigma * scale), axis=1)


def uniform(sample: Sample) -> Reals:
    """A third each."""
    return np.full((len(sample.questions), 3), 1 / 3)


def base_rate(sample: Sample) -> Reals:
    """Shares of all earlier dates, one of each outcome added."""
    before = _before(sample, sample.y)
    shares: Reals = before / before.sum(axis=1, keepdims=True)
    return shares


def by_level_and_time(sample: Sample) -> Reals:
    """The card's base rate: shares of the level, direction and half hour, drawn to those of any time."""
    clock = sample.frame["half_hour"].to_numpy()
    found = np.empty((len(sample.questions), 3))
    for n, row in enumerate(sample.questions.tolist()):
        mine = sample.admitted(row)
        whole = _counts(sample.y[mine])
        found[n] = odds.rate(_counts(sample.y[mine & (clock == clock[row])]), whole + 1.0)
    return found


def last_outcome(sample: Sample) -> Reals:
    """Shares of earlier dates after the same last outcome at the level today, drawn to those after any."""
    state = _state(sample)
    found = base_rate(sample)
    for value in range(_NOTHING + 1):
        mine = state[sample.questions] == value
        after = _before(sample, np.where(state == value, sample.y, -1)) - 1
        whole = found[mine]
        found[mine] = (after[mine] + odds.STRENGTH * whole) / (
            after[mine].sum(axis=1, keepdims=True) + odds.STRENGTH
        )
    return found


def _state(sample: Sample) -> Codes:
    """The last outcome at each setup's level today that was resolved by its moment, (n,)."""
    level = sample.frame["level_id"].to_list()
    known, resolved = (sample.frame[name].to_physical().to_numpy() for name in ("known_ts", "resolved_ts"))
    state = np.full(len(level), _NOTHING)
    seen: dict[str, list[int]] = {}
    for row, name in enumerate(level):
        earlier = [
            one for one in seen.setdefault(name, []) if resolved[one] <= known[row] and sample.y[one] >= 0
        ]
        if earlier:
            state[row] = sample.y[earlier[-1]]
        seen[name].append(row)
    return state


def _before(sample: Sample, y: Codes) -> Reals:
    """Outcomes of earlier dates counted for every question, one of each added, (q, 3)."""
    days = int(sample.day.max()) + 1
    per_day = np.stack([np.bincount(sample.day[y == place], minlength=days) for place in range(3)], axis=1)
    before = np.cumsum(per_day, axis=0) - per_day
    return before[sample.day[sample.questions]].astype(np.float64) + 1


def _counts(y: Codes) -> Reals:
    return np.bincount(y[y >= 0], minlength=3).astype(np.float64)
