"""How fast other features move: each is declared from the feature that it differentiates."""

import polars as pl

from features.approach import approach_dist_to_level_pts_eob
from warehouse.catalog import PREFIX, Feature, feature
from warehouse.units import BARS

SPANS = (3, 12, 36)
"""Spans in bars."""


def declare(base: Feature, called: str, order: int, span: int) -> Feature:
    """Declare the change per bar of `base` over `span` bars; unit, window and sign follow from it."""

    def slope(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return (value - value.shift(span)) / (span * bar)

    name = base.name.removeprefix(PREFIX)
    return feature(
        name=f"deriv_{called}_d{order}_w{span}",
        inputs=(name, "bar"),
        doc=f"Change per bar of `{name}` over {span} bars; null where the history is shorter.",
        unit=base.unit / BARS,
        window=span + 1,
        parity=base.parity,
        rises_with=name,
    )(slope)


for span in SPANS:
    first = declare(approach_dist_to_level_pts_eob, "dist", 1, span)
    declare(first, "dist", 2, span)
