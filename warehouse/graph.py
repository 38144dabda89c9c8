"""The graph of a build: which task makes what, from what, for each date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse import database, plan, profiles, retrieval, session, studies, wording
from warehouse.fingerprints import STEPS, joined, of_models, of_step
from warehouse.fronts import Front, Scope, built, landed
from warehouse.ledger import Ledger, code
from warehouse.run import Task
from warehouse.steps import LEVELS_FILE
from warehouse.store import Artifact, Partition

FLOW = ("quotes", "trades", "ladder", "book", "quality")
_LEVELS = ("averages", "session_extremes", "levels", "placebos")
"""Models that make levels."""
_SETUPS = ("triggers", "outcomes", "touches", "weights")
"""Models that make setups; of what followed, what was known when the next one came."""
_RACES = ("warehouse.races", "warehouse.barrier", "warehouse.reasons")
_ENGINE = ("warehouse.plan", "warehouse.frames", "warehouse.mirror", "warehouse.inputs")
"""What makes features of their declarations."""
_BY_PRODUCT = {"profile": "silver.volume_profile", "retreat_profile": "silver.retreat_profile"}
"""Tables of a product rather than of a contract, by their short names."""


def front_tasks(scope: Scope, ledger: Ledger) -> list[Task]:
    """One task per date: who is front."""
    return [_front_task(scope, ledger, date) for date in scope.dates]


def _front_task(scope: Scope, ledger: Ledger, date: dt.date) -> Task:
    day = session.previous(date, 1)[0]
    best: dict[str, Partition] = {}
    for (symbol, _), sources in landed(scope, ledger, day).items():
        for source in sources:
            if ("date", str(day)) in source.keys:
                best.setdefault(symbol, source)
    inputs = () if scope.contract else tuple(best.values())
    return Task(
        f"{STEPS}:front_contract",
        (scope.partition("silver.front_contract", product=scope.product, date=date),),
        inputs,
        of_models("front_contract", "moments"),
        {"product": scope.product, "date": str(date), "contract": scope.contract},
    )


def date_tasks(scope: Scope, ledger: Ledger, fronts: Mapping[dt.date, Front]) -> list[Task]:
    """Everything of the requested dates from the event pass on, dates ascending.

    Args:
        scope: What was asked.
        ledger: What there is.
        fronts: The front contract of every date to build.
    """
    symbols = built(scope, ledger) | {date: front.symbol for date, front in fronts.items()}
    return [task for date in sorted(fronts) for task in _Day(scope, ledger, fronts, symbols, date).tasks()]


class _Day:
    """The tasks of one trading date."""

    def __init__(
        self,
        scope: Scope,
        ledger: Ledger,
        fronts: Mapping[dt.date, Front],
        symbols: Mapping[dt.date, str],
        date: dt.date,
    ) -> None:
        self.scope, self.ledger, self.fronts, self.symbols, self.date = scope, ledger, fronts, symbols, date
        self.front = fronts[date]

    def tasks(self) -> Iterator[Task]:
        yield self._flow()
        yield self._profile()
        yield self._retreats()
        yield self._levels()
        yield from (self._family(name) for name in plan.families() if plan.grain(name) != "setup")
        yield self._setups()
        yield self._outcomes()
        yield from studies.tasks(self.part, self._read, self.front.tick, self.date)
        days = [day for day in sorted(self.symbols) if day < self.date]
        frozen = ("gold.setups", "gold.summaries")
        setups = [source for table in frozen for source in self._earlier(table, days)]
        own = [self.part(table) for table in (*frozen, "gold.outcomes")]
        outcomes = self._earlier("gold.outcomes", days)
        yield from retrieval.tasks(self.scope, self.date, setups, outcomes, own)

    def part(self, table: str, date: dt.date | None = None, symbol: str | None = None) -> Partition:
        return self.scope.partition(table, symbol=symbol or self.front.symbol, date=date or self.date)

    def task(
        self,
        step: str,
        outputs: Sequence[Partition],
        inputs: Iterable[Partition],
        fingerprint: str,
        files: tuple[Path, ...] = (),
        **parameters: Any,  # noqa: ANN401 (JSON)
    ) -> Task:
        told = {"date": str(self.date), **parameters}
        return Task(f"{STEPS}:{step}", tuple(outputs), tuple(inputs), fingerprint, told, files)

    def _flow(self) -> Task:
        return self.task(
            "flow",
            [self.part(f"silver.{name}") for name in FLOW],
            self.front.inputs,
            of_step("flow", "warehouse.flow"),
            symbol=self.front.symbol,
            source=self.front.source,
        )

    def _profile(self) -> Task:
        recent, twenty = profiles.profile_dates(self.date)
        inputs = [*self._earlier("silver.book", twenty), *self._earlier("silver.ladder", recent)]
        target, tick = self._of_product("profile"), self.front.tick
        return self.task(
            "volume_profile", [target], inputs, of_models("volume_profile", "profiles"), tick=tick
        )

    def _retreats(self) -> Task:
        _, twenty = profiles.profile_dates(self.date)
        reads = ("silver.lvl", "silver.volatility", "silver.book")
        inputs = [source for table in reads for source in self._earlier(table, twenty)]
        return self.task(
            "retreat_profile",
            [self._of_product("retreat_profile")],
            inputs,
            of_models("retreat_profile", "profiles"),
        )

    def _levels(self) -> Task:
        prices = self.scope.root / LEVELS_FILE
        return self.task(
            "levels",
            [self.part("silver.levels")],
            [self.part("silver.trades"), self.part("silver.quality"), *self._session_before()],
            of_models("levels", "levels", *_LEVELS),
            (prices,) if prices.exists() else (),
            symbol=self.front.symbol,
            product=self.scope.product,
            tick=self.front.tick,
            setup_window=wording.show(self.scope.setup_window),
        )

    def _session_before(self) -> list[Partition]:
        """Trades of the same contract in the session before; across a roll its landed records."""
        day, symbol = session.previous(self.date, 1)[0], self.front.symbol
        if self.symbols.get(day) == symbol:
            found = [self._of(table, day) for table in ("silver.trades", "silver.quality")]
            return [source for source in found if source]
        there = landed(self.scope, self.ledger, day)
        records = [sources for (name, _), sources in there.items() if name == symbol]
        return [source for source in records[0] if ("date", str(day)) in source.keys] if records else []

    def _family(self, name: str) -> Task:
        return self.task(
            "family",
            [self.part(f"silver.{name}")],
            self._read(plan.reads(name)),
            joined(plan.fingerprint(name), of_step("family", *_ENGINE, "warehouse.contract")),
            family=name,
        )

    def _setups(self) -> Task:
        reads = {table for name in plan.families() for table in plan.reads(name)}
        own = {"levels", "quotes", "book", "volatility", "quality"}
        families = "".join(plan.fingerprint(name) for name in plan.families())
        return self.task(
            "setups",
            [self.part("gold.setups"), self.part("gold.weights")],
            self._read(sorted(reads | own)),
            joined(
                families,
                of_models("setups", "moments", *_SETUPS),
                code(*_ENGINE, *_RACES),
            ),
            tick=self.front.tick,
            setup_window=wording.show(self.scope.setup_window),
            source=self.front.source,
            maybe_back_month=self.front.reason == "user",
        )

    def _outcomes(self) -> Task:
        days = [day for day in sorted(self.symbols) if day < self.date]
        past = [*self._earlier("gold.setups", days), *self._earlier("gold.outcomes", days)]
        today = [self.part("gold.setups"), self.part("silver.quotes"), self.part("silver.book")]
        fingerprint = joined(of_models("outcomes", "races"), code("warehouse.barrier"))
        return self.task(
            "outcomes", [self.part("gold.outcomes")], [*today, *past], fingerprint, tick=self.front.tick
        )

    def _read(self, tables: Iterable[str]) -> list[Partition]:
        """The date's partitions of tables by their short names."""
        return [self._of_product(t) if t in _BY_PRODUCT else self.part(f"silver.{t}") for t in tables]

    def _of_product(self, table: str) -> Partition:
        return self.scope.partition(_BY_PRODUCT[table], product=self.scope.product, date=self.date)

    def _earlier(self, table: str, days: Iterable[dt.date]) -> list[Partition]:
        """A table's front-contract partitions of earlier dates: those requested, and those that exist."""
        return [source for day in days if (source := self._of(table, day))]

    def _of(self, table: str, day: dt.date) -> Partition | None:
        if day not in self.symbols:
            return None
        source = self.part(table, day, self.symbols[day])
        return source if day in self.fronts or self.ledger.digest(source) else None


def database_task(root: Path, ledger: Ledger) -> Task:
    """The database file; its bytes differ from run to run, so that its manifest is kept aside."""
    inputs = [part for table in database.COPIED for part in ledger.current(table)]
    modules = (f"warehouse.{name}" for name in ("database", "macros", "spread", "vectors", "views"))
    return Task(
        f"{STEPS}:database",
        (Artifact(root, database.FILE, ".database.json"),),
        tuple(inputs),
        of_step("database", *modules),
    )
