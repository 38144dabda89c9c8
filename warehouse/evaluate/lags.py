"""Features as they stood some bars before each setup was frozen."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import library, plan, session, store, vectors
from warehouse.evaluate.sample import Reals, Sample
from warehouse.schema import BAR_NS, NS
from warehouse.vectors import Spec

LAGS = (1, 2, 3, 12)
"""Bars."""


def lagged(root: Path, sample: Sample, spec: Spec) -> dict[int, Reals]:
    """The slots by lag, (n, d) each in the order of the sample; NaN where the data begin later."""
    dates = sample.frame.select("symbol", "date").unique().sort("symbol", "date").rows()
    parts = [_day(root, sample.frame, spec, symbol, date) for symbol, date in dates]
    made = pl.concat(parts)
    order = sample.frame.select("setup_id")
    return {
        lag: vectors.matrix(
            order.join(made.filter(pl.col("lag") == lag), on="setup_id", how="left", maintain_order="left"),
            spec,
        ).astype(np.float64)
        for lag in LAGS
    }


def _day(root: Path, frame: pl.DataFrame, spec: Spec, symbol: str, date: dt.date) -> pl.DataFrame:
    """All lags of a date's setups, from its tables, by the plan that made them."""
    names = set(spec.slots)
    tables = {table: _table(root, table, symbol, date) for table in sorted(plan.tables(names))}
    asked = [
        _triggers(root, frame.filter(pl.col("symbol") == symbol, pl.col("date") == date), symbol, date, lag)
        for lag in LAGS
    ]
    triggers = pl.concat(asked)
    made = plan.at_setups(triggers.drop("own", "lag"), tables, names)
    slots = made.select("setup_id", *spec.slots)
    told = (
        triggers.select("setup_id", "own", "lag", "direction")
        .join(slots, on="setup_id", how="left", maintain_order="left")
        .with_columns(library.as_up(spec.slots))
    )
    return told.drop("setup_id").rename({"own": "setup_id"}).select("setup_id", "lag", *spec.slots)


def _triggers(root: Path, setups: pl.DataFrame, symbol: str, date: dt.date, lag: int) -> pl.DataFrame:
    """The same arrivals as if they had come `lag` bars earlier: distance and sigma are of that bar."""
    mid = (pl.col("bid_px_00") + pl.col("ask_px_00")) / 2
    bar = pl.col("bar_ts").cast(pl.Int64)
    mids = _table(root, "book", symbol, date).select(mid=mid, bar=bar)
    sigma = _table(root, "volatility", symbol, date).select("sigma_60", bar=bar)
    then = mids.join(sigma, on="bar", how="left").collect(engine="in-memory")
    way = pl.when(pl.col("direction") == "UP").then(1).otherwise(-1)
    told = setups.select(
        "level_id",
        "level_price",
        "direction",
        own="setup_id",
        bar=pl.col("trigger_ts").cast(pl.Int64) - lag * BAR_NS,
    ).join(then, on="bar", how="left", maintain_order="left")
    return told.select(
        "level_id", "level_price", "direction", "sigma_60", "own",
        setup_id=pl.col("own") + f"@{lag}",
        lag=pl.lit(lag),
        x0=(way * (pl.col("mid") - pl.col("level_price"))).cast(pl.Float64),
        trigger_ts=pl.col("bar").cast(NS),
        bar_ts=pl.col("bar").cast(NS),
    )  # fmt: skip


def _table(root: Path, name: str, symbol: str, date: dt.date) -> pl.LazyFrame:
    if name.endswith("profile"):
        full = "silver.volume_profile" if name == "profile" else f"silver.{name}"
        return store.scan([store.partition(root, full, product=session.product(symbol), date=date)])
    return store.scan([store.partition(root, f"silver.{name}", symbol=symbol, date=date)])
