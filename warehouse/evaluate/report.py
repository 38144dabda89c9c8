"""The whole evaluation of a root: every forecast scored, every control run, every alarm listed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from warehouse import catalog, odds, trials, vectors
from warehouse.card import SIMULATED
from warehouse.circles import Lists
from warehouse.evaluate import baselines, carried, lags, leaks, models, resample, sample, scores, walk
from warehouse.evaluate.results import Report, Rests, Row
from warehouse.evaluate.sample import WARM_UP, Reals, Sample
from warehouse.evaluate.walk import Forecast, Near
from warehouse.trials import Choices
from warehouse.vectors import Spec

HORIZON_S = 240
EMBARGOES = (1, 5)
ALARM_SKILL, ALARM_ADJACENT, ALARM_AUC = 0.02, 0.2, 0.62
"""Skill, share of neighbours from the session before, and AUC of BREAK against REJECT within geometry, above
which a result on exchange data is looked into before it is believed."""
FEW_DAYS = 10
"""Scored days under which an interval over days is none."""
Progress = Callable[[str], None]


def evaluate(
    root: Path,
    tell: Progress = lambda _what: None,
    specs: Collection[str] | None = None,
    further: Mapping[str, Callable[[Sample], Reals]] = MappingProxyType({}),
    about: frozenset[str] | None = None,
) -> Report:
    """Walk forward over a root and hold retrieval against everything that could explain it.

    Args:
        root: The warehouse.
        tell: Told what is done next.
        specs: Which vectors beside the default; default every one.
        further: Forecasts from outside to stand beside, by name: chances of the three outcomes of every
            question, (q, 3).
        about: Kinds of level whose questions are scored; default every one that has a name.

    Raises:
        MissingStepError: If there are too few sessions, or nothing was built.
        QuestionError: If there is no such vector.
    """
    names = sorted({vectors.DEFAULT, *map(_known, vectors.specs() if specs is None else specs)})
    tell("reading")
    mine = sample.load(root, HORIZON_S, about=about)
    return _Run(root, mine, tell, names).report(further)


def _known(name: str) -> str:
    return vectors.spec(name).name


def alarms(skill: float, adjacent: float, auc: float) -> Iterator[str]:
    """What is too good to be reported before a leak has been looked for (domain E.6)."""
    for what, value, most in (
        ("skill over P_cal", skill, ALARM_SKILL),
        ("share of neighbours from the session before", adjacent, ALARM_ADJACENT),
        ("AUC of BREAK against REJECT", auc, ALARM_AUC),
    ):
        if value > most:
            yield f"ALARM: {what} {value:.3f} is above {most:g} on exchange data: look for a leak first."


class _Run:
    """One evaluation: the sample, the reference's losses, and the lists of every spec."""

    def __init__(
        self, root: Path, mine: Sample, tell: Progress, specs: Sequence[str] = (vectors.DEFAULT,)
    ) -> None:
        self.root, self.mine, self.tell, self.specs = root, mine, tell, specs
        self.asked = mine.questions
        self.y, self.day = mine.y[self.asked], mine.day[self.asked]
        self.null, self.past = walk.settled(mine)
        self.scored = mine.scored
        self.days = len(np.unique(self.day[self.scored]))
        self.near: dict[str, Near] = {}

    def report(self, further: Mapping[str, Callable[[Sample], Reals]]) -> Report:
        for name in self.specs:
            self.tell(f"neighbours by {name}")
            self.near[name] = walk.neighbours(self.mine, vectors.spec(name))
        default = self.near[vectors.DEFAULT]
        told, late = self.forecast(default), self.day >= WARM_UP
        rows = [*self._baselines(), *self._models()]
        rows += [self.row(name, "oracle", made(self.mine)) for name, made in further.items()]
        rows += [*self._specs(), *self._controls()]
        suspects = leaks.suspects(self.mine, self._slots())
        skill = next(row.skill for row in rows if row.name == vectors.DEFAULT)
        adjacent = self._adjacent(default.own)
        return Report(
            str(self.root),
            HORIZON_S,
            int(self.mine.day.max()) + 1,
            int(self.scored.sum()),
            self.days,
            skill,
            rows,
            scores.covered(told.p[late], told.whole[late], self.y[late]),
            suspects,
            self._canary(),
            adjacent,
            len(self.near),
            [*self._notes(suspects), *self._alarms(skill.value, adjacent, told.p)],
        )

    def forecast(self, near: Near, among: Choices = trials.NEAREST) -> Forecast:
        return walk.forecast(self.mine, near, self.null, self.past, among)

    def row(
        self, name: str, role: str, p: Reals, chance: float | None = None, rests: Rests | None = None
    ) -> Row:
        mine, null = p[self.scored], self.null[self.scored]
        came, day = self.y[self.scored], self.day[self.scored]
        whole, resolved, direction = (
            resample.skill(loss(mine, came), loss(null, came), day)
            for loss in (scores.losses, scores.resolved, scores.direction)
        )
        return Row(name, role, scores.scores(mine, came), whole, resolved, direction, chance, rests)

    def _baselines(self) -> Iterator[Row]:
        self.tell("baselines")
        yield self.row("P_cal", "reference", self.null)
        yield self.row("geometry alone", "baseline", self.mine.cal[self.asked])
        yield self.row("one factor", "baseline", baselines.one_factor(self.mine))
        yield self.row("geometric null", "baseline", self.mine.null[self.asked])
        yield self.row("uniform", "baseline", baselines.uniform(self.mine))
        yield self.row("base rate", "baseline", baselines.base_rate(self.mine))
        yield self.row("level and time", "baseline", baselines.by_level_and_time(self.mine))
        yield self.row("last outcome", "baseline", baselines.last_outcome(self.mine))
        drawn = self.forecast(walk.at_random(self.mine))
        yield self.row("random setups", "baseline", drawn.p)

    def _models(self) -> Iterator[Row]:
        if not models.there():
            return
        for name, spec, make in (
            ("geometry logit", "geometry4", models.logit),
            ("ridge logit", vectors.DEFAULT, models.logit),
            ("boosted trees", vectors.DEFAULT, models.trees),
        ):
            self.tell(name)
            yield self.row(name, "model", models.forecast(self.mine, vectors.spec(spec), make))

    def _specs(self) -> Iterator[Row]:
        self.tell("permutations")
        own = {name: self.forecast(found) for name, found in self.near.items()}
        best = carried.best(self.mine, self.near.values(), resample.PERMUTATIONS)
        for name, told in own.items():
            chance = float((1 + (best >= self._skill(told.p)).sum()) / (1 + len(best)))
            yield self.row(name, "spec", told.p, chance=chance, rests=self._rests(name, told))

    def _rests(self, name: str, told: Forecast) -> Rests:
        mine = self.scored
        lost, null = (scores.losses(each[mine], self.y[mine]) for each in (told.p, self.null))
        return Rests(
            len(vectors.spec(name).slots),
            int(mine.sum()),
            resample.effective(lost, null, self.day[mine]),
            float((self.near[name].own.rows[mine] >= 0).sum(axis=1).mean()),
            float(told.n_eff[mine].mean()),
            float(np.median(told.strength[mine])),
        )

    def _skill(self, p: Reals) -> float:
        mine, null = (scores.losses(each, self.y)[self.scored].sum() for each in (p, self.null))
        return float(1 - mine / null)

    def _controls(self) -> Iterator[Row]:
        spec, default = vectors.spec(), self.near[vectors.DEFAULT]
        card = self.forecast(default, ((odds.STRENGTH,), odds.STRENGTH))
        yield self.row("null counts ten", "embargo", card.p)
        for embargo in EMBARGOES:
            self.tell(f"embargo of {embargo}")
            found = walk.neighbours(self.mine, spec, embargo=embargo)
            yield self.row(f"embargo {embargo}", "embargo", self.forecast(found).p)
        y = next(resample.permuted(self.mine, 1, seed=1))
        shuffled = _Run(self.root, replace(self.mine, y=y), self.tell)
        yield shuffled.row("shuffled labels", "control", shuffled.forecast(default).p)
        self.tell("noise and canary")
        yield self._by("noise features", spec, models.drawn_alike(self.mine.frame, spec))
        yield self._by("leak canary", Spec("canary", ("bar5s_canary",)), self._seen[:, None])
        for lag, values in lags.lagged(self.root, self.mine, spec).items():
            self.tell(f"lag of {lag}")
            yield self._by(f"lag {lag}", spec, values)
        yield from self._placebo()

    def _by(self, name: str, spec: Spec, values: Reals) -> Row:
        found = walk.neighbours(self.mine, spec, values.astype(np.float32))
        return self.row(name, "control", self.forecast(found).p)

    def _placebo(self) -> Iterator[Row]:
        """The default spec at levels that are none, among themselves."""
        other = sample.load(self.root, HORIZON_S, placebo=True, about=self.mine.about)
        if other.scored.any():
            self.tell("placebo levels")
            run = _Run(self.root, other, self.tell)
            found = walk.neighbours(other, vectors.spec())
            yield run.row("placebo levels", "control", run.forecast(found).p)

    def _slots(self) -> Mapping[str, Reals]:
        names = catalog.load().slots_of(self.near)
        values = vectors.matrix(self.mine.frame, Spec("all", tuple(names))).astype(np.float64)
        return dict(zip(names, values.T, strict=True))

    @functools.cached_property
    def _seen(self) -> Reals:
        return leaks.canary(self.root, self.mine)

    def _canary(self) -> dict[str, Any]:
        groups = resample.strata(self.mine)[self.asked]
        flagged = bool(leaks.suspects(self.mine, {"canary": self._seen}))
        return {"flagged": flagged, "auc": leaks.auc(self._seen[self.asked], self.y, groups)[0]}

    def _adjacent(self, lists: Lists) -> float:
        there = lists.rows >= 0
        there &= self.scored[:, None]
        before = self.mine.day[lists.rows] == self.day[:, None] - 1
        return float((before & there).sum() / max(there.sum(), 1))

    def _alarms(self, skill: float, adjacent: float, p: Reals) -> list[str]:
        """Of exchange data alone: in a simulated world physics may be planted."""
        if set(self.mine.frame["product"]) == {SIMULATED}:
            return []
        groups = resample.strata(self.mine)[self.asked]
        side = p[:, 0] / np.maximum(p[:, 0] + p[:, 1], 1e-9)
        return list(alarms(skill, adjacent, leaks.auc(side, self.y, groups)[0]))

    def _notes(self, suspects: list[dict[str, float | str]]) -> Iterator[str]:
        if not models.there():
            yield "Logits and trees are left out: they need `pip install warehouse[evaluate]`."
        if suspects:
            yield f"{len(suspects)} features tell BREAK from REJECT too well: look for a leak first."
        if self.days < FEW_DAYS:
            yield f"Only {self.days} of the days were scored: intervals over so few say nothing."
        yield f"The first {WARM_UP} sessions only teach; embargo 0 is the product's own rule."
        yield "Eighty sessions cannot certify an edge of two points: read the intervals."
