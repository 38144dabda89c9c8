"""Tables written as they come, in row groups that do not depend on how they came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.flow.tape import Array, Column, Flags, Frame
from warehouse.schema import Table
from warehouse.store import COMPRESSION
from warehouse.units import POINTS

ROWS = 1 << 17
"""Rows in a row group."""

_KINDS = {
    pl.Datetime("ns"): pa.timestamp("ns"),
    pl.String(): pa.string(),
    pl.Float64(): pa.float64(),
    pl.Int64(): pa.int64(),
    pl.Boolean(): pa.bool_(),
}
_MEMORY: dict[pa.DataType, type[np.generic]] = {
    pa.string(): np.uint8,
    pa.bool_(): np.bool_,
    pa.float64(): np.float64,
}
"""What columns are kept as until they are written, strings as letters; the others as int64."""


class Sink:
    """A Parquet file of one declared table.

    Args:
        path: Where it is written.
        table: Its declaration.
    """

    def __init__(self, path: Path, table: Table) -> None:
        meanings = {column.name: f"[{column.unit}] {column.doc}" for column in table.columns}
        fields = [(column.name, _KINDS[column.dtype]) for column in table.columns]
        self._schema = pa.schema(fields, {"warehouse.columns": json.dumps(meanings)})
        steady = (pl.Datetime("ns"), pl.Int64())
        counts = [column.name for column in table.columns if column.dtype in steady]
        # Other fractions mostly differ from row to row: their dictionary takes time, and more room than they.
        few = [
            column.name for column in table.columns if column.dtype == pl.String() or column.unit == POINTS
        ]
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression=COMPRESSION,
            use_dictionary=few,
            column_encoding=dict.fromkeys(counts, "DELTA_BINARY_PACKED"),
        )
        self._waiting: list[Frame] = []
        self._rows, self._started = 0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        if kind is None and (self._rows or not self._started):
            self._write(self._rows)
        self._writer.close()

    def add(self, frame: Frame) -> None:
        """Append rows."""
        self._waiting.append(frame)
        self._rows += len(frame[self._schema.names[0]][0])
        while self._rows >= ROWS:
            self._write(ROWS)

    def _write(self, rows: int) -> None:
        whole = {field.name: _joined(self._waiting, field) for field in self._schema}
        arrays = [_array(*_cut(whole[field.name], 0, rows), field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=ROWS)
        rest = {name: _copied(_cut(column, rows, self._rows)) for name, column in whole.items()}
        self._waiting, self._rows, self._started = [rest], self._rows - rows, True


def _joined(frames: Sequence[Frame], field: pa.Field) -> Column:
    """A column of all frames, as the type that Arrow keeps it in."""
    kind = _MEMORY.get(field.type, np.int64)
    parts = [frame[field.name] for frame in frames] or [(np.empty(0, kind), None)]
    values = np.concatenate([values for values, _ in parts], dtype=kind, casting="unsafe")
    if all(null is None for _, null in parts):
        return values, None
    nulls = [np.zeros(len(values), np.bool_) if null is None else null for values, null in parts]
    return values, np.concatenate(nulls)


def _cut(column: Column, first: int, end: int) -> Column:
    values, null = column
    return values[first:end], None if null is None else null[first:end]


def _copied(column: Column) -> Column:
    values, null = column
    return values.copy(), None if null is None else null.copy()


def _array(values: Array, null: Flags | None, kind: pa.DataType) -> pa.Array:
    """A column as Arrow has it; its values where null are unspecified but always the same."""
    if kind == pa.string():
        ends = np.arange(len(values) + 1, dtype=np.int32)
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(ends), pa.py_buffer(values)])
    stored = np.packbits(values, bitorder="little") if kind == pa.bool_() else values
    return pa.Array.from_buffers(kind, len(values), [_mask(null), pa.py_buffer(stored)])


def _mask(null: Flags | None) -> pa.Buffer | None:
    return None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
