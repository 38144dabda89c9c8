"""From what was found to the card: distributions, rarity, and what the reader must know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from warehouse import barrier, card, odds, pressure, question, vectors
from warehouse.card import NAMES, Card, Labels
from warehouse.index import Neighbours, Pool
from warehouse.library import Admission
from warehouse.odds import CLASSES, Chance, Reals
from warehouse.question import Moment
from warehouse.schema import BAR_NS
from warehouse.vectors import SHARED_TENTHS, Spec, Vectors

SIMULATED = "SIM"
"""Product of the simulator: no market ever traded it."""
_RARE, _PAST_NEEDED = 0.95, 20


@dataclass(frozen=True, slots=True)
class Start:
    """Where a question's own walk starts.

    Args:
        tick: In points.
        factors: Calibration of sigma by horizon; 0.9 where absent.
    """

    tick: float
    factors: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a card is made from.

    Args:
        now: The frozen moment.
        row: Its features.
        admission: Who might answer.
        spec: By which vector.
        k: Neighbours wanted.
        how: Search that answered: hnsw or exact.
        setups: All setups but placebos, sorted by setup_id.
        library: Those of them that are admitted.
        pool: Their vectors, and which are admitted.
        mine: The question's vector.
        found: Rows of the neighbours.
        outcomes: The default scheme's outcomes.
        start: For the odds.
    """

    now: Moment
    row: Mapping[str, Any]
    admission: Admission
    spec: Spec
    k: int
    how: str
    setups: pl.DataFrame
    library: pl.DataFrame
    pool: Pool
    mine: Vectors
    found: Neighbours
    outcomes: pl.DataFrame
    start: Start

    def card(self) -> Card:
        weights = odds.weights(self.found.distances)
        near = self.setups[self.found.rows.tolist()].with_columns(
            pl.Series("distance", self.found.distances.tolist(), pl.Float64()),
            pl.Series("weight", weights.tolist(), pl.Float64()),
        )
        outcomes, labels = {}, {}
        for horizon, name in NAMES.items():
            outcomes[name], labels[name] = self._horizon(horizon, weights, near)
        percentile = self._percentile()
        place = self.now.place
        return Card(
            question=self._question(),
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
            neighbours=_neighbours(near, self.outcomes),
            search={
                "index": self.how,
                "admissible": int(self.pool.allowed.sum()),
                "dates": near["date"].n_unique(),
            },
            notes=list(self._notes(outcomes, labels, percentile)),
        )

    def _question(self) -> dict[str, Any]:
        now, place, admitted = self.now, self.now.place, self.admission
        return {
            "level": "price" if place.by_price else place.kind,
            "level_id": place.level_id,
            "price": place.price,
            "symbol": place.symbol,
            "date": str(place.date),
            "bar_ts": card.iso(place.bar),
            "known_ts": card.iso(place.end),
            "new_york": f"{question.wall(place.end):%Y-%m-%d %H:%M:%S}",
            "setup_id": now.setup["setup_id"] if now.setup else None,
            "direction": now.direction,
            "p_ref": now.p_ref,
            "x0": now.x0,
            "sigma_60": now.sigma_60,
            "as_of": card.iso(admitted.as_of),
            "same_day": admitted.but is None,
            "kinds": sorted(admitted.kinds) if admitted.kinds else None,
            "contracts": sorted(admitted.contracts),
            "spec": self.spec.name,
            "k": self.k,
            "simulated": place.product == SIMULATED,
        }

    def _horizon(
        self, horizon: int, weights: Reals, near: pl.DataFrame
    ) -> tuple[dict[str, Chance] | None, Labels]:
        mine = self.outcomes.filter(pl.col("horizon_s") == horizon).select("setup_id", "outcome")
        followed = near.join(mine, on="setup_id", how="left", maintain_order="left")["outcome"]
        admitted = self.library.join(mine, on="setup_id", how="left")["outcome"]
        base = _counts(admitted)
        usable = followed.is_in(CLASSES).fill_null(value=False).to_numpy()
        born = int((followed == "BORN").sum())
        x0, sigma = self.now.x0, self.now.sigma_60
        width = None if sigma is None else odds.width(sigma, horizon, self.start.tick)
        own = weights[usable]
        labels = Labels(
            width, len(own), odds.effective(own), born, len(weights) - len(own) - born, int(base.sum())
        )
        if sigma is None or width is None:
            return None, labels
        null = odds.null(x0, width, sigma, horizon, self.start.factors.get(horizon, barrier.UNCALIBRATED))
        if null is None:
            return None, labels
        hits = np.stack([(followed == name).fill_null(value=False).to_numpy() for name in CLASSES], axis=1)
        shares = base / base.sum() if base.sum() else None
        return odds.blend(own, hits[usable].astype(np.float64), null, shares), labels

    def _percentile(self) -> float | None:
        """Share of past moments whose k-th neighbour was nearer than the question's."""
        if len(self.found.rows) < self.k:
            return None
        admitted = self.pool.vectors[self.pool.allowed]
        dates = self.library["date"].to_numpy()
        past = vectors.usual(admitted, dates, self.pool.mad, self.k)
        return float((past < self.found.distances[-1]).mean()) if len(past) >= _PAST_NEEDED else None

    def _notes(
        self, outcomes: Mapping[str, object], labels: Mapping[str, Labels], percentile: float | None
    ) -> list[str]:
        now, slots = self.now, len(self.mine)
        notes = []
        if self.admission.as_of < now.place.end:
            told = f"{question.wall(self.admission.as_of):%Y-%m-%d %H:%M:%S}"
            notes.append(f"Cut by --as-of: what was resolved after {told} New York is left out.")
        if now.place.product == SIMULATED:
            notes.append("Simulated data: no market ever traded this.")
        if now.setup is None:
            notes.append("This moment is no arrival at the level; it is compared with arrivals.")
        if unseen := int(np.isnan(self.mine).sum()):
            few = (slots - unseen) * 10 < SHARED_TENTHS * slots
            notes.append(
                f"{unseen} of the {slots} numbers compared are unknown{': too many' if few else ''}."
            )
        if (found := len(self.found.rows)) < self.k:
            notes.append(f"Only {found} of {self.k} neighbours exist.")
        if not found and any(outcomes.values()):
            notes.append("The odds are geometry alone: no precedent stands behind them.")
        notes += self._about_odds(outcomes, labels)
        if percentile is None:
            notes.append("The past is too small to say how unusual this moment is.")
        return notes

    def _about_odds(self, outcomes: Mapping[str, object], labels: Mapping[str, Labels]) -> list[str]:
        missing = [name for name, chances in outcomes.items() if chances is None]
        if self.now.sigma_60 is None:
            return ["No odds: volatility needs 180 bars of data before the moment."]
        if not missing:
            return []
        pts = ", ".join(f"{labels[name].barrier_pts:g} pt at {name}" for name in missing)
        away = round(abs(self.now.x0), 3)
        return [f"Odds begin at the level: price is {away:g} pt away, the barriers stand at {pts}."]


def followed(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row per setup: its outcome at 2, 4 and 8 minutes, and its excursions over eight."""
    at = {seconds: outcomes.filter(pl.col("horizon_s") == seconds) for seconds in NAMES}
    wide = at[max(NAMES)].select("setup_id", "mfe_pts", "mae_pts")
    for seconds, name in NAMES.items():
        mine = at[seconds].select("setup_id", pl.col("outcome").alias(name))
        wide = wide.join(mine, on="setup_id", how="left", maintain_order="left")
    return wide


def _neighbours(near: pl.DataFrame, outcomes: pl.DataFrame) -> list[dict[str, Any]]:
    joined = near.join(followed(outcomes), on="setup_id", how="left", maintain_order="left")
    plain = (
        "setup_id",
        "distance",
        "weight",
        "level_kinds",
        "level_price",
        "direction",
        "x0",
        "mfe_pts",
        "mae_pts",
    )
    return [
        {name: row[name] for name in plain}
        | {
            "trigger_ts": card.iso(row["trigger_ts"]),
            "new_york": f"{question.wall(row['known']):%Y-%m-%d %H:%M:%S}",
            "outcomes": {name: row[name] for name in NAMES.values()},
        }
        for row in joined.with_columns(known=pl.col("trigger_ts").cast(pl.Int64) + BAR_NS).iter_rows(
            named=True
        )
    ]


def _counts(outcomes: pl.Series) -> Reals:
    return np.array([(outcomes == name).sum() for name in CLASSES], np.float64)
