"""Setups as vectors: named slots, a scale learnt from the past alone, and the distance between two."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse import catalog
from warehouse.errors import QuestionError
from warehouse.schema import SCALERS
from warehouse.spread import Groups

Vectors = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]

DEFAULT = "snapshot30r"
"""The spec that is used unless another is named: the ratio twins of the trigger snapshot."""
VALUES_NEEDED = 20
_LEFT_OUT, _FEWEST, _PAIRS = 200, 25, 600_000  # past moments asked; pairs that still take milliseconds
SHARED_TENTHS = 7
"""Two vectors compare only where they share seven tenths of their slots."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A named list of features that makes a vector.

    Args:
        name: As users write it.
        slots: Columns of gold.setups, in the order of the vector.
    """

    name: str
    slots: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Changes with the slots and their order."""
        return hashlib.sha256(json.dumps(self.slots).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Scaler:
    """Centre and scale of every slot, both (d,) float64."""

    median: Reals
    mad: Reals


def specs() -> list[str]:
    """Every spec that is declared, by name."""
    return sorted(catalog.load().vectors)


def spec(name: str = DEFAULT) -> Spec:
    """The spec of a name.

    Raises:
        QuestionError: If there is none, with near misses.
    """
    declared = catalog.load().vectors
    if name not in declared:
        near = difflib.get_close_matches(name, declared) or sorted(declared)
        raise QuestionError(f"there is no vector spec `{name}`: did you mean {', '.join(near)}?")
    return Spec(name, declared[name])


def fingerprint(name: str) -> str:
    """That of the spec of a name."""
    return spec(name).fingerprint


def matrix(setups: pl.DataFrame, spec: Spec) -> Vectors:
    """Vectors of setups, (n, d) float32, NaN where a feature is null."""
    slots = (pl.col(slot).cast(pl.Float32).fill_null(float("nan")) for slot in spec.slots)
    return setups.select(slots).to_numpy(order="c").reshape(len(setups), len(spec.slots))


def scalers(setups: pl.LazyFrame, spec: Spec, date: dt.date) -> pl.DataFrame:
    """gold.scalers of a date: centre and scale of every slot over the setups of earlier dates.

    The scale is 1.4826 times the median absolute deviation, at least half the standard deviation (a flag
    that is mostly one value has no median deviation at all), and 1 where nothing varies. Fewer than 20
    values give 0 and 1: twins have no dimension, so distances mean something unscaled.

    Args:
        setups: gold.setups with `date`; later dates and placebos are left out here.
        spec: Whose slots.
        date: The date whose questions are scaled.
    """
    past = setups.filter(pl.col("date") < date, ~pl.col("is_placebo")).select(spec.slots)
    value = pl.col("value")
    spread = pl.max_horizontal(1.4826 * (value - value.median()).abs().median(), 0.5 * value.std(ddof=0))
    seen = (
        past.cast(pl.Float64())
        .unpivot(variable_name="feature", value_name="value")
        .drop_nulls()
        .group_by("feature")
        .agg(median=value.median(), mad=spread, n=pl.len())
    )
    known = pl.col("n") >= VALUES_NEEDED
    return (
        pl.LazyFrame({"feature": spec.slots}, schema={"feature": pl.String()})
        .join(seen, on="feature", how="left", maintain_order="left")
        .with_columns(n=pl.col("n").fill_null(0))
        .with_columns(
            median=pl.when(known).then("median").otherwise(0.0),
            mad=pl.when(known & (pl.col("mad") > 0)).then("mad").otherwise(1.0),
        )
        .cast(SCALERS.schema)  # type: ignore[arg-type]
        .collect(engine="in-memory")
    )


def scaler(rows: pl.DataFrame, spec: Spec) -> Scaler:
    """The scaler of one date, from its rows of gold.scalers, in the order of the slots."""
    order = pl.DataFrame({"feature": spec.slots}, schema={"feature": pl.String()})
    found = order.join(rows, on="feature", how="left", maintain_order="left")
    median, mad = found["median"].fill_null(0.0), found["mad"].fill_null(1.0)
    return Scaler(median.to_numpy(), mad.to_numpy())


def distances(question: Vectors, vectors: Vectors, mad: Reals) -> Reals:
    """Partial distance of a question (d,) to every row of (n, d), in scaled units.

    The mean over the slots that both have stands for those that one lacks, so that a vector with gaps is
    neither nearer nor farther for them. Infinite where fewer than seven tenths are shared. Centres cancel.
    """
    gaps = (vectors.astype(np.float64) - question.astype(np.float64)) / mad
    width = gaps.shape[1]
    shared = np.isfinite(gaps).sum(axis=1)
    total = np.nansum(gaps * gaps, axis=1)
    enough = shared * 10 >= SHARED_TENTHS * width
    return np.sqrt(np.where(enough, total * width / np.maximum(shared, 1), np.inf))


def usual(vectors: Vectors, groups: Groups, mad: Reals, k: int) -> Reals:
    """Distance to the k-th neighbour on other dates of evenly spaced vectors, of those that have one.

    Up to 200 are asked, fewer in a large library, and their neighbours are spread as an answer's are.

    Args:
        vectors: (n, d) float32.
        groups: Of the vectors.
        mad: (d,) scale.
        k: Which neighbour.
    """
    if len(vectors) <= k:
        return np.empty(0)
    count = min(_LEFT_OUT, len(vectors), max(_FEWEST, _PAIRS // len(vectors)))
    asked = np.linspace(0, len(vectors) - 1, count).astype(int)
    known = np.isfinite(vectors).astype(np.float64)
    values = np.nan_to_num(vectors / mad)
    shared = known[asked] @ known.T
    # the sum of (a - b)^2 over shared slots, as products of matrices
    total = (values[asked] ** 2) @ known.T + known[asked] @ (values**2).T - 2 * values[asked] @ values.T
    far = np.sqrt(np.maximum(total, 0) * vectors.shape[1] / np.maximum(shared, 1))
    unlike = shared * 10 < SHARED_TENTHS * vectors.shape[1]
    far[unlike | (groups.dates[asked][:, None] == groups.dates)] = np.inf
    nth = groups.nth(far, k)
    return nth[np.isfinite(nth)]


def scaled(vectors: Vectors, scale: Scaler) -> Vectors:
    """Vectors centred and scaled, (n, d) float32, with 0, the median, where a slot is missing."""
    centred = (vectors - scale.median) / scale.mad
    return np.where(np.isnan(centred), 0.0, centred).astype(np.float32)
