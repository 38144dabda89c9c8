"""The neighbours of an answer as plain data: what followed each, and what makes it near or far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from warehouse import card, odds, question, vectors
from warehouse.card import NAMES
from warehouse.index import Neighbours, Pool
from warehouse.past import Past
from warehouse.sequel import Ends
from warehouse.vectors import Reals, Vectors

TOLD = 3
"""Features that are named for being near, and for being far."""
_PLAIN = ("setup_id", "phase", "tau_s", "level_kinds", "level_price", "direction", "x0")


def told(
    near: pl.DataFrame,
    found: Neighbours,
    weights: Reals,
    ends: Ends,
    reasons: Sequence[dict[str, list[dict[str, Any]]]],
) -> list[dict[str, Any]]:
    """A row per neighbour, nearest first.

    Args:
        near: Names and moments of the neighbours, as `Past.told` gives them.
        found: Their distances.
        weights: (k,) kernel weights.
        ends: What followed each.
        reasons: Of each neighbour, as `reasons` gives them.
    """
    reach = [[None if np.isnan(one) else one for one in both] for both in ends.reach[-1].tolist()]
    rows = near.with_columns(known=pl.col("known_ts").cast(pl.Int64)).rows(named=True)
    return [
        {name: row[name] for name in _PLAIN}
        | {"distance": far, "weight": weight, "mfe_pts": mfe, "mae_pts": mae}
        | {
            "trigger_ts": card.iso(row["trigger_ts"]),
            "new_york": f"{question.wall(row['known']):%Y-%m-%d %H:%M:%S}",
            "outcomes": dict(zip(NAMES.values(), came, strict=True)),
        }
        | why
        for row, far, weight, (mfe, mae), came, why in zip(
            rows, found.distances.tolist(), weights.tolist(), reach, ends.names(), reasons, strict=True
        )
    ]


def named(past: Past, found: Neighbours) -> list[dict[str, Any]]:
    """Neighbours of the wide circle, nearest first: which they are, how far, and how they ended."""
    ends = past.ends.of(found.rows).names()
    weights = odds.weights(found.distances).tolist()
    names = "setup_id", "phase", "tau_s", "level_kinds", "direction"
    rows = past.told(found.rows).select(names).rows(named=True)
    return [
        row | {"distance": far, "weight": weight, "outcomes": dict(zip(NAMES.values(), came, strict=True))}
        for row, far, weight, came in zip(rows, found.distances.tolist(), weights, ends, strict=True)
    ]


def reasons(
    mine: Vectors, pool: Pool, found: Neighbours, slots: Sequence[tuple[str, int]]
) -> list[dict[str, list[dict[str, Any]]]]:
    """Features that make each neighbour near, and far.

    Near are those whose squared gap is least beside what is usual between the question and the admitted
    setups; far are those with the largest squared gap, and never near too. `gap` is the neighbour less the
    question in scaled units of the column named, `share` its part of the squared distance; what either lacks
    is in neither list.
    """
    gaps = (pool.vectors[found.rows].astype(np.float64) - mine.astype(np.float64)) / pool.mad
    squares = gaps**2
    whole = np.nansum(squares, axis=1, keepdims=True)
    shares = np.divide(squares, whole, out=np.zeros_like(squares), where=whole > 0)
    far = np.argsort(-squares, axis=1, kind="stable")[:, :TOLD]
    odd = squares - _usual(mine, pool)
    np.put_along_axis(odd, far, np.nan, axis=1)
    near = np.argsort(odd, axis=1, kind="stable")[:, :TOLD]
    near = np.where(np.isnan(np.take_along_axis(odd, near, axis=1)), -1, near)
    far = np.where(np.isnan(np.take_along_axis(squares, far, axis=1)), -1, far)
    return [
        {"near": _named(ours, gap, share, slots), "far": _named(theirs, gap, share, slots)}
        for ours, theirs, gap, share in zip(
            near.tolist(), far.tolist(), gaps.tolist(), shares.tolist(), strict=True
        )
    ]


def _usual(mine: Vectors, pool: Pool) -> Reals:
    """Mean squared gap of each slot between the question and the admitted setups that have it."""
    total, seen = np.zeros(len(mine)), np.zeros(len(mine))
    for squares, known in vectors.apart(mine, pool.vectors[pool.allowed], pool.mad):
        total += squares.sum(axis=0)
        seen += known.sum(axis=0)
    found: Reals = total / np.maximum(seen, 1)
    return found


def _named(
    places: Sequence[int], gaps: Sequence[float], shares: Sequence[float], slots: Sequence[tuple[str, int]]
) -> list[dict[str, Any]]:
    return [
        {"feature": slots[n][0], "gap": slots[n][1] * gaps[n], "share": shares[n]} for n in places if n >= 0
    ]
