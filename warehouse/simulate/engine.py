"""The order-level engine: one limit order book under queue-reactive flow, and the records a feed makes of it.

Prices are integer ticks on a grid, times are seconds since the session's start, side 0 is bid and 1 ask;
a price holds orders of one side only. Everything here is compiled by numba. Its cache watches one source
file only, so every compiled function stands in this one.

Flow follows Huang, Lehalle and Rosenbaum (2015): rates by distance from the touch and by queue. An
efficient price that diffuses steers the touch, so that volatility is a dial and does not hang on how
much flow is shown. Volatility steers nothing else: whatever planted levels do is in `tilt` and `drift`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]

GRID = 4096
"""Prices of the grid; the session opens in its middle."""
REACH = 24
"""Distances from the touch, in ticks, at which orders come and go."""
DEPTH = 10
SLOW_S = 0.1
"""Seconds between updates of the slow states."""
BAR_S = 5.0
SLOTS = 512
"""Orders and tombstones that a price can hold."""
LEVELS, ARRIVALS, BARS = 4, 2048, 17_000
BID, ASK = 0, 1
ROW = {"mbp-10": 46, "mbo": 7}
"""64-bit words of a record."""
ROOM = 2048
"""Rows that one event may need at most; the output buffer keeps them free."""
_UNDEF = np.int64(2**63 - 1)
_FAR = np.int64(2**40)
_LAST = np.int64(130) << 48
_LAST_MBO = np.int64(130) << 32
_SNAPSHOT = np.int64(40) << 32
_BAR_STEPS = 50
_DRIFT = 0.55
_FILLED = 300
_A, _C, _M, _T, _F = 65, 67, 77, 84, 70
_UNSET, _BELOW, _ABOVE, _ZONE = 0, 1, 2, 3
_IDLE, _SEEN, _RACE = 0, 1, 2

DIALS = (
    "rate_scale", "lot", "order_rate", "mu", "lin", "steer_add", "steer_cancel", "steer_market",
    "steer_spread", "bias_sd", "bias_tau", "activity_sd", "follow", "reprice", "walk", "kf", "kn",
    "km", "p_break", "p_reject",
)  # fmt: skip
"""What a session is made with; see `worlds.py` for the values and their meaning."""
STATE = np.dtype(
    [
        *(
            (name, "i8")
            for name in ("start", "base", "tick", "head", "mbo", "n", "steps", "mark", "ts_event")
        ),
        *((name, "i8") for name in ("ts_recv", "sequence", "next_id", "bar", "lo", "hi", "arrival", "delay")),
        *(
            (name, "f8")
            for name in ("t", "value", "fast", "calm", "bias", "meta", "meta_end", "sigma", "rate")
        ),
        *((name, "f8") for name in ("lin", "drift")),
        *((name, "i8", 2) for name in ("best", "edge")),
        ("dials", [(name, "f8") for name in DIALS]),
        ("random", "u8", 2),
        ("shown", "i8", 4 * DEPTH),
        ("rates", "f8", 7),
        ("steer", "f8", (3, 2)),
        *((name, "f8", (2, REACH)) for name in ("lam", "theta")),
        ("levels", "f8", (LEVELS, 3)),
        ("level_state", "i8", (LEVELS, 8)),
        ("arrivals", "f8", (ARRIVALS, 6)),
        ("bars", "i8", (BARS, 2)),
        *((name, "f8", (2, GRID)) for name in ("add_tilt", "cancel_tilt")),
        *((name, "i8", GRID) for name in ("qty", "count", "first", "after")),
        *((name, "i8", (GRID, SLOTS)) for name in ("orders", "sizes")),
    ]
)
"""A book in motion, its slow states and what is planted. One record, since numba counts references of
arrays at every call but not of a record; `orders` and `sizes` are queues by price, size 0 a tombstone."""


@njit(cache=True)
def _uniform(random: Array, stream: int) -> float:
    """SplitMix64: the same numbers on every machine, and two streams that do not disturb each other."""
    random[stream] += np.uint64(0x9E3779B97F4A7C15)
    z = random[stream]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (float(z >> np.uint64(11)) + 0.5) * 2.0**-53


@njit(cache=True)
def _normal(random: Array, stream: int) -> float:
    radius = math.sqrt(-2.0 * math.log(_uniform(random, stream)))
    return radius * math.cos(2.0 * math.pi * _uniform(random, stream))


@njit(cache=True)
def _lots(random: Array, mean: float, lot: float) -> int:
    """Size of a resting order (mean 1.7) or, from a mean above 2, of an aggressor."""
    u, v = _uniform(random, 0), _uniform(random, 0)
    if mean > 2.0:
        size = 1.0 if u < 0.5 else 2.0 + 3.0 * v if u < 0.88 else 5.0 + 15.0 * v * v
    elif u < 0.8:
        size = 1.0
    elif u < 0.97:
        size = 2.0 + math.floor(4.0 * v)
    elif u < 0.992:
        size = 6.0 + math.floor(4.0 * v)
    else:
        size = 10.0 if v < 0.5 else 20.0 if v < 0.8 else 25.0 if v < 0.95 else 50.0
    return max(1, int(size * lot + _uniform(random, 0)))


# ---- the book ----


@njit(cache=True)
def _push(st: Any, price: int, order: int, size: int) -> None:
    first, after = st.first[price], st.after[price]
    if after == SLOTS or after - first > 4 * st.count[price] + 32:
        to = 0
        for slot in range(first, after):
            if st.sizes[price, slot] > 0:
                st.sizes[price, to], st.orders[price, to] = st.sizes[price, slot], st.orders[price, slot]
                to += 1
        st.first[price], after = 0, to
    if after == SLOTS:
        return
    st.orders[price, after], st.sizes[price, after] = order, size
    st.after[price] = after + 1
    st.count[price] += 1
    st.qty[price] += size


@njit(cache=True)
def _drop(st: Any, side: int, price: int, slot: int) -> None:
    st.qty[price] -= st.sizes[price, slot]
    st.count[price] -= 1
    st.sizes[price, slot] = 0
    if st.count[price] == 0:
        st.first[price] = st.after[price] = 0
        step = 2 * side - 1
        while price == st.best[side] and st.count[price] == 0 and 1 < price < GRID - 2:
            price += step
            st.best[side] = price
    else:
        while st.sizes[price, st.first[price]] == 0:
            st.first[price] += 1


@njit(cache=True)
def _rest(st: Any, side: int, price: int, order: int, size: int) -> None:
    _push(st, price, order, size)
    if (2 * side - 1) * (price - st.best[side]) < 0:
        st.best[side] = price


@njit(cache=True)
def _draw(st: Any, price: int) -> int:
    """A resting order, the young ones more often: most cancels hit what was just added."""
    first, after = st.first[price], st.after[price]
    while True:
        u = _uniform(st.random, 0)
        slot = after - 1 - int((after - first) * u * u)
        if st.sizes[price, slot] > 0:
            return slot


# ---- the feed ----


@njit(cache=True)
def _show(st: Any, side: int) -> None:
    """Bring ten levels of a side up to date in the row that every record copies."""
    step, price, level = 2 * side - 1, st.best[side], 0
    shift, keep = np.int64(32 * side), np.int64(0xFFFFFFFF) << np.int64(32 - 32 * side)
    edge = _FAR
    while level < DEPTH and 0 < price < GRID:
        if st.count[price] > 0:
            at = 4 * level
            st.shown[at + side] = (st.base + price) * st.tick
            st.shown[at + 2] = (st.shown[at + 2] & keep) | (st.qty[price] << shift)
            st.shown[at + 3] = (st.shown[at + 3] & keep) | (st.count[price] << shift)
            level += 1
            edge = step * price
        price += step
    st.edge[side] = edge if level == DEPTH else _FAR
    while level < DEPTH:
        at = 4 * level
        st.shown[at + side] = _UNDEF
        st.shown[at + 2] &= keep
        st.shown[at + 3] &= keep
        level += 1


@njit(cache=True)
def _row(st: Any, out: Array, action: int, side: int, price: int, size: int, order: int) -> None:
    """One record; `side` is 0 or 1, the book is as shown last."""
    row, letter = out[st.n], 66 - side
    row[0], row[1] = st.head, st.ts_event
    fixed = (st.base + price) * st.tick
    if st.mbo:
        row[2], row[3] = order, fixed
        row[4] = size | action << 48 | letter << 56
        row[5], row[6] = st.ts_recv, st.delay | st.sequence << 32
    else:
        # Of a trade `side` is the aggressor's, and the price lies on the other one.
        resting = 1 - side if action == _T else side
        depth, step = 0, 2 * resting - 1
        while (
            depth < DEPTH - 1
            and st.shown[4 * depth + resting] != _UNDEF
            and (step * (st.shown[4 * depth + resting] - fixed) < 0)
        ):
            depth += 1
        row[2] = fixed
        row[3] = size | action << 32 | letter << 40 | depth << 56
        row[4], row[5] = st.ts_recv, st.delay | st.sequence << 32
        for word in range(4 * DEPTH):
            row[6 + word] = st.shown[word]
    st.n += 1


@njit(cache=True)
def _begin(st: Any) -> None:
    """A venue event: one ts_event, a sequence number, received a tenth of a millisecond later."""
    st.mark = st.n
    st.ts_event = max(st.ts_event, st.start + np.int64(st.t * 1e9))
    u = _uniform(st.random, 0)
    st.delay = 13_000 + int(3000 * u)
    st.ts_recv = max(st.ts_recv, st.ts_event + 100_000 - int(30_000 * math.log(u)))
    st.sequence += 1


@njit(cache=True)
def _end(st: Any, out: Array) -> None:
    if st.n > st.mark:
        if st.mbo:
            out[st.n - 1, 4] |= _LAST_MBO
        else:
            out[st.n - 1, 3] |= _LAST


@njit(cache=True)
def _seen(st: Any, side: int, price: int) -> bool:
    return bool(st.mbo) or (2 * side - 1) * price <= st.edge[side]


# ---- what happens to orders ----


@njit(cache=True)
def _add(st: Any, out: Array, side: int, price: int, size: int) -> None:
    _begin(st)
    seen = _seen(st, side, price)
    _rest(st, side, price, st.next_id, size)
    if seen:
        _show(st, side)
        _row(st, out, _A, side, price, size, st.next_id)
    st.next_id += 1
    _end(st, out)


@njit(cache=True)
def _cancel(st: Any, out: Array, side: int, price: int, to: int) -> None:
    """Take an order away, or move it to another price of its side, or (same price) shrink it."""
    _begin(st)
    slot = _draw(st, price)
    order, size = st.orders[price, slot], st.sizes[price, slot]
    seen = _seen(st, side, price) or (to >= 0 and _seen(st, side, to))
    action, left = _C, size
    if to == price:
        left = max(1, size // 2)
        action = _M if left < size else _C
    if to >= 0 and to != price:
        action = _M
        if _uniform(st.random, 0) < 0.3:
            left = max(1, int(size * (0.5 + _uniform(st.random, 0)) + 0.5))
    if action == _M and to == price:
        st.sizes[price, slot] = left
        st.qty[price] -= size - left
    else:
        _drop(st, side, price, slot)
        if action == _M:
            _rest(st, side, to, order, left)
    if seen:
        _show(st, side)
        _row(st, out, action, side, to if action == _M else price, left, order)
    _end(st, out)


@njit(cache=True)
def _trade(st: Any, out: Array, side: int, size: int, deep: bool) -> None:  # noqa: C901
    """An aggressor takes from `side`: prints first, on the book before, then what they did to it."""
    _begin(st)
    step, aggressor = 2 * side - 1, st.next_id
    st.next_id += 1
    price, left, stop = st.best[side], size, st.best[side] + (4 * step if deep else 0)
    while left > 0 and step * (stop - price) >= 0 and 1 < price < GRID - 2:
        take = min(left, st.qty[price])
        if take > 0:
            _row(st, out, _T, 1 - side, price, take, aggressor)
            left -= take
            st.lo = min(st.lo, price)
            st.hi = max(st.hi, price)
            slot = st.first[price]
            while st.mbo and take > 0:
                fill = min(take, st.sizes[price, slot])
                if fill > 0:
                    _row(st, out, _F, side, price, fill, st.orders[price, slot])
                take -= fill
                slot += 1
        price += step
    left = size - left
    while left > 0:
        price = st.best[side]
        slot = st.first[price]
        order, whole = st.orders[price, slot], st.sizes[price, slot]
        if whole <= left:
            _drop(st, side, price, slot)
            _show(st, side)
            _row(st, out, _C, side, price, whole, order)
            left -= whole
        else:
            st.sizes[price, slot] = whole - left
            st.qty[price] -= left
            _show(st, side)
            _row(st, out, _M, side, price, whole - left, order)
            left = 0
    _end(st, out)


# ---- levels and what is planted at them ----


@njit(cache=True)
def _tilt(st: Any) -> None:
    """Rates near every level whose arrival is in sight, by its hidden state."""
    st.add_tilt[:] = 1.0
    st.cancel_tilt[:] = 1.0
    for k in range(LEVELS):
        if st.level_state[k, 1] == _SEEN:
            price, z, d = st.level_state[k, 2], st.level_state[k, 3], st.level_state[k, 4]
            far, near = math.exp(z * st.dials.kf), math.exp(z * st.dials.kn)
            opposing, supporting = (ASK, BID) if d > 0 else (BID, ASK)
            for x in range(-1, 9):
                st.add_tilt[opposing, price + d * x] /= far
                st.cancel_tilt[opposing, price + d * x] *= far
            for x in range(-8, 1):
                st.add_tilt[supporting, price + d * x] *= near
                st.cancel_tilt[supporting, price + d * x] /= near


@njit(cache=True)
def _sight(st: Any, k: int) -> None:
    """An arrival at level k comes in sight: its hidden state is drawn and written down."""
    state, u = st.level_state[k], _uniform(st.random, 0)
    z = 1 if u < st.dials.p_break else -1 if u < st.dials.p_break + st.dials.p_reject else 0
    state[1], state[3], state[4] = _SEEN, z, 1 if state[0] == _BELOW else -1
    if st.arrival < ARRIVALS:
        row = st.arrivals[st.arrival]
        row[0], row[1], row[2], row[3], row[4], row[5] = st.t, -1.0, k, st.base + state[2], state[4], z
        state[5] = st.arrival
        st.arrival += 1
    _tilt(st)


@njit(cache=True)
def _machine(st: Any, k: int, bar: int, live: int) -> None:
    """D.1's state machine of level k over one bar; `levels` holds start and end of what makes it, and whether it is a high."""
    state, twice = st.level_state[k], 2 * st.level_state[k, 2]
    lo, hi = st.bars[bar, 0] - twice, st.bars[bar, 1] - twice
    if state[0] in (_BELOW, _ABOVE):
        if lo <= 8 and hi >= -8:
            if live and state[1] != _RACE:
                if state[1] == _IDLE:
                    _sight(st, k)
                state[1], state[6] = _RACE, bar + 1
                st.arrivals[state[5], 1] = bar * BAR_S
                _tilt(st)
            state[0] = _ZONE
        return
    # Six bars wholly beyond the band, the carried-in state too, are thirty seconds without interruption.
    below, above = bar >= 5, bar >= 5
    for b in range(max(0, bar - 5), bar + 1):
        below = below and st.bars[b, 1] - twice < -16
        above = above and st.bars[b, 0] - twice > 16
    if below or above:
        state[0] = _BELOW if below else _ABOVE


@njit(cache=True)
def _levels(st: Any, second: float) -> None:
    """Every slow step: extremes from the tape, arrivals coming in sight, the drift of open races."""
    middle = st.best[BID] + st.best[ASK]
    st.drift = 0.0
    for k in range(LEVELS):
        start, known, high = st.levels[k, 0], st.levels[k, 1], st.levels[k, 2] > 0.0
        state = st.level_state[k]
        if start < second <= known and st.hi > 0:
            found = st.hi if high else st.lo
            state[2] = found if state[2] == 0 else max(state[2], found) if high else min(state[2], found)
        if second < known or state[2] == 0:
            continue
        if state[7] == 0:
            state[7] = 1
            for bar in range(max(0, int((known - 1800.0) / BAR_S)), st.bar):
                _machine(st, k, bar, 0)
        if state[1] == _IDLE and state[0] in (_BELOW, _ABOVE) and abs(middle - 2 * state[2]) <= 32:
            _sight(st, k)
        if state[1] == _RACE:
            barrier = max(16.0, 2.0 * 0.9 * 2.0 * st.sigma * math.sqrt(60.0))
            if abs(middle - 2 * state[2]) >= barrier or second - state[6] * BAR_S >= 480.0:
                state[1] = _IDLE
            st.drift += state[3] * state[4] * st.dials.km * _DRIFT * st.sigma
    st.lo, st.hi = GRID, 0


@njit(cache=True)
def _bar(st: Any) -> None:
    """A bar ends: the state machines of the known levels move."""
    bar, middle = st.bar, st.best[BID] + st.best[ASK]
    st.bar += 1
    for k in range(LEVELS):
        if st.level_state[k, 7]:
            _machine(st, k, bar, 1)
    if st.bar < BARS:
        st.bars[st.bar, 0] = st.bars[st.bar, 1] = middle


# ---- the clock ----


@njit(cache=True)
def _slow(st: Any, clock: Array) -> None:
    """A tenth of a second: activity, bias, the efficient price, and the rates that follow from them.

    `clock` has a row per second: activity, depth, volatility in ticks per square root of a second.
    """
    random, second = st.random, min(int(st.t), clock.shape[0] - 1)
    activity, depth = clock[second, 0], clock[second, 1]
    sd = st.dials.activity_sd
    st.fast += -st.fast * SLOW_S / 5.0 + sd * math.sqrt(2.0 * SLOW_S / 5.0) * _normal(random, 1)
    st.calm += -st.calm * SLOW_S / 300.0 + sd * math.sqrt(2.0 * SLOW_S / 300.0) * _normal(random, 1)
    st.bias += -st.bias * SLOW_S / st.dials.bias_tau
    st.bias += st.dials.bias_sd * math.sqrt(2.0 * SLOW_S / st.dials.bias_tau) * _normal(random, 1)
    if st.t > st.meta_end:
        # Large orders worked in pieces: power-law length, one at a time, a third of the time.
        u = _uniform(random, 1)
        st.meta_end = st.t + min(600.0, 5.0 / math.pow(_uniform(random, 1), 1.0 / 1.5))
        st.meta = 0.35 if u < 0.17 else -0.35 if u < 0.34 else 0.0
    st.sigma = clock[second, 2] * math.exp(0.5 * st.calm)
    middle = 0.5 * (st.best[BID] + st.best[ASK])
    st.value += st.sigma * math.sqrt(SLOW_S) * _normal(random, 1) + st.drift * SLOW_S
    st.value += st.dials.follow * (middle - st.value) * SLOW_S
    st.value = min(max(st.value, 200.0), GRID - 200.0)
    pace = activity * math.exp(st.fast + st.calm - sd * sd)
    st.rate = st.dials.mu * pace * st.dials.rate_scale
    st.lin = st.dials.lin * activity
    for i in range(REACH):
        st.lam[1, i] = st.lam[0, i] * pace * depth * st.dials.rate_scale * (1.0 - st.dials.reprice)
        st.theta[1, i] = st.theta[0, i] * pace * st.dials.order_rate
    _levels(st, st.t)
    _steer(st)


@njit(cache=True)
def _steer(st: Any) -> None:
    """How the efficient price pulls at the touch: rows add, cancel, market by side, and the spread's."""
    lean = st.value - 0.5 * (st.best[BID] + st.best[ASK])
    lean = min(max(lean, -3.0), 3.0)
    for side in range(2):
        toward = lean * (2 * side - 1)
        st.steer[0, side] = math.exp(-st.dials.steer_add * toward)
        st.steer[1, side] = math.exp(st.dials.steer_cancel * toward)
        flow = max(0.1, 1.0 + (st.bias + st.meta) * (2 * side - 1))
        st.steer[2, side] = flow * math.exp(st.dials.steer_market * toward)


@njit(cache=True)
def _grow(st: Any, side: int, i: int, price: int) -> float:
    """Rate of new orders at distance i: a thin touch is refilled."""
    rate = st.lam[1, i] * st.add_tilt[side, price]
    if i < 2:
        rate *= 0.35 + 1.3 / (1.0 + st.qty[price] / 30.0)
        if i == 0:
            rate *= st.steer[0, side]
    return rate


@njit(cache=True)
def _decay(st: Any, side: int, i: int, price: int) -> float:
    """Rate at which orders at distance i go."""
    rate = st.theta[1, i] * st.count[price] * st.cancel_tilt[side, price]
    return rate * st.steer[1, side] if i == 0 else rate


@njit(cache=True)
def _place(st: Any, side: int, u: float) -> int:
    """Price at which a new order comes to rest; u is uniform below the sum of the rates."""
    step = 2 * side - 1
    for i in range(REACH):
        u -= _grow(st, side, i, st.best[side] + step * i)
        if u <= 0.0:
            return st.best[side] + step * i
    return st.best[side]


@njit(cache=True)
def _happen(st: Any, out: Array, u: float, rates: Array) -> None:
    """The event that u, uniform over all rates, falls on."""
    side = 0
    while side < 6 and u >= rates[side]:
        u -= rates[side]
        side += 1
    kind, side = side // 2, side % 2
    step, best, random = 2 * side - 1, st.best[side], st.random
    if kind == 0:
        _add(st, out, side, _place(st, side, u), _lots(random, 1.7, st.dials.lot))
    elif kind == 1:
        price = best
        for i in range(REACH):
            if st.count[best + step * i] > 0:
                price = best + step * i
                u -= _decay(st, side, i, price)
                if u <= 0.0:
                    break
        to = -1
        v = _uniform(random, 0)
        if v < st.dials.reprice:
            to = _place(st, side, v / st.dials.reprice * rates[side])
        elif v > 0.98:
            to = price
        _cancel(st, out, side, price, to)
    elif kind == 2:
        deep = _uniform(random, 0) < st.dials.walk
        size = _lots(random, 3.0, st.dials.lot)
        _trade(st, out, side, size if deep else min(size, st.qty[best]), deep)
    else:
        up = 1.0 / (1.0 + math.exp(-st.dials.steer_spread * (st.value - 0.5 * (st.best[0] + st.best[1]))))
        side = BID if _uniform(random, 0) < up else ASK
        _add(st, out, side, st.best[side] + 1 - 2 * side, _lots(random, 1.7, st.dials.lot))


@njit(cache=True)
def run(st: Any, clock: Array, out: Array, until: float) -> bool:
    """Let the market run until `until` seconds or until the buffer is nearly full; True if time came first."""
    st.n = 0
    rates = st.rates
    while True:
        total = 0.0
        for side in range(2):
            step, best = 2 * side - 1, st.best[side]
            grow, decay = 0.0, 0.0
            for i in range(REACH):
                grow += _grow(st, side, i, best + step * i)
                decay += _decay(st, side, i, best + step * i)
            thin = math.exp(-st.qty[best] / 120.0) * 1.25
            rates[side], rates[2 + side] = grow, decay
            rates[4 + side] = st.rate * st.steer[2, side] * thin
            total += grow + decay + rates[4 + side]
        rates[6] = st.lin if st.best[ASK] - st.best[BID] > 1 else 0.0
        total += rates[6]
        wait = -math.log(_uniform(st.random, 0)) / total
        due = (st.steps + 1) * SLOW_S
        if st.t + wait < due:
            st.t += wait
            before = st.best[BID] + st.best[ASK]
            _happen(st, out, _uniform(st.random, 0) * total, rates)
            middle = st.best[BID] + st.best[ASK]
            if middle != before:
                st.bars[st.bar, 0] = min(st.bars[st.bar, 0], middle)
                st.bars[st.bar, 1] = max(st.bars[st.bar, 1], middle)
                _steer(st)
            if st.n > out.shape[0] - ROOM:
                return False
            continue
        st.t = due
        st.steps += 1
        if st.steps % _BAR_STEPS == 0:
            _bar(st)
        _slow(st, clock)
        if due >= until:
            return True


@njit(cache=True)
def fill(st: Any, clock: Array) -> None:
    """A book to begin with: every price out to 75 points at the size it tends to."""
    st.value, st.lo, st.hi = GRID / 2.0, GRID, 0
    st.best[BID], st.best[ASK] = GRID // 2, GRID // 2 + 1
    st.bars[0, 0] = st.bars[0, 1] = st.best[BID] + st.best[ASK]
    st.add_tilt[:] = 1.0
    st.cancel_tilt[:] = 1.0
    _slow(st, clock)
    for side in range(2):
        for i in range(_FILLED):
            at = min(i, REACH - 1)
            mean = st.lam[1, at] / (1.0 - st.dials.reprice) / st.theta[1, at]
            price = st.best[side] + (2 * side - 1) * i
            for _ in range(max(1, int(mean * (0.7 + 0.6 * _uniform(st.random, 0))))):
                _push(st, price, st.next_id, _lots(st.random, 1.7, st.dials.lot))
                st.next_id += 1
        _show(st, side)


@njit(cache=True)
def snapshot(st: Any, out: Array) -> None:
    """The resting orders as an MBO file begins: adds that carry the snapshot flag, best price first."""
    _begin(st)
    for side in range(2):
        for i in range(GRID // 2 - 200):
            price = st.best[side] + (2 * side - 1) * i
            for slot in range(st.first[price], st.after[price]):
                if st.sizes[price, slot] > 0 and st.n < out.shape[0]:
                    _row(st, out, _A, side, price, st.sizes[price, slot], st.orders[price, slot])
                    out[st.n - 1, 4] |= _SNAPSHOT
