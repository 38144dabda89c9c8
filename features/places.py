"""Where the orders of each cell about the level lie: their centre, the first, the largest and what became of it.

In the direction of travel. A cell holds its side's ticks from the level on, up to 16; the level's own tick belongs
to what lies beyond it on the opposing side and to what lies before it on the supporting one.
"""

from collections.abc import Callable, Mapping

import polars as pl

from features import zones  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, balance, itself, share
from features.cells import FAR, NEAR, ask, bid, known, opened, qty, stays, through, x
from features.retreat import LONGEST, run
from warehouse.catalog import measure, setup
from warehouse.units import COUNT, FRACTION, LOTS, TICKS, Unit

UNTOLD = "null from MBP-10, which tells no orders apart"
HALF = 0.5
STANDS = 1.0
"""Log ratio to the usual above which a size is a wall."""
WIDEST = 5.0
CELLS = {
    "opp_far": ("ask_above", "asks from the level on"),
    "sup_near": ("bid_below", "bids from the level back"),
    "opp_near": ("ask_below", "asks before the level"),
    "sup_far": ("bid_above", "bids beyond the level"),
}
"""A cell in the direction of travel, what it is when the travel is up, its words."""
TURNED = {
    "ask_above": "bid_below",
    "bid_below": "ask_above",
    "ask_below": "bid_above",
    "bid_above": "ask_below",
}
INSIDE = {
    "ask_above": ask & x.is_between(-HALF, FAR),
    "bid_below": bid & x.is_between(-FAR, HALF),
    "ask_below": ask & (x >= -FAR) & (x < -HALF),
    "bid_above": bid & (x > HALF) & (x <= FAR),
}
away = x.abs()
kappa = pl.col("kappa_px")
rise = ((qty + kappa) / (pl.col("usual") + kappa)).log()


def largest(inside: pl.Expr) -> pl.Expr:
    """True at the rows of the cell with the largest size against the usual."""
    risen = pl.when(inside & known).then(rise)
    return risen == risen.max()


def width(inside: pl.Expr) -> pl.Expr:
    """Ticks in a row around the largest whose sizes stand out; null where none is known."""
    risen = rise.filter(inside & known)
    stands = risen > STANDS
    place = stands.rle_id()
    here = place == place.filter(risen == risen.max()).first()
    return pl.when(risen.is_not_null().any()).then((stands & here).cast(pl.Float64).sum())


def told(column: str) -> Callable[[pl.Expr], pl.Expr]:
    """The sum of a column near the level; null where the feed does not tell it."""

    def summed(inside: pl.Expr) -> pl.Expr:
        near = pl.col(column).filter(inside & (away <= NEAR))
        return pl.when(pl.col(column).is_not_null().any()).then(near.sum())

    return summed


MEASURES: dict[str, tuple[Callable[[pl.Expr], pl.Expr], Unit, str]] = {
    "lr": (lambda inside: rise.filter(inside & known).max(), FRACTION, "Largest log ratio of size to the usual"),
    "px_away": (lambda inside: away.filter(largest(inside)).min(), TICKS, "Ticks from the level of the largest"),
    "width": (width, COUNT, "Ticks in a row around it that stand out"),
    "filled": (lambda inside: pl.col("fill").filter(largest(inside)).first(), LOTS, "Lots filled at the largest"),
    "pulled": (lambda inside: pl.col("pull").filter(largest(inside)).first(), LOTS, "Lots pulled at the largest"),
    "wall_qty": (lambda inside: qty.filter(largest(inside)).first(), LOTS, "Lots at the largest"),
    "wall_orders": (lambda inside: pl.col("orders").filter(largest(inside)).first(), COUNT, "Orders at the largest"),
    "orders": (lambda inside: pl.col("orders").filter(inside & known).sum(), COUNT, "Orders"),
    "first": (lambda inside: away.filter(inside & known & (qty > 0)).min(), TICKS, "Ticks of the nearest size"),
    "size": (lambda inside: qty.filter(inside & known).sum(), LOTS, "Lots"),
    "size_x": (lambda inside: (qty * away).filter(inside & known).sum(), TICKS * LOTS, "Lots times ticks"),
    "young": (told("pull_young"), LOTS, "Lots pulled within a second of being added, up to 8 ticks, null from MBP-10"),
    "gone": (told("pull"), LOTS, "Lots pulled, up to 8 ticks"),
    "moved_away": (told("reprice_away"), LOTS, "Lots moved away, up to 8 ticks, null from MBP-10"),
    "moved_toward": (told("reprice_toward"), LOTS, "Lots moved toward, up to 8 ticks, null from MBP-10"),
}  # fmt: skip
"""Of a cell: what is made of its rows, its unit, its words."""
SHIFTS: dict[str, tuple[Callable[[pl.Expr], pl.Expr], Unit, str]] = {
    "opens": (lambda inside: opened.filter(inside & through).sum(), LOTS, "Lots at bar start, at prices known throughout,"),
    "opens_x": (lambda inside: (opened * away).filter(inside & through).sum(), TICKS * LOTS, "The same times ticks"),
    "keeps": (lambda inside: stays.filter(inside & through).sum(), LOTS, "The same plus added, less pulled,"),
    "keeps_x": (lambda inside: (stays * away).filter(inside & through).sum(), TICKS * LOTS, "Left by owners, times ticks,"),
}  # fmt: skip
"""The same of the cells that `cells` has not."""


def summed_up(
    cell: str, words: str, quantities: Mapping[str, tuple[Callable[[pl.Expr], pl.Expr], Unit, str]]
) -> None:
    """Declare quantities of a cell."""
    for name, (made, unit, said) in quantities.items():
        measure(
            f"{cell}_{name}",
            made(INSIDE[cell]),
            doc=f"{said} of {words}; as the travel were up.",
            unit=unit,
            grain="level",
            swap=f"{TURNED[cell]}_{name}",
        )


for called, (cell, words) in CELLS.items():
    summed_up(cell, words, MEASURES)

    setup(
        name=f"lvl_{called}_com_ticks_eob",
        inputs=(f"{cell}_size_x", f"{cell}_size"),
        doc=f"Mean distance from the level of the size of {words}, up to 16 ticks; null where none rests.",
        unit=TICKS,
        rises_with=f"{cell}_size_x",
        bounds=(0, FAR),
    )(share)

    setup(
        name=f"lvl_{called}_touchgap_ticks_eob",
        inputs=(f"{cell}_first",),
        doc=f"Distance from the level of the nearest size of {words}; null where none rests.",
        unit=TICKS,
        rises_with=f"{cell}_first",
        bounds=(0, FAR),
    )(itself)

    @setup(
        name=f"lvl_{called}_wall_prof_eob",
        inputs=(f"{cell}_lr",),
        doc=f"Log ratio of the largest of {words} to the usual there; null without a profile.",
        unit=FRACTION,
        rises_with=f"{cell}_lr",
        bounds=(-WIDEST, WIDEST),
    )
    def profile(risen: pl.Expr) -> pl.Expr:
        return risen.clip(-WIDEST, WIDEST)

    setup(
        name=f"lvl_{called}_wall_dist_ticks_eob",
        inputs=(f"{cell}_px_away",),
        doc=f"Distance from the level of the largest of {words} against the usual, the nearest of equals.",
        unit=TICKS,
        rises_with=f"{cell}_px_away",
        bounds=(0, FAR),
    )(itself)

    setup(
        name=f"lvl_{called}_wall_width_eob",
        inputs=(f"{cell}_width",),
        doc=f"Ticks in a row around the largest of {words} that stand out by a log ratio above 1; 0 if it does not.",
        unit=COUNT,
        rises_with=f"{cell}_width",
        bounds=(0, FAR + 1),
    )(itself)

    @setup(
        name=f"lvl_{called}_wall_fate_eob",
        inputs=(f"{cell}_filled", f"{cell}_pulled"),
        doc=f"Filled of all that went in the bar at the largest of {words}; null where nothing did.",
        unit=FRACTION,
        rises_with=f"{cell}_filled",
        bounds=(0, 1),
    )
    def fate(filled: pl.Expr, pulled: pl.Expr) -> pl.Expr:
        return filled / (filled + pulled)

    @setup(
        name=f"lvl_{called}_wall_age_eob",
        inputs=(f"{cell}_lr", f"{cell}_px_away"),
        doc=f"Bars in a row in which the largest of {words} stood out and stayed within a tick, at most {LONGEST}.",
        unit=COUNT,
        window=LONGEST,
        bounds=(0, LONGEST),
    )
    def age(risen: pl.Expr, ticks: pl.Expr) -> pl.Expr:
        there = risen > STANDS
        # Where it stood elsewhere the bar before, its age begins anew.
        stayed = there & there.shift(1) & ((ticks - ticks.shift(1)).abs() <= 1)
        known_bars = run(pl.when(stayed).then(1.0), LONGEST - 1)
        return pl.when(risen.is_not_null()).then(pl.when(there).then(known_bars + 1).otherwise(0.0))

    setup(
        name=f"lvl_{called}_fleet_frac_sum",
        inputs=(f"{cell}_young", f"{cell}_gone"),
        doc=f"Pulled within a second of being added, of all pulled, of {words}; null from MBP-10.",
        unit=FRACTION,
        rises_with=f"{cell}_young",
        bounds=(0, 1),
        idle=UNTOLD,
    )(share)

    setup(
        name=f"lvl_{called}_repricebal_sum",
        inputs=(f"{cell}_moved_away", f"{cell}_moved_toward", "kappa_vol"),
        doc=f"Lots moved away less toward over both, of {words}; + withdraws. Null from MBP-10.",
        unit=FRACTION,
        rises_with=f"{cell}_moved_away",
        bounds=(-1, 1),
        idle=UNTOLD,
    )(balance)

    @setup(
        name=f"lvl_{called}_wall_order_lr_eob",
        inputs=(f"{cell}_wall_qty", f"{cell}_wall_orders", f"{cell}_size", f"{cell}_orders"),
        doc=f"Log ratio of the mean order at the largest of {words} to the mean order of all: + is few large ones.",
        unit=FRACTION,
        rises_with=f"{cell}_wall_qty",
        bounds=(-CLIP_LR, CLIP_LR),
    )
    def single(wall: pl.Expr, owners: pl.Expr, size: pl.Expr, orders: pl.Expr) -> pl.Expr:
        return ((wall * orders) / (owners * size)).log().clip(-CLIP_LR, CLIP_LR)


for called in ("opp_near", "sup_far"):
    cell, words = CELLS[called]
    summed_up(cell, words, SHIFTS)

    @setup(
        name=f"lvl_{called}_com_shift_sum",
        inputs=(f"{cell}_opens", f"{cell}_opens_x", f"{cell}_keeps", f"{cell}_keeps_x"),
        doc=f"Ticks by which owners moved the mean distance of {words} in the bar; + away from the level.\n\n"
        "At prices known throughout the bar, fills left out; null where nothing rested.",
        unit=TICKS,
        rises_with=f"{cell}_keeps_x",
        bounds=(-FAR, FAR),
    )
    def shift(opens: pl.Expr, opens_x: pl.Expr, keeps: pl.Expr, keeps_x: pl.Expr) -> pl.Expr:
        return keeps_x / keeps - opens_x / opens
