"""A simulated session of one contract as record arrays, slice by slice of time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from warehouse import dbn
from warehouse.session import OPENING_RANGE, PREMARKET, at, calendar_front, parse_outright, sessions
from warehouse.simulate import book, engine, feed, worlds

Array = np.ndarray[Any, Any]

PRODUCT = "SIM"
PUBLISHER = 65_001
"""Far outside the range of real publishers."""
TICK = 250_000_000
LAYOUTS = {"mbp-10": dbn.MBP_10, "mbo": dbn.MBO}
LEVELS = (
    ("PM_HIGH", PREMARKET),
    ("PM_LOW", PREMARKET),
    ("OR_HIGH", OPENING_RANGE),
    ("OR_LOW", OPENING_RANGE),
)
"""The levels that worlds act on, and whose trades make them."""

_ANCHOR, _ANCHOR_TICKS, _STEP_TICKS = dt.date(2025, 6, 4), 24_000, 80.0
_DAY = dt.timedelta(days=1)
_PREMIUM_TICKS = 200
_TIMES = ("ts", "trigger_ts", "hit_ts", "pulled_ts")
_ROWS = {"mbp-10": 24_000, "mbo": 160_000}
_WARM_S = 120
_SLICE_S = 60


@dataclass(frozen=True, slots=True)
class Session:
    """All that decides a session's records.

    Args:
        date: Trading date.
        start: First instant, ns UTC.
        end: First instant outside, ns UTC.
        world: What is planted.
        rate_scale: Records relative to the full rate.
        seed: Same seed, same records.
    """

    date: dt.date
    start: int
    end: int
    world: worlds.World
    rate_scale: float
    seed: int


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract in a session.

    Args:
        symbol: Such as SIMU5.
        instrument_id: Its number in the records.
        volume: Share of the full flow that it gets.
        premium: Ticks above the front contract.
    """

    symbol: str
    instrument_id: int
    volume: float = 1.0
    premium: int = 0


def contracts(date: dt.date) -> list[Contract]:
    """The front contract and, in the last session before a roll, the next one with more volume."""
    front, following = (calendar_front(PRODUCT, day) for day in (date, _next_session(date)))
    if front == following:
        return [Contract(front, _number(front))]
    return [
        Contract(front, _number(front), volume=0.3),
        Contract(following, _number(following), volume=1.0, premium=_PREMIUM_TICKS),
    ]


def records(session: Session, contract: Contract, schema: str, truth: list[Array]) -> Iterator[Array]:
    """What the feed sends, one array per minute, in order of both times.

    Args:
        session: The session.
        contract: The contract.
        schema: `mbp-10` or `mbo`.
        truth: Given one array at the end (arrivals, columns as `book.ARRIVAL`, whole numbers; times in ns, -1
            where there is none; level as its place in LEVELS; sigma in billionths).
    """
    st, clock = _opened(session, contract)
    out = np.zeros((_ROWS[schema], feed.ROW[schema]), np.int64)
    st["mbo"] = schema == "mbo"
    sign = LAYOUTS[schema].itemsize // 4 | dbn.RTYPES[schema] << 8
    st["head"] = sign | PUBLISHER << 16 | contract.instrument_id << 32
    while not engine.run(st, clock, out, _WARM_S):
        pass
    st["n"] = 0
    if st["mbo"]:
        engine.snapshot(st, out)
        resting = out[: st["n"]].copy().view(LAYOUTS[schema])[:, 0]
        resting["ts_recv"] = session.start
        yield resting
    for second in range(_WARM_S + _SLICE_S, len(clock) + _SLICE_S, _SLICE_S):
        parts, done = [], False
        while not done:
            done = engine.run(st, clock, out, min(second, len(clock)))
            parts.append(out[: st["n"]].copy())
        found = np.concatenate(parts).view(LAYOUTS[schema])[:, 0]
        # The last events of a session are received after its end.
        yield found if second < len(clock) else found[found["ts_recv"] < session.end]
    truth.append(_truth(st))


def compile_once() -> None:
    """Compile the engine, or load it from numba's cache, so that workers find it there."""
    noon = at(_ANCHOR, dt.time(12))
    tiny = Session(_ANCHOR, noon, noon + 10**9, worlds.world_named("null"), 0.05, 0)
    for layout in LAYOUTS:
        list(records(tiny, contracts(_ANCHOR)[0], layout, []))


def flipped(session: Session) -> bool:
    """Whether this date's effect has the other sign, in a world where dates differ; half of them do."""
    return bool(_random(session.seed, session.date, 5).integers(2))


def _next_session(date: dt.date) -> dt.date:
    return sessions(date + _DAY, date + 10 * _DAY)[0]


def _number(symbol: str) -> int:
    """SIMU5 is 202509: the same on every date."""
    contract = parse_outright(symbol)
    assert contract is not None  # noqa: S101 (our own symbols are outrights)
    return contract.year * 100 + "FGHJKMNQUVXZ".index(contract.month) + 1


def _opened(session: Session, contract: Contract) -> tuple[Any, Array]:
    """A book that is filled and still to be warmed, and its clock."""
    begin = session.start - _WARM_S * 10**9
    mood = float(np.exp(_random(session.seed, session.date, 1).normal(0.0, 0.08)))
    clock = worlds.clock(session.date, begin, session.end, mood)
    world = worlds.on(session.world, flipped(session))
    dials = worlds.dials(world, session.rate_scale * contract.volume)
    st = np.zeros(1, book.STATE)[0]
    st["dials"] = tuple(dials[name] for name in book.DIALS)
    st["start"], st["tick"], st["next_id"] = begin, TICK, 1 + contract.instrument_id * 10**10
    st["base"] = _open_ticks(session) + contract.premium - book.GRID // 2
    # Both contracts share the second stream: they follow one efficient price.
    st["random"][0] = _random(session.seed, session.date, 3, contract.instrument_id).integers(2**63)
    st["random"][1] = _random(session.seed, session.date, 2).integers(2**63)
    st["lam"][0], st["theta"][0] = worlds.rates(dials["rate_scale"])
    _windows(session, begin, st["levels"])
    engine.fill(st, clock)
    return st, clock


def _windows(session: Session, begin: int, levels: Array) -> None:
    """When each level is made, and whether of highs: a tape that starts later makes it of what it has."""
    for row, (kind, span) in zip(levels, LEVELS, strict=True):
        start, end = (at(session.date, time) for time in (span.start, span.end))
        row[0], row[1] = (max(start, session.start) - begin) / 1e9, (end - begin) / 1e9
        row[2] = kind.endswith("HIGH")


def _truth(st: book.State) -> Array:
    found = st["arrivals"][: st["arrival"]].copy()
    for name in (*_TIMES, "sigma"):
        column = book.ARRIVAL.index(name)
        found[:, column] = np.where(found[:, column] < 0, -1, np.round(found[:, column] * 1e9))
    whole: Array = found.astype(np.int64)
    for name in _TIMES:
        column = book.ARRIVAL.index(name)
        whole[:, column] += np.where(whole[:, column] < 0, 0, st["start"])
    return whole


def _random(seed: int, date: dt.date, *what: int) -> np.random.Generator:
    """Numbers of this seed and date, for one purpose."""
    return np.random.default_rng([seed, date.toordinal(), *what])


def _open_ticks(session: Session) -> int:
    """Opening price: 6000 points on the first day, then a walk over sessions that any date can retrace."""
    first, last = sorted((_ANCHOR, session.date))
    days = sessions(first + _DAY, last)
    steps = sum(float(_random(session.seed, day, 4).normal(0.0, _STEP_TICKS)) for day in days)
    return _ANCHOR_TICKS + round(steps if session.date > _ANCHOR else -steps)
