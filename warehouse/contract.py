"""Hold a family's rows to its declaration: those that keep it, and those that break it, with the rules."""

from __future__ import annotations

import polars as pl

from warehouse import catalog, plan
from warehouse.declared import EVERYTHING, Grain

KEYS: dict[Grain, tuple[str, ...]] = {
    "bar": ("bar_ts",),
    "level": ("level_id", "bar_ts"),
    "setup": ("setup_id",),
}
"""Columns that identify a row of a family."""


def check(frame: pl.DataFrame, family: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sort the rows of a family into those that keep every rule and those that break one.

    Args:
        frame: Key and features of the family.
        family: Whose declaration.

    Returns:
        The good rows as they are, and the bad ones with a column `broken`, the names of the rules they
        break: `key|unique`, `key|null`, `<feature>|bounds`. A null feature breaks nothing; every row of a
        repeated key is bad.
    """
    verdicts = [pl.when(~kept).then(pl.lit(name)) for name, kept in rules(family).items()]
    marked = frame.with_columns(broken=pl.concat_list(verdicts).list.drop_nulls())
    kept = pl.col("broken").list.len() == 0
    return marked.filter(kept).drop("broken"), marked.filter(~kept)


def rules(family: str) -> dict[str, pl.Expr]:
    """Rules by name: true where a row keeps the rule, never null."""
    key = KEYS[plan.grain(family)]
    bounded = [
        feature
        for feature in catalog.load().family(family)
        if feature.bounds != EVERYTHING and feature.dtype.is_numeric()
    ]
    return {
        "key|unique": pl.struct(key).is_unique(),
        "key|null": pl.all_horizontal([pl.col(name).is_not_null() for name in key]),
        **{
            f"{feature.name}|bounds": pl.col(feature.name).is_between(*feature.bounds).fill_null(value=True)
            for feature in bounded
        },
    }
