"""A question's answer: the nearest earlier setups, and the distribution of what followed them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from warehouse import (
    catalog,
    filling,
    naming,
    phases,
    pressure,
    question,
    rarity,
    session,
    store,
    trials,
    vectors,
    wording,
)
from warehouse.answer import Answer
from warehouse.card import Card
from warehouse.circles import ELSEWHERE, OWN, TIMES
from warehouse.errors import MissingStepError, QuestionError
from warehouse.evidence import Circle, Start
from warehouse.index import EXACT_BELOW, Mask, Neighbours, Pool, search, search_exact
from warehouse.library import Admission, Likeness
from warehouse.past import Past
from warehouse.phases import Phase
from warehouse.physics import features
from warehouse.question import Moment, Place
from warehouse.scan import Scan
from warehouse.vectors import Reals, Spec, Vectors
from warehouse.warm import Held

__all__ = ["ask"]

SEARCHES = ("hnsw", "exact")


def ask(
    root: Path,
    level: str,
    ts: int,
    k: int = 30,
    *,
    as_of: int | None = None,
    same_day: bool = False,
    kinds: Collection[str] | None = None,
    contract: str | None = None,
    spec: str = vectors.DEFAULT,
    index: str | None = None,
    hours: str | None = None,
    volatility: str | None = None,
) -> Card:
    """What followed when price stood like this before.

    Neighbours are of the kind and direction asked about; the nearest of all others tilt the odds besides.

    Args:
        root: The warehouse.
        level: A kind of level, or a price in points.
        ts: The moment, ns UTC; the last bar that had ended by then is frozen.
        k: Neighbours.
        as_of: Only setups resolved by this instant, ns UTC; default and latest is the moment.
        same_day: Admit earlier setups of the same date too.
        kinds: Further kinds of level to compare with; a price is compared with every kind, or these alone.
        contract: The contract asked about; only its setups are compared then.
        spec: Which vector.
        index: hnsw or exact; default the graph from 5,000 admissible setups on; of one spec.
        hours: Only moments in a right-open span of New York time, such as 09:30-10:30.
        volatility: Only moments whose expected one-minute move is so many times that of the moment asked
            about, such as 0.8-1.25, both included.

    Raises:
        QuestionError: If it cannot be answered as asked.
        MissingStepError: If what it needs is not built.
        DataError: If the graph is needed and damaged.
    """
    wanted = _checked(k, kinds, index, spec)
    slots = vectors.spec(spec)
    at = question.place(root, level, ts, contract)
    now, stage = _staged(question.moment(at), slots)
    if stage is not None and index == "hnsw":
        raise QuestionError("the graph holds arrivals, and this moment is none: ask with --index exact")
    known = _as_of(as_of, ts, at)
    like = _likeness(now, hours, volatility)
    with ThreadPoolExecutor(1) as aside:  # Polars makes the features while this thread gathers the past
        making = aside.submit(features, now, {*slots.slots, *pressure.OF_CARD})
        kept = Held(root, at.product)
        contracts = kept.contracts() if contract is None else frozenset({contract})
        but = None if same_day else at.date
        admission = Admission(_kinds(at, wanted), now.direction, known, contracts, but, like)
        day = min(at.date, session.trading_date(known))
        settled, strengths = (
            {circle: kept.strengths(name, circle, day) for circle in (ELSEWHERE, OWN)}
            for name in (trials.P_CAL, slots.name)
        )
        start = Start(_tick(at), kept.calibrated(at.date, known), settled, strengths)
        scale = kept.scaler(slots, day)
        named = None if at.by_price else naming.NAMED
        asking = _Asking(kept, slots, day, now, stage, index)
        past, pool, far = asking.held(admission, replace(admission, kinds=named, direction=None))
        usual = asking.usual(past, pool, k)
        row = making.result()
    raw = _vector(row, slots, now.direction)
    mine = vectors.placed(raw, scale)[0][0]
    near, away, how = asking.nearest(mine, pool, far, k)
    unknown = int(np.isnan(raw).sum())
    own, wide = Circle(past, pool, near), Circle(past, far, away)
    return Answer(now, stage, row, admission, slots, k, how, own, wide, mine, unknown, usual, start).card()


def _vector(row: Mapping[str, Any], spec: Spec, direction: str) -> Vectors:
    """The question's vector, (1, d), as when the travel is up; NaN where a slot is missing."""
    seen = catalog.load().seen_down
    at = [seen(slot) if direction == question.DOWN else (slot, 1) for slot in spec.slots]
    values = [np.nan if row.get(source) is None else sign * row[source] for source, sign in at]
    return np.array([values], np.float32)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A question's vector, what it is held against, and by which search."""

    kept: Held
    spec: Spec
    day: dt.date
    now: Moment
    stage: Phase | None
    index: str | None

    def held(self, own: Admission, every: Admission) -> tuple[Past, Pool, Pool]:
        """The past, who of it is admitted, and all others, of whom only level and direction differ."""
        asked = own if self.stage is None else replace(own, like=Likeness())
        timely = self.kept.setups().select(asked.timely()).to_series().to_numpy()
        mine, all_ = (self.kept.standing(each) & timely for each in (own, every))
        past, placed, mad = self._held_against(mine | all_, own)
        pool, far = (Pool(placed, mad, mask[past.own], past.groups) for mask in (mine, all_ & ~mine))
        return past, pool, far

    def nearest(self, mine: Vectors, pool: Pool, far: Pool, k: int) -> tuple[Neighbours, Neighbours, str]:
        """The nearest of the admitted and of all others, and which search found the first."""
        how = _way(self.index, self.kept, self.spec, self.day, pool, arrival=self.stage is None)
        if how == "hnsw":
            near = search(mine, pool, k, self.kept.graph(self.spec))
            [away] = self._exact(mine, (far, TIMES * k))
        else:
            away, near = self._exact(mine, (far, TIMES * k), (pool, k))
        return near, away, how

    def usual(self, past: Past, own: Pool, k: int) -> rarity.Usual:
        """How far those who may answer lie from each other."""
        if self.stage is None:
            return self._scan.usual(own.allowed, k)
        return rarity.usual(own.vectors[own.allowed], past.groups.of(own.allowed), own.mad, k)

    @property
    def _scan(self) -> Scan:
        return self.kept.scan(self.spec, self.day)

    def _held_against(self, asked: Mask, admission: Admission) -> tuple[Past, Vectors, Reals]:
        """Arrivals, or of an approach and what is left of one, setups as they stood at such moments.

        With their vectors and the scale.
        """
        kept, spec = self.kept, self.spec
        arrivals = kept.arrivals()
        if self.stage is None:
            scan = self._scan
            return arrivals, scan.vectors, scan.mad
        moments = kept.moments(spec)
        past = phases.alike(moments, arrivals, asked, self.now, self.stage, admission)
        return past, *vectors.placed(moments.vectors[past.at], kept.scaler(spec, self.day))

    def _exact(self, mine: Vectors, *asked: tuple[Pool, int]) -> list[Neighbours]:
        if self.stage is not None:
            return [search_exact(mine, pool, k) for pool, k in asked]
        return [near for [near] in self._scan.nearest(mine[None], [([pool.allowed], k) for pool, k in asked])]


def _likeness(now: Moment, hours: str | None, volatility: str | None) -> Likeness:
    ratios = None if volatility is None else wording.ratios(volatility)
    if ratios and now.sigma_60 is None:
        raise QuestionError("volatility needs 180 bars of data before the moment: ask without --volatility")
    return Likeness(None if hours is None else wording.window(hours), ratios, now.sigma_60)


def _staged(now: Moment, spec: Spec) -> tuple[Moment, Phase | None]:
    """The moment with its phase; None for arrivals, and where snapshots do not hold the vector's slots."""
    if now.setup is not None:
        return now, None
    from warehouse import snapshots  # noqa: PLC0415 (it loads what only makers of moments need)

    return phases.phase(now) if spec.name in snapshots.VECTORS else (now, None)


def _way(index: str | None, kept: Held, spec: Spec, day: dt.date, pool: Pool, *, arrival: bool) -> str:
    """By which search: the graph among many, where it leans as the question does."""
    if index is not None or not arrival or spec.name != vectors.DEFAULT or pool.allowed.sum() < EXACT_BELOW:
        return index or "exact"
    alike = np.array_equal(filling.slopes(kept.graph(spec).scale), filling.slopes(kept.scaler(spec, day)))
    return "hnsw" if alike else "exact"


def _tick(at: Place) -> float:
    """Tick size in points, as the outcomes of the date were made with."""
    manifest = store.read_manifest(at.partition("gold.outcomes"))
    if manifest is None:
        raise MissingStepError(
            f"outcomes of {at.date} are not built: run `warehouse build --dates {at.date}`"
        )
    return float(manifest["parameters"]["tick"])


def _checked(k: int, kinds: Collection[str] | None, index: str | None, spec: str) -> frozenset[str]:
    if k < 1:
        raise QuestionError(f"{k} neighbours cannot be shown: ask for 1 or more")
    if index is not None and index not in SEARCHES:
        raise QuestionError(f"there is no search `{index}`: choose {' or '.join(SEARCHES)}")
    if index == "hnsw" and vectors.spec(spec).name != vectors.DEFAULT:
        raise QuestionError(f"there is a graph of {vectors.DEFAULT} alone: ask {spec} with --index exact")
    return naming.kinds(kinds or ())


def _as_of(as_of: int | None, ts: int, at: Place) -> int:
    if as_of is not None and as_of > ts:
        later, moment = (f"{question.wall(each):%Y-%m-%d %H:%M:%S} New York" for each in (as_of, ts))
        raise QuestionError(f"--as-of {later} lies after the moment, {moment}: nothing later may answer")
    return at.end if as_of is None else min(as_of, at.end)


def _kinds(at: Place, wanted: frozenset[str]) -> frozenset[str] | None:
    """Kinds that are compared: the level's own and those asked for; a price is compared with all.

    Raises:
        QuestionError: If a named kind is to be compared with prices of the user.
    """
    if at.by_price:
        return wanted or None
    if naming.CUSTOM in wanted:
        raise QuestionError(f"CUSTOM levels answer questions by price only: ask with --level {at.price:g}")
    return wanted | {at.kind}
