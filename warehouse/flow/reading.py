"""What a schema's reader makes of a piece: states and flows that the tables are written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.ladder import Grid, Shown
from warehouse.flow.lots import Lots
from warehouse.flow.matching import Flow
from warehouse.flow.pieces import ADD, ASK, BID, CANCEL, FILL, MODIFY, NO_SIDE, TRADE, Piece, among
from warehouse.flow.state import ABSENT, SIGNS, State
from warehouse.flow.tape import Array, Flags, Ints
from warehouse.flow.timeline import Span, Timeline

LETTERS = (BID, ASK)
"""Side letters of bids and asks."""
FAR = 400
"""Ticks from the best price beyond which a print is absurd and told only by bronze."""
_UNDEF_SIZE = (1 << 32) - 1


class Depth(Protocol):
    """Sizes by price of one side."""

    def reach(self) -> tuple[Ints, Ints]:
        """Worst and best coordinate shown in each bar; the worst above the best where there is none."""
        ...

    def show(self, grid: Grid) -> Shown:
        """What rests at the rows of a grid."""
        ...


@dataclass(slots=True)
class Reading:
    """A piece as states and flows.

    Args:
        piece: The records.
        state: Ten levels of both sides after each event.
        timeline: When they held.
        flows: Bids, asks.
        spans: For how long each level stayed the same, bids, asks.
        depths: Sizes by price, bids, asks.
        orders: Order counts of the ten levels at bar ends, (2, 10, bars).
        moving: Rows whose event is flow and whose state before is known.
        unknown: Records of orders never seen.
        odd: Records off the tick grid, without a price or size, or absurdly far from the market.
    """

    piece: Piece
    state: State
    timeline: Timeline
    flows: tuple[Flow, Flow]
    spans: tuple[list[Span], list[Span]]
    depths: tuple[Depth, Depth]
    orders: Array
    moving: Flags
    unknown: Flags
    odd: Flags


class Reader(Protocol):
    """Reads pieces of one schema, one after the other."""

    columns: ClassVar[tuple[str, ...]]
    head: ClassVar[tuple[str, ...]]
    remembers: ClassVar[bool]
    """Whether the state rests on all records before, not on the last one alone."""

    def skip(self, piece: Piece) -> None:
        """Take a piece only for the state that it leaves."""
        ...

    def read(self, piece: Piece) -> Reading:
        """States and flows of a piece."""
        ...


@dataclass(slots=True)
class Sorted:
    """Records of a piece that may be used, by what they are.

    Args:
        u: Coordinate of each record's price as a bid; an ask's is its negative.
        sound: Records with a price on the tick grid and a size.
        moving: Rows, from 0, whose event is flow and whose state before is known.
        flows: Sound records of those rows.
    """

    piece: Piece
    u: Ints
    sound: Flags
    moving: Flags
    flows: Flags

    def lots(self, chosen: Array, sign: int) -> Lots:
        """Records by position as lots of a side."""
        r = self.piece
        return Lots(
            r.event[chosen], sign * self.u[chosen], r.records["size"][chosen].astype(np.int64), chosen
        )

    def of(self, action: int, letter: int) -> Ints:
        """Positions of sound records of an action and side, in events that are flow."""
        records = self.piece.records
        return np.flatnonzero((records["action"] == action) & (records["side"] == letter) & self.flows)


def sort(piece: Piece, tick: int, known: int) -> Sorted:
    """Records by what they are.

    Args:
        piece: The records.
        tick: Tick size in 1e-9 points.
        known: First row whose state is known.
    """
    records, rows = piece.records, len(piece.bar) + 1
    u: Ints = records["price"] // tick
    sound = (u * tick == records["price"]) & (records["price"] != UNDEF_PRICE)
    sound &= records["size"] != _UNDEF_SIZE
    moving = np.zeros(rows, np.bool_)
    moving[1:] = ~piece.events.quiet & (np.arange(rows - 1) >= known)
    return Sorted(piece, u, sound, moving, sound & moving[piece.event])


def prints(found: Sorted, state: State, side: int) -> tuple[Lots, Lots]:
    """Trades that hit a side, and those without an aggressor; absurd prices are left out.

    Args:
        found: The records.
        state: The states between which they lie.
        side: 0 for bids, 1 for asks.
    """
    sign, best = SIGNS[side], state.sides[side].best
    hits = found.lots(found.of(TRADE, LETTERS[1 - side]), sign)
    auction = found.lots(found.of(TRADE, NO_SIDE), sign)
    near = [lots.where(~_absurd(lots.u, best, lots.row)) for lots in (hits, auction)]
    return near[0], near[1]


def odd(found: Sorted, state: State) -> Flags:
    """Records that no table tells: off the grid, or prints absurdly far from both best prices."""
    records = found.piece.records
    counted = among(records["action"], ADD, CANCEL, MODIFY, TRADE, FILL)
    out: Flags = ~found.sound & counted
    trades = np.flatnonzero((records["action"] == TRADE) & found.sound)
    row, u = found.piece.event[trades], found.u[trades]
    bid, ask = state.sides
    out[trades] = _absurd(u, bid.best, row) & _absurd(-u, ask.best, row)
    return out


def _absurd(u: Ints, best: Ints, row: Ints) -> Flags:
    """Prices far from a side's best price both before and after their event, where it is known."""
    far = [(best[at] == ABSENT) | (np.abs(u - best[at]) > FAR) for at in (row - 1, row)]
    some = (best[row - 1] != ABSENT) | (best[row] != ABSENT)
    absurd: Flags = far[0] & far[1] & some
    return absurd
