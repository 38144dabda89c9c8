"""What is frozen around setups, for questions at other moments and for study: its tasks and their work."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from warehouse import catalog, plan, sequences, snapshots, sqlfile, states, steps, store, summaries
from warehouse.ledger import code
from warehouse.run import Task
from warehouse.schema import CUBE_BARS, HORIZONS_S, OF_A_RACE, SEQUENCE_BARS, TAUS_S
from warehouse.store import Manifest, Partition

_HERE = "warehouse.studies"
_ENGINE = ("warehouse.plan", "warehouse.frames", "warehouse.mirror", "warehouse.inputs", "warehouse.session")


@dataclass(frozen=True, slots=True)
class Study:
    """A table that is made around setups.

    Args:
        table: Its name in gold.
        step: The function that makes it.
        features: Names of the features that it holds.
        silver: What it reads besides what features read.
        modules: The code behind it.
        models: The models that it runs.
        after: It reads outcomes too.
        constants: Numbers of the schema that say which rows it has.
    """

    table: str
    step: str
    features: Callable[[], Sequence[str]]
    silver: frozenset[str]
    modules: tuple[str, ...]
    models: tuple[str, ...] = ()
    after: bool = False
    constants: tuple[object, ...] = ()


def held() -> Sequence[str]:
    """What a sequence holds of every bar."""
    return catalog.load().sequence


def led() -> Sequence[str]:
    """All that a sequence holds."""
    return (*held(), *catalog.load().approach)


SUMMARISE = "summarise"
"""The step that reads sequences instead of silver tables."""
STUDIES = (
    Study(
        "snapshots",
        "freeze_again",
        snapshots.slots,
        frozenset({"quotes", "book", "levels", "volatility"}),
        ("snapshots", "moments", "races", "barrier", "vectors"),
        ("snapshots", "outcomes"),
        after=True,
        constants=(TAUS_S, HORIZONS_S, OF_A_RACE),
    ),
    Study(
        "sequences", "lead_up", led, frozenset({"book"}), ("sequences",), constants=(SEQUENCE_BARS, CUBE_BARS)
    ),
    Study(
        "level_states",
        "sample",
        held,
        frozenset({"book", "levels", "volatility"}),
        ("states", "moments"),
        ("level_states",),
    ),
)
"""Tables around setups, in the order in which they are made."""


def tasks(
    part: Callable[[str], Partition],
    read: Callable[[Iterable[str]], list[Partition]],
    tick: float,
    date: dt.date,
) -> Iterator[Task]:
    """Snapshots, sequences, states and summaries of a trading date.

    Args:
        part: The date's partition of a table.
        read: Its partitions of tables by their short names.
        tick: Tick size in points.
        date: The trading date.
    """
    setups, outcomes = part("gold.setups"), part("gold.outcomes")
    told = {"date": str(date), "tick": tick}
    for study in STUDIES:
        frozen = [setups, outcomes] if study.after else [setups]
        inputs = [*frozen, *read(sorted(plan.tables(study.features()) | study.silver))]
        target = part(f"gold.{study.table}")
        yield Task(f"{_HERE}:{study.step}", (target,), tuple(inputs), _fingerprint(study), told)
    source, target = part("gold.sequences"), part("gold.summaries")
    yield Task(f"{_HERE}:{SUMMARISE}", (target,), (setups, source), _of_summaries(), {"date": str(date)})


def _fingerprint(study: Study) -> str:
    """Of a step's code, the features that it holds and the models that it runs."""
    import duckdb  # noqa: PLC0415 (only its version)

    features = study.features()
    families = sorted({catalog.load()[feature].family for feature in features})
    said = (
        code(f"{_HERE}:{study.step}", *_ENGINE, *(f"warehouse.{module}" for module in study.modules)),
        *features,
        *map(repr, study.constants),
        *map(plan.fingerprint, families),
        *(sqlfile.load(model).fingerprint for model in study.models),
        pl.__version__,
        duckdb.__version__,
    )
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _of_summaries() -> str:
    """Of the summaries: what they are made of, not how they are described."""
    said = [code(f"{_HERE}:{SUMMARISE}", "warehouse.summaries").encode(), pl.__version__.encode()]
    for each in catalog.load().summaries.values():
        said += [each.name.encode(), each.expr.meta.serialize()]
    return hashlib.sha256(b"\n".join(said)).hexdigest()[:16]


def freeze_again(task: Task, manifest: Manifest) -> None:
    """gold.snapshots: setups frozen at moments around their triggers."""
    there = steps.tables(task.inputs)
    setups, outcomes = (there[name].collect(engine="in-memory") for name in ("setups", "outcomes"))
    path, tick = steps.path(task.inputs), task.parameters["tick"]
    own = snapshots.raced(setups, outcomes, path, there, _date(task), tick=tick)
    store.write(task.outputs[0], snapshots.snapshots(own, setups, there), manifest)


def lead_up(task: Task, manifest: Manifest) -> None:
    """gold.sequences: the bars that led to each setup."""
    there = steps.tables(task.inputs)
    found = sequences.sequences(there["setups"].collect(engine="in-memory"), there)
    store.write(task.outputs[0], found, manifest)


def summarise(task: Task, manifest: Manifest) -> None:
    """gold.summaries: sequences as rows of numbers."""
    there = steps.tables(task.inputs)
    store.write(task.outputs[0], summaries.summaries(there["setups"], there["sequences"]), manifest)


def sample(task: Task, manifest: Manifest) -> None:
    """gold.level_states: every level each half minute."""
    there = steps.tables(task.inputs)
    found = states.states(there["setups"].collect(engine="in-memory"), there, _date(task))
    store.write(task.outputs[0], found, manifest)


def _date(task: Task) -> dt.date:
    return dt.date.fromisoformat(task.parameters["date"])
