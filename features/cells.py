"""Sums over the ladder around a level, which features of several families share: quantities by zones.

A quantity is read off a ladder row, a zone weighs the row by its distance `x` from the level in ticks. A
zone's weights fall linearly from 1 at its outer tick to 0 one tick further, so they hold for levels
between ticks too.
"""

import polars as pl

from warehouse.catalog import measure
from warehouse.schema import DEPTH
from warehouse.units import LOTS, POINTS, TICKS, Unit

POINTS_AROUND = tuple(range(-4, 5))
"""Index points around the level at which pressure is read."""
TICKS_A_POINT = 4
REACH = 18
"""Ticks from the level within which a row counts for any zone."""
NEAR, FAR = 8, 16
"""Ticks from the level over which pulls, and distances of size, are summed."""

x, qty = pl.col("x"), pl.col("qty")
bid, ask = pl.col("side") == "B", pl.col("side") == "A"
known = qty.is_not_null() & (pl.col("away") >= 0)


def suffix(j: int) -> str:
    """How a point is written in a name: p2 two points above the level, m4 four below, 0 at it."""
    return f"p{j}" if j > 0 else f"m{-j}" if j < 0 else "0"


def at_point(x: pl.Expr, j: int) -> pl.Expr:
    """Weight of a tick at point j; over all j it sums to 1."""
    return (2.5 - (x - TICKS_A_POINT * j).abs()).clip(0, 1)


def up_to(x: pl.Expr, low: float, ticks: int) -> pl.Expr:
    """Summed weights of the ticks up to `x`, of a zone of `ticks` ticks that has weight 0 up to `low`."""
    return (x - low).clip(0, ticks)


def above(x: pl.Expr, ticks: int) -> pl.Expr:
    """Weight of a tick at the level or up to `ticks` above it."""
    return (1 + x).clip(0, 1) * (1 + ticks - x).clip(0, 1)


def either(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """`a` of rows of the bid, `b` of rows of the ask."""
    return pl.when(bid).then(a).otherwise(b)


traded = pl.col("fill") + pl.col("hidden")

AT_POINTS: dict[str, tuple[str, pl.Expr, float | None, str]] = {
    "bid_rest": ("ask_rest", either(qty, pl.lit(0.0)), None, "resting on the bid at bar end"),
    "ask_rest": ("bid_rest", either(pl.lit(0.0), qty), None, "resting on the ask at bar end"),
    "long": ("short", either(pl.col("add"), pl.col("pull")), None, "added to the bid or pulled from the ask"),
    "short": ("long", either(pl.col("pull"), pl.col("add")), None, "added to the ask or pulled from the bid"),
    "buy": ("sell", either(pl.lit(0.0), traded), 0.0, "bought by aggressors"),
    "sell": ("buy", either(traded, pl.lit(0.0)), 0.0, "sold by aggressors"),
}
"""Quantity: what it is when reflected, its value in a row, its value where no row is in reach, its words."""

for j in POINTS_AROUND:
    here = at_point(x, j)
    for name, (swap, value, absent, words) in AT_POINTS.items():
        measure(
            f"{name}_{suffix(j)}",
            (here * value).sum(),
            doc=f"Lots {words}, weighted around point {j:+d} of the level.",
            unit=LOTS,
            grain="level",
            swap=f"{swap}_{suffix(-j)}",
            absent=absent,
        )
    seen = known & (here > 0)
    measure(
        f"usual_{suffix(j)}",
        pl.when((seen & pl.col("usual").is_null()).any().not_()).then(
            (here * pl.col("usual")).filter(seen).sum()
        ),
        doc=f"Past median size of the seen ticks around point {j:+d}, each at its distance from the touch.",
        unit=LOTS,
        grain="level",
        swap=f"usual_{suffix(-j)}",
    )

stays = pl.col("qty_open") + pl.col("add") - pl.col("pull")
through = pl.col("qty_open").is_not_null() & qty.is_not_null() & (pl.col("seen_frac") >= 1)

opened = pl.col("qty_open")

IN_CELLS: dict[str, tuple[int, pl.Expr, Unit, str]] = {
    "open": (FAR, opened, LOTS, "resting at bar start"),
    "open_x": (FAR, opened * x.abs(), TICKS * LOTS, "resting at start, times ticks"),
    "stays": (FAR, stays, LOTS, "resting at bar start, plus added, less pulled"),
    "stays_x": (FAR, stays * x.abs(), TICKS * LOTS, "left by owners, times ticks"),
    "add": (NEAR, pl.col("add"), LOTS, "added"),
    "pull": (NEAR, pl.col("pull"), LOTS, "pulled"),
}  # fmt: skip
"""Quantity: ticks from the level, its value in a row, its unit, its words."""

for side, zone, swap, of_side, distance in (
    ("ask", "above", "bid_below", ask, x),
    ("bid", "below", "ask_above", bid, -x),
):
    for name, (ticks, value, unit, words) in IN_CELLS.items():
        counts = of_side & through if ticks == FAR else of_side
        measure(
            f"{side}_{zone}_{name}",
            pl.when(counts).then(above(distance, ticks) * value).sum(),
            doc=f"Lots of the {side} {words}, up to {ticks} ticks {zone} the level and at it"
            + (", at prices known throughout the bar." if ticks == FAR else "."),
            unit=unit,
            grain="level",
            swap=f"{swap}_{name}",
        )

for side, swap, of_side, farthest in (
    ("ask", "bid", ask, pl.Expr.max),
    ("bid", "ask", bid, pl.Expr.min),
):
    measure(
        f"{side}_seen_px",
        farthest(pl.col("price").filter(of_side & known)),
        doc=f"Farthest price of the {side} that is known at bar end; every tick from the touch to it is.",
        unit=POINTS,
        grain="bar",
        swap=f"{swap}_seen_px",
        mirror="reflect",
    )
    measure(
        f"{side}_wall_lr",
        ((qty + pl.col("kappa_px")) / (pl.col("usual") + pl.col("kappa_px")))
        .log()
        .filter(of_side & known & (pl.col("away") < DEPTH))
        .max(),
        doc=f"Largest log ratio of a {side} size to what is usual there, up to ten ticks from the touch.",
        unit=Unit("1"),
        grain="bar",
        swap=f"{swap}_wall_lr",
    )
