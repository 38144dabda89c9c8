"""Arrivals at levels that move or end, and what each arrival knows of the ones before it.

Bands as in test_setups: touch 1 point, re-arm 2 points for 30 s.
"""

import numpy as np
import polars as pl
import pytest
from moment_tape import DAY, EMPTY, NO_TRADES, SECOND, alive, book, custom, ns, quotes, sigma, trades, utc
from test_moving import fixed
from test_setups import wander

from warehouse import levels, moments, races
from warehouse.schema import BAR_NS, LEVEL_KINDS, NS, SETUPS


def arrivals(path, given, end="12:40:00", sigma_60=2.0):
    """Setups of a path whose bars are all alive, so that no silence censors a label."""
    bars = alive(book(path, end))
    return moments.triggers(
        given, races.mids(quotes(path)), bars, sigma(sigma_60, bars), DAY, tick=0.25, source="mbp-10"
    ).sort("trigger_ts", "setup_id")


def told(setups, *columns):
    clock = pl.col("trigger_ts").dt.offset_by("-4h").dt.strftime("%H:%M:%S")  # EDT
    return setups.select(clock, *columns).rows()


# --- levels that move ------------------------------------------------------------------------------------------------


def test_a_level_that_comes_to_price_is_an_arrival_too():
    # price rests at 6003.5, 3.5 above the average; at 09:40:00 the average steps to 6004, past it
    given = fixed(("SMA_90", 6000.0, "09:00:00"), ("SMA_90", 6004.0, "09:40:00"))
    row = arrivals([("09:00:00", 6003.5)], given).row(0, named=True)
    assert (row["trigger_ts"], row["direction"], row["level_price"]) == (utc("09:40:00"), "DOWN", 6004.0)
    assert (row["x0"], row["level_kinds"], row["level_id"]) == (0.5, ["SMA_90"], f"ESU5/{DAY}/SMA_90")
    assert row["uses_pre_known_level"] is False, "it has been known for longer than the look-back"


@pytest.mark.parametrize(("steps", "count"), [("09:40:00", 1), ("09:40:01", 0)])
def test_a_bar_is_held_against_the_value_known_at_its_start(steps, count):
    # in bar 09:40:00 price comes to 6003.5 for a second: an arrival only at the level that stood when it began
    given = fixed(("VWAP", 6000.0, "09:00:00"), ("VWAP", 6004.0, steps), ("VWAP", 6000.0, "09:40:05"))
    path = [("09:00:00", 6009.0), ("09:40:02", 6003.5), ("09:40:03", 6009.0)]
    assert len(arrivals(path, given)) == count


@pytest.mark.parametrize(("nearer", "count"), [(6001.25, 1), (6001.5, 0)])
def test_a_level_that_steps_inside_the_rearm_band_restarts_the_clock(nearer, count):
    # price is touched at 09:40:00 and leaves to 6003.5 at 09:40:05; at 09:40:20 the level steps up for five seconds,
    # to 2.25 or 2 points away; armed at 09:40:35 or at 09:40:55. It comes back in bar 09:40:40. Cool-down aside.
    given = fixed(
        ("EMA_20", 6000.0, "09:00:00"), ("EMA_20", nearer, "09:40:20"), ("EMA_20", 6000.0, "09:40:25"),
    )  # fmt: skip
    path = [("09:00:00", 6000.0), ("09:40:05", 6003.5), ("09:40:41", 6000.0)]
    assert len(arrivals(path, given)) == count


def test_an_average_counts_from_its_first_value():
    # the first value comes at 09:40; price stands on it, leaves, and is back: one arrival, whose look-back reaches
    # before the level was known
    given = fixed(("SMA_90", 6000.0, "09:40:00"), ("SMA_90", 6000.25, "09:42:00"))
    path = [("09:00:00", 5996.0), ("09:30:00", 6000.0), ("09:41:00", 5996.0), ("09:45:01", 6000.0)]
    setups = arrivals(path, given)
    assert told(setups, "direction", "level_price", "x0", "touch_index", "uses_pre_known_level") == [
        ("09:45:00", "UP", 6000.25, -0.25, 1, True)
    ]


def test_an_average_on_a_tick_stays_a_level_of_its_own():
    given = fixed(("PM_HIGH", 6000.0, "09:30:00"), ("VWAP", 6000.0, "09:30:05"))
    setups = arrivals([("09:00:00", 5997.0), ("09:40:01", 6000.0)], given)
    assert setups["level_kinds"].to_list() == [["PM_HIGH"], ["VWAP"]]


def slow(path, values, first, last):
    """(bar, direction, x0) of accepted arrivals at a level of (known, price), bar by bar from `first` on."""
    states, accepted = [(ns(time), mid) for time, mid in path], []
    held, out, zone, run, index = None, 0, True, [], 0
    for bar in range(states[0][0] // BAR_NS * BAR_NS, last, BAR_NS):
        seen = [] if held is None else [held]
        at_start = held
        while index < len(states) and states[index][0] < bar + BAR_NS:
            if states[index][0] == bar:
                at_start = None
            held = states[index][1]
            seen.append(held)
            index += 1
        known = [price for since, price in values if since <= bar]
        if not known or bar < first:
            continue
        level = known[-1]
        # a state that gives way at the bar's very start was not in force in it
        inside = seen if at_start is not None or len(seen) == 1 else seen[1:]
        sides = {int(np.sign(mid - level)) if abs(mid - level) > 2 else 0 for mid in inside}
        run.append(sides.pop() if len(sides) == 1 else 0)
        if min(seen) <= level + 1 and max(seen) >= level - 1:
            late = not accepted or bar - accepted[-1][0] >= 240 * SECOND
            if not zone and bar >= ns("09:30:00") and late:
                d = -out
                accepted.append((bar, "UP" if d == 1 else "DOWN", round(d * (held - level), 9) + 0.0))
            zone = True
        elif len(run) >= 6 and run[-1] and set(run[-6:]) == {run[-1]}:
            out, zone = run[-1], False
    return accepted


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_machine_agrees_on_a_level_that_moves(seed):
    path, rng = wander(seed), np.random.default_rng(seed + 100)
    known = ns("09:10:00") + np.arange(100) * 120 * SECOND
    values = list(
        zip(known.tolist(), (6000 + np.cumsum(rng.normal(0, 0.3, 100))).round(9).tolist(), strict=True)
    )
    given = fixed(*(("SMA_90", price, "09:30:00") for _, price in values))
    given = given.with_columns(known_ts=pl.Series(known).cast(NS))
    rows = [(ts, way, x0) for ts, way, x0 in arrivals(path, given).select(pl.col("trigger_ts").cast(pl.Int64), "direction", "x0").rows()]  # fmt: skip
    assert rows == slow(path, values, ns("09:10:00"), ns("12:30:00"))
    assert len(rows) > 5


def test_an_extreme_that_was_passed_is_no_level_any_more():
    # 6001 is the session's high from 09:38:05 to 09:41:10; price is armed below and comes back at 09:40 or at 09:43
    tape = trades([("09:30:02", 6000.0), ("09:33:00", 6001.0), ("09:41:07", 6030.0)])
    given = levels.levels(tape, custom(), "ESU5", DAY).filter(pl.col("level_kind") == "SESSION_HIGH")
    for touch, count in (("09:40:01", 1), ("09:43:01", 0)):
        setups = arrivals([("09:00:00", 5997.0), (touch, 6001.0)], given, "09:45:00")
        assert setups.height == count
    assert given["price"].to_list() == [6001.0, None, 6030.0]


def test_minutes_without_data_and_then_a_jump_across_the_level():
    # the last quote of 09:45 holds; at 09:55 price is found three points beyond: an arrival, entered by a gap
    bars = book([("09:00:00", 5997.0), ("09:55:02", 6003.0)], "10:00:00")
    given = fixed(("PM_HIGH", 6000.0, "09:30:00"))
    path = races.mids(quotes([("09:00:00", 5997.0), ("09:55:02", 6003.0)]))
    setups = moments.triggers(given, path, bars, sigma(2.0, bars), DAY, tick=0.25, source="mbp-10")
    assert told(setups, "direction", "x0", "gap_entry") == [("09:55:00", "UP", 3.0, True)]


def test_a_price_off_the_grid_or_far_away_is_a_level_like_any_other():
    given = levels.levels(NO_TRADES, custom((6000.1, None), (9000.0, None)), "ESU5", DAY)
    setups = arrivals([("09:00:00", 5997.0), ("09:40:01", 5999.5)], given)
    assert told(setups, "level_id", "x0") == [("09:40:00", f"ESU5/{DAY}/CUSTOM/6000.1", -0.6)]


# --- what an arrival knows of the ones before ------------------------------------------------------------------------

# sigma_60 is 2, so sigma over four minutes 4 and the barriers at ceil(0.9 * 4 / 0.125) * 0.125 = 3.625 points.
STORY = [
    ("09:00:00", 5997.0),
    ("09:40:01", 5999.25),  # first arrival, UP
    ("09:41:00", 5996.0),  # x = -4: REJECT
    ("09:45:01", 5999.5),  # again from below after a REJECT: RETRY
    ("09:46:00", 6004.0),  # x = +4: BREAK
    ("09:50:01", 6000.5),  # back from above after a BREAK: RETEST
    ("09:51:00", 6003.0),  # x = -3 of a DOWN arrival: CHOP
    ("09:56:01", 6000.5),  # from above again, after CHOP: RETURN
    ("09:57:00", 6004.0),  # x = -4: REJECT
    ("09:59:30", 5996.0),  # across the level within the cool-down: no setup, but price is below now
    ("10:02:01", 5999.5),  # from below after a REJECT from above: RETURN
]


def test_role_and_past_of_every_touch():
    setups = arrivals(STORY, fixed(("PM_HIGH", 6000.0, "09:30:00")))
    columns = ("touch_index", "direction", "touch_role", "last_outcome", "since_touch_s", "since_break_s")
    assert told(setups, *columns) == [
        ("09:40:00", 1, "UP", "FIRST", None, None, None),
        ("09:45:00", 2, "UP", "RETRY", "REJECT", 300.0, None),
        ("09:50:00", 3, "DOWN", "RETEST", "BREAK", 300.0, 245.0),  # broken at 09:46:00, T0 09:50:05
        ("09:56:00", 4, "DOWN", "RETURN", "CHOP", 360.0, 605.0),
        ("10:02:00", 5, "UP", "RETURN", "REJECT", 360.0, 965.0),
    ]
    assert setups["since_open_min"].to_list()[:2] == pytest.approx([10 + 5 / 60, 15 + 5 / 60])


def test_without_an_outcome_the_role_is_unknown_but_the_time_is_not():
    setups = arrivals(STORY, fixed(("PM_HIGH", 6000.0, "09:30:00")), sigma_60=None)
    assert setups["touch_role"].to_list() == ["FIRST", None, None, None, None]
    assert setups["since_touch_s"].to_list() == [None, 300.0, 300.0, 360.0, 360.0]


def test_levels_and_placebos_have_their_own_past():
    given = fixed(("PM_HIGH", 6000.0, "09:30:00"), ("OR_HIGH", 6000.25, "09:45:00"))
    twin = given.head(1).with_columns(level_id=pl.col("level_id") + "/p+", is_placebo=pl.lit(value=True))
    setups = arrivals(STORY, pl.concat([given, twin]))
    by_level = {name: part["touch_role"].to_list() for (name,), part in setups.group_by("level_id")}
    assert by_level[f"ESU5/{DAY}/PM_HIGH"] == by_level[f"ESU5/{DAY}/PM_HIGH/p+"]
    assert by_level[f"ESU5/{DAY}/OR_HIGH"][0] == "FIRST"


# --- overlap ---------------------------------------------------------------------------------------------------------


def starts(*rows):
    """Setups of (name, kind, placebo, T0)."""
    full = [(name, kind, placebo, ns(time)) for name, kind, placebo, time in rows]
    names = {"setup_id": pl.String, "level_kind": pl.String, "is_placebo": pl.Boolean, "known_ts": pl.Int64}
    return pl.DataFrame(full, names, orient="row").with_columns(pl.col("known_ts").cast(NS))


def test_the_weight_is_the_mean_of_one_over_the_labels_that_run():
    # a 10:00 and b 10:04 share four of eight minutes: (4 + 4 / 2) / 8 = 0.75. c starts as b ends. d and e start
    # together: half each; f, thirty seconds after them, shares 450 of 480 s with both: (450 / 3 + 30) / 480. Placebos
    # and prices of the user's are counted apart.
    given = starts(
        ("a", "PM_HIGH", False, "10:00:00"), ("b", "VWAP", False, "10:04:00"), ("c", "PM_HIGH", False, "10:12:00"),
        ("d", "PM_HIGH", False, "11:00:00"), ("e", "OR_HIGH", False, "11:00:00"), ("f", "OR_LOW", False, "11:00:30"),
        ("p", "PM_HIGH", True, "10:00:00"), ("u", "CUSTOM", False, "10:00:00"),
    )  # fmt: skip
    made = moments.weights(given)
    eight = dict(made.filter(pl.col("horizon_s") == 480).select("setup_id", "uniqueness").rows())
    pair = (30 / 2 + 450 / 3) / 480
    assert eight == pytest.approx({"a": 0.75, "b": 0.75, "c": 1, "d": pair, "e": pair, "f": (450 / 3 + 30) / 480, "p": 1, "u": 1})  # fmt: skip
    four = dict(made.filter(pl.col("horizon_s") == 240).select("setup_id", "uniqueness").rows())
    assert (four["a"], four["b"]) == (1.0, 1.0)
    assert made.columns == ["setup_id", "horizon_s", "uniqueness"]


def test_setups_whose_eight_minutes_overlap_are_one_cluster():
    # T0 of PM_HIGH 09:40:05 and of VWAP 09:47:05 overlap, 09:55:05 starts as the second ends and opens its own;
    # the user's 6000.5 is a cluster by itself
    given = fixed(
        ("PM_HIGH", 6000.0, "09:30:00"), ("VWAP", 5990.0, "09:30:00"), ("CUSTOM", 6000.5, "09:30:00")
    )
    path = [
        ("09:00:00", 5996.0), ("09:40:01", 6000.0), ("09:41:00", 5995.0), ("09:47:01", 5990.0),
        ("09:48:00", 5996.0), ("09:55:01", 6000.0),
    ]  # fmt: skip
    setups = arrivals(path, given)
    first = f"ESU5/{DAY}/PM_HIGH/2025-06-12T13:40:00Z"
    third = f"ESU5/{DAY}/PM_HIGH/2025-06-12T13:55:00Z"
    named = setups.filter(pl.col("level_kind") != "CUSTOM")
    assert named["cluster_id"].to_list() == [first, first, third]
    mine = setups.filter(pl.col("level_kind") == "CUSTOM")
    assert mine["cluster_id"].to_list() == mine["setup_id"].to_list()


# --- what stands around ----------------------------------------------------------------------------------------------


def stack(setups):
    names = [f"level_stack_{side}_{n}t" for side in ("ahead", "behind") for n in (4, 8, 16, 40)]
    return setups.select(names).row(0)


AROUND = fixed(
    ("PM_HIGH", 6000.0, "09:30:00"),
    ("OR_HIGH", 6001.0, "09:40:00"),  # 4 ticks above, known as the bar begins
    ("OVERNIGHT_HIGH", 6001.0, "09:30:00"),  # on the same tick: one price
    ("OR_LOW", 6002.0, "09:40:01"),  # not known yet
    ("VWAP", 5998.0, "09:30:05"),  # passed on to its next value
    ("VWAP", 5997.99, "09:40:00"),  # 8.04 ticks below
    ("SESSION_LOW", 5991.0, "09:30:00"),
    ("SESSION_LOW", None, "09:35:00"),  # none any more
    ("EMA_20", 6010.0, "09:30:00"),  # 40 ticks above
    ("SMA_90", 6010.01, "09:30:00"),  # farther
)


def test_a_stack_counts_other_prices_ahead_and_behind():
    mine = custom((5999.75, None))
    given = pl.concat([AROUND, levels.levels(NO_TRADES, mine, "ESU5", DAY)])
    up = arrivals([("09:00:00", 5990.0), ("09:40:02", 5999.0)], given).filter(
        pl.col("level_kind") == "PM_HIGH"
    )
    assert stack(up) == (1, 1, 1, 2, 0, 0, 1, 1)
    down = arrivals([("09:00:00", 6030.0), ("09:40:02", 6000.5)], given).filter(
        pl.col("level_kind") == "PM_HIGH"
    )
    assert stack(down) == (0, 0, 1, 1, 1, 1, 1, 2)


def test_how_far_each_kind_lies_ahead():
    # T0 at 5999 from below, and at 6000.5 from above, with sigma_60 of 2; OR_LOW is not known, SESSION_LOW is gone
    for path, sign, mid in (
        ([("09:00:00", 5990.0), ("09:40:02", 5999.0)], 1, 5999.0),
        ([("09:00:00", 6030.0), ("09:40:02", 6000.5)], -1, 6000.5),
    ):
        setup = arrivals(path, AROUND).filter(pl.col("level_kind") == "PM_HIGH")
        [row] = setup.select(r"^dist_.*_sig$").rows(named=True)
        stands = {
            "PM_HIGH": 6000.0,
            "OR_HIGH": 6001.0,
            "OVERNIGHT_HIGH": 6001.0,
            "VWAP": 5997.99,
            "EMA_20": 6010.0,
            "SMA_90": 6010.01,
        }
        assert row == pytest.approx(
            {
                f"dist_{kind}_sig": sign * (stands[kind] - mid) / 2 if kind in stands else None
                for kind in LEVEL_KINDS
                if kind != "CUSTOM"
            }
        )
    assert row["dist_PM_HIGH_sig"] == 0.25 and row["dist_EMA_20_sig"] == -4.75


def test_distances_need_a_sigma():
    setups = arrivals([("09:00:00", 5990.0), ("09:40:02", 5999.0)], AROUND, sigma_60=None)
    assert len(setups) and setups.select(r"^dist_.*_sig$").null_count().sum_horizontal()[0] == 16 * len(
        setups
    )


# --- laws ------------------------------------------------------------------------------------------------------------


def market(seed):
    """A path of mids from 09:00 and the prints it would give, at mid's tick; overnight prints before."""
    path = wander(seed)
    prints = [(time, round(mid * 4) / 4) for time, mid in path]
    night = [(f"0{h}:{m:02}:30", 6000.0 + (7 * h + m) % 13 - 6) for h in range(4, 9) for m in range(0, 60, 2)]
    return path, trades(night + prints)


def built(path, tape, end="12:40:00"):
    real = levels.levels(tape, custom((6002.0, None)), "ESU5", DAY)
    return arrivals(path, pl.concat([real, levels.placebos(real, "ES", 0.25)]), end)


@pytest.mark.parametrize(
    ("cut", "end"), [("09:47:03", "09:47:00"), ("10:20:00", "10:20:00"), ("12:00:07", "12:00:05")]
)
def test_cutting_the_tape_changes_nothing_known_before(cut, end):
    path, tape = market(3)
    whole = built(path, tape)
    part = built(
        [row for row in path if row[0] < cut], tape.filter(pl.col("ts").cast(pl.Int64) < ns(cut)), end
    )
    known = pl.col("known_ts").cast(pl.Int64) <= ns(cut)
    one, two = (frame.filter(known).sort("setup_id") for frame in (whole, part))
    assert one.equals(two) and one.schema == pl.Schema(SETUPS.schema)
    assert len(one) > 15
    weights = (
        moments.weights(frame).join(frame.select("setup_id", "known_ts"), on="setup_id")
        for frame in (whole, part)
    )
    ended = pl.col("known_ts").cast(pl.Int64) + pl.col("horizon_s") * SECOND <= ns(cut)
    now, then = (frame.filter(ended) for frame in weights)
    assert now.equals(then)


def test_a_reflected_market_gives_reflected_setups():
    path, tape = market(4)
    given = (
        levels.levels(each, NO, "ESU5", DAY) for each, NO in ((tape, custom()), (tape.with_columns(price=12000.0 - pl.col("price")), custom()))
    )  # fmt: skip
    here, there = (
        arrivals(mids, one) for mids, one in zip((path, [(time, 12000.0 - mid) for time, mid in path]), given, strict=True)
    )  # fmt: skip
    turned = (
        pl.col("level_kind").str.replace("HIGH", "low").str.replace("LOW", "HIGH").str.replace("low", "LOW")
    )
    units = (pl.col("level_price") * 1e9).round().cast(pl.Int64)
    flipped = pl.when(pl.col("direction") == "UP").then(pl.lit("DOWN")).otherwise(pl.lit("UP"))
    plain = [
        name for name, kind in SETUPS.schema.items()
        if name not in {"setup_id", "level_id", "level_kind", "level_kinds", "level_price", "direction", "p_ref", "cluster_id"}
    ]  # fmt: skip
    key = ["trigger_ts", "level_kind", "units"]
    swapped = {column.name: column.swap for column in SETUPS.columns if column.swap}
    one = here.rename(swapped).select(*plain, level_kind=turned, direction=flipped, units=12000 * 10**9 - units, p_ref=12000.0 - pl.col("p_ref"))  # fmt: skip
    two = there.select(*plain, "level_kind", "direction", units=units, p_ref="p_ref")
    assert one.sort(key).equals(two.sort(key))
    assert len(one) > 30 and one["level_kind"].n_unique() > 6


@pytest.mark.parametrize("seed", range(2))
def test_the_outline_of_a_tape_tells_what_the_whole_tape_tells(seed, monkeypatch):
    # a burst in every bar, so that most changes are left out; whole seconds and bar ends hold several at one instant
    rng = np.random.default_rng(seed)
    path = [
        (f"{time[:8]}.{k}", mid + float(rng.integers(-6, 7)) / 8)
        for time, mid in wander(seed, 600)
        for k in (0, 0, 0, 3, 5)
    ]
    path.sort(key=lambda row: row[0])
    path = [(time, mid + 6 * float(rng.choice([-1, 0, 1], p=[0.01, 0.98, 0.01]))) for time, mid in path]
    path = [(time, EMPTY if rng.random() < 0.002 else mid) for time, mid in path]
    tape, bars = quotes(path), alive(book(path, "12:40:00"))
    given = levels.levels(NO_TRADES, custom((6000.0, None), (6002.5, None), (5997.0, None)), "ESU5", DAY)

    def told():
        path = races.mids(tape)
        setups = moments.triggers(given, path, bars, sigma(1.0, bars), DAY, tick=0.25, source="mbp-10")
        return setups, races.outcomes(setups, path, bars, DAY, tick=0.25, calibrated={})

    def held(mids):
        stands = mids.filter(pl.col("until") > pl.col("ns")).select("ns", "mid")
        starts = bars.select(at=pl.col("bar_ts").cast(pl.Int64)).collect()
        return starts.join_asof(stands, left_on="at", right_on="ns")["mid"]

    outline, (setups, outcomes) = races.mids(tape), told()
    monkeypatch.setattr(races, "_AT_ONCE", 7)  # pieces end anywhere in a bar
    pieces, in_pieces = races.mids(tape), told()
    monkeypatch.setattr(races, "mids", every_change)
    whole = told()
    assert outline.height < 0.9 * every_change(tape).height
    assert held(outline).equals(held(pieces)) and held(outline).equals(held(every_change(tape)))
    for found in (in_pieces, whole):
        assert found[0].equals(setups)
        assert found[1].equals(outcomes)
    assert outcomes["outcome"].n_unique() > 3 and outcomes["gap_event"].any() and len(setups) > 10


def every_change(tape):
    """The path of mid with every change of it, by a slow loop."""
    rows, before, known = [], "nothing", None
    for ts, bid, ask, reset in (
        tape.select(pl.col("ts").cast(pl.Int64), "bid_px", "ask_px", "reset").collect().rows()
    ):
        mid = None if reset or bid is None or ask is None else (bid + ask) / 2
        if reset or mid != before:
            rows.append((ts, mid, None if mid is None or known is None else abs(mid - known), reset))
        before, known = mid, known if mid is None else mid
    ends = [row[0] for row in rows[1:]] + [2**63 - 1]
    full = [(n, *row, end) for n, (row, end) in enumerate(zip(rows, ends, strict=True))]
    names = {
        "seq": pl.UInt32,
        "ns": pl.Int64,
        "mid": pl.Float64,
        "step": pl.Float64,
        "reset": pl.Boolean,
        "until": pl.Int64,
    }
    return pl.DataFrame(full, names, orient="row")
