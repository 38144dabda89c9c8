"""Simulated sessions as files: DBN as a feed would give it, the truth beside it, nothing half-written."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from warehouse import dbn
from warehouse.errors import QuestionError
from warehouse.session import at, bounds, explain
from warehouse.simulate import tape, truth, worlds
from warehouse.simulate.tape import LAYOUTS, PRODUCT, PUBLISHER, TICK, Contract, Session
from warehouse.simulate.worlds import World
from warehouse.workers import ended, pool, result

Array = np.ndarray[Any, Any]
Hours = tuple[dt.time, dt.time]
Progress = Callable[[int, int], None]
"""Called with the number of sessions done and their total."""

DATASET = "XSIM.MDP3"
_LEVEL = 1
"""Of zstd: compressing better takes longer than simulating."""


def simulate(
    out: Path,
    dates: Iterable[dt.date],
    *,
    world: str = "null",
    dials: Mapping[str, float] = MappingProxyType({}),
    hours: Hours | None = None,
    rate_scale: float = 1.0,
    seed: int = 0,
    schema: Sequence[str] = ("mbp-10",),
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Write sessions as DBN files, with definitions, the truth and the parameters beside them.

    Args:
        out: Folder, made where it is missing; files of the same names are replaced.
        dates: Trading dates; each is simulated for itself.
        world: One of `worlds.WORLDS`.
        dials: Of `worlds.PLANTED`, those that shall differ from the world's own.
        hours: First New York time and first time outside; the whole trading date where None.
        rate_scale: 1 is about 165 records a second in the morning; 0.05 thins the flow and keeps
            book and volatility.
        seed: Same seed and parameters, same record bytes.
        schema: `mbp-10`, `mbo`, or both of the same session.
        workers: Processes; 1 is this one.
        progress: Called as sessions end.

    Returns:
        The DBN files, by date.

    Raises:
        QuestionError: A world, dial, scale, schema, date, time or folder that cannot be; no space left.
    """
    planted = worlds.turned(worlds.world_named(world), dials)
    wanted = [_session(date, planted, hours, rate_scale, seed) for date in dates]
    if not schema or set(schema) - set(LAYOUTS):
        raise QuestionError(f"cannot simulate schema {','.join(schema)}: give {', '.join(LAYOUTS)} or both")
    _writable(out)
    compile_once()
    made: dict[dt.date, list[Path]] = {}
    for date, paths in _each(wanted, out, tuple(schema), workers):
        made[date] = paths
        if progress:
            progress(len(made), len(wanted))
    return [path for date in sorted(made) for path in made[date]]


def compile_once() -> None:
    """Compile the engine, or load it from numba's cache, so that workers find it there."""
    noon = at(_SOME_DATE, dt.time(12))
    tiny = Session(_SOME_DATE, noon, noon + 10**9, worlds.world_named("null"), 0.05, 0)
    for layout in LAYOUTS:
        list(tape.records(tiny, tape.contracts(_SOME_DATE)[0], layout, []))


_SOME_DATE = dt.date(2025, 6, 4)


def _session(date: dt.date, world: World, hours: Hours | None, rate_scale: float, seed: int) -> Session:
    if not 0 < rate_scale <= 20:  # noqa: PLR2004 (beyond, an event may not fit its buffer)
        raise QuestionError(f"rate scale {rate_scale:g} cannot be: give one above 0 and at most 20")
    if seed < 0:
        raise QuestionError(f"seed {seed} cannot be: give a whole number from 0 on")
    if why := explain(date):
        raise QuestionError(f"{date} is no session ({why}): give trading dates")
    start, last = bounds(date)
    end = last
    if hours:
        start, end = at(date, hours[0]), min(at(date, hours[1]), last)
    if end <= start:
        what = " to ".join(f"{time:%H:%M}" for time in hours or ())
        raise QuestionError(f"hours {what} hold no trading on {date}: give times such as 04:00-12:45")
    return Session(date, start, end, world, float(rate_scale), seed)


def _writable(out: Path) -> None:
    probe = out / f".{uuid.uuid4().hex}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise QuestionError(f"cannot write to {out} ({error.strerror}): give another folder") from None


def _each(
    wanted: list[Session], out: Path, schemas: tuple[str, ...], count: int
) -> Iterator[tuple[dt.date, list[Path]]]:
    if count <= 1:
        for session in wanted:
            yield session.date, write(session, out, schemas)
        return
    with tempfile.TemporaryDirectory() as folder, pool(Path(folder), count) as hands:
        todo = {hands.submit(write, session, out, schemas): session.date for session in wanted}
        while todo:
            for done in ended(todo):
                yield todo.pop(done), result(done)


def write(session: Session, out: Path, schemas: tuple[str, ...]) -> list[Path]:
    """Write one session's files, all of them or none; those of an earlier run are replaced at the end.

    Returns:
        The DBN files.

    Raises:
        QuestionError: The folder takes no more.
    """
    made = out / f".{uuid.uuid4().hex}"
    try:
        made.mkdir()
        names = _written(session, made, schemas)
        for name in names:
            (made / name).replace(out / name)
    except OSError as error:
        why = f"cannot write {session.date} to {out} ({error.strerror})"
        raise QuestionError(f"{why}: make room or give another folder") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return [out / name for name in names if name.endswith(".dbn.zst")]


def _written(session: Session, out: Path, schemas: tuple[str, ...]) -> list[str]:
    """Names of a session's files in a folder of their own; what explains the DBN files comes before them."""
    stem, traded = f"xsim-mdp3-{session.date:%Y%m%d}", tape.contracts(session.date)
    truths: list[list[Array]] = []
    names = [f"{stem}.{what}" for what in ("json", "truth.parquet", "definition.dbn.zst")]
    for schema in schemas:
        truths = [[] for _ in traded]
        streams = [tape.records(session, c, schema, t) for c, t in zip(traded, truths, strict=True)]
        names.append(f"{stem}.{schema}.dbn.zst")
        dbn.write(out / names[-1], _header(session, traded, schema), _merged(streams), level=_LEVEL)
    note, hidden, definitions = (out / name for name in names[:3])
    dbn.write(definitions, _header(session, traded, "definition"), [_definitions(session, traded)])
    truth.told(session, traded, truths).write_parquet(hidden)
    note.write_text(json.dumps(_parameters(session), indent=1) + "\n")
    return names


def _parameters(session: Session) -> dict[str, Any]:
    """All that a session is made with."""
    dials = worlds.dials(worlds.on(session.world, tape.flipped(session)), session.rate_scale)
    return {**asdict(session), "date": str(session.date), "dials": dials}


def _merged(streams: Sequence[Iterator[Array]]) -> Iterator[Array]:
    """Records of all contracts by time of receipt; what a slice has beyond its end waits for the next."""
    if len(streams) == 1:
        yield from streams[0]
        return
    waiting = None
    for parts in zip(*streams, strict=True):
        ends = [part["ts_recv"][-1] for part in parts if part.size]
        whole = np.concatenate([*parts] if waiting is None else [waiting, *parts])
        whole = whole[np.argsort(whole["ts_recv"], kind="stable")]
        ready = whole["ts_recv"] <= min(ends, default=0)
        yield whole[ready]
        waiting = whole[~ready]
    if waiting is not None:
        yield waiting


def _header(session: Session, traded: Sequence[Contract], schema: str) -> bytes:
    day = dt.timedelta(days=1)
    # The id holds on every UTC day that the trading date touches.
    valid = {c.symbol: [(session.date - day, session.date + day, c.instrument_id)] for c in traded}
    return dbn.header_bytes(DATASET, schema, valid, session.start, session.end)


def _definitions(session: Session, traded: Sequence[Contract]) -> Array:
    layout = dbn.DEFINITIONS[3]
    made = np.zeros(len(traded), layout)
    made["length"], made["rtype"], made["publisher_id"] = (
        layout.itemsize // 4,
        dbn.RTYPES["definition"],
        PUBLISHER,
    )
    made["ts_event"] = made["ts_recv"] = session.start
    made["instrument_id"] = [c.instrument_id for c in traded]
    made["raw_symbol"] = [c.symbol.encode() for c in traded]
    made["min_price_increment"] = made["display_factor"] = TICK
    made["display_factor"] = 10**9
    made["unit_of_measure_qty"], made["min_price_increment_amount"] = 50 * 10**9, 12_500_000_000
    made["group"] = made["asset"] = PRODUCT.encode()
    made["exchange"], made["currency"], made["unit_of_measure"] = b"XSIM", b"USD", b"IPNT"
    made["security_type"], made["cfi"], made["instrument_class"] = b"FUT", b"FFIXSX", b"F"
    made["security_update_action"], made["match_algorithm"], made["market_depth"] = b"A", b"F", 10
    made["user_defined_instrument"], made["min_trade_vol"] = b"N", 1
    made["maturity_year"] = [c.instrument_id // 100 for c in traded]
    made["maturity_month"] = [c.instrument_id % 100 for c in traded]
    for name in ("high_limit_price", "low_limit_price", "strike_price", "price_ratio", "max_price_variation"):
        made[name] = dbn.UNDEF_PRICE
    made["expiration"] = made["activation"] = dbn.UNDEF_TIMESTAMP
    return made
