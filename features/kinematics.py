"""How price moves against the level over one to twenty minutes, in the direction of travel; + goes on.

Velocity, acceleration and jerk are in moves expected over their window, so one law holds for all windows:
on a walk without drift their deviations are 1, 1 and 1.41.
"""

import polars as pl

from features import midprice  # noqa: F401 (declared before what reads it)
from features.bounded import window_sum
from features.volatility import BARS_A_MINUTE
from warehouse.catalog import setup
from warehouse.units import FRACTION, POINTS

MINUTES = (1, 2, 3, 5, 10, 20)
WIDEST = 6.0
STENCILS = {
    "vel": ((1, -1), "Velocity: displacement"),
    "acc": ((1, -2, 1), "Acceleration: displacement of the second half less that of the first"),
    "jerk": (
        (1, -3, 3, -1),
        "Jerk: displacement of the last third less twice the middle one's plus the first's",
    ),
}
"""Weights of x at evenly spaced bars, the latest first, and their words."""


def unbroken(value: pl.Expr, reset: pl.Expr, bars: int) -> pl.Expr:
    """The value where the last `bars` bars exist and hold no reset, else null."""
    return pl.when(reset.cast(pl.Float64).rolling_max(bars) == 0).then(value)


@setup(inputs=("midprice_eob", "level_px"), unit=POINTS, rises_with="midprice_eob")
def kin_x_pts_eob(mid: pl.Expr, level: pl.Expr) -> pl.Expr:
    """Mid beyond the level in the direction of travel; negative before it."""
    return mid - level


for minutes in MINUTES:
    BARS = minutes * BARS_A_MINUTE

    for called, (weights, words) in STENCILS.items():

        @setup(
            name=f"kin_{called}_{minutes}m",
            inputs=("kin_x_pts_eob", "meta_reset", "sigma_60"),
            doc=f"{words} over {minutes} min in the direction of travel, in moves expected over them.\n\n"
            "Null where the history is shorter or a reset lies in it.",
            unit=FRACTION,
            window=BARS + 1,
            rises_with="kin_x_pts_eob",
            bounds=(-WIDEST, WIDEST),
        )
        def differences(
            x: pl.Expr, reset: pl.Expr, sigma: pl.Expr, weights: tuple[int, ...] = weights, bars: int = BARS
        ) -> pl.Expr:
            step = bars // (len(weights) - 1)
            moved = sum((w * x.shift(k * step) for k, w in enumerate(weights[1:], 1)), weights[0] * x)
            expected = sigma * (bars / BARS_A_MINUTE) ** 0.5
            return unbroken((moved / expected).clip(-WIDEST, WIDEST), reset, bars)

    @setup(
        name=f"kin_trend_{minutes}m",
        inputs=("kin_x_pts_eob", "meta_reset"),
        doc=f"Displacement over {minutes} min as a share of the way gone: 1 is straight on, 0 is nothing gained.",
        unit=FRACTION,
        window=BARS + 1,
        bounds=(-1, 1),
    )
    def trend(x: pl.Expr, reset: pl.Expr, bars: int = BARS) -> pl.Expr:
        way = window_sum((x - x.shift(1)).abs(), bars)
        share = pl.when(way > 0).then(((x - x.shift(bars)) / way).clip(-1, 1)).otherwise(way * 0)
        return unbroken(share, reset, bars)
