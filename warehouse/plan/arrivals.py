"""Features of moments, each made from the bars before it and from no more of them than it needs.

A history is walked in steps from all of its bars to the moment alone: what is asked of the moment only is
made of the moment's rows, once the rows that longer windows needed are gone.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

import polars as pl

from warehouse import catalog, frames, pieces
from warehouse.declared import Feature
from warehouse.frames import Tables
from warehouse.mirror import facing
from warehouse.plan.layers import with_features
from warehouse.plan.reach import both_ways, depths, history, leaves, ordered, rows, steps
from warehouse.schema import BAR_NS

ENTITY = "entity"
"""Key of a level with a direction, over whose bars windows run."""
GIVEN = ("sigma_60",)
"""Features that a moment brings along, frozen, rather than has made again."""
_FEW = 500
"""Rows up to which planning takes longer than making."""
_PLAIN = pl.QueryOptFlags.none()
_KEYS = (ENTITY, "bar_ts", "age", "level_px", "d", "tick_px", "sigma_60")


def at_setups(triggers: pl.DataFrame, tables: Tables, names: Collection[str] | None = None) -> pl.DataFrame:
    """Features of trigger bars: market-wide, about the level, and in the direction of travel.

    Args:
        triggers: setup_id, level_price, trigger_ts (start of the bar), direction (UP or DOWN), sigma_60.
        tables: Tables of one symbol and date by their short names; later bars change nothing.
        names: The features; default every one.

    Returns:
        One row per trigger, in their order: setup_id and the features that are not columns of `triggers`.
    """
    asked = frozenset(catalog.load() if names is None else names).difference(triggers.columns)
    starts = triggers.lazy().select(
        "setup_id",
        "sigma_60",
        bar_ts="trigger_ts",
        level_px="level_price",
        d=pl.when(pl.col("direction") == "UP").then(1.0).otherwise(-1.0),
        entity=pl.struct("level_price", "direction").rank("dense"),
    )
    turns = "DOWN" in triggers["direction"]
    bars, routes = _routes(asked, catalog.load().features(), turns=turns)
    frame = _bars_before(starts, bars)
    near = _near(frame, tables, {name for route in routes for name in route.reads(bars, 0)})
    tick = frames.tick(near).collect(engine="in-memory")
    near["tick"] = tick.lazy()
    frame = frame.join(tick, how="cross").with_columns(frames.in_rows("tick_px", pl.col("tick_px")))
    views = [pl.DataFrame() for _ in routes]
    for step, after in steps(bars, len(triggers)):
        frame = frame.filter(pl.col("age") < step)
        found = _read(frame, near, {name for route in routes for name in route.reads(step, after)})
        views = [route.walk(view, found, step, after) for route, view in zip(routes, views, strict=True)]
    told = starts.select("setup_id", ENTITY, "bar_ts").collect(engine="in-memory")
    for route, view in zip(routes, views, strict=True):
        told = told.join(route.values(view), on=[ENTITY, "bar_ts"], how="left", maintain_order="left")
    return told.drop(ENTITY, "bar_ts")


@functools.lru_cache(8)
def _routes(asked: frozenset[str], declared: tuple[Feature, ...], *, turns: bool) -> tuple[int, list[_Route]]:
    """Bars that features need, and how they are made of the tape as it lies and, where it turns, faced."""
    known = catalog.load()
    so_far = {one.name for one in known.family("volatility") if known.reach_of(one) is None}
    made = [one for one in declared if one.name in asked and one.name not in so_far]
    ways = [[one for one in made if one.faced is way] for way in (False, True)]
    bars = history(made)
    if not turns:
        return bars, [_Route([*ways[0], *ways[1]], bars, faced=False)]
    return bars, [_Route(wanted, bars, faced=way) for way, wanted in zip((False, True), ways, strict=True)]


class _Route:
    """How features are made of the bars before moments, as these lie or in the direction of travel."""

    def __init__(self, wanted: list[Feature], bars: int, *, faced: bool) -> None:
        self._wanted, self._faced = [one.name for one in wanted], faced
        self._made = ordered(wanted, GIVEN)
        asked = depths(wanted, self._made)
        self._needs = {one.name: min(rows(one, asked), bars) for one in self._made}
        self._asked = {name: min(back, bars) for name, back in both_ways(asked).items() if name not in _KEYS}

    def reads(self, step: int, after: int) -> set[str]:
        """Columns of tables, and measures, that are first read at a step."""
        return {name for name, back in self._asked.items() if after < back <= step}

    def walk(self, frame: pl.DataFrame, found: pl.DataFrame, step: int, after: int) -> pl.DataFrame:
        """Take a step: leave the rows beyond it, add the columns found for it, make the features due."""
        columns, measures = leaves(self.reads(step, after))
        fresh = sorted(columns) + [one.name for one in measures]
        turned = facing(found.lazy(), measures) if self._faced else found.lazy()
        new = turned.select(pl.col([*_KEYS, *fresh])).collect(engine="in-memory", optimizations=_PLAIN)
        if self._faced:
            new = new.with_columns(d=pl.lit(1.0))
        old = frame.filter(pl.col("age") < step).drop(_KEYS) if frame.width else frame
        due = [one for one in self._made if after < self._needs[one.name] <= step]
        later = {name for one in self._made if self._needs[one.name] <= after for name in one.inputs}
        later.update(_KEYS, self._wanted)
        whole = new.hstack(old)
        kept = [name for name in (*whole.columns, *(one.name for one in due)) if name in later]
        few = whole.height <= _FEW
        added = pieces.with_features(whole.lazy(), due) if few else with_features(whole.lazy(), due, None)
        made = added.select(pl.col(kept))
        return made.collect(engine="in-memory", optimizations=_PLAIN)

    def values(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The wanted features at their moments."""
        return frame.filter(pl.col("age") == 0).select(pl.col([ENTITY, "bar_ts", *self._wanted]))


def _bars_before(starts: pl.LazyFrame, bars: int) -> pl.DataFrame:
    """The last `bars` bars of every moment, by level, direction and time, `age` bars ahead of one."""
    moments = starts.select(ENTITY, "bar_ts", "sigma_60").unique([ENTITY, "bar_ts"])
    back = pl.duration(nanoseconds=pl.col("age") * BAR_NS)
    keys = starts.select(ENTITY, "level_px", "d", "bar_ts", age=pl.int_ranges(0, bars)).explode("age")
    return (
        keys.with_columns(bar_ts=pl.col("bar_ts") - back)
        .group_by(ENTITY, "bar_ts")
        .agg(pl.col("level_px", "d").first(), pl.col("age").min())
        .sort(ENTITY, "bar_ts")
        .join(moments, on=[ENTITY, "bar_ts"], how="left", maintain_order="left")
        .collect(engine="in-memory")
    )


def _near(frame: pl.DataFrame, tables: Tables, names: Iterable[str] | None = None) -> dict[str, pl.LazyFrame]:
    """The tables with book and ladder cut to the bars of a frame, and to what is read of them, and read."""
    span = pl.col("bar_ts").is_between(frame["bar_ts"].min(), frame["bar_ts"].max())
    cut = {name: tables[name].filter(span) for name in ("book", "ladder") if name in tables}
    if names is not None:
        cut["book"] = cut["book"].select(frames.of_book(leaves(names)[0]))
    read = pl.collect_all(cut.values(), engine="in-memory")
    return {**tables, **{name: table.lazy() for name, table in zip(cut, read, strict=True)}}


def _read(frame: pl.DataFrame, near: Tables, names: Iterable[str]) -> pl.DataFrame:
    """A frame of bars at levels with columns of tables and measures, and their mirror images."""
    columns, measures = leaves(names)
    there = _near(frame, near)
    bars = frames.bars(there, columns, measures).collect(engine="in-memory", optimizations=_PLAIN)
    made = frame.join(bars, on="bar_ts", how="left", maintain_order="left").lazy()
    sums = [measure for measure in measures if measure.grain == "level"]
    summed = frames.with_measures(made, there, sums, few=len(frame) <= _FEW)
    return summed.collect(engine="in-memory", optimizations=_PLAIN)
