"""What lies in a folder of raw files: what can be landed, what is left out and why, what is damaged."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse import bronze, dbn, store
from warehouse.dbn import Header, Interval
from warehouse.errors import DamagedFileError, QuestionError
from warehouse.instruments import Directory, Instrument, Listing, listings, resolve

_DAY_NS = 86_400 * 10**9
EPOCH = dt.date(1970, 1, 1)
_LAST = dt.date(2262, 1, 1)


@dataclass(frozen=True, slots=True)
class Source:
    """A raw file that holds records of outrights.

    Args:
        name: Its path below the raw folder, with slashes.
        schema: Schema of its records.
        instruments: The outrights it may hold.
    """

    name: str
    schema: str
    instruments: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """A raw folder, looked at.

    Args:
        raw: The folder.
        sources: What can be landed, by name.
        skipped: How many files and instruments are left out, by reason.
        damaged: What cannot be trusted.
    """

    raw: Path
    sources: tuple[Source, ...]
    skipped: Mapping[str, int]
    damaged: tuple[DamagedFileError, ...]


@dataclass(frozen=True, slots=True)
class Landing:
    """Files that may share partitions, so that they are landed together.

    Args:
        raw: The raw folder.
        sources: Its files, by name.
    """

    raw: str
    sources: tuple[Source, ...]

    @property
    def schema(self) -> str:
        return self.sources[0].schema

    @property
    def table(self) -> str:
        return bronze.table(self.schema)

    @property
    def reach(self) -> tuple[Instrument, ...]:
        """Symbols and dates it may make partitions of; no two landings of a plan share any."""
        return tuple(instrument for source in self.sources for instrument in source.instruments)

    @property
    def digest(self) -> str:
        """Identity of what was asked for; says nothing of the bytes of its files."""
        asked = [dataclasses.asdict(source) for source in self.sources]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def survey(raw: Path, root: Path) -> Survey:
    """Look at every file below a folder, whatever its name; only definitions are read beyond the header.

    Args:
        raw: The folder; what begins with a dot in it is passed over.
        root: The warehouse, for the definitions that it has already.

    Raises:
        QuestionError: There is no such folder.
    """
    if not raw.is_dir():
        raise QuestionError(f"{raw} is no folder: put DBN files there, or name their folder with --raw")
    look = _Look(raw)
    for path in sorted(raw.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(raw).parts):
            look.at(path)
    return look.survey(root)


class _Look:
    """A survey while it is made."""

    def __init__(self, raw: Path) -> None:
        self._raw = raw
        self._headers: dict[str, Header] = {}
        self._listings: defaultdict[str, dict[str, set[Listing]]] = defaultdict(dict)
        self._damaged: list[DamagedFileError] = []
        self._skipped: Counter[str] = Counter()
        self._left_out: set[tuple[str, str, str]] = set()

    def at(self, path: Path) -> None:
        if ".dbn" not in path.suffixes and not dbn.is_dbn(path):
            self._skipped["file that is not DBN"] += 1
            return
        try:
            self._take(path, dbn.read_header(path))
        except DamagedFileError as error:
            self._damaged.append(error)

    def _take(self, path: Path, header: Header) -> None:
        name = path.relative_to(self._raw).as_posix()
        if header.schema not in dbn.RTYPES:
            self._skipped[f"file of schema {header.schema}"] += 1
            return
        if header.schema == "definition":
            told = (listing for batch in dbn.read(path) for listing in listings(batch))
            self._listings[header.dataset][name] = set(told)
        self._headers[name] = header

    def survey(self, root: Path) -> Survey:
        told = _landed(root, self._headers)
        for dataset, files in self._listings.items():
            told[dataset].update(*files.values())
        directories = {dataset: Directory(listings) for dataset, listings in told.items()}
        found = [
            Source(name, header.schema, tuple(self._instruments(name, header, directories)))
            for name, header in self._headers.items()
        ]
        skipped = self._skipped + Counter(reason for reason, *_ in self._left_out)
        sources = tuple(source for source in found if source.instruments)
        return Survey(self._raw, sources, dict(sorted(skipped.items())), tuple(self._damaged))

    def _instruments(
        self, name: str, header: Header, directories: Mapping[str, Directory]
    ) -> Iterator[Instrument]:
        directory = directories.get(header.dataset, Directory())
        mappings = self._mappings(name, header, directory)
        if not mappings:
            self._left_out.add(("file without symbols (land its definitions)", header.dataset, name))
        for asked, intervals in mappings.items():
            for interval in intervals:
                found = resolve(asked, interval, directory)
                if isinstance(found, Instrument):
                    yield from _within(found, header)
                else:
                    self._left_out.add((found, header.dataset, asked))

    def _mappings(
        self, name: str, header: Header, directory: Directory
    ) -> Mapping[str, tuple[Interval, ...]]:
        """Definitions speak for themselves; other files by their header, or by all definitions."""
        first, after = span(header)
        if header.schema == "definition":
            own = Directory(self._listings[header.dataset][name])
            return own.mappings(first, after)
        return header.mappings or directory.mappings(first, after)


def _within(found: Instrument, header: Header) -> Iterator[Instrument]:
    """The part of an instrument's days that a file was asked for; nothing if there is none."""
    first, after = (day.isoformat() for day in span(header))
    cut = dataclasses.replace(found, first=max(first, found.first), after=min(after, found.after))
    if cut.first < cut.after:
        yield cut


def span(header: Header) -> tuple[dt.date, dt.date]:
    """First UTC date that a file was asked for, and the date after the last; open ends lie far away."""
    first = min(header.start // _DAY_NS, (_LAST - EPOCH).days)
    after = (
        _LAST if header.end is None else EPOCH + dt.timedelta(days=min(-(-header.end // _DAY_NS), 106_000))
    )
    return EPOCH + dt.timedelta(days=first), after


def plan(found: Survey) -> list[Landing]:
    """Files grouped so that no two groups reach the same symbol and date of a table."""
    groups = {source.name: {source} for source in found.sources}
    for one, other in _meetings(found.sources):
        merged = groups[one] | groups[other]
        groups |= dict.fromkeys((source.name for source in merged), merged)
    unique = {id(group): group for group in groups.values()}.values()
    landings = (Landing(str(found.raw), tuple(sorted(group, key=_name))) for group in unique)
    return sorted(landings, key=_order)


def _meetings(sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Names of two files that reach a common symbol and date, enough of them to connect all that do."""
    claims: defaultdict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for source in sources:
        for item in source.instruments:
            claims[source.schema, item.symbol].append((item.first, item.after, source.name))
    for spans in claims.values():
        until, holder = "", ""
        for first, after, name in sorted(spans):
            if first < until:
                yield holder, name
            if after > until:
                until, holder = after, name


def _name(source: Source) -> str:
    return source.name


def _order(landing: Landing) -> tuple[str, str]:
    return landing.table, landing.sources[0].name


def _landed(root: Path, names: Container[str]) -> defaultdict[str, set[Listing]]:
    """What definitions in the warehouse say whose files are gone from the raw folder, by dataset."""
    told: defaultdict[str, set[Listing]] = defaultdict(set)
    for target in store.partitions(root, bronze.table("definition")):
        manifest = store.read_manifest(target) or {}
        if not any(name in names for name in manifest.get("inputs", ())):
            for listing in manifest.get("listings", ()):
                told[manifest["dataset"]].add(Listing(**listing))
    return told
