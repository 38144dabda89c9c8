"""Setups as vectors: named slots, a scale learnt from the past alone, and the distance between two."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse import catalog
from warehouse.errors import QuestionError
from warehouse.schema import SCALERS

Vectors = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DEFAULT = "snapshot30r"
"""The spec that is used unless another is named: the ratio twins of the trigger snapshot."""
VALUES_NEEDED = 20
CLIPPED = 5.0
"""Scaled values beyond which one slot may not turn a principal axis."""
_AT_ONCE = 2_048
"""Rows whose gaps stay near the processor."""
SHARED_TENTHS = 7
"""Two vectors compare only where they share seven tenths of their slots."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A named list of features that makes a vector.

    Args:
        name: As users write it.
        slots: Columns of gold.setups and gold.summaries, in the order of the vector.
        components: Principal axes of the past that setups are compared along; None compares the slots.
    """

    name: str
    slots: tuple[str, ...]
    components: int | None = None

    @property
    def fingerprint(self) -> str:
        """Changes with the slots and their order, and with the axes."""
        said = self.slots if self.components is None else (*self.slots, self.components)
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def compared(self) -> tuple[str, ...]:
        """What is compared, by name: the slots, or the axes."""
        if self.components is None:
            return self.slots
        return tuple(f"axis {n + 1}" for n in range(self.components))


@dataclass(frozen=True, slots=True)
class Scaler:
    """Centre and scale of every slot, both (d,) float64, and principal axes (d, m) if they are compared."""

    median: Reals
    mad: Reals
    axes: Reals | None = None


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
    return Spec(name, declared[name], catalog.load().components.get(name))


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
        .select("feature", "median", "mad", "n")
        .collect(engine="in-memory")
    )


def fitted(setups: pl.DataFrame, named: Sequence[Spec], date: dt.date) -> pl.DataFrame:
    """gold.scalers of a date for many specs at once; each slot is fitted once, whatever specs have it.

    Args:
        setups: gold.setups of earlier dates with `date` and every slot; see `scalers`.
        named: The specs.
        date: The date whose questions are scaled.
    """
    slots = tuple(sorted({slot for each in named for slot in each.slots}))
    every = scalers(setups.lazy(), Spec("every", slots), date)
    past = setups.filter(pl.col("date") < date, ~pl.col("is_placebo"))
    found = []
    for each in named:
        rows = pl.DataFrame(
            {"spec": each.name, "feature": each.slots},
            {name: SCALERS.schema[name] for name in ("spec", "feature")},
        )
        rows = rows.join(every, on="feature", how="left", maintain_order="left")
        axes = None
        if each.components is not None:
            axes = principal(scaled(matrix(past, each), scaler(rows, each)), each.components).tolist()
        found.append(
            rows.with_columns(axes=pl.Series(axes or [None] * len(rows), dtype=SCALERS.schema["axes"]))
        )
    return pl.concat(found).cast(SCALERS.schema)  # type: ignore[arg-type]


def principal(points: Vectors, count: int) -> Reals:
    """Axes along which scaled vectors (n, d) vary most, (d, count); unit length, the largest part positive.

    Fewer than 20 vectors have no axes: each of the first slots is its own.
    """
    if len(points) < VALUES_NEEDED:
        return np.eye(points.shape[1], count)
    near = np.clip(points.astype(np.float64), -CLIPPED, CLIPPED)
    centred = near - near.mean(axis=0)
    spread = np.einsum("ni,nj->ij", centred, centred) / len(near)  # no BLAS: the same bits on any threads
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :count]
    largest = np.abs(axes).argmax(axis=0)
    found: Reals = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    return found


def scaler(rows: pl.DataFrame, spec: Spec) -> Scaler:
    """The scaler of one date, from its rows of gold.scalers, in the order of the slots."""
    order = pl.DataFrame({"feature": spec.slots}, schema={"feature": pl.String()})
    rows = rows.filter(pl.col("spec") == spec.name) if "spec" in rows.columns else rows
    found = order.join(rows, on="feature", how="left", maintain_order="left")
    median, mad = found["median"].fill_null(0.0), found["mad"].fill_null(1.0)
    if spec.components is None:
        return Scaler(median.to_numpy(), mad.to_numpy())
    known = found["axes"].drop_nulls().to_list() if "axes" in found.columns else []
    axes = np.array(known, np.float64) if known else np.eye(len(spec.slots), spec.components)
    return Scaler(median.to_numpy(), mad.to_numpy(), axes)


def placed(vectors: Vectors, scale: Scaler) -> tuple[Vectors, Reals]:
    """Vectors as they are compared, and the scale of what is compared: the slots, or the principal axes.

    Along axes a missing slot is the median; a vector with fewer than seven tenths of its slots has no place.
    """
    if scale.axes is None:
        return vectors, scale.mad
    near = np.clip(scaled(vectors, scale), -CLIPPED, CLIPPED).astype(np.float64)
    enough = np.isfinite(vectors).sum(axis=1) * 10 >= SHARED_TENTHS * vectors.shape[1]
    along = np.where(enough[:, None], near @ scale.axes, np.nan)
    return along.astype(np.float32), np.ones(scale.axes.shape[1])


def distances(question: Vectors, vectors: Vectors, mad: Reals) -> Reals:
    """Partial distance of a question (d,) to every row of (n, d), in scaled units.

    The mean over the slots that both have stands for those that one lacks, so that a vector with gaps is
    neither nearer nor farther for them. Infinite where fewer than seven tenths are shared. Centres cancel.
    """
    found, width = [np.empty(0)], vectors.shape[1]
    for squares, known in apart(question, vectors, mad):
        shared, total = known.sum(axis=1), squares.sum(axis=1)
        enough = shared * 10 >= SHARED_TENTHS * width
        found.append(np.sqrt(np.where(enough, total * width / np.maximum(shared, 1), np.inf)))
    return np.concatenate(found)


def apart(question: Vectors, vectors: Vectors, mad: Reals) -> Iterator[tuple[Reals, Mask]]:
    """Squared gaps in scaled units, 0 where either lacks the slot, and where none does; some rows a time."""
    mine = question.astype(np.float64)
    for start in range(0, len(vectors), _AT_ONCE):
        squares = vectors[start : start + _AT_ONCE] - mine
        squares /= mad
        squares *= squares
        known = ~np.isnan(squares)
        squares[~known] = 0.0
        yield squares, known


def scaled(vectors: Vectors, scale: Scaler) -> Vectors:
    """Vectors centred and scaled, (n, d) float32, with 0, the median, where a slot is missing."""
    centred = (vectors - scale.median) / scale.mad
    return np.where(np.isnan(centred), 0.0, centred).astype(np.float32)
