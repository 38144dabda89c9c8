"""The best skill that carried outcomes show: every draw at once, from neighbours that were found once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from warehouse import odds
from warehouse.evaluate import resample
from warehouse.evaluate.sample import Codes, Mask, Reals, Sample
from warehouse.trials import Lists

_AT_ONCE = 250
_LEAST = 1e-9


def best(sample: Sample, lists: Iterable[Lists], first_day: int, count: int) -> Reals:
    """The largest skill over the lists of neighbours under each draw, (count,).

    Forecasts are those of `walk.forecast`, whose strength is learnt anew under every draw.

    Args:
        sample: Setups in order of time.
        lists: Of every spec.
        first_day: Session from which questions are scored.
        count: Draws.
    """
    told = list(lists)
    draws = resample.permuted(sample, count)
    parts = [np.stack(list(part), axis=1) for part in _pieces(draws, count)]
    return np.concatenate([_best(sample, told, part, first_day) for part in parts])


def _pieces(draws: Iterator[Codes], count: int) -> Iterator[Iterator[Codes]]:
    for _ in range(0, count, _AT_ONCE):
        yield itertools.islice(draws, _AT_ONCE)


def _best(sample: Sample, lists: list[Lists], y: Codes, first_day: int) -> Reals:
    asked = sample.questions
    came, day = y[asked], sample.day[asked]
    null = np.take_along_axis(sample.cal[asked], came, axis=1)
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    scored = day[starts] >= first_day
    reference = _lost(null, starts)[scored].sum(axis=0)
    skills = [1 - _loss(each, y, came, null, starts, scored) / reference for each in lists]
    found: Reals = np.stack(skills).max(axis=0)
    return found


def _loss(lists: Lists, y: Codes, came: Codes, null: Reals, starts: Codes, scored: Mask) -> Reals:
    """Summed loss of the scored sessions under each draw, (draws,)."""
    usable = (lists.rows >= 0) & (y[lists.rows, 0] >= 0)  # draws carry outcomes among those who have one
    weights = np.where(usable, lists.weights, 0.0)
    whole, squares = weights.sum(axis=1), (weights**2).sum(axis=1)
    count = np.divide(whole**2, squares, out=np.zeros_like(whole), where=squares > 0)[:, None]
    near = np.zeros((len(came), len(y) + 1))  # the spare column takes places without a neighbour
    np.put_along_axis(near, lists.rows, weights / np.where(whole > 0, whole, 1)[:, None], axis=1)
    near = near[:, :-1]
    ends = [near @ (y == place) for place in range(3)]
    share = np.choose(came, ends)
    losses = np.stack([_lost((count * share + s * null) / (count + s), starts) for s in odds.STRENGTHS])
    before = np.cumsum(losses, axis=1) - losses
    chosen = before.argmin(axis=0)
    chosen[0] = odds.STRENGTHS.index(odds.STRENGTH)
    mine = np.take_along_axis(losses, chosen[None], axis=0)[0]
    total: Reals = mine[scored].sum(axis=0)
    return total


def _lost(chance: Reals, starts: Codes) -> Reals:
    """Log-loss summed over sessions, (sessions, draws)."""
    summed: Reals = np.add.reduceat(-np.log(np.maximum(chance, _LEAST)), starts, axis=0)
    return summed
