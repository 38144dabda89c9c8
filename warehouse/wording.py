"""What a user types: dates, windows and moments, read or refused in one line."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from warehouse import session
from warehouse.errors import MissingStepError, QuestionError
from warehouse.session import Window

_SOME_DATE = dt.date(2025, 6, 4)
_FIRST, _AFTER = 1970, 2262
"""Years that nanoseconds in 64 bits hold whole."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A date, and whether it was named itself rather than by a range."""

    date: dt.date
    named: bool


def dates(text: str) -> list[Asked]:
    """Sessions that a text names, ascending.

    Args:
        text: `2025-06-12`, `2025-06-04:2025-06-30` (both included), or several with commas.

    Raises:
        QuestionError: If a word is no date, a named date is no session, or a range holds none.
    """
    found: dict[dt.date, bool] = {}
    for word in text.split(","):
        for asked in _dates(word.strip()):
            found[asked.date] = found.get(asked.date, False) or asked.named
    return [Asked(date, found[date]) for date in sorted(found)]


def _dates(word: str) -> list[Asked]:
    first, colon, last = word.partition(":")
    if not colon:
        return [Asked(session_date(first), named=True)]
    span = session.sessions(_date(first), _date(last))
    if not span:
        raise QuestionError(f"{word} holds no session: name dates on which the market opens at 09:30")
    return [Asked(date, named=False) for date in span]


def session_date(text: str) -> dt.date:
    """A trading date.

    Raises:
        QuestionError: If it is no date, or no session.
    """
    date = _date(text)
    if why := session.explain(date):
        raise QuestionError(f"{date} is no session ({why}): name a date on which the market opens at 09:30")
    return date


def _date(word: str) -> dt.date:
    try:
        return dt.date.fromisoformat(word)
    except ValueError:
        raise QuestionError(
            f"{word!r} is no date: write 2025-06-12, 2025-06-04:2025-06-30, or several with commas"
        ) from None


def window(text: str) -> Window:
    """A window of New York time from `09:30-12:30`.

    Raises:
        QuestionError: If it is none, or ends before it begins.
    """
    refused = QuestionError(f"{text!r} is no window: write New York times such as 09:30-12:30")
    try:
        start, end = (dt.time.fromisoformat(word) for word in text.split("-"))
    except ValueError:
        raise refused from None
    if any(time.tzinfo or time.microsecond for time in (start, end)):
        raise refused
    span = Window(start, end)
    session.window(_SOME_DATE, span)
    return span


def show(span: Window) -> str:
    """A window as `window` reads it."""
    return "-".join(time.isoformat().removesuffix(":00") for time in (span.start, span.end))


def ratios(text: str) -> tuple[float, float]:
    """Least and most of a ratio from `0.8-1.25`.

    Raises:
        QuestionError: If they are no two numbers, the second larger, neither negative.
    """
    try:
        low, high = (float(word) for word in text.split("-"))
    except ValueError:
        low, high = 0.0, 0.0
    if not 0 <= low < high < math.inf:
        raise QuestionError(f"{text!r} is no range of ratios: write the least and the most, such as 0.8-1.25")
    return low, high


def instant(text: str) -> int:
    """Nanoseconds UTC of a moment; New York time unless it ends in Z or an offset.

    Raises:
        QuestionError: If it is none.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise QuestionError(f"{text!r} is no moment: write 2025-06-12T10:14:35, with Z for UTC") from None
    if not _FIRST <= moment.year < _AFTER:
        raise QuestionError(f"{text} is out of reach: years {_FIRST} to {_AFTER - 1} can be asked about")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=session.NEW_YORK)
    return (aware - _EPOCH) // dt.timedelta(microseconds=1) * 1000


def not_built(
    date: dt.date, contract: str | None, dates: list[str], symbols: list[str]
) -> MissingStepError | QuestionError:
    """Why a date, or a contract of it, cannot be asked about, given what is built."""
    if why := session.explain(date):
        return QuestionError(f"{date} is no session ({why}): ask about another moment")
    what = f"{date}" if contract is None else f"{contract} of {date}"
    there = f"of that date {', '.join(symbols)} is" if symbols else f"{dates[0]} to {dates[-1]} are"
    option = f" --contract {contract}" if contract else ""
    return MissingStepError(
        f"{what} is not built ({there}): run `warehouse build --dates {date}{option}`, or ask about those"
    )
