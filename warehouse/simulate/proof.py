"""Whole worlds put to the test: simulated, built, evaluated, and held to what each must show."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from warehouse import session, vectors
from warehouse.build import build
from warehouse.errors import MissingStepError
from warehouse.evaluate import page, report, results, table
from warehouse.evaluate.results import Report
from warehouse.evaluate.sample import WARM_UP, Reals, Sample
from warehouse.evaluate.scores import Interval
from warehouse.request import Request
from warehouse.simulate import market, truth, worlds
from warehouse.simulate.tape import LEVELS
from warehouse.workers import cores, pool, result

FIRST = dt.date(2025, 6, 4)
HOURS = (dt.time(4), dt.time(12, 45))
WORLDS = ("planted", "null", "decoy", "hidden")
"""Those that are tried unless others are named: what half an hour of two cores allows."""
ABOUT = frozenset(kind for kind, _ in LEVELS)
"""Levels that worlds act on: at any other nothing is planted, in no world."""
NOTHING = ("null", "decoy", "hidden", "flip")
"""Worlds in which no feature tells of what follows, or none does for longer than a date."""
CONTROLS = ("shuffled labels", "noise features")
"""What can know nothing: no interval of its skill may lie above 0."""
ENOUGH = 40
"""Sessions below which a world is shown and held to nothing: an interval of a handful of days is none."""
HELD = 8
"""Of ten groups by forecast of BREAK, those whose share must lie in their interval."""
_ABREAST, _LABEL, _WIDE = 4, 15, 16
_BESIDE = (
    "geometry alone", "one factor", "geometric null", "base rate", "random setups",
    "geometry logit", "ridge logit", "boosted trees", "oracle",
)  # fmt: skip
_LEAST = 0.01
"""Tilt of an outcome that the calibration run never saw at a state: nothing seen is no certainty."""
_KEYS = ("symbol", "price", "direction", "trigger_ts")


def tried(
    folder: Path, world: str, sessions: int, rate_scale: float, seed: int, workers: int
) -> Report | None:
    """Simulate, build and evaluate a world below a folder; table, JSON and page lie beside its root.

    Scored are the questions at the levels that worlds act on.

    Returns:
        None where there are too few sessions to evaluate.
    """
    dates = session.sessions(FIRST, FIRST + dt.timedelta(days=2 * sessions + 7))[:sessions]
    root = folder / world
    market.simulate(
        root / "raw", dates, world=world, hours=HOURS, rate_scale=rate_scale, seed=seed, workers=workers
    )
    made = build(Request(root, f"{dates[0]}:{dates[-1]}", workers=workers), lambda *_: None)
    if made.errors:
        raise MissingStepError(f"{world} could not be built: {made.errors[0]}")
    if sessions <= WARM_UP:
        return None
    further = {"oracle": lambda mine: oracle(root / "raw", mine)}
    found = report.evaluate(root, further=further, about=ABOUT)
    root.with_suffix(".txt").write_text(table.render(found) + "\n")
    root.with_suffix(".json").write_text(results.to_json(found) + "\n")
    root.with_suffix(".html").write_text(page.render(found))
    return found


def oracle(raw: Path, mine: Sample) -> Reals:
    """What one who knew every hidden state would forecast for the questions, (q, 3).

    P_cal, tilted by how much the calibration run saw more of an outcome at that state and place than the null
    world has there: its own shares are of barriers that the market's true sigma sets. P_cal itself where
    nothing is hidden, at levels that worlds do not act on.
    """
    asked = mine.questions
    known = pl.concat([pl.read_parquet(path) for path in sorted(raw.glob("*.truth.parquet"))])
    shares = [f"oracle_{name.lower()}" for name in truth.OUTCOMES]
    told = known.filter(pl.col("trigger_ts").is_not_null()).unique(_KEYS, keep="first", maintain_order=True)
    cells = truth.tabulated()[truth.key(worlds.WORLDS["null"])]["cells"]
    usual = np.maximum(np.mean(cells, axis=0), _LEAST)[truth.bins(told)]
    told = told.select(
        *_KEYS[:3],
        *(pl.col(name) / pl.Series(column) for name, column in zip(shares, usual.T, strict=True)),
        trigger_ts=pl.col("trigger_ts").cast(pl.Int64),
    )
    setups = mine.frame[asked.tolist()].select(
        "symbol", "direction", price="level_price", trigger_ts=pl.col("trigger_ts").cast(pl.Int64)
    )
    tilt = setups.join(told, on=_KEYS, how="left", maintain_order="left").select(shares).to_numpy()
    tilt = np.where(np.isfinite(tilt).all(axis=1, keepdims=True), tilt, 1.0)
    near = mine.cal[asked] * np.maximum(tilt, _LEAST)
    chances: Reals = near / near.sum(axis=1, keepdims=True)
    return chances


def verdicts(world: str, found: Report) -> Iterator[tuple[bool, str]]:
    """What the world must show, each with whether it does."""
    skill, by = found.skill, {row.name: row for row in found.rows}
    span = f"skill {_percent(skill.value)} [{_percent(skill.lo)}..{_percent(skill.hi)}]"
    yield found.canary["flagged"], f"the leak canary sets the alarm off (AUC {found.canary['auc']:.2f})"
    for name in CONTROLS:
        value = by[name].skill
        yield value.lo <= 0, f"{name} have no skill: {_percent(value.lo)}..{_percent(value.hi)}"
    if world in NOTHING:
        yield skill.lo <= 0 <= skill.hi, f"{span} contains 0"
        return
    yield skill.lo > 0, f"{span} lies above 0"
    best = max(by[name].skill.value for name in ("ridge logit", "boosted trees") if name in by)
    yield skill.value >= best / 2, f"and is half of the best model's {_percent(best)}"
    held = table.held(found)
    yield held >= HELD, f"{held} of {len(found.deciles)} groups hold their share, {HELD} are wanted"
    regret = by[vectors.DEFAULT].scores.log_loss - by["oracle"].scores.log_loss
    yield (
        regret >= 0,
        f"regret to the oracle {regret:.4f} of log-loss; its skill {_percent(by['oracle'].skill.value)}",
    )


def beside(found: Mapping[str, Report]) -> str:
    """Worlds side by side: skill over P_cal in % with its interval, groups that hold, and regret."""
    names, parts = list(found), []
    for first in range(0, len(names), _ABREAST):
        columns = [_column(name, found[name]) for name in names[first : first + _ABREAST]]
        lines = (
            cells[0][0].ljust(_LABEL) + "".join(f"{cell:>{_WIDE}}" for _, cell in cells)
            for cells in zip(*columns, strict=True)
        )
        parts.append("\n".join(map(str.rstrip, lines)))
    return "\n\n".join(parts) + "\n"


def _column(world: str, found: Report) -> Iterator[tuple[str, str]]:
    by = {row.name: row for row in found.rows}
    mine = by[vectors.DEFAULT]
    yield "", world
    yield "questions", str(found.questions)
    for row in (mine, *(by[name] for name in _BESIDE if name in by)):
        yield row.name, _span(row.skill)
        if row.name in {vectors.DEFAULT, "oracle"}:
            yield "  chop", _span(row.resolved)
            yield "  b/r", _span(row.direction)
    yield "groups held", f"{table.held(found)} of {len(found.deciles)}"
    yield "regret", f"{mine.scores.log_loss - by['oracle'].scores.log_loss:+.3f}"


def _span(of: Interval) -> str:
    return f"{table.percent(of.value)} {table.percent(of.lo)}..{table.percent(of.hi)}"


def _percent(value: float) -> str:
    return f"{100 * value:+.1f} %"


def _timed(folder: Path, world: str, *rest: Any) -> tuple[float, Report | None]:  # noqa: ANN401 (as `tried` has them)
    begun = time.monotonic()
    found = tried(folder, world, *rest)
    return time.monotonic() - begun, found


def _said(world: str, found: Report | None, sessions: int) -> bool:
    """Write what a world shows; whether it shows what it must."""
    if found is None:
        sys.stdout.write(f"  evaluating needs more than {WARM_UP} sessions\n")
        return True
    told, held = list(verdicts(world, found)), sessions >= ENOUGH
    for shown, what in told:
        few = "" if held else " (too few sessions to say)"
        sys.stdout.write(f"  {'yes' if shown else 'NO '} {what}{few}\n")
    sys.stdout.flush()
    return not held or all(shown for shown, _ in told)


def main(words: Sequence[str] | None = None) -> int:
    """Try worlds, as many abreast as there are workers; 1 where one does not show what it must."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--rate-scale", type=float, default=0.1)
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--workers", type=int, default=cores())
    asked = parser.parse_args(words)
    names = asked.worlds.split(",")
    abreast = min(len(names), asked.workers)
    rest = asked.sessions, asked.rate_scale, asked.seed, asked.workers // abreast
    begun, good, reports = time.monotonic(), True, {}
    asked.folder.mkdir(parents=True, exist_ok=True)
    with pool(asked.folder, abreast) as beside_others:
        running = [(world, beside_others.submit(_timed, asked.folder, world, *rest)) for world in names]
        for world, one in running:
            seconds, found = result(one)
            sys.stdout.write(f"{world}: {asked.sessions} sessions in {seconds:.0f} s\n")
            good &= _said(world, found, asked.sessions)
            if found is not None:
                reports[world] = found
    sys.stdout.write(f"all in {time.monotonic() - begun:.0f} s\n")
    if reports:
        sys.stdout.write(f"\n{beside(reports)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
