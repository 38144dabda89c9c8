"""What each task of a build does, in a worker: read partitions, call one room, place what it gives."""

from __future__ import annotations

import datetime as dt
import functools
import json
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from warehouse import (
    barrier,
    contract,
    moments,
    plan,
    pricelist,
    profiles,
    races,
    reasons,
    store,
    wording,
)
from warehouse import database as databases
from warehouse import flow as event_pass
from warehouse import levels as price_levels
from warehouse.barrier import LEARNT, Calibration
from warehouse.run import Task
from warehouse.schema import MOVING
from warehouse.session import Window
from warehouse.store import Manifest, Partition

LEVELS_FILE = "levels.csv"


def front_contract(task: Task, manifest: Manifest) -> None:
    """Which contract is front, from the trades of the session before."""
    product, date = task.parameters["product"], _date(task)
    records: pl.LazyFrame | list[Path] = []
    if task.inputs:
        wanted = ("symbol", "action", "size", "ts_event")
        records = pl.concat(store.scan([source]).select(wanted) for source in task.inputs)
        records = records.filter(pl.col("action") == "T")
    found = moments.front_contract(product, date, records, task.parameters["contract"])
    store.write(task.outputs[0], found, manifest)


def flow(task: Task, manifest: Manifest) -> None:
    """The event pass over a trading date: quotes, trades, ladder, book, quality."""
    made = task.outputs[0].root / ".tmp" / uuid.uuid4().hex
    made.mkdir(parents=True)
    told = task.parameters
    event_pass.flow(task.inputs[0].root, told["symbol"], _date(task), told["source"], made, told.get("until"))
    for target in task.outputs:
        path = made / f"{target.table.removeprefix('silver.')}.parquet"
        rows = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
        store.place(target, path, {**manifest, "rows": rows})
    made.rmdir()


def levels(task: Task, manifest: Manifest) -> None:
    """Levels of a date and when they may be read, placebos after the real ones."""
    told, date = task.parameters, _date(task)
    custom = pricelist.load(task.files[0], LEVELS_FILE) if task.files else _no_prices()
    today = [source for source in task.inputs if ("date", told["date"]) in source.keys]
    there = tables(today)
    evening = there["quality"].select("evening").collect(engine="in-memory").item()
    before = price_levels.before(tables([source for source in task.inputs if source not in today]), date)
    real = price_levels.levels(
        there["trades"], custom, told["symbol"], date, _window(task), prior=before, evening=evening
    )
    found = pl.concat([real, price_levels.placebos(real, told["product"], told["tick"])])
    store.write(task.outputs[0], found, manifest)


def volume_profile(task: Task, manifest: Manifest) -> None:
    """What is usual at each time of day, from earlier sessions."""
    book = [source.path for source in _all(task, "silver.book")]
    ladder = [source.path for source in _all(task, "silver.ladder")]
    found = profiles.volume_profile(_date(task), book, ladder, task.parameters["tick"])
    store.write(task.outputs[0], found, manifest)


def retreat_profile(task: Task, manifest: Manifest) -> None:
    """How the near retreat goes with price's own move at each time of day, from earlier sessions."""
    lvl = store.scan(_all(task, "silver.lvl"), profiles.LVL)
    volatility = store.scan(_all(task, "silver.volatility"), profiles.VOLATILITY)
    book = [source.path for source in _all(task, "silver.book")]
    found = profiles.retreat_profile(_date(task), lvl, volatility, book)
    store.write(task.outputs[0], found, manifest)


def family(task: Task, manifest: Manifest) -> None:
    """One family of features; rows that break its declaration go to quarantine, with their rules.

    Of levels, those that have one price for the date: of any other a question makes what it needs.
    """
    name = task.parameters["family"]
    there = tables(task.inputs)
    if "levels" in there:
        fixed = ~pl.col("is_placebo") & ~pl.col("level_kind").is_in(MOVING)
        there["levels"] = there["levels"].filter(fixed)
    made = plan.family(name, there).collect(engine="in-memory")
    good, bad = contract.check(made, name)
    target = task.outputs[0]
    aside = Partition(target.root, f"quarantine.{target.table}", target.keys)
    shutil.rmtree(aside.path.parent, ignore_errors=True)
    if bad.is_empty():
        store.write(target, good, manifest)
        return
    broken = bad.explode("broken").group_by("broken").len().sort("broken")
    store.write(aside, bad, manifest)
    store.write(target, good, {**manifest, "quarantined": dict(broken.iter_rows())})


def setups(task: Task, manifest: Manifest) -> None:
    """Arrivals at levels, with every feature of the bar in which they came."""
    there = tables(task.inputs)
    found = moments.triggers(
        there["levels"].collect(engine="in-memory"),
        path(task.inputs),
        there["book"],
        there["volatility"],
        _date(task),
        _window(task),
        tick=task.parameters["tick"],
        source=task.parameters["source"],
        maybe_back_month=task.parameters["maybe_back_month"],
        doubtful=there["quality"].select(pl.col("beyond").is_not_null()).collect().item(),
    )
    features = plan.at_setups(found, there)
    own = [name for name in features.columns if name not in found.columns]
    joined = found.join(
        features.select("setup_id", *own), on="setup_id", how="left", validate="1:1", maintain_order="left"
    )
    store.write(task.outputs[0], reasons.beside(joined), manifest)
    store.write(task.outputs[1], moments.weights(found), manifest)


def outcomes(task: Task, manifest: Manifest) -> None:
    """What followed each setup, with odds calibrated on earlier dates."""
    date = _date(task)
    today = [source for source in task.inputs if ("date", str(date)) in source.keys]
    past = [source for source in task.inputs if ("date", str(date)) not in source.keys]
    calibrated: dict[int, Calibration] = {}
    if past:
        earlier = {name: [s for s in past if s.table == name] for name in ("gold.setups", "gold.outcomes")}
        starts = pl.concat(
            store.scan([source]).select("setup_id", "date", *LEARNT) for source in earlier["gold.setups"]
        )
        calibrated = barrier.calibrations(races.library(starts, store.scan(earlier["gold.outcomes"])))
    there = tables(today)
    found = races.outcomes(
        there["setups"].collect(engine="in-memory"),
        path(today),
        there["book"],
        date,
        tick=task.parameters["tick"],
        calibrated=calibrated,
    )
    store.write(task.outputs[0], found, manifest)


def database(task: Task, manifest: Manifest) -> None:
    """The database file that any DuckDB client opens."""
    target = task.outputs[0]
    target.manifest_path.unlink(missing_ok=True)
    databases.build(target.root)
    with store.temporary(target.root, ".json") as note:
        note.write_text(json.dumps({**manifest, "sha256": store.sha256(target.path)}, indent=1))
        note.replace(target.manifest_path)


def tables(sources: Sequence[Partition]) -> dict[str, pl.LazyFrame]:
    """Partitions of one contract and date by their tables' short names, without their keys."""
    return {
        "profile"
        if source.table == "silver.volume_profile"
        else source.table.partition(".")[2]: pl.scan_parquet(source.path, glob=False)
        for source in sources
    }


def path(sources: Sequence[Partition]) -> pl.DataFrame:
    """The path of mid of the quotes among partitions of one date."""
    [quotes] = (source for source in sources if source.table == "silver.quotes")
    return _outline(quotes.path, (store.read_manifest(quotes) or {}).get("sha256"))


@functools.lru_cache(maxsize=1)
def _outline(quotes: Path, sha256: str) -> pl.DataFrame:  # noqa: ARG001 (a rebuilt file is another)
    """Kept, since arrivals, outcomes and snapshots of a date ask for it in turn."""
    return races.mids(pl.scan_parquet(quotes, glob=False))


def _all(task: Task, table: str) -> list[Partition]:
    return [source for source in task.inputs if source.table == table]


def _one(task: Task, table: str) -> pl.LazyFrame:
    [source] = _all(task, table)
    return pl.scan_parquet(source.path, glob=False)


def _date(task: Task) -> dt.date:
    return dt.date.fromisoformat(task.parameters["date"])


def _window(task: Task) -> Window:
    return wording.window(task.parameters["setup_window"])


def _no_prices() -> pl.DataFrame:
    return pl.DataFrame(schema=pricelist.SCHEMA)
