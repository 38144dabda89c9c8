"""MBP-10 records as states and flows: order flow without order ids, inside the ten-level window."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.events import ADD, CANCEL, MODIFY, among, any_of
from warehouse.flow.ladder import Window
from warehouse.flow.lots import Lots, joined, summed
from warehouse.flow.matching import Flow, split
from warehouse.flow.pieces import Piece
from warehouse.flow.prints import absurd, hits, latest
from warehouse.flow.reading import LETTERS, Reading, Sorted, broken, sort
from warehouse.flow.state import ABSENT, SIGNS, Side, State, held, state, turning
from warehouse.flow.tape import HEAD, Array, Flags, Ints
from warehouse.flow.timeline import Timeline
from warehouse.schema import DEPTH


def _names(number: int, what: str) -> list[str]:
    """Columns of a side's levels, best first."""
    return [f"{('bid', 'ask')[number]}_{what}_{level:02d}" for level in range(DEPTH)]


class Mbp10:
    """Reads pieces of MBP-10 records.

    Args:
        tick: Tick size in 1e-9 points.
    """

    head: ClassVar[tuple[str, ...]] = HEAD
    columns: ClassVar[tuple[str, ...]] = (
        *HEAD,
        "sequence",
        *(name for number in (0, 1) for what in ("px", "sz", "ct") for name in _names(number, what)),
    )

    remembers: ClassVar[bool] = False

    def __init__(self, tick: int) -> None:
        self._tick = tick
        self._px = np.full((2, DEPTH), UNDEF_PRICE, np.int64)
        self._sz, self._ct = np.zeros((2, DEPTH), np.uint32), np.zeros((2, DEPTH), np.uint32)
        self._known, self._latest = False, np.empty(0, np.int64)
        self._buffers = [np.empty((DEPTH, 0), np.uint32)] * 2

    def skip(self, piece: Piece) -> None:
        """Keep the last state."""
        last = np.array([len(piece.bar)])
        self._px = self._at(piece, "px", self._px, last)[:, :, -1]
        self._sz = self._at(piece, "sz", self._sz, last)[:, :, -1]
        self._orders(piece, last)
        self._known |= len(piece.bar) > 0

    def read(self, piece: Piece) -> Reading:
        """States, and flows by rule."""
        known = int(not self._known)
        (bid, spoilt), (ask, spoilt_too) = (self._side(piece, number) for number in (0, 1))
        spoilt |= spoilt_too
        made = state(bid, ask, known)
        timeline = Timeline(piece, known)
        usable = sort(piece, self._tick, known, spoilt)
        wild = absurd(usable, made, self._latest)
        self._latest = latest(usable, self._latest)
        silent = np.append(
            True, ~any_of(among(piece.records["action"], ADD, CANCEL, MODIFY), piece.events.first[:-1])
        )
        orders = self._orders(piece, timeline.end_row)
        self._known |= len(piece.bar) > 0
        self._px, self._sz = (np.stack([getattr(s, w)[:, -1] for s in (bid, ask)]) for w in ("px", "sz"))
        lasting = timeline.lasting(bid, made.centre[0]), timeline.lasting(ask, made.centre[1])
        return Reading(
            piece=piece,
            state=made,
            timeline=timeline,
            flows=(_flow(usable, made, 0, silent), _flow(usable, made, 1, silent)),
            lasting=lasting,
            depths=(
                Window(bid, timeline, lasting[0], orders[0]),
                Window(ask, timeline, lasting[1], orders[1]),
            ),
            orders=orders,
            moving=usable.moving,
            unknown=np.zeros(len(piece.event), np.bool_),
            broken=broken(usable, spoilt, wild),
            spoilt=spoilt,
        )

    def _side(self, piece: Piece, number: int) -> tuple[Side, Flags]:
        turns, px = self._prices(piece, number)
        sz = self._room(number, len(piece.bar) + 1)
        sz[:, 0] = self._sz[number]
        ends = piece.columns.at(piece.events.first[1:] - 1 + piece.offset)
        for level, name in enumerate(_names(number, "sz")):
            ends.take(name, sz[level, 1:])
        return held(SIGNS[number], self._tick, turns, px, sz)

    def _prices(self, piece: Piece, number: int) -> tuple[Ints, Array]:
        """Rows that changed a price of a side, and the prices carried in and after each of them.

        Prices rarely change, so only events with a record that changed one are looked at.
        """
        names, end = _names(number, "px"), piece.offset + len(piece.event)
        row = piece.event[piece.columns.differ(names, piece.offset, end)]
        row = row[np.diff(row, prepend=0) > 0]
        px = np.empty((DEPTH, len(row) + 1), np.int64)
        px[:, 0] = self._px[number]
        ends = piece.columns.at(piece.events.first.take(row) - 1 + piece.offset)
        for level, name in enumerate(names):
            ends.take(name, px[level, 1:])
        turns = turning(px)
        return row.take(turns - 1), px.take(np.append(0, turns), axis=1)

    def _room(self, number: int, rows: int) -> Array:
        """A side's sizes, the same memory for every piece: fresh pages cost more than filling them."""
        if rows > self._buffers[number].shape[1]:
            self._buffers[number] = np.empty((DEPTH, rows + rows // 4), np.uint32)
        return self._buffers[number][:, :rows]

    def _orders(self, piece: Piece, rows: Ints) -> Array:
        """Order counts at rows, (2, 10, len(rows)); the last ones are kept for the next piece."""
        counts = self._at(piece, "ct", self._ct, np.append(rows, len(piece.bar)))
        self._ct = counts[:, :, -1]
        return counts[:, :, :-1]

    def _at(self, piece: Piece, what: str, carried: Array, rows: Ints) -> Array:
        out = np.empty((2, DEPTH, len(rows)), carried.dtype)
        old = int(np.searchsorted(rows, 1))
        out[:, :, :old] = carried[:, :, None]
        ends = piece.columns.at(piece.events.first[rows[old:]] - 1 + piece.offset)
        for number in (0, 1):
            for level, name in enumerate(_names(number, what)):
                ends.take(name, out[number, level, old:])
        return out


def _flow(usable: Sorted, made: State, number: int, silent: Flags) -> Flow:
    """Add, pull and fill of one side."""
    own, piece = made.sides[number], usable.piece
    letter, sign = LETTERS[number], SIGNS[number]
    # Prices from `once` on are known before or after an event, those from `through` on in both.
    once, through = (_about(own.edge, pick) for pick in (np.minimum, np.maximum))
    adds, cuts = (_visible(usable.lots(usable.of(a, letter), sign), once) for a in (ADD, CANCEL))
    modifies = usable.lots(usable.of(MODIFY, letter), sign)
    more, less = _modified(modifies, adds, cuts, own, through)
    named, auction = hits(usable, made, number)
    return split(
        joined((adds, more)),
        joined((cuts, less)),
        named,
        auction,
        _visible(modifies, once),
        silent,
        piece.events.ts,
        piece.bar,
    )


def _about(edge: Ints, pick: np.ufunc) -> Ints:
    """The lesser or the greater of each row's coordinate and that of the row before."""
    out = edge.copy()
    pick(edge[1:], edge[:-1], out=out[1:])
    return out


def _visible(lots: Lots, edge: Ints) -> Lots:
    """Those at prices from their row's edge on."""
    return lots.where(lots.u >= edge.take(lots.row))


def _modified(modifies: Lots, adds: Lots, cuts: Lots, own: Side, edge: Ints) -> tuple[Lots, Lots]:
    """What modifies added and removed, by differencing the book over their events.

    A modify record does not say what it replaced; the book before and after does, where both know the price,
    which is from an edge on.
    """
    if not len(modifies.row):
        return modifies, modifies
    at = np.full(len(own.best), -1)
    at[modifies.row] = modifies.at
    wanted = at >= 0
    parts = [_differences(own, wanted, edge)]
    for lots, sign in ((adds, -1), (cuts, 1)):
        other = _visible(lots.where(wanted.take(lots.row)), edge)
        parts.append(Lots(other.row, other.u, sign * other.qty, other.at))
    moved = summed(joined(parts))
    moved.at = at.take(moved.row)
    return moved.of(moved.qty), moved.of(-moved.qty)


def _differences(own: Side, wanted: Flags, edge: Ints) -> Lots:
    """Changes of size, negative if removed, over the events of wanted rows at prices from their edge on."""
    still, turned = (found.where(wanted.take(found.row)) for found in (own.still, own.turned))
    still = still.where(still.u != ABSENT)
    turned = turned.where(turned.u >= edge.take(turned.row))
    row, u, change = (np.append(getattr(still, name), getattr(turned, name)) for name in ("row", "u", "lots"))
    return Lots(row, u, change, row)
