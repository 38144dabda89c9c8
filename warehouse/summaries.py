"""Summaries: the twenty minutes before a setup as a row of numbers, which vectors may name."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from warehouse import catalog
from warehouse.schema import SUMMARIES


def summaries(
    setups: pl.LazyFrame, sequences: pl.LazyFrame, names: Collection[str] | None = None
) -> pl.DataFrame:
    """gold.summaries of setups, in their order: their id, and summaries of their sequences as Float32.

    Args:
        setups: gold.setups, or moments asked about.
        sequences: gold.sequences of them, the bars of a setup in order.
        names: Which summaries; default every one.
    """
    declared = catalog.load().summaries
    wanted = [one for name, one in declared.items() if names is None or name in names]
    read = sorted({column for one in wanted for column in one.expr.meta.root_names()} - {"x_sig", "step"})
    sigma = pl.when(pl.col("sigma_60") > 0).then("sigma_60")
    own = setups.select("setup_id", sigma)
    bars = sequences.join(own, on="setup_id", how="left", maintain_order="left").sort("setup_id", "step")
    found = (
        bars.select("setup_id", "step", pl.col(read).cast(pl.Float64), x_sig=pl.col("x") / pl.col("sigma_60"))
        .group_by("setup_id", maintain_order=True)
        .agg(one.expr.cast(pl.Float32).alias(one.name) for one in wanted)
        .with_columns(pl.when(pl.col(one.name).is_finite()).then(one.name) for one in wanted)
    )
    told = setups.select(*SUMMARIES.schema).join(found, on="setup_id", how="left", maintain_order="left")
    return told.collect(engine="in-memory")
