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
CAL = np.array([0.3, 0.4, 0.3])  # of every made-up outcome


def test_a_blend_by_hand() -> None:
    """Two equal neighbours, BREAK and CHOP, beside a null that counts as two; a third has no outcome."""
    lists = Lists(np.array([3]), np.array([[0, 1, 2, -1]]), np.array([[1.0, 1.0, 1.0, 0.0]]))
    chances, count = trials.blends(lists, np.array([0, 2, -1, 1]), np.array([[0.5, 0.3, 0.2]]), [2.0])
    assert count.tolist() == [2]
    assert chances[0, 0].tolist() == pytest.approx([0.5, 0.15, 0.35])
    assert trials.losses(chances, np.array([1]))[0].tolist() == pytest.approx([-math.log(0.15)])


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
    return setups, gold.outcomes(setups).filter(pl.col("scheme") == gold.DEFAULT_SCHEME)


def scale():
    slots = vectors.spec(SPEC).slots
    return {SPEC: Scaler(np.zeros(len(slots)), np.ones(len(slots)))}


def slow(setups, outcomes, day, horizon, strength):
    """Questions and loss by a loop over setups, the nearest first, two of a date and one of a cluster."""
    slots = vectors.spec(SPEC).slots
    rows = [row for row in setups.to_dicts() if not row["is_placebo"]]
    ends = {(row["setup_id"], row["horizon_s"]): row["outcome"] for row in outcomes.to_dicts()}
    asked, lost = 0, 0.0
    for me in (row for row in rows if row["date"] == day and row["level_kind"] != "CUSTOM"):
        near = []
        for row in rows:
            shared = [s for s in slots if row[s] is not None and me[s] is not None]
            alike = row["direction"] == me["direction"] and me["level_kind"] in row["level_kinds"]
            if row["date"] < day and alike and len(shared) * 10 >= 7 * len(slots):
                gap = sum((np.float32(row[s]).item() - np.float32(me[s]).item()) ** 2 for s in shared)
                near.append((math.sqrt(gap * len(slots) / len(shared)), row))
        kept = []
        for far, row in sorted(near, key=lambda one: one[0]):
            mates = [one for _, one in kept if one["date"] == row["date"]]
            if len(mates) < 2 and row["cluster_id"] not in {one["cluster_id"] for _, one in kept}:
                kept.append((far, row))
        came = ends[me["setup_id"], horizon]
        if came in odds.CLASSES:
            widest = max((far for far, _ in kept), default=0)
            mine = [
                (math.exp(-((far / widest) ** 2) / 2), ends[row["setup_id"], horizon]) for far, row in kept
            ]
            mine = [(weight, end) for weight, end in mine if end in odds.CLASSES]
            total = sum(weight for weight, _ in mine)
            count = total**2 / sum(weight**2 for weight, _ in mine) if mine else 0
            share = sum(weight for weight, end in mine if end == came) / total if mine else 0
            chance = (count * share + strength * CAL[odds.CLASSES.index(came)]) / (count + strength)
            asked, lost = asked + 1, lost - math.log(chance)
    return asked, lost


def test_the_losses_are_those_of_a_loop(past) -> None:
    setups, outcomes = past
    found = trials.made(setups, outcomes, scale(), DAYS[-1])
    for horizon, strength in ((120, 5.0), (240, 40.0), (480, 1280.0)):
        row = found.filter(horizon_s=horizon, strength=strength).row(0, named=True)
        asked, lost = slow(setups, outcomes, DAYS[-1], horizon, strength)
        assert row["questions"] == asked > 3
        assert row["loss"] == pytest.approx(lost)


def test_later_dates_and_a_short_past_say_nothing(past) -> None:
    setups, outcomes = past
    today = DAYS[8]
    cut = setups.filter(pl.col("date") <= today)
    assert trials.made(setups, outcomes, scale(), today).equals(trials.made(cut, outcomes, scale(), today))
    assert trials.made(setups, outcomes, scale(), DAYS[7])["questions"].sum() == 0
    assert trials.made(setups, outcomes, scale(), today)["questions"].sum() > 0
