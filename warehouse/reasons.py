"""Why a value is null: beside the features of setups one column of bits for each family."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse import catalog, inputs
from warehouse.catalog import HISTORY, PREFIX
from warehouse.declared import Measure

Flags = npt.NDArray[np.bool_]

REASONS = ("not_visible", "warmup", "empty_band", "no_profile", "reset")
"""Reason n has the bit 2 to the n. empty_band: all was known, and there was nothing to divide or look at."""
KNOWN, CLEAR = f"{PREFIX}meta_known_bars", f"{PREFIX}meta_clear_bars"
"""Bars known so far, and bars since the book was last dropped."""
PAST = f"{PREFIX}rvol_trade_vol_ratio"
"""Null where there is no profile."""
COVERED = tuple(f"{PREFIX}cube_cov_{j}" for j in ("m4", "m3", "m2", "m1", "0", "p1", "p2", "p3", "p4"))
"""Shares seen of the points about the level."""
NEAR_RES, NEAR, MOVED, PREDICTED, PUSHED = (
    f"{PREFIX}{name}"
    for name in (
        "lvl_retreat_near_res_sum",
        "lvl_retreat_near_sum",
        "lvl_move_rel_sum",
        "fma_pred_12",
        "fma_ratio_12",
    )
)
"""Two values with a fit to the past, and what each reads besides."""
SEEN = 0.5
_LEFT_OUT = {"meta", "volatility"}
"""Families that the reasons themselves are read from."""


@dataclass(frozen=True, slots=True)
class _Trait:
    """What a feature's nulls can come from.

    Args:
        reach: Bars that it looks back on.
        past: It is held against the past.
        fitted: It reads what was fitted to the past.
        covers: Coverages that it reads.
        ladder: It reads sums over the ladder about the level.
        rows: It reads sums over all rows of the ladder.
    """

    reach: int
    past: bool
    fitted: bool
    covers: frozenset[str]
    ladder: bool
    rows: bool


def name(family: str) -> str:
    """The column of a family's reasons."""
    return f"{PREFIX}{family}_nulls"


def beside(setups: pl.DataFrame) -> pl.DataFrame:
    """Setups with a column of bits for each family: why values of it are null; 0 where none is.

    Args:
        setups: With every feature.
    """
    groups: dict[str, dict[_Trait, list[str]]] = {}
    for feature in catalog.load().values():
        if feature.family not in _LEFT_OUT:
            groups.setdefault(feature.family, {}).setdefault(_trait(feature.name), []).append(feature.name)
    rows = _Rows(setups)
    return setups.with_columns(
        pl.Series(name(family), _bits(rows, groups[family]), pl.Int64) for family in sorted(groups)
    )


def of(setups: pl.DataFrame, names: Iterable[str]) -> dict[str, dict[str, float]]:
    """For each of some features the shares of setups in which it is null for each reason, the largest first.

    Args:
        setups: With every feature.
        names: Features of families that have a column of reasons.
    """
    rows, found = _Rows(setups), {}
    for one in names:
        why = zip(REASONS, _why(rows, _trait(one)), strict=True)
        shares = {reason: float((rows.null[one] & holds).mean()) for reason, holds in why}
        found[one] = dict(sorted(shares.items(), key=lambda share: -share[1]))
    return found


def told(bits: pl.Expr) -> dict[str, pl.Expr]:
    """For each reason, whether it is among the bits."""
    return {reason: bits // 2**place % 2 == 1 for place, reason in enumerate(REASONS)}


class _Rows:
    """Setups as arrays: which values are null, and what is read of coverage and history."""

    def __init__(self, setups: pl.DataFrame) -> None:
        self.count = len(setups)
        read = [one for one in setups.columns if "_cov_" in one or one in {KNOWN, CLEAR}]
        real = pl.col(read).cast(pl.Float64).fill_null(float("nan"))  # NaN compares with nothing
        self.null = _arrays(setups.select(pl.all().is_null()))
        self.real = _arrays(setups.select(real))
        self.unfitted = self._without(NEAR_RES, NEAR, MOVED) | self._without(PREDICTED, PUSHED)
        self.far = np.all([self.real[one] == 0 for one in COVERED], axis=0)

    def _without(self, name: str, *read: str) -> Flags:
        """Where a fitted value is null though all is known that it reads besides its fit."""
        found: Flags = self.null[name] & ~np.any([self.null[one] for one in read], axis=0)
        return found


def _arrays(frame: pl.DataFrame) -> dict[str, npt.NDArray[Any]]:
    return {column.name: column.to_numpy() for column in frame}


def _bits(rows: _Rows, groups: dict[_Trait, list[str]]) -> npt.NDArray[np.int64]:
    found = np.zeros(rows.count, np.int64)
    for trait, names in groups.items():
        null = np.any([rows.null[one] for one in names], axis=0)
        if null.any():
            for place, holds in enumerate(_why(rows, trait)):
                found |= (null & holds).astype(np.int64) << place
    return found


def _why(rows: _Rows, trait: _Trait) -> tuple[Flags, ...]:
    """Whether each reason holds for values of a trait that are null, in their order."""
    no = np.zeros(rows.count, bool)
    # A coverage that is null is of a zone in which nothing may rest: there was nothing to see.
    hidden = np.any([no, *(rows.real[one] < SEEN for one in trait.covers)], axis=0)
    if trait.ladder:
        hidden |= rows.far
    longer = trait.reach > 1
    short = ~(rows.real[KNOWN] >= trait.reach) if longer else no
    dropped = (rows.real[CLEAR] < trait.reach) & ~short if longer else no
    past = rows.null[PAST] if trait.past else no
    # A fit needs more sessions than a profile, so it can be all that is missing.
    past = past | rows.unfitted if trait.fitted else past
    if trait.rows or (longer and trait.covers):
        # Not a row was seen; or seen now and null all the same: not through the bars before.
        hidden |= ~(short | dropped | past)
    return hidden, short, ~(hidden | short | dropped | past), past, dropped


@cache
def _trait(column: str) -> _Trait:
    known = catalog.load()
    feature = known[column]
    read = [one for one in feature.inputs if one in known and known[one].family not in _LEFT_OUT]
    below = [_trait(one) for one in read]
    leaves = [one for one in feature.inputs if one not in known]
    sums = [known.measures[one] for one in leaves if one in known.measures]
    held = any(inputs.metric(one) for one in leaves) or any(map(_of_past, sums))
    reach = (feature.window or HISTORY) - 1 + max((one.reach for one in below), default=1)
    return _Trait(
        min(feature.needs or reach, HISTORY),
        held or any(one.past for one in below),
        any(one in inputs.FITTED for one in leaves) or any(one.fitted for one in below),
        frozenset(one for one in feature.inputs if "_cov_" in one).union(*(one.covers for one in below)),
        any(measure.grain == "level" for measure in sums) or any(one.ladder for one in below),
        any(measure.grain == "bar" for measure in sums) or any(one.rows for one in below),
    )


def _of_past(measure: Measure) -> bool:
    return "usual" in measure.expr.meta.root_names()
