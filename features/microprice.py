"""Mid weighted by the opposite best sizes: a price, wherever the level is."""

import polars as pl

from warehouse.catalog import feature
from warehouse.units import POINTS


@feature(unit=POINTS, parity="reflect")
def microprice_eob(bid_px_00: pl.Expr, ask_px_00: pl.Expr, bid_sz_00: pl.Expr, ask_sz_00: pl.Expr) -> pl.Expr:
    """Mid weighted by the opposite best sizes: nearer the side with less; null without two sides."""
    return (ask_px_00 * bid_sz_00 + bid_px_00 * ask_sz_00) / (bid_sz_00 + ask_sz_00)
