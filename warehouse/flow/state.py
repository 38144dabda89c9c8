"""Book states at the ends of events, each side seen from its own best price.

Both sides use one coordinate: `u` is the price in ticks, negated for asks, so that larger is better and all
that follows is written once. Row 0 is the state carried in, row `e` the state after event `e`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.tape import Array, Flags, Ints
from warehouse.schema import DEPTH

UNDEF_SIZE = (1 << 32) - 1
"""Size of a record or level that has none."""
ABSENT = -(1 << 62)
"""Coordinate of a level that is not there: worse than any price."""
SIGNS = (1, -1)
"""Of bids and asks."""


@dataclass(slots=True)
class Side:
    """Ten levels of one side.

    Args:
        sign: 1 for bids, -1 for asks.
        tick: Tick size in 1e-9 points.
        px: Prices in 1e-9 points, (10, rows); UNDEF_PRICE where there is no level.
        sz: Sizes in lots, (10, rows).
        changed: For each level the rows, from 1, whose price or size is not that of the row before.
        shifted: Rows any of whose prices is not that of the row before.
        best: Coordinate of the first level.
        edge: Coordinate of the tenth level: the known set is all from there on; ABSENT where all is known.
    """

    sign: int
    tick: int
    px: Array
    sz: Array
    changed: list[Ints]
    shifted: Flags
    best: Ints
    edge: Ints

    def coordinate(self, px: Array) -> Ints:
        """Coordinates of prices."""
        u: Ints = self.sign * (px // self.tick)
        u[px == UNDEF_PRICE] = ABSENT
        return u

    def levels(self, rows: Ints) -> tuple[Ints, Ints]:
        """Coordinates and sizes of all ten levels at some rows, each (10, len(rows))."""
        return self.coordinate(self.px[:, rows]), self.sz[:, rows].astype(np.int64)


@dataclass(slots=True)
class State:
    """Both sides over the events of a piece.

    Args:
        sides: Bids, asks.
        known: First row whose state is known.
        centre: For each side the coordinate of the first tick at or beyond the microprice, as seen from that
            side; a level's distance in ticks from it, rounded up, is `centre - u`. ABSENT without microprice.
        both: Rows with a best bid below a best ask.
        crossed: Rows whose best bid is not below the best ask: no market, and no mid.
    """

    sides: tuple[Side, Side]
    known: int
    centre: tuple[Ints, Ints]
    both: Flags
    crossed: Flags

    @property
    def spread(self) -> Ints:
        """Ticks between the best prices; without meaning unless `both`."""
        return -(self.sides[0].best + self.sides[1].best)


def side(sign: int, tick: int, px: Array, sz: Array) -> Side:
    """A side from prices and sizes of its levels."""
    shifted, changed = np.zeros(px.shape[1], np.bool_), []
    for level in range(DEPTH):
        moved = px[level, 1:] != px[level, :-1]
        shifted[1:] |= moved
        moved |= sz[level, 1:] != sz[level, :-1]
        changed.append(np.flatnonzero(moved) + 1)
    none = np.empty(0, np.int64)
    made = Side(sign, tick, px, sz, changed, shifted, none, none)
    made.best, made.edge = made.coordinate(px[0]), made.coordinate(px[DEPTH - 1])
    return made


def held(sign: int, tick: int, px: Array, sz: Array) -> tuple[Side, Flags]:
    """A side from levels that were sent; a state that cannot be is replaced by the one before, in place.

    Returns:
        The side, and the rows whose levels held a price off the tick grid or no size.
    """
    made, spoilt = side(sign, tick, px, sz), np.zeros(px.shape[1], np.bool_)
    for level, rows in enumerate(made.changed):
        # Only what changed is looked at, since most levels stay as they were; a wrong one may stay too.
        if _wrong(px[level].take(rows), sz[level].take(rows), tick).any():
            spoilt[1:] |= _wrong(px[level], sz[level], tick)[1:]
    if not spoilt.any():
        return made, spoilt
    last = np.maximum.accumulate(np.where(spoilt, 0, np.arange(len(spoilt))))
    px[:], sz[:] = px[:, last], sz[:, last]
    return side(sign, tick, px, sz), spoilt


def _wrong(px: Array, sz: Array, tick: int) -> Flags:
    wrong: Flags = ((px % tick != 0) & (px != UNDEF_PRICE)) | (sz == UNDEF_SIZE)
    return wrong


def state(bid: Side, ask: Side, known: int) -> State:
    """Both sides, and where the microprice lies between them."""
    there = (bid.best != ABSENT) & (ask.best != ABSENT)
    both = there & (bid.best + ask.best < 0)
    made = State((bid, ask), known, (bid.best + 1, ask.best + 1), both, there & ~both)
    spread = made.spread
    for centre in made.centre:
        centre[~both] = ABSENT
    wide = np.flatnonzero(both & (spread != 1))
    sizes = bid.sz[0, wide].astype(np.int64), ask.sz[0, wide].astype(np.int64)
    for own, centre, size in zip(made.sides, made.centre, sizes, strict=True):
        # The microprice lies `spread * size / total` ticks beyond the own best; minus twice for the ceiling.
        centre[wide] = own.best[wide] - (-spread[wide] * size) // np.maximum(sizes[0] + sizes[1], 1)
    return made
