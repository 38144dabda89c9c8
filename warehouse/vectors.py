"""Setups as vectors: named slots, a scale learnt from the past alone, and the distance between two."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse import catalog
from warehouse.errors import QuestionError

Vectors = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DEFAULT = "snapshot30r"
"""The spec that is used unless another is named: the ratio twins of the trigger snapshot."""
CLIPPED = 5.0
"""Scaled values beyond which one slot may not turn a principal axis."""
LEAN = "lean"
"""What is compared beside the slots: their combination that best told past BREAK from REJECT."""
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
        """Changes with the slots and their order, their mirror images, and with the axes."""
        said = self.slots, [catalog.load().seen_down(slot) for slot in self.slots], self.components
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def compared(self) -> tuple[str, ...]:
        """What is compared, by name: the slots, or the axes."""
        if self.components is None:
            return self.slots
        return tuple(f"axis {n + 1}" for n in range(self.components))


@dataclass(frozen=True, slots=True)
class Scaler:
    """Centre and scale of every slot, both (d,) float64.

    Args:
        median: Centre.
        mad: Scale.
        axes: Principal axes (d, m) if they are compared.
        lean: (d,) parts of the scaled slots in the lean; None where too little is known.
    """

    median: Reals
    mad: Reals
    axes: Reals | None = None
    lean: Reals | None = None


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


def named(spec: Spec, direction: str) -> tuple[tuple[str, int], ...]:
    """Columns of what is compared in a direction, and 1 or -1 that turns a value back; the lean is last."""
    down = spec.components is None and direction == "DOWN"
    seen = catalog.load().seen_down
    return (*(seen(each) if down else (each, 1) for each in spec.compared), (LEAN, 1))


def fingerprint(name: str) -> str:
    """That of the spec of a name."""
    return spec(name).fingerprint


def matrix(setups: pl.DataFrame, spec: Spec) -> Vectors:
    """Vectors of setups as `library.setups` gives them, (n, d) float32, NaN where a feature is null."""
    slots = (pl.col(slot).cast(pl.Float32).fill_null(float("nan")) for slot in spec.slots)
    return setups.select(slots).to_numpy(order="c").reshape(len(setups), len(spec.slots))


def scaler(rows: pl.DataFrame, spec: Spec) -> Scaler:
    """The scaler of one date, from its rows of gold.scalers, in the order of the slots."""
    order = pl.DataFrame({"feature": spec.slots}, schema={"feature": pl.String()})
    rows = rows.filter(pl.col("spec") == spec.name) if "spec" in rows.columns else rows
    found = order.join(rows, on="feature", how="left", maintain_order="left")
    median, mad = found["median"].fill_null(0.0).to_numpy(), found["mad"].fill_null(1.0).to_numpy()
    slopes = found["lean"] if "lean" in found.columns else pl.Series([None], dtype=pl.Float64())
    lean = slopes.fill_null(0.0).to_numpy() if slopes.null_count() < len(slopes) else None
    known = found["axes"].drop_nulls().to_list() if "axes" in found.columns else []
    axes = None
    if spec.components is not None:
        axes = np.array(known, np.float64) if known else np.eye(len(spec.slots), spec.components)
    return Scaler(median, mad, axes, lean)


def placed(vectors: Vectors, scale: Scaler) -> tuple[Vectors, Reals]:
    """Vectors as they are compared, and the scale of that: the slots, or the principal axes; then the lean.

    Along axes and in the lean a missing slot is the median; a vector with fewer than seven tenths of its
    slots has no place there.
    """
    if scale.axes is None and scale.lean is None:
        return vectors, scale.mad
    enough = np.isfinite(vectors).sum(axis=1, keepdims=True) * 10 >= SHARED_TENTHS * vectors.shape[1]
    parts, scales = [vectors], [scale.mad]
    if scale.axes is not None:
        near = np.clip(scaled(vectors, scale), -CLIPPED, CLIPPED).astype(np.float64)
        parts, scales = [np.where(enough, near @ scale.axes, np.nan)], [np.ones(scale.axes.shape[1])]
    if scale.lean is not None:
        parts.append(np.where(enough, leaning(vectors, scale.lean, scale), np.nan))
        scales.append(np.ones(1))
    return np.hstack(parts).astype(np.float32), np.concatenate(scales)


def leaning(vectors: Vectors, lean: Reals, scale: Scaler) -> Vectors:
    """How far vectors (n, d) lean to BREAK, (n, 1) float32; a missing slot counts as the median."""
    near = np.clip(scaled(vectors, scale), -CLIPPED, CLIPPED).astype(np.float64)
    found: Reals = np.einsum("nd,d->n", near, lean)  # no BLAS: the same bits on any threads
    return found[:, None].astype(np.float32)


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
        yield np.fmax(squares, 0.0, out=squares), known


def scaled(vectors: Vectors, scale: Scaler) -> Vectors:
    """Vectors centred and scaled, (n, d) float32, with 0, the median, where a slot is missing."""
    centred = vectors - scale.median
    centred /= scale.mad
    np.copyto(centred, 0.0, where=np.isnan(centred))
    return centred.astype(np.float32)
