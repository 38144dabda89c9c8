"""Golden outcomes: one small tape per rule, every scheme of the 4-minute horizon worked out on paper.

The setup of `test_outcomes`: an arrival from below at 6000, T0 = 10:00:05, x0 = -1 (mid 5999), sigma_60 = 2.
sigma_240 = 2 * sqrt(240 / 60) = 4 and b = 0.9 * 4 = 3.6, rounded up to 3.625. So the barriers stand, as mids, at
    level_c09    6003.625 and 5996.375          level_fix2   6002 and 5998
    trigger_c09  6002.625 and 5995.375          level_fix3   6003 and 5997          level_fix5   6005 and 5995
and level_class5 asks for x at 10:04:05 against 2 (0.5 sigma) and 6 (1.5 sigma).
"""

import polars as pl
import pytest
from moment_tape import DAY, RESET, alive, book, followed, ns, quotes, utc
from test_outcomes import SCHEMES, START, setup

from warehouse import races

ENDS_AT = {"level_c09": 3.625, "level_class5": None, "level_fix2": 2.0, "level_fix3": 3.0, "level_fix5": 5.0, "trigger_c09": 3.625}  # fmt: skip

# Each tape goes 5999 (T0) and then as written. Outcomes in the order of SCHEMES:
# c09, class5, fix2, fix3, fix5, trigger.
TAPES = {
    # Up to 6003.125 in one step: past fix2 (6002), fix3 (6003) and the trigger's (6002.625), short of c09 (6003.625)
    # and fix5. It ends there: x = 3.125 of sigma 4 = 0.78 sigma, a BREAK of the five.
    "steps through some": ([("10:01:00", 6003.125)], ["CHOP", "BREAK", "BREAK", "BREAK", "CHOP", "BREAK"]),
    # First down to 5997.875 (x = -2.125: only fix2 rejects), then up to 6005 (x = 5: all others break), and back to
    # the level: 0 sigmas is CHOP of the five.
    "both ways": (
        [("10:01:00", 5997.875), ("10:02:00", 6005.0), ("10:03:00", 6000.0)],
        ["BREAK", "CHOP", "REJECT", "BREAK", "BREAK", "BREAK"],
    ),
    # A tie: two events at one nanosecond, 5994 (x = -6, below all) before 6006 (above all). Order decides: REJECT.
    # It ends at x = 6 = 1.5 sigma.
    "tie": ([("10:01:00", 5994.0), ("10:01:00", 6006.0)], ["REJECT", "STRONG_BREAK", *["REJECT"] * 4]),
    # A reset at 10:02 ends all that is open; fix2 broke at 6002 before it, and that stands.
    "reset": (
        [("10:01:00", 6002.0), ("10:02:00", RESET), ("10:02:01", 6010.0)],
        ["CENSORED", "CENSORED", "BREAK", "CENSORED", "CENSORED", "CENSORED"],
    ),
    # One event from 5999 to 6010, eleven points: as long as the corridors of c09 (7.25), fix2 (4), fix3 (6), fix5 (10)
    # and the trigger's (7.25). It counts as the BREAK that the mid after it is, flagged. x = 10 = 2.5 sigma.
    "gap": ([("10:01:00", 6010.0)], ["BREAK", "STRONG_BREAK", "BREAK", "BREAK", "BREAK", "BREAK"]),
}  # fmt: skip


def ends(table):
    at_four = table.filter(pl.col("horizon_s") == 240)
    assert at_four["scheme"].to_list() == list(SCHEMES)
    assert at_four["barrier_pts"].to_list() == list(ENDS_AT.values())
    return at_four["outcome"].to_list()


def mirrored(path):
    return [(time, mid if isinstance(mid, str) else 12000.0 - mid) for time, mid in path]


@pytest.mark.parametrize("name", TAPES)
def test_golden(name):
    path, outcomes = TAPES[name]
    table = followed(setup(), [*START, *path], "10:30:00")
    assert ends(table) == outcomes
    back = followed(setup(direction="DOWN"), mirrored([*START, *path]), "10:30:00")
    assert back.equals(table)


def test_golden_gap_is_flagged():
    path, _ = TAPES["gap"]
    table = followed(setup(), [*START, *path], "10:30:00").filter(pl.col("horizon_s") == 240)
    assert table["gap_event"].to_list() == [True, False, True, True, True, True]
    # from 5999 to 6004 it is five points: longer than fix2's corridor of 4 alone
    short = followed(setup(), [*START, ("10:01:00", 6004.0)], "10:30:00").filter(pl.col("horizon_s") == 240)
    assert short["gap_event"].to_list() == [False, False, True, False, False, False]


def test_golden_born():
    # x0 = -2.5 (mid 5997.5): fix2's -2 lies behind price at T0. The rest stand: c09 at -3.625, fix3 at -3, fix5 at -5,
    # the trigger's at 5997.5 -+ 3.625 = 5993.875 and 6001.125. Price goes to 5994: x = -6, all of the level's reject,
    # 5994 is short of 5993.875, so the trigger's is CHOP; -6 of sigma 4 = -1.5 is the strongest of the five.
    path = [("09:59:00", 5997.0), ("10:00:02", 5997.5), ("10:01:00", 5994.0)]
    table = followed(setup(x0=-2.5), path, "10:30:00")
    assert ends(table) == ["REJECT", "STRONG_REJECT", "BORN", "REJECT", "REJECT", "CHOP"]
    back = followed(setup(x0=-2.5, direction="DOWN"), mirrored(path), "10:30:00")
    assert back.equals(table)


def test_golden_halt():
    # Records stop at 10:02:00 and come back at 10:03:05: 65 s of silence inside the horizon. fix2 broke at 10:01:00
    # (x = 2); what is open is CENSORED, and the 6020 after the halt counts for nobody.
    path = [*START, ("10:01:00", 6002.0), ("10:03:05", 6020.0)]
    silent = pl.col("bar_ts").is_between(utc("10:02:00"), utc("10:03:05"), closed="left")
    bars = alive(book(path, "10:30:00")).with_columns(meta_empty=silent)
    table = races.outcomes(setup(), races.mids(quotes(path)), bars, DAY, tick=0.25, calibrated={})
    assert ends(table) == ["CENSORED", "CENSORED", "BREAK", "CENSORED", "CENSORED", "CENSORED"]


def test_golden_session_end():
    # T0 = 16:57:00 leaves 180 s of session. fix2 breaks at 16:58 (x = 2); the fixing of the next session at 18:00 and
    # the prints after 17:00 do not exist for the label. Two minutes fit, four and eight do not.
    path = [("16:50:00", 5997.0), ("16:56:58", 5999.0), ("16:58:00", 6002.0), ("17:00:01", 6030.0)]
    table = followed(setup(t0="16:57:00"), path, "17:10:00")
    assert ends(table) == ["CENSORED", "CENSORED", "BREAK", "CENSORED", "CENSORED", "CENSORED"]
    # at two minutes b = 2.625 (trigger's at 6001.625) and sigma_120 = 2.83: x = 2 is 0.71 sigma
    two = table.filter(pl.col("horizon_s") == 120)["outcome"].to_list()
    assert two == ["CHOP", "BREAK", "BREAK", "CHOP", "CHOP", "BREAK"]
    assert ns("16:57:00") + 180 * 10**9 == ns("17:00:00")
