"""How much trading against the level went without price, in the direction of travel."""

import polars as pl

from features import midprice  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, log_ratio
from warehouse.catalog import setup
from warehouse.units import FRACTION


@setup(
    name="lvl_absorb_sum",
    inputs=("buy_vol", "midprice_eob", "tick_px", "usual_absorb", "kappa_vol"),
    unit=FRACTION,
    window=2,
    rises_with="buy_vol",
    bounds=(-CLIP_LR, CLIP_LR),
)
def absorbed(lots: pl.Expr, mid: pl.Expr, tick: pl.Expr, usual: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Lots that aggressed with the travel, over one more than the ticks gained, as log ratio to the usual.

    High is absorption: much was traded and price did not move. Null without a profile or the bar before.
    """
    gained = ((mid - mid.shift(1)) / tick).clip(lower_bound=0.0)
    return log_ratio(lots / (gained + 1), usual, kappa)
