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
        why: Share of setups with a null of each reason.
    """

    family: str
    features: int
    nulls: float
    why: dict[str, float]


@dataclass(frozen=True, slots=True)
class Liveness:
    """Every family, and each column that is constant or a duplicate with what it is."""

    setups: int
    families: list[Family]
    idle: dict[str, str]


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
    families = [name for name in known.families() if reasons.name(name) in rows.columns]
    if rows.is_empty() or not families:
        return None
    made = [_family(rows, name) for name in families]
    names = [one.name for name in families for one in known.family(name) if one.name in rows.columns]
    return Liveness(len(rows), made, dict(_idle(rows, names)))


def to_text(found: Liveness) -> Iterator[str]:
    """A line a family, and one for each column that says nothing of its own."""
    yield f"nulls at {found.setups:,} setups" + "".join(f"{reason:>13}" for reason in reasons.REASONS)
    for each in found.families:
        shares = "".join(f"{each.why[reason]:>13.1%}" for reason in reasons.REASONS)
        yield f"{each.family:<14} {each.features:>4} {each.nulls:>7.1%}{shares}"
    whole = sum(each.features for each in found.families)
    yield f"{len(found.idle)} of {whole} columns are constant or duplicates ({len(found.idle) / whole:.1%})"
    yield from (f"  {name.removeprefix(PREFIX)}: {why}" for name, why in found.idle.items())


def _family(rows: pl.DataFrame, family: str) -> Family:
    names = [one.name for one in catalog.load().family(family) if one.name in rows.columns]
    nulls = sum(rows[name].null_count() for name in names) / (len(rows) * max(1, len(names)))
    [why] = rows.select(**reasons.told(pl.col(reasons.name(family)))).mean().to_dicts()
    return Family(family, len(names), nulls, why)


def _idle(rows: pl.DataFrame, names: list[str]) -> Iterator[tuple[str, str]]:
    seen: dict[tuple[int, ...], list[str]] = {}
    for name in names:
        column = rows[name]
        if column.drop_nulls().n_unique() <= 1:
            yield name, _constant(rows, name)
            continue
        alike = seen.setdefault((column.null_count(), *column.hash().head(8).to_list()), [])
        if twin := next((other for other in alike if rows[other].equals(column)), None):
            yield name, f"the same as {twin.removeprefix(PREFIX)}"
        alike.append(name)


def _constant(rows: pl.DataFrame, name: str) -> str:
    values = rows[name].drop_nulls()
    if len(values):
        return f"{values[0]} wherever it is known"
    bits = pl.col(reasons.name(catalog.load()[name].family))
    held = rows.select(**reasons.told(bits)).mean().to_dicts()[0]
    return f"never known, of its family: {max(held, key=lambda reason: held[reason])}"
