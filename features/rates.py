"""How fast ten market-wide quantities change: differences of three orders and least-squares slopes, on every bar.

Bid and ask, above and below, as they lie; `dynamics` has them in the direction of travel.
"""

import polars as pl

from features import depth, state, wall  # noqa: F401 (declared before what reads it)
from features.bounded import change, slope
from features.deriv import DEEPEST, SPANS
from warehouse.catalog import CATALOG, PREFIX, Feature, feature
from warehouse.units import BARS

BASES = {
    "obi0": "state_obi0_eob",
    "obi10": "state_obi10_eob",
    "cdi01": "state_cdi_p0_1_eob",
    "cdi12": "state_cdi_p1_2_eob",
    "dbid10": "depth_bid10_qty_eob",
    "dask10": "depth_ask10_qty_eob",
    "dbelow01": "depth_below_p0_1_qty_eob",
    "dabove01": "depth_above_p0_1_qty_eob",
    "wbidz": "wall_bid_maxz_eob",
    "waskz": "wall_ask_maxz_eob",
}
"""What changes, by its short name; bid and ask become one another when the tape is reflected."""
TURNED = {
    "dbid10": "dask10", "dask10": "dbid10", "dbelow01": "dabove01", "dabove01": "dbelow01", "wbidz": "waskz", "waskz": "wbidz",
}  # fmt: skip


def difference(base: Feature, called: str, order: int, span: int) -> Feature:
    """Declare the change per bar of `base` over `span` bars; unit, window and sign follow from it."""
    name = base.name.removeprefix(PREFIX)

    @feature(
        name=f"deriv_{called}_d{order}_w{span}",
        inputs=(name, "bar"),
        doc=f"Change per bar of `{name}` over {span} bars; null where the history is shorter.",
        unit=base.unit / BARS,
        window=span + 1,
        parity=base.parity,
        swap=f"deriv_{TURNED.get(called, called)}_d{order}_w{span}",
        rises_with=name,
        breaks=base.breaks,
    )
    def per_bar(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return change(value, bar, span)

    return per_bar


def fitted(base: Feature, called: str, span: int) -> None:
    name, bars = base.name.removeprefix(PREFIX), 2 * span + 1

    @feature(
        name=f"deriv_{called}_ls1_w{span}",
        inputs=(name, "bar"),
        doc=f"Least-squares change per bar of `{name}` over {bars} bars.",
        unit=base.unit / BARS,
        window=bars,
        parity=base.parity,
        swap=f"deriv_{TURNED.get(called, called)}_ls1_w{span}",
        rises_with=name,
        breaks=base.breaks,
    )
    def per_bar(value: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return slope(value, bars) / bar


for span in SPANS:
    for called, name in BASES.items():
        found = CATALOG[PREFIX + name]
        for order in (1, 2, 3) if span <= DEEPEST else (1, 2):
            found = difference(found, called, order, span)
        fitted(CATALOG[PREFIX + name], called, span)
