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

_AHEAD = 4
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

    def keep(self, rows: Rows, k: int) -> Rows:
        """Places of the first k rows, of a list with the nearest first, that a walk down the list admits.

        It ends after a few steps for each of them, which is faster than to sort the whole list by group.
        """
        kept: list[int] = []
        told: dict[int, int] = {}
        given: dict[int, int] = {}
        codes = zip(self.clusters[rows].tolist(), self.dates[rows].tolist(), strict=True)
        for place, (cluster, date) in enumerate(codes):
            if len(kept) >= k:
                break
            if told.get(cluster, 0) < PER_CLUSTER and given.get(date, 0) < PER_DATE:
                told[cluster] = told.get(cluster, 0) + 1
                given[date] = given.get(date, 0) + 1
                kept.append(place)
        return np.array(kept, np.int64)

    def nearest(self, rows: Rows, far: Reals, k: int) -> Rows:
        """Places of the k nearest rows that the walk admits, nearest first; ties go to the earlier place.

        The walk looks at nothing beyond its k-th, so a beginning of the list is enough if it holds k.

        Args:
            rows: (n,) candidates.
            far: (n,) their distances; those infinitely far are none.
            k: Or fewer, if the walk admits fewer.
        """
        order = nearest(far, _AHEAD * k)
        kept = order[self.keep(rows[order], k)]
        if len(kept) < k and len(order) < len(far):
            order = nearest(far, len(far))
            kept = order[self.keep(rows[order], k)]
        return kept

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
    last = np.partition(far, count - 1)[count - 1] if count < len(far) else np.inf
    place = np.flatnonzero((far <= last) & np.isfinite(far))
    return place[np.argsort(far[place], kind="stable")]


def groups(setups: pl.DataFrame) -> Groups:
    """Of setups in their order.

    Args:
        setups: With `date` and `cluster_id`.
    """
    return Groups(*(setups[name].rank("dense").cast(pl.Int64).to_numpy() for name in ("date", "cluster_id")))
