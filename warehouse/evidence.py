"""What stands behind a card's odds: geometry, then everyone of two circles, then the nearest of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from warehouse import odds
from warehouse.barrier import Calibration
from warehouse.circles import ELSEWHERE, OWN
from warehouse.index import Neighbours, Pool
from warehouse.odds import CLASSES, Reals
from warehouse.past import Past
from warehouse.schema import HORIZONS_S


@dataclass(frozen=True, slots=True)
class Circle:
    """Setups that may answer, and the nearest of them.

    Args:
        past: The setups that the question is held against.
        pool: Their vectors, and which are admitted.
        found: Rows of the neighbours.
    """

    past: Past
    pool: Pool
    found: Neighbours


@dataclass(frozen=True, slots=True)
class Start:
    """Where a question's own walk starts.

    Args:
        tick: In points.
        calibrated: How sigma is scaled, by horizon; by 0.9 where absent.
        everyone: As how many of everyone of a circle what was known before counts, by circle and horizon;
            alone where absent.
        nearest: The same of the nearest; 10 where absent.
    """

    tick: float
    calibrated: Mapping[int, Calibration]
    everyone: Mapping[str, Mapping[int, float]]
    nearest: Mapping[str, Mapping[int, float]]


class Weight(NamedTuple):
    """What neighbours of a circle count as, Kish's number of them, and what was known before beside them."""

    n_eff: float
    strength: float


class Evidence(NamedTuple):
    """Chances of the three outcomes, (3,), P_cal, how many setups they rest on, what each circle weighs."""

    told: Reals
    cal: Reals
    whole: float
    weights: Mapping[str, Weight]


def gathered(circles: Mapping[str, Circle], start: Start, n: int, null: Reals) -> Evidence:
    """What the circles say of the n-th horizon.

    P_cal is geometry, drawn to what everyone elsewhere did beyond theirs, and then to what those of the own
    circle did. The nearest elsewhere move it between BREAK and REJECT, and the nearest of the own as they
    fell out.

    Args:
        circles: ELSEWHERE and OWN.
        start: How much each counts.
        n: Place in HORIZONS_S.
        null: (3,) chances by geometry.
    """
    horizon, told, past = HORIZONS_S[n], null, 0
    for circle in (ELSEWHERE, OWN):
        shares, past = everyone(circles[circle], n, null)
        told = odds.drawn(shares, past, told, start.everyone[circle].get(horizon, odds.ALONE))
    cal, whole, weights = told, float(past), {}
    for circle in (ELSEWHERE, OWN):
        shares, count = nearest(circles[circle], n, null)
        shares = odds.sided(shares, told) if circle == ELSEWHERE else shares
        strength = start.nearest[circle].get(horizon, odds.STRENGTH)
        told = odds.drawn(shares, count, told, strength)
        whole = count + float(odds.sure(strength, whole))
        weights[circle] = Weight(count, strength)
    return Evidence(told, cal, whole, weights)


def everyone(circle: Circle, n: int, null: Reals) -> tuple[Reals, int]:
    """What all who may answer did, moved to where the question starts, (3,), and how many they are."""
    ends = circle.past.ends
    asked = circle.pool.allowed & ends.usable[n]
    count = int(asked.sum())
    if not count:
        return null, 0
    shares = np.bincount(ends.ends[n][asked], minlength=len(CLASSES)) / count
    theirs = np.einsum("n,nc->c", asked.astype(np.float64), ends.theirs[n]) / count
    return odds.moved(shares, theirs, null), count


def nearest(circle: Circle, n: int, null: Reals) -> tuple[Reals, float]:
    """The same of the neighbours, (3,), and Kish's number of them."""
    near = circle.past.ends.of(circle.found.rows)
    weights = np.where(near.usable[n], odds.weights(circle.found.distances), 0.0)
    count = odds.effective(weights)
    own = weights / weights.sum() if count else weights
    hits = near.ends[n][:, None] == np.arange(len(CLASSES))
    return odds.moved(own @ hits, own @ near.theirs[n], null), count
