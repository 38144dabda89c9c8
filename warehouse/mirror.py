"""The tape reflected about a level: what each column of a bar becomes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import polars as pl

from warehouse import inputs
from warehouse.schema import Column

Turned = Callable[[pl.LazyFrame, Iterable[Column]], pl.LazyFrame]


def facing(frame: pl.LazyFrame, made: Iterable[Column]) -> pl.LazyFrame:
    """The frame as it is seen by someone for whom the travel is up: with `d` -1 it is reflected.

    Bid and ask, above and below change places, prices lie as far on the level's other side, signs turn;
    so far and near, opposing and supporting are above and below, ask and bid, and nowhere else.

    Args:
        frame: A row per bar at a level.
        made: What of it are measures and features, as the `mirror` of each has it.
    """
    return frame.with_columns(_faced(one) for one in _turning(frame, made))


def reflected(frame: pl.LazyFrame, made: Iterable[Column]) -> pl.LazyFrame:
    """The same of a frame whose every `d` is -1: with less to say and to plan."""
    return frame.with_columns(mirrored(one).alias(one.name) for one in _turning(frame, made))


def _turning(frame: pl.LazyFrame, made: Iterable[Column]) -> Iterator[Column]:
    known = [*inputs.BAR.values(), *inputs.LEVEL.values(), *made]
    there = set(frame.collect_schema().names())
    return (one for one in known if one.name in there and _turns(one))


@functools.cache
def _faced(column: Column) -> pl.Expr:
    return pl.when(pl.col("d") < 0).then(mirrored(column).alias(column.name)).otherwise(column.name)


def mirrored(column: Column) -> pl.Expr:
    """What a column holds once the tape is reflected about the level."""
    source = pl.col(column.swap or column.name)
    if column.mirror == "negate":
        return 0.0 - source
    return 2 * pl.col("level_px") - source if column.mirror == "reflect" else source


def _turns(column: Column) -> bool:
    return column.mirror != "same" or column.swap not in {None, column.name}
