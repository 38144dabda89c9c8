"""How fast ten market-wide quantities change: differences of three orders and least-squares slopes, on every bar.

Bid and ask, above and below, as they lie; `dynamics` has them in the direction of travel.
"""

from features import changes, depth, state, wall  # noqa: F401 (declared before what reads it)
from features.deriv import SPANS
from warehouse.catalog import CATALOG, PREFIX, feature

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


for span in SPANS:
    for called, name in BASES.items():
        found, swap = CATALOG[PREFIX + name], TURNED.get(called, called)
        feature(
            name=f"deriv_{called}_ls1_w{span}",
            parity=found.parity,
            swap=f"deriv_{swap}_ls1_w{span}",
            **changes.along(found, span),
        )(changes.line(span))
        for order in changes.orders(span):
            found = feature(
                name=f"deriv_{called}_d{order}_w{span}",
                parity=found.parity,
                swap=f"deriv_{swap}_d{order}_w{span}",
                **changes.step(found, span),
            )(changes.per_bar(span))
