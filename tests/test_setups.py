"""Arrivals: each rule of the state machine on a tape worked out on paper, then a slow machine beside it.

Unless a test says otherwise the level is CUSTOM 6000, known at 09:30, its machine running from 09:00. Touch band:
5999 to 6001, closed. Re-arm band: below 5998 or above 6002, open, for 30 s.
"""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from moment_tape import (
    DAY,
    EMPTY,
    NO_PRICES,
    NO_TRADES,
    RESET,
    SECOND,
    arrivals,
    book,
    custom,
    ns,
    quotes,
    sigma,
    trades,
    utc,
)  # fmt: skip

from warehouse import moments, races
from warehouse.schema import BAR_NS, LEVEL_KINDS, SETUPS
from warehouse.session import Window

LEVEL = moments.levels(NO_TRADES, custom((6000.0, None)), "ESU5", DAY)


def found(path, levels=LEVEL, end="12:45:00", **options):
    """Arrivals as (trigger time, direction, x0)."""
    setups = arrivals(path, end, levels, **options).sort("trigger_ts")
    shown = pl.col("trigger_ts").dt.offset_by("-4h").dt.strftime("%H:%M:%S")  # EDT
    return setups.select(shown, "direction", "x0").rows()


def test_the_frozen_moment_in_full():
    # 3 points below since 09:00; at 09:40:01 to 5999.25, inside the band; at 09:40:05, the bar's end,
    # to 5999.75: an event at T0 itself is no part of the frozen moment.
    path = [("09:00:00", 5997.0), ("09:40:01", 5999.25), ("09:40:05", 5999.75)]
    row = arrivals(path, "09:50:00", LEVEL, sigma_60=1.5).row(0, named=True)
    assert row == {
        "setup_id": "ESU5/2025-06-12/CUSTOM/6000/2025-06-12T13:40:00Z",
        "level_id": "ESU5/2025-06-12/CUSTOM/6000",
        "level_kind": "CUSTOM",
        "level_kinds": ["CUSTOM"],
        "level_price": 6000.0,
        "is_placebo": False,
        "direction": "UP",
        "trigger_ts": utc("09:40:00"),
        "known_ts": utc("09:40:05"),
        "resolved_ts": utc("09:48:05"),
        "x0": -0.75,
        "p_ref": 5999.25,
        "sigma_60": 1.5,
        "sigma_warmup": False,
        "sigma_ratio": 1.0,
        "touch_index": 1,
        "gap_entry": False,
        "uses_pre_known_level": True,
        "maybe_back_month": False,
        "doubtful": False,
        "source": "mbp-10",
        "touch_role": "FIRST",
        "last_outcome": None,
        "since_touch_s": None,
        "since_break_s": None,
        "since_open_min": pytest.approx(10 + 5 / 60),
        "cluster_id": "ESU5/2025-06-12/CUSTOM/6000/2025-06-12T13:40:00Z",
        **{f"level_stack_{side}_{n}t": 0 for side in ("ahead", "behind") for n in (4, 8, 16, 40)},
        **{f"dist_{kind}_sig": None for kind in LEVEL_KINDS if kind != "CUSTOM"},
    }


def test_the_table_is_as_declared_also_when_empty():
    assert arrivals([("09:00:00", 5990.0)], "09:50:00", LEVEL).schema == pl.Schema(SETUPS.schema)


@pytest.mark.parametrize(("mid", "count"), [(5998.875, 0), (5999.0, 1), (6001.0, 1)])
def test_the_touch_band_is_closed(mid, count):
    assert len(found([("09:00:00", 5997.0), ("09:40:01", mid)])) == count


@pytest.mark.parametrize(("mid", "count"), [(5998.0, 0), (5997.875, 1)])
def test_the_rearm_band_is_open(mid, count):
    assert len(found([("09:00:00", mid), ("09:40:01", 6000.0)])) == count


@pytest.mark.parametrize(
    ("leaves", "returns", "bars"),
    [
        # out at 09:40:00 sharp: 30 s are full at the bar end 09:40:30
        ("09:40:00", "09:40:29.999999999", []),
        ("09:40:00", "09:40:30", ["09:40:30"]),
        # out a nanosecond later: full only after 09:40:30, so the next bar end arms it
        ("09:40:00.000000001", "09:40:34", []),
        ("09:40:00.000000001", "09:40:35", ["09:40:35"]),
    ],
)
def test_thirty_seconds_arm_at_a_bar_end(leaves, returns, bars):
    path = [("09:00:00", 6000.0), (leaves, 5997.0), (returns, 6000.0)]
    assert [row[0] for row in found(path)] == bars


@pytest.mark.parametrize(
    ("blink", "bars"), [(5998.0, ["09:40:55"]), (5997.5, ["09:40:40"]), (EMPTY, ["09:40:55"])]
)
def test_a_moment_inside_or_unknown_restarts_the_clock(blink, bars):
    # out at 09:40:00; at :20.0 for a tenth of a second elsewhere. Inside the re-arm band, or without a mid, the clock
    # restarts at :20.1, is full at :50.1 and arms at :55. The touch in bar :40 then comes too early, that of :55 does not.
    path = [("09:00:00", 6000.0), ("09:40:00", 5997.0), ("09:40:20", blink), ("09:40:20.1", 5997.0)]
    early = [*path, ("09:40:41", 6000.0)]
    late = [*path, ("09:40:56", 6000.0)]
    times = [row[0] for tape in (early, late) for row in found(tape)][:1]
    assert times == bars


def test_one_side_only_counts():
    # 20 s below, then straight through to 20 s above: neither side is out for 30 s, and the crossing touched
    path = [("09:00:00", 6000.0), ("09:40:00", 5997.0), ("09:40:20", 6003.0), ("09:40:40", 6000.0)]
    assert found(path) == []


def test_open_inside_is_no_setup_and_arms_after_the_next_out():
    # in the band at 09:30; out from 09:35:00 to 09:36:00, then back
    path = [("09:00:00", 5997.0), ("09:29:58", 6000.0), ("09:35:00", 5996.0), ("09:36:00", 5999.5)]
    assert found(path) == [("09:36:00", "UP", -0.5)]


def test_a_jump_over_the_band_is_an_arrival_beyond_it():
    (row,) = arrivals([("09:00:00", 5997.0), ("09:40:01", 6003.0)], "09:50:00", LEVEL).rows(named=True)
    assert (row["direction"], row["x0"], row["gap_entry"]) == ("UP", 3.0, True)


@pytest.mark.parametrize(("mid", "gap"), [(6001.0, False), (6001.125, True)])
def test_gap_entry_is_beyond_the_touch_band_at_t0(mid, gap):
    row = arrivals([("09:00:00", 5997.0), ("09:40:01", 6000.0), ("09:40:02", mid)], "09:50:00", LEVEL)
    assert row["gap_entry"].to_list() == [gap]


def test_direction_is_the_side_it_was_out_on():
    path = [("09:00:00", 6003.0), ("09:40:01", 6000.5), ("09:44:00", 5997.0), ("09:45:00", 5999.5)]
    assert found(path) == [("09:40:00", "DOWN", -0.5), ("09:45:00", "UP", -0.5)]


def test_cooldown_counts_from_the_last_accepted_and_a_refused_arrival_still_changes_the_state():
    # accepted 09:40:00; arrival 09:43:55 is 235 s later: refused, but price is now in the zone, so the touch at
    # 09:44:00 (240 s) is none; out again at 09:44:30; arrival 09:45:10 accepted as the second.
    path = [
        ("09:00:00", 5997.0), ("09:40:00", 6000.0), ("09:41:00", 5997.0), ("09:43:55", 6000.0),
        ("09:44:30", 5997.0), ("09:45:10", 6000.0),
    ]  # fmt: skip
    assert [row[0] for row in found(path)] == ["09:40:00", "09:45:10"]
    assert arrivals(path, "09:50:00", LEVEL)["touch_index"].to_list() == [1, 2]
    exactly = [*path[:3], ("09:44:00", 6000.0)]
    assert [row[0] for row in found(exactly)] == ["09:40:00", "09:44:00"]


def test_the_setup_window_holds_whole_bars():
    assert found([("12:00:00", 5997.0), ("12:29:59", 6000.0)]) == [("12:29:55", "UP", 0.0)]
    assert found([("12:00:00", 5997.0), ("12:30:00", 6000.0)]) == []
    assert found([("09:00:00", 5997.0), ("09:29:59", 6000.0)]) == []
    assert found([("09:00:00", 5997.0), ("09:30:00", 6000.0)]) == [("09:30:00", "UP", 0.0)]


def test_a_setup_window_that_ends_inside_a_bar_leaves_that_bar_out():
    odd = Window(dt.time(9, 30), dt.time(10, 0, 2))
    for touch, count in (("09:59:59", 1), ("10:00:01", 0)):
        assert len(found([("09:00:00", 5997.0), (touch, 6000.0)], setup_window=odd)) == count


def test_a_setup_window_in_the_evening_before():
    evening = Window(dt.time(18), dt.time(19))
    levels = moments.levels(NO_TRADES, custom((6000.0, None)), "ESU5", DAY, evening)
    path = [("18:00:01", 5997.0), ("18:10:01", 6000.0)]
    setups = arrivals(path, "19:00:00", levels, setup_window=evening)
    assert setups["setup_id"].to_list() == ["ESU5/2025-06-12/CUSTOM/6000/2025-06-11T22:10:00Z"]


def test_an_opening_range_is_no_setup_before_0945():
    # trades make OR_HIGH 6000; price is below since the open
    levels = moments.levels(trades([("09:31:00", 6000.0), ("09:32:00", 5990.0)]), NO_PRICES, "ESU5", DAY)
    levels = levels.filter(pl.col("level_kind").is_in(["OR_HIGH", "OR_LOW"]))
    assert found([("09:33:00", 5997.0), ("09:44:59.9", 6000.0)], levels) == []
    assert found([("09:33:00", 5997.0), ("09:45:00", 6000.0)], levels) == [("09:45:00", "UP", 0.0)]


@pytest.mark.parametrize(("reset_at", "count"), [("09:37:04", 1), ("09:37:05", 0), ("09:39:00", 0)])
def test_no_reset_in_the_last_36_bars(reset_at, count):
    # trigger bar 09:40:00; it and the 35 before begin at 09:37:05
    back = f"{reset_at}.5"
    path = [("09:00:00", 5997.0), (reset_at, RESET), (back, 5997.0), ("09:40:01", 6000.0)]
    assert len(found(path)) == count


def test_a_reset_forgets_the_side():
    # below; reset at 09:36; first seen again inside the band; nobody knows from where it came
    path = [("09:00:00", 5997.0), ("09:36:00", RESET), ("09:36:00.5", 5998.5), ("09:40:01", 6000.0)]
    assert found(path) == []


def test_without_two_sides_at_t0_there_is_no_setup():
    assert (
        found([("09:00:00", 5997.0), ("09:40:01", 6000.0), ("09:40:02", EMPTY), ("09:40:06", 6000.0)]) == []
    )


@pytest.mark.parametrize(("touch", "pre"), [("09:49:54", True), ("09:49:55", False)])
def test_uses_pre_known_level(touch, pre):
    # 240 bars ending with 09:49:55 begin at 09:30:00, when the level became known
    setups = arrivals([("09:00:00", 5997.0), (touch, 6000.0)], "09:55:00", LEVEL)
    assert setups["uses_pre_known_level"].to_list() == [pre]


def test_kinds_on_one_tick_are_one_machine():
    # PM_HIGH, OR_HIGH and from 09:36:05 the session's high, all 6000, and the user's price too;
    # arrivals at 09:40 and 09:50
    prints = [("05:00:00", 6000.0), ("05:01:00", 5900.0), ("09:31:00", 6000.0), ("09:32:00", 5910.0)]
    levels = moments.levels(trades(prints), custom((6000.0, None), (6000.5, None)), "ESU5", DAY)
    path = [("09:00:00", 5997.0), ("09:40:01", 6000.0), ("09:42:00", 5997.0), ("09:50:01", 6000.0)]
    setups = arrivals(path, "09:55:00", levels).filter(pl.col("level_price") == 6000.0)
    assert setups.select("level_id", "level_kind", "level_kinds", "touch_index").rows() == [
        ("ESU5/2025-06-12/PM_HIGH", "PM_HIGH", ["PM_HIGH", "SESSION_HIGH", "CUSTOM"], 1),
        ("ESU5/2025-06-12/PM_HIGH", "PM_HIGH", ["PM_HIGH", "OR_HIGH", "SESSION_HIGH", "CUSTOM"], 2),
    ]
    apart = arrivals(path, "09:55:00", levels).filter(pl.col("level_price") == 6000.5)
    assert apart["touch_index"].to_list() == [1, 2]


def test_a_placebo_on_the_same_tick_is_a_machine_of_its_own():
    twin = LEVEL.with_columns(level_id=pl.col("level_id") + "/p+", is_placebo=pl.lit(value=True))
    setups = arrivals([("09:00:00", 5997.0), ("09:40:01", 6000.0)], "09:50:00", pl.concat([LEVEL, twin]))
    assert setups["is_placebo"].to_list() == [False, True]


def test_flags_of_the_caller_and_a_bar_without_sigma():
    path = [("09:00:00", 5997.0), ("09:40:01", 6000.0)]
    bars = book(path, "09:50:00")
    none = sigma(2.0, bars).filter(pl.col("bar_ts") < utc("09:40:00"))
    setups = moments.triggers(
        LEVEL, races.mids(quotes(path)), bars, none, DAY, tick=0.25, source="mbo", maybe_back_month=True
    )
    assert setups.select("sigma_60", "sigma_warmup", "maybe_back_month", "source").rows() == [
        (None, None, True, "mbo")
    ]


# --- a slow machine, written as the specification reads, on random walks ---------------------------------------------


def wander(seed: int, count: int = 1200) -> list[tuple[str, float]]:
    """Mids on the half tick that hang around 6000 from 09:00 on, at nanosecond times and on whole bars."""
    rng = np.random.default_rng(seed)
    on_grid = rng.random(count) < 0.3
    gaps = np.where(on_grid, 5 * SECOND, rng.integers(1, 25 * SECOND, count))
    at = np.cumsum(gaps)
    at = np.where(on_grid, at // BAR_NS * BAR_NS, at)
    at = np.maximum.accumulate(at)
    x, mids = 0.0, []
    for shock in rng.normal(0, 1.3, count):
        x = 0.97 * x + shock
        mids.append(6000 + round(x * 8) / 8)
    clock = ((int(t) // SECOND, int(t) % SECOND) for t in at)
    times = (f"{9 + s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.{part:09}" for s, part in clock)
    return [row for row in zip(times, mids, strict=True) if row[0] < "12:40:00"]


def machine(path, level: float, known: int) -> list[tuple[int, str, float]]:
    """(bar, direction, x0) of accepted arrivals: states one by one, a clock that any state can reset."""
    states = [(ns(time), mid) for time, mid in path]
    run_from = known - 1800 * SECOND
    out, since, side = None, None, 0  # the machine's OUT side; since when price is out, and where
    zone = True
    accepted: list[tuple[int, str, float]] = []
    carried, index = None, 0
    for bar in range(states[0][0] // BAR_NS * BAR_NS, ns("12:30:00"), BAR_NS):
        seen = [] if carried is None else [carried]
        while index < len(states) and states[index][0] < bar + BAR_NS:
            at, carried = states[index]
            index += 1
            seen.append(carried)
            where = int(np.sign(carried - level)) if abs(carried - level) > 2 else 0
            if where != side:
                side, since = where, at
        if bar < run_from:
            continue
        if min(seen) <= level + 1 and max(seen) >= level - 1:
            late = not accepted or bar - accepted[-1][0] >= 240 * SECOND
            if not zone and bar >= known and bar >= ns("09:30:00") and late:
                d = -out
                accepted.append((bar, "UP" if d == 1 else "DOWN", d * (carried - level) + 0.0))
            zone = True
        elif side and bar + BAR_NS - max(since, run_from) >= 30 * SECOND:
            out, zone = side, False
    return accepted


@pytest.mark.parametrize("seed", range(8))
def test_the_slow_machine_agrees(seed):
    path = wander(seed)
    prices = (6000.0, 5997.25, 6003.5)
    known = {6000.0: "09:30:00", 5997.25: "09:50:00", 6003.5: "10:00:02"}
    levels = moments.levels(NO_TRADES, custom(*known.items()), "ESU5", DAY)
    got = arrivals(path, "12:40:00", levels).sort("level_price", "trigger_ts")
    rows = got.select("level_price", pl.col("trigger_ts").cast(pl.Int64), "direction", "x0").rows()
    wanted = [(price, *row) for price in sorted(prices) for row in machine(path, price, ns(known[price]))]
    assert rows == wanted
    assert len(rows) > 5


@pytest.mark.parametrize("seed", [0, 1])
def test_reflection_mirrors_every_setup(seed):
    path = wander(seed)
    levels = moments.levels(NO_TRADES, custom((5997.25, None), (6001.0, None)), "ESU5", DAY)
    mirrored = levels.with_columns(price=12000.0 - pl.col("price"))
    there = arrivals(path, "12:40:00", levels)
    back = arrivals([(time, 12000.0 - mid) for time, mid in path], "12:40:00", mirrored)
    same = ("trigger_ts", "x0", "touch_index", "gap_entry", "sigma_60")
    flipped = pl.when(pl.col("direction") == "UP").then(pl.lit("DOWN")).otherwise(pl.lit("UP"))
    want = there.select("level_id", *same, direction=flipped, p_ref=12000.0 - pl.col("p_ref"))
    assert want.height > 5
    assert want.equals(back.select("level_id", *same, "direction", "p_ref"))


@pytest.mark.parametrize("cut", ["09:41:02.5", "10:20:00", "11:03:20", "12:00:05"])
def test_cutting_the_tape_changes_nothing_known_before(cut):
    path = wander(3)
    levels = moments.levels(NO_TRADES, custom((6000.0, None), (5998.0, None)), "ESU5", DAY)
    full = arrivals(path, "12:40:00", levels)
    short = arrivals([row for row in path if row[0] < cut], cut, levels)
    by_then = pl.col("known_ts").cast(pl.Int64) <= ns(cut)
    assert short.filter(by_then).equals(full.filter(by_then))


# --- the side of a question ---------------------------------------------------------------------------------------


def test_the_side_of_a_question():
    path = [("09:30:00", 6000.5), ("09:31:00", 5997.0), ("09:32:00", 5999.5), ("09:33:00", 6001.5)]
    tape = quotes(path)
    assert moments.side(tape, 6000.0, ns("09:31:00")) is None  # so far only inside the band
    assert moments.side(tape, 6000.0, ns("09:31:30")) == 1
    assert moments.side(tape, 6000.0, ns("09:32:30")) == 1  # inside: where it last came from
    assert moments.side(tape, 6000.0, ns("09:33:30")) == -1
