"""The columns that features read, made from the tables: bars, bars at levels, sums over the ladder."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from warehouse import inputs, pieces
from warehouse.declared import Measure
from warehouse.frames import beside
from warehouse.inputs import CONSTANTS, PAST
from warehouse.schema import BAR_NS, BOOK, TEXT

Tables = Mapping[str, pl.LazyFrame]

NEW_YORK = "America/New_York"
REACH = 19
"""Ticks from a level within which ladder rows are joined to it; every zone ends before."""
_GRAIN = 1 << 14
"""Parts of a tick to which distances from a level are rounded: a power of two, so that weights times lots
add up exactly. A float sum of groups depends on how many rows there are besides."""
_ROW = "row"
_TOUCH = ("bid_px_00", "ask_px_00")
_AHEAD_NS = 120 * 10**9
_MADE_OF = {"tick_px": "ladder", "mid_var": "profile", "mid_var_ahead": "profile"}


def tables_of(columns: Iterable[str], measures: Iterable[Measure]) -> set[str]:
    """Tables that these columns and measures are made from."""
    book = {column.name for column in BOOK.columns}
    measures = list(measures)
    found = {"book"} | beside.tables_of(list(columns))
    for name in columns:
        if name not in book and inputs.metric(name):
            found.add("profile")
        elif name in _MADE_OF:
            found.add(_MADE_OF[name])
    if measures:
        found.add("ladder")
    if any(_usual(measure) for measure in measures):
        found.add("profile")
    return found


def of_book(columns: Collection[str]) -> list[str]:
    """Columns of silver.book that these are made from."""
    behind = {*columns, "bar_ts", *_TOUCH, *(beside.TRADED if "trade_vwap" in columns else ())}
    return [column.name for column in BOOK.columns if column.name in behind]


def bars(tables: Tables, columns: Collection[str], measures: Collection[Measure]) -> pl.LazyFrame:
    """One row per bar in order of time: bar_ts, and those of `columns` and `measures` that bars have."""
    prices = [beside.vwap()] if "trade_vwap" in columns else []
    own = [column.name for column in BOOK.columns if column.name in {*columns, "bar_ts"}]
    frame = tables["book"].select(*(_floated(name) for name in own), *prices).sort("bar_ts")
    sums = [measure for measure in measures if measure.grain == "bar"]
    if sums:
        rows = _rows(tables, tables["ladder"], sums)
        made = rows.group_by("bar_ts").agg(measure.named for measure in sums)
        frame = frame.join(made, on="bar_ts", how="left", maintain_order="left")
    frame = beside.kinds(beside.prints(frame, tables, columns), tables, columns)
    frame = _past(frame, tables, [name for name in columns if inputs.metric(name)])
    frame = _variance(frame, tables, [name for name in columns if name.startswith("mid_var")])
    frame = _fitted(frame, tables, [name for name in inputs.FITTED if name in columns])
    if "tick_px" in columns:
        frame = frame.join(tick(tables), how="cross").with_columns(in_rows("tick_px", pl.col("tick_px")))
    return frame.with_columns(
        in_rows(name, pl.lit(CONSTANTS[name][0])) for name in columns if name in CONSTANTS
    )


def at_levels(frame: pl.LazyFrame, levels: pl.LazyFrame, before: int) -> pl.LazyFrame:
    """Bars at every level from `before` bars ahead of its first known time to its end, by level and time.

    A level's value in a bar is the last one known at the bar's start; before any is, the first.
    """
    start = pl.col("known_ts") - pl.duration(nanoseconds=before * BAR_NS)
    ordered = levels.sort("level_id", "known_ts").with_columns(
        since=pl.when(pl.col("level_id").is_first_distinct()).then(start).otherwise("known_ts"),
        until=pl.col("known_ts").shift(-1).over("level_id"),
    )
    values = ordered.select("level_id", "since", "until", "valid_to", level_px="price")
    bar = pl.col("bar_ts")
    held = (bar >= pl.col("since")) & (pl.col("until").is_null() | (bar < pl.col("until")))
    keys = values.join(frame.select("bar_ts"), how="cross").filter(
        held & (pl.col("bar_ts") < pl.col("valid_to"))
    )
    keys = keys.select("level_id", "level_px", "bar_ts", d=pl.lit(None, pl.Float64)).sort(
        "level_id", "bar_ts"
    )
    return keys.join(frame, on="bar_ts", how="left", maintain_order="left")


def with_measures(
    frame: pl.LazyFrame, tables: Tables, measures: Sequence[Measure], *, few: bool = False
) -> pl.LazyFrame:
    """A frame of bars at levels with the sums of the ladder's rows within reach of the level.

    Args:
        frame: A row per bar and level: bar_ts, level_px and tick_px.
        tables: With the ladder.
        measures: Of levels.
        few: Few rows, of which planning takes longer than making.
    """
    if not measures:
        return frame
    frame = frame.with_row_index(_ROW)
    base = (pl.col("level_px") / pl.col("tick_px")).floor().cast(pl.Int64)
    spans = tables["ladder"].group_by("bar_ts").agg(low=pl.col("price").min(), high=pl.col("price").max())
    low, high = (_place(end) for end in ("low", "high"))
    near = (
        frame.select(_ROW, "bar_ts", "level_px", "tick_px", place=base)
        .join(spans, on="bar_ts")
        .with_columns(
            first=pl.max_horizontal(low, pl.col("place") - REACH),
            last=pl.min_horizontal(high, pl.col("place") + REACH),
        )
        .filter(pl.col("first") <= pl.col("last"))
    )
    if few:  # it is read three times below, and no optimiser sees that
        near = near.cache()
    ladder = _rows(tables, tables["ladder"].join(near, on="bar_ts", how="semi"), measures)
    tick_px = near.select("tick_px").first()
    ladder = ladder.join(tick_px, how="cross").with_columns(place=_place("price")).drop("tick_px")
    ticks = near.with_columns(place=pl.int_ranges("first", pl.col("last") + 1)).explode("place")
    x = (pl.col("price") - pl.col("level_px")) / pl.col("tick_px")
    rows = (
        ticks.select(_ROW, "bar_ts", "level_px", "tick_px", "place")
        .join(ladder, on=["bar_ts", "place"], maintain_order="left_right")
        .with_columns(x=(x * _GRAIN).round() / _GRAIN)
    )
    sums = (
        pieces.summed(rows, _ROW, measures) if few else rows.group_by(_ROW).agg(one.named for one in measures)
    )
    known = [
        pl.col(measure.name).fill_null(measure.absent) for measure in measures if measure.absent is not None
    ]
    return frame.join(sums, on=_ROW, how="left", maintain_order="left").drop(_ROW).with_columns(known)


def tick(tables: Tables) -> pl.LazyFrame:
    """One row `tick_px`, the price increment: a ladder has every tick from the touch to the farthest."""
    return tables.get("tick", tables["ladder"].select(tick_px=pl.col("price").unique().sort().diff().min()))


def in_rows(name: str, value: pl.Expr) -> pl.Expr:
    """A constant as a value of every row: by a scalar Polars divides in another way, in the last bit."""
    return pl.col("bar_ts").is_not_null().cast(pl.Float64).mul(value).alias(name)


def bucket(ts: pl.Expr) -> pl.Expr:
    """Five-minute bucket of the New York day, 0 to 287."""
    local = ts.dt.replace_time_zone("UTC").dt.convert_time_zone(NEW_YORK)
    return (local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute().cast(pl.Int64)) // 5


def _rows(tables: Tables, ladder: pl.LazyFrame, measures: Collection[Measure]) -> pl.LazyFrame:
    """Ladder rows with what their measures read besides: distance from the touch, past size, constants."""
    read = {name for measure in measures for name in measure.reads}
    own = [name for name in (*inputs.ROW, "bar_ts") if name in ladder.collect_schema()]
    rows = ladder.select(_floated(name) for name in own if name in {*read, "bar_ts", "side", "price"})
    if not read & {"away", "usual"}:
        return rows
    rows = rows.join(tick(tables), how="cross")
    away = (
        pl.when(pl.col("side") == "A")
        .then(pl.col("price") - pl.col("ask_px_00"))
        .otherwise(pl.col("bid_px_00") - pl.col("price"))
    )
    rows = (
        rows.join(tables["book"].select("bar_ts", *_TOUCH), on="bar_ts", how="left")
        .with_columns(away=(away / pl.col("tick_px")).round().cast(pl.Int64))
        .drop("tick_px", *_TOUCH)
    )
    if "usual" in read:
        sizes = (
            tables["profile"]
            .filter(pl.col("metric").str.starts_with("size_"))
            .select("bucket", away=pl.col("metric").str.slice(5).cast(pl.Int64), usual="median")
        )
        rows = (
            rows.with_columns(bucket=bucket(pl.col("bar_ts")))
            .join(sizes, on=["bucket", "away"], how="left")
            .drop("bucket")
        )
    return rows.with_columns(pl.lit(CONSTANTS[name][0]).alias(name) for name in read if name in CONSTANTS)


def _past(frame: pl.LazyFrame, tables: Tables, names: Collection[str]) -> pl.LazyFrame:
    """The frame with what is said of the past at its bars' times of day."""
    if not names:
        return frame
    said = [
        pl.col(stat).filter(pl.col("metric") == inputs.metric(name)).first().alias(name)
        for name in sorted(names)
        for prefix, stat in PAST.items()
        if name.startswith(prefix)
    ]
    values = tables["profile"].group_by("bucket").agg(said)
    return _at_bucket(frame, values, pl.col("bar_ts"))


def _variance(frame: pl.LazyFrame, tables: Tables, names: Iterable[str]) -> pl.LazyFrame:
    """The frame with the usual squared move at its bars' times of day, or two minutes ahead of them."""
    for name in sorted(names):
        values = tables["profile"].filter(pl.col("metric") == "mid_var")
        ahead = _AHEAD_NS if name.endswith("_ahead") else 0
        when = pl.col("bar_ts") + pl.duration(nanoseconds=ahead)
        frame = _at_bucket(frame, values.select("bucket", pl.col("median").alias(name)), when)
    return frame


def _at_bucket(frame: pl.LazyFrame, values: pl.LazyFrame, when: pl.Expr) -> pl.LazyFrame:
    """The frame with values of the five-minute bucket that a moment of its rows lies in."""
    return (
        frame.with_columns(bucket=bucket(when))
        .join(values, on="bucket", how="left", maintain_order="left")
        .drop("bucket")
    )


def _fitted(frame: pl.LazyFrame, tables: Tables, names: list[str]) -> pl.LazyFrame:
    """The frame with what was fitted to the past at its bars' times of day."""
    if not names:
        return frame
    values = tables["retreat_profile"].select(
        "bucket", *(pl.col(inputs.FITTED_BY[name]).alias(name) for name in names)
    )
    return _at_bucket(frame, values, pl.col("bar_ts"))


def _place(price: str) -> pl.Expr:
    """A price as a count of ticks."""
    return (pl.col(price) / pl.col("tick_px")).round().cast(pl.Int64)


def _usual(measure: Measure) -> bool:
    return "usual" in measure.reads


@functools.cache
def _floated(name: str) -> pl.Expr:
    """A column as features see it: every number a float, so that no subtraction wraps."""
    column = inputs.BAR.get(name) or inputs.ROW.get(name)
    return pl.col(name).cast(column.dtype) if column and column.dtype != TEXT else pl.col(name)
