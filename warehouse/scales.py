"""What vectors are compared by, learnt from setups of earlier dates: scales, principal axes, and the lean."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import store
from warehouse.errors import MissingStepError
from warehouse.schema import SCALERS
from warehouse.vectors import CLIPPED, Reals, Scaler, Spec, Vectors, matrix, scaled, scaler

VALUES_NEEDED = 20
"""Past values without which a slot is not scaled, and past vectors without which there are no axes."""
LEAN_NEEDED = 200
"""Past outcomes without which there is no lean."""
_LEAN_WEIGHT, _LEAN_RIDGE = 2.0, 1000.0


def scalers(setups: pl.LazyFrame, spec: Spec, date: dt.date) -> pl.DataFrame:
    """gold.scalers of a date: centre and scale of every slot over the setups of earlier dates.

    The scale is 1.4826 times the median absolute deviation, at least half the standard deviation (a flag
    that is mostly one value has no median deviation at all), and 1 where nothing varies. Fewer than 20
    values give 0 and 1: twins have no dimension, so distances mean something unscaled.

    Args:
        setups: gold.setups with `date`; later dates and placebos are left out here.
        spec: Whose slots.
        date: The date whose questions are scaled.
    """
    past = setups.filter(pl.col("date") < date, ~pl.col("is_placebo")).select(spec.slots)
    value = pl.col("value")
    spread = pl.max_horizontal(1.4826 * (value - value.median()).abs().median(), 0.5 * value.std(ddof=0))
    seen = (
        past.cast(pl.Float64())
        .unpivot(variable_name="feature", value_name="value")
        .drop_nulls()
        .group_by("feature")
        .agg(median=value.median(), mad=spread, n=pl.len())
    )
    known = pl.col("n") >= VALUES_NEEDED
    return (
        pl.LazyFrame({"feature": spec.slots}, schema={"feature": pl.String()})
        .join(seen, on="feature", how="left", maintain_order="left")
        .with_columns(n=pl.col("n").fill_null(0))
        .with_columns(
            median=pl.when(known).then("median").otherwise(0.0),
            mad=pl.when(known & (pl.col("mad") > 0)).then("mad").otherwise(1.0),
        )
        .select("feature", "median", "mad", "n")
        .collect(engine="in-memory")
    )


def fitted(setups: pl.DataFrame, named: Sequence[Spec], date: dt.date) -> pl.DataFrame:
    """gold.scalers of a date for many specs at once; each slot is fitted once, whatever specs have it.

    Args:
        setups: gold.setups of earlier dates with `date`, every slot, and `excess` as `trials.excess` gives
            it; see `scalers`.
        named: The specs.
        date: The date whose questions are scaled.
    """
    slots = tuple(sorted({slot for each in named for slot in each.slots}))
    every = scalers(setups.lazy(), Spec("every", slots), date)
    past = setups.filter(pl.col("date") < date, ~pl.col("is_placebo"))
    found = []
    for each in named:
        rows = pl.DataFrame(
            {"spec": each.name, "feature": each.slots},
            {name: SCALERS.schema[name] for name in ("spec", "feature")},
        )
        rows = rows.join(every, on="feature", how="left", maintain_order="left")
        points = scaled(matrix(past, each), scaler(rows, each))
        axes = None if each.components is None else principal(points, each.components).tolist()
        slopes = lean(points, past["excess"].to_numpy(), len(each.compared))
        found.append(
            rows.with_columns(
                pl.Series("axes", axes or [None] * len(rows), SCALERS.schema["axes"]),
                pl.Series("lean", [None] * len(rows) if slopes is None else slopes, pl.Float64()),
            )
        )
    return pl.concat([one.select(*SCALERS.schema) for one in found]).cast(SCALERS.schema)  # type: ignore[arg-type]


def in_force(root: Path, product: str, spec: Spec, date: dt.date) -> Scaler:
    """The product's scaler of the last built date up to a date; before any, that of an empty past.

    Raises:
        MissingStepError: If there is none of the product, or none of the vector.
    """
    missing = f"there is no scaler of {spec.name} for {product}: run `warehouse build` again"
    mine = [one for one in store.partitions(root, "gold.scalers") if ("product", product) in one.keys]
    if not mine:
        raise MissingStepError(missing)
    there = [one for one in mine if dict(one.keys)["date"] <= str(date)]
    if not there:
        return scaler(pl.DataFrame(schema=SCALERS.schema), spec)
    rows = store.scan(there[-1:]).filter(pl.col("spec") == spec.name).collect(engine="in-memory")
    if rows.is_empty():
        raise MissingStepError(missing)
    return scaler(rows, spec)


def lean(points: Vectors, excess: Reals, compared: int) -> Reals | None:
    """Parts (d,) of scaled slots in the combination that best told past BREAK from REJECT.

    A ridge regression of what came, beyond what geometry expected. It is compared beside everything else and
    counts for more: where two setups are one standard deviation apart in it, that is as far as two in each
    number compared.

    Args:
        points: (n, d) past vectors, scaled, 0 where a slot is missing.
        excess: (n,) 1 for BREAK, -1 for REJECT and 0 for CHOP, less what geometry expected; NaN unknown.
        compared: Numbers that vectors are compared by beside the lean.

    Returns:
        None where fewer than 200 outcomes are known, or nothing varies.
    """
    known = np.isfinite(excess)
    if known.sum() < LEAN_NEEDED:
        return None
    near = np.clip(points.astype(np.float64), -CLIPPED, CLIPPED)
    taught = near[known]
    spread = np.einsum("ni,nj->ij", taught, taught)  # no BLAS: the same bits on any threads
    slopes = np.linalg.solve(
        spread + _LEAN_RIDGE * np.eye(len(spread)), np.einsum("ni,n->i", taught, excess[known])
    )
    deviation = float(np.einsum("ni,i->n", near, slopes).std())
    return slopes * (_LEAN_WEIGHT * math.sqrt(compared) / deviation) if deviation > 0 else None


def principal(points: Vectors, count: int) -> Reals:
    """Axes along which scaled vectors (n, d) vary most, (d, count); unit length, the largest part positive.

    Fewer than 20 vectors have no axes: each of the first slots is its own.
    """
    if len(points) < VALUES_NEEDED:
        return np.eye(points.shape[1], count)
    near = np.clip(points.astype(np.float64), -CLIPPED, CLIPPED)
    centred = near - near.mean(axis=0)
    spread = np.einsum("ni,nj->ij", centred, centred) / len(near)  # no BLAS: the same bits on any threads
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :count]
    largest = np.abs(axes).argmax(axis=0)
    found: Reals = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    return found
