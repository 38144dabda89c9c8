"""Turn declared features into lazy queries; the only place that knows windows, nulls and directions."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable

import polars as pl

from warehouse import catalog, frames, inputs
from warehouse.catalog import LOOKBACK
from warehouse.declared import GRAINS, Feature, Grain, Measure
from warehouse.errors import DeclarationError
from warehouse.frames import Tables
from warehouse.plan.arrivals import at_setups, of_bars
from warehouse.plan.layers import added, with_features
from warehouse.plan.reach import leaves, ordered
from warehouse.plan.ways import GIVEN

__all__ = [
    "added",
    "at_setups",
    "families",
    "family",
    "fingerprint",
    "grain",
    "of_bars",
    "reads",
    "tables",
]


def families() -> list[str]:
    """Every family, sorted."""
    return catalog.load().families()


def grain(family: str) -> Grain:
    """What a row of a family is: a bar, a bar at a level, or a setup."""
    return max((feature.grain for feature in _declared(family)), key=GRAINS.index)


def reads(family: str) -> tuple[str, ...]:
    """Tables that a family needs, by their short names: book, ladder, levels, profile."""
    wanted = _declared(family)
    given = GIVEN if grain(family) == "setup" else ()
    columns, measures = _read(ordered(wanted, given))
    level = {"levels"} if grain(family) == "level" else set()
    return tuple(sorted(level | frames.tables_of(columns, measures)))


@functools.cache
def fingerprint(family: str) -> str:
    """Changes with what a family computes, not with how it is described."""
    made = ordered(_declared(family), ())
    columns, measures = _read(made)
    digest = hashlib.sha256(repr((pl.__version__, reads(family), grain(family))).encode())
    for feature in sorted(made, key=lambda one: one.name):
        said = (feature.name, feature.window, feature.bounds, feature.faced, feature.grain)
        told = (*said, str(feature.dtype))
        digest.update(repr(told).encode() + feature.expr.meta.serialize())
    for measure in sorted(measures, key=lambda one: one.name):
        digest.update(
            repr((measure.name, measure.grain, measure.absent)).encode() + measure.expr.meta.serialize()
        )
    constants = [(name, inputs.CONSTANTS[name][0]) for name in sorted(columns) if name in inputs.CONSTANTS]
    digest.update(repr(constants).encode())
    return digest.hexdigest()


_reads = functools.cache(reads)


def family(name: str, tables: Tables) -> pl.LazyFrame:
    """A family of bars or of bars at levels: its key (`bar_ts`, or `level_id, bar_ts`) and its features.

    Args:
        name: The family.
        tables: Tables of one symbol and date by their short names.

    Raises:
        DeclarationError: If there is no such family, or its features exist only at setups.
    """
    wanted, row = _declared(name), grain(name)
    if row == "setup":
        raise DeclarationError(f"the features of `{name}` exist only at setups: use at_setups")
    key = ("level_id", "bar_ts")[row == "bar" :]
    return _made(wanted, tables).select(*key, *(feature.name for feature in wanted))


def tables(names: Collection[str]) -> set[str]:
    """Tables that features need, by their short names."""
    return {table for name in {catalog.load()[one].family for one in names} for table in _reads(name)}


def _made(wanted: list[Feature], tables: Tables) -> pl.LazyFrame:
    """Bars, or bars at levels, with the wanted features and those they read."""
    made = ordered(wanted, ())
    columns, measures = _read(made)
    if all(feature.grain == "bar" for feature in wanted):
        return with_features(frames.bars(tables, columns, measures), made, None)
    below = [feature for feature in made if feature.grain == "bar"]
    sums = _of_levels(measures)
    columns |= {"tick_px"} if sums else set()  # only they place prices on the ladder's grid
    bars = with_features(frames.bars(tables, columns, measures), below, None)
    frame = frames.at_levels(bars, tables["levels"], LOOKBACK)
    frame = frames.with_measures(frame, tables, sums)
    return with_features(frame, [feature for feature in made if feature.grain != "bar"], "level_id")


def _read(made: Iterable[Feature]) -> tuple[set[str], list[Measure]]:
    """Columns of tables and measures that features read."""
    return leaves(name for feature in made for name in feature.inputs)


def _of_levels(measures: Iterable[Measure]) -> list[Measure]:
    return [measure for measure in measures if measure.grain == "level"]


def _declared(family: str) -> list[Feature]:
    found = catalog.load().family(family)
    if not found:
        raise DeclarationError(f"there is no family `{family}`: the families are {', '.join(families())}")
    return found
