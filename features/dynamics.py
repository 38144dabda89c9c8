"""How fast seventeen quantities change: differences of three orders and least-squares slopes, at setups.

In the direction of travel: what is bid supports it, + is up the way. A first difference over N bars needs
N bars more, the second 2 N, the third 3 N; a slope is fitted to 2 N + 1 bars, with half the noise.
"""

from features import changes, opposing, places, retreat, state, wall, windows, zones  # noqa: F401 (declared before)
from warehouse.catalog import CATALOG, PREFIX, setup

SPANS = (1, 3, 12, 36, 72)
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
CENTRES, CENTRE_SPANS = ("opp_near", "sup_far"), (3, 12, 36)
"""Cells whose centre's first differences alone are told; those of the other two are `deriv_com_<cell>_d1_wN`."""


for called, base in BASES.items():
    for span in SPANS if called in PHYSICS else SPANS[1:]:
        found = CATALOG[PREFIX + base]
        setup(name=f"deriv_{called}_ls1_w{span}", **changes.along(found, span))(changes.line(span))
        for order in changes.orders(span):
            told = changes.step(found, span)
            found = setup(name=f"deriv_{called}_d{order}_w{span}", **told)(changes.per_bar(span))

for cell in CENTRES:
    centre = CATALOG[f"{PREFIX}lvl_{cell}_com_ticks_eob"]
    for span in CENTRE_SPANS:
        setup(name=f"lvl_{cell}_com_d1_w{span}", **changes.step(centre, span))(changes.per_bar(span))
