"""What a process keeps of a root between two questions, for as long as its files stay what they were."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import barrier, library, session, spread, store, vectors
from warehouse.schema import TRIALS
from warehouse.spread import Groups
from warehouse.vectors import Spec, Vectors

Seen = tuple[tuple[str, int, int, int], ...]

_TABLES = ("setups", "summaries", "outcomes", "snapshots", "trials")
_EVENING = dt.time(18)
_KEPT = 4
"""Roots and vectors whose setups are kept; of moments, which are ten to a setup, those of one."""


@dataclass(frozen=True, slots=True)
class Held:
    """The library of a root at a moment of its files; frames are shared and not to be changed.

    Args:
        root: The warehouse.
        files: Every file of the tables that answer, with length, time and place on disk.
    """

    root: Path
    files: Seen

    def setups(self) -> pl.DataFrame:
        """As `library.setups` gives them, without features."""
        return _setups(self.root, self._of("setups"))

    def outcomes(self) -> pl.DataFrame:
        """As `library.outcomes` gives those of the default scheme."""
        return _outcomes(self.root, self._of("outcomes"))

    def vectors(self, spec: Spec, contracts: frozenset[str]) -> tuple[pl.DataFrame, Vectors, Groups]:
        """The setups of some contracts without placebos, their vectors, and which tell of the same thing."""
        return _vectors(self.root, spec, contracts, self._of("setups", "summaries"))

    def snapshots(self, features: tuple[str, ...]) -> pl.DataFrame:
        """All of gold.snapshots with some features."""
        return _snapshots(self.root, features, self._of("snapshots"))

    def trials(self, product: str) -> pl.DataFrame:
        """gold.trials of a product, with `date`."""
        return _trials(self.root, product, self._of("trials"))

    def factors(self, contracts: frozenset[str], date: dt.date, known: int) -> dict[int, float]:
        """Calibration of sigma on outcomes of earlier dates that were known, placebo too.

        Args:
            contracts: Whose setups.
            date: The date of the question.
            known: Instant by which they have to be resolved, ns UTC; what is of an earlier date is resolved
                before this one begins.
        """
        by = min(known, session.at(date, _EVENING))
        return dict(_factors(self.root, contracts, date, by, self._of("setups", "outcomes")))

    def _of(self, *tables: str) -> Seen:
        folders = tuple(os.fspath(self.root / "gold" / table) + os.sep for table in tables)
        return tuple(one for one in self.files if one[0].startswith(folders))


def held(root: Path) -> Held:
    """What there is of a root now: read anew where a file has changed, from memory where none has."""
    folders = [root / "gold" / table for table in _TABLES]
    found = (one for folder in folders if folder.is_dir() for one in _files(os.fspath(folder)))
    return Held(root, tuple(sorted(found)))


def _files(folder: str) -> Iterator[tuple[str, int, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            else:
                said = entry.stat()
                yield entry.path, said.st_size, said.st_mtime_ns, said.st_ino


@functools.lru_cache(_KEPT)
def _setups(root: Path, _files: Seen) -> pl.DataFrame:
    return library.setups(root)


@functools.lru_cache(_KEPT)
def _vectors(
    root: Path, spec: Spec, contracts: frozenset[str], _files: Seen
) -> tuple[pl.DataFrame, Vectors, Groups]:
    mine = pl.col("symbol").is_in(sorted(contracts)) & ~pl.col("is_placebo")
    found = library.setups(root, spec.slots).filter(mine)
    return found.drop(spec.slots), vectors.matrix(found, spec), spread.groups(found)


@functools.lru_cache(_KEPT)
def _outcomes(root: Path, _files: Seen) -> pl.DataFrame:
    return library.outcomes(root)


@functools.lru_cache(1)
def _snapshots(root: Path, features: tuple[str, ...], _files: Seen) -> pl.DataFrame:
    return library.snapshots(root, features).collect(engine="in-memory")


@functools.lru_cache(_KEPT)
def _trials(root: Path, product: str, _files: Seen) -> pl.DataFrame:
    parts = store.partitions(root, "gold.trials")
    mine = [source for source in parts if ("product", product) in source.keys]
    if not mine:
        return pl.DataFrame(schema={**TRIALS.schema, "date": pl.Date()})
    return store.scan(mine).collect(engine="in-memory")


@functools.lru_cache(_KEPT)
def _factors(
    root: Path, contracts: frozenset[str], date: dt.date, known: int, _files: Seen
) -> dict[int, float]:
    now = held(root)
    past = pl.col("symbol").is_in(sorted(contracts)) & (pl.col("date") < date)
    past &= pl.col("resolved_ts").cast(pl.Int64) <= known
    return barrier.factors(library.starts(now.setups().filter(past), now.outcomes()))
