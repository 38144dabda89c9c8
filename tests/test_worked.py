"""One example a family, worked out on paper; the level is 6800, prices are in ticks from it."""

import re
from math import asinh, cos, exp, isfinite, log, pi, sqrt, tanh
from pathlib import Path

import polars as pl
import pytest
from frames import START, levels
from scene import LEVEL, at, scene

from warehouse import plan
from warehouse.catalog import load
from warehouse.schema import BAR_NS, TRADES

BIDS = {-1: 30, -2: 20, -3: 50}
ASKS = {1: 10, 2: 40, 3: 50}


def bar(name, tables, family=None):
    """A feature's values by bar."""
    column = name if name.startswith("sigma") else "bar5s_" + name
    return plan.family(family or load()[column].family, tables).collect()[column].to_list()


class Told(dict):
    """Features of one setup by name without prefix, each made when it is first asked for."""

    def __init__(self, tables, trigger):
        super().__init__()
        self._asked = (trigger, {name: table.collect().lazy() for name, table in tables.items()})

    def __missing__(self, name):
        column = name if name.startswith("sigma") else "bar5s_" + name
        self[name] = plan.at_setups(*self._asked, [column])[column].item()
        return self[name]


def setup(tables, bars=1, direction="UP", sigma=1.5):
    """The features of a setup in the last bar."""
    return Told(tables, at(bars, direction, sigma))


def mirrored(side):
    return {-ticks: value for ticks, value in side.items()}


def reflected(acts):
    return {({"A": "B", "B": "A"}[side], -ticks): act for (side, ticks), act in acts.items()}


def test_state_leans_to_the_heavier_side():
    tables = scene(BIDS, ASKS)
    assert bar("state_obi0_eob", tables) == [(30 - 10) / 40]
    assert bar("state_obi10_eob", tables) == [0.0]
    assert bar("microprice_eob", tables) == [LEVEL + (30 * 0.25 - 10 * 0.25) / 40]
    assert bar("state_spread_pts_eob", tables) == [0.5]
    assert bar("state_micro_dev_eob", tables) == [0.25]


def test_cdi_counts_sizes_by_distance_from_the_microprice():
    # The microprice is 0.5 tick above the level: 4 ticks away are asks up to 4.5 and bids down to -3.5.
    tables = scene({-1: 30, -2: 20, -3: 50, -4: 70}, {1: 10, 2: 40, 3: 50, 4: 5, 5: 9})
    assert bar("state_cdi_p0_1_eob", tables) == [(100 - 105) / 205]
    assert bar("state_cdi_p1_2_eob", tables) == [(70 - 9) / 79]
    assert bar("state_cdi_p2_3_eob", tables) == [None]


def test_depth_against_the_past():
    tables = scene(BIDS, ASKS, metrics={"bid10_qty": 250.0})
    assert bar("depth_bid10_qty_eob", tables) == [100.0]
    assert bar("depth_bid10_rel_eob", tables) == [pytest.approx(log((100 + 50) / (250 + 50)))]
    assert bar("depth_bid10_qty_eob", scene({}, ASKS)) == [None]
    assert bar("depth_bid10_rel_eob", scene(BIDS, ASKS, usual=None)) == [None]


def test_the_farthest_of_ten_is_three_deviations_away():
    bids = {-ticks: 1 for ticks in range(1, 11)} | {-3: 1000}
    tables = scene(bids, {1: 1, 2: 1})
    assert bar("wall_bid_maxz_eob", tables) == [pytest.approx(3.0)]
    assert bar("wall_ask_maxz_eob", tables) == [0.0]
    assert bar("wall_bid_nearest_strong_dist_pts_eob", tables) == [0.75]
    assert bar("wall_ask_nearest_strong_dist_pts_eob", tables) == [2.5]
    assert (bar("wall_bid_none_eob", tables), bar("wall_ask_none_eob", tables)) == ([0.0], [1.0])
    assert bar("wall_bid_maxz_eob", scene({}, ASKS)) == [None]


def test_a_wall_against_the_usual_size():
    assert bar("wall_ask_prof_eob", scene(BIDS, {1: 60, 2: 600}, usual=60.0)) == [
        pytest.approx(log(605 / 65))
    ]
    assert bar("wall_ask_prof_eob", scene(BIDS, ASKS, usual=None)) == [None]


def test_a_lone_buyer_who_lifts_the_ask_is_positive():
    tables = scene(BIDS, ASKS, buy_vol=5, sell_vol=3, unknown_vol=2, metrics={"trade_vol": 40.0})
    assert bar("trade_signed_vol_sum", tables) == [2.0]
    assert bar("trade_vol_sum", tables) == [10.0]
    assert bar("trade_imbal_sum", tables) == [2 / (10 + 20)]
    assert bar("rvol_trade_vol_ratio", tables) == [pytest.approx(log(30 / 60))]


def test_depth_by_distance_from_the_microprice():
    # The microprice lies half a tick above the level: bids down to -3.5 ticks, asks up to 4.5 within a point.
    tables = scene({-1: 30, -2: 20, -3: 50, -4: 70}, {1: 10, 2: 40, 3: 50, 4: 5, 5: 9})
    assert bar("depth_below_p0_1_qty_eob", tables) == [100.0]
    assert bar("depth_below_p1_2_frac_eob", tables) == [70 / 170]
    assert bar("depth_above_p2_3_qty_eob", tables) == [0.0]  # fewer than ten levels: seen to be empty
    deep = scene({-k: 5 for k in range(1, 11)}, dict.fromkeys(range(1, 8), 5) | {8: 4, 40: 3, 41: 3})
    assert bar("depth_above_p1_2_qty_eob", deep) == [5 * 3 + 4]
    near = scene({-1: 5}, {k / 5: 5 for k in range(5, 15)})  # ten levels within 3 ticks
    assert bar("depth_above_p1_2_qty_eob", near) == [None] and bar("depth_above_p0_1_qty_eob", near) == [50.0]


def test_flow_by_distance():
    """Ask within a point: 30 added, 10 pulled, 5 filled a bar, 80 lots there on average."""
    acts = {"add_ask_p0_1": 30, "pull_ask_p0_1": 10, "fill_ask_p0_1": 5, "ask_p0_1_qty_twa": 80}
    tables = scene(BIDS, ASKS, **acts, bid_p0_1_qty_twa=None, ofi_00=-36, bid_sz_00_twa=10, ask_sz_00_twa=30)
    assert bar("flow_rem_vol_ask_p0_1_sum", tables) == [15.0]
    assert bar("flow_net_vol_ask_p0_1_sum", tables) == [15.0]
    assert bar("flow_net_volnorm_ask_p0_1_sum", tables) == [15 / (80 + 50)]
    assert bar("flow_pabal_ask_p0_1_sum", tables) == [-20 / (40 + 20)]
    assert bar("flow_fillshare_ask_p0_1_sum", tables) == [5 / (15 + 20)]
    assert bar("flow_pabal_bid_p0_1_sum", tables) == [None]  # the window never reached there
    assert bar("flow_ofin_sum", tables) == [-36 / (10 + 30 + 50)]
    assert bar("flow_ofi10_bal_sum", scene(BIDS, ASKS, ofi_00=-30, ofi_01=10, ofi_abs=80)) == [-20 / 80]
    assert bar("flow_ofi10_bal_sum", scene(BIDS, ASKS)) == [None]


def test_the_shape_of_a_side():
    """Cumulative sizes that are e, e^2, ... less one have a slope of one a level and no bend."""
    sums = [exp(k + 1) - 1 for k in range(10)]
    sizes = {f"bid_sz_{k:02d}": round(1000 * (sums[k] - (sums[k - 1] if k else 0))) for k in range(10)}
    tables = scene({-k: 1 for k in range(1, 11)}, {1: 30, 2: 10}, **sizes, bid_ct_00=1, bid_ct_01=3)
    logs = [log(1 + sum(list(sizes.values())[: k + 1])) for k in range(10)]
    slope = sum((k - 4.5) * each for k, each in enumerate(logs)) / 82.5
    assert bar("shape_bid_slope_eob", tables) == [pytest.approx(slope)] and abs(slope - 1) < 0.06
    assert bar("shape_ask_slope_eob", tables) == [None]  # two levels are no shape
    assert bar("shape_ask_entropy_eob", tables) == [
        pytest.approx(-(0.75 * log(0.75) + 0.25 * log(0.25)) / log(10))
    ]
    assert bar("shape_ask_sz_frac_l00_eob", tables) == [0.75]
    bow = scene({-1: 1}, {1: 1}, **{f"bid_sz_{k:02d}": 1 for k in range(10)})
    assert bar("shape_bid_entropy_eob", bow) == [pytest.approx(1.0)]
    assert bar("shape_bid_avgord_lr_eob", scene(BIDS, ASKS, bid_ct_00=3, bid_ct_01=7)) == [
        pytest.approx(log((30 / 3) / (100 / 10)))
    ]


def test_gaps_and_voids():
    asks = {1: 100, 2: 0, 3: 0, 4: 12, 5: 13}
    tables = scene(BIDS, asks, usual=50.0)
    assert bar("ladder_ask_gap_max_pts_eob", tables) == [0.75]
    assert bar("ladder_ask_gap_mean_pts_eob", tables) == [0.5]
    assert bar("ladder_ask_void_frac_eob", tables) == [3 / 5]  # 0, 0 and 12 of usually 50
    assert bar("ladder_ask_void_frac_eob", scene(BIDS, asks, usual=None)) == [None]


def test_what_the_feed_did():
    tables = scene(BIDS, ASKS, msg_cnt=99, add_cnt=9, cancel_cnt=19, trade_cnt=4, meta_reset=True)
    assert bar("meta_cancel_add_lr_sum", tables) == [pytest.approx(log(20 / 10))]
    assert bar("meta_otr_lr_sum", tables) == [pytest.approx(log(100 / 5))]
    assert bar("meta_reset_sum", tables) == [1.0]
    shares = scene(BIDS, ASKS, meta_residual_qty=3, meta_turnover_qty=60)
    assert bar("meta_flow_mismatch_frac_sum", shares) == [0.05]
    assert bar("meta_trade_unmatched_frac_sum", shares) == [None]  # nothing traded


def test_volume_against_the_past():
    """Usually 40 lots a bar with a median deviation of 8, on average 64; now 10 a bar, 60 in the last."""
    lots = [10] * 239 + [60]
    tables = scene(BIDS, ASKS, bars=240, metrics={"trade_vol": 40.0}, buy_vol=lots)
    assert bar("rvol_trade_vol_ratio", tables)[-1] == pytest.approx(log(80 / 60))
    assert bar("rvol_trade_vol_zscore", tables)[-1] == pytest.approx(20 / (1.4826 * 8 + 20))
    assert bar("rvol_trade_vol_ratio_1min", tables)[-1] == pytest.approx(
        log((170 + 20 * sqrt(12)) / (12 * 64 + 20 * sqrt(12)))
    )
    assert bar("rvol_cumul_trade_vol_dev_pct", tables)[-1] == pytest.approx((2390 + 60) / (240 * 64) - 1)
    quiet = log(30 / 60)
    mean = (239 * quiet + log(80 / 60)) / 240
    assert bar("rvol_lookback_trade_vol_mean_ratio", tables)[-1] == pytest.approx(mean)
    assert bar("rvol_recent_vs_lookback_vol_ratio", tables)[-1] == pytest.approx(
        (11 * quiet + log(80 / 60)) / 12 - mean
    )
    assert bar("rvol_lookback_depressed_bars", tables)[-1] == 0.0  # half of the usual is not less than half
    assert bar("rvol_lookback_trade_vol_mean_ratio", tables)[166:168] == [None, pytest.approx(quiet)]
    assert bar("rvol_trade_vol_ratio", scene(BIDS, ASKS, usual=None)) == [None]


def test_what_traded():
    tables = scene(
        BIDS, ASKS, bars=2, buy_vol=5, sell_vol=3, unknown_vol=2, max_trade=4, sweep_vol=5, trade_cnt=5,
        metrics={"trade_vol": 40.0, "trade_cnt": 10.0}, notional=[0.0, 10 * (LEVEL + 0.25)],
    )  # fmt: skip
    assert bar("trade_avgsz_lr_sum", tables)[1] == pytest.approx(log(2 / 4))
    assert bar("trade_maxsz_frac_sum", tables)[1] == 0.4 and bar("trade_sweep_frac_sum", tables)[1] == 0.5
    assert bar("trade_unknown_frac_sum", tables)[1] == 0.2
    # Bids at -1, asks at 1: mid is the level, the spread two ticks.
    assert bar("trade_vwapdev_sum", tables) == [None, 0.5]
    assert bar("trade_vwapdev_sum", scene(BIDS, ASKS, bars=2)) == [None, None]


def test_running_sums_forget_after_240_bars():
    added = [100] + [1] * 240
    tables = scene(BIDS, ASKS, bars=241, add_bid_p0_1=added, pull_bid_p2_3=1, buy_vol=2)
    assert bar("cumul_flow_net_bid", tables)[:2] == [99.0, 99.0]
    assert bar("cumul_flow_net_bid", tables)[-2:] == [99.0, 0.0]
    assert bar("cumul_signed_trade_vol", tables)[-2:] == [480.0, 480.0]
    assert bar("cumul_flow_net_bid_rate", tables)[1] == 99 / 2
    assert bar("cumul_aggbuy_vol", tables)[-1] == 480.0
    assert setup(tables, 1)["cumul_flow_net_bid_r"] == pytest.approx(99 / (101 + 20))
    assert setup(tables, 240)["cumul_flow_net_bid_r"] == pytest.approx(
        99 / (100 + 239 + 240 + 20 * sqrt(240))
    )


def test_the_netpull_twins_leave_fills_out():
    """Bid: 9 added, 2 pulled, 4 filled a bar; ask: 5 added, 1 pulled, 30 filled. Price is below the level."""
    flow = {"add_bid_p0_1": 9, "pull_bid_p1_2": 2, "fill_bid_p2_3": 4}
    flow |= {"add_ask_p1_2": 5, "pull_ask_p2_3": 1, "fill_ask_p0_1": 30, "add_ask_p3_5": 99}
    tables = scene({-3: 5}, {-2: 5, 1: 5}, bars=3, **flow)
    assert bar("lvl_flow_toward_netpull_sum", tables) == [4.0] * 3
    assert bar("lvl_flow_away_netpull_sum", tables) == [7.0] * 3
    assert bar("lvl_flow_toward_net_sum", tables) == [-26.0] * 3
    assert bar("cumul_flow_netpull_bid", tables) == [7.0, 14.0, 21.0]
    assert bar("cumul_flow_netpull_ask", tables) == [4.0, 8.0, 12.0]
    assert bar("cumul_flow_netpull_imbal", tables) == [3.0, 6.0, 9.0]
    assert bar("cumul_flow_imbal", tables) == [3 + 26.0, 2 * 29.0, 3 * 29.0]


def mids(n):
    """Best bid and ask of bars whose mid goes one tick up and one down: every squared move is 1/16."""
    return {
        f"{side}_px_00": [LEVEL + 0.25 * (k % 2) + away for k in range(n)]
        for side, away in (("bid", -0.125), ("ask", 0.125))
    }


def test_sigma_is_the_root_of_twelve_moves_after_180_of_them():
    n = 200
    values = bar("sigma_60", scene(BIDS, ASKS, bars=n, mid_var=None, **mids(n)))
    assert values[180] == pytest.approx(sqrt(12 / 16)) and values[179] is None
    warm = plan.family("volatility", scene(BIDS, ASKS, bars=n, mid_var=None, **mids(n))).collect()[
        "sigma_warmup"
    ]
    assert warm[180] is True and warm[179] is None


def test_sigma_looks_up_the_usual_two_minutes_ahead():
    n = 240  # the bars run from 13:00 UTC, 09:00 New York: bucket 108 lasts 60 bars
    tables = scene(BIDS, ASKS, bars=n, mid_var=0.125, **mids(n))
    last = pl.col("bucket") == 112
    busy = pl.when(last & (pl.col("metric") == "mid_var")).then(0.5).otherwise("median")
    tables["profile"] = tables["profile"].with_columns(median=busy)
    values = bar("sigma_60", tables)
    assert values[215] == pytest.approx(sqrt(12 * 0.125 * 0.5))  # bar 215 plus 24 is still in bucket 111
    assert values[216] == pytest.approx(sqrt(12 * 0.5 * 0.5))
    assert bar("sigma_warmup", tables)[216] is False


def test_the_last_three_minutes_against_sigma():
    """Bars 0 to 219 move a tick each; from then on mid stands, so that after 18 bars half of the 36 moves are 0."""
    n = 260
    path = {name: each[:220] + each[219:220] * 40 for name, each in mids(n).items()}
    tables = scene(BIDS, ASKS, bars=n, mid_var=1 / 4, **path)
    values, sigma = bar("sigma_ratio", tables), bar("sigma_60", tables)
    assert values[179] is None  # without sigma_60
    assert sigma[219] == pytest.approx(sqrt(12 / 16))
    assert values[219] == pytest.approx(1.0)
    assert values[237] == pytest.approx(sqrt(12 / 32) / sigma[237])
    assert values[255] == 0.0


def test_nothing_moves_across_a_reset():
    n = 4
    moves = bar(
        "volatility_move2", scene(BIDS, ASKS, bars=n, meta_reset=[False, False, True, False], **mids(n))
    )
    assert moves == [None, 1 / 16, None, None]


def test_approach_and_its_motion():
    n = 8
    up = {
        f"{side}_px_00": [LEVEL - 2 + 0.25 * k + away for k in range(n)]
        for side, away in (("bid", -0.125), ("ask", 0.125))
    }
    tables = scene(BIDS, ASKS, bars=n, bid_sz_00=10, ask_sz_00=10, **up)
    assert bar("approach_dist_to_level_pts_eob", tables) == [-2 + 0.25 * k for k in range(n)]
    assert bar("deriv_dist_d1_w3", tables)[2:4] == [None, 0.25]
    assert bar("deriv_dist_d2_w3", tables)[5:7] == [None, 0.0]
    found = setup(tables, n, "UP", sigma=1.0)
    assert found["approach_dist_to_level_pts_eob_r"] == -0.25
    assert found["deriv_dist_d1_w3_r"] == pytest.approx(0.75 / sqrt(15 / 60))
    assert setup(tables, n, "DOWN", sigma=1.0)["deriv_dist_d1_w3_r"] == pytest.approx(-0.75 / sqrt(15 / 60))


def test_depth_above_and_below_leaves_the_level_out():
    tables = scene({-1: 30, -2: 20}, {0: 70, 1: 10, 2: 40})
    assert bar("lvl_depth_above_qty_eob", tables) == [50.0]
    assert bar("lvl_depth_below_qty_eob", tables) == [50.0]
    assert setup(tables)["lvl_depth_above_qty_eob_r"] == 50 / 120
    assert bar("lvl_depth_imbal_eob", tables) == [0.0]
    assert bar("lvl_depth_above_qty_eob", scene({-9: 5}, {-8: 5, -7: 5})) == [None]


def test_toward_is_the_side_between_price_and_level():
    flow = {"add_ask_p0_1": 9, "pull_ask_p1_2": 2, "fill_ask_p2_3": 4, "add_bid_p0_1": 5}
    below, above = scene({-3: 5}, {-2: 5, 1: 5}, **flow), scene({2: 5, -1: 5}, {3: 5}, **flow)
    assert (bar("lvl_flow_toward_net_sum", below), bar("lvl_flow_away_net_sum", below)) == ([3.0], [5.0])
    assert (bar("lvl_flow_toward_net_sum", above), bar("lvl_flow_away_net_sum", above)) == ([5.0], [3.0])
    assert setup(below)["lvl_flow_toward_net_sum_r"] == (9 - 2 - 4) / (9 + 2 + 4 + 20)
    tie = scene({-1: 5}, {1: 5}, **flow)
    assert bar("lvl_flow_toward_net_sum", tie) == [None]
    assert setup(tie, direction="UP")["lvl_flow_toward_net_sum"] == 3.0
    assert setup(tie, direction="DOWN")["lvl_flow_toward_net_sum"] == 5.0


def full(sizes, far):
    """Every tick to `far` seen, empty where no size is given."""
    step = 1 if far > 0 else -1
    return {ticks: sizes.get(ticks, 0) for ticks in range(min(sizes, key=abs), far + step, step)}


def test_a_wall_of_ten_times_the_usual():
    asks, bids = full({1: 5, 8: 2000}, 20), full({-1: 5, -20: 1}, -20)
    tables = scene(bids, asks)
    # Four ticks of usually 50 each weigh 200 at a point.
    assert bar("cube_rest_eob_p2", tables) == [-2000 / (2000 + 200 + 50)]
    assert bar("cube_cov_p2", tables) == [1.0]
    assert bar("cube_rest_eob_p2", scene(bids, asks, usual=None)) == [None]


def test_points_half_seen_count_and_less_do_not():
    # Seen from -1 to 6: of point 2 (weights 1/2, 1, 1, 1, 1/2 at 6 to 10) a half, of point 1 all.
    tables = scene({-1: 5}, full({1: 5}, 6))
    assert bar("cube_cov_p2", tables) == [0.125] and bar("cube_rest_eob_p2", tables) == [None]
    assert bar("cube_cov_p1", tables) == [1.0]
    assert bar("cube_cov_m4", tables) == [0.0] and bar("cube_aggr_sum_m4", tables) == [0.0]
    half = scene({-1: 5}, full({1: 5}, 8))
    assert bar("cube_cov_p2", half) == [0.625] and bar("cube_flow_sum_p2", half) == [0.0]


def test_flow_at_a_point():
    acts = {
        ("B", -4): {"add": 30},
        ("A", 4): {"pull": 10, "add": 5},
        ("A", 5): {"fill": 8, "hidden": 2},
        ("A", 6): {"add": 4},
    }
    tables = scene(full({-1: 9}, -6), full({1: 9}, 6), acts=acts)
    assert bar("cube_flow_sum_m1", tables) == [30 / 50]
    assert bar("cube_flow_sum_p1", tables) == [(10 - 5 - 2) / (10 + 5 + 2 + 20)]
    assert bar("cube_aggr_sum_p1", tables) == [10 / 30]
    assert bar("cube_net_sum_p1", tables) == [(10 + 10 - 5 - 2) / (10 + 10 + 5 + 2 + 20)]


PUSH = {("B", -4): {"add": 100}, ("A", 0): {"pull": 100}, ("A", 4): {"pull": 100}}
BELOW, WALL = full({-1: 5, -20: 1}, -20), full({0: 5, 8: 2000}, 20)


@pytest.mark.parametrize("direction", ["UP", "DOWN"])
def test_the_seeds_sentence(direction):
    """Price pushes through 6799, 6800 and 6801 and meets a wall at 6802; and the same seen in a mirror."""
    bids, asks, acts = BELOW, WALL, PUSH
    if direction == "DOWN":
        bids, asks, acts = mirrored(WALL), mirrored(BELOW), reflected(PUSH)
    found = setup(scene(bids, asks, bars=12, acts=acts), 12, direction)
    assert found["cube_x_net_sum_w3_m1"] == pytest.approx(300 / (300 + 20 * sqrt(3)))
    assert (found["cube_lead"], found["cube_wall_j"]) == (1.0, 2.0)
    assert found["cube_wall_strength"] == pytest.approx(0.889, abs=5e-4)
    assert found["cube_wall_build"] == 0.0
    assert found["cube_wall_gap_pts"] == 2.125
    assert load()["bar5s_cube_story"].codes[int(found["cube_story"])] == "PUSH_INTO_WALL"


def story(tables, bars=12):
    code = setup(tables, bars)["cube_story"]
    return None if code is None else load()["bar5s_cube_story"].codes[int(code)]


def test_stories():
    assert story(scene(BELOW, full({0: 5, 8: 50}, 20), bars=12, acts=PUSH)) == "CLEAR_PATH"
    assert story(scene(BELOW, WALL, bars=12)) == "TWO_SIDED"
    assert story(scene(BELOW, full({0: 5}, 1), bars=12, acts=PUSH)) == "UNSEEN"
    assert story(scene(BELOW, WALL, bars=8, acts=PUSH), 8) is None  # too short to say whether it melts
    assert story(scene(BELOW, WALL, bars=12, acts=PUSH, usual=None)) is None
    melting = scene(BELOW, WALL, bars=12, acts=PUSH)
    sizes = pl.when((pl.col("side") == "A") & (pl.col("price") == LEVEL + 2)).then(
        5000 - 250 * ((pl.col("bar_ts").cast(pl.Int64) - pl.col("bar_ts").cast(pl.Int64).min()) // BAR_NS)
    )
    melting["ladder"] = melting["ladder"].with_columns(qty=sizes.otherwise("qty").cast(pl.Int64))
    assert story(melting) == "PUSH_INTO_MELTING_WALL"


def test_build_is_the_slope_over_a_minute():
    tables = scene(BELOW, WALL, bars=12)
    # rest of -A/(A + 250): sizes so that it is 0.50, 0.51, ... 0.61 against the travel
    bars = (pl.col("bar_ts").cast(pl.Int64) - pl.col("bar_ts").cast(pl.Int64).min()) // BAR_NS
    share = 0.5 + 0.01 * bars
    wall = (pl.col("side") == "A") & (pl.col("price") == LEVEL + 2)
    usual = pl.when(wall).then((share * 250 / (1 - share)).round()).otherwise("qty").cast(pl.Int64)
    tables["ladder"] = tables["ladder"].with_columns(qty=usual)
    assert setup(tables, 12)["cube_wall_build"] == pytest.approx(0.12, abs=0.002)


ASKS_B4 = {0: 20, 1: 20, 2: 50, 3: 50, 4: 80, 5: 0, 6: 0, 7: 0, 8: 0}
BIDS_B4 = {-1: 0, -2: 0, -3: 20, -4: 50, -5: 50, -6: 40, -7: 0, -8: 0}
ACTS_B4 = {
    ("A", 0): {"pull": 40}, ("A", 1): {"pull": 40}, ("A", 4): {"add": 30},
    ("B", -3): {"pull": 30}, ("B", -6): {"add": 30},
}  # fmt: skip


@pytest.mark.parametrize("direction", ["UP", "DOWN"])
def test_the_signs_of_retreat(direction):
    """Asks of 60/60/50/50/50: 80 pulled at the level, 30 added four ticks beyond. Bids of 50/50/50/10."""
    bids, asks, acts = BIDS_B4, ASKS_B4, ACTS_B4
    if direction == "DOWN":
        bids, asks, acts = mirrored(ASKS_B4), mirrored(BIDS_B4), reflected(ACTS_B4)
    found = setup(scene(bids, asks, acts=acts), direction=direction)
    assert found["lvl_opp_far_com_shift_sum"] == pytest.approx(590 / 220 - 510 / 270)
    assert found["lvl_opp_far_com_shift_sum"] == pytest.approx(0.79, abs=0.005)
    assert found["lvl_pull_far_sum"] == pytest.approx(0.38, abs=0.005)
    assert found["lvl_sup_near_com_shift_sum"] == pytest.approx(0.56, abs=0.005)
    assert found["lvl_pull_near_sum"] == 0.0
    far, near = 0.5 * tanh(found["lvl_opp_far_com_shift_sum"] / 0.25) + 0.25 / 1.3, 0.5 * tanh(0.5625 / 0.25)
    assert found["lvl_retreat_far_sum"] == pytest.approx(far)
    assert found["lvl_retreat_near_sum"] == pytest.approx(near)
    assert found["lvl_quad_vacuum_sum"] == pytest.approx(1 / (1 + exp(-4 * far)) / (1 + exp(-4 * near)))
    assert found["lvl_cond4_sum"] == 0.5 == found["lvl_cond_all_sum"]
    assert sum(
        found[f"lvl_quad_{name}_sum"] for name in ("break", "wallrej", "vacuum", "compress")
    ) == pytest.approx(1)


@pytest.mark.parametrize(("direction", "moved"), [("UP", 0.5), ("DOWN", -0.5)])
def test_what_prices_own_move_does_not_explain(direction, moved):
    """Mid falls half a point where one is expected in five seconds; usually 0.125 - 0.25 times the move.

    Half of the bids behind price are pulled, as of the asks in the mirror: a retreat that the fall half
    explains for who comes from below, and that is the stranger for who comes from above.
    """
    tables = scene(
        full({-1: 10, -3: 0}, -8), full({1: 10, 3: 0}, 8), bars=2,
        last={("B", -1): {"pull": 60}, ("A", 1): {"pull": 60}},
        bid_px_00=[LEVEL + 0.25, LEVEL - 0.25], ask_px_00=[LEVEL + 0.75, LEVEL + 0.25],
    )  # fmt: skip
    found = setup(tables, 2, direction, sigma=sqrt(12))
    assert found["lvl_retreat_near_sum"] == pytest.approx(0.5 * 60 / 80)
    assert found["lvl_move_rel_sum"] == pytest.approx(-moved)
    assert found["lvl_retreat_near_res_sum"] == pytest.approx(0.375 - (0.125 + 0.25 * moved))
    tables["retreat_profile"] = tables["retreat_profile"].clear()
    assert setup(tables, 2, direction)["lvl_retreat_near_res_sum"] is None
    reset = scene(full({-1: 10}, -8), full({1: 10}, 8), bars=2, meta_reset=[True, False])
    assert setup(reset, 2, direction)["lvl_move_rel_sum"] is None


def test_fills_move_no_owner():
    bought = {("A", 0): {"fill": 40}, ("A", 1): {"fill": 40}}
    found = setup(scene(BIDS_B4, ASKS_B4, acts=bought))
    assert (
        found["lvl_opp_far_com_shift_sum"] == 0.0 == found["lvl_pull_far_sum"] == found["lvl_retreat_far_sum"]
    )


def test_retreat_is_smoothed_until_a_null():
    bids, asks = full({-1: 0, -3: 50}, -8), full({0: 100}, 8)
    tables = scene(bids, asks, bars=4, last={("A", 0): {"pull": 80}})
    once = 80 / 100 * 0.5  # nothing moves, since all rests at one price
    found = setup(tables, 4)
    weights = [0.5**k for k in range(4)]
    assert found["lvl_retreat_far_sum"] == pytest.approx(once)
    assert found["lvl_retreat_far_sum_ewm3"] == pytest.approx(once * weights[0] / sum(weights))
    unseen = (
        pl.when(pl.col("bar_ts").cast(pl.Int64).rank("dense") == 2).then(None).otherwise(pl.col("qty_open"))
    )
    tables["ladder"] = tables["ladder"].with_columns(qty_open=unseen)
    assert setup(tables, 4)["lvl_retreat_far_sum_ewm3"] == pytest.approx(once / (1 + 0.5))


def test_nothing_is_said_of_what_is_hidden():
    far_away = scene({-60: 5, -61: 5}, {-59: 5, -58: 5}, bars=3)
    found = setup(far_away, 3)
    assert found["lvl_opp_far_cov_eob"] == 0.0
    hidden = (
        "lvl_retreat_far_sum",
        "lvl_cond_all_sum",
        "cube_lead",
        "cube_wall_j",
        "cube_x_rest_eob_p1",
        "lvl_depth_above_qty_eob",
    )
    assert [found[name] for name in hidden] == [None] * len(hidden)
    assert load()["bar5s_cube_story"].codes[int(found["cube_story"])] == "UNSEEN"


def test_the_farther_half_of_a_band_masks_its_twin():
    deep = scene({-k: 5 for k in range(1, 11)}, dict.fromkeys(range(1, 11), 5))
    assert setup(deep)["state_cdi_p2_3_eob_r"] == 0.0  # mid at the level: ticks 9 and 10 of 9 to 12
    short = scene(
        {-1: 5, **{-k: 5 for k in range(2, 11)}}, {1: 5, **dict.fromkeys(range(2, 10), 5), 20: 5, 21: 5}
    )
    assert setup(short)["state_cdi_p2_3_eob_r"] == pytest.approx((10 - 5) / 15)


def test_kinematics_by_hand():
    """x is -4, then a quarter point nearer every two bars: 1.5 in the first minute, 1.5 in the second."""
    n = 26
    steps = [-4 + 0.25 * (k // 2) for k in range(n)]
    up = {
        f"{side}_px_00": [LEVEL + x + away for x in steps] for side, away in (("bid", -0.125), ("ask", 0.125))
    }
    tables = scene(BIDS, ASKS, bars=n, **up)
    found = setup(tables, n, "UP", sigma=2.0)
    assert found["kin_x_pts_eob"] == -1.0
    assert found["kin_vel_1m"] == pytest.approx(1.5 / 2)
    assert found["kin_vel_2m"] == pytest.approx(3.0 / (2 * sqrt(2))) and found["kin_acc_2m"] == 0.0
    assert found["kin_trend_2m"] == 1.0 and found["kin_vel_3m"] is None  # too short
    back = setup(tables, n, "DOWN", sigma=2.0)
    assert back["kin_vel_1m"] == pytest.approx(-0.75) and back["kin_x_pts_eob"] == 1.0
    reset = scene(BIDS, ASKS, bars=n, meta_reset=[k == 20 for k in range(n)], **up)
    assert setup(reset, n)["kin_vel_1m"] is None


def test_order_flow_over_windows():
    """36 lots of imbalance of 60 gross a bar over six bars."""
    acts = {("B", -1): {"add": 30}, ("A", 1): {"add": 10, "fill": 5}}
    tables = scene(full({-1: 9}, -9), full({0: 0, 1: 9}, 9), bars=24, acts=acts, ofi_00=36, ofi_abs_00=60)
    found = setup(tables, 24)
    assert found["ofi_bal_30s"] == pytest.approx(216 / (360 + 20 * sqrt(6)))
    assert found["ofi_bal_300s"] is None
    assert found["ofi_lvl_30s"] == pytest.approx(6 * (30 + 5 - 10) / (6 * 45 + 20 * sqrt(6)))
    assert found["ofi_accel"] == pytest.approx(216 / (360 + 20 * sqrt(6)) - 864 / (1440 + 20 * sqrt(24)))
    assert setup(tables, 24, "DOWN")["ofi_bal_30s"] == pytest.approx(-found["ofi_bal_30s"])


def shrinking(tables, first, last):
    """The ask at the level has `first` lots in all bars but the newest, which has `last`."""
    newest = pl.col("bar_ts") == pl.col("bar_ts").max()
    at_level = (pl.col("side") == "A") & (pl.col("price") == LEVEL)
    size = pl.when(at_level & newest).then(last).when(at_level).then(first).otherwise("qty")
    tables["ladder"] = tables["ladder"].with_columns(qty=size.cast(pl.Int64))
    return tables


def told(found, name):
    return load()["bar5s_" + name].codes[int(found[name])]


def test_the_fate_of_a_barrier():
    """400 lots where nine ticks usually have 50 each; a minute later 100."""
    asks = full({0: 400}, 9)
    pulled = shrinking(scene(BELOW, asks, bars=13, last={("A", 0): {"pull": 300}}), 400, 100)
    found = setup(pulled, 13)
    assert (found["barrier_qty_eob"], found["barrier_delta_qty_1m"]) == (100.0, -300.0)
    assert found["barrier_rel_eob"] == pytest.approx(log(150 / (450 + 50)))
    assert found["barrier_dlog_1m"] == pytest.approx(log(150 / 450))
    assert found["barrier_pct_change_1m"] == pytest.approx(150 / 450 - 1)
    assert found["barrier_pull_rate_1m"] == pytest.approx(300 / (400 + 50))
    assert told(found, "barrier_state_1m") == "PULLED"
    eaten = setup(shrinking(scene(BELOW, asks, bars=13, last={("A", 0): {"fill": 300}}), 400, 100), 13)
    assert told(eaten, "barrier_state_1m") == "CONSUMED"
    held = setup(scene(BELOW, asks, bars=13, last={("A", 0): {"fill": 300, "add": 300}}), 13)
    assert told(held, "barrier_state_1m") == "REFILLED"
    grown = setup(shrinking(scene(BELOW, asks, bars=13), 400, 900), 13)
    assert told(grown, "barrier_state_1m") == "BUILT"
    thin = setup(shrinking(scene(BELOW, asks, bars=13), 400, 40), 13)
    assert told(thin, "barrier_state_1m") == "STABLE"  # 90 of 500: there is hardly any barrier left
    assert setup(scene(BELOW, full({0: 400}, 3), bars=13), 13)["barrier_qty_eob"] is None  # unseen


def test_resistance_against_support():
    """90 asks and 30 bids within eight ticks, where each of nine and eight known ticks usually has 50."""
    tables = scene(
        full({-1: 30}, -8), full({0: 90}, 8), acts={("A", 3): {"add": 30}, ("B", -2): {"pull": 10}}
    )
    found = setup(tables)
    opposes, supports = 90 / 450, 30 / 400
    assert found["lvl_opppress_eob"] == pytest.approx((opposes - supports) / (opposes + supports + 0.1))
    assert found["lvl_opppress_flow_sum"] == pytest.approx((30 + 10) / (30 + 10 + 20))
    assert setup(scene(BELOW, WALL, usual=None))["lvl_opppress_eob"] is None


def test_cells_and_bands():
    """Asks of 40 at 2, of 20 at 5; bids of 30 three ticks behind; opposing orders before the level."""
    acts = {("A", 3): {"pull": 12}, ("A", 4): {"add": 4, "fill": 8}, ("B", -3): {"add": 10}}
    tables = scene(full({-2: 0, -3: 30}, -16), full({-1: 7, 2: 40, 5: 20}, 16), acts=acts)
    found = setup(tables)
    assert found["lvl_opp_far_t2_4_cov_eob"] == 1.0
    assert found["lvl_opp_far_t2_4_share_eob"] == pytest.approx(40 / 67)
    assert found["lvl_opp_far_t2_4_rel_eob"] == pytest.approx(log((40 + 50) / (150 + 50)))
    assert found["lvl_opp_far_t2_4_pabal_sum"] == pytest.approx((12 - 4) / (16 + 20))
    assert found["lvl_opp_far_t2_4_palr_sum"] == pytest.approx(log(32 / 24))
    # 12 pulled and 8 filled and 4 added: 40 at the end were 56 at the start.
    assert found["lvl_opp_far_t2_4_pullrate_sum"] == pytest.approx(12 / (56 + 4 + 20))
    assert found["lvl_opp_far_t2_4_fillshare_sum"] == pytest.approx(8 / (20 + 20))
    assert found["lvl_opp_far_t2_4_void_eob"] == pytest.approx(2 / 3)
    assert found["lvl_sup_near_t2_4_pabal_sum"] == pytest.approx(-10 / 30)
    assert found["lvl_sup_far_t2_4_cov_eob"] is None  # bids may not rest there yet
    assert found["lvl_at_opp_cov_eob"] == 1.0
    assert found["lvl_opp_far_com_ticks_eob"] == pytest.approx((40 * 2 + 20 * 5) / 60)
    hidden = setup(scene(full({-1: 5}, -16), full({0: 7}, 3)))
    assert hidden["lvl_opp_far_t5_8_cov_eob"] == 0.0 and hidden["lvl_opp_far_t5_8_rel_eob"] is None
    assert hidden["lvl_opp_far_t2_4_cov_eob"] == pytest.approx(2 / 3)


def test_windows_sum_before_they_divide():
    """One bar of 90 bought of 90 among two of 10 bought of 30."""
    tables = scene(BELOW, WALL, bars=3, buy_vol=[10, 90, 10], sell_vol=[20, 0, 20], acts=PUSH)
    found = setup(tables, 3)
    assert found["trade_x_imbal_w3"] == pytest.approx((110 - 40) / (150 + 20 * sqrt(3)))
    assert found["lvl_retreat_far_mean_w3"] == pytest.approx(found["lvl_retreat_far_sum"])
    assert found["lvl_retreat_far_mean_w12"] is None
    one = 200 / (200 + 20)
    assert found["cube_x_flow_sum_w3_p1"] == pytest.approx(300 / (300 + 20 * sqrt(3))) != one
    assert found["cube_x_rest_eob_p2_d1_w1"] == 0.0


def test_twenty_minutes_in_summary():
    """x rises by a 64th of a point a bar; trades grow from 1 to 3 lots by thirds."""
    n = 241
    steps = [-4 + k / 64 for k in range(n)]
    up = {
        f"{side}_px_00": [LEVEL + x + away for x in steps] for side, away in (("bid", -0.125), ("ask", 0.125))
    }
    lots = [1] * 81 + [2] * 80 + [3] * 80
    found = setup(scene(BIDS, ASKS, bars=n, buy_vol=lots, **up), n)
    assert found["setup_x_start"] == steps[1] and found["setup_x_delta"] == 239 / 64
    assert found["setup_x_min"] == steps[1] and found["setup_x_range"] == 239 / 64
    assert found["setup_x_mean"] == pytest.approx((steps[1] + steps[-1]) / 2)
    assert found["setup_velocity_late"] == pytest.approx(1 / 64)
    assert found["setup_trade_share_late"] == pytest.approx(240 / 480)
    assert found["setup_approach_bars"] == 240.0 and found["setup_approach_share"] == 1.0
    assert found["deriv_x_d1_w36"] == pytest.approx(1 / 64) == found["deriv_x_ls1_w72"]
    assert found["deriv_x_d2_w36"] == 0.0 == found["deriv_x_d3_w12"]


def hour():
    """An hour and a bar with one print, of a lot, 21 bars before the last one."""
    n = 721
    one = [int(k == 700) for k in range(n)]
    tables = scene(full({-1: 5}, -16), full({1: 7}, 16), bars=n, buy_vol=one, max_trade=one, trade_cnt=one)
    return {**tables, "trades": prints((700, 0.25, 1))}


UNKNOWN = {
    "a session too short for a window": (
        lambda: scene(BELOW, WALL, bars=3),
        3,
        {"kin_vel_1m", "setup_x_start", "setup_x_mean", "lvl_retreat_far_mean_w12", "state_rv_w12", "dct_x_c0"},
        {"kinematics": "warmup", "lookback": "warmup", "windows": "warmup", "trajectories": "warmup"},
    ),
    "a level never visible": (
        lambda: scene({-60: 5}, {-59: 5}, bars=3),
        3,
        {"lvl_opp_far_t2_4_rel_eob", "lvl_opp_far_t2_4_pabal_sum", "barrier_qty_eob", "ofi_lvl_30s", "cube_rest_eob_0"},
        {"zones": "not_visible", "barriers": "not_visible", "opposing": "not_visible", "cube": "not_visible"},
    ),
    "an empty side of the book": (
        lambda: scene({-1: 5}, {}, bars=3),
        3,
        {"depth_ask10_qty_eob", "shape_ask_entropy_eob", "kin_x_pts_eob", "state_spread_pts_eob", "wall_ask_maxz_eob"},
        {"depth": "empty_band", "midprice": "empty_band", "wall": "empty_band", "shape": "empty_band"},
    ),
    "a profile of fewer than three sessions": (
        lambda: scene(BELOW, WALL, bars=3, usual=None),
        3,
        {"rvol_trade_vol_ratio", "barrier_rel_eob", "lvl_opppress_eob", "cube_rest_eob_0", "depth_bid10_rel_eob"},
        {"rvol": "no_profile", "barriers": "no_profile", "opposing": "no_profile", "depth": "no_profile"},
    ),
    "one print in an hour": (
        hour,
        721,
        {"trade_maxsz_frac_sum", "trade_avgsz_lr_sum", "trade_vwapdev_sum", "c2_body_0", "c2_clv_1", "c2_body_2"},
        {"trade": "empty_band", "candles": "empty_band"},
    ),
}  # fmt: skip
"""What a session may lack: its tables, its bars, features that are null then, and why their families are."""


@pytest.mark.parametrize("lack", UNKNOWN)
def test_what_cannot_be_known_is_null_with_its_reason_and_never_zero_or_infinite(lack):
    from warehouse import reasons

    made, bars, nulls, whys = UNKNOWN[lack]
    found = at(bars).hstack(plan.at_setups(at(bars), made()).drop("setup_id"))
    [row] = reasons.beside(found).to_dicts()
    assert {name for name in nulls if row[f"bar5s_{name}"] is not None} == set()
    for family, why in whys.items():
        assert row[reasons.name(family)] >> reasons.REASONS.index(why) & 1, (family, why)
    assert all(isfinite(value) for value in row.values() if isinstance(value, float))


def test_one_print_is_all_that_is_told_of_an_hour():
    """Its candle is a point; nothing traded in the bar is no imbalance, and all of the look-back's lots are late."""
    found = setup(hour(), 721)
    assert (found["c2_body_1"], found["c2_range_1"], found["c2_high_pts"]) == (0.0, 0.0, 0.25)
    assert (found["trade_vol_sum"], found["trade_imbal_sum"], found["setup_trade_share_late"]) == (
        0.0,
        0.0,
        1.0,
    )


def test_opposing_pressure_is_the_heavier_side_by_what_is_usual():
    # 150 against 100 usual on two ticks of the ask, 50 against 50 on one of the bid: 1.5 and 1 of what is usual.
    # Nine ticks off, weight 0, a thousand lots are not near.
    bids, asks = {-1: 50, -9: 1000}, {1: 100, 2: 50, 9: 1000}
    pressure = pytest.approx((1.5 - 1.0) / (1.5 + 1.0 + 0.1))
    assert setup(scene(bids, asks))["lvl_opppress_eob"] == pressure
    down = setup(scene(mirrored(asks), mirrored(bids)), direction="DOWN")
    assert down["lvl_opppress_eob"] == pressure
    assert setup(scene({-9: 1000}, asks))["lvl_opppress_eob"] is None  # no bid is seen near the level
    assert setup(scene(bids, asks, usual=None))["lvl_opppress_eob"] is None
    # seen empty is not unseen
    assert setup(scene({-1: 0, **bids, -2: 0}, asks))["lvl_opppress_eob"] == pytest.approx(
        (1.5 - 0.5) / (1.5 + 0.5 + 0.1)
    )


def prints(*rows):
    """Prints of (bar, price in points beyond 6800, size)."""
    return pl.LazyFrame(
        {
            "ts": [START + bar * BAR_NS + place for place, (bar, *_) in enumerate(rows)],
            "price": [LEVEL + points for _, points, _ in rows],
            "size": [size for *_, size in rows],
            "side": ["B"] * len(rows),
        }
    ).cast(TRADES.schema)


def test_candles_by_hand():
    """The clock's candles end with bars 23 and 47; the tape has 50 bars, so two of the running one."""
    assert START % (24 * BAR_NS) == 0
    tables = scene(BIDS, ASKS, bars=50, buy_vol=[1] * 50)
    tables["trades"] = prints(
        (0, -2.0, 1), (30, -1.0, 1), (31, 0.75, 2), (32, -1.5, 1), (40, 0.5, 1), (48, 0.25, 1)
    )
    found, s = setup(tables, 50, sigma=2.0), 2 * sqrt(2)
    assert [found[f"c2_{part}_pts"] for part in ("open", "high", "low", "close")] == [-1.0, 0.75, -1.5, 0.5]
    assert found["c2_body_1"] == pytest.approx(1.5 / s) and found["c2_range_1"] == pytest.approx(2.25 / s)
    assert found["c2_over_1"] == pytest.approx(0.75 / s)
    assert found["c2_clv_1"] == pytest.approx((2 * 0.5 - 0.75 + 1.5) / 2.25)
    assert found["c2_wick_1"] == pytest.approx(0.25 / 2.25)
    assert found["c2_body_2"] == 0.0 and found["c2_clv_2"] is None  # one print has no range
    assert found["c2_body_3"] is None and found["c2_closes_beyond"] is None  # before the tape
    assert found["c2_run"] == 1.0 and found["c2_vol"] == 24.0
    assert found["c2_vol_lr_1"] == pytest.approx(log((24 + 20 * sqrt(24)) / (24 * 64 + 20 * sqrt(24))))
    assert (found["c2_age_0"], found["c2_close_pts_0"], found["c2_range_0"]) == (10.0, 0.25, 0.0)
    down = setup(tables, 50, "DOWN", sigma=2.0)
    assert down["c2_over_1"] == pytest.approx(1.5 / s) and down["c2_body_1"] == pytest.approx(-1.5 / s)
    closed = setup({**tables, "book": tables["book"].head(48)}, 48, sigma=2.0)
    assert closed["c2_age_0"] == 0.0 and closed["c2_close_pts_0"] is None and closed["c2_close_pts"] == 0.5
    quiet = scene(BIDS, ASKS, bars=72)
    quiet["trades"] = prints((5, 1.0, 1))
    assert setup(quiet, 72)["c2_close_pts"] is None  # not that of the candle before


def test_waves_of_a_straight_line():
    """x falls by a point in 40 steps: its mean and its slope are in the first two waves, even ones are 0."""
    n = 241
    steps = [-(k // 6) / 4 for k in range(n)]
    up = {
        f"{side}_px_00": [LEVEL + x + away for x in steps] for side, away in (("bid", -0.125), ("ask", 0.125))
    }
    tables = scene(BIDS, ASKS, bars=n, **up)
    found = setup(tables, n, sigma=2.0)
    series = [-(k + 1) / 8 for k in range(40)]
    assert found["seq_x_s39"] == -40 / 4 / 2.0 and found["seq_x_s00"] == -1 / 4 / 2.0
    assert [found[f"seq_x_s{k:02d}"] for k in (0, 1, 20)] == [series[0], series[1], series[20]]
    assert found["dct_x_c0"] == pytest.approx(sum(series) / sqrt(40))
    first = sum(value * cos(pi * (k + 0.5) / 40) for k, value in enumerate(series)) * sqrt(2 / 40)
    assert found["dct_x_c1"] == pytest.approx(first)
    assert abs(found["dct_x_c2"]) < 1e-9
    ends = [k % 6 for k in range(n)].index((n - 1) % 6)
    holes = {name: list(values) for name, values in up.items()}
    for column in holes.values():
        column[ends + 6 * 20] = None
    one = setup(scene(BIDS, ASKS, bars=n, **holes), n, sigma=2.0)
    assert one["dct_x_c0"] == pytest.approx(sum(series) / sqrt(40))
    for column in holes.values():
        column[ends + 6 * 21] = None
    assert setup(scene(BIDS, ASKS, bars=n, **holes), n, sigma=2.0)["dct_x_c0"] is None


def test_force_on_mass():
    """24 lots a bar on 200 lots of depth, and half a point for each unit of force over mass."""
    n = 30
    steps = [0.25 * (k // 12) for k in range(n)]
    moved = {
        f"{side}_px_00": [LEVEL + x + away for x in steps] for side, away in (("bid", -0.125), ("ask", 0.125))
    }
    sizes = {f"{side}_sz_{k:02d}_twa": 20.0 for side in ("bid", "ask") for k in range(5)}
    tables = scene(BIDS, ASKS, bars=n, ofi_00=24, **sizes, **moved)
    found = setup(tables, n, sigma=2.0)
    assert (found["fma_force_12"], found["fma_mass_12"]) == (288.0, 200.0)
    assert found["fma_ratio_12"] == pytest.approx(asinh(1.44))
    assert found["fma_pred_12"] == pytest.approx(0.5 * 1.44 / 0.25)
    assert found["fma_resid_12"] == pytest.approx((1 - 2.88) / 8.0)
    assert found["fma_pred_accel_12"] == 0.0 == found["fma_accel_resid_12"]
    assert found["fma_force_36"] is None
    assert setup(tables, n, "DOWN", sigma=2.0)["fma_force_12"] == -288.0
    tables["retreat_profile"] = tables["retreat_profile"].with_columns(impact_12=None)
    assert setup(tables, n)["fma_pred_12"] is None


def test_walls_of_a_cell():
    """Asks of 600 at 6 with 300 beside them, where 50 are usual; 30 filled and 90 pulled there."""
    asks = full({1: 40, 5: 300, 6: 600}, 16)
    acts = {("A", 6): {"fill": 30, "pull": 90}}
    found = setup(scene(full({-2: 20}, -16), asks, bars=3, acts=acts), 3)
    assert found["lvl_opp_far_wall_prof_eob"] == pytest.approx(log(605 / 55))
    assert (found["lvl_opp_far_wall_dist_ticks_eob"], found["lvl_opp_far_wall_width_eob"]) == (6.0, 2.0)
    assert found["lvl_opp_far_wall_fate_eob"] == 30 / 120 and found["lvl_opp_far_wall_age_eob"] == 3.0
    assert found["lvl_opp_far_touchgap_ticks_eob"] == 1.0
    assert found["lvl_opp_far_com_ticks_eob"] == pytest.approx((40 + 1500 + 3600) / 940)
    assert found["lvl_sup_near_wall_width_eob"] == 0.0 == found["lvl_sup_near_wall_age_eob"]
    assert found["lvl_sup_near_wall_fate_eob"] is None  # nothing went
    assert found["lvl_sup_far_touchgap_ticks_eob"] is None is found["lvl_opp_far_fleet_frac_sum"]
    down = setup(
        scene(mirrored(asks), mirrored(full({-2: 20}, -16)), bars=3, acts=reflected(acts)), 3, "DOWN"
    )
    assert down["lvl_opp_far_wall_fate_eob"] == 30 / 120 and down["lvl_opp_far_wall_width_eob"] == 2.0
    assert setup(scene(BIDS, asks, usual=None))["lvl_opp_far_wall_prof_eob"] is None


def test_absorption():
    """60 lots bought while mid gained two ticks, where 64 are usual."""
    up = {"bid_px_00": [LEVEL, LEVEL + 0.5], "ask_px_00": [LEVEL + 0.25, LEVEL + 0.75]}
    found = setup(scene(BIDS, ASKS, bars=2, buy_vol=60, sell_vol=12, **up), 2)
    assert found["lvl_absorb_sum"] == pytest.approx(log((60 / 3 + 20) / (64 + 20)))
    down = setup(scene(BIDS, ASKS, bars=2, buy_vol=60, sell_vol=12, **up), 2, "DOWN")
    assert down["lvl_absorb_sum"] == pytest.approx(log((12 + 20) / (64 + 20)))


def test_distance_to_levels_of_other_kinds():
    tables = scene(BIDS, ASKS, bars=2)
    known = levels(LEVEL + 3, known=START).with_columns(level_kind=pl.lit("PM_HIGH"))
    late = levels(LEVEL - 3, known=START + 10 * BAR_NS).with_columns(level_kind=pl.lit("OR_LOW"))
    tables["levels"] = pl.concat([known, late]).lazy()
    mid = LEVEL
    assert setup(tables, 2, sigma=2.0)["dist_pm_high_sig"] == (LEVEL + 3 - mid) / 2.0
    assert setup(tables, 2, "DOWN", sigma=2.0)["dist_pm_high_sig"] == -1.5
    assert setup(tables, 2)["dist_or_low_sig"] is None is setup(tables, 2)["dist_vwap_sig"]


def test_raw_rates_are_bid_and_ask_as_they_lie():
    tables = scene(BIDS, ASKS, bars=8, bid_sz_00=[30, 30, 30, 30, 60, 60, 60, 60])
    assert bar("deriv_dbid10_d1_w3", tables) == [None, None, None, 0.0, 10.0, 10.0, 10.0, 0.0]
    assert bar("deriv_dask10_d1_w3", tables)[3:] == [0.0] * 5


def test_reasons_are_named():
    """No profile, no fit, a bar before the date, a reset, a level that is never seen, a bar without a print."""
    from warehouse import reasons

    def whys(tables, bars):
        made = at(bars).hstack(plan.at_setups(at(bars), tables).drop("setup_id"))
        bits = reasons.beside(made)
        told = {
            family: reasons.told(pl.col(reasons.name(family)))
            for family in load().families()
            if reasons.name(family) in bits.columns
        }
        return {
            family: {reason for reason, holds in bits.select(**each).row(0, named=True).items() if holds}
            for family, each in told.items()
        }

    whole = whys(scene(BELOW, WALL, bars=3), 3)
    assert whole["midprice"] == set()
    assert whole["kinematics"] == {"warmup"}
    assert whole["distances"] == {"empty_band"}  # no such level is known
    assert whole["trade"] == {"empty_band"}
    assert (
        whole["far"] == {"not_visible", "warmup"} and "no_profile" not in whole["retreat"] | whole["windows"]
    )
    assert whys(scene(BELOW, WALL, bars=3, usual=None), 3)["rvol_lookback"] == {"no_profile", "warmup"}
    unfitted = scene(BELOW, WALL, bars=3)
    unfitted["retreat_profile"] = unfitted["retreat_profile"].clear()
    assert "no_profile" in whys(unfitted, 3)["retreat"]
    unseen = whys(scene({-60: 5}, {-59: 5}, bars=3), 3)
    assert unseen["opposing"] == {"not_visible"} and "no_profile" not in unseen["windows"]
    reset = whys(scene(BELOW, WALL, bars=260, meta_reset=[k == 250 for k in range(260)]), 260)
    assert "reset" in reset["kinematics"] and "warmup" not in reset["kinematics"]


def test_idle_columns_are_named_with_their_reasons():
    """A constant, a twin, a column that is never known, and two of which it is declared that they may be idle."""
    from warehouse import liveness, reasons

    n = 12
    tables = scene(BELOW, WALL, bars=3)
    made = at(3).hstack(plan.at_setups(at(3), tables).drop("setup_id"))
    rows = pl.concat([reasons.beside(made)] * n).with_columns(
        bar5s_state_obi0_eob=pl.int_range(n) / n,
        bar5s_state_obi10_eob=pl.int_range(n) / n,
        bar5s_meta_late_cnt_sum=pl.lit(0.0),
    )
    idle, families = liveness.idle(rows), liveness.families(rows)
    told = {name.removeprefix("bar5s_"): (one.what, one.why) for name, one in idle.items()}
    assert "state_obi0_eob" not in told
    assert told["state_obi10_eob"] == ("the same as state_obi0_eob", "")
    assert told["state_obiw_eob"][0].endswith("wherever it is known")
    assert told["kin_vel_1m"] == ("never known", "null in 100%: warmup")
    assert told["lvl_opp_far_wall_fate_eob"] == ("never known", "null in 100%: empty_band")
    assert told["meta_late_cnt_sum"] == ("0.0 wherever it is known", "0 while the feed is sound")
    there = [name for name in load() if name in rows.columns]
    assert sum(each.features for each in families) == len(there) > 1800  # meta and volatility count too
    strange = sum(not one.why for one in idle.values())
    session = liveness.Session("2025-06-04", "SIMM5", "mbo", 2, n, len(there), idle)
    text = list(liveness.to_text(liveness.Liveness(n, families, session)))
    [line] = [line for line in text if "columns are" in line]
    share = len(idle) / len(there)
    assert line == (
        f"{len(idle)} of {len(there)} columns are constant or duplicates ({share:.1%}), {strange} without a reason: "
        f"SIMM5 on 2025-06-04 from mbo, {n} moments about 2 arrivals"
    )
    [sound] = [line for line in text if line.startswith("  0 while the feed is sound: ")]
    assert "meta_late_cnt_sum" in sound and max(map(len, text[text.index(sound) :])) <= 80
    assert any(line.startswith("  state_obi10_eob, the same as state_obi0_eob: ") for line in text)
    words = [word.rstrip(",:") for line in text[2 + len(families) :] for word in line.split()]
    assert {name.removeprefix("bar5s_") for name in idle} <= set(words)
    assert liveness.families(rows.clear()) == []


def test_what_is_held_against_the_past_is_unknown_without_one():
    """No profile: neither thin nor full, neither much nor little."""
    from warehouse import reasons

    asked = {name for name in load() if reasons._trait(name).past and load()[name].family != "meta"}
    found = []
    for usual in (50.0, None):
        tables = scene(BELOW, WALL, bars=2, usual=usual, mid_var=None)
        made = plan.at_setups(at(2), {name: table.collect().lazy() for name, table in tables.items()}, asked)
        found.append({name for name in asked if made[name].item() is not None})
    assert found[1] == set()
    assert len(asked) > 200 and {"bar5s_lvl_opp_far_t2_4_void_eob", "bar5s_cube_x_rest_eob_p1"} <= found[0]


def test_a_void_over_the_bar():
    """10, 60 and 60 at 2 to 4 where 50 is usual; 2 is seen throughout, 3 half of the time and thin then."""
    acts = {
        ("A", 2): {"qty_twa": 5.0},
        ("A", 3): {"qty_twa": 12.0, "seen_frac": 0.5},
        ("A", 4): {"qty_twa": 60.0},
    }
    tables = scene(BIDS, full({2: 10, 3: 60, 4: 60}, 16), acts=acts)
    found = setup(tables)
    assert found["lvl_opp_far_t2_4_void_eob"] == pytest.approx(1 / 3)
    assert found["lvl_opp_far_t2_4_void_twa"] == (1 + 0.5) / 2.5


def test_size_and_flow_beyond_ten_levels():
    """The best ask is at 1: 12 and 19 ticks on lie at 13 and 20, 20 and 39 at 21 and 40, 40 at 41."""
    asks = {1: 10, 13: 40, 20: 5, 21: 100, 40: 7, 41: 9}
    acts = {
        ("A", 13): {"add": 30, "pull": 10, "fill": 5, "n_add": 3, "n_pull": 2, "n_modify": 4, "qty_twa": 64}
    }
    tables = scene({-1: 30, -13: 15}, asks, bars=3, acts=acts)
    whole = 10 + 40 + 5 + 100 + 7 + 9
    assert bar("depth_above_p3_5_qty_eob", tables)[0] == 45.0 == 107.0 - 62.0
    assert bar("depth_above_p5_10_qty_eob", tables)[0] == 107.0
    assert bar("depth_above_p3_5_frac_eob", tables)[0] == 45 / whole
    assert bar("depth_above_p3_5_qty_twa", tables)[0] == 64.0
    assert bar("state_cdi_p3_5_eob", tables)[0] == (15 - 45) / 60
    assert bar("flow_net_vol_ask_p3_5_sum", tables)[0] == 30 - 10 - 5
    assert bar("flow_net_volnorm_ask_p3_5_sum", tables)[0] == 15 / (64 + 50)
    assert bar("flow_pabal_ask_p3_5_sum", tables)[0] == (10 - 30) / (40 + 20)
    assert bar("flow_cnt_cancel_ask_p3_5_sum", tables)[0] == 2.0
    assert bar("flow_cnt_modify_ask_p3_5_sum", tables)[0] == 4.0
    assert bar("cumul_flow_net_ask_p3_5", tables) == [15.0, 30.0, 45.0]
    assert bar("cumul_flow_net_ask_p3_5_rate", tables) == [15.0] * 3
    # On the bid nothing is seen so far out: unknown, not empty.
    assert bar("depth_below_p5_10_qty_eob", tables) == [None] * 3
    assert bar("flow_net_vol_bid_p5_10_sum", tables) == [None] * 3
    assert bar("state_cdi_p5_10_eob", tables) == [None] * 3
    seen = scene({-1: 30, -21: 0}, asks)
    assert bar("depth_below_p5_10_qty_eob", seen) == [0.0] and bar("state_cdi_p5_10_eob", seen) == [-1.0]


def test_a_look_back_that_is_cut_short_says_so():
    found = [setup(scene(BIDS, ASKS, bars=n), n)["setup_is_truncated_lookback"] for n in (239, 240)]
    assert found == [1.0, 0.0]
    reset = scene(BIDS, ASKS, bars=250, meta_reset=[k == 100 for k in range(250)])
    assert setup(reset, 250)["setup_is_truncated_lookback"] == 1.0
    # What is summed up is so over the bars that there are, from six on.
    x = [setup(scene(BIDS, ASKS, bars=n), n)["setup_obi0_mean"] for n in (5, 6)]
    assert x == [None, pytest.approx(0.5)]


def test_adds_against_removals_and_the_usual_of_both():
    """44 added, 4 pulled and 8 filled, where 64 of each are usual: twice as many added as removed."""
    flow = {"add_bid_p0_1": 44, "pull_bid_p0_1": 4, "fill_bid_p1_2": 8}
    assert bar("rvol_flow_net_bid_ratio", scene(BIDS, ASKS, **flow)) == [pytest.approx(log(64 / 32))]
    assert bar("rvol_flow_net_bid_ratio", scene(BIDS, ASKS, usual=None, **flow)) == [None]


def test_a_line_through_the_distance():
    """Price rises by a tick a bar, and stands still in the last one: -3 .. 3 against 0..5, 5 ticks."""
    steps = [0, 1, 2, 3, 4, 5, 5]
    up = {
        f"{side}_px_00": [LEVEL - 2 + 0.25 * k + away for k in steps]
        for side, away in (("bid", -0.125), ("ask", 0.125))
    }
    tables = scene(BIDS, ASKS, bars=7, bid_sz_00=10, ask_sz_00=10, **up)
    slope = sum((k - 3) * each for k, each in enumerate(steps)) / 28
    assert bar("deriv_dist_ls1_w3", tables) == [*[None] * 6, pytest.approx(0.25 * slope)]
    found = setup(tables, 7)
    assert found["deriv_x_ls1_w3"] == pytest.approx(0.25 * slope)
    assert found["deriv_x_ls1_w1"] == pytest.approx(0.25 * (5 - 4) / 2)


def test_paths_and_pulls_of_a_window():
    """Asks of 60 at 2 and at 6 for two bars, then at 6 alone: their centre goes 4, 4, 6."""
    acts = {("A", 6): {"pull": 30, "add": 10}}
    tables = scene(
        full({-1: 30}, -16), full({1: 0, 2: 60, 6: 60}, 16), bars=3, acts=acts, obi0_twa=[0.5, 0.25, 0.0]
    )
    last = (pl.col("bar_ts") == START + 2 * BAR_NS) & (pl.col("price") == LEVEL + 0.5)
    tables["ladder"] = tables["ladder"].with_columns(qty=pl.when(last).then(0).otherwise("qty"))
    found = setup(tables, 3)
    assert found["lvl_opp_far_com_ticks_eob"] == 6.0
    assert found["lvl_opp_far_com_path_w3"] == pytest.approx((6 - 4) / 2 * 3)
    assert found["lvl_opp_far_wall_path_w3"] == pytest.approx(0.0)  # 60 at 6 is the largest throughout
    assert found["lvl_pull_far_w3"] == pytest.approx((90 - 30) / (120 + 20 * sqrt(3)))
    assert found["state_x_obi0_mean_w3"] == 0.25
    assert setup(tables, 3, "DOWN")["state_x_obi0_mean_w3"] == -0.25


def test_rest_over_a_window_averages_before_it_divides():
    """300 on average at the point ahead, where four ticks of usually 50 lie."""
    tables = scene(full({-1: 5}, -16), full({1: 5}, 16), bars=3, acts={("A", 4): {"qty_twa": 300}})
    found = setup(tables, 3)
    assert found["cube_x_rest_twa_w3_p1"] == pytest.approx(-900 / (900 + 600 + 150))
    assert found["cube_x_rest_twa_w12_p1"] is None


def test_whose_orders_a_wall_is_made_of_and_where_they_move():
    """600 lots of 3 orders at 6 among 940 lots of 43; bids beyond the level are moved away."""
    acts = {("A", 6): {"orders": 3}, ("A", 5): {"orders": 30}, ("A", 1): {"orders": 10}}
    found = setup(scene(full({-2: 20}, -16), full({1: 40, 5: 300, 6: 600}, 16), acts=acts))
    assert found["lvl_opp_far_wall_order_lr_eob"] == pytest.approx(log((600 / 3) / (940 / 43)))
    assert found["lvl_sup_near_wall_order_lr_eob"] is None  # no count is told
    moved = {("B", 3): {"reprice_away": 30, "reprice_toward": 10}}
    beyond = setup(scene({4: 10, **full({3: 20}, -16)}, full({5: 5}, 16), acts=moved))
    assert beyond["lvl_sup_far_repricebal_sum"] == (30 - 10) / (40 + 20)
    # 20 at 3 and 10 at 4 were 20 and 20 before owners pulled ten from 4.
    moved = {("B", 4): {"pull": 10}}
    drawn = setup(scene({4: 10, **full({3: 20}, -16)}, full({5: 5}, 16), acts=moved))
    assert drawn["lvl_sup_far_com_shift_sum"] == pytest.approx(100 / 30 - 140 / 40)
    assert beyond["lvl_sup_far_com_ticks_eob"] == pytest.approx((4 * 10 + 3 * 20) / 30)


def test_the_unexplained_retreat_is_smoothed_from_the_bar_that_has_a_bar_before_it():
    bids, asks = full({-1: 10, -3: 0}, -8), full({1: 10}, 8)
    tables = scene(bids, asks, bars=4, last={("B", -1): {"pull": 60}})
    found = setup(tables, 4)
    quiet, loud = -0.125, 0.5 * 60 / 80 - 0.125  # usually 0.125 while mid stands still
    assert found["lvl_retreat_near_res_sum"] == pytest.approx(loud)
    assert found["lvl_retreat_near_res_sum_ewm3"] == pytest.approx((loud + quiet / 2 + quiet / 4) / 1.75)


def test_the_volume_of_the_running_candle():
    """Two bars of a lot each since the last one closed, where 64 are usual."""
    tables = scene(BIDS, ASKS, bars=50, buy_vol=[1] * 50)
    found = setup(tables, 50)
    assert (found["c2_vol_0"], found["c2_usual_vol_0"]) == (2.0, 128.0)
    assert found["c2_vol_lr_0"] == pytest.approx(log((2 + 20 * sqrt(2)) / (128 + 20 * sqrt(2))))
    assert setup({**tables, "book": tables["book"].head(48)}, 48)["c2_vol_lr_0"] is None
    assert setup(scene(BIDS, ASKS, bars=50, usual=None), 50)["c2_vol_lr_0"] is None


def test_mid_is_half_way():
    assert bar("midprice_eob", scene({-2: 30}, {3: 10})) == [LEVEL + 0.125]
    assert bar("midprice_eob", scene({}, {3: 10})) == [None]


def test_every_family_has_an_example():
    """This file names a feature of each."""
    words = set(re.findall(r"\w+", Path(__file__).read_text(encoding="utf-8")))
    named = {one.family for name, one in load().items() if name.removeprefix("bar5s_") in words}
    assert set(load().families()) - named == set()
