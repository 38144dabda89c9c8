"""How fast the distance to the level changes; `rates` has what is market-wide, `dynamics` the direction of travel."""

import polars as pl

from features.approach import approach_dist_to_level_pts_eob
from features.bounded import change, slope
from warehouse.catalog import PREFIX, Feature, feature
from warehouse.units import BARS

SPANS = (3, 12, 36, 72)
"""Spans in bars."""
DEEPEST = 36
"""Longest span of a third difference."""


def declare(base: Feature, order: int, span: int) -> Feature:
    """Declare the change per bar of `base` over `span` bars; unit, window and sign follow from it."""
    name = base.name.removeprefix(PREFIX)

    @feature(
        name=f"deriv_dist_d{order}_w{span}",
        inputs=(name, "bar"),
        doc=f"Change per bar of `{name}` over {span} bars; null where the history is shorter.",
        unit=base.unit / BARS,
        window=span + 1,
        parity=base.parity,
        rises_with=name,
    )
    def per_bar(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return change(value, bar, span)

    return per_bar


def fitted(base: Feature, span: int) -> None:
    name, bars = base.name.removeprefix(PREFIX), 2 * span + 1

    @feature(
        name=f"deriv_dist_ls1_w{span}",
        inputs=(name, "bar"),
        doc=f"Least-squares change per bar of `{name}` over {bars} bars.",
        unit=base.unit / BARS,
        window=bars,
        parity=base.parity,
        rises_with=name,
    )
    def per_bar(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return slope(value, bars) / bar


for span in SPANS:
    fitted(approach_dist_to_level_pts_eob, span)
    found = approach_dist_to_level_pts_eob
    for order in (1, 2, 3) if span <= DEEPEST else (1, 2):
        found = declare(found, order, span)
