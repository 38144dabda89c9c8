"""The answer to a question as plain data: what was asked, what was found, how sure it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from warehouse import question, wording
from warehouse.library import Admission, Likeness
from warehouse.odds import Chance
from warehouse.phases import Phase
from warehouse.question import Moment
from warehouse.schema import HORIZONS_S
from warehouse.vectors import Spec

SIMULATED = "SIM"
"""Product of the simulator: no market ever traded it."""
NAMES = {horizon: f"{horizon // 60}m" for horizon in HORIZONS_S}
"""Horizons as the card names them, by seconds."""
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (naive UTC, as in the tables)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a horizon's distribution rests on.

    Args:
        barrier_pts: Distance of both barriers from the level; None without sigma.
        n: Neighbours that broke, were rejected or chopped.
        n_eff: Kish's effective number of those.
        null_n: Neighbours that what was known without them counts as: as many as made earlier odds likeliest;
            this, and the next three, None without odds.
        elsewhere_n_eff: Kish's effective number of the nearest elsewhere.
        elsewhere_null_n: Of those as many as P_cal, the calibrated null, counts as.
        whole_n: Setups that the intervals rest on, all told.
        born: Neighbours left out because price was beyond a barrier when their clock began.
        censored: Neighbours left out because their data ended first or they have no barriers.
        base_n: Admitted setups that ended in one of the three.
        bucket_n: Those of them in the question's half hour of the day: what the base rate rests on.
    """

    barrier_pts: float | None
    n: int
    n_eff: float
    null_n: float | None
    elsewhere_n_eff: float | None
    elsewhere_null_n: float | None
    whole_n: float | None
    born: int
    censored: int
    base_n: int
    bucket_n: int


@dataclass(frozen=True, slots=True)
class Card:
    """An answer.

    Args:
        question: What was asked, and the frozen moment.
        pressure: The cube, a point per entry, upward, raw sign.
        story: Code of what the cube shows; None where its features are missing.
        told: The story in words.
        lead: Farthest point beyond the level that the push reaches; -2 none, None unseen.
        wall: Where orders stand most against the travel.
        conditions: The four conditions, each in (0, 1), None unseen.
        retreat: far and near, in (-1, 1).
        outcomes: By horizon, then by outcome; None where odds have no meaning.
        labels: By horizon.
        excursions: By horizon, quantiles of how far price went with and against the travel.
        times: By horizon, shares that had broken and had been rejected by then.
        n_eff: Kish's effective number of all neighbours.
        percentile: Share of past moments whose k-th neighbour was nearer; None with too small a past.
        abstained: The k-th neighbour is farther than for 95 % of the past: nothing similar was seen.
        neighbours: Nearest first.
        elsewhere: The nearest of all other kinds and directions, by name: what tilts the odds besides.
        search: Which search answered, and among how many.
        notes: Sentences that the reader must know.
    """

    question: dict[str, Any]
    pressure: list[dict[str, Any]]
    story: str | None
    told: str
    lead: float | None
    wall: dict[str, float | None]
    conditions: list[float | None]
    retreat: dict[str, float | None]
    outcomes: dict[str, dict[str, Chance] | None]
    labels: dict[str, Labels]
    excursions: dict[str, dict[str, dict[str, float] | None]]
    times: dict[str, list[dict[str, Any]]]
    n_eff: float
    percentile: float | None
    abstained: bool
    neighbours: list[dict[str, Any]]
    elsewhere: list[dict[str, Any]]
    search: dict[str, Any]
    notes: list[str]

    def data(self) -> dict[str, Any]:
        """The card as JSON has it: objects, lists, numbers, texts and nulls."""
        return asdict(self)


def asked(now: Moment, stage: Phase | None, admitted: Admission, spec: Spec, k: int) -> dict[str, Any]:
    """What was asked, and the frozen moment."""
    place = now.place
    return {
        "level": "price" if place.by_price else place.kind,
        "level_id": place.level_id,
        "price": place.price,
        "symbol": place.symbol,
        "date": str(place.date),
        "bar_ts": iso(place.bar),
        "known_ts": iso(place.end),
        "new_york": f"{question.wall(place.end):%Y-%m-%d %H:%M:%S}",
        "setup_id": now.setup["setup_id"] if now.setup else None,
        "phase": stage.name if stage else None,
        "tau_s": stage.tau_s if stage else None,
        "direction": now.direction,
        "p_ref": now.p_ref,
        "x0": now.x0,
        "sigma_60": now.sigma_60,
        "as_of": iso(admitted.as_of),
        "same_day": admitted.but is None,
        "kinds": sorted(admitted.kinds) if admitted.kinds else None,
        "hours": admitted.like.hours and wording.show(admitted.like.hours),
        "volatility": admitted.like.volatility and list(admitted.like.volatility),
        "contracts": sorted(admitted.contracts),
        "spec": spec.name,
        "k": k,
        "simulated": place.product == SIMULATED,
    }


def left_out(like: Likeness) -> list[str]:
    """What moments of the past were left out by, and what then speaks of the rest alone."""
    hours = like.hours and "those from {} to before {} New York".format(*wording.show(like.hours).split("-"))
    times = like.volatility and "those {:g} to {:g} times as volatile as this one".format(*like.volatility)
    asked = [said for said in (hours, times) if said]
    told = f"Of all moments {' and of them '.join(asked)}: whatever is told is of these alone."
    return [told] if asked else []


def iso(time: dt.datetime | int) -> str:
    """ISO 8601 in UTC, of a table's time or of ns."""
    when = _EPOCH + dt.timedelta(microseconds=time // 1000) if isinstance(time, int) else time
    return when.isoformat() + "Z"
