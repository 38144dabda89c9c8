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
class Changes:
    """Changes of size of one side, by row and price.

    Args:
        row: Rows.
        u: Coordinates of the prices.
        lots: What was added, negative if removed.
    """

    row: Ints
    u: Ints
    lots: Ints

    def where(self, chosen: Flags) -> Changes:
        """The chosen entries."""
        at = np.flatnonzero(chosen)
        return Changes(self.row.take(at), self.u.take(at), self.lots.take(at))


@dataclass(slots=True)
class Turns:
    """Events that changed a price of one side; the others changed sizes where they were.

    Args:
        row: Rows, from 1, rising.
        was_u, was: Coordinates and sizes of all ten levels before, (10, rows).
        now_u, now: The same after.
    """

    row: Ints
    was_u: Ints
    was: Ints
    now_u: Ints
    now: Ints

    def by_price(self) -> Changes:
        """Change of size at each price that one of the levels had before or has after."""
        new, stays = self.now.copy(), np.zeros(self.was.shape, np.bool_)
        for level in range(DEPTH):
            match: Flags = self.was_u == self.now_u[level]
            new[level] -= (match * self.was).sum(axis=0)
            stays |= match
        gone = np.where(stays, 0, -self.was)
        parts = [self._entries(self.now_u, new), self._entries(self.was_u, gone)]
        return Changes(*(np.concatenate([part[i] for part in parts]) for i in range(3)))

    def _entries(self, u: Ints, change: Ints) -> tuple[Ints, Ints, Ints]:
        at = np.flatnonzero((change != 0) & (u != ABSENT))
        return self.row.take(at % len(self.row)), u.take(at), change.take(at)


@dataclass(slots=True)
class Side:
    """Ten levels of one side.

    Args:
        sign: 1 for bids, -1 for asks.
        px: Prices in 1e-9 points at first and after each of `turns`, (10, steps); UNDEF_PRICE for no level.
        u: Their coordinates; ABSENT where there is no level.
        step: Which of them each row has.
        sz: Sizes in lots, (10, rows).
        total: Lots of all ten levels at every row.
        touched: Rows, from 1, whose first level is not that of the row before.
        turns: Rows any of whose prices is not that of the row before.
        still: Every size that changed in the other rows, level by level.
        begins: First of each level's changes in `still`, and their number.
        turned: Changes by price in the rows of `turns`.
        sane: Whether no level came to a price between ticks or to the undefined size.
        best: Coordinate of the first level.
        edge: Coordinate of the tenth level: the known set is all from there on; ABSENT where all is known.
    """

    sign: int
    px: Array
    u: Ints
    step: Ints
    sz: Array
    total: Ints
    touched: Ints
    turns: Turns
    still: Changes
    begins: Ints
    turned: Changes
    sane: bool
    best: Ints
    edge: Ints

    def levels(self, rows: Ints) -> tuple[Ints, Ints]:
        """Coordinates and sizes of all ten levels at some rows, each (10, len(rows))."""
        return self.u.take(self.step.take(rows), axis=1), self.sz[:, rows].astype(np.int64)


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


def _coordinate(sign: int, tick: int, px: Array) -> Ints:
    u: Ints = px // tick
    if sign < 0:
        np.negative(u, out=u)
    u[px == UNDEF_PRICE] = ABSENT
    return u


def side(sign: int, tick: int, turns: Ints, px: Array, sz: Array) -> Side:
    """A side from its levels.

    Args:
        sign: 1 for bids, -1 for asks.
        tick: Tick size in 1e-9 points.
        turns: Rows, rising from 1, any of whose prices is not that of the row before.
        px: Prices from the first row on and after each of `turns`, (10, 1 + len(turns)).
        sz: Sizes at every row, (10, rows).
    """
    rows, u = sz.shape[1], _coordinate(sign, tick, px)
    step = np.repeat(np.arange(len(turns) + 1), np.diff(turns, prepend=0, append=rows))
    first = np.zeros(rows, np.bool_)
    first[1:] = sz[0, 1:] != sz[0, :-1]
    first[turns[px[0, 1:] != px[0, :-1]]] = True
    was, now = (sz[:, at].astype(np.int64) for at in (turns - 1, turns))
    found = Turns(turns, u[:, :-1], was, u[:, 1:], now)
    still, begins, most = _still(u, step, sz, step[1:] == step[:-1])
    most = max(most, int(now.max(initial=0)))
    on_grid = not ((u * (sign * tick) != px) & (px != UNDEF_PRICE))[:, 1:].any()
    return Side(
        sign=sign,
        px=px,
        u=u,
        step=step,
        sz=sz,
        total=_total(sz, max(most, int(sz[:, 0].max()))),
        touched=np.flatnonzero(first),
        turns=found,
        still=still,
        begins=begins,
        turned=found.by_price(),
        sane=on_grid and most != UNDEF_SIZE,
        best=u[0].take(step),
        edge=u[-1].take(step),
    )


def _total(sz: Array, most: int) -> Ints:
    """Lots of all levels at every row, added up as narrow as the largest size allows."""
    kind = sz.dtype if most < UNDEF_SIZE // DEPTH else np.int64
    return np.asarray(sz.sum(axis=0, dtype=kind), np.int64)


def turning(px: Array) -> Ints:
    """Columns, from 1, any of whose prices is not that of the column before."""
    return np.flatnonzero((px[:, 1:] != px[:, :-1]).any(axis=0)) + 1


def _still(u: Ints, step: Ints, sz: Array, same: Flags) -> tuple[Changes, Ints, int]:
    """Sizes that changed in rows that left all prices as they were, each level's first, and the largest."""
    found, most = [], 0
    for coordinates, sizes in zip(u, sz, strict=True):
        before = np.flatnonzero((sizes[1:] != sizes[:-1]) & same)
        row = before + 1
        after = sizes.take(row).astype(np.int64)
        found.append((row, coordinates.take(step.take(row)), after - sizes.take(before)))
        most = max(most, int(after.max(initial=0)))
    row, price, lots = (np.concatenate(parts) for parts in zip(*found, strict=True))
    begins = np.cumsum([0, *(len(rows) for rows, _, _ in found)])
    return Changes(row, price, lots), begins, most


def held(sign: int, tick: int, turns: Ints, px: Array, sz: Array) -> tuple[Side, Flags]:
    """A side from levels that were sent; a state that cannot be is replaced by the one before.

    Returns:
        The side, and the rows whose levels held a price off the tick grid or no size.
    """
    spoilt = np.zeros(sz.shape[1], np.bool_)
    made = side(sign, tick, turns, px, sz)
    # Only prices that changed are looked at, since most stay as they were; a wrong one may stay too.
    if made.sane:
        return made, spoilt
    off = ((px % tick != 0) & (px != UNDEF_PRICE)).any(axis=0)
    spoilt[1:] = (off.take(made.step) | (sz == UNDEF_SIZE).any(axis=0))[1:]
    last = np.maximum.accumulate(np.where(spoilt, 0, np.arange(len(spoilt))))
    px = px.take(made.step.take(last), axis=1)
    turns = turning(px)
    return side(sign, tick, turns, px.take(np.append(0, turns), axis=1), sz.take(last, axis=1)), spoilt


def state(bid: Side, ask: Side, known: int) -> State:
    """Both sides, and where the microprice lies between them."""
    there = (bid.best != ABSENT) & (ask.best != ABSENT)
    overlap = bid.best + ask.best
    both = there & (overlap < 0)
    centres = (np.where(both, bid.best + 1, ABSENT), np.where(both, ask.best + 1, ABSENT))
    made = State((bid, ask), known, centres, both, there & ~both)
    wide = np.flatnonzero(both & (overlap != -1))
    sizes = bid.sz[0, wide].astype(np.int64), ask.sz[0, wide].astype(np.int64)
    for own, centre, size in zip(made.sides, made.centre, sizes, strict=True):
        # The microprice lies `-overlap * size / total` ticks past the own best; minus twice for the ceiling.
        centre[wide] = own.best[wide] - (overlap[wide] * size) // np.maximum(sizes[0] + sizes[1], 1)
    return made
