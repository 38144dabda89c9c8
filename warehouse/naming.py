"""Levels as users write them: a kind by its name, or a price."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from warehouse.errors import QuestionError
from warehouse.schema import LEVEL_KINDS

CUSTOM = "CUSTOM"
"""Kind of the user's own prices."""
NAMED = frozenset(LEVEL_KINDS) - {CUSTOM}
"""Kinds that have a name."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
MOST = 1e6
"""Points from which a number is no price."""


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
        QuestionError: If it is a number that is no price.
    """
    try:
        price = float(_THOUSANDS.sub("", level))
    except ValueError:
        return None
    if not sound(price):
        raise QuestionError(f"`{level}` is no price: give a number of points, such as 6800.25")
    return price


def sound(price: float) -> bool:
    """Whether a number of points can be a price; NaN and infinity cannot."""
    return 0 < price < MOST


def kinds(words: Iterable[str]) -> frozenset[str]:
    """Kinds of level as they were written, in whatever case.

    Raises:
        QuestionError: If one is none.
    """
    found = frozenset(word.strip().upper() for word in words)
    for kind in sorted(found - set(LEVEL_KINDS)):
        near = difflib.get_close_matches(kind, LEVEL_KINDS, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"there is {', '.join(LEVEL_KINDS)}"
        raise QuestionError(f"`{kind}` is no kind of level: {hint}")
    return found
