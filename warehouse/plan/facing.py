"""A frame as it is seen by someone for whom the travel is up."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from warehouse import inputs
from warehouse.declared import Measure
from warehouse.schema import Column


def facing(frame: pl.LazyFrame, columns: Iterable[str], measures: Iterable[Measure]) -> pl.LazyFrame:
    """The frame as it is seen by someone for whom the travel is up: with `d` -1 it is reflected.

    Bid and ask, above and below change places, prices lie as far on the level's other side, signs turn;
    so far and near, opposing and supporting are above and below, ask and bid, and nowhere else.

    Args:
        frame: `d`, level_px and the columns.
        columns: Those of bars and levels to turn; each with the one that it becomes.
        measures: Those to turn, likewise.
    """
    known = [*_known(columns), *(measure.mirror for measure in measures)]
    turned = [mirrored(one).alias(one.name) for one in known if turns(one)]
    down = pl.col("d") < 0
    return frame.with_columns(pl.when(down).then(expr).otherwise(expr.meta.output_name()) for expr in turned)


def mirrored(column: Column) -> pl.Expr:
    """What a column holds once the tape is reflected about the level."""
    source = pl.col(column.swap or column.name)
    if column.mirror == "negate":
        return 0.0 - source
    return 2 * pl.col("level_px") - source if column.mirror == "reflect" else source


def turns(column: Column) -> bool:
    """Whether reflection changes what a column holds."""
    return column.mirror != "same" or column.swap not in {None, column.name}


def _known(columns: Iterable[str]) -> list[Column]:
    every = {**inputs.BAR, **inputs.LEVEL}
    return [every[name] for name in columns if name in every]
