"""What a session is made with: the worlds, the parameters of the book and the clock of the day."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from warehouse.errors import QuestionError
from warehouse.session import at
from warehouse.simulate.book import REACH

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class World:
    """What is planted at real levels; F.3 of the specification.

    Args:
        name: As the command line knows it.
        kf: Tilt of the opposing side's flow while an arrival is in sight (visibility, far): of hidden state
            +1 adds fall and departures rise by this much, in logs.
        kn: Tilt of the supporting side's flow (visibility, near), the other way round.
        km: Drift from the freeze until a barrier or eight minutes (effect).
        wall: Lots of a block at the level and at each of the two ticks behind it, placed as an arrival of
            hidden state -1 comes in sight; until the race is over only trades take it away. 0 is no block.
        spoof: Share of arrivals with hidden state +1 that show such a block too; it is pulled as the touch
            comes within two ticks of the level.
        p_break: Share of arrivals with hidden state +1.
        p_reject: Share of arrivals with hidden state -1; the rest have 0.
        flips: Whether the effect has the other sign on half of the dates.
    """

    name: str
    kf: float = 0.0
    kn: float = 0.0
    km: float = 0.0
    wall: float = 0.0
    spoof: float = 0.0
    p_break: float = 0.3
    p_reject: float = 0.3
    flips: bool = False


WORLDS = {
    world.name: world
    for world in (
        World("null"),
        World("decoy", kf=0.4, kn=0.4),
        World("hidden", km=0.1),
        World("planted", kf=0.4, kn=0.4, km=0.1),
        World("flip", kf=0.4, kn=0.4, km=0.1, flips=True),
        # The far side retreats before a reject too: the four conditions of the seed's sentence.
        World("literal", kf=-0.4, kn=0.4, km=0.1),
    )
}
PLANTED = ("kf", "kn", "km", "wall", "spoof", "p_break", "p_reject")
"""The dials of a world."""
_BOUNDS = {
    "kf": (-2.0, 2.0),
    "kn": (-2.0, 2.0),
    "km": (-1.0, 1.0),
    "wall": (0.0, 10_000.0),
    "spoof": (0.0, 1.0),
    "p_break": (0.0, 1.0),
    "p_reject": (0.0, 1.0),
}


def world_named(name: str) -> World:
    """The world of that name.

    Raises:
        QuestionError: There is none.
    """
    if name not in WORLDS:
        raise QuestionError(f"there is no world {name}: give one of {', '.join(WORLDS)}")
    return WORLDS[name]


def turned(world: World, dials: Mapping[str, float]) -> World:
    """A world with some dials at other values.

    Raises:
        QuestionError: A dial that there is not, or a value that it cannot have.
    """
    for name, value in dials.items():
        if name not in _BOUNDS:
            raise QuestionError(f"there is no dial {name}: give some of {', '.join(PLANTED)}")
        low, high = _BOUNDS[name]
        if not low <= value <= high:
            raise QuestionError(f"dial {name} cannot be {value:g}: give one from {low:g} to {high:g}")
    told: dict[str, Any] = dict(dials)
    made = replace(world, **told)
    if made.p_break + made.p_reject > 1:
        shares = f"p_break {made.p_break:g} and p_reject {made.p_reject:g}"
        raise QuestionError(f"{shares} are more than all arrivals: give two that add up to 1 at most")
    return made


def parsed(text: str) -> dict[str, float]:
    """Dials written as `kf=0.1,km=0.05`.

    Raises:
        QuestionError: Other words, or a dial twice.
    """
    pairs = [word.partition("=") for word in text.split(",") if word.strip()]
    names = [name.strip() for name, _, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise QuestionError(f"dial {twice[0]} is given more than once: give it one value")
    try:
        return {name: float(value) for name, (_, _, value) in zip(names, pairs, strict=True)}
    except ValueError:
        raise QuestionError(f"dials {text} are not written as kf=0.1,km=0.05") from None


def on(world: World, flipped: bool) -> World:  # noqa: FBT001 (a coin, not an option)
    """A world as it is on a date: the effect's sign is that date's."""
    return replace(world, km=-world.km) if world.flips and flipped else world


_LAM = (35.0, 12.5, 8.0, 4.0, 2.4, 1.5, 1.2, 1.05, 0.9, 0.825)
_THETA = (0.5, 0.31, 0.165, 0.09, 0.054, 0.033, 0.027, 0.02325, 0.0195, 0.018)
_TOUCH = 0.31
_THIN = 0.35
"""Exponent by which orders live longer, and grow less, where the flow is thinned."""


def rates(rate_scale: float) -> tuple[Array, Array]:
    """New orders a second and side, and departures a second and order, by distance from the touch."""
    lam, theta = np.full(REACH, 0.5), np.full(REACH, 0.011)
    lam[: len(_LAM)], theta[: len(_THETA)] = _LAM, _THETA
    lam[1:] *= 0.88
    lam[0] *= min(1.0, rate_scale) ** _TOUCH
    return lam, theta


def dials(world: World, scale: float) -> dict[str, float]:
    """The parameters of one contract's session.

    Args:
        world: What is planted.
        scale: Records relative to the full rate. Below 1, orders are fewer and larger by the same factor;
            above 1 the book only turns over faster.
    """
    order_rate = min(scale, 1.0) ** _THIN * max(scale, 1.0)
    return {
        "rate_scale": scale,
        "lot": order_rate / scale,
        "order_rate": order_rate,
        **_DIALS,
        **{name: getattr(world, name) for name in PLANTED},
    }


_DIALS = {
    "mu": 10.5,  # aggressors a second and side
    "lin": 135.0,  # orders a second into a spread of more than a tick
    "steer_add": 1.0,  # per tick that the efficient price lies off the mid: fewer adds where it pushes,
    "steer_cancel": 1.2,  # more departures there,
    "steer_market": 1.0,  # more aggressors,
    "steer_spread": 2.0,  # and the side that fills the spread
    "bias_sd": 0.12,
    "bias_tau": 10.0,  # seconds
    "activity_sd": 0.4,  # of the log, fast and slow alike
    "vol_of_vol": 1.1,  # share of the slow activity's log by which the efficient price moves more
    "depth_sd": 0.45,  # of the log of how much rests
    "burst": 0.6,  # share of events that a trade excites
    "follow": 0.02,  # share a second by which the efficient price learns from the mid
    "settle": 2.7,  # seconds until a price that has just become the best is joined like any other
    "spared": 0.8,  # share of aggressors that leave a price alone that has just become the best
    "reprice": 0.3,  # share of departures that come to rest at another price
    "walk": 0.15,  # share of aggressors that may go deeper than the touch
}


_SHAPE = (
    ("18:00", 0.25), ("18:30", 0.12), ("20:00", 0.10), ("02:00", 0.08), ("03:00", 0.16), ("05:00", 0.12),
    ("08:00", 0.15), ("08:29", 0.18), ("08:30", 0.60), ("08:40", 0.25), ("09:29", 0.35), ("09:30", 3.6),
    ("09:45", 2.7), ("09:59", 1.7), ("10:00", 2.6), ("10:05", 1.7), ("11:00", 1.2), ("11:45", 1.0),
    ("13:30", 1.0), ("15:00", 1.4), ("15:55", 2.5), ("16:00", 1.5), ("16:05", 0.3), ("17:00", 0.15),
)  # fmt: skip
"""Activity by New York time, noon is 1; linear in between."""
_DEPTH = (
    ("18:00", 0.35), ("09:29", 0.45), ("09:30", 0.5), ("09:35", 0.6), ("09:45", 1.0), ("16:00", 1.0),
    ("16:05", 0.5), ("17:00", 0.35),
)  # fmt: skip
_PACE = 0.92
_SIGMA = 6.1 / 60**0.5
"""Ticks per square root of a second at noon."""


def clock(date: dt.date, start: int, end: int, mood: float) -> Array:
    """Activity, depth and volatility for every second of [start, end); columns as `engine._slow` reads them.

    Args:
        date: The trading date.
        start: First instant, ns UTC.
        end: First instant outside, ns UTC.
        mood: Factor of the day's volatility; activity moves with it.
    """
    seconds = start + np.arange(-(-(end - start) // 10**9)) * 10**9
    shape = _between(date, _SHAPE, seconds)
    sigma = _SIGMA * mood * shape**0.4
    return np.column_stack([_PACE * mood * shape, _between(date, _DEPTH, seconds), sigma])


def _between(date: dt.date, points: tuple[tuple[str, float], ...], seconds: Array) -> Array:
    times = [at(date, dt.time.fromisoformat(text)) for text, _ in points]
    assert all(a < b for a, b in itertools.pairwise(times))  # noqa: S101 (a table that is wrong is a bug)
    return np.interp(seconds, times, [value for _, value in points])
