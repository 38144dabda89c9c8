"""Volume and flow of twenty minutes against what past sessions had at those times of day."""

from collections.abc import Callable
from math import log

import polars as pl

from features import rvol  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, NEEDED, window_mean
from features.rvol import WIDEST
from warehouse.catalog import CATALOG, LOOKBACK, PREFIX, feature
from warehouse.units import FRACTION

ELEVATED, DEPRESSED = 1.5, 0.5
"""Multiples of the usual from which a bar counts as busy, and below which as quiet."""
RECENT = 12
ENOUGH = round(NEEDED * LOOKBACK)
THIRD = LOOKBACK // 3
RATIO, LEAN = "rvol_trade_vol_ratio", "rvol_aggbuy_aggsell_asymmetry"


def mean(value: pl.Expr) -> pl.Expr:
    return window_mean(value.cast(pl.Float64), LOOKBACK, ENOUGH)


def trend(value: pl.Expr) -> pl.Expr:
    """Mean of the last third less that of the first."""
    third = window_mean(value, THIRD, round(NEEDED * THIRD))
    return third - third.shift(LOOKBACK - THIRD)


def lately(value: pl.Expr) -> pl.Expr:
    """Mean of the last minute less that of the look-back."""
    return window_mean(value, RECENT, RECENT) - mean(value)


LOOKBACKS: dict[str, tuple[str, Callable[[pl.Expr], pl.Expr], str, tuple[float, float]]] = {
    "lookback_trade_vol_mean_ratio": (RATIO, mean, "Mean over 240 bars of the log ratio of lots traded", (-CLIP_LR, CLIP_LR)),
    "lookback_trade_vol_max_ratio": (RATIO, lambda v: v.rolling_max(LOOKBACK, min_samples=ENOUGH), "Largest of 240 bars' log ratios of lots traded", (-CLIP_LR, CLIP_LR)),
    "lookback_trade_vol_trend": (RATIO, trend, "Mean log ratio of lots traded in the last third of 240 bars less that in the first", (-2 * CLIP_LR, 2 * CLIP_LR)),
    "lookback_elevated_bars": (RATIO, lambda v: mean(v > log(ELEVATED)), "Share of 240 bars that traded more than 1.5 times the usual", (0, 1)),
    "lookback_depressed_bars": (RATIO, lambda v: mean(v < log(DEPRESSED)), "Share of 240 bars that traded less than half of the usual", (0, 1)),
    "lookback_asymmetry_mean": (LEAN, mean, "Mean over 240 bars of how much more unusual buying is than selling", (-WIDEST, WIDEST)),
    "cumul_flow_imbal_dev": ("rvol_flow_imbal_vs_hist", mean, "Mean over 240 bars of the flow's imbalance less the usual one", (-2, 2)),
    "recent_vs_lookback_vol_ratio": (RATIO, lately, "Mean log ratio of lots traded in a minute less that in 240 bars", (-2 * CLIP_LR, 2 * CLIP_LR)),
    "recent_vs_lookback_asymmetry": (LEAN, lately, "Lean to buying in a minute less that in 240 bars", (-2 * WIDEST, 2 * WIDEST)),
    **{
        f"recent_vs_lookback_flow_{side}": (f"rvol_flow_add_{side}_ratio", lately, f"Mean log ratio of lots added on the {side} in a minute less that in 240 bars", (-2 * CLIP_LR, 2 * CLIP_LR))
        for side in ("bid", "ask")
    },
}  # fmt: skip
"""Name: what it sums up, how, in words, its bounds."""

for called, (base, body, words, bounds) in LOOKBACKS.items():
    feature(
        name=f"rvol_{called}",
        inputs=(base,),
        doc=f"{words}.\n\nNull where fewer than 70 % of the bars have a value.",
        unit=FRACTION,
        window=LOOKBACK,
        parity=CATALOG[PREFIX + base].parity,
        swap=f"rvol_{called[:-3]}{'ask' if called.endswith('bid') else 'bid'}"
        if called.endswith(("bid", "ask"))
        else None,
        rises_with=None if called.endswith("_bars") else base,
        bounds=bounds,
    )(body)

for called, metric, base, swap in (
    ("trade_vol", "trade_vol", "trade_vol_sum", "trade_vol"),
    ("msg", "msg_cnt", "meta_msg_cnt_sum", "msg"),
    ("aggbuy", "buy_vol", "trade_aggbuy_vol_sum", "aggsell"),
    ("aggsell", "sell_vol", "trade_aggsell_vol_sum", "aggbuy"),
):

    @feature(
        name=f"rvol_cumul_{called}_dev_pct",
        inputs=(base, f"mean_{metric}"),
        doc=f"Sum of `{base}` over 240 bars, as a share more than the sum of the past's means.\n\n"
        "Null where fewer than 70 % of the bars have a past.",
        unit=FRACTION,
        window=LOOKBACK,
        swap=f"rvol_cumul_{swap}_dev_pct",
        rises_with=base,
        bounds=(-1, float("inf")),
    )
    def deviation(value: pl.Expr, past: pl.Expr) -> pl.Expr:
        both = value.is_not_null() & past.is_not_null()
        actual, usual = (window_mean(pl.when(both).then(each), LOOKBACK, ENOUGH) for each in (value, past))
        return actual / usual - 1
