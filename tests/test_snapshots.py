"""Snapshots, sequences and states: hand-made tapes worked out on paper, laws, and a built root held to itself.

The setup is that of `test_outcomes`: an arrival from below at 6000, T0 = 10:00:05, x0 = -1, sigma_60 = 2, so that the
barriers stand at 2.625, 3.625 and 5.125 points for 2, 4 and 8 minutes.
"""

import frames
import numpy as np
import polars as pl
import pytest
from moment_tape import DAY, RESET, alive, book, followed, ns, quotes, utc
from test_outcomes import setup, wander

from warehouse import barrier, plan, races, sequences, snapshots, states, store
from warehouse.barrier import Calibration
from warehouse.catalog import load
from warehouse.schema import LEVEL_KINDS, LEVELS, NS, SEQUENCE_BARS, SNAPSHOTS, TAUS_S

#        -60: 5997, x = -3          0 and 30: 5999, x = -1          60: 6002.5          120: 6003          240: 6004
PATH = [("09:59:00", 5997.0), ("10:00:02", 5999.0), ("10:00:40", 6002.5), ("10:01:30", 6003.0), ("10:03:00", 6004.0)]  # fmt: skip


def mirrored(path):
    return [(time, mid if isinstance(mid, str) else 12000.0 - mid) for time, mid in path]


def level(*values, kind="PM_HIGH", level_id="L", placebo=False):
    """silver.levels of one level from (price, known)."""
    rows = [(level_id, kind, price, ns(known), ns("17:00:00"), placebo) for price, known in values]
    raw = {column.name: pl.Int64() if column.dtype == NS else column.dtype for column in LEVELS.columns}
    return pl.DataFrame(rows, raw, orient="row").cast(LEVELS.schema)


def shot(path=PATH, *, end="10:30:00", direction="UP", later_sigma=2.0, known="09:30:00", at=setup):
    """The races of one setup; `later_sigma` is expected from T0 on."""
    frozen = at(direction=direction).with_columns(level_id=pl.lit("L"))
    bars = alive(book(path, end))
    sigma = pl.when(pl.col("bar_ts") < utc("10:00:05")).then(2.0).otherwise(later_sigma)
    tables = {
        "book": bars,
        "levels": level((6000.0, known)).lazy(),
        "volatility": bars.select("bar_ts", sigma_60=sigma, sigma_ratio=pl.lit(1.0)),
    }
    outcomes = followed(frozen, path, end, calibrated={240: Calibration(0.8, 0.0)})
    return snapshots.raced(frozen, outcomes, races.mids(quotes(path)), tables, DAY, tick=0.25)


def column(table, name):
    return table[name].to_list()


def test_where_price_stood_and_in_which_phase():
    # The first bar is 09:59:00, so earlier moments do not exist. Price is 30 s beyond 6002 at the end of 10:01:10: the
    # bar 10:00:40 carries 5999 in, the six from 10:00:45 to 10:01:10 do not. So 60 s (10:01:05) is still ZONE.
    table = shot()
    assert table.schema == pl.Schema(SNAPSHOTS.schema)
    assert column(table, "tau_s") == [-60, 0, 30, 60, 120, 240]
    assert column(table, "phase") == ["APPROACH", "ZONE", "ZONE", "ZONE", "AFTER", "AFTER"]
    assert column(table, "x") == [-3.0, -1.0, -1.0, 2.5, 3.0, 4.0]
    assert column(table, "known_ts")[0] == utc("09:59:05")
    # eight minutes after T0, 10:08:05, and after the moment where that is later
    assert column(table, "resolved_ts") == [utc("10:08:05")] * 2 + [
        utc(f"10:{m}") for m in ("08:35", "09:05", "10:05", "12:05")
    ]


def test_a_band_left_for_less_than_half_a_minute_is_not_left():
    back = [*PATH[:3], ("10:01:14", 6001.5), ("10:01:15", 6002.5)]
    assert column(shot(back), "phase") == [
        "APPROACH",
        *["ZONE"] * 3,
        "AFTER",
        "AFTER",
    ]  # six bars from 10:01:20
    dips = [*back, ("10:01:44", 6001.5), ("10:01:45", 6002.5), ("10:02:04", 6000.0)]
    assert column(shot(dips), "phase") == ["APPROACH", *["ZONE"] * 5]


def test_the_race_from_each_moment():
    # b = 3.625 at 4 minutes: price reaches 6004 at 10:03:00. From T0 (10:00:05) that is a BREAK within 4 minutes, from 30,
    # 60 and 120 s too; at 240 s (10:04:05) x = 4 lies beyond, BORN. 2 minutes, b = 2.625: from T0 6003 at 10:01:30 breaks,
    # from 30 and 60 s too; at 120 s x = 3, BORN. 8 minutes, b = 5.125: never, CHOP throughout.
    table = shot()
    assert column(table, "barrier_pts_4m") == [3.625] * 6
    assert column(table, "outcome_2m") == ["BREAK", "BREAK", "BREAK", "BREAK", "BORN", "BORN"]
    assert column(table, "outcome_4m") == ["BREAK", "BREAK", "BREAK", "BREAK", "BREAK", "BORN"]
    assert column(table, "outcome_8m") == ["CHOP"] * 6
    # best x is 4: less -1, -1, -1, 2.5, 3 and 4; before T0 it is the setup's own, from x0 = -1
    assert column(table, "mfe_pts_8m") == [5.0, 5.0, 5.0, 1.5, 1.0, 0.0]


def test_the_odds_are_of_the_start_and_of_the_sigma_there():
    # barriers as at T0 (sigma 2); the odds with sigma 3 of the later moment, so sigma_240 = 6, times g = 0.8 given
    table = shot(later_sigma=3.0)
    assert column(table, "barrier_pts_4m") == [3.625] * 6
    one = np.ones(1)
    for tau, x, sigma in ((-60, -1.0, 4.0), (0, -1.0, 4.0), (30, -1.0, 6.0), (60, 2.5, 6.0)):
        row = table.row(by_predicate=pl.col("tau_s") == tau, named=True)
        for null, g in (("null", 1.0), ("cal", 0.8)):
            odds = barrier.geometric(x * one, 3.625 * one, g * sigma * one)
            assert [row[f"{null}_{end}_4m"] for end in ("break", "reject", "chop")] == [
                float(p[0]) for p in odds
            ]
    assert column(table, "cal_break_4m")[-1] is None


def test_a_moment_at_which_the_level_was_not_known_says_so():
    assert column(shot(known="09:59:30"), "level_known") == [False, *[True] * 5]
    assert column(shot(known="09:59:05"), "level_known") == [True] * 6  # known at that very instant


def test_what_ends_the_tape_censors_a_race_that_is_open():
    # data to 10:02:10: the moments up to 120 s exist; from 120 s 2 minutes are BORN (x = 3), 4 and 8 are cut
    table = shot(PATH[:4], end="10:02:10")
    assert column(table, "tau_s") == [-60, 0, 30, 60, 120]
    assert column(table, "outcome_4m") == ["CENSORED"] * 5
    assert column(table, "outcome_2m") == ["BREAK", "BREAK", "BREAK", "BREAK", "BORN"]


def test_a_moment_without_two_sides_starts_no_race():
    path = [*PATH[:3], ("10:01:00", RESET), ("10:01:20", 6003.0)]
    row = shot(path).row(by_predicate=pl.col("tau_s") == 60, named=True)
    assert [row[name] for name in ("x", "outcome_4m", "cal_break_4m", "mfe_pts_8m")] == [None] * 4
    later = shot(path).row(by_predicate=pl.col("tau_s") == 120, named=True)
    assert (later["x"], later["outcome_4m"]) == (3.0, "CHOP")  # it began after the reset


def test_no_setups_no_snapshots():
    assert shot(at=lambda **_: setup().clear()).is_empty()


@pytest.mark.parametrize("seed", range(3))
def test_the_mirror_and_a_cut_change_nothing(seed):
    path = [("09:54:00", 5990.0), *PATH[:2], *wander(seed)]
    table = shot(path)
    assert column(table, "tau_s") == list(TAUS_S)
    assert shot(mirrored(path), direction="DOWN").equals(table)
    for cut in ("10:08:05", "10:09:10", "10:12:05"):
        short = shot([row for row in path if row[0] < cut], end=cut)
        known = pl.col("resolved_ts") <= utc(cut)
        assert short.filter(known).equals(table.filter(known))
        assert short.filter(known).height in {6, 8, 10}
    # a moment later than T0 is the race of a setup frozen there
    for tau, clock in ((30, "10:00:35"), (240, "10:04:05")):
        row = table.row(by_predicate=pl.col("tau_s") == tau, named=True)
        again = followed(setup(x0=row["x"], t0=clock), path, "10:30:00").filter(
            pl.col("scheme") == "level_c09"
        )
        assert [row[f"outcome_{m}m"] for m in (2, 4, 8)] == again["outcome"].to_list()


# --- the state of a level each half minute --------------------------------------------------------------------------


def machine(path, levels, end="10:10:00", setups=None):
    bars = alive(book(path, end))
    held = quotes(path).select("ts", bid_px_00="bid_px", ask_px_00="ask_px").collect().sort("ts")
    stamps = bars.collect().with_columns(now=(pl.col("bar_ts") + pl.duration(seconds=5)).cast(NS)).sort("now")
    full = stamps.join_asof(held, left_on="now", right_on="ts", allow_exact_matches=False).lazy()
    tables = {
        "levels": levels.lazy(), "book": full, "volatility": bars.select("bar_ts", sigma_60=pl.lit(2.0)),
    }  # fmt: skip
    none = setup().with_columns(level_id=pl.lit("L"), is_placebo=pl.lit(value=False))
    return states.machines(none.clear() if setups is None else none, tables, DAY)


# From 09:58:00 at 5997, three points below 6000; in the band from 10:00:02; 6003 from 10:01:40 on, above the re-arm band.
WAY = [("09:58:00", 5997.0), ("10:00:02", 5999.0), ("10:01:40", 6003.0)]


def test_states_of_the_machine_each_half_minute():
    # Known at 09:59:00. 30 s beyond the band are over at 09:58:30, so from the first row on it is OUT from below; the touch
    # in the bar that ends at 10:00:05 puts it in the ZONE, still UP. The bar 10:01:40 carries 5999 in, so the six bars
    # beyond it end at 10:02:15, and from the next half minute on price is OUT above: DOWN.
    table = machine(WAY, level((6000.0, "09:59:00")), "10:03:00")
    ends = [f"{h:%H:%M:%S}" for h in table["bar_ts"].dt.offset_by("5s").dt.offset_by("-4h")]
    assert ends == ["09:59:00", "09:59:30", "10:00:00", "10:00:30", "10:01:00", "10:01:30", "10:02:00", "10:02:30", "10:03:00"]  # fmt: skip
    assert column(table, "state") == [*["OUT"] * 3, *["ZONE"] * 4, *["OUT"] * 2]
    assert column(table, "direction") == [*["UP"] * 7, *["DOWN"] * 2]
    assert column(table, "dist_pts") == [*[-3.0] * 3, *[-1.0] * 3, *[3.0] * 3]
    assert column(table, "dist_sig") == [*[-1.5] * 3, *[-0.5] * 3, *[1.5] * 3]


def test_states_count_touches_and_time_since():
    # the setup was frozen at 10:00:05; the row that ends then does not exist, the next is 25 s later
    table = machine(WAY, level((6000.0, "09:59:00")), "10:01:00", setups=True)
    assert column(table, "touches") == [0, 0, 0, 1, 1]
    assert column(table, "since_touch_s") == [None, None, None, 25.0, 55.0]
    # another kind on the same tick was touched too, a placebo there and a level elsewhere were not
    for other, touches in (
        (level((6000.0, "09:59:00"), level_id="M"), 1),
        (level((6000.0, "09:59:00"), level_id="M", placebo=True), 0),
        (level((6001.0, "09:59:00"), level_id="M"), 0),
    ):
        assert column(machine(WAY, other, "10:01:00", setups=True), "touches")[-1] == touches


def test_a_value_known_later_takes_no_touch_that_came_before_it():
    # 6000 was touched at 10:00:05 under another name; the running high stood at 5990 then and is 6000 from 10:01:00 on
    moving = level((5990.0, "09:59:00"), (6000.0, "10:01:00"), kind="SESSION_HIGH", level_id="M")
    table = machine(WAY, moving, "10:01:30", setups=True)
    assert column(table, "level_price") == [*[5990.0] * 4, *[6000.0] * 2]
    assert column(table, "touches") == [0] * 6
    late = machine(WAY, level((6000.0, "10:00:30"), level_id="M"), "10:01:30", setups=True)
    assert column(late, "touches") == [0] * 3
    # known at that very instant is early enough
    early = machine(
        WAY, level((5990.0, "09:59:00"), (6000.0, "10:00:05"), level_id="M"), "10:00:30", setups=True
    )
    assert column(early, "touches")[-1] == 1


def test_states_before_price_left_and_after_a_reset_are_unknown():
    inside = [("09:58:00", 6000.5), ("10:02:00", RESET), ("10:02:01", 5990.0)]
    table = machine(inside, level((6000.0, "09:59:00")), "10:03:00")
    assert column(table, "state") == [*[None] * 7, None, "OUT"]  # the bar of the reset, then 30 s below
    assert column(table, "direction")[-1] == "UP"
    way = [*WAY[:2], ("10:01:00", RESET), ("10:01:01", 5999.5)]
    assert column(machine(way, level((6000.0, "09:59:00")), "10:02:00"), "state")[-2:] == [None, None]


def test_a_moving_level_has_its_value_of_the_bar():
    moving = level((6000.0, "09:59:00"), (6004.0, "10:01:00"), kind="SMA_90")
    table = machine(WAY, moving, "10:02:00")
    # at 10:01:00 the new value is known; 5999 lies five points below it, at the end of the sixth bar it is OUT again
    assert column(table, "level_price") == [*[6000.0] * 4, *[6004.0] * 3]
    assert column(table, "state") == [*["OUT"] * 3, "ZONE", "OUT", "OUT", "ZONE"]


def test_states_mirror_and_are_not_changed_by_what_comes_later():
    path = [("09:58:00", 5990.0), *WAY[1:2], *wander(1)]
    levels = level((6000.0, "09:59:00"))
    table = machine(path, levels)
    back = machine(mirrored(path), levels)
    turned = table.with_columns(
        direction=pl.col("direction").replace({"UP": "DOWN", "DOWN": "UP"}),
        dist_pts=0.0 - pl.col("dist_pts"),
        dist_sig=0.0 - pl.col("dist_sig"),
    )
    assert back.equals(turned)
    for cut in ("10:00:35", "10:03:00", "10:05:05"):
        short = machine([row for row in path if row[0] < cut], levels, cut)
        assert short.equals(table.filter(pl.col("bar_ts").dt.offset_by("5s") <= utc(cut)))


# --- sequences ------------------------------------------------------------------------------------------------------


def test_a_sequence_has_every_step_and_null_where_no_bar_exists():
    # the first bar is number 0, so of the setup in bar 100 the steps from -239 to -101 do not exist
    tables, found = frames.tables(), frames.triggers((6000.0, 100, "UP"), (6001.5, 250, "DOWN"))
    grid = sequences.sequences(found, tables)
    assert grid["step"].to_list() == [*range(1 - SEQUENCE_BARS, 1)] * 2
    early = grid.head(SEQUENCE_BARS)
    assert early["x"].null_count() == 139
    assert early.head(139).select(load().sequence).null_count().sum_horizontal().item() == 139 * 15
    book = tables["book"].collect()
    for row, bar, sign, level_px in (
        (SEQUENCE_BARS - 1, 100, 1, 6000.0),
        (-1, 250, -1, 6001.5),
        (-11, 240, -1, 6001.5),
    ):
        assert grid["bar_ts"][row] == book["bar_ts"][bar]
        mid = (book["bid_px_00"][bar] + book["ask_px_00"][bar]) / 2
        assert grid["x"][row] == sign * (mid - level_px)
    at_trigger = plan.at_setups(found, tables, load().sequence).select(
        pl.col(load().sequence).cast(pl.Float32)
    )
    assert grid.filter(pl.col("step") == 0).select(load().sequence).equals(at_trigger)
    # the cube of the last 36 bars, nine points by four quantities, and of none before them
    cube = load().approach
    assert len(cube) == 36
    closest = grid.filter(pl.col("step") > -36).select(cube)
    assert (
        grid.filter(pl.col("step") <= -36).select(cube).null_count().sum_horizontal().item() == 36 * 2 * 204
    )
    at_trigger = plan.at_setups(found, tables, cube).select(pl.col(cube).cast(pl.Float32))
    assert grid.filter(pl.col("step") == 0).select(cube).equals(at_trigger)
    bars_before = found.with_columns(
        trigger_ts=pl.col("trigger_ts") - pl.duration(nanoseconds=35 * 5 * 10**9)
    )
    first = plan.at_setups(bars_before, tables, cube).select(pl.col(cube).cast(pl.Float32))
    assert closest.gather_every(36).equals(first)
    # bars after the trigger change nothing
    short = {
        name: t.filter(pl.col("bar_ts") <= book["bar_ts"][100]) if name in {"book", "ladder"} else t
        for name, t in tables.items()
    }
    assert sequences.sequences(found.head(1), short).equals(early)
    assert sequences.sequences(found.clear(), tables).is_empty()


# --- a built root --------------------------------------------------------------------------------------------------


def gold(root, table):
    return pl.read_parquet(store.partition(root, f"gold.{table}", symbol="SIMU5", date="2025-06-26").path)


def test_the_moment_of_the_trigger_is_the_setup(tiny_built):
    setups, found = gold(tiny_built, "setups"), gold(tiny_built, "snapshots").filter(pl.col("tau_s") == 0)
    assert found.height == setups.height > 5
    setups = setups.sort("setup_id")
    for name in snapshots.slots():
        assert found[name].equals(setups[name]), name
    assert found["x"].equals(setups["x0"])
    assert found.select("sigma_60", "known_ts", "resolved_ts").equals(
        setups.select("sigma_60", "known_ts", "resolved_ts")
    )
    outcomes = gold(tiny_built, "outcomes").filter(
        pl.col("scheme") == "level_c09", pl.col("horizon_s") == 240
    )
    assert found["outcome_4m"].equals(outcomes["outcome"])
    assert found["cal_chop_4m"].equals(outcomes["cal_chop"])
    assert found["phase"].unique().to_list() == ["ZONE"]
    assert set(gold(tiny_built, "snapshots")["phase"]) == {"APPROACH", "ZONE", "AFTER"}


def test_the_last_step_of_a_sequence_is_the_setup(tiny_built):
    setups, found = gold(tiny_built, "setups").sort("setup_id"), gold(tiny_built, "sequences")
    assert found.height == SEQUENCE_BARS * setups.height
    last = found.filter(pl.col("step") == 0).sort("setup_id")
    assert last["x"].equals(setups["x0"])
    assert last["bar_ts"].equals(setups["trigger_ts"])
    names = load().sequence
    assert len(names) == 15
    assert last.select(names).equals(setups.select(pl.col(names).cast(pl.Float32)))
    # a snapshot before the trigger is the step of its bar
    before = gold(tiny_built, "snapshots").filter(pl.col("tau_s") == -60)
    step = found.filter(pl.col("step") == -12).join(before, on="setup_id", suffix="_then")
    assert step.height > 5
    shared = [name for name in names if name in snapshots.slots()]
    assert len(shared) == 13
    for name in shared:
        assert step[name].equals(step[f"{name}_then"].cast(pl.Float32)), name
    assert step["x"].equals(step["x_then"])


def test_states_hold_what_the_families_hold(tiny_built):
    found = gold(tiny_built, "level_states").filter(pl.col("direction").is_not_null())
    lvl = pl.read_parquet(
        store.partition(tiny_built, "silver.lvl", symbol="SIMU5", date="2025-06-26").path,
        columns=["level_id", "bar_ts", "bar5s_lvl_ask_above_retreat_sum", "bar5s_lvl_bid_below_retreat_sum"],
    )
    stored = found.filter(pl.col("level_id").is_in(lvl["level_id"].unique().to_list()))
    both = stored.join(lvl, on=["level_id", "bar_ts"], validate="1:1")
    assert both.height == stored.height > 100
    up = pl.col("direction") == "UP"
    above, below = pl.col("bar5s_lvl_ask_above_retreat_sum"), pl.col("bar5s_lvl_bid_below_retreat_sum")
    want = both.select(
        far=pl.when(up).then(above).otherwise(below), near=pl.when(up).then(below).otherwise(above)
    )
    for axis in ("far", "near"):
        held = both[f"bar5s_lvl_retreat_{axis}_sum"]
        assert held.null_count() < both.height
        assert held.equals(want[axis].cast(pl.Float32))
    assert set(gold(tiny_built, "level_states")["level_id"].str.split("/").list.get(2)) <= set(LEVEL_KINDS)


def test_setups_touch_in_the_state_that_they_were_made_from(tiny_built):
    """Where a row ends with the trigger bar, the machine is in the ZONE and came from the setup's side."""
    setups = gold(tiny_built, "setups").select("level_id", "direction", bar_ts="trigger_ts")
    at_once = gold(tiny_built, "level_states").join(setups, on=["level_id", "bar_ts"], suffix="_then")
    assert at_once.height > 0
    assert (at_once["state"] == "ZONE").all()
    assert at_once["direction"].equals(at_once["direction_then"])
    assert (at_once["since_touch_s"] == 0).all()
