"""The harness: scores by hand, a walk that is the product's, skill where it was put and none where not."""

import dataclasses
import datetime as dt
import json
import math
import shutil
import xml.etree.ElementTree as ET

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import circles, library, odds, physics, question, similar, store, trials, vectors
from warehouse.answer import Answer
from warehouse.circles import Lists
from warehouse.errors import MissingStepError, QuestionError
from warehouse.evaluate import (
    baselines,
    carried,
    lags,
    leaks,
    models,
    page,
    report,
    resample,
    results,
    sample,
    scores,
    table,
    walk,
)
from warehouse.evaluate.walk import Near
from warehouse.schema import HORIZONS_S, LEVEL_KINDS, TRIALS

COUNT = 34
SPEC, FOUR = vectors.spec(), vectors.spec("geometry4")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return gold.root(tmp_path_factory.mktemp("root"), COUNT, 24)


@pytest.fixture(scope="module")
def drawn(root):
    """Outcomes that go with nothing, and a null that says how often each comes."""
    return told(sample.load(root, 240))


def told(mine, tilt=0.0, seed=5):
    """The sample with outcomes drawn from the null, tilted by the mean of four slots, which evens out."""
    rng = np.random.default_rng(seed)
    values = np.nan_to_num(vectors.matrix(mine.frame, FOUR)).mean(axis=1) * tilt
    up = 0.35 * (1 + np.tanh(values))
    chance = np.stack([up, 0.7 - up, np.full_like(up, 0.3)], axis=1)
    y = (rng.random(len(chance))[:, None] > np.cumsum(chance, axis=1)[:, :2]).sum(axis=1)
    cal = np.tile([0.35, 0.35, 0.3], (len(y), 1))
    frame = mine.frame.with_columns(excess=pl.Series(trials.excess(y, cal)))
    return dataclasses.replace(mine, frame=frame, y=y, cal=cal)


def run(mine):
    return report._Run(None, mine, lambda _what: None)


def test_scores_by_hand() -> None:
    """BREAK, REJECT, CHOP; the second question was sure of the wrong one."""
    p, y = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]), np.array([0, 2])
    got = scores.scores(p, y)
    assert got.log_loss == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 2)
    assert got.brier == pytest.approx((0.25 + 0.09 + 0.04 + 0.01 + 0.64 + 0.81) / 2)
    # in the order REJECT, CHOP, BREAK: gaps of cumulated chances 0.3, 0.5 and 0.8, 0.9 - 1
    assert got.rps == pytest.approx(((0.09 + 0.25) / 2 + (0.64 + 0.01) / 2) / 2)
    assert (got.accuracy, got.top2) == (0.5, 0.5)
    assert scores.resolved(p, y).tolist() == pytest.approx([-math.log(0.8), -math.log(0.1)])
    assert scores.direction(p, y)[0] == pytest.approx(-math.log(0.5 / 0.8)) and np.isnan(
        scores.direction(p, y)[1]
    )


def test_calibration_error_by_hand() -> None:
    """Twenty questions in ten pairs; all say 0.5, five pairs break always and five never."""
    assert scores.calibration_error(np.full(20, 0.5), np.repeat([1.0, 0.0], 10)) == 0.5
    assert scores.calibration_error(np.full(20, 0.5), np.tile([1.0, 0.0], 10)) == 0.0


def test_skill_is_of_sums_and_its_interval_is_of_days() -> None:
    """Half the loss everywhere is a skill of a half whatever is drawn; one good day of two is anything."""
    sure = resample.skill(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]), np.array([1, 1, 2]))
    assert (sure.value, sure.lo, sure.hi) == (0.5, 0.5, 0.5)
    two = resample.skill(np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.array([1, 2]))
    assert (two.value, two.lo, two.hi) == (0.0, -1.0, 1.0)
    part = resample.skill(np.array([1.0, np.nan]), np.array([2.0, np.nan]), np.array([1, 2]))
    assert part.value == 0.5


def test_the_walk_finds_what_similar_answers(root) -> None:
    """Same setups of both circles, same order, same weights, for every question of two dates."""
    mine = sample.load(root, 240)
    near = walk.neighbours(mine, SPEC)
    frame = mine.frame.with_columns(pl.col("known_ts").cast(pl.Int64)).to_dicts()
    names = mine.frame["setup_id"].to_list()
    checked = 0
    for n, row in enumerate(near.own.asked):
        if mine.day[row] in {20, COUNT - 1}:
            card = similar.ask(root, frame[row]["level_kind"], frame[row]["known_ts"])
            for lists, shown in ((near.own, card.neighbours), (near.elsewhere, card.elsewhere)):
                found = [names[one] for one in lists.rows[n] if one >= 0]
                assert found == [each["setup_id"] for each in shown]
                assert lists.weights[n, : len(found)].tolist() == pytest.approx(
                    [each["weight"] for each in shown]
                )
            checked += 1
    assert checked >= 8


def test_under_learnt_strengths_the_walk_forecasts_what_the_card_says(root, tmp_path, monkeypatch) -> None:
    """Chances, what counts beside neighbours, and what intervals rest on, at every question of two dates.

    Both start from the chances by geometry that are stored, which here are drawn.
    """
    mine = shutil.copytree(root, tmp_path / "learnt")
    setups = library.setups(mine, SPEC.slots)
    earlier = [pl.DataFrame(schema=TRIALS.schema)]
    for day in gold.dates(COUNT):
        rows = pl.read_parquet(mine / f"gold/scalers/product={gold.PRODUCT}/date={day}/part.parquet")
        scale = vectors.scaler(rows, SPEC)
        known = setups.filter(pl.col("date") <= day)
        made = trials.made(known, library.outcomes(mine), {SPEC.name: scale}, day, pl.concat(earlier))
        store.write(store.partition(mine, "gold.trials", product=gold.PRODUCT, date=day), made, {})
        earlier.append(made)
    found = sample.load(mine, 240)
    prior, past = walk.settled(found)
    got = walk.forecast(found, walk.neighbours(found, SPEC), prior, past)
    frame = found.frame.with_columns(pl.col("known_ts").cast(pl.Int64)).to_dicts()
    stored = {(row["setup_id"], row["horizon_s"]): row for row in library.outcomes(mine).to_dicts()}

    def drawn(answer, n, _width, _sigma):
        row = stored[answer.now.setup["setup_id"], HORIZONS_S[n]]
        known = [row[f"cal_{name.lower()}"] for name in odds.CLASSES]
        return None if None in known else np.array(known)

    monkeypatch.setattr(Answer, "_null", drawn)
    strengths = set()
    for n, row in enumerate(found.questions):
        if found.day[row] in {20, COUNT - 1}:
            card = similar.ask(mine, frame[row]["level_kind"], frame[row]["known_ts"])
            said = card.labels["4m"]
            chances = [card.outcomes["4m"][name].p for name in odds.CLASSES]
            assert chances == pytest.approx(got.p[n].tolist())
            assert (said.null_n, said.whole_n) == (got.strength[n], pytest.approx(got.whole[n]))
            strengths.add((said.null_n, said.elsewhere_null_n))
    assert strengths - {(10.0, 10.0)}
    assert any(np.abs(prior - found.cal[found.questions]).max(axis=1) > 1e-6)


def asking(y, cal, day, others=()):
    """A sample of nothing but outcomes, geometry and sessions: PM_HIGH from below, but for others from above."""
    ways = ["DOWN" if row in others else "UP" for row in range(len(y))]
    frame = pl.DataFrame({"level_kind": ["PM_HIGH"] * len(y), "direction": ways})
    kinds = np.tile([kind == "PM_HIGH" for kind in LEVEL_KINDS], (len(y), 1))
    return sample.Sample(frame, y, cal, cal, day, kinds, pl.DataFrame())


def always(asked, rows):
    """The same neighbours for every question, all weighing the same."""
    return Lists(np.array(asked), np.tile(rows, (len(asked), 1)), np.ones((len(asked), len(rows))))


def test_a_forecast_is_the_cards() -> None:
    """Two circles of weights and outcomes, put together step by step."""
    y, cal = np.array([0, 0, 2, -1, 1, 1]), np.random.default_rng(3).dirichlet([5, 5, 5], 6)
    wide = Lists(np.array([5]), np.array([[1, 2, 4, -1]]), np.array([[1.0, 0.9, 0.6, 0.0]]))
    own = Lists(np.array([5]), np.array([[0, 2, 3, 4, -1]]), np.array([[1.0, 0.8, 0.7, 0.6, 0.0]]))
    prior, past = np.array([[0.2, 0.3, 0.5]]), np.array([40.0])
    mine = asking(y, cal, np.zeros(6, int))
    got = walk.forecast(mine, Near(wide, own), prior, past)
    shares, n_wide = circles.told(wide, y, cal)
    tilted = odds.drawn(odds.sided(shares, prior), n_wide[:, None], prior, 10.0)
    shares, n = circles.told(own, y, cal)
    want = odds.drawn(shares, n[:, None], tilted, 10.0)
    assert got.p.tolist() == pytest.approx(np.array(want.tolist()))
    assert tilted[0, 2] == pytest.approx(0.5) and abs(tilted[0, 0] - 0.2) > 0.01
    assert got.n_eff[0] == n[0] == pytest.approx(odds.effective(np.array([1.0, 0.8, 0.6])))
    assert got.whole[0] == pytest.approx(n[0] + 10)


def test_p_cal_is_of_both_circles_and_its_strengths_are_learnt_from_earlier_sessions_only() -> None:
    """All broke where geometry says they hardly do: from the second session on it counts as little as it may.

    Geometry is drawn to the two from the other side first, and that to those of the own.
    """
    y, cal = np.array([0, 0, 0, 0, 0, 0, 1]), np.tile([0.1, 0.8, 0.1], (7, 1))
    day, others = np.array([0, 0, 0, 0, 8, 9, 10]), {0, 1}
    got, count = walk.settled(asking(y, cal, day, others))
    assert count.tolist() == [2, 3, 4]
    assert got[0].tolist() == pytest.approx(cal[4].tolist(), abs=1e-8)
    told = odds.moved(np.array([1.0, 0, 0]), cal[0], cal[0])
    first = odds.drawn(told, 2, cal[0], 5.0)
    want = [odds.drawn(told, n, first, 5.0).tolist() for n in (3, 4)]
    assert got[1].tolist() == pytest.approx(want[0]) and got[2].tolist() == pytest.approx(want[1])
    later, _ = walk.settled(asking(np.where(day == 10, 0, y), cal, day, others))
    assert np.array_equal(later, got)


def test_how_much_neighbours_count_is_learnt_from_earlier_sessions_only() -> None:
    """Neighbours that are always wrong: from the second session on the null counts as much as it may."""
    y, cal = np.array([0, 0, 0, 1, 1, 1, 1]), np.tile([0.1, 0.8, 0.1], (7, 1))
    day, past = np.array([0, 0, 0, 8, 8, 9, 10]), np.full(4, 40.0)
    near = Near(always([3, 4, 5, 6], [0, 1, 2]), always([3, 4, 5, 6], [0, 1, 2]))

    def strength(y):
        return walk.forecast(asking(y, cal, day), near, cal[3:], past).strength.tolist()

    assert strength(y) == [10, 10, odds.STRENGTHS[-1], odds.STRENGTHS[-1]]
    assert strength(np.where(np.arange(7) == 6, 0, y)) == strength(y)  # the last session's own outcome
    assert strength(np.where(np.arange(7) >= 3, 0, y)) == [10, 10, 5, 5]


@pytest.mark.parametrize("make", [models.logit, models.trees])
def test_later_outcomes_change_no_earlier_forecast(drawn, make) -> None:
    asked = drawn.questions
    later = dataclasses.replace(drawn, y=np.where(drawn.day >= 28, 0, drawn.y))
    early = drawn.day[asked] < 28
    one, two = (models.forecast(each, vectors.spec("geometry4"), make) for each in (drawn, later))
    assert np.array_equal(one[early], two[early]) and not np.array_equal(one, two)
    for rule in (baselines.base_rate, baselines.by_level_and_time, baselines.last_outcome):
        assert np.array_equal(rule(drawn)[early], rule(later)[early])
    near, past = walk.neighbours(drawn, SPEC), np.full(len(asked), 40.0)
    one, two = (walk.settled(each)[0] for each in (drawn, later))
    assert np.array_equal(one[early], two[early]) and not np.array_equal(one, two)
    one, two = (walk.forecast(each, near, one, past).p for each in (drawn, later))
    assert np.array_equal(one[early], two[early]) and not np.array_equal(one, two)


def test_neighbours_are_of_earlier_sessions_and_an_embargo_leaves_out_more(drawn) -> None:
    for embargo in (0, 5):
        for lists in walk.neighbours(drawn, SPEC, embargo=embargo):
            gap = (drawn.day[lists.asked][:, None] - drawn.day[lists.rows])[lists.rows >= 0]
            assert gap.min() == embargo + 1


def test_skill_is_found_where_it_was_put_and_nowhere_else(drawn) -> None:
    """Four slots tilt the odds: the interval lies above 0. Without them, nine times in ten it holds 0."""
    lists = walk.neighbours(drawn, FOUR)

    def skill(mine, by=lists):
        ours = run(mine)
        return ours.row("x", "spec", ours.forecast(by).p).skill

    assert skill(told(drawn, tilt=30.0)).lo > 0.01
    nothing = [skill(told(drawn, seed=seed)) for seed in range(5, 15)]
    assert sum(each.lo > 0 for each in nothing) <= 2  # three of ten would come once in a hundred times
    assert sum(each.hi < 0 for each in nothing) <= 2
    noise = walk.neighbours(drawn, FOUR, models.drawn_alike(drawn.frame, FOUR).astype(np.float32))
    blind = skill(told(drawn, tilt=30.0), noise)
    assert blind.lo <= 0 <= blind.hi


def test_carried_outcomes_stay_in_their_strata_and_days_stay_together(drawn) -> None:
    groups = resample.strata(drawn)
    seen = []
    for y in resample.permuted(drawn, 3):
        for group in np.unique(groups):
            mine = groups == group
            assert (
                np.bincount(y[mine], minlength=3).tolist() == np.bincount(drawn.y[mine], minlength=3).tolist()
            )
        seen.append(tuple(y))
    assert len(set(seen)) == 3 and tuple(drawn.y) not in seen


def test_carried_outcomes_break_what_was_planted(drawn) -> None:
    planted = run(told(drawn, tilt=30.0))
    near = walk.neighbours(planted.mine, FOUR)
    own = planted._skill(planted.forecast(near).p)
    assert own > carried.best(planted.mine, [near], 40).max()


def best(mine, lists, y):
    """The largest skill under one draw, forecast by forecast."""
    drawn = run(dataclasses.replace(mine.mine, y=y))
    return max(drawn._skill(drawn.forecast(each).p) for each in lists)


def test_draws_at_once_are_draws_one_by_one(drawn, monkeypatch) -> None:
    """Against a forecast made anew for each draw; a setup without neighbours has the null."""
    monkeypatch.setattr(carried, "_AT_ONCE", 3)
    mine = run(drawn)
    lists = [walk.neighbours(drawn, vectors.spec(name)) for name in ("geometry4", "core")]
    for mine_of in lists[0]:
        mine_of.rows[:5, :], mine_of.weights[:5, :] = -1, 0
        mine_of.rows[5:9, 10:], mine_of.weights[5:9, 10:] = -1, 0
    want = [best(mine, lists, y) for y in resample.permuted(drawn, 7)]
    assert carried.best(drawn, lists, 7).tolist() == pytest.approx(want)
    some = run(dataclasses.replace(drawn, about=frozenset({"PM_HIGH", "OR_LOW"})))
    want = [best(some, lists, y) for y in resample.permuted(drawn, 4)]
    assert carried.best(some.mine, lists, 4).tolist() == pytest.approx(want)


def test_questions_of_one_day_count_as_fewer() -> None:
    """Two days of three equal questions are two; six days of one are six; what evens out within days, all."""
    reference = np.zeros(6)
    together = np.array([1.0, 1, 1, -1, -1, -1])
    assert resample.effective(together, reference, np.array([1, 1, 1, 2, 2, 2])) == pytest.approx(2)
    assert resample.effective(together, reference, np.arange(6)) == pytest.approx(6)
    assert resample.effective(np.array([1.0, -1, 1, -1]), np.zeros(4), np.array([1, 1, 2, 2])) == 4


def test_auc_by_hand_and_by_group() -> None:
    """In each group the BREAK (0) ranks above the REJECT (1); across the groups it would not."""
    values, y, groups = np.array([2.0, 1.0, 20.0, 10.0]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    assert leaks.auc(values, y, groups)[0] == 1.0
    assert leaks.auc(values, y, np.zeros(4))[0] == 0.75
    assert leaks.auc(np.array([1.0, 1.0]), np.array([0, 1]), np.zeros(2))[0] == 0.5
    assert leaks.auc(values, np.array([2, 2, 0, -1]), groups) == (0.5, math.inf)


def test_the_alarm_hears_a_leak_and_nothing_else(drawn) -> None:
    later = np.where(drawn.y == 0, 1.0, -1.0) + np.random.default_rng(0).standard_normal(len(drawn.y))
    told = {"leak": later}
    slots = vectors.matrix(drawn.frame, SPEC).astype(float)
    told |= dict(zip(SPEC.slots, slots.T, strict=True))
    assert [one["feature"] for one in leaks.suspects(drawn, told)] == ["leak"]


def test_the_canary_sees_half_a_minute_ahead(root, drawn) -> None:
    """The swing's mid at the end of the bar that ends 30 s after the freeze, on the level's own side."""
    seen = leaks.canary(root, drawn)
    for n in (0, 50, len(seen) - 1):
        row = drawn.frame.with_columns(pl.col("known_ts").cast(pl.Int64)).row(n, named=True)
        start = gold.session.at(row["date"], gold.OPEN)
        mid = gold.mid(row["known_ts"] + 25 * 10**9, start)
        way = 1 if row["direction"] == "UP" else -1
        assert seen[n] == pytest.approx(way * (mid - row["level_price"]))


def test_the_last_outcome_counts_from_when_it_was_resolved(drawn) -> None:
    state = baselines._state(drawn)
    rows = drawn.frame.with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64)).to_dicts()
    for n, row in enumerate(rows):
        before = [
            m
            for m in range(n)
            if rows[m]["level_id"] == row["level_id"] and rows[m]["resolved_ts"] <= row["known_ts"]
        ]
        assert state[n] == (drawn.y[before[-1]] if before else 3)
    assert {0, 1, 2, 3} == set(state.tolist())


def test_lagged_features_are_those_of_the_earlier_moment(tiny_built) -> None:
    """Against the plan of a question at that moment, which takes another way."""
    frame = library.setups(tiny_built).filter(~pl.col("is_placebo")).sort("known_ts").tail(4)
    mine = sample.Sample(frame, *(np.zeros(len(frame)) for _ in range(5)), frame)
    found = lags.lagged(tiny_built, mine, SPEC)
    for lag in (1, 12):
        for n, setup in enumerate(frame.with_columns(pl.col("known_ts").cast(pl.Int64)).to_dicts()):
            place = question.place(tiny_built, str(setup["level_price"]), setup["known_ts"] - lag * 5 * 10**9)
            now = dataclasses.replace(question.moment(place), direction=setup["direction"], setup=None)
            want = gold.facing(physics.features(now, set(SPEC.slots)), setup["direction"])
            row = [want[slot] if want[slot] is not None else math.nan for slot in SPEC.slots]
            assert found[lag][n].tolist() == pytest.approx(np.float32(row).tolist(), nan_ok=True)


@pytest.fixture(scope="module")
def whole(root):
    """A report of everything but lags, which need a whole build."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lags, "lagged", lambda *_: {})
        patch.setattr(resample, "PERMUTATIONS", 30)
        patch.setattr(leaks, "canary", lambda _root, mine: (mine.y == 0) * 1.0)
        return report.evaluate(root)


def test_json_has_skill_and_specs(whole) -> None:
    said = json.loads(results.to_json(whole))
    assert {"value", "lo", "hi"} == set(said["skill"]) and set(said["specs"]) == set(vectors.specs())
    assert said["skill"] == said["specs"]["snapshot30r"]["skill"]
    names = {row["name"] for row in said["rows"]}
    assert {
        "P_cal",
        "geometric null",
        "uniform",
        "base rate",
        "level and time",
        "last outcome",
        "random setups",
        "geometry logit",
        "ridge logit",
        "boosted trees",
        "shuffled labels",
        "noise features",
        "placebo levels",
        "leak canary",
        "embargo 1",
        "embargo 5",
    } <= names
    assert said["configurations"] == len(vectors.specs()) and said["canary"]["flagged"] is True
    reference = next(row for row in said["rows"] if row["role"] == "reference")
    assert reference["skill"] == {"value": 0, "lo": 0, "hi": 0}


def test_the_table_fits_a_terminal_and_has_a_line_for_each(whole) -> None:
    lines = table.render(whole).splitlines()
    assert [line for line in lines if len(line) > table.WIDTH] == []
    told = {row.name: sum(f"{line} ".startswith(f"{row.name} ") for line in lines) for row in whole.rows}
    assert told == {row.name: 2 if row.role == "spec" else 1 for row in whole.rows}
    for row in (row for row in whole.rows if row.role == "spec"):
        assert row.rests.slots == len(vectors.spec(row.name).slots)
        assert row.rests.questions == whole.questions >= row.rests.effective > 0
        assert row.rests.near >= row.rests.n_eff >= 0
        # a median over sessions, so it may lie between two of them
        assert min(odds.STRENGTHS) <= row.rests.null <= max(odds.STRENGTHS)
    silent = dataclasses.replace(whole, canary={"flagged": False, "auc": 0.5})
    assert "DID NOT set the alarm off" in table.render(silent)


def test_the_page_draws_every_forecast_and_every_group(whole) -> None:
    text = page.render(whole)
    forest, reliability = (
        ET.fromstring(f"<svg{part.split('</svg>')[0]}</svg>") for part in text.split("<svg")[1:]
    )
    assert len(forest.findall("circle")) == len(whole.rows) - 1
    assert len(reliability.findall("circle")) == len(whole.deciles) == 10
    assert "http" not in text


def test_what_is_too_good_on_exchange_data_sets_an_alarm(whole) -> None:
    assert list(report.alarms(0.02, 0.2, 0.62)) == []
    told = list(report.alarms(0.021, 0.21, 0.63))
    assert [line.split(" is above ")[0] for line in told] == [
        "ALARM: skill over P_cal 0.021",
        "ALARM: share of neighbours from the session before 0.210",
        "ALARM: AUC of BREAK against REJECT 0.630",
    ]
    assert not any(note.startswith("ALARM") for note in whole.notes)  # simulated: physics may be planted


def test_alarms_are_told_of_exchange_data(drawn, monkeypatch) -> None:
    run = report._Run(None, drawn, lambda _what: None)
    p = np.tile([0.2, 0.5, 0.3], (len(drawn.questions), 1))
    p[run.y == 0] = [0.7, 0.2, 0.1]
    assert run._alarms(0.5, 0.5, p) == []
    monkeypatch.setattr(report, "SIMULATED", "another product")
    assert [line.split()[1] for line in run._alarms(0.5, 0.5, p)] == ["skill", "share", "AUC"]


def test_a_vector_without_neighbours_measured_nothing(whole) -> None:
    """Its row would be P_cal's own, and read as a skill that was measured and is zero."""
    rows = [
        dataclasses.replace(row, rests=dataclasses.replace(row.rests, near=0.0))
        if row.name == "multi"
        else row
        for row in whole.rows
    ]
    lines = table.render(dataclasses.replace(whole, rows=rows)).splitlines()
    mine = [line for line in lines if line.startswith("multi ")]
    assert len(mine) == 2 and all(line.endswith("no neighbours") for line in mine)
    drawn = page.render(dataclasses.replace(whole, rows=rows)).split("<svg")[1]
    assert ">multi: no neighbours<" in drawn and drawn.count("<circle") == len(rows) - 2


def test_an_unknown_vector_is_refused_in_one_line_and_named_ones_are_tried_beside_the_default(
    root, monkeypatch
) -> None:
    with pytest.raises(QuestionError, match=r"^there is no vector spec `thirdz`: did you mean thirds\?$"):
        report.evaluate(root, specs=["geometry4", "thirdz"])
    tried = []
    monkeypatch.setattr(report._Run, "report", lambda run, _further: tried.extend(run.specs))
    report.evaluate(root, specs=["thirds", "geometry4"])
    assert tried == ["geometry4", "snapshot30r", "thirds"]


def test_too_few_sessions_are_refused_in_one_line(tmp_path) -> None:
    small = gold.root(tmp_path, 4)
    with pytest.raises(
        MissingStepError, match=r"has setups of 4 sessions; evaluating needs more than 20: build more"
    ) as error:
        report.evaluate(small)
    assert "\n" not in str(error.value)
    with pytest.raises(MissingStepError, match="has setups of 0 sessions"):
        report.evaluate(tmp_path / "none")


def test_without_scikit_learn_the_models_are_left_out_and_it_says_so(drawn, monkeypatch) -> None:
    monkeypatch.setattr(models, "there", lambda: False)
    assert list(run(drawn)._models()) == []
    assert any("warehouse[evaluate]" in note for note in run(drawn)._notes([]))


def test_dates_are_numbered_in_order(drawn) -> None:
    days = drawn.frame["date"].to_list()
    assert [gold.dates(COUNT).index(day) for day in days] == drawn.day.tolist()
    assert isinstance(days[0], dt.date)
