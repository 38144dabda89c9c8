"""Where partitions lie, and how one is read and placed whole."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import itertools
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from warehouse import seal
from warehouse.errors import DataError
from warehouse.schema import TABLES

Manifest = dict[str, Any]
Stat = tuple[int, int, int]
Seen = tuple[tuple[str, bool, Stat | None], ...]
"""By folder: whether its manifest is there, and length, time and place on disk of its rows.

Whoever changes a manifest has changed the rows before.
"""
_MANIFEST, _ROWS = "part.json", "part.parquet"
COMPRESSION: Final = "lz4"
"""Of every Parquet file: somewhat larger than zstd makes it, and cheaper to write and to read."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One Parquet file and its manifest.

    Args:
        root: The warehouse.
        table: `layer.name`, such as `silver.ladder`.
        keys: Hive keys in order, such as `(("symbol", "ESU5"), ("date", "2025-06-12"))`.
    """

    root: Path
    table: str
    keys: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Identity inside the root: `silver/ladder/symbol=ESU5/date=2025-06-12`."""
        return "/".join((*self.table.split("."), *(f"{key}={value}" for key, value in self.keys)))

    @property
    def path(self) -> Path:
        return self.root / self.name / _ROWS

    @property
    def manifest_path(self) -> Path:
        return self.root / self.name / _MANIFEST


class Artifact(Partition):
    """A placed file that is no table, such as an index.

    Args:
        root: The warehouse.
        file: Its path below the root.
        manifest: The path of its manifest below the root.
    """

    def __init__(self, root: Path, file: str, manifest: str) -> None:
        super().__init__(root, file, (("manifest", manifest),))

    @property
    def name(self) -> str:
        return self.table

    @property
    def path(self) -> Path:
        return self.root / self.table

    @property
    def manifest_path(self) -> Path:
        return self.root / self.keys[0][1]


def partition(root: Path, table: str, **keys: str | dt.date) -> Partition:
    """The partition of `table` under `keys`, in the order given."""
    return Partition(root, table, tuple((key, str(value)) for key, value in keys.items()))


def partitions(root: Path, table: str) -> list[Partition]:
    """Every placed partition of a table, sorted by keys."""
    split = (folder.rsplit("/", 2)[1:] for folder, _, _ in seen(root, table))
    keys = ((whose.partition("="), date.partition("=")) for whose, date in split)
    return [Partition(root, table, ((a, whose), (b, date))) for (a, _, whose), (b, _, date) in keys]


def seen(root: Path, table: str) -> Seen:
    """The placed partitions of a table as they lie on disk now, sorted by keys.

    Another once one was placed, removed or damaged.
    """
    base = f"{root}/{table.replace('.', '/')}"
    folders = sorted(f"{base}/{whose}/{date}" for whose in _keyed(base) for date in _keyed(f"{base}/{whose}"))
    return tuple(one for one in map(_sight, folders) if one[1])


def latest(root: Path, table: str, whose: str, until: str | dt.date) -> Seen:
    """The same of the last placed partition of a key, such as `product=ES`, up to a date; of none before."""
    base = f"{root}/{table.replace('.', '/')}/{whose}"
    dates = sorted((date for date in _keyed(base) if date <= f"date={until}"), reverse=True)
    sights = (_sight(f"{base}/{date}") for date in dates)
    return tuple(itertools.islice((one for one in sights if one[1]), 1))


def sight(target: Partition) -> Seen:
    """The same of one partition, placed or not."""
    return (_sight(f"{target.root}/{target.name}"),)


def _keyed(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if "=" in entry.name]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sight(folder: str) -> tuple[str, bool, Stat | None]:
    return folder, os.access(f"{folder}/{_MANIFEST}", os.F_OK), stat(f"{folder}/{_ROWS}")


def stat(path: str | Path) -> Stat | None:
    """A file as it lies on disk now; None where there is none."""
    try:
        said = os.stat(path)  # noqa: PTH116 (a Path for each of a thousand files takes longer than asking)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return said.st_size, said.st_mtime_ns, said.st_ino


@contextlib.contextmanager
def temporary(root: Path, suffix: str = ".parquet") -> Iterator[Path]:
    """A path below `ROOT/.tmp` that is gone afterwards unless it was placed."""
    folder = root / ".tmp"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{suffix}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def place(target: Partition, made: Path, manifest: Manifest) -> None:
    """Put a finished Parquet file and its manifest in place of whatever stood there.

    The old manifest goes first and the new one comes last, so that a manifest always speaks of the
    file beside it.
    """
    target.path.parent.mkdir(parents=True, exist_ok=True)
    target.manifest_path.unlink(missing_ok=True)
    full = {**manifest, "bytes": made.stat().st_size, "sha256": sha256(made)}
    made.replace(target.path)
    with temporary(target.root, ".json") as note:
        note.write_text(json.dumps(full, indent=1, sort_keys=True) + "\n")
        note.replace(target.manifest_path)


def write(target: Partition, frame: pl.DataFrame, manifest: Manifest) -> None:
    """Write a frame as one partition, with unit and meaning of every column in the file."""
    with temporary(target.root) as path:
        frame.write_parquet(path, compression=COMPRESSION, statistics=True, metadata=_meanings(target.table))
        place(target, path, {**manifest, "rows": frame.height})


def _meanings(table: str) -> dict[str, str]:
    declared = TABLES.get(table)
    columns = {c.name: f"[{c.unit}] {c.doc}" for c in declared.columns} if declared else {}
    return {"warehouse.columns": json.dumps(columns)}


def read_manifest(target: Partition) -> Manifest | None:
    """What the manifest says, or None where the partition is absent."""
    return mapping(target.manifest_path)


def mapping(path: Path) -> Manifest | None:
    """The mapping in a JSON file; None where there is none, something else, or one whose seal is broken."""
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return found if isinstance(found, dict) and not seal.broken(found) else None


def whole(target: Partition) -> Path:
    """The path of a placed file, if it is there and as long as its manifest says.

    Raises:
        DataError: If it is not.
    """
    said = read_manifest(target) or {}
    size = target.path.stat().st_size if target.path.exists() else None
    if size is None or said.get("bytes", size) != size:
        date = dict(target.keys).get("date")
        command = f"warehouse build --dates {date}" if date else "warehouse build"
        raise DataError(f"{target.path} is damaged: run `{command}` again")
    return target.path


def scan(wanted: Iterable[Partition], schema: Mapping[str, pl.DataType] | None = None) -> pl.LazyFrame:
    """Partitions of one table as one lazy frame, hive keys as columns, in the order given.

    Args:
        wanted: Partitions of one table; those that are absent are left out.
        schema: Columns of an empty answer, where the table is not declared in `schema.TABLES`.

    Raises:
        DataError: If a file is not as long as its manifest says.
    """
    there = list(wanted)
    paths = [item for item in there if item.path.exists()]
    if paths:
        frames = [pl.scan_parquet(whole(p), glob=False).with_columns(**_keys(p)) for p in paths]
        return pl.concat(frames, how="diagonal_relaxed")
    if schema is None:
        declared = TABLES[there[0].table]
        schema = {**{key: _KEY_TYPES.get(key, pl.String()) for key in declared.partition}, **declared.schema}
    return pl.LazyFrame(schema=schema)


_KEY_TYPES: dict[str, pl.DataType] = {"date": pl.Date()}


def _keys(item: Partition) -> dict[str, pl.Expr]:
    return {key: pl.lit(dt.date.fromisoformat(value) if key == "date" else value) for key, value in item.keys}
