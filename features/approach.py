"""Where price stands against the level."""

import polars as pl

from features import microprice  # noqa: F401 (declared before what reads it)
from warehouse.catalog import feature
from warehouse.units import FRACTION, POINTS


@feature(unit=POINTS, parity="odd", rises_with="microprice_eob")
def approach_dist_to_level_pts_eob(microprice_eob: pl.Expr, level_px: pl.Expr) -> pl.Expr:
    """Microprice less level; positive above it."""
    return microprice_eob - level_px


@feature(unit=FRACTION, parity="odd", rises_with="approach_dist_to_level_pts_eob", bounds=(-1, 1))
def approach_side_of_level_eob(approach_dist_to_level_pts_eob: pl.Expr) -> pl.Expr:
    """1 if the microprice is above the level, -1 below, 0 at it."""
    return approach_dist_to_level_pts_eob.sign()
