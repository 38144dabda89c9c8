"""What the feed did in a bar, and how far its order flow can be trusted: filters more than features."""

import polars as pl

from warehouse.catalog import HISTORY, feature
from warehouse.units import COUNT, FRACTION, LOTS

MANY = (0, float("inf"))
COUNTS = {
    "meta_msg_cnt_sum": ("msg_cnt", "Records of the bar."),
    "meta_add_cnt_sum": ("add_cnt", "A records of the bar."),
    "meta_cancel_cnt_sum": ("cancel_cnt", "C records of the bar, those of trades too."),
    "meta_modify_cnt_sum": ("modify_cnt", "M records of the bar."),
    "meta_clear_cnt_sum": ("clear_cnt", "R records of the bar."),
    "meta_late_cnt_sum": ("meta_late_cnt", "Records of the bar whose time stepped back."),
    "meta_missing_last_cnt_sum": (
        "meta_missing_last_cnt",
        "Events of the bar that ended without the LAST flag.",
    ),
    "meta_unknown_order_cnt_sum": ("meta_unknown_order_cnt", "Records of orders never seen; 0 from MBP-10."),
}
FLAGS = {
    "meta_empty_sum": ("meta_empty", "1 if no record fell into the bar, else 0."),
    "meta_reset_sum": ("meta_reset", "1 if the book was dropped in the bar, else 0."),
    "meta_badbook_sum": ("meta_badbook", "1 if the book may be bad, here or since the last reset, else 0."),
}
SIZES = {
    "meta_edge_in_qty_sum": ("meta_edge_in_qty", "Lots that entered the ten-level window by its moving."),
    "meta_edge_out_qty_sum": ("meta_edge_out_qty", "Lots that left the ten-level window by its moving."),
}
LOG_RATIOS = {
    "meta_cancel_add_lr_sum": ("cancel_cnt", "add_cnt", "C records to A records"),
    "meta_otr_lr_sum": ("msg_cnt", "trade_cnt", "records to trades"),
}
WIDEST = 5.0
RARE = {"clear_cnt", "meta_late_cnt", "meta_missing_last_cnt", "meta_unknown_order_cnt"} | {
    column for column, _ in FLAGS.values()
}
SOUND = "0 while the feed is sound"
LONG = "252 but soon after the date or the book began"
SHARES = {
    "meta_flow_mismatch_frac_sum": (("meta_residual_qty", "meta_turnover_qty"), "Change of depth that adds, pulls and fills do not explain, over their sum.", MANY),
    "meta_trade_unmatched_frac_sum": (("meta_trade_unmatched_qty", "buy_vol", "sell_vol"), "Lots traded with an aggressor that took away nothing displayed, of all such.", MANY),
}  # fmt: skip

for table, unit in ((COUNTS, COUNT), (SIZES, LOTS), (FLAGS, FRACTION)):
    for name, (column, doc) in table.items():

        @feature(
            name=name,
            inputs=(column,),
            doc=doc,
            unit=unit,
            rises_with=None if table is FLAGS else column,
            bounds=(0, 1) if table is FLAGS else MANY,
            idle=SOUND if column in RARE else "",
        )
        def itself(value: pl.Expr) -> pl.Expr:
            return value.cast(pl.Float64)


for name, (over, under, words) in LOG_RATIOS.items():

    @feature(
        name=name,
        inputs=(over, under),
        doc=f"Log ratio of {words} in the bar, one more of each.",
        unit=FRACTION,
        rises_with=over,
        bounds=(-WIDEST, WIDEST),
    )
    def log_ratio(over: pl.Expr, under: pl.Expr) -> pl.Expr:
        return ((over + 1) / (under + 1)).log().clip(-WIDEST, WIDEST)


for name, (read, doc, bounds) in SHARES.items():

    @feature(
        name=name,
        inputs=read,
        doc=f"{doc}\n\nNull where there is none.",
        unit=FRACTION,
        rises_with=read[0],
        bounds=bounds,
        idle=SOUND,
    )
    def share(part: pl.Expr, *whole: pl.Expr) -> pl.Expr:
        every = whole[0] if len(whole) == 1 else whole[0] + whole[1]
        return part / every


@feature(inputs=("meta_reset",), unit=COUNT, window=HISTORY, bounds=(0, HISTORY), idle=LONG)
def meta_known_bars(reset: pl.Expr) -> pl.Expr:
    """Bars of the date so far, its own included, at most 252."""
    return reset.is_not_null().cast(pl.Float64).rolling_sum(HISTORY, min_samples=1)


@feature(inputs=("meta_reset",), unit=COUNT, window=HISTORY, bounds=(0, HISTORY), idle=LONG)
def meta_clear_bars(reset: pl.Expr) -> pl.Expr:
    """Bars since the one in which the book was last dropped, 0 in it, at most 252."""
    place = pl.int_range(pl.len()).cast(pl.Float64)
    dropped = pl.when(reset.fill_null(value=False)).then(place).forward_fill()
    return pl.when(reset.is_not_null()).then((place - dropped).fill_null(HISTORY).clip(0, HISTORY))
