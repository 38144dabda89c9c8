"""The geometric null against limits known by hand, an exact lattice walk and Monte Carlo."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from warehouse import barrier

CASES = [  # x0, barrier, sigma
    (-1.0, 3.0, 3.0),
    (-1.0, 3.625, 4.0),
    (0.0, 2.625, 2.0),
    (2.5, 3.0, 1.0),
    (-1.75, 2.0, 0.5),
    (0.5, 5.0, 12.0),
]


def odds(x0, width, sigma):
    return barrier.geometric(*(np.atleast_1d(np.asarray(value, float)) for value in (x0, width, sigma)))


def lattice(x0: float, width: float, sigma: float) -> tuple[float, float, float]:
    """Exact ends of a symmetric walk on a grid that the barriers lie on: it cannot overshoot them."""
    cell = 0.0625 if sigma >= 2 else 0.015625  # at least 1000 steps
    inner = round(2 * width / cell) - 1
    mass = np.zeros(inner)
    mass[round((x0 + width) / cell) - 1] = 1.0
    up = down = 0.0
    for _ in range(round((sigma / cell) ** 2)):
        up += mass[-1] / 2
        down += mass[0] / 2
        mass = (np.r_[0.0, mass[:-1]] + np.r_[mass[1:], 0.0]) / 2
    return up, down, float(mass.sum())


@pytest.mark.parametrize(("x0", "width", "sigma"), CASES)
def test_closed_form_agrees_with_an_exact_lattice(x0, width, sigma):
    got = [float(p[0]) for p in odds(x0, width, sigma)]
    assert got == pytest.approx(lattice(x0, width, sigma), abs=1.5e-3)


def test_closed_form_agrees_with_monte_carlo():
    x0, width, sigma, cell, walks = -1.0, 3.0, 3.0, 0.125, 20_000
    steps = (
        np.random.default_rng(7).integers(0, 2, (walks, round((sigma / cell) ** 2)), dtype=np.int8) * 2 - 1
    )
    path = x0 + np.cumsum(steps, axis=1, dtype=np.int16) * cell
    up, down = path >= width, path <= -width
    first_up = np.where(up.any(axis=1), up.argmax(axis=1), path.shape[1])
    first_down = np.where(down.any(axis=1), down.argmax(axis=1), path.shape[1])
    shares = [(first_up < first_down).mean(), (first_down < first_up).mean(), (first_up == first_down).mean()]
    # four standard errors of a share of 20,000
    assert [float(p[0]) for p in odds(x0, width, sigma)] == pytest.approx(shares, abs=0.014)


def test_the_published_example():
    assert [float(p[0]) for p in odds(-1, 3, 3)] == pytest.approx([0.175, 0.504, 0.321], abs=5e-4)


def test_limits():
    # endless time: the share of the corridor behind decides; no time: nothing is reached
    endless, calm = odds(-1, 3, 1000), odds(-1, 3, 0.1)
    assert [float(p[0]) for p in endless] == pytest.approx([1 / 3, 2 / 3, 0])
    assert [float(p[0]) for p in calm] == pytest.approx([0, 0, 1])


def test_they_sum_to_one_stay_in_bounds_and_mirror():
    rng = np.random.default_rng(3)
    width, sigma = rng.uniform(2, 8, 2000), rng.uniform(0.05, 20, 2000)
    x0 = rng.uniform(-0.999, 0.999, 2000) * width
    there, back = barrier.geometric(x0, width, sigma), barrier.geometric(-x0, width, sigma)
    for p in there:
        assert ((p >= 0) & (p <= 1)).all()
    assert np.allclose(sum(there), 1, rtol=0, atol=1e-12)
    assert np.allclose(there.breaks, back.rejects, rtol=0, atol=1e-9)
    assert np.allclose(there.chops, back.chops, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "case", [(3.0, 3.0, 2.0), (-3.5, 3.0, 2.0), (0.0, 3.0, np.nan), (0.0, np.nan, 2.0), (0.0, 3.0, 0.0)]
)
def test_undefined_is_nan(case):
    assert all(np.isnan(p[0]) for p in odds(*case))


def past(sessions: int, factor: float, each: int = 40) -> pl.DataFrame:
    """A library whose CHOP share is that of a walk with sigma times `factor`, made by counting, not by chance."""
    x0, width, sigma = -1.0, 3.625, 2.0
    (chop,) = odds(x0, width, factor * sigma * 2).chops  # sigma_240 = 2 sigma_60
    days = [dt.date(2025, 6, 2) + dt.timedelta(n) for n in range(sessions) for _ in range(each)]
    count = round(chop * len(days))
    ends = ["CHOP"] * count + ["BREAK", "REJECT"] * len(days)
    return pl.DataFrame(
        {
            "date": days,
            "horizon_s": [240] * len(days),
            "outcome": ends[: len(days)],
            "barrier_pts": [width] * len(days),
            "x0": [x0] * len(days),
            "sigma_60": [sigma] * len(days),
            "sigma_ratio": [1.0] * len(days),
        }
    )


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1])
def test_the_factor_that_was_planted_is_found(factor):
    found = barrier.calibrations(past(25, factor))
    assert found == {240: (pytest.approx(factor, abs=2e-3), 0.0)}


@pytest.mark.parametrize(("factor", "power"), [(0.8, 0.5), (0.95, 0.0), (1.1, -0.3)])
def test_the_power_of_liveliness_that_was_planted_is_found(factor, power):
    halves = [
        past(25, factor * ratio**power, each=400).with_columns(sigma_ratio=pl.lit(ratio))
        for ratio in (0.5, 2.0)
    ]
    (found,) = barrier.calibrations(pl.concat(halves)).values()
    assert found == (pytest.approx(factor, abs=2e-3), pytest.approx(power, abs=4e-3))


def test_chop_is_given_as_often_as_it_was_seen_lively_and_calm():
    """The law that says what is solved, on races in which nothing of the kind was planted."""
    rng = np.random.default_rng(11)
    x0, width = rng.uniform(-2, 1, 4000), rng.uniform(2.5, 6, 4000)
    sigma, ratio = rng.uniform(1, 5, 4000), rng.lognormal(0, 0.7, 4000)
    ratio[::9] = np.nan
    chops = rng.random(4000) < 0.4
    factor, power = barrier.calibrate(x0, width, sigma, ratio, chops)
    lively = np.log(np.clip(np.where(np.isnan(ratio), 1, ratio), 0.25, 4))
    given = barrier.geometric(x0, width, sigma * factor * np.exp(power * lively)).chops
    assert given.sum() == pytest.approx(chops.sum(), abs=1e-6)
    assert (given * lively).sum() == pytest.approx((chops * lively).sum(), abs=1e-6)


@pytest.mark.parametrize("chop", [True, False])
def test_where_all_or_nothing_was_chop_geometry_gives_nothing_else(chop):
    one = np.ones(50)
    factor, power = barrier.calibrate(-one, 3 * one, 2 * one, one, np.full(50, chop))
    assert barrier.geometric(-one, 3 * one, 2 * factor * one).chops == pytest.approx(float(chop), abs=1e-3)
    assert power == 0


def test_fewer_than_twenty_sessions_name_no_factor():
    assert barrier.calibrations(past(19, 0.8)) == {}
    assert set(barrier.calibrations(past(20, 0.8))) == {240}
    assert barrier.calibrations(past(20, 0.8).clear()) == {}


def test_born_censored_and_unknown_teach_nothing():
    library = past(25, 0.9)
    other = library.with_columns(outcome=pl.lit("BORN"))
    more = [
        other,
        other.with_columns(outcome=pl.lit("CENSORED")),
        other.with_columns(outcome=pl.lit(None, pl.String)),
    ]
    assert barrier.calibrations(pl.concat([library, *more])) == barrier.calibrations(library)


def test_where_a_walk_ends_is_normal():
    # from -1 with sigma 2, cuts at 1: beyond it needs one sigma; back is 0 sigmas away, so half
    breaks, rejects, chops = (float(p[0]) for p in barrier.ended(-np.ones(1), np.ones(1), 2 * np.ones(1)))
    assert (breaks, rejects) == (pytest.approx(0.15865525393145707, abs=1e-15), 0.5)
    assert chops == pytest.approx(0.3413447460685429, abs=1e-15)
    for sigma in (0.0, np.nan):
        assert all(np.isnan(p[0]) for p in barrier.ended(np.zeros(1), np.ones(1), np.array([sigma])))
    rng = np.random.default_rng(5)
    x0, cut, sigma = rng.normal(0, 2, 500), rng.uniform(0.1, 3, 500), rng.uniform(0.1, 4, 500)
    there, back = barrier.ended(x0, cut, sigma), barrier.ended(-x0, cut, sigma)
    assert (there.breaks == back.rejects).all()
    assert ((there.chops > -1e-15) & (there.chops <= 1)).all()
