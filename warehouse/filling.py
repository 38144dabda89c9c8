"""Missing slots of vectors guessed from the others, so that a graph can place what it is going to propose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warehouse.scales import principal
from warehouse.vectors import Reals, Scaler, Vectors, leaning, scaled

AXES, ROUNDS = 10, 8
"""Principal axes that a guess lies on, and steps toward it."""


def axes(vectors: Vectors, scale: Scaler) -> Reals:
    """Axes along which vectors (n, d) vary most, (d, 10) or fewer."""
    return principal(scaled(vectors, scale), min(AXES, vectors.shape[1]))


def filled(vectors: Vectors, scale: Scaler, along: Reals) -> Vectors:
    """Vectors centred and scaled, (n, d) float32, no slot missing.

    A missing slot starts at the median and moves to where the axes put it, given the others: projecting and
    restoring what is known never moves away from that point, however alike slots are.
    """
    points, missing = scaled(vectors, scale).astype(np.float64), np.isnan(vectors)
    lacking = missing.any(axis=1)
    part, holes = points[lacking], missing[lacking]
    for _ in range(ROUNDS):
        part = np.where(holes, _onto(part, along), part)
    points[lacking] = part
    return points.astype(np.float32)


def placed(vectors: Vectors, scale: Scaler, along: Reals) -> Vectors:
    """Points of a graph: vectors that are filled, and their lean, (n, d + 1)."""
    return np.hstack([filled(vectors, scale, along), leaning(vectors, slopes(scale), scale)])


def slopes(scale: Scaler) -> Reals:
    """Parts of the slots in the lean, (d,); 0 where there is none."""
    return np.zeros(len(scale.mad)) if scale.lean is None else scale.lean


def _onto(points: npt.NDArray[np.float64], along: Reals) -> Reals:
    found: Reals = np.einsum(
        "nm,dm->nd", np.einsum("nd,dm->nm", points, along), along
    )  # no BLAS: the same bits
    return found
