"""The one calendar: trading dates, named windows of New York time, holidays, half days and rolls.

A trading date is the Globex day [18:00 the evening before, 17:00) New York. A date is a session where
the cash market opens at 09:30; Globex hours on other days are nobody's session. `ns` is UTC.

Sources: NYSE Group "Holidays and Trading Hours" for the years below (closings, and early closings at
13:00); CME Group "Holiday calendar", equity index products, for the futures' 12:15 Chicago close on
those half days; CME and NYSE notices of 2024-12-30 for the national day of mourning of 2025-01-09.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from warehouse.errors import QuestionError

NEW_YORK = ZoneInfo("America/New_York")
_EVENING = dt.time(18)
_DAY = dt.timedelta(days=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A right-open span of New York time of a trading date.

    Args:
        start: First instant; from 18:00 on it lies on the evening before.
        end: First instant outside; from 18:00 on it lies on the evening before.
    """

    start: dt.time
    end: dt.time


PREMARKET = Window(dt.time(4), dt.time(9, 30))
OVERNIGHT = Window(dt.time(18), dt.time(9, 30))
OPENING_RANGE = Window(dt.time(9, 30), dt.time(9, 45))
OPENING_HALF_HOUR = Window(dt.time(9, 30), dt.time(10))
RTH = Window(dt.time(9, 30), dt.time(16))
SETUP_WINDOW = Window(dt.time(9, 30), dt.time(12, 30))
PROFILE_WINDOW = Window(dt.time(9, 30), dt.time(13, 30))

COVERED = (dt.date(2023, 1, 1), dt.date(2026, 12, 31))
"""First and last date of the tables below."""

_CLOSED = {
    "New Year's Day": ("2023-01-02", "2024-01-01", "2025-01-01", "2026-01-01"),
    "a national day of mourning": ("2025-01-09",),
    "Martin Luther King Jr. Day": ("2023-01-16", "2024-01-15", "2025-01-20", "2026-01-19"),
    "Presidents' Day": ("2023-02-20", "2024-02-19", "2025-02-17", "2026-02-16"),
    "Good Friday": ("2023-04-07", "2024-03-29", "2025-04-18", "2026-04-03"),
    "Memorial Day": ("2023-05-29", "2024-05-27", "2025-05-26", "2026-05-25"),
    "Juneteenth": ("2023-06-19", "2024-06-19", "2025-06-19", "2026-06-19"),
    "Independence Day": ("2023-07-04", "2024-07-04", "2025-07-04", "2026-07-03"),
    "Labor Day": ("2023-09-04", "2024-09-02", "2025-09-01", "2026-09-07"),
    "Thanksgiving": ("2023-11-23", "2024-11-28", "2025-11-27", "2026-11-26"),
    "Christmas": ("2023-12-25", "2024-12-25", "2025-12-25", "2026-12-25"),
}
HOLIDAYS = {dt.date.fromisoformat(day): name for name, days in _CLOSED.items() for day in days}
"""Weekdays without a 09:30 cash session, with the reason."""
HALF_DAYS = frozenset(
    dt.date.fromisoformat(day)
    for day in (
        "2023-07-03", "2023-11-24", "2024-07-03", "2024-11-29", "2024-12-24",
        "2025-07-03", "2025-11-28", "2025-12-24", "2026-11-27", "2026-12-24",
    )
)  # fmt: skip
"""Sessions whose cash market closes at 13:00 and whose futures close at 13:15."""
_CLOSE, _HALF_CLOSE, _HALF_CASH_CLOSE = dt.time(17), dt.time(13, 15), dt.time(13)

_QUARTERS = {3: "H", 6: "M", 9: "U", 12: "Z"}
_NEXT = {"H": "M", "M": "U", "U": "Z", "Z": "H"}
_OUTRIGHT = re.compile(r"([A-Z0-9]{1,4}?)([FGHJKMNQUVXZ])(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Outright:
    """A futures contract by its name.

    Args:
        product: Root, such as ES.
        month: CME's month letter.
        year: Full year; a single digit in the symbol is read in the 2020s.
    """

    product: str
    month: str
    year: int


def explain(date: dt.date) -> str | None:
    """Why a date is no session; None where it is one.

    >>> explain(dt.date(2025, 7, 4))
    'Independence Day'
    """
    if not COVERED[0] <= date <= COVERED[1]:
        return f"the calendar covers {COVERED[0]} to {COVERED[1]}"
    return "a weekend" if date.weekday() > 4 else HOLIDAYS.get(date)  # noqa: PLR2004 (Friday is 4)


def is_session(date: dt.date) -> bool:
    """Whether the cash market opens at 09:30; never outside of COVERED."""
    return explain(date) is None


def is_half_day(date: dt.date) -> bool:
    """Whether the session closes early."""
    return date in HALF_DAYS


def sessions(first: dt.date, last: dt.date) -> list[dt.date]:
    """Sessions from first to last, both included."""
    days = (first + n * _DAY for n in range((last - first).days + 1))
    return [day for day in days if is_session(day)]


def previous(date: dt.date, n: int) -> list[dt.date]:
    """The n sessions before a date, oldest first; fewer where the calendar begins."""
    found: list[dt.date] = []
    while len(found) < n and date > COVERED[0]:
        date -= _DAY
        if is_session(date):
            found.append(date)
    return found[::-1]


def at(date: dt.date, time: dt.time) -> int:
    """The instant at which a New York clock shows `time` on a trading date, in ns UTC.

    From 18:00 on it is the evening before. The hour that DST repeats is no trading time.
    """
    day = date - _DAY if time >= _EVENING else date
    since = dt.datetime.combine(day, time, NEW_YORK).astimezone(dt.UTC) - _EPOCH
    return since // dt.timedelta(microseconds=1) * 1000


def bounds(date: dt.date) -> tuple[int, int]:
    """First instant of a trading date and the first after it: 18:00 to 17:00, or to 13:15 on a half day."""
    return at(date, _EVENING), at(date, _HALF_CLOSE if is_half_day(date) else _CLOSE)


def window(date: dt.date, span: Window) -> tuple[int, int]:
    """A window of a trading date, right-open, cut at 13:00 on a half day; empty if it lies after that.

    Raises:
        QuestionError: If it ends before it begins.
    """
    start, end = at(date, span.start), at(date, span.end)
    if end <= start:
        raise QuestionError(f"the window {span.start:%H:%M}-{span.end:%H:%M} ends before it begins")
    if is_half_day(date):
        end = min(end, at(date, _HALF_CASH_CLOSE))
    return min(start, end), end


def trading_date(ns: int) -> dt.date:
    """The trading date an instant belongs to, session or not; 17:00-18:00 waits for the coming one."""
    local = _local(ns)
    return local.date() + _DAY if local.time() >= _CLOSE else local.date()


def utc_dates(date: dt.date) -> list[dt.date]:
    """The UTC days that a trading date touches."""
    return [date - _DAY, date]


def bucket(ns: int) -> int:
    """Five-minute bucket of the New York day, 0 to 287."""
    local = _local(ns)
    return (local.hour * 60 + local.minute) // 5


def parse_outright(symbol: str) -> Outright | None:
    """The contract a symbol names; None for spreads, options and anything else.

    >>> parse_outright("ESU5")
    Outright(product='ES', month='U', year=2025)
    """
    if not (found := _OUTRIGHT.fullmatch(symbol)):
        return None
    product, month, digits = found.groups()
    return Outright(product, month, (2020 if len(digits) == 1 else 2000) + int(digits))


def product(symbol: str) -> str:
    """Root of an outright, such as ES; any other symbol itself."""
    known = parse_outright(symbol)
    return known.product if known else symbol


def next_quarterly(symbol: str) -> str:
    """The quarterly contract that follows one.

    >>> next_quarterly("ESZ5")
    'ESH6'

    Raises:
        QuestionError: If the symbol is no quarterly outright.
    """
    contract = parse_outright(symbol)
    if contract is None or contract.month not in _NEXT:
        raise QuestionError(f"{symbol} is no quarterly contract: give one such as ESU5")
    year = contract.year + (contract.month == "Z")
    return f"{contract.product}{_NEXT[contract.month]}{year % 10}"


def calendar_front(product: str, date: dt.date) -> str:
    """The quarterly contract by roll date: a new one from the Monday of the expiry week.

    >>> calendar_front("ES", dt.date(2025, 6, 13)), calendar_front("ES", dt.date(2025, 6, 16))
    ('ESM5', 'ESU5')
    """
    month = -(-date.month // 3) * 3
    symbol = f"{product}{_QUARTERS[month]}{date.year % 10}"
    return next_quarterly(symbol) if date >= _roll(date.year, month) else symbol


def _roll(year: int, month: int) -> dt.date:
    """Monday before the third Friday."""
    first = dt.date(year, month, 1)
    third_friday = first + (18 - first.weekday()) % 7 * _DAY + 14 * _DAY
    return third_friday - 4 * _DAY


def _local(ns: int) -> dt.datetime:
    return (_EPOCH + dt.timedelta(microseconds=ns // 1000)).astimezone(NEW_YORK)
