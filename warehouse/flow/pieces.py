"""Venue events, and the tape cut into pieces of whole bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from warehouse.flow.events import LAST, Events, mark
from warehouse.flow.tape import Array, Batch, Flags, Ints
from warehouse.schema import BAR_NS

BARS = 512
"""Most bars in a piece, which bounds memory while the market sleeps; nothing written depends on it."""


class Columns:
    """Columns of consecutive batches, gathered by row without being joined."""

    def __init__(self, parts: Sequence[Batch], rows: Sequence[int]) -> None:
        self._parts, self._bounds = parts, np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)

    def differ(self, names: Sequence[str], begin: int, end: int) -> Flags:
        """Rows of a range unlike the row before in any of some columns, and the first of each batch."""
        out = np.ones(end - begin, np.bool_)
        for part, first, after in zip(self._parts, self._bounds[:-1], self._bounds[1:], strict=True):
            lo, hi = max(begin, int(first)), min(end, int(after))
            if lo < hi:
                flags = out[lo + 1 - begin : hi - begin]
                flags[:] = False
                for name in names:
                    values = part[name][lo - first : hi - first]
                    flags |= values[1:] != values[:-1]
        return out

    def at(self, rows: Ints) -> Picked:
        """The same at rising rows."""
        cuts = np.searchsorted(rows, self._bounds)
        spans = zip(self._parts, self._bounds[:-1], cuts[:-1], cuts[1:], strict=True)
        return Picked([(part, rows[lo:hi] - first, lo, hi) for part, first, lo, hi in spans if hi > lo])


class Picked:
    """Some rows of consecutive batches, a column at a time."""

    def __init__(self, spans: Sequence[tuple[Batch, Ints, int, int]]) -> None:
        self._spans = spans

    def take(self, name: str, out: Array) -> None:
        """The values of a column, into `out`."""
        for part, rows, lo, hi in self._spans:
            part[name].take(rows, out=out[lo:hi], mode="clip")


@dataclass(slots=True)
class Piece:
    """Consecutive events, and the bars that they complete.

    Args:
        start: Time of the first bar.
        bars: Number of bars; 0 before the trading date.
        live: Whether its events belong to the trading date.
        whole: Whether its bars are complete; the last piece has one that is not.
        records: The columns of HEAD (and the order id).
        columns: All columns, by row of this piece plus `offset`.
        offset: Row of the first record in `columns`.
        events: Its events.
        bar: Bar of each event, from 0.
        event: Event of each record, from 1, so that event 0 is the state carried in.
    """

    start: int
    bars: int
    live: bool
    whole: bool
    records: Batch
    columns: Columns
    offset: int
    events: Events
    bar: Ints
    event: Ints


def whole_bars(batches: Iterable[Batch], head: Sequence[str], start: int, end: int) -> Iterator[Piece]:
    """Pieces of whole bars, in order; the last one holds the events of the bar that nothing completed.

    Args:
        batches: Records in feed order.
        head: Columns to join; the others stay in their batches.
        start: First instant of the trading date; earlier events come in pieces without bars.
        end: First instant after it; a record from then on completes every bar before it.
    """
    cutter = _Cutter(head, start, end)
    for batch in batches:
        yield from cutter.push(batch)
        # Its memory, but for what the cutter copied, serves the next one.
        del batch
        if cutter.done:
            return
    yield from cutter.rest()


class _Cutter:
    """Holds back the events of the bar that is not complete yet."""

    def __init__(self, head: Sequence[str], start: int, end: int) -> None:
        self._head, self._start, self._end = head, start, end
        self._parts: list[Batch] = []
        self._running = int(np.iinfo(np.int64).min)
        self._before: Batch | None = None
        self._bar: int | None = None
        self.done = False

    def push(self, batch: Batch) -> Iterator[Piece]:
        if not len(batch["ts_event"]):
            return
        self._parts.append(batch)
        held = _Held(self._parts, self._head, self._running, self._before)
        bars = held.bars
        self.done = bool(held.events.ts[-1] >= self._end)
        before = int(np.searchsorted(bars, min(self._start, self._end) // BAR_NS))
        ended = int(np.searchsorted(bars, min(bars[-1], self._end // BAR_NS)))
        if min(before, ended):
            yield held.piece(0, min(before, ended), 0, 0, live=False)
        # A snapshot that goes on moves its event, the only one held, into a later bar.
        if ended > before or self._bar is not None:
            yield from self._bars(held, bars, before, max(before, ended))
        self._keep(held, ended)

    def _bars(self, held: _Held, bars: Ints, begin: int, end: int) -> Iterator[Piece]:
        """Complete bars, also those in which nothing happened."""
        first = int(bars[begin]) if self._bar is None else self._bar
        after = int(min(bars[-1], self._end // BAR_NS))
        for bar in range(first, after, BARS):
            count = min(BARS, after - bar)
            stop = begin + int(np.searchsorted(bars[begin:end], bar + count))
            yield held.piece(begin, stop, bar, count, live=True)
            begin = stop
        self._bar = max(first, after)

    def _keep(self, held: _Held, ended: int) -> None:
        cut = int(held.events.first[ended])
        if cut:
            self._running = int(held.events.ts[ended - 1])
            self._before = {name: held.records[name][cut - 1 : cut] for name in ("flags", "instrument_id")}
        self._parts = held.parts_from(cut)

    def rest(self) -> Iterator[Piece]:
        if not self._parts:
            return
        held = _Held(self._parts, self._head, self._running, self._before)
        whole = len(held.events.ts) - int(not held.records["flags"][-1] & LAST)
        live = bool(held.events.ts[-1] >= self._start)
        yield held.piece(0, whole, int(held.bars[0]), 1, live=live, whole=False)


class _Held:
    """Batches that begin with an event, and their events."""

    def __init__(self, parts: list[Batch], head: Sequence[str], running: int, before: Batch | None) -> None:
        self._parts = parts
        self._rows = [len(part["ts_event"]) for part in parts]
        self.records = {name: np.concatenate([part[name] for part in parts]) for name in head}
        self.events = mark(self.records, running, before)
        self.bars = self.events.ts // BAR_NS
        self._columns = Columns(parts, self._rows)

    def piece(self, begin: int, end: int, bar: int, bars: int, *, live: bool, whole: bool = True) -> Piece:
        """The events from `begin` to before `end`."""
        own, rows = slice(begin, end), slice(int(self.events.first[begin]), int(self.events.first[end]))
        e = self.events
        events = Events(
            e.first[begin : end + 1] - rows.start,
            e.ts[own], e.reset[own], e.quiet[own], e.unclosed[own], e.bad[own], e.late[rows], e.changed[own],
        )  # fmt: skip
        return Piece(
            start=bar * BAR_NS,
            bars=bars,
            live=live,
            whole=whole,
            records={name: values[rows] for name, values in self.records.items()},
            columns=self._columns,
            offset=rows.start,
            events=events,
            bar=self.bars[own] - bar,
            event=np.repeat(np.arange(1, end - begin + 1), np.diff(events.first)),
        )

    def parts_from(self, row: int) -> list[Batch]:
        """What is left after cutting off the records before `row`."""
        kept = []
        for part, rows in zip(self._parts, self._rows, strict=True):
            if rows > row:
                kept.append({name: values[max(row, 0) :].copy() for name, values in part.items()})
            row -= rows
        return kept
