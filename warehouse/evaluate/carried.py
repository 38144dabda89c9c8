"""The best skill that carried outcomes show: every draw at once, from neighbours that were found once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from warehouse import odds
from warehouse.evaluate import resample
from warehouse.evaluate.sample import Codes, Reals, Sample
from warehouse.trials import Lists, expected, lost, shared

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
    came, day = y[sample.questions], sample.day[sample.questions]
    null = np.take_along_axis(sample.cal[sample.questions], came, axis=1)
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    reference = lost(null)[sample.scored].sum(axis=0)
    skills = [1 - _loss(sample, each, y, null, starts) / reference for each in lists]
    found: Reals = np.stack(skills).max(axis=0)
    return found


def _loss(sample: Sample, lists: Lists, y: Codes, null: Reals, starts: Codes) -> Reals:
    """Summed loss of the scored sessions under each draw, (draws,)."""
    share, count = _shares(sample, lists, y)
    scored = sample.scored
    losses = (lost((count * share + s * null) / (count + s)) for s in odds.STRENGTHS)
    taught, told = zip(
        *((_by_day(one, starts), _by_day(one * scored[:, None], starts)) for one in losses), strict=True
    )
    before = np.cumsum(taught, axis=1) - np.stack(taught)
    chosen = before.argmin(axis=0)
    chosen[0] = odds.STRENGTHS.index(odds.STRENGTH)
    total: Reals = np.take_along_axis(np.stack(told), chosen[None], axis=0)[0].sum(axis=0)
    return total


def _shares(sample: Sample, lists: Lists, y: Codes) -> tuple[Reals, Reals]:
    """What the neighbours say of that which came, (q, draws), and how many they count as, (q, 1)."""
    weights, count = shared(lists, y[:, 0], sample.cal)  # draws carry outcomes among those who have one
    near = np.zeros((len(weights), len(y) + 1))  # the spare column takes places without a neighbour
    np.put_along_axis(near, lists.rows, weights, axis=1)
    ends = np.stack([near[:, :-1] @ (y == place) for place in range(3)], axis=-1)
    theirs, null = expected(lists, weights, sample.cal), sample.cal[lists.asked]
    told = odds.moved(ends, theirs[:, None], null[:, None])
    return np.take_along_axis(told, y[lists.asked][..., None], axis=-1)[..., 0], count[:, None]


def _by_day(losses: Reals, starts: Codes) -> Reals:
    """Summed over sessions, (sessions, draws)."""
    summed: Reals = np.add.reduceat(losses, starts, axis=0)
    return summed
