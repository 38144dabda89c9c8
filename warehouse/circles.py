"""Neighbours of many questions as arrays, and what each circle of them says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warehouse import odds
from warehouse.index import Mask, Neighbours
from warehouse.odds import CLASSES, Reals

Codes = npt.NDArray[np.int64]

ELSEWHERE, OWN = "elsewhere", "own"
"""Circles of setups: those of the kind and the direction asked, and all others at a level with a name."""
K, TIMES = 30, 2
"""Neighbours of a question in its own circle, as in `similar`; times as many there are elsewhere."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Lists:
    """Neighbours of questions.

    Args:
        asked: (q,) rows that are the questions.
        rows: (q, k) rows of the neighbours, nearest first, -1 where there are fewer.
        weights: (q, k) kernel weights, 0 where there is none.
    """

    asked: Codes
    rows: Codes
    weights: Reals


def listed(asked: Codes, found: Sequence[Neighbours], k: int) -> Lists:
    """What was found for each question, at most k, with its kernel weights."""
    rows, weights = np.full((len(found), k), -1), np.zeros((len(found), k))
    for n, near in enumerate(found):
        rows[n, : len(near.rows)], weights[n, : len(near.rows)] = near.rows, odds.weights(near.distances)
    return Lists(asked, rows, weights)


def told(lists: Lists, y: Codes, cal: Reals) -> tuple[Reals, Reals]:
    """What neighbours say of each question, (q, 3), and how many they count as, (q,).

    Args:
        lists: Neighbours of the questions.
        y: (n,) outcomes, -1 where none is usable.
        cal: (n, 3) chances by geometry, of neighbours and of questions.
    """
    weights, count = shared(lists, y, cal)
    ends = y[lists.rows]
    shares = np.stack([(weights * (ends == place)).sum(axis=1) for place in range(len(CLASSES))], axis=1)
    return odds.moved(shares, expected(lists, weights, cal), cal[lists.asked]), count


def everyone(masks: Sequence[Mask], y: Codes, cal: Reals, null: Reals) -> tuple[Reals, Reals]:
    """What everyone says of each question, each weighing the same, (q, 3), and how many they are, (q,).

    Args:
        masks: Of each question, (n,) who is asked; the same mask is counted once.
        y: As in `told`.
        cal: As in `told`.
        null: (q, 3) chances by geometry of the questions.
    """
    usable, counted = (y >= 0) & np.isfinite(cal).all(axis=1), {}
    for mask in masks:
        if id(mask) not in counted:
            mine = mask & usable
            counted[id(mask)] = [*np.bincount(y[mine], minlength=len(CLASSES)), *cal[mine].sum(axis=0)]
    sums = np.array([counted[id(mask)] for mask in masks], np.float64).reshape(len(masks), 2, len(CLASSES))
    count = sums[:, 0].sum(axis=1)
    shares, theirs = np.moveaxis(sums / np.maximum(count, 1.0)[:, None, None], 1, 0)
    return odds.moved(shares, theirs, null), count


def drawn(told: Reals, count: Reals, prior: Reals, strengths: Sequence[float]) -> Reals:
    """Chances of the three outcomes under each strength, (s, q, 3).

    Args:
        told: (q, 3) what neighbours say.
        count: (q,) how many they count as.
        prior: (q, 3) chances to which that is drawn.
        strengths: How many neighbours those count as.
    """
    return np.stack([odds.drawn(told, count[:, None], prior, strength) for strength in strengths])


def shared(lists: Lists, y: Codes, cal: Reals) -> tuple[Reals, Reals]:
    """Weights of the neighbours with an outcome and geometry, (q, k), sum 1 or 0, and Kish's number, (q,)."""
    usable = (lists.rows >= 0) & ((y >= 0) & np.isfinite(cal).all(axis=1))[lists.rows]
    weights = np.where(usable, lists.weights, 0.0)
    whole, count = counted(weights)
    return weights / np.where(whole > 0, whole, 1.0)[:, None], count


def expected(lists: Lists, weights: Reals, cal: Reals) -> Reals:
    """Mean chances that geometry gave the neighbours, (q, 3); 0 where a question has none."""
    found: Reals = np.einsum("qk,qkc->qc", weights, np.nan_to_num(cal)[lists.rows])
    return found


def counted(weights: Reals) -> tuple[Reals, Reals]:
    """Over axis 1, the neighbours: the sum of weights, and Kish's effective number."""
    whole, squares = weights.sum(axis=1), (weights**2).sum(axis=1)
    return whole, np.divide(whole**2, squares, out=np.zeros_like(whole), where=squares > 0)


def lost(chance: Reals) -> Reals:
    """Minus the logarithm of the chance of what came."""
    return -np.log(np.maximum(chance, _LEAST))


def losses(chances: Reals, came: Codes) -> Reals:
    """The same of chances (s, q, 3), as (q, s)."""
    return lost(chances[:, np.arange(len(came)), came]).T
