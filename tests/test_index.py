import json

import numpy as np
import pytest

from warehouse import filling, index, store
from warehouse.errors import DataError, MissingStepError, ShapeError
from warehouse.index import Pool, SetupIndex, search, search_exact
from warehouse.vectors import Scaler, Spec

SPEC = Spec("some", tuple("abcdefgh"))


def drawn(n: int, *, holes: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, 8)).astype(np.float32)
    values[rng.random(values.shape) < holes] = np.nan
    return values


def plain(width: int = 8) -> Scaler:
    return Scaler(np.zeros(width), np.ones(width))


def pool(values: np.ndarray, allowed=None) -> Pool:
    return Pool(values, np.ones(values.shape[1]), np.ones(len(values), bool) if allowed is None else allowed)


def ids(n: int) -> list[str]:
    return [f"setup/{row:05d}" for row in range(n)]


def saved(root, n: int = 300, scale: Scaler | None = None):
    values = drawn(n, holes=0.05)
    index.write(root, SPEC, "SIM", ids(n), values, scale or plain(), {"inputs": {"x": "y"}})
    return values


def test_exact_by_hand() -> None:
    """On a line 0, 1, 2, 5 the question 1.6 is nearest to 2, then 1, then 0."""
    got = search_exact(np.float32([1.6]), pool(np.float32([[0], [1], [2], [5]])), 3)
    assert got.rows.tolist() == [2, 1, 0]
    assert got.distances.tolist() == pytest.approx([0.4, 0.6, 1.6])


def test_ties_go_to_the_earlier_setup_and_strangers_are_no_neighbours() -> None:
    values = np.float32([[1, 1], [np.nan, np.nan], [1, 1], [0, 0]])
    got = search_exact(np.float32([1, 1]), pool(values), 9)
    assert got.rows.tolist() == [0, 2, 3]


def test_only_allowed_rows_answer() -> None:
    values = drawn(200)
    allowed = np.arange(200) % 7 == 0
    graph = SetupIndex.build(values, plain())
    for answer in (
        search_exact(values[3], pool(values, allowed), 10),
        search(values[3], pool(values, allowed), 10, graph),
    ):
        assert set(answer.rows) <= set(np.flatnonzero(allowed)) and len(answer.rows) == 10


@pytest.mark.parametrize(("holes", "least"), [(0.0, 0.99), (0.1, 0.9)])
def test_the_graph_answers_as_the_scan_does(holes, least, monkeypatch) -> None:
    """A gap is guessed by the graph and nothing to the scan, so gaps cost a little; few are proposed here."""
    monkeypatch.setattr(index, "PROPOSED", 300)
    values = drawn(3000, holes=holes)
    graph = SetupIndex.build(values, plain())
    found = []
    for row in range(0, 3000, 100):
        others = np.arange(3000) != row
        got = search(values[row], pool(values, others), 30, graph)
        want = search_exact(values[row], pool(values, others), 30)
        assert got.distances[:1].tolist() == want.distances[:1].tolist()
        found += np.isin(want.rows, got.rows).tolist()
    assert np.mean(found) >= least and len(found) >= 600


def test_the_graph_is_reranked_with_the_questions_own_scale() -> None:
    """The graph was scaled otherwise; what it proposes is ranked by the scale of the question's date."""
    values = drawn(400)
    graph = SetupIndex.build(values, Scaler(np.full(8, 0.3), np.full(8, 2.0)))
    own = Pool(values, np.linspace(0.5, 3, 8), np.ones(400, bool))
    got, want = search(values[7], own, 20, graph), search_exact(values[7], own, 20)
    assert got.rows.tolist() == want.rows.tolist()
    assert got.distances.tolist() == want.distances.tolist()


def test_where_the_graph_reaches_too_few_the_scan_answers() -> None:
    values = np.concatenate([drawn(2000), drawn(3, seed=5) + 50])
    allowed = np.arange(2003) >= 2000  # three rows far from everything
    got = search(values[0], pool(values, allowed), 3, SetupIndex.build(values, plain()))
    assert sorted(got.rows) == [2000, 2001, 2002]


def test_nothing_allowed_is_an_empty_answer() -> None:
    values = drawn(50)
    none = pool(values, np.zeros(50, bool))
    assert not len(search(values[0], none, 5, SetupIndex.build(values, plain())).rows)
    empty = np.empty((0, 8), np.float32)
    assert not len(search(values[0], pool(empty), 5, SetupIndex.build(empty, plain())).rows)


def test_missing_slots_are_guessed_from_the_others() -> None:
    """Two slots that are twins, and a third of its own: the gap in a twin is filled with the other's value."""
    rng = np.random.default_rng(0)
    twin, other = rng.standard_normal((2, 500)).astype(np.float32)
    values = np.stack([twin, twin, other / 4], axis=1)
    values[0, 1], values[1] = np.nan, np.nan
    scale = plain(3)
    along = filling.axes(values, scale)[:, :1]
    found = filling.filled(values, scale, along)
    assert found[0, 1] == pytest.approx(twin[0], abs=0.05)
    assert np.array_equal(found[2:], values[2:]) and np.abs(found[1]).max() == 0
    assert np.array_equal(filling.filled(values[:1], scale, along), found[:1])


def test_same_vectors_same_bytes(tmp_path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        saved(tmp_path / name)
    for file in ("some.SIM.hnsw", "some.SIM.json"):
        assert (tmp_path / "one/index" / file).read_bytes() == (tmp_path / "two/index" / file).read_bytes()


def test_a_saved_graph_answers_as_it_did(tmp_path) -> None:
    scale = Scaler(np.full(8, 0.5), np.full(8, 2.0))
    values = saved(tmp_path, scale=scale)
    graph = index.load(tmp_path, SPEC, "SIM", ids(300))
    fresh = SetupIndex.build(values, scale)
    every = np.ones(300, bool)
    assert graph.propose(values[0], 40, every).tolist() == fresh.propose(values[0], 40, every).tolist()
    said = json.loads((tmp_path / "index/some.SIM.json").read_text())
    assert said["recall"] == 1.0 and said["rows"] == 300 and said["inputs"] == {"x": "y"}


@pytest.mark.parametrize("how", ["flipped", "short", "long"])
def test_a_damaged_graph_is_refused_before_it_can_crash(tmp_path, how) -> None:
    saved(tmp_path)
    path = tmp_path / "index/some.SIM.hnsw"
    whole = bytearray(path.read_bytes())
    whole[5] ^= 255
    path.write_bytes(
        {"flipped": bytes(whole), "short": path.read_bytes()[:-8], "long": path.read_bytes() + b"x"}[how]
    )
    with pytest.raises(
        DataError, match=r"some\.SIM\.hnsw is damaged: run `warehouse build` to make it anew$"
    ):
        index.load(tmp_path, SPEC, "SIM", ids(300))


@pytest.mark.parametrize(
    "change",
    [
        {"axes": "abc"},
        {"axes": []},
        {"median": [0.0]},
        {"median": [100.0] * 8},
        {"mad": [0.0] * 8},
        {"lean": None},
        {"recall": "x"},
        {"rows": 299},
        {"seal": "0"},
    ],
)
def test_a_sidecar_that_was_changed_is_refused_and_no_longer_known(tmp_path, change) -> None:
    saved(tmp_path)
    note = tmp_path / "index/some.SIM.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | change))
    with pytest.raises(DataError, match=r"some\.SIM\.json is damaged: run `warehouse build` again$"):
        index.load(tmp_path, SPEC, "SIM", ids(300))
    assert store.mapping(note) is None  # so that a build makes it again, and `status` names it


def test_a_sidecar_without_its_seal_is_refused(tmp_path) -> None:
    saved(tmp_path)
    note = tmp_path / "index/some.SIM.json"
    said = json.loads(note.read_text())
    note.write_text(json.dumps({key: value for key, value in said.items() if key != "seal"}))
    with pytest.raises(DataError, match=r"some\.SIM\.json is damaged"):
        index.load(tmp_path, SPEC, "SIM", ids(300))


def test_a_graph_of_other_vectors_is_refused(tmp_path) -> None:
    with pytest.raises(
        MissingStepError, match=r"does not exist: run `warehouse build`, or ask with --index exact$"
    ):
        index.load(tmp_path, SPEC, "SIM", ids(300))
    saved(tmp_path)
    with pytest.raises(MissingStepError, match=r"is of other slots: run `warehouse build`$"):
        index.load(tmp_path, Spec("some", tuple("hgfedcba")), "SIM", ids(300))
    with pytest.raises(MissingStepError, match=r"is of other slots and dim: run"):
        index.load(tmp_path, Spec("some", tuple("abcdefghi")), "SIM", ids(300))
    with pytest.raises(MissingStepError, match=r"is of other rows and setups: run"):
        index.load(tmp_path, SPEC, "SIM", ids(301))
    with pytest.raises(MissingStepError, match=r"is of other setups: run"):
        index.load(tmp_path, SPEC, "SIM", [*ids(299), "setup/x"])


def test_what_hnswlib_would_not_notice() -> None:
    graph = SetupIndex.build(drawn(100), plain())
    with pytest.raises(ShapeError, match=r"^vectors are \(1, 7\); the index takes \(n, 8\)$"):
        graph.propose(np.zeros(7, np.float32), 3, np.ones(100, bool))
    broken = drawn(3)
    broken[1, 2] = np.inf
    with pytest.raises(ShapeError, match=r"^1 vectors hold NaN or infinity, first at row 1$"):
        SetupIndex.build(broken, plain())
    with pytest.raises(ShapeError, match=r"^vectors are \(100, 8\); the index takes \(n, 7\)$"):
        search_exact(np.zeros(7, np.float32), pool(drawn(100)), 3)


def test_recall_is_measured_after_reranking(monkeypatch) -> None:
    monkeypatch.setattr(index, "PROPOSED", 300)
    values = drawn(2000)
    assert index.recall(values, SetupIndex.build(values, plain()), questions=20) == 1.0
    assert index.recall(values[:30], SetupIndex.build(values[:30], plain())) is None
    stranger = SetupIndex.build(drawn(2000, seed=9), plain())
    assert index.recall(values, stranger, questions=20) < 0.5


def test_nothing_is_left_beside_the_index(tmp_path) -> None:
    saved(tmp_path)
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["some.SIM.hnsw", "some.SIM.json"]
    assert not list((tmp_path / ".tmp").iterdir())
    assert (
        store.sha256(tmp_path / "index/some.SIM.hnsw")
        == json.loads((tmp_path / "index/some.SIM.json").read_text())["sha256"]
    )
