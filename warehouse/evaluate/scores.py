"""How good forecasts of three outcomes are: log-loss, Brier, RPS, accuracy, calibration, and skill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse import odds
from warehouse.evaluate.sample import Codes, Reals

_LEAST = 1e-9
_ORDER = (1, 2, 0)  # REJECT < CHOP < BREAK
BINS = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 90 % interval over resampled days."""

    value: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the questions; lower is better but for accuracy and top2."""

    log_loss: float
    brier: float
    rps: float
    accuracy: float
    top2: float
    ece: float


def scores(p: Reals, y: Codes) -> Scores:
    """Of forecasts (q, 3) and what came (q,)."""
    hit = np.eye(3)[y]
    gaps = np.cumsum((p - hit)[:, _ORDER], axis=1)[:, :2]
    order = np.argsort(-p, axis=1, kind="stable")
    rank = (order == y[:, None]).argmax(axis=1)
    return Scores(
        float(losses(p, y).mean()),
        float(((p - hit) ** 2).sum(axis=1).mean()),
        float((gaps**2).sum(axis=1).mean() / 2),
        float((rank == 0).mean()),
        float((rank <= 1).mean()),
        calibration_error(p[:, 0], y == 0),
    )


def losses(p: Reals, y: Codes) -> Reals:
    """Log-loss of every question, (q,), in nats."""
    found: Reals = -np.log(np.maximum(p[np.arange(len(y)), y], _LEAST))
    return found


def resolved(p: Reals, y: Codes) -> Reals:
    """Log-loss of resolved against CHOP, (q,)."""
    two = np.stack([p[:, 0] + p[:, 1], p[:, 2]], axis=1)
    return losses(two, (y == 2).astype(np.int64))  # noqa: PLR2004 (CHOP)


def direction(p: Reals, y: Codes) -> Reals:
    """Log-loss of BREAK against REJECT given resolved, (q,); NaN of what chopped."""
    two = p[:, :2] / np.maximum(p[:, :2].sum(axis=1, keepdims=True), _LEAST)
    return np.where(y < 2, losses(two, np.minimum(y, 1)), np.nan)  # noqa: PLR2004 (CHOP)


def bins(forecast: Reals, count: int = BINS) -> list[Codes]:
    """Rows of bins of equal mass, by the forecast; ties keep the order of time."""
    return [part for part in np.array_split(np.argsort(forecast, kind="stable"), count) if len(part)]


def calibration_error(forecast: Reals, hit: Reals) -> float:
    """Mean distance of forecast and share over ten bins of equal mass."""
    gaps = [abs(forecast[part].mean() - hit[part].mean()) * len(part) for part in bins(forecast)]
    return float(sum(gaps) / len(forecast))


def covered(p: Reals, whole: Reals, y: Codes) -> list[dict[str, float]]:
    """Deciles of the forecast of BREAK: mean forecast, realised share, mean 90 % interval, and size.

    Args:
        p: (q, 3) forecasts.
        whole: (q,) how many setups they rest on, all told.
        y: (q,) what came.
    """
    a, b = p[:, 0] * whole, (1 - p[:, 0]) * whole
    lo, hi = (
        np.array([odds.beta_quantile(float(one), float(two), q) for one, two in zip(a, b, strict=True)])
        for q in (0.05, 0.95)
    )
    return [
        {
            "forecast": float(p[part, 0].mean()),
            "share": float((y[part] == 0).mean()),
            "lo": float(lo[part].mean()),
            "hi": float(hi[part].mean()),
            "n": len(part),
        }
        for part in bins(p[:, 0])
    ]
