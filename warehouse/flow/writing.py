"""Readings of a trading date as the five tables."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl

from warehouse.flow import book, edge, ladder
from warehouse.flow.events import ASK, BID, NO_SIDE, Events
from warehouse.flow.pieces import Piece
from warehouse.flow.quality import Quality
from warehouse.flow.reading import Reading
from warehouse.flow.sink import Sink
from warehouse.flow.state import ABSENT, Side
from warehouse.flow.tape import Array, Flags, Frame, Ints
from warehouse.schema import BAR_NS, BOOK, LADDER, QUALITY, QUOTES, TRADES
from warehouse.store import COMPRESSION

_POINT = 1_000_000_000
_SPAN = 1 << 40
"""More than any price in ticks."""


class Writing:
    """The files of one trading date.

    Args:
        out: Folder that takes them.
        tick: Tick size in 1e-9 points.
        quality: What is counted on the way.
    """

    def __init__(self, out: Path, tick: int, quality: Quality) -> None:
        self._out, self._tick, self._quality, self._bad = out, tick, quality, False
        self._stack = ExitStack()
        self._sinks = {
            declared.name: self._stack.enter_context(Sink(self._path(declared.name), declared))
            for declared in (QUOTES, TRADES, LADDER, BOOK)
        }

    def _path(self, name: str) -> Path:
        return self._out / f"{name.removeprefix('silver.')}.parquet"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, where)
        if kind is None:
            found = pl.DataFrame([self._quality.row()], schema=QUALITY.schema)
            found.write_parquet(self._path(QUALITY.name), compression=COMPRESSION, statistics=True)

    def pass_by(self, piece: Piece) -> None:
        """Take a piece from before the trading date, of which only flags matter."""
        self._bad = bool(bad_rows(piece.events, carried=self._bad)[-1])

    def add(self, reading: Reading) -> None:
        """Write what a piece of the trading date says."""
        bad = bad_rows(reading.piece.events, carried=self._bad)
        self._bad = bool(bad[-1])
        self._sinks[QUOTES.name].add(quotes(reading))
        self._sinks[TRADES.name].add(trades(reading))
        found: Frame = {}
        if reading.piece.whole:
            found = self._bars(reading, bad)
        self._quality.add(reading, found)

    def _bars(self, reading: Reading, bad: Flags) -> Frame:
        piece = reading.piece
        sides = [_ladder(reading, number) for number in (0, 1)]
        rows = book.table(reading, self._tick) | edge.table(reading)
        residual, turnover = _conserved(sides, rows["meta_reset"][0])
        rows |= {
            "bar_ts": (piece.start + BAR_NS * np.arange(piece.bars), None),
            "meta_badbook": (_suspect(reading, bad), None),
            "meta_residual_qty": (residual, None),
            "meta_turnover_qty": (turnover, None),
        }
        self._sinks[LADDER.name].add(_by_price(sides, piece.start, self._tick))
        self._sinks[BOOK.name].add(rows)
        return rows


def _suspect(reading: Reading, bad: Flags) -> Flags:
    """Bars with a state that may be bad or is crossed, or an event whose levels could not be."""
    time = reading.timeline
    odd, rows = bad | reading.state.crossed, np.zeros(time.bars, np.bool_)
    if odd.any():
        rows = time.extreme(odd, np.maximum)
    rows[time.bar_of(np.flatnonzero(reading.spoilt))] = True
    return rows


def bad_rows(events: Events, *, carried: bool) -> Flags:
    """Rows whose book was flagged as maybe bad since the last reset, the carried one first."""
    if not (carried or events.bad.any()):
        return np.zeros(len(events.ts) + 1, np.bool_)
    number = np.arange(len(events.ts))
    flagged = np.maximum.accumulate(np.where(events.bad, number, -1))
    reset = np.maximum.accumulate(np.where(events.reset, number, -1))
    since = (flagged >= reset) & (flagged >= 0)
    return np.append(carried, since | (carried & (reset < 0)))


def quotes(reading: Reading) -> Frame:
    """Rows of the quotes: changes of a best price or size, and resets; a crossed book has no best price."""
    events, sides = reading.piece.events, reading.state.sides
    dropped = np.append(False, events.reset)
    row = _quoted(sides, dropped)
    reset = dropped.take(row) & np.append(True, row[1:] != row[:-1])[: len(row)]
    unknown = reset | reading.state.crossed.take(row)
    out: Frame = {"ts": (events.ts.take(row - 1), None), "reset": (reset, None)}
    for name, side in zip(("bid", "ask"), sides, strict=True):
        step = side.step.take(row)
        null = unknown | (side.u[0] == ABSENT).take(step)
        out[f"{name}_px"] = (side.px[0] / _POINT).take(step), null
        out[f"{name}_qty"] = side.sz[0].take(row), null
    return out


def _quoted(sides: tuple[Side, Side], dropped: Flags) -> Ints:
    """Rows that change a quote, those twice that drop a book and show another one at once."""
    chosen = dropped.copy()
    for side in sides:
        chosen[side.touched] = True
    row, twice = np.flatnonzero(chosen), np.flatnonzero(dropped)
    twice = twice[np.maximum(sides[0].best.take(twice), sides[1].best.take(twice)) != ABSENT]
    return np.sort(np.append(row, twice)) if len(twice) else row


def trades(reading: Reading) -> Frame:
    """Rows of the trades, in feed order."""
    piece = reading.piece
    at = reading.prints
    side = piece.records["side"][at]
    return {
        "ts": (piece.events.ts[piece.event[at] - 1], None),
        "price": (piece.records["price"][at] / _POINT, None),
        "size": (piece.records["size"][at], None),
        "side": (np.where((side == ASK) | (side == BID), side, NO_SIDE), None),
    }


def _ladder(reading: Reading, number: int) -> Frame:
    depth, flow, time = reading.depths[number], reading.flows[number], reading.timeline
    side = reading.state.sides[number]
    on = ladder.grid(*depth.reach(), side.best, time, flow)
    return ladder.table(depth.show(on), on, flow, side.sign)


def _conserved(sides: list[Frame], reset: Array) -> tuple[Ints, Ints]:
    """Residual and turnover of each bar, over prices known through it; none where the book was dropped."""
    residual, turnover = np.zeros(len(reset)), np.zeros(len(reset))
    for rows in sides:
        bar, add, gone = rows["bar"][0], rows["add"][0], rows["pull"][0] + rows["fill"][0]
        known = rows["through"][0] & ~reset[bar]
        off = np.abs(rows["qty"][0] - rows["qty_open"][0] - add + gone)
        residual += np.bincount(bar, off * known, len(reset))
        turnover += np.bincount(bar, (add + gone) * known, len(reset))
    return residual.astype(np.int64), turnover.astype(np.int64)


def _by_price(sides: list[Frame], start: int, tick: int) -> Frame:
    """Both sides in the order of the table: bar, side letter, price."""
    joined = {name: _joined([rows[name] for rows in sides]) for name in sides[0]}
    bar, sign, price = (joined[name][0] for name in ("bar", "sign", "price"))
    order = np.argsort((2 * bar + (sign > 0)) * _SPAN + price, kind="stable")
    out = {
        name: (values[order], None if null is None else null[order])
        for name, (values, null) in joined.items()
    }
    out["bar_ts"] = start + BAR_NS * out["bar"][0], None
    out["side"] = np.where(out["sign"][0] > 0, BID, ASK), None
    out["price"] = out["price"][0] * tick / _POINT, None
    return out


def _joined(parts: list[tuple[Array, Flags | None]]) -> tuple[Array, Flags | None]:
    values = np.concatenate([values for values, _ in parts])
    nulls = [null for _, null in parts if null is not None]
    return values, np.concatenate(nulls) if nulls else None
