"""Snapshots: every setup frozen again at moments around its trigger, with what followed from there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from warehouse import barrier, catalog, moments, plan, races, sqlfile
from warehouse.barrier import Calibration
from warehouse.frames import Tables
from warehouse.schema import DEFAULT_SCHEME, HORIZONS_S, OF_A_RACE, SNAPSHOTS, TAUS_S

VECTORS = ("geometry4", "multi", "physics8", "retreat6", "snapshot30", "snapshot30r", "snapshot30r+physics8")
"""Whose slots a snapshot holds; the others look back over all twenty minutes, ten times a setup."""


def slots() -> list[str]:
    """Features that a snapshot holds: the slots of some vectors."""
    return catalog.load().slots_of(VECTORS)


def snapshots(own: pl.DataFrame, setups: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """gold.snapshots of a trading date: its own columns, and the slots of VECTORS.

    At each moment the slots are as if the setup's level and direction were asked about.

    Args:
        own: As `raced` gives it.
        setups: gold.setups.
        tables: silver tables of the date by their short names: what features read.
    """
    frozen = setups.select("setup_id", "direction", "level_price")
    starts = own.join(frozen, on="setup_id", maintain_order="left").with_columns(trigger_ts="bar_ts")
    return own.hstack(plan.at_setups(starts, tables, slots()).select(slots()))


def raced(
    setups: pl.DataFrame,
    outcomes: pl.DataFrame,
    path: pl.DataFrame,
    tables: Tables,
    date: dt.date,
    *,
    tick: float,
) -> pl.DataFrame:
    """The columns of gold.snapshots that are no features.

    After T0 the race is run again from where price stands then, between the setup's own barriers and
    with the odds of that start; up to T0 it is the setup's, with its clock and its odds.

    Args:
        setups: gold.setups.
        outcomes: gold.outcomes.
        path: As `races.mids` gives it.
        tables: silver.levels, book and volatility of the date by their short names.
        date: The trading date.
        tick: Tick size in points.
    """
    found = places(setups, tables, path, TAUS_S)
    default = outcomes.filter(pl.col("scheme") == DEFAULT_SCHEME)
    again = _again(found.filter(pl.col("tau_s") > 0), setups, default, path, tables["book"], date, tick)
    before = found.filter(pl.col("tau_s") <= 0).select("setup_id", "tau_s").join(default, on="setup_id")
    ends = pl.concat([_wide(before), _wide(again)])
    whole = found.join(ends, on=["setup_id", "tau_s"], how="left", maintain_order="left")
    return whole.select(*SNAPSHOTS.schema).cast(SNAPSHOTS.schema)  # type: ignore[arg-type]


def places(setups: pl.DataFrame, tables: Tables, path: pl.DataFrame, taus_s: Sequence[int]) -> pl.DataFrame:
    """What `sql/snapshots.sql` says of setups so many seconds after T0, where the bar of that moment exists.

    Args:
        setups: gold.setups.
        tables: silver.levels, book and volatility by their short names.
        path: As `races.mids` gives it.
        taus_s: Seconds; negative before T0.
    """
    return sqlfile.run(
        sqlfile.load("snapshots"),
        {
            "setups": setups.select("setup_id", "level_id", "known_ts", "direction", "level_price"),
            "levels": tables["levels"].select("level_id", "known_ts"),
            "mids": path,
            "book": tables["book"].select("bar_ts", "mid_min", "mid_max"),
            "volatility": tables["volatility"].select("bar_ts", "sigma_60", "sigma_ratio"),
        },
        taus_s=list(taus_s),
        rearm_bars=moments.REARM_BARS,
        rearm_pts=moments.REARM_PTS,
    )


def _again(
    later: pl.DataFrame,
    setups: pl.DataFrame,
    default: pl.DataFrame,
    path: pl.DataFrame,
    book: pl.LazyFrame,
    date: dt.date,
    tick: float,
) -> pl.DataFrame:
    """The default scheme's outcomes from later moments on, at barriers that stand where they stood at T0."""
    frozen = setups.select("setup_id", "direction", "level_price", at_t0="sigma_60")
    name = pl.concat_str("setup_id", pl.lit("@"), pl.col("tau_s").cast(pl.String))
    starts = later.join(frozen, on="setup_id", maintain_order="left").select(
        "tau_s",
        "known_ts",
        "direction",
        "level_price",
        "sigma_60",
        "sigma_ratio",
        "at_t0",
        setup="setup_id",
        setup_id=name,
        x0="x",
    )
    race = starts.drop("sigma_60").rename({"at_t0": "sigma_60"})
    found = races.followed(race, path, book, date, tick=tick, schemes=(DEFAULT_SCHEME,))
    fits = default.select("horizon_s", "cal_factor", "cal_power").unique().rows()
    known = barrier.with_odds(found, starts, {horizon: Calibration(*fit) for horizon, *fit in fits})
    names = starts.select("setup_id", "setup", "tau_s")
    return (
        known.join(names, on="setup_id", maintain_order="left").drop("setup_id").rename({"setup": "setup_id"})
    )


def _wide(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row per moment: every horizon's columns side by side."""
    columns = [
        pl.col(name).filter(pl.col("horizon_s") == h).first().alias(f"{name}_{h // 60}m")
        for h in HORIZONS_S
        for name in OF_A_RACE
    ]
    return outcomes.group_by("setup_id", "tau_s", maintain_order=True).agg(columns)
