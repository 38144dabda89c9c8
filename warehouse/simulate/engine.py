"""The order-level engine: queue-reactive flow in continuous time, steered by an efficient price.

Rates go by distance from the touch and by queue (Huang, Lehalle and Rosenbaum, 2015). An efficient price
diffuses and steers the touch, so that volatility is a dial and does not hang on how much flow is shown.
What is planted at levels acts through `add_tilt`, `cancel_tilt`, `drift` and the blocks of `walls.py` alone.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

from numba import njit

from warehouse.simulate import feed
from warehouse.simulate.book import ASK, BID, GRID, REACH, Array, State, compiled, lots, push, uniform
from warehouse.simulate.feed import ROOM, add, cancel, show, trade
from warehouse.simulate.planting import end_bar
from warehouse.simulate.walls import stand
from warehouse.simulate.weather import SLOW_S, slow, steer

_COMPILED = ("book.py", "feed.py", "planting.py", "walls.py", "weather.py", "engine.py")
_BAR_STEPS = 50
_FILLED = 300
_BURST_S = 0.02
"""Time in which what a trade excites calms down."""
_SHRINK = 0.02
"""Share of departures that only make an order smaller."""
_KINDS, _AGGRESSION = 6, 2
"""Adds, departures and aggressors of either side; what is left fills the spread."""
_THIN = 2
"""Prices from the touch whose adds hang on what rests there."""
_REFILL = 30.0
"""Lots at which a touch is as thin as it is thick."""


@compiled
def _grow(st: State, side: int, i: int, price: int) -> float:
    """Rate of new orders at distance i: a thin touch is refilled, but a new one is joined with time."""
    rate = st.lam[1, i] * st.add_tilt[side, price]
    if i < _THIN:
        rate *= 0.35 + 1.3 / (1.0 + st.qty[price] / _REFILL)
        if i == 0:
            rate *= st.steer[0, side] * st.settled[side]
    return float(rate)


@compiled
def _decay(st: State, side: int, i: int, price: int) -> float:
    """Rate at which orders at distance i go."""
    rate = st.theta[1, i] * (st.count[price] - st.held[price]) * st.cancel_tilt[side, price]
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
            if st.count[best + step * i] > st.held[best + step * i]:
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
        st.excited += st.dials.burst / (_BURST_S * (rates[4] + rates[5]))
    else:
        up = 1.0 / (1.0 + math.exp(-st.dials.steer_spread * (st.value - 0.5 * (st.best[0] + st.best[1]))))
        side = BID if uniform(random, 0) < up else ASK
        add(st, out, side, st.best[side] + 1 - 2 * side, lots(random, st.dials.lot, 0))
        st.since[side] = st.t


@compiled
def _next(st: State, total: float, due: float) -> bool:
    """Go to the next event, or to `due`; True if the event came first.

    Candidates come at the present pace; of what the excitement has lost since, none happen (thinning).
    """
    while True:
        pace = 1.0 + st.excited
        wait = -math.log(uniform(st.random, 0)) / (total * pace)
        if st.t + wait >= due:
            st.excited *= math.exp((st.t - due) / _BURST_S)
            return False
        st.t += wait
        st.excited *= math.exp(-wait / _BURST_S)
        if uniform(st.random, 0) * pace < 1.0 + st.excited:
            return True


@compiled
def _rates(st: State, rates: Array) -> float:
    """Bring the rates of all kinds up to date; their sum."""
    total = 0.0
    for side in range(2):
        step, best = 2 * side - 1, st.best[side]
        st.settled[side] = min(1.0, (st.t - st.since[side]) / st.dials.settle)
        grow, decay = 0.0, 0.0
        for i in range(REACH):
            grow += _grow(st, side, i, best + step * i)
            decay += _decay(st, side, i, best + step * i)
        thin = math.exp(-st.qty[best] / 120.0) * 1.25
        rates[side], rates[2 + side] = grow, decay
        thin *= 1.0 - st.dials.spared * (1.0 - st.settled[side])
        rates[4 + side] = st.rate * st.steer[2, side] * thin
        total += grow + decay + rates[4 + side]
    rates[6] = st.lin if st.best[ASK] - st.best[BID] > 1 else 0.0
    return float(total + rates[6])


@compiled
def _run(st: State, clock: Array, out: Array, until: float) -> bool:
    """Let the market run until `until` seconds or the buffer is nearly full; True if time came first."""
    st.n = 0
    rates = st.rates
    while True:
        total = _rates(st, rates)
        due = (st.steps + 1) * SLOW_S
        if _next(st, total, due):
            before = st.best[BID] + st.best[ASK]
            _happen(st, out, uniform(st.random, 0) * total, rates)
            middle = st.best[BID] + st.best[ASK]
            if middle != before:
                st.bars[st.bar, 0] = min(st.bars[st.bar, 0], middle)
                st.bars[st.bar, 1] = max(st.bars[st.bar, 1], middle)
                steer(st)
            if st.n > out.shape[0] - ROOM:
                return False
            continue
        st.t = due
        st.steps += 1
        if st.steps % _BAR_STEPS == 0:
            end_bar(st)
        slow(st, clock)
        stand(st, out)
        if due >= until:
            return True
        if st.n > out.shape[0] - ROOM:
            return False


@compiled
def _fill(st: State, clock: Array) -> None:
    """A book to begin with: every price out to 75 points at the size it tends to."""
    st.value, st.lo, st.hi = GRID / 2.0, GRID, 0
    st.best[BID], st.best[ASK] = GRID // 2, GRID // 2 + 1
    st.bars[0, 0] = st.bars[0, 1] = st.best[BID] + st.best[ASK]
    st.add_tilt[:] = 1.0
    st.cancel_tilt[:] = 1.0
    slow(st, clock)
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
    text = b"".join((here / name).read_bytes() for name in _COMPILED)
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
