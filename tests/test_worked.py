"""One example a family, worked out on paper; the level is 6800, prices are in ticks from it."""

from math import exp, log, sqrt, tanh

import polars as pl
import pytest
from scene import LEVEL, at, scene

from warehouse import plan
from warehouse.catalog import load
from warehouse.schema import BAR_NS

BIDS = {-1: 30, -2: 20, -3: 50}
ASKS = {1: 10, 2: 40, 3: 50}


def bar(name, tables, family=None):
    """A feature's values by bar."""
    column = name if name.startswith("sigma") else "bar5s_" + name
    return plan.family(family or load()[column].family, tables).collect()[column].to_list()


def setup(tables, bars=1, direction="UP", sigma=1.5):
    """Every feature of a setup in the last bar, by name without prefix."""
    [row] = plan.at_setups(at(bars, direction, sigma), tables).to_dicts()
    return {name.removeprefix("bar5s_"): value for name, value in row.items()}


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
    assert bar("trade_vol_rel_sum", tables) == [pytest.approx(log(30 / 60))]


def test_running_sums_forget_after_240_bars():
    added = [100] + [1] * 240
    tables = scene(BIDS, ASKS, bars=241, add_bid_p0_1=added, pull_bid_p2_3=1, buy_vol=2)
    assert bar("cumul_flow_net_bid", tables)[:2] == [99.0, 99.0]
    assert bar("cumul_flow_net_bid", tables)[-2:] == [99.0, 0.0]
    assert bar("cumul_signed_trade_vol", tables)[-2:] == [480.0, 480.0]
    assert bar("cumul_flow_bal_bid", tables)[0] == pytest.approx(99 / (101 + 20))
    assert bar("cumul_flow_bal_bid", tables)[239] == pytest.approx(99 / (100 + 239 + 240 + 20 * sqrt(240)))


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
    assert bar("lvl_depth_above_share_eob", tables) == [50 / 120]
    assert bar("lvl_depth_imbal_eob", tables) == [0.0]
    assert bar("lvl_depth_above_qty_eob", scene({-9: 5}, {-8: 5, -7: 5})) == [None]


def test_toward_is_the_side_between_price_and_level():
    flow = {"add_ask_p0_1": 9, "pull_ask_p1_2": 2, "fill_ask_p2_3": 4, "add_bid_p0_1": 5}
    below, above = scene({-3: 5}, {-2: 5, 1: 5}, **flow), scene({2: 5, -1: 5}, {3: 5}, **flow)
    assert (bar("lvl_flow_toward_net_sum", below), bar("lvl_flow_away_net_sum", below)) == ([3.0], [5.0])
    assert (bar("lvl_flow_toward_net_sum", above), bar("lvl_flow_away_net_sum", above)) == ([5.0], [3.0])
    assert bar("lvl_flow_toward_bal_sum", below) == [(9 - 2 - 4) / (9 + 2 + 4 + 20)]
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
