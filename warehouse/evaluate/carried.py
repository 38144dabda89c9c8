"""The best skill that carried outcomes show: every draw at once, from neighbours that were found once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from warehouse import odds
from warehouse.circles import ELSEWHERE, OWN, Lists, expected, lost, shared
from warehouse.evaluate import resample
from warehouse.evaluate.sample import Codes, Reals, Sample
from warehouse.evaluate.walk import Near
from warehouse.odds import CLASSES
from warehouse.trials import EVERYONE, NEAREST, Choices

_AT_ONCE = 100
_CHOP = CLASSES.index("CHOP")


def best(sample: Sample, near: Iterable[Near], count: int) -> Reals:
    """The largest skill over the lists of neighbours under each draw, (count,).

    P_cal and forecasts are those of `walk`, whose strengths are learnt anew under every draw.

    Args:
        sample: Setups in order of time.
        near: Of every spec.
        count: Draws.
    """
    told = list(near)
    draws = resample.permuted(sample, count)
    parts = [np.stack(list(part), axis=1) for part in _pieces(draws, count)]
    return np.concatenate([_Carried(sample, part).best(told) for part in parts])


def _pieces(draws: Iterator[Codes], count: int) -> Iterator[Iterator[Codes]]:
    for _ in range(0, count, _AT_ONCE):
        yield itertools.islice(draws, _AT_ONCE)


class _Carried:
    """Some draws: outcomes (n, draws), and of questions (q, draws).

    Of three chances those are followed that count: of what came, and of CHOP; (q, draws) each.
    """

    def __init__(self, sample: Sample, y: Codes) -> None:
        self.sample, self.y, self.came = sample, y, y[sample.questions]
        self.null = sample.cal[sample.questions]
        self.day = sample.day[sample.questions]
        self.ends = [(y == place).astype(np.float64) for place in range(len(CLASSES))]

    def best(self, near: list[Near]) -> Reals:
        prior: tuple[Reals, ...] = self._both(
            np.broadcast_to(self.null[:, None], (*self.came.shape, len(CLASSES)))
        )
        for circle in (ELSEWHERE, OWN):
            shares, count = self._everyone(circle)
            prior = self._learnt(self._both(shares), count, prior, EVERYONE)
        reference = lost(prior[0])[self.sample.scored].sum(axis=0)
        skills = [1 - self._lost(each, prior) / reference for each in near]
        found: Reals = np.stack(skills).max(axis=0)
        return found

    def _lost(self, near: Near, prior: tuple[Reals, ...]) -> Reals:
        """Loss over the scored questions under each draw, (draws,)."""
        shares, count = self._shares(near.elsewhere)
        (tilted,) = self._learnt((self._sided(shares, prior),), count, prior[:1], NEAREST)
        shares, count = self._shares(near.own)
        (told,) = self._learnt((self._of_came(shares),), count, (tilted,), NEAREST)
        found: Reals = lost(told)[self.sample.scored].sum(axis=0)
        return found

    def _both(self, told: Reals) -> tuple[Reals, Reals]:
        return self._of_came(told), told[..., _CHOP]

    def _of_came(self, told: Reals) -> Reals:
        return np.take_along_axis(told, self.came[..., None], axis=-1)[..., 0]

    def _sided(self, told: Reals, prior: tuple[Reals, ...]) -> Reals:
        """Chance of what came as `odds.sided` has it."""
        came, chop = prior
        resolved = told[..., :_CHOP].sum(axis=-1)
        share = np.divide(self._of_came(told), resolved, out=np.zeros_like(came), where=resolved > 0)
        return np.where((self.came == _CHOP) | (resolved <= 0), came, share * (1 - chop))

    def _learnt(
        self, told: tuple[Reals, ...], count: Reals, prior: tuple[Reals, ...], among: Choices
    ) -> tuple[Reals, ...]:
        """Chances under each draw by the strengths that earlier sessions chose; of what came first."""
        strengths, first = among
        starts = np.flatnonzero(np.diff(self.day, prepend=-1))
        lengths = np.diff(starts, append=len(self.day))
        summed = np.stack(
            [
                np.add.reduceat(lost(odds.drawn(told[0], count, prior[0], strength)), starts, axis=0)
                for strength in strengths
            ]
        )
        chosen = (np.cumsum(summed, axis=1) - summed).argmin(axis=0)
        chosen[0] = strengths.index(first)
        strength = np.repeat(np.array(strengths)[chosen], lengths, axis=0)
        pairs = zip(told, prior, strict=True)
        return tuple(odds.drawn(mine, count, before, strength) for mine, before in pairs)

    def _shares(self, lists: Lists) -> tuple[Reals, Reals]:
        """What neighbours say, (q, draws, 3), and how many they count as, (q, 1)."""
        cal, usual = self.sample.cal, self.y[:, 0]  # draws carry outcomes among those who have one
        weights, count = shared(lists, usual, cal)
        ends = np.zeros((*self.came.shape, len(CLASSES)))
        for rows, own in zip(lists.rows.T, weights.T, strict=True):
            for place, there in enumerate(self.ends[:_CHOP]):
                ends[..., place] += own[:, None] * there[rows]
        ends[..., _CHOP] = np.maximum(weights.sum(axis=1)[:, None] - ends[..., :_CHOP].sum(axis=-1), 0.0)
        theirs = expected(lists, weights, cal)
        return odds.moved(ends, theirs[:, None], self.null[:, None]), count[:, None]

    def _everyone(self, circle: str) -> tuple[Reals, Reals]:
        """What everyone of a circle says, (q, draws, 3), and how many they are, (q, 1)."""
        sample = self.sample
        usable = (self.y[:, 0] >= 0) & np.isfinite(sample.cal).all(axis=1)
        cal, parts = np.nan_to_num(sample.cal), []
        for turn in sample.turns():
            before = slice(0, turn.rows[0])
            masks = {id(mask): (mask & usable)[before] for mask in turn.admitted[circle]}
            alike = [list(masks).index(id(mask)) for mask in turn.admitted[circle]]
            asked = np.stack(list(masks.values()))
            count = asked.sum(axis=1, keepdims=True)
            own = asked / np.maximum(count, 1)
            ends = np.stack([own @ there[before] for there in self.ends], axis=-1)[alike]
            theirs, null = (own @ cal[before])[alike], cal[turn.rows]
            parts.append((odds.moved(ends, theirs[:, None], null[:, None]), count[alike].astype(np.float64)))
        return np.concatenate([told for told, _ in parts]), np.concatenate([count for _, count in parts])
