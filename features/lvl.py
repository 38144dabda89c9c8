"""Depth and flow above and below the level, as bid and ask."""

import polars as pl

from features import approach  # noqa: F401 (declared before what reads it)
from features.bounded import balance, imbalance, total
from features.cumul import flows, net
from features.state import LEVELS
from warehouse.catalog import feature
from warehouse.schema import DEPTH
from warehouse.units import FRACTION, LOTS

FLOWS = 9
"""Columns of `flows`."""


def visible(sizes: tuple[pl.Expr, ...], beyond: list[pl.Expr]) -> pl.Expr:
    """Ten-level size at prices beyond the level; null where no price beyond it is visible."""
    kept = [pl.when(far).then(size).otherwise(0.0) for far, size in zip(beyond, sizes, strict=True)]
    return pl.when(pl.any_horizontal(beyond)).then(total(kept))


for side, zone, other in (("ask", "above", "below"), ("bid", "below", "above")):
    PRICES, SIZES = (tuple(f"{side}_{what}_{i}" for i in LEVELS) for what in ("px", "sz"))

    @feature(
        name=f"lvl_depth_{zone}_qty_eob",
        inputs=("level_px", *PRICES, *SIZES),
        doc=f"Visible {side} size {zone} the level, not at it; null where no price there is visible.",
        unit=LOTS,
        swap=f"lvl_depth_{other}_qty_eob",
        bounds=(0, float("inf")),
    )
    def depth(level: pl.Expr, *columns: pl.Expr, above: bool = zone == "above") -> pl.Expr:
        prices, sizes = columns[:DEPTH], columns[DEPTH:]
        return visible(sizes, [px > level if above else px < level for px in prices])

    @feature(
        name=f"lvl_depth_{zone}_share_eob",
        inputs=(f"lvl_depth_{zone}_qty_eob", *SIZES),
        doc=f"Share of the visible {side} size that rests {zone} the level; null where none is visible.",
        unit=FRACTION,
        swap=f"lvl_depth_{other}_share_eob",
        rises_with=f"lvl_depth_{zone}_qty_eob",
        bounds=(0, 1),
    )
    def share(beyond: pl.Expr, *sizes: pl.Expr) -> pl.Expr:
        return beyond / total(sizes)


@feature(unit=FRACTION, parity="odd", rises_with="lvl_depth_below_qty_eob", bounds=(-1, 1))
def lvl_depth_imbal_eob(lvl_depth_below_qty_eob: pl.Expr, lvl_depth_above_qty_eob: pl.Expr) -> pl.Expr:
    """Imbalance of bids below and asks above the level; +1 is all bid, null where either is unseen."""
    return imbalance(lvl_depth_below_qty_eob, lvl_depth_above_qty_eob)


def ahead(side: pl.Expr, d: pl.Expr) -> pl.Expr:
    """+1 where the level lies above price, -1 below; at the level where the travel points, else null."""
    return pl.when(side != 0).then(-side).otherwise(d)


for towards, swapped in (("toward", False), ("away", True)):

    def chosen(side: pl.Expr, d: pl.Expr, ask: pl.Expr, bid: pl.Expr, *, swapped: bool) -> pl.Expr:
        """Of the ask if the level lies above, of the bid if below; the other way round if swapped."""
        up = ahead(side, d)
        one, two = (bid, ask) if swapped else (ask, bid)
        return pl.when(up > 0).then(one).when(up < 0).then(two)

    READS = ("approach_side_of_level_eob", "d", *flows("ask"), *flows("bid"))
    WHICH = "on the other side than" if swapped else "of the side between price and"
    TIE = (
        "At the level the side ahead in the direction of travel counts as between; null without a direction."
    )

    @feature(
        name=f"lvl_flow_{towards}_net_sum",
        inputs=READS,
        doc=f"Lots added less pulled less filled within 3 pt of the microprice, {WHICH} the level.\n\n{TIE}",
        unit=LOTS,
    )
    def flow(side: pl.Expr, d: pl.Expr, *columns: pl.Expr, swapped: bool = swapped) -> pl.Expr:
        return chosen(side, d, net(columns[:FLOWS]), net(columns[FLOWS:]), swapped=swapped)

    @feature(
        name=f"lvl_flow_{towards}_bal_sum",
        inputs=(*READS, "kappa_vol"),
        doc=f"The same over lots added, pulled and filled, {WHICH} the level; + builds.\n\n{TIE}",
        unit=FRACTION,
        bounds=(-1, 1),
    )
    def flow_balance(side: pl.Expr, d: pl.Expr, *columns: pl.Expr, swapped: bool = swapped) -> pl.Expr:
        *both, kappa = columns
        parts = (tuple(both[:FLOWS]), tuple(both[FLOWS:]))
        ask, bid = (balance(total(part[:3]), total(part[3:]), kappa) for part in parts)
        return chosen(side, d, ask, bid, swapped=swapped)
