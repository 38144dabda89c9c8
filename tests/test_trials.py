"""How much the null counts: worked by hand, against a loop, and blind to what came later."""

import math

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import odds, trials, vectors
from warehouse.schema import TRIALS
from warehouse.trials import Lists
from warehouse.vectors import Scaler

DAYS = gold.dates(10)
SPEC = "geometry4"


def test_a_blend_by_hand() -> None:
    """Two equal neighbours, BREAK and CHOP, beside a null that counts as two; a third has no outcome.

    They broke, were rejected and chopped 0.5, 0 and 0.5 of the time where geometry gave them 0.4, 0.2 and 0.4, so
    from where the question starts that is 0.5 + 0.1, 0.3 - 0.2 and 0.2 + 0.1.
    """
    lists = Lists(np.array([3]), np.array([[0, 1, 2, -1]]), np.array([[1.0, 1.0, 1.0, 0.0]]))
    cal = np.array([[0.5, 0.1, 0.4], [0.3, 0.3, 0.4], [0.9, 0.1, 0.0], [0.5, 0.3, 0.2]])
    y = np.array([0, 2, -1, 1])
    chances, count = trials.blends(lists, y, cal, cal[[3]], [2.0])
    assert count.tolist() == [2]
    assert chances[0, 0].tolist() == pytest.approx([0.55, 0.2, 0.25])
    assert trials.losses(chances, np.array([1]))[0].tolist() == pytest.approx([-math.log(0.2)])
    # drawn to another prior, from the same start
    other, _ = trials.blends(lists, y, cal, np.array([[0.2, 0.4, 0.4]]), [2.0])
    assert other[0, 0].tolist() == pytest.approx([0.4, 0.25, 0.35])


def test_everyone_weighs_the_same() -> None:
    masks = [np.array([True, False, True, False]), np.zeros(4, bool)]
    lists = trials.everyone(np.array([2, 3]), masks)
    assert lists.rows.tolist() == [[0, 2], [-1, -1]]
    assert lists.weights.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert trials.everyone(np.empty(0, int), []).rows.shape == (0, 0)


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
    return pl.DataFrame([(SPEC, *row) for row in rows], TRIALS.schema, orient="row")


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


def beyond(near, own, cal_of):
    """Where outcomes of (weight, row) leave a start: its geometry and what came beyond theirs, whole again."""
    total = sum(weight for weight, _ in near)
    moved = {}
    for name in odds.CLASSES:
        apart = sum(weight * ((end["outcome"] == name) - end[cal_of(name)]) for weight, end in near)
        moved[name] = max(0, own[cal_of(name)] + (apart / total if near else 0))
    return {name: share / sum(moved.values()) for name, share in moved.items()}


def slow(setups, outcomes, day, horizon, strength, geometry=None):
    """Questions and loss by a loop over setups, the nearest first, two of a date and one of a cluster.

    P_cal is geometry alone, or drawn to everyone where geometry counts as some of them.
    """
    slots = vectors.spec(SPEC).slots
    rows = [row for row in setups.to_dicts() if not row["is_placebo"]]
    ends = {(row["setup_id"], row["horizon_s"]): row for row in outcomes.to_dicts()}

    def cal(name):
        return f"cal_{name.lower()}"

    asked, lost = 0, 0.0
    for me in (row for row in rows if row["date"] == day and row["level_kind"] != "CUSTOM"):
        near = []
        for row in rows:
            shared = [s for s in slots if row[s] is not None and me[s] is not None]
            if (
                row["date"] < day
                and gold.alike(row, me, [me["level_kind"]])
                and len(shared) * 10 >= 7 * len(slots)
            ):
                gap = sum((np.float32(row[s]).item() - np.float32(me[s]).item()) ** 2 for s in shared)
                near.append((math.sqrt(gap * len(slots) / len(shared)), row))
        kept = []
        for far, row in sorted(near, key=lambda one: one[0]):
            mates = [one for _, one in kept if one["date"] == row["date"]]
            if len(mates) < 2 and row["cluster_id"] not in {one["cluster_id"] for _, one in kept}:
                kept.append((far, row))
        own = ends[me["setup_id"], horizon]
        if own["outcome"] in odds.CLASSES:
            widest = max((far for far, _ in kept), default=0)
            mine = [
                (math.exp(-((far / widest) ** 2) / 2), ends[row["setup_id"], horizon]) for far, row in kept
            ]
            mine = [(weight, end) for weight, end in mine if end["outcome"] in odds.CLASSES]
            total = sum(weight for weight, _ in mine)
            count = total**2 / sum(weight**2 for weight, _ in mine) if mine else 0
            share = beyond(mine, own, cal)[own["outcome"]]
            null = own[cal(own["outcome"])]
            if geometry is not None:
                every = [
                    (1.0, ends[row["setup_id"], horizon])
                    for row in rows
                    if row["date"] < day and gold.alike(row, me, [me["level_kind"]])
                ]
                every = [(weight, end) for weight, end in every if end["outcome"] in odds.CLASSES]
                apart = beyond(every, own, cal)[own["outcome"]]
                null = (len(every) * apart + geometry * null) / (len(every) + geometry)
            chance = (count * share + strength * null) / (count + strength)
            asked, lost = asked + 1, lost - math.log(chance)
    return asked, lost


def test_the_losses_are_those_of_a_loop(past) -> None:
    setups, outcomes = past
    earlier = pl.DataFrame(
        [(trials.P_CAL, 240, 20.0, 9, 1.0), (trials.P_CAL, 240, 40.0, 9, 2.0), (SPEC, 480, 5.0, 9, 1.0)],
        TRIALS.schema, orient="row",
    )  # fmt: skip
    found = trials.made(setups, outcomes, scale(), DAYS[-1], earlier)
    for horizon, strength, geometry in ((120, 5.0, None), (240, 40.0, 20.0), (480, 1280.0, None)):
        row = found.filter(spec=SPEC, horizon_s=horizon, strength=strength).row(0, named=True)
        asked, lost = slow(setups, outcomes, DAYS[-1], horizon, strength, geometry)
        assert row["questions"] == asked > 3
        assert row["loss"] == pytest.approx(lost)
    # P_cal itself: what is left where neighbours count for nothing
    own = found.filter(spec=trials.P_CAL, horizon_s=240, strength=80.0).row(0, named=True)
    asked, lost = slow(setups, outcomes, DAYS[-1], 240, 1e15, 80.0)
    assert (own["questions"], own["loss"]) == (asked, pytest.approx(lost))
    assert found.filter(spec=trials.P_CAL)["strength"].unique().to_list() == sorted(trials.PRIORS)


def test_later_dates_and_a_short_past_say_nothing(past) -> None:
    setups, outcomes = past
    today = DAYS[8]
    cut = setups.filter(pl.col("date") <= today)
    none = pl.DataFrame(schema=TRIALS.schema)
    found = trials.made(setups, outcomes, scale(), today, none)
    assert found.equals(trials.made(cut, outcomes, scale(), today, none))
    assert trials.made(setups, outcomes, scale(), DAYS[7], none)["questions"].sum() == 0
    assert found["questions"].sum() > 0
