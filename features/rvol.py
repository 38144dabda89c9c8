"""Volume and flow of a bar against what past sessions had at this time of day.

A ratio is a log ratio, so the plain ratio is its exponential; a zscore is robust: distance from the median
in standard deviations that the median absolute deviation tells of. Null without a profile.
"""

from collections.abc import Callable, Mapping

import polars as pl

from features import meta, trade  # noqa: F401 (declared before what reads them)
from features.bounded import CLIP_LR, itself, log_ratio, total, window_mean, window_sum
from features.cells import NEAR_BANDS
from warehouse.catalog import feature
from warehouse.inputs import METRICS
from warehouse.units import COUNT, FRACTION

MAD_TO_SD = 1.4826
"""Standard deviations of a normal value in its median absolute deviation."""
WIDEST = 5.0
SPANS = {"1min": 12, "5min": 60}
PLUS = {"add": ("add",), "pull": ("pull",), "rem": ("pull", "fill"), "net": ("add",)}
MINUS = {"net": ("pull", "fill")}


def columns(act: str, side: str, of: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{each}_{side}_{band}" for each in of.get(act, ()) for band in NEAR_BANDS)


def summed(act: str, side: str) -> tuple[tuple[str, ...], Callable[..., pl.Expr]]:
    """Columns of an act of a side within 3 points of the microprice, and the sum that they make."""
    plus, minus = columns(act, side, PLUS), columns(act, side, MINUS)

    def value(*lots: pl.Expr) -> pl.Expr:
        return total([*lots[: len(plus)], *(-each for each in lots[len(plus) :])])

    return (*plus, *minus), value


SOURCES: dict[str, tuple[str, str, tuple[str, ...], Callable[..., pl.Expr], str]] = {
    "trade_vol": ("trade_vol", "trade_vol", ("trade_vol_sum",), itself, "lots traded"),
    "trade_cnt": ("trade_cnt", "trade_cnt", ("trade_cnt_sum",), itself, "trade records"),
    "trade_aggbuy": ("buy_vol", "trade_aggsell", ("buy_vol",), itself, "lots bought by aggressors"),
    "trade_aggsell": ("sell_vol", "trade_aggbuy", ("sell_vol",), itself, "lots sold by aggressors"),
} | {
    f"flow_{act}_{side}": (f"{act}_{side}", f"flow_{act}_{other}", *summed(act, side), f"lots {words} on the {side} within 3 pt of the microprice")
    for act, words in (("add", "added"), ("rem", "pulled or filled"), ("pull", "pulled"), ("net", "added less removed"))
    for side, other in (("bid", "ask"), ("ask", "bid"))
}  # fmt: skip
"""What is compared: its metric in the profile, its mirror image, the columns, their sum, its words."""


def declare(called: str) -> None:
    """The ratio and the z of one bar's value."""
    metric, swap, read, made, words = SOURCES[called]
    unit = METRICS[metric][0]
    # Lots are smoothed by lots, counts by one.
    smoothing = () if unit == COUNT else ("kappa_vol",)

    def ratio(*given: pl.Expr) -> pl.Expr:
        lots, (past, *rest) = given[: len(read)], given[len(read) :]
        return log_ratio(made(*lots), past, rest[0] if rest else pl.lit(1.0))

    def zscore(*given: pl.Expr) -> pl.Expr:
        lots, (past, mad, *rest) = given[: len(read)], given[len(read) :]
        spread = MAD_TO_SD * mad + (rest[0] if rest else 1.0)
        return ((made(*lots) - past) / spread).clip(-WIDEST, WIDEST)

    forms: list[tuple[str, tuple[str, ...], Callable[..., pl.Expr], float]] = [
        ("zscore", (f"usual_{metric}", f"mad_{metric}"), zscore, WIDEST)
    ]
    if "net" not in called:
        forms.append(("ratio", (f"usual_{metric}",), ratio, CLIP_LR))
    for form, past, body, widest in forms:
        feature(
            name=f"rvol_{called}_{form}",
            inputs=(*read, *past, *smoothing),
            doc=f"{'Log ratio' if form == 'ratio' else 'Robust z'} of {words} to the past's bar.",
            unit=FRACTION,
            swap=f"rvol_{swap}_{form}",
            rises_with=read[0],
            bounds=(-widest, widest),
        )(body)


for source in SOURCES:
    declare(source)

for span, bars in SPANS.items():

    @feature(
        name=f"rvol_trade_vol_ratio_{span}",
        inputs=("trade_vol_sum", "mean_trade_vol", "kappa_vol"),
        doc=f"Log ratio of the lots traded over {bars} bars to the sum of the past's means.",
        unit=FRACTION,
        window=bars,
        rises_with="trade_vol_sum",
        bounds=(-CLIP_LR, CLIP_LR),
    )
    def volume_over(lots: pl.Expr, past: pl.Expr, kappa: pl.Expr, bars: int = bars) -> pl.Expr:
        return log_ratio(lots.rolling_sum(bars), window_sum(past, bars), kappa * bars**0.5)

    @feature(
        name=f"rvol_trade_vol_zscore_{span}",
        inputs=("rvol_trade_vol_zscore",),
        doc=f"Mean over {bars} bars of the robust z of the lots traded.",
        unit=FRACTION,
        window=bars,
        rises_with="rvol_trade_vol_zscore",
        bounds=(-WIDEST, WIDEST),
    )
    def mean_z(z: pl.Expr, bars: int = bars) -> pl.Expr:
        return window_mean(z, bars, bars)


@feature(unit=FRACTION, parity="odd", rises_with="trade_imbal_sum", bounds=(-2, 2))
def rvol_trade_imbal_vs_hist(trade_imbal_sum: pl.Expr, usual_trade_imbal: pl.Expr) -> pl.Expr:
    """Imbalance of the bar's prints less the past's median one; + is bought."""
    return trade_imbal_sum - usual_trade_imbal


@feature(
    name="rvol_flow_imbal_vs_hist",
    inputs=(*summed("net", "bid")[0], *summed("net", "ask")[0], "usual_flow_imbal", "kappa_vol"),
    unit=FRACTION,
    parity="odd",
    rises_with="add_bid_p0_1",
    bounds=(-2, 2),
)
def flow_imbal(*given: pl.Expr) -> pl.Expr:
    """Net flow of bid less ask over both, less the past's median one; + is bid."""
    *lots, past, kappa = given
    half = len(lots) // 2
    bid, ask = summed("net", "bid")[1](*lots[:half]), summed("net", "ask")[1](*lots[half:])
    return (bid - ask) / (bid.abs() + ask.abs() + kappa) - past


for form, widest in (("ratio", CLIP_LR), ("zscore", WIDEST)):

    @feature(
        name=f"rvol_flow_add_total_{form}",
        inputs=(f"rvol_flow_add_bid_{form}", f"rvol_flow_add_ask_{form}"),
        doc=f"Mean of the {form} of lots added on the bid and on the ask.",
        unit=FRACTION,
        rises_with=f"rvol_flow_add_bid_{form}",
        bounds=(-widest, widest),
    )
    def of_both(bid: pl.Expr, ask: pl.Expr) -> pl.Expr:
        return 0.5 * (bid + ask)


LEANS = {f"bid_ask_{act}": (f"flow_{act}_bid", f"flow_{act}_ask") for act in PLUS}
LEANS["aggbuy_aggsell"] = ("trade_aggbuy", "trade_aggsell")


def difference(widest: float) -> Callable[..., pl.Expr]:
    """The first less the second, clipped."""
    return lambda one, other: (one - other).clip(-widest, widest)


for called, pair in LEANS.items():
    feature(
        name=f"rvol_{called}_asymmetry",
        inputs=tuple(f"rvol_{each}_zscore" for each in pair),
        doc=f"How much more unusual {pair[0]} is than {pair[1]}, in robust z.",
        unit=FRACTION,
        parity="odd",
        rises_with=f"rvol_{pair[0]}_zscore",
        bounds=(-WIDEST, WIDEST),
    )(difference(WIDEST))

for side, other in (("bid", "ask"), ("ask", "bid")):
    feature(
        name=f"rvol_flow_net_{side}_ratio",
        inputs=(f"rvol_flow_add_{side}_ratio", f"rvol_flow_rem_{side}_ratio"),
        doc=f"Log ratio of lots added to removed on the {side}, less the usual one; + builds.",
        unit=FRACTION,
        swap=f"rvol_flow_net_{other}_ratio",
        rises_with=f"rvol_flow_add_{side}_ratio",
        bounds=(-CLIP_LR, CLIP_LR),
    )(difference(CLIP_LR))
