"""How much what is known counts beside each circle of setups: what earlier odds would have lost by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import library, odds, spread, store, vectors
from warehouse.circles import (
    ELSEWHERE,
    OWN,
    TIMES,
    Codes,
    K,
    Lists,
    drawn,
    everyone,
    listed,
    losses,
    told,
)
from warehouse.errors import MissingStepError
from warehouse.index import Mask
from warehouse.naming import CUSTOM, NAMED
from warehouse.odds import CLASSES, Reals
from warehouse.scan import Scan
from warehouse.schema import HORIZONS_S, TRIALS
from warehouse.vectors import Scaler

Told = tuple[str, str, int, float, int, float]
"""A row of gold.trials."""

P_CAL = "P_cal"
"""In place of a vector: not the nearest but everyone of a circle."""
Choices = tuple[tuple[float, ...], float]
"""Strengths that the past may choose among, and the one that holds until it can."""
NEAREST: Choices = odds.STRENGTHS, odds.STRENGTH
EVERYONE: Choices = (*odds.STRENGTHS, *(1280.0 * 2**n for n in range(1, 8)), odds.ALONE), odds.ALONE
TAUGHT_S = 240
"""Label clock whose outcomes teach the lean."""
LEARNING = 8
"""Sessions before the first one whose setups are asked."""


def coded(outcomes: pl.Series) -> Codes:
    """Places in BREAK, REJECT, CHOP; -1 of any other end, or none."""
    places = dict(zip(CLASSES, range(len(CLASSES)), strict=True))
    return outcomes.replace_strict(places, default=-1, return_dtype=pl.Int64).to_numpy()


def chances(ends: pl.DataFrame, kind: str) -> Reals:
    """The null `cal` or `null` of outcomes, (n, 3), NaN where there is none."""
    return ends.select(pl.col(f"{kind}_{name.lower()}").cast(pl.Float64) for name in CLASSES).to_numpy()


def excess(y: Codes, cal: Reals) -> Reals:
    """BREAK less REJECT beyond what geometry expected, (n,): what a lean is learnt from; NaN of no outcome.

    Args:
        y: (n,) outcomes, -1 where none is usable.
        cal: (n, 3) chances by geometry.
    """
    came = (y == 0).astype(np.float64) - (y == 1)
    return np.where(y >= 0, came - (cal[:, 0] - cal[:, 1]), np.nan)


def with_excess(setups: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Setups with the column `excess`, of four minutes.

    Args:
        setups: As `library.frozen` gives them.
        outcomes: As `library.followed` gives them.
    """
    told = excess(*_ends(setups, outcomes, TAUGHT_S))
    return setups.with_columns(excess=pl.Series(told, dtype=pl.Float64))


def made(
    setups: pl.DataFrame,
    outcomes: pl.DataFrame,
    scalers: Mapping[str, Scaler],
    date: dt.date,
    earlier: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of gold.trials of a date.

    Args:
        setups: gold.setups of the product up to the date, with `date` and the slots of every spec.
        outcomes: Their outcomes under the default scheme.
        scalers: Of every spec, learnt before the date.
        date: The date.
        earlier: gold.trials of earlier dates.
    """
    real = setups.filter(~pl.col("is_placebo")).sort("known_ts", "setup_id")
    today = (real["date"] == date) & (real["level_kind"] != CUSTOM)
    asked = np.flatnonzero(today.to_numpy())
    if real.filter(pl.col("date") < date)["date"].n_unique() < LEARNING:
        asked = asked[:0]
    circles = _admitted(real, asked, date)
    near = _found(real, asked, circles, scalers)
    chosen = {
        key: strengths(mine) for key, mine in earlier.partition_by("spec", "circle", as_dict=True).items()
    }
    rows: list[Told] = []
    for horizon in HORIZONS_S:
        y, cal = _ends(real, outcomes, horizon)
        one = _Horizon(horizon, asked, y, cal, chosen, rows)
        chances = cal[asked]
        for circle, masks in circles.items():
            chances = one.learnt(P_CAL, circle, *everyone(masks, y, cal, cal[asked]), chances)
        for name, (elsewhere, own) in near.items():
            shares, counts = told(elsewhere, y, cal)
            tilted = one.learnt(name, ELSEWHERE, odds.sided(shares, chances), counts, chances)
            one.learnt(name, OWN, *told(own, y, cal), tilted)
    return pl.DataFrame(rows, TRIALS.schema, orient="row")


def built(root: Path, product: str) -> pl.DataFrame:
    """gold.trials of every date of a product, with `date`.

    Raises:
        MissingStepError: If they were made before they had all of their columns.
    """
    mine = [one for one in store.partitions(root, "gold.trials") if ("product", product) in one.keys]
    if not mine:
        return pl.DataFrame(schema={**TRIALS.schema, "date": pl.Date()})
    found = store.scan(mine).collect(engine="in-memory")
    if not set(TRIALS.schema) <= set(found.columns):
        raise MissingStepError(f"gold.trials of {product} is of an older build: run `warehouse build` again")
    return found


def strengths(trials: pl.DataFrame) -> dict[int, float]:
    """The strength under which earlier odds were the likeliest, by horizon; absent where none were asked.

    Args:
        trials: gold.trials of one spec and circle, of earlier dates.
    """
    found = trials.group_by("horizon_s", "strength").agg(pl.col("questions", "loss").sum())
    best = found.filter(pl.col("questions") > 0).sort("horizon_s", "loss", "strength")
    return dict(
        best.unique("horizon_s", keep="first", maintain_order=True).select("horizon_s", "strength").rows()
    )


@dataclass(frozen=True, slots=True)
class _Horizon:
    """The questions of a date at one label clock.

    `chosen` has what earlier dates chose by spec and circle, `rows` takes what each strength would have lost.
    """

    horizon_s: int
    asked: Codes
    y: Codes
    cal: Reals
    chosen: Mapping[tuple[object, ...], Mapping[int, float]]
    rows: list[Told]

    def learnt(self, spec: str, circle: str, told: Reals, count: Reals, prior: Reals) -> Reals:
        """Chances by the strength that earlier dates chose, (q, 3)."""
        among, first = EVERYONE if spec == P_CAL else NEAREST
        every, came = drawn(told, count, prior, among), self.y[self.asked]
        fair = (came >= 0) & np.isfinite(self.cal[self.asked]).all(axis=1)
        sums = losses(every[:, fair], came[fair]).sum(axis=0).tolist()
        key, asked = (spec, circle, self.horizon_s), int(fair.sum())
        self.rows.extend((*key, strength, asked, one) for strength, one in zip(among, sums, strict=True))
        strength = self.chosen.get((spec, circle), {}).get(self.horizon_s, first)
        chances: Reals = every[among.index(strength)]
        return chances


def admissible(real: pl.DataFrame, date: dt.date, kinds: Collection[str], direction: str | None) -> Mask:
    """Who may answer questions of a date, whatever the vector: (n,) setups of earlier dates."""
    rule = (pl.col("date") < date) & library.alike(kinds, direction)
    found: Mask = real.select(rule).to_series().to_numpy()
    return found


def _admitted(real: pl.DataFrame, asked: Codes, date: dt.date) -> dict[str, list[Mask]]:
    """Of each question those of either circle."""
    mine, every = real[asked].select("level_kind", "direction").rows(), admissible(real, date, NAMED, None)
    by = {(kind, way): admissible(real, date, {kind}, way) for kind, way in set(mine)}
    others = {one: every & ~mask for one, mask in by.items()}
    return {ELSEWHERE: [others[one] for one in mine], OWN: [by[one] for one in mine]}


def _found(
    real: pl.DataFrame, asked: Codes, circles: Mapping[str, list[Mask]], scalers: Mapping[str, Scaler]
) -> dict[str, tuple[Lists, Lists]]:
    """Nearest setups by every spec, elsewhere and of the own circle."""
    groups, found = spread.groups(real), {}
    for name, scale in scalers.items():
        every, mad = vectors.placed(vectors.matrix(real, vectors.spec(name)), scale)
        both = (circles[ELSEWHERE], TIMES * K), (circles[OWN], K)
        far, near = Scan(every, mad, groups).nearest(every[asked], both)
        found[name] = listed(asked, far, TIMES * K), listed(asked, near, K)
    return found


def _ends(real: pl.DataFrame, outcomes: pl.DataFrame, horizon: int) -> tuple[Codes, Reals]:
    """Outcomes of setups in their order, and chances by geometry."""
    mine = outcomes.filter(pl.col("horizon_s") == horizon)
    ends = real.select("setup_id").join(mine, on="setup_id", how="left", maintain_order="left")
    return coded(ends["outcome"]), chances(ends, "cal")
