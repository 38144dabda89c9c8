"""Prints of the bar, by who aggressed."""

import polars as pl

from features.bounded import balance, log_ratio
from warehouse.catalog import feature
from warehouse.units import COUNT, FRACTION, LOTS

MANY = (0, float("inf"))


@feature(unit=LOTS, rises_with="unknown_vol", bounds=MANY)
def trade_vol_sum(buy_vol: pl.Expr, sell_vol: pl.Expr, unknown_vol: pl.Expr) -> pl.Expr:
    """Lots traded in the bar, whoever aggressed."""
    return buy_vol + sell_vol + unknown_vol


@feature(unit=COUNT, rises_with="trade_cnt", bounds=MANY)
def trade_cnt_sum(trade_cnt: pl.Expr) -> pl.Expr:
    """Trade records of the bar."""
    return trade_cnt


@feature(unit=LOTS, swap="trade_aggsell_vol_sum", rises_with="buy_vol", bounds=MANY)
def trade_aggbuy_vol_sum(buy_vol: pl.Expr) -> pl.Expr:
    """Lots bought by aggressors in the bar."""
    return buy_vol


@feature(unit=LOTS, swap="trade_aggbuy_vol_sum", rises_with="sell_vol", bounds=MANY)
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


@feature(unit=FRACTION, rises_with="trade_vol_sum", bounds=(-3, 3))
def trade_vol_rel_sum(trade_vol_sum: pl.Expr, usual_trade_vol: pl.Expr, kappa_vol: pl.Expr) -> pl.Expr:
    """Log ratio of the lots traded to the past's median bar at this time of day; null without a profile."""
    return log_ratio(trade_vol_sum, usual_trade_vol, kappa_vol)


@feature(unit=FRACTION, parity="odd", rises_with="buy_vol", bounds=(-1, 1))
def trade_aggbal_sum(buy_vol: pl.Expr, sell_vol: pl.Expr, kappa_vol: pl.Expr) -> pl.Expr:
    """Balance of aggressors: + bought; trades without an aggressor are left out."""
    return balance(buy_vol, sell_vol, kappa_vol)
