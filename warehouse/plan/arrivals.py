"""Features of moments, each made from the bars before it and from no more of them than it needs.

A history of many moments is walked in steps from all of its bars to the moment alone: what is asked of the
moment only is made of the moment's rows, once the rows that longer windows needed are gone. That of few
moments is walked at once, since of few rows each further query costs more than it spares.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

import polars as pl

from warehouse import catalog, frames
from warehouse.declared import Feature
from warehouse.frames import Tables
from warehouse.mirror import facing, reflected
from warehouse.plan.queries import Queries
from warehouse.plan.reach import history, leaves, steps, stored
from warehouse.plan.ways import ENTITY, Route
from warehouse.schema import BAR_NS, NS

_FEW = 500
"""Rows up to which planning takes longer than making: one history, or a step of a few."""
_OF_BARS = ("book", "ladder")
_STORED = "bars"
"""Table of features that were made before, by bar."""


def at_setups(triggers: pl.DataFrame, tables: Tables, names: Collection[str] | None = None) -> pl.DataFrame:
    """Features of trigger bars: market-wide, about the level, and in the direction of travel.

    Args:
        triggers: setup_id, level_price, trigger_ts (start of the bar), direction (UP or DOWN), sigma_60.
        tables: Tables of one symbol and date by their short names; later bars change nothing. With `bars`,
            whose columns `of_bars` names, what is stored of bars is read from there rather than made again.
        names: The features; default every one.

    Returns:
        One row per trigger, in their order: setup_id and the features that are not columns of `triggers`.
    """
    asked = frozenset(catalog.load() if names is None else names).difference(triggers.columns)
    directions = frozenset(triggers["direction"].unique())
    declared = catalog.load().features()
    given = stored(declared) if _STORED in tables else frozenset[str]()
    return _walk(asked, declared, directions, given).made(triggers, tables)


def of_bars(names: Collection[str], direction: str) -> list[str]:
    """What `at_setups` reads of the table `bars` for some features in a direction of travel, sorted."""
    declared = catalog.load().features()
    walk = _walk(frozenset(names), declared, frozenset({direction}), stored(declared))
    return sorted(walk.stored)


@functools.lru_cache(16)
def _walk(
    asked: frozenset[str], declared: tuple[Feature, ...], directions: frozenset[str], given: frozenset[str]
) -> _Walk:
    """How features are made of the tape as it lies and, where it turns, faced."""
    known = catalog.load()
    so_far = {one.name for one in known.family("volatility") if known.reach_of(one) is None}
    made = [one for one in declared if one.name in asked and one.name not in so_far]
    ways = [[one for one in made if one.faced is way] for way in (False, True)]
    bars = history(made)
    if "DOWN" not in directions:
        return _Walk(bars, [Route([*ways[0], *ways[1]], bars, given)])
    turned = facing if len(directions) > 1 else reflected
    return _Walk(bars, [Route(ways[0], bars, given), Route(ways[1], bars, _exact(given), turned)])


def _exact(given: frozenset[str]) -> frozenset[str]:
    """Features whose mirror image is them to the last bit: a price far from the level is rounded."""
    known = catalog.load()
    return frozenset(name for name in given if known[name].parity != "reflect" and known[name].swap in given)


class _Walk:
    """A history of some bars, walked along routes; what a step does, or all at once, is planned once."""

    def __init__(self, bars: int, routes: list[Route]) -> None:
        self._bars, self._routes, self._queries = bars, routes, Queries()
        self._reads = self._names(bars, 0)
        self.stored = self._of_bars(bars, 0)

    def made(self, triggers: pl.DataFrame, tables: Tables) -> pl.DataFrame:
        """As `at_setups` returns it."""
        near = _near(_span(triggers["trigger_ts"], self._bars), tables, self._reads)
        if len(triggers) * self._bars <= _FEW:
            return self._queries.run(self._at_once, {"triggers": triggers, **near})
        return self._in_steps(triggers, near)

    def _at_once(self, given: Tables) -> pl.LazyFrame:
        """The same of few moments: a query for each step would take longer than its rows."""
        given = {name: frame.cache() for name, frame in given.items()}  # read again and again below
        tick, whole = frames.tick(given).cache(), (self._bars, 0)
        bars = self._read({"frame": self._before(given), **given, "tick": tick}, *whole).cache()
        late = bars.filter(pl.col("age") < self._summed_bars()).select("bar_ts")
        near = {
            **given,
            "tick": tick,
            "ladder": given["ladder"].join(late, on="bar_ts", how="semi", maintain_order="left"),
        }
        found = self._summed({"frame": bars, **near}, *whole, few=True).cache()
        views = (route.walk({"found": found}, *whole, few=True) for route in self._routes)
        return self._told({"triggers": given["triggers"], **{str(n): view for n, view in enumerate(views)}})

    def _in_steps(self, triggers: pl.DataFrame, near: dict[str, pl.DataFrame]) -> pl.DataFrame:
        run = self._queries.run
        frame = run(self._before, {"triggers": triggers})
        near["tick"] = run(frames.tick, {"ladder": near["ladder"]})
        views: list[dict[str, pl.DataFrame]] = [{} for _ in self._routes]
        for step, after in steps(self._bars, len(triggers)):
            if step < self._bars:
                frame = frame.filter(pl.col("age") < step)
                span = _span(triggers["trigger_ts"], step)
                near |= {name: near[name].filter(span) for name in _OF_BARS}
            few = len(frame) <= _FEW
            bars = run(self._read, {"frame": frame, **near}, step, after)
            found = run(self._summed, {"frame": bars, **near}, step, after, few)
            views = [
                {"old": run(route.walk, {"found": found, **view}, step, after, few)}
                for route, view in zip(self._routes, views, strict=True)
            ]
        last = {str(n): view["old"] for n, view in enumerate(views)}
        return run(self._told, {"triggers": triggers, **last})

    def _summed_bars(self) -> int:
        """Bars up to a moment, its own included, of which sums over the ladder are read."""
        asked = [(name, back) for route in self._routes for name, back in route.asked.items()]
        return max((back for name, back in asked if name in catalog.load().measures), default=0)

    def _names(self, step: int, after: int) -> set[str]:
        return {name for route in self._routes for name in route.reads(step, after)}

    def _of_bars(self, step: int, after: int) -> set[str]:
        return {name for route in self._routes for name in route.told(step, after)}

    def _before(self, given: Tables) -> pl.LazyFrame:
        return _bars_before(_starts(given["triggers"]), self._bars)

    def _read(self, given: Tables, step: int, after: int) -> pl.LazyFrame:
        tick_px = frames.in_rows("tick_px", pl.col("tick_px"))
        frame = given["frame"].join(given["tick"], how="cross").with_columns(tick_px)
        bars = _with_bars(frame, given, self._names(step, after))
        if not (told := self._of_bars(step, after)):
            return bars
        read = given[_STORED].select("bar_ts", *sorted(told))
        return bars.join(read, on="bar_ts", how="left", maintain_order="left")

    def _summed(self, given: Tables, step: int, after: int, few: bool) -> pl.LazyFrame:  # noqa: FBT001 (what it is planned for)
        return _with_sums(given["frame"], given, self._names(step, after), few=few)

    def _told(self, given: Tables) -> pl.LazyFrame:
        told = _starts(given["triggers"]).select("setup_id", ENTITY, "bar_ts")
        for n, route in enumerate(self._routes):
            values = route.values(given[str(n)])
            told = told.join(values, on=[ENTITY, "bar_ts"], how="left", maintain_order="left")
        return told.drop(ENTITY, "bar_ts")


def _starts(triggers: pl.LazyFrame) -> pl.LazyFrame:
    """Moments with the key of the level and direction of each."""
    return triggers.select(
        "setup_id",
        "sigma_60",
        bar_ts="trigger_ts",
        level_px="level_price",
        d=pl.when(pl.col("direction") == "UP").then(1.0).otherwise(-1.0),
        entity=pl.struct("level_price", "direction").rank("dense"),
    )


def _bars_before(starts: pl.LazyFrame, bars: int) -> pl.LazyFrame:
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
    )


def _near(span: pl.Expr, tables: Tables, names: Iterable[str]) -> dict[str, pl.DataFrame]:
    """The tables that columns are read from; of those by bar what is read of a span of bars."""
    columns, measures = leaves(names)
    by_bar = {*_OF_BARS, *tables.keys() & {_STORED}}
    cut = {name: tables[name] for name in sorted(by_bar | frames.tables_of(columns, measures))}
    cut |= {name: cut[name].filter(span) for name in by_bar}
    cut["book"] = cut["book"].select(frames.of_book(columns))
    return dict(zip(cut, pl.collect_all(cut.values(), engine="in-memory"), strict=True))


def _span(moments: pl.Series, bars: int) -> pl.Expr:
    """True for the bars from the first of a history of so many to the last moment."""
    first, last = (pl.lit(end, NS) for end in (moments.min(), moments.max()))
    return pl.col("bar_ts").is_between(first - pl.duration(nanoseconds=(bars - 1) * BAR_NS), last)


def _with_bars(frame: pl.LazyFrame, near: Tables, names: Iterable[str]) -> pl.LazyFrame:
    """A frame of bars at levels with columns of bars, and their mirror images."""
    bars = frames.bars(near, *leaves(names))
    return frame.join(bars, on="bar_ts", how="left", maintain_order="left")


def _with_sums(frame: pl.LazyFrame, near: Tables, names: Iterable[str], *, few: bool = False) -> pl.LazyFrame:
    """The same with measures of levels."""
    _, measures = leaves(names)
    return frames.with_measures(frame, near, [one for one in measures if one.grain == "level"], few=few)
