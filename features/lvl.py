"""Depth and flow above and below the level, and how far its orders retreat, as bid and ask.

Of retreat owners' acts count alone: a fill moves nothing.
"""

import polars as pl

from features import approach  # noqa: F401 (declared before what reads it)
from features.bounded import balance, imbalance, total
from features.cells import LEVELS, NEAR, up_to
from features.cube import FULL, SEEN, ticks
from features.cumul import acts, flows, net
from warehouse.catalog import feature
from warehouse.schema import DEPTH
from warehouse.units import FRACTION, LOTS, TICKS

FLOWS = 9
"""Columns of `flows`."""
TYPICAL_SHIFT = 0.25
"""Ticks of shift that count as clearly away."""
CELLS = {"ask_above": "asks at the level and above", "bid_below": "bids at the level and below"}
"""Cells that may retreat, in words; each is the other one's mirror image."""


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


@feature(unit=FRACTION, parity="odd", rises_with="lvl_depth_below_qty_eob", bounds=(-1, 1))
def lvl_depth_imbal_eob(lvl_depth_below_qty_eob: pl.Expr, lvl_depth_above_qty_eob: pl.Expr) -> pl.Expr:
    """Imbalance of bids below and asks above the level; +1 is all bid, null where either is unseen."""
    return imbalance(lvl_depth_below_qty_eob, lvl_depth_above_qty_eob)


def ahead(side: pl.Expr, d: pl.Expr) -> pl.Expr:
    """+1 where the level lies above price, -1 below; at the level where the travel points, else null."""
    return pl.when(side != 0).then(-side).otherwise(d)


WHICH = {"toward": "of the side between price and", "away": "on the other side than"}
"""Which side a flow is of, in words."""
TIE = "At the level the side ahead in the direction of travel counts as between; null without a direction."


def chosen(side: pl.Expr, d: pl.Expr, ask: pl.Expr, bid: pl.Expr, towards: str) -> pl.Expr:
    """Toward: of the ask if the level lies above, of the bid if below; away: the other way round."""
    up = ahead(side, d)
    one, two = (ask, bid) if towards == "toward" else (bid, ask)
    return pl.when(up > 0).then(one).when(up < 0).then(two)


for towards, which in WHICH.items():
    for called, columns, words in (
        ("net", flows, "added less pulled less filled"),
        ("netpull", acts, "added less pulled, fills left out,"),
    ):

        @feature(
            name=f"lvl_flow_{towards}_{called}_sum",
            inputs=("approach_side_of_level_eob", "d", *columns("ask"), *columns("bid")),
            doc=f"Lots {words} within 3 pt of the microprice, {which} the level.\n\n{TIE}",
            unit=LOTS,
        )
        def flow(side: pl.Expr, d: pl.Expr, *columns: pl.Expr, towards: str = towards) -> pl.Expr:
            half = len(columns) // 2
            return chosen(side, d, net(columns[:half]), net(columns[half:]), towards)


@feature(
    name="lvl_flow_toward_away_imbal_sum",
    inputs=("lvl_flow_toward_net_sum", "lvl_flow_away_net_sum", "kappa_vol"),
    unit=FRACTION,
    rises_with="lvl_flow_toward_net_sum",
    bounds=(-1, 1),
)
def toward_away(toward: pl.Expr, away: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Net flow of the side between price and level less that of the other, over both; + the one between builds."""
    return (toward - away) / (toward.abs() + away.abs() + kappa)


for (cell, words), other in zip(CELLS.items(), reversed(CELLS), strict=True):
    side = cell[:3]

    @feature(
        name=f"lvl_{cell}_cov_eob",
        inputs=(f"{side}_px_00", f"{side}_seen_px", "level_px", "tick_px"),
        doc=f"Known share of the ticks from the level on where {words} may rest; null where none may.",
        unit=FRACTION,
        swap=f"lvl_{other}_cov_eob",
        bounds=(0, 1),
        idle=FULL,
    )
    def coverage(
        best: pl.Expr, seen: pl.Expr, level: pl.Expr, tick: pl.Expr, sign: int = 1 if side == "ask" else -1
    ) -> pl.Expr:
        first, last = (sign * ticks(price, level, tick) for price in (best, seen))
        closed = up_to(first - 1, -1, NEAR + 1)
        return (up_to(last, -1, NEAR + 1) - closed) / (NEAR + 1 - closed)

    @feature(
        name=f"lvl_{cell}_com_shift_sum",
        inputs=(
            f"lvl_{cell}_cov_eob",
            *(f"{cell}_{what}" for what in ("open", "open_x", "stays", "stays_x")),
        ),
        doc=f"Ticks by which owners moved the mean distance of {words} in the bar; + away from the level.\n\n"
        "At prices known throughout the bar and up to 16 ticks away, fills left out. Null where nothing\n"
        "rested or less than half is seen.",
        unit=TICKS,
        swap=f"lvl_{other}_com_shift_sum",
        rises_with=f"{cell}_stays_x",
        bounds=(-16, 16),
    )
    def com_shift(
        cov: pl.Expr, opened: pl.Expr, opened_x: pl.Expr, stays: pl.Expr, stays_x: pl.Expr
    ) -> pl.Expr:
        return pl.when(cov >= SEEN).then(stays_x / stays - opened_x / opened)

    @feature(
        name=f"lvl_{cell}_move_sum",
        inputs=(f"lvl_{cell}_com_shift_sum",),
        doc=f"How clearly {words} moved away from the level in the bar, in (-1, 1).",
        unit=FRACTION,
        swap=f"lvl_{other}_move_sum",
        rises_with=f"lvl_{cell}_com_shift_sum",
        bounds=(-1, 1),
    )
    def move(shift: pl.Expr) -> pl.Expr:
        return (shift / TYPICAL_SHIFT).tanh()

    @feature(
        name=f"lvl_{cell}_pull_sum",
        inputs=(f"lvl_{cell}_cov_eob", f"{cell}_pull", f"{cell}_add", "kappa_vol"),
        doc=f"Pulled less added over both, of {words}, up to {NEAR} ticks from the level; + pulled faster.",
        unit=FRACTION,
        swap=f"lvl_{other}_pull_sum",
        rises_with=f"{cell}_pull",
        bounds=(-1, 1),
    )
    def pull(cov: pl.Expr, pulled: pl.Expr, added: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        return pl.when(cov >= SEEN).then(balance(pulled, added, kappa))

    @feature(
        name=f"lvl_{cell}_retreat_sum",
        inputs=(f"lvl_{cell}_move_sum", f"lvl_{cell}_pull_sum"),
        doc=f"Retreat of {words} in the bar: mean of moving away and of being pulled faster than added.",
        unit=FRACTION,
        swap=f"lvl_{other}_retreat_sum",
        rises_with=f"lvl_{cell}_pull_sum",
        bounds=(-1, 1),
    )
    def retreat(move: pl.Expr, pull: pl.Expr) -> pl.Expr:
        return 0.5 * move + 0.5 * pull
