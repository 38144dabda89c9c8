"""What a root holds: tables, dates, the quality of each date, the recall of its indexes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from warehouse import liveness, store
from warehouse.errors import MissingStepError
from warehouse.ledger import Ledger
from warehouse.liveness import Liveness
from warehouse.schema import SET_ASIDE
from warehouse.store import Manifest, Partition

LATE_END_S = 60.0
"""Seconds between a file's last record and its header's end from which it is pointed out."""
KNOWN_FRAC = 0.99
"""Share of the time below which it is pointed out that the book was not known."""
_SIZES = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


@dataclass(frozen=True, slots=True)
class Holding:
    """One table: its partitions, rows, bytes and the dates it spans."""

    table: str
    partitions: int
    first: str
    last: str
    rows: int
    bytes: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A bronze partition's end: a plain file cut on a record's boundary shows here and nowhere else.

    Args:
        partition: Its name.
        last: `ts_recv` of its last record, ISO 8601 UTC.
        header_end: Where its files say that they end; null if open.
        short_s: Seconds between the two, where that is within the partition's day.
    """

    partition: str
    last: str
    header_end: str | None
    short_s: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything; `damaged` names partitions whose bytes are not their manifests', and junk sidecars.

    `liveness` is null without setups, and where something is damaged.
    """

    root: str
    tables: list[Holding]
    arrivals: list[Arrival]
    quality: list[dict[str, Any]]
    indexes: list[dict[str, Any]]
    damaged: list[str]
    liveness: Liveness | None


def status(root: Path, *, verify: bool = False) -> Status:
    """Look at a root.

    Args:
        root: The warehouse.
        verify: Read every file again and hold it against its manifest's sha256.

    Raises:
        MissingStepError: If nothing was built there.
    """
    parts = _partitions(root)
    if not parts:
        raise MissingStepError(
            f"{root} holds nothing built: put DBN files into {root / 'raw'} and run `warehouse build`"
        )
    ledger = Ledger(root)
    if verify:
        ledger.hashes.forget()
    damaged = [part.name for part in parts if ledger.digest(part) is None]
    sound = [part for part in parts if part.name not in set(damaged)]
    arrivals = [_arrival(part, ledger) for part in sound if part.table in {"bronze.mbp_10", "bronze.mbo"}]
    quality = list(_quality(part for part in sound if part.table == "silver.quality"))
    notes = {path: store.mapping(path) for path in sorted((root / "index").glob("*.json"))}
    damaged += [str(path.relative_to(root)) for path, note in notes.items() if note is None]
    indexes = [_index(note) for note in notes.values() if note is not None]
    alive = None if damaged else liveness.liveness(root)
    return Status(str(root), _holdings(parts, ledger), arrivals, quality, indexes, damaged, alive)


def _partitions(root: Path) -> list[Partition]:
    layers = [root / layer for layer in ("bronze", "silver", "gold")]
    names = [
        f"{layer.name}.{path.name}" for layer in layers if layer.is_dir() for path in sorted(layer.iterdir())
    ]
    return [part for name in names for part in store.partitions(root, name)]


def _holdings(parts: Iterable[Partition], ledger: Ledger) -> list[Holding]:
    tables: dict[str, list[Partition]] = {}
    for part in parts:
        tables.setdefault(part.table, []).append(part)
    return [_holding(table, mine, ledger) for table, mine in tables.items()]


def _holding(table: str, parts: list[Partition], ledger: Ledger) -> Holding:
    said = [ledger.manifest(part) or {} for part in parts]
    dates = sorted(dict(part.keys)["date"] for part in parts)
    return Holding(
        table,
        len(parts),
        dates[0],
        dates[-1],
        sum(manifest.get("rows", 0) for manifest in said),
        sum(manifest.get("bytes", 0) for manifest in said),
        sum(sum(manifest.get("quarantined", {}).values()) for manifest in said),
    )


def _arrival(part: Partition, ledger: Ledger) -> Arrival:
    said = ledger.manifest(part) or {}
    last, end = said["last_ts_recv"], said["header_end"]
    day = dt.date.fromisoformat(dict(part.keys)["date"])
    midnight = int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() + 86_400) * 10**9
    short = None if end is None else max(0.0, (min(end, midnight) - last) / 1e9)
    return Arrival(part.name, _iso(last), None if end is None else _iso(end), short)


def _quality(parts: Iterable[Partition]) -> Iterator[dict[str, Any]]:
    for part in parts:
        [row] = pl.read_parquet(part.path).with_columns(pl.col(pl.Datetime).dt.to_string("iso")).to_dicts()
        yield {**dict(part.keys), **row}


def _index(note: Manifest) -> dict[str, Any]:
    return {key: note.get(key) for key in ("spec", "product", "rows", "recall")}


def _iso(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_json(found: Status) -> str:
    return json.dumps(asdict(found), indent=1)


def to_text(found: Status) -> str:
    """Five short tables, and a line for each file that ends early or is damaged."""
    alive = ["", *liveness.to_text(found.liveness)] if found.liveness else []
    return "\n".join([*_tables(found), "", *_dates(found), *alive, "", *_ends(found), *_rest(found)])


def _tables(found: Status) -> Iterator[str]:
    yield f"{'table':<24} {'partitions':>10} {'rows':>12} {'size':>9}  dates"
    for each in found.tables:
        aside = f"  {each.quarantined} rows in quarantine" if each.quarantined else ""
        yield (
            f"{each.table:<24} {each.partitions:>10} {each.rows:>12,} {_size(each.bytes):>9}"
            f"  {each.first} to {each.last}{aside}"
        )


def _dates(found: Status) -> Iterator[str]:
    yield "date        symbol  source   records    bars  residual  unmatched   late  resets  evening  beyond"
    for row in found.quality:
        yield (
            f"{row['date']}  {row['symbol']:<6}  {row['source']:<6} {row['records']:>9,} {row['bars']:>7,}"
            f"  {_share(row['residual_frac'])}   {_share(row['unmatched_frac'])} {row['late_cnt']:>6}"
            f" {row['reset_cnt']:>7}  {'yes' if row['evening'] else 'no':>7}  {row['beyond'] or 'nothing'}"
        )
    yield from (note for row in found.quality for note in _notes(row))


def _notes(row: dict[str, Any]) -> Iterator[str]:
    """What of a date is not in its tables, each rule by its name."""
    where = f"{row['date']} {row['symbol']}"
    if row["known_frac"] is not None and row["known_frac"] < KNOWN_FRAC:
        since = "never known" if row["known_ts"] is None else f"known from {row['known_ts'][:19]} UTC"
        yield f"{where}: the book is {since}, {row['known_frac']:.1%} of the time: no snapshot before that"
    counts = {name: row[f"{name}_cnt"] for name in SET_ASIDE}
    if told := ", ".join(f"{count:,} {name}" for name, count in counts.items() if count):
        yield f"{where}: set aside {told}"
    used = {"bad book": row["badbook_cnt"], "crossed": row["crossed_cnt"]}
    if told := ", ".join(f"{count:,} {name}" for name, count in used.items() if count):
        yield f"{where}: used and marked {told}"


def _ends(found: Status) -> Iterator[str]:
    for each in found.arrivals:
        if each.short_s is not None and each.short_s >= LATE_END_S:
            yield (
                f"{each.partition}: last record {each.last}, but its header ends {each.header_end}:"
                f" {each.short_s:,.0f} s are quiet or cut off"
            )


def _rest(found: Status) -> Iterator[str]:
    for each in found.indexes:
        recall = "not measured (too few)" if each["recall"] is None else f"{each['recall']:.3f}"
        name = f"{each['spec']} of {each['product']}"
        yield f"index {name}: {each['rows']:,} setups, recall of 30 neighbours {recall}"
    yield from (f"damaged: {name}: run `warehouse build` to make it again" for name in found.damaged)


def _share(value: float | None) -> str:
    return f"{'·':>7}" if value is None else f"{value:7.3%}"


def _size(count: float) -> str:
    unit = 0
    while count >= _STEP and unit < len(_SIZES) - 1:
        count, unit = count / _STEP, unit + 1
    return f"{count:.1f} {_SIZES[unit]}" if unit else f"{count:.0f} B"
