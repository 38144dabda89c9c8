"""Files to answers: land, find the front contract, make every table of every date, index them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from warehouse import fronts, graph, land, pricelist, retrieval, session, store, wording, workers
from warehouse.errors import KilledError, MissingStepError, QuestionError, WarehouseError
from warehouse.fronts import SCHEMAS, Front, Scope
from warehouse.land import Landing
from warehouse.ledger import Ledger
from warehouse.request import Request, Stock, choose, stock, without
from warehouse.run import Outcome, Progress, Task, run
from warehouse.steps import LEVELS_FILE
from warehouse.store import Partition
from warehouse.workers import Pool, ended, result

Note = Callable[[str], None]


@dataclass
class Report:
    """What a build did.

    Args:
        made: Names of what was made.
        current: Names of what was current already.
        errors: What failed, a line each.
        notes: What the user should know, a line each.
    """

    made: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.made += outcome.made
        self.current += outcome.current
        self.errors += outcome.failed.values()


def build(request: Request, progress: Progress) -> Report:
    """Bring everything of the requested dates up to date.

    Args:
        request: What was asked.
        progress: Told of everything that ends.

    Returns:
        What was done. Damage and missing contracts are among its errors; the rest was built.

    Raises:
        QuestionError: If what was asked cannot be; nothing was changed.
        MissingStepError: If the contract or schema named is not there; nothing was changed.
        BusyError: If another build is at work.
        KilledError: If a worker was.
    """
    there, scope, report = ask(request)
    prices = pricelist.read(request.levels) if request.levels else None
    with workers.owner(request.root):
        if prices is not None:
            with store.temporary(request.root, ".csv") as made:
                made.write_text(pricelist.render(prices))
                made.replace(request.root / LEVELS_FILE)
        ledger = Ledger(request.root)
        try:
            width = request.workers or workers.cores()
            with workers.pool(request.root, width) as pool:
                _Build(there, scope, ledger, pool, width, progress, report).all()
        finally:
            ledger.hashes.save()
    return report


def ask(request: Request) -> tuple[Stock, Scope, Report]:
    """What a request comes to; reads only.

    Raises:
        QuestionError: If it cannot be answered.
        MissingStepError: If there is no order flow of the contract or schema that was named.
    """
    asked, window = wording.dates(request.dates), wording.window(request.setup_window)
    if request.schema not in {None, *SCHEMAS}:
        raise QuestionError(f"there is no source {request.schema}: give {' or '.join(SCHEMAS)}")
    found = land.survey(request.folder, request.root)
    there = stock(found, request.root, request.product)
    wanted, left_out = choose(asked, there)
    scope = Scope(request.root, there.product, tuple(wanted), request.contract, request.schema, window)
    lacking = without(asked, there, scope)
    scope = replace(scope, dates=tuple(date for date in wanted if date not in lacking))
    notes = [f"left out: {count} x {reason}" for reason, count in found.skipped.items()]
    notes += [*_skipped(there.product, left_out), *_skipped(_named(scope), lacking)]
    return there, scope, Report(errors=[str(error) for error in found.damaged], notes=notes)


def landings(there: Stock, scope: Scope) -> list[Landing]:
    """The groups of files that hold something of the wanted dates."""
    days = {str(day) for date in scope.dates for day in session.utc_dates(date)}
    return [
        landing
        for landing in land.plan(there.survey)
        if any(item.first <= day < item.after for item in landing.reach for day in days)
    ]


class _Build:
    """One build, stage by stage: later graphs depend on what earlier stages found."""

    def __init__(
        self,
        there: Stock,
        scope: Scope,
        ledger: Ledger,
        pool: Pool,
        width: int,
        progress: Progress,
        report: Report,
    ) -> None:
        self._there, self._scope, self._ledger, self._pool = there, scope, ledger, pool
        self._width, self._progress, self._report = width, progress, report

    def all(self) -> None:
        self._land()
        self._ledger.reread()
        self._drop_empty()
        self._run(graph.front_tasks(self._scope, self._ledger))
        found = dict(self._fronts())
        self._run(graph.date_tasks(self._scope, self._ledger, found))
        if found:
            self._run(retrieval.index_tasks(self._scope.root, self._ledger))
            self._run([graph.database_task(self._scope.root, self._ledger)])

    def _land(self) -> None:
        wanted = landings(self._there, self._scope)
        stale = [landing for landing in wanted if land.stale(self._scope.root, landing, self._ledger)]
        self._report.current += [_name(landing) for landing in wanted if landing not in stale]
        running = {self._pool.submit(land.land, self._scope.root, landing): landing for landing in stale}
        while running:
            for future in ended(running):
                landing = running.pop(future)
                self._landed(landing, future)
                self._progress(f"landed {_name(landing)}", len(stale) - len(running), len(stale))

    def _drop_empty(self) -> None:
        """Leave out dates on which the contract named turns out to have no records, whatever headers said."""
        scope = self._scope
        if scope.contract is None:
            return
        there = {date: fronts.landed(scope, self._ledger, date) for date in scope.dates}
        empty = [date for date, found in there.items() if not any(scope.takes(*pair) for pair in found)]
        if empty:
            self._report.errors.append(fronts.lacking(scope, scope.contract, empty, there[empty[0]]))
            self._scope = replace(scope, dates=tuple(day for day in scope.dates if day not in empty))

    def _landed(self, landing: Landing, future: Future[list[Partition]]) -> None:
        try:
            placed = result(future)
        except KilledError:
            raise
        except WarehouseError as error:
            self._report.errors.append(str(error))
            self._scope = replace(self._scope, dates=tuple(_beyond(landing, self._scope.dates)))
        else:
            for target in placed:
                self._ledger.placed(target)
            self._report.made.append(_name(landing))

    def _fronts(self) -> Iterator[tuple[dt.date, Front]]:
        for date in self._scope.dates:
            try:
                yield date, fronts.front(self._scope, self._ledger, date)
            except MissingStepError as error:
                self._report.errors.append(str(error))

    def _run(self, tasks: Sequence[Task]) -> None:
        self._report.add(run(tasks, self._ledger, self._pool, self._width, self._progress))


def _beyond(landing: Landing, dates: Iterable[dt.date]) -> Iterator[dt.date]:
    """Dates of whose own UTC day a group of files holds nothing."""
    return (date for date in dates if not any(item.first <= str(date) < item.after for item in landing.reach))


def _name(landing: Landing) -> str:
    return ", ".join(source.name for source in landing.sources)


def _skipped(what: str, dates: Sequence[dt.date]) -> list[str]:
    more = f" and {len(dates) - 1} more" if len(dates) > 1 else ""
    return [f"no {what} data of {dates[0]}{more}: skipped"] if dates else []


def _named(scope: Scope) -> str:
    return " ".join(word for word in (scope.contract or scope.product, scope.schema) if word)
