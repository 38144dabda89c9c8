"""Outcomes: every rule of the label on a path worked out on paper, then a slow labeller beside it.

The setup is an arrival from below at 6000, frozen at T0 = 10:00:05 with x0 = -1 and sigma_60 = 2, unless a test
says otherwise. Then sigma_H is 2.83, 4 and 5.66 points at 2, 4 and 8 minutes, 0.9 of it 2.546, 3.6 and 5.091, and
the barriers, rounded up to an eighth (half a tick), 2.625, 3.625 and 5.125.
"""

import math

import numpy as np
import polars as pl
import pytest
from moment_tape import DAY, EMPTY, RESET, SECOND, alive, book, followed, ns, quotes, utc

from warehouse import barrier, races
from warehouse.barrier import Calibration
from warehouse.schema import OUTCOMES

T0 = "10:00:05"
START = [("09:59:00", 5997.0), ("10:00:02", 5999.0)]
FITTED = {240: Calibration(0.8, 0.0)}
BARRIERS = {120: 2.625, 240: 3.625, 480: 5.125}
SCHEMES = ("level_c09", "level_class5", "level_fix2", "level_fix3", "level_fix5", "trigger_c09")


def setup(x0=-1.0, sigma_60=2.0, direction="UP", level=6000.0, t0=T0, ratio=1.0) -> pl.DataFrame:
    sign = 1 if direction == "UP" else -1
    return pl.DataFrame(
        {
            "setup_id": ["s"],
            "known_ts": pl.Series([ns(t0)]).cast(pl.Datetime("ns")),
            "direction": [direction],
            "level_price": [level],
            "x0": [x0],
            "p_ref": [level + sign * x0],
            "sigma_60": pl.Series([sigma_60], dtype=pl.Float64),
            "sigma_ratio": pl.Series([ratio], dtype=pl.Float64),
        }
    )


def after(*path, frozen=None, end="10:30:00", scheme="level_fix3", horizon=240, **options) -> dict:
    """The outcome under one scheme and horizon."""
    table = followed(setup() if frozen is None else frozen, [*START, *path], end, **options)
    (row,) = table.filter(pl.col("scheme") == scheme, pl.col("horizon_s") == horizon).rows(named=True)
    return row


def test_every_scheme_and_horizon_as_declared():
    table = followed(setup(), START, "10:30:00")
    assert table.schema == pl.Schema(OUTCOMES.schema)
    assert table.select("scheme", "horizon_s").rows() == [(s, h) for s in SCHEMES for h in (120, 240, 480)]
    none = followed(setup().clear(), START, "10:30:00")
    assert none.schema == pl.Schema(OUTCOMES.schema)
    assert none.is_empty()


@pytest.mark.parametrize(("horizon", "width"), BARRIERS.items())
def test_barriers_scale_and_are_rounded_up_to_a_half_tick(horizon, width):
    assert after(scheme="level_c09", horizon=horizon)["barrier_pts"] == width
    assert after(scheme="trigger_c09", horizon=horizon)["barrier_pts"] == width
    assert after(scheme="level_fix5", horizon=horizon)["barrier_pts"] == 5.0


def test_a_quiet_market_has_the_floor():
    # 0.9 * 0.5 * sqrt(2) = 0.64; the floor is touch band 1 + 1 point
    assert after(frozen=setup(sigma_60=0.5), scheme="level_c09", horizon=120)["barrier_pts"] == 2.0


def test_without_sigma_only_fixed_barriers():
    frozen = setup(sigma_60=None)
    row = after(("10:01:05", 6003.0), frozen=frozen, scheme="level_c09")
    assert [
        row[name] for name in ("barrier_pts", "outcome", "strength_signed", "null_break", "cal_chop")
    ] == [None] * 5
    assert row["mfe_pts"] == 4.0
    fixed = after(("10:01:05", 6003.0), frozen=frozen)
    assert (fixed["outcome"], fixed["strength_signed"], fixed["null_break"]) == ("BREAK", None, None)


@pytest.mark.parametrize(
    ("mid", "outcome"), [(6002.875, "CHOP"), (6003.0, "BREAK"), (5997.125, "CHOP"), (5997.0, "REJECT")]
)
def test_a_barrier_is_reached_at_its_price(mid, outcome):
    assert after(("10:01:05", mid), ("10:01:06", 5999.0))["outcome"] == outcome


@pytest.mark.parametrize(
    ("path", "outcome", "to_break", "to_reject"),
    [
        ([("10:00:35", 6003.0), ("10:01:05.5", 5996.0)], "BREAK", 30.0, 60.5),
        ([("10:00:35", 5996.0), ("10:01:05.5", 6003.0)], "REJECT", 60.5, 30.0),
        # both at one instant: the order of events decides
        ([("10:00:35", 6003.0), ("10:00:35", 5996.0)], "BREAK", 30.0, 30.0),
        ([("10:00:35", 5996.0), ("10:00:35", 6003.0)], "REJECT", 30.0, 30.0),
        ([("10:00:35", 6001.0)], "CHOP", None, None),
    ],
)
def test_the_first_crossing_decides_and_both_times_are_kept(path, outcome, to_break, to_reject):
    row = after(*path)
    assert (row["outcome"], row["time_to_break_s"], row["time_to_reject_s"]) == (outcome, to_break, to_reject)


def test_the_clock_begins_at_t0_and_ends_before_t0_plus_h():
    # at T0 itself: counts, at 0 s. A nanosecond before, it would be the frozen moment, not the label.
    assert after((T0, 6003.0))["time_to_break_s"] == 0.0
    assert after(("10:00:04.999999999", 6003.0), ("10:00:06", 5999.0))["outcome"] == "CHOP"
    # exactly 4 minutes later: outside of the 4-minute horizon, inside of that of 8
    late = ("10:04:05", 6003.0)
    assert after(late)["outcome"] == "CHOP"
    assert after(("10:04:04.999999999", 6003.0))["outcome"] == "BREAK"
    assert after(late, horizon=480)["time_to_break_s"] == 240.0


@pytest.mark.parametrize(("x0", "outcome"), [(-3.0, "BORN"), (3.0, "BORN"), (3.5, "BORN"), (-2.875, "CHOP")])
def test_born_is_a_barrier_passed_at_t0(x0, outcome):
    row = after(frozen=setup(x0=x0))
    assert row["outcome"] == outcome
    assert (row["null_break"] is None) == (outcome == "BORN")
    # the trigger's own anchor is never born
    assert after(frozen=setup(x0=x0), scheme="trigger_c09")["outcome"] != "BORN"


def test_born_hides_what_came_after():
    row = after(("10:01:05", 6005.0), frozen=setup(x0=-3.5))
    assert (row["outcome"], row["time_to_break_s"], row["gap_event"]) == ("BORN", None, False)
    assert row["mfe_pts"] == 8.5


CUTS = {
    "data end": {"end": "10:03:05"},
    "as told": {"end_ns": ns("10:03:05")},
    "reset": {"path": [("10:03:05", RESET), ("10:03:05.1", 5999.0)]},
}


@pytest.mark.parametrize("cut", CUTS)
def test_what_ends_the_tape_censors_what_is_open_and_nothing_else(cut):
    # the tape ends 180 s after T0: inside the 4-minute horizon, after that of 2
    options = dict(CUTS[cut])
    ending = options.pop("path", [])
    assert after(*ending, **options)["outcome"] == "CENSORED"
    assert after(*ending, horizon=120, **options)["outcome"] == "CHOP"
    hit = after(("10:02:05", 6003.0), *ending, **options)
    assert (hit["outcome"], hit["time_to_break_s"]) == ("BREAK", 120.0)
    open_end = after(*ending, **options)
    assert open_end["strength_signed"] is None
    assert after(*ending, frozen=setup(x0=-3.0), **options)["outcome"] == "BORN"


def test_a_reset_of_a_book_with_one_side_is_a_reset():
    assert after(("10:01:00", EMPTY), ("10:02:05", RESET), ("10:02:06", 5999.0))["outcome"] == "CENSORED"


def test_nothing_counts_after_a_reset():
    row = after(("10:02:05", RESET), ("10:02:06", 6010.0))
    assert (row["outcome"], row["time_to_break_s"], row["mfe_pts"]) == ("CENSORED", None, 0.0)


def test_the_session_ends_at_five():
    path = [("16:50:00", 5997.0), ("16:57:59", 5999.0), ("17:00:30", 6005.0)]
    table = followed(setup(t0="16:58:00"), path, "17:10:00").filter(pl.col("scheme") == "level_fix3")
    assert table["outcome"].to_list() == ["CHOP", "CENSORED", "CENSORED"]


def test_labels_run_past_the_setup_window():
    path = [("12:20:00", 5997.0), ("12:29:56", 5999.0), ("12:33:00", 6003.0)]
    table = followed(setup(t0="12:30:00"), path, "12:45:00").filter(pl.col("scheme") == "level_fix3")
    assert table["outcome"].to_list() == ["CHOP", "BREAK", "BREAK"]


@pytest.mark.parametrize(
    ("silent_from", "silent_to", "outcome"),
    [
        ("10:02:00", "10:03:00", "CENSORED"),  # 60 s
        ("10:02:00", "10:02:55", "CHOP"),  # 55 s
        (
            "10:03:10",
            "10:09:00",
            "CHOP",
        ),  # 55 s of it before the horizon's end at 10:04:05: nobody knew by then
        ("10:03:05", "10:09:00", "CENSORED"),  # 60 s of it
    ],
)
def test_a_minute_without_a_record_is_a_halt(silent_from, silent_to, outcome):
    path = [*START, ("10:01:00", 6000.0)]
    silent = pl.col("bar_ts").is_between(utc(silent_from), utc(silent_to), closed="left")
    bars = book(path, "10:30:00").with_columns(meta_empty=silent)
    table = races.outcomes(setup(), races.mids(quotes(path)), bars, DAY, tick=0.25, calibrated={})
    row = table.filter(pl.col("scheme") == "level_fix3", pl.col("horizon_s") == 240)
    assert row["outcome"].to_list() == [outcome]


def test_a_hit_before_a_halt_stands_and_one_after_it_does_not():
    bars = book(START, "10:30:00")
    silent = pl.col("bar_ts").is_between(utc("10:01:00"), utc("10:02:30"), closed="left")
    for time, outcome in (("10:00:50", "BREAK"), ("10:02:40", "CENSORED")):
        tape = races.mids(quotes([*START, (time, 6003.0)]))
        table = races.outcomes(
            setup(), tape, bars.with_columns(meta_empty=silent), DAY, tick=0.25, calibrated={}
        )
        row = table.filter(pl.col("scheme") == "level_fix3", pl.col("horizon_s") == 240)
        assert row["outcome"].to_list() == [outcome]


def test_a_moment_with_one_side_neither_crosses_nor_ends_the_label():
    assert after(("10:01:00", EMPTY), ("10:01:30", 6003.0))["outcome"] == "BREAK"
    assert after(("10:01:00", EMPTY))["outcome"] == "CHOP"
    assert after(("10:01:00", EMPTY))["strength_signed"] is None


def test_excursions_include_the_start():
    up = after(("10:01:00", 5999.5), ("10:02:00", 6002.0))
    assert (up["mfe_pts"], up["mae_pts"]) == (3.0, 0.0)
    down = after(("10:01:00", 5998.5), ("10:05:00", 6002.0))  # the second lies after 4 minutes
    assert (down["mfe_pts"], down["mae_pts"]) == (0.0, -0.5)
    still = after()
    assert (still["mfe_pts"], still["mae_pts"]) == (0.0, 0.0)


def test_strength_is_where_price_stands_at_the_end_in_sigmas():
    # x(T0 + 240 s) = +2, sigma_240 = 4: 0.5; from the trigger (2 - -1) / 4 = 0.75. The move at 10:04:05 is too late.
    path = [("10:03:00", 6002.0), ("10:04:05", 6009.0)]
    assert after(*path)["strength_signed"] == 0.5
    assert after(*path, scheme="trigger_c09")["strength_signed"] == 0.75
    assert after()["strength_signed"] == -0.25  # nothing moved: x0 / sigma
    assert after(scheme="trigger_c09")["strength_signed"] == 0.0


@pytest.mark.parametrize(
    ("mid", "name"),
    [  # sigma_240 = 4, so that the cuts lie 2 and 6 points from the level; a cut belongs to the outer class
        (6006.0, "STRONG_BREAK"), (6005.875, "BREAK"), (6002.0, "BREAK"), (6001.875, "CHOP"), (6000.0, "CHOP"),
        (5998.125, "CHOP"), (5998.0, "REJECT"), (5994.125, "REJECT"), (5994.0, "STRONG_REJECT"),
    ],
)  # fmt: skip
def test_five_classes_of_where_price_stands_at_the_end(mid, name):
    path = [("10:01:00", 6012.0), ("10:04:04", mid), ("10:04:05", 5980.0)]
    assert after(*path, scheme="level_class5")["outcome"] == name
    back = [*((time, 12000.0 - at) for time, at in [*START, *path])]
    table = followed(setup(direction="DOWN"), back, "10:30:00")
    (row,) = table.filter(pl.col("scheme") == "level_class5", pl.col("horizon_s") == 240).rows(named=True)
    assert row["outcome"] == name


def test_a_class_needs_an_end_and_a_unit():
    row = after(scheme="level_class5")
    assert (row["barrier_pts"], row["time_to_break_s"], row["gap_event"]) == (None, None, False)
    assert after(scheme="level_class5", end="10:03:00")["outcome"] == "CENSORED"
    assert after(("10:01:00", EMPTY), scheme="level_class5")["outcome"] is None
    assert after(frozen=setup(sigma_60=None), scheme="level_class5")["outcome"] is None
    # price beyond a barrier at T0 is no BORN where there are no barriers
    assert after(frozen=setup(x0=9.0), scheme="level_class5")["outcome"] == "CHOP"  # 5999 is -0.25 sigmas


def test_reach_and_strength_in_points_and_in_sigmas():
    # sigma_240 = 4; x goes -1 -> -3 -> +5 -> +2: up 6 points, down 2, and it ends 3 above its start
    path = [("10:01:00", 5997.0), ("10:02:00", 6005.0), ("10:03:00", 6002.0)]
    names = ("mfe_pts", "mae_pts", "mfe_sig", "mae_sig", "strength_pts", "strength_signed")
    assert [after(*path)[name] for name in names] == [6.0, -2.0, 1.5, -0.5, 2.0, 0.5]
    own = after(*path, scheme="trigger_c09")
    assert [own[name] for name in names] == [6.0, -2.0, 1.5, -0.5, 3.0, 0.75]
    blind = after(*path, frozen=setup(sigma_60=None))
    assert [blind[name] for name in names] == [6.0, -2.0, None, None, 2.0, None]


def test_the_triggers_anchor_moves_the_barriers():
    # b = 3.625 around 5999: 6002.625 breaks from the trigger, from the level it is 2.625 only
    path = ("10:01:05", 6002.625)
    assert after(path, scheme="trigger_c09")["outcome"] == "BREAK"
    assert after(path, scheme="level_c09")["outcome"] == "CHOP"
    assert after(("10:01:05", 5995.375), scheme="trigger_c09")["outcome"] == "REJECT"


@pytest.mark.parametrize("sevenths", range(7))
def test_a_level_between_ticks_moves_no_barrier_of_the_trigger(sevenths):
    # the trigger's barrier lies 3.625 from 5999 wherever the level is: 6002.625 reaches it, half a tick less does not
    level = 6000 + sevenths / 7
    frozen = setup(x0=round(5999 - level, 9), level=level)
    assert after(("10:01:05", 6002.625), frozen=frozen, scheme="trigger_c09")["outcome"] == "BREAK"
    assert after(("10:01:05", 6002.5), frozen=frozen, scheme="trigger_c09")["outcome"] == "CHOP"
    assert after(("10:01:05", 5995.375), frozen=frozen, scheme="trigger_c09")["outcome"] == "REJECT"


@pytest.mark.parametrize(("mid", "gap"), [(6004.875, False), (6005.0, True), (5992.0, True)])
def test_a_gap_event_is_as_long_as_the_corridor(mid, gap):
    # from 5999 with barriers 6 points apart
    assert after(("10:01:05", mid))["gap_event"] == gap
    assert (
        after(("10:01:05", 6003.0), ("10:01:06", 5990.0))["gap_event"] is False
    )  # the second did not decide


def test_a_later_jump_to_the_same_price_did_not_decide():
    # four points to 6003 break; the eight points back to it from 5995 are longer than the corridor of six
    back = [("10:01:05", 6003.0), ("10:01:06", 5995.0), ("10:01:07", 6003.0)]
    assert after(*back)["gap_event"] is False


def test_from_above_everything_is_reflected():
    path = [("09:59:00", 6003.0), ("10:00:02", 6001.0), ("10:01:05", 5996.5), ("10:02:05", 6004.0)]
    table = followed(setup(direction="DOWN"), path, "10:30:00")
    row = table.filter(pl.col("scheme") == "level_fix3", pl.col("horizon_s") == 240).row(0, named=True)
    assert (row["outcome"], row["time_to_break_s"], row["time_to_reject_s"]) == ("BREAK", 60.0, 120.0)
    assert (row["mfe_pts"], row["mae_pts"], row["strength_signed"]) == (4.5, -3.0, -1.0)


def test_odds_stand_beside_the_outcome():
    # plug-in at sigma_240 = 4; calibrated with the factor given, 0.9 where none is
    row = after(scheme="level_c09", calibrated=FITTED)
    one = np.ones(1)
    plug_in, fitted = (barrier.geometric(-one, 3.625 * one, s * one) for s in (4.0, 3.2))
    for name, odds in (("null", plug_in), ("cal", fitted)):
        assert [row[f"{name}_{end}"] for end in ("break", "reject", "chop")] == [float(p[0]) for p in odds]
    (usual,) = barrier.geometric(-one, 2.625 * one, 0.9 * 2 * math.sqrt(2) * one).chops
    assert after(scheme="level_c09", horizon=120, calibrated=FITTED)["cal_chop"] == usual
    assert (row["cal_factor"], after(horizon=120, calibrated=FITTED)["cal_factor"]) == (0.8, 0.9)
    # the five classes by the normal law: x0 = -1, cuts at 2 of sigma 4, so BREAK needs 3/4 of a sigma
    classes = after(scheme="level_class5", calibrated=FITTED)
    upper = [0.2266273523768682, 0.17425071188054242]  # 1 - Phi(0.75), 1 - Phi(3 / 3.2)
    assert [classes["null_break"], classes["cal_break"]] == pytest.approx(upper, abs=1e-12)
    assert classes["null_reject"] == pytest.approx(0.4012936743170763, abs=1e-12)  # Phi(-0.25)
    (centre,) = barrier.geometric(0 * one, 3.625 * one, 4 * one).breaks
    assert after(scheme="trigger_c09")["null_break"] == centre


@pytest.mark.parametrize(
    ("ratio", "sigma"),
    # sigma_240 = 4, times 0.8, times the root of the ratio, which counts between 1/4 and 4; unknown is as expected
    [(1.0, 3.2), (2.25, 4.8), (0.25, 1.6), (0.01, 1.6), (0.0, 1.6), (100.0, 6.4), (None, 3.2)],
)
def test_a_lively_market_scales_sigma_by_the_power_that_was_learnt(ratio, sigma):
    row = after(frozen=setup(ratio=ratio), scheme="level_c09", calibrated={240: Calibration(0.8, 0.5)})
    (chop,) = barrier.geometric(-np.ones(1), 3.625 * np.ones(1), sigma * np.ones(1)).chops
    assert row["cal_chop"] == pytest.approx(chop, abs=1e-12)
    assert (row["cal_factor"], row["cal_power"]) == (0.8, 0.5)
    assert row["null_chop"] == after(scheme="level_c09")["null_chop"]


# --- a slow labeller on random paths ------------------------------------------------------------------------------


def wander(seed: int) -> list[tuple[str, float]]:
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.integers(1, 3 * SECOND, 400))
    mids = 5999 + np.cumsum(rng.choice([-4, -1, 1, 4], 400)) * 0.125
    clock = ((int(t) // SECOND + 5, int(t) % SECOND) for t in at)
    return [
        (f"10:{s // 60:02}:{s % 60:02}.{part:09}", float(mid))
        for (s, part), mid in zip(clock, mids, strict=True)
    ]


def classed(x: float, sigma: float) -> str:
    """The class of a strength, counted in quarters of a sigma."""
    quarters = 4 * abs(x) / sigma
    name = "BREAK" if x > 0 else "REJECT"
    return "CHOP" if quarters < 2 else name if quarters < 6 else f"STRONG_{name}"


def label(path, d: int, anchor: float, width: float | None, horizon: int) -> tuple[str, float, float]:
    """Outcome, MFE and MAE of a path that starts at T0 with mid 5999; the class at its end without a width."""
    due = ns(T0) + horizon * SECOND
    inside = [mid for time, mid in path if ns(T0) <= ns(time) < due]
    away = [d * (mid - 5999) for mid in inside]
    outcome = "CHOP"
    if width is None:
        outcome = classed(d * ((inside or [5999.0])[-1] - anchor), 2 * math.sqrt(horizon / 60))
        return outcome, max([0.0, *away]), min([0.0, *away])
    for mid in inside:
        x = d * (mid - anchor)
        if abs(x) >= width:
            outcome = "BREAK" if x > 0 else "REJECT"
            break
    return outcome, max([0.0, *away]), min([0.0, *away])


@pytest.mark.parametrize("seed", range(6))
def test_the_slow_labeller_agrees_and_its_mirror_too(seed):
    path = wander(seed)
    table = followed(setup(), [*START, *path], "10:30:00")
    for row in table.iter_rows(named=True):
        anchor = 6000.0 if row["scheme"].startswith("level") else 5999.0
        assert (row["outcome"], row["mfe_pts"], row["mae_pts"]) == label(path, 1, anchor, row["barrier_pts"], row["horizon_s"])  # fmt: skip
    mirrored = [(time, 12000.0 - mid) for time, mid in [*START, *path]]
    assert followed(setup(direction="DOWN"), mirrored, "10:30:00").equals(table)


CUT_AT = ("10:00:10", "10:01:00", "10:02:05", "10:03:20", "10:04:05", "10:04:10", "10:06:45", "10:08:05")


@pytest.mark.parametrize("seed", range(3))
def test_cutting_the_tape_changes_no_resolved_outcome(seed):
    path = [*START, *wander(seed)]
    full = followed(setup(), path, "10:30:00")
    for cut in CUT_AT:
        short = followed(setup(), [row for row in path if row[0] < cut], cut)
        over = pl.col("horizon_s") * SECOND <= ns(cut) - ns(T0)
        assert short.filter(over).equals(full.filter(over))
        # before the horizon's end a barrier that was reached stands, and all else is CENSORED
        open_end = short.filter(~over)
        assert set(open_end["outcome"]) <= {"BREAK", "REJECT", "CENSORED"}
        reached = pl.col("outcome") != "CENSORED"
        names = ["scheme", "horizon_s", "outcome", "gap_event"]
        stands = open_end.filter(reached).select(names)
        assert stands.equals(full.join(stands, on=names[:2], how="semi").select(names))


def test_a_cut_just_before_a_barrier_is_reached_censors():
    # the law above would hold of a labeller that never says BREAK: here one tick of time decides
    path = [*START, ("10:03:20", 6003.0)]
    outcomes = [
        followed(setup(), path[:rows], cut)
        .filter(pl.col("scheme") == "level_fix3", pl.col("horizon_s") == 240)["outcome"]
        .item()
        for rows, cut in ((2, "10:03:20"), (3, "10:03:25"))
    ]
    assert outcomes == ["CENSORED", "BREAK"]


def test_library_keeps_the_default_scheme_with_its_start():
    table = followed(setup(), START, "10:30:00").with_columns(date=pl.lit(DAY))
    past = races.library(setup().with_columns(date=pl.lit(DAY)).lazy(), table.lazy())
    assert past.select("date", "horizon_s", "outcome", "x0", "sigma_60", "sigma_ratio").rows() == [
        (DAY, horizon, "CHOP", -1.0, 2.0, 1.0) for horizon in (120, 240, 480)
    ]


def test_bars_that_are_alive_are_no_silence():
    assert not alive(book(START, "10:01:00")).collect()["meta_empty"].any()
