"""The best skill that carried outcomes show: every draw at once, from neighbours that were found once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from warehouse import odds
from warehouse.evaluate import resample
from warehouse.evaluate.sample import Codes, Mask, Reals, Sample
from warehouse.trials import Lists, counted, lost

_AT_ONCE = 250


def best(sample: Sample, lists: Iterable[Lists], count: int) -> Reals:
    """The largest skill over the lists of neighbours under each draw, (count,).

    Forecasts are those of `walk.forecast`, whose strength is learnt anew under every draw.

    Args:
        sample: Setups in order of time.
        lists: Of every spec.
        count: Draws.
    """
    told = list(lists)
    draws = resample.permuted(sample, count)
    parts = [np.stack(list(part), axis=1) for part in _pieces(draws, count)]
    return np.concatenate([_best(sample, told, part) for part in parts])


def _pieces(draws: Iterator[Codes], count: int) -> Iterator[Iterator[Codes]]:
    for _ in range(0, count, _AT_ONCE):
        yield itertools.islice(draws, _AT_ONCE)


def _best(sample: Sample, lists: list[Lists], y: Codes) -> Reals:
    asked = sample.questions
    came, day = y[asked], sample.day[asked]
    null = np.take_along_axis(sample.cal[asked], came, axis=1)
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    scored = sample.scored
    reference = lost(null)[scored].sum(axis=0)
    skills = [1 - _loss(each, y, came, null, starts, scored) / reference for each in lists]
    found: Reals = np.stack(skills).max(axis=0)
    return found


def _loss(lists: Lists, y: Codes, came: Codes, null: Reals, starts: Codes, scored: Mask) -> Reals:
    """Summed loss of the scored sessions under each draw, (draws,)."""
    usable = (lists.rows >= 0) & (y[lists.rows, 0] >= 0)  # draws carry outcomes among those who have one
    weights = np.where(usable, lists.weights, 0.0)
    whole, count = counted(weights)
    near = np.zeros((len(came), len(y) + 1))  # the spare column takes places without a neighbour
    np.put_along_axis(near, lists.rows, weights / np.where(whole > 0, whole, 1)[:, None], axis=1)
    near = near[:, :-1]
    ends = [near @ (y == place) for place in range(3)]
    share = np.choose(came, ends)
    count = count[:, None]
    losses = (lost((count * share + s * null) / (count + s)) for s in odds.STRENGTHS)
    taught, told = zip(
        *((_by_day(one, starts), _by_day(one * scored[:, None], starts)) for one in losses), strict=True
    )
    before = np.cumsum(taught, axis=1) - np.stack(taught)
    chosen = before.argmin(axis=0)
    chosen[0] = odds.STRENGTHS.index(odds.STRENGTH)
    total: Reals = np.take_along_axis(np.stack(told), chosen[None], axis=0)[0].sum(axis=0)
    return total


def _by_day(losses: Reals, starts: Codes) -> Reals:
    """Summed over sessions, (sessions, draws)."""
    summed: Reals = np.add.reduceat(losses, starts, axis=0)
    return summed
