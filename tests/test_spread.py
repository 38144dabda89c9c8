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
    assert groups.keep(codes(0, 1, 2, 3, 4), 5).tolist() == [0, 2, 4]
    assert groups.keep(codes(4, 3, 1, 0), 5).tolist() == [0, 1, 2]
    assert groups.keep(codes(), 5).tolist() == []


def drawn(seed, n=120):
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 40, n)
    return Groups(clusters // 4, clusters), rng


@pytest.mark.parametrize("seed", range(8))
def test_the_walk_is_the_rule_as_it_is_said(seed) -> None:
    groups, rng = drawn(seed)
    rows = rng.permutation(120)[: rng.integers(1, 120)]
    for k in (0, 1, 4, 120):
        assert groups.keep(rows, k).tolist() == slow(rows, groups)[:k]


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


def test_setups_are_grouped_by_date_and_by_cluster() -> None:
    """Three setups of one morning, two of them of one cluster, and one of the next day."""
    told = pl.DataFrame({"date": [DAY, DAY, DAY, DAY + dt.timedelta(1)], "cluster_id": ["b", "a", "b", "c"]})
    found = spread.groups(told)
    assert found.dates[0] == found.dates[1] == found.dates[2] != found.dates[3]
    assert found.clusters[0] == found.clusters[2]
    assert len(set(found.clusters.tolist())) == 3


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
