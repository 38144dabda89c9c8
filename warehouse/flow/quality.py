"""How right the order flow of a trading date was."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np

from warehouse.flow.pieces import ASK, BAD_BOOK, BID, TRADE
from warehouse.flow.reading import Reading
from warehouse.flow.tape import Frame


class Quality:
    """Counts of a trading date.

    Args:
        source: The schema read.
        date: The trading date.
    """

    def __init__(self, source: str, date: dt.date) -> None:
        self._source, self._midnight = source, int(np.datetime64(date, "ns").astype(np.int64))
        self._count: Counter[str] = Counter()
        self._first: int | None = None
        self._last: int | None = None

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
        count["odd"] += int(reading.odd.sum())
        trade = (piece.records["action"] == TRADE) & ~reading.odd
        size, side = piece.records["size"][trade].astype(np.int64), piece.records["side"][trade]
        count["traded"] += int(size.sum())
        count["nameless"] += int(size[(side != BID) & (side != ASK)].sum())
        for name in ("residual", "turnover", "trade_unmatched", "edge_in", "edge_out"):
            count[name] += int(book[f"meta_{name}_qty"][0].sum()) if book else 0

    def row(self) -> dict[str, object]:
        """The row of the table."""
        count = self._count
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
            "absurd_cnt": count["odd"],
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
