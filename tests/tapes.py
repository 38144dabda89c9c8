"""Small DBN tapes: arrays of records and files of them."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from warehouse import dbn

POINT = 1_000_000_000
TICK = POINT // 4
DAY_NS = 86_400 * 10**9
LAST = 128
LEVELS = [f"{i:02d}" for i in range(10)]


def at(text: str) -> int:
    """Nanoseconds of a UTC time such as `2025-06-04T13:30`."""
    return int(np.datetime64(text, "ns").astype(np.int64))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def mbp10(n, *, start="2025-06-04T13:30", step_ns=1_000_000, instrument=5):
    """`n` records with a legal head and empty levels, one every `step_ns`, received 1 us after."""
    out = np.zeros(n, dbn.MBP_10)
    _head(out, start, step_ns, instrument, dbn.RTYPES["mbp-10"])
    for i in LEVELS:
        out[f"bid_px_{i}"] = out[f"ask_px_{i}"] = dbn.UNDEF_PRICE
    return out


def mbo(n, *, start="2025-06-04T13:30", step_ns=1_000_000, instrument=5):
    """`n` adds of one lot at 6000, each its own order."""
    out = np.zeros(n, dbn.MBO)
    _head(out, start, step_ns, instrument, dbn.RTYPES["mbo"])
    out["order_id"] = np.arange(1, n + 1)
    return out


def _head(out, start, step_ns, instrument, rtype):
    out["length"], out["rtype"] = out.itemsize // 4, rtype
    out["publisher_id"], out["instrument_id"] = 999, instrument
    out["ts_event"] = at(start) + np.arange(len(out)) * step_ns
    out["ts_recv"] = out["ts_event"] + 1000
    out["sequence"] = np.arange(1, len(out) + 1)
    out["price"], out["size"] = 6000 * POINT, 1
    out["action"], out["side"], out["flags"] = b"A", b"B", LAST


def walk(n, *, seed=0, start="2025-06-04T13:30", step_ns=1_000_000, instrument=5, mid=6000.0):
    """A random book of ten full levels whose best prices walk in ticks; no conservation, plausible bytes."""
    rng, out = np.random.default_rng(seed), mbp10(n, start=start, step_ns=step_ns, instrument=instrument)
    best = int(mid * 4) + np.cumsum(rng.choice([-1, 0, 1], n, p=[0.02, 0.96, 0.02]))
    out["action"], out["side"] = rng.choice([b"A", b"C", b"T"], n), rng.choice([b"A", b"B"], n)
    out["depth"], out["size"] = rng.integers(0, 10, n), rng.integers(1, 20, n)
    sign = np.where(out["side"] == b"B", -1, 1)
    out["price"] = (best + (sign > 0) + sign * out["depth"]) * TICK
    for j, i in enumerate(LEVELS):
        out[f"bid_px_{i}"], out[f"ask_px_{i}"] = (best - j) * TICK, (best + 1 + j) * TICK
        for name, high in (("sz", 90), ("ct", 20)):
            out[f"bid_{name}_{i}"], out[f"ask_{name}_{i}"] = rng.integers(1, high, (2, n))
    return out


def definition(
    symbol, *, instrument=5, version=3, tick=TICK, kind=b"F", asset=b"SIM", at_="2025-06-04T00:00"
):
    """One definition record."""
    out = np.zeros(1, dbn.DEFINITIONS[version])
    out["length"], out["rtype"] = out.itemsize // 4, dbn.RTYPES["definition"]
    out["publisher_id"], out["instrument_id"] = 999, instrument
    out["ts_event"] = out["ts_recv"] = at(at_)
    out["raw_symbol"], out["instrument_class"], out["min_price_increment"] = symbol.encode(), kind, tick
    out["asset"], out["expiration"], out["activation"] = asset, at("2025-06-20T13:30"), at("2024-03-15T00:00")
    return out


def head(schema, symbols, *, date="2025-06-04", version=3, dataset="XSIM.MDP3", days=1):
    """Header of a file of `days` UTC days; `symbols` maps raw symbol to instrument id."""
    first = dt.date.fromisoformat(date)
    after = first + dt.timedelta(days=days)
    mappings = {symbol: ((first, after, number),) for symbol, number in symbols.items()}
    return dbn.header_bytes(dataset, schema, mappings, at(date), at(str(after)), version)


def write(path: Path, schema: str, records: Iterable[np.ndarray], symbols=None, **header) -> Path:
    """Write batches of records; `symbols` maps raw symbol to instrument id."""
    dbn.write(path, head(schema, symbols or {"SIMM5": 5}, **header), records)
    return path


def write_mbp10(path: Path, symbol: str, records: np.ndarray, **header) -> Path:
    """Write MBP-10 records of one instrument; plain or zstd by the name's ending."""
    return write(path, "mbp-10", [records], {symbol: int(records["instrument_id"][0])}, **header)


def write_mbo(path: Path, symbol: str, records: np.ndarray, **header) -> Path:
    """Write MBO records of one instrument."""
    return write(path, "mbo", [records], {symbol: int(records["instrument_id"][0])}, **header)


def write_definition(path: Path, records: np.ndarray, **header) -> Path:
    """Write definition records."""
    symbols = {r["raw_symbol"].decode(): int(r["instrument_id"]) for r in records}
    return write(path, "definition", [records], symbols, **header)
