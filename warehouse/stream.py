"""The bytes of a plain or zstd-compressed file, seen whole or refused."""

from __future__ import annotations

import contextlib
import io
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zstandard

from warehouse.errors import DamagedFileError

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_MAGIC = b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 14  # decompressed, it stays in the processor's cache until it is copied


def start(path: Path, size: int) -> bytes:
    """The first bytes, decompressed; fewer where there are fewer or they cannot be decompressed."""
    with path.open("rb") as file:
        raw = file.read(_CHUNK)
    if not raw.startswith(_MAGIC):
        return raw[:size]
    with contextlib.suppress(zstandard.ZstdError):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)).read(size)
    return b""


def chunks(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """All bytes in order, decompressed if the file begins like zstd.

    Raises:
        DamagedFileError: The file is empty, or a frame is unfinished, altered or followed by other bytes.
    """
    raw = file.read(_CHUNK)
    if not raw:
        raise DamagedFileError(path, "empty file", "0 bytes")
    if raw.startswith(_MAGIC):
        yield from _unzipped(path, file, raw)
        return
    while raw:
        yield raw
        raw = file.read(_CHUNK)


def _unzipped(path: Path, file: BinaryIO, raw: bytes) -> Iterator[bytes]:
    """Frame after frame; only `decompressobj` tells an unfinished frame from the end of the file."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    while raw:
        while raw:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            try:
                out = frame.decompress(raw)
            except zstandard.ZstdError as error:
                what = f"damaged zstd frame or bytes after it ({error})"
                raise DamagedFileError(path, what, f"before byte {file.tell():,}") from None
            raw = frame.unused_data if frame.eof else b""
            if out:
                yield out
        raw = file.read(_CHUNK)
    if not frame.eof:
        raise DamagedFileError(path, "truncated zstd frame", f"unfinished at the end, byte {file.tell():,}")


def filled(path: Path, first: bytes, rest: Iterator[bytes], size: int) -> bytes:
    """Bytes at hand and as many of those that follow as it takes to have `size`, or some more.

    Raises:
        DamagedFileError: There are fewer; it is the header that is cut.
    """
    parts, have = [first], len(first)
    while have < size:
        part = next(rest, b"")
        if not part:
            raise DamagedFileError(path, "truncated header", f"{have:,} bytes where {size:,} belong")
        parts.append(part)
        have += len(part)
    return b"".join(parts)


def batches(parts: Iterable[bytes], size: int) -> Iterator[Bytes]:
    """The same bytes in fresh arrays of `size`; only the last may be shorter."""
    batch, have = np.empty(size, np.uint8), 0
    for part in parts:
        left = np.frombuffer(part, np.uint8)
        while left.size:
            taken = left[: size - have]
            batch[have : have + taken.size] = taken
            have, left = have + taken.size, left[taken.size :]
            if have == size:
                yield batch
                batch, have = np.empty(size, np.uint8), 0
    if have:
        yield batch[:have]


@contextlib.contextmanager
def sink(path: Path, level: int) -> Iterator[BinaryIO]:
    """Where to write a file that is there whole or not at all; zstd with a checksum if named `.zst`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A leading dot keeps what a crash leaves behind out of a survey.
    made = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with made.open("wb") as file, contextlib.ExitStack() as stack:
            yield stack.enter_context(_zipped(file, level)) if path.suffix == ".zst" else file
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def _zipped(file: BinaryIO, level: int) -> contextlib.AbstractContextManager[BinaryIO]:
    return zstandard.ZstdCompressor(level=level, write_checksum=True).stream_writer(file, closefd=False)
