"""What a session hides: the arrivals at its levels, what was drawn for them, and how often that ends how."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from warehouse import barrier
from warehouse.simulate import worlds
from warehouse.simulate.book import ARRIVAL
from warehouse.simulate.tape import LEVELS, TICK, Contract, Session, flipped

Array = np.ndarray[Any, Any]

CALIBRATION = Path(__file__).with_name("oracle.json")
"""What `calibration` wrote: shares of outcomes by dials, hidden state and place at the freeze."""
EDGES = (-0.6, -0.4, -0.2)
"""Where x0, in moves of sixty seconds, goes from one bin to the next."""
OUTCOMES = ("BREAK", "REJECT", "CHOP")
HORIZON_NS = 240 * 10**9
"""The horizon of the default labels."""
BAR_NS = 5 * 10**9
_NANO = 1e9
_HALF = TICK / 2 / _NANO
_MINUTE = 60.0**0.5


def told(
    session: Session,
    traded: Sequence[Contract],
    truths: Sequence[Sequence[Array]],
    calibrated: Mapping[str, Any] = MappingProxyType({}),
) -> pl.DataFrame:
    """One row per arrival at a real level; what nothing froze, or what time ran out for, is null.

    Columns: symbol, date, arrival_ts (in sight), trigger_ts (the bar's start), level_kind, price (points),
    direction, z (hidden state), x0_pts, sigma_60 (points, the market's own), barrier_pts, outcome (within
    four minutes of the freeze), hit_ts, block_lots (placed behind the level, 0 if none), pulled_ts (of a
    spoof; null of a wall and of no block), q_break (BREAK among resolved by geometry), oracle_break,
    oracle_reject, oracle_chop (shares of the calibration run), world, and its dials on this date.
    """
    world = worlds.on(session.world, flipped(session))
    frames = [
        pl.DataFrame(found, schema=[(name, pl.Int64) for name in ARRIVAL], orient="row").with_columns(
            symbol=pl.lit(contract.symbol)
        )
        for contract, (found,) in zip(traded, truths, strict=True)
    ]
    kinds = pl.Series([kind for kind, _ in LEVELS])
    frozen, freeze = pl.col("trigger_ts") >= 0, pl.col("trigger_ts") + BAR_NS
    known = pl.concat(frames).select(
        "symbol",
        date=pl.lit(session.date),
        arrival_ts=pl.from_epoch("ts", time_unit="ns"),
        trigger_ts=_moment("trigger_ts"),
        level_kind=pl.lit(kinds).gather(pl.col("level")),
        price=pl.col("price") * TICK / _NANO,
        direction=pl.when(pl.col("direction") > 0).then(pl.lit("UP")).otherwise(pl.lit("DOWN")),
        z=pl.col("z"),
        x0_pts=pl.when(frozen).then(pl.col("x0") * _HALF),
        sigma_60=pl.when(frozen).then(pl.col("sigma") / _NANO * 2 * _HALF * _MINUTE),
        barrier_pts=pl.when(frozen).then(pl.col("barrier") * _HALF),
        outcome=_outcome(frozen, freeze, session.end),
        hit_ts=_moment("hit_ts"),
        block_lots=pl.max_horizontal("block", 0),
        pulled_ts=_moment("pulled_ts"),
    )
    chances = zip(
        (f"oracle_{name.lower()}" for name in OUTCOMES), oracle(world, known, calibrated), strict=True
    )
    return known.with_columns(
        pl.Series("q_break", geometric(known), nan_to_null=True),
        *(pl.Series(name.lower(), values, nan_to_null=True) for name, values in chances),
        world=pl.lit(world.name),
        **{name: pl.lit(getattr(world, name)) for name in worlds.PLANTED},
    )


def _moment(name: str) -> pl.Expr:
    return pl.from_epoch(pl.when(pl.col(name) >= 0).then(name), time_unit="ns")


def _outcome(frozen: pl.Expr, freeze: pl.Expr, end: int) -> pl.Expr:
    """The default label: the barrier touched first within the horizon; null without a race or its end."""
    last = freeze + HORIZON_NS
    hit = (pl.col("hit_ts") >= 0) & (pl.col("hit_ts") < last)
    side = pl.when(pl.col("hit") > 0).then(pl.lit(OUTCOMES[0])).otherwise(pl.lit(OUTCOMES[1]))
    raced = frozen & (pl.col("x0").abs() < pl.col("barrier"))
    return pl.when(raced & hit).then(side).when(raced & (last <= end)).then(pl.lit(OUTCOMES[2]))


def geometric(known: pl.DataFrame) -> Array:
    """BREAK among resolved by geometry, with the market's own sigma; NaN where nothing was frozen."""
    x0, width, sigma = (
        known[name].cast(pl.Float64).to_numpy() for name in ("x0_pts", "barrier_pts", "sigma_60")
    )
    odds = barrier.geometric(x0, width, sigma * (HORIZON_NS / 60e9) ** 0.5)
    share: Array = odds.breaks / (odds.breaks + odds.rejects)
    return share


def bins(known: pl.DataFrame) -> Array:
    """Each arrival's bin of x0 over sigma_60; that of an arrival without them means nothing."""
    place = (known["x0_pts"] / known["sigma_60"]).to_numpy()
    return np.searchsorted(EDGES, place, side="right")


def key(world: worlds.World) -> str:
    """Of worlds that act alike."""
    blocks = f",wall={world.wall:g},spoof={world.spoof:g}" if world.wall else ""
    return f"kf={world.kf:g},kn={world.kn:g},km={world.km:g}{blocks}"


def oracle(world: worlds.World, known: pl.DataFrame, calibrated: Mapping[str, Any]) -> Array:
    """Shares of BREAK, REJECT and CHOP, a row each, that a calibration run saw at this z and place.

    NaN before the freeze, and where `calibrated` (by `key`) has nothing.
    """
    told = calibrated.get(key(world))
    found = np.full((len(OUTCOMES), len(known)), np.nan)
    frozen = known["x0_pts"].is_not_null().to_numpy()
    if told is None or not frozen.any():
        return found
    cells = np.array(told["cells"], float)
    found[:, frozen] = cells[known["z"].to_numpy() + 1, bins(known)][frozen].T
    return found


@functools.cache
def tabulated() -> dict[str, Any]:
    """What the calibration run counted for the worlds as they are, by `key`."""
    shares: dict[str, Any] = json.loads(CALIBRATION.read_text())["shares"]
    return shares
