"""What followed some setups: how it ended, how far price went, and how soon it was decided."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.odds import CLASSES, Reals
from warehouse.schema import BAR_NS, HORIZONS_S

Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

ENDS = (*CLASSES, "BORN", "CENSORED")
"""How a race can end under the default scheme; its place here is its code, -1 none."""
BORN = ENDS.index("BORN")
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the excursions that are told."""
REACH, AFTER = ("mfe_pts", "mae_pts"), ("time_to_break_s", "time_to_reject_s")
_CAL = tuple(f"cal_{name.lower()}" for name in CLASSES)
TOLD = ("outcome", *_CAL, *REACH, *AFTER)
"""Columns that are read here."""
_STEP_S = BAR_NS // 10**9 * 6
_HALF_HOUR = 30


@dataclass(frozen=True, slots=True)
class Ends:
    """What followed n setups within each of HORIZONS_S, under the default scheme.

    Args:
        ends: (h, n) places in ENDS, -1 where there is none.
        cal: (h, n, 3) chances of CLASSES by geometry, NaN where there are none.
        reach: (h, n, 2) largest excursion with the travel and against it, in points; NaN where unknown.
        after: (h, n, 2) seconds to the first crossing beyond and back; NaN where there was none.
        usable: (h, n) which ended in one of CLASSES and have chances by geometry.
        theirs: (h, n, 3) those chances, 0 where unusable.
    """

    ends: Codes
    cal: Reals
    reach: Reals
    after: Reals
    usable: Mask
    theirs: Reals

    def of(self, rows: Rows) -> Ends:
        """The same of some setups."""
        cal, reach, after = (each.take(rows, axis=1) for each in (self.cal, self.reach, self.after))
        usable = self.usable.take(rows, axis=1)
        return Ends(self.ends.take(rows, axis=1), cal, reach, after, usable, _theirs(usable, cal))

    def names(self) -> list[list[str | None]]:
        """How each setup ended, by horizon."""
        return [[ENDS[code] if code >= 0 else None for code in codes] for codes in self.ends.T.tolist()]


def beside(setups: pl.DataFrame, outcomes: pl.DataFrame) -> Ends:
    """Of setups in their order, from rows of gold.outcomes of one scheme."""
    names = setups.select("setup_id")
    at = (outcomes.filter(pl.col("horizon_s") == horizon) for horizon in HORIZONS_S)
    told = [names.join(mine, on="setup_id", how="left", maintain_order="left") for mine in at]
    return _ends([{name: rows[name] for name in TOLD} for rows in told])


def of_moments(moments: pl.DataFrame) -> Ends:
    """Of moments in their order, from rows of gold.snapshots."""
    return _ends([{name: moments[f"{name}_{horizon // 60}m"] for name in TOLD} for horizon in HORIZONS_S])


def _ends(told: list[dict[str, pl.Series]]) -> Ends:
    codes = dict(zip(ENDS, range(len(ENDS)), strict=True))
    ends = (one["outcome"].replace_strict(codes, default=-1, return_dtype=pl.Int8) for one in told)
    cal, reach, after = (
        np.stack([_side_by_side(one, names) for one in told]) for names in (_CAL, REACH, AFTER)
    )
    places = np.stack([one.to_numpy() for one in ends])
    usable = (places >= 0) & (places < len(CLASSES)) & np.isfinite(cal).all(axis=2)
    return Ends(places, cal, reach, after, usable, _theirs(usable, cal))


def _theirs(usable: Mask, cal: Reals) -> Reals:
    return np.where(usable[..., None], cal, 0.0)


def _side_by_side(columns: dict[str, pl.Series], names: tuple[str, ...]) -> Reals:
    return np.stack(
        [columns[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names], axis=1
    )


def excursions(reach: Reals, weights: Reals) -> dict[str, dict[str, float] | None]:
    """Weighted quantiles of the excursions, in points; None where no neighbour has one.

    Args:
        reach: (k, 2) of the neighbours at a horizon, as `Ends` has it.
        weights: (k,) of the neighbours.
    """
    found: dict[str, dict[str, float] | None] = {}
    for name, values in zip(REACH, reach.T, strict=True):
        known = ~np.isnan(values)
        cut = quantiles(values[known], weights[known], QUANTILES)
        found[name] = dict(zip(map("{:g}".format, QUANTILES), cut, strict=True)) if known.any() else None
    return found


def times(ends: Codes, after: Reals, weights: Reals, horizon_s: int) -> list[dict[str, Any]]:
    """Weighted share of neighbours that had broken, and that had been rejected, every half minute.

    The two compete: a neighbour counts with what came first, and what is left at the horizon chopped.
    Those born beyond a barrier or censored are left out, so the shares end at the raw distribution.

    Args:
        ends: (k,) of the neighbours at the horizon, as `Ends` has them.
        after: (k, 2) idem.
        weights: (k,) of the neighbours.
        horizon_s: Seconds of the label clock.
    """
    usable = (ends >= 0) & (ends < len(CLASSES))
    if not usable.any():
        return []
    steps, own = np.arange(_STEP_S, horizon_s + 1, _STEP_S), weights[usable]
    told: dict[str, Reals] = {}
    for place, outcome in enumerate(CLASSES[:2]):
        came = np.where(ends == place, after[:, place], np.inf)
        told[outcome] = own @ (came[usable, None] <= steps) / own.sum()
    return [
        {"s": int(step), **{outcome: float(shares[n]) for outcome, shares in told.items()}}
        for n, step in enumerate(steps)
    ]


def quantiles(values: Reals, weights: Reals, shares: tuple[float, ...]) -> list[float]:
    """The least value up to which at least each share of the weight lies; NaN of nothing."""
    if not len(values):
        return [float("nan")] * len(shares)
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order])
    places = np.searchsorted(mass, np.array(shares) * mass[-1] * (1 - 1e-12))
    return [float(value) for value in values[order][places]]


def half_hour(time: pl.Expr) -> pl.Expr:
    """Number of a UTC time's half hour in the New York day, 0 to 47."""
    clock = time.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    return (clock.dt.hour().cast(pl.Int64) * 60 + clock.dt.minute().cast(pl.Int64)) // _HALF_HOUR


def half_hour_of(wall: dt.datetime) -> int:
    """The same of one instant on a New York clock."""
    return (wall.hour * 60 + wall.minute) // _HALF_HOUR
