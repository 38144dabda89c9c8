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
    sequel,
    spread,
    vectors,
    wording,
)
from warehouse.card import NAMES, Card, Labels
from warehouse.index import Neighbours, Pool
from warehouse.library import Admission, Likeness
from warehouse.odds import CLASSES, Chance, Reals
from warehouse.phases import Phase
from warehouse.question import Moment
from warehouse.schema import NS
from warehouse.trials import chances
from warehouse.vectors import SHARED_TENTHS, Spec, Vectors

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
        factors: Calibration of sigma by horizon; 0.9 where absent.
        strengths: Neighbours that the null counts as, by horizon; 10 where absent.
    """

    tick: float
    factors: Mapping[int, float]
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
        setups: All setups but placebos, sorted by setup_id.
        library: Those of them that are admitted.
        pool: Their vectors, and which are admitted.
        mine: The question's vector.
        unknown: Slots of it that are missing.
        found: Rows of the neighbours.
        outcomes: The default scheme's outcomes.
        start: For the odds.
    """

    now: Moment
    stage: Phase | None
    row: Mapping[str, Any]
    admission: Admission
    spec: Spec
    k: int
    how: str
    setups: pl.DataFrame
    library: pl.DataFrame
    pool: Pool
    mine: Vectors
    unknown: int
    found: Neighbours
    outcomes: pl.DataFrame
    start: Start

    def card(self) -> Card:
        weights = odds.weights(self.found.distances)
        near = self.setups[self.found.rows.tolist()].with_columns(
            pl.Series("distance", self.found.distances.tolist(), pl.Float64()),
            pl.Series("weight", weights.tolist(), pl.Float64()),
        )
        told = {name: self._horizon(horizon, weights, near) for horizon, name in NAMES.items()}
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
            abstained=not len(near) or (percentile is not None and percentile > _RARE),
            excursions={name: each.reach for name, each in told.items()},
            times={name: each.times for name, each in told.items()},
            neighbours=precedents.told(near, self.outcomes, self._reasons()),
            search={
                "index": self.how,
                "admissible": int(self.pool.allowed.sum()),
                "dates": near["date"].n_unique(),
            },
            notes=list(self._notes(outcomes, labels, percentile)),
        )

    def _horizon(self, horizon: int, weights: Reals, near: pl.DataFrame) -> Told:
        mine = self.outcomes.filter(pl.col("horizon_s") == horizon)
        ends = near.select("setup_id").join(mine, on="setup_id", how="left", maintain_order="left")
        theirs = chances(ends, "cal")
        usable = ends["outcome"].is_in(CLASSES).fill_null(value=False).to_numpy()
        usable &= np.isfinite(theirs).all(axis=1)
        born = int((ends["outcome"] == "BORN").sum())
        base, counts, bucket = self._base(mine)
        sigma, set_by = self.now.sigma_60, phases.sets_barriers(self.now, self.stage)
        width = None if set_by is None else odds.width(set_by, horizon, self.start.tick)
        own, strength = weights[usable], self.start.strengths.get(horizon, odds.STRENGTH)
        censored = len(weights) - len(own) - born
        labels = Labels(width, len(own), odds.effective(own), strength, born, censored, counts, bucket)
        reach, times = sequel.excursions(ends, weights), sequel.times(ends, weights, horizon)
        if sigma is None or width is None:
            return Told(None, labels, reach, times)
        null = (
            phases.given_arrival(mine, self.library)
            if self._approaching
            else self._null(width, sigma, horizon)
        )
        if null is None:
            return Told(None, labels, reach, times)
        hits = np.stack(
            [(ends["outcome"] == name).fill_null(value=False).to_numpy() for name in CLASSES], axis=1
        )
        told = odds.blend(own, hits[usable].astype(np.float64), theirs[usable], null, base, strength)
        return Told(told, labels, reach, times)

    @property
    def _approaching(self) -> bool:
        return self.stage is not None and self.stage.name == phases.APPROACH

    def _null(self, width: float, sigma: float, horizon: int) -> Reals | None:
        """Chances by geometry from where price stands."""
        factor = self.start.factors.get(horizon, barrier.UNCALIBRATED)
        return odds.null(self.now.x0, width, sigma, horizon, factor)

    def _base(self, mine: pl.DataFrame) -> tuple[Reals | None, int, int]:
        """Shares among the admitted of the question's half hour, and how many counted in all and in it."""
        ends = self.library.join(mine.select("setup_id", "outcome"), on="setup_id", how="left")
        moment = pl.lit(self.now.place.end).cast(NS)
        now = sequel.half_hour(pl.col("known_ts")) == sequel.half_hour(moment)
        whole, bucket = (_counts(rows["outcome"]) for rows in (ends, ends.filter(now)))
        return odds.rate(bucket, whole), int(whole.sum()), int(bucket.sum())

    def _reasons(self) -> list[dict[str, list[dict[str, Any]]]]:
        return precedents.reasons(self.mine, self.pool, self.found, self.spec.compared)

    def _percentile(self) -> float | None:
        """Share of past moments whose k-th neighbour was nearer than the question's."""
        if len(self.found.rows) < self.k:
            return None
        admitted = self.pool.vectors[self.pool.allowed]
        groups = self.pool.groups or spread.groups(self.setups)
        past = vectors.usual(admitted, groups.of(self.pool.allowed), self.pool.mad, self.k)
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
        notes += _alike(self.admission.like)
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


def _alike(like: Likeness) -> list[str]:
    """What moments of the past were left out by, and what then speaks of the rest alone."""
    hours = like.hours and "those from {} to before {} New York".format(*wording.show(like.hours).split("-"))
    times = like.volatility and "those {:g} to {:g} times as volatile as this one".format(*like.volatility)
    asked = [said for said in (hours, times) if said]
    told = (
        f"Of all moments {' and of them '.join(asked)}: neighbours, base rates and rarity are of these alone."
    )
    return [told] if asked else []


def _counts(outcomes: pl.Series) -> Reals:
    return np.array([(outcomes == name).sum() for name in CLASSES], np.float64)
