"""Levels as users write them: a kind by its name, or a price."""

from __future__ import annotations

import difflib
import math

from warehouse.errors import QuestionError
from warehouse.schema import LEVEL_KINDS

CUSTOM = "CUSTOM"
"""Kind of the user's own prices."""


def unknown(level: str, kind: str, where: str, there: list[str]) -> QuestionError:
    """Why a level is refused: `kind` is what was written, in capitals; `there` are the names of the date."""
    names = ", ".join(there) or "no named level"
    if kind == CUSTOM:
        return QuestionError(f"CUSTOM is any price of yours: give the price itself, or one of {names}")
    if kind in LEVEL_KINDS:
        return QuestionError(f"there is no {kind} for {where}: there is {names}, and any price")
    near = difflib.get_close_matches(kind, there, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"there is {names}, and any price"
    return QuestionError(f"`{level}` is no level: {hint}")


def price(level: str) -> float | None:
    """The price that was written; None where it is a name.

    Raises:
        QuestionError: If it is no finite number.
    """
    try:
        price = float(level)
    except ValueError:
        return None
    if not math.isfinite(price):
        raise QuestionError(f"`{level}` is no price: give a number of points, such as 6800.25")
    return price
