"""Which features live: shares of nulls by reason, and columns that say nothing or the same as another."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import catalog, plan, reasons, session, store
from warehouse.catalog import PREFIX
from warehouse.store import Partition

WIDTH = 80
MOMENTS = 1024
"""Moments of a session, evenly over it, at which its columns are judged at most."""
_PLACEBO = "is_placebo"


@dataclass(frozen=True, slots=True)
class Family:
    """One family at the setups of a root.

    Args:
        family: Its name.
        features: How many it has.
        nulls: Share of its values that are null.
        why: Share of setups with a null of each reason; empty of families that reasons are read from.
    """

    family: str
    features: int
    nulls: float
    why: dict[str, float]


@dataclass(frozen=True, slots=True)
class Idle:
    """A column that says nothing of its own.

    Args:
        what: The one value that it has, or the column that it equals.
        why: As it is declared, or why it is null where it is; empty if neither is known.
    """

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Session:
    """What the columns of a session say, at moments about its arrivals.

    Args:
        date: Of the session.
        symbol: The contract.
        source: The schema that it was landed from.
        setups: Arrivals of the session, those at placebos too.
        moments: Moments about them at which every feature was made.
        columns: How many features there are.
        idle: Each that is constant or a duplicate there.
    """

    date: str
    symbol: str
    source: str
    setups: int
    moments: int
    columns: int
    idle: dict[str, Idle]


@dataclass(frozen=True, slots=True)
class Liveness:
    """Every family at the setups of a root, and every column on its last session; null without snapshots."""

    setups: int
    families: list[Family]
    session: Session | None


def liveness(root: Path) -> Liveness | None:
    """Look at the features of every setup of a root that is no placebo; None without one of the kind."""
    paths = [part.path for part in store.partitions(root, "gold.setups")]
    if not paths:
        return None
    rows = pl.concat((pl.read_parquet(path, glob=False) for path in paths), how="diagonal_relaxed")
    real = rows.filter(~pl.col(_PLACEBO))
    if not (found := families(real)):
        return None
    frozen = [part for part in store.partitions(root, "gold.snapshots") if part.path.exists()]
    by_date = sorted(frozen, key=lambda part: (dict(part.keys)["date"], part.path), reverse=True)
    return Liveness(
        len(real), found, next((one for part in by_date if (one := of_session(part, rows))), None)
    )


def families(setups: pl.DataFrame) -> list[Family]:
    """Every family that is in setups; none where there are no setups."""
    if setups.is_empty():
        return []
    known = catalog.load()
    there = {name: [one.name for one in known.family(name)] for name in known.families()}
    held = {family: [name for name in names if name in setups.columns] for family, names in there.items()}
    return [_family(setups, family, names) for family, names in held.items() if names]


def of_session(snapshots: Partition, setups: pl.DataFrame) -> Session | None:
    """Every feature of a session, made at the moments of its snapshots, or at evenly many of them.

    None of a session without arrivals, or without one of the tables that features are made from.

    At the arrivals alone price has just come to its level, so that what lies beyond it is the same at
    each: from five minutes before to four minutes after, price is wherever it goes.

    Args:
        snapshots: gold.snapshots of a contract and date.
        setups: gold.setups, of that date or more.
    """
    own = ("setup_id", "level_price", "direction", "source")
    rows = pl.read_parquet(snapshots.path, glob=False, columns=["setup_id", "tau_s", "bar_ts", "sigma_60"])
    every = rows.join(setups.select(own), on="setup_id").sort("bar_ts", "setup_id", "tau_s")
    sources = _sources(snapshots)
    if every.is_empty() or not all(source.path.exists() for source in sources.values()):
        return None
    count = min(len(every), MOMENTS)
    at = every[[len(every) * place // count for place in range(count)]].with_columns(
        setup_id=pl.concat_str("setup_id", pl.lit("@"), pl.col("tau_s").cast(pl.String)), trigger_ts="bar_ts"
    )
    there = {name: store.scan([source]) for name, source in sources.items()}
    made = at.select("sigma_60").hstack(plan.at_setups(at, there))
    columns = [name for name in catalog.load() if name in made.columns]
    keys = dict(snapshots.keys)
    return Session(
        keys["date"],
        keys["symbol"],
        at["source"][0],
        every["setup_id"].n_unique(),
        len(at),
        len(columns),
        idle(reasons.beside(made)),
    )


def idle(rows: pl.DataFrame) -> dict[str, Idle]:
    """Features that are constant or duplicates, with why.

    Args:
        rows: Moments, with features and the reasons of their nulls.
    """
    return _idle(rows, [name for name in catalog.load() if name in rows.columns])


def to_text(found: Liveness) -> Iterator[str]:
    """A line a family, then the columns that say nothing of their own, by their reasons."""
    yield f"nulls at {found.setups:,} setups" + "".join(f"{reason:>13}" for reason in reasons.REASONS)
    for each in found.families:
        shares = "".join(f"{each.why[reason]:>13.1%}" for reason in each.why)
        yield f"{each.family:<14} {each.features:>4} {each.nulls:>7.1%}{shares}"
    if found.session:
        yield from _told(found.session)


def _told(of: Session) -> Iterator[str]:
    strange, share = sum(not one.why for one in of.idle.values()), len(of.idle) / of.columns
    where = f"{of.symbol} on {of.date} from {of.source}, {of.moments} moments about {of.setups} arrivals"
    yield (
        f"{len(of.idle)} of {of.columns} columns are constant or duplicates ({share:.1%}), "
        f"{strange} without a reason: {where}"
    )
    by: dict[str, list[str]] = {}
    for name, one in of.idle.items():
        short = name.removeprefix(PREFIX)
        by.setdefault(one.why or f"{short}, {one.what}", []).append(short)
    for why, names in by.items():
        yield from textwrap.wrap(f"  {why}: {', '.join(names)}", WIDTH, subsequent_indent="    ")


def _sources(of: Partition) -> dict[str, Partition]:
    """The tables that features are made from, by their short names, of a partition's contract and date."""
    keys = dict(of.keys)
    past = {"product": session.product(keys["symbol"]), "date": keys["date"]}
    named = {name: "volume_profile" if name == "profile" else name for name in plan.tables(catalog.load())}
    return {
        name: store.partition(of.root, f"silver.{table}", **(past if table.endswith("profile") else keys))
        for name, table in named.items()
    }


def _family(rows: pl.DataFrame, family: str, names: list[str]) -> Family:
    nulls = sum(rows[name].null_count() for name in names) / (len(rows) * len(names))
    told, why = reasons.name(family), {}
    if told in rows.columns:
        [why] = rows.select(**reasons.told(pl.col(told))).mean().to_dicts()
    return Family(family, len(names), nulls, why)


def _idle(rows: pl.DataFrame, names: list[str]) -> dict[str, Idle]:
    known, found = catalog.load(), {name: (what, twin) for name, what, twin in _silent(rows, names)}
    asked = [name for name in found if rows[name].null_count()]
    told = [name for name in asked if reasons.name(known[name].family) in rows.columns]
    why = {name: _hidden(rows[name], shares) for name, shares in reasons.of(rows, told).items()}
    why |= {name: said for name, one in found.items() if (said := known[name].idle or known[one[1]].idle)}
    return {name: Idle(what, why.get(name, "")) for name, (what, _) in found.items()}


def _hidden(column: pl.Series, shares: dict[str, float]) -> str:
    """What keeps a column from being known, in words."""
    if not (reason := max(shares, key=lambda one: shares[one])) or not shares[reason]:
        return ""
    return f"null in {column.null_count() / len(column):.0%}: {reason}"


def _silent(rows: pl.DataFrame, names: list[str]) -> Iterator[tuple[str, str, str]]:
    """Columns that have one value, or those of another column: what is said of them, and which that is."""
    seen: dict[tuple[int, ...], list[str]] = {}
    for name in names:
        column = rows[name]
        if (values := column.drop_nulls()).n_unique() <= 1:
            yield name, f"{values[0]} wherever it is known" if len(values) else "never known", name
            continue
        alike = seen.setdefault((column.null_count(), *column.hash().head(8).to_list()), [])
        if twin := next((other for other in alike if rows[other].equals(column)), None):
            yield name, f"the same as {twin.removeprefix(PREFIX)}", twin
        alike.append(name)
