"""Raw files to bronze partitions, whole and lossless."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from warehouse import bronze, dbn, ledger, store
from warehouse.dbn import Records
from warehouse.errors import MissingStepError
from warehouse.ledger import Ledger
from warehouse.parts import Part
from warehouse.route import Route
from warehouse.store import Manifest, Partition
from warehouse.survey import Landing, Source, Survey, plan, survey

__all__ = ["Landing", "Survey", "land", "plan", "restore", "stale", "survey"]

RowGroup = tuple[Part, pa.Table]

_BATCH = bronze.ROWS // 4
_WAITING = 4 * bronze.ROWS  # records of all partitions together that may wait for their row group to fill
_CODE = ("stream", "dbn", "bronze", "instruments", "survey", "route", "parts", "land")


def land(root: Path, landing: Landing) -> list[Partition]:
    """Write the partitions that a group of files holds, all of them or none.

    A record whose `ts_recv` lies outside the dates that its file was asked for goes where the record before
    it went, and is counted as `misdated`; records of other instruments are counted as `left_out`.

    Raises:
        DamagedFileError: A file cannot be trusted.
        OverlapError: Two files claim the same time of one partition.
    """
    desk = _Desk(root, landing)
    with contextlib.ExitStack() as stack:
        row_groups = stack.enter_context(contextlib.closing(_ahead(desk.row_groups())))
        for part, rows in row_groups:
            part.write(rows, stack)
        parts = sorted(desk.parts.values(), key=lambda part: part.target.name)
        common = _wanted(landing, Ledger(root)) | {
            "left_out": desk.left_out,
            "landed": [part.target.name for part in parts],
        }
        for part in parts:
            part.close()
        for part in parts:
            part.place(common)
        _sweep(root, landing, {part.target for part in parts})
    return [part.target for part in parts]


def _ahead(items: Iterator[RowGroup]) -> Generator[RowGroup]:
    """The same items, the next one made in a thread while this one is used."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, items, None)
        while item := pending.result():
            pending = pool.submit(next, items, None)
            yield item


class _Desk:
    """Sorts the records of files into partitions.

    Args:
        root: The warehouse.
        landing: The files.
    """

    def __init__(self, root: Path, landing: Landing) -> None:
        self._root, self._raw, self._landing = root, Path(landing.raw), landing
        self.parts: dict[tuple[str, str], Part] = {}
        self.left_out = 0

    def row_groups(self) -> Iterator[RowGroup]:
        """Row groups in the order in which they fill."""
        for source in self._in_order():
            yield from self._read(source)
        for part in self.parts.values():
            if part.waiting:
                yield part, part.drain()

    def _in_order(self) -> list[Source]:
        """Files by their first time; it need not be read where there is one."""
        sources = self._landing.sources
        return list(sources) if len(sources) == 1 else sorted(sources, key=self._start)

    def _start(self, source: Source) -> tuple[int, str]:
        with contextlib.closing(dbn.read(self._raw / source.name, 1)) as batches:
            batch = next(batches, None)
        return 0 if batch is None else int(batch["ts_recv"][0]), source.name

    def _read(self, source: Source) -> Iterator[RowGroup]:
        path = self._raw / source.name
        route = Route(dbn.read_header(path), source.instruments)
        for batch in dbn.read(path, _BATCH):
            for key, piece, times in route.pieces(batch):
                part = self._part(*key)
                if source.name not in part.headers:
                    part.begin(source.name, route.header)
                part.take(piece, times, self._raw)
            yield from self._full()
        self.left_out += route.left_out

    def _part(self, symbol: str, date: str, tick: int) -> Part:
        if (symbol, date) not in self.parts:
            target = store.partition(self._root, self._landing.table, symbol=symbol, date=date)
            self.parts[symbol, date] = Part(target, self._landing.schema, tick)
        return self.parts[symbol, date]

    def _full(self) -> Iterator[RowGroup]:
        """Row groups that are full, and the largest of the others while too much waits."""
        waiting = sorted(self.parts.values(), key=lambda part: part.waiting)
        total = sum(part.waiting for part in waiting)
        while waiting and (waiting[-1].waiting >= bronze.ROWS or total > _WAITING):
            part = waiting.pop()
            total -= part.waiting
            yield part, part.drain()


def stale(root: Path, landing: Landing, known: Ledger) -> str | None:
    """Why files must be landed; None where all that they hold lies there already."""
    wanted = _wanted(landing, known)
    for target in _reached(root, landing):
        said = known.manifest(target) or {}
        if said.get("parameters") == wanted["parameters"]:
            return known.stale([_named(root, landing, name) for name in said["landed"]], wanted)
    return "absent"


def _wanted(landing: Landing, known: Ledger) -> Manifest:
    raw = Path(landing.raw)
    return {
        "fingerprint": ledger.code(*(f"warehouse.{name}" for name in _CODE)),
        "parameters": {"landing": landing.digest},
        "inputs": {source.name: known.hashes.of(raw / source.name) for source in landing.sources},
    }


def _reached(root: Path, landing: Landing) -> list[Partition]:
    """Partitions there are of the symbols and dates that a group of files may hold."""
    found = {
        (item.symbol, path.parent.name.removeprefix("date="))
        for item in landing.reach
        for path in (root / landing.table.replace(".", "/") / f"symbol={item.symbol}").glob(
            "date=*/part.json"
        )
        if item.first <= path.parent.name.removeprefix("date=") < item.after
    }
    return [store.partition(root, landing.table, symbol=symbol, date=date) for symbol, date in sorted(found)]


def _named(root: Path, landing: Landing, name: str) -> Partition:
    *_, symbol, date = (key.partition("=")[2] for key in name.split("/"))
    return store.partition(root, landing.table, symbol=symbol, date=date)


def _sweep(root: Path, landing: Landing, made: Collection[Partition]) -> None:
    """Remove what earlier versions of the files held and these do not."""
    names = {source.name for source in landing.sources}
    for target in _reached(root, landing):
        if target not in made and names & set((store.read_manifest(target) or {}).get("inputs", ())):
            target.manifest_path.unlink()
            target.path.unlink(missing_ok=True)


def restore(target: Partition) -> Records:
    """The records of a partition as they were in its files, in their order.

    Raises:
        MissingStepError: It is not landed.
    """
    manifest = store.read_manifest(target)
    if manifest is None:
        raise MissingStepError(f"{target.name} is not landed: build its date first")
    raw = base64.b64decode(next(iter(manifest["header"].values())))
    header = dbn.decode_header(target.manifest_path, raw)
    return np.concatenate(list(bronze.records(target.path, header.dtype, header.schema)))
