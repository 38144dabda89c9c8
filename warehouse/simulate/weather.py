"""The slow states of a market: activity, depth, bias, the efficient price, and how it pulls at the touch."""

from __future__ import annotations

import math

from warehouse.simulate.book import ASK, BID, GRID, REACH, Array, State, compiled, normal, uniform
from warehouse.simulate.planting import watch

SLOW_S = 0.1
"""Seconds between updates."""
_FAST_S, _CALM_S, _THICK_S = 5.0, 300.0, 60.0
"""Memory of the fast and the slow activity, and of the depth."""
_LEAN, _GAIN, _QUIET = 4.0, 2.0, 0.35
"""How far the efficient price may lean on the touch, by how much, and from how many ticks on."""
_LAZY = 0.4
"""Exponent by which less activity leaves the spread open for longer."""
_META, _META_SHARE = 0.35, 0.34


@compiled
def _wandered(random: Array, value: float, sd: float, memory_s: float) -> float:
    """A step of a mean-reverting walk."""
    step = SLOW_S / memory_s
    return value - value * step + sd * math.sqrt(2.0 * step) * normal(random, 1)


@compiled
def slow(st: State, clock: Array) -> None:
    """A tenth of a second: activity, bias, the efficient price, and the rates that follow from them.

    `clock` has a row per second: activity, depth, volatility in ticks per square root of a second.
    """
    random, second = st.random, min(int(st.t), clock.shape[0] - 1)
    activity, depth = clock[second, 0], clock[second, 1]
    sd = st.dials.activity_sd
    sd_depth = st.dials.depth_sd
    st.fast = _wandered(random, st.fast, sd, _FAST_S)
    st.calm = _wandered(random, st.calm, sd, _CALM_S)
    st.thick = _wandered(random, st.thick, sd_depth, _THICK_S)
    st.bias = _wandered(random, st.bias, st.dials.bias_sd, st.dials.bias_tau)
    if st.t > st.meta_end:
        # Large orders worked in pieces: power-law length, one at a time, a third of the time.
        u = uniform(random, 1)
        st.meta_end = st.t + min(600.0, 5.0 / math.pow(uniform(random, 1), 1.0 / 1.5))
        st.meta = _META if u < _META_SHARE / 2 else -_META if u < _META_SHARE else 0.0
    st.sigma = clock[second, 2] * math.exp(st.dials.vol_of_vol * st.calm)
    middle = 0.5 * (st.best[BID] + st.best[ASK])
    st.value += st.sigma * math.sqrt(SLOW_S) * normal(random, 1) + st.drift * SLOW_S
    st.value += st.dials.follow * (middle - st.value) * SLOW_S
    st.value = min(max(st.value, 200.0), GRID - 200.0)
    # What trades excite comes on top, so that the mean stays what the clock says.
    quiet = 1.0 - st.dials.burst
    pace = quiet * activity * math.exp(st.fast + st.calm - sd * sd)
    st.rate = st.dials.mu * pace * st.dials.rate_scale
    # Where little happens the spread waits longer than the flow alone would have it wait.
    st.lin = st.dials.lin * quiet * activity * min(1.0, activity) ** _LAZY
    depth *= math.exp(st.thick - 0.5 * sd_depth * sd_depth)
    for i in range(REACH):
        st.lam[1, i] = st.lam[0, i] * pace * depth * st.dials.rate_scale * (1.0 - st.dials.reprice)
        st.theta[1, i] = st.theta[0, i] * pace * st.dials.order_rate
    watch(st, st.t)
    steer(st)


@compiled
def steer(st: State) -> None:
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
