"""Which side weighs more within eight ticks of the level, against what usually rests there; + resists."""

import polars as pl

from features import retreat  # noqa: F401 (declared before what reads it)
from features.cube import SEEN
from warehouse.catalog import setup
from warehouse.units import FRACTION

LEAST = 0.1
"""Share of the usual size below which neither side weighs anything."""
COVS = ("lvl_opp_far_cov_eob", "lvl_sup_near_cov_eob")


@setup(
    name="lvl_opppress_eob",
    inputs=(*COVS, "ask_around_rest", "ask_around_past", "bid_around_rest", "bid_around_past"),
    unit=FRACTION,
    rises_with="ask_around_rest",
    bounds=(-1, 1),
)
def standing(
    far: pl.Expr, near: pl.Expr, ask: pl.Expr, ask_past: pl.Expr, bid: pl.Expr, bid_past: pl.Expr
) -> pl.Expr:
    """Opposing less supporting size, each over the usual at its known ticks; + resistance is heavier.

    Null without a profile, and where less than half of the ticks beyond or behind is seen.
    """
    opposes, supports = ask / ask_past, bid / bid_past
    seen = (far >= SEEN) & (near >= SEEN) & (ask_past > 0) & (bid_past > 0)
    return pl.when(seen).then((opposes - supports) / (opposes + supports + LEAST))


@setup(
    name="lvl_opppress_flow_sum",
    inputs=(*COVS, "ask_around_net", "bid_around_net", "kappa_vol"),
    unit=FRACTION,
    rises_with="ask_around_net",
    bounds=(-1, 1),
)
def building(far: pl.Expr, near: pl.Expr, ask: pl.Expr, bid: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Lots added less pulled of the opposing side less the supporting side's, over both; + resistance builds."""
    seen = (far >= SEEN) & (near >= SEEN)
    return pl.when(seen).then((ask - bid) / (ask.abs() + bid.abs() + kappa))
