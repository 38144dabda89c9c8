"""Sessions of a pure random walk: a market in which the geometric null is the truth, or nearly."""

import numpy as np
import polars as pl
from moment_tape import NO_PRICES, NO_TRADES, custom, ns

from warehouse import barrier, levels, moments, races
from warehouse.barrier import Calibration
from warehouse.schema import AVERAGES, BAR_NS, QUOTES

TICK = 0.25
PER_SECOND = 1.0
"""Moves of mid a second; each is one tick up or down, so sigma_60 is a tick times the root of 60: 1.94 points."""
SIGMA_60 = TICK * np.sqrt(PER_SECOND * 60)


def session(day, seed, *, bounce=0.0):
    """Quotes and bars of a session 09:00 to 12:45 whose mid moves by a tick up or down at random times.

    Args:
        day: The trading date.
        seed: Of the draw.
        bounce: Chance by which a move takes the last one back rather than goes on; 0 is a martingale.
    """
    rng = np.random.default_rng(seed)
    start, end = ns("09:00:00", day), ns("12:45:00", day)
    count = rng.poisson((end - start) / 1e9 * PER_SECOND)
    times = np.sort(rng.integers(start, end, count))
    turns = np.where(rng.random(count) < 0.5 + bounce / 2, -1, 1)
    steps = np.cumprod(turns) if bounce else turns
    mid = 6000.125 + TICK * np.concatenate([[0], np.cumsum(steps)])
    times = np.concatenate([[start], times])
    quotes = pl.DataFrame(
        {
            "ts": times,
            "bid_px": mid - TICK / 2,
            "ask_px": mid + TICK / 2,
            "bid_qty": 9,
            "ask_qty": 9,
            "reset": False,
        }
    )
    return quotes.with_columns(pl.col("ts").cast(pl.Datetime("ns"))).cast(QUOTES.schema), _bars(
        times, mid, start, end
    )


def _bars(times, mid, start, end):
    edges = np.arange(start, end, BAR_NS)
    first = np.searchsorted(times, edges)
    carried = np.maximum(first - 1, 0)
    low, high = (ends.reduceat(np.append(mid, mid[-1]), carried) for ends in (np.minimum, np.maximum))
    frame = pl.DataFrame(
        {"bar_ts": edges, "mid_min": low, "mid_max": high, "meta_reset": False, "meta_empty": False}
    )
    return frame.with_columns(pl.col("bar_ts").cast(pl.Datetime("ns")))


def outcomes(day, seed, *, bounce=0.0, every=5):
    """Outcomes of every arrival at a level each `every` points, with their odds; sigma is the walk's own."""
    quotes, bars = session(day, seed, bounce=bounce)
    path = races.mids(quotes.lazy())
    low, high = bars["mid_min"].min(), bars["mid_max"].max()
    prices = np.arange(np.ceil(low / every) * every, high, every)
    given = moments.levels(NO_TRADES, custom(*((float(price), None) for price in prices)), "SIMM5", day)
    sigma = bars.select(
        "bar_ts", sigma_60=pl.lit(SIGMA_60), sigma_warmup=pl.lit(value=False), sigma_ratio=pl.lit(1.0)
    )
    setups = moments.triggers(given, path, bars.lazy(), sigma.lazy(), day, tick=TICK, source="mbp-10")
    found = races.outcomes(setups, path, bars.lazy(), day, tick=TICK, calibrated=dict.fromkeys((120, 240, 480), Calibration(1.0, 0.0)))  # fmt: skip
    return found.join(setups.select("setup_id", "x0", "sigma_60"), on="setup_id")


def arrivals(day, seed, calibrated):
    """Outcomes at real levels that stand on a tick, and at their placebos, with their odds and `date`."""
    quotes, bars = session(day, seed)
    path = races.mids(quotes.lazy())
    bid, ask = (quotes[name].to_numpy() for name in ("bid_px", "ask_px"))
    prints = pl.DataFrame(
        {"ts": quotes["ts"], "price": np.where(np.arange(len(bid)) % 2, bid, ask), "size": 1}
    )
    real = levels.levels(prints, NO_PRICES, "SIMM5", day).filter(~pl.col("level_kind").is_in(AVERAGES))
    every = pl.concat([real, levels.placebos(real, "SIM", TICK)])
    sigma = bars.select(
        "bar_ts", sigma_60=pl.lit(SIGMA_60), sigma_warmup=pl.lit(value=False), sigma_ratio=pl.lit(1.0)
    )
    setups = moments.triggers(every, path, bars.lazy(), sigma.lazy(), day, tick=TICK, source="mbp-10")
    found = races.outcomes(setups, path, bars.lazy(), day, tick=TICK, calibrated=calibrated)
    own = setups.select("setup_id", *barrier.LEARNT, "is_placebo")
    return found.join(own, on="setup_id", maintain_order="left").with_columns(date=pl.lit(day))


def snapped(found):
    """Odds of races from the level at barriers that mid can reach: it stands half a tick off every tick."""
    reach = (found["barrier_pts"] / TICK + 0.5).ceil() * TICK - TICK / 2
    sigma = found["sigma_60"] * (found["horizon_s"] / 60).sqrt()
    return barrier.geometric(*(each.to_numpy() for each in (found["x0"], reach, sigma)))
