"""The frozen setups of a root as one frame, and which of them a question admits."""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import catalog, store
from warehouse.barrier import LEARNT
from warehouse.naming import CUSTOM, NAMED
from warehouse.schema import DEFAULT_SCHEME, OUTCOMES, SETUPS, SNAPSHOTS
from warehouse.session import NEW_YORK, Window
from warehouse.store import Partition

_EVENING_S, _DAY_S = 18 * 3600, 24 * 3600  # a trading date begins on the evening before


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a moment must have in common with the question's beyond level and direction.

    Args:
        hours: Span of New York time, right-open; None any.
        volatility: Least and most that its expected one-minute move may be, in those of the question's
            moment, both included; None any, and then a moment without one is admitted too.
        sigma_60: Expected one-minute move at the question's moment, in points.
    """

    hours: Window | None = None
    volatility: tuple[float, float] | None = None
    sigma_60: float | None = None

    def rules(self) -> list[pl.Expr]:
        """True for rows of `setups`, or of moments beside them, by `known_ts` and `sigma_60`."""
        rules = []
        if self.hours is not None:
            clock = pl.col("known_ts").dt.replace_time_zone("UTC").dt.convert_time_zone(NEW_YORK.key)
            hour, minute, second = (getattr(clock.dt, unit)().cast(pl.Int64) for unit in _UNITS)
            passed = (hour * 3600 + minute * 60 + second - _EVENING_S) % _DAY_S
            rules.append(passed.is_between(_passed(self.hours.start), _passed(self.hours.end), closed="left"))
        if self.volatility is not None and self.sigma_60 is not None:
            low, high = (ratio * self.sigma_60 for ratio in self.volatility)
            rules.append(pl.col("sigma_60").is_between(low, high).fill_null(value=False))
        return rules


_UNITS = ("hour", "minute", "second")


def _passed(time: dt.time) -> int:
    """Seconds of a trading date that have passed at a New York time."""
    return (time.hour * 3600 + time.minute * 60 + time.second - _EVENING_S) % _DAY_S


@dataclass(frozen=True, slots=True)
class Admission:
    """Which setups a question may be compared with; placebos never.

    Args:
        kinds: A setup needs one of these among its kinds; None admits every kind.
        direction: UP or DOWN; None admits both.
        as_of: Only what was resolved by then, ns UTC.
        contracts: Of these contracts.
        but: This date is left out; None leaves none out.
        like: What their moments must have in common with the question's.
    """

    kinds: frozenset[str] | None
    direction: str | None
    as_of: int
    contracts: frozenset[str]
    but: dt.date | None
    like: Likeness = Likeness()

    def standing(self) -> pl.Expr:
        """True for rows of `setups` that are admitted at any time: by level, direction and contract."""
        rule = ~pl.col("is_placebo") & alike(self.kinds, self.direction)
        return (rule & pl.col("symbol").is_in(sorted(self.contracts))).fill_null(value=False)

    def timely(self) -> pl.Expr:
        """True for those that are at this one: resolved by then, of other dates, at moments like it."""
        rule = pl.col("resolved_ts").cast(pl.Int64) <= self.as_of
        if self.but is not None:
            rule &= pl.col("date") != self.but
        return functools.reduce(operator.and_, self.like.rules(), rule.fill_null(value=False))


def alike(kinds: Collection[str] | None, direction: str | None) -> pl.Expr:
    """True for setups at some kinds of level, or at any, that price came to from a side, or from either."""
    rule = pl.lit(value=True) if direction is None else pl.col("direction") == direction
    if kinds == NAMED:
        # one look for the kind without a name is faster than one for each
        theirs = pl.col("level_kinds").list
        rule &= theirs.len() > theirs.contains(CUSTOM).cast(pl.UInt32)
    elif kinds is not None:
        rule &= pl.any_horizontal(pl.col("level_kinds").list.contains(kind) for kind in sorted(kinds))
    return rule


def as_up(slots: Iterable[str]) -> Iterator[pl.Expr]:
    """Slots of vectors as they are when the travel is up: of DOWN setups those of the mirror image."""
    for slot in slots:
        source, sign = catalog.load().seen_down(slot)
        if (source, sign) != (slot, 1):
            down = pl.col(source) if sign > 0 else 0.0 - pl.col(source)
            yield pl.when(pl.col("direction") == "DOWN").then(down).otherwise(slot).alias(slot)


def setups(root: Path, features: Sequence[str] = ()) -> pl.DataFrame:
    """All setups of a root, sorted by setup_id: own columns, `symbol`, `date`, some features and summaries.

    The keys are read off the setup_id. A partition made before a feature existed has null there. Features
    are as when the travel is up, so that either direction can be held against the other; the mirror image of
    one has to be among them.
    """
    tables = ("gold.setups", "gold.summaries") if summaries(features) else ("gold.setups",)
    return frozen([source for table in tables for source in store.partitions(root, table)], features)


def frozen(sources: Iterable[Partition], features: Sequence[str] = ()) -> pl.DataFrame:
    """The same of some partitions of gold.setups and gold.summaries."""
    by_table: dict[str, list[Partition]] = {"gold.setups": [], "gold.summaries": []}
    for source in sources:
        by_table[source.table].append(source)
    name = pl.col("setup_id").str.split("/")
    keys = {"symbol": name.list.get(0), "date": name.list.get(1).str.to_date()}
    made = summaries(features)
    own = [feature for feature in features if feature not in made]
    found = scan(by_table["gold.setups"], {**SETUPS.schema, **dict.fromkeys(own, pl.Float64())})
    if made:
        schema = {"setup_id": SETUPS.schema["setup_id"], **dict.fromkeys(made, pl.Float32())}
        told = scan(by_table["gold.summaries"], schema)
        found = found.join(told, on="setup_id", how="left", maintain_order="left")
    turned = found.with_columns(as_up(features))
    return turned.with_columns(**keys).sort("setup_id").collect(engine="in-memory")


def summaries(features: Sequence[str]) -> list[str]:
    """Those of some features that are columns of gold.summaries."""
    return [feature for feature in features if feature in catalog.load().summaries] if features else []


def snapshots(root: Path, features: Sequence[str] = ()) -> pl.LazyFrame:
    """gold.snapshots of all setups: own columns and some features, as they are for the direction frozen.

    `vectors` compares them as when the travel is up: see `as_up`, which needs the setup's direction.
    """
    schema = {**SNAPSHOTS.schema, **dict.fromkeys(features, pl.Float64())}
    return scan(store.partitions(root, "gold.snapshots"), schema)


def outcomes(root: Path, scheme: str = DEFAULT_SCHEME) -> pl.DataFrame:
    """Outcomes of all setups under one scheme, sorted by setup and horizon."""
    return followed(store.partitions(root, "gold.outcomes"), scheme)


def followed(sources: Iterable[Partition], scheme: str = DEFAULT_SCHEME) -> pl.DataFrame:
    """The same of some partitions."""
    found = scan(sources, OUTCOMES.schema).filter(pl.col("scheme") == scheme)
    return found.sort("setup_id", "horizon_s").collect(engine="in-memory")


def starts(setups: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Outcomes of some setups with their starts: what `barrier.calibrations` learns from."""
    own = setups.select("setup_id", "date", *LEARNT)
    told = outcomes.select("setup_id", "horizon_s", "outcome", "barrier_pts")
    return told.join(own, on="setup_id", maintain_order="left")


def scan(sources: Iterable[Partition], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Some columns of partitions of one table; a partition made before there was one has null there."""
    paths = [store.whole(source) for source in sources]
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(
        paths, schema=dict(schema), glob=False, missing_columns="insert", extra_columns="ignore"
    )
