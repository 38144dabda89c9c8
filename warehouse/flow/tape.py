"""Bronze records of a trading date, in feed order, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Array = np.ndarray[Any, np.dtype[Any]]
Batch = dict[str, Array]
"""Columns by name: times as int64 ns, letters as their character codes, the rest as stored."""
Column = tuple[Array, Flags | None]
"""Values of a column of a table, and where they are null."""
Frame = dict[str, Column]
"""Columns of a table by name."""

RECORDS = 1 << 17
"""Records in a batch; nothing that is written depends on it."""
_BLOCK = 31 << 20
"""The largest block that glibc goes by, less a little; it is never written to."""
HEAD = ("ts_event", "ts_recv", "action", "side", "price", "size", "flags", "instrument_id")
"""Columns of every schema that flows are made from."""

_LETTERS = ("action", "side")


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group and the times at which its records were received."""

    file: pq.ParquetFile
    kinds: dict[str, str]
    number: int
    first: int
    last: int


def batches(
    paths: Sequence[Path], columns: Sequence[str], since: int | None, until: int | None
) -> Iterator[Batch]:
    """Records in file order.

    Args:
        paths: Bronze files, oldest first.
        columns: Columns to read, those of HEAD among them.
        since: Records received before it are skipped.
        until: Records received at or after it are cut off.
    """
    # Else memory is handed back and taken anew, to be zeroed, batch after batch.
    pa.set_memory_pool(pa.system_memory_pool())
    _keep_freed()
    first, end = since or 0, np.iinfo(np.int64).max if until is None else until
    for group in (group for path in paths for group in _groups(path)):
        if group.last >= first and group.first < end:
            for batch in _read(group, columns):
                yield from _sliced(_cut(batch, first, end))
                # Its memory serves the next one.
                del batch


def _keep_freed() -> None:
    """Have glibc keep what lies free, up to twice the block taken and given back here; elsewhere nothing."""
    np.empty(_BLOCK, np.uint8)


def _groups(path: Path) -> list[_Group]:
    file = pq.ParquetFile(path, read_dictionary=list(_LETTERS), pre_buffer=True)
    kinds = {field.name: _kind(field.type) for field in file.schema_arrow}
    column = file.schema.names.index("ts_recv")
    seen = [file.metadata.row_group(n).column(column).statistics for n in range(file.num_row_groups)]
    return [_Group(file, kinds, number, s.min_raw, s.max_raw) for number, s in enumerate(seen)]


def _read(group: _Group, columns: Sequence[str]) -> Iterator[Batch]:
    """A row group in slices: what is small enough is decoded into memory that was just used."""
    for rows in group.file.iter_batches(RECORDS, [group.number], list(columns), use_threads=False):
        named = dict(zip(rows.schema.names, rows.columns, strict=True))
        yield {name: _array(column, group.kinds[name]) for name, column in named.items()}
        del rows, named


def _kind(stored: pa.DataType) -> str:
    """The numpy type that a column's memory is read as; of letters that of their codes."""
    if pa.types.is_dictionary(stored):
        return "i4"
    return "i8" if pa.types.is_timestamp(stored) else str(stored)


def _array(column: pa.Array, kind: str) -> Array:
    # Through buffers: `to_numpy` would import pandas, which costs more time than a million records.
    if isinstance(column, pa.DictionaryArray):
        codes = [ord(letter) if letter else 0 for letter in column.dictionary.to_pylist()]
        letters: Array = np.array(codes, np.uint8).take(_values(column.indices, kind))
        return letters
    return _values(column, kind)


def _values(column: pa.Array, kind: str) -> Array:
    stored = np.frombuffer(column.buffers()[1], kind)
    return stored[column.offset : column.offset + len(column)]


def _cut(batch: Batch, first: int, end: int) -> Batch:
    received = batch["ts_recv"]
    kept = (received >= first) & (received < end)
    return batch if kept.all() else {name: values[kept] for name, values in batch.items()}


def _sliced(batch: Batch) -> Iterator[Batch]:
    for first in range(0, len(batch["ts_recv"]), RECORDS):
        yield {name: values[first : first + RECORDS] for name, values in batch.items()}
