"""Which contract is front on each date, and what of its order flow is landed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from warehouse import bronze, session, store
from warehouse.errors import MissingStepError
from warehouse.ledger import Ledger
from warehouse.session import Window
from warehouse.store import Partition

SCHEMAS = ("mbo", "mbp-10")
"""Sources of silver, the better one first."""


@dataclass(frozen=True, slots=True)
class Front:
    """A product's front contract on a date, and what tells its order flow.

    Args:
        symbol: The contract.
        reason: volume, calendar or user.
        source: mbp-10 or mbo.
        tick: Tick size in points.
        inputs: Bronze partitions of the UTC days that the date touches.
    """

    symbol: str
    reason: str
    source: str
    tick: float
    inputs: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a graph is made for.

    Args:
        root: The warehouse.
        product: Such as ES.
        dates: Trading dates, ascending.
        contract: The user's word for the front contract.
        schema: The user's word for the source.
        setup_window: Where triggers lie.
    """

    root: Path
    product: str
    dates: tuple[dt.date, ...]
    contract: str | None = None
    schema: str | None = None
    setup_window: Window = field(default=session.SETUP_WINDOW)

    def partition(self, table: str, **keys: str | dt.date) -> Partition:
        return store.partition(self.root, table, **keys)

    def takes(self, symbol: str, schema: str) -> bool:
        """Whether the user's words allow a contract's order flow of a schema."""
        return self.contract in {None, symbol} and self.schema in {None, schema}


def landed(scope: Scope, ledger: Ledger, date: dt.date) -> dict[tuple[str, str], tuple[Partition, ...]]:
    """Bronze of a trading date's UTC days, by contract and schema."""
    found: dict[tuple[str, str], tuple[Partition, ...]] = {}
    for schema in SCHEMAS:
        table = bronze.table(schema)
        for symbol in _symbols(scope.root, table, scope.product):
            days = (scope.partition(table, symbol=symbol, date=day) for day in session.utc_dates(date))
            if there := tuple(day for day in days if ledger.manifest(day)):
                found[symbol, schema] = there
    return found


def _symbols(root: Path, table: str, product: str) -> list[str]:
    names = sorted(
        path.name.removeprefix("symbol=") for path in (root / table.replace(".", "/")).glob("symbol=*")
    )
    return [name for name in names if (known := session.parse_outright(name)) and known.product == product]


def front(scope: Scope, ledger: Ledger, date: dt.date) -> Front:
    """The front contract of a date, as silver.front_contract says.

    Raises:
        MissingStepError: If it, or its order flow, is not landed.
    """
    said = scope.partition("silver.front_contract", product=scope.product, date=date)
    [(symbol, reason)] = pl.read_parquet(said.path, columns=["symbol", "reason"]).rows()
    there = landed(scope, ledger, date)
    schemas = [schema for name, schema in there if name == symbol and scope.schema in {None, schema}]
    if not schemas:
        raise MissingStepError(
            f"{symbol} is front (by {reason}), but {lacking(scope, symbol, [date], there)}"
        )
    inputs = there[symbol, schemas[0]]
    manifest = ledger.manifest(inputs[-1]) or {}
    return Front(symbol, reason, schemas[0], manifest["tick"] / 1e9, inputs)


def lacking(scope: Scope, symbol: str, dates: Sequence[dt.date], there: Iterable[tuple[str, str]]) -> str:
    """That a contract is not landed, and what to do, in one line.

    Args:
        scope: What was asked.
        symbol: The contract.
        dates: Where it is not.
        there: Contracts and schemas that are landed on the first of them.
    """
    found = list(there)
    wanted = f"{scope.schema.upper()} of {symbol}" if scope.schema else symbol
    mine = sorted(schema for name, schema in found if name == symbol)
    same = sorted({name for name, schema in found if scope.schema in {None, schema}})
    others = ", ".join(mine or same) or "nothing"
    days = f"{dates[0]}" + (f" and {len(dates) - 1} more" if len(dates) > 1 else "")
    other = "name another --schema" if mine else "name one with --contract"
    return f"{wanted} is not landed for {days} ({others} is): add its file, or {other}"


def built(scope: Scope, ledger: Ledger) -> dict[dt.date, str]:
    """Front contract by date of a product, for every date that has one."""
    found = {}
    for source in store.partitions(scope.root, "silver.front_contract"):
        keys = dict(source.keys)
        if keys["product"] == scope.product and ledger.digest(source):
            [symbol] = pl.read_parquet(source.path, columns=["symbol"])["symbol"]
            found[dt.date.fromisoformat(keys["date"])] = symbol
    return found
