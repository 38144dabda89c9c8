"""How much rests on each side of the ten-level window."""

import polars as pl

from features.bounded import log_ratio, total
from features.state import LEVELS
from warehouse.catalog import feature
from warehouse.units import FRACTION, LOTS

for side, other in (("bid", "ask"), ("ask", "bid")):

    @feature(
        name=f"depth_{side}10_qty_eob",
        inputs=(*(f"{side}_sz_{i}" for i in LEVELS), f"{side}_px_00"),
        doc=f"Size of the ten {side} levels at bar end; null where the side is empty.",
        unit=LOTS,
        swap=f"depth_{other}10_qty_eob",
        rises_with=f"{side}_sz_00",
        bounds=(0, float("inf")),
    )
    def at_end(*columns: pl.Expr) -> pl.Expr:
        *sizes, best = columns
        return pl.when(best.is_not_null()).then(total(sizes))

    @feature(
        name=f"depth_{side}10_qty_twa",
        inputs=tuple(f"{side}_sz_{i}_twa" for i in LEVELS),
        doc=f"Size of the ten {side} levels, averaged over the bar's time.",
        unit=LOTS,
        swap=f"depth_{other}10_qty_twa",
        rises_with=f"{side}_sz_00_twa",
        bounds=(0, float("inf")),
    )
    def over_bar(*sizes: pl.Expr) -> pl.Expr:
        return total(sizes)

    @feature(
        name=f"depth_{side}10_rel_eob",
        inputs=(f"depth_{side}10_qty_eob", f"usual_{side}10_qty", "kappa_depth"),
        doc=f"Log ratio of the ten-level {side} size to the past's at its time of day; null without profile.",
        unit=FRACTION,
        swap=f"depth_{other}10_rel_eob",
        rises_with=f"depth_{side}10_qty_eob",
        bounds=(-3, 3),
    )
    def to_past(now: pl.Expr, past: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        return log_ratio(now, past, kappa)
