"""Tasks in the order that their inputs demand: the current ones skipped, the others sent to workers."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from warehouse.errors import KilledError, WarehouseError
from warehouse.ledger import Ledger
from warehouse.store import Manifest, Partition
from warehouse.workers import Pool, ended, result


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker makes at one go.

    Args:
        step: The function that makes it, as `module:function`; it takes the task and its manifest.
        outputs: Partitions that it places, all with the same manifest.
        inputs: Partitions that it reads.
        fingerprint: Of the code that it runs.
        parameters: What else the result depends on; plain JSON values.
        files: Files below the root, other than partitions, that it reads.
    """

    step: str
    outputs: tuple[Partition, ...]
    inputs: tuple[Partition, ...]
    fingerprint: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        return self.outputs[0].name


@dataclass
class Outcome:
    """What became of tasks, each by its name."""

    made: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Why, in one line."""


Progress = Callable[[str, int, int], None]
"""Told what just ended, how many have, and how many there are."""


def wanted(task: Task, ledger: Ledger) -> Manifest:
    """The manifest that a task's outputs have when they are current."""
    inputs = {source.name: ledger.digest(source) for source in task.inputs}
    inputs |= {str(path.name): ledger.hashes.of(path) for path in task.files}
    return {"fingerprint": task.fingerprint, "parameters": dict(task.parameters), "inputs": inputs}


def perform(task: Task, manifest: Manifest) -> None:
    """Run a task in this process."""
    module, _, function = task.step.partition(":")
    getattr(import_module(module), function)(task, manifest)


class Schedule:
    """Tasks that wait, are ready, or run.

    Args:
        tasks: In the order in which ready ones are preferred; an input that no task makes is there already.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = list(tasks)
        makers = {target: n for n, task in enumerate(tasks) for target in task.outputs}
        self._needs = [{makers[s] for s in task.inputs if s in makers} for task in tasks]
        self._feeds: list[list[int]] = [[] for _ in tasks]
        for n, needs in enumerate(self._needs):
            for maker in needs:
                self._feeds[maker].append(n)
        self._ready = [n for n, needs in enumerate(self._needs) if not needs]

    def pop(self) -> int | None:
        return heapq.heappop(self._ready) if self._ready else None

    def done(self, n: int) -> None:
        """Free what waited for a task."""
        for later in self._feeds[n]:
            self._needs[later].discard(n)
            if not self._needs[later]:
                heapq.heappush(self._ready, later)

    def above(self, n: int) -> Iterable[int]:
        """Every task that cannot run because one failed."""
        found: dict[int, None] = {}
        queue = list(self._feeds[n])
        while queue:
            if (later := queue.pop()) not in found:
                found[later] = None
                queue.extend(self._feeds[later])
        return found


def run(tasks: Sequence[Task], ledger: Ledger, pool: Pool, width: int, progress: Progress) -> Outcome:
    """Bring every output up to date.

    A task whose own error is one of ours fails alone, with all that needs it; everything else goes on.

    Args:
        tasks: The graph.
        ledger: What is current.
        pool: Where stale tasks run.
        width: How many workers it has; a few more tasks are handed over, so that none waits.
        progress: Told of every task that ended.

    Raises:
        KilledError: If a worker was.
    """
    return _Run(tasks, ledger, pool, width, progress).all()


class _Run:
    """One pass over a graph."""

    def __init__(
        self, tasks: Sequence[Task], ledger: Ledger, pool: Pool, width: int, progress: Progress
    ) -> None:
        self._schedule, self._ledger, self._pool = Schedule(tasks), ledger, pool
        self._width, self._progress = width, progress
        self._running: dict[Future[None], int] = {}
        self._lost: set[int] = set()
        self._outcome = Outcome()

    def all(self) -> Outcome:
        self._start()
        while self._running:
            for future in sorted(ended(self._running), key=lambda f: self._running[f]):
                self._end(self._running.pop(future), future)
            self._start()
        return self._outcome

    def _start(self) -> None:
        while len(self._running) <= self._width + 1 and (n := self._schedule.pop()) is not None:
            task = self._schedule.tasks[n]
            manifest = wanted(task, self._ledger)
            if self._ledger.stale(task.outputs, manifest) is None:
                self._close(n, self._outcome.current)
            else:
                self._running[self._pool.submit(perform, task, manifest)] = n

    def _end(self, n: int, future: Future[None]) -> None:
        task = self._schedule.tasks[n]
        try:
            result(future)
        except KilledError:
            raise
        except WarehouseError as error:
            self._outcome.failed[task.name] = str(error)
            self._lost.update({n, *self._schedule.above(n)})
            self._tell(task)
        else:
            for target in task.outputs:
                self._ledger.placed(target)
            self._close(n, self._outcome.made)

    def _close(self, n: int, into: list[str]) -> None:
        task = self._schedule.tasks[n]
        into.append(task.name)
        self._schedule.done(n)
        self._tell(task)

    def _tell(self, task: Task) -> None:
        count = len(self._outcome.made) + len(self._outcome.current) + len(self._lost)
        self._progress(task.name, count, len(self._schedule.tasks))
