"""The calibration run: what follows arrivals in every world, and how well their flow tells the hidden state.

`uv run just calibration` writes `oracle.json` and prints the table; dials that it lacks are run when asked.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from warehouse.session import at, sessions
from warehouse.simulate import tape, truth, worlds
from warehouse.simulate.statistics import ratio, separation
from warehouse.workers import cores, pool, result

Array = np.ndarray[Any, Any]
Progress = Callable[[str, int, int], None]
"""Told what ends, how much of it has, and its total."""

ARRIVALS = 2_000
"""Frozen ones that shares rest on at least."""
SESSIONS, FEW = 130, 40
"""Of each world, and more until there are arrivals enough; of each further dial in the table."""
MIRROR = 60
"""Sessions of the null world that geometry is held to; they give at least 500 resolved arrivals."""
HOURS = (dt.time(9), dt.time(12, 45))
RATE_SCALE, SEED = 0.05, 20
FIRST = dt.date(2025, 1, 2)
"""Of the run's sessions; other seeds and dates are everybody's."""
_NULL = worlds.WORLDS["null"]
CASES = (
    _NULL,
    worlds.WORLDS["decoy"],
    worlds.WORLDS["hidden"],
    worlds.WORLDS["planted"],
    worlds.turned(worlds.WORLDS["planted"], {"km": -0.1}),
    worlds.WORLDS["literal"],
    *(worlds.World("visible", kf=dial, kn=dial) for dial in (0.05, 0.1, 0.2, 0.8)),
    *(worlds.World("effective", km=dial) for dial in (0.02, 0.05, 0.2)),
    worlds.World("wall", wall=200.0),
    worlds.World("spoof", wall=200.0, spoof=1.0),
)
"""The fifth is `flip` on its other dates."""
RULE = {
    "rate_scale": RATE_SCALE, "seed": SEED, "first": str(FIRST), "x0_over_sigma_60": truth.EDGES,
    "z": (-1, 0, 1), "outcomes": truth.OUTCOMES,
}  # fmt: skip
"""What shares were counted by."""
_FAR, _NEAR = (-1, 8), (-8, 0)
"""Ticks from the level, in the direction of travel, at which opposing and supporting flow is tilted."""
_ADD, _CANCEL, _TRADE, _BID = (ord(letter) for letter in "ACTB")


def session_of(world: worlds.World, date: dt.date) -> pl.DataFrame:
    """The truth of one session, with `balance`: what the tilted flow showed until the freeze."""
    whole = tape.Session(date, at(date, HOURS[0]), at(date, HOURS[1]), world, RATE_SCALE, SEED)
    contract = tape.contracts(date)[-1]
    told: list[Array] = []
    kept = [_acts(part) for part in tape.records(whole, contract, "mbp-10", told)]
    known = truth.told(whole, [contract], [told])
    return known.with_columns(pl.Series("balance", _balances(known, np.concatenate(kept))))


def _acts(part: Array) -> Array:
    """Adds and cancels that no trade explains: ns, tick, 1 of a bid, signed lots."""
    action = part["action"].view(np.uint8)
    owned = ~np.isin(part["sequence"], part["sequence"][action == _TRADE])
    kept = part[owned & np.isin(action, (_ADD, _CANCEL))]
    lots = np.where(kept["action"].view(np.uint8) == _ADD, 1, -1) * kept["size"].astype(np.int64)
    bid = (kept["side"].view(np.uint8) == _BID).astype(np.int64)
    return np.column_stack([kept["ts_event"].astype(np.int64), kept["price"] // tape.TICK, bid, lots])


def _balances(known: pl.DataFrame, acts: Array) -> list[float | None]:
    """Net adds over all acts, supporting less opposing side, from sight to the freeze; null without one."""
    asked = known.select(
        pl.col("arrival_ts").cast(pl.Int64),
        pl.col("trigger_ts").cast(pl.Int64) + truth.BAR_NS,
        (pl.col("price") * 1e9 / tape.TICK).cast(pl.Int64),
        pl.when(pl.col("direction") == "UP").then(1).otherwise(-1),
    )
    return [None if row[1] is None else _balance(acts, *row) for row in asked.iter_rows()]


def _balance(acts: Array, since: int, until: int, level: int, direction: int) -> float:
    rows = acts[slice(*np.searchsorted(acts[:, 0], [since, until]))]
    place, bid = direction * (rows[:, 1] - level), rows[:, 2] == (direction > 0)
    sides = (
        (bid & (place >= _NEAR[0]) & (place <= _NEAR[1]), 1),
        (~bid & (place >= _FAR[0]) & (place <= _FAR[1]), -1),
    )
    return sum(
        sign * float(rows[side, 3].sum()) / (float(np.abs(rows[side, 3]).sum()) + 20.0)
        for side, sign in sides
    )


def arrivals(
    world: worlds.World, count: int, workers: int, progress: Progress, first: int = 0
) -> pl.DataFrame:
    """All arrivals of `count` sessions of the run, from its `first` one on."""
    dates = sessions(FIRST, FIRST + dt.timedelta(days=3 * (first + count) + 10))[first : first + count]
    what, known = f"calibrated sessions of {truth.key(world)}", []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        hands = stack.enter_context(pool(Path(folder), workers)) if workers > 1 else None
        todo = [hands.submit(session_of, world, date) if hands else date for date in dates]
        for one in todo:
            known.append(session_of(world, one) if isinstance(one, dt.date) else result(one))
            progress(what, len(known), count)
    return pl.concat(known)


def of(world: worlds.World, workers: int, progress: Progress) -> dict[str, Any]:
    """Shares by dials for a world on all its dates: those of the table, else of a run made now."""
    acting = {truth.key(one): one for one in (worlds.on(world, flipped) for flipped in (False, True))}
    table = truth.tabulated()
    return {
        key: table[key] if key in table else counted(one, workers, progress)[0] for key, one in acting.items()
    }


def counted(world: worlds.World, workers: int, progress: Progress) -> tuple[dict[str, Any], pl.DataFrame]:
    """Shares of a world as the table has them, and all arrivals they were counted from."""
    plain = replace(world, p_break=_NULL.p_break, p_reject=_NULL.p_reject)
    known, done = arrivals(plain, SESSIONS, workers, progress), SESSIONS
    while _frozen(known) < ARRIVALS:
        known, done = known.vstack(arrivals(plain, FEW, workers, progress, done)), done + FEW
    return {"sessions": done, "arrivals": _frozen(known), "cells": shares(known)}, known


def mirror(workers: int) -> tuple[int, float, float]:
    """Of the null world: arrivals resolved, BREAK among them less the geometric share, its standard error."""
    told = _resolved(arrivals(_NULL, MIRROR, workers, lambda *_: None))
    off = (told["outcome"] == truth.OUTCOMES[0]).to_numpy() - told["q_break"].to_numpy()
    return len(off), float(off.mean()), float(off.std()) / len(off) ** 0.5


def _resolved(known: pl.DataFrame) -> pl.DataFrame:
    return known.filter(pl.col("outcome").is_in(truth.OUTCOMES[:2]), pl.col("q_break").is_not_null())


def shares(known: pl.DataFrame) -> list[list[list[float | None]]]:
    """Outcomes by hidden state (-1, 0, 1) and bin of x0; null where nothing ended."""
    decided = known.filter(pl.col("outcome").is_not_null())
    ended, z, place = decided["outcome"].to_numpy(), decided["z"].to_numpy(), truth.bins(decided)
    return [
        [_shares(ended[(z == state) & (place == at)]) for at in range(len(truth.EDGES) + 1)]
        for state in (-1, 0, 1)
    ]


def _shares(ended: Array) -> list[float | None]:
    return [round(float((ended == name).mean()), 4) if len(ended) else None for name in truth.OUTCOMES]


def line(world: worlds.World, known: pl.DataFrame) -> str:
    """A row of the table: arrivals, BREAK among resolved by hidden state and by geometry, the AUC for z."""
    told = _resolved(known)
    broke = (told["outcome"] == truth.OUTCOMES[0]).to_numpy()
    z, q = told["z"].to_numpy(), told["q_break"].to_numpy()
    by = [ratio(int(broke[z == state].sum()), int((z == state).sum())) for state in (1, 0, -1)]
    pulled = known.filter((pl.col("z") != 0) & pl.col("balance").is_not_null())
    auc = separation(pulled["balance"].to_numpy(), (pulled["z"] > 0).to_numpy())
    gap, error = float((broke - q).mean()), float((broke - q).std()) / len(q) ** 0.5
    return (
        f"{world.name:10} {truth.key(world):36} {len(known):6} {len(told):6} "
        + " ".join(f"{share:6.3f}" for share in by)
        + f" {float(q.mean()):6.3f} {gap:+6.3f} ± {1.96 * error:.3f} {auc:6.3f}"
    )


HEAD = (
    f"{'world':10} {'dials':36} {'seen':>6} {'ended':>6} {'z=+1':>6} {'z=0':>6} {'z=-1':>6} {'q':>6} "
    f"{'BREAK - q':>14} {'AUC':>6}"
)


def main() -> None:
    """Make the run and write what `truth.oracle` reads, case by case."""
    tape.compile_once()
    told: dict[str, Any] = {**RULE, "shares": {}}
    sys.stdout.write(HEAD + "\n")
    for world, found, known in _cases():
        sys.stdout.write(line(world, known) + "\n")
        sys.stdout.flush()
        told["shares"] |= {truth.key(world): found} if found else {}
        aside = truth.CALIBRATION.with_suffix(".tmp")
        aside.write_text(json.dumps(told) + "\n")
        aside.replace(truth.CALIBRATION)


def _cases() -> Iterator[tuple[worlds.World, dict[str, Any] | None, pl.DataFrame]]:
    for world in CASES:
        if world.name in worlds.WORLDS:
            yield world, *counted(world, cores(), lambda *_: None)
        else:
            yield world, None, arrivals(world, FEW, cores(), lambda *_: None)


def _frozen(known: pl.DataFrame) -> int:
    return known.filter(pl.col("outcome").is_not_null()).height


if __name__ == "__main__":
    main()
