import datetime as dt

import numpy as np
import polars as pl
import pytest

from warehouse import precedents, sequel, vectors
from warehouse.index import Neighbours, Pool
from warehouse.session import NEW_YORK


def ends(*rows):
    """(outcome, seconds to break, to reject, mfe, mae) as codes, reach and times of one horizon."""
    codes = np.array([sequel.ENDS.index(row[0]) if row[0] else -1 for row in rows])
    numbers = np.array([row[1:] for row in rows], float)
    return codes, numbers[:, 2:], numbers[:, :2]


def test_a_weighted_quantile_by_hand() -> None:
    """Weights 1, 1, 2 of 5, 1, 3: half of the weight is reached at 3, a quarter at 1, all at 5."""
    values, weights = np.array([5.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0])
    assert sequel.quantiles(values, weights, (0.25, 0.26, 0.5, 0.75, 0.76, 1.0)) == [1, 3, 3, 3, 5, 5]
    assert np.isnan(sequel.quantiles(np.empty(0), np.empty(0), (0.5,))).all()


def test_excursions_leave_unknown_ones_out() -> None:
    _, reach, _ = ends(
        ("BREAK", 9.0, None, 4.0, -1.0), (None, None, None, None, None), ("CHOP", None, None, 2.0, 0.0)
    )
    found = sequel.excursions(reach, np.array([1.0, 50.0, 3.0]))
    assert found["mfe_pts"] == {"0.1": 2.0, "0.25": 2.0, "0.5": 2.0, "0.75": 2.0, "0.9": 4.0}
    assert found["mae_pts"]["0.1"] == -1.0
    assert sequel.excursions(reach[1:2], np.ones(1)) == {"mfe_pts": None, "mae_pts": None}


def test_the_first_end_counts_and_the_rest_is_left() -> None:
    """Weights 4, 2, 1, 1 of eight: broke at 45 s (and came back at 90), came back at 60, chopped, censored."""
    codes, _, after = ends(
        ("BREAK", 45.0, 90.0, 1.0, -1.0),
        ("REJECT", 100.0, 60.0, 1.0, -1.0),
        ("CHOP", None, None, 1.0, -1.0),
        ("CENSORED", None, None, 1.0, -1.0),
    )
    found = sequel.times(codes, after, np.array([4.0, 2.0, 1.0, 1.0]), 120)
    assert [row["s"] for row in found] == [30, 60, 90, 120]
    assert [row["BREAK"] for row in found] == pytest.approx([0, 4 / 7, 4 / 7, 4 / 7])
    assert [row["REJECT"] for row in found] == pytest.approx([0, 2 / 7, 2 / 7, 2 / 7])
    assert sequel.times(codes[3:], after[3:], np.ones(1), 120) == []


def test_half_hours_are_new_yorks_on_both_sides_of_a_dst_change() -> None:
    """14:30 UTC is 09:30 in January and 10:30 in July."""
    times = pl.DataFrame({"t": [dt.datetime(2025, 1, 6, 14, 30), dt.datetime(2025, 7, 7, 14, 29, 59)]})  # noqa: DTZ001
    assert times.select(sequel.half_hour(pl.col("t").cast(pl.Datetime("ns")))).to_series().to_list() == [
        19,
        20,
    ]
    walls = (time.replace(tzinfo=dt.UTC).astimezone(NEW_YORK) for time in times["t"])
    assert [sequel.half_hour_of(wall) for wall in walls] == [19, 20]


def test_why_a_neighbour_is_near_or_far_by_hand() -> None:
    """Gaps 2, 0, -1 and unknown, in units of 1, 1, 0.5, 1; the library lies at 2, 3, 1, 1 on average.

    The column that holds c has the other sign.
    """
    others = np.array([[2, 0, -0.5, np.nan, 1], [-2, 3, 0.5, 1, -1], [2, -3, 0.5, -1, 1]], np.float32)
    mad = np.array([1, 1, 0.5, 1, 1])
    pool = Pool(others, mad, np.ones(3, bool))
    slots = [("a", 1), ("b", 1), ("c", -1), ("d", 1), ("e", 1)]
    [why] = precedents.reasons(
        np.zeros(5, np.float32), pool, Neighbours(np.array([0]), np.array([1.0])), slots
    )
    assert [one["feature"] for one in why["far"]] == ["a", "c", "e"]
    assert [one["gap"] for one in why["far"]] == [2.0, 1.0, 1.0]
    assert [one["share"] for one in why["far"]] == pytest.approx([4 / 6, 1 / 6, 1 / 6])
    assert [one["feature"] for one in why["near"]] == ["b"]  # d is unknown


def test_of_a_travel_down_the_columns_that_are_named_are_those_that_are_held() -> None:
    """Bid for ask, and a value with a sign is turned back."""
    slots = dict(
        zip(vectors.spec("snapshot30").slots, vectors.named(vectors.spec("snapshot30"), "DOWN"), strict=False)
    )
    assert slots["bar5s_depth_bid10_qty_eob"] == ("bar5s_depth_ask10_qty_eob", 1)
    assert slots["bar5s_state_obi0_eob"] == ("bar5s_state_obi0_eob", -1)
    up = vectors.named(vectors.spec("snapshot30"), "UP")
    assert up[:-1] == tuple((slot, 1) for slot in vectors.spec("snapshot30").slots) and up[-1] == ("lean", 1)
