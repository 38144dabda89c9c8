"""Size and flow in each cell and band about the level, in the direction of travel.

Far lies beyond the level and near before it; the opposing side is the one in the way, the supporting side
the one behind price. Every value is null where less than half of the zone's legal ticks is seen.
"""

import polars as pl

from features import depth, retreat  # noqa: F401 (declared before what reads them)
from features.bounded import balance, log_ratio, share_of_both
from features.cells import BANDS_AROUND, named
from features.cube import FULL, SEEN, ticks
from warehouse.catalog import setup
from warehouse.units import FRACTION, LOTS

CELLS = {
    "opp_far": ("ask", "above"),
    "sup_near": ("bid", "below"),
    "opp_near": ("ask", "below"),
    "sup_far": ("bid", "above"),
}
"""A cell in the direction of travel, and what it is when the travel is up."""
PLACES = (
    *((f"{cell}_{band}", side, where, band) for cell, (side, where) in CELLS.items() for band in BANDS_AROUND if band != "at"),
    ("at_opp", "ask", "at", "at"),
    ("at_sup", "bid", "at", "at"),
)  # fmt: skip
MANY = (0, float("inf"))
TRADED = 4
"""Ticks from the level to which the trades of the bar reach in which price came to it."""
UNFILLED = "no trade of the bar in which price comes to the level reaches there"
FILLED = 0.25
"""Lots filled from which a replenishment is told, as a share of kappa: five of twenty."""
FORMS = {
    "share_eob": (("rest", "depth_{side}10_qty_eob"), "share of the side's ten-level size", FRACTION, MANY),
    "share_twa": (("mean", "depth_{side}10_qty_twa"), "share of the side's ten-level size, both averaged over the bar", FRACTION, MANY),
    "rel_eob": (("rest", "past", "kappa_depth"), "log ratio of size to the usual at the known ticks", FRACTION, (-3, 3)),
    "pabal_sum": (("pull", "add", "kappa_vol"), "pulled less added over both; + is pulled faster", FRACTION, (-1, 1)),
    "palr_sum": (("pull", "add", "kappa_vol"), "log ratio of pulled to added", FRACTION, (-3, 3)),
    "pullrate_sum": (("pull", "open", "add", "kappa_vol"), "pulled of all that was there or added", FRACTION, MANY),
    "addrate_sum": (("add", "open", "add", "kappa_vol"), "added of all that was there or added", FRACTION, (0, 1)),
    "fillshare_sum": (("fill", "pull", "kappa_vol"), "filled of all that went", FRACTION, (0, 1)),
    "repl_sum": (("back", "fill", "kappa_vol"), "added back within a second of trades, of that and the filled; null under 5 filled", FRACTION, (0, 1)),
    "void_eob": (("thin", "told"), "share of the known ticks with less than a quarter of the usual; null without a profile", FRACTION, (0, 1)),
    "void_twa": (("thin_twa", "told_twa"), "share of the time and ticks known with less than a quarter of the usual on average; null without a profile", FRACTION, (0, 1)),
}  # fmt: skip
"""Form: the quantities that it reads, its words, its unit, its bounds."""


def formed(form: str, given: tuple[pl.Expr, ...]) -> pl.Expr:
    """The value of a form from its quantities, in their order."""
    a, b, *rest = given
    made: dict[str, pl.Expr] = {
        "rel_eob": pl.when(b > 0).then(log_ratio(a, b, rest[-1])) if rest else a,
        "pabal_sum": balance(a, b, rest[-1]) if rest else a,
        "palr_sum": log_ratio(a, b, rest[-1]) if rest else a,
        "fillshare_sum": share_of_both(a, b, rest[-1]) if rest else a,
        "repl_sum": pl.when(b >= rest[-1] * FILLED).then(share_of_both(a, b, rest[-1])) if rest else a,
        "pullrate_sum": a / (b + sum(rest)) if rest else a,
        "addrate_sum": a / (b + sum(rest)) if rest else a,
    }
    return made.get(form, a / b)


for called, side, where, band in PLACES:
    low, high = BANDS_AROUND[band]
    HERE = named(side, where, band)
    AT = f"{called.replace('_', ' ', 1)} ({low} to {high} ticks from the level)"

    @setup(
        name=f"lvl_{called}_cov_eob",
        inputs=(f"{HERE}_seen", f"{side}_px_00", "level_px", "tick_px"),
        doc=f"Seen share of the ticks of {AT} where that side may rest; null where none may.",
        unit=FRACTION,
        bounds=(0, 1),
        idle=FULL if called.startswith(("opp_far", "sup_near")) else "",
    )
    def coverage(
        seen: pl.Expr,
        best: pl.Expr,
        level: pl.Expr,
        tick: pl.Expr,
        span: tuple[int, int] = (low, high) if where != "below" else (-high, -low),
        up: bool = side == "ask",  # noqa: FBT001 (bound at declaration)
    ) -> pl.Expr:
        touch = ticks(best, level, tick)
        first, last = span
        legal = (
            last + 1 - pl.max_horizontal(touch, pl.lit(float(first)))
            if up
            else pl.min_horizontal(touch, pl.lit(float(last))) + 1 - first
        )
        # With no row in reach nothing is seen of what is legal.
        return pl.when(touch.is_not_null() & (legal > 0)).then((seen.fill_null(0.0) / legal).clip(0, 1))

    for form, (quantities, words, unit, bounds) in FORMS.items():
        READ = tuple(
            q if q.startswith("kappa") else q.format(side=side) if "{" in q else f"{HERE}_{q}"
            for q in quantities
        )

        @setup(
            name=f"lvl_{called}_{form}",
            inputs=(f"lvl_{called}_cov_eob", *dict.fromkeys(READ)),
            doc=f"Of {AT}: {words}.",
            unit=unit,
            rises_with=None if form in {"addrate_sum", "share_eob", "share_twa"} else READ[0],
            bounds=bounds,
            idle=UNFILLED if form == "fillshare_sum" and low > TRADED else "",
        )
        def ratio(cov: pl.Expr, *columns: pl.Expr, form: str = form, read: tuple[str, ...] = READ) -> pl.Expr:
            given = dict(zip(dict.fromkeys(read), columns, strict=True))
            return pl.when(cov >= SEEN).then(formed(form, tuple(given[name] for name in read)))


@setup(
    inputs=("lvl_at_opp_cov_eob", "lvl_at_sup_cov_eob", "bid_at_rest", "ask_at_rest", "kappa_depth"),
    unit=FRACTION,
    rises_with="bid_at_rest",
    bounds=(-1, 1),
)
def lvl_at_imbal_eob(opp: pl.Expr, sup: pl.Expr, bid: pl.Expr, ask: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Supporting less opposing size at the level and a tick around it, over both; + supports.

    Null unless one of the two may rest there and is seen.
    """
    seen = (opp.fill_null(0.0) >= SEEN) | (sup.fill_null(0.0) >= SEEN)
    return pl.when(seen).then(balance(bid, ask, kappa))


@setup(
    inputs=("bid_at_rest", "ask_at_rest", "bid_at_seen", "ask_at_seen"),
    unit=LOTS,
    rises_with="bid_at_rest",
    bounds=MANY,
)
def lvl_at_size_qty_eob(bid: pl.Expr, ask: pl.Expr, bids: pl.Expr, asks: pl.Expr) -> pl.Expr:
    """Size of both sides at the level and a tick around it; null where no tick of it is seen."""
    return pl.when(bids + asks > 0).then(bid + ask)
