"""Worlds put to the test: the oracle's forecast by hand, and what each world must show."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import vectors
from warehouse.evaluate import sample
from warehouse.evaluate.results import Report, Row
from warehouse.evaluate.scores import Interval, Scores
from warehouse.schema import NS
from warehouse.simulate import proof, truth


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return sample.load(gold.root(tmp_path_factory.mktemp("root"), 22, 8), 240)


def test_the_oracle_knows_its_own_arrivals_and_no_others(mine, tmp_path, monkeypatch) -> None:
    """The first question's hidden state is known, the second's shares are not, the others are not its own.

    At x0 = -0.5 sigma, the second place, the null world has 0.25, 0.5 and 0.25 over its three states. Against 0.75,
    0.25 and nothing that tilts P_cal, which is 0.3, 0.4 and 0.3, by 3, a half and a hundredth.
    """
    cells = np.full((3, 4, 3), np.nan)
    cells[:, 1] = [[0.2, 0.6, 0.2], [0.25, 0.5, 0.25], [0.3, 0.4, 0.3]]
    monkeypatch.setattr(truth, "tabulated", lambda: {"kf=0,kn=0,km=0": {"cells": cells.tolist()}})
    asked = mine.frame[mine.questions.tolist()].head(2)
    rows = asked.select("symbol", "direction", price="level_price", trigger_ts=pl.col("trigger_ts").cast(NS))
    shares = {"oracle_break": [0.75, None], "oracle_reject": [0.25, None], "oracle_chop": [0.0, None]}
    place = {"x0_pts": [-1.0, -1.0], "sigma_60": [2.0, 2.0]}
    rows.with_columns(
        pl.Series(name, values, pl.Float64) for name, values in (shares | place).items()
    ).write_parquet(tmp_path / "a.truth.parquet")
    found = proof.oracle(tmp_path, mine)
    assert mine.cal[mine.questions][0].tolist() == [0.3, 0.4, 0.3]
    assert found[0].tolist() == pytest.approx([0.9 / 1.103, 0.2 / 1.103, 0.003 / 1.103])
    assert found[1:] == pytest.approx(mine.cal[mine.questions][1:])


def test_some_levels_may_be_scored_while_all_teach(mine) -> None:
    some = dataclasses.replace(mine, about=frozenset({"PM_HIGH"}))
    kinds = mine.frame["level_kind"].to_numpy()[mine.questions]
    assert np.array_equal(some.questions, mine.questions)
    assert np.array_equal(some.scored, mine.scored & (kinds == "PM_HIGH"))
    assert np.array_equal(mine.scored, mine.day[mine.questions] >= 20) and mine.scored.any()


def report(skill, model, oracle_loss=1.0, held=10, flagged=True, shuffled=0.0):
    def row(name, role, value, loss=1.02):
        one = Interval(value, value, value)
        return Row(name, role, Scores(loss, 0, 0, 0, 0, 0), one, one, one)

    rows = [
        row("ridge logit", "model", model), row("boosted trees", "model", model - 0.01),
        row("shuffled labels", "control", shuffled), row("noise features", "control", -0.01),
        row("oracle", "oracle", 0.05, oracle_loss), row(vectors.DEFAULT, "spec", skill.value),
    ]  # fmt: skip
    decile = {"forecast": 0.3, "lo": 0.2, "hi": 0.4, "n": 9}
    deciles = [decile | {"share": 0.3 if n < held else 0.5} for n in range(10)]
    return Report(
        "root", 240, 60, 9, 9, skill, rows, deciles, [], {"flagged": flagged, "auc": 0.8}, 0.0, 1, []
    )


def shown(world, *told, **more):
    return [good for good, _ in proof.verdicts(world, report(*told, **more))]


def test_what_each_world_must_show() -> None:
    none, some = Interval(0.0, -0.01, 0.01), Interval(0.02, 0.001, 0.04)
    for world in proof.NOTHING:
        assert shown(world, none, 0.0) == [True] * 4 and shown(world, some, 0.0) == [True] * 3 + [False]
    assert shown("planted", some, 0.04) == [True] * 7
    assert shown("planted", some, 0.041)[3:] == [True, False, True, True]
    assert shown("planted", none, 0.0, held=7)[3:] == [False, True, False, True]
    assert shown("planted", some, 0.0, oracle_loss=1.03)[6] is False
    for world in ("null", "planted"):
        assert shown(world, none, 0.0, flagged=False)[:3] == [False, True, True]
        assert shown(world, none, 0.0, shuffled=0.001)[:3] == [True, False, True]


def test_too_few_sessions_are_built_and_not_evaluated(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(proof.market, "simulate", lambda *_args, **_told: [])
    monkeypatch.setattr(proof, "build", lambda *_: dataclasses.make_dataclass("Made", ["errors"])([]))
    monkeypatch.setattr(proof, "pool", lambda _folder, count: ThreadPoolExecutor(count))
    assert proof.main([str(tmp_path), "--sessions", "6", "--worlds", "null"]) == 0
    assert "evaluating needs more than 20 sessions" in capsys.readouterr().out


def test_worlds_stand_side_by_side() -> None:
    """A column of each world; the default's skill of 0.02 from 0.001 to 0.04 and the oracle's loss of 1 less 1.02."""
    some = report(Interval(0.02, 0.001, 0.04), 0.03)
    own = dataclasses.replace(some.rows[-1], skill=some.skill)
    told = proof.beside({"planted": dataclasses.replace(some, rows=[*some.rows[:-1], own]), "null": some})
    lines = told.splitlines()
    assert lines[0].split() == ["planted", "null"] and max(map(len, lines)) <= 80
    assert lines[2].split() == ["snapshot30r", "+2.0", "+0.1..+4.0", "+2.0", "+2.0..+2.0"]
    assert lines[-2:] == [
        f"groups held{'10 of 10':>20}{'10 of 10':>16}",
        f"regret{'+0.020':>25}{'+0.020':>16}",
    ]
