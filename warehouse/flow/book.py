"""The book: what has no price key, one row for every bar."""

from __future__ import annotations

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.lots import Lots
from warehouse.flow.pieces import ADD, ASK, BID, CANCEL, CLEAR, MODIFY, TRADE
from warehouse.flow.reading import Reading
from warehouse.flow.state import ABSENT, Side
from warehouse.flow.tape import Array, Flags, Frame, Ints
from warehouse.flow.timeline import Span
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
    return out | _imbalance(reading) | _touch(reading, tick) | _trades(reading, tick) | _counts(reading)


def _levels(reading: Reading, number: int) -> Frame:
    side, name, time = reading.state.sides[number], _NAMES[number], reading.timeline
    out: Frame = {}
    for level, span in enumerate(reading.spans[number]):
        px = side.px[level, time.end_row]
        total = np.bincount(span.bar, span.lots * span.ns, time.bars)
        out[f"{name}_px_{level:02d}"] = px / _POINT, px == UNDEF_PRICE
        out[f"{name}_sz_{level:02d}"] = side.sz[level, time.end_row].astype(np.int64), None
        out[f"{name}_ct_{level:02d}"] = reading.orders[number, level].astype(np.int64), None
        out[f"{name}_sz_{level:02d}_twa"] = total / np.maximum(time.live_ns, 1), time.live_ns == 0
    return out


def _band_sizes(reading: Reading, number: int, limits: Ints) -> Frame:
    """Sizes by distance from the microprice, over the time in which the window reached that far."""
    centre, bars = reading.state.centre[number], reading.timeline.bars
    lots = sum((_banded(span, centre, limits, bars) for span in reading.spans[number]), np.zeros((len(limits), bars)))
    last = reading.spans[number][DEPTH - 1]
    middle = centre[last.row]
    seen = np.where(last.u == ABSENT, limits[-1], middle - last.u)
    out: Frame = {}
    for band, near in enumerate(np.append(0, limits[:-1])):
        reached = last.ns * ((seen > near) & (middle != ABSENT))
        ns = np.bincount(last.bar, reached, bars)
        out[f"{_NAMES[number]}_{_band(band)}_qty_twa"] = lots[band] / np.maximum(ns, 1), ns == 0
    return out


def _banded(span: Span, centre: Ints, limits: Ints, bars: int) -> Array:
    """Lots times nanoseconds by band and bar."""
    middle = centre[span.row]
    there = np.flatnonzero((span.u != ABSENT) & (middle != ABSENT))
    distance = middle[there] - span.u[there]
    band = np.searchsorted(limits, distance)
    inside = (band < len(limits)) & (distance >= 0)
    there = there[inside]
    cell = band[inside] * bars + span.bar[there]
    return np.bincount(cell, span.lots[there] * span.ns[there], len(limits) * bars).reshape(-1, bars)


def _band_flows(reading: Reading, number: int, limits: Ints) -> Frame:
    """Flow by the distance of its price from the microprice before its event; inside the spread is nearest."""
    flow, centre, bars = reading.flows[number], reading.state.centre[number], reading.timeline.bars
    out: Frame = {}
    for kind, lots in (("add", flow.add), ("pull", flow.pull), ("fill", flow.fill)):
        middle = centre[lots.row - 1]
        band = np.searchsorted(limits, middle - lots.u)
        inside = (band < len(limits)) & (middle != ABSENT)
        cell = band[inside] * bars + reading.timeline.bar_of(lots.row[inside])
        sums = np.bincount(cell, lots.qty[inside], len(limits) * bars).astype(np.int64).reshape(-1, bars)
        for index in range(len(limits)):
            out[f"{kind}_{_NAMES[number]}_{_band(index)}"] = sums[index], None
    return out


def _band(index: int) -> str:
    return list(BANDS)[index]


def _imbalance(reading: Reading) -> Frame:
    """Order-flow imbalance of each ladder index between consecutive states of one epoch."""
    bid, ask = reading.state.sides
    time, total, out = reading.timeline, np.zeros(reading.timeline.bars, np.int64), {}
    for level in range(DEPTH):
        either = np.zeros(len(reading.moving), np.bool_)
        either[bid.changed[level]] = either[ask.changed[level]] = True
        rows = np.flatnonzero(either & reading.moving)
        signed = _pressure(bid, level, rows) - _pressure(ask, level, rows)
        bar = time.bar_of(rows)
        absolute = np.bincount(bar, np.abs(signed), time.bars).astype(np.int64)
        total += absolute
        out[f"ofi_{level:02d}"] = np.bincount(bar, signed, time.bars).astype(np.int64), None
        if level == 0:
            out["ofi_abs_00"] = absolute, None
    return {**out, "ofi_abs": (total, None)}


def _pressure(side: Side, level: int, rows: Ints) -> Ints:
    """What came to a level of one side, less what left it."""
    u, old_u = (side.coordinate(side.px[level, at]) for at in (rows, rows - 1))
    size, old = (side.sz[level, at].astype(np.int64) for at in (rows, rows - 1))
    pressure: Ints = (u >= old_u) * size - (u <= old_u) * old
    return pressure


def _touch(reading: Reading, tick: int) -> Frame:
    """Averages over time of what both sides make together; null where it was defined for less than half a bar."""
    time, made = reading.timeline, reading.state
    bid, ask = made.sides
    both, spread = made.both, made.spread
    inner = bid.sz[0].astype(np.int64), ask.sz[0].astype(np.int64)
    outer = bid.sz.sum(axis=0, dtype=np.int64), ask.sz.sum(axis=0, dtype=np.int64)
    spread_mean, unknown = _mean(reading, spread * (tick / _POINT), both)
    mid = bid.best - ask.best
    low = time.extreme(np.where(both, mid, -ABSENT), np.minimum)
    high = time.extreme(np.where(both, mid, ABSENT), np.maximum)
    half = tick / 2 / _POINT
    return {
        "mid_min": (low * half, low == -ABSENT),
        "mid_max": (high * half, high == ABSENT),
        "spread_twa": (spread_mean, unknown),
        "tight_frac": _mean(reading, (spread == 1).astype(np.float64), both),
        "obi0_twa": _mean(reading, _balance(*inner), both),
        "obi10_twa": _mean(reading, _balance(*outer), outer[0] + outer[1] > 0),
    }


def _balance(bid: Ints, ask: Ints) -> Array:
    balance: Array = (bid - ask) / np.maximum(bid + ask, 1)
    return balance


def _mean(reading: Reading, values: Array, defined: Flags) -> tuple[Array, Flags]:
    time = reading.timeline
    ns = time.ns * defined[time.row]
    total, weight = time.per_bar(values[time.row] * ns), time.per_bar(ns)
    return total / np.maximum(weight, 1), weight < BAR_NS / 2


def _trades(reading: Reading, tick: int) -> Frame:
    piece, time = reading.piece, reading.timeline
    at = np.flatnonzero((piece.records["action"] == TRADE) & ~reading.odd)
    row, side = piece.event[at], piece.records["side"][at]
    size, bar = piece.records["size"][at].astype(np.int64), time.bar_of(piece.event[at])
    u = piece.records["price"][at] // tick
    volume = {name: size * chosen for name, chosen in _aggressors(side).items()}
    largest = np.zeros(time.bars, np.int64)
    np.maximum.at(largest, bar, size)
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1]))[: len(row)]  # noqa: FBT003
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
    action, bar = piece.records["action"], reading.timeline.bar_of(piece.event)
    count = {
        "msg_cnt": np.ones(len(bar), np.bool_),
        "add_cnt": action == ADD,
        "cancel_cnt": action == CANCEL,
        "modify_cnt": action == MODIFY,
        "clear_cnt": action == CLEAR,
        "meta_late_cnt": piece.events.late,
        "meta_unknown_order_cnt": reading.unknown,
    }
    out: Frame = {name: (np.bincount(bar[chosen], minlength=bars), None) for name, chosen in count.items()}
    unclosed = np.bincount(piece.bar[piece.events.unclosed], minlength=bars)
    reset = np.bincount(piece.bar[piece.events.reset], minlength=bars) > 0
    return {
        **out,
        "meta_empty": (out["msg_cnt"][0] == 0, None),
        "meta_reset": (reset, None),
        "meta_missing_last_cnt": (unclosed, None),
    }
