"""From neighbours to a distribution: kernel weights, shrinkage toward the geometric null, intervals."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warehouse import barrier

Reals = npt.NDArray[np.float64]

CLASSES = ("BREAK", "REJECT", "CHOP")
STRENGTH = 10.0
"""Neighbours that P_cal counts as, until the past can say."""
STRENGTHS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0)
"""What the past may choose among; at the last one neighbours hardly move the null."""
ALONE = 1e9
"""Strength of geometry under which it does not move at all."""
_BARRIER_SIGMAS, _FLOOR_PTS = 0.9, 2.0  # the floor lies one point beyond the touch band
_TAIL = 0.05
_REACH = 40.0  # how many e-folds of a tail the integration covers
_STRETCH = np.sinh(12 * np.linspace(-1.0, 1.0, 2001)) / np.sinh(12)


@dataclass(frozen=True, slots=True)
class Chance:
    """One outcome's probability, its 90 % interval, its base rate, its lift over that, and P_cal.

    P_cal is the probability before the nearest spoke: by geometry, and by what everyone did beyond theirs.

    The interval holds the probability: where the posterior is so skewed that its mean lies beyond the
    quantile, it is widened to the mean.
    """

    p: float
    lo: float
    hi: float
    base: float | None
    lift: float | None
    p_cal: float


def weights(distances: Reals) -> Reals:
    """Gaussian kernel weights, (k,); the farthest neighbour is one width away.

    Neighbours that are all at distance 0 weigh the same.
    """
    width = distances.max(initial=0.0)
    return np.exp(-((distances / width) ** 2) / 2) if width > 0 else np.ones_like(distances)


def effective(weights: Reals) -> float:
    """Kish's effective number of neighbours, 0 to k; 0 without any."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def moved(shares: Reals, theirs: Reals, null: Reals) -> Reals:
    """What came of neighbours, moved to where the question starts, (..., 3); none below 0, the sum 1.

    Neighbours start elsewhere between their barriers, so their outcomes speak of that first. What speaks of
    likeness is by how much they differ from their own geometry.

    Args:
        shares: (..., 3) of outcomes among neighbours; 0 where there are none.
        theirs: (..., 3) mean chances that geometry gave them; 0 where there are none.
        null: (..., 3) chances that it gives the question.
    """
    found = np.maximum(null + shares - theirs, 0.0)
    told: Reals = found / found.sum(axis=-1, keepdims=True)
    return told


def sided(told: Reals, prior: Reals) -> Reals:
    """Of what neighbours told only the side, (..., 3): BREAK and REJECT as they have them, CHOP as before.

    Setups at other levels that look alike tell to which side price goes; whether it goes far enough is a
    matter of barriers and volatility, which geometry knows.

    Args:
        told: (..., 3) as `moved` gives it.
        prior: (..., 3) to which it is going to be drawn.
    """
    found = told[..., :2].sum(axis=-1, keepdims=True)
    share = np.divide(told, found, out=np.zeros_like(told), where=found > 0)
    side = share[..., :2] * (1 - prior[..., 2:])
    return np.where(found > 0, np.concatenate([side, prior[..., 2:]], axis=-1), prior)


def drawn(told: Reals, count: Reals | float, prior: Reals, strength: Reals | float) -> Reals:
    """What a number of neighbours told, drawn to a prior that counts as so many, (..., 3)."""
    found: Reals = (count * told + strength * prior) / (count + strength)
    return found


def chances(told: Reals, whole: float, base: Reals | None, cal: Reals) -> dict[str, Chance]:
    """Of the three outcomes, with their intervals.

    Args:
        told: (3,) probabilities.
        whole: How many neighbours they rest on, what they are drawn to among them.
        base: (3,) base rates, shown beside; None if the library is empty.
        cal: (3,) P_cal, shown beside.
    """
    found = {}
    for place, name in enumerate(CLASSES):
        p = float(told[place])
        a, b = p * whole, (1 - p) * whole
        lo, hi = beta_quantile(a, b, _TAIL), beta_quantile(a, b, 1 - _TAIL)
        usual = None if base is None else float(base[place])
        lift = p / usual if usual else None
        found[name] = Chance(p, min(lo, p), max(hi, p), usual, lift, float(cal[place]))
    return found


def sure(strength: float | Reals, past: float | Reals) -> float | Reals:
    """How many a prior counts as in an interval: no more than the past that it rests on."""
    return np.minimum(strength, np.maximum(past, STRENGTH))


def rate(bucket: Reals, whole: Reals) -> Reals | None:
    """Base rates of a bucket, drawn to those of the whole as if it had ten more; None without any.

    Args:
        bucket: (3,) counts at the time of day.
        whole: (3,) counts at any time, the bucket's among them.
    """
    if not whole.sum():
        return None
    rates: Reals = (bucket + STRENGTH * whole / whole.sum()) / (bucket.sum() + STRENGTH)
    return rates


def beta_quantile(a: float, b: float, q: float) -> float:
    """Quantile of a Beta distribution by integration, to 3e-5; 0 or 1 where one parameter is 0.

    The variable is the logit: there the density has no pole for parameters below 1, and its tails fall like
    exp(a z) and exp(-b z), that of a rare side only once it has come to even chances. The grid is fine around
    the mean and reaches forty e-folds out.
    """
    if a <= 0 or b <= 0:
        return 0.0 if a <= 0 else 1.0
    z, density, mass = _integral(a, b)
    place = int(np.searchsorted(mass, q * mass[-1])) - 1
    wide, here, there = z[place + 1] - z[place], density[place], density[place + 1]
    rest = (q * mass[-1] - mass[place]) / wide
    part = 2 * rest / (here + math.sqrt(here**2 + 2 * rest * (there - here)))  # the density is a line there
    at = float(z[place] + part * wide)
    return 1 / (1 + math.exp(-at)) if at > 0 else math.exp(at) / (1 + math.exp(at))


@functools.lru_cache(1)
def _integral(a: float, b: float) -> tuple[Reals, Reals, Reals]:
    """Logits, the density at each and the mass below, unscaled; both ends of an interval are read from it."""
    below, above = 1 + _REACH / a + math.log1p(_REACH / b), 1 + _REACH / b + math.log1p(_REACH / a)
    z = math.log(a / b) + np.where(_STRETCH < 0, below, above) * _STRETCH
    log_density = -(a + b) * np.log1p(np.exp(-np.abs(z))) - np.where(z < 0, -a, b) * z
    density = np.exp(log_density - log_density.max())
    return z, density, np.concatenate([[0.0], np.cumsum(np.diff(z) * (density[1:] + density[:-1]) / 2)])


def width(sigma_60: float, horizon_s: int, tick: float) -> float:
    """Distance of both barriers from the level, in points, rounded up to the half ticks where mids live."""
    wanted = max(_BARRIER_SIGMAS * sigma_60 * math.sqrt(horizon_s / 60), _FLOOR_PTS)
    return math.ceil(wanted / tick * 2) * tick / 2


def null(x0: float, barrier_pts: float, sigma_60: float, horizon_s: int, factor: float) -> Reals | None:
    """Chances of BREAK, REJECT and CHOP by geometry alone, (3,); None on or beyond a barrier."""
    sigma = factor * sigma_60 * math.sqrt(horizon_s / 60)
    found = barrier.geometric(*(np.array([value]) for value in (x0, barrier_pts, sigma)))
    chances = np.concatenate(found)
    return None if np.isnan(chances).any() else chances
