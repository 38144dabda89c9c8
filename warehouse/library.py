"""The frozen setups of a root as one frame, and which of them a question admits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import catalog, store
from warehouse.schema import DEFAULT_SCHEME, OUTCOMES, SETUPS, SNAPSHOTS
from warehouse.store import Partition


@dataclass(frozen=True, slots=True)
class Admission:
    """Which setups a question may be compared with; placebos never.

    Args:
        kinds: A setup needs one of these among its kinds; None admits every kind.
        direction: UP or DOWN.
        as_of: Only what was resolved by then, ns UTC.
        contracts: Of these contracts.
        but: This date is left out; None leaves none out.
    """

    kinds: frozenset[str] | None
    direction: str
    as_of: int
    contracts: frozenset[str]
    but: dt.date | None

    def rule(self) -> pl.Expr:
        """True for admitted rows of `setups`."""
        rule = ~pl.col("is_placebo") & (pl.col("direction") == self.direction)
        rule &= pl.col("resolved_ts").cast(pl.Int64) <= self.as_of
        rule &= pl.col("symbol").is_in(sorted(self.contracts))
        if self.kinds is not None:
            rule &= pl.any_horizontal(
                pl.col("level_kinds").list.contains(kind) for kind in sorted(self.kinds)
            )
        if self.but is not None:
            rule &= pl.col("date") != self.but
        return rule


def setups(root: Path, features: Sequence[str] = ()) -> pl.DataFrame:
    """All setups of a root, sorted by setup_id: own columns, `symbol`, `date`, some features and summaries.

    The keys are read off the setup_id. A partition made before a feature existed has null there.
    """
    tables = ("gold.setups", "gold.summaries") if _summaries(features) else ("gold.setups",)
    return frozen([source for table in tables for source in store.partitions(root, table)], features)


def frozen(sources: Iterable[Partition], features: Sequence[str] = ()) -> pl.DataFrame:
    """The same of some partitions of gold.setups and gold.summaries."""
    by_table: dict[str, list[Partition]] = {"gold.setups": [], "gold.summaries": []}
    for source in sources:
        by_table[source.table].append(source)
    name = pl.col("setup_id").str.split("/")
    keys = {"symbol": name.list.get(0), "date": name.list.get(1).str.to_date()}
    made = _summaries(features)
    own = [feature for feature in features if feature not in made]
    found = _scan(by_table["gold.setups"], {**SETUPS.schema, **dict.fromkeys(own, pl.Float64())})
    if made:
        schema = {"setup_id": SETUPS.schema["setup_id"], **dict.fromkeys(made, pl.Float32())}
        told = _scan(by_table["gold.summaries"], schema)
        found = found.join(told, on="setup_id", how="left", maintain_order="left")
    return found.with_columns(**keys).sort("setup_id").collect(engine="in-memory")


def _summaries(features: Sequence[str]) -> list[str]:
    return [feature for feature in features if feature in catalog.load().summaries] if features else []


def snapshots(root: Path, setups: pl.DataFrame, features: Sequence[str] = ()) -> pl.LazyFrame:
    """gold.snapshots of some setups: own columns and some features."""
    schema = {**SNAPSHOTS.schema, **dict.fromkeys(features, pl.Float64())}
    of = set(setups["setup_id"].str.split("/").list.head(2).list.join("/"))
    parts = store.partitions(root, "gold.snapshots")
    named = [source for source in parts if "/".join(value for _, value in source.keys) in of]
    return _scan(named, schema).join(setups.select("setup_id").lazy(), on="setup_id", how="semi")


def outcomes(root: Path, scheme: str = DEFAULT_SCHEME) -> pl.DataFrame:
    """Outcomes of all setups under one scheme, sorted by setup and horizon."""
    return followed(store.partitions(root, "gold.outcomes"), scheme)


def followed(sources: Iterable[Partition], scheme: str = DEFAULT_SCHEME) -> pl.DataFrame:
    """The same of some partitions."""
    found = _scan(sources, OUTCOMES.schema).filter(pl.col("scheme") == scheme)
    return found.sort("setup_id", "horizon_s").collect(engine="in-memory")


def starts(setups: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Outcomes of some setups with their starts: what `barrier.factors` learns from."""
    own = setups.select("setup_id", "date", "x0", "sigma_60")
    told = outcomes.select("setup_id", "horizon_s", "outcome", "barrier_pts")
    return told.join(own, on="setup_id", maintain_order="left")


def _scan(sources: Iterable[Partition], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    paths = [store.whole(source) for source in sources]
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(
        paths, schema=dict(schema), glob=False, missing_columns="insert", extra_columns="ignore"
    )
