"""Records that were told before, taken out of the tape under a rule's name before events are formed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from warehouse.flow.events import ADD, CANCEL, CLEAR, LAST, MODIFY, SNAPSHOT, among, event_times, highest
from warehouse.flow.tape import Array, Batch, Flags, Ints

_TELLING = ("sequence", "ts_recv", "price", "size", "side", "action")
"""Columns in which neighbours mostly differ; they are compared first, the first two all rows at once."""
_DISTINCT = ("_sz_00", "order_id")
"""Ends of the names of columns in which most that are alike in these still differ; the others come after."""
_NUMBERS = 1 << 33
"""More than any sequence number."""


class Sieve:
    """Passes records on, but for those that repeat what was told.

    `duplicate`: an event that repeats the one before it, record by record and byte by byte, or an add, cancel
    or modify that repeats the record before it. A print does not: one aggressor may hit two orders alike.
    `stale`: number and time both lie before those of an earlier record, so that the book it shows is an old
    one. Numbers that start anew while time goes on are `renumbered`, counted and used. Snapshots keep the
    numbers of their orders and are left alone. A record's verdict rests on earlier records alone.

    Args:
        start: First instant of the trading date, ns UTC: from then on it is counted what is taken out.
        end: First instant after it.
    """

    def __init__(self, start: int, end: int) -> None:
        self.counts: Counter[str] = Counter()
        self._start, self._end = start, end
        self._tail: Batch = {}
        self._number, self._time = -1, int(np.iinfo(np.int64).min)
        self._highest, self._snapshot = -1, False

    def passed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches without what is taken out."""
        for batch in batches:
            if len(batch["ts_event"]):
                time, _ = event_times(batch)
                latest = highest(time, self._time)
                self._time = int(latest[-1])
                counts = (batch["ts_recv"] >= self._start) & (latest < self._end)
                stale = self._stale(batch, time < latest, counts)
                fresh = self._without(batch, "stale", stale, counts)
                if len(fresh["ts_event"]):
                    yield self._without(fresh, "duplicate", self._repeats(fresh), counts[~stale])
                # Here too the memory of a batch serves the next one.
                del fresh, time, latest
            del batch

    def _without(self, batch: Batch, rule: str, taken: Flags, counts: Flags) -> Batch:
        if not taken.any():
            return batch
        self.counts[rule] += int((taken & counts).sum())
        return {name: values[~taken] for name, values in batch.items()}

    def _stale(self, batch: Batch, late: Flags, counts: Flags) -> Flags:
        number, snapshot = batch["sequence"].astype(np.int64), (batch["flags"] & SNAPSHOT) != 0
        # Numbers that only rise, as they mostly do, leave none behind, wherever they begin anew.
        if number[0] >= self._highest and (number[1:] >= number[:-1]).all():
            self._highest, old = int(number[-1]), np.zeros(len(number), np.bool_)
        else:
            old = self._passed_by(batch, number, snapshot, late, counts)
        self._number, self._snapshot = int(number[-1]), bool(snapshot[-1])
        return old

    def _passed_by(self, batch: Batch, number: Ints, snapshot: Flags, late: Flags, counts: Flags) -> Flags:
        before = np.append(self._number, number[:-1])
        turns = snapshot != np.append(self._snapshot, snapshot[:-1])
        turns |= batch["action"] == CLEAR
        anew = (number < before) & ~late & ~snapshot & ~turns
        self._highest, behind = self._behind(number, anew | turns)
        self.counts["renumbered"] += int((anew & counts).sum())
        old: Flags = behind & late & ~snapshot
        return old

    def _behind(self, number: Ints, anew: Flags) -> tuple[int, Flags]:
        """Highest number since numbers last began anew, and records with a lower one."""
        epoch = np.cumsum(anew)
        keys = np.append(self._highest, number + epoch * _NUMBERS)
        most = np.maximum.accumulate(keys)
        return int(most[-1] - epoch[-1] * _NUMBERS), (keys < most)[1:]

    def _repeats(self, batch: Batch) -> Flags:
        old = len(self._tail["ts_event"]) if self._tail else 0
        near = {name: self._joined(batch, name) for name in (*_TELLING, "ts_event", "flags")}
        pairs = _Pairs(self._tail, batch, old)
        begins = _begins(near)
        found = self._by_event(pairs, near, begins) | self._alone(pairs, near)
        last = begins[-1] if near["flags"][-1] & LAST or len(begins) == 1 else begins[-2]
        self._tail = {name: pairs.since(name, int(last)) for name in batch}
        return found[old:]

    def _joined(self, batch: Batch, name: str) -> Array:
        return np.concatenate([self._tail[name], batch[name]]) if self._tail else batch[name]

    def _by_event(self, pairs: _Pairs, near: Batch, begins: Ints) -> Flags:
        """Records up to which an event repeats the one before it."""
        out = np.zeros(len(near["flags"]), np.bool_)
        if len(begins) == 1:
            return out
        one, other = begins[1:], begins[:-1]
        alike = np.flatnonzero(_packet(near, begins))
        for name in _TELLING:
            alike = alike[near[name].take(one.take(alike)) == near[name].take(other.take(alike))]
        begin, shift = one[alike], (one - other)[alike]
        length = np.minimum(np.append(one[1:], len(out))[alike] - begin, shift)
        first = np.repeat(np.cumsum(length) - length, length)
        rows = np.arange(len(first)) - first + np.repeat(begin, length)
        differ = np.cumsum(~pairs.equal(rows, rows - np.repeat(shift, length)))
        since = differ - np.append(0, differ)[first]
        out[rows[since == 0]] = True
        return out

    @staticmethod
    def _alone(pairs: _Pairs, near: Batch) -> Flags:
        """Adds, cancels and modifies that repeat the record before them."""
        out = np.zeros(len(near["flags"]), np.bool_)
        alike = among(near["action"][1:], ADD, CANCEL, MODIFY)
        for name in _TELLING[:2]:
            alike &= near[name][1:] == near[name][:-1]
        rows = np.flatnonzero(alike) + 1
        for name in _TELLING[2:]:
            rows = rows[near[name].take(rows) == near[name].take(rows - 1)]
        out[rows] = pairs.equal(rows, rows - 1)
        return out


def _begins(near: Batch) -> Ints:
    """First record of each event, as far as flags and times tell."""
    edge = (near["flags"][:-1] & LAST) != 0
    edge |= near["ts_event"][1:] != near["ts_event"][:-1]
    return np.flatnonzero(np.append(True, edge))


def _packet(near: Batch, begins: Ints) -> Flags:
    """Events that begin in the packet of the one before: number and time of receipt are the same."""
    number, received = near["sequence"].take(begins), near["ts_recv"].take(begins)
    together: Flags = (number[1:] == number[:-1]) & (received[1:] == received[:-1])
    return together


class _Pairs:
    """Rows of a tail and of the batch after it, compared without joining them."""

    def __init__(self, tail: Batch, batch: Batch, old: int) -> None:
        self._tail, self._batch, self._old = tail, batch, old

    def values(self, name: str, rows: Ints) -> Array:
        """A column at rising rows."""
        cut = int(np.searchsorted(rows, self._old))
        own = self._batch[name][rows[cut:] - self._old]
        return np.concatenate([self._tail[name][rows[:cut]], own]) if cut else own

    def since(self, name: str, row: int) -> Array:
        """A column from a row on."""
        own = self._batch[name][max(row - self._old, 0) :]
        return np.concatenate([self._tail[name][row:], own]) if self._old else own.copy()

    def equal(self, rows: Ints, others: Ints) -> Flags:
        """Whether rows are the same in every column as others, both rising."""
        out = np.zeros(len(rows), np.bool_)
        left = np.arange(len(rows))
        for name in sorted(self._batch, key=lambda name: not name.endswith(_DISTINCT)):
            if not len(left):
                return out
            left = left[self.values(name, rows[left]) == self.values(name, others[left])]
        out[left] = True
        return out
