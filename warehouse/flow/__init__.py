"""The event pass: records to quotes, trades, ladder and book, with every change told as add, pull or fill."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from warehouse import session, store
from warehouse.errors import MissingStepError
from warehouse.flow import tape
from warehouse.flow.mbo import Mbo
from warehouse.flow.mbp10 import Mbp10
from warehouse.flow.pieces import whole_bars
from warehouse.flow.quality import Quality
from warehouse.flow.reading import Reader
from warehouse.flow.sieve import Sieve
from warehouse.flow.writing import Writing

__all__ = ["flow"]

_READERS: dict[str, type[Mbp10 | Mbo]] = {"mbp-10": Mbp10, "mbo": Mbo}
_HALT_NS = 3600 * 10**9
"""The daily halt, 17:00 to 18:00, is a reset: of the book only what the pre-open showed is carried in."""


def flow(root: Path, symbol: str, date: dt.date, source: str, out: Path, until: int | None = None) -> None:
    """Write quotes, trades, ladder, book and quality of a trading date into a folder.

    Bars tile the date from the first record's to the last one that a later record completed; what is written
    about them does not change when records are cut off after them. Of MBP-10 nothing is read from before the
    halt, since each record tells the whole book; orders rest through it.

    Args:
        root: The warehouse.
        symbol: The contract.
        date: The trading date; records of its two UTC dates are read.
        source: `mbp-10` or `mbo`.
        out: An existing folder; it takes one file a table.
        until: Records received at or after this instant, ns UTC, are cut off.

    Raises:
        MissingStepError: Nothing of it is landed.
    """
    name = f"bronze.{source.replace('-', '_')}"
    wanted = [store.partition(root, name, symbol=symbol, date=day) for day in session.utc_dates(date)]
    landed = [(part, said) for part in wanted if (said := store.read_manifest(part)) is not None]
    if not landed:
        raise MissingStepError(
            f"no {source} records of {symbol} for {date} are landed: run build with its files"
        )
    reader: Reader = _READERS[source](int(landed[-1][1]["tick"]))
    start, end = session.bounds(date)
    since = None if reader.remembers else start - _HALT_NS
    batches = tape.batches([part.path for part, _ in landed], reader.columns, since, until)
    sieve = Sieve(start, end)
    with Writing(out, int(landed[-1][1]["tick"]), Quality(source, date, sieve.counts)) as writing:
        for piece in whole_bars(sieve.passed(batches), reader.head, start, end):
            if piece.live:
                writing.add(reader.read(piece))
            else:
                reader.skip(piece)
                writing.pass_by(piece)
            # As with a batch, its memory serves the next one.
            del piece
