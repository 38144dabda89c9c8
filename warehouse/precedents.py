"""The neighbours of an answer as plain data: what followed each, and what makes it near or far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from warehouse import card, question
from warehouse.card import NAMES
from warehouse.index import Neighbours, Pool
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


def reasons(
    mine: Vectors, pool: Pool, found: Neighbours, slots: Sequence[str]
) -> list[dict[str, list[dict[str, Any]]]]:
    """Features that make each neighbour near, and far.

    Near are those whose squared gap is least beside what is usual between the question and the admitted
    setups; far are those with the largest squared gap, and never near too. `gap` is the neighbour less the
    question in scaled units, `share` its part of the squared distance; what either lacks is in neither list.
    """
    squares = np.square(_gaps(mine, pool.vectors[pool.allowed], pool.mad))
    seen = np.isfinite(squares)
    usual = np.where(seen, squares, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    gaps = _gaps(mine, pool.vectors[found.rows], pool.mad)
    return [_reasons(row, usual, slots) for row in gaps]


def _gaps(mine: Vectors, others: Vectors, mad: Reals) -> Reals:
    found: Reals = (others.astype(np.float64) - mine.astype(np.float64)) / mad
    return found


def _reasons(gaps: Reals, usual: Reals, slots: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    squares = np.where(np.isfinite(gaps), gaps**2, np.nan)
    whole = np.nansum(squares)
    known = np.flatnonzero(np.isfinite(gaps))
    far = known[np.argsort(-squares[known], kind="stable")][:TOLD]
    rest = known[~np.isin(known, far)]
    order = {"near": rest[np.argsort((squares - usual)[rest], kind="stable")][:TOLD], "far": far}
    return {
        name: [
            {
                "feature": slots[n],
                "gap": float(gaps[n]),
                "share": float(squares[n] / whole) if whole else 0.0,
            }
            for n in places
        ]
        for name, places in order.items()
    }
