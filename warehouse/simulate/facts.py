"""What a session of ten-level records measures: book, flow, trades and the path of the mid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from warehouse import dbn

Array = np.ndarray[Any, Any]

LEVELS = 10
NEAR_TICKS = 4
"""A point, on either side of the touch."""
OFI_S = 10
_LAST, _BUY = 128, ord("B")
_SECOND = 10**9
_SIDES = (("bid", -1), ("ask", 1))
_ADD, _CANCEL, _MODIFY, _TRADE = (ord(letter) for letter in "ACMT")


class Facts:
    """Sums over a right-open span of time, fed with record arrays in order.

    Args:
        start: First instant, ns UTC.
        end: First instant outside.
        tick: Price of a tick, 1e-9 points.
    """

    def __init__(self, start: int, end: int, tick: int) -> None:
        self.start, self.end, self.tick = start, end, tick
        seconds = (end - start) // _SECOND
        self.records = np.zeros(seconds, np.int64)
        """Per second."""
        self.traded = np.zeros(seconds, np.int64)
        """Lots, per second."""
        self.kinds = dict.fromkeys((_ADD, _CANCEL, _MODIFY, _TRADE), 0)
        self.prints = 0
        self.flow = {name: np.zeros(2, np.int64) for name in ("add", "pull", "fill")}
        """Lots within ten levels, and of them near the touch."""
        self.weight = 0
        self.tight = 0
        """Nanoseconds, and of them with a spread of one tick."""
        self.size, self.orders = np.zeros(LEVELS), np.zeros(LEVELS)
        """Lots and orders by level, times nanoseconds, both sides."""
        self.gap = 0.0
        self.crossed = self.unsorted = 0
        self.ofi = np.zeros((seconds // OFI_S, LEVELS))
        """Order-flow imbalance in lots, by bar and level."""
        self.signs: list[Array] = []
        """Of every aggressive order, 1 bought."""
        self.quotes: list[Array] = []
        """At every event's end: ns, mid in half ticks, size at the best bid and ask, spread in ticks."""
        self._before: Array | None = None

    def take(self, found: Array) -> None:
        """The next records."""
        ts = found["ts_event"].astype(np.int64)
        found = found[(ts >= self.start) & (ts < self.end)]
        if not found.size:
            return
        whole = found if self._before is None else np.concatenate([self._before, found])
        self._before = found[-1:]
        self._count(found)
        self._flows(whole)
        ended = whole[(whole["flags"] & _LAST) != 0]
        self._book(ended)
        self._imbalance(ended)

    def _count(self, found: Array) -> None:
        second = (found["ts_event"].astype(np.int64) - self.start) // _SECOND
        action = found["action"].view(np.uint8)
        np.add.at(self.records, second, 1)
        trades = action == _TRADE
        np.add.at(self.traded, second[trades], found["size"][trades].astype(np.int64))
        for kind in self.kinds:
            self.kinds[kind] += int((action == kind).sum())
        # An order that walks prints once a price, in one event.
        first = np.flatnonzero(trades)
        number = found["sequence"][first]
        first = first[np.r_[True, number[1:] != number[:-1]]] if first.size else first
        self.signs.append(np.where(found["side"].view(np.uint8)[first] == _BUY, 1, -1).astype(np.int8))

    def _flows(self, found: Array) -> None:
        """Lots by A.4: what a trade of the same event took is a fill, the rest of what went is a pull."""
        action, number = found["action"].view(np.uint8), found["sequence"]
        traded = np.isin(number, number[action == _TRADE])
        side = np.where(found["side"].view(np.uint8) == _BUY, 0, 1)
        best = np.stack([found["bid_px_00"], found["ask_px_00"]], axis=1)
        # Of a departure from the touch the book before tells how near it was.
        place = np.abs(found["price"] - np.roll(best, 1, axis=0)[np.arange(len(found)), side]) // self.tick
        new = np.arange(len(found)) > 0
        near = place <= NEAR_TICKS
        for name, chosen in (("add", action == _ADD), ("pull", (action == _CANCEL) & ~traded)):
            self._add(name, found["size"][chosen & new], near[chosen & new])
        prints = (action == _TRADE) & new
        self._add("fill", found["size"][prints], np.ones(int(prints.sum()), bool))
        moved = np.flatnonzero((action == _MODIFY) & ~traded & new)
        for name, sign in _SIDES:
            change, prices = _changes(found[moved - 1], found[moved], name, sign)
            far = np.abs(prices - found[f"{name}_px_00"][moved - 1][:, None]) // self.tick > NEAR_TICKS
            self._add("add", change[change > 0], ~far[change > 0])
            self._add("pull", -change[change < 0], ~far[change < 0])

    def _add(self, name: str, lots: Array, near: Array) -> None:
        self.flow[name] += int(lots.sum()), int(lots[near].sum())

    def _book(self, ended: Array) -> None:
        ts = ended["ts_event"].astype(np.int64)
        stay = np.diff(ts)
        held = ended[:-1]
        self.weight += int(stay.sum())
        spread = ended["ask_px_00"] - ended["bid_px_00"]
        self.tight += int(stay[spread[:-1] == self.tick].sum())
        self.crossed += int((spread <= 0).sum())
        for side, sign in _SIDES:
            for level in range(LEVELS):
                self.size[level] += float(stay @ held[f"{side}_sz_{level:02d}"].astype(np.int64))
                self.orders[level] += float(stay @ held[f"{side}_ct_{level:02d}"].astype(np.int64))
            prices = np.stack([held[f"{side}_px_{level:02d}"] for level in range(LEVELS)], axis=1)
            self.unsorted += int((np.diff(prices, axis=1) * sign < self.tick).any(axis=1).sum())
            self.gap += float(stay @ (np.abs(prices[:, -1] - prices[:, 0]) // self.tick))
        sizes = ended["bid_sz_00"].astype(np.int64), ended["ask_sz_00"].astype(np.int64)
        self.quotes.append(np.stack([ts, _mid(ended, self.tick), *sizes, spread // self.tick])[:, 1:])

    def _imbalance(self, ended: Array) -> None:
        """Cont, Kukanov and Stoikov: what came to and went from a level, by the bar of the later state."""
        bar = (ended["ts_event"][1:].astype(np.int64) - self.start) // (OFI_S * _SECOND)
        inside = bar < len(self.ofi)
        for level in range(LEVELS // 2):
            total = np.zeros(len(ended) - 1, np.int64)
            for side, sign in _SIDES:
                price = ended[f"{side}_px_{level:02d}"] * -sign
                size = ended[f"{side}_sz_{level:02d}"].astype(np.int64)
                came = np.where(price[1:] >= price[:-1], size[1:], 0)
                total -= sign * (came - np.where(price[1:] <= price[:-1], size[:-1], 0))
            np.add.at(self.ofi[:, level], bar[inside], total[inside])

    def history(self) -> Array:
        """All of `quotes`."""
        return np.concatenate(self.quotes, axis=1)


def _changes(before: Array, after: Array, side: str, sign: int) -> tuple[Array, Array]:
    """Lots by price that a side's ten levels differ by, where both states show the price; and the prices."""
    old, new = (_ladder(state, side) for state in (before, after))
    edge = np.minimum(old[0][:, -1] * sign, new[0][:, -1] * sign)
    same = old[0][:, :, None] == new[0][:, None, :]
    gone = np.where(same.any(axis=2), 0, -old[1])
    came = np.where(same.any(axis=1), new[1] - (same * old[1][:, :, None]).sum(axis=1), new[1])
    prices = np.concatenate([old[0], new[0]], axis=1)
    change = np.concatenate([gone, came], axis=1)
    return np.where(prices * sign <= edge[:, None], change, 0), prices


def _ladder(state: Array, side: str) -> tuple[Array, Array]:
    prices, sizes = (
        np.stack([state[f"{side}_{what}_{level:02d}"] for level in range(LEVELS)], axis=1).astype(np.int64)
        for what in ("px", "sz")
    )
    return prices, np.where(prices == dbn.UNDEF_PRICE, 0, sizes)


def _mid(ended: Array, tick: int) -> Array:
    """In half ticks."""
    found: Array = (ended["bid_px_00"] + ended["ask_px_00"]) // tick
    return found


class Path:
    """The mid of a right-open span, fed like `Facts`."""

    def __init__(self, start: int, end: int, tick: int) -> None:
        self.start, self.end, self.tick = start, end, tick
        self._parts: list[Array] = []

    def take(self, found: Array) -> None:
        """The next records."""
        ended = found[(found["flags"] & _LAST) != 0]
        self._parts.append(np.stack([ended["ts_event"].astype(np.int64), _mid(ended, self.tick)]))

    def mids(self, every_s: int = 1) -> Array:
        """In half ticks, at the end of every `every_s` seconds."""
        ts, mid = np.concatenate(self._parts, axis=1)
        ends = np.arange(self.start, self.end + 1, every_s * _SECOND)[1:]
        found: Array = mid[np.searchsorted(ts, ends) - 1]
        return found


def measured(found: Iterable[Array], *spans: Facts | Path) -> None:
    """Feed every span with all records."""
    for part in found:
        for span in spans:
            span.take(part)
