"""How right the order flow of a trading date was."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping

import numpy as np

from warehouse.flow.events import ASK, BAD_BOOK, BID
from warehouse.flow.reading import Reading
from warehouse.flow.tape import Frame
from warehouse.schema import BAR_NS, SET_ASIDE

TOLERANCES = {
    "residual": 0.005,
    "unmatched": 0.02,
    "unknown book": 0.01,
    "unknown order": 0.001,
    "late": 0.01,
    "bad book": 0.001,
    "crossed": 0.001,
    "quarantined": 0.001,
    "renumbered": 0.0,
    "instrument": 0.0,
}
"""Shares up to which a date is sound: of turnover, of lots traded, of the bars' time, then of records."""


class Quality:
    """Counts of a trading date.

    Args:
        source: The schema read.
        date: The trading date.
        sieved: Records taken out before events were formed, by rule; read when all is told.
    """

    def __init__(self, source: str, date: dt.date, sieved: Mapping[str, int]) -> None:
        self._source, self._sieved = source, sieved
        self._midnight = int(np.datetime64(date, "ns").astype(np.int64))
        self._count: Counter[str] = Counter()
        self._first: int | None = None
        self._last: int | None = None
        self._known: int | None = None

    def add(self, reading: Reading, book: Frame) -> None:
        """Count a piece.

        Args:
            reading: Its states and flows.
            book: Its rows of the book; empty of a piece whose bar is not complete.
        """
        piece, count = reading.piece, self._count
        received = piece.records["ts_recv"]
        if len(received):
            self._first = int(received[0]) if self._first is None else self._first
            self._last = int(received[-1])
        count["records"] += len(received)
        count["events"] += len(piece.bar)
        count["bars"] += piece.bars if piece.whole else 0
        count["late"] += int(piece.events.late.sum())
        count["bad"] += int(((piece.records["flags"] & BAD_BOOK) != 0).sum())
        count["reset"] += int(piece.events.reset.sum())
        count["unclosed"] += int(piece.events.unclosed.sum())
        count["unknown"] += int(reading.unknown.sum())
        count["instrument"] += int(piece.events.changed.sum())
        count["crossed"] += int(reading.state.crossed[1:].sum())
        for rule, at in reading.broken.items():
            count[rule] += len(at)
        self._note_known(reading)
        trade = reading.prints
        size, side = piece.records["size"][trade].astype(np.int64), piece.records["side"][trade]
        count["traded"] += int(size.sum())
        count["nameless"] += int(size[(side != BID) & (side != ASK)].sum())
        for name in ("residual", "turnover", "trade_unmatched", "edge_in", "edge_out"):
            count[name] += int(book[f"meta_{name}_qty"][0].sum()) if book else 0

    def _note_known(self, reading: Reading) -> None:
        """Since when, and for how long, the book is known."""
        piece, first = reading.piece, reading.state.known
        if piece.whole:
            self._count["known_ns"] += int(reading.timeline.live_ns.sum())
        if self._known is None and first <= len(piece.bar):
            self._known = int(piece.events.ts[first - 1]) if first else piece.start

    def _beyond(self) -> str | None:
        """Names of the tolerances that the date is beyond."""
        count, records = self._count, self._count["records"]
        bars = count["bars"] * BAR_NS
        shares = {
            "residual": _share(count["residual"], count["turnover"]),
            "unmatched": _share(count["trade_unmatched"], count["traded"] - count["nameless"]),
            "unknown book": _share(bars - count["known_ns"], bars),
            "unknown order": _share(count["unknown"], records),
            "late": _share(count["late"], records),
            "bad book": _share(count["bad"], records),
            "crossed": _share(count["crossed"], records),
            "quarantined": _share(sum(count[rule] for rule in SET_ASIDE), records),
            "renumbered": _share(count["renumbered"], records),
            "instrument": _share(count["instrument"], records),
        }
        return ", ".join(name for name, most in TOLERANCES.items() if (shares[name] or 0) > most) or None

    def row(self) -> dict[str, object]:
        """The row of the table."""
        count = self._count
        count.update(self._sieved)
        return {
            "source": self._source,
            "records": count["records"],
            "events": count["events"],
            "bars": count["bars"],
            "first_ts": self._first,
            "last_ts": self._last,
            "evening": self._first is not None and self._first < self._midnight,
            "residual_frac": _share(count["residual"], count["turnover"]),
            "unmatched_frac": _share(count["trade_unmatched"], count["traded"] - count["nameless"]),
            "late_cnt": count["late"],
            "badbook_cnt": count["bad"],
            "reset_cnt": count["reset"],
            "missing_last_cnt": count["unclosed"],
            "unknown_order_cnt": count["unknown"],
            "edge_in_qty": count["edge_in"],
            "edge_out_qty": count["edge_out"],
            "unknown_trade_frac": _share(count["nameless"], count["traded"]),
            "known_ts": self._known,
            "known_frac": _share(count["known_ns"], count["bars"] * BAR_NS),
            **{f"{rule}_cnt": count[rule] for rule in (*SET_ASIDE, "renumbered", "instrument", "crossed")},
            "beyond": self._beyond(),
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
