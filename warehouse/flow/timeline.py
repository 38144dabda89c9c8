"""When each state held: an event's until the next one or the end of its bar, the carried one before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.flow.pieces import Piece
from warehouse.flow.state import Side
from warehouse.flow.tape import Array, Flags, Ints, Reals
from warehouse.schema import BAR_NS


@dataclass(frozen=True, slots=True)
class Span:
    """Times during which one level stayed at its price, cut at bars.

    Args:
        row: Row of the state.
        bar: Bar.
        ns: Nanoseconds.
        u: Coordinate of the level; ABSENT where there is none.
    """

    row: Ints
    bar: Ints
    ns: Ints
    u: Ints


@dataclass(frozen=True, slots=True)
class Lasting:
    """For how long the states of one side held.

    Args:
        edge: Spans of its tenth level, cut also where the coordinate of the microprice changes.
        bar: Bar of each change of `Side.still`.
        bounds: First of its changes at each level in each bar, (10 * bars), and their number.
        lot_ns: Its lots times the nanoseconds from it to the end of its bar.
        turn_bar, turn_ns: Bar of each of `Side.turns`, and nanoseconds from it to the end of its bar.
        turned_bar, turned_lot_ns: The same as of `still` for each change of `Side.turned`.
        opening_u, opening_lots: Coordinates and sizes of the ten levels at the start of each bar, (10, bars);
            sizes are 0 where the state is unknown.
    """

    edge: Span
    bar: Ints
    bounds: Ints
    lot_ns: Ints
    turn_bar: Ints
    turn_ns: Ints
    turned_bar: Ints
    turned_lot_ns: Ints
    opening_u: Ints
    opening_lots: Ints


class Timeline:
    """Moments of a piece in order: the start of each bar with the state carried in, and each event.

    Attributes:
        row: Row of the state that holds from a moment on.
        bar: Bar of a moment.
        ns: Nanoseconds until the next moment, 0 while the state is unknown.
        opening: Moments that start a bar.
        open_row: Row of the state at the start of each bar.
        end_row: Row of the state at the end of each bar.
        known: First row whose state is known.
        live_ns: Nanoseconds of each bar with a known state.
    """

    def __init__(self, piece: Piece, known: int) -> None:
        events, bars = len(piece.bar), piece.bars
        self.bars, self.known = bars, known
        self._row_bar = np.append(0, piece.bar)
        self.open_row: Ints = np.searchsorted(piece.bar, np.arange(bars)).astype(np.int64)
        self.end_row: Ints = np.append(self.open_row[1:], events)
        self.opening: Ints = self.open_row + np.arange(bars)
        count = self.end_row - self.open_row
        starts = piece.start + BAR_NS * np.arange(bars)
        self.bar = np.repeat(np.arange(bars), count + 1)
        self.row = np.arange(events + bars) - self.bar
        self._time = np.append(0, piece.events.ts).take(self.row)
        self._time[self.opening] = starts
        self._end = piece.start + BAR_NS * bars
        self.ns: Ints = np.diff(self._time, append=self._end)
        self.ns[: np.searchsorted(self.row, known)] = 0
        self._left = np.append(0, np.repeat(starts + BAR_NS, count) - piece.events.ts)
        self._event_ns = self._lasted(piece.events.ts, np.flatnonzero(count))
        self.live_ns: Ints = np.add.reduceat(self.ns, self.opening)

    def _lasted(self, ts: Ints, busy: Ints) -> Reals:
        """Nanoseconds from each event to the next or the end of its bar, given the bars that have events."""
        ns, last = np.diff(ts, append=self._end), self.end_row.take(busy) - 1
        ns[last] = self.left(last + 1)
        ns[: max(self.known - 1, 0)] = 0
        return ns.astype(np.float64)

    def bar_of(self, rows: Ints) -> Ints:
        """Bar of the event before each row."""
        bars: Ints = self._row_bar.take(rows)
        return bars

    def left(self, rows: Ints) -> Ints:
        """Nanoseconds from the event before each row to the end of its bar."""
        ns: Ints = self._left.take(rows)
        return ns

    def integral(self, values: Array) -> Reals:
        """Sum over each bar of rows' values times the nanoseconds for which they held."""
        opening = values[self.open_row] * self.ns[self.opening]
        later = np.bincount(self._row_bar[1:], values[1:] * self._event_ns, self.bars).astype(np.float64)
        return opening + later

    def during(self, chosen: Flags) -> Ints:
        """Nanoseconds of each bar for which chosen rows held."""
        ns: Ints = np.add.reduceat(chosen.take(self.row) * self.ns, self.opening)
        return ns

    def extreme(self, values: Array, pick: np.ufunc, changed: Ints | None = None) -> Array:
        """`np.maximum` or `np.minimum` of rows' values over each bar, the carried state among them.

        Args:
            values: One for each row.
            pick: Which of the two.
            changed: Rows, rising from 1, outside of which values are those of the row before; None for all.
        """
        if changed is None:
            over_all: Array = pick.reduceat(values[self.row], self.opening)
            return over_all
        first = np.searchsorted(changed, self.open_row, "right")
        where = first + np.arange(self.bars)
        rows = np.empty(len(changed) + self.bars, np.int64)
        rest = np.ones(len(rows), np.bool_)
        rest[where] = False
        rows[where], rows[rest] = self.open_row, changed
        found: Array = pick.reduceat(values[rows], where)
        return found

    def runs(self, *changed: Ints) -> tuple[Ints, Ints, Ints]:
        """Row, bar and nanoseconds of spans over which what changes at given rows stays the same."""
        begins = np.zeros(len(self.row), np.bool_)
        begins[self.opening] = True
        for rows in changed:
            begins[rows + self.bar_of(rows)] = True
        at = np.flatnonzero(begins)
        row, ns = self.row.take(at), np.diff(self._time.take(at), append=self._end)
        ns[row < self.known] = 0
        return row, self.bar.take(at), ns

    def lasting(self, side: Side, centre: Ints) -> Lasting:
        """What integrals over time of a side's sizes are made from."""
        jumps = np.flatnonzero(centre[1:] != centre[:-1]) + 1
        row, bar, ns = self.runs(side.turns.row, jumps)
        still, turned, turns = side.still, side.turned, side.turns.row
        u, lots = side.levels(self.open_row)
        return Lasting(
            edge=Span(row, bar, ns, side.edge.take(row)),
            bar=self.bar_of(still.row),
            bounds=self._bounds(side),
            lot_ns=still.lots * self.left(still.row),
            turn_bar=self.bar_of(turns),
            turn_ns=self.left(turns),
            turned_bar=self.bar_of(turned.row),
            turned_lot_ns=turned.lots * self.left(turned.row),
            opening_u=u,
            opening_lots=lots * (self.open_row >= self.known),
        )

    def _bounds(self, side: Side) -> Ints:
        """First change of size at each level in each bar, and their number."""
        levels = np.split(side.still.row, side.begins[1:-1])
        first = [np.searchsorted(rows, self.open_row, "right") for rows in levels]
        return np.append(np.stack(first) + side.begins[:-1, None], side.begins[-1])


def sums(values: Array, bounds: Ints) -> Ints:
    """Sums of whole numbers from each bound to before the next; the last bound is their number."""
    out, some = np.zeros(len(bounds) - 1, np.int64), np.flatnonzero(bounds[1:] > bounds[:-1])
    if len(some):
        out[some] = np.add.reduceat(values, bounds.take(some))
    return out
