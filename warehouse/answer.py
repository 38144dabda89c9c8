"""From what was found to the card: distributions, rarity, and what the reader must know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from warehouse import (
    barrier,
    card,
    odds,
    phases,
    precedents,
    pressure,
    question,
    rarity,
    sequel,
)
from warehouse.barrier import Calibration
from warehouse.card import NAMES, Card, Labels
from warehouse.index import Mask, Neighbours, Pool
from warehouse.library import Admission
from warehouse.odds import CLASSES, Chance, Reals
from warehouse.past import Past
from warehouse.phases import Phase
from warehouse.question import Moment
from warehouse.schema import HORIZONS_S, NS
from warehouse.sequel import BORN, Codes, Ends
from warehouse.vectors import LEAN, SHARED_TENTHS, Spec, Vectors

_RARE, _PAST_NEEDED = 0.95, 20


class Told(NamedTuple):
    """Of a horizon: chances, what they rest on, excursions, and how soon it was decided."""

    chances: dict[str, Chance] | None
    labels: Labels
    reach: dict[str, dict[str, float] | None]
    times: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a question's own walk starts.

    Args:
        tick: In points.
        calibrated: How sigma is scaled, by horizon; by 0.9 where absent.
        settled: How many of all who may answer geometry counts as in P_cal, by horizon; alone where absent.
        strengths: Neighbours that P_cal counts as, by horizon; 10 where absent.
    """

    tick: float
    calibrated: Mapping[int, Calibration]
    settled: Mapping[int, float]
    strengths: Mapping[int, float]


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
        past: The setups that it is held against.
        pool: Their vectors, and which are admitted.
        mine: The question's vector.
        unknown: Slots of it that are missing.
        found: Rows of the neighbours.
        start: For the odds.
    """

    now: Moment
    stage: Phase | None
    row: Mapping[str, Any]
    admission: Admission
    spec: Spec
    k: int
    how: str
    past: Past
    pool: Pool
    mine: Vectors
    unknown: int
    found: Neighbours
    start: Start

    def card(self) -> Card:
        weights, rows = odds.weights(self.found.distances), self.found.rows
        ends = self.past.ends.of(rows)
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
            abstained=not len(rows) or (percentile is not None and percentile > _RARE),
            excursions={name: each.reach for name, each in told.items()},
            times={name: each.times for name, each in told.items()},
            neighbours=precedents.told(self.past.told(rows), self.found, weights, ends, self._reasons()),
            search={
                "index": self.how,
                "admissible": int(self.pool.allowed.sum()),
                "dates": len(np.unique(self.past.groups.dates[rows])),
            },
            notes=list(self._notes(outcomes, labels, percentile)),
        )

    def _horizon(self, n: int, weights: Reals, near: Ends, now: Mask) -> Told:
        """Of the n-th horizon, from what followed the neighbours and those at the time of day."""
        horizon, ends = HORIZONS_S[n], near.ends[n]
        usable, hits, theirs = _ended(ends, near.cal[n])
        born = int((ends == BORN).sum())
        base, counts, bucket = self._base(n, now)
        sigma, set_by = self.now.sigma_60, phases.sets_barriers(self.now, self.stage)
        width = None if set_by is None else odds.width(set_by, horizon, self.start.tick)
        own, strength = weights[usable], self.start.strengths.get(horizon, odds.STRENGTH)
        censored = len(weights) - len(own) - born
        labels = Labels(width, len(own), odds.effective(own), strength, born, censored, counts, bucket)
        reach = sequel.excursions(near.reach[n], weights)
        times = sequel.times(ends, near.after[n], weights, horizon)
        if sigma is None or width is None:
            return Told(None, labels, reach, times)
        null = self._null(n, width, sigma)
        if null is None:
            return Told(None, labels, reach, times)
        prior, past = self._prior(n, null)
        told = odds.blend(own, hits, theirs, null, prior, base, strength, past)
        return Told(told, labels, reach, times)

    @property
    def _approaching(self) -> bool:
        return self.stage is not None and self.stage.name == phases.APPROACH

    def _null(self, n: int, width: float, sigma: float) -> Reals | None:
        """Chances by geometry from where price stands; of an approach those that arrivals had."""
        if self._approaching:
            return phases.given_arrival(self.past.ends.cal[n][self.pool.allowed])
        factor = self.start.calibrated.get(HORIZONS_S[n], barrier.UNCALIBRATED).scale(self.now.sigma_ratio)
        return odds.null(self.now.x0, width, sigma, HORIZONS_S[n], factor)

    def _prior(self, n: int, null: Reals) -> tuple[Reals, int]:
        """P_cal: geometry, drawn to what all who may answer did beyond theirs; and how many those are."""
        ends, cal = self.past.ends.ends[n][self.pool.allowed], self.past.ends.cal[n][self.pool.allowed]
        _, hits, theirs = _ended(ends, cal)
        strength = self.start.settled.get(HORIZONS_S[n], odds.ALONE)
        return odds.settled(hits, theirs, null, strength), len(hits)

    def _now(self) -> Mask:
        """Which of the past are admitted and of the question's half hour of the day."""
        hour = pl.select(sequel.half_hour(pl.lit(self.now.place.end).cast(NS))).item()
        now: Mask = self.pool.allowed & (self.past.hours == hour)
        return now

    def _base(self, n: int, now: Mask) -> tuple[Reals | None, int, int]:
        """Shares among the admitted of the question's half hour, and how many counted in all and in it."""
        whole, bucket = (_counts(self.past.ends.ends[n][rows]) for rows in (self.pool.allowed, now))
        return odds.rate(bucket, whole), int(whole.sum()), int(bucket.sum())

    def _reasons(self) -> list[dict[str, list[dict[str, Any]]]]:
        return precedents.reasons(self.mine, self.pool, self.found, (*self.spec.compared, LEAN))

    def _percentile(self) -> float | None:
        """Share of past moments whose k-th neighbour was nearer than the question's."""
        if len(self.found.rows) < self.k:
            return None
        admitted = self.pool.vectors[self.pool.allowed]
        groups = self.past.groups.of(self.pool.allowed)
        past = rarity.usual(admitted, groups, self.pool.mad, self.k)
        return float((past < self.found.distances[-1]).mean()) if len(past) >= _PAST_NEEDED else None

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
        if (found := len(self.found.rows)) < self.k:
            notes.append(f"Only {found} of {self.k} neighbours exist.")
        if not found and any(outcomes.values()):
            notes.append("The odds are geometry alone: no precedent stands behind them.")
        notes += self._about_odds(outcomes, labels)
        if percentile is None:
            notes.append("The past is too small to say how unusual this moment is.")
        return notes

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


def _ended(ends: Codes, cal: Reals) -> tuple[Mask, Reals, Reals]:
    """Which have one of the three outcomes and odds, and of those 1 where it was the one, and their odds."""
    usable = (ends >= 0) & (ends < len(CLASSES)) & np.isfinite(cal).all(axis=1)
    hits = ends[usable, None] == np.arange(len(CLASSES))
    return usable, hits.astype(np.float64), cal[usable]


def _counts(ends: Codes) -> Reals:
    return np.bincount(ends[ends >= 0], minlength=len(CLASSES))[: len(CLASSES)].astype(np.float64)
