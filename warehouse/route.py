"""Which instrument and date each record of a file belongs to."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from warehouse.dbn import Header, Records
from warehouse.instruments import Instrument
from warehouse.survey import EPOCH, span

Times = np.ndarray[Any, np.dtype[np.int64]]
Whole = np.ndarray[Any, np.dtype[np.int64]]
Key = tuple[str, str, int]
"""Symbol, UTC date, tick size."""

_DAY_NS = np.uint64(86_400 * 10**9)
_NUMBER_BITS = 32


class Route:
    """The way of one file's records.

    Args:
        header: The file's.
        instruments: Outrights that it may hold.

    Attributes:
        left_out: Records so far that belong to no outright of these.
    """

    def __init__(self, header: Header, instruments: Iterable[Instrument]) -> None:
        self.header, self.left_out = header, 0
        self._first, self._after = ((day - EPOCH).days for day in span(header))
        self._day = self._first
        self._instruments: defaultdict[int, list[Instrument]] = defaultdict(list)
        for instrument in instruments:
            self._instruments[instrument.number].append(instrument)

    def pieces(self, batch: Records) -> Iterator[tuple[Key, Records, Times]]:
        """Records of each instrument and UTC date in order, and the legal ones among their times."""
        received = np.ascontiguousarray(batch["ts_recv"])
        days, legal = self._days(received)
        codes = days << _NUMBER_BITS | batch["instrument_id"]
        times = received.view(np.int64)
        if (codes == codes[0]).all():
            # Most files hold one instrument; nothing of them is copied.
            yield from self._piece(self._find(int(codes[0])), batch, times[legal])
            return
        for key, rows in self._grouped(codes).items():
            yield from self._piece(key, batch[rows], times[rows][legal[rows]])

    def _piece(self, key: Key | None, records: Records, times: Times) -> Iterator[tuple[Key, Records, Times]]:
        if key is None:
            self.left_out += len(records)
        else:
            yield key, records, times

    def _days(self, received: np.ndarray) -> tuple[Whole, np.ndarray]:
        """Days since 1970, where illegal that of the record before, and which are legal."""
        days = (received // _DAY_NS).astype(np.int64)
        legal = (days >= self._first) & (days < self._after)
        if not legal.all():
            last_legal = np.maximum.accumulate(np.where(legal, np.arange(len(days)), -1))
            days = np.where(last_legal >= 0, days[last_legal], self._day)
        self._day = int(days[-1])
        return days, legal

    def _grouped(self, codes: Whole) -> dict[Key | None, Whole]:
        """Row numbers by symbol and date; two numbers of one symbol stay in their common order."""
        unique, which = np.unique(codes, return_inverse=True)
        found = [self._find(int(code)) for code in unique]
        return {key: np.flatnonzero(np.array([key == other for other in found])[which]) for key in found}

    def _find(self, code: int) -> Key | None:
        date = (EPOCH + dt.timedelta(days=code >> _NUMBER_BITS)).isoformat()
        known = self._instruments.get(code & (1 << _NUMBER_BITS) - 1, ())
        fitting = (item for item in known if item.first <= date < item.after)
        return next(((item.symbol, date, item.tick) for item in fitting), None)
