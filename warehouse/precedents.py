"""The neighbours of an answer as plain data: what followed each, and what makes it near or far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from warehouse import card, question
from warehouse.card import NAMES
from warehouse.index import Neighbours, Pool
from warehouse.vectors import Reals, Vectors

TOLD = 3
"""Features that are named for being near, and for being far."""
_PLAIN = (
    "setup_id", "phase", "tau_s", "distance", "weight", "level_kinds", "level_price", "direction", "x0",
    "mfe_pts", "mae_pts",
)  # fmt: skip


def told(
    near: pl.DataFrame, outcomes: pl.DataFrame, reasons: Sequence[dict[str, list[dict[str, Any]]]]
) -> list[dict[str, Any]]:
    """A row per neighbour, nearest first.

    Args:
        near: Setups with `distance` and `weight`; of moments that are no arrivals `phase` and `tau_s` too.
        outcomes: The default scheme's.
        reasons: Of each neighbour, as `reasons` gives them.
    """
    mine = outcomes.join(near.select("setup_id"), on="setup_id", how="semi", maintain_order="left")
    joined = near.join(followed(mine), on="setup_id", how="left", maintain_order="left")
    joined = joined.with_columns(known=pl.col("known_ts").cast(pl.Int64))
    if "tau_s" not in joined.columns:
        joined = joined.with_columns(phase=pl.lit(None, pl.String), tau_s=pl.lit(None, pl.Int64))
    return [
        {name: row[name] for name in _PLAIN}
        | {
            "trigger_ts": card.iso(row["trigger_ts"]),
            "new_york": f"{question.wall(row['known']):%Y-%m-%d %H:%M:%S}",
            "outcomes": {name: row[name] for name in NAMES.values()},
        }
        | why
        for row, why in zip(joined.iter_rows(named=True), reasons, strict=True)
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


def followed(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row per setup: its outcome at 2, 4 and 8 minutes, and its excursions over eight."""
    at = {seconds: outcomes.filter(pl.col("horizon_s") == seconds) for seconds in NAMES}
    wide = at[max(NAMES)].select("setup_id", "mfe_pts", "mae_pts")
    for seconds, name in NAMES.items():
        mine = at[seconds].select("setup_id", pl.col("outcome").alias(name))
        wide = wide.join(mine, on="setup_id", how="left", maintain_order="left")
    return wide
