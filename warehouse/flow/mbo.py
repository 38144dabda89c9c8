"""MBO records as states and flows: every order by its id, the whole book by price."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from warehouse.flow.acts import Acts, nothing
from warehouse.flow.depth import Full, changes, ten
from warehouse.flow.events import CANCEL, FILL, MODIFY, among
from warehouse.flow.lots import Lots, summed
from warehouse.flow.matching import Flow, after_trades, hidden_by
from warehouse.flow.orders import resting, told, unknown
from warehouse.flow.pieces import Piece
from warehouse.flow.prints import absurd, hits, latest
from warehouse.flow.reading import LETTERS, Reading, Sorted, broken, sort
from warehouse.flow.state import SIGNS, Side, State, side, state, turning
from warehouse.flow.tape import HEAD, Array, Flags, Ints
from warehouse.flow.timeline import Timeline

YOUNG_NS = 1_000_000_000
"""Age below which a pulled order counts as young."""


class Mbo:
    """Reads pieces of MBO records.

    The book is known from the first reset on: a tape that begins without one tells trades and nothing else
    until then.

    Args:
        tick: Tick size in 1e-9 points.
    """

    head: ClassVar[tuple[str, ...]] = (*HEAD, "order_id")
    columns: ClassVar[tuple[str, ...]] = (*head, "sequence")

    remembers: ClassVar[bool] = True

    def __init__(self, tick: int) -> None:
        self._tick, self._orders, self._known = tick, nothing(), False
        self._latest = np.empty(0, np.int64)

    def skip(self, piece: Piece) -> None:
        """Follow the orders, and nothing else."""
        self._follow(piece)

    def read(self, piece: Piece) -> Reading:
        """States, and flows by order."""
        before = self._latest
        known, usable, acts = self._follow(piece)
        rows = len(piece.bar) + 1
        moves = [changes(acts, sign, rows) for sign in SIGNS]
        bid, ask = (
            _side(sign, self._tick, *ten(move, sign, self._tick, rows))
            for move, sign in zip(moves, SIGNS, strict=True)
        )
        made = state(bid, ask, known)
        wild = absurd(usable, made, before)
        timeline = Timeline(piece, known)
        none, strange = np.zeros(rows, np.bool_), unknown(acts, len(piece.event))
        depths = (
            Full(bid, timeline, moves[0], acts),
            Full(ask, timeline, moves[1], acts),
        )
        return Reading(
            piece=piece,
            state=made,
            timeline=timeline,
            flows=(_flow(acts, usable, made, 0, strange), _flow(acts, usable, made, 1, strange)),
            lasting=(timeline.lasting(bid, made.centre[0]), timeline.lasting(ask, made.centre[1])),
            depths=depths,
            orders=np.stack([depth.orders(timeline.end_row) for depth in depths]),
            moving=usable.moving,
            unknown=strange | _before_known(piece, known),
            broken=broken(usable, none, wild),
            spoilt=none,
        )

    def _follow(self, piece: Piece) -> tuple[int, Sorted, Acts]:
        """First known row, the records, and what they did; the orders left over are kept."""
        known = 0 if self._known else _first_reset(piece)
        usable = sort(piece, self._tick, known, np.zeros(len(piece.bar) + 1, np.bool_))
        acts = told(usable, self._orders, known)
        self._orders = resting(acts, len(piece.bar) + 1)
        self._known |= known <= len(piece.bar)
        self._latest = latest(usable, self._latest)
        return known, usable, acts


def _side(sign: int, tick: int, px: Array, sz: Array) -> Side:
    turns = turning(px)
    return side(sign, tick, turns, px.take(np.append(0, turns), axis=1), sz)


def _first_reset(piece: Piece) -> int:
    resets = np.flatnonzero(piece.events.reset)
    return int(resets[0]) + 1 if len(resets) else len(piece.bar) + 1


def _before_known(piece: Piece, known: int) -> Flags:
    return among(piece.records["action"], CANCEL, MODIFY, FILL) & (piece.event < known)


def _in_order(acts: Acts, chosen: Flags) -> Ints:
    """Positions of chosen records, in feed order."""
    at = np.flatnonzero(chosen)
    return at[np.argsort(acts.at[at], kind="stable")]


def _flow(acts: Acts, usable: Sorted, made: State, number: int, strange: Flags) -> Flow:
    """What happened to one side; `strange` are records of orders never seen."""
    sign = SIGNS[number]
    flowing = (acts.at >= 0) & usable.moving[acts.row]
    was, stays = (_in_order(acts, owned & flowing) for owned in acts.owned(number == 0))
    old = Lots(acts.row[was], sign * acts.old_price[was], acts.gone[was], acts.at[was])
    new = Lots(acts.row[stays], sign * acts.price[stays], acts.came[stays], acts.at[stays])
    fill = acts.fill[was]
    pulled, filled, adds = old.of(old.qty - fill), old.of(fill), new.of(new.qty)
    named, _ = hits(usable, made, number)
    modified = usable.of(MODIFY, LETTERS[number])
    events = usable.piece.events
    traded = summed(named)
    shown = np.zeros(len(made.both), np.bool_)
    shown[old.where(old.qty > 0).row] = True
    refill, answer = after_trades(adds, traded, named, events.ts, usable.piece.bar)
    moved = np.minimum(old.qty - fill, acts.came[was]) * (acts.bid == acts.was_bid)[was]
    away = sign * acts.price[was] < old.u
    young = events.ts[old.row - 1] - acts.was_born[was] < YOUNG_NS
    return Flow(
        add=adds,
        pull=pulled,
        fill=filled,
        hidden=hidden_by(traded, filled),
        refill=refill,
        answer=answer,
        unmatched=traded.where(~shown[traded.row]),
        modified=usable.lots(modified[~strange.take(modified)], sign),
        away=old.of(moved * away),
        toward=old.of(moved * ~away),
        young=old.of((old.qty - fill) * young),
    )
