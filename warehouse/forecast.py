"""What a build would make, and why, without making it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warehouse import fronts, graph, land, pricelist, retrieval, session
from warehouse.build import ask, landings
from warehouse.errors import MissingStepError
from warehouse.fronts import Front, Scope
from warehouse.land import Landing
from warehouse.ledger import Ledger
from warehouse.request import Request, Stock
from warehouse.run import Task, wanted
from warehouse.steps import LEVELS_FILE


@dataclass(frozen=True, slots=True)
class Due:
    """Something that a build would make.

    Args:
        name: A partition, or raw files to land.
        why: What is absent or changed; `may` where an input is made again first.
    """

    name: str
    why: str


def lines(request: Request) -> Iterator[str]:
    """The forecast as text, a line each, with a last line that counts.

    Raises:
        QuestionError: If what was asked cannot be built.
    """
    there, scope, report = ask(request)
    yield from report.notes
    yield from (f"damaged: {error}" for error in report.errors)
    found = _Forecast(request, there, scope)
    due = list(found.due())
    yield from (f"{each.name}: {each.why}" for each in due)
    yield f"{len(due)} to make, {found.current} current"


class _Forecast:
    """A look at every stage of a build; counts what is current."""

    def __init__(self, request: Request, there: Stock, scope: Scope) -> None:
        self._there, self._scope, self._ledger = there, scope, Ledger(request.root)
        self._stale: set[str] = set()
        self._prices = _changed(request)
        self.current = 0

    def due(self) -> Iterator[Due]:
        if self._prices:
            yield Due(LEVELS_FILE, self._prices)
        unlanded: set[dt.date] = set()
        for landing in landings(self._there, self._scope):
            if why := land.stale(self._scope.root, landing, self._ledger):
                unlanded |= _days(landing, self._scope.dates)
                yield Due(", ".join(source.name for source in landing.sources), f"to land: {why}")
            else:
                self.current += 1
        yield from self._tasks(graph.front_tasks(self._scope, self._ledger))
        known: dict[dt.date, Front] = {}
        for date in self._scope.dates:
            try:
                known[date] = fronts.front(self._scope, self._ledger, date)
            except (MissingStepError, FileNotFoundError):
                yield Due(
                    f"every table of {date}",
                    "to land first" if date in unlanded else "front contract unknown",
                )
        yield from self._tasks(graph.date_tasks(self._scope, self._ledger, known))
        if known:
            yield from self._tasks(retrieval.index_tasks(self._scope.root, self._ledger))
            yield from self._tasks([graph.database_task(self._scope.root, self._ledger)])

    def _tasks(self, tasks: Sequence[Task]) -> Iterator[Due]:
        for task in tasks:
            if why := self._why(task):
                self._stale.update(target.name for target in task.outputs)
                yield Due(task.name, why)
            else:
                self.current += 1

    def _why(self, task: Task) -> str | None:
        if why := self._ledger.stale(task.outputs, wanted(task, self._ledger)):
            return why
        if self._prices and task.step.endswith(":levels"):
            return f"{LEVELS_FILE} changes"
        again = [source.name for source in task.inputs if source.name in self._stale]
        return f"may: {again[0]} is made again" if again else None


def _changed(request: Request) -> str | None:
    """Whether the user's prices differ from those of the root."""
    if not request.levels:
        return None
    text, path = pricelist.render(pricelist.read(request.levels)), request.root / LEVELS_FILE
    if not path.exists():
        return "absent"
    return None if path.read_bytes() == text.encode() else "other prices"


def _days(landing: Landing, dates: Sequence[dt.date]) -> set[dt.date]:
    return {
        date
        for date in dates
        for day in session.utc_dates(date)
        if any(item.first <= str(day) < item.after for item in landing.reach)
    }
