"""Gaps and voids of the ladder: how far populated levels lie apart, and how many ticks are thin."""

import polars as pl

from features.bounded import average, share
from features.cells import LEVELS, VOID, ask, bid, known, qty
from warehouse.catalog import feature, measure
from warehouse.schema import DEPTH
from warehouse.units import COUNT, FRACTION, POINTS

for side, other, of_side in (("bid", "ask", bid), ("ask", "bid", ask)):
    PRICES = tuple(f"{side}_px_{i}" for i in LEVELS)

    for called, words in (("max", "Largest"), ("mean", "Mean")):

        @feature(
            name=f"ladder_{side}_gap_{called}_pts_eob",
            inputs=PRICES,
            doc=f"{words} gap between neighbouring populated {side} levels; one tick where all is filled.",
            unit=POINTS,
            swap=f"ladder_{other}_gap_{called}_pts_eob",
            bounds=(0, float("inf")),
            idle="one tick while every level is filled",
        )
        def gap(*prices: pl.Expr, largest: bool = called == "max") -> pl.Expr:
            gaps = [(a - b).abs() for a, b in zip(prices[1:], prices[:-1], strict=True)]
            return pl.max_horizontal(gaps) if largest else average(gaps)

    near = of_side & known & (pl.col("away") < DEPTH) & pl.col("usual").is_not_null()
    for called, rows in (("thin", near & (qty < VOID * pl.col("usual"))), ("usual", near)):
        measure(
            f"{side}_{called}_ticks",
            rows.cast(pl.Float64).sum(),
            doc=f"Ticks of the first ten of the {side} that are {'thin' if called == 'thin' else 'known and have a usual size'}.",
            unit=COUNT,
            grain="bar",
            swap=f"{other}_{called}_ticks",
        )

    feature(
        name=f"ladder_{side}_void_frac_eob",
        inputs=(f"{side}_thin_ticks", f"{side}_usual_ticks"),
        doc=f"Share of the first ten {side} ticks with less than a quarter of the usual size; null without a profile.",
        unit=FRACTION,
        swap=f"ladder_{other}_void_frac_eob",
        rises_with=f"{side}_thin_ticks",
        bounds=(0, 1),
    )(share)
