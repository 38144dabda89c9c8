"""The calibration run: what follows arrivals in every world, and how well their flow tells the hidden state.

`python -m warehouse.simulate.calibration` writes `oracle.json` and prints the table.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from warehouse.session import at, sessions
from warehouse.simulate import market, tape, truth, worlds
from warehouse.simulate.statistics import ratio, separation
from warehouse.workers import cores, pool, result

Array = np.ndarray[Any, Any]

SESSIONS, FEW = 130, 40
"""Of each world, for at least two thousand arrivals; of each further dial."""
HOURS = (dt.time(9), dt.time(12, 45))
RATE_SCALE, SEED = 0.05, 20
FIRST = dt.date(2025, 1, 2)
"""Of the run's sessions; other seeds and dates are everybody's."""
CASES = (
    worlds.WORLDS["null"],
    worlds.WORLDS["decoy"],
    worlds.WORLDS["hidden"],
    worlds.WORLDS["planted"],
    worlds.turned(worlds.WORLDS["planted"], {"km": -0.1}),
    worlds.WORLDS["literal"],
    *(worlds.World("visible", kf=dial, kn=dial) for dial in (0.05, 0.1, 0.2, 0.8)),
    *(worlds.World("effective", km=dial) for dial in (0.02, 0.05, 0.2)),
)
"""The fifth is `flip` on its other dates."""
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


def run(cases: Sequence[worlds.World] = CASES) -> Iterator[tuple[worlds.World, pl.DataFrame]]:
    """All arrivals of every case."""
    market.compile_once()
    dates = sessions(FIRST, FIRST + dt.timedelta(days=2 * SESSIONS))
    with tempfile.TemporaryDirectory() as folder, pool(Path(folder), cores()) as hands:
        for world in cases:
            count = FEW if world.name not in worlds.WORLDS else SESSIONS
            todo = [hands.submit(session_of, world, date) for date in dates[:count]]
            yield world, pl.concat([result(done) for done in todo])


def shares(known: pl.DataFrame) -> list[list[list[float]]]:
    """Outcomes by hidden state (-1, 0, 1) and bin of x0."""
    decided = known.filter(pl.col("outcome").is_not_null())
    ended, z, place = decided["outcome"].to_numpy(), decided["z"].to_numpy(), truth.bins(decided)
    return [
        [
            [round(float((ended[(z == state) & (place == at)] == name).mean()), 4) for name in truth.OUTCOMES]
            for at in range(len(truth.EDGES) + 1)
        ]
        for state in (-1, 0, 1)
    ]


def line(world: worlds.World, known: pl.DataFrame) -> str:
    """A row of the table: arrivals, BREAK among resolved by hidden state and by geometry, the AUC for z."""
    told = known.filter(pl.col("outcome").is_in(truth.OUTCOMES[:2]), pl.col("q_break").is_not_null())
    broke = (told["outcome"] == truth.OUTCOMES[0]).to_numpy()
    z, q = told["z"].to_numpy(), told["q_break"].to_numpy()
    by = [ratio(int(broke[z == state].sum()), int((z == state).sum())) for state in (1, 0, -1)]
    pulled = known.filter((pl.col("z") != 0) & pl.col("balance").is_not_null())
    auc = separation(pulled["balance"].to_numpy(), (pulled["z"] > 0).to_numpy())
    gap, error = float((broke - q).mean()), float((broke - q).std()) / len(q) ** 0.5
    return (
        f"{world.name:10} {truth.key(world):24} {len(known):6} {len(told):6} "
        + " ".join(f"{share:6.3f}" for share in by)
        + f" {float(q.mean()):6.3f} {gap:+6.3f} ± {1.96 * error:.3f} {auc:6.3f}"
    )


HEAD = (
    f"{'world':10} {'dials':24} {'seen':>6} {'ended':>6} {'z=+1':>6} {'z=0':>6} {'z=-1':>6} {'q':>6} "
    f"{'BREAK - q':>14} {'AUC':>6}"
)


def main() -> None:
    """Make the run and write what `truth.oracle` reads, case by case."""
    told: dict[str, Any] = {"sessions": SESSIONS, "rate_scale": RATE_SCALE, "seed": SEED, "first": str(FIRST)}
    told |= {"x0_over_sigma_60": truth.EDGES, "z": (-1, 0, 1), "outcomes": truth.OUTCOMES, "shares": {}}
    sys.stdout.write(HEAD + "\n")
    for world, known in run():
        sys.stdout.write(line(world, known) + "\n")
        sys.stdout.flush()
        if world.name in worlds.WORLDS:
            told["shares"][truth.key(world)] = {"arrivals": _frozen(known), "cells": shares(known)}
            aside = truth.CALIBRATION.with_suffix(".tmp")
            aside.write_text(json.dumps(told) + "\n")
            aside.replace(truth.CALIBRATION)


def _frozen(known: pl.DataFrame) -> int:
    return known.filter(pl.col("outcome").is_not_null()).height


if __name__ == "__main__":
    main()
