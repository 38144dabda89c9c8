"""Moments that are no arrival: in which phase they are, and earlier setups as they stood at such moments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from warehouse import question, store
from warehouse.library import Admission
from warehouse.odds import CLASSES, Reals
from warehouse.question import UP, Moment, Place
from warehouse.schema import HORIZONS_S, OF_A_RACE, SNAPSHOTS, TAUS_S

APPROACH, ZONE = "APPROACH", "ZONE"
_NEAR_PTS, _NEAR_MOVES = 0.5, 0.25
"""How unlike distances from the level may be: half a point, or a quarter of the expected one-minute move."""
_SECOND = 10**9
_NO_PATH = pl.DataFrame(schema={"ns": pl.Int64(), "until": pl.Int64(), "mid": pl.Float64()})
"""A phase asks bars alone; where price stands is known already."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Where a moment stands beside the last arrival at its level.

    Args:
        name: APPROACH, ZONE or AFTER, as gold.snapshots has them.
        tau_s: Seconds since the arrival's T0; None in an approach.
        sigma_60: What the arrival's barriers were set by; None in an approach, and where it had none.
    """

    name: str
    tau_s: int | None = None
    sigma_60: float | None = None


def phase(now: Moment) -> tuple[Moment, Phase]:
    """The phase of a moment, and the moment as that phase sees it.

    An arrival holds for four minutes, as long as setups are frozen after theirs, and longer while price has
    not left the level. As long, direction and level are those of its T0, whichever way price has gone since
    and wherever a moving level is. Any other moment is of an approach.
    """
    last = _last(now.place)
    if last is None:
        return now, Phase(APPROACH)
    tau_s = (now.place.end - last["t0"]) // _SECOND
    name = _name(now.place, last["setup_id"], tau_s)
    if tau_s > max(TAUS_S) and name != ZONE:
        return now, Phase(APPROACH)
    d, price = 1 if last["direction"] == UP else -1, last["level_price"]
    x = round(d * (now.p_ref - price), 9) + 0.0
    turned = replace(now, place=replace(now.place, price=price), direction=last["direction"], x0=x)
    return turned, Phase(name, tau_s, last["sigma_60"])


def alike(
    setups: pl.DataFrame, moments: pl.DataFrame, now: Moment, stage: Phase, admission: Admission
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Setups as they stood at a moment of the same phase and a like distance, and what followed from there.

    Of a setup there is the moment whose distance is the likest of those that are resolved, at levels that
    could be read by then.

    Args:
        setups: Those that are admitted, as `library.setups` gives them.
        moments: gold.snapshots, those of other setups too, with the slots of a vector.
        now: The moment that is asked about.
        stage: Its phase.
        admission: What such moments have to fulfil as arrivals have to.

    Returns:
        The setups' rows in their order, with known_ts, resolved_ts, x0, sigma_60, phase, tau_s and slots of
        that moment; then what gold.outcomes would have of it under the default scheme.
    """
    off = (pl.col("x") - now.x0).abs()
    near = max(_NEAR_PTS, _NEAR_MOVES * (now.sigma_60 or 0.0))
    best = (
        moments.filter(pl.col("phase") == stage.name, pl.col("level_known"), off <= near)
        .filter(pl.col("resolved_ts").cast(pl.Int64) <= admission.as_of, *admission.like.rules())
        .join(setups.select("setup_id"), on="setup_id", how="semi")
        .sort("setup_id", off, pl.col("tau_s").abs(), "tau_s")
        .unique("setup_id", keep="first", maintain_order=True)
        .rename({"x": "x0"})
    )
    slots = [name for name in best.columns if name not in SNAPSHOTS.schema and name != "x0"]
    moved = best.select("setup_id", "tau_s", "phase", "known_ts", "resolved_ts", "x0", "sigma_60", *slots)
    own = setups.drop([name for name in moved.columns[1:] if name in setups.columns])
    found = own.join(moved, on="setup_id", how="inner", maintain_order="left")
    return found, pl.concat(_followed(best, horizon) for horizon in HORIZONS_S)


def sets_barriers(now: Moment, stage: Phase | None) -> float | None:
    """Sigma that sets the barriers: of an arrival that holds that of its T0, otherwise the moment's own."""
    return now.sigma_60 if stage is None or stage.name == APPROACH else stage.sigma_60


def given_arrival(outcomes: pl.DataFrame, setups: pl.DataFrame) -> Reals | None:
    """Of an approach, whose race begins at the level: mean chances, (3,), that geometry gave arrivals.

    Args:
        outcomes: Of one horizon.
        setups: Those that arrived.
    """
    arrived = outcomes.join(setups.select("setup_id"), on="setup_id", how="semi", maintain_order="left")
    known = arrived.select(f"cal_{name.lower()}" for name in CLASSES).drop_nulls()
    return known.mean().to_numpy()[0] if len(known) else None


def compared(stage: Phase | None, *, odds: bool) -> str:
    """With what a moment that is no arrival is compared."""
    if stage is None:
        return "This moment is no arrival at the level; it is compared with arrivals."
    if stage.tau_s is None:
        said = "This moment is no arrival; it is compared with approaches that did arrive"
        return f"{said}: read the odds as given that it arrives." if odds else f"{said}."
    gone = "has left the level since" if stage.name == "AFTER" else "has not stood off it for 30 s since"
    said = f"An arrival {stage.tau_s} s ago has this direction, and price {gone}"
    return f"{said}: compared with such moments, their races run anew from there."


def _followed(moments: pl.DataFrame, horizon_s: int) -> pl.DataFrame:
    """What followed within one horizon, a row per moment."""
    told = [pl.col(f"{name}_{horizon_s // 60}m").alias(name) for name in OF_A_RACE]
    return moments.select("setup_id", pl.lit(horizon_s).alias("horizon_s"), *told)


def _last(place: Place) -> dict[str, Any] | None:
    """The last arrival at the level on this date, up to the moment."""
    target = place.partition("gold.setups")
    if not target.path.exists():
        return None
    t0 = pl.col("known_ts").cast(pl.Int64)
    found = (
        pl.scan_parquet(store.whole(target), glob=False)
        .filter(question.concerns(place), t0 <= place.end)
        .select("setup_id", "direction", "level_price", "sigma_60", t0=t0)
        .sort("t0", "setup_id")
        .collect(engine="in-memory")
        .to_dicts()
    )
    return found[-1] if found else None


def _name(place: Place, setup_id: str, tau_s: int) -> str:
    """ZONE until price has left the level since the arrival, then AFTER."""
    from warehouse import snapshots  # noqa: PLC0415 (it loads DuckDB, which an approach does not need)

    setups = pl.scan_parquet(store.whole(place.partition("gold.setups")), glob=False)
    seen = pl.col("bar_ts").cast(pl.Int64) <= place.bar
    found = snapshots.places(
        setups.filter(pl.col("setup_id") == setup_id).collect(engine="in-memory"),
        {
            "levels": place.scan("silver.levels"),
            "book": place.scan("silver.book").filter(seen),
            "volatility": place.scan("silver.volatility").filter(seen),
        },
        _NO_PATH,
        (tau_s,),
    )
    name: str = found["phase"].item()
    return name
