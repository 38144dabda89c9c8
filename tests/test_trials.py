"""How much each circle counts: worked by hand, against a loop, and blind to what came later."""

import math

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import circles, odds, trials, vectors
from warehouse.circles import ELSEWHERE, OWN, Lists
from warehouse.schema import TRIALS
from warehouse.trials import P_CAL
from warehouse.vectors import Scaler

DAYS = gold.dates(10)
SPEC = "geometry4"


def test_what_neighbours_tell_by_hand() -> None:
    """Two equal neighbours, BREAK and CHOP, beside a null that counts as two; a third has no outcome.

    They broke, were rejected and chopped 0.5, 0 and 0.5 of the time where geometry gave them 0.4, 0.2 and 0.4, so
    from where the question starts that is 0.5 + 0.1, 0.3 - 0.2 and 0.2 + 0.1.
    """
    lists = Lists(np.array([3]), np.array([[0, 1, 2, -1]]), np.array([[1.0, 1.0, 1.0, 0.0]]))
    cal = np.array([[0.5, 0.1, 0.4], [0.3, 0.3, 0.4], [0.9, 0.1, 0.0], [0.5, 0.3, 0.2]])
    y = np.array([0, 2, -1, 1])
    shares, count = circles.told(lists, y, cal)
    assert count.tolist() == [2]
    chances = circles.drawn(shares, count, cal[[3]], [2.0])
    assert chances[0, 0].tolist() == pytest.approx([0.55, 0.2, 0.25])
    assert circles.losses(chances, np.array([1]))[0].tolist() == pytest.approx([-math.log(0.2)])
    # drawn to another prior, from the same start
    other = circles.drawn(shares, count, np.array([[0.2, 0.4, 0.4]]), [2.0])
    assert other[0, 0].tolist() == pytest.approx([0.4, 0.25, 0.35])
    # everyone, each weighing the same: the third has no outcome, the last is not asked; of the third question nobody
    some, none = np.array([True, True, True, False]), np.zeros(4, bool)
    told, of = circles.everyone([some, some, none], y, cal, cal[[3, 0, 3]])
    assert of.tolist() == [2, 2, 0] and told[0].tolist() == pytest.approx(shares[0].tolist())
    assert told[1].tolist() == pytest.approx([0.6 / 1.1, 0.0, 0.5 / 1.1])
    assert told[2].tolist() == pytest.approx(cal[3].tolist())
    told, of = circles.everyone([], y, cal, cal[:0])
    assert told.shape == (0, 3) and of.shape == (0,)


def test_the_lean_is_taught_what_came_beyond_geometry() -> None:
    cal = np.array([[0.3, 0.5, 0.2], [0.3, 0.5, 0.2], [0.3, 0.5, 0.2], [0.3, 0.5, 0.2], [np.nan] * 3])
    found = trials.excess(np.array([0, 1, 2, -1, 0]), cal)
    assert found[:3].tolist() == pytest.approx([1.2, -0.8, 0.2]) and np.isnan(found[3:]).all()


def test_a_share_is_never_below_zero_and_geometry_alone_moves_nothing() -> None:
    """No REJECT where geometry gave 0.5 of them: 0.3 - 0.5 counts as 0, and what is left is made whole again."""
    null = np.array([0.5, 0.3, 0.2])
    got = odds.moved(np.array([0.5, 0.0, 0.5]), np.array([0.3, 0.5, 0.2]), null)
    assert got.tolist() == pytest.approx([0.7 / 1.2, 0.0, 0.5 / 1.2])
    assert odds.moved(null, null, null).tolist() == pytest.approx(null.tolist())
    assert odds.moved(np.zeros(3), np.zeros(3), null).tolist() == pytest.approx(null.tolist())


def told(*rows):
    return pl.DataFrame([(SPEC, OWN, *row) for row in rows], TRIALS.schema, orient="row")


def test_the_strength_is_the_likeliest_of_all_dates_and_absent_without_questions() -> None:
    """At 240 s, 20 loses 5.5 in all and 10 loses 6; at 120 s nothing was asked."""
    found = trials.strengths(
        told(
            (240, 10.0, 2, 2.0), (240, 20.0, 2, 3.0), (240, 10.0, 1, 4.0), (240, 20.0, 1, 2.5),
            (120, 10.0, 0, 0.0), (120, 20.0, 0, 0.0),
        )
    )  # fmt: skip
    assert found == {240: 20.0}


@pytest.fixture(scope="module")
def past():
    setups = pl.concat([gold.setups(day, 12).with_columns(date=pl.lit(day)) for day in DAYS])
    outcomes = gold.outcomes(setups).filter(pl.col("scheme") == gold.DEFAULT_SCHEME)
    turn = pl.col("setup_id").rank("dense") % 4 / 10  # starts differ, and so does what geometry gives them
    return setups, outcomes.with_columns(cal_break=0.2 + turn, cal_reject=0.5 - turn, cal_chop=pl.lit(0.3))


def scale():
    slots = vectors.spec(SPEC).slots
    return {SPEC: Scaler(np.zeros(len(slots)), np.ones(len(slots)))}


def cal(name):
    return f"cal_{name.lower()}"


def beyond(near, own):
    """Where outcomes of (weight, row) leave a start: its geometry and what came beyond theirs, whole again."""
    total = sum(weight for weight, _ in near)
    moved = {}
    for name in odds.CLASSES:
        apart = sum(weight * ((end["outcome"] == name) - end[cal(name)]) for weight, end in near)
        moved[name] = max(0, own[cal(name)] + (apart / total if near else 0))
    return {name: share / sum(moved.values()) for name, share in moved.items()}


def nearest(me, rows, k):
    """Distance and setup, the nearest first, two of a date and one of a cluster."""
    slots, near, kept = vectors.spec(SPEC).slots, [], []
    for row in rows:
        shared = [s for s in slots if row[s] is not None and me[s] is not None]
        if len(shared) * 10 >= 7 * len(slots):
            gap = sum((np.float32(row[s]).item() - np.float32(me[s]).item()) ** 2 for s in shared)
            near.append((math.sqrt(gap * len(slots) / len(shared)), row))
    for far, row in sorted(near, key=lambda one: one[0]):
        mates = [one for _, one in kept if one["date"] == row["date"]]
        if len(mates) < 2 and row["cluster_id"] not in {one["cluster_id"] for _, one in kept}:
            kept.append((far, row))
    return kept[:k]


def slow(setups, outcomes, day, horizon, counts):
    """Questions and loss by a loop over setups: everyone elsewhere, of the own, the nearest of both.

    Args:
        counts: As how many of each in turn what was known before counts; what is left out is not asked.
    """
    rows = [row for row in setups.to_dicts() if not row["is_placebo"]]
    ends = {(row["setup_id"], row["horizon_s"]): row for row in outcomes.to_dicts()}
    asked, lost = 0, 0.0
    for me in (row for row in rows if row["date"] == day and row["level_kind"] != "CUSTOM"):
        start = ends[me["setup_id"], horizon]
        if start["outcome"] not in odds.CLASSES:
            continue
        past = [row for row in rows if row["date"] < day]
        own = [row for row in past if gold.alike(row, me, [me["level_kind"]])]
        wide = [row for row in past if set(row["level_kinds"]) - {"CUSTOM"} and row not in own]
        p = {name: start[cal(name)] for name in odds.CLASSES}
        asks = [
            [(None, row) for row in wide], [(None, row) for row in own], nearest(me, wide, 60), nearest(me, own, 30)
        ]  # fmt: skip
        for turn, (kept, strength) in enumerate(zip(asks, counts, strict=False)):
            widest = max((far for far, _ in kept if far is not None), default=0)
            told = [
                (1.0 if far is None else math.exp(-((far / widest) ** 2) / 2), ends[row["setup_id"], horizon])
                for far, row in kept
            ]
            told = [(weight, end) for weight, end in told if end["outcome"] in odds.CLASSES]
            count = (
                sum(weight for weight, _ in told) ** 2 / sum(weight**2 for weight, _ in told) if told else 0
            )
            share = beyond(told, start)
            if turn == 2:
                sides = share["BREAK"] + share["REJECT"]
                share = {name: share[name] / sides * (1 - p["CHOP"]) for name in ("BREAK", "REJECT")}
                share["CHOP"] = p["CHOP"]
            p = {name: (count * share[name] + strength * p[name]) / (count + strength) for name in p}
        asked, lost = asked + 1, lost - math.log(p[start["outcome"]])
    return asked, lost


def test_the_losses_are_those_of_a_loop(past) -> None:
    """Earlier trials chose 20, 40 and 80 at four minutes, and nothing at the others."""
    setups, outcomes = past
    chose = ((P_CAL, ELSEWHERE, 20.0), (P_CAL, OWN, 40.0), (SPEC, ELSEWHERE, 80.0), (SPEC, OWN, 5.0))
    earlier = pl.DataFrame(
        [(spec, circle, 240, strength, 9, 1.0) for spec, circle, strength in chose]
        + [(spec, circle, 240, 2 * strength, 9, 2.0) for spec, circle, strength in chose],
        TRIALS.schema, orient="row",
    )  # fmt: skip
    found = trials.made(setups, outcomes, scale(), DAYS[-1], earlier)
    turns = [(P_CAL, ELSEWHERE), (P_CAL, OWN), (SPEC, ELSEWHERE), (SPEC, OWN)]
    for horizon, before in ((120, [1e9, 1e9, 10.0]), (240, [20.0, 40.0, 80.0]), (480, [1e9, 1e9, 10.0])):
        for turn, (spec, circle) in enumerate(turns):
            for strength in (5.0, 160.0):
                mine = {"spec": spec, "circle": circle, "horizon_s": horizon, "strength": strength}
                row = found.filter(**mine).row(0, named=True)
                asked, lost = slow(setups, outcomes, DAYS[-1], horizon, [*before[:turn], strength])
                assert row["questions"] == asked > 3
                assert row["loss"] == pytest.approx(lost)
    assert found.filter(spec=P_CAL)["strength"].unique().to_list() == sorted(trials.EVERYONE[0])
    assert found.filter(spec=SPEC)["strength"].unique().to_list() == sorted(trials.NEAREST[0])


def test_later_dates_and_a_short_past_say_nothing(past) -> None:
    setups, outcomes = past
    today = DAYS[8]
    cut = setups.filter(pl.col("date") <= today)
    none = pl.DataFrame(schema=TRIALS.schema)
    found = trials.made(setups, outcomes, scale(), today, none)
    assert found.equals(trials.made(cut, outcomes, scale(), today, none))
    assert trials.made(setups, outcomes, scale(), DAYS[7], none)["questions"].sum() == 0
    assert found["questions"].sum() > 0
