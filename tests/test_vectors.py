import datetime as dt
import math

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import rarity, scales, vectors
from warehouse.errors import QuestionError
from warehouse.spread import Groups
from warehouse.vectors import Scaler, Spec

TWO = Spec("two", ("a", "b"))
DAY = dt.date(2025, 7, 10)


def rows(values, *, date=dt.date(2025, 7, 9), placebo=False) -> pl.LazyFrame:
    return pl.LazyFrame(
        {"a": values, "b": values, "date": [date] * len(values), "is_placebo": [placebo] * len(values)},
        schema={"a": pl.Float64, "b": pl.Float64, "date": pl.Date, "is_placebo": pl.Boolean},
    )


def f32(*values):
    return np.array(values, np.float32)


def test_scalers_by_hand() -> None:
    """0..20: median 10, deviations 10,9,..,0,..,10 with median 5; half the sd of 0..20 is 3.03, less than 7.4."""
    got = scales.scalers(rows([float(n) for n in range(21)]), TWO, DAY)
    assert got["feature"].to_list() == ["a", "b"]
    assert got["median"].to_list() == [10.0, 10.0]
    assert got["mad"].to_list() == pytest.approx([1.4826 * 5] * 2)
    assert got["n"].to_list() == [21, 21]


def test_a_slot_that_is_mostly_one_value_is_floored_at_half_its_spread() -> None:
    """20 ones and 5 minus ones: no median deviation; p = 1/5 gives sd 2 sqrt(0.2 * 0.8) = 0.8, half is 0.4."""
    got = scales.scalers(rows([1.0] * 20 + [-1.0] * 5), TWO, DAY)
    assert got["mad"].to_list() == pytest.approx([0.4, 0.4])


def test_a_slot_that_never_varies_or_is_hardly_known_is_left_unscaled() -> None:
    assert scales.scalers(rows([3.0] * 30), TWO, DAY)["mad"].to_list() == [1.0, 1.0]
    few = scales.scalers(rows([5.0, 7.0] * 9 + [6.0] + [None] * 9), TWO, DAY)
    assert few.select("median", "mad", "n").rows() == [(0.0, 1.0, 19)] * 2
    assert scales.scalers(rows([]), TWO, DAY).select("median", "mad", "n").rows() == [(0.0, 1.0, 0)] * 2


def test_the_day_itself_later_days_and_placebos_do_not_scale() -> None:
    past = rows([float(n) for n in range(30)])
    noise = [
        rows([1e6] * 30, date=DAY),
        rows([1e6] * 30, date=dt.date(2025, 7, 11)),
        rows([1e6] * 30, placebo=True),
    ]
    assert scales.scalers(pl.concat([past, *noise]), TWO, DAY).equals(scales.scalers(past, TWO, DAY))


def test_distance_by_hand() -> None:
    """Gaps 3 and 4 in units of 1 and 2: sqrt(9 + 4)."""
    got = vectors.distances(f32(0, 0), f32([3, 4], [0, 0]), np.array([1.0, 2.0]))
    assert got.tolist() == pytest.approx([13**0.5, 0.0])


def test_partial_distance_lets_the_shared_slots_stand_for_the_others() -> None:
    """Ten slots, three unknown: seven gaps of 1 count as ten; a fourth unknown is one too many."""
    question = np.zeros(10, np.float32)
    near = np.ones((2, 10), np.float32)
    near[0, :3], near[1, :4] = np.nan, np.nan
    assert vectors.distances(question, near, np.ones(10)).tolist() == [pytest.approx(10**0.5), np.inf]
    question[9] = np.nan  # unknown on one side is unknown
    near[0, 9] = np.nan
    assert vectors.distances(question, near, np.ones(10)).tolist() == [np.inf, np.inf]


def test_a_null_is_nan_and_never_zero() -> None:
    got = vectors.matrix(pl.DataFrame({"a": [1.5, None], "b": [None, 0.0]}), TWO)
    assert got.dtype == np.float32 and got.shape == (2, 2)
    assert np.array_equal(got, f32([1.5, np.nan], [np.nan, 0.0]), equal_nan=True)
    assert vectors.matrix(pl.DataFrame({"a": [], "b": []}), TWO).shape == (0, 2)


def test_the_graph_sees_the_median_where_a_slot_is_missing() -> None:
    scale = Scaler(np.array([10.0, -2.0]), np.array([5.0, 0.5]))
    assert vectors.scaled(f32([20, np.nan]), scale).tolist() == [[2.0, 0.0]]


def test_the_scaler_follows_the_order_of_the_slots() -> None:
    table = pl.DataFrame({"feature": ["b", "a"], "median": [2.0, 1.0], "mad": [20.0, 10.0], "n": [30, 30]})
    got = vectors.scaler(table, TWO)
    assert got.median.tolist() == [1.0, 2.0] and got.mad.tolist() == [10.0, 20.0]


def apart(dates) -> Groups:
    """Every setup a cluster of its own."""
    return Groups(np.asarray(dates, np.int64), np.arange(len(dates)))


def test_usual_distances_leave_out_the_own_date() -> None:
    """Three dates, two equal rows each: the nearest row of another date, never the twin of the same morning."""
    values = f32([0, 0], [0, 0], [3, 0], [3, 0], [10, 0], [10, 0])
    days = apart([1, 1, 2, 2, 3, 3])
    near, far = (rarity.usual(values, days, np.ones(2), k) for k in (1, 4))
    assert (near.place, sorted(near.far)) == (1, pytest.approx([3, 3, 3, 3, 7, 7]))
    assert (far.place, sorted(far.far)) == (4, pytest.approx([7, 7, 10, 10, 10, 10]))


def test_usual_distances_are_to_the_last_neighbour_where_there_are_fewer_than_k() -> None:
    """Of three dates with two rows each four lie on other dates, whatever k; of two rows of a date none does."""
    values, days = f32([0, 0], [0, 0], [3, 0], [3, 0], [10, 0], [10, 0]), apart([1, 1, 2, 2, 3, 3])
    found = rarity.usual(values, days, np.ones(2), 5)
    assert (found.place, sorted(found.far)) == (4, pytest.approx([7, 7, 10, 10, 10, 10]))
    for few in (0, 1, 2):
        alone = rarity.usual(values[:few], apart([1] * few), np.ones(2), 30)
        assert alone.place == 0 and not len(alone.far)


def test_usual_distances_are_spread_as_answers_are() -> None:
    """Three rows of a date count as two, and two of a cluster as one."""
    values, days = f32([0], [1], [1], [1], [5], [9], [9]), [1, 2, 2, 2, 3, 4, 4]
    assert rarity.usual(values, apart(days), np.ones(1), 3).far[0] == 5
    twins = Groups(np.array(days), np.array([0, 1, 1, 1, 2, 3, 4]))
    assert rarity.usual(values, twins, np.ones(1), 2).far[0] == 5


def test_usual_distances_agree_with_the_plain_ones() -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((60, 10)).astype(np.float32)
    values[rng.random(values.shape) < 0.15] = np.nan
    mad = rng.random(10) + 0.5
    slow = [sorted(np.delete(vectors.distances(row, values, mad), n))[4] for n, row in enumerate(values)]
    finite = [far for far in slow if np.isfinite(far)]
    found = rarity.usual(values, apart(np.arange(60)), mad, 5).far
    assert sorted(found.tolist()) == pytest.approx(sorted(finite), rel=1e-5)


def test_changing_a_day_leaves_its_own_transform_as_it_was(tmp_path) -> None:
    gold.root(tmp_path, 5)
    day = gold.dates(5)[3]
    path = tmp_path / f"gold/scalers/product=SIM/date={day}/part.parquet"
    before = pl.read_parquet(path)
    later = pl.read_parquet(str(path).replace(str(day), str(gold.dates(5)[4])))
    gold.gold(tmp_path, day, gold.setups(day, seed=99))
    gold.scalers(tmp_path, gold.dates(5))
    assert pl.read_parquet(path).equals(before)
    assert not pl.read_parquet(str(path).replace(str(day), str(gold.dates(5)[4]))).equals(later)


def test_a_spec_is_known_by_its_slots_and_their_order() -> None:
    assert Spec("x", ("a", "b")).fingerprint == Spec("y", ("a", "b")).fingerprint
    assert Spec("x", ("a", "b")).fingerprint != Spec("x", ("b", "a")).fingerprint
    assert len(vectors.spec("snapshot30r").slots) == 30
    assert all(slot.endswith("_r") for slot in vectors.spec("snapshot30r").slots)
    with pytest.raises(
        QuestionError,
        match=r"^there is no vector spec `snapshot3`: did you mean snapshot30, snapshot30r(, \S+)?\?$",
    ):
        vectors.spec("snapshot3")


def halves(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points at 1 and -1 in the first of two slots; what came beyond geometry goes with it."""
    points = np.zeros((count, 2), np.float32)
    points[:, 0] = np.tile([1, -1], count // 2)
    return points, 0.6 * points[:, 0].astype(float)


def test_the_lean_by_hand() -> None:
    """200 rows: 0.6 * 200 / (200 + 1000) = 0.1 a unit, whose spread is 0.1: two units in each of two numbers."""
    points, excess = halves(200)
    assert scales.lean(points, excess, 2).tolist() == pytest.approx([2 * math.sqrt(2), 0.0])
    more = np.vstack([points, points])
    unknown = np.concatenate([excess, np.full(200, np.nan)])
    assert scales.lean(more, unknown, 2).tolist() == pytest.approx([2 * math.sqrt(2), 0.0])
    assert scales.lean(-points, excess, 2).tolist() == pytest.approx([-2 * math.sqrt(2), 0.0])
    # a slot clipped at five spreads counts as five
    wild = np.where(points == 1, 50, points).astype(np.float32)
    assert scales.lean(wild, excess, 2).tolist() == scales.lean(np.clip(wild, -5, 5), excess, 2).tolist()


def test_too_few_outcomes_or_nothing_to_tell_give_no_lean() -> None:
    points, excess = halves(200)
    excess[0] = np.nan
    assert scales.lean(points, excess, 2) is None
    assert scales.lean(np.zeros((300, 2), np.float32), np.ones(300), 2) is None
    assert scales.lean(*(each[:0] for each in halves(2)), 2) is None


def test_the_lean_is_compared_beside_the_slots() -> None:
    """Slots 1 and 2 with the lean 2a - b in scaled units: a twin in the slots has no distance, a gap counts as 0."""
    scale = Scaler(np.array([1.0, 0.0]), np.array([2.0, 1.0]), lean=np.array([2.0, -1.0]))
    placed, mad = vectors.placed(f32([3, 1], [1, 4], [1, 99], [3, np.nan]), scale)
    assert placed[:, 2].tolist()[:3] == [2 * 1 - 1, -4, -5]  # clipped at five spreads
    assert np.isnan(placed[3]).tolist() == [False, True, True]  # one of two slots is too few to lean
    assert mad.tolist() == [2.0, 1.0, 1.0]
    # one spread apart in a and three in b, five in the lean
    assert vectors.distances(placed[0], placed[1:2], mad).tolist() == pytest.approx([math.sqrt(1 + 9 + 25)])


def test_the_lean_is_learnt_from_earlier_dates_without_placebos() -> None:
    points, excess = halves(240)
    told = (
        pl.DataFrame(points, ["a", "b"])
        .cast(pl.Float64)
        .with_columns(excess=pl.Series(excess), date=pl.lit(dt.date(2025, 7, 9)), is_placebo=False)
    )
    other = told.with_columns(excess=-pl.col("excess"))
    later = [other.with_columns(date=pl.lit(DAY)), other.with_columns(is_placebo=True)]
    found = scales.fitted(pl.concat([told, *later]), [TWO], DAY)
    assert found.equals(scales.fitted(told, [TWO], DAY))
    scale = vectors.scaler(found, TWO)
    assert scale.lean[0] > 0 == scale.lean[1]
    none = vectors.scaler(scales.fitted(told.head(199), [TWO], DAY), TWO)
    assert none.lean is None
