"""A first look: simulate a market, build a warehouse of it, ask one question."""

from __future__ import annotations

import datetime as dt
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import library, prospects, render, session, similar
from warehouse.build import build
from warehouse.card import Card
from warehouse.errors import MissingStepError
from warehouse.question import wall
from warehouse.request import Request
from warehouse.run import Progress
from warehouse.simulate import market, worlds
from warehouse.workers import cores

FIRST, SESSIONS = dt.date(2025, 6, 4), 24
HOURS = (dt.time(4), dt.time(12, 45))
WORLD, RATE_SCALE, SEED = "planted", 0.05, 7
NEIGHBOURS, DATES = 20, 10
"""A question is shown that has at least so many neighbours, from at least so many dates."""
KINDS = ("PM_HIGH", "PM_LOW", "OR_HIGH", "OR_LOW")
"""Levels that a question is shown of: each is one price that everybody watches."""
UNTOLD = (None, "UNSEEN")
_TRIED = 24


@dataclass(frozen=True, slots=True)
class Shown:
    """A question with its answers by both searches."""

    level: str
    ts: int
    graph: Card
    exact: Card


def run(root: Path, workers: int | None, progress: Progress) -> str:
    """Make the demonstration's root and give the text to print.

    Args:
        root: Where; simulated files go to `ROOT/raw`.
        workers: Processes; default one per core.
        progress: Told of what ends.

    Raises:
        MissingStepError: If the build failed, or no setup has neighbours enough.
    """
    dates = session.sessions(FIRST, FIRST + dt.timedelta(days=2 * SESSIONS))[:SESSIONS]
    market.simulate(
        root / "raw",
        dates,
        world=WORLD,
        hours=HOURS,
        rate_scale=RATE_SCALE,
        seed=SEED,
        workers=workers or cores(),
        progress=progress,
    )
    report = build(Request(root, f"{dates[0]}:{dates[-1]}", workers=workers), progress)
    if report.errors:
        raise MissingStepError(f"the demonstration could not be built: {report.errors[0]}")
    return "\n".join(_text(root, dates, _question(root)))


def _question(root: Path) -> Shown:
    """The latest setup with neighbours enough; one that is no stranger and tells a story, if there is."""
    shown = ~pl.col("is_placebo") & pl.col("level_kind").is_in(KINDS)
    setups = library.setups(root).filter(shown).sort("known_ts", descending=True)
    asked = setups.select("level_kind", pl.col("known_ts").cast(pl.Int64)).rows()
    answers = ((level, ts, similar.ask(root, level, ts, index="exact")) for level, ts in asked[:_TRIED])
    found = [answer for answer in answers if _rests_on_enough(answer[2])]
    if not found:
        raise MissingStepError(f"no setup in {root} has {NEIGHBOURS} neighbours from {DATES} dates")
    level, ts, exact = next(
        (one for one in found if not one[2].abstained and one[2].story not in UNTOLD), found[0]
    )
    return Shown(level, ts, similar.ask(root, level, ts, index="hnsw"), exact)


def _rests_on_enough(card: Card) -> bool:
    dates = {_date(near) for near in card.neighbours}
    return len(card.neighbours) >= NEIGHBOURS and len(dates) >= DATES


def _date(neighbour: dict[str, object]) -> str:
    return str(neighbour["setup_id"]).split("/")[1]


def _text(root: Path, dates: list[dt.date], shown: Shown) -> Iterator[str]:
    yield render.card(shown.graph)
    yield ""
    near, exact = ([each["setup_id"] for each in card.neighbours] for card in (shown.graph, shown.exact))
    both = len(set(near) & set(exact))
    verdict = "agree" if near == exact else "do not agree"
    yield f"hnsw and the exact scan {verdict}: {both} of {len(exact)} neighbours are the same."
    yield from textwrap.wrap(_world(dates), prospects.WIDTH)
    yield ""
    yield "Go on with"
    place = f"warehouse --root {shlex.quote(str(root))}"
    query = "from setups select level_kind, direction, outcome_4m, count(*) group by all order by all"
    yield f"  {place} physics --level {shown.level} --ts {wall(shown.ts):%Y-%m-%dT%H:%M:%S}"
    yield f'  {place} sql "{query}"'


def _world(dates: list[dt.date]) -> str:
    world = worlds.world_named(WORLD)
    return (
        f"The market is simulated: {len(dates)} sessions {dates[0]} to {dates[-1]}, "
        f"{HOURS[0]:%H:%M}-{HOURS[1]:%H:%M} New York, at {RATE_SCALE:g} of ES's record rate, seed {SEED}. "
        f"In its world `{world.name}`, {world.p_break:.0%} of the arrivals at a level carry a hidden push "
        f"through it and {world.p_reject:.0%} one back; the push tilts adds and cancels by {world.kf:g} "
        f"before the freeze and drives price by {world.km:g} after it."
    )
