"""The book: what has no price key, one row for every bar."""

from __future__ import annotations

import numpy as np

from warehouse.dbn import UNDEF_PRICE
from warehouse.flow.events import ADD, ASK, BID, CANCEL, CLEAR, MODIFY
from warehouse.flow.lots import Lots
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
    lots = sum(
        (_banded(span, centre, limits, bars) for span in reading.spans[number]), np.zeros((len(limits), bars))
    )
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
    distance = np.clip(middle - span.u, -1, limits[-1] + 1)
    distance[middle == ABSENT] = -1
    # The last row takes what lies in no band: too far, beyond the microprice, or without one.
    band = np.searchsorted(limits, np.arange(limits[-1] + 3))
    band[-1] = len(limits)
    cell = band[distance] * bars + span.bar
    total = np.bincount(cell, span.lots * span.ns, (len(limits) + 1) * bars)
    return total.reshape(-1, bars)[:-1]


def _band_flows(reading: Reading, number: int, limits: Ints) -> Frame:
    """Flow by the distance of its price from the microprice before its event; beyond that is nearest."""
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
    bars, out = reading.timeline.bars, {}
    total = np.zeros(bars, np.int64)
    for level in range(DEPTH):
        signed, absolute = _pressures(reading, level)
        total += absolute
        out[f"ofi_{level:02d}"] = signed, None
        if level == 0:
            out["ofi_abs_00"] = absolute, None
    return {**out, "ofi_abs": (total, None)}


def _pressures(reading: Reading, level: int) -> tuple[Ints, Ints]:
    """Sums over the events of each bar of bid less ask pressure, and of its absolute value."""
    bars = reading.timeline.bars
    signed, absolute = np.zeros(bars), np.zeros(bars)
    asked = np.zeros(len(reading.moving), np.int64)
    for side in reversed(reading.state.sides):
        rows = side.changed[level]
        rows = rows[reading.moving[rows]]
        bar, value = reading.timeline.bar_of(rows), _pressure(side, level, rows)
        signed += side.sign * np.bincount(bar, value, bars)
        if side.sign > 0:
            # Where both sides changed, what the ask alone was counted for is taken back.
            absolute += np.bincount(bar, np.abs(value - asked[rows]) - np.abs(asked[rows]), bars)
        else:
            asked[rows] = value
            absolute += np.bincount(bar, np.abs(value), bars)
    return signed.astype(np.int64), absolute.astype(np.int64)


def _pressure(side: Side, level: int, rows: Ints) -> Ints:
    """What came to a level of one side, less what left it."""
    px, old_px = side.px[level].take(rows), side.px[level].take(rows - 1)
    size, old = side.sz[level].take(rows).astype(np.int64), side.sz[level].take(rows - 1).astype(np.int64)
    if side.sign > 0:
        px, old_px = (
            np.where(px == UNDEF_PRICE, -UNDEF_PRICE, px),
            np.where(old_px == UNDEF_PRICE, -UNDEF_PRICE, old_px),
        )
    else:
        px, old_px = old_px, px
    pressure: Ints = (px >= old_px) * size - (px <= old_px) * old
    return pressure


def _touch(reading: Reading, tick: int) -> Frame:
    """Averages over time of what both sides make together; null where defined for less than half a bar."""
    time, made = reading.timeline, reading.state
    bid, ask = made.sides
    both, spread = made.both, made.spread
    inner = bid.sz[0].astype(np.int64), ask.sz[0].astype(np.int64)
    outer = bid.sz.sum(axis=0, dtype=np.int64), ask.sz.sum(axis=0, dtype=np.int64)
    weight, total = time.integral(both), outer[0] + outer[1]
    mid = bid.best - ask.best
    low = time.extreme(np.where(both, mid, -ABSENT), np.minimum)
    high = time.extreme(np.where(both, mid, ABSENT), np.maximum)
    half = tick / 2 / _POINT
    return {
        "mid_min": (low * half, low == -ABSENT),
        "mid_max": (high * half, high == ABSENT),
        "spread_twa": _mean(reading, spread * both * (tick / _POINT), weight),
        "tight_frac": _mean(reading, (spread == 1) & both, weight),
        "obi0_twa": _mean(reading, _balance(*inner) * both, weight),
        "obi10_twa": _mean(reading, _balance(*outer), time.integral(total > 0)),
    }


def _balance(bid: Ints, ask: Ints) -> Array:
    balance: Array = (bid - ask) / np.maximum(bid + ask, 1)
    return balance


def _mean(reading: Reading, values: Array, weight: Array) -> tuple[Array, Flags]:
    """Mean over time of values that are 0 where undefined, and where they were defined too briefly."""
    return reading.timeline.integral(values) / np.maximum(weight, 1), weight < BAR_NS / 2


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
    action, bar = piece.records["action"], reading.timeline.bar_of(piece.event)
    by_action = np.bincount(bar * 256 + action, minlength=bars * 256).reshape(-1, 256)
    letters = {"add_cnt": ADD, "cancel_cnt": CANCEL, "modify_cnt": MODIFY, "clear_cnt": CLEAR}
    odd = {"meta_late_cnt": piece.events.late, "meta_unknown_order_cnt": reading.unknown}
    out: Frame = {
        "msg_cnt": (by_action.sum(axis=1), None),
        **{name: (by_action[:, letter], None) for name, letter in letters.items()},
        **{name: (np.bincount(bar[chosen], minlength=bars), None) for name, chosen in odd.items()},
    }
    unclosed = np.bincount(piece.bar[piece.events.unclosed], minlength=bars)
    reset = np.bincount(piece.bar[piece.events.reset], minlength=bars) > 0
    return {
        **out,
        "meta_empty": (out["msg_cnt"][0] == 0, None),
        "meta_reset": (reset, None),
        "meta_missing_last_cnt": (unclosed, None),
    }
