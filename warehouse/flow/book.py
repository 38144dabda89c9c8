"""The book: what has no price key, one row for every bar."""

from __future__ import annotations

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow import ofi
from warehouse.flow.events import ADD, ASK, BID, CANCEL, CLEAR, MODIFY
from warehouse.flow.lots import Lots
from warehouse.flow.reading import Reading
from warehouse.flow.state import ABSENT
from warehouse.flow.tape import Array, Flags, Frame, Ints
from warehouse.flow.timeline import sums
from warehouse.schema import BANDS, BAR_NS, DEPTH

_NAMES = ("bid", "ask")
_POINT = 1_000_000_000


def table(reading: Reading, tick: int) -> Frame:
    """Rows of the book of a piece, but for what the ladder and the flags of earlier pieces tell.

    Args:
        reading: States and flows.
        tick: Tick size in 1e-9 points.
    """
    out: Frame = {}
    limits = np.array([int(high * _POINT) // tick for _, high in BANDS.values()])
    for number in (0, 1):
        out |= _levels(reading, number)
        out |= _band_sizes(reading, number, limits)
        out |= _band_flows(reading, number, limits)
    return out | ofi.table(reading) | _touch(reading, tick) | _trades(reading, tick) | _counts(reading)


def _levels(reading: Reading, number: int) -> Frame:
    side, name, time = reading.state.sides[number], _NAMES[number], reading.timeline
    px, sz = side.px.take(side.step.take(time.end_row), axis=1), side.sz[:, time.end_row].astype(np.int64)
    twa = _lot_ns(reading, number) / np.maximum(time.live_ns, 1)
    ct, unknown = reading.orders[number].astype(np.int64), time.live_ns == 0
    out: Frame = {}
    for level in range(DEPTH):
        out[f"{name}_px_{level:02d}"] = px[level] / _POINT, px[level] == UNDEF_PRICE
        out[f"{name}_sz_{level:02d}"] = sz[level], None
        out[f"{name}_ct_{level:02d}"] = ct[level], None
        out[f"{name}_sz_{level:02d}_twa"] = twa[level], unknown
    return out


def _lot_ns(reading: Reading, number: int) -> Array:
    """Lots times nanoseconds by level and bar: what a bar began with, and each change until the bar's end."""
    side, lasting, time = reading.state.sides[number], reading.lasting[number], reading.timeline
    change = (side.turns.now - side.turns.was) * lasting.turn_ns
    first = np.arange(DEPTH)[:, None] * time.bars
    still = sums(lasting.lot_ns, lasting.bounds)
    turned = np.bincount((first + lasting.turn_bar).ravel(), change.ravel(), DEPTH * time.bars)
    return lasting.opening_lots * BAR_NS + (still + turned).reshape(DEPTH, -1)


def _band_sizes(reading: Reading, number: int, limits: Ints) -> Frame:
    """Sizes by distance from the microprice, over the time in which the window reached that far."""
    centre, time, last = reading.state.centre[number], reading.timeline, reading.lasting[number].edge
    lots = _banded(reading, number, limits)
    middle = centre.take(last.row)
    seen = np.where(last.u == ABSENT, limits[-1], middle - last.u)
    out: Frame = {}
    for band, near in enumerate(np.append(0, limits[:-1])):
        reached = last.ns * ((seen > near) & (middle != ABSENT))
        ns = np.bincount(last.bar, reached, time.bars)
        out[f"{_NAMES[number]}_{_band(band)}_qty_twa"] = lots[band] / np.maximum(ns, 1), ns == 0
    return out


def _banded(reading: Reading, number: int, limits: Ints) -> Array:
    """Lots times nanoseconds by band and bar: what a bar began with, and each change until the bar's end.

    Where the microprice moved, all that rests changes its distance.
    """
    side, lasting, time = reading.state.sides[number], reading.lasting[number], reading.timeline
    centre, turns, still = reading.state.centre[number], side.turns, side.still
    lone = np.zeros(len(centre), np.bool_)
    lone[1:] = centre[1:] != centre[:-1]
    lone[turns.row] = False
    alone = np.flatnonzero(lone)
    there, left = time.bar_of(alone), time.left(alone)
    parts = (
        (time.open_row, np.arange(time.bars), BAR_NS, (lasting.opening_u, lasting.opening_lots)),
        (turns.row, lasting.turn_bar, lasting.turn_ns, (turns.now_u, turns.now)),
        (turns.row - 1, lasting.turn_bar, -lasting.turn_ns, (turns.was_u, turns.was)),
        (alone, there, left, side.levels(alone)),
        (alone - 1, there, -left, side.levels(alone - 1)),
    )
    find = _Bands(limits, time.bars)
    total = find.sums(centre.take(still.row), still.u, lasting.bar, lasting.lot_ns * ~lone.take(still.row))
    for row, bar, ns, (u, lots) in parts:
        total = total + find.sums(centre.take(row), u, bar, lots * ns)
    return total


class _Bands:
    """Sums by distance from the microprice and bar."""

    def __init__(self, limits: Ints, bars: int) -> None:
        self._far, self._bars = int(limits[-1]), bars
        # The last one takes what lies in no band: too far, beyond the microprice, or without one.
        self._band = np.searchsorted(limits, np.arange(limits[-1] + 3)) * bars
        self._band[-1] = len(limits) * bars
        self._cells = (len(limits) + 1) * bars

    def sums(self, middle: Ints, u: Ints, bar: Ints, amount: Ints) -> Array:
        """Amounts at coordinates by band and bar, given the microprice's coordinate at each."""
        distance = np.clip(middle - u, -1, self._far + 1)
        distance[..., np.flatnonzero(middle == ABSENT)] = -1
        cell = self._band.take(distance, mode="wrap") + bar
        total = np.bincount(cell.ravel(), amount.ravel(), self._cells)
        return total.reshape(-1, self._bars)[:-1]


def _band_flows(reading: Reading, number: int, limits: Ints) -> Frame:
    """Flow by the distance of its price from the microprice before its event; beyond that is nearest."""
    flow, centre, bars = reading.flows[number], reading.state.centre[number], reading.timeline.bars
    far, out = int(limits[-1]) + 1, dict[str, tuple[Array, Flags | None]]()
    # The last band takes what lies in none: too far, or without a microprice.
    bands = np.searchsorted(limits, np.arange(far + 1)) * bars
    for kind, lots in (("add", flow.add), ("pull", flow.pull), ("fill", flow.fill)):
        middle = centre.take(lots.row - 1)
        distance = np.clip(middle - lots.u, 0, far)
        distance[np.flatnonzero(middle == ABSENT)] = far
        cell = bands.take(distance) + reading.timeline.bar_of(lots.row)
        total = np.bincount(cell, lots.qty, (len(limits) + 1) * bars).astype(np.int64).reshape(-1, bars)
        for index in range(len(limits)):
            out[f"{kind}_{_NAMES[number]}_{_band(index)}"] = total[index], None
    return out


def _band(index: int) -> str:
    return list(BANDS)[index]


def _touch(reading: Reading, tick: int) -> Frame:
    """Averages over time of what both sides make together; null where defined for less than half a bar."""
    time, made = reading.timeline, reading.state
    bid, ask = made.sides
    inner = bid.sz[0].astype(np.int64), ask.sz[0].astype(np.int64)
    outer = bid.total, ask.total
    total = outer[0] + outer[1]
    row, bar, ns = time.runs(bid.turns.row, ask.turns.row)
    both, near, far = made.both.take(row), bid.best.take(row), ask.best.take(row)
    spread, mid = -(near + far), near - far
    first = np.searchsorted(bar, np.arange(time.bars))
    low = np.minimum.reduceat(np.where(both, mid, -ABSENT), first)
    high = np.maximum.reduceat(np.where(both, mid, ABSENT), first)
    half, point = tick / 2 / _POINT, tick / _POINT
    weight, spreads, tight = (
        np.bincount(bar, ns * values, time.bars) for values in (both, spread * both, (spread == 1) & both)
    )
    return {
        "mid_min": (low * half, low == -ABSENT),
        "mid_max": (high * half, high == ABSENT),
        "spread_twa": _mean(spreads * point, weight),
        "tight_frac": _mean(tight, weight),
        "obi0_twa": _mean(time.integral(_balance(*inner) * made.both), weight),
        "obi10_twa": _mean(time.integral(_balance(*outer)), time.during(total > 0)),
    }


def _balance(bid: Ints, ask: Ints) -> Array:
    balance: Array = (bid - ask) / np.maximum(bid + ask, 1)
    return balance


def _mean(total: Array, weight: Array) -> tuple[Array, Flags]:
    """Mean over time from an integral and the time defined, and where that was too brief."""
    return total / np.maximum(weight, 1), weight < BAR_NS / 2


def _trades(reading: Reading, tick: int) -> Frame:
    piece, time = reading.piece, reading.timeline
    at = reading.prints
    row, side = piece.event[at], piece.records["side"][at]
    size, bar = piece.records["size"][at].astype(np.int64), time.bar_of(piece.event[at])
    u = piece.records["price"][at] // tick
    volume = {name: size * chosen for name, chosen in _aggressors(side).items()}
    largest = np.zeros(time.bars, np.int64)
    np.maximum.at(largest, bar, size)
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1]))[: len(row)]
    swept = np.zeros(len(row), np.bool_)
    if len(row):
        many = np.maximum.reduceat(u, first) != np.minimum.reduceat(u, first)
        swept = np.repeat(many, np.diff(np.append(first, len(row))))
    unmatched = [_sum(reading, flow.unmatched) for flow in reading.flows]
    return {
        **{name: (np.bincount(bar, lots, time.bars).astype(np.int64), None) for name, lots in volume.items()},
        "trade_cnt": (np.bincount(bar, minlength=time.bars), None),
        "max_trade": (largest, None),
        "sweep_vol": (np.bincount(bar, size * swept, time.bars).astype(np.int64), None),
        "notional": (np.bincount(bar, u * size, time.bars) * (tick / _POINT), None),
        "meta_trade_unmatched_qty": (unmatched[0] + unmatched[1], None),
    }


def _aggressors(side: Array) -> dict[str, Flags]:
    return {"buy_vol": side == BID, "sell_vol": side == ASK, "unknown_vol": (side != BID) & (side != ASK)}


def _sum(reading: Reading, lots: Lots) -> Ints:
    bars = reading.timeline.bars
    return np.bincount(reading.timeline.bar_of(lots.row), lots.qty, bars).astype(np.int64)


def _counts(reading: Reading) -> Frame:
    piece, bars = reading.piece, reading.timeline.bars
    bounds = np.append(piece.events.first.take(reading.timeline.open_row), len(piece.event))
    letters = {"add_cnt": ADD, "cancel_cnt": CANCEL, "modify_cnt": MODIFY, "clear_cnt": CLEAR}
    chosen = {name: piece.records["action"] == letter for name, letter in letters.items()}
    chosen |= {"meta_late_cnt": piece.events.late, "meta_unknown_order_cnt": reading.unknown}
    unclosed = np.bincount(piece.bar[piece.events.unclosed], minlength=bars)
    reset = np.bincount(piece.bar[piece.events.reset], minlength=bars) > 0
    return {
        "msg_cnt": (np.diff(bounds), None),
        **{name: (np.diff(np.searchsorted(np.flatnonzero(at), bounds)), None) for name, at in chosen.items()},
        "meta_empty": (bounds[1:] == bounds[:-1], None),
        "meta_reset": (reset, None),
        "meta_missing_last_cnt": (unclosed, None),
    }
