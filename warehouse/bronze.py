"""Bronze tables: DBN records as columns, and the same records back, byte for byte.

Columns have Databento's names and order, without `length` and `rtype`, which are the same in every record of
a table. Times are the unsigned nanoseconds of the record reinterpreted, so that an undefined time is 1 ns
before 1970. Prices stay fixed-point integers of 1e-9; an undefined price is the largest of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import dbn
from warehouse.dbn import Records
from warehouse.schema import DEPTH, NS, TEXT, Column, Table
from warehouse.store import COMPRESSION
from warehouse.units import COUNT, LOTS, NAME, TIME, Unit

ROWS = 1 << 17
"""Records in a row group: some minutes of a busy market, so that a reader of minutes skips the others."""
FIXED = Unit("1e-9 pt", price=1)
"""Points times 1e9, as an integer."""

_BLOCK = 1 << 12  # records whose bytes stay in the processor's cache while their columns are picked
_LENGTH_AND_TYPE = ("length", "rtype")
_INTEGERS: Mapping[str, pl.DataType] = {
    "u1": pl.UInt8(), "u2": pl.UInt16(), "u4": pl.UInt32(), "u8": pl.UInt64(),
    "i2": pl.Int16(), "i4": pl.Int32(), "i8": pl.Int64(),
}  # fmt: skip

_MEANINGS: Mapping[str, tuple[Unit, str]] = {
    "publisher_id": (NAME, "Databento's number of dataset and venue."),
    "instrument_id": (NAME, "Number of the instrument, unique on its day only."),
    "ts_event": (TIME, "Matching-engine time."),
    "ts_recv": (TIME, "Time of capture, by which files are cut."),
    "ts_in_delta": (TIME, "Nanoseconds from the venue's sending to ts_recv."),
    "order_id": (NAME, "The venue's number of the order."),
    "price": (FIXED, "Price of the event."),
    "size": (LOTS, "Size of the event."),
    "action": (NAME, "A add, C cancel, M modify, R clear, T trade, F fill, N none."),
    "side": (NAME, "B bid or buying aggressor, A ask or selling aggressor, N none."),
    "flags": (NAME, "Bits: 128 last of event, 32 snapshot, 8 bad ts_recv, 4 maybe bad book."),
    "depth": (COUNT, "Level of the update, 0 is the best."),
    "channel_id": (NAME, "The venue's channel."),
    "sequence": (COUNT, "The venue's number of the message."),
    "raw_symbol": (NAME, "The venue's name of the instrument."),
    "asset": (NAME, "Product, such as ES."),
    "exchange": (NAME, "Venue."),
    "instrument_class": (NAME, "F future; others are not landed."),
    "security_type": (NAME, "The venue's kind of instrument."),
    "security_update_action": (NAME, "A added, M modified, D deleted."),
    "currency": (NAME, "Currency of prices."),
    "min_price_increment": (FIXED, "Tick size."),
    "unit_of_measure_qty": (FIXED, "Contract size."),
    "expiration": (TIME, "Last trading time; null if undefined."),
    "activation": (TIME, "First trading time; null if undefined."),
    "maturity_year": (COUNT, "Delivery year."),
    "maturity_month": (COUNT, "Delivery month, 1 to 12."),
    **{
        name.format(i): meaning
        for i in range(DEPTH)
        for side in ("bid", "ask")
        for name, meaning in {
            f"{side}_px_{{:02d}}": (FIXED, f"Price of {side} level {i} after the event."),
            f"{side}_sz_{{:02d}}": (LOTS, f"Size of {side} level {i} after the event."),
            f"{side}_ct_{{:02d}}": (COUNT, f"Orders of {side} level {i} after the event."),
        }.items()
    },
}
_DEFINED = (
    "publisher_id", "instrument_id", "ts_event", "ts_recv", "raw_symbol", "asset", "exchange",
    "instrument_class", "security_type", "security_update_action", "currency", "min_price_increment",
    "unit_of_measure_qty", "expiration", "activation", "maturity_year", "maturity_month",
)  # fmt: skip
_NULLABLE = ("expiration", "activation")


def _declare(name: str, layout: np.dtype[np.void], columns: Sequence[str]) -> Table:
    declared = [Column(column, _dtype(layout, column), *_MEANINGS[column]) for column in columns]
    if name == "definition":
        declared.append(Column("record", pl.Binary(), NAME, "All bytes of the record, as in the file."))
    doc = f"One row per {name} record, in the order of the file; lossless."
    return Table(table(name), doc, ("symbol", "date"), (), tuple(declared))


def _dtype(layout: np.dtype[np.void], column: str) -> pl.DataType:
    if _is_time(column):
        return NS
    kind = layout[column].str[1:]
    return TEXT if kind.startswith("S") else _INTEGERS[kind]


def _is_time(column: str) -> bool:
    return column in {"ts_event", "ts_recv", *_NULLABLE}


def table(schema: str) -> str:
    """Name of the table that records of a schema land in.

    >>> table("mbp-10")
    'bronze.mbp_10'
    """
    return f"bronze.{schema.replace('-', '_')}"


def _columns(layout: np.dtype[np.void]) -> list[str]:
    return [name for name in layout.names or () if name not in _LENGTH_AND_TYPE]


TABLES = {
    declared.name: declared
    for declared in (
        _declare("mbp-10", dbn.MBP_10, _columns(dbn.MBP_10)),
        _declare("mbo", dbn.MBO, _columns(dbn.MBO)),
        _declare("definition", dbn.DEFINITIONS[3], _DEFINED),
    )
}
"""Declared bronze tables by name."""


def batch(pieces: Sequence[Records], schema: str) -> pa.Table:
    """Consecutive records as columns."""
    names = [column.name for column in TABLES[table(schema)].columns if column.name != "record"]
    arrays = [_array(name, values) for name, values in _picked(pieces, names).items()]
    if schema == "definition":
        names, arrays = [*names, "record"], [*arrays, _whole(pieces)]
    # Columns that have no null are declared so: readers then decode no null flags.
    fields = [pa.field(n, a.type, nullable=n in _NULLABLE) for n, a in zip(names, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _picked(pieces: Sequence[Records], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Contiguous columns, taken block by block so that each record is fetched from memory once."""
    rows, layout = sum(map(len, pieces)), pieces[0].dtype
    columns = {name: np.empty(rows, layout[name]) for name in names}
    done = 0
    for piece in pieces:
        for first in range(0, len(piece), _BLOCK):
            block = piece[first : first + _BLOCK]
            for name, column in columns.items():
                column[done : done + len(block)] = block[name]
            done += len(block)
    return columns


def _array(name: str, values: np.ndarray) -> pa.Array:
    # `pa.array` would import pandas, which costs more time than a million records.
    if name in _NULLABLE:
        there = np.packbits(values != dbn.UNDEF_TIMESTAMP, bitorder="little")
        return _from_buffers(pa.timestamp("ns"), len(values), pa.py_buffer(there), values)
    if _is_time(name):
        return _from_buffers(pa.timestamp("ns"), len(values), None, values)
    if values.dtype == "S1":
        return pa.DictionaryArray.from_arrays(_from_buffers(pa.uint8(), len(values), None, values), _LETTERS)
    if values.dtype.kind == "S":
        return _texts(np.char.encode(np.char.decode(values, "latin-1"), "utf-8"))
    return _from_buffers(pa.from_numpy_dtype(values.dtype), len(values), None, values)


def _from_buffers(kind: pa.DataType, rows: int, there: pa.Buffer | None, *data: np.ndarray) -> pa.Array:
    return pa.Array.from_buffers(kind, rows, [there, *map(pa.py_buffer, data)])


def _texts(encoded: np.ndarray) -> pa.Array:
    ends = np.concatenate([[0], np.cumsum(np.char.str_len(encoded))]).astype("i4")
    joined = np.frombuffer(b"".join(encoded.tolist()), np.uint8)
    return _from_buffers(pa.string(), len(encoded), None, ends, joined)


_LETTERS = _texts(np.char.encode(np.array(["", *map(chr, range(1, 256))]), "utf-8"))


def _whole(pieces: Sequence[Records]) -> pa.Array:
    joined = np.concatenate(pieces)
    ends = np.arange(len(joined) + 1, dtype="i4") * joined.itemsize
    return _from_buffers(pa.binary(), len(joined), None, ends, joined.view(np.uint8))


def writer(path: Path, schema: str, arrow: pa.Schema) -> pq.ParquetWriter:
    """A Parquet file that takes one row group per `write_table`.

    Repeating columns get dictionaries, rising ones differences; only the times keep statistics, which is what
    readers of minutes skip row groups by.
    """
    times = [name for name in arrow.names if _is_time(name)]
    rising = [name for name in (*times, "ts_in_delta", "sequence", "order_id") if name in arrow.names]
    plain = {*rising, "record", *(name for name in arrow.names if "_sz_" in name or "_ct_" in name)}
    made = pq.ParquetWriter(
        path,
        arrow,
        compression=COMPRESSION,
        use_dictionary=[name for name in arrow.names if name not in plain],
        column_encoding=dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
        write_statistics=times,
        store_schema=False,
    )
    meanings = {c.name: f"[{c.unit}] {c.doc}" for c in TABLES[table(schema)].columns}
    made.add_key_value_metadata({"warehouse.columns": json.dumps(meanings)})
    return made


def records(path: Path, layout: np.dtype[np.void], schema: str) -> Iterator[Records]:
    """The records of a bronze file as they were, a row group at a time.

    Args:
        path: The Parquet file.
        layout: Of the records; of a definition it depends on the DBN version.
        schema: Their schema.
    """
    if schema == "definition":
        yield from _definitions(path, layout)
        return
    letters = [name for name in _columns(layout) if layout[name] == "S1"]
    with pq.ParquetFile(path, read_dictionary=letters) as file:
        for group in range(file.num_row_groups):
            yield _records(file.read_row_group(group), layout, dbn.RTYPES[schema])


def _definitions(path: Path, layout: np.dtype[np.void]) -> Iterator[Records]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, ["record"])
            yield np.frombuffer(b"".join(rows["record"].to_pylist()), layout)


def _records(rows: pa.Table, layout: np.dtype[np.void], rtype: int) -> Records:
    out = np.zeros(len(rows), layout)
    out["length"], out["rtype"] = layout.itemsize // 4, rtype
    for name in rows.column_names:
        column = rows[name].combine_chunks()
        if layout[name] == "S1":
            codes = "".join(letter or "\0" for letter in column.dictionary.to_pylist()).encode("latin-1")
            out[name] = np.frombuffer(codes, "S1")[
                np.frombuffer(column.indices.buffers()[1], "i4", len(column))
            ]
        else:
            out[name] = np.frombuffer(column.buffers()[1], layout[name], len(column))
    return out
