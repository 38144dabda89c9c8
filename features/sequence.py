"""What a sequence holds of every bar: the snapshot's fast rows, retreat, pressure, absorption and coverage.

Of its last three minutes the pressure cube besides, nine points by four quantities. All in the direction of
travel, without dimension, and each of its own bar, absorption with the mid before it.
"""

from features import absorption, opposing, pressure, retreat, snapshot  # noqa: F401 (declared before they are named)
from features.cells import POINTS_AROUND, suffix
from warehouse.catalog import CATALOG, PREFIX

CATALOG.hold(
    every=tuple(
        PREFIX + name
        for name in (
            "state_obi0_eob_r",
            "state_obi10_eob_r",
            "state_cdi_p0_1_eob_r",
            "state_cdi_p1_2_eob_r",
            "lvl_depth_imbal_eob_r",
            "lvl_flow_toward_net_sum_r",
            "lvl_flow_away_net_sum_r",
            "trade_signed_vol_sum_r",
            "trade_vol_sum_r",
            "lvl_retreat_far_sum",
            "lvl_retreat_near_sum",
            "lvl_opppress_eob",
            "lvl_absorb_sum",
            "lvl_opp_far_cov_eob",
            "lvl_sup_near_cov_eob",
        )
    ),
    last=tuple(
        f"{PREFIX}cube_x_{part}_{suffix(j)}"
        for part in ("rest_eob", "flow_sum", "aggr_sum", "cov")
        for j in POINTS_AROUND
    ),
)
