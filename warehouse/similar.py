"""A question's answer: the nearest earlier setups, and the distribution of what followed them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import (
    naming,
    phases,
    pressure,
    question,
    session,
    spread,
    store,
    trials,
    vectors,
    warm,
    wording,
)  # fmt: skip
from warehouse.answer import Answer, Start
from warehouse.card import Card
from warehouse.errors import MissingStepError, QuestionError
from warehouse.index import EXACT_BELOW, Neighbours, Pool, load, search, search_exact
from warehouse.library import Admission, Likeness
from warehouse.phases import Phase
from warehouse.physics import features, physics
from warehouse.question import Moment, Place
from warehouse.schema import SCALERS
from warehouse.vectors import Scaler, Spec, Vectors

__all__ = ["ask", "physics"]

SEARCHES = ("hnsw", "exact")


def ask(
    root: Path,
    level: str,
    ts: int,
    k: int = 30,
    *,
    as_of: int | None = None,
    same_day: bool = False,
    kinds: Collection[str] | None = None,
    contract: str | None = None,
    spec: str = vectors.DEFAULT,
    index: str | None = None,
    hours: str | None = None,
    volatility: str | None = None,
) -> Card:
    """What followed when price stood like this before.

    Args:
        root: The warehouse.
        level: A kind of level, or a price in points.
        ts: The moment, ns UTC; the last bar that had ended by then is frozen.
        k: Neighbours.
        as_of: Only setups resolved by this instant, ns UTC; default and latest is the moment.
        same_day: Admit earlier setups of the same date too.
        kinds: Further kinds of level to compare with; a price is compared with every kind, or these alone.
        contract: The contract asked about; only its setups are compared then.
        spec: Which vector.
        index: hnsw or exact; default the graph from 5,000 admissible setups on; of one spec.
        hours: Only moments in a right-open span of New York time, such as 09:30-10:30.
        volatility: Only moments whose expected one-minute move is so many times that of the moment asked
            about, such as 0.8-1.25, both included.

    Raises:
        QuestionError: If it cannot be answered as asked.
        MissingStepError: If what it needs is not built.
        DataError: If the graph is needed and damaged.
    """
    wanted = _checked(k, kinds, index, spec)
    slots = vectors.spec(spec)
    at = question.place(root, level, ts, contract)
    now, stage = _staged(question.moment(at), slots)
    if stage is not None and index == "hnsw":
        raise QuestionError("the graph holds arrivals, and this moment is none: ask with --index exact")
    known = _as_of(as_of, ts, at)
    like = _likeness(now, hours, volatility)
    row = features(now, {*slots.slots, *pressure.COLUMNS})
    kept = warm.held(root)
    stored = kept.setups()
    admission = Admission(
        _kinds(at, wanted),
        now.direction,
        known,
        _contracts(stored, at, contract),
        None if same_day else at.date,
        like,
    )
    contracts = _contracts(stored, at, None)
    factors, outcomes = kept.factors(contracts, at.date, known), kept.outcomes()
    if stage is None:
        real, whole, groups = kept.vectors(slots, contracts)
    else:
        moments = kept.snapshots(slots.slots)
        real, outcomes = phases.alike(stored.filter(admission.whole()), moments, now, stage, admission)
        whole, groups = vectors.matrix(real, slots), spread.groups(real)
    admitted = real.select(admission.rule()).to_series()
    past = min(at.date, session.trading_date(known))
    scale = _scaler(root, slots, at.product, past)
    every, mad = vectors.placed(whole, scale)
    pool = Pool(every, mad, admitted.to_numpy(), groups)
    raw = vectors.matrix(pl.DataFrame([row], dict.fromkeys(slots.slots, pl.Float64())), slots)
    mine = vectors.placed(raw, scale)[0][0]
    large = stage is None and admitted.sum() >= EXACT_BELOW and spec == vectors.DEFAULT
    how = index or ("hnsw" if large else "exact")
    found = _search(at, slots, real["setup_id"].to_list(), pool, mine, k, how)
    before = (pl.col("spec") == spec) & (pl.col("date") < past)
    start = Start(_tick(at), factors, trials.strengths(kept.trials(at.product).filter(before)))
    seen = real.filter(admitted)
    outcomes = outcomes.join(seen.select("setup_id"), on="setup_id", how="semi", maintain_order="left")
    unknown = int(np.isnan(raw).sum())
    return Answer(
        now, stage, row, admission, slots, k, how, real, seen, pool, mine, unknown, found, outcomes, start
    ).card()


def _likeness(now: Moment, hours: str | None, volatility: str | None) -> Likeness:
    ratios = None if volatility is None else wording.ratios(volatility)
    if ratios and now.sigma_60 is None:
        raise QuestionError("volatility needs 180 bars of data before the moment: ask without --volatility")
    return Likeness(None if hours is None else wording.window(hours), ratios, now.sigma_60)


def _staged(now: Moment, spec: Spec) -> tuple[Moment, Phase | None]:
    """The moment with its phase; None for arrivals, and where snapshots do not hold the vector's slots."""
    if now.setup is not None:
        return now, None
    from warehouse import snapshots  # noqa: PLC0415 (it loads what only makers of moments need)

    return phases.phase(now) if spec.name in snapshots.VECTORS else (now, None)


def _search(at: Place, spec: Spec, ids: list[str], pool: Pool, mine: Vectors, k: int, how: str) -> Neighbours:
    if how == "exact":
        return search_exact(mine, pool, k)
    return search(mine, pool, k, load(at.root, spec, at.product, ids))


def _tick(at: Place) -> float:
    """Tick size in points, as the outcomes of the date were made with."""
    manifest = store.read_manifest(at.partition("gold.outcomes"))
    if manifest is None:
        raise MissingStepError(
            f"outcomes of {at.date} are not built: run `warehouse build --dates {at.date}`"
        )
    return float(manifest["parameters"]["tick"])


def _scaler(root: Path, spec: Spec, product: str, date: dt.date) -> Scaler:
    """The product's of the last built date up to `date`; before any, that of an empty past."""
    dates = [
        dict(source.keys)["date"]
        for source in store.partitions(root, "gold.scalers")
        if ("product", product) in source.keys
    ]
    if not dates:
        raise MissingStepError(
            f"there is no scaler of {spec.name} for {product}: run `warehouse build` again"
        )
    there = [day for day in dates if day <= str(date)]
    if not there:
        return vectors.scaler(pl.DataFrame(schema=SCALERS.schema), spec)
    rows = store.scan([store.partition(root, "gold.scalers", product=product, date=max(there))])
    mine = rows.filter(pl.col("spec") == spec.name).collect(engine="in-memory")
    if mine.is_empty():
        raise MissingStepError(
            f"there is no scaler of {spec.name} for {product}: run `warehouse build` again"
        )
    return vectors.scaler(mine, spec)


def _checked(k: int, kinds: Collection[str] | None, index: str | None, spec: str) -> frozenset[str]:
    if k < 1:
        raise QuestionError(f"{k} neighbours cannot be shown: ask for 1 or more")
    if index is not None and index not in SEARCHES:
        raise QuestionError(f"there is no search `{index}`: choose {' or '.join(SEARCHES)}")
    if index == "hnsw" and vectors.spec(spec).name != vectors.DEFAULT:
        raise QuestionError(f"there is a graph of {vectors.DEFAULT} alone: ask {spec} with --index exact")
    return naming.kinds(kinds or ())


def _as_of(as_of: int | None, ts: int, at: Place) -> int:
    if as_of is not None and as_of > ts:
        later, moment = (f"{question.wall(each):%Y-%m-%d %H:%M:%S} New York" for each in (as_of, ts))
        raise QuestionError(f"--as-of {later} lies after the moment, {moment}: nothing later may answer")
    return at.end if as_of is None else min(as_of, at.end)


def _kinds(at: Place, wanted: frozenset[str]) -> frozenset[str] | None:
    """Kinds that are compared: the level's own and those asked for; a price is compared with all.

    Raises:
        QuestionError: If a named kind is to be compared with prices of the user.
    """
    if at.by_price:
        return wanted or None
    if naming.CUSTOM in wanted:
        raise QuestionError(f"CUSTOM levels answer questions by price only: ask with --level {at.price:g}")
    return wanted | {at.kind}


def _contracts(stored: pl.DataFrame, at: Place, contract: str | None) -> frozenset[str]:
    if contract is not None:
        return frozenset({contract})
    known = {symbol: session.parse_outright(symbol) for symbol in stored["symbol"].unique()}
    return frozenset(symbol for symbol, each in known.items() if each and each.product == at.product)
