"""What an evaluation finds: a row per forecast, and all of it as JSON has it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from warehouse.evaluate.scores import Interval, Scores


@dataclass(frozen=True, slots=True)
class Rests:
    """What the forecasts of a vector rest on.

    Args:
        slots: Its width.
        questions: Scored.
        effective: What they count as, since those of one day go together.
        near: Neighbours of a question, on average.
        n_eff: Kish's effective number of those with an outcome, on average.
        null: Neighbours that the null counted as, the median.
    """

    slots: int
    questions: int
    effective: float
    near: float
    n_eff: float
    null: float


@dataclass(frozen=True, slots=True)
class Row:
    """One forecast's scores, and its skill over the calibrated geometric null.

    Args:
        name: As the table shows it.
        role: reference, baseline, model, oracle, spec, embargo (the default spec by other rules) or control.
        scores: Means over the questions.
        skill: Of three outcomes.
        resolved: Skill at telling resolved from CHOP.
        direction: Skill at telling BREAK from REJECT given resolved.
        p: Chance of so much skill where outcomes are carried to other days; the largest over all specs.
        rests: Of a vector, what it rests on.
    """

    name: str
    role: str
    scores: Scores
    skill: Interval
    resolved: Interval
    direction: Interval
    p: float | None = None
    rests: Rests | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What `warehouse evaluate` prints.

    Args:
        root: The warehouse.
        horizon_s: Seconds of the label clock.
        sessions: With setups.
        questions: Asked after the warm-up.
        days: They are from.
        skill: Of the default spec over the reference.
        rows: Every forecast.
        deciles: Of the default spec's forecast of BREAK, at every question after the warm-up.
        suspects: Features that see too much; `canary` must be among what the alarm finds.
        canary: Whether the planted leak set the alarm off, and at which AUC.
        adjacent: Share of the default spec's neighbours from the session before.
        configurations: Vectors that were tried, over which `p` takes the largest.
        notes: Sentences that the reader must know.
    """

    root: str
    horizon_s: int
    sessions: int
    questions: int
    days: int
    skill: Interval
    rows: list[Row]
    deciles: list[dict[str, float]]
    suspects: list[dict[str, float | str]]
    canary: dict[str, Any]
    adjacent: float
    configurations: int
    notes: list[str]

    def data(self) -> dict[str, Any]:
        """As JSON has it; `specs` holds the rows of vectors by name."""
        told = asdict(self)
        return {**told, "specs": {row["name"]: row for row in told["rows"] if row["role"] == "spec"}}


def to_json(found: Report) -> str:
    return json.dumps(found.data(), indent=1)
