"""Turn declared features into lazy queries; the only place that knows windows, nulls and directions."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable
from itertools import pairwise

import polars as pl

from warehouse import catalog, frames, inputs, mirror
from warehouse.catalog import LOOKBACK
from warehouse.declared import GRAINS, Feature, Grain, Measure
from warehouse.errors import DeclarationError
from warehouse.frames import Tables
from warehouse.schema import BAR_NS

_ENTITY = "entity"
"""Key of a level with a direction, over whose bars windows run."""
_GIVEN = ("sigma_60",)
"""Features that a setup brings along, frozen, rather than has made again."""
_LOOKBACKS = (40, LOOKBACK)
"""Features of a setup that need up to so many bars are made together, over no more bars than they need."""
_FEWEST = 2
"""Bars at least: in a frame of one row polars divides by multiplying, and the last bit differs."""


def families() -> list[str]:
    """Every family, sorted."""
    return catalog.load().families()


def grain(family: str) -> Grain:
    """What a row of a family is: a bar, a bar at a level, or a setup."""
    return max((feature.grain for feature in _declared(family)), key=GRAINS.index)


def reads(family: str) -> tuple[str, ...]:
    """Tables that a family needs, by their short names: book, ladder, levels, profile."""
    wanted = _declared(family)
    given = _GIVEN if grain(family) == "setup" else ()
    columns, measures = _leaves(_ordered(wanted, given))
    level = {"levels"} if grain(family) == "level" else set()
    return tuple(sorted(level | frames.tables_of(columns, measures)))


@functools.cache
def fingerprint(family: str) -> str:
    """Changes with what a family computes, not with how it is described."""
    made = _ordered(_declared(family), ())
    columns, measures = _leaves(made)
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
    key = ("bar_ts",) if row == "bar" else ("level_id", "bar_ts")
    return _made(wanted, tables).select(*key, *(feature.name for feature in wanted))


def tables(names: Collection[str]) -> set[str]:
    """Tables that features need, by their short names."""
    return {table for name in {catalog.load()[one].family for one in names} for table in reads(name)}


def at_setups(triggers: pl.DataFrame, tables: Tables, names: Collection[str] | None = None) -> pl.DataFrame:
    """Features of trigger bars: market-wide, about the level, and in the direction of travel.

    Args:
        triggers: setup_id, level_price, trigger_ts (start of the bar), direction (UP or DOWN), sigma_60.
        tables: Tables of one symbol and date by their short names; later bars change nothing.
        names: The features; default every one.

    Returns:
        One row per trigger, in their order: setup_id and the features that are not columns of `triggers`.
    """
    asked = catalog.load().keys() if names is None else names
    wanted = [one for name, one in catalog.load().items() if name in asked and name not in triggers.columns]
    starts = triggers.lazy().select(
        "setup_id",
        "sigma_60",
        bar_ts="trigger_ts",
        level_px="level_price",
        d=pl.when(pl.col("direction") == "UP").then(1.0).otherwise(-1.0),
        entity=pl.struct("level_price", "direction").rank("dense"),
    )
    made = [one for one in wanted if one.family != "volatility"]
    found = starts.select("setup_id").collect(engine="in-memory")
    for shorter, longest in pairwise((0, *_LOOKBACKS)):
        if alike := [one for one in made if shorter < _reach(one.name) <= longest]:
            bars = max(_FEWEST, *(_reach(one.name) for one in alike))
            found = found.hstack(_alike(starts, tables, alike, bars))
    return found.select(
        "setup_id", *(one.name for side in (False, True) for one in made if one.faced is side)
    )


def _alike(starts: pl.LazyFrame, tables: Tables, wanted: list[Feature], bars: int) -> pl.DataFrame:
    """Features that need so many bars, a row per start."""
    made = _ordered(wanted, _GIVEN)
    columns, measures = _leaves(made)
    history = _history(starts, tables, columns, measures, bars)
    frame = history.join(
        starts.select(_ENTITY, "bar_ts", "sigma_60").unique([_ENTITY, "bar_ts"]),
        on=[_ENTITY, "bar_ts"], how="left", maintain_order="left",
    ).collect(engine="in-memory").lazy()  # fmt: skip
    found = starts.select(_ENTITY, "bar_ts")
    for view, side in ((frame, False), (mirror.facing(frame, measures), True)):
        those = [one for one in wanted if one.faced is side]
        part = _with_features(view, _ordered(those, _GIVEN), _ENTITY)
        part = part.select(_ENTITY, "bar_ts", *(one.name for one in those))
        found = found.join(part, on=[_ENTITY, "bar_ts"], how="left", maintain_order="left")
    return found.drop(_ENTITY, "bar_ts").collect(engine="in-memory")


def added(frame: pl.LazyFrame, features: Collection[Feature], key: str | None) -> pl.LazyFrame:
    """The frame with features whose inputs it has: windows stay within `key`, what is not finite is null."""
    real = [pl.col(one.name) for one in features if one.dtype.is_float()]
    return frame.with_columns(_column(one, key) for one in features).with_columns(
        # on the made column: inside its expression it would double what the optimiser has to read
        pl.when(made.is_finite()).then(made)
        for made in real
    )


def _column(feature: Feature, key: str | None) -> pl.Expr:
    expr = feature.expr if feature.window == 1 or key is None else feature.expr.over(key)
    return expr.cast(feature.dtype).alias(feature.name)


def _made(wanted: list[Feature], tables: Tables) -> pl.LazyFrame:
    """Bars, or bars at levels, with the wanted features and those they read."""
    made = _ordered(wanted, ())
    columns, measures = _leaves(made)
    if all(feature.grain == "bar" for feature in wanted):
        return _with_features(frames.bars(tables, columns, measures), made, None)
    below = [feature for feature in made if feature.grain == "bar"]
    sums = _of_levels(measures)
    # Only sums over the ladder place prices on its grid, so only they need its tick.
    columns |= {"tick_px"} if sums else set()
    bars = _with_features(frames.bars(tables, columns, measures), below, None)
    frame = frames.at_levels(bars, tables["levels"], LOOKBACK)
    frame = frames.with_measures(frame, tables, sums)
    return _with_features(frame, [feature for feature in made if feature.grain != "bar"], "level_id")


def _history(
    starts: pl.LazyFrame, tables: Tables, columns: set[str], measures: list[Measure], bars: int = LOOKBACK
) -> pl.LazyFrame:
    """The last `bars` bars of every trigger, by level, direction and time."""
    back = pl.int_ranges((1 - bars) * BAR_NS, BAR_NS, BAR_NS)
    keys = (
        starts.select(_ENTITY, "level_px", "d", "bar_ts", back=back)
        .explode("back")
        .select(_ENTITY, "level_px", "d", bar_ts=pl.col("bar_ts") + pl.col("back").cast(pl.Duration("ns")))
        .unique()
        .sort(_ENTITY, "bar_ts")
    )
    ends = keys.select(first=pl.col("bar_ts").min(), last=pl.col("bar_ts").max())
    first, last = ends.collect(engine="in-memory").row(0)
    near = {
        name: table.filter(pl.col("bar_ts").is_between(first, last)) if name in {"book", "ladder"} else table
        for name, table in tables.items()
    }
    frame = keys.join(frames.bars(near, columns | {"tick_px"}, measures), on="bar_ts", maintain_order="left")
    return frames.with_measures(frame, near, _of_levels(measures))


@functools.cache
def _reach(name: str) -> int:
    """Bars that a column needs at a setup, its own included, as far as a setup looks back."""
    one = catalog.load().get(name)
    if one is None or name in _GIVEN:
        return 1
    bars = one.needs or (one.window or LOOKBACK) - 1 + max(map(_reach, one.inputs))
    return min(bars, LOOKBACK)


def _with_features(frame: pl.LazyFrame, made: list[Feature], key: str | None) -> pl.LazyFrame:
    """Add features in layers, each reading only what the ones before made."""
    pending = made
    while pending:
        missing = {feature.name for feature in pending}
        layer = [feature for feature in pending if missing.isdisjoint(feature.inputs)]
        frame = added(frame, layer, key)
        pending = [feature for feature in pending if not missing.isdisjoint(feature.inputs)]
    return frame


def _ordered(wanted: Iterable[Feature], given: Collection[str]) -> list[Feature]:
    """The wanted features and all that they read, but for the given ones; what is read comes first."""
    known = catalog.load()
    found: dict[str, Feature] = {}

    def visit(feature: Feature) -> None:
        for name in feature.inputs:
            if name in known and name not in found and name not in given:
                visit(known[name])
        found.setdefault(feature.name, feature)

    for feature in wanted:
        visit(feature)
    return list(found.values())


def _leaves(made: Iterable[Feature]) -> tuple[set[str], list[Measure]]:
    """Columns of tables and measures that features read, and those that they become when reflected."""
    known = catalog.load()
    names = {name for feature in made for name in feature.inputs if name not in known}
    names |= {twin for name in names if (column := known.column(name)) and (twin := column.swap)}
    return names - known.measures.keys(), [
        known.measures[name] for name in sorted(names & known.measures.keys())
    ]


def _of_levels(measures: Iterable[Measure]) -> list[Measure]:
    return [measure for measure in measures if measure.grain == "level"]


def _declared(family: str) -> list[Feature]:
    found = catalog.load().family(family)
    if not found:
        raise DeclarationError(f"there is no family `{family}`: the families are {', '.join(families())}")
    return found
