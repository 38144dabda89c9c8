"""Running sums over the last 240 bars, or from the date's first bar, wherever the level is."""

import polars as pl

from features import flow, meta, trade  # noqa: F401 (declared before what reads them)
from features.bounded import total
from features.cells import NEAR_BANDS
from warehouse.catalog import CATALOG, LOOKBACK, PREFIX, feature
from warehouse.units import BARS, COUNT, FRACTION, LOTS


def running(column: pl.Expr) -> pl.Expr:
    """Sum over the look-back."""
    return column.rolling_sum(LOOKBACK, min_samples=1)


def bars(column: pl.Expr) -> pl.Expr:
    """Bars that the running sum holds."""
    return running(column.is_not_null().cast(pl.Float64))


def flows(side: str) -> tuple[str, ...]:
    """Columns of added, pulled and filled lots of a side within 3 points of the microprice, in that order."""
    return tuple(f"{kind}_{side}_{band}" for kind in ("add", "pull", "fill") for band in NEAR_BANDS)


def acts(side: str) -> tuple[str, ...]:
    """The same without the filled ones: what owners did."""
    return flows(side)[: 2 * len(NEAR_BANDS)]


def net(columns: tuple[pl.Expr, ...]) -> pl.Expr:
    """Added less all that was taken away, of columns in the order of `flows` or of `acts`."""
    return total(columns[:3]) - total(columns[3:])


def held(known: pl.Expr) -> pl.Expr:
    """Bars in the running sums: 240, fewer in the date's first twenty minutes."""
    return known.clip(upper_bound=LOOKBACK)


def built_up(net: pl.Expr, gross: pl.Expr, known: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Net over gross of a running sum, shrunk to 0 where little was turned over."""
    return net / (gross + kappa * held(known).sqrt())


for side, other in (("bid", "ask"), ("ask", "bid")):
    for called, columns, words in (
        ("net", flows, f"added less pulled less filled on the {side}"),
        ("netpull", acts, f"added less pulled, fills left out, on the {side}"),
    ):

        @feature(
            name=f"cumul_flow_{called}_{side}",
            inputs=columns(side),
            doc=f"Lots {words} within 3 pt of the microprice, over 240 bars.",
            unit=LOTS,
            window=LOOKBACK,
            swap=f"cumul_flow_{called}_{other}",
            rises_with=f"add_{side}_p0_1",
        )
        def flow_net(*columns: pl.Expr) -> pl.Expr:
            return running(net(columns))

    @feature(
        name=f"cumul_flow_turnover_{side}",
        inputs=flows(side),
        doc=f"Lots added, pulled and filled on the {side} within 3 pt of the microprice, over 240 bars.",
        unit=LOTS,
        window=LOOKBACK,
        swap=f"cumul_flow_turnover_{other}",
        rises_with=f"add_{side}_p0_1",
        bounds=(0, float("inf")),
    )
    def flow_turnover(*columns: pl.Expr) -> pl.Expr:
        return running(total(columns))


@feature(unit=LOTS, parity="odd", rises_with="cumul_flow_net_bid")
def cumul_flow_imbal(cumul_flow_net_bid: pl.Expr, cumul_flow_net_ask: pl.Expr) -> pl.Expr:
    """Net flow of the bid less that of the ask, over 240 bars."""
    return cumul_flow_net_bid - cumul_flow_net_ask


@feature(unit=LOTS, parity="odd", rises_with="cumul_flow_netpull_bid")
def cumul_flow_netpull_imbal(cumul_flow_netpull_bid: pl.Expr, cumul_flow_netpull_ask: pl.Expr) -> pl.Expr:
    """Lots added less pulled on the bid less those on the ask, fills left out, over 240 bars."""
    return cumul_flow_netpull_bid - cumul_flow_netpull_ask


@feature(unit=FRACTION, parity="odd", rises_with="cumul_flow_imbal", bounds=(-1, 1), needs=LOOKBACK)
def cumul_flow_bal(
    cumul_flow_imbal: pl.Expr,
    cumul_flow_turnover_bid: pl.Expr,
    cumul_flow_turnover_ask: pl.Expr,
    meta_known_bars: pl.Expr,
    kappa_vol: pl.Expr,
) -> pl.Expr:
    """Net flow of the bid less that of the ask over the turnover of both, over 240 bars; + supports."""
    turnover = cumul_flow_turnover_bid + cumul_flow_turnover_ask
    return built_up(cumul_flow_imbal, turnover, meta_known_bars, kappa_vol)


@feature(unit=LOTS, window=LOOKBACK, parity="odd", rises_with="trade_signed_vol_sum")
def cumul_signed_trade_vol(trade_signed_vol_sum: pl.Expr) -> pl.Expr:
    """Lots bought less lots sold by aggressors over 240 bars."""
    return running(trade_signed_vol_sum)


@feature(unit=LOTS, window=LOOKBACK, rises_with="trade_vol_sum", bounds=(0, float("inf")))
def cumul_trade_vol(trade_vol_sum: pl.Expr) -> pl.Expr:
    """Lots traded over 240 bars."""
    return running(trade_vol_sum)


feature(
    name="cumul_signed_trade_bal",
    inputs=("cumul_signed_trade_vol", "cumul_trade_vol", "meta_known_bars", "kappa_vol"),
    doc="Bought less sold over all traded over 240 bars, shrunk to 0 where little trades.",
    unit=FRACTION,
    parity="odd",
    rises_with="cumul_signed_trade_vol",
    bounds=(-1, 1),
    needs=LOOKBACK,
)(built_up)

TOTALS = {
    "aggbuy_vol": ("trade_aggbuy_vol_sum", "lots bought by aggressors", LOTS, "aggsell_vol"),
    "aggsell_vol": ("trade_aggsell_vol_sum", "lots sold by aggressors", LOTS, "aggbuy_vol"),
    "msg_cnt": ("meta_msg_cnt_sum", "records", COUNT, "msg_cnt"),
    "trade_cnt": ("trade_cnt_sum", "trade records", COUNT, "trade_cnt"),
    "add_cnt": ("meta_add_cnt_sum", "A records", COUNT, "add_cnt"),
    "cancel_cnt": ("meta_cancel_cnt_sum", "C records", COUNT, "cancel_cnt"),
    **{
        f"flow_net_{side}_{band}": (f"flow_net_vol_{side}_{band}_sum", f"lots added less pulled less filled on the {side} in {band}", LOTS, f"flow_net_{other}_{band}")
        for side, other in (("bid", "ask"), ("ask", "bid"))
        for band in NEAR_BANDS
    },
}  # fmt: skip
"""Sum: what it adds up, in words, its unit, what it is when reflected."""

for called, (base, words, unit, swap) in TOTALS.items():
    feature(
        name=f"cumul_{called}",
        inputs=(base,),
        doc=f"Sum of {words} over 240 bars.",
        unit=unit,
        window=LOOKBACK,
        swap=f"cumul_{swap}",
        rises_with=base,
    )(running)


for called, parity, swap in (
    ("trade_vol", "even", "trade_vol"),
    ("signed_trade_vol", "odd", "signed_trade_vol"),
    ("flow_net_bid", "even", "flow_net_ask"),
    ("flow_net_ask", "even", "flow_net_bid"),
    ("flow_imbal", "odd", "flow_imbal"),
    *((called, "even", TOTALS[called][3]) for called in TOTALS),
):
    BASE = CATALOG[f"{PREFIX}cumul_{called}"]

    @feature(
        name=f"cumul_{called}_rate",
        inputs=(f"cumul_{called}", "meta_known_bars", "bar"),
        doc=f"`cumul_{called}` per bar of those that it holds.",
        unit=BASE.unit / BARS,
        parity="odd" if parity == "odd" else "even",
        swap=f"cumul_{swap}_rate",
        rises_with=f"cumul_{called}",
        needs=LOOKBACK,
    )
    def rate(value: pl.Expr, known: pl.Expr, bar: pl.Expr) -> pl.Expr:
        return value / (held(known) * bar)
