"""Twenty minutes up to a setup told in few numbers: fourteen strategies, each series x windows x statistics.

In the direction of travel, over the 240 bars of a sequence. A level's own series are known only while the feed
shows the level, of ten levels for some seconds before an arrival: a mean is that of the bars that are known, be it
one; a spread or a line needs three of them, a third of the twenty minutes six.
"""

from collections.abc import Callable
from math import pi, sqrt

import polars as pl

from features import rvol_lookback, sequence, snapshot  # noqa: F401 (declared before they are named)
from warehouse.catalog import CATALOG, LOOKBACK, PREFIX, Summary
from warehouse.units import FRACTION

STEP = pl.col("step")
FEWEST_OF_LINE, FEWEST_OF_THIRD = 3, 6
THIRD, WAVES = LOOKBACK // 3, 8
BRIDGED = LOOKBACK // 10
"""Bars that a wave may bridge: those between known ones by a line, those at an end by the nearest known."""
HALF_LIFE = 12
"""Bars after which a bar counts half."""
AXES = 8
SERIES = {
    "x": "x_sig",
    "obi0": "state_obi0_eob_r",
    "obi10": "state_obi10_eob_r",
    "cdi01": "state_cdi_p0_1_eob_r",
    "cdi12": "state_cdi_p1_2_eob_r",
    "toward": "lvl_flow_toward_net_sum_r",
    "away": "lvl_flow_away_net_sum_r",
    "signed": "trade_signed_vol_sum_r",
    "volume": "trade_vol_sum_r",
    "absorb": "lvl_absorb_sum",
    "imbal": "lvl_depth_imbal_eob_r",
    "far": "lvl_retreat_far_sum",
    "near": "lvl_retreat_near_sum",
    "opppress": "lvl_opppress_eob",
}
"""Short names of the series: x in expected one-minute moves, and what a sequence holds."""
ALL = tuple(SERIES)
LEVEL = ("toward", "away", "imbal", "far", "near", "opppress")
CORE = ("x", "obi0", "signed", "far", "near")
PATHS = ("x", "obi10", "toward", "signed")
"""Of those that are known wherever price stands: a path, the book, owners' acts and prints."""
Body = Callable[[pl.Expr], pl.Expr]


def mean(bars: int) -> Body:
    """Of the known bars of a window."""
    return lambda value: value.tail(bars).mean()


def third(place: int) -> Body:
    """Mean of the known bars of a third, the first being 0."""

    def body(value: pl.Expr) -> pl.Expr:
        part = value.slice(place * THIRD, THIRD)
        return pl.when(part.count() >= FEWEST_OF_THIRD).then(part.mean())

    return body


def deviation(bars: int) -> Body:
    """Standard deviation of the known bars."""

    def body(value: pl.Expr) -> pl.Expr:
        part = value.tail(bars)
        return pl.when(part.count() >= FEWEST_OF_LINE).then(part.std(ddof=0))

    return body


def delta(value: pl.Expr) -> pl.Expr:
    return value.last() - value.first()


def weighted(value: pl.Expr) -> pl.Expr:
    """Mean of the known bars, each counting half of what one twelve bars later does."""
    weight = pl.lit(2.0).pow(STEP / HALF_LIFE)
    known = value.is_not_null()
    return pl.when(known.any()).then((value * weight).sum() / weight.filter(known).sum())


def path(bars: int) -> Body:
    """Change that the least-squares line of the known bars makes over a window."""

    def body(value: pl.Expr) -> pl.Expr:
        part, step = value.tail(bars), STEP.tail(bars)
        known = part.is_not_null()
        off = step - step.filter(known).mean()
        slope = (off * part).sum() / (off**2).filter(known).sum()
        return pl.when(part.count() >= FEWEST_OF_LINE).then(slope * bars)

    return body


def wave(number: int) -> Body:
    """A coefficient of the orthonormal cosine transform (type II) of the bars, the oldest first."""
    scale = sqrt((1 if number == 0 else 2) / LOOKBACK)

    def body(value: pl.Expr) -> pl.Expr:
        whole = value.interpolate().forward_fill().backward_fill()
        turn = ((STEP + (LOOKBACK - 0.5)) * (pi * number / LOOKBACK)).cos()
        known = value.count() >= LOOKBACK - BRIDGED
        return pl.when(known).then((whole * turn).sum() * scale)

    return body


def ago(bars: int) -> Body:
    return lambda value: value.get(LOOKBACK - 1 - bars)


STATISTICS: dict[str, tuple[Body, str]] = {
    "mean": (mean(LOOKBACK), "Mean of {} over 240 bars"),
    **{f"mean_w{bars}": (mean(bars), f"Mean of {{}} over {bars} bars") for bars in (12, 36, 120)},
    "std": (deviation(LOOKBACK), "Standard deviation of {} over 240 bars"),
    "std_w36": (deviation(36), "Standard deviation of {} over 36 bars"),
    "delta": (delta, "Value of {} less that of 239 bars ago"),
    "early": (third(0), "Mean of {} over the first third of 240 bars"),
    "mid": (third(1), "Mean of {} over the second third of 240 bars"),
    "late": (third(2), "Mean of {} over the last third of 240 bars"),
    "recent": (weighted, "Mean of {} over 240 bars, halved every 12 bars back"),
    **{f"path_w{bars}": (path(bars), f"Change by the line of {{}} over {bars} bars") for bars in (12, 36)},
    **{f"ago{bars}": (ago(bars), f"Value of {{}} {bars} bars ago") for bars in (6, 12, 18, 24)},
    **{f"c{n}": (wave(n), f"Wave {n} of {{}} over 240 bars") for n in range(WAVES)},
}
"""What is made of a series, and in words."""


def column(series: str) -> str:
    return SERIES[series] if series == "x" else PREFIX + SERIES[series]


def slot(series: str, statistic: str) -> str:
    """The column of a series' statistic: at the trigger that of gold.setups, else one of gold.summaries."""
    if statistic == "trigger":
        return PREFIX + "approach_dist_to_level_pts_eob_r" if series == "x" else column(series)
    body, words = STATISTICS[statistic]
    name = f"lead_{series}_{statistic}"
    if name in CATALOG.summaries:
        return name
    doc = words.format(f"`{column(series)}`") + "."
    return CATALOG.summary(Summary(name, doc, FRACTION, body(pl.col(column(series)))))


STRATEGIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "trigger": (ALL, ("trigger",)),
    "mean": (ALL, ("mean",)),
    "mean_std": (ALL, ("mean", "std")),
    "mean_std_delta": (ALL, ("mean", "std", "delta")),
    "trigger_delta": (ALL, ("trigger", "delta")),
    "thirds": (ALL, ("early", "mid", "late")),
    "multi_window": (ALL, ("mean_w12", "mean_w36", "mean_w120", "mean")),
    "last36": (ALL, ("mean_w36", "std_w36")),
    "recent": (ALL, ("recent",)),
    "family": (LEVEL, ("trigger", "mean_w36", "delta")),
    "core": (CORE, ("trigger", "mean_w36")),
    "pca": (ALL, ("trigger", "mean", "std", "delta")),
    "trajectory": (PATHS, tuple(f"c{n}" for n in range(WAVES))),
}
"""Thirteen of the fourteen: series, and what is made of each."""
RELATIVE = tuple(
    f"{PREFIX}rvol_{name}"
    for name in (
        "trade_vol_ratio", "trade_vol_ratio_1min", "trade_vol_ratio_5min", "trade_imbal_vs_hist",
        "flow_add_bid_ratio", "flow_add_ask_ratio", "flow_pull_bid_ratio", "flow_pull_ask_ratio",
        "flow_net_bid_zscore", "flow_net_ask_zscore", "flow_imbal_vs_hist", "aggbuy_aggsell_asymmetry",
        "lookback_trade_vol_mean_ratio", "lookback_trade_vol_trend", "lookback_elevated_bars",
        "lookback_asymmetry_mean", "recent_vs_lookback_vol_ratio", "recent_vs_lookback_asymmetry",
    )
)  # fmt: skip
"""The fourteenth: volume and flow at the trigger and over 240 bars, relative to the time of day."""


def slots(series: tuple[str, ...], *statistics: str) -> tuple[str, ...]:
    return tuple(slot(one, statistic) for statistic in statistics for one in series)


for called, (series, statistics) in STRATEGIES.items():
    CATALOG.vector(called, slots(series, *statistics), AXES if called == "pca" else None)
CATALOG.vector("volume", RELATIVE)
