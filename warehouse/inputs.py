"""What a feature may read besides other features and measures: bars, past, level, constants."""

from __future__ import annotations

from warehouse.schema import BOOK, LEVEL_KINDS, REAL, RETREAT_PROFILE, TEXT, WHOLE, Column, Mirror
from warehouse.units import BARS, COUNT, FRACTION, LOTS, NAME, POINTS, SECONDS, Unit

CONSTANTS: dict[str, tuple[float, Unit, str]] = {
    "kappa_vol": (20.0, LOTS, "Smooths ratios of added, pulled, filled and traded lots."),
    "kappa_depth": (50.0, LOTS, "Smooths ratios of a band's or a side's depth."),
    "kappa_px": (5.0, LOTS, "Smooths ratios of the size at one price."),
    "bar": (1.0, BARS, "One bar."),
    "bar_s": (5.0, SECONDS, "Length of a bar."),
    "point_px": (1.0, POINTS, "One index point."),
}
"""Numbers with a unit, so that the unit law can tell them from pure numbers; value, unit, meaning."""

PAST = {"usual_": "median", "mean_": "mean", "mad_": "mad"}
"""What is said of a metric in the bar's five-minute bucket, by the prefix of its column."""
_WORDS = {"usual_": "median", "mean_": "mean", "mad_": "median absolute deviation"}
_SIDED = ("add", "pull", "rem", "net")
METRICS: dict[str, tuple[Unit, str | None, Mirror]] = {
    "bid10_qty": (LOTS, "ask10_qty", "same"),
    "ask10_qty": (LOTS, "bid10_qty", "same"),
    "trade_vol": (LOTS, None, "same"),
    "trade_cnt": (COUNT, None, "same"),
    "msg_cnt": (COUNT, None, "same"),
    "buy_vol": (LOTS, "sell_vol", "same"),
    "sell_vol": (LOTS, "buy_vol", "same"),
    **{f"{act}_bid": (LOTS, f"{act}_ask", "same") for act in _SIDED},
    **{f"{act}_ask": (LOTS, f"{act}_bid", "same") for act in _SIDED},
    "absorb": (LOTS, None, "same"),
    "trade_imbal": (FRACTION, None, "negate"),
    "flow_imbal": (FRACTION, None, "negate"),
}
"""What the profile measures of bars: unit, its mirror image, what happens to its value there."""


def _past(metric: str, prefix: str) -> Column:
    unit, swap, mirror = METRICS[metric]
    doc = (
        f"Past sessions' {_WORDS[prefix]} of {metric} in the same five-minute bucket; null without a profile."
    )
    turned = "same" if prefix == "mad_" else mirror
    return Column(prefix + metric, REAL, unit, doc, swap and prefix + swap, turned)


def metric(name: str) -> str | None:
    """The metric that a column of the past is of; None for any other column."""
    prefix, _, rest = name.partition("_")
    return rest if f"{prefix}_" in PAST and rest in METRICS else None


def _book(column: Column) -> Column:
    """The bar's column as features see it: every number a float."""
    dtype = REAL if column.dtype == WHOLE else column.dtype
    return Column(column.name, dtype, column.unit, column.doc, column.swap, column.mirror)


def _reflected(name: str, doc: str, swap: str | None = None, mirror: Mirror = "reflect") -> Column:
    return Column(name, REAL, POINTS, doc, swap, mirror)


FITTED_BY = {"retreat_a": "a", "retreat_b": "b", "impact_12": "impact_12", "impact_36": "impact_36"}
"""Columns of silver.retreat_profile by the names that features read them under."""
_FITS = {column.name: column for column in RETREAT_PROFILE.columns}
FITTED: dict[str, Column] = {
    name: Column(name, REAL, _FITS[source].unit, _FITS[source].doc) for name, source in FITTED_BY.items()
}
"""What silver.retreat_profile says of the bar's five-minute bucket."""

KINDS = {f"{kind.lower()}_px": kind for kind in LEVEL_KINDS if kind != "CUSTOM"}
"""Kinds of levels by the name of the column that holds their price."""

BAR: dict[str, Column] = {
    column.name: column
    for column in (
        *map(_book, BOOK.columns),
        *(_past(name, prefix) for name in METRICS for prefix in PAST),
        _reflected("trade_vwap", "Mean price of the bar's prints; null without one."),
        _reflected("print_open", "First print of the bar; null without one."),
        _reflected("print_close", "Last print of the bar; null without one."),
        _reflected("print_high", "Highest print of the bar; null without one.", "print_low"),
        _reflected("print_low", "Lowest print of the bar; null without one.", "print_high"),
        Column("candle_bar", REAL, COUNT, "Number of the bar in its two minutes of the clock, 0 to 23."),
        *(_reflected(name, f"The level {kind}; null until it is known.") for name, kind in KINDS.items()),
        Column("mid_var", REAL, POINTS * POINTS, "Usual squared change of mid over a bar, in this bucket."),
        Column("mid_var_ahead", REAL, POINTS * POINTS, "The same in the bucket two minutes ahead."),
        *FITTED.values(),
        Column("tick_px", REAL, POINTS, "The price increment."),
        *(Column(name, REAL, unit, doc) for name, (_, unit, doc) in CONSTANTS.items()),
    )
}
"""Columns of a bar by name."""

LEVEL: dict[str, Column] = {
    column.name: column
    for column in (
        _reflected("level_px", "The level in the bar."),
        Column(
            "d", REAL, FRACTION, "1 if price comes from below, -1 from above; null in level_bars.",
            mirror="negate",
        ),
    )
}  # fmt: skip
"""Columns that a level adds to a bar."""

ROW: dict[str, Column] = {
    column.name: column
    for column in (
        Column("side", TEXT, NAME, "B or A."),
        _reflected("price", "Price of the tick."),
        Column("x", REAL, FRACTION, "Ticks from the level, positive above.", mirror="negate"),
        Column("away", REAL, COUNT, "Ticks from the touch of its own side; negative inside it."),
        Column("usual", REAL, LOTS, "Past median size that far from the touch in this bucket."),
        *(
            Column(name, REAL, LOTS, f"silver.ladder's {name}.")
            for name in (
                "qty",
                "qty_open",
                "qty_twa",
                "add",
                "pull",
                "fill",
                "hidden",
                "add_after_trade",
                "n_add",
                "n_pull",
                "n_modify",
                "reprice_away",
                "reprice_toward",
                "pull_young",
            )
        ),
        Column("orders", REAL, COUNT, "silver.ladder's orders."),
        Column("seen_frac", REAL, FRACTION, "Share of the bar in which the price was known."),
    )
}
"""Columns of a ladder row that measures sum over."""
