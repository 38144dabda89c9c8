"""The trigger snapshot as ratios: a twin without dimension for each of the thirty names, and their vector.

A twin is named as its feature with `_r` appended. In the direction of travel what is bid supports and
what is ask opposes, + is up; the twins of depth and of cumulative flow keep their own side.
"""

import polars as pl

from features import (  # noqa: F401 (declared before what reads them)
    cumul,
    depth,
    deriv,
    lvl,
    rvol,
    state,
    trade,
    volatility,
    wall,
)
from features.bounded import balance, itself, total
from features.cells import LEVELS
from features.cumul import built_up, flows
from features.lvl import FLOWS, TIE, WHICH, chosen
from warehouse.catalog import CATALOG, LOOKBACK, PREFIX, feature, setup, vector
from warehouse.units import FRACTION

BARS_A_MINUTE = 12
MASKED_BELOW = 0.5
TWIN = "a ratio under the snapshot's name for it"


def kept(name: str, ratio: str) -> str:
    """Declare the twin of a feature that keeps its side: a ratio declared elsewhere."""
    base = CATALOG[PREFIX + ratio]
    return feature(
        name=f"{name}_r",
        inputs=(ratio,),
        doc=f"`{ratio}` at the trigger.",
        unit=FRACTION,
        parity=base.parity,
        swap=mirrored(name) + "_r",
        rises_with=ratio,
        bounds=base.bounds,
        grain="setup",
        idle=TWIN,
    )(itself).name


def turned(name: str, ratio: str) -> str:
    """Declare the twin of a feature in the direction of travel: a ratio declared elsewhere."""
    base = CATALOG[PREFIX + ratio]
    return setup(
        name=f"{name}_r",
        inputs=(ratio,),
        doc=f"`{ratio}` in the direction of travel.",
        unit=FRACTION,
        rises_with=ratio,
        bounds=base.bounds,
        idle=TWIN,
    )(itself).name


def mirrored(name: str) -> str:
    return CATALOG[PREFIX + name].swap.removeprefix(PREFIX)


@setup(
    name="approach_dist_to_level_pts_eob_r",
    inputs=("approach_dist_to_level_pts_eob", "sigma_60"),
    unit=FRACTION,
    rises_with="approach_dist_to_level_pts_eob",
)
def distance(dist: pl.Expr, sigma: pl.Expr) -> pl.Expr:
    """Microprice beyond the level, in expected one-minute moves; negative before it."""
    return dist / sigma


def share_of_side(zone: str, side: str) -> str:
    """Declare the share of a side's visible size that rests beyond the level."""
    name = f"lvl_depth_{zone}_qty_eob"
    return feature(
        name=f"{name}_r",
        inputs=(name, *(f"{side}_sz_{i}" for i in LEVELS)),
        doc=f"Share of the visible {side} size that rests {zone} the level; null where none is visible.",
        unit=FRACTION,
        swap=mirrored(name) + "_r",
        rises_with=name,
        bounds=(0, 1),
        grain="setup",
    )(lambda beyond, *sizes: beyond / total(sizes)).name


def flow_balance(towards: str) -> str:
    """Declare the balance of the flow on the side that lies towards the level, or of the other."""

    def body(side: pl.Expr, d: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        *both, kappa = columns
        ask, bid = (balance(total(part[:3]), total(part[3:]), kappa) for part in (both[:FLOWS], both[FLOWS:]))
        return chosen(side, d, ask, bid, towards)

    return setup(
        name=f"lvl_flow_{towards}_net_sum_r",
        inputs=("approach_side_of_level_eob", "d", *flows("ask"), *flows("bid"), "kappa_vol"),
        doc=f"Lots added less pulled less filled over all three, {WHICH[towards]} the level; + builds.\n\n{TIE}",
        unit=FRACTION,
        bounds=(-1, 1),
    )(body).name


def built(side: str) -> str:
    """Declare net over turnover of a side's flow in twenty minutes."""
    name = f"cumul_flow_net_{side}"
    return feature(
        name=f"{name}_r",
        inputs=(name, f"cumul_flow_turnover_{side}", "meta_known_bars", "kappa_vol"),
        doc=f"Net over turnover of the {side}'s flow within 3 pt of the microprice, over 240 bars; + builds.",
        unit=FRACTION,
        swap=mirrored(name) + "_r",
        rises_with=name,
        bounds=(-1, 1),
        grain="setup",
        needs=LOOKBACK,
    )(built_up).name


def ticks_within(touch: pl.Expr, width: pl.Expr, tick: pl.Expr, point: pl.Expr) -> pl.Expr:
    """Visible ticks 2 to 3 points away on a side, by how far its touch is and how wide its window."""
    last = pl.min_horizontal(width, 3 * point - touch)
    return ((last / tick).round(6).floor() - ((2 * point - touch) / tick).round(6).floor()).clip(0)


@setup(
    name="state_cdi_p2_3_eob_r",
    inputs=(
        "state_cdi_p2_3_eob",
        "microprice_eob",
        "tick_px",
        "point_px",
        *(f"{side}_px_{i}" for side in ("bid", "ask") for i in ("00", "09")),
    ),
    unit=FRACTION,
    rises_with="state_cdi_p2_3_eob",
    bounds=(-1, 1),
)
def cdi_far(cdi: pl.Expr, mp: pl.Expr, tick: pl.Expr, point: pl.Expr, *prices: pl.Expr) -> pl.Expr:
    """`state_cdi_p2_3_eob` in the direction of travel; null where less than half of its ticks are visible.

    A side with fewer than ten levels is visible to any distance.
    """
    bid, bid_end, ask, ask_end = prices
    seen = [
        ticks_within(best - mp, (end - best).abs(), tick, point)
        for best, end in ((2 * mp - bid, 2 * mp - bid_end), (ask, ask_end))
    ]
    return pl.when(total(seen) * tick >= MASKED_BELOW * 2 * point).then(cdi)


def declare_wall(side: str, called: str) -> tuple[str, str]:
    """Declare the twins of a side's two wall features; the side is the book's when the travel is up."""
    strongest = setup(
        name=f"wall_{called}_maxz_eob_r",
        inputs=(f"wall_{side}_prof_eob",),
        doc=f"Log ratio of the largest {called} size to the past's there; twin of `wall_{side}_maxz_eob`.",
        unit=FRACTION,
        rises_with=f"wall_{side}_prof_eob",
        bounds=(-5, 5),
        idle=TWIN,
    )(itself)

    def share(away: pl.Expr, point: pl.Expr) -> pl.Expr:
        return away / (wall.EDGE * point)

    nearest = setup(
        name=f"wall_{called}_nearest_strong_dist_pts_eob_r",
        inputs=(f"wall_{side}_nearest_strong_dist_pts_eob", "point_px"),
        doc=f"Distance of the nearest strong {called} level, over 2.5 points; 1 if none.",
        unit=FRACTION,
        rises_with=f"wall_{side}_nearest_strong_dist_pts_eob",
        bounds=(0, 1),
        breaks=wall.WHY,
    )(share)
    return strongest.name, nearest.name


def declare_motion(order: int, span: int) -> str:
    """Declare the twin of a derivative of distance: the change over its span, in moves expected over it."""
    scale: float = (span / BARS_A_MINUTE) ** 0.5

    def motion(change: pl.Expr, bar: pl.Expr, sigma: pl.Expr) -> pl.Expr:
        return change * (bar * span) ** order / (sigma * scale)

    name = f"deriv_dist_d{order}_w{span}"
    return setup(
        name=f"{name}_r",
        inputs=(name, "bar", "sigma_60"),
        doc=f"`{name}` in the direction of travel, times its span, in moves expected over {span} bars.",
        unit=FRACTION,
        rises_with=name,
    )(motion).name


SPANS = (3, 12, 36)
"""Bars over which the snapshot differentiates the distance."""
SUPPORTS, OPPOSES = declare_wall("bid", "sup"), declare_wall("ask", "opp")

vector(
    "snapshot30r",
    (
        distance.name,
        turned("approach_side_of_level_eob", "approach_side_of_level_eob"),
        turned("state_obi0_eob", "state_obi0_eob"),
        turned("state_obi10_eob", "state_obi10_eob"),
        turned("state_cdi_p0_1_eob", "state_cdi_p0_1_eob"),
        turned("state_cdi_p1_2_eob", "state_cdi_p1_2_eob"),
        cdi_far.name,
        kept("depth_bid10_qty_eob", "depth_bid10_rel_eob"),
        kept("depth_ask10_qty_eob", "depth_ask10_rel_eob"),
        share_of_side("above", "ask"),
        share_of_side("below", "bid"),
        turned("lvl_depth_imbal_eob", "lvl_depth_imbal_eob"),
        SUPPORTS[0],
        OPPOSES[0],
        SUPPORTS[1],
        OPPOSES[1],
        flow_balance("toward"),
        flow_balance("away"),
        built("bid"),
        built("ask"),
        turned("cumul_flow_imbal", "cumul_flow_bal"),
        turned("trade_signed_vol_sum", "trade_imbal_sum"),
        turned("trade_vol_sum", "rvol_trade_vol_ratio"),
        turned("cumul_signed_trade_vol", "cumul_signed_trade_bal"),
        *(declare_motion(order, span) for order in (1, 2) for span in SPANS),
    ),
)
