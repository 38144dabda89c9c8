"""Lazy queries that are planned once and run over frame after frame."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping

import polars as pl
from polars.io.plugins import register_io_source

_KEPT = 32
_PLAIN = pl.QueryOptFlags.none()
Frames = Mapping[str, pl.DataFrame]
Columns = tuple[tuple[str, tuple[tuple[str, pl.DataType], ...]], ...]


class Queries:
    """Queries by what makes them and by the columns of what they read.

    Of few rows Polars takes longer to plan a query than to run it.
    """

    def __init__(self) -> None:
        self._planned: Callable[..., _Query] = functools.lru_cache(_KEPT)(_Query)

    def run(self, made: Callable[..., pl.LazyFrame], given: Frames, *args: object) -> pl.DataFrame:
        """What a function of lazy frames by name, and of arguments, makes of some frames."""
        columns = tuple((name, tuple(frame.schema.items())) for name, frame in given.items())
        return self._planned(made, args, columns).run(given)


class _Query:
    """A query whose frames come later."""

    def __init__(self, made: Callable[..., pl.LazyFrame], args: tuple[object, ...], columns: Columns) -> None:
        self._given: Frames = {}
        self._lock = threading.Lock()
        self._query = made({name: self._source(name, told) for name, told in columns}, *args)
        self._query.collect_schema()  # from here on it is kept as planned

    def run(self, given: Frames) -> pl.DataFrame:
        with self._lock:
            self._given = given
            try:
                return self._query.collect(engine="in-memory", optimizations=_PLAIN)
            finally:
                self._given = {}

    def _source(self, name: str, columns: tuple[tuple[str, pl.DataType], ...]) -> pl.LazyFrame:
        def read(*_: object) -> Iterator[pl.DataFrame]:
            # whole: without optimisations nothing is pushed down to here
            yield self._given[name]

        return register_io_source(read, schema=dict(columns))
