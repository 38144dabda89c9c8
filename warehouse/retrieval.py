"""What questions need besides setups: scales, how much the null counts, graphs; their tasks and work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from warehouse import catalog, library, scales, store, trials, vectors
from warehouse import index as graphs
from warehouse.fingerprints import joined
from warehouse.fronts import Scope
from warehouse.ledger import Ledger, code
from warehouse.request import of
from warehouse.run import Task
from warehouse.schema import TRIALS
from warehouse.store import Artifact, Manifest, Partition

_HERE = "warehouse.retrieval"
INDEXED = (vectors.DEFAULT,)
"""Specs that have a graph; the others are scanned."""
_FITTED = ("scales", "vectors", "trials", "library")
_ASKED = ("trials", "circles", "odds", "scan", "index", "spread", "vectors", "library")
"""What finds the neighbours of a trial and blends them."""


def tasks(
    scope: Scope,
    date: dt.date,
    setups: Sequence[Partition],
    outcomes: Sequence[Partition],
    today: Sequence[Partition],
) -> Iterator[Task]:
    """Scales and trials of a trading date.

    Args:
        scope: What was asked.
        date: The trading date.
        setups: Those of earlier dates, and their summaries.
        outcomes: Theirs.
        today: Setups, summaries and outcomes of the date.
    """
    told = {"date": str(date)}
    learnt = scope.partition("gold.scalers", product=scope.product, date=date)
    every = vectors.specs()
    fitted = _fingerprint("fit", _FITTED, every)
    yield Task(f"{_HERE}:fit", (learnt,), (*setups, *outcomes), fitted, told)
    target = scope.partition("gold.trials", product=scope.product, date=date)
    days = sorted({dict(source.keys)["date"] for source in outcomes})
    earlier = (scope.partition("gold.trials", product=scope.product, date=day) for day in days)
    inputs = (*setups, *outcomes, *today, learnt, *earlier)
    yield Task(f"{_HERE}:ask", (target,), inputs, _fingerprint("ask", _ASKED, every), told)


def index_tasks(root: Path, ledger: Ledger) -> list[Task]:
    """An index per spec and product, over the setups of all its dates, scaled by its latest scaler."""
    latest = {dict(part.keys)["product"]: part for part in ledger.current("gold.scalers")}
    setups = ledger.current("gold.setups")
    return [_index(root, spec, product, setups, latest[product]) for product in latest for spec in INDEXED]


def _index(root: Path, spec: str, product: str, setups: Sequence[Partition], scaler: Partition) -> Task:
    name = f"index/{spec}.{product}"
    return Task(
        f"{_HERE}:index",
        (Artifact(root, f"{name}.hnsw", f"{name}.json"),),
        (*(part for part in setups if of(dict(part.keys)["symbol"]) == product), scaler),
        _fingerprint("index", ("index", "filling", "scales", "vectors"), [spec]),
        {"spec": spec, "product": product},
    )


def _fingerprint(step: str, modules: Sequence[str], specs: Sequence[str]) -> str:
    """Of a step with the code behind it and the specs that it serves."""
    behind = code(f"{_HERE}:{step}", *(f"warehouse.{name}" for name in (*modules, "session")))
    return joined(behind, pl.__version__, *specs, *map(vectors.fingerprint, specs))


def fit(task: Task, manifest: Manifest) -> None:
    """gold.scalers: what every vector is compared by, from setups of earlier dates and what followed them."""
    every = [vectors.spec(name) for name in vectors.specs()]
    past = library.frozen(_frozen(task), catalog.load().slots_of(vectors.specs()))
    past = trials.with_excess(past, library.followed(_all(task, "gold.outcomes")))
    store.write(task.outputs[0], scales.fitted(past, every, _date(task)), manifest)


def ask(task: Task, manifest: Manifest) -> None:
    """gold.trials: what odds at the date's setups would have lost, by how much each circle counts."""
    [learnt] = (pl.read_parquet(source.path) for source in _all(task, "gold.scalers"))
    by = {name: vectors.scaler(learnt, vectors.spec(name)) for name in vectors.specs()}
    setups = library.frozen(_frozen(task), catalog.load().slots_of(vectors.specs()))
    outcomes = library.followed(_all(task, "gold.outcomes"))
    there = [source for source in _all(task, "gold.trials") if source.path.exists()]
    before = library.scan(there, TRIALS.schema).collect(engine="in-memory")
    store.write(task.outputs[0], trials.made(setups, outcomes, by, _date(task), before), manifest)


def index(task: Task, manifest: Manifest) -> None:
    """The graph over every setup of a product."""
    spec, root = vectors.spec(task.parameters["spec"]), task.outputs[0].root
    symbols = {dict(source.keys)["symbol"] for source in _all(task, "gold.setups")}
    mine = ~pl.col("is_placebo") & pl.col("symbol").is_in(sorted(symbols))
    setups = library.setups(root, spec.slots).filter(mine)
    rows = pl.read_parquet(_all(task, "gold.scalers")[0].path)
    graphs.write(
        root,
        spec,
        task.parameters["product"],
        setups["setup_id"].to_list(),
        vectors.matrix(setups, spec),
        vectors.scaler(rows, spec),
        manifest,
    )


def _all(task: Task, table: str) -> list[Partition]:
    return [source for source in task.inputs if source.table == table]


def _frozen(task: Task) -> list[Partition]:
    return [*_all(task, "gold.setups"), *_all(task, "gold.summaries")]


def _date(task: Task) -> dt.date:
    return dt.date.fromisoformat(task.parameters["date"])
