"""What the twenty minutes up to a setup were like, its own bar included, in the direction of travel."""

from collections.abc import Callable

import polars as pl

from features import meta, opposing, places, windows, zones  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, NEEDED, log_ratio, window_mean
from warehouse.catalog import CATALOG, LOOKBACK, PREFIX, setup
from warehouse.units import BARS, COUNT, FRACTION, LOTS

ENOUGH = round(NEEDED * LOOKBACK)
THIRD = LOOKBACK // 3
FEWEST = 6
"""Known bars of a third, or of a look-back of which a level is seen in part, below which they say nothing."""
THIRDS = {"early": LOOKBACK - THIRD, "mid": THIRD, "late": 0}
"""Bars that each third ends before the setup."""
SERIES = {
    "x": "kin_x_pts_eob",
    "obi0": "state_obi0_eob",
    "obi10": "state_obi10_eob",
    "cdi01": "state_cdi_p0_1_eob",
    "depth_imbal": "lvl_depth_imbal_eob",
    "retreat_far": "lvl_retreat_far_sum",
    "retreat_near": "lvl_retreat_near_sum",
    "opppress": "lvl_opppress_eob",
}


FROM_SIX = "\n\nOver the bars in which it is known, at least six."


def deviation(value: pl.Expr) -> pl.Expr:
    """Standard deviation over the look-back."""
    square, mean = (window_mean(each, LOOKBACK, FEWEST) for each in (value**2, value))
    return (square - mean**2).clip(0).sqrt()


FORMS: dict[str, tuple[Callable[[pl.Expr], pl.Expr], str]] = {
    "start": (lambda v: v.shift(LOOKBACK - 1), "at the start of 240 bars"),
    "delta": (lambda v: v - v.shift(LOOKBACK - 1), "less its value at the start of 240 bars"),
    "min": (lambda v: v.rolling_min(LOOKBACK, min_samples=FEWEST), "at its least over 240 bars"),
    "max": (lambda v: v.rolling_max(LOOKBACK, min_samples=FEWEST), "at its most over 240 bars"),
    "mean": (lambda v: window_mean(v, LOOKBACK, FEWEST), "on average over 240 bars"),
    "std": (deviation, "in its deviation over 240 bars"),
}

for called, base in SERIES.items():
    for form, (body, words) in FORMS.items():
        setup(
            name=f"setup_{called}_{form}",
            inputs=(base,),
            doc=f"`{base}` {words}, in the direction of travel."
            + (FROM_SIX if form in {"min", "max", "mean", "std"} else ""),
            unit=CATALOG[PREFIX + base].unit,
            window=LOOKBACK,
            rises_with=base if form in {"delta", "mean"} else None,
            breaks=CATALOG[PREFIX + base].breaks,
        )(body)

for third, ago in THIRDS.items():

    @setup(
        name=f"setup_velocity_{third}",
        inputs=("kin_x_pts_eob", "bar"),
        doc=f"Mean change of x per bar in the {third} third of 240 bars; + goes with the travel.",
        unit=CATALOG[PREFIX + "kin_x_pts_eob"].unit / BARS,
        window=ago + THIRD + 1,
        rises_with="kin_x_pts_eob" if third == "late" else None,
    )
    def velocity(x: pl.Expr, bar: pl.Expr, ago: int = ago) -> pl.Expr:
        return (x.shift(ago) - x.shift(ago + THIRD)) / (THIRD * bar)

    @setup(
        name=f"setup_trade_share_{third}",
        inputs=("trade_vol_sum",),
        doc=f"Share of the lots of 240 bars that traded in their {third} third; null where nothing did.",
        unit=FRACTION,
        window=LOOKBACK,
        bounds=(0, 1),
    )
    def share(lots: pl.Expr, ago: int = ago) -> pl.Expr:
        part = lots.rolling_sum(THIRD, min_samples=FEWEST).shift(ago)
        return (part / lots.rolling_sum(LOOKBACK, min_samples=ENOUGH)).clip(0, 1)


@setup(
    name="setup_x_range",
    inputs=("setup_x_max", "setup_x_min"),
    unit=CATALOG[PREFIX + "kin_x_pts_eob"].unit,
    bounds=(0, float("inf")),
)
def ranged(high: pl.Expr, low: pl.Expr) -> pl.Expr:
    """How far x ranged over 240 bars."""
    return high - low


for way, words in (("approach", "up to"), ("retreat", "away from")):

    @setup(
        name=f"setup_{way}_bars",
        inputs=("kin_x_pts_eob",),
        doc=f"Bars of 240 in which price moved {words} the level, wherever it stood.",
        unit=COUNT,
        window=LOOKBACK + 1,
        bounds=(0, LOOKBACK),
    )
    def moves(x: pl.Expr, nearer: int = 1 if way == "approach" else -1) -> pl.Expr:
        step = (x.shift(1).abs() - x.abs()) * nearer
        return (step > 0).cast(pl.Float64).rolling_sum(LOOKBACK, min_samples=ENOUGH)


@setup(
    name="setup_approach_share",
    inputs=("setup_approach_bars", "setup_retreat_bars"),
    unit=FRACTION,
    rises_with="setup_approach_bars",
    bounds=(0, 1),
)
def approach_share(nearer: pl.Expr, farther: pl.Expr) -> pl.Expr:
    """Bars that came nearer to the level, of those that came nearer or went away; null without either."""
    return nearer / (nearer + farther)


for third, ago in THIRDS.items():

    @setup(
        name=f"setup_trend_{third}",
        inputs=("kin_x_pts_eob",),
        doc=f"Displacement in the {third} third of 240 bars over the way gone; 1 is straight on.",
        unit=FRACTION,
        window=ago + THIRD + 1,
        bounds=(-1, 1),
    )
    def trend(x: pl.Expr, ago: int = ago) -> pl.Expr:
        way = window_mean((x - x.shift(1)).abs(), THIRD, FEWEST) * THIRD
        return ((x - x.shift(THIRD)) / way).clip(-1, 1).shift(ago)

    @setup(
        name=f"setup_x_std_{third}",
        inputs=("kin_x_pts_eob",),
        doc=f"Standard deviation of x in the {third} third of 240 bars; null under six bars.",
        unit=CATALOG[PREFIX + "kin_x_pts_eob"].unit,
        window=ago + THIRD,
        bounds=(0, float("inf")),
    )
    def spread(x: pl.Expr, ago: int = ago) -> pl.Expr:
        square, mean = (window_mean(each, THIRD, FEWEST) for each in (x**2, x))
        return (square - mean**2).clip(0).sqrt().shift(ago)


RECENT = 12
SIZES = {
    "start": (FORMS["start"][0], LOOKBACK, FORMS["start"][1]),
    "delta": (FORMS["delta"][0], LOOKBACK, FORMS["delta"][1]),
    "max": (lambda v: v.rolling_max(LOOKBACK, min_samples=ENOUGH), LOOKBACK, "at its most over 240 bars"),
    "recent12": (lambda v: window_mean(v, RECENT, RECENT), RECENT, "on average over 12 bars"),
}  # fmt: skip

for form, (body, bars, words) in SIZES.items():
    setup(
        name=f"setup_size_at_level_{form}",
        inputs=("lvl_at_size_qty_eob",),
        doc=f"Size at the level and a tick around it, {words}.",
        unit=LOTS,
        window=bars,
        rises_with="lvl_at_size_qty_eob" if form in {"delta", "recent12"} else None,
    )(body)


@setup(
    name="setup_is_truncated_lookback",
    inputs=("meta_known_bars", "meta_clear_bars"),
    unit=FRACTION,
    needs=LOOKBACK,
    bounds=(0, 1),
    idle="0 but in the first twenty minutes of the date or of a book",
)
def truncated(known: pl.Expr, clear: pl.Expr) -> pl.Expr:
    """1 if the 240 bars reach before the date's first bar or to where the book was dropped, else 0."""
    return (pl.min_horizontal(known, clear) < LOOKBACK).cast(pl.Float64)


for called in ("opp_far", "sup_near"):

    @setup(
        name=f"setup_wall_bars_{called}",
        inputs=(f"lvl_{called}_wall_prof_eob",),
        doc=f"Share of the known bars of 240 with a wall in {called.replace('_', ' ')}, 2.7 times the usual size.",
        unit=FRACTION,
        window=LOOKBACK,
        bounds=(0, 1),
    )
    def wall_bars(profile: pl.Expr) -> pl.Expr:
        return window_mean((profile > places.STANDS).cast(pl.Float64), LOOKBACK, ENOUGH)


@setup(
    name="setup_wall_bars_difference",
    inputs=("setup_wall_bars_opp_far", "setup_wall_bars_sup_near"),
    unit=FRACTION,
    rises_with="setup_wall_bars_opp_far",
    bounds=(-1, 1),
)
def walls(far: pl.Expr, near: pl.Expr) -> pl.Expr:
    """Share of 240 bars with a wall beyond the level less that with one behind price; + resists."""
    return far - near


for way in ("toward", "away"):
    FLOW = f"lvl_flow_{way}_net_sum"

    @setup(
        name=f"setup_flow_{way}_total",
        inputs=(FLOW,),
        doc=f"`{FLOW}` summed over 240 bars, as if those without a value were like the others.",
        unit=LOTS,
        window=LOOKBACK,
        rises_with=FLOW,
    )
    def flow_total(lots: pl.Expr) -> pl.Expr:
        return window_mean(lots, LOOKBACK, ENOUGH) * LOOKBACK

    @setup(
        name=f"setup_flow_{way}_late_early_lr",
        inputs=(FLOW, "kappa_vol"),
        doc=f"Log ratio of the late to the early third of 240 bars, of `{FLOW}` without its signs.",
        unit=FRACTION,
        window=LOOKBACK,
        bounds=(-CLIP_LR, CLIP_LR),
    )
    def later(lots: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        third = window_mean(lots.abs(), THIRD, FEWEST) * THIRD
        return log_ratio(third, third.shift(THIRDS["early"]), kappa * THIRD**0.5)
