"""Vectors that setups are compared by, beside `snapshot30r`: each a list of features and summaries."""

from features import absorption, candles, compression, impact, kinematics, ofi, retreat, snapshot  # noqa: F401
from features.trajectories import SERIES, WAVES
from warehouse.catalog import CATALOG, PREFIX, vector

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

PHYSICS = slots(
    "lvl_retreat_far_sum", "lvl_retreat_near_sum", "deriv_retreat_far_ls1_w12", "deriv_retreat_near_ls1_w12",
    "lvl_opppress_eob", "state_obi0_eob_r", "trade_signed_vol_sum_r", "lvl_absorb_sum",
)  # fmt: skip
"""Retreats and their slopes over a minute, pressure against the travel, the touch, prints and absorption."""
PROFILE = (
    *compression.slots(("far", "near", "opppress", "obi0", "signed", "absorb"), "mean_w12", "mean_w36"),
    *compression.slots(("far", "near"), "path_w12", "path_w36"),
)
"""The same over one and three minutes: means, and of the retreats the change by their line."""
WAVES_OF_FOUR = slots(*(f"dct_{series}_c{wave}" for series in SERIES for wave in range(WAVES)))
"""Four series of twenty minutes, eight waves of each."""
EPISODE = (
    # context, 16: the book, volume by the time of day, and the last two-minute candle
    *slots(
        "state_obi0_eob_r", "state_obi10_eob_r", "state_cdi_p0_1_eob_r", "state_cdi_p1_2_eob_r",
        "state_cdi_p2_3_eob_r", "depth_bid10_qty_eob_r", "depth_ask10_qty_eob_r", "lvl_depth_imbal_eob_r",
        "rvol_trade_vol_ratio_1min", "rvol_trade_vol_ratio_5min", "rvol_lookback_trade_vol_trend",
        "c2_body_1", "c2_range_1", "c2_clv_1", "c2_over_1", "c2_closes_beyond",
    ),
    # dynamics, 40: kinematics, imbalance, barrier and prints over their windows
    *slots(
        *(f"kin_{what}_{m}m" for what in ("vel", "acc", "jerk", "trend") for m in (1, 2, 3, 5, 10, 20)),
        *(f"ofi_{what}_{s}s" for what in ("bal", "lvl") for s in (30, 60, 120, 300)),
        *(f"barrier_dlog_{m}m" for m in (1, 2, 3, 5)),
        *(f"trade_x_imbal_w{bars}" for bars in (12, 36, 60, 120)),
    ),
    # six series at the setup and each half minute before it, 30; of what the dynamics tell, the five before
    *slots(
        *(f"seq_x_s{place}" for place in range(39, 34, -1)),
        *(f"seq_{series}_s{place}" for series in ("ofi", "barrier", "imbal") for place in range(38, 33, -1)),
    ),
    *compression.slots(("far", "near"), "trigger", "ago6", "ago12", "ago18", "ago24"),
    # physics, 11: what the retreats among the thirty samples do not say
    *PHYSICS[2:5], PHYSICS[7],
    *slots(
        "lvl_retreat_near_res_mean_w12", "wall_sup_maxz_eob_r", "wall_opp_maxz_eob_r",
        "wall_sup_nearest_strong_dist_pts_eob_r", "wall_opp_nearest_strong_dist_pts_eob_r",
        "fma_ratio_12", "fma_resid_12",
    ),
    # trends, 4, and the waves, 32
    *slots("setup_trend_early", "setup_trend_mid", "setup_trend_late", "setup_approach_share"),
    *WAVES_OF_FOUR,
)  # fmt: skip
"""An episode told whole; of the seed's 149 numbers sixteen were of options."""

vector("episode133", EPISODE)
vector("geom32", WAVES_OF_FOUR)
vector("geometry4", GEOMETRY)
vector("physics8", PHYSICS)
vector("profile", PROFILE)
vector("retreat6", RETREAT)
vector("snapshot30", SNAPSHOT)
vector("snapshot30r+physics8", tuple(dict.fromkeys((*CATALOG.vectors["snapshot30r"], *PHYSICS))))
