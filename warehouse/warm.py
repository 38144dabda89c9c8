"""What a process keeps of a root between two questions, for as long as its files stay what they were."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from warehouse import barrier, index, library, past, scales, session, spread, store, trials, vectors
from warehouse.barrier import Calibration
from warehouse.index import Mask, SetupIndex
from warehouse.library import Admission, Likeness
from warehouse.past import Moments, Past
from warehouse.scan import Scan
from warehouse.schema import NS, SETUPS
from warehouse.store import Partition, Seen, Stat
from warehouse.vectors import Scaler, Spec, Vectors

_SETUP = (
    "setup_id", "is_placebo", "level_kinds", "level_price", "direction", "trigger_ts", "known_ts",
    "resolved_ts", "p_ref", "x0", "sigma_60", "sigma_ratio",
)  # fmt: skip
_EVENING = dt.time(18)
_KEPT = 4
"""Roots, vectors and dates of which something is kept; of moments, ten to a setup, and of graphs one."""
_READ = 64
"""Columns of a date that are kept: a few megabytes a table."""
_TABLES, _HOURS = 12, 6
"""Whole tables that are kept, of a few dates, and hours of a ladder: up to some twenty megabytes each."""
_HOUR_NS = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Held:
    """The library of a product as it lies on disk now; what it gives is shared and not to be changed.

    Args:
        root: The warehouse.
        product: Whose setups.
        seen: Files of the tables that were asked for so far.
    """

    root: Path
    product: str
    seen: dict[str, Seen] = field(default_factory=dict)

    def contracts(self) -> frozenset[str]:
        """Those of the product that have setups."""
        return _contracts(self.root, self.product, self._of("setups"))

    def setups(self) -> pl.DataFrame:
        """As `library.setups` gives them, of the product, without placebos and features."""
        return _real(self.root, self.product, self._of("setups"))

    def standing(self, asked: Admission) -> Mask:
        """Which of the same are admitted but for the moment: by level, direction and contract."""
        always = replace(asked, as_of=0, but=None, like=Likeness())
        return _standing(self.root, self.product, always, self._of("setups"))

    def arrivals(self) -> Past:
        """The same setups as they arrived."""
        return _arrivals(self.root, self.product, self._of("setups"), self._of("outcomes"))

    def moments(self, spec: Spec) -> Moments:
        """The same setups at every moment around their arrivals."""
        return _moments(self.root, self.product, spec, self._of("setups"), self._of("snapshots"))

    def scan(self, spec: Spec, date: dt.date) -> Scan:
        """Of the same setups, as `vectors.placed` gives them by the scaler of a date."""
        told = self._of("summaries") if library.summaries(spec.slots) else ()
        return _scan(self.root, self.product, spec, date, self._of("setups"), told, self._scalers(date))

    def graph(self, spec: Spec) -> SetupIndex:
        """The graph of the same setups, as `index.load` gives it."""
        files = tuple(map(store.stat, index.paths(self.root, spec.name, self.product)))
        return _graph(self.root, self.product, spec, files, self._of("setups"))

    def scaler(self, spec: Spec, date: dt.date) -> Scaler:
        """As `scales.in_force` gives it of the product."""
        return _scaler(self.root, self.product, spec, date, self._scalers(date))

    def strengths(self, name: str, circle: str, date: dt.date) -> dict[int, float]:
        """As `trials.strengths` gives them of a vector or of P_cal, from trials of earlier dates."""
        return dict(_strengths(self.root, self.product, name, circle, date, self._of("trials")))

    def calibrated(self, date: dt.date, known: int) -> dict[int, Calibration]:
        """Calibration of sigma on outcomes of earlier dates that were known, placebo too.

        Args:
            date: The date of the question.
            known: Instant by which they have to be resolved, ns UTC; all of earlier dates are.
        """
        by = min(known, session.at(date, _EVENING))
        return dict(_calibrated(self.root, self.product, date, by, self._of("setups"), self._of("outcomes")))

    def _scalers(self, date: dt.date) -> Seen:
        """The file that holds the scaler of a date; before any, all of them."""
        name = f"scalers of {date}"
        if name not in self.seen:
            self.seen[name] = store.latest(self.root, "gold.scalers", f"product={self.product}", date)
        return self.seen[name] or self._of("scalers")

    def _of(self, table: str) -> Seen:
        if table not in self.seen:
            self.seen[table] = store.seen(self.root, f"gold.{table}")
        return self.seen[table]


def read(target: Partition, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Some columns of a partition, in the order of its rows, as `table` gives them; one it lacks is null."""
    return _read(target, tuple(schema.items()), store.sight(target))


def arrived(target: Partition) -> pl.DataFrame:
    """Setups of a partition of gold.setups, without features; none where it is absent."""
    schema = {name: SETUPS.schema[name] for name in _SETUP}
    return read(target, schema) if target.path.exists() else pl.DataFrame(schema=schema)


def table(target: Partition) -> pl.DataFrame:
    """A partition whole, in the order of its rows; without any where it is absent.

    Raises:
        DataError: If it is damaged.
    """
    return _whole(target, store.sight(target))


def hours(target: Partition, first: int, last: int) -> pl.DataFrame:
    """The rows of those hours, by the clock, that bars from `first` to `last` lie in, ns UTC.

    Raises:
        DataError: If the partition is damaged.
    """
    seen = store.sight(target)
    return pl.concat([_hour(target, hour, seen) for hour in range(first // _HOUR_NS, last // _HOUR_NS + 1)])


@functools.lru_cache(_TABLES)
def _whole(target: Partition, _files: Seen) -> pl.DataFrame:
    return store.scan([target]).drop(name for name, _ in target.keys).collect(engine="in-memory")


@functools.lru_cache(_HOURS)
def _hour(target: Partition, hour: int, _files: Seen) -> pl.DataFrame:
    begin, end = (pl.lit(each * _HOUR_NS).cast(NS) for each in (hour, hour + 1))
    rows = pl.scan_parquet(store.whole(target), glob=False)
    return rows.filter(pl.col("bar_ts").is_between(begin, end, closed="left")).collect(engine="in-memory")


@functools.lru_cache(_READ)
def _read(target: Partition, schema: tuple[tuple[str, pl.DataType], ...], _files: Seen) -> pl.DataFrame:
    return library.scan([target], dict(schema)).collect(engine="in-memory")


@functools.lru_cache(_KEPT)
def _setups(root: Path, _files: Seen) -> pl.DataFrame:
    return library.setups(root).select(past.OWN)


@functools.lru_cache(_KEPT)
def _outcomes(root: Path, _files: Seen) -> pl.DataFrame:
    return library.outcomes(root).select(past.FOLLOWED)


@functools.lru_cache(_KEPT)
def _contracts(root: Path, product: str, setups: Seen) -> frozenset[str]:
    known = {symbol: session.parse_outright(symbol) for symbol in _setups(root, setups)["symbol"].unique()}
    return frozenset(symbol for symbol, each in known.items() if each and each.product == product)


def _mine(root: Path, product: str, setups: Seen) -> pl.Expr:
    return pl.col("symbol").is_in(sorted(_contracts(root, product, setups)))


@functools.lru_cache(_KEPT)
def _real(root: Path, product: str, setups: Seen) -> pl.DataFrame:
    return _setups(root, setups).filter(_mine(root, product, setups), ~pl.col("is_placebo"))


@functools.lru_cache(4 * _KEPT)
def _standing(root: Path, product: str, asked: Admission, setups: Seen) -> Mask:
    found: Mask = _real(root, product, setups).select(asked.standing()).to_series().to_numpy()
    found.flags.writeable = False
    return found


@functools.lru_cache(_KEPT)
def _arrivals(root: Path, product: str, setups: Seen, outcomes: Seen) -> Past:
    return past.arrivals(_real(root, product, setups), _outcomes(root, outcomes))


@functools.lru_cache(1)
def _moments(root: Path, product: str, spec: Spec, setups: Seen, _snapshots: Seen) -> Moments:
    every = library.snapshots(root, spec.slots).collect(engine="in-memory")
    return past.moments(every, _real(root, product, setups), spec)


@functools.lru_cache(_KEPT)
def _vectors(root: Path, product: str, spec: Spec, setups: Seen, _summaries: Seen) -> Vectors:
    mine = _mine(root, product, setups) & ~pl.col("is_placebo")
    return vectors.matrix(library.setups(root, spec.slots).filter(mine), spec)


@functools.lru_cache(_KEPT)
def _scan(
    root: Path, product: str, spec: Spec, date: dt.date, setups: Seen, summaries: Seen, scalers: Seen
) -> Scan:
    scale = _scaler(root, product, spec, date, scalers)
    every, mad = vectors.placed(_vectors(root, product, spec, setups, summaries), scale)
    return Scan(every, mad, spread.groups(_real(root, product, setups)))


@functools.lru_cache(_KEPT)
def _scaler(root: Path, product: str, spec: Spec, date: dt.date, _scalers: Seen) -> Scaler:
    return scales.in_force(root, product, spec, date)


@functools.lru_cache(1)
def _graph(root: Path, product: str, spec: Spec, _files: tuple[Stat | None, ...], setups: Seen) -> SetupIndex:
    return index.load(root, spec, product, _real(root, product, setups)["setup_id"].to_list())


@functools.lru_cache(_KEPT)
def _trials(root: Path, product: str, _files: Seen) -> pl.DataFrame:
    return trials.built(root, product)


@functools.lru_cache(4 * _KEPT)
def _strengths(
    root: Path, product: str, name: str, circle: str, date: dt.date, files: Seen
) -> dict[int, float]:
    before = (pl.col("spec") == name) & (pl.col("circle") == circle) & (pl.col("date") < date)
    return trials.strengths(_trials(root, product, files).filter(before))


@functools.lru_cache(_KEPT)
def _calibrated(
    root: Path, product: str, date: dt.date, known: int, setups: Seen, outcomes: Seen
) -> dict[int, Calibration]:
    resolved = (pl.col("date") < date) & (pl.col("resolved_ts").cast(pl.Int64) <= known)
    earlier = _setups(root, setups).filter(_mine(root, product, setups), resolved)
    return barrier.calibrations(library.starts(earlier, _outcomes(root, outcomes)))
