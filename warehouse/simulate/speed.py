"""How fast a session is made: the engine alone, and with what it takes to compress and write the file."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from pathlib import Path

from warehouse import dbn
from warehouse.session import at
from warehouse.simulate import market, tape
from warehouse.simulate.worlds import World

HOURS = (dt.time(10), dt.time(10, 30))


def lines(date: dt.date, world: World, seed: int) -> str:
    """Two lines: million MBP-10 records by second of one core's time, without and with the file.

    Half an hour of the morning at the full rate, on this machine as it is now.
    """
    tape.compile_once()
    session = tape.Session(date, at(date, HOURS[0]), at(date, HOURS[1]), world, 1.0, seed)
    contract = tape.contracts(date)[-1]
    begin = time.process_time()
    count = sum(len(part) for part in tape.records(session, contract, "mbp-10", []))
    made = time.process_time() - begin
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        header = dbn.header_bytes(market.DATASET, "mbp-10", {}, session.start, session.end)
        stream = tape.records(session, contract, "mbp-10", [])
        dbn.write(Path(folder) / "tape.dbn.zst", header, stream, level=market.COMPRESSION)
        written = time.process_time() - begin
    return "\n".join(
        f"{what:50} {count / 1e6 / seconds:.2f} million MBP-10 records a second of one core"
        for what, seconds in (("simulated", made), ("simulated, compressed and written", written))
    )
