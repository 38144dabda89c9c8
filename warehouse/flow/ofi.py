"""Order-flow imbalance: what pressed on each ladder index, bids less asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.flow.reading import Reading
from warehouse.flow.state import Side
from warehouse.flow.tape import Flags, Frame, Ints
from warehouse.flow.timeline import Timeline, sums
from warehouse.schema import DEPTH


def table(reading: Reading) -> Frame:
    """Order-flow imbalance of each ladder index between consecutive states of one epoch."""
    bid, ask = (_pressures(reading, number) for number in (0, 1))
    signed = bid.sums(bid.still, bid.turned) - ask.sums(ask.still, ask.turned)
    absolute = sum(side.sums(np.abs(side.still), np.abs(side.turned)) for side in (bid, ask))
    absolute = absolute + _shared(bid, ask, reading.timeline)
    out: Frame = {f"ofi_{level:02d}": (signed[level], None) for level in range(DEPTH)}
    return {**out, "ofi_abs_00": (absolute[0], None), "ofi_abs": (absolute.sum(axis=0), None)}


@dataclass(slots=True)
class _Pressures:
    """What came to a level of one side, less what left it, event by event.

    Args:
        side: Its levels.
        bounds: First of `still` at each level in each bar, and their number.
        still: Pressure of each of `Side.still`.
        level, row, bar, turned: The same of each level that events which changed a price pressed.
    """

    side: Side
    bounds: Ints
    still: Ints
    level: Ints
    row: Ints
    bar: Ints
    turned: Ints

    def sums(self, still: Ints, turned: Ints) -> Ints:
        """Sums of amounts by level and bar."""
        bars = len(self.bounds) // DEPTH
        by_turn = np.bincount(self.level * bars + self.bar, turned, DEPTH * bars)
        return (sums(still, self.bounds) + by_turn.astype(np.int64)).reshape(DEPTH, -1)

    def rows(self, count: int) -> Flags:
        """Rows in which a level was pressed."""
        there = np.zeros(count, np.bool_)
        there[self.side.still.row] = there[self.row] = True
        return there

    def within(self, rows: Flags) -> tuple[Ints, Ints]:
        """Row and level as one number, the row times ten and the level, and pressure, in some rows."""
        still, turned = (np.flatnonzero(rows.take(row)) for row in (self.side.still.row, self.row))
        level = np.append(np.searchsorted(self.side.begins, still, "right") - 1, self.level.take(turned))
        row = np.append(self.side.still.row.take(still), self.row.take(turned))
        return row * DEPTH + level, np.append(self.still.take(still), self.turned.take(turned))


def _pressures(reading: Reading, number: int) -> _Pressures:
    side, lasting, moving = reading.state.sides[number], reading.lasting[number], reading.moving
    turns, still = side.turns, side.still
    turned = (turns.now_u >= turns.was_u) * turns.now - (turns.now_u <= turns.was_u) * turns.was
    at = np.flatnonzero(turned * moving.take(turns.row))
    level, turn = at // len(turns.row), at % len(turns.row)
    pressed = still.lots if moving[1:].all() else still.lots * moving.take(still.row)
    row, bar = turns.row.take(turn), lasting.turn_bar.take(turn)
    return _Pressures(side, lasting.bounds, pressed, level, row, bar, turned.take(at))


def _shared(bid: _Pressures, ask: _Pressures, time: Timeline) -> Ints:
    """By level and bar, how much less than both alone the two sides press where one event changed both."""
    rows = bid.rows(len(bid.side.best)) & ask.rows(len(ask.side.best))
    (key, one), (other, two) = (side.within(rows) for side in (bid, ask))
    both, at, at_other = np.intersect1d(key, other, assume_unique=True, return_indices=True)
    one, two = one.take(at), two.take(at_other)
    less = np.abs(one - two) - np.abs(one) - np.abs(two)
    cell = both % DEPTH * time.bars + time.bar_of(both // DEPTH)
    return np.bincount(cell, less, DEPTH * time.bars).astype(np.int64).reshape(DEPTH, -1)
