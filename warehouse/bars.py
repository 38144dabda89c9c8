"""Features that every bar of a date was stored with, side by side."""

from __future__ import annotations

import functools
from collections.abc import Collection

import polars as pl

from warehouse import catalog, store
from warehouse.question import Place
from warehouse.schema import NS
from warehouse.store import Partition, Seen

_KEPT = 8
"""Sets of columns that are kept of a date: a megabyte each."""


def until(place: Place, last: int, names: Collection[str]) -> pl.LazyFrame:
    """Rows of bar_ts and features up to a bar, ns UTC; a feature is null where its row broke its declaration.

    Raises:
        MissingStepError: If a family of theirs was not built.
        DataError: If one is damaged.
    """
    families: dict[str, list[str]] = {}
    for name in sorted(names):
        families.setdefault(catalog.load()[name].family, []).append(name)
    parts = tuple((place.built(f"silver.{family}"), tuple(own)) for family, own in families.items())
    seen = tuple(one for part, _ in parts for one in store.sight(part))
    return _joined(parts, seen).lazy().filter(pl.col("bar_ts") <= pl.lit(last).cast(NS))


@functools.lru_cache(_KEPT)
def _joined(parts: tuple[tuple[Partition, tuple[str, ...]], ...], _files: Seen) -> pl.DataFrame:
    frames = (store.scan([part]).select("bar_ts", *names) for part, names in parts)
    beside = functools.partial(pl.LazyFrame.join, on="bar_ts", how="full", coalesce=True)
    return functools.reduce(beside, frames).sort("bar_ts").collect(engine="in-memory")
