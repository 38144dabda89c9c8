"""A bronze partition while it is made."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import bronze, store
from warehouse.dbn import Header, Records
from warehouse.errors import DataError, OverlapError
from warehouse.instruments import Listing, listings
from warehouse.store import Manifest, Partition

Times = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(slots=True, eq=False)
class Part:
    """What came for a partition, and what waits to be written.

    Args:
        target: Where it will lie.
        schema: Of its records.
        tick: Tick size, 1e-9 points.
        headers: Of the files it came from, by name, in order.
        rows: Records that came.
        waiting: Those of them that are not in a row group yet.
        misdated: Those of them whose own time is illegal.
        first: First legal `ts_recv`.
        last: Last legal `ts_recv`.
    """

    target: Partition
    schema: str
    tick: int
    headers: dict[str, Header] = field(default_factory=dict)
    rows: int = 0
    waiting: int = 0
    misdated: int = 0
    first: int | None = None
    last: int | None = None
    _pieces: list[Records] = field(default_factory=list)
    _listings: set[Listing] = field(default_factory=set)
    _closed: int | None = None  # last ts_recv of the files before the one being read
    _path: Path = Path()
    _writer: pq.ParquetWriter | None = None

    def begin(self, name: str, header: Header) -> None:
        """Records of another file follow.

        Raises:
            DataError: They are of another layout than those before.
        """
        for before, other in self.headers.items():
            if other.dtype != header.dtype:
                raise DataError(f"{before} and {name} are of different DBN versions: remove one of the two")
        self._closed = self.last
        self.headers[name] = header

    def take(self, piece: Records, times: Times, raw: Path) -> None:
        """Records of the current file, and the legal ones among their times.

        Raises:
            OverlapError: An earlier file reaches into their time.
        """
        if times.size:
            self._follow(int(times.min()), int(times.max()), raw)
        if self.schema == "definition":
            self._listings.update(listings(piece))
        self._pieces.append(piece)
        self.rows += len(piece)
        self.waiting += len(piece)
        self.misdated += len(piece) - len(times)

    def _follow(self, first: int, last: int, raw: Path) -> None:
        *_, before, name = ("", *self.headers)
        if self._closed is not None and first <= self._closed:
            # Parts of one download may be cut within one instant; two downloads that share one overlap.
            same = self.headers[before].raw == self.headers[name].raw
            if not (same and first == self._closed < last):
                raise OverlapError(raw / before, raw / name, self.target.name)
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)

    def drain(self) -> pa.Table:
        """What waits, as one row group."""
        made = bronze.batch(self._pieces, self.schema)
        self._pieces, self.waiting = [], 0
        return made

    def write(self, rows: pa.Table, stack: contextlib.ExitStack) -> None:
        """Append a row group to a file that lives as long as the stack."""
        if self._writer is None:
            self._path = stack.enter_context(store.temporary(self.target.root))
            self._writer = stack.enter_context(bronze.writer(self._path, self.schema, rows.schema))
        self._writer.write_table(rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def place(self, common: Manifest) -> None:
        store.place(self.target, self._path, {**common, **self._manifest()})

    def _manifest(self) -> Manifest:
        ends = [header.end for header in self.headers.values()]
        found: Manifest = {
            "dataset": next(iter(self.headers.values())).dataset,
            "rows": self.rows,
            "tick": self.tick,
            "misdated": self.misdated,
            "first_ts_recv": self.first,
            "last_ts_recv": self.last,
            "header_end": max((end for end in ends if end is not None), default=None),
            "header": {name: base64.b64encode(header.raw).decode() for name, header in self.headers.items()},
        }
        if self.schema == "definition":
            found["listings"] = [dataclasses.asdict(listing) for listing in sorted(self._listings)]
        return found
