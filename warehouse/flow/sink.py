"""Tables written as they come, in row groups that do not depend on how they came."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.flow.tape import Array, Flags, Frame
from warehouse.schema import Table
from warehouse.store import COMPRESSION

ROWS = 1 << 17
"""Rows in a row group."""

_KINDS = {
    pl.Datetime("ns"): pa.timestamp("ns"),
    pl.String(): pa.string(),
    pl.Float64(): pa.float64(),
    pl.Int64(): pa.int64(),
    pl.Boolean(): pa.bool_(),
}


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
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression=COMPRESSION,
            use_dictionary=[name for name, _ in fields if name not in counts],
            column_encoding=dict.fromkeys(counts, "DELTA_BINARY_PACKED"),
        )
        none = [_array(np.empty(0, np.int64), None, field.type) for field in self._schema]
        self._waiting = [pa.Table.from_arrays(none, schema=self._schema)]
        self._rows, self._started = 0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        if kind is None and (self._rows or not self._started):
            self._write(self._rows)
        self._writer.close()

    def add(self, frame: Frame) -> None:
        """Append rows."""
        arrays = [_array(*frame[field.name], field.type) for field in self._schema]
        self._waiting.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows += len(arrays[0])
        while self._rows >= ROWS:
            self._write(ROWS)

    def _write(self, rows: int) -> None:
        whole = pa.concat_tables(self._waiting)
        self._writer.write_table(whole.slice(0, rows).combine_chunks(), row_group_size=ROWS)
        self._waiting, self._rows, self._started = [whole.slice(rows)], self._rows - rows, True


def _array(values: Array, null: Flags | None, kind: pa.DataType) -> pa.Array:
    """A column as Arrow has it; its values where null are unspecified but always the same."""
    if kind == pa.string():
        ends = np.arange(len(values) + 1, dtype=np.int32)
        letters = [pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(values, np.uint8))]
        return pa.Array.from_buffers(kind, len(values), [None, *letters])
    if kind == pa.bool_():
        there = np.packbits(values, bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [_mask(null), pa.py_buffer(there)])
    values = np.ascontiguousarray(values, np.float64 if kind == pa.float64() else np.int64)
    return pa.Array.from_buffers(kind, len(values), [_mask(null), pa.py_buffer(values)])


def _mask(null: Flags | None) -> pa.Buffer | None:
    return None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
