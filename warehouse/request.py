"""What a build was asked for, held against the calendar and against what there is."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from warehouse import bronze, dbn, session, store
from warehouse.errors import MissingStepError, QuestionError
from warehouse.fronts import SCHEMAS, Scope, lacking
from warehouse.store import Partition
from warehouse.survey import Source, Survey
from warehouse.wording import Asked

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What the user says.

    Args:
        root: The warehouse.
        dates: `2025-06-12`, `2025-06-04:2025-06-30` (both included), or several with commas.
        raw: Folder of DBN files; default `ROOT/raw`.
        product: Needed only where several are there.
        contract: Front contract by the user's word.
        schema: Source of silver by the user's word.
        levels: Prices with commas, or a CSV file.
        setup_window: New York times between which triggers lie.
        workers: Processes; default one per core.
    """

    root: Path
    dates: str
    raw: Path | None = None
    product: str | None = None
    contract: str | None = None
    schema: str | None = None
    levels: str | None = None
    setup_window: str = "09:30-12:30"
    workers: int | None = None

    @property
    def folder(self) -> Path:
        return self.raw or self.root / "raw"


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one product, landed or still raw.

    Args:
        product: Such as ES.
        survey: The raw folder, with this product's instruments alone.
        bronze: Its landed partitions.
    """

    product: str
    survey: Survey
    bronze: tuple[Partition, ...]

    def has(self, date: dt.date) -> bool:
        """Whether records of a trading date may be there: its UTC day, or the evening before."""
        before, day = (str(utc) for utc in session.utc_dates(date))
        landed = [part for part in self.bronze if dict(part.keys)["date"] in {before, day}]
        if any(dict(part.keys)["date"] == day or _reaches(part, date) for part in landed):
            return True
        files = (s for s in self.survey.sources if s.schema in SCHEMAS and _meets(s, before, day))
        return any(_overlaps(self.survey.raw / source.name, date) for source in files)

    def only(self, symbol: str, schema: str) -> Stock:
        """What there is of one contract in one schema."""
        table = bronze.table(schema)
        landed = tuple(p for p in self.bronze if p.table == table and ("symbol", symbol) in p.keys)
        found = (source for source in self.survey.sources if source.schema == schema)
        sources = tuple(_only(source, {symbol}) for source in found)
        return Stock(self.product, dataclasses.replace(self.survey, sources=sources), landed)

    def symbols(self) -> list[str]:
        """Contracts whose order flow is there, or may be."""
        raw = {i.symbol for s in self.survey.sources if s.schema in SCHEMAS for i in s.instruments}
        return sorted(raw | {dict(part.keys)["symbol"] for part in self.bronze})

    def span(self) -> str:
        """What dates there are, in words for a message."""
        landed = {dict(part.keys)["date"] for part in self.bronze}
        found = sorted(landed | {i.first for s in self.survey.sources for i in s.instruments})
        return f"{found[0]} to {found[-1]}" if found else "none"


def stock(found: Survey, root: Path, product: str | None) -> Stock:
    """What there is of the product asked for, or of the only one.

    Raises:
        QuestionError: If there is none, another, or several and none was named.
    """
    landed = [part for name in SCHEMAS for part in store.partitions(root, bronze.table(name))]
    raw = {
        name for s in found.sources if s.schema in SCHEMAS for i in s.instruments if (name := of(i.symbol))
    }
    there = sorted(raw | {name for part in landed if (name := of(dict(part.keys)["symbol"]))})
    if not there:
        raise QuestionError(
            f"{found.raw} holds no order flow of an outright future: put DBN files there{_bad(found)}"
        )
    if product is None and len(there) > 1:
        raise QuestionError(f"there are several products: name one of {', '.join(there)} with --product")
    if product not in {None, *there}:
        raise QuestionError(f"there is nothing of {product}: name one of {', '.join(there)} with --product")
    chosen = product or there[0]
    mine = tuple(part for part in landed if of(dict(part.keys)["symbol"]) == chosen)
    symbols = {i.symbol for s in found.sources for i in s.instruments if of(i.symbol) == chosen}
    sources = tuple(source for s in found.sources if (source := _only(s, symbols)).instruments)
    return Stock(chosen, dataclasses.replace(found, sources=sources), mine)


def choose(asked: Iterable[Asked], there: Stock) -> tuple[list[dt.date], list[dt.date]]:
    """Dates to build, and dates that are left out because there is nothing of them.

    Raises:
        QuestionError: If no date has data, or a named one has none and no damaged file excuses it.
    """
    wanted = list(asked)
    has = {each.date: there.has(each.date) for each in wanted}
    missing = [each.date for each in wanted if each.named and not has[each.date]]
    if (missing and not there.survey.damaged) or not any(has.values()):
        words = ", ".join(str(day) for day in (missing or list(has))[:_SHOWN])
        raise QuestionError(
            f"there is no {there.product} data of {words} in {there.survey.raw} (it has {there.span()}): "
            f"add its DBN file, or name other dates{_bad(there.survey)}"
        )
    return [date for date in has if has[date]], [date for date in has if not has[date]]


def without(asked: Iterable[Asked], there: Stock, scope: Scope) -> list[dt.date]:
    """Dates of a range on which there is nothing of the contract or schema that the user named.

    Raises:
        QuestionError: If the contract is none of the product.
        MissingStepError: If no date has such order flow, landed or raw, or a named date has none.
    """
    symbols = there.symbols()
    if scope.contract is not None and of(scope.contract) != there.product:
        known = ", ".join(symbols)
        raise QuestionError(f"`{scope.contract}` is no contract of {there.product}: name one of {known}")
    if scope.contract is None and scope.schema is None:
        return []
    pairs = list(itertools.product(symbols, SCHEMAS))
    taken = [there.only(*pair) for pair in pairs if scope.takes(*pair)]
    missing = [date for date in scope.dates if not any(own.has(date) for own in taken)]
    named = [each.date for each in asked if each.named and each.date in missing]
    if named or len(missing) == len(scope.dates):
        first = (named or missing)[0]
        found = [pair for pair in pairs if there.only(*pair).has(first)]
        names = [session.calendar_front(there.product, first), *sorted(name for name, _ in found)]
        symbol = scope.contract or next(name for name in names if name in dict(found))
        raise MissingStepError(lacking(scope, symbol, named or missing, found) + _bad(there.survey))
    return missing


def of(symbol: str) -> str | None:
    """Product of an outright's symbol."""
    contract = session.parse_outright(symbol)
    return contract.product if contract else None


def _only(source: Source, symbols: Collection[str]) -> Source:
    kept = tuple(item for item in source.instruments if item.symbol in symbols)
    return dataclasses.replace(source, instruments=kept)


def _meets(source: Source, before: str, day: str) -> bool:
    return any(item.first <= day and before < item.after for item in source.instruments)


def _overlaps(path: Path, date: dt.date) -> bool:
    header, (start, end) = dbn.read_header(path), session.bounds(date)
    return header.start < end and (header.end is None or header.end > start)


def _reaches(part: Partition, date: dt.date) -> bool:
    """Whether a landed evening holds a record of the next trading date."""
    said = store.read_manifest(part)
    return said is not None and bool(said["last_ts_recv"] >= session.bounds(date)[0])


def _bad(found: Survey) -> str:
    return f"; {found.damaged[0]}" if found.damaged else ""
