"""Sums over the ladder around a level, which features of several families share: quantities by zones.

A quantity is read off a ladder row, a zone weighs the row by its distance `x` from the level in ticks. A
zone's weights fall linearly from 1 at its outer tick to 0 one tick further, so they hold for levels
between ticks too.
"""

import polars as pl

from warehouse.catalog import measure
from warehouse.schema import DEPTH
from warehouse.units import COUNT, LOTS, POINTS, TICKS, Unit

POINTS_AROUND = tuple(range(-4, 5))
"""Index points around the level at which pressure is read."""
TICKS_A_POINT = 4
REACH = 18
"""Ticks from the level within which a row counts for any zone."""
LEVELS = tuple(f"{i:02d}" for i in range(DEPTH))
"""Ladder indices as they are written in names."""
NEAR_BANDS = ("p0_1", "p1_2", "p2_3")
"""Bands of the microprice, up to 3 points, that ten levels reach into."""
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


PARTS_OF_A_LOT = 1024
"""To which averages over time are rounded, so that their weighted sums are exact in any order."""
seen_part = (pl.col("seen_frac") * PARTS_OF_A_LOT).round() / PARTS_OF_A_LOT
averaged = (pl.col("qty_twa") * PARTS_OF_A_LOT).round() / PARTS_OF_A_LOT
traded = pl.col("fill") + pl.col("hidden")

AT_POINTS: dict[str, tuple[str, pl.Expr, float | None, str]] = {
    "bid_rest": ("ask_rest", either(qty, pl.lit(0.0)), None, "resting on the bid at bar end"),
    "ask_rest": ("bid_rest", either(pl.lit(0.0), qty), None, "resting on the ask at bar end"),
    "long": ("short", either(pl.col("add"), pl.col("pull")), None, "added to the bid or pulled from the ask"),
    "short": ("long", either(pl.col("pull"), pl.col("add")), None, "added to the ask or pulled from the bid"),
    "buy": ("sell", either(pl.lit(0.0), traded), 0.0, "bought by aggressors"),
    "sell": ("buy", either(traded, pl.lit(0.0)), 0.0, "sold by aggressors"),
    "bid_twa": ("ask_twa", either(averaged, pl.lit(0.0)), None, "resting on the bid over the bar"),
    "ask_twa": ("bid_twa", either(pl.lit(0.0), averaged), None, "resting on the ask over the bar"),
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
opened = pl.col("qty_open")
through = opened.is_not_null() & qty.is_not_null() & (pl.col("seen_frac") >= 1)

IN_CELLS: dict[str, tuple[int, pl.Expr, Unit, str]] = {
    "open": (FAR, opened, LOTS, "resting at bar start"),
    "open_x": (FAR, opened * x.abs(), TICKS * LOTS, "resting at start, times ticks"),
    "stays": (FAR, stays, LOTS, "resting at bar start, plus added, less pulled"),
    "stays_x": (FAR, stays * x.abs(), TICKS * LOTS, "left by owners, times ticks"),
    "add": (NEAR, pl.col("add"), LOTS, "added"),
    "pull": (NEAR, pl.col("pull"), LOTS, "pulled"),
    "fill": (NEAR, pl.col("fill"), LOTS, "filled"),
    "rest": (NEAR, pl.when(known).then(qty), LOTS, "resting at bar end"),
    "past": (NEAR, pl.when(known).then(pl.col("usual")), LOTS, "usually resting at the known ticks"),
}  # fmt: skip
"""Quantity: ticks from the level, its value in a row, its unit, its words."""
OVER_THE_BAR = {"open", "open_x", "stays", "stays_x"}
"""Those of prices known throughout the bar alone."""

for side, zone, swap, of_side, distance in (
    ("ask", "above", "bid_below", ask, x),
    ("bid", "below", "ask_above", bid, -x),
):
    for name, (ticks, value, unit, words) in IN_CELLS.items():
        whole = name in OVER_THE_BAR
        counts = of_side & through if whole else of_side
        measure(
            f"{side}_{zone}_{name}",
            pl.when(counts).then(above(distance, ticks) * value).sum(),
            doc=f"Lots of the {side} {words}, up to {ticks} ticks {zone} the level and at it"
            + (", at prices known throughout the bar." if whole else "."),
            unit=unit,
            grain="level",
            swap=f"{swap}_{name}",
        )

both_sides = (1 + NEAR - x.abs()).clip(0, 1)

for name in ("long", "short", "buy", "sell"):
    swap, value, absent, words = AT_POINTS[name]
    measure(
        f"{name}_around",
        (both_sides * value).sum(),
        doc=f"Lots {words}, up to {NEAR} ticks above and below the level.",
        unit=LOTS,
        grain="level",
        swap=f"{swap}_around",
        absent=absent,
    )

for side, swap, of_side in (("ask", "bid", ask), ("bid", "ask", bid)):
    for name, value, words in (
        ("rest", pl.when(known).then(qty), "resting at bar end"),
        ("past", pl.when(known).then(pl.col("usual")), "usually resting at the known ticks"),
        ("net", pl.col("add") - pl.col("pull"), "added less pulled"),
    ):
        measure(
            f"{side}_around_{name}",
            pl.when(of_side.any()).then((both_sides * value).filter(of_side).sum()),
            doc=f"Lots of the {side} {words}, up to {NEAR} ticks above and below the level.",
            unit=LOTS,
            grain="level",
            swap=f"{swap}_around_{name}",
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

BANDS_AROUND = {"at": (-1, 1), "t2_4": (2, 4), "t5_8": (5, 8), "t9_16": (9, 16)}
"""Ticks from the level that a zone holds, inclusive; all but `at` lie on one side of it."""
ZONES = tuple(
    (side, where, band)
    for side in ("ask", "bid")
    for band in BANDS_AROUND
    for where in (("at",) if band == "at" else ("above", "below"))
)
"""Side of the book, where its zone lies of the level, its ticks."""
_TURNED = {"ask": "bid", "bid": "ask", "above": "below", "below": "above", "at": "at"}


def named(side: str, where: str, band: str) -> str:
    """How a zone is written in a name: ask_above_t2_4, bid_at."""
    return f"{side}_at" if where == "at" else f"{side}_{where}_{band}"


def turned(side: str, where: str, band: str) -> str:
    """The zone that it becomes when the tape is reflected."""
    return named(_TURNED[side], _TURNED[where], band)


def within(x: pl.Expr, low: int, high: int) -> pl.Expr:
    """Weight of a tick in a zone from `low` to `high`, falling to 0 one tick outside."""
    return (1 + x - low).clip(0, 1) * (1 + high - x).clip(0, 1)


legal, told = pl.col("away") >= 0, pl.col("usual").is_not_null()
VOID = 0.25
"""Share of the usual size below which a tick is void."""
IN_ZONES: dict[str, tuple[pl.Expr, Unit, str]] = {
    "rest": (pl.when(known).then(qty), LOTS, "resting at bar end"),
    "mean": (averaged, LOTS, "resting, averaged over the bar's time"),
    "open": (pl.col("qty_open"), LOTS, "resting at bar start"),
    "past": (pl.when(known).then(pl.col("usual")), LOTS, "usually resting at the known ticks"),
    "add": (pl.col("add"), LOTS, "added"),
    "pull": (pl.col("pull"), LOTS, "pulled"),
    "fill": (pl.col("fill"), LOTS, "filled"),
    "back": (pl.col("add_after_trade"), LOTS, "added within a second of a trade there"),
    "seen": (known.cast(pl.Float64), COUNT, "known at bar end, in ticks rather than lots"),
    "told": ((known & told).cast(pl.Float64), COUNT, "known and of a usual size, in ticks rather than lots"),
    "thin": ((known & (qty < VOID * pl.col("usual"))).cast(pl.Float64), COUNT, "known and less than a quarter of the usual, in ticks rather than lots"),
    "told_twa": (pl.when(legal & told).then(seen_part), COUNT, "known and of a usual size, as a share of the bar's time, in ticks rather than lots"),
    "thin_twa": (
        pl.when(legal & (averaged < VOID * pl.col("usual"))).then(seen_part), COUNT,
        "the same where the average over the bar is less than a quarter of it, in ticks rather than lots",
    ),
}  # fmt: skip
"""Quantity of a zone: its value in a row, its unit, its words."""

for side, where, band in ZONES:
    low, high = BANDS_AROUND[band]
    weight = within(-x if where == "below" else x, low, high)
    for name, (value, unit, words) in IN_ZONES.items():
        measure(
            f"{named(side, where, band)}_{name}",
            (weight * value).filter(bid if side == "bid" else ask).sum(),
            doc=f"Lots {words}, of the {side} {low} to {high} ticks {where} the level.",
            unit=unit,
            grain="level",
            swap=f"{turned(side, where, band)}_{name}",
        )
