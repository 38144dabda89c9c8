"""From what was found to the card: distributions, rarity, and what the reader must know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from warehouse import (
    barrier,
    card,
    evidence,
    odds,
    phases,
    precedents,
    pressure,
    question,
    sequel,
    vectors,
)
from warehouse.card import NAMES, Card, Labels
from warehouse.circles import ELSEWHERE, OWN
from warehouse.evidence import Circle, Evidence, Start
from warehouse.index import Mask
from warehouse.library import Admission
from warehouse.odds import CLASSES, Chance, Reals
from warehouse.phases import Phase
from warehouse.question import Moment
from warehouse.rarity import Usual
from warehouse.schema import HORIZONS_S
from warehouse.sequel import BORN, Codes, Ends
from warehouse.vectors import SHARED_TENTHS, Spec, Vectors

_RARE, _PAST_NEEDED = 0.95, 20


class Told(NamedTuple):
    """Of a horizon: chances, what they rest on, excursions, and how soon it was decided."""

    chances: dict[str, Chance] | None
    labels: Labels
    reach: dict[str, dict[str, float] | None]
    times: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a card is made from.

    Args:
        now: The frozen moment.
        stage: Its phase beside the last arrival; None of an arrival, and of what is compared with arrivals.
        row: Its features.
        admission: Who might answer.
        spec: By which vector.
        k: Neighbours wanted.
        how: Search that answered: hnsw or exact.
        own: Setups of its kind and direction.
        wide: All others that may speak.
        mine: The question's vector.
        unknown: Slots of it that are missing.
        usual: As `rarity.usual` tells of those who may answer.
        start: For the odds.
    """

    now: Moment
    stage: Phase | None
    row: Mapping[str, Any]
    admission: Admission
    spec: Spec
    k: int
    how: str
    own: Circle
    wide: Circle
    mine: Vectors
    unknown: int
    usual: Usual
    start: Start

    def card(self) -> Card:
        found, past = self.own.found, self.own.past
        weights, ends = odds.weights(found.distances), past.ends.of(found.rows)
        now = self._now()
        told = {name: self._horizon(n, weights, ends, now) for n, name in enumerate(NAMES.values())}
        outcomes = {name: each.chances for name, each in told.items()}
        labels = {name: each.labels for name, each in told.items()}
        percentile = self._percentile()
        place = self.now.place
        return Card(
            question=card.asked(self.now, self.stage, self.admission, self.spec, self.k),
            pressure=pressure.cube(self.row, place.price),
            story=pressure.story(self.row),
            told=pressure.told(self.row, self.now.direction, place.price),
            lead=pressure.lead(self.row),
            wall=pressure.wall(self.row),
            conditions=pressure.conditions(self.row),
            retreat=pressure.retreat(self.row),
            outcomes=outcomes,
            labels=labels,
            n_eff=odds.effective(weights),
            percentile=percentile,
            abstained=not len(found.rows) or (percentile is not None and percentile > _RARE),
            excursions={name: each.reach for name, each in told.items()},
            times={name: each.times for name, each in told.items()},
            neighbours=precedents.told(past.told(found.rows), found, weights, ends, self._reasons()),
            elsewhere=precedents.named(self.wide.past, self.wide.found),
            search={
                "index": self.how,
                "admissible": int(self.own.pool.allowed.sum()),
                "dates": len(np.unique(past.groups.dates[found.rows])),
                "elsewhere": int(self.wide.pool.allowed.sum()),
            },
            notes=list(self._notes(outcomes, labels, percentile)),
        )

    def _horizon(self, n: int, weights: Reals, near: Ends, now: Mask) -> Told:
        """Of the n-th horizon, from what followed the neighbours and those at the time of day."""
        horizon, ends = HORIZONS_S[n], near.ends[n]
        usable = near.usable[n]
        born = int((ends == BORN).sum())
        base, counts, bucket = self._base(n, now)
        set_by = phases.sets_barriers(self.now, self.stage)
        width = None if set_by is None else odds.width(set_by, horizon, self.start.tick)
        found = self._evidence(n, width)
        labels = Labels(
            width,
            int(usable.sum()),
            odds.effective(weights[usable]),
            found and found.weights[OWN].strength,
            found and found.weights[ELSEWHERE].n_eff,
            found and found.weights[ELSEWHERE].strength,
            found and found.whole,
            born,
            len(weights) - int(usable.sum()) - born,
            counts,
            bucket,
        )
        reach = sequel.excursions(near.reach[n], weights)
        times = sequel.times(ends, near.after[n], weights, horizon)
        chances = found and odds.chances(found.told, found.whole, base, found.cal)
        return Told(chances, labels, reach, times)

    def _evidence(self, n: int, width: float | None) -> Evidence | None:
        """What stands behind the odds of the n-th horizon; None where there are none."""
        sigma = self.now.sigma_60
        null = None if sigma is None or width is None else self._null(n, width, sigma)
        if null is None:
            return None
        return evidence.gathered({ELSEWHERE: self.wide, OWN: self.own}, self.start, n, null)

    @property
    def _approaching(self) -> bool:
        return self.stage is not None and self.stage.name == phases.APPROACH

    def _null(self, n: int, width: float, sigma: float) -> Reals | None:
        """Chances by geometry from where price stands; of an approach those that arrivals had."""
        if self._approaching:
            return phases.given_arrival(self.own.past.ends.cal[n][self.own.pool.allowed])
        factor = self.start.calibrated.get(HORIZONS_S[n], barrier.UNCALIBRATED).scale(self.now.sigma_ratio)
        return odds.null(self.now.x0, width, sigma, HORIZONS_S[n], factor)

    def _now(self) -> Mask:
        """Which of the past are admitted and of the question's half hour of the day."""
        hour = sequel.half_hour_of(question.wall(self.now.place.end))
        now: Mask = self.own.pool.allowed & (self.own.past.hours == hour)
        return now

    def _base(self, n: int, now: Mask) -> tuple[Reals | None, int, int]:
        """Shares among the admitted of the question's half hour, and how many counted in all and in it."""
        whole, bucket = (_counts(self.own.past.ends.ends[n][rows]) for rows in (self.own.pool.allowed, now))
        return odds.rate(bucket, whole), int(whole.sum()), int(bucket.sum())

    def _reasons(self) -> list[dict[str, list[dict[str, Any]]]]:
        names = vectors.named(self.spec, self.now.direction)
        return precedents.reasons(self.mine, self.own.pool, self.own.found, names)

    def _percentile(self) -> float | None:
        """Share of past moments whose neighbour at a place was nearer than the question's at that place."""
        place, far = self.usual
        if len(far) < _PAST_NEEDED or len(self.own.found.rows) < place:
            return None
        return float((far < self.own.found.distances[place - 1]).mean())

    def _notes(
        self, outcomes: Mapping[str, object], labels: Mapping[str, Labels], percentile: float | None
    ) -> list[str]:
        now, slots = self.now, len(self.spec.slots)
        notes = []
        if self.admission.as_of < now.place.end:
            told = f"{question.wall(self.admission.as_of):%Y-%m-%d %H:%M:%S}"
            notes.append(f"Cut by --as-of: what was resolved after {told} New York is left out.")
        if now.place.product == card.SIMULATED:
            notes.append("Simulated data: no market ever traded this.")
        if now.setup is None:
            notes.append(phases.compared(self.stage, odds=any(outcomes.values())))
        notes += card.left_out(self.admission.like)
        if self.unknown:
            notes.append(f"{self.unknown} of the {slots} numbers compared are unknown{self._unknown()}.")
        if (found := len(self.own.found.rows)) < self.k:
            notes.append(f"Only {found} of {self.k} neighbours exist." if found else "No neighbour exists.")
        if not found and any(outcomes.values()):
            notes.append(f"The odds are of {self._alone()} alone: no precedent stands behind them.")
        notes += self._about_odds(outcomes, labels)
        if percentile is None:
            notes.append("The past is too small to say how unusual this moment is.")
        return notes

    def _alone(self) -> str:
        """What odds are of that have no neighbours of their own."""
        if len(self.wide.found.rows):
            return "setups elsewhere"
        asked = (self.own.pool.allowed, self.wide.pool.allowed)
        return "P_cal" if any(allowed.any() for allowed in asked) else "geometry"

    def _unknown(self) -> str:
        """What numbers that are unknown make of the comparison."""
        slots = len(self.spec.slots)
        if (slots - self.unknown) * 10 < SHARED_TENTHS * slots:
            return ": too many to compare it with anything"
        return " and count as usual ones along the axes" if self.spec.components else ""

    def _about_odds(self, outcomes: Mapping[str, object], labels: Mapping[str, Labels]) -> list[str]:
        missing = [name for name, chances in outcomes.items() if chances is None]
        if None in {self.now.sigma_60, phases.sets_barriers(self.now, self.stage)}:
            return ["No odds: volatility needs 180 bars of data before the moment."]
        if self._approaching:
            return ["No odds: no approach like this has arrived before."] if missing else []
        if not missing:
            return []
        pts = ", ".join(f"{labels[name].barrier_pts:g} pt at {name}" for name in missing)
        away = round(abs(self.now.x0), 3)
        return [f"Odds begin at the level: price is {away:g} pt away, the barriers stand at {pts}."]


def _counts(ends: Codes) -> Reals:
    return np.bincount(ends[ends >= 0], minlength=len(CLASSES))[: len(CLASSES)].astype(np.float64)
