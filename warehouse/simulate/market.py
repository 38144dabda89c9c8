"""Simulated sessions as files: DBN as a feed would give it, the truth beside it, nothing half-written."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from warehouse import dbn
from warehouse.errors import QuestionError
from warehouse.session import at, bounds, explain
from warehouse.simulate import calibration, tape, truth, worlds
from warehouse.simulate.calibration import Progress
from warehouse.simulate.tape import LAYOUTS, PRODUCT, PUBLISHER, TICK, Contract, Session
from warehouse.simulate.worlds import World
from warehouse.workers import ended, pool, result

Array = np.ndarray[Any, Any]
Hours = tuple[dt.time, dt.time]
DATASET = "XSIM.MDP3"
COMPRESSION = 1
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
    progress: Progress = lambda *_: None,
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
        progress: Called as sessions end; first those of a calibration run, where the table lacks the dials.

    Returns:
        The DBN files, by date.

    Raises:
        QuestionError: A world, dial, scale, schema, date, time or folder that cannot be; no space left.
    """
    planted = worlds.turned(worlds.world_named(world), dials)
    wanted = [_session(date, planted, hours, rate_scale, seed) for date in dates]
    if not schema or set(schema) - set(LAYOUTS) or len(set(schema)) < len(schema):
        raise QuestionError(f"cannot simulate schema {','.join(schema)}: give {', '.join(LAYOUTS)} or both")
    _writable(out)
    tape.compile_once()
    calibrated = calibration.of(planted, workers, progress)
    made: dict[dt.date, list[Path]] = {}
    for date, paths in _each(wanted, out, tuple(schema), calibrated, workers):
        made[date] = paths
        progress("simulated sessions", len(made), len(wanted))
    return [path for date in sorted(made) for path in made[date]]


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
    wanted: list[Session], out: Path, schemas: tuple[str, ...], calibrated: dict[str, Any], count: int
) -> Iterator[tuple[dt.date, list[Path]]]:
    with tempfile.TemporaryDirectory(dir=out, prefix=".", ignore_cleanup_errors=True) as folder:
        given = Path(folder), out, schemas, calibrated
        if count <= 1:
            for session in wanted:
                yield session.date, write(session, *given)
            return
        with pool(Path(folder), count) as hands:
            todo = {hands.submit(write, session, *given): session.date for session in wanted}
            while todo:
                for done in ended(todo):
                    yield todo.pop(done), result(done)


def write(
    session: Session, aside: Path, out: Path, schemas: tuple[str, ...], calibrated: dict[str, Any]
) -> list[Path]:
    """Write one session's files, all of them or none; those of an earlier run are replaced at the end.

    Args:
        session: The session.
        aside: Folder on the same disk to write in; whoever made it takes it away.
        out: Folder that is there.
        schemas: Of its tapes.
        calibrated: Shares that the oracle tells, by dials.

    Returns:
        The DBN files.

    Raises:
        QuestionError: The folder takes no more.
    """
    try:
        (made := aside / str(session.date)).mkdir()
        names = _written(session, made, schemas, calibrated)
        for name in names:
            (made / name).replace(out / name)
    except OSError as error:
        why = f"cannot write {session.date} to {out} ({error.strerror})"
        raise QuestionError(f"{why}: make room or give another folder") from None
    return [out / name for name in names if name.endswith(".dbn.zst")]


def _written(session: Session, out: Path, schemas: tuple[str, ...], calibrated: dict[str, Any]) -> list[str]:
    """Names of a session's files in a folder of their own; what explains the DBN files comes before them."""
    stem, traded = f"xsim-mdp3-{session.date:%Y%m%d}", tape.contracts(session.date)
    truths: list[list[Array]] = []
    names = [f"{stem}.{what}" for what in ("json", "truth.parquet", "definition.dbn.zst")]
    for schema in schemas:
        truths = [[] for _ in traded]
        streams = [tape.records(session, c, schema, t) for c, t in zip(traded, truths, strict=True)]
        names.append(f"{stem}.{schema}.dbn.zst")
        dbn.write(out / names[-1], _header(session, traded, schema), _merged(streams), level=COMPRESSION)
    note, hidden, definitions = (out / name for name in names[:3])
    dbn.write(definitions, _header(session, traded, "definition"), [_definitions(session, traded)])
    truth.told(session, traded, truths, calibrated).write_parquet(hidden)
    note.write_text(json.dumps(_parameters(session, calibrated), indent=1) + "\n")
    return names


def _parameters(session: Session, calibrated: dict[str, Any]) -> dict[str, Any]:
    """All that a session is made with, and what its oracle knows."""
    world = worlds.on(session.world, tape.flipped(session))
    dials, known = worlds.dials(world, session.rate_scale), calibrated[truth.key(world)]
    return {
        **asdict(session), "date": str(session.date), "dials": dials, "oracle": {**calibration.RULE, **known}
    }  # fmt: skip


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
