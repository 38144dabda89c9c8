"""The book at the end of a bar, wherever the level is."""

from math import exp

import polars as pl

from features import depth, midprice, volatility  # noqa: F401 (declared before what reads them)
from features.bounded import imbalance, share, total
from features.cells import LEVELS, NEAR_BANDS
from warehouse.catalog import feature
from warehouse.schema import BANDS, DEPTH
from warehouse.units import FRACTION, POINTS, TICKS

BID_SIZES, ASK_SIZES = (tuple(f"{side}_sz_{i}" for i in LEVELS) for side in ("bid", "ask"))


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


WEIGHTS = tuple(exp(-i / 3) for i in range(DEPTH))
"""Weight of a ladder index, falling by e every three."""

for when, sizes, words in (
    ("eob", (*BID_SIZES, *ASK_SIZES), ""),
    (
        "twa",
        tuple(f"{name}_twa" for name in (*BID_SIZES, *ASK_SIZES)),
        ", of sizes averaged over the bar's time",
    ),
):

    @feature(
        name=f"state_obiw_{when}",
        inputs=sizes,
        doc=f"Imbalance of ten-level sizes that weigh less with the level's index{words}; +1 is all bid.",
        unit=FRACTION,
        parity="odd",
        rises_with=sizes[0],
        bounds=(-1, 1),
    )
    def weighted(*sizes: pl.Expr) -> pl.Expr:
        bid, ask = (
            total(size * weight for size, weight in zip(side, WEIGHTS, strict=True))
            for side in (sizes[:DEPTH], sizes[DEPTH:])
        )
        return imbalance(bid, ask)

    for band in NEAR_BANDS:
        low, high = BANDS[band]

        feature(
            name=f"state_cdi_{band}_{when}",
            inputs=(f"depth_below_{band}_qty_{when}", f"depth_above_{band}_qty_{when}"),
            doc=f"Imbalance of the sizes {low:g} to {high:g} pt from the microprice{words}; +1 is all bid.\n\n"
            "Null where neither side shows size there. Of ten levels, so 2 to 3 pt is half seen.",
            unit=FRACTION,
            parity="odd",
            rises_with=f"depth_below_{band}_qty_{when}",
            bounds=(-1, 1),
        )(imbalance)

    feature(
        name=f"state_spread_ticks_{when}",
        inputs=(f"state_spread_pts_{when}", "tick_px"),
        doc="Best ask less best bid in ticks" + (", averaged over the bar's time." if when == "twa" else "."),
        unit=TICKS,
        rises_with=f"state_spread_pts_{when}",
    )(share)


@feature(unit=FRACTION, rises_with="tight_frac", bounds=(0, 1))
def state_locked_frac_twa(tight_frac: pl.Expr) -> pl.Expr:
    """Share of the bar's time with a spread of one tick."""
    return tight_frac


for bars in (12, 36, 180):

    @feature(
        name=f"state_rv_w{bars}",
        inputs=("volatility_move2",),
        doc=f"Root of the summed squared moves of mid over {bars} bars; null where one is unknown.",
        unit=POINTS,
        window=bars,
        rises_with="volatility_move2",
        bounds=(0, float("inf")),
    )
    def realised(move2: pl.Expr, bars: int = bars) -> pl.Expr:
        return move2.rolling_sum(bars).clip(0).sqrt()
