"""DBN files: read whole and verified, in batches of bounded size, or not at all; written whole or not at all.

Understands MBP-10, MBO and definition records of DBN versions 1 to 3, plain or in zstd frames. A plain file
has no checksum: a cut between two records, or a price that changed, cannot be seen in it.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn as d
import numpy as np

from warehouse import stream
from warehouse.errors import DamagedFileError, DataError

Interval = tuple[dt.date, dt.date, int]
"""First date, date after the last, instrument id."""
Records = np.ndarray[Any, np.dtype[np.void]]

MBP_10 = np.dtype(list(d.MBP10Msg._dtypes))  # noqa: SLF001  # the only public place of the layout
MBO = np.dtype(list(d.MBOMsg._dtypes))  # noqa: SLF001
DEFINITIONS = {
    1: np.dtype(list(d.InstrumentDefMsgV1._dtypes)),  # noqa: SLF001
    2: np.dtype(list(d.InstrumentDefMsgV2._dtypes)),  # noqa: SLF001
    3: np.dtype(list(d.InstrumentDefMsg._dtypes)),  # noqa: SLF001
}
"""Layout of a definition record by DBN version."""
RTYPES = {"mbp-10": 10, "definition": 19, "mbo": 160}
"""Record type of each schema that can be read."""
UNDEF_PRICE = int(d.UNDEF_PRICE)
UNDEF_TIMESTAMP = int(d.UNDEF_TIMESTAMP)

_AS_IS = d.VersionUpgradePolicy(d.VersionUpgradePolicy.AS_IS)
_MAGIC = b"DBN"
_PREFIX = 8
_NEWEST = 3
_MAX_HEADER = 1 << 27


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself.

    Args:
        version: DBN version, 1 to 3.
        dataset: Such as `GLBX.MDP3`.
        schema: Such as `mbp-10`; `mixed` where records of several schemas follow each other (live captures).
        start: First `ts_recv` asked for, ns UTC.
        end: `ts_recv` before which records were asked for, ns UTC; None if open.
        stype_in: Kind of the symbols asked for, such as `raw_symbol`; empty if mixed.
        symbols: The symbols asked for.
        mappings: Instrument ids by symbol and date, of files whose records are known by instrument id.
        raw: The header's bytes.
    """

    version: int
    dataset: str
    schema: str
    start: int
    end: int | None
    stype_in: str
    symbols: tuple[str, ...]
    mappings: Mapping[str, tuple[Interval, ...]]
    raw: bytes = field(repr=False)

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Layout of the records that follow.

        Raises:
            DataError: Records of this schema are not read.
        """
        layouts = {"mbp-10": MBP_10, "mbo": MBO, "definition": DEFINITIONS[self.version]}
        if self.schema not in layouts:
            raise DataError(
                f"records of schema {self.schema} are not read, only {', '.join(sorted(layouts))}"
            )
        return layouts[self.schema]


def is_dbn(path: Path) -> bool:
    """Whether a file begins like DBN, plain or compressed, whatever its name."""
    return stream.start(path, len(_MAGIC)) == _MAGIC


def read_header(path: Path) -> Header:
    """The file's header, without looking at its records.

    Raises:
        DamagedFileError: The file does not begin with a DBN header that can be read whole.
    """
    with path.open("rb") as file:
        header, _ = _header(path, stream.chunks(path, file))
    return header


def read(path: Path, records: int = 65536) -> Generator[Records, None, None]:
    """Records of a file in order, each batch a fresh array of at most `records`.

    What was yielded may only be kept once the iterator has ended: a checksum is compared last.

    Raises:
        DamagedFileError: Truncated, altered, joined, of another type than its header says, or not DBN.
        DataError: Records of this schema are not read.
    """
    with path.open("rb") as file:
        chunks = stream.chunks(path, file)
        header, rest = _header(path, chunks)
        layout, sign, done = header.dtype, _sign(header), 0
        for batch in stream.batches(itertools.chain((rest,), chunks), layout.itemsize * records):
            whole = batch.size // layout.itemsize
            found = batch[: whole * layout.itemsize].view(layout)
            _check(path, found, sign, done)
            if whole * layout.itemsize != batch.size:
                what = f"truncated record ({batch.size - whole * layout.itemsize} bytes of {layout.itemsize})"
                raise DamagedFileError(path, what, f"at the end, in record {done + whole + 1:,}")
            yield found
            done += whole


def header_bytes(
    dataset: str,
    schema: str,
    mappings: Mapping[str, Iterable[Interval]],
    start: int,
    end: int | None,
    version: int = _NEWEST,
) -> bytes:
    """The header of a file whose records were asked for by raw symbol.

    Args:
        dataset: At most 15 characters.
        schema: Such as `mbp-10`.
        mappings: Instrument ids by raw symbol and date.
        start: First `ts_recv`, ns UTC.
        end: `ts_recv` before which all records lie, ns UTC, or None.
        version: DBN version, 1 to 3.
    """
    named = [
        SimpleNamespace(raw_symbol=symbol, intervals=[_interval(*span) for span in spans])
        for symbol, spans in mappings.items()
    ]
    metadata = d.Metadata(
        dataset=dataset,
        schema=d.Schema.from_str(schema),
        start=start,
        end=end,
        stype_in=d.SType.from_str("raw_symbol"),
        stype_out=d.SType.from_str("instrument_id"),
        symbols=list(mappings),
        partial=[],
        not_found=[],
        mappings=named,
        version=version,
    )
    return metadata.encode()


def _interval(first: dt.date, after: dt.date, number: int) -> SimpleNamespace:
    return SimpleNamespace(start_date=first, end_date=after, symbol=str(number))


def write(path: Path, head: bytes, arrays: Iterable[Records], *, level: int = 3) -> None:
    """Write a file that is there whole or not at all.

    Args:
        path: zstd-compressed with a checksum if the name ends in `.zst`, else plain.
        head: From `header_bytes`, or another file's `Header.raw`.
        arrays: Records in order, in arrays of the layout that the header names.
        level: Compression level of zstd.
    """
    with stream.sink(path, level) as sink:
        sink.write(head)
        for array in arrays:
            sink.write(np.ascontiguousarray(array).view(np.uint8).data)


def _header(path: Path, chunks: Iterator[bytes]) -> tuple[Header, bytes]:
    """The header, and the bytes that came with it."""
    start = stream.filled(path, b"", chunks, _PREFIX)
    if not start.startswith(_MAGIC):
        raise DamagedFileError(path, "not a DBN file", f"begins with {start[:4]!r} once decompressed")
    version, length = start[3], int.from_bytes(start[4:_PREFIX], "little")
    if not 1 <= version <= _NEWEST:
        what = f"DBN version {version}, only 1 to {_NEWEST} are read"
        raise DamagedFileError(path, what, "in the header, at byte 3")
    if length > _MAX_HEADER:
        raise DamagedFileError(path, f"damaged header (length {length:,} bytes)", "at byte 4")
    start = stream.filled(path, start, chunks, _PREFIX + length)
    return decode_header(path, start[: _PREFIX + length]), start[_PREFIX + length :]


def decode_header(path: Path, raw: bytes) -> Header:
    """A header from its bytes.

    Args:
        path: Where they come from, for the message.
        raw: The whole header.

    Raises:
        DamagedFileError: They are not a header that can be read.
    """
    try:
        found = d.Metadata.decode(raw, upgrade_policy=_AS_IS)
        mappings = _mappings(found)
    except (d.DBNError, ValueError, KeyError, OverflowError) as error:
        what = f"damaged header ({' '.join(str(error).split())})"
        raise DamagedFileError(path, what, f"within its first {len(raw):,} bytes") from None
    if found.ts_out:
        raise DamagedFileError(path, "records carry ts_out, which is not read", "in the header")
    schema, stype_in = str(found.schema or "mixed"), str(found.stype_in or "")
    asked = (found.version, found.dataset, schema, found.start, found.end, stype_in, tuple(found.symbols))
    return Header(*asked, mappings, raw)


def _mappings(found: d.Metadata) -> dict[str, tuple[Interval, ...]]:
    # The decoder's order differs from run to run. An empty symbol says that the interval has no instrument.
    if str(found.stype_out) != "instrument_id":
        return {}
    return {
        symbol: tuple((i["start_date"], i["end_date"], int(i["symbol"])) for i in intervals if i["symbol"])
        for symbol, intervals in sorted(found.mappings.items())
    }


def _sign(header: Header) -> int:
    """The first two bytes of every record: its length in words, its type."""
    return header.dtype.itemsize // 4 | RTYPES[header.schema] << 8


def _check(path: Path, found: Records, sign: int, done: int) -> None:
    """Refuse the first record that is not of the header's type and length."""
    signs = np.ndarray(found.shape, "<u2", found, strides=found.strides)
    bad = np.flatnonzero(signs != sign)
    if not bad.size:
        return
    record = found[bad[0]]
    if record.tobytes().startswith(_MAGIC):
        what = "a second DBN header (two files joined)"
    else:
        what = f"record of {int(record['length']) * 4} bytes and rtype {record['rtype']}"
        what += f" where {found.itemsize} and {sign >> 8} belong"
    raise DamagedFileError(path, what, f"in record {done + bad[0] + 1:,}")
