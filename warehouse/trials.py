"""How much P_cal counts beside neighbours, and geometry in it: what earlier odds would have lost by each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse import library, odds, spread, vectors
from warehouse.index import Mask, Neighbours, Pool, search_exact
from warehouse.naming import CUSTOM
from warehouse.odds import CLASSES, Reals
from warehouse.schema import HORIZONS_S, TRIALS
from warehouse.vectors import Scaler

Codes = npt.NDArray[np.int64]

K = 30
"""Neighbours of a question, as in `similar`."""
_LEAST = 1e-9
P_CAL = "P_cal"
"""In place of a vector: everyone who may answer, and how many of them geometry counts as."""
PRIORS = (*odds.STRENGTHS, odds.ALONE)
"""What the past may choose among there."""
TAUGHT_S = 240
"""Label clock whose outcomes teach the lean."""
LEARNING = 8
"""Sessions before the first one whose setups are asked."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Neighbours of questions.

    Args:
        asked: (q,) rows that are the questions.
        rows: (q, k) rows of the neighbours, nearest first, -1 where there are fewer.
        weights: (q, k) kernel weights, 0 where there is none.
    """

    asked: Codes
    rows: Codes
    weights: Reals


def listed(asked: Codes, found: Sequence[Neighbours]) -> Lists:
    """What was found for each question, with its kernel weights."""
    rows, weights = np.full((len(found), K), -1), np.zeros((len(found), K))
    for n, near in enumerate(found):
        rows[n, : len(near.rows)], weights[n, : len(near.rows)] = near.rows, odds.weights(near.distances)
    return Lists(asked, rows, weights)


def everyone(asked: Codes, admitted: Sequence[Mask]) -> Lists:
    """All who may answer each question, each weighing the same.

    Args:
        asked: (q,) rows that are the questions.
        admitted: Of each question, (n,) which rows may answer.
    """
    found = [np.flatnonzero(mask) for mask in admitted]
    rows = np.full((len(found), max(map(len, found), default=0)), -1)
    for n, mine in enumerate(found):
        rows[n, : len(mine)] = mine
    return Lists(asked, rows, (rows >= 0).astype(np.float64))


def blends(
    lists: Lists, y: Codes, cal: Reals, prior: Reals, strengths: Sequence[float]
) -> tuple[Reals, Reals]:
    """Chances of the three outcomes under each strength, (s, q, 3), and effective neighbours, (q,).

    Args:
        lists: Neighbours of the questions.
        y: (n,) outcomes, -1 where none is usable.
        cal: (n, 3) chances by geometry, of neighbours and of questions.
        prior: (q, 3) chances to which what they did is drawn.
        strengths: How many neighbours those count as.
    """
    weights, count = shared(lists, y, cal)
    ends, null = y[lists.rows], cal[lists.asked]
    shares = np.stack([(weights * (ends == place)).sum(axis=1) for place in range(len(CLASSES))], axis=1)
    told = odds.moved(shares, expected(lists, weights, cal), null)
    n = count[:, None]
    return np.stack([(n * told + strength * prior) / (n + strength) for strength in strengths]), count


def shared(lists: Lists, y: Codes, cal: Reals) -> tuple[Reals, Reals]:
    """Weights of the neighbours with an outcome and geometry, (q, k), sum 1 or 0, and Kish's number, (q,)."""
    usable = (lists.rows >= 0) & ((y >= 0) & np.isfinite(cal).all(axis=1))[lists.rows]
    weights = np.where(usable, lists.weights, 0.0)
    whole, count = counted(weights)
    return weights / np.where(whole > 0, whole, 1.0)[:, None], count


def expected(lists: Lists, weights: Reals, cal: Reals) -> Reals:
    """Mean chances that geometry gave the neighbours, (q, 3); 0 where a question has none."""
    found: Reals = np.einsum("qk,qkc->qc", weights, np.nan_to_num(cal)[lists.rows])
    return found


def counted(weights: Reals) -> tuple[Reals, Reals]:
    """Over axis 1, the neighbours: the sum of weights, and Kish's effective number."""
    whole, squares = weights.sum(axis=1), (weights**2).sum(axis=1)
    return whole, np.divide(whole**2, squares, out=np.zeros_like(whole), where=squares > 0)


def lost(chance: Reals) -> Reals:
    """Minus the logarithm of the chance of what came."""
    return -np.log(np.maximum(chance, _LEAST))


def losses(chances: Reals, came: Codes) -> Reals:
    """The same of chances (s, q, 3), as (q, s)."""
    return lost(chances[:, np.arange(len(came)), came]).T


def coded(outcomes: pl.Series) -> Codes:
    """Places in BREAK, REJECT, CHOP; -1 of any other end, or none."""
    places = dict(zip(CLASSES, range(len(CLASSES)), strict=True))
    return outcomes.replace_strict(places, default=-1, return_dtype=pl.Int64).to_numpy()


def chances(ends: pl.DataFrame, kind: str) -> Reals:
    """The null `cal` or `null` of outcomes, (n, 3), NaN where there is none."""
    return ends.select(pl.col(f"{kind}_{name.lower()}").cast(pl.Float64) for name in CLASSES).to_numpy()


def excess(y: Codes, cal: Reals) -> Reals:
    """BREAK less REJECT beyond what geometry expected, (n,): what a lean is learnt from; NaN of no outcome.

    Args:
        y: (n,) outcomes, -1 where none is usable.
        cal: (n, 3) chances by geometry.
    """
    came = (y == 0).astype(np.float64) - (y == 1)
    return np.where(y >= 0, came - (cal[:, 0] - cal[:, 1]), np.nan)


def with_excess(setups: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Setups with the column `excess`, of four minutes.

    Args:
        setups: As `library.frozen` gives them.
        outcomes: As `library.followed` gives them.
    """
    told = excess(*_ends(setups, outcomes, TAUGHT_S))
    return setups.with_columns(excess=pl.Series(told, dtype=pl.Float64))


def made(
    setups: pl.DataFrame,
    outcomes: pl.DataFrame,
    scalers: Mapping[str, Scaler],
    date: dt.date,
    earlier: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of gold.trials of a date.

    Args:
        setups: gold.setups of the product up to the date, with `date` and the slots of every spec.
        outcomes: Their outcomes under the default scheme.
        scalers: Of every spec, learnt before the date.
        date: The date.
        earlier: gold.trials of earlier dates.
    """
    real = setups.filter(~pl.col("is_placebo")).sort("known_ts", "setup_id")
    today = (real["date"] == date) & (real["level_kind"] != CUSTOM)
    asked = np.flatnonzero(today.to_numpy())
    if real.filter(pl.col("date") < date)["date"].n_unique() < LEARNING:
        asked = asked[:0]
    admitted = [_admitted(real, row, date) for row in asked.tolist()]
    whole, settled = everyone(asked, admitted), strengths(earlier.filter(pl.col("spec") == P_CAL))
    ends = {horizon: _ends(real, outcomes, horizon) for horizon in HORIZONS_S}
    start = {horizon: cal[asked] for horizon, (_, cal) in ends.items()}
    prior = {
        horizon: blends(whole, y, cal, start[horizon], [settled.get(horizon, odds.ALONE)])[0][0]
        for horizon, (y, cal) in ends.items()
    }
    rows = list(_rows(P_CAL, whole, ends, start, PRIORS))
    for name, scale in scalers.items():
        rows += _rows(name, _asked(real, asked, admitted, name, scale), ends, prior, odds.STRENGTHS)
    return pl.DataFrame(rows, TRIALS.schema, orient="row")


def strengths(trials: pl.DataFrame) -> dict[int, float]:
    """The strength under which earlier odds were the likeliest, by horizon; absent where none were asked.

    Args:
        trials: gold.trials of one spec, of earlier dates.
    """
    found = trials.group_by("horizon_s", "strength").agg(pl.col("questions", "loss").sum())
    best = found.filter(pl.col("questions") > 0).sort("horizon_s", "loss", "strength")
    return dict(
        best.unique("horizon_s", keep="first", maintain_order=True).select("horizon_s", "strength").rows()
    )


def _admitted(real: pl.DataFrame, row: int, date: dt.date) -> Mask:
    """Who may answer a setup, whatever the vector: earlier dates, its direction, its kind."""
    kinds, way = frozenset({real["level_kind"][row]}), real["direction"][row]
    return real.select((pl.col("date") < date) & library.alike(kinds, way)).to_series().to_numpy()


def _asked(real: pl.DataFrame, asked: Codes, admitted: Sequence[Mask], name: str, scale: Scaler) -> Lists:
    every, mad = vectors.placed(vectors.matrix(real, vectors.spec(name)), scale)
    groups, found = spread.groups(real), []
    for row, allowed in zip(asked.tolist(), admitted, strict=True):
        found.append(search_exact(every[row], Pool(every, mad, allowed, groups), K))
    return listed(asked, found)


def _ends(real: pl.DataFrame, outcomes: pl.DataFrame, horizon: int) -> tuple[Codes, Reals]:
    """Outcomes of setups in their order, and chances by geometry."""
    mine = outcomes.filter(pl.col("horizon_s") == horizon)
    ends = real.select("setup_id").join(mine, on="setup_id", how="left", maintain_order="left")
    return coded(ends["outcome"]), chances(ends, "cal")


def _rows(
    name: str,
    lists: Lists,
    ends: Mapping[int, tuple[Codes, Reals]],
    prior: Mapping[int, Reals],
    strengths: Sequence[float],
) -> Iterator[tuple[str, int, float, int, float]]:
    """Of every horizon and strength: questions and their summed loss."""
    for horizon, (y, cal) in ends.items():
        told, _ = blends(lists, y, cal, prior[horizon], strengths)
        fair = (y[lists.asked] >= 0) & np.isfinite(cal[lists.asked]).all(axis=1)
        sums = losses(told[:, fair], y[lists.asked][fair]).sum(axis=0)
        for strength, one in zip(strengths, sums.tolist(), strict=True):
            yield name, horizon, strength, int(fair.sum()), one
