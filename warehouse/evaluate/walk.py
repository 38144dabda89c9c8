"""The walk forward: every question's neighbours, found once, and forecasts from any labels of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from warehouse import odds, scales, spread, trials, vectors
from warehouse.evaluate.sample import Codes, Reals, Sample
from warehouse.index import Neighbours, Pool, search_exact
from warehouse.trials import PRIORS, K, Lists, listed
from warehouse.vectors import Spec, Vectors


class Forecast(NamedTuple):
    """Chances (q, 3), the neighbours they weigh as with P_cal's share (q,), and P_cal's share (q,)."""

    p: Reals
    whole: Reals
    strength: Reals


def neighbours(sample: Sample, spec: Spec, values: Vectors | None = None, embargo: int = 0) -> Lists:
    """What `similar` would have found for every question, scaled by the past of its date.

    Args:
        sample: Setups in order of time.
        spec: By which slots.
        values: (n, d) in place of the sample's own slots.
        embargo: Sessions before the question's that are left out too.
    """
    frame = (
        sample.frame
        if values is None
        else sample.frame.with_columns(
            pl.Series(slot, column.astype(np.float64)).fill_nan(None)
            for slot, column in zip(spec.slots, values.T, strict=True)
        )
    )
    frame = frame.with_columns(is_placebo=pl.lit(value=False))  # placebos teach a sample of placebos
    raw, whole = vectors.matrix(frame, spec), spread.groups(sample.frame)
    placed: dict[int, tuple[Vectors, Reals]] = {}
    found = []
    for row in sample.questions.tolist():
        day = int(sample.day[row])
        if day not in placed:
            past = scales.fitted(frame, [spec], sample.frame["date"][row])
            placed = {day: vectors.placed(raw, vectors.scaler(past, spec))}
        every, mad = placed[day]
        near = search_exact(every[row], Pool(every, mad, sample.admitted(row, embargo), whole), K)
        found.append(near)
    return listed(sample.questions, found)


def at_random(sample: Sample, seed: int = 0) -> Lists:
    """As many admissible neighbours, spread alike, without looking at them."""
    rng, whole = np.random.default_rng(seed), spread.groups(sample.frame)
    found = []
    for row in sample.questions.tolist():
        drawn = rng.permutation(np.flatnonzero(sample.admitted(row)))
        kept = drawn[whole.keep(drawn)][:K]
        found.append(Neighbours(kept, np.zeros(len(kept))))
    return listed(sample.questions, found)


def everyone(sample: Sample) -> Lists:
    """All who may answer each question."""
    return trials.everyone(sample.questions, [sample.admitted(row) for row in sample.questions.tolist()])


def settled(lists: Lists, y: Codes, cal: Reals, day: Codes) -> Reals:
    """P_cal of every question, (q, 3): geometry, drawn to what all who may answer did beyond theirs.

    How many of them geometry counts as is chosen anew for every session, as in `forecast`.

    Args:
        lists: Of everyone who may answer.
        y: (n,) outcomes of the sample, -1 where none is usable.
        cal: (n, 3) chances by geometry.
        day: (q,) session of each question, not falling.
    """
    return _learnt(lists, y, cal, cal[lists.asked], day, PRIORS, odds.ALONE).p


def forecast(
    lists: Lists,
    y: Codes,
    cal: Reals,
    prior: Reals,
    day: Codes,
    strengths: Sequence[float] = odds.STRENGTHS,
) -> Forecast:
    """Chances of the three outcomes, (q, 3), as the card's odds blend them, and what they rest on.

    How much P_cal counts is chosen anew for every session: the strength under which the forecasts of
    earlier sessions' questions were the likeliest.

    Args:
        lists: Neighbours of the questions.
        y: (n,) outcomes of the sample, -1 where none is usable.
        cal: (n, 3) chances by geometry.
        prior: (q, 3) P_cal, to which the forecast is drawn.
        day: (q,) session of each question, not falling.
        strengths: What the past may choose among.
    """
    return _learnt(lists, y, cal, prior, day, strengths, odds.STRENGTH)


def _learnt(
    lists: Lists, y: Codes, cal: Reals, prior: Reals, day: Codes, strengths: Sequence[float], first: float
) -> Forecast:
    """What lists say under the strength that the past chose; under `first` before there is a past."""
    came = y[lists.asked]
    told, count = trials.blends(lists, y, cal, prior, strengths)
    chosen = _chosen(trials.losses(told, came), day, strengths.index(first))
    p = told[chosen, np.arange(len(came))]
    return Forecast(p, count + np.array(strengths)[chosen], np.array(strengths)[chosen])


def _chosen(losses: Reals, day: Codes, start: int) -> Codes:
    """Place of the strength with the least loss over earlier sessions; where to start before there is one."""
    first = np.searchsorted(day, day, side="left")
    before = np.vstack([np.zeros(losses.shape[1]), np.cumsum(losses, axis=0)])[first]
    least = before.argmin(axis=1)
    return np.where(first > 0, least, start)
