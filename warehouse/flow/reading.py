"""What a schema's reader makes of a piece: states and flows that the tables are written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.events import ADD, ASK, BID, CANCEL, FILL, MODIFY, TRADE, among
from warehouse.flow.ladder import Grid, Shown
from warehouse.flow.lots import Lots
from warehouse.flow.matching import Flow
from warehouse.flow.pieces import Piece
from warehouse.flow.state import UNDEF_SIZE, State
from warehouse.flow.tape import Array, Flags, Ints
from warehouse.flow.timeline import Lasting, Timeline

LETTERS = (BID, ASK)
"""Side letters of bids and asks."""


Broken = dict[str, Ints]
"""Positions of records by the rule that they break; none breaks two."""


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
        lasting: For how long the states held, bids, asks.
        depths: Sizes by price, bids, asks.
        orders: Order counts of the ten levels at bar ends, (2, 10, bars).
        moving: Rows whose event is flow and whose state before is known.
        unknown: Records of orders never seen.
        broken: Records that no table tells, by rule.
        spoilt: Rows whose levels could not be: the state before was held.
        prints: Positions of the trades that are told, in feed order.
    """

    piece: Piece
    state: State
    timeline: Timeline
    flows: tuple[Flow, Flow]
    lasting: tuple[Lasting, Lasting]
    depths: tuple[Depth, Depth]
    orders: Array
    moving: Flags
    unknown: Flags
    broken: Broken
    spoilt: Flags
    prints: Ints = field(init=False)

    def __post_init__(self) -> None:
        trades = self.piece.records["action"] == TRADE
        for at in self.broken.values():
            trades[at] = False
        self.prints = np.flatnonzero(trades)


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
            r.event.take(chosen),
            sign * self.u.take(chosen),
            r.records["size"].take(chosen).astype(np.int64),
            chosen,
        )

    def of(self, action: int, letter: int) -> Ints:
        """Positions of sound records of an action and side, in events that are flow."""
        records = self.piece.records
        return np.flatnonzero((records["action"] == action) & (records["side"] == letter) & self.flows)


def sort(piece: Piece, tick: int, known: int, spoilt: Flags) -> Sorted:
    """Records by what they are.

    Args:
        piece: The records.
        tick: Tick size in 1e-9 points.
        known: First row whose state is known.
        spoilt: Rows whose event left levels that cannot be; nothing of it is used.
    """
    records, rows = piece.records, len(piece.bar) + 1
    u: Ints = records["price"] // tick
    sound = (u * tick == records["price"]) & (records["price"] != UNDEF_PRICE)
    sound &= records["size"] != UNDEF_SIZE
    if spoilt.any():
        sound &= ~spoilt[piece.event]
    moving = np.zeros(rows, np.bool_)
    moving[1:] = ~piece.events.quiet & (np.arange(rows - 1) >= known)
    return Sorted(piece, u, sound, moving, sound & moving.take(piece.event))


def broken(found: Sorted, spoilt: Flags, absurd: Ints) -> Broken:
    """Records that no table tells, by the first of the rules that they break.

    `bad_level`: their event left levels that cannot be. `no_value`: no price or no size. `off_grid`: a price
    between ticks. `absurd`: a print far from all that is known.
    """
    piece, records = found.piece, found.piece.records
    counted = among(records["action"], ADD, CANCEL, MODIFY, TRADE, FILL)
    at = np.flatnonzero(~found.sound & counted)
    level = spoilt[piece.event[at]]
    empty = ~level & ((records["price"][at] == UNDEF_PRICE) | (records["size"][at] == UNDEF_SIZE))
    return {
        "bad_level": at[level],
        "no_value": at[empty],
        "off_grid": at[~level & ~empty],
        "absurd": absurd,
    }
