"""What chance alone would show: days drawn again, and outcomes carried to other days."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from warehouse.evaluate.sample import Codes, Reals, Sample
from warehouse.evaluate.scores import Interval

RESAMPLES, PERMUTATIONS = 10_000, 1_000
_QUINTILES, _TERCILES = 5, 3


def skill(loss: Reals, reference: Reals, day: Codes, seed: int = 0) -> Interval:
    """1 less the ratio of two losses, with its 90 % interval over days drawn with replacement.

    Args:
        loss: (q,) of the forecast; NaN leaves a question out.
        reference: (q,) of what it is held against.
        day: (q,) session of each question: the unit that is drawn.
        seed: Of the draw.
    """
    known = np.isfinite(loss) & np.isfinite(reference)
    _, place = np.unique(day[known], return_inverse=True)
    if not len(place):
        return Interval(float("nan"), float("nan"), float("nan"))
    mine, theirs = (np.bincount(place, each[known]) for each in (loss, reference))
    drawn = np.random.default_rng(seed).multinomial(len(mine), np.full(len(mine), 1 / len(mine)), RESAMPLES)
    found = 1 - (drawn @ mine) / (drawn @ theirs)
    return Interval(float(1 - mine.sum() / theirs.sum()), *map(float, np.quantile(found, [0.05, 0.95])))


def effective(loss: Reals, reference: Reals, day: Codes) -> float:
    """Questions that the differences of two losses count as, since those of one day go together; at most all.

    Their number times what the sum would vary by, were each on its own, over what days vary by.
    """
    gap = loss - reference
    gap = gap[np.isfinite(gap)] - np.nanmean(gap) if np.isfinite(gap).any() else gap[:0]
    days = np.bincount(np.unique(day[np.isfinite(loss - reference)], return_inverse=True)[1], gap)
    together = float((days**2).sum())
    return len(gap) * min(1.0, float((gap**2).sum()) / together) if together else float(len(gap))


def strata(sample: Sample) -> Codes:
    """Setups that geometry cannot tell apart: direction, third of volatility, fifth of the null's odds.

    Outcomes go with where price starts. Carried to setups with other odds they would handicap the null and
    give skill to whatever looks at labels at all.
    """
    cal = np.nan_to_num(sample.cal, nan=0.5)
    odds = cal[:, 0] / np.maximum(cal[:, 0] + cal[:, 1], 1e-9)
    sigma = sample.frame["sigma_60"].fill_null(0.0).to_numpy()
    up = (sample.frame["direction"] == "UP").to_numpy().astype(np.int64)
    return (up * _TERCILES + _cut(sigma, _TERCILES)) * _QUINTILES + _cut(odds, _QUINTILES)


def permuted(sample: Sample, count: int, seed: int = 0) -> Iterator[Codes]:
    """Outcomes carried to other days within the strata, the outcomes of a day staying together, (n,) each."""
    rng, groups = np.random.default_rng(seed), strata(sample)
    usable = sample.y >= 0
    rows = [np.flatnonzero((groups == group) & usable) for group in np.unique(groups)]
    for _ in range(count):
        order = rng.random(int(sample.day.max()) + 1)
        y = sample.y.copy()
        for mine in rows:
            y[mine] = sample.y[mine[np.argsort(order[sample.day[mine]], kind="stable")]]
        yield y


def _cut(values: Reals, parts: int) -> Codes:
    """Which of equal parts each value lies in."""
    edges = np.quantile(values, np.arange(1, parts) / parts)
    return np.searchsorted(edges, values, side="right").astype(np.int64)
