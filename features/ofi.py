"""Order-flow imbalance over half a minute to five minutes, in the direction of travel; + pushes on."""

import polars as pl

from features import retreat  # noqa: F401 (declared before what reads it)
from features.bounded import balance, window_sum
from features.cube import SEEN
from features.kinematics import unbroken
from warehouse.catalog import setup
from warehouse.units import FRACTION

SECONDS = {30: 6, 60: 12, 120: 24, 300: 60}
"""Seconds, and the bars that they are."""
AROUND = ("long_around", "buy_around", "short_around", "sell_around")

for seconds, bars in SECONDS.items():

    @setup(
        name=f"ofi_bal_{seconds}s",
        inputs=("flow_ofi_l00_sum", "ofi_abs_00", "kappa_vol", "meta_reset"),
        doc=f"Order-flow imbalance of the touch over {seconds} s, over its gross; null across a reset.",
        unit=FRACTION,
        window=bars,
        rises_with="flow_ofi_l00_sum",
        bounds=(-1, 1),
    )
    def at_touch(ofi: pl.Expr, gross: pl.Expr, kappa: pl.Expr, reset: pl.Expr, bars: int = bars) -> pl.Expr:
        summed, whole = (each.rolling_sum(bars) for each in (ofi, gross))
        return unbroken(summed / (whole + kappa * bars**0.5), reset, bars)

    @setup(
        name=f"ofi_lvl_{seconds}s",
        inputs=("lvl_opp_far_cov_eob", "lvl_sup_near_cov_eob", *AROUND, "kappa_vol", "meta_reset"),
        doc=f"Owners' acts and prints within 8 ticks of the level over {seconds} s; + pushes with the travel.\n\n"
        "Null across a reset, and where less than half of the ticks beyond or behind is seen.",
        unit=FRACTION,
        window=bars,
        rises_with="long_around",
        bounds=(-1, 1),
    )
    def at_level(far: pl.Expr, near: pl.Expr, *columns: pl.Expr, bars: int = bars) -> pl.Expr:
        *flows, kappa, reset = columns
        long, buy, short, sell = (window_sum(each, bars) for each in flows)
        seen = (far >= SEEN) & (near >= SEEN)
        pushed = balance(long + buy, short + sell, kappa * bars**0.5)
        return pl.when(seen).then(unbroken(pushed, reset, bars))


@setup(inputs=("ofi_bal_30s", "ofi_bal_120s"), unit=FRACTION, rises_with="ofi_bal_30s", bounds=(-2, 2))
def ofi_accel(short: pl.Expr, long: pl.Expr) -> pl.Expr:
    """Order-flow imbalance of the last half minute less that of two minutes; + gathers pace."""
    return short - long
