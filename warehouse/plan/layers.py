"""Features added to a frame that has what they read."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

import polars as pl

from warehouse.declared import Feature
from warehouse.pieces import finite


def with_features(frame: pl.LazyFrame, made: Sequence[Feature], key: str | None) -> pl.LazyFrame:
    """Add features in layers, each reading only what the ones before made."""
    pending = made
    while pending:
        missing = {feature.name for feature in pending}
        layer = [feature for feature in pending if missing.isdisjoint(feature.inputs)]
        frame = added(frame, layer, key)
        pending = [feature for feature in pending if not missing.isdisjoint(feature.inputs)]
    return frame


def added(frame: pl.LazyFrame, features: Collection[Feature], key: str | None) -> pl.LazyFrame:
    """The frame with features whose inputs it has: windows stay within `key`, what is not finite is null."""
    made = frame.with_columns(_column(one, key) for one in features)
    # on the made column: inside its expression it would double what the optimiser has to read
    return made.with_columns(finite(one.name) for one in features if one.dtype.is_float())


@functools.cache
def _column(feature: Feature, key: str | None) -> pl.Expr:
    expr = feature.expr if feature.window == 1 or key is None else feature.expr.over(key)
    return expr.cast(feature.dtype).alias(feature.name)
