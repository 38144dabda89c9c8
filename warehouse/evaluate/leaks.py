"""Alarms for features that see the future, and the canary that must set them off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import store
from warehouse.evaluate.resample import strata
from warehouse.evaluate.sample import Codes, Reals, Sample
from warehouse.schema import BAR_NS

JUMP = 0.15
"""Distance of an AUC from a half at which a feature is suspected of seeing the future."""
CANARY_S = 30
_ERRORS = 3.0


def auc(values: Reals, y: Codes, groups: Codes) -> tuple[float, float]:
    """Chance that a feature ranks a BREAK above a REJECT of its own group, and its standard error.

    Within a group geometry cannot tell the two apart, so a half is what no information gives. NaN values
    are left out; an AUC without a single pair is a half.
    """
    won, pairs, variance = 0.0, 0.0, 0.0
    known = np.isfinite(values) & (y >= 0) & (y < 2)  # noqa: PLR2004 (CHOP)
    for group in np.unique(groups[known]):
        mine = known & (groups == group)
        up, down = values[mine & (y == 0)], values[mine & (y == 1)]
        gap = np.sign(up[:, None] - down[None, :])
        won += float((gap + 1).sum() / 2)
        pairs += gap.size
        variance += gap.size * (len(up) + len(down) + 1) / 12
    return (won / pairs, float(np.sqrt(variance)) / pairs) if pairs else (0.5, float("inf"))


def suspects(sample: Sample, features: Mapping[str, Reals]) -> list[dict[str, float | str]]:
    """Features whose AUC lies more than 0.15, and three standard errors, from a half; worst first."""
    groups, asked = strata(sample)[sample.questions], sample.questions
    found: list[tuple[float, str]] = []
    for name, values in features.items():
        value, error = auc(values[asked], sample.y[asked], groups)
        if abs(value - 0.5) > max(JUMP, _ERRORS * error):
            found.append((value, name))
    return [
        {"feature": name, "auc": value} for value, name in sorted(found, key=lambda one: -abs(one[0] - 0.5))
    ]


def canary(root: Path, sample: Sample) -> Reals:
    """Where price stands half a minute after each setup, x in points, (n,): a look into the future."""
    later = pl.col("known_ts").cast(pl.Int64) + CANARY_S * 10**9 - BAR_NS
    way = pl.when(pl.col("direction") == "UP").then(1).otherwise(-1)
    asked = sample.frame.select("symbol", "date", "level_price", way=way, bar=later)
    parts = []
    for symbol, date in asked.select("symbol", "date").unique().sort("symbol", "date").rows():
        book = store.scan([store.partition(root, "silver.book", symbol=symbol, date=date)])
        mid = (pl.col("bid_px_00") + pl.col("ask_px_00")) / 2
        bars = book.select(bar=pl.col("bar_ts").cast(pl.Int64), mid=mid).collect(engine="in-memory")
        parts.append(bars.with_columns(symbol=pl.lit(symbol), date=pl.lit(date)))
    told = asked.join(pl.concat(parts), on=["symbol", "date", "bar"], how="left", maintain_order="left")
    return (
        told.select(x=pl.col("way") * (pl.col("mid") - pl.col("level_price")))
        .to_series()
        .cast(pl.Float64)
        .to_numpy()
    )
