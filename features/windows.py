"""One moment at many horizons: what pushes, resists and retreats over 15 seconds to 20 minutes.

In the direction of travel. Flows and prints are summed first and then made a ratio, retreats are averaged,
paths give the change that their least-squares line makes over the window. Null where fewer than 70 % of the
bars have a value, or where a reset lies in the window.
"""

import polars as pl

from features import barriers, kinematics, ofi, opposing, places, pressure, retreat  # noqa: F401 (declared before)
from features.bounded import CLIP_LR, NEEDED, balance, lots_over, slope, window_mean
from features.cells import POINTS_AROUND, suffix
from features.cube import FAR, NO_PRINTS, where_seen
from features.kinematics import unbroken
from features.volatility import BARS_A_MINUTE
from warehouse.catalog import CATALOG, PREFIX, setup, vector
from warehouse.units import FRACTION

SPANS = (3, 12, 24, 36, 60, 120, 240)
"""Bars of a window; that of one bar is the feature itself."""
AHEAD = (-1, 0, 1, 2)
MINUTE = 12
"""Points about the level whose pressure is looked at over every window; over a minute it is that of all."""
ASKED = (3, 12, 36, 120)
"""Windows of the vector."""


def average(value: pl.Expr, bars: int) -> pl.Expr:
    """Mean over the bars of a window that have a value."""
    return window_mean(value, bars, round(NEEDED * bars))


def summed(lots: pl.Expr, bars: int) -> pl.Expr:
    """Lots of a window as if the bars without a value were like the others."""
    found, count = lots_over(lots, bars)
    return pl.when(count >= round(NEEDED * bars)).then(found / count) * bars


PATHS = {
    "lvl_opppress": ("lvl_opppress_eob", "resistance builds"),
    "lvl_opp_far_com": ("lvl_opp_far_com_ticks_eob", "asks beyond move away"),
    "lvl_sup_near_com": ("lvl_sup_near_com_ticks_eob", "bids behind move away"),
    "lvl_opp_far_wall": ("lvl_opp_far_wall_prof_eob", "the wall beyond grows"),
}
PULLED = {"far": ("ask_above", "asks from the level on"), "near": ("bid_below", "bids from the level back")}
MEANS = {f"lvl_retreat_{side}": f"lvl_retreat_{side}_sum" for side in ("far", "near")}
MEANS |= {"state_x_obi0": "state_obi0_twa", "state_x_obi10": "state_obi10_twa"}
RATIOS = {
    "trade_x_imbal": ("trade_signed_vol_sum", "trade_vol_sum", "Bought less sold over all traded"),
    "ofi_x_bal": ("flow_ofi_l00_sum", "ofi_abs_00", "Order-flow imbalance of the touch over its gross"),
}
ELSEWHERE = {"barrier": {12: "1m", 24: "2m", 36: "3m", 60: "5m"}, "ofi": {12: "60s", 24: "120s", 60: "300s"}}
"""Windows that `barriers` and `ofi` have, as they are named there."""

for span in SPANS:
    OVER = f"over {span} bars"

    @setup(
        name=f"kin_x_sig_path_w{span}",
        inputs=("kin_x_pts_eob", "sigma_60", "meta_reset"),
        doc=f"Change that the least-squares line of x makes {OVER}, in expected one-minute moves; + goes on.",
        unit=FRACTION,
        window=span,
        rises_with="kin_x_pts_eob",
    )
    def path(x: pl.Expr, sigma: pl.Expr, reset: pl.Expr, span: int = span) -> pl.Expr:
        return unbroken(slope(x, span) * span / sigma, reset, span)

    for called, (base, words) in PATHS.items():

        @setup(
            name=f"{called}_path_w{span}",
            inputs=(base, "meta_reset"),
            doc=f"Change that the least-squares line of `{base}` makes {OVER}; + {words}.",
            unit=CATALOG[PREFIX + base].unit,
            window=span,
            rises_with=base,
        )
        def along(value: pl.Expr, reset: pl.Expr, span: int = span) -> pl.Expr:
            return unbroken(slope(value, span) * span, reset, span)

    for side, (cell, words) in PULLED.items():

        @setup(
            name=f"lvl_pull_{side}_w{span}",
            inputs=(f"lvl_{cell}_cov_eob", f"{cell}_pull", f"{cell}_add", "kappa_vol", "meta_reset"),
            doc=f"Pulled less added over both, of {words} up to 8 ticks from the level, {OVER}; + pulled faster.",
            unit=FRACTION,
            window=span,
            rises_with=f"{cell}_pull",
            bounds=(-1, 1),
        )
        def withdrawn(
            cov: pl.Expr, pulled: pl.Expr, added: pl.Expr, kappa: pl.Expr, reset: pl.Expr, span: int = span
        ) -> pl.Expr:
            gone, come = (summed(where_seen(cov, lots), span) for lots in (pulled, added))
            return unbroken(balance(gone, come, kappa * span**0.5), reset, span)

    @setup(
        name=f"lvl_retreat_near_res_mean_w{span}",
        inputs=("lvl_retreat_near_sum", "midprice_eob", "retreat_a", "retreat_b", "sigma_60", "meta_reset"),
        doc=f"Mean {OVER} of what the bars' own moves do not explain of the near retreat, by today's sigma.",
        unit=FRACTION,
        window=span + 1,
        rises_with="lvl_retreat_near_sum",
    )
    def unexplained(
        near: pl.Expr, mid: pl.Expr, a: pl.Expr, b: pl.Expr, sigma: pl.Expr, reset: pl.Expr, span: int = span
    ) -> pl.Expr:
        known = near.is_not_null()
        moves = pl.when(known).then(b * (mid - mid.shift(1)))
        found = average(near - a, span) - average(moves, span) * BARS_A_MINUTE**0.5 / sigma
        return unbroken(found, reset, span)

    for called, base in MEANS.items():

        @setup(
            name=f"{called}_mean_w{span}",
            inputs=(base, "meta_reset"),
            doc=f"Mean of `{base}` {OVER}.",
            unit=FRACTION,
            window=span,
            rises_with=base,
            bounds=CATALOG[PREFIX + base].bounds,
        )
        def mean(value: pl.Expr, reset: pl.Expr, span: int = span) -> pl.Expr:
            return unbroken(average(value, span), reset, span)

    for called, (part, whole, words) in RATIOS.items():
        if called == "ofi_x_bal" and span in ELSEWHERE["ofi"]:
            continue

        @setup(
            name=f"{called}_w{span}",
            inputs=(part, whole, "kappa_vol", "meta_reset"),
            doc=f"{words}, {OVER}, in the direction of travel.",
            unit=FRACTION,
            window=span,
            rises_with=part,
            bounds=(-1, 1),
        )
        def ratio(part: pl.Expr, whole: pl.Expr, kappa: pl.Expr, reset: pl.Expr, span: int = span) -> pl.Expr:
            over = summed(part, span) / (summed(whole, span) + kappa * span**0.5)
            return unbroken(over, reset, span)

    if span not in ELSEWHERE["barrier"]:
        setup(
            name=f"barrier_dlog_w{span}",
            inputs=("barrier_qty_eob", "kappa_depth", "meta_reset"),
            doc=f"Log change of the barrier {OVER}; null unless half is seen at both ends.",
            unit=FRACTION,
            window=span + 1,
            rises_with="barrier_qty_eob",
            bounds=(-CLIP_LR, CLIP_LR),
        )(barriers.grown(span))

    for j in () if span == SPANS[0] else POINTS_AROUND if span == MINUTE else AHEAD:
        here = suffix(j)

        @setup(
            name=f"cube_x_net_sum_w{span}_{here}",
            inputs=(
                f"cube_cov_{here}",
                *(f"{what}_{here}" for what in ("long", "short", "buy", "sell")),
                "kappa_vol",
                "meta_reset",
            ),
            doc=f"Pressure with the travel at point {j:+d}: owners' acts and prints {OVER}.",
            unit=FRACTION,
            window=span,
            rises_with=f"long_{here}",
            bounds=(-1, 1),
            idle=NO_PRINTS if abs(j) >= FAR else "",
        )
        def pressed(cov: pl.Expr, *columns: pl.Expr, span: int = span) -> pl.Expr:
            *flows, kappa, reset = columns
            long, short, buy, sell = flows
            up, down = (summed(where_seen(cov, both), span) for both in (long + buy, short + sell))
            return unbroken(balance(up, down, kappa * span**0.5), reset, span)


def slots(span: int) -> tuple[str, ...]:
    """What the vector reads of a window."""
    barrier = ELSEWHERE["barrier"].get(span, f"w{span}")
    flow = f"ofi_bal_{ELSEWHERE['ofi'][span]}" if span in ELSEWHERE["ofi"] else f"ofi_x_bal_w{span}"
    return (
        f"kin_x_sig_path_w{span}",
        f"lvl_retreat_far_mean_w{span}",
        f"lvl_retreat_near_res_mean_w{span}",
        f"lvl_opppress_path_w{span}",
        f"trade_x_imbal_w{span}",
        flow,
        *(f"cube_x_net_sum_w{span}_{suffix(j)}" for j in AHEAD),
        f"barrier_dlog_{barrier}",
    )


vector("multi", tuple(PREFIX + slot for span in ASKED for slot in slots(span)))
