"""The pressure cube: what pushes long and short at each of nine points around the level. + is long."""

import polars as pl

from features.bounded import balance
from features.cells import POINTS_AROUND, TICKS_A_POINT, suffix, up_to
from warehouse.catalog import feature
from warehouse.units import FRACTION

SEEN = 0.5
"""Coverage from which a point counts as seen."""
FULL = "1 where the book is seen whole, as from MBO"
FAR = 2
"""Points from the level from which no print of a bar lies when price has just come to it."""
NO_PRINTS = "price has just come to the level, and prints of a bar lie near price"
RESTS = (("eob", "rest", ""), ("twa", "twa", ", averaged over the bar's time"))
"""Suffix of what rests, the name of its size, its words."""
EDGE_TICKS = 2.5
"""Ticks from a point at which its weight reaches 0."""


def ticks(price: pl.Expr, level: pl.Expr, tick: pl.Expr) -> pl.Expr:
    """Ticks from the level, whole where the level lies on a tick."""
    return ((price - level) / tick).round(6)


def where_seen(cov: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(cov >= SEEN).then(value)


def net(long: pl.Expr, short: pl.Expr, buy: pl.Expr, sell: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Balance of all that pushes: owners' acts and prints together."""
    return balance(long + buy, short + sell, kappa)


for j in POINTS_AROUND:
    here, there = suffix(j), suffix(-j)
    FLOW, PRINTS = (f"long_{here}", f"short_{here}"), (f"buy_{here}", f"sell_{here}")
    AT = f"around point {j:+d}, in index points above the level" if j else "around the level"
    PRINTED = NO_PRINTS if abs(j) >= FAR else ""
    HIDDEN = "Null where less than half of the point is seen."

    @feature(
        name=f"cube_cov_{here}",
        inputs=("bid_seen_px", "ask_seen_px", "level_px", "tick_px"),
        doc=f"Share of the ticks {AT} whose size is known at bar end; never null.",
        unit=FRACTION,
        swap=f"cube_cov_{there}",
        bounds=(0, 1),
        idle=FULL,
    )
    def cov(bid: pl.Expr, ask: pl.Expr, level: pl.Expr, tick: pl.Expr, j: int = j) -> pl.Expr:
        low = TICKS_A_POINT * j - EDGE_TICKS
        last, first = (ticks(price, level, tick) for price in (ask, bid))
        known = up_to(last, low, TICKS_A_POINT) - up_to(first - 1, low, TICKS_A_POINT)
        return (known / TICKS_A_POINT).fill_null(0.0)

    for when, name, words in RESTS:

        @feature(
            name=f"cube_rest_{when}_{here}",
            inputs=(
                f"cube_cov_{here}",
                f"bid_{name}_{here}",
                f"ask_{name}_{here}",
                f"usual_{here}",
                "kappa_depth",
            ),
            doc=f"Bid less ask size over both and the past's median{words}, {AT}; + is bid.\n\n"
            f"{HIDDEN} Null without a profile.",
            unit=FRACTION,
            parity="odd",
            swap=f"cube_rest_{when}_{there}",
            rises_with=f"bid_{name}_{here}",
            bounds=(-1, 1),
        )
        def rest(cov: pl.Expr, bid: pl.Expr, ask: pl.Expr, usual: pl.Expr, kappa: pl.Expr) -> pl.Expr:
            return where_seen(cov, balance(bid, ask, usual + kappa))

    @feature(
        name=f"cube_flow_sum_{here}",
        inputs=(f"cube_cov_{here}", *FLOW, "kappa_vol"),
        doc=f"Owners' acts of the bar {AT}: + is bids added and asks pulled.\n\n{HIDDEN}",
        unit=FRACTION,
        parity="odd",
        swap=f"cube_flow_sum_{there}",
        rises_with=f"long_{here}",
        bounds=(-1, 1),
    )
    def flow(cov: pl.Expr, long: pl.Expr, short: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        return where_seen(cov, balance(long, short, kappa))

    @feature(
        name=f"cube_aggr_sum_{here}",
        inputs=(*PRINTS, "kappa_vol"),
        doc=f"Prints of the bar {AT}: + is bought; 0 without a print, never null.",
        unit=FRACTION,
        parity="odd",
        swap=f"cube_aggr_sum_{there}",
        rises_with=f"buy_{here}",
        bounds=(-1, 1),
        idle=PRINTED,
    )
    def aggr(buy: pl.Expr, sell: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        return balance(buy, sell, kappa)

    @feature(
        name=f"cube_net_sum_{here}",
        inputs=(f"cube_cov_{here}", *FLOW, *PRINTS, "kappa_vol"),
        doc=f"Owners' acts and prints of the bar together {AT}; + pushes up.\n\n{HIDDEN}",
        unit=FRACTION,
        parity="odd",
        swap=f"cube_net_sum_{there}",
        rises_with=f"long_{here}",
        bounds=(-1, 1),
        idle=PRINTED,
    )
    def all_flow(cov: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        return where_seen(cov, net(*columns))
