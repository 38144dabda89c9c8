"""How unusual a moment is: how far the past lies from itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from warehouse.spread import PER_DATE, Groups
from warehouse.vectors import SHARED_TENTHS, Reals, Vectors

_LEFT_OUT, _FEWEST, _PAIRS = 100, 25, 250_000  # past moments asked; pairs that take milliseconds
_AT_ONCE = 2_048
"""Rows that stay near the processor."""
_ONE_THREAD = 2**18
"""Multiplications up to which OpenBLAS begins no threads: they wait by spinning, while others have work."""


class Usual(NamedTuple):
    """How far the past lies from itself.

    Args:
        place: To which neighbour; 0 where there are too few for any.
        far: Distances to that neighbour, of those that have one.
    """

    place: int
    far: Reals


def usual(vectors: Vectors, groups: Groups, mad: Reals, k: int) -> Usual:
    """Distance to the k-th neighbour on other dates of evenly spaced vectors, of those that have one.

    Up to 100 are asked, fewer in a large library, and their neighbours are spread as an answer's are. None of
    them has its own date; where too few other rows are left for k, it is to the last that each of them has.

    Args:
        vectors: (n, d) float32.
        groups: Of the vectors.
        mad: (d,) scale.
        k: Which neighbour.
    """
    most = len(groups.keep(np.arange(len(vectors)), k + PER_DATE))
    place = max(min(k, most - PER_DATE), 0)
    if not place:
        return Usual(0, np.empty(0))
    count = min(_LEFT_OUT, len(vectors), max(_FEWEST, _PAIRS // len(vectors)))
    asked = np.linspace(0, len(vectors) - 1, count).astype(int)
    mine, dates = _parts(vectors[asked], mad), groups.dates[asked][:, None]
    squares = np.empty((count, len(vectors)), np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        part = _squares(mine, _parts(vectors[rows], mad))
        part[dates == groups.dates[rows]] = np.inf
        squares[:, rows] = part
    nth = groups.nth(squares, place)
    return Usual(place, np.sqrt(np.maximum(nth[np.isfinite(nth)], 0).astype(np.float64)))


def _parts(vectors: Vectors, mad: Reals) -> Vectors:
    """Which slots are known, squares of scaled values, 0 where they are not, and those values, (n, 3, d)."""
    parts = np.empty((len(vectors), 3, vectors.shape[1]), np.float32)
    known, squares, values = parts[:, 0], parts[:, 1], parts[:, 2]
    known[:] = np.isfinite(vectors)
    np.divide(vectors, mad.astype(np.float32), out=values)
    values[known == 0] = 0
    np.square(values, out=squares)
    return parts


def _squares(mine: Vectors, theirs: Vectors) -> Vectors:
    """Squared partial distances of (q, 3, d) to (n, 3, d): sums of (a - b)^2 as one product of matrices."""
    left, width = np.hstack([mine[:, 1], mine[:, 0], -2 * mine[:, 2]]), mine.shape[2]
    squares, shared = _product(left, theirs.reshape(len(theirs), -1)), _product(mine[:, 0], theirs[:, 0])
    squares *= width
    squares /= np.maximum(shared, 1)
    squares[shared * 10 < SHARED_TENTHS * width] = np.inf
    return squares


def _product(left: Vectors, right: Vectors) -> Vectors:
    """Of (q, m) and (n, m), the latter some rows a time: (q, n)."""
    found, step = np.empty((len(left), len(right)), np.float32), max(1, _ONE_THREAD // left.size)
    for start in range(0, len(right), step):
        rows = slice(start, start + step)
        np.matmul(left, right[rows].T, out=found[:, rows])
    return found
