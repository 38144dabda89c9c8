"""The past that a question is held against: setups as they stood at T0, or at moments around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse import library, sequel, spread, vectors
from warehouse.sequel import Ends, Rows
from warehouse.spread import Groups
from warehouse.vectors import Reals, Spec, Vectors

OWN = (
    "setup_id", "symbol", "date", "cluster_id", "is_placebo", "direction", "level_kinds", "level_price",
    "trigger_ts", "known_ts", "resolved_ts", "x0", "sigma_60", "sigma_ratio",
)  # fmt: skip
"""Columns of gold.setups that answers are made from, features aside."""
FOLLOWED = ("setup_id", "horizon_s", "barrier_pts", *sequel.TOLD)
"""Columns of gold.outcomes idem."""
_NAMES = ("setup_id", "trigger_ts", "level_kinds", "level_price", "direction")
_MOVED = ("known_ts", "x0", "phase", "tau_s")


@dataclass(frozen=True, slots=True)
class Past:
    """Setups without placebos, in order of setup_id, as they stood at one moment each.

    Args:
        setups: Names of all there are, and what never changes.
        moved: known_ts, x0, phase and tau_s of all moments; the last two null at arrivals.
        own: (n,) rows of these setups.
        at: (n,) rows of their moments.
        groups: Which of them tell of the same thing.
        hours: (n,) its half hour in the New York day.
        ends: What followed from there.
    """

    setups: pl.DataFrame
    moved: pl.DataFrame
    own: Rows
    at: Rows
    groups: Groups
    hours: Rows
    ends: Ends

    def told(self, rows: Rows) -> pl.DataFrame:
        """Names and moments, in the order of some rows."""
        return self.setups[self.own[rows]].hstack(self.moved[self.at[rows]])


@dataclass(frozen=True, slots=True)
class Moments:
    """Setups at every moment around T0 whose level could be read, by phase, setup and nearness to T0.

    Args:
        spans: Rows of each phase.
        setup: (m,) row of the setup among the arrivals.
        x: (m,) distance from the level, in points.
        resolved: (m,) ns UTC.
        moved: (m,) as in `Past`, and sigma_60.
        vectors: (m, d) float32, as when the travel is up; NaN where a slot is missing.
        hours: (m,) as in `Past`.
        ends: As in `Past`, of m.
    """

    spans: Mapping[str, slice]
    setup: Rows
    x: Reals
    resolved: Rows
    moved: pl.DataFrame
    vectors: Vectors
    hours: Rows
    ends: Ends


def arrivals(setups: pl.DataFrame, outcomes: pl.DataFrame) -> Past:
    """Setups at their arrivals.

    Args:
        setups: As `library.setups` gives them, without placebos.
        outcomes: As `library.outcomes` gives them.
    """
    moved = setups.select(
        "known_ts", "x0", pl.lit(None, pl.String).alias("phase"), tau_s=pl.lit(None, pl.Int64)
    )
    ends, rows = sequel.beside(setups, outcomes), np.arange(len(setups))
    return Past(setups.select(_NAMES), moved, rows, rows, spread.groups(setups), _hours(setups), ends)


def moments(snapshots: pl.DataFrame, setups: pl.DataFrame, spec: Spec) -> Moments:
    """Every moment of some setups.

    Args:
        snapshots: As `library.snapshots` gives them, with the slots of a vector.
        setups: As `library.setups` gives them, without placebos.
        spec: The vector.
    """
    rows = setups.select("setup_id", "direction", setup=pl.int_range(pl.len()))
    mine = (
        snapshots.filter("level_known", pl.col("x").is_not_null())
        .join(rows, on="setup_id", how="inner")
        .with_columns(library.as_up(spec.slots))
        .sort("phase", "setup", pl.col("tau_s").abs(), "tau_s")
    )
    lengths = mine.group_by("phase", maintain_order=True).len().rows()
    stops = np.cumsum([count for _, count in lengths]).tolist()
    return Moments(
        {phase: slice(stop - count, stop) for (phase, count), stop in zip(lengths, stops, strict=True)},
        mine["setup"].to_numpy(),
        mine["x"].to_numpy(),
        mine["resolved_ts"].cast(pl.Int64).to_numpy(),
        mine.rename({"x": "x0"}).select(*_MOVED, "sigma_60"),
        vectors.matrix(mine, spec),
        _hours(mine),
        sequel.of_moments(mine),
    )


def _hours(moments: pl.DataFrame) -> Rows:
    return moments.select(sequel.half_hour(pl.col("known_ts"))).to_series().to_numpy()
