"""The nearest rows of many questions at once: products of matrices propose, exact distances decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warehouse import rarity
from warehouse.index import Mask, Neighbours, Rows
from warehouse.rarity import Usual
from warehouse.spread import Groups
from warehouse.vectors import SHARED_TENTHS, Reals, Vectors, distances

Asked = tuple[Sequence[Mask], int]
"""Of each question who may answer, and how many of them are wanted."""
_KEPT = 8
"""Sets of rows of which it is known how far they lie from each other."""
_ROUNDING = 1e-9
"""Of the squares that a proposed distance is the difference of: far more than they can be wrong by."""


class Scan:
    """Vectors made ready to be asked many times; it answers what `index.search_exact` does, to the bit.

    A squared distance is squares less twice a product, so that many cost one product of matrices. It comes
    out a little wrong, by less than is known; what could be among the nearest for all that is measured.

    Args:
        vectors: (n, d) float32, finite, or NaN where a slot is missing.
        mad: (d,) scale.
        groups: Which rows tell of the same thing.
    """

    def __init__(self, vectors: Vectors, mad: Reals, groups: Groups) -> None:
        self.vectors, self.mad, self.groups = vectors, mad, groups
        self._values, self._known = (np.ascontiguousarray(part.T) for part in _ready(vectors, mad))
        self._squares = self._values**2
        self._usual: dict[tuple[bytes, int], Usual] = {}

    def nearest(self, questions: Vectors, circles: Sequence[Asked]) -> list[list[Neighbours]]:
        """Of each circle, the nearest of those allowed to each question, or fewer than asked for.

        Args:
            questions: (q, d).
            circles: Of each question, (n,) which rows may answer; and how many are wanted.
        """
        far, slack = self._about(questions)
        return [
            [
                self._one(mine, np.flatnonzero(mask), one, wrong, k)
                for mine, mask, one, wrong in zip(questions, allowed, far, slack, strict=True)
            ]
            for allowed, k in circles
        ]

    def usual(self, allowed: Mask, k: int) -> Usual:
        """As `rarity.usual` tells of the allowed rows, which is asked again and again: it is kept."""
        key = allowed.tobytes(), k
        if key not in self._usual:
            if len(self._usual) == _KEPT:
                self._usual.clear()
            mine = self.vectors[allowed]
            self._usual[key] = rarity.usual(mine, self.groups.of(allowed), self.mad, k)
        return self._usual[key]

    def _about(self, questions: Vectors) -> tuple[Reals, Reals]:
        """Squared distances (q, n), infinite where too few slots are shared, and how wrong each can be."""
        values, known = _ready(questions, self.mad)
        squares = _product(values**2, self._known) + _product(known, self._squares)
        shared = _product(known, self._known)
        enough = shared * 10 >= SHARED_TENTHS * questions.shape[1]
        spread = questions.shape[1] / np.maximum(shared, 1)
        far = np.where(enough, (squares - 2 * _product(values, self._values)) * spread, np.inf)
        return far, _ROUNDING * (1 + squares * spread)

    def _one(self, mine: Vectors, rows: Rows, far: Reals, slack: Reals, k: int) -> Neighbours:
        least, most = far[rows] - slack[rows], far[rows] + slack[rows]
        kept = self.groups.nearest(rows, most, k)
        if len(kept) == k:
            rows = rows[least <= most[kept[-1]]]
        exact = distances(mine, self.vectors[rows], self.mad)
        order = self.groups.nearest(rows, exact, k)
        return Neighbours(rows[order], exact[order])


def _ready(vectors: Vectors, mad: Reals) -> tuple[Reals, Reals]:
    """Scaled values with 0 where a slot is missing, and 1 where it is there."""
    known = np.isfinite(vectors)
    return np.where(known, vectors, 0.0) / mad, known.astype(np.float64)


def _product(questions: Reals, across: Reals) -> Reals:
    """Of (q, d) and (d, n); not by BLAS, whose threads wait for each other on a busy machine."""
    found: Reals = np.einsum("qd,dn->qn", questions, across)
    return found
