"""How real a simulated session is: one value for every row of the table of targets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from warehouse.errors import QuestionError
from warehouse.session import at, explain, is_half_day
from warehouse.simulate import calibration, orders, speed, tape
from warehouse.simulate.facts import OFI_S, Facts, Path, measured
from warehouse.simulate.statistics import (
    autocorrelation,
    explained,
    kurtosis,
    ratio,
    separation,
    slope,
    variance_ratio,
)
from warehouse.simulate.targets import text
from warehouse.simulate.worlds import World

Array = np.ndarray[Any, Any]

SPAN = (dt.time(4), dt.time(16))
MORNING, PREMARKET = (dt.time(9, 30), dt.time(12, 30)), (dt.time(4), dt.time(9, 30))
_OPENING, _NOON = slice(0, 1800), slice(8100, 9900)
"""Seconds of the morning: 09:30 to 10:00, and 11:45 to 12:15."""
ORDERS = (dt.time(10), dt.time(10, 30))
"""The half hour whose orders are followed one by one."""
_POINT = 8.0
"""Half ticks."""
_MINUTE, _WIDE = 60, 300
_BIN = 0.1
_SAMPLE = 50
"""Of the events, one in so many is asked what the mid did next."""


def report(date: dt.date, world: World, seed: int, workers: int = 1) -> str:
    """The table, the grammar of a session at the full rate, and speed; what misses its target is red.

    Args:
        date: Of the session.
        world: What is planted in it; the table's last row is of the null world always.
        seed: Of the session.
        workers: Processes for the last row's sessions.

    Raises:
        QuestionError: The date is no session, or ends before the table's hours do.
    """
    if why := explain(date) or ("a half day" if is_half_day(date) else None):
        what = f"{date} has no session until {SPAN[1]:%H:%M} ({why})"
        raise QuestionError(f"{what}: give another date to report on")
    if seed < 0:
        raise QuestionError(f"seed {seed} cannot be: give a whole number from 0 on")
    return f"{text(*values(date, world, seed, workers))}\n\n{speed.lines(date, world, seed)}"


def values(
    date: dt.date, world: World, seed: int, workers: int = 1
) -> tuple[list[float], dict[str, dict[str, float]]]:
    """One value for each of TARGETS, from a session at the full rate; and the grammar of its events."""
    whole = tape.Session(date, at(date, SPAN[0]), at(date, SPAN[1]), world, 1.0, seed)
    contract = tape.contracts(date)[-1]
    morning, early = (Facts(at(date, start), at(date, end), tape.TICK) for start, end in (MORNING, PREMARKET))
    path = Path(at(date, MORNING[0]), at(date, SPAN[1]), tape.TICK)
    measured(tape.records(whole, contract, "mbp-10", []), morning, early, path)
    half = tape.Session(date, at(date, ORDERS[0]), at(date, ORDERS[1]), world, 1.0, seed)
    _, off, error = calibration.mirror(workers)
    told = orders.table(np.concatenate(list(tape.records(half, contract, "mbo", []))))
    return (
        [
            *_book(morning, early),
            *_flow(morning),
            *_moves(path.mids().astype(float)),
            *_imbalance(morning, path),
            *_signs(morning),
            *_orders(told),
            *_size_of_moves(morning, path),
            *_depleted(morning.history()),
            orders.moved(told),
            float(sum(facts.crossed + facts.unsorted for facts in (morning, early))),
            float(orders.unpaid(told)),
            ratio(off, error),
        ],
        {"share of records": orders.shares(told), "events": orders.grammar(told), **orders.following(told)},
    )


def _book(morning: Facts, early: Facts) -> list[float]:
    size, count = morning.size / 2 / morning.weight, morning.orders / 2 / morning.weight
    return [
        morning.tight / morning.weight,
        early.tight / early.weight,
        morning.gap / 2 / morning.weight / (len(size) - 1) * tape.TICK / 1e9,
        size[0],
        size[1] / size[0],
        size[9] / size[1],
        count[0],
        count[9],
        size.sum() / count.sum(),
        early.size.sum() / early.weight / 2 / size.sum(),
    ]


def _flow(morning: Facts) -> list[float]:
    counts, kinds = morning.records.reshape(-1, 5).sum(axis=1), morning.kinds
    (added, added_near), (pulled, pulled_near), (filled, filled_near) = (
        morning.flow[name] for name in ("add", "pull", "fill")
    )
    return [
        morning.records.mean(),
        counts.std() / counts.mean(),
        ratio(kinds[ord("C")], kinds[ord("A")]),
        ratio(float(pulled + filled), float(added)),
        ratio(float(pulled_near), float(pulled_near + filled_near)),
        5 * morning.traded.mean(),
        ratio(morning.traded.sum(), kinds[ord("T")]),
        ratio(float(added_near), float(added)),
        ratio(morning.records[_OPENING].mean(), morning.records[_NOON].mean()),
    ]


def _moves(path: Array) -> list[float]:
    one, minute, wide = (path[n:] - path[:-n] for n in (1, _MINUTE, _WIDE))
    return [
        minute.std() / _POINT,
        (path.max() - path.min()) / _POINT,
        variance_ratio(path, _WIDE),
        autocorrelation(one, 1),
        autocorrelation(np.abs(one), _MINUTE),
        kurtosis(minute),
        kurtosis(one) / kurtosis(wide),
    ]


def _imbalance(morning: Facts, path: Path) -> list[float]:
    """What order-flow imbalance explains, and what the queues at the touch say of the next move."""
    moves = np.diff(path.mids(OFI_S).astype(float))[: len(morning.ofi) - 1]
    flow = morning.ofi[1:]
    ts, mid, bid, ask, _ = morning.history()
    bars = np.searchsorted(ts, morning.start + np.arange(1, len(flow) + 1) * OFI_S * 10**9)
    depth = np.add.reduceat((bid + ask) / 2, bars) / np.diff(np.r_[bars, len(ts)])
    quarter = np.searchsorted(np.quantile(depth, (0.25, 0.5, 0.75)), depth)
    thin, thick = (
        slope(moves[quarter == n], flow[quarter == n, 0]) * depth[quarter == n].mean() for n in (0, 3)
    )
    first = explained(moves, flow[:, 0])
    lean, change = (bid - ask) / (bid + ask), np.flatnonzero(np.diff(mid))
    rows = np.arange(change[-1])[::_SAMPLE]
    up = np.diff(mid)[change[np.searchsorted(change, rows)]] > 0
    lean = lean[rows]
    return [
        first,
        thick / thin,
        explained(moves, *flow[:, :5].T) - first,
        up[np.abs(lean + 0.8) < _BIN].mean(),
        up[np.abs(lean - 0.8) < _BIN].mean(),
        separation(lean, up),
    ]


def _signs(morning: Facts) -> list[float]:
    signs = np.concatenate(morning.signs).astype(float)
    return [autocorrelation(signs, 1), float(np.mean([autocorrelation(signs, lag) for lag in range(40, 61)]))]


def _orders(told: pl.DataFrame) -> list[float]:
    ts = told["ts"].to_numpy()
    ends = ts[np.r_[np.diff(told["event"].to_numpy()) > 0, True]]
    minute = (ends[1:] - ends[0]) // (60 * 10**9)
    waits = np.diff(ends)
    spread = [waits[minute == n].std() / waits[minute == n].mean() for n in range(int(minute[-1]))]
    sizes = told.filter(pl.col("action") == "A")["size"].to_numpy()
    counts = np.bincount(sizes, minlength=12)
    lives = orders.lives(told)
    return [
        float(np.mean(spread)),
        counts[1] / len(sizes),
        ratio(2 * counts[10], counts[9] + counts[11]),
        np.quantile(sizes, 0.999) / sizes.mean(),
        (lives < 1).mean(),
        ratio(np.quantile(lives, 0.75), np.quantile(lives, 0.25)),
    ]


def _size_of_moves(morning: Facts, path: Path) -> list[float]:
    lots = morning.traded.reshape(-1, _MINUTE).sum(axis=1)[1:]
    moves = np.abs(np.diff(path.mids(_MINUTE)))[: len(lots)]
    return [float(np.corrcoef(lots, moves)[0, 1])]


def _depleted(history: Array) -> list[float]:
    """Of a price that has just become the best: first size; median time of thin ones to nine tenths."""
    ts, mid, *sizes, spread = history
    shares, waits = [], []
    for size, best in zip(sizes, (mid - spread, -mid - spread), strict=True):
        mean = size.mean()
        new = np.flatnonzero(np.diff(best) > 0) + 1
        gone = np.r_[np.flatnonzero(np.diff(best)) + 1, len(best)]
        left = gone[np.searchsorted(gone, new, side="right")]
        full = np.r_[np.flatnonzero(size >= 0.9 * mean), len(best)]
        whole = full[np.searchsorted(full, new)]
        kept = (whole < left) & (size[new] < mean / 3)
        shares.append(size[new].mean() / mean)
        waits.append((ts[whole[kept]] - ts[new[kept]]) / 1e9)
    return [float(np.mean(shares)), float(np.median(np.concatenate(waits)))]
