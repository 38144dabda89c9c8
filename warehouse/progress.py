"""How far a long command is: a bar on a terminal, sparse lines elsewhere, both on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

EVERY_S = 5.0


class Bar:
    """Stages one after the other; a stage ends when all of it has."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description:<60.60}"),
            BarColumn(None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._drawn = sys.stderr.isatty()
        self._stage: TaskID | None = None
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        if self._drawn:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._bars.stop()

    def tell(self, what: str, done: int, count: int) -> None:
        """Take note that something ended."""
        if self._drawn:
            self._draw(what, done, count)
        elif time.monotonic() - self._said >= EVERY_S or done == count:
            self._said = time.monotonic()
            sys.stderr.write(f"{done}/{count} {what}\n")
            sys.stderr.flush()

    def _draw(self, what: str, done: int, count: int) -> None:
        if self._stage is None:
            self._stage = self._bars.add_task(what, total=count)
        self._bars.update(self._stage, description=what, completed=done, total=count)
        if done == count:
            self._bars.remove_task(self._stage)
            self._stage = None
