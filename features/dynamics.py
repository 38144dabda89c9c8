"""How fast seventeen quantities change: differences of three orders and least-squares slopes, at setups.

In the direction of travel: what is bid supports it, + is up the way. A first difference over N bars needs
N bars more, the second 2 N, the third 3 N; a slope is fitted to 2 N + 1 bars, with half the noise.
"""

import polars as pl

from features import opposing, places, retreat, state, wall, windows, zones  # noqa: F401 (declared before)
from features.bounded import change, slope
from warehouse.catalog import CATALOG, PREFIX, Feature, setup
from warehouse.units import BARS

SPANS = (1, 3, 12, 36, 72)
ORDERS = (1, 2, 3)
DEEPEST = 36
"""Longest span of a third difference."""
BASES = {
    "x": "kin_x_pts_eob",
    "x_obi0": "state_obi0_eob",
    "x_obi10": "state_obi10_eob",
    "x_cdi01": "state_cdi_p0_1_eob",
    "x_cdi12": "state_cdi_p1_2_eob",
    "dsup10": "depth_bid10_qty_eob",
    "dopp10": "depth_ask10_qty_eob",
    "dsup01": "depth_below_p0_1_qty_eob",
    "dopp01": "depth_above_p0_1_qty_eob",
    "wsupz": "wall_bid_maxz_eob",
    "woppz": "wall_ask_maxz_eob",
    "retreat_far": "lvl_retreat_far_sum",
    "retreat_near": "lvl_retreat_near_sum",
    "opppress": "lvl_opppress_eob",
    "com_opp_far": "lvl_opp_far_com_ticks_eob",
    "com_sup_near": "lvl_sup_near_com_ticks_eob",
    "size_at_level": "lvl_at_size_qty_eob",
}
"""What changes, by its short name."""
PHYSICS = {"x", "retreat_far", "retreat_near", "opppress", "com_opp_far", "com_sup_near", "size_at_level"}
"""Those whose change from one bar to the next is told too."""
CENTRES = {"com_opp_near": "lvl_opp_near_com_ticks_eob", "com_sup_far": "lvl_sup_far_com_ticks_eob"}
"""Centres of the other two cells, of which first differences alone are told."""


def difference(base: Feature, called: str, order: int, span: int) -> Feature:
    """Declare the change per bar of `base` over `span` bars; unit and window follow from it."""
    name = base.name.removeprefix(PREFIX)

    @setup(
        name=f"deriv_{called}_d{order}_w{span}",
        inputs=(name, "bar"),
        doc=f"Change per bar of `{name}` over {span} bars, in the direction of travel.",
        unit=base.unit / BARS,
        window=span + 1,
        rises_with=name,
        breaks=base.breaks,
    )
    def per_bar(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return change(value, bar, span)

    return per_bar


def fitted(base: Feature, called: str, span: int) -> None:
    name, bars = base.name.removeprefix(PREFIX), 2 * span + 1

    @setup(
        name=f"deriv_{called}_ls1_w{span}",
        inputs=(name, "bar"),
        doc=f"Least-squares change per bar of `{name}` over {bars} bars, in the direction of travel.",
        unit=base.unit / BARS,
        window=bars,
        rises_with=name,
        breaks=base.breaks,
    )
    def per_bar(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return slope(value, bars) / bar


for called, base in BASES.items():
    for span in SPANS if called in PHYSICS else SPANS[1:]:
        found = CATALOG[PREFIX + base]
        for order in ORDERS if span <= DEEPEST else ORDERS[:2]:
            found = difference(found, called, order, span)
        fitted(CATALOG[PREFIX + base], called, span)

for called, base in CENTRES.items():
    for span in SPANS:
        if 1 < span <= DEEPEST:
            difference(CATALOG[PREFIX + base], called, 1, span)
