"""Vectors that setups are compared by, beside `snapshot30r`: each a list of features of the trigger bar."""

from features import retreat, snapshot  # noqa: F401 (declared before they are named)
from warehouse.catalog import PREFIX, vector

SPANS = (3, 12, 36)
"""Bars over which the snapshot's derivatives of distance are taken."""


def slots(*names: str) -> tuple[str, ...]:
    return tuple(PREFIX + name for name in names)


GEOMETRY = slots(
    "approach_dist_to_level_pts_eob_r", "lvl_move_rel_sum", "deriv_dist_d1_w3_r", "deriv_dist_d1_w12_r"
)  # fmt: skip
"""Distance, and velocity over 5, 15 and 60 seconds, in expected moves."""
RETREAT = slots(
    "lvl_retreat_far_sum", "lvl_retreat_near_sum", "lvl_retreat_far_sum_ewm12", "lvl_retreat_near_sum_ewm12",
    "state_obi0_eob_r", "trade_signed_vol_sum_r",
)  # fmt: skip
"""Who withdraws on either side of the level, now and over a minute, and who trades."""
SNAPSHOT = slots(
    "approach_dist_to_level_pts_eob", "approach_side_of_level_eob", "state_obi0_eob", "state_obi10_eob",
    "state_cdi_p0_1_eob", "state_cdi_p1_2_eob", "state_cdi_p2_3_eob", "depth_bid10_qty_eob",
    "depth_ask10_qty_eob", "lvl_depth_above_qty_eob", "lvl_depth_below_qty_eob", "lvl_depth_imbal_eob",
    "wall_bid_maxz_eob", "wall_ask_maxz_eob", "wall_bid_nearest_strong_dist_pts_eob",
    "wall_ask_nearest_strong_dist_pts_eob", "lvl_flow_toward_net_sum", "lvl_flow_away_net_sum",
    "cumul_flow_net_bid", "cumul_flow_net_ask", "cumul_flow_imbal", "trade_signed_vol_sum", "trade_vol_sum",
    "cumul_signed_trade_vol",
    *(f"deriv_dist_d{order}_w{span}" for order in (1, 2) for span in SPANS),
)  # fmt: skip
"""The thirty names as they are, lots and raw signs: neighbours share the direction."""

vector("geometry4", GEOMETRY)
vector("retreat6", RETREAT)
vector("snapshot30", SNAPSHOT)
