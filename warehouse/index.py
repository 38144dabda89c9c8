"""A graph that proposes near vectors, behind the checks it lacks, and the exact answer beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import hnswlib
import numpy as np
import numpy.typing as npt

from warehouse import filling, seal, store
from warehouse.errors import DataError, MissingStepError, ShapeError
from warehouse.spread import Groups, nearest
from warehouse.store import Manifest
from warehouse.vectors import Reals, Scaler, Spec, Vectors, distances, placed

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

EXACT_BELOW = 5_000
"""Admissible rows under which the exact scan answers alone."""
PROPOSED, OF_ALL = 2_000, 250
"""Rows that the graph proposes at least, or one in so many: what it guesses at costs places."""
_M, _EF, _SEED, _QUESTIONS = 16, 200, 0, 200  # the last are stored vectors that measure recall


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Row numbers and distances in scaled units, both (k,) or shorter, nearest first."""

    rows: Rows
    distances: Reals


@dataclass(frozen=True, slots=True)
class Pool:
    """What is searched.

    Args:
        vectors: (n, d) float32, unscaled, NaN where a slot is missing.
        mad: (d,) scale of the question's date.
        allowed: (n,) rows that may answer.
        groups: Which rows tell of the same thing; None where each tells of its own.
    """

    vectors: Vectors
    mad: Reals
    allowed: Mask
    groups: Groups | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a saved graph must agree with before it is believed.

    Args:
        spec: Name of the vectors.
        product: Whose setups.
        slots: Fingerprint of their slots.
        dim: Slots.
        rows: Vectors, labelled 0 to rows - 1 in order of setup_id.
        setups: Digest of their setup_ids.
        median: Centre that the graph's vectors were scaled with.
        mad: Scale of the same.
        axes: What missing slots were filled along.
        lean: Parts of the slots in the lean that the graph was made with; 0 if there was none.
        recall: Share of the true 30 neighbours that stored vectors get, re-ranked; null below 31 rows.
        sha256: Of the graph's file.
    """

    spec: str
    product: str
    slots: str
    dim: int
    rows: int
    setups: str
    median: list[float]
    mad: list[float]
    axes: list[list[float]]
    lean: list[float]
    recall: float | None
    sha256: str


class SetupIndex:
    """A graph over vectors; one seed, one thread and one order of rows give one file.

    hnswlib checks neither the width of a query nor that numbers are finite, and dies when searched empty.
    """

    def __init__(self, graph: hnswlib.Index, width: int, rows: int, scale: Scaler, axes: Reals) -> None:
        self._graph, self.width, self.rows, self.scale, self.axes = graph, width, rows, scale, axes

    @classmethod
    def build(cls, vectors: Vectors, scale: Scaler) -> SetupIndex:
        """A graph over (n, d) float32, NaN where a slot is missing."""
        axes = filling.axes(vectors, scale)
        points = _checked(filling.placed(vectors, scale, axes), None)
        graph = hnswlib.Index(space="l2", dim=points.shape[1])
        graph.init_index(max(len(points), 1), M=_M, ef_construction=_EF, random_seed=_SEED)
        if len(points):
            graph.add_items(points, np.arange(len(points)), num_threads=1)
        return cls(graph, vectors.shape[1], len(points), scale, axes)

    def propose(self, question: Vectors, count: int, allowed: Mask) -> Rows | None:
        """Rows near a question (d,), at most `count` of the allowed ones.

        Returns:
            None where the graph reaches fewer allowed rows than asked for: ask the exact scan.
        """
        _width(question[None, :], self.width)
        point = _checked(filling.placed(question[None, :], self.scale, self.axes), None)
        wanted = min(count, int(allowed.sum()))
        if not wanted:
            return np.empty(0, np.int64)
        self._graph.set_ef(max(_EF, wanted))
        keep = allowed.tolist()
        try:
            rows, _ = self._graph.knn_query(point, k=wanted, num_threads=1, filter=keep.__getitem__)
        except RuntimeError:
            return None
        return np.sort(rows[0].astype(np.int64))

    def save(self, path: Path) -> None:
        self._graph.save_index(str(path))


def search_exact(question: Vectors, pool: Pool, k: int) -> Neighbours:
    """The k nearest allowed rows by a scan of all; ties go to the lower row, incomparable ones are none."""
    return _nearest(question, pool, k, np.flatnonzero(pool.allowed))


def search(question: Vectors, pool: Pool, k: int, index: SetupIndex) -> Neighbours:
    """The same from what the graph proposes, ranked anew by exact partial distance.

    Where too many of the proposed tell of the same thing to leave k, the scan answers.
    """
    count = max(10 * k, PROPOSED, index.rows // OF_ALL)
    proposed = index.propose(question[: index.width], count, pool.allowed)
    if proposed is None:
        return search_exact(question, pool, k)
    found = _nearest(question, pool, k, proposed)
    return found if len(found.rows) == k else search_exact(question, pool, k)


def recall(vectors: Vectors, index: SetupIndex, k: int = 30, questions: int = _QUESTIONS) -> float | None:
    """Share of the true k neighbours found, over evenly spaced stored vectors; None with too few."""
    if len(vectors) <= k:
        return None
    found, (every, mad) = [], placed(vectors, index.scale)
    for row in np.unique(np.linspace(0, len(vectors) - 1, questions).astype(int)):
        pool = Pool(every, mad, np.arange(len(vectors)) != row)
        want = search_exact(every[row], pool, k).rows
        got = search(every[row], pool, k, index).rows
        found.append(np.isin(want, got).mean() if len(want) else 1.0)
    return float(np.mean(found))


def write(
    root: Path,
    spec: Spec,
    product: str,
    ids: Sequence[str],
    vectors: Vectors,
    scale: Scaler,
    made: Manifest,
) -> None:
    """Build the graph of a product and place it with its sidecar.

    Args:
        root: The warehouse.
        spec: Whose vectors.
        product: Such as ES; every product has its own scale, so its own graph.
        ids: setup_ids, sorted.
        vectors: (n, d) float32 in the same order, NaN where a slot is missing.
        scale: The product's latest scaler.
        made: What it was made from, kept in the sidecar.
    """
    index = SetupIndex.build(vectors, scale)
    target, note = paths(root, spec.name, product)
    target.parent.mkdir(parents=True, exist_ok=True)
    with store.temporary(root, ".hnsw") as aside, store.temporary(root, ".json") as said:
        index.save(aside)
        sidecar = Sidecar(
            spec.name, product, spec.fingerprint, index.width, index.rows, digest(ids),
            scale.median.tolist(), scale.mad.tolist(), index.axes.tolist(), filling.slopes(scale).tolist(),
            recall(vectors, index), store.sha256(aside),
        )  # fmt: skip
        said.write_text(seal.text({**made, **asdict(sidecar)}))
        note.unlink(missing_ok=True)
        aside.replace(target)
        said.replace(note)


def load(root: Path, spec: Spec, product: str, ids: Sequence[str]) -> SetupIndex:
    """The saved graph, if it is whole and of these vectors.

    Raises:
        MissingStepError: If there is none, or it is of other slots or other setups.
        DataError: If its bytes are not those that were written, or its sidecar cannot be read.
    """
    target, note = paths(root, spec.name, product)
    if gone := [path for path in (target, note) if not path.exists()]:
        raise MissingStepError(f"{gone[0]} does not exist: run `warehouse build`, or ask with --index exact")
    said = store.mapping(note) or {}
    if not {seal.KEY, *(field.name for field in fields(Sidecar))} <= set(said):
        raise DataError(f"{note} is damaged: run `warehouse build` again")
    if store.sha256(target) != said["sha256"]:
        raise DataError(f"{target} is damaged: run `warehouse build` to make it anew")
    expected = {"slots": spec.fingerprint, "dim": len(spec.slots), "rows": len(ids), "setups": digest(ids)}
    if wrong := [key for key, value in expected.items() if said[key] != value]:
        raise MissingStepError(f"{target} is of other {' and '.join(wrong)}: run `warehouse build`")
    graph = hnswlib.Index(space="l2", dim=said["dim"] + 1)
    graph.load_index(str(target), max_elements=max(said["rows"], 1))
    median, mad, slopes, axes = (np.array(said[name]) for name in ("median", "mad", "lean", "axes"))
    return SetupIndex(graph, said["dim"], said["rows"], Scaler(median, mad, lean=slopes), axes)


def paths(root: Path, spec: str, product: str) -> tuple[Path, Path]:
    """The graph's file and its sidecar."""
    name = f"{spec}.{product}"
    return root / "index" / f"{name}.hnsw", root / "index" / f"{name}.json"


def digest(ids: Sequence[str]) -> str:
    """Of setup_ids in order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _nearest(question: Vectors, pool: Pool, k: int, rows: Rows) -> Neighbours:
    _width(pool.vectors, len(question))
    far = distances(question, pool.vectors[rows], pool.mad)
    order = nearest(far, k)[:k] if pool.groups is None else pool.groups.nearest(rows, far, k)
    return Neighbours(rows[order], far[order])


def _checked(vectors: Vectors, width: int | None) -> Vectors:
    _width(vectors, width)
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        raise ShapeError(vectors.shape, width, rows=np.flatnonzero(~finite).tolist())
    return vectors


def _width(vectors: Vectors, width: int | None) -> None:
    if vectors.ndim != 2 or (width is not None and vectors.shape[1] != width):  # noqa: PLR2004 (rows, slots)
        raise ShapeError(vectors.shape, width)
