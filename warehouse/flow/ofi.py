"""Order-flow imbalance: what pressed on each ladder index, bids less asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.flow.reading import Reading
from warehouse.flow.tape import Frame, Ints
from warehouse.schema import DEPTH


def table(reading: Reading) -> Frame:
    """Order-flow imbalance of each ladder index between consecutive states of one epoch."""
    bid, ask = (_pressures(reading, number) for number in (0, 1))
    signed = bid.sums(bid.lots) - ask.sums(ask.lots)
    absolute = bid.sums(np.abs(bid.lots)) + ask.sums(np.abs(ask.lots)) + _shared(bid, ask)
    out: Frame = {f"ofi_{level:02d}": (signed[level], None) for level in range(DEPTH)}
    return {**out, "ofi_abs_00": (absolute[0], None), "ofi_abs": (absolute.sum(axis=0), None)}


@dataclass(slots=True)
class _Pressures:
    """What came to a level of one side, less what left it, event by event.

    Args:
        bars: Number of bars.
        level: Levels.
        row: Rows.
        bar: Their bars.
        lots: Pressure.
    """

    bars: int
    level: Ints
    row: Ints
    bar: Ints
    lots: Ints

    def sums(self, lots: Ints) -> Ints:
        """Sums of amounts by level and bar."""
        total = np.bincount(self.level * self.bars + self.bar, lots, DEPTH * self.bars)
        return total.astype(np.int64).reshape(DEPTH, -1)


def _pressures(reading: Reading, number: int) -> _Pressures:
    side, lasting, moving = reading.state.sides[number], reading.lasting[number], reading.moving
    turns, still = side.turns, side.still
    turned = (turns.now_u >= turns.was_u) * turns.now - (turns.now_u <= turns.was_u) * turns.was
    level, at = np.nonzero(turned * moving.take(turns.row))
    return _Pressures(
        reading.timeline.bars,
        np.append(side.level, level),
        np.append(still.row, turns.row[at]),
        np.append(lasting.bar, lasting.turn_bar[at]),
        np.append(still.lots * moving.take(still.row), turned[level, at]),
    )


def _shared(bid: _Pressures, ask: _Pressures) -> Ints:
    """By level and bar, how much less than both alone the two sides press where one event changed both."""
    rows = int(max(bid.row.max(initial=0), ask.row.max(initial=0))) + 1
    keys = [side.level * rows + side.row for side in (bid, ask)]
    there = [np.zeros(DEPTH * rows, np.bool_) for _ in keys]
    for flags, key in zip(there, keys, strict=True):
        flags[key] = True
    at = [np.flatnonzero(flags.take(key)) for flags, key in zip(reversed(there), keys, strict=True)]
    at = [rows[np.argsort(key.take(rows))] for rows, key in zip(at, keys, strict=True)]
    one, two = (side.lots.take(rows) for side, rows in zip((bid, ask), at, strict=True))
    less = np.abs(one - two) - np.abs(one) - np.abs(two)
    cell = ask.level[at[1]] * ask.bars + ask.bar[at[1]]
    return np.bincount(cell, less, DEPTH * ask.bars).astype(np.int64).reshape(DEPTH, -1)
