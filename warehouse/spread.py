"""Neighbours spread over the past: at most two of a date, and one of a cluster of overlapping setups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Reals = npt.NDArray[np.floating[Any]]

_AHEAD = 10
PER_DATE, PER_CLUSTER = 2, 1
"""Neighbours that one date and one cluster may give: what happened in one morning happened once."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Which setups tell of the same thing; a cluster lies within one date.

    Args:
        dates: (n,) number of each setup's date.
        clusters: (n,) number of each setup's cluster.
    """

    dates: Codes
    clusters: Codes

    def keep(self, rows: Rows) -> Rows:
        """Places of those rows, of a list with the nearest first, that a walk down the list admits.

        A row that is not its cluster's first is refused either way: its first was taken, or their date
        was full before. So the first of every cluster, and of those the first two of every date, remain.
        """
        best = np.flatnonzero(_place(self.clusters[rows]) < PER_CLUSTER)
        return best[_place(self.dates[rows[best]]) < PER_DATE]

    def nearest(self, rows: Rows, far: Reals, k: int) -> Rows:
        """Places of the k nearest rows that the walk admits, nearest first; ties go to the earlier place.

        The walk looks at nothing beyond its k-th, so a beginning of the list is enough if it holds k.

        Args:
            rows: (n,) candidates.
            far: (n,) their distances; those infinitely far are none.
            k: Or fewer, if the walk admits fewer.
        """
        order = nearest(far, _AHEAD * k)
        kept = order[self.keep(rows[order])]
        if len(kept) < k and len(order) < len(far):
            order = nearest(far, len(far))
            kept = order[self.keep(rows[order])]
        return kept[:k]

    def nth(self, far: Reals, n: int) -> Reals:
        """Distance to the n-th kept neighbour, (q,), of distances (q, n); infinite where there are fewer."""
        rows = np.arange(far.shape[1])
        found = (one[self.nearest(rows, one, n)] for one in far)
        return np.array([one[-1] if len(one) == n else np.inf for one in found])

    def of(self, rows: npt.NDArray[np.bool_] | Rows) -> Groups:
        """The same of some setups."""
        return Groups(self.dates[rows], self.clusters[rows])


def nearest(far: Reals, count: int) -> Rows:
    """Places of the count least finite distances, and of any that tie with the last, least first."""
    place = np.arange(len(far))
    if count < len(far):
        place = np.flatnonzero(far <= np.partition(far, count - 1)[count - 1])
    place = place[np.isfinite(far[place])]
    return place[np.argsort(far[place], kind="stable")]


def groups(setups: pl.DataFrame) -> Groups:
    """Of setups in their order.

    Args:
        setups: With `date` and `cluster_id`.
    """
    return Groups(*(setups[name].rank("dense").cast(pl.Int64).to_numpy() for name in ("date", "cluster_id")))


def _place(codes: Codes) -> Codes:
    """How many rows of the same code come before each row."""
    order, rows = np.argsort(codes, kind="stable"), np.arange(len(codes))
    told = codes[order]
    new = np.ones(len(codes), bool)
    np.not_equal(told[1:], told[:-1], out=new[1:])
    place = np.empty(len(codes), np.int64)
    place[order] = rows - np.maximum.accumulate(np.where(new, rows, 0))
    return place
