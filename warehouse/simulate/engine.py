"""The order-level engine: queue-reactive flow in continuous time, steered by an efficient price.

Rates go by distance from the touch and by queue (Huang, Lehalle and Rosenbaum, 2015). An efficient price
diffuses and steers the touch, so that volatility is a dial and does not hang on how much flow is shown.
What is planted at levels acts through `add_tilt`, `cancel_tilt` and `drift` alone.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

from numba import njit

from warehouse.simulate import feed
from warehouse.simulate.book import ASK, BID, GRID, REACH, Array, State, compiled, lots, normal, push, uniform
from warehouse.simulate.feed import ROOM, add, cancel, show, trade
from warehouse.simulate.planting import end_bar, watch

SLOW_S = 0.1
"""Seconds between updates of the slow states."""
_BAR_STEPS = 50
_FILLED = 300
_LEAN, _GAIN, _QUIET = 4.0, 1.7, 0.4
"""How far the efficient price may lean on the touch, by how much, and from how many ticks on."""
_META, _META_SHARE = 0.35, 0.34
_SHRINK = 0.02
"""Share of departures that only make an order smaller."""
_KINDS, _AGGRESSION = 6, 2
"""Adds, departures and aggressors of either side; what is left fills the spread."""
_THIN = 2
"""Prices from the touch whose adds hang on what rests there."""
_REFILL = 30.0
"""Lots at which a touch is as thin as it is thick."""


@compiled
def _slow(st: State, clock: Array) -> None:
    """A tenth of a second: activity, bias, the efficient price, and the rates that follow from them.

    `clock` has a row per second: activity, depth, volatility in ticks per square root of a second.
    """
    random, second = st.random, min(int(st.t), clock.shape[0] - 1)
    activity, depth = clock[second, 0], clock[second, 1]
    sd = st.dials.activity_sd
    st.fast += -st.fast * SLOW_S / 5.0 + sd * math.sqrt(2.0 * SLOW_S / 5.0) * normal(random, 1)
    st.calm += -st.calm * SLOW_S / 300.0 + sd * math.sqrt(2.0 * SLOW_S / 300.0) * normal(random, 1)
    st.bias += -st.bias * SLOW_S / st.dials.bias_tau
    st.bias += st.dials.bias_sd * math.sqrt(2.0 * SLOW_S / st.dials.bias_tau) * normal(random, 1)
    if st.t > st.meta_end:
        # Large orders worked in pieces: power-law length, one at a time, a third of the time.
        u = uniform(random, 1)
        st.meta_end = st.t + min(600.0, 5.0 / math.pow(uniform(random, 1), 1.0 / 1.5))
        st.meta = _META if u < _META_SHARE / 2 else -_META if u < _META_SHARE else 0.0
    st.sigma = clock[second, 2] * math.exp(0.5 * st.calm)
    middle = 0.5 * (st.best[BID] + st.best[ASK])
    st.value += st.sigma * math.sqrt(SLOW_S) * normal(random, 1) + st.drift * SLOW_S
    st.value += st.dials.follow * (middle - st.value) * SLOW_S
    st.value = min(max(st.value, 200.0), GRID - 200.0)
    pace = activity * math.exp(st.fast + st.calm - sd * sd)
    st.rate = st.dials.mu * pace * st.dials.rate_scale
    st.lin = st.dials.lin * activity
    for i in range(REACH):
        st.lam[1, i] = st.lam[0, i] * pace * depth * st.dials.rate_scale * (1.0 - st.dials.reprice)
        st.theta[1, i] = st.theta[0, i] * pace * st.dials.order_rate
    watch(st, st.t)
    _steer(st)


@compiled
def _steer(st: State) -> None:
    """How the efficient price pulls at the touch: rows add, cancel, market by side, and the spread's."""
    lean = st.value - 0.5 * (st.best[BID] + st.best[ASK])
    # Quotes follow only what is worth a change: else the touch flickers, and barriers are hit by noise.
    lean = math.copysign(min(_LEAN, _GAIN * max(0.0, abs(lean) - _QUIET)), lean)
    for side in range(2):
        toward = lean * (2 * side - 1)
        st.steer[0, side] = math.exp(-st.dials.steer_add * toward)
        st.steer[1, side] = math.exp(st.dials.steer_cancel * toward)
        flow = max(0.1, 1.0 + (st.bias + st.meta) * (2 * side - 1))
        st.steer[2, side] = flow * math.exp(st.dials.steer_market * toward)


@compiled
def _grow(st: State, side: int, i: int, price: int) -> float:
    """Rate of new orders at distance i: a thin touch is refilled."""
    rate = st.lam[1, i] * st.add_tilt[side, price]
    if i < _THIN:
        rate *= 0.35 + 1.3 / (1.0 + st.qty[price] / _REFILL)
        if i == 0:
            rate *= st.steer[0, side]
    return float(rate)


@compiled
def _decay(st: State, side: int, i: int, price: int) -> float:
    """Rate at which orders at distance i go."""
    rate = st.theta[1, i] * st.count[price] * st.cancel_tilt[side, price]
    return float(rate * st.steer[1, side] if i == 0 else rate)


@compiled
def _place(st: State, side: int, u: float) -> int:
    """Price at which a new order comes to rest; u is uniform below the sum of the rates."""
    step = 2 * side - 1
    for i in range(REACH):
        u -= _grow(st, side, i, st.best[side] + step * i)
        if u <= 0.0:
            return int(st.best[side] + step * i)
    return int(st.best[side])


@compiled
def _happen(st: State, out: Array, u: float, rates: Array) -> None:
    """The event that u, uniform over all rates, falls on."""
    side = 0
    while side < _KINDS and u >= rates[side]:
        u -= rates[side]
        side += 1
    kind, side = side // 2, side % 2
    step, best, random = 2 * side - 1, st.best[side], st.random
    if kind == 0:
        add(st, out, side, _place(st, side, u), lots(random, st.dials.lot, 0))
    elif kind == 1:
        price = best
        for i in range(REACH):
            if st.count[best + step * i] > 0:
                price = best + step * i
                u -= _decay(st, side, i, price)
                if u <= 0.0:
                    break
        to = -1
        v = uniform(random, 0)
        if v < st.dials.reprice:
            to = _place(st, side, v / st.dials.reprice * rates[side])
            to += step * (to == price)
        elif v > 1.0 - _SHRINK:
            to = price
        cancel(st, out, side, price, to)
    elif kind == _AGGRESSION:
        deep = int(uniform(random, 0) < st.dials.walk)
        size = lots(random, st.dials.lot, 1)
        trade(st, out, side, size if deep else min(size, st.qty[best]), deep)
    else:
        up = 1.0 / (1.0 + math.exp(-st.dials.steer_spread * (st.value - 0.5 * (st.best[0] + st.best[1]))))
        side = BID if uniform(random, 0) < up else ASK
        add(st, out, side, st.best[side] + 1 - 2 * side, lots(random, st.dials.lot, 0))


@compiled
def _run(st: State, clock: Array, out: Array, until: float) -> bool:
    """Let the market run until `until` seconds or the buffer is nearly full; True if time came first."""
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
        wait = -math.log(uniform(st.random, 0)) / total
        due = (st.steps + 1) * SLOW_S
        if st.t + wait < due:
            st.t += wait
            before = st.best[BID] + st.best[ASK]
            _happen(st, out, uniform(st.random, 0) * total, rates)
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
            end_bar(st)
        _slow(st, clock)
        if due >= until:
            return True


@compiled
def _fill(st: State, clock: Array) -> None:
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
            for _ in range(max(1, int(mean * (0.7 + 0.6 * uniform(st.random, 0))))):
                push(st, price, st.next_id, lots(st.random, st.dials.lot, 0))
                st.next_id += 1
        show(st, side)


def _sources() -> str:
    """What the compiled code was made from."""
    here = Path(__file__).parent
    text = b"".join((here / name).read_bytes() for name in ("book.py", "feed.py", "planting.py", "engine.py"))
    return hashlib.sha256(text).hexdigest()


def _entries(sources: str) -> tuple[Any, Any, Any]:
    """The entry points. Numba's cache watches one file but knows closures: any edit compiles anew."""

    @njit(cache=True)
    def run(st: State, clock: Array, out: Array, until: float) -> bool:
        return _run(st, clock, out, until) if sources else False

    @njit(cache=True)
    def fill(st: State, clock: Array) -> None:
        if sources:
            _fill(st, clock)

    @njit(cache=True)
    def snapshot(st: State, out: Array) -> None:
        if sources:
            feed.snapshot(st, out)

    return run, fill, snapshot


run, fill, snapshot = _entries(_sources())
