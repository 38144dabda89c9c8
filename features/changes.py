"""How fast a feature changes: what a declaration of its differences and slopes says, and their bodies.

Unit, window and sign follow from the feature that is differentiated; a family adds a name and what reflection does.
"""

from collections.abc import Callable
from typing import Any

import polars as pl

from features.bounded import slope
from warehouse.catalog import PREFIX, Feature
from warehouse.units import BARS

ORDERS = (1, 2, 3)
DEEPEST = 36
"""Longest span of a third difference, in bars."""


def orders(span: int) -> tuple[int, ...]:
    """Orders of the differences that are told over a span."""
    return ORDERS if span <= DEEPEST else ORDERS[:2]


def step(base: Feature, span: int) -> dict[str, Any]:
    """Keywords of the change per bar of `base` over `span` bars; its body is `per_bar(span)`.

    Of a difference it makes the next one, so that order k needs k times `span` bars more.
    """
    said = f"Change per bar of `{_short(base)}` over {span} bars; null where the history is shorter."
    return _of(base) | {"doc": said, "window": span + 1}


def per_bar(span: int) -> Callable[..., pl.Expr]:
    """Change per bar over a span."""
    return lambda value, bar: (value - value.shift(span)) / (span * bar)


def along(base: Feature, span: int) -> dict[str, Any]:
    """Keywords of the least-squares change per bar of `base` over 2 `span` + 1 bars; its body is `line(span)`."""
    said = f"Least-squares change per bar of `{_short(base)}` over {_bars(span)} bars."
    return _of(base) | {"doc": said, "window": _bars(span)}


def line(span: int) -> Callable[..., pl.Expr]:
    """Least-squares change per bar over a span before and after its middle."""
    return lambda value, bar: slope(value, _bars(span)) / bar


def _of(base: Feature) -> dict[str, Any]:
    """What every change has of its feature: unit, sign, the laws that it breaks and when it is idle."""
    return {
        "inputs": (_short(base), "bar"),
        "unit": base.unit / BARS,
        "rises_with": _short(base),
        "breaks": base.breaks,
        "idle": base.idle,
    }


def _short(base: Feature) -> str:
    return base.name.removeprefix(PREFIX)


def _bars(span: int) -> int:
    return 2 * span + 1
