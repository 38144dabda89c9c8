"""Running sums over the last 240 bars, or from the date's first bar, wherever the level is."""

import polars as pl

from features import trade  # noqa: F401 (declared before what reads it)
from features.bounded import total
from warehouse.catalog import LOOKBACK, feature
from warehouse.units import COUNT, FRACTION, LOTS

NEAR_BANDS = ("p0_1", "p1_2", "p2_3")
"""Bands of the microprice, up to 3 points, whose flow counts."""


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


@feature(unit=COUNT, window=LOOKBACK, bounds=(1, LOOKBACK))
def cumul_bars(msg_cnt: pl.Expr) -> pl.Expr:
    """Bars in the running sums: 240, fewer in the date's first twenty minutes."""
    return bars(msg_cnt)


for side, other in (("bid", "ask"), ("ask", "bid")):

    @feature(
        name=f"cumul_flow_bal_{side}",
        inputs=(f"cumul_flow_net_{side}", f"cumul_flow_turnover_{side}", "cumul_bars", "kappa_vol"),
        doc=f"Net over turnover of the {side}'s flow within 3 pt of the microprice, over 240 bars; + builds.",
        unit=FRACTION,
        swap=f"cumul_flow_bal_{other}",
        rises_with=f"cumul_flow_net_{side}",
        bounds=(-1, 1),
    )
    def flow_bal(net: pl.Expr, turnover: pl.Expr, bars: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        return net / (turnover + kappa * bars.sqrt())


@feature(unit=LOTS, parity="odd", rises_with="cumul_flow_net_bid")
def cumul_flow_imbal(cumul_flow_net_bid: pl.Expr, cumul_flow_net_ask: pl.Expr) -> pl.Expr:
    """Net flow of the bid less that of the ask, over 240 bars."""
    return cumul_flow_net_bid - cumul_flow_net_ask


@feature(unit=LOTS, parity="odd", rises_with="cumul_flow_netpull_bid")
def cumul_flow_netpull_imbal(cumul_flow_netpull_bid: pl.Expr, cumul_flow_netpull_ask: pl.Expr) -> pl.Expr:
    """Lots added less pulled on the bid less those on the ask, fills left out, over 240 bars."""
    return cumul_flow_netpull_bid - cumul_flow_netpull_ask


@feature(unit=FRACTION, parity="odd", rises_with="cumul_flow_imbal", bounds=(-1, 1))
def cumul_flow_bal(
    cumul_flow_imbal: pl.Expr,
    cumul_flow_turnover_bid: pl.Expr,
    cumul_flow_turnover_ask: pl.Expr,
    cumul_bars: pl.Expr,
    kappa_vol: pl.Expr,
) -> pl.Expr:
    """Net flow of the bid less that of the ask over the turnover of both, over 240 bars; + supports."""
    turnover = cumul_flow_turnover_bid + cumul_flow_turnover_ask
    return cumul_flow_imbal / (turnover + kappa_vol * cumul_bars.sqrt())


@feature(unit=LOTS, window=LOOKBACK, parity="odd", rises_with="trade_signed_vol_sum")
def cumul_signed_trade_vol(trade_signed_vol_sum: pl.Expr) -> pl.Expr:
    """Lots bought less lots sold by aggressors over 240 bars."""
    return running(trade_signed_vol_sum)


@feature(unit=LOTS, window=LOOKBACK, rises_with="trade_vol_sum", bounds=(0, float("inf")))
def cumul_trade_vol(trade_vol_sum: pl.Expr) -> pl.Expr:
    """Lots traded over 240 bars."""
    return running(trade_vol_sum)


@feature(unit=FRACTION, parity="odd", rises_with="cumul_signed_trade_vol", bounds=(-1, 1))
def cumul_signed_trade_bal(
    cumul_signed_trade_vol: pl.Expr, cumul_trade_vol: pl.Expr, cumul_bars: pl.Expr, kappa_vol: pl.Expr
) -> pl.Expr:
    """Bought less sold over all traded over 240 bars, shrunk to 0 where little trades."""
    return cumul_signed_trade_vol / (cumul_trade_vol + kappa_vol * cumul_bars.sqrt())
