"""Prints: which of them may be told, and which lie too far from all that is known."""

from __future__ import annotations

import numpy as np

from warehouse.flow.events import ADD, CANCEL, MODIFY, NO_SIDE, TRADE, among
from warehouse.flow.lots import Lots
from warehouse.flow.reading import LETTERS, Sorted
from warehouse.flow.state import ABSENT, SIGNS, State
from warehouse.flow.tape import Flags, Ints

FAR = 400
"""Ticks from the best price beyond which a print is absurd and told only by bronze."""
ORDERS = 31
"""Latest orders whose median price stands for the best price where none is known."""


def hits(found: Sorted, state: State, side: int) -> tuple[Lots, Lots]:
    """Trades that hit a side, and those without an aggressor; prices far from the side are left out.

    Args:
        found: The records.
        state: The states between which they lie.
        side: 0 for bids, 1 for asks.
    """
    sign, best = SIGNS[side], state.sides[side].best
    named = found.lots(found.of(TRADE, LETTERS[1 - side]), sign)
    auction = found.lots(found.of(TRADE, NO_SIDE), sign)
    near = []
    for lots in (named, auction):
        far, known = _far(lots.u, best, lots.row)
        near.append(lots.where(~(far & known)))
    return near[0], near[1]


def latest(found: Sorted, before: Ints) -> Ints:
    """Prices in ticks of the latest orders, given those before the piece."""
    return np.append(before, found.u.take(_orders(found)[-ORDERS:]))[-ORDERS:]


def absurd(found: Sorted, state: State, before: Ints) -> Ints:
    """Positions of prints far from every best price about their event; they are struck from the flows too.

    Where there is no best price, as in a tape of orders before its book is known, the median price of the
    latest orders up to the event's end stands for it. A print that nothing can be compared with is absurd: a
    venue's comes with the order that it filled.

    Args:
        found: The records.
        state: The states between which they lie.
        before: Prices of the latest orders before the piece.
    """
    piece = found.piece
    at = np.flatnonzero((piece.records["action"] == TRADE) & found.sound)
    row, u, (bid, ask) = piece.event.take(at), found.u.take(at), state.sides
    (far, known), (far_too, known_too) = _far(u, bid.best, row), _far(-u, ask.best, row)
    far &= far_too
    blind = np.flatnonzero(~(known | known_too))
    if len(blind):
        far[blind] = _far_from_orders(found, u.take(blind), piece.events.first.take(row.take(blind)), before)
    at = at[far]
    found.flows[at] = False
    return at


def _far(u: Ints, best: Ints, row: Ints) -> tuple[Flags, Flags]:
    """Prices far from a side's best price both before and after their event, and whether there is one."""
    about = best.take(row - 1), best.take(row)
    far = [(near == ABSENT) | (np.abs(u - near) > FAR) for near in about]
    known: Flags = (about[0] != ABSENT) | (about[1] != ABSENT)
    return far[0] & far[1], known


def _orders(found: Sorted) -> Ints:
    return np.flatnonzero(among(found.piece.records["action"], ADD, CANCEL, MODIFY) & found.sound)


def _far_from_orders(found: Sorted, u: Ints, ends: Ints, before: Ints) -> Flags:
    """Prices far from the median of the latest orders before a record, or without any."""
    orders = _orders(found)
    prices = np.append(before, found.u.take(orders))
    count = len(before) + np.searchsorted(orders, ends)
    if not len(prices):
        return np.ones(len(u), np.bool_)
    back = count[:, None] - 1 - np.arange(ORDERS)
    window = np.where(back >= 0, prices.take(back, mode="clip"), np.iinfo(np.int64).max)
    middle = (np.minimum(count, ORDERS) - 1) // 2
    median = np.sort(window, axis=1)[np.arange(len(u)), middle]
    far: Flags = (count == 0) | (np.abs(u - median) > FAR)
    return far
