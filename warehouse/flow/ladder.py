"""The ladder: size and flow at every visible price of every bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from warehouse.flow.lots import found
from warehouse.flow.matching import Flow
from warehouse.flow.state import ABSENT, Side
from warehouse.flow.tape import Array, Flags, Frame, Ints
from warehouse.flow.timeline import Lasting, Span, Timeline
from warehouse.schema import BAR_NS

REACH = 80
"""Ticks from the touch that the ladder shows of a full book."""
FAR = 400
"""Ticks from where a bar began beyond which its ladder shows only prices with flow: memory stays bounded."""
NOWHERE = 1 << 61
"""Worst coordinate of a bar that shows nothing: better than any price."""
_SPAN = 1 << 40


class Grid:
    """Rows of one side: for each bar all ticks between two coordinates, and lone ones with flow.

    Args:
        low: Worst coordinate of each bar.
        high: Best.
        entries: Bars and coordinates by name; each of them has a row.

    Attributes:
        low: Worst coordinate of each bar.
        bar: Bar of each row.
        u: Coordinate of each row.
        begins: First row of each bar among the contiguous ones, and their number at the end.
        placed: Rows of the entries, by name.
    """

    def __init__(self, low: Ints, high: Ints, entries: Mapping[str, tuple[Ints, Ints]]) -> None:
        width = np.maximum(high - low + 1, 0)
        self.low, self._high = low, high
        self.begins = np.append(0, np.cumsum(width))
        self._zero = self.begins[:-1] - low
        bar = np.repeat(np.arange(len(low)), width)
        u = low[bar] + np.arange(self.begins[-1]) - self.begins[bar]
        near = {name: self._near(*each) for name, each in entries.items()}
        far = [np.empty(0, np.int64), *(keys for _, _, keys in near.values())]
        keys = np.sort(np.concatenate(far))
        self._keys: Ints = keys[np.diff(keys, prepend=keys[:1] - 1) != 0]
        far_u = (self._keys + _SPAN // 2) % _SPAN - _SPAN // 2
        self.bar: Ints = np.append(bar, (self._keys - far_u) // _SPAN)
        self.u: Ints = np.append(u, far_u)
        self.placed = {name: self._placed(*each) for name, each in near.items()}

    def __len__(self) -> int:
        return len(self.bar)

    def row(self, bar: Ints, u: Ints) -> Ints:
        """Row of each price, or -1 where there is none."""
        return self._placed(*self._near(bar, u))

    def _near(self, bar: Ints, u: Ints) -> tuple[Ints, Ints, Ints]:
        """Rows among the contiguous ones, which of the prices lie outside of them, and the keys of those."""
        out = np.flatnonzero((u < self.low.take(bar)) | (u > self._high.take(bar)))
        return self._zero.take(bar) + u, out, bar.take(out) * _SPAN + u.take(out)

    def _placed(self, row: Ints, out: Ints, keys: Ints) -> Ints:
        at = found(self._keys, keys)
        row[out] = np.where(at < 0, -1, self.begins[-1] + at)
        return row

    def total(self, bar: Ints, u: Ints, amount: Array) -> Ints:
        """Sum of the amounts at each price."""
        return self.gathered(self.row(bar, u), amount)

    def gathered(self, row: Ints, amount: Array | None = None) -> Ints:
        """Sum of amounts, or number of entries, at each row; -1 is none."""
        if len(row) and row.min() < 0:
            kept = row >= 0
            row, amount = row[kept], None if amount is None else amount[kept]
        return np.bincount(row, amount, len(self)).astype(np.int64)


@dataclass(slots=True)
class Shown:
    """What rests at the rows of a grid.

    Args:
        opening, ending: Lots at bar start and end.
        opening_seen, ending_seen: Whether they are known.
        through: Whether the price was known in every state of the bar, the carried one among them.
        orders: Orders at bar end.
        largest: Largest order at bar end, where orders are known.
        lot_ns: Lots times nanoseconds over the time seen.
        seen_ns: Nanoseconds during which the price was known.
    """

    opening: Ints
    ending: Ints
    opening_seen: Flags
    ending_seen: Flags
    through: Flags
    orders: Ints
    largest: Ints | None
    lot_ns: Ints
    seen_ns: Ints


class Window:
    """The ten-level window of one side.

    Args:
        side: The levels.
        timeline: When they held.
        lasting: For how long they held.
        orders: Order counts at bar ends, (10, bars).
    """

    def __init__(self, side: Side, timeline: Timeline, lasting: Lasting, orders: Array) -> None:
        self._side, self._time, self._lasting, self._orders = side, timeline, lasting, orders

    def reach(self) -> tuple[Ints, Ints]:
        """Farthest seen price and best price of each bar."""
        side, far = self._side, self._side.edge.copy()
        short = np.flatnonzero((far == ABSENT) & (side.best != ABSENT))
        u, _ = side.levels(short)
        far[short] = np.where(u == ABSENT, NOWHERE, u).min(axis=0, initial=NOWHERE)
        far[side.best == ABSENT] = NOWHERE
        low = self._time.extreme(far, np.minimum, side.turns.row)
        return low, self._time.extreme(side.best, np.maximum, side.turns.row)

    def show(self, grid: Grid) -> Shown:
        """What rests at the rows of a grid; unseen prices count as 0 in sizes and orders."""
        time, lasting = self._time, self._lasting
        u, lots = self._side.levels(time.end_row)
        opening = _summed(grid, lasting.opening_u, lasting.opening_lots)
        return Shown(
            opening=opening,
            ending=_summed(grid, u, lots),
            opening_seen=self._seen(grid, time.open_row),
            ending_seen=self._seen(grid, time.end_row),
            through=self._through(grid),
            orders=_summed(grid, u, self._orders.astype(np.int64)),
            largest=None,
            lot_ns=self._lot_ns(grid, opening),
            seen_ns=self._seen_ns(grid),
        )

    def _seen(self, grid: Grid, rows: Ints) -> Flags:
        row = rows[grid.bar]
        seen: Flags = (grid.u >= self._side.edge[row]) & (row >= self._time.known)
        return seen

    def _through(self, grid: Grid) -> Flags:
        edge = self._time.extreme(self._side.edge, np.maximum, self._side.turns.row)
        known = self._time.open_row >= self._time.known
        through: Flags = (grid.u >= edge[grid.bar]) & known[grid.bar]
        return through

    def _lot_ns(self, grid: Grid, opening: Ints) -> Ints:
        lasting, side = self._lasting, self._side
        total = opening * BAR_NS + grid.total(lasting.bar, side.still.u, lasting.lot_ns)
        return total + grid.total(lasting.turned_bar, side.turned.u, lasting.turned_lot_ns)

    def _seen_ns(self, grid: Grid) -> Ints:
        """Time during which each row lay inside the window: a sum over edges from the worst price up."""
        last = self._lasting.edge
        total = np.cumsum(grid.total(last.bar, np.maximum(last.u, grid.low[last.bar]), last.ns))
        count = int(grid.begins[-1])
        base = np.append(0, total)[grid.begins[:-1]]
        total[:count] -= base[grid.bar[:count]]
        total[count:] = _seen_lone(last, grid.bar[count:], grid.u[count:], len(grid.low))
        return total


def _summed(grid: Grid, u: Ints, amounts: Ints) -> Ints:
    """Sum at each row of amounts by level and bar, at coordinates `u`."""
    at = np.flatnonzero(u != ABSENT)
    return grid.total(at % u.shape[1], u.take(at), amounts.take(at))


def _seen_lone(edges: Span, bar: Ints, u: Ints, bars: int) -> Ints:
    """Lone rows are few: each is compared with every edge of its bar."""
    begins = np.searchsorted(edges.bar, np.arange(bars + 1))
    count = begins[bar + 1] - begins[bar]
    which = np.repeat(np.arange(len(bar)), count)
    edge = np.arange(len(which)) - np.repeat(np.cumsum(count) - count - begins[bar], count)
    seen = edges.ns[edge] * (edges.u[edge] <= u[which])
    return np.bincount(which, seen, len(bar)).astype(np.int64)


def grid(low: Ints, high: Ints, best: Ints, timeline: Timeline, flow: Flow) -> Grid:
    """Rows of one side.

    Args:
        low: Worst coordinate shown in each bar.
        high: Best.
        best: Best coordinate of each state.
        timeline: When the states held.
        flow: What happened; each of its prices has a row.
    """
    anchor = best[timeline.open_row]
    anchor = np.where(anchor == ABSENT, best[timeline.end_row], anchor)
    told = flow.named() | {"modify": flow.modified}
    entries = {name: (timeline.bar_of(lots.row), lots.u) for name, lots in told.items()}
    return Grid(np.maximum(low, anchor - FAR), np.minimum(high, anchor + FAR), entries)


def table(shown: Shown, on: Grid, flow: Flow, sign: int) -> Frame:
    """Ladder rows of one side in no order, with the coordinate as `u` and the bar as `bar`.

    Args:
        shown: What rests.
        on: Its rows.
        flow: What happened.
        sign: 1 for bids, -1 for asks.
    """
    orders_known = shown.largest is not None
    told = {name: on.gathered(on.placed[name], lots.qty) for name, lots in flow.named().items()}
    own = ("reprice_away", "reprice_toward", "pull_young")
    unseen, never = ~shown.ending_seen, shown.seen_ns == 0
    largest = shown.ending if shown.largest is None else shown.largest
    return {
        "bar": (on.bar, None),
        "sign": (np.full(len(on), sign), None),
        "price": (sign * on.u, None),
        "through": (shown.through, None),
        "qty": (shown.ending, unseen),
        "orders": (shown.orders, unseen),
        "qty_open": (shown.opening, ~shown.opening_seen),
        "qty_twa": (shown.lot_ns / np.maximum(shown.seen_ns, 1), never),
        "seen_frac": (shown.seen_ns / BAR_NS, None),
        **{name: (lots, None) for name, lots in told.items() if name not in own},
        **{f"n_{name}": (on.gathered(on.placed[name]), None) for name in ("add", "pull", "fill", "modify")},
        **{name: (told[name], None if orders_known else np.ones(len(on), np.bool_)) for name in own},
        "max_order": (largest, unseen if orders_known else np.ones(len(on), np.bool_)),
    }
