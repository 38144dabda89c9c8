"""How far ahead or behind the levels of every kind lie, in the direction of travel; + lies ahead."""

import polars as pl

from features import midprice  # noqa: F401 (declared before what reads it)
from warehouse.catalog import setup
from warehouse.inputs import KINDS
from warehouse.units import FRACTION

for column, kind in KINDS.items():

    @setup(
        name=f"dist_{kind.lower()}_sig",
        inputs=(column, "midprice_eob", "sigma_60"),
        doc=f"Level {kind} less mid, in expected one-minute moves; null until the level is known.",
        unit=FRACTION,
        rises_with=column,
        idle="levels of two kinds may lie on one tick",
    )
    def ahead(level: pl.Expr, mid: pl.Expr, sigma: pl.Expr) -> pl.Expr:
        return (level - mid) / sigma
