"""Half way between best bid and best ask: a price, wherever the level is."""

import polars as pl

from warehouse.catalog import feature
from warehouse.units import POINTS


@feature(unit=POINTS, parity="reflect")
def midprice_eob(bid_px_00: pl.Expr, ask_px_00: pl.Expr) -> pl.Expr:
    """Half way between best bid and best ask; null without two sides."""
    return (bid_px_00 + ask_px_00) / 2
