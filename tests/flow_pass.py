"""Records through the event pass: landed as bronze, read back as the five tables."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import tapes

from warehouse import bronze, store
from warehouse.flow import flow
from warehouse.schema import BOOK, LADDER, QUALITY, QUOTES, TRADES

DATE, SYMBOL = dt.date(2025, 6, 4), "SIMM5"
TABLES = {"quotes": QUOTES, "trades": TRADES, "ladder": LADDER, "book": BOOK, "quality": QUALITY}


def landed(root: Path, schema, records, symbol=SYMBOL):
    """Bronze partitions of records, one a UTC date."""
    days = records["ts_recv"].astype(np.int64) // tapes.DAY_NS
    for day in np.unique(days):
        rows = bronze.batch([records[days == day]], schema)
        date = dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
        with store.temporary(root) as path:
            writer = bronze.writer(path, schema, rows.schema)
            for first in range(0, len(rows), 1000):
                writer.write_table(rows.slice(first, 1000))
            writer.close()
            target = store.partition(root, bronze.table(schema), symbol=symbol, date=date)
            store.place(target, path, {"tick": tapes.TICK, "rows": len(rows)})


def passed(tmp: Path, schema, records, *, date=DATE, symbol=SYMBOL, until=None):
    """The five tables of a tape."""
    root, out = tmp / "root", tmp / f"out-{len(list(tmp.glob('out-*')))}"
    if not root.exists():
        landed(root, schema, records, symbol)
    out.mkdir(parents=True, exist_ok=True)
    flow(root, symbol, date, schema, out, until)
    return {name: pl.read_parquet(out / f"{name}.parquet") for name in TABLES}
