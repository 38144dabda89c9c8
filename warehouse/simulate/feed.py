"""What a feed sends: the records of every event, order by order or with ten levels, and the book behind.

An event has one ts_event and one ts_recv; a trade prints first, on the book before, then comes what it
did to the book; full fills are C, partial fills M; LAST is on the final record.
"""

from __future__ import annotations

import math

import numpy as np

from warehouse.simulate.book import DEPTH, GRID, Array, State, compiled, draw, drop, rest, uniform

ROW = {"mbp-10": 46, "mbo": 7}
"""64-bit words of a record."""
ROOM = 2048
"""Rows that one event may need at most; the output buffer keeps them free."""
_UNDEF = np.int64(2**63 - 1)
_FAR = np.int64(2**40)
_LAST = np.int64(130) << 48
_LAST_MBO = np.int64(130) << 32
_SNAPSHOT = np.int64(40) << 32
_A, _C, _M, _T, _F = 65, 67, 77, 84, 70
_RESIZED = 0.3
"""Share of moved orders that change size too."""
_DEEP = 4
"""Ticks behind the touch that an aggressor may walk."""


@compiled
def show(st: State, side: int) -> None:
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


@compiled
def _row(st: State, out: Array, action: int, side: int, price: int, size: int, order: int) -> None:
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


@compiled
def _begin(st: State) -> None:
    """A venue event: one ts_event, a sequence number, received a tenth of a millisecond later."""
    st.mark = st.n
    st.ts_event = max(st.ts_event, st.start + np.int64(st.t * 1e9))
    u = uniform(st.random, 0)
    st.delay = 13_000 + int(3000 * u)
    st.ts_recv = max(st.ts_recv, st.ts_event + 100_000 - int(30_000 * math.log(u)))
    st.sequence += 1


@compiled
def _end(st: State, out: Array) -> None:
    if st.n > st.mark:
        if st.mbo:
            out[st.n - 1, 4] |= _LAST_MBO
        else:
            out[st.n - 1, 3] |= _LAST


@compiled
def _seen(st: State, side: int, price: int) -> bool:
    return bool(st.mbo) or (2 * side - 1) * price <= st.edge[side]


@compiled
def add(st: State, out: Array, side: int, price: int, size: int) -> None:
    _begin(st)
    seen = _seen(st, side, price)
    rest(st, side, price, st.next_id, size)
    if seen:
        show(st, side)
        _row(st, out, _A, side, price, size, st.next_id)
    st.next_id += 1
    _end(st, out)


@compiled
def cancel(st: State, out: Array, side: int, price: int, to: int) -> None:
    """Take an order away, or move it to another price of its side, or (same price) shrink it."""
    _begin(st)
    slot = draw(st, price)
    order, size = st.orders[price, slot], st.sizes[price, slot]
    seen = _seen(st, side, price) or (to >= 0 and _seen(st, side, to))
    action, left = _C, size
    if to == price:
        left = max(1, size // 2)
        action = _M if left < size else _C
    if to >= 0 and to != price:
        action = _M
        if uniform(st.random, 0) < _RESIZED:
            left = max(1, int(size * (0.5 + uniform(st.random, 0)) + 0.5))
    if action == _M and to == price:
        st.sizes[price, slot] = left
        st.qty[price] -= size - left
    else:
        drop(st, side, price, slot)
        if action == _M:
            rest(st, side, to, order, left)
    if seen:
        show(st, side)
        _row(st, out, action, side, to if action == _M else price, left, order)
    _end(st, out)


@compiled
def withdraw(st: State, out: Array, side: int, price: int, order: int) -> None:
    """The owner takes one order away, whatever is left of it."""
    for slot in range(st.first[price], st.after[price]):
        if st.orders[price, slot] == order and st.sizes[price, slot] > 0:
            _begin(st)
            seen, size = _seen(st, side, price), st.sizes[price, slot]
            drop(st, side, price, slot)
            if seen:
                show(st, side)
                _row(st, out, _C, side, price, size, order)
            _end(st, out)
            return


@compiled
def trade(st: State, out: Array, side: int, size: int, deep: int) -> None:
    """An aggressor takes from `side`: prints first, on the book before, then what they did to it."""
    _begin(st)
    step, aggressor = 2 * side - 1, st.next_id
    st.next_id += 1
    price, left, stop = st.best[side], size, st.best[side] + (_DEEP * step if deep else 0)
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
            drop(st, side, price, slot)
            show(st, side)
            _row(st, out, _C, side, price, whole, order)
            left -= whole
        else:
            st.sizes[price, slot] = whole - left
            st.qty[price] -= left
            show(st, side)
            _row(st, out, _M, side, price, whole - left, order)
            left = 0
    _end(st, out)


@compiled
def snapshot(st: State, out: Array) -> None:
    """The resting orders as an MBO file begins: adds that carry the snapshot flag, best price first."""
    for side in range(2):
        for i in range(GRID // 2 - 200):
            price = st.best[side] + (2 * side - 1) * i
            for slot in range(st.first[price], st.after[price]):
                if st.sizes[price, slot] > 0 and st.n < out.shape[0]:
                    _row(st, out, _A, side, price, st.sizes[price, slot], st.orders[price, slot])
                    out[st.n - 1, 4] |= _SNAPSHOT
