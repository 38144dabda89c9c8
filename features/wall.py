"""Sizes that stand out among the ten visible levels of a side."""

import polars as pl

from features import microprice  # noqa: F401 (declared before what reads it)
from features.bounded import average
from features.cells import LEVELS
from warehouse.catalog import feature
from warehouse.schema import DEPTH
from warehouse.units import COUNT, FRACTION, POINTS

STRONG = 2.0
"""Standard deviations above the side's mean from which a level is a wall."""
EDGE = 2.5
"""Points from the microprice beyond which no wall is visible."""
MOST = 3.0
"""The largest of ten numbers cannot be farther than this from their mean, in standard deviations."""
WHY = {"unit": "the seed's z adds a bare 1 to sizes before the logarithm"}


FLAT = 1e-6
"""Standard deviation below which all levels count as alike."""


def logs(prices: tuple[pl.Expr, ...], sizes: tuple[pl.Expr, ...]) -> list[pl.Expr]:
    """ln(1 + size) of each level; null where it is not populated."""
    return [pl.when(px.is_not_null()).then(size.log1p()) for px, size in zip(prices, sizes, strict=True)]


def first_of(flags: list[pl.Expr]) -> pl.Expr:
    """Place of the first true flag; null where none is."""
    return pl.coalesce([pl.when(flag).then(float(place)) for place, flag in enumerate(flags)])


for side, other in (("bid", "ask"), ("ask", "bid")):
    PRICES, SIZES = (tuple(f"{side}_{what}_{i}" for i in LEVELS) for what in ("px", "sz"))
    LEVELS_OF, SCALE = (*PRICES, *SIZES), (f"wall_{side}_logmean_eob", f"wall_{side}_logsd_eob")

    @feature(
        name=f"wall_{side}_logmean_eob",
        inputs=LEVELS_OF,
        doc=f"Mean of ln(1 + size) over the populated ones of ten {side} levels; null where it is empty.",
        unit=FRACTION,
        swap=f"wall_{other}_logmean_eob",
        rises_with=f"{side}_sz_00",
        bounds=(0, float("inf")),
        breaks=WHY,
    )
    def logmean(*columns: pl.Expr) -> pl.Expr:
        return average(logs(columns[:DEPTH], columns[DEPTH:]))

    @feature(
        name=f"wall_{side}_logsd_eob",
        inputs=(SCALE[0], *LEVELS_OF),
        doc=f"Population standard deviation of ln(1 + size) over the same {side} levels.",
        unit=FRACTION,
        swap=f"wall_{other}_logsd_eob",
        bounds=(0, float("inf")),
        breaks=WHY,
    )
    def logsd(mean: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        gaps = [(log - mean) ** 2 for log in logs(columns[:DEPTH], columns[DEPTH:])]
        return average(gaps).sqrt()

    @feature(
        name=f"wall_{side}_maxz_eob",
        inputs=(*SCALE, *LEVELS_OF),
        doc=f"Largest z of ln(1 + size) among ten {side} levels; 0 if all are alike, null if empty.\n\n"
        "Never above 3, and 1.67 on average without any wall: the profile form says more.",
        unit=FRACTION,
        swap=f"wall_{other}_maxz_eob",
        bounds=(0, MOST),
        breaks=WHY,
    )
    def maxz(mean: pl.Expr, sd: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        largest = pl.max_horizontal(logs(columns[:DEPTH], columns[DEPTH:]))
        return pl.when(sd > FLAT).then((largest - mean) / sd).otherwise(sd * 0).clip(0, MOST)

    @feature(
        name=f"wall_{side}_nearest_strong_dist_pts_eob",
        inputs=("microprice_eob", "point_px", *SCALE, *LEVELS_OF),
        doc=f"Points from the microprice to the nearest {side} level with z of 2 or more; 2.5 if none.\n\n"
        "Null where a side is empty.",
        unit=POINTS,
        swap=f"wall_{other}_nearest_strong_dist_pts_eob",
        bounds=(0, EDGE),
        breaks=WHY,
    )
    def distance(mp: pl.Expr, point: pl.Expr, mean: pl.Expr, sd: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        prices, least = columns[:DEPTH], mean + STRONG * sd
        strong = [(sd > FLAT) & (log >= least) for log in logs(prices, columns[DEPTH:])]
        away = [pl.when(here).then((px - mp).abs()) for here, px in zip(strong, prices, strict=True)]
        return pl.when(mp.is_not_null()).then(pl.min_horizontal(*away, EDGE * point))

    @feature(
        name=f"wall_{side}_maxz_levelidx_eob",
        inputs=LEVELS_OF,
        doc=f"Index 0 to 9 of the {side} level with the largest z, the nearest of equals; null if empty.",
        unit=COUNT,
        swap=f"wall_{other}_maxz_levelidx_eob",
        bounds=(0, DEPTH - 1),
    )
    def place_of_max(*columns: pl.Expr) -> pl.Expr:
        sized = logs(columns[:DEPTH], columns[DEPTH:])
        most = pl.max_horizontal(sized)
        return first_of([log == most for log in sized])

    @feature(
        name=f"wall_{side}_nearest_strong_levelidx_eob",
        inputs=(*SCALE, *LEVELS_OF),
        doc=f"Index 0 to 9 of the nearest {side} level with z of 2 or more; null if there is none.",
        unit=COUNT,
        swap=f"wall_{other}_nearest_strong_levelidx_eob",
        bounds=(0, DEPTH - 1),
        breaks=WHY,
    )
    def place_of_strong(mean: pl.Expr, sd: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        sized = logs(columns[:DEPTH], columns[DEPTH:])
        return first_of([(sd > FLAT) & (log >= mean + STRONG * sd) for log in sized])

    @feature(
        name=f"wall_{side}_none_eob",
        inputs=(f"wall_{side}_maxz_eob",),
        doc=f"1 if no {side} level has z of at least 2, else 0; null where the side is empty.",
        unit=FRACTION,
        swap=f"wall_{other}_none_eob",
        bounds=(0, 1),
        breaks=WHY,
    )
    def none(maxz: pl.Expr) -> pl.Expr:
        return (maxz < STRONG).cast(pl.Float64)

    @feature(
        name=f"wall_{side}_prof_eob",
        inputs=(f"{side}_wall_lr",),
        doc=f"Log ratio of the {side}'s largest size to the past's at that distance and time of day.\n\n"
        "Over the ten ticks from the touch; ln 10 = 2.3 is a ten-fold wall. Null without a profile.",
        unit=FRACTION,
        swap=f"wall_{other}_prof_eob",
        rises_with=f"{side}_wall_lr",
        bounds=(-5, 5),
    )
    def profile(largest: pl.Expr) -> pl.Expr:
        return largest.clip(-5, 5)
