"""Textbook statistics of series, for the realism report."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def ratio(above: float, below: float) -> float:
    """NaN where there is nothing below."""
    return above / below if below else float("nan")


def autocorrelation(values: Array, lag: int) -> float:
    """Of a series with itself, `lag` places later."""
    x = values - values.mean()
    return ratio(float(x[lag:] @ x[:-lag]), float(x @ x))


def variance_ratio(path: Array, long: int, short: int = 1) -> float:
    """Variance per step of moves over `long` steps against `short` ones; 1 of a random walk."""
    wide, narrow = (path[n:] - path[:-n] for n in (long, short))
    return ratio(float((wide**2).mean()) / long, float((narrow**2).mean()) / short)


def kurtosis(values: Array) -> float:
    """Fourth moment over the squared second; 3 of a normal law."""
    x = values - values.mean()
    return ratio(float((x**4).mean()), float((x**2).mean()) ** 2)


def explained(y: Array, *x: Array) -> float:
    """R2 of a least-squares fit with intercept, less what as many random columns would explain."""
    columns = np.column_stack([np.ones(len(y)), *x])
    rest = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    spare = ratio(len(y) - 1, len(y) - len(x) - 1)
    return 1.0 - spare * ratio(float(rest @ rest), float(((y - y.mean()) ** 2).sum()))


def slope(y: Array, x: Array) -> float:
    """Of a least-squares line."""
    return ratio(float((x - x.mean()) @ y), float(((x - x.mean()) ** 2).sum()))


def separation(score: Array, positive: Array) -> float:
    """AUC: how often a positive scores above a negative; ties count half."""
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n = int(positive.sum())
    return ratio(float(rank[positive].sum()) - n * (n + 1) / 2, n * (len(score) - n))
