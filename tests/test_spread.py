import datetime as dt

import numpy as np
import polars as pl
import pytest

from warehouse import spread
from warehouse.index import Pool, SetupIndex, search, search_exact
from warehouse.spread import Groups
from warehouse.vectors import Scaler

DAY = dt.date(2025, 7, 7)


def codes(*values):
    return np.array(values, np.int64)


def slow(rows, groups):
    """The rule as it is said: walk down the list, take what neither its cluster nor its date has used up."""
    taken = []
    for place, row in enumerate(rows):
        mates = [rows[one] for one in taken]
        alone = all(groups.clusters[row] != groups.clusters[mate] for mate in mates)
        if alone and sum(groups.dates[row] == groups.dates[mate] for mate in mates) < 2:
            taken.append(place)
    return taken


def test_a_walk_by_hand() -> None:
    """Two of a morning's three clusters; the twin of the first gives way to the third row."""
    groups = Groups(codes(1, 1, 1, 1, 2), codes(1, 1, 2, 3, 4))
    assert groups.keep(codes(0, 1, 2, 3, 4)).tolist() == [0, 2, 4]
    assert groups.keep(codes(4, 3, 1, 0)).tolist() == [0, 1, 2]
    assert groups.keep(codes()).tolist() == []


def drawn(seed, n=120):
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 40, n)
    return Groups(clusters // 4, clusters), rng


@pytest.mark.parametrize("seed", range(8))
def test_the_walk_without_a_loop_is_the_walk(seed) -> None:
    groups, rng = drawn(seed)
    rows = rng.permutation(120)[: rng.integers(1, 120)]
    assert groups.keep(rows).tolist() == slow(rows, groups)


@pytest.mark.parametrize("seed", range(4))
def test_the_nth_distance_is_that_of_the_walk(seed) -> None:
    groups, rng = drawn(seed)
    far = rng.random((5, 120))
    far[rng.random(far.shape) < 0.3] = np.inf
    far[:, 3] = far[:, 77]
    for n in (1, 7, 21):
        want = []
        for one in far:
            order = np.argsort(one, kind="stable")
            kept = [one[order[place]] for place in slow(order, groups)]
            want.append(kept[n - 1] if len(kept) >= n else np.inf)
        assert groups.nth(far, n).tolist() == want


def test_two_clusters_at_one_distance_are_two_neighbours() -> None:
    groups = Groups(codes(1, 1, 1), codes(1, 2, 3))
    assert groups.nth(np.array([[2.0, 2.0, 5.0]]), 2).tolist() == [2.0]
    assert groups.nth(np.array([[2.0, 2.0, 5.0]]), 3).tolist() == [np.inf]


def frame(*rows):
    """Setups of (level, direction, minute); labels of eight minutes."""
    start = dt.datetime(2025, 7, 7, 14)  # noqa: DTZ001 (naive UTC, as in the tables)
    known = [start + dt.timedelta(minutes=minute) for _, _, minute in rows]
    return pl.DataFrame(
        {
            "setup_id": [f"{n}" for n in range(len(rows))],
            "level_id": [level for level, _, _ in rows],
            "direction": [way for _, way, _ in rows],
            "date": [DAY] * len(rows),
            "known_ts": known,
            "resolved_ts": [time + dt.timedelta(minutes=8) for time in known],
        }
    )


def test_labels_that_overlap_make_a_cluster_and_touching_ones_do_not() -> None:
    """Minutes 0, 5 and 12 are a chain; 20 begins as 12 ends; the other way and the other level stay apart."""
    told = frame(
        ("a", "UP", 5), ("a", "UP", 0), ("a", "UP", 12), ("a", "UP", 20), ("a", "DOWN", 5), ("b", "UP", 5)
    )
    found = spread.groups(told).clusters
    assert found[0] == found[1] == found[2]
    assert len(set(found.tolist())) == 4
    assert len(set(spread.groups(told).dates.tolist())) == 1


def pool(n=900, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, 6)).astype(np.float32)
    clusters = np.arange(n) // 3
    return Pool(values, np.ones(6), np.ones(n, bool), Groups(clusters // 5, clusters))


def test_both_searches_spread_alike_and_give_exactly_k() -> None:
    whole = pool()
    graph = SetupIndex.build(whole.vectors, Scaler(np.zeros(6), np.ones(6)))
    for row in (0, 333, 899):
        exact, near = (
            one(whole.vectors[row], whole, 30, *extra)
            for one, extra in ((search_exact, ()), (search, (graph,)))
        )
        assert exact.rows.tolist() == near.rows.tolist() and len(exact.rows) == 30
        assert np.bincount(exact.rows // 15).max() == 2 and np.bincount(exact.rows // 3).max() == 1


def test_what_the_graph_proposes_may_all_be_of_one_morning() -> None:
    """Six hundred twins of one morning fill the proposal; the scan behind it still finds k."""
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(0, 0.01, (600, 6)), rng.normal(9, 1, (100, 6))]).astype(np.float32)
    dates = np.concatenate([np.zeros(600), np.arange(1, 101)]).astype(np.int64)
    whole = Pool(values, np.ones(6), np.ones(700, bool), Groups(dates, np.arange(700)))
    graph = SetupIndex.build(values, Scaler(np.zeros(6), np.ones(6)))
    found = search(values[0], whole, 20, graph)
    assert len(found.rows) == 20 and (found.rows < 600).sum() == 2
    assert found.rows.tolist() == search_exact(values[0], whole, 20).rows.tolist()
