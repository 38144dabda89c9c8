"""A full book by price: sizes over time from changes, and its ten best levels after every event."""

from __future__ import annotations

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.acts import Acts
from warehouse.flow.ladder import NOWHERE, REACH, Grid, Shown
from warehouse.flow.state import ABSENT, Changes, Side
from warehouse.flow.tape import Array, Ints
from warehouse.flow.timeline import Timeline
from warehouse.schema import BAR_NS, DEPTH

_BLOCK = 1 << 10
"""Events whose levels are sought together."""
_NEAR = 64
"""Populated prices beside the touch in which they are sought first."""


def changes(acts: Acts, sign: int, rows: int) -> Changes:
    """Every change of one side's sizes, rows rising, those of row 0 the book carried in.

    Orders that a reset dropped leave with it.

    Args:
        acts: What each record did.
        sign: 1 for bids, -1 for asks.
        rows: Rows of the piece.
    """
    before, after = acts.owned(sign > 0)
    dropped = np.flatnonzero(after & acts.rests & acts.last & (acts.ends < rows))
    gone, came = np.flatnonzero(before & (acts.gone > 0)), np.flatnonzero(after & (acts.came > 0))
    row = np.concatenate([acts.ends[dropped], acts.row[gone], acts.row[came]])
    price = np.concatenate([acts.price[dropped], acts.old_price[gone], acts.price[came]])
    lots = np.concatenate([-acts.size[dropped], -acts.gone[gone], acts.came[came]])
    order = np.argsort(row, kind="stable")
    return Changes(row[order], sign * price[order], lots[order])


class Full:
    """The whole book of one side.

    Args:
        side: Its ten best levels.
        timeline: When states held.
        found: Changes of size.
        acts: What each record did.
    """

    def __init__(self, side: Side, timeline: Timeline, found: Changes, acts: Acts) -> None:
        self._side, self._time, self._changes, self._acts = side, timeline, found, acts
        _, own = acts.owned(side.sign > 0)
        self._rests = np.flatnonzero(own & acts.rests & (acts.ends > acts.row))

    def reach(self) -> tuple[Ints, Ints]:
        """80 ticks below the lowest best price of each bar, and its highest best price."""
        best = self._side.best
        low = self._time.extreme(np.where(best == ABSENT, NOWHERE, best - REACH), np.minimum)
        return low, self._time.extreme(best, np.maximum)

    def show(self, grid: Grid) -> Shown:
        """What rests at the rows of a grid."""
        time = self._time
        opening, _, _ = self._resting(grid, time.open_row)
        ending, orders, largest = self._resting(grid, time.end_row)
        return Shown(
            opening=opening,
            ending=ending,
            opening_seen=time.open_row[grid.bar] >= time.known,
            ending_seen=time.end_row[grid.bar] >= time.known,
            through=time.open_row[grid.bar] >= time.known,
            orders=orders,
            largest=largest,
            lot_ns=self._lot_ns(grid, opening),
            seen_ns=time.live_ns[grid.bar],
        )

    def orders(self, rows: Ints) -> Array:
        """Number of orders at each of the ten levels, (10, len(rows))."""
        u, _ = self._side.levels(rows)
        at, bar = self._expanded(rows, np.unique(u))
        span = 1 << 40
        keys = np.sort(bar * span + self._side.sign * self._acts.price[at])
        wanted = np.arange(len(rows)) * span + u
        counts = np.searchsorted(keys, wanted, "right") - np.searchsorted(keys, wanted, "left")
        return np.where(u == ABSENT, 0, counts)

    def _expanded(self, rows: Ints, prices: Ints) -> tuple[Ints, Ints]:
        """Records whose order rests at some rows and prices, once for each such row, and its number."""
        acts, rests = self._acts, self._rests
        rests = rests[np.isin(self._side.sign * acts.price[rests], prices)]
        first = np.searchsorted(rows, acts.row[rests])
        count = np.searchsorted(rows, acts.ends[rests]) - first
        offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(rests, count), np.repeat(first, count) + offset

    def _resting(self, grid: Grid, rows: Ints) -> tuple[Ints, Ints, Ints]:
        """Lots, orders and largest order at rows of a grid, at one state for each bar."""
        at, bar = self._expanded(rows, np.unique(grid.u))
        row = grid.row(bar, self._side.sign * self._acts.price[at])
        at, row = at[row >= 0], row[row >= 0]
        size, largest = self._acts.size[at], np.zeros(len(grid), np.int64)
        np.maximum.at(largest, row, size)
        lots = np.bincount(row, size, len(grid)).astype(np.int64)
        return lots, np.bincount(row, minlength=len(grid)), largest

    def _lot_ns(self, grid: Grid, opening: Ints) -> Ints:
        time, found = self._time, self._changes
        later = found.row > 0
        row = found.row[later]
        amount = found.lots[later] * time.left(row)
        known = time.open_row[grid.bar] >= time.known
        return opening * known * BAR_NS + grid.total(time.bar_of(row), found.u[later], amount)


def ten(found: Changes, sign: int, tick: int, rows: int) -> tuple[Array, Array]:
    """Prices and sizes of the ten best levels after each event, each (10, rows).

    Args:
        found: Changes of size, those of row 0 first.
        sign: 1 for bids, -1 for asks.
        tick: Tick size in 1e-9 points.
        rows: Rows of the piece.
    """
    px, sz = np.full((DEPTH, rows), UNDEF_PRICE, np.int64), np.zeros((DEPTH, rows), np.int64)
    prices = np.unique(found.u)[::-1]
    column = len(prices) - 1 - np.searchsorted(prices[::-1], found.u)
    book = np.zeros(len(prices), np.int64)
    for first in range(0, rows, _BLOCK):
        count = min(_BLOCK, rows - first)
        lo, hi = np.searchsorted(found.row, (first, first + count))
        within = slice(int(lo), int(hi))
        row, level, cell, lots = _best(
            book, found.row[within] - first, column[within], found.lots[within], count
        )
        px[level, first + row] = sign * prices[cell] * tick
        sz[level, first + row] = lots
        np.add.at(book, column[within], found.lots[within])
    return px, sz


def _best(book: Ints, row: Ints, column: Ints, lots: Ints, count: int) -> tuple[Ints, Ints, Ints, Ints]:
    """The ten best levels over a block of rows, by row: row, level, price column, lots."""
    touched = book > 0
    touched[column] = True
    near, populated = _NEAR, np.flatnonzero(book > 0)
    while True:
        cut = int(populated[near]) if near < len(populated) else len(book)
        cells = np.flatnonzero(touched[:cut])
        sizes = _sizes(book[cells], row, column, lots, cells, count)
        there = sizes > 0
        rank = np.cumsum(there, axis=1)
        if cut == len(book) or not count or rank[:, -1].min(initial=DEPTH) >= DEPTH:
            at, cell = np.nonzero(there & (rank <= DEPTH))
            return at, rank[at, cell] - 1, cells[cell], sizes[at, cell]
        near *= 4


def _sizes(start: Ints, row: Ints, column: Ints, lots: Ints, cells: Ints, count: int) -> Ints:
    """Size at each chosen price after each row of a block, (count, len(cells))."""
    inside = column <= cells[-1] if len(cells) else np.zeros(len(column), np.bool_)
    at = np.searchsorted(cells, column[inside])
    flat = np.bincount(row[inside] * len(cells) + at, lots[inside], count * len(cells))
    change = flat.astype(np.int64).reshape(count, len(cells))
    change[0] += start
    sizes: Ints = np.cumsum(change, axis=0, out=change)
    return sizes
