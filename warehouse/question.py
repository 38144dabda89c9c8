"""What is asked: a level and a moment, resolved to a contract, a bar, a price and a direction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from warehouse import naming, session, store, values, warm, wording
from warehouse.errors import MissingStepError, QuestionError
from warehouse.naming import CUSTOM
from warehouse.schema import BAR_NS, BOOK, LEVEL_KINDS, LEVELS, NS
from warehouse.session import NEW_YORK
from warehouse.store import Partition

UP, DOWN = "UP", "DOWN"
_QUOTED = ("bid_px_00", "ask_px_00")
BAR = {name: BOOK.schema[name] for name in ("bar_ts", *_QUOTED, "mid_min", "mid_max")}
"""Columns of silver.book that a question is placed by."""
_NAME = {"symbol": pl.String()}
_SIGMA = {"bar_ts": NS, "sigma_60": pl.Float64(), "sigma_ratio": pl.Float64()}
_FROZEN = ("direction", "p_ref", "x0", "sigma_60", "sigma_ratio")


@dataclass(frozen=True, slots=True)
class Place:
    """A level of a contract on a date, on bars that exist.

    Args:
        root: The warehouse.
        product: Such as ES.
        symbol: The contract.
        date: The trading date.
        level_id: Identity of the level; of a price, that of a CUSTOM level there.
        kind: Name of the level, or CUSTOM for a question by price.
        price: The level, in points.
        bar: Start of the last bar that had ended by the moment, ns UTC.
    """

    root: Path
    product: str
    symbol: str
    date: dt.date
    level_id: str
    kind: str
    price: float
    bar: int

    @property
    def end(self) -> int:
        """The instant from which the bar is known, ns UTC: the moment that is asked about."""
        return self.bar + BAR_NS

    @property
    def by_price(self) -> bool:
        return self.kind == CUSTOM

    def partition(self, table: str) -> Partition:
        return store.partition(self.root, table, symbol=self.symbol, date=self.date)

    def built(self, table: str) -> Partition:
        """The same, if it is there.

        Raises:
            MissingStepError: If it was not built.
        """
        return _built(self.partition(table))

    def scan(self, table: str) -> pl.LazyFrame:
        """A table of this contract and date.

        Raises:
            MissingStepError: If it was not built.
            DataError: If it is damaged.
        """
        return pl.scan_parquet(store.whole(self.built(table)), glob=False)

    def read(self, table: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Some columns of the same, kept for as long as the file stays."""
        return warm.read(self.built(table), schema)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where price stood against a level at a bar's end.

    Args:
        place: The level and the bar.
        direction: UP if price comes from below.
        p_ref: Mid at the bar's end, in points.
        x0: Distance d * (mid - level); negative before the level.
        sigma_60: Expected one-minute move in points; None while it warms up.
        sigma_ratio: That of the last three minutes over it; None where it is unknown.
        setup: The stored setup of this bar, without features; None where the moment is no trigger.
    """

    place: Place
    direction: str
    p_ref: float
    x0: float
    sigma_60: float | None
    sigma_ratio: float | None
    setup: dict[str, Any] | None


def place(root: Path, level: str, ts: int, contract: str | None = None) -> Place:
    """Find the contract, the bar and the level of a question.

    Args:
        root: The warehouse.
        level: A kind of level, or a price.
        ts: The moment, ns UTC.
        contract: Needed only where several contracts are built for the date.

    Raises:
        MissingStepError: If the date is not built.
        QuestionError: If there is no such level, it is not known yet, or the moment lies outside the data.
    """
    date = session.trading_date(ts)
    symbol = _contract(root, date, contract)
    at = bar(store.partition(root, "silver.book", symbol=symbol, date=date), ts)
    level_id, kind, price = _level(root, symbol, date, level, at + BAR_NS)
    return Place(root, session.product(symbol), symbol, date, level_id, kind, price, at)


def moment(at: Place) -> Moment:
    """Freeze a place.

    Raises:
        QuestionError: If there was no two-sided market, or no side from which price came.
    """
    if one := _stored(at):
        return Moment(at, **{name: one[name] for name in _FROZEN}, setup=one)
    [(bid, ask)] = at.read("silver.book", BAR).filter(_at(at.bar)).select(_QUOTED).rows()
    if bid is None or ask is None:
        raise QuestionError(f"there was no two-sided market at {clock(at.end)}: ask at another moment")
    mid = (bid + ask) / 2
    d = _side(at, mid)
    told = at.read("silver.volatility", _SIGMA).filter(_at(at.bar))
    sigma, ratio = told.row(0)[1:] if len(told) else (None, None)
    x0 = round(d * (mid - at.price), 9) + 0.0
    return Moment(at, UP if d > 0 else DOWN, mid, x0, sigma, ratio, None)


def concerns(at: Place) -> pl.Expr:
    """True for setups of the level, whatever names its price has."""
    mine = pl.col("level_price") == at.price if at.by_price else pl.col("level_kinds").list.contains(at.kind)
    return mine & ~pl.col("is_placebo")


def clock(ns: int) -> str:
    """A New York wall time, such as 10:14:35."""
    return f"{wall(ns):%H:%M:%S} New York"


def wall(ns: int) -> dt.datetime:
    """An instant on a New York clock."""
    return dt.datetime.fromtimestamp(ns // 10**9, NEW_YORK)


def _contract(root: Path, date: dt.date, contract: str | None) -> str:
    built = [dict(source.keys) for source in store.partitions(root, "silver.book")]
    if not built:
        raise MissingStepError(
            f"{root} holds nothing built: put DBN files into {root / 'raw'} and run `warehouse build`"
        )
    today = {keys["symbol"] for keys in built if keys["date"] == str(date)}
    if not today or (contract is not None and contract not in today):
        raise wording.not_built(date, contract, sorted({keys["date"] for keys in built}), sorted(today))
    if contract is not None:
        return contract
    front = [p for p in store.partitions(root, "silver.front_contract") if ("date", str(date)) in p.keys]
    named = {warm.read(source, _NAME).item() for source in front}
    found = sorted(today & named) or sorted(today)
    if len(found) > 1:
        raise QuestionError(f"{' and '.join(found)} are built for {date}: name one with --contract")
    return found[0]


def bar(book: Partition, ts: int) -> int:
    """Start of the last bar of silver.book that had ended by a moment, ns UTC.

    Raises:
        QuestionError: If the moment lies outside the data.
    """
    start = pl.col("bar_ts").cast(pl.Int64)
    [(first, last)] = warm.read(book, BAR).select(first=start.min(), last=start.max()).rows()
    if first is None or not first + BAR_NS <= ts < last + 2 * BAR_NS:
        span = f"{clock(first + BAR_NS)} to {clock(last + BAR_NS)}" if first is not None else "nothing"
        raise QuestionError(f"{clock(ts)} lies outside the data of {book.keys[-1][1]}, which is {span}")
    return int(min(last, (ts - BAR_NS) // BAR_NS * BAR_NS))


def _built(target: Partition) -> Partition:
    if not target.path.exists():
        [(_, symbol), (_, date)] = target.keys
        what = f"{target.table} of {symbol} on {date}"
        raise MissingStepError(f"{what} is not built: run `warehouse build --dates {date}`")
    return target


def _level(root: Path, symbol: str, date: dt.date, level: str, end: int) -> tuple[str, str, float]:
    if (price := naming.price(level)) is not None:
        return f"{symbol}/{date}/{CUSTOM}/{price:.9f}".rstrip("0").rstrip("."), CUSTOM, price
    kind = level.strip().upper()
    levels = warm.read(
        _built(store.partition(root, "silver.levels", symbol=symbol, date=date)), LEVELS.schema
    )
    real = levels.filter(~pl.col("is_placebo"))
    there = sorted({*real["level_kind"].unique()} - {CUSTOM}, key=LEVEL_KINDS.index)
    if kind not in there:
        raise naming.unknown(level, kind, f"{symbol} on {date}", there)
    mine = values.values(levels, kind)
    known = mine.filter(pl.col("since") <= end)
    if known.is_empty():
        since = clock(mine["known"][0])
        raise QuestionError(f"{kind} of {date} is known from {since}; {clock(end)} is earlier")
    [(level_id, price, since, _)] = known.tail(1).rows()
    if price is None:
        passed = f"{kind} of {date} was passed by {clock(since)}"
        raise QuestionError(f"{passed}, and the new one is not old enough yet: ask later")
    return level_id, kind, price


def _stored(at: Place) -> dict[str, Any] | None:
    rule = concerns(at) & (pl.col("trigger_ts").cast(pl.Int64) == at.bar)
    return next(iter(warm.arrived(at.partition("gold.setups")).filter(rule).to_dicts()), None)


def _side(at: Place, mid: float) -> int:
    """+1 where price comes from below, -1 from above."""
    from warehouse import moments  # noqa: PLC0415 (it loads DuckDB, which a stored setup does not need)

    away = round(at.price - mid, 9)
    last = (
        moments.side(at.scan("silver.quotes"), at.price, at.end) if abs(away) <= moments.TOUCH_PTS else None
    )
    if last is None and away == 0:
        raise QuestionError(
            f"price has stood at {at.price:,.2f} since the data begin and came from no side: ask later"
        )
    return last or (1 if away > 0 else -1)


def _at(bar: int) -> pl.Expr:
    return pl.col("bar_ts").cast(pl.Int64) == bar
