"""Which removals were trades: the split of what left the book into fills and pulls, without order ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.flow.lots import Lots, consumed, found, no_lots, summed
from warehouse.flow.tape import Flags, Ints

NEAR_NS = 1_000_000
"""Time within which a removal in a later event may still belong to a trade that removed nothing."""
REFRESH_NS = 1_000_000_000
"""Time within which an add counts as answer to a trade at its price."""


@dataclass(slots=True)
class Flow:
    """What happened to one side; `fill` of a record and its `pull` are two entries.

    Args:
        add, pull, fill: One entry for each record and price.
        hidden, refill: One entry for each event and price.
        answer: The adds within a second after a trade at the price in the same bar.
        unmatched: Trades in whose event nothing was removed from the side.
        modified: What modify records name: the price after, with the size after.
        away, toward, young: From orders only: repriced away from and toward the other side, by old price;
            pulled within a second of being added.
    """

    add: Lots
    pull: Lots
    fill: Lots
    hidden: Lots
    refill: Lots
    answer: Lots
    unmatched: Lots
    modified: Lots
    away: Lots
    toward: Lots
    young: Lots

    def named(self) -> dict[str, Lots]:
        """Entries by ladder column."""
        return {
            "add": self.add,
            "pull": self.pull,
            "fill": self.fill,
            "hidden": self.hidden,
            "refill": self.refill,
            "add_after_trade": self.answer,
            "reprice_away": self.away,
            "reprice_toward": self.toward,
            "pull_young": self.young,
        }


def split(
    adds: Lots,
    removals: Lots,
    trades: Lots,
    auction: Lots,
    modified: Lots,
    silent: Flags,
    ts: Ints,
    bar: Ints,
) -> Flow:
    """Fills and pulls of one side, by rule.

    A removal is a fill as far as trades of its event and price go; the rest is the owner's pull. Trades
    without an aggressor consume what was removed at their price or better, best first, each side for itself.

    Args:
        adds: What was added.
        removals: What was removed, for whatever reason.
        trades: Prints whose aggressor hit this side.
        auction: Prints without an aggressor.
        modified: What modify records name; told as it is.
        silent: Rows whose event changed no book: their trades' removals may come in a later event.
        ts: Time of each event; row `r` is event `r - 1`.
        bar: Bar of each event.
    """
    traded, rows = summed(trades), len(ts) + 1
    fill = np.zeros(len(removals.row), np.int64)
    near, slot = _fill_exact(fill, removals, traded, rows)
    if len(auction.row):
        _fill_auction(fill, removals, auction, rows)
    lone = ~_mask(removals.row, rows)[traded.row]
    rest = traded.qty.copy()
    alone = silent[traded.row]
    rest[alone] = _fill_later(fill, removals, traded.where(alone), ts, bar)
    unmatched = traded.of(rest * lone)
    filled, pulled = removals.of(fill), removals.of(removals.qty - fill)
    shown = np.bincount(slot, fill.take(near), len(traded.row)).astype(np.int64)
    hidden = traded.of(np.maximum(rest - shown, 0))
    refill, answer = after_trades(adds, traded, trades, ts, bar)
    nothing = no_lots()
    return Flow(adds, pulled, filled, hidden, refill, answer, unmatched, modified, nothing, nothing, nothing)


def _mask(rows: Ints, count: int) -> Flags:
    there = np.zeros(count, np.bool_)
    there[rows] = True
    return there


def _fill_exact(fill: Ints, removals: Lots, traded: Lots, rows: int) -> tuple[Ints, Ints]:
    """Same event, same price, in feed order.

    Returns:
        Removals at the event and price of a trade, and which trade it is.
    """
    near = np.flatnonzero(_mask(traded.row, rows).take(removals.row))
    slot = found(traded.key, removals.where(near).key)
    there = np.flatnonzero(slot >= 0)
    near, slot = near.take(there), slot.take(there)
    order = np.argsort(_ordered(slot, removals.at.take(near)), kind="stable")
    near, slot = near.take(order), slot.take(order)
    fill[near] = consumed(removals.qty.take(near), slot, traded.qty.take(slot))
    return near, slot


def _fill_auction(fill: Ints, removals: Lots, auction: Lots, rows: int) -> None:
    """Same event, the trade's price or better, best price first."""
    available = np.bincount(auction.row, auction.qty, rows).astype(np.int64)
    worst = np.full(rows, np.iinfo(np.int64).max)
    np.minimum.at(worst, auction.row, auction.u)
    left = removals.qty - fill
    near = np.flatnonzero((available[removals.row] > 0) & (removals.u >= worst[removals.row]) & (left > 0))
    near = near[np.lexsort((removals.at[near], -removals.u[near], removals.row[near]))]
    row = removals.row[near]
    fill[near] += consumed(left[near], row, available[row])


def _fill_later(fill: Ints, removals: Lots, lone: Lots, ts: Ints, bar: Ints) -> Ints:
    """Trades whose event removed nothing: later removals at their price, soon after and in the same bar.

    Returns:
        Lots of each trade that are still unmatched.
    """
    rest = lone.qty.copy()
    if not len(lone.row):
        return rest
    order = np.lexsort((lone.row, lone.u))
    keys = _ordered(lone.u[order], lone.row[order])
    left = removals.qty - fill
    near = np.flatnonzero((left > 0) & np.isin(removals.u, lone.u))
    before = np.searchsorted(keys, _ordered(removals.u[near], removals.row[near]), "right") - 1
    near, before = near[before >= 0], before[before >= 0]
    trade, row = order[before], removals.row[near]
    same = (lone.u[trade] == removals.u[near]) & (bar[lone.row[trade] - 1] == bar[row - 1])
    same &= ts[row - 1] - ts[lone.row[trade] - 1] <= NEAR_NS
    near, trade = near[same], trade[same]
    order = np.lexsort((removals.at[near], trade))
    near, trade = near[order], trade[order]
    taken = consumed(left[near], trade, lone.qty[trade])
    fill[near] += taken
    return rest - np.bincount(trade, taken, len(rest)).astype(np.int64)


def _ordered(group: Ints, at: Ints) -> Ints:
    """One number for a group and a row or record; to sort by it is many times as fast as by two."""
    return group * (1 << 30) + at


def hidden_by(traded: Lots, filled: Lots) -> Lots:
    """Traded lots that no displayed removal of their event answers for.

    Args:
        traded: Prints by event and price.
        filled: What they consumed.
    """
    slot = found(traded.key, filled.key)
    there = slot >= 0
    shown = np.bincount(slot[there], filled.qty[there], len(traded.row)).astype(np.int64)
    return traded.of(np.maximum(traded.qty - shown, 0))


def after_trades(adds: Lots, traded: Lots, trades: Lots, ts: Ints, bar: Ints) -> tuple[Lots, Lots]:
    """Adds that follow a trade at their price.

    Args:
        adds: What was added.
        traded: Prints by event and price.
        trades: The same prints one by one.
        ts: Time of each event.
        bar: Bar of each event.

    Returns:
        Refills, at most what was traded, of the same event; adds within a second, in the same bar.
    """
    if not len(trades.row):
        return no_lots(), no_lots()
    near = adds.where(_near(adds, trades, bar))
    keys = _ordered(trades.u, trades.at)
    order = np.argsort(keys, kind="stable")
    before = np.searchsorted(keys.take(order), _ordered(near.u, near.at)) - 1
    there = np.flatnonzero(before >= 0)
    near, last = near.where(there), trades.where(order.take(before.take(there)))
    follows = (last.u == near.u) & (bar.take(last.row - 1) == bar.take(near.row - 1))
    soon = follows & (ts.take(near.row - 1) - ts.take(last.row - 1) <= REFRESH_NS)
    within = summed(near.where(follows & (last.row == near.row)))
    limit = traded.qty[found(traded.key, within.key)]
    return within.of(np.minimum(within.qty, limit)), near.where(soon)


def _near(adds: Lots, trades: Lots, bar: Ints) -> Flags:
    """Adds at a price that traded in their bar, found by a table of prices small enough to look up fast."""
    low, high = int(trades.u.min()), int(trades.u.max())
    if high - low > 1 << 12:
        return np.isin(adds.u, trades.u)
    width = high - low + 1
    there = np.zeros((int(bar[-1]) + 1) * width, np.bool_)
    there[bar[trades.row - 1] * width + trades.u - low] = True
    inside = (adds.u >= low) & (adds.u <= high)
    cell = bar.take(adds.row - 1) * width + adds.u - low
    chosen: Flags = inside & there.take(cell, mode="clip")
    return chosen
