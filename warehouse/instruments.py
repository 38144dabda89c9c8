"""Which outright future an instrument number stands for on a date, with its tick size."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from warehouse import dbn
from warehouse.dbn import Interval, Records
from warehouse.session import parse_outright

TICKS = {
    "ES": 250_000_000, "MES": 250_000_000, "NQ": 250_000_000, "MNQ": 250_000_000, "YM": 1_000_000_000,
    "MYM": 1_000_000_000, "RTY": 100_000_000, "M2K": 100_000_000, "EMD": 100_000_000, "NKD": 5_000_000_000,
    "SIM": 250_000_000,
}  # fmt: skip
"""Tick size by product in units of 1e-9, for files that come without definitions.

Source: CME Group contract specifications, minimum price fluctuation of the outright (cmegroup.com, equity
index products). SIM is our own simulated market.
"""
_KINDS = {"C": "option", "P": "option", "T": "option spread", "S": "spread", "M": "spread"}
_OUTRIGHT = "F"
_OPTION = re.compile(r" [CP]\d")


@dataclass(frozen=True, slots=True)
class Instrument:
    """An outright behind a number, for some days.

    Args:
        number: Databento's instrument id.
        first: First UTC date, ISO 8601.
        after: The date after the last.
        symbol: Its name with a one-digit year, such as ESU5.
        tick: Tick size, 1e-9 points.
    """

    number: int
    first: str
    after: str
    symbol: str
    tick: int


@dataclass(frozen=True, slots=True, order=True)
class Listing:
    """What a definition says of an instrument number on the date on which it came."""

    date: str
    number: int
    raw_symbol: str
    kind: str
    tick: int


def symbol(raw: str) -> str | None:
    """The name that a contract goes by here, whatever digits its year has; None for what is no outright.

    >>> symbol("ESU25")
    'ESU5'
    """
    found = parse_outright(raw)
    return f"{found.product}{found.month}{found.year % 10}" if found else None


def listings(records: Records) -> Iterator[Listing]:
    """What definition records say, each thing once."""
    fields = ("date", "instrument_id", "raw_symbol", "instrument_class", "min_price_increment")
    told = np.zeros(len(records), [("date", "M8[D]"), *((name, records.dtype[name]) for name in fields[1:])])
    told["date"] = records["ts_recv"].view("M8[ns]")
    for name in fields[1:]:
        told[name] = records[name]
    for date, number, raw, kind, tick in np.unique(told).tolist():
        yield Listing(str(date), number, raw.decode("latin-1"), kind.decode("latin-1"), tick)


class Directory:
    """What all definitions of one dataset say.

    Args:
        known: In any order.
    """

    def __init__(self, known: Iterable[Listing] = ()) -> None:
        self._by_number: dict[int, list[Listing]] = {}
        self._by_symbol: dict[str, list[Listing]] = {}
        for listing in sorted(set(known)):
            self._by_number.setdefault(listing.number, []).append(listing)
            self._by_symbol.setdefault(symbol(listing.raw_symbol) or listing.raw_symbol, []).append(listing)

    def of_number(self, number: int, date: str) -> Listing | None:
        """The last definition up to a date, else the first after it."""
        return _nearest(self._by_number.get(number, []), date)

    def of_symbol(self, raw: str, date: str) -> Listing | None:
        """The last definition up to a date, else the first after it."""
        return _nearest(self._by_symbol.get(symbol(raw) or raw, []), date)

    def mappings(self, first: dt.date, after: dt.date) -> dict[str, tuple[Interval, ...]]:
        """Mappings of a file whose header has none: every number, for as long as it kept its meaning."""
        found: dict[str, tuple[Interval, ...]] = {}
        for number, told in self._by_number.items():
            changes = [first, *(dt.date.fromisoformat(listing.date) for listing in told[1:]), after]
            spans = zip(told, itertools.pairwise(changes), strict=True)
            for listing, (start, end) in spans:
                if start < end:
                    found[listing.raw_symbol] = (*found.get(listing.raw_symbol, ()), (start, end, number))
        return found


def _nearest(told: list[Listing], date: str) -> Listing | None:
    earlier = [listing for listing in told if listing.date <= date]
    return earlier[-1] if earlier else next(iter(told), None)


def resolve(name: str, interval: Interval, directory: Directory) -> Instrument | str:
    """The outright that a mapping of a header leads to, or why it leads to none.

    Args:
        name: The symbol asked for: raw, continuous, a parent's member, or a number.
        interval: The days and the number it stood for.
        directory: Definitions of the file's dataset; without any, names and `TICKS` decide.
    """
    first, after, number = interval
    day = first.isoformat()
    listing = directory.of_symbol(name, day) if symbol(name) else directory.of_number(number, day)
    if listing and listing.kind != _OUTRIGHT:
        return _KINDS.get(listing.kind, "instrument that is no future")
    found = symbol(listing.raw_symbol if listing else name)
    if found is None:
        return _unlisted(name)
    tick = listing.tick if listing and 0 < listing.tick < dbn.UNDEF_PRICE else TICKS.get(_product(found))
    if tick is None:
        return "future of unknown tick size (land its definition)"
    return Instrument(number, day, after.isoformat(), found, tick)


def _product(name: str) -> str:
    found = parse_outright(name)
    return found.product if found else name


def _unlisted(name: str) -> str:
    if "-" in name:
        return "spread"
    return "option" if _OPTION.search(name) else "symbol that is no outright (land its definition)"
