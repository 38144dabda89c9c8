"""Which features live: shares of nulls by reason, and columns that say nothing or the same as another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import catalog, reasons, store
from warehouse.catalog import PREFIX

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
class Liveness:
    """Every family, and each column that is constant or a duplicate."""

    setups: int
    families: list[Family]
    idle: dict[str, Idle]


def liveness(root: Path) -> Liveness | None:
    """Look at the features of every setup of a root that is no placebo; None without one of the kind."""
    paths = [part.path for part in store.partitions(root, "gold.setups")]
    if not paths:
        return None
    rows = pl.concat((pl.read_parquet(path, glob=False) for path in paths), how="diagonal_relaxed")
    return of(rows.filter(~pl.col(_PLACEBO)))


def of(rows: pl.DataFrame) -> Liveness | None:
    """The liveness of features in setups; None where there are none of both."""
    known = catalog.load()
    there = {
        family: [one.name for one in known.family(family) if one.name in rows.columns]
        for family in known.families()
    }
    there = {family: names for family, names in there.items() if names}
    if rows.is_empty() or not there:
        return None
    families = [_family(rows, *one) for one in there.items()]
    return Liveness(len(rows), families, _idle(rows, [name for names in there.values() for name in names]))


def to_text(found: Liveness) -> Iterator[str]:
    """A line a family, and one for each column that says nothing of its own."""
    yield f"nulls at {found.setups:,} setups" + "".join(f"{reason:>13}" for reason in reasons.REASONS)
    for each in found.families:
        shares = "".join(f"{each.why[reason]:>13.1%}" for reason in each.why)
        yield f"{each.family:<14} {each.features:>4} {each.nulls:>7.1%}{shares}"
    whole = sum(each.features for each in found.families)
    strange = sum(not one.why for one in found.idle.values())
    yield (
        f"{len(found.idle)} of {whole} columns are constant or duplicates ({len(found.idle) / whole:.1%}), "
        f"{strange} without a reason"
    )
    for name, one in found.idle.items():
        yield f"  {name.removeprefix(PREFIX)}: {one.what}" + (f" ({one.why})" if one.why else "")


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
