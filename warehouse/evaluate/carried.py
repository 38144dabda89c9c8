"""The best skill that carried outcomes show: every draw at once, from neighbours that were found once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from warehouse import odds
from warehouse.evaluate import resample
from warehouse.evaluate.sample import Codes, Reals, Sample
from warehouse.trials import PRIORS, Lists, expected, lost, shared

_AT_ONCE = 250


def best(sample: Sample, whole: Lists, lists: Iterable[Lists], count: int) -> Reals:
    """The largest skill over the lists of neighbours under each draw, (count,).

    P_cal and forecasts are those of `walk`, whose strengths are learnt anew under every draw.

    Args:
        sample: Setups in order of time.
        whole: Everyone who may answer.
        lists: Of every spec.
        count: Draws.
    """
    told = list(lists)
    draws = resample.permuted(sample, count)
    parts = [np.stack(list(part), axis=1) for part in _pieces(draws, count)]
    return np.concatenate([_best(sample, whole, told, part) for part in parts])


def _pieces(draws: Iterator[Codes], count: int) -> Iterator[Iterator[Codes]]:
    for _ in range(0, count, _AT_ONCE):
        yield itertools.islice(draws, _AT_ONCE)


def _best(sample: Sample, whole: Lists, lists: list[Lists], y: Codes) -> Reals:
    null = np.take_along_axis(sample.cal[sample.questions], y[sample.questions], axis=1)
    prior = _learnt(sample, whole, y, null, PRIORS, odds.ALONE)
    reference = lost(prior)[sample.scored].sum(axis=0)
    told = (_learnt(sample, each, y, prior, odds.STRENGTHS, odds.STRENGTH) for each in lists)
    skills = [1 - lost(chance)[sample.scored].sum(axis=0) / reference for chance in told]
    found: Reals = np.stack(skills).max(axis=0)
    return found


def _learnt(
    sample: Sample, lists: Lists, y: Codes, prior: Reals, strengths: Sequence[float], first: float
) -> Reals:
    """Chances of what came under each draw, (q, draws), by the strengths that earlier sessions chose."""
    share, count = _shares(sample, lists, y)
    day = sample.day[sample.questions]
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    told = [(count * share + strength * prior) / (count + strength) for strength in strengths]
    summed = np.stack([np.add.reduceat(lost(chance), starts, axis=0) for chance in told])
    chosen = (np.cumsum(summed, axis=1) - summed).argmin(axis=0)
    chosen[0] = strengths.index(first)
    session = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(day)))
    chances: Reals = np.take_along_axis(np.stack(told), chosen[session][None], axis=0)[0]
    return chances


def _shares(sample: Sample, lists: Lists, y: Codes) -> tuple[Reals, Reals]:
    """What the neighbours say of that which came, (q, draws), and how many they count as, (q, 1)."""
    weights, count = shared(lists, y[:, 0], sample.cal)  # draws carry outcomes among those who have one
    near = np.zeros((len(weights), len(y) + 1))  # the spare column takes places without a neighbour
    np.put_along_axis(near, lists.rows, weights, axis=1)
    ends = np.stack([near[:, :-1] @ (y == place) for place in range(3)], axis=-1)
    theirs, null = expected(lists, weights, sample.cal), sample.cal[lists.asked]
    told = odds.moved(ends, theirs[:, None], null[:, None])
    return np.take_along_axis(told, y[lists.asked][..., None], axis=-1)[..., 0], count[:, None]
