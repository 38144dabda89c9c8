"""The limit order book: queues of orders by price, and the one record that a session's state lives in.

Prices are integer ticks on a grid, times are seconds, side 0 is bid and 1 ask; a price holds orders of
one side only. What is compiled here is compiled into the entry points of `engine.py`, which cache it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]
State = Any
"""A record of `STATE`, whose fields only numba knows as attributes."""
_F = TypeVar("_F", bound=Callable[..., Any])

GRID = 4096
"""Prices of the grid; the session opens in its middle."""
REACH = 24
"""Distances from the touch, in ticks, at which orders come and go."""
DEPTH = 10
SLOTS = 512
"""Orders and tombstones that a price can hold."""
LEVELS, ARRIVALS, BARS = 4, 2048, 17_000
BLOCK = 3
"""Prices that a block stands at, from the level on."""
BID, ASK = 0, 1

DIALS = (
    "rate_scale", "lot", "order_rate", "mu", "lin", "steer_add", "steer_cancel", "steer_market",
    "steer_spread", "bias_sd", "bias_tau", "activity_sd", "follow", "reprice", "walk", "kf", "kn",
    "km", "p_break", "p_reject", "burst", "vol_of_vol",
    "depth_sd", "settle", "spared", "wall", "spoof",
)  # fmt: skip
"""What a session is made with; `worlds.py` has the values and their meaning."""
_WHOLE = (
    "start", "base", "tick", "head", "mbo", "n", "steps", "mark", "ts_event", "ts_recv", "sequence",
    "next_id", "bar", "lo", "hi", "arrival", "delay",
)  # fmt: skip
_REAL = (
    "t", "value", "fast", "calm", "bias", "meta", "meta_end", "sigma", "rate", "lin", "drift", "excited",
    "thick",
)  # fmt: skip
ARRIVAL = (
    "ts", "trigger_ts", "level", "price", "direction", "z", "x0", "sigma", "barrier", "hit", "hit_ts",
    "block", "pulled_ts",
)  # fmt: skip
"""What is known of an arrival: seconds, ticks, half ticks past the level, ticks per square root of a second,
half ticks, the barrier that was hit (-1, 0, 1) and when, lots of the block behind the level and when it was
pulled; -1 where there is no such second, or no block."""
STATE = np.dtype(
    [
        *((name, "i8") for name in _WHOLE),
        *((name, "f8") for name in _REAL),
        ("dials", [(name, "f8") for name in DIALS]),
        ("random", "u8", 2),
        *((name, "i8", 2) for name in ("best", "edge")),
        ("shown", "i8", 4 * DEPTH),
        ("rates", "f8", 7),
        ("steer", "f8", (3, 2)),
        *((name, "f8", 2) for name in ("since", "settled")),
        *((name, "f8", (2, REACH)) for name in ("lam", "theta")),
        ("levels", "f8", (LEVELS, 3)),
        ("level_state", "i8", (LEVELS, 8)),
        ("arrivals", "f8", (ARRIVALS, len(ARRIVAL))),
        ("bars", "i8", (BARS, 2)),
        ("block_row", "i8", LEVELS),
        *((name, "i8", (LEVELS, BLOCK)) for name in ("block", "block_price")),
        *((name, "f8", (2, GRID)) for name in ("add_tilt", "cancel_tilt")),
        *((name, "i8", GRID) for name in ("qty", "count", "first", "after", "held")),
        *((name, "i8", (GRID, SLOTS)) for name in ("orders", "sizes")),
    ]
)
"""A book in motion, its slow states and what is planted, in one record: numba counts references of an
array at every call, of a record never. `orders` and `sizes` are queues by price, size 0 a tombstone; `held`
counts the orders of blocks, which only trades and their owner take away."""

_RESTING = np.array(
    [
        *((0.820, 1), (0.895, 2), (0.925, 3), (0.945, 4), (0.968, 5), (0.974, 6), (0.976, 7), (0.979, 8)),
        *((0.980, 9), (0.9895, 10), (0.9905, 12), (0.992, 15), (0.995, 20), (0.9970, 25), (0.9975, 30)),
        *((0.9995, 50), (0.9999, 100), (1.0, 200)),
    ]
)
_AGGRESSIVE = np.array(
    [(0.50, 1), (0.63, 2), (0.75, 3), (0.81, 4), (0.88, 5), (0.93, 6), (0.95, 8), (0.98, 10), (1.0, 20)]
)
"""Shares of sizes up to and with each, before scaling."""


def compiled(function: _F) -> _F:
    """Compile with numba; readers and type checkers keep the signature."""
    return cast("_F", njit(function))


@compiled
def uniform(random: Array, stream: int) -> float:
    """SplitMix64: the same numbers on every machine, and two streams that do not disturb each other."""
    random[stream] += np.uint64(0x9E3779B97F4A7C15)
    z = random[stream]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (float(z >> np.uint64(11)) + 0.5) * 2.0**-53


@compiled
def normal(random: Array, stream: int) -> float:
    radius = math.sqrt(-2.0 * math.log(uniform(random, stream)))
    return radius * math.cos(2.0 * math.pi * uniform(random, stream))


@compiled
def lots(random: Array, lot: float, aggressor: int) -> int:
    """Size of a new order: of one that rests (mean 1.7 before scaling) or of an aggressor (mean 3)."""
    u, k, table = uniform(random, 0), 0, _AGGRESSIVE if aggressor else _RESTING
    while u > table[k, 0]:
        k += 1
    return max(1, int(table[k, 1] * lot + uniform(random, 0)))


@compiled
def push(st: State, price: int, order: int, size: int) -> None:
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


@compiled
def in_block(st: State, order: int) -> bool:
    """Whether an order is held as part of a block."""
    for k in range(LEVELS):
        for i in range(BLOCK):
            if st.block[k, i] == order:
                return True
    return False


@compiled
def let_go(st: State, order: int) -> None:
    """An order of a block is like any other from now on."""
    for k in range(LEVELS):
        for i in range(BLOCK):
            if st.block[k, i] == order:
                st.block[k, i] = 0
                st.held[st.block_price[k, i]] -= 1


@compiled
def drop(st: State, side: int, price: int, slot: int) -> None:
    if st.held[price] > 0:
        let_go(st, st.orders[price, slot])
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


@compiled
def rest(st: State, side: int, price: int, order: int, size: int) -> None:
    push(st, price, order, size)
    if (2 * side - 1) * (price - st.best[side]) < 0:
        st.best[side] = price


@compiled
def draw(st: State, price: int) -> int:
    """A resting order of no block, the young ones more often: most cancels hit what was just added."""
    first, after = st.first[price], st.after[price]
    while True:
        u = uniform(st.random, 0)
        slot = after - 1 - int((after - first) * u * u)
        free = st.held[price] == 0 or not in_block(st, st.orders[price, slot])
        if st.sizes[price, slot] > 0 and free:
            return int(slot)
