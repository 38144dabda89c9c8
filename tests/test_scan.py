"""Questions asked together are answered as each is on its own, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import index
from warehouse.index import Pool
from warehouse.scan import Scan
from warehouse.spread import Groups


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(1, 12), st.sampled_from([1.0, 1e4]),
    st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, 40),
)  # fmt: skip
def test_it_answers_what_the_exact_search_does(seed, n, width, off, missing, k) -> None:
    """With twins, gaps, values far from 0, masks, several of a cluster and of a date, and fewer than k."""
    rng = np.random.default_rng(seed)
    vectors = (rng.integers(-3, 4, (n, width)) / 2 + off).astype(np.float32)
    vectors[rng.random((n, width)) < missing] = np.nan
    mad = rng.integers(1, 5, width) / 4
    clusters = rng.integers(0, n // 2 + 1, n)
    groups = Groups(rng.integers(0, n // 4 + 1, n // 2 + 1)[clusters], clusters)
    asked = vectors[rng.integers(0, n, 7)]
    allowed = [rng.random(n) < share for share in np.linspace(0, 1, 7)]
    [first, together] = Scan(vectors, mad, groups).nearest(asked, [(allowed[::-1], 1), (allowed, k)])
    assert all(len(each.rows) <= 1 for each in first)
    for mine, mask, found in zip(asked, allowed, together, strict=True):
        alone = index.search_exact(mine, Pool(vectors, mad, mask, groups), k)
        assert found.rows.tolist() == alone.rows.tolist()
        assert found.distances.tolist() == alone.distances.tolist()


def test_what_a_product_cannot_tell_apart_is_measured() -> None:
    """Far from 0 the product loses the last digits, by which the two nearest differ."""
    vectors = np.array([[1e6], [1e6 + 0.0625], [1e6 + 0.125], [1e6 + 3]], np.float32)
    one = Scan(vectors, np.array([1e-3]), Groups(np.arange(4), np.arange(4)))
    [[found]] = one.nearest(vectors[:1] + np.float32(0.0625), [([np.ones(4, bool)], 2)])
    assert found.rows.tolist() == [1, 0]
    assert found.distances.tolist() == pytest.approx([0, 62.5])
