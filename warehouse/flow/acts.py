"""Orders that rest, and what records did to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.flow.tape import Array, Flags, Ints


@dataclass(slots=True)
class Resting:
    """Orders that rest.

    Args:
        number: The venue's order id.
        bid: Whether it is a bid.
        price: Price in ticks.
        size: Lots.
        born: When it came to its price, ns UTC.
    """

    number: Array
    bid: Flags
    price: Ints
    size: Ints
    born: Ints


def nothing() -> Resting:
    """No order."""
    none = np.empty(0, np.int64)
    return Resting(none.astype(np.uint64), none.astype(np.bool_), none, none, none)


@dataclass(slots=True)
class Acts:
    """Records of orders, each order's together and in feed order; carried orders come first as if added.

    Args:
        number: The venue's order id.
        at: Number of the record in the piece, -1 of a carried order.
        row: Row of the state after its event, 0 of a carried order.
        was_bid, bid: Whether the order was and is a bid; only a second add under one number changes it.
        known: Whether the order was known; else the record does nothing.
        old_price, old: Price in ticks and lots before; 0 lots where the order did not rest.
        price, size: Price in ticks and lots after.
        fill: Lots of the removal that trades consumed.
        was_born, born: When the order came to its price before and after, ns UTC.
        ends: Row before which the order's next record or its end comes, so that what is after the record
            holds from `row` to before `ends`.
        last: The last record of an order between resets.
    """

    number: Array
    at: Ints
    row: Ints
    was_bid: Flags
    bid: Flags
    known: Flags
    old_price: Ints
    old: Ints
    price: Ints
    size: Ints
    fill: Ints
    was_born: Ints
    born: Ints
    ends: Ints
    last: Flags

    @property
    def rests(self) -> Flags:
        """Records after which the order rests."""
        after: Flags = self.known & (self.size > 0)
        return after

    @property
    def moved(self) -> Flags:
        """Records after which the order rests elsewhere."""
        moved: Flags = (self.price != self.old_price) | (self.bid != self.was_bid)
        return moved

    def owned(self, bids: bool) -> tuple[Flags, Flags]:  # noqa: FBT001  # a side, not an option
        """Records of one side's orders, as they were before and as they are after."""
        return self.was_bid == bids, self.bid == bids

    @property
    def gone(self) -> Ints:
        """Lots that left the old price."""
        return np.where(self.moved, self.old, np.maximum(self.old - self.size, 0)) * self.known

    @property
    def came(self) -> Ints:
        """Lots that came to the new price."""
        return np.where(self.moved, self.size, np.maximum(self.size - self.old, 0)) * self.known
