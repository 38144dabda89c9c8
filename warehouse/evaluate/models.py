"""Fitted models on the features that retrieval sees, fitted anew every week on the past alone.

They need scikit-learn: `pip install warehouse[evaluate]`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from warehouse import scales, vectors
from warehouse.evaluate.sample import Reals, Sample
from warehouse.vectors import Spec

RIDGE, TREES, REFIT = 0.05, 60, 5
"""Inverse strength of the ridge penalty; rounds of boosting; sessions after which a model is fitted anew."""
Make = Callable[[], Any]


def there() -> bool:
    """Whether scikit-learn is installed."""
    return importlib.util.find_spec("sklearn") is not None


def logit() -> Any:  # noqa: ANN401 (scikit-learn has no types)
    """A multinomial logit with a ridge penalty."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (an extra)

    return LogisticRegression(C=RIDGE, max_iter=500)


def trees() -> Any:  # noqa: ANN401 (scikit-learn has no types)
    """Small boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 (an extra)

    return HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=25, l2_regularization=5.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip


def forecast(sample: Sample, spec: Spec, make: Make) -> Reals:
    """Chances of the three outcomes for every question, (q, 3).

    Inputs are the slots, scaled by the past as retrieval scales them with 0 where one is missing, and the
    log odds of the calibrated null, so that a model starts from what geometry knows.
    """
    import threadpoolctl  # noqa: PLC0415 (scikit-learn brings it)

    asked = sample.questions
    every = vectors.matrix(sample.frame, spec)
    cal = np.log(np.clip(sample.cal, 0.005, 1))
    geometry = np.stack([cal[:, 0] - cal[:, 1], cal[:, 2] - cal[:, :2].mean(axis=1)], axis=1)
    usable = (sample.y >= 0) & np.isfinite(geometry).all(axis=1)
    found = np.empty((len(asked), 3))
    with threadpoolctl.threadpool_limits(1):  # sums of floats in one order, whatever the machine
        for first in range(0, int(sample.day.max()) + 1, REFIT):
            turn = (sample.day[asked] >= first) & (sample.day[asked] < first + REFIT)
            if turn.any():
                past = usable & (sample.day < sample.day[asked][turn][0])
                rows = scales.scalers(sample.frame.lazy(), spec, sample.frame["date"][int(asked[turn][0])])
                scaled = vectors.scaled(every, vectors.scaler(rows, spec))
                whole = np.hstack([np.clip(scaled, -5, 5), geometry])
                fitted = make().fit(whole[past], sample.y[past])
                found[turn] = _all_three(fitted, whole[asked[turn]])
    return found


def _all_three(fitted: Any, values: Reals) -> Reals:  # noqa: ANN401 (scikit-learn has no types)
    """Its chances with a thousandth for each outcome, since a class may be absent from the past."""
    found = np.full((len(values), 3), 1e-3)
    found[:, fitted.classes_] += fitted.predict_proba(values)
    return found / (1 + 3e-3)


def drawn_alike(frame: pl.DataFrame, spec: Spec, seed: int = 0) -> Reals:
    """Gaussian noise with the median and spread of every slot, (n, d)."""
    values = vectors.matrix(frame, spec).astype(np.float64)
    middle = np.nanmedian(values, axis=0)
    spread = np.nanstd(values, axis=0)
    noise: Reals = middle + spread * np.random.default_rng(seed).standard_normal(values.shape)
    return noise
