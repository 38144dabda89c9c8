"""Order flow as a force on the book's mass, and what it leaves of price's move unexplained; explains, never foretells.

In the direction of travel. The move per force over mass is that of past sessions at this half hour.
"""

import polars as pl

from features import flow, kinematics  # noqa: F401 (declared before what reads it)
from features.bounded import total, window_mean, window_sum
from features.kinematics import unbroken
from features.volatility import BARS_A_MINUTE
from warehouse.catalog import setup
from warehouse.units import FRACTION, LOTS, TICKS

SPANS = (12, 36)
"""Bars over which flow pushes."""
LEVELS = tuple(f"{side}_sz_{i:02d}_twa" for side in ("bid", "ask") for i in range(5))
WIDEST = 5.0


def surprise(moved: pl.Expr, expected: pl.Expr, sigma: pl.Expr, tick: pl.Expr, bars: int) -> pl.Expr:
    """Ticks moved beyond the expected ones, in moves expected over the bars."""
    root: float = (bars / BARS_A_MINUTE) ** 0.5
    usual = sigma / tick * root
    return ((moved - expected) / usual).clip(-WIDEST, WIDEST)


for bars in SPANS:
    OVER = f"over {bars} bars"

    @setup(
        name=f"fma_force_{bars}",
        inputs=("flow_ofi_l00_sum", "meta_reset"),
        doc=f"Order-flow imbalance of the touch {OVER}, in the direction of travel; null across a reset.",
        unit=LOTS,
        window=bars,
        rises_with="flow_ofi_l00_sum",
    )
    def force(ofi: pl.Expr, reset: pl.Expr, bars: int = bars) -> pl.Expr:
        return unbroken(window_sum(ofi, bars), reset, bars)

    @setup(
        name=f"fma_mass_{bars}",
        inputs=LEVELS,
        doc=f"Size of five levels on both sides, averaged {OVER}.",
        unit=LOTS,
        window=bars,
        rises_with=LEVELS[0],
        bounds=(0, float("inf")),
    )
    def mass(*sizes: pl.Expr, bars: int = bars) -> pl.Expr:
        return window_mean(total(sizes), bars, bars)

    @setup(
        name=f"fma_ratio_{bars}",
        inputs=(f"fma_force_{bars}", f"fma_mass_{bars}"),
        doc=f"Inverse hyperbolic sine of force over mass {OVER}.",
        unit=FRACTION,
        rises_with=f"fma_force_{bars}",
    )
    def ratio(force: pl.Expr, mass: pl.Expr) -> pl.Expr:
        return (force / mass).arcsinh()

    @setup(
        name=f"fma_pred_{bars}",
        inputs=(f"fma_force_{bars}", f"fma_mass_{bars}", f"impact_{bars}", "tick_px"),
        doc=f"Ticks that such a force moved such a mass {OVER} in past sessions; null under five of them.",
        unit=TICKS,
        rises_with=f"fma_force_{bars}",
    )
    def predicted(force: pl.Expr, mass: pl.Expr, impact: pl.Expr, tick: pl.Expr) -> pl.Expr:
        return impact * (force / mass) / tick

    @setup(
        name=f"fma_resid_{bars}",
        inputs=("kin_x_pts_eob", f"fma_pred_{bars}", "sigma_60", "tick_px"),
        doc=f"Move of mid {OVER} beyond the predicted, in moves expected over them: + ran ahead, - was absorbed.",
        unit=FRACTION,
        window=bars + 1,
        rises_with="kin_x_pts_eob",
        bounds=(-WIDEST, WIDEST),
    )
    def residual(x: pl.Expr, expected: pl.Expr, sigma: pl.Expr, tick: pl.Expr, bars: int = bars) -> pl.Expr:
        return surprise((x - x.shift(bars)) / tick, expected, sigma, tick, bars)

    @setup(
        name=f"fma_pred_accel_{bars}",
        inputs=(f"fma_pred_{bars}",),
        doc=f"Predicted move {OVER} less that of the {bars} bars before.",
        unit=TICKS,
        window=bars + 1,
        rises_with=f"fma_pred_{bars}",
    )
    def gathered(expected: pl.Expr, bars: int = bars) -> pl.Expr:
        return expected - expected.shift(bars)

    @setup(
        name=f"fma_accel_resid_{bars}",
        inputs=("kin_x_pts_eob", f"fma_pred_accel_{bars}", "sigma_60", "tick_px"),
        doc=f"Gain of the move {OVER} on the one before beyond the predicted gain, in moves expected over them.",
        unit=FRACTION,
        window=2 * bars + 1,
        rises_with="kin_x_pts_eob",
        bounds=(-WIDEST, WIDEST),
    )
    def residual_of_gain(
        x: pl.Expr, expected: pl.Expr, sigma: pl.Expr, tick: pl.Expr, bars: int = bars
    ) -> pl.Expr:
        gained = (x - 2 * x.shift(bars) + x.shift(2 * bars)) / tick
        return surprise(gained, expected, sigma, tick, bars)
