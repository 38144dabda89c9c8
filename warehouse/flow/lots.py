"""Lots at prices: what was added, removed or traded, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from warehouse.flow.tape import Array, Ints

_SPAN = 1 << 33


@dataclass(slots=True)
class Lots:
    """Amounts of one side, one entry a record unless said otherwise.

    Args:
        row: Row of the state after the event, from 1.
        u: Coordinate of the price.
        qty: Lots, positive.
        at: Number of the record in its piece, which tells what came first.
    """

    row: Ints
    u: Ints
    qty: Ints
    at: Ints

    @property
    def key(self) -> Ints:
        """One number for row and price, in that order."""
        return self.row * _SPAN + self.u

    def where(self, chosen: Array) -> Lots:
        """The chosen entries, by mask or by position."""
        if chosen.dtype == np.bool_:
            if chosen.all():
                return self
            chosen = np.flatnonzero(chosen)
        return Lots(self.row.take(chosen), self.u.take(chosen), self.qty.take(chosen), self.at.take(chosen))

    def of(self, qty: Ints) -> Lots:
        """The same entries with other amounts; empty ones are left out."""
        return Lots(self.row, self.u, qty, self.at).where(qty > 0)


def no_lots() -> Lots:
    """No entry."""
    none = np.empty(0, np.int64)
    return Lots(none, none, none, none)


def joined(parts: Sequence[Lots]) -> Lots:
    """All entries of all parts."""
    return Lots(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.u for part in parts]),
        np.concatenate([part.qty for part in parts]),
        np.concatenate([part.at for part in parts]),
    )


def summed(lots: Lots) -> Lots:
    """One entry for each row and price, in their order, with the first record's number."""
    if not len(lots.row):
        return lots
    key = lots.key
    # Entries come in few sorted runs, which a merge finds.
    order = np.argsort(key, kind="stable")
    key = key.take(order)
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    one = order.take(first)
    qty, at = np.add.reduceat(lots.qty.take(order), first), np.minimum.reduceat(lots.at.take(order), first)
    return Lots(lots.row.take(one), lots.u.take(one), qty, at)


def consumed(qty: Ints, group: Ints, available: Ints) -> Ints:
    """How much of each amount is covered, first come first served, by what is available to its group.

    Args:
        qty: Amounts.
        group: Their groups; equal ones are neighbours.
        available: What the group of each amount has.
    """
    if not len(qty):
        return qty
    total = np.cumsum(qty)
    first = np.append(True, group[1:] != group[:-1])
    base = (total - qty).take(np.flatnonzero(first)).take(np.cumsum(first) - 1)
    covered: Ints = np.clip(available - (total - qty - base), 0, qty)
    return covered


def found(keys: Ints, wanted: Ints) -> Ints:
    """Position of each wanted key among sorted distinct keys, or -1."""
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys.take(at) == wanted, at, -1)
