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
    absolute = (
        bid.sums(np.abs(bid.lots)) + ask.sums(np.abs(ask.lots)) + _shared(bid, ask, len(reading.moving))
    )
    out: Frame = {f"ofi_{level:02d}": (signed[level], None) for level in range(DEPTH)}
    return {**out, "ofi_abs_00": (absolute[0], None), "ofi_abs": (absolute.sum(axis=0), None)}


@dataclass(slots=True)
class _Pressures:
    """What came to a level of one side, less what left it, event by event.

    Args:
        bars: Number of bars.
        cell: Level and bar as one number: the level times `bars`, and the bar.
        key: Level and row as one number: the level times `rows`, and the row.
        lots: Pressure.
    """

    bars: int
    cell: Ints
    key: Ints
    lots: Ints

    def sums(self, lots: Ints) -> Ints:
        """Sums of amounts by level and bar."""
        return np.bincount(self.cell, lots, DEPTH * self.bars).astype(np.int64).reshape(DEPTH, -1)


def _pressures(reading: Reading, number: int) -> _Pressures:
    side, lasting, moving = reading.state.sides[number], reading.lasting[number], reading.moving
    turns, still, bars, rows = side.turns, side.still, reading.timeline.bars, len(moving)
    turned = (turns.now_u >= turns.was_u) * turns.now - (turns.now_u <= turns.was_u) * turns.was
    level, at = np.nonzero(turned * moving.take(turns.row))
    return _Pressures(
        bars,
        np.concatenate([side.level * bars + lasting.bar, level * bars + lasting.turn_bar.take(at)]),
        np.concatenate([side.level * rows + still.row, level * rows + turns.row.take(at)]),
        np.concatenate([still.lots * moving.take(still.row), turned[level, at]]),
    )


def _shared(bid: _Pressures, ask: _Pressures, rows: int) -> Ints:
    """By level and bar, how much less than both alone the two sides press where one event changed both."""
    keys = bid.key, ask.key
    there = [np.zeros(DEPTH * rows, np.bool_) for _ in keys]
    for flags, key in zip(there, keys, strict=True):
        flags[key] = True
    at = [np.flatnonzero(flags.take(key)) for flags, key in zip(reversed(there), keys, strict=True)]
    at = [both[np.argsort(key.take(both))] for both, key in zip(at, keys, strict=True)]
    one, two = (side.lots.take(both) for side, both in zip((bid, ask), at, strict=True))
    less = np.abs(one - two) - np.abs(one) - np.abs(two)
    total = np.bincount(ask.cell.take(at[1]), less, DEPTH * ask.bars)
    return total.astype(np.int64).reshape(DEPTH, -1)
