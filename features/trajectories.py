"""Twenty minutes up to a setup as 40 samples of four series, and the eight slowest waves of each.

In the direction of travel, a sample each 30 s, the last at the setup. Wave m is the coefficient of the orthonormal
cosine transform (type II), the oldest sample first; wave 0 is the level, 1 a trend from high to low.
"""

from collections.abc import Iterable
from math import cos, pi, sqrt

import polars as pl

from features import barriers, kinematics, ofi, windows  # noqa: F401 (declared before what reads it)
from features.bounded import total
from warehouse.catalog import CATALOG, PREFIX, setup
from warehouse.units import FRACTION

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

WAVE = (
    "Wave {wave} of the 40 samples of `{base}` up to the setup.\n\n"
    "Null with fewer than 36 samples, single gaps not closed, or where two in a row or one at an end are missing."
)
SCALED = {"x"}
"""Series in points, whose samples are told in expected one-minute moves."""


def weights(wave: int) -> list[float]:
    """Of the samples in a wave, the oldest first."""
    scale = sqrt((1 if wave == 0 else 2) / SAMPLES)
    return [scale * cos(pi * (k + 0.5) * wave / SAMPLES) for k in range(SAMPLES)]


def wave_of(samples: Iterable[pl.Expr], wave: int = 0) -> pl.Expr:
    """The coefficient of a wave, of all samples, the oldest first."""
    return total(each * weight for each, weight in zip(samples, weights(wave), strict=True))


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
        name=f"dct_{called}_c0",
        inputs=(base, *(("sigma_60",) if called in SCALED else ())),
        doc=WAVE.format(wave=0, base=base),
        unit=FRACTION,
        window=(SAMPLES - 1) * EVERY + 1,
        rises_with=base,
    )
    def level(value: pl.Expr, *sigma: pl.Expr) -> pl.Expr:
        known = total(value.shift(place * EVERY).is_not_null().cast(pl.Float64) for place in range(SAMPLES))
        every = [sampled(value, place) for place in range(SAMPLES)]
        return pl.when(known >= ENOUGH).then(wave_of(each / sigma[0] if sigma else each for each in every))

    for wave in range(1, WAVES):

        @setup(
            name=f"dct_{called}_c{wave}",
            inputs=(f"dct_{called}_c0", *NAMES),
            doc=WAVE.format(wave=wave, base=base),
            unit=FRACTION,
            rises_with=NAMES[0],
        )
        def coefficient(level: pl.Expr, *samples: pl.Expr, wave: int = wave) -> pl.Expr:
            return pl.when(level.is_not_null()).then(wave_of(samples, wave))
