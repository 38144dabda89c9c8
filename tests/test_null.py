"""The null world: on a pure random walk, arrivals found and labelled by the product do what geometry says."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
import walk

from warehouse import barrier, session

SESSIONS = 16
CRITICAL = 18.47
"""Chi-square with 4 degrees of freedom that chance exceeds once in a thousand."""


@pytest.fixture(scope="module")
def found():
    days = session.sessions(dt.date(2025, 1, 6), dt.date(2025, 3, 1))[:SESSIONS]
    every = [walk.outcomes(day, seed) for seed, day in enumerate(days)]
    four = (pl.col("scheme") == "level_c09") & (pl.col("horizon_s") == 240)
    return pl.concat(every).filter(four & pl.col("outcome").is_in(["BREAK", "REJECT", "CHOP"]))


def chi_square(hits, chances, bins=4):
    """Sum over bins of the chances of (seen - expected)^2 over its variance."""
    order = np.argsort(chances, kind="stable")
    parts = np.array_split(order, bins)
    excess = [(hits[part] - chances[part]).sum() for part in parts]
    spread = [(chances[part] * (1 - chances[part])).sum() for part in parts]
    return float(sum(e**2 / v for e, v in zip(excess, spread, strict=True)))


def test_break_against_reject_is_geometry(found):
    odds = walk.snapped(found)
    resolved = (found["outcome"] != "CHOP").to_numpy()
    broke, q = (
        (found["outcome"] == "BREAK").to_numpy()[resolved],
        (odds.breaks / (odds.breaks + odds.rejects))[resolved],
    )
    assert resolved.sum() >= 400
    assert chi_square(broke, q) < CRITICAL
    assert chi_square(~broke, q) > 5 * CRITICAL  # a labeller that takes one for the other is seen


def test_chop_is_geometry_with_the_walks_own_sigma(found):
    chops, odds = (found["outcome"] == "CHOP").to_numpy(), walk.snapped(found)
    assert len(chops) >= 500
    assert chi_square(chops, odds.chops) < CRITICAL
    # half of the sigma, or censored races counted as CHOP, would be seen
    assert chi_square(chops, np.clip(odds.chops * 1.5, 0, 0.99)) > CRITICAL
    # The stored odds have their barrier where no mid can be: 3.5 points is half a tick before 3.625. It makes less CHOP.
    assert (found["null_chop"].to_numpy() < odds.chops).all()


def test_real_levels_and_placebos_alike_and_chop_by_factors_of_the_past():
    """BREAK of resolved against q, and CHOP against P_cal whose g twenty earlier sessions gave, at both."""
    days = session.sessions(dt.date(2025, 1, 6), dt.date(2025, 4, 1))[:44]
    every = pl.concat([walk.arrivals(day, 100 + seed, {}) for seed, day in enumerate(days)])
    three = pl.col("outcome").is_in(["BREAK", "REJECT", "CHOP"])
    races = every.filter(three & (pl.col("scheme") == "level_c09"))
    past, later = races.filter(pl.col("date") <= days[19]), races.filter(pl.col("date") > days[19])
    fitted = barrier.calibrations(past)
    assert barrier.calibrations(past.filter(pl.col("date") <= days[18])) == {}
    assert {round(g, 2) for g, _ in fitted.values()} == {0.95, 0.97, 0.98}
    for placebo in (False, True):
        four = races.filter((pl.col("horizon_s") == 240) & (pl.col("is_placebo") == placebo))
        resolved = four.filter(pl.col("outcome") != "CHOP")
        broke = (resolved["outcome"] == "BREAK").to_numpy()
        q = (resolved["null_break"] / (resolved["null_break"] + resolved["null_reject"])).to_numpy()
        assert len(broke) >= 500
        assert chi_square(broke, q) < CRITICAL < chi_square(~broke, q)
        for horizon, (g, _) in fitted.items():
            after = later.filter((pl.col("horizon_s") == horizon) & (pl.col("is_placebo") == placebo))
            chops = (after["outcome"] == "CHOP").to_numpy()
            x0, width, sigma = (after[name].to_numpy() for name in ("x0", "barrier_pts", "sigma_60"))
            sigma = sigma * np.sqrt(horizon / 60)
            assert len(chops) >= 500
            assert chi_square(chops, barrier.geometric(x0, width, g * sigma).chops) < CRITICAL
            assert chi_square(chops, barrier.geometric(x0, width, 0.8 * sigma).chops) > CRITICAL
