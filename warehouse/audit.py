"""The look-ahead law on a built date: cut its tape, build it again, compare what was known by the cut."""

from __future__ import annotations

import datetime as dt
import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import fronts, graph, store, studies, wording, workers
from warehouse.errors import MissingStepError, QuestionError
from warehouse.fronts import Front, Scope
from warehouse.ledger import Ledger
from warehouse.question import wall
from warehouse.request import of
from warehouse.run import Task, perform, wanted
from warehouse.schema import BAR_NS, RACED
from warehouse.store import Partition

_STEPS = (
    "flow", "levels", "family", "setups", "outcomes", *(study.step for study in studies.STUDIES),
    studies.SUMMARISE,
)  # fmt: skip
"""Steps that read the date's own tape; volume profile and scalers read earlier dates alone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A column that knew more than it could.

    Args:
        cut: The moment, ns UTC.
        table: The table.
        column: Its column; `rows` where rows came or went.
        cells: How many values differ.
    """

    cut: int
    table: str
    column: str
    cells: int


@dataclass(frozen=True, slots=True)
class Cut:
    """One comparison: the moment, up to when bars were whole, and values compared by table."""

    cut: int
    known: int
    values: dict[str, int]
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Audit:
    """All comparisons of one date."""

    symbol: str
    date: str
    cuts: list[Cut]

    @property
    def differences(self) -> list[Difference]:
        return [difference for cut in self.cuts for difference in cut.differences]


def audit(root: Path, date: str, cuts: int, contract: str | None = None) -> Audit:
    """Compare a built date with itself, rebuilt from a tape that ends early.

    Args:
        root: The warehouse; only read.
        date: The trading date.
        cuts: How many moments, drawn between its first and last record; the same ones for the same date.
        contract: Needed only where several contracts are built for the date.

    Raises:
        QuestionError: If the date is no session.
        MissingStepError: If it is not built, or by other code than this.
    """
    day = wording.session_date(date)
    symbol = _symbol(root, day, contract)
    quality = store.partition(root, "silver.quality", symbol=symbol, date=day)
    [(first, last)] = pl.read_parquet(quality.path, columns=["first_ts", "last_ts"]).cast(pl.Int64).rows()
    draw = random.Random(f"{symbol}/{date}")  # noqa: S311 (moments, not secrets)
    instants = sorted(draw.randint(first, last) for _ in range(cuts))
    mine = tasks(root, symbol, day)
    with tempfile.TemporaryDirectory(prefix="warehouse-audit-") as name:
        folder = Path(name)
        with workers.pool(folder, min(cuts, workers.cores())) as pool:
            running = [pool.submit(compare, folder / str(at), mine, at) for at in instants]
            found = [workers.result(future) for future in running]
    return Audit(symbol, date, found)


def _symbol(root: Path, date: dt.date, contract: str | None) -> str:
    built = [dict(part.keys) for part in store.partitions(root, "gold.outcomes")]
    there = sorted(keys["symbol"] for keys in built if keys["date"] == str(date))
    if not there or (contract and contract not in there):
        what = f"{contract} of {date}" if contract else str(date)
        option = f" --contract {contract}" if contract else ""
        raise MissingStepError(f"{what} is not built in {root}: run `warehouse build --dates {date}{option}`")
    if len(there) > 1 and contract is None:
        raise QuestionError(f"{' and '.join(there)} are built for {date}: name one with --contract")
    return contract or there[0]


def tasks(root: Path, symbol: str, date: dt.date) -> list[Task]:
    """What makes the date's own tables, as it was built.

    Raises:
        MissingStepError: If it is stale.
    """
    ledger = Ledger(root)
    said = ledger.manifest(store.partition(root, "gold.setups", symbol=symbol, date=date)) or {}
    told = said["parameters"]
    scope = Scope(root, of(symbol) or symbol, (date,), setup_window=wording.window(told["setup_window"]))
    inputs = fronts.landed(scope, ledger, date)[symbol, told["source"]]
    tick = (ledger.manifest(inputs[-1]) or {})["tick"] / 1e9
    front = Front(symbol, "user" if told["maybe_back_month"] else "volume", told["source"], tick, inputs)
    found = [
        task
        for task in graph.date_tasks(scope, ledger, {date: front})
        if task.step.partition(":")[2] in _STEPS
    ]
    for task in found:
        if why := ledger.stale(task.outputs, wanted(task, ledger)):
            raise MissingStepError(
                f"{task.name} is stale ({why}): run `warehouse build --dates {date}` first"
            )
    return found


def compare(folder: Path, date_tasks: Sequence[Task], cut: int) -> Cut:
    """Build a date again in a folder from records received before a moment, and hold it against the root."""
    made = {target for task in date_tasks for target in task.outputs}
    for task in date_tasks:
        told = {**task.parameters, "until": cut} if task.step.endswith(":flow") else task.parameters
        outputs = tuple(replace(target, root=folder) for target in task.outputs)
        inputs = tuple(replace(source, root=folder) if source in made else source for source in task.inputs)
        perform(replace(task, outputs=outputs, inputs=inputs, parameters=told), {})
    now = {target.table: target for target in made if target.table != "silver.quality"}
    then = {table: replace(target, root=folder) for table, target in now.items()}
    bars = pl.read_parquet(then["silver.book"].path, columns=["bar_ts"])["bar_ts"].cast(pl.Int64)
    known = int(bars[-1]) + BAR_NS if len(bars) else 0
    values: dict[str, int] = {}
    differences: list[Difference] = []
    for table in sorted(now):
        before, after = _known(now, table, known), _known(then, table, known)
        values[table] = before.height * (before.width - 1)
        differences += _differences(cut, table, before, after)
    frozen = (_frozen(tables, known) for tables in (now, then))
    differences += _differences(cut, "gold.snapshots", *frozen)
    return Cut(cut, known, values, differences)


def _known(tables: Mapping[str, Partition], table: str, until: int) -> pl.DataFrame:
    """Rows of a table that were known by an instant, with that time as `known`."""
    frame = pl.scan_parquet(tables[table].path, glob=False)
    if "level_id" in frame.collect_schema() and table.startswith("silver.") and table != "silver.levels":
        levels = pl.scan_parquet(tables["silver.levels"].path, glob=False)
        since = levels.group_by("level_id").agg(level_known=pl.col("known_ts").cast(pl.Int64).min())
        frame = frame.join(since, on="level_id", how="left", maintain_order="left")
        time = pl.max_horizontal(pl.col("bar_ts").cast(pl.Int64) + BAR_NS, "level_known")
        return _until(frame, time, until).drop("level_known")
    if table in {"gold.outcomes", "gold.weights", "gold.sequences", "gold.summaries"}:
        setups = pl.scan_parquet(tables["gold.setups"].path, glob=False)
        start = setups.select("setup_id", t0=pl.col("known_ts").cast(pl.Int64))
        frame = frame.join(start, on="setup_id", how="left", maintain_order="left")
        later = pl.col("horizon_s") * 10**9 if "horizon_s" in frame.collect_schema() else 0
        return _until(frame, pl.col("t0") + later, until).drop("t0")
    frame = frame.drop(_AFTERWARDS.get(table, ()))
    return _until(frame, _TIMES.get(table, pl.col("bar_ts").cast(pl.Int64) + BAR_NS), until)


def _frozen(tables: Mapping[str, Partition], until: int) -> pl.DataFrame:
    """What snapshots froze, which is known long before their races end."""
    setups = pl.scan_parquet(tables["gold.setups"].path, glob=False)
    start = setups.select("setup_id", t0=pl.col("known_ts").cast(pl.Int64))
    frame = pl.scan_parquet(tables["gold.snapshots"].path, glob=False).drop(column.name for column in RACED)
    frame = frame.join(start, on="setup_id", how="left", maintain_order="left")
    return _until(frame, pl.max_horizontal(pl.col("known_ts").cast(pl.Int64), "t0"), until).drop("t0")


_AFTERWARDS = {"gold.setups": ("doubtful",)}
"""Columns that say how the whole date turned out, and say so."""
_TIMES = {
    "silver.quotes": pl.col("ts").cast(pl.Int64) + 1,
    "silver.trades": pl.col("ts").cast(pl.Int64) + 1,
    "silver.levels": pl.col("known_ts").cast(pl.Int64),
    "gold.setups": pl.col("known_ts").cast(pl.Int64),
    "gold.snapshots": pl.col("resolved_ts").cast(pl.Int64),
}
"""When a row is known; an event counts in bars that end after it."""


def _until(frame: pl.LazyFrame, time: pl.Expr, until: int) -> pl.DataFrame:
    return frame.with_columns(known=time).filter(pl.col("known") <= until).collect(engine="in-memory")


def _differences(cut: int, table: str, now: pl.DataFrame, then: pl.DataFrame) -> Iterator[Difference]:
    if now.height != then.height or now.columns != then.columns:
        yield Difference(cut, table, "rows", abs(now.height - then.height))
        return
    for name in now.columns:
        if cells := int(_differ(now[name], then[name]).sum()):
            yield Difference(cut, table, name, cells)


def _differ(one: pl.Series, other: pl.Series) -> pl.Series:
    """Row by row; floats by their bits, so that 0.0 is not -0.0."""
    if not one.dtype.is_float():
        return one.ne_missing(other)
    return (_bits(one) != _bits(other)) | (one.is_null() != other.is_null())


def _bits(column: pl.Series) -> pl.Series:
    return pl.Series(column.fill_null(0.0).cast(pl.Float64).to_numpy().view(np.int64))


def to_json(found: Audit) -> str:
    return json.dumps(asdict(found), indent=1)


def to_text(found: Audit) -> str:
    """A line per cut, a line per difference, and the verdict."""
    lines = [f"{'cut (New York)':<16} {'known to':<10} {'values':>12} {'differences':>12}"]
    for cut in found.cuts:
        count = sum(each.cells for each in cut.differences)
        lines.append(
            f"{wall(cut.cut):%H:%M:%S}         {wall(cut.known):%H:%M:%S}   "
            f"{sum(cut.values.values()):>12,} {count:>12,}"
        )
        lines += [f"  {each.table}.{each.column}: {each.cells:,} values differ" for each in cut.differences]
    verdict = "LOOKS AHEAD" if found.differences else "does not look ahead"
    return "\n".join([*lines, f"{found.symbol} {found.date} {verdict}"])
