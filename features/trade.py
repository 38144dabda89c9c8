"""Prints of the bar, by who aggressed."""

import polars as pl

from features import midprice, state  # noqa: F401 (declared before what reads them)
from warehouse.catalog import feature
from warehouse.units import COUNT, FRACTION, LOTS

MANY = (0, float("inf"))
FILLS = "what aggressors took is what was filled, where nothing was hidden"


@feature(unit=LOTS, rises_with="unknown_vol", bounds=MANY)
def trade_vol_sum(buy_vol: pl.Expr, sell_vol: pl.Expr, unknown_vol: pl.Expr) -> pl.Expr:
    """Lots traded in the bar, whoever aggressed."""
    return buy_vol + sell_vol + unknown_vol


@feature(unit=COUNT, rises_with="trade_cnt", bounds=MANY)
def trade_cnt_sum(trade_cnt: pl.Expr) -> pl.Expr:
    """Trade records of the bar."""
    return trade_cnt


@feature(unit=LOTS, swap="trade_aggsell_vol_sum", rises_with="buy_vol", bounds=MANY, idle=FILLS)
def trade_aggbuy_vol_sum(buy_vol: pl.Expr) -> pl.Expr:
    """Lots bought by aggressors in the bar."""
    return buy_vol


@feature(unit=LOTS, swap="trade_aggbuy_vol_sum", rises_with="sell_vol", bounds=MANY, idle=FILLS)
def trade_aggsell_vol_sum(sell_vol: pl.Expr) -> pl.Expr:
    """Lots sold by aggressors in the bar."""
    return sell_vol


@feature(unit=LOTS, parity="odd", rises_with="buy_vol")
def trade_signed_vol_sum(buy_vol: pl.Expr, sell_vol: pl.Expr) -> pl.Expr:
    """Lots bought less lots sold by aggressors in the bar."""
    return buy_vol - sell_vol


@feature(unit=FRACTION, parity="odd", rises_with="buy_vol", bounds=(-1, 1))
def trade_imbal_sum(
    buy_vol: pl.Expr, sell_vol: pl.Expr, trade_vol_sum: pl.Expr, kappa_vol: pl.Expr
) -> pl.Expr:
    """Bought less sold over all traded, shrunk to 0 where little trades."""
    return (buy_vol - sell_vol) / (trade_vol_sum + kappa_vol)


@feature(unit=FRACTION, bounds=(-3, 3))
def trade_avgsz_lr_sum(
    trade_vol_sum: pl.Expr, trade_cnt_sum: pl.Expr, usual_trade_vol: pl.Expr, usual_trade_cnt: pl.Expr
) -> pl.Expr:
    """Log ratio of the mean print to the usual one: the past's median lots over its median trade records.

    Null without a trade, and without a profile or where it has none.
    """
    return ((trade_vol_sum * usual_trade_cnt) / (trade_cnt_sum * usual_trade_vol)).log().clip(-3, 3)


@feature(unit=FRACTION, rises_with="max_trade", bounds=(0, 1))
def trade_maxsz_frac_sum(max_trade: pl.Expr, trade_vol_sum: pl.Expr) -> pl.Expr:
    """Share of the largest print in what traded; null without a trade."""
    return max_trade / trade_vol_sum


@feature(unit=FRACTION, rises_with="sweep_vol", bounds=(0, 1))
def trade_sweep_frac_sum(sweep_vol: pl.Expr, trade_vol_sum: pl.Expr) -> pl.Expr:
    """Share of what traded in events that traded at two prices or more; null without a trade."""
    return sweep_vol / trade_vol_sum


@feature(
    unit=FRACTION,
    rises_with="unknown_vol",
    bounds=(0, 1),
    idle="0 but for auctions, implied and spread trades",
)
def trade_unknown_frac_sum(unknown_vol: pl.Expr, trade_vol_sum: pl.Expr) -> pl.Expr:
    """Share of what traded without an aggressor; null without a trade."""
    return unknown_vol / trade_vol_sum


@feature(unit=FRACTION, window=2, parity="odd", rises_with="trade_vwap", bounds=(-10, 10))
def trade_vwapdev_sum(trade_vwap: pl.Expr, midprice_eob: pl.Expr, state_spread_pts_eob: pl.Expr) -> pl.Expr:
    """Mean price of the bar's prints less mid at its start, in spreads of its start; null without a trade."""
    return ((trade_vwap - midprice_eob.shift(1)) / state_spread_pts_eob.shift(1)).clip(-10, 10)
