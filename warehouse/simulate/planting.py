"""Levels of the tape itself, arrivals at them, and what a world plants there."""

from __future__ import annotations

import math

from warehouse.simulate.book import ARRIVALS, ASK, BARS, BID, GRID, LEVELS, State, compiled, uniform

BAR_S = 5.0
_STATE, PHASE, PRICE, Z, D, ROW, _T0_BAR, _REPLAYED = range(8)
"""Columns of `level_state`; the state is UNSET (0) or one of the next line, the phase one of the last."""
_BELOW, _ABOVE, _ZONE = 1, 2, 3
IDLE, SEEN, _RACE = 0, 1, 2
_TOUCH, _REARM, _SIGHT = 8, 16, 32
"""Bands around a level in half ticks: arrived, armed again, in sight."""
_REARM_BARS = 6
_BEFORE_S, _RACE_S = 1800.0, 480.0
_BARRIER, _BARRIER_FLOOR = 2.0 * 0.9 * 240.0**0.5, 16.0
"""A race's barrier in half ticks: 0.9 deviations over four minutes, by unit of sigma; at least two points."""
_DRIFT = 0.55
"""Drift for a dial of 1, in deviations of the efficient price per square root of a second."""


@compiled
def _tilt(st: State) -> None:
    """Rates near every level whose arrival is in sight, by its hidden state."""
    st.add_tilt[:] = 1.0
    st.cancel_tilt[:] = 1.0
    for k in range(LEVELS):
        if st.level_state[k, PHASE] == SEEN:
            price, z, d = st.level_state[k, PRICE], st.level_state[k, Z], st.level_state[k, D]
            far, near = math.exp(z * st.dials.kf), math.exp(z * st.dials.kn)
            opposing, supporting = (ASK, BID) if d > 0 else (BID, ASK)
            for x in range(-1, 9):
                st.add_tilt[opposing, price + d * x] /= far
                st.cancel_tilt[opposing, price + d * x] *= far
            for x in range(-8, 1):
                st.add_tilt[supporting, price + d * x] *= near
                st.cancel_tilt[supporting, price + d * x] /= near


@compiled
def _sight(st: State, k: int) -> None:
    """An arrival at level k comes in sight: its hidden state is drawn and written down."""
    state, u = st.level_state[k], uniform(st.random, 0)
    z = 1 if u < st.dials.p_break else -1 if u < st.dials.p_break + st.dials.p_reject else 0
    state[PHASE], state[Z], state[D] = SEEN, z, 1 if state[_STATE] == _BELOW else -1
    if st.arrival < ARRIVALS:
        row = st.arrivals[st.arrival]
        row[:] = -1.0
        row[0], row[2], row[3], row[4], row[5] = st.t, k, st.base + state[PRICE], state[D], z
        state[ROW] = st.arrival
        st.arrival += 1
    _tilt(st)


@compiled
def _freeze(st: State, k: int, bar: int) -> None:
    """T0 at the end of `bar`: what could be seen ends, the race begins."""
    state = st.level_state[k]
    state[PHASE], state[_T0_BAR] = _RACE, bar + 1
    row = st.arrivals[state[ROW]]
    row[1], row[7], row[9] = bar * BAR_S, st.sigma, 0.0
    row[6] = state[D] * (st.best[BID] + st.best[ASK] - 2 * state[PRICE])
    row[8] = math.ceil(max(_BARRIER_FLOOR, _BARRIER * st.sigma))
    _tilt(st)


@compiled
def _race(st: State, k: int, second: float) -> None:
    """End the race of level k when a barrier was touched, or after eight minutes."""
    state = st.level_state[k]
    row, twice = st.arrivals[state[ROW]], 2 * state[PRICE]
    # The bar's extremes, which began with T0: an excursion between two slow steps counts.
    lo, hi = st.bars[st.bar, 0] - twice, st.bars[st.bar, 1] - twice
    up, down = hi >= row[8], lo <= -row[8]
    if up or down:
        row[9], row[10] = state[D] if up else -state[D], second
        state[PHASE] = IDLE
    elif second - state[_T0_BAR] * BAR_S >= _RACE_S:
        state[PHASE] = IDLE


@compiled
def _machine(st: State, k: int, bar: int, live: int) -> None:
    """D.1's state machine of level k over one bar; a replayed bar is not `live`."""
    state, twice = st.level_state[k], 2 * st.level_state[k, PRICE]
    lo, hi = st.bars[bar, 0] - twice, st.bars[bar, 1] - twice
    if state[_STATE] in (_BELOW, _ABOVE):
        if lo <= _TOUCH and hi >= -_TOUCH:
            if live and state[PHASE] != _RACE:
                if state[PHASE] == IDLE:
                    _sight(st, k)
                _freeze(st, k, bar)
            state[_STATE] = _ZONE
        return
    # Six bars wholly beyond the band, the carried-in state too, are thirty seconds without interruption.
    below, above = bar + 1 >= _REARM_BARS, bar + 1 >= _REARM_BARS
    for b in range(max(0, bar + 1 - _REARM_BARS), bar + 1):
        below = below and st.bars[b, 1] - twice < -_REARM
        above = above and st.bars[b, 0] - twice > _REARM
    if below or above:
        state[_STATE] = _BELOW if below else _ABOVE


@compiled
def watch(st: State, second: float) -> None:
    """Every slow step: extremes from the tape, arrivals coming in sight, the drift of open races."""
    middle = st.best[BID] + st.best[ASK]
    st.drift = 0.0
    for k in range(LEVELS):
        start, known, high = st.levels[k, 0], st.levels[k, 1], st.levels[k, 2] > 0.0
        state = st.level_state[k]
        if start < second <= known and st.hi > 0:
            found = st.hi if high else st.lo
            state[PRICE] = (
                found if state[PRICE] == 0 else max(state[PRICE], found) if high else min(state[PRICE], found)
            )
        if second < known or state[PRICE] == 0:
            continue
        if state[_REPLAYED] == 0:
            state[_REPLAYED] = 1
            for bar in range(max(0, int((known - _BEFORE_S) / BAR_S)), st.bar):
                _machine(st, k, bar, 0)
        if (
            state[PHASE] == IDLE
            and state[_STATE] in (_BELOW, _ABOVE)
            and abs(middle - 2 * state[PRICE]) <= _SIGHT
        ):
            _sight(st, k)
        if state[PHASE] == _RACE:
            _race(st, k, second)
        if state[PHASE] == _RACE:
            st.drift += state[Z] * state[D] * st.dials.km * _DRIFT * st.sigma
    st.lo, st.hi = GRID, 0


@compiled
def end_bar(st: State) -> None:
    """A bar ends: the state machines of the known levels move."""
    bar, middle = st.bar, st.best[BID] + st.best[ASK]
    for k in range(LEVELS):
        if st.level_state[k, PHASE] == _RACE:
            _race(st, k, (bar + 1) * BAR_S)
    st.bar += 1
    for k in range(LEVELS):
        if st.level_state[k, _REPLAYED]:
            _machine(st, k, bar, 1)
    if st.bar < BARS:
        st.bars[st.bar, 0] = st.bars[st.bar, 1] = middle
