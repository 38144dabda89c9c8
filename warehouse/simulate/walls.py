"""Blocks of lots behind a level: walls, which stand until the race is over, and spoofs, which are pulled."""

from __future__ import annotations

from warehouse.simulate.book import ASK, BID, BLOCK, LEVELS, Array, State, compiled, let_go, uniform
from warehouse.simulate.feed import add, withdraw
from warehouse.simulate.planting import IDLE, PHASE, PRICE, ROW, SEEN, D, Z

_NEAR = 2
"""Ticks between the touch and the level at which a spoof is pulled."""
_LOTS, _PULLED = 11, 12
"""Columns of `arrivals`."""


@compiled
def _place(st: State, out: Array, k: int) -> None:
    """The block of an arrival in sight; an order that would better the touch is left out."""
    state = st.level_state[k]
    d, row = state[D], st.arrivals[state[ROW]]
    side = ASK if d > 0 else BID
    for i in range(BLOCK):
        price, lots = state[PRICE] + d * i, int(st.dials.wall)
        before, order = st.count[price], st.next_id
        if d * (price - st.best[side]) >= 0:
            add(st, out, side, price, lots)
        if st.count[price] > before:
            st.block[k, i], st.block_price[k, i] = order, price
            st.held[price] += 1
            row[_LOTS] = max(0.0, row[_LOTS]) + lots


@compiled
def _free(st: State, k: int) -> None:
    for i in range(BLOCK):
        if st.block[k, i] > 0:
            let_go(st, st.block[k, i])


@compiled
def stand(st: State, out: Array) -> None:
    """Every slow step: blocks come as arrivals come in sight, and end with their race; spoofs are pulled."""
    if st.dials.wall <= 0.0:
        return
    for k in range(LEVELS):
        state = st.level_state[k]
        d, z, arrival = state[D], state[Z], state[ROW] + 1
        if state[PHASE] == IDLE or st.block_row[k] != arrival:
            _free(st, k)
        if state[PHASE] == SEEN and st.block_row[k] != arrival:
            st.block_row[k] = arrival
            spoofs = z > 0 and uniform(st.random, 0) < st.dials.spoof
            if z < 0 or spoofs:
                _place(st, out, k)
        side = ASK if d > 0 else BID
        near = d * (state[PRICE] - st.best[side]) <= _NEAR
        if z > 0 and near and state[PHASE] != IDLE and st.block_row[k] == arrival:
            for i in range(BLOCK):
                if st.block[k, i] > 0:
                    st.arrivals[state[ROW], _PULLED] = st.t
                    withdraw(st, out, side, st.block_price[k, i], st.block[k, i])
