"""Neighbours spread over the past: at most two of a date, and one of a cluster of overlapping setups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

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

    def nth(self, far: Reals, n: int) -> Reals:
        """Distance to the n-th kept neighbour, (q,), of distances (q, n); infinite where there are fewer."""
        if not far.size:
            return np.full(len(far), np.inf)
        order = np.lexsort((self.clusters, self.dates))
        firsts = _starts(self.clusters[order])
        nearest = np.minimum.reduceat(far[:, order], firsts, axis=1)
        starts = _starts(self.dates[order][firsts])
        kept = np.concatenate(_two_least(nearest, starts), axis=1)
        return (
            np.partition(kept, n - 1, axis=1)[:, n - 1] if kept.shape[1] >= n else np.full(len(far), np.inf)
        )

    def of(self, rows: npt.NDArray[np.bool_]) -> Groups:
        """The same of some setups."""
        return Groups(self.dates[rows], self.clusters[rows])


def groups(setups: pl.DataFrame) -> Groups:
    """Of setups in their order.

    Args:
        setups: With `date` and `cluster_id`.
    """
    return Groups(*(setups[name].rank("dense").cast(pl.Int64).to_numpy() for name in ("date", "cluster_id")))


def _place(codes: Codes) -> Codes:
    """How many rows of the same code come before each row."""
    order = np.argsort(codes, kind="stable")
    starts = _starts(codes[order])
    before = np.arange(len(codes)) - np.repeat(starts, np.diff([*starts, len(codes)]))
    place = np.empty(len(codes), np.int64)
    place[order] = before
    return place


def _starts(codes: Codes) -> Codes:
    """Where a new code begins, of codes in order."""
    return np.flatnonzero(np.diff(codes, prepend=codes[:1] - 1) != 0)


def _two_least(values: Reals, starts: Codes) -> tuple[Reals, Reals]:
    """The least and the second least of every run of columns; infinite where a run has one column."""
    least = np.minimum.reduceat(values, starts, axis=1)
    of_run = np.repeat(np.arange(len(starts)), np.diff([*starts, values.shape[1]]))
    equal = values == least[:, of_run]
    rest = np.minimum.reduceat(np.where(equal, np.inf, values), starts, axis=1)
    return least, np.where(np.add.reduceat(equal, starts, axis=1) > 1, least, rest)
