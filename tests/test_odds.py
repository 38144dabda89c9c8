import math

import numpy as np
import pytest

from warehouse import course, moments, odds


def test_weights_and_effective_number_by_hand() -> None:
    """Distances 0, 1, 2 with width 2: exp(0), exp(-1/8), exp(-1/2)."""
    weights = odds.weights(np.array([0.0, 1.0, 2.0]))
    assert weights.tolist() == pytest.approx([1.0, math.exp(-1 / 8), math.exp(-1 / 2)])
    total, squares = 1 + math.exp(-1 / 8) + math.exp(-1 / 2), 1 + math.exp(-1 / 4) + math.exp(-1)
    assert odds.effective(weights) == pytest.approx(total**2 / squares)
    assert odds.effective(np.ones(7)) == pytest.approx(7)
    assert odds.effective(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
    assert odds.effective(np.empty(0)) == 0.0


def test_neighbours_that_are_all_the_same_weigh_the_same() -> None:
    assert odds.weights(np.zeros(4)).tolist() == [1.0] * 4
    assert odds.weights(np.empty(0)).tolist() == []


@pytest.mark.parametrize(
    ("a", "b", "q", "known"),
    [
        (1, 1, 0.05, 0.05),
        (1, 5, 0.05, 1 - 0.95**0.2),
        (5, 1, 0.95, 0.95**0.2),
        (0.5, 0.5, 0.05, math.sin(math.pi * 0.05 / 2) ** 2),
        (0.5, 0.5, 0.95, math.sin(math.pi * 0.95 / 2) ** 2),
        (2, 2, 0.05, 0.1353504),  # root of 3x^2 - 2x^3 = 0.05
        (0.02, 1, 0.5, 0.5**50),
        (1, 0.02, 0.5, 1 - 0.5**50),
        (300, 300, 0.5, 0.5),
    ],
)
def test_beta_quantiles_of_closed_form(a, b, q, known) -> None:
    assert odds.beta_quantile(a, b, q) == pytest.approx(known, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("q", [0.05, 0.95])
@pytest.mark.parametrize(("a", "b"), [(0.1, 5), (0.3, 40), (1, 200), (1.5, 60), (3, 1000), (25, 400)])
def test_beta_quantiles_of_what_is_rare(a, b, q) -> None:
    """Up to the quantile lies x^a times the sum, for j below a whole b, of (1 - x)^j times a (a + 1) .. / j!."""
    x = odds.beta_quantile(a, b, q)
    terms = (math.exp(math.lgamma(a + j) - math.lgamma(a) - math.lgamma(j + 1)) for j in range(b))
    assert x**a * sum(term * (1 - x) ** j for j, term in enumerate(terms)) == pytest.approx(q, abs=5e-5)
    assert odds.beta_quantile(b, a, 1 - q) == pytest.approx(1 - x, abs=5e-5)


@pytest.mark.parametrize(("a", "b"), [(7.5, 7.5), (26.5, 33.5), (0.3, 12.0), (2.0, 0.7)])
def test_beta_quantiles_against_draws(a, b) -> None:
    draws = np.random.default_rng(0).beta(a, b, 400_000)
    for q in (0.05, 0.5, 0.95):
        assert odds.beta_quantile(a, b, q) == pytest.approx(np.quantile(draws, q), abs=0.003)


def test_no_mass_is_a_certainty() -> None:
    assert odds.beta_quantile(0, 3, 0.95) == 0.0 and odds.beta_quantile(3, 0, 0.05) == 1.0


@pytest.mark.parametrize(
    ("hits", "n", "p", "lo", "hi"), [(4, 5, 0.50, 0.29, 0.71), (22, 50, 0.425, 0.32, 0.53)]
)
def test_the_published_scale_of_uncertainty(hits, n, p, lo, hi) -> None:
    """Domain E.3: 4 of 5 with a 35 % prior gives 0.50 [0.29..0.71]; 22 of 50 gives 0.43 [0.32..0.53]."""
    null = np.array([0.35, 0.4, 0.25])
    told = odds.drawn(odds.moved(np.array([hits / n, 1 - hits / n, 0]), null, null), n, null, 10.0)
    got = odds.chances(told, n + 10.0, None, null)
    assert (got["BREAK"].p, got["BREAK"].lo, got["BREAK"].hi) == pytest.approx((p, lo, hi), abs=0.006)
    assert sum(chance.p for chance in got.values()) == pytest.approx(1)
    assert {chance.base for chance in got.values()} == {chance.lift for chance in got.values()} == {None}


def test_neighbours_are_moved_from_geometry_and_drawn_to_what_was_known() -> None:
    """All REJECT where geometry gave half: from a start of 0.2, 0.5, 0.3 it leaves nothing else.

    Ten of them beside a prior that counts as ten: the mean of both is told.
    """
    null, prior = np.array([0.2, 0.5, 0.3]), np.array([0.5, 0.3, 0.2])
    told = odds.moved(np.array([0.0, 1.0, 0.0]), null, null)
    assert odds.drawn(told, 10, prior, 10.0).tolist() == pytest.approx([0.25, 0.65, 0.1])
    assert odds.drawn(told, 0, prior, 10.0).tolist() == prior.tolist()
    assert odds.drawn(told, 10, prior, odds.ALONE).tolist() == pytest.approx(prior.tolist(), abs=1e-7)


def test_other_levels_tell_the_side_and_nothing_of_chop() -> None:
    """Twice as many BREAK as REJECT, beside a prior that leaves 0.3 to both: 0.2 and 0.1."""
    prior = np.array([[0.1, 0.2, 0.7]] * 3)
    told = np.array([[0.4, 0.2, 0.4], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    got = odds.sided(told, prior)
    assert got[0].tolist() == pytest.approx([0.2, 0.1, 0.7])
    assert got[1].tolist() == pytest.approx([0.0, 0.3, 0.7])
    assert got[2].tolist() == prior[2].tolist()  # none of them was resolved: nothing is told


def test_an_interval_is_no_surer_than_what_it_rests_on() -> None:
    """P_cal that counts as 1,280 was learnt from 90: with ten neighbours the interval is that of a hundred."""
    whole = 10 + float(odds.sure(1280.0, 90))
    got = odds.chances(
        np.array([0.3, 0.4, 0.3]), whole, np.array([0.1, 0.1, 0.8]), np.array([0.2, 0.5, 0.3])
    )["BREAK"]
    assert (got.p, got.base, got.lift, got.p_cal) == (0.3, 0.1, pytest.approx(3), 0.2)
    assert (got.lo, got.hi) == (odds.beta_quantile(30, 70, 0.05), odds.beta_quantile(30, 70, 0.95))
    assert odds.sure(1280.0, 3) == 10 and odds.sure(5.0, 90) == 5  # as much as before anything is learnt


def test_barriers_by_hand() -> None:
    """sigma_60 = 2: 0.9 * 2 * sqrt(2) = 2.546 -> 2.625 on half ticks of 0.125; a quiet market gets 2 points."""
    assert odds.width(2.0, 120, 0.25) == 2.625
    assert odds.width(2.0, 240, 0.25) == 3.625
    assert odds.width(0.5, 120, 0.25) == 2.0 == moments.TOUCH_PTS + 1
    assert course.TOUCH_PTS == moments.TOUCH_PTS


def test_the_null_by_hand() -> None:
    """Domain D.6: x0 = -1 between -3 and 3 with sigma 3 at the horizon: 0.175 / 0.504 / 0.321."""
    got = odds.null(-1.0, 3.0, 3.0 / math.sqrt(2), 120, 1.0)
    assert got is not None and got.tolist() == pytest.approx([0.175, 0.504, 0.321], abs=0.001)
    assert odds.null(-3.0, 3.0, 2.0, 120, 0.9) is None
    assert odds.null(4.0, 3.0, 2.0, 120, 0.9) is None
