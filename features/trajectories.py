"""Twenty minutes up to a setup as 40 samples of four series, and the eight slowest waves of each.

In the direction of travel, a sample each 30 s, the last at the setup. Wave m is the coefficient of the orthonormal
cosine transform (type II), the oldest sample first; wave 0 is the level, 1 a trend from high to low.
"""

from math import cos, pi, sqrt

import polars as pl

from features import barriers, kinematics, ofi, windows  # noqa: F401 (declared before what reads it)
from features.bounded import total
from warehouse.catalog import CATALOG, PREFIX, setup
from warehouse.units import COUNT, FRACTION

SAMPLES, EVERY = 40, 6
"""Samples of a series, and bars from one to the next."""
WAVES = 8
ENOUGH = 36
"""Samples that must be known; one missing between two known ones is their mean, a gap of 60 s."""
SERIES = {
    "x": "kin_x_pts_eob",
    "ofi": "ofi_bal_60s",
    "barrier": "barrier_dlog_1m",
    "imbal": "trade_x_imbal_w12",
}

SCALED = {"x"}
"""Series in points, whose samples are told in expected one-minute moves."""


def weights(wave: int) -> list[float]:
    """Of the samples in a wave, the oldest first."""
    scale = sqrt((1 if wave == 0 else 2) / SAMPLES)
    return [scale * cos(pi * (k + 0.5) * wave / SAMPLES) for k in range(SAMPLES)]


def sampled(value: pl.Expr, place: int) -> pl.Expr:
    """The value at a sample; if it is missing between two known ones, their mean."""
    ago = (SAMPLES - 1 - place) * EVERY
    if place in {0, SAMPLES - 1}:
        return value.shift(ago)
    return pl.coalesce(value.shift(ago), (value.shift(ago - EVERY) + value.shift(ago + EVERY)) / 2)


def samples(called: str) -> tuple[str, ...]:
    """Names of a series' samples, the oldest first; the last one of a ratio is the series itself."""
    names = tuple(f"seq_{called}_s{place:02d}" for place in range(SAMPLES))
    return names if called in SCALED else (*names[:-1], SERIES[called])


for called, base in SERIES.items():
    NAMES = samples(called)

    for place, name in enumerate(NAMES):
        if name == base:
            continue
        AGO, INNER = (SAMPLES - 1 - place) * EVERY, 0 < place < SAMPLES - 1
        OVER = ("sigma_60",) if called in SCALED else ()

        @setup(
            name=name,
            inputs=(base, *OVER),
            doc=f"`{base}` {AGO * 5} s before the setup"
            + (", in expected one-minute moves." if OVER else "."),
            unit=FRACTION,
            window=AGO + 1 + (EVERY if INNER else 0),
            rises_with=base if AGO == 0 else None,
            bounds=CATALOG[PREFIX + base].bounds if not OVER else (float("-inf"), float("inf")),
        )
        def sample(value: pl.Expr, *sigma: pl.Expr, place: int = place) -> pl.Expr:
            then = sampled(value, place)
            return then / sigma[0] if sigma else then

    @setup(
        name=f"seq_{called}_known",
        inputs=(base,),
        doc=f"Of the 40 samples of `{base}`, how many are known, single gaps not yet closed.",
        unit=COUNT,
        window=(SAMPLES - 1) * EVERY + 1,
        bounds=(0, SAMPLES),
        idle="40 where nothing is missing",
    )
    def known(value: pl.Expr) -> pl.Expr:
        there = value.is_not_null().cast(pl.Float64)
        every = [float(place % EVERY == 0) for place in range((SAMPLES - 1) * EVERY + 1)]
        return there.rolling_sum(len(every), weights=every)

    for wave in range(WAVES):

        @setup(
            name=f"dct_{called}_c{wave}",
            inputs=(f"seq_{called}_known", *NAMES),
            doc=f"Wave {wave} of the 40 samples of `{base}` up to the setup.\n\n"
            "Null with fewer than 36 samples, or where two in a row or one at an end are missing.",
            unit=FRACTION,
            rises_with=NAMES[0],
        )
        def coefficient(count: pl.Expr, *samples: pl.Expr, wave: int = wave) -> pl.Expr:
            summed = total(each * weight for each, weight in zip(samples, weights(wave), strict=True))
            return pl.when(count >= ENOUGH).then(summed)
