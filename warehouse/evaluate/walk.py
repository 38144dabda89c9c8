"""The walk forward: every question's neighbours, found once, and forecasts from any labels of theirs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from warehouse import circles, odds, scales, spread, trials, vectors
from warehouse.circles import ELSEWHERE, OWN, TIMES, K, Lists, listed
from warehouse.evaluate.sample import Codes, Mask, Reals, Sample
from warehouse.index import Neighbours
from warehouse.scan import Scan
from warehouse.trials import Choices
from warehouse.vectors import Spec, Vectors


class Near(NamedTuple):
    """Neighbours of the questions: elsewhere, and of their own kind and direction."""

    elsewhere: Lists
    own: Lists


class Forecast(NamedTuple):
    """What is said of questions.

    Args:
        p: (q, 3) chances.
        n_eff: (q,) Kish's number of the own neighbours.
        strength: (q,) how many of those what was known before counts as.
        whole: (q,) setups that a card's interval rests on.
    """

    p: Reals
    n_eff: Reals
    strength: Reals
    whole: Reals


def neighbours(sample: Sample, spec: Spec, values: Vectors | None = None, embargo: int = 0) -> Near:
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
    raw, groups = vectors.matrix(frame, spec), spread.groups(sample.frame)
    elsewhere: list[Neighbours] = []
    own: list[Neighbours] = []
    for turn in sample.turns(embargo):
        past = scales.fitted(frame, [spec], sample.frame["date"][int(turn.rows[0])])
        every, mad = vectors.placed(raw, vectors.scaler(past, spec))
        both = (turn.admitted[ELSEWHERE], TIMES * K), (turn.admitted[OWN], K)
        far, near = Scan(every, mad, groups).nearest(every[turn.rows], both)
        elsewhere += far
        own += near
    return Near(listed(sample.questions, elsewhere, TIMES * K), listed(sample.questions, own, K))


def at_random(sample: Sample, seed: int = 0) -> Near:
    """As many admissible neighbours, spread alike, without looking at them."""
    rng, groups, asked = np.random.default_rng(seed), spread.groups(sample.frame), sample.questions

    def drawn(admitted: Mask, k: int) -> Neighbours:
        rows = rng.permutation(np.flatnonzero(admitted))
        kept = rows[groups.keep(rows, k)]
        return Neighbours(kept, np.zeros(len(kept)))

    turns = list(sample.turns())
    far, near = (
        [drawn(mask, k) for turn in turns for mask in turn.admitted[circle]]
        for circle, k in ((ELSEWHERE, TIMES * K), (OWN, K))
    )
    return Near(listed(asked, far, TIMES * K), listed(asked, near, K))


def settled(sample: Sample) -> tuple[Reals, Reals]:
    """P_cal of every question, (q, 3), and how many of its own circle may answer, (q,).

    Geometry, drawn to what everyone elsewhere did beyond theirs, and that to what everyone of the own circle
    did. How many of them what was known before counts as is chosen anew for every session, as in `forecast`.
    """
    asked = sample.questions
    day, came = sample.day[asked], sample.y[asked]
    known, count = sample.cal[asked], np.zeros(len(asked))
    for circle in (ELSEWHERE, OWN):
        told, count = everyone(sample, circle)
        known, _ = learnt(told, count, known, came, day, trials.EVERYONE)
    return known, count


def everyone(sample: Sample, circle: str) -> tuple[Reals, Reals]:
    """What everyone of a circle says of each question, (q, 3), and how many they are, (q,)."""
    parts = [
        circles.everyone(turn.admitted[circle], sample.y, sample.cal, sample.cal[turn.rows])
        for turn in sample.turns()
    ]
    return np.concatenate([told for told, _ in parts]), np.concatenate([count for _, count in parts])


def forecast(
    sample: Sample, near: Near, prior: Reals, past: Reals, among: Choices = trials.NEAREST
) -> Forecast:
    """What the card's odds say of every question, and what they rest on.

    How much what was known before counts is chosen anew for every session: the strength under which the
    forecasts of earlier sessions' questions were the likeliest.

    Args:
        sample: Whose outcomes.
        near: Neighbours of the questions.
        prior: (q, 3) P_cal, to which the forecast is drawn.
        past: (q,) how many of the own kind and direction may answer.
        among: What the past may choose among.
    """
    asked = near.own.asked
    day, came, given = sample.day[asked], sample.y[asked], (sample.y, sample.cal)
    told, count = circles.told(near.elsewhere, *given)
    tilted, beside = learnt(odds.sided(told, prior), count, prior, came, day, among)
    whole = count + odds.sure(beside, past)
    told, count = circles.told(near.own, *given)
    p, beside = learnt(told, count, tilted, came, day, among)
    return Forecast(p, count, beside, count + odds.sure(beside, whole))


def learnt(
    told: Reals, count: Reals, prior: Reals, came: Codes, day: Codes, among: Choices
) -> tuple[Reals, Reals]:
    """What is said under the strength that earlier sessions chose, (q, 3), and that strength, (q,).

    Args:
        told: (q, 3) what neighbours say.
        count: (q,) how many they count as.
        prior: (q, 3) what was known before.
        came: (q,) outcomes of the questions.
        day: (q,) session of each, not falling.
        among: What the past may choose among.
    """
    strengths, first = among
    every = circles.drawn(told, count, prior, strengths)
    chosen = _chosen(circles.losses(every, came), day, strengths.index(first))
    return every[chosen, np.arange(len(came))], np.array(strengths)[chosen]


def _chosen(losses: Reals, day: Codes, start: int) -> Codes:
    """Place of the strength with the least loss over earlier sessions; where to start before there is one."""
    first = np.searchsorted(day, day, side="left")
    before = np.vstack([np.zeros(losses.shape[1]), np.cumsum(losses, axis=0)])[first]
    least = before.argmin(axis=1)
    return np.where(first > 0, least, start)
