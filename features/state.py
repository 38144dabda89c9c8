"""The book at the end of a bar, wherever the level is."""

import polars as pl

from features.bounded import imbalance, total
from features.cells import TICKS_A_POINT
from warehouse.catalog import feature
from warehouse.schema import BANDS, DEPTH
from warehouse.units import FRACTION, POINTS

LEVELS = tuple(f"{i:02d}" for i in range(DEPTH))
BID_SIZES, ASK_SIZES = (tuple(f"{side}_sz_{i}" for i in LEVELS) for side in ("bid", "ask"))
BID_PRICES, ASK_PRICES = (tuple(f"{side}_px_{i}" for i in LEVELS) for side in ("bid", "ask"))


@feature(unit=POINTS, parity="reflect")
def microprice_eob(bid_px_00: pl.Expr, ask_px_00: pl.Expr, bid_sz_00: pl.Expr, ask_sz_00: pl.Expr) -> pl.Expr:
    """Mid weighted by the opposite best sizes: nearer the side with less; null without two sides."""
    return (ask_px_00 * bid_sz_00 + bid_px_00 * ask_sz_00) / (bid_sz_00 + ask_sz_00)


@feature(unit=POINTS, parity="reflect")
def midprice_eob(bid_px_00: pl.Expr, ask_px_00: pl.Expr) -> pl.Expr:
    """Half way between best bid and best ask; null without two sides."""
    return (bid_px_00 + ask_px_00) / 2


@feature(unit=POINTS, rises_with="ask_px_00")
def state_spread_pts_eob(bid_px_00: pl.Expr, ask_px_00: pl.Expr) -> pl.Expr:
    """Best ask less best bid."""
    return ask_px_00 - bid_px_00


@feature(unit=POINTS, rises_with="spread_twa")
def state_spread_pts_twa(spread_twa: pl.Expr) -> pl.Expr:
    """Best ask less best bid, averaged over the bar's time."""
    return spread_twa


@feature(unit=FRACTION, parity="odd", rises_with="bid_sz_00", bounds=(-1, 1))
def state_obi0_eob(bid_sz_00: pl.Expr, ask_sz_00: pl.Expr) -> pl.Expr:
    """Imbalance of the best sizes; +1 is all bid, null where both are empty."""
    return imbalance(bid_sz_00, ask_sz_00)


@feature(unit=FRACTION, parity="odd", rises_with="obi0_twa", bounds=(-1, 1))
def state_obi0_twa(obi0_twa: pl.Expr) -> pl.Expr:
    """Imbalance of the best sizes, averaged over the bar's time."""
    return obi0_twa


@feature(unit=FRACTION, parity="odd", rises_with="bid_sz_00", bounds=(-1, 1), inputs=(*BID_SIZES, *ASK_SIZES))
def state_obi10_eob(*sizes: pl.Expr) -> pl.Expr:
    """Imbalance of the ten-level sizes; +1 is all bid, null where both are empty."""
    return imbalance(total(sizes[:DEPTH]), total(sizes[DEPTH:]))


@feature(unit=FRACTION, parity="odd", rises_with="obi10_twa", bounds=(-1, 1))
def state_obi10_twa(obi10_twa: pl.Expr) -> pl.Expr:
    """Imbalance of the ten-level sizes, averaged over the bar's time."""
    return obi10_twa


@feature(unit=FRACTION, parity="odd", rises_with="microprice_eob", bounds=(-0.5, 0.5))
def state_micro_dev_eob(
    microprice_eob: pl.Expr, midprice_eob: pl.Expr, state_spread_pts_eob: pl.Expr
) -> pl.Expr:
    """Microprice less mid, in spreads; + leans up."""
    return (microprice_eob - midprice_eob) / state_spread_pts_eob


def in_band(distance: pl.Expr, size: pl.Expr, point: pl.Expr, band: str) -> pl.Expr:
    """`size` where the distance lies in the band, else 0; the nearest band holds distance 0 too."""
    low, high = BANDS[band]
    beyond = distance > low * point if low else distance.is_not_null()
    return pl.when(beyond & (distance <= high * point)).then(size).otherwise(0.0)


def declare_cdi(band: str) -> None:
    low, high = BANDS[band]

    def cdi(mp: pl.Expr, point: pl.Expr, *levels: pl.Expr) -> pl.Expr:
        bid_px, bid_sz, ask_px, ask_sz = (levels[i : i + DEPTH] for i in range(0, 4 * DEPTH, DEPTH))
        below = (in_band(mp - px, size, point, band) for px, size in zip(bid_px, bid_sz, strict=True))
        above = (in_band(px - mp, size, point, band) for px, size in zip(ask_px, ask_sz, strict=True))
        return imbalance(total(below), total(above))

    feature(
        name=f"state_cdi_{band}_eob",
        inputs=("microprice_eob", "point_px", *BID_PRICES, *BID_SIZES, *ASK_PRICES, *ASK_SIZES),
        doc=f"Imbalance of the ten-level sizes {low:g} to {high:g} pt from the microprice; +1 is all bid.\n\n"
        "Null where neither side shows size there. From the window of ten levels, so 2 to 3 pt is half seen.",
        unit=FRACTION,
        parity="odd",
        rises_with=BID_SIZES[int(low) * TICKS_A_POINT + 1],
        bounds=(-1, 1),
    )(cdi)


for near in ("p0_1", "p1_2", "p2_3"):
    declare_cdi(near)
