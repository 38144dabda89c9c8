"""How much rests on each side of the ten-level window: all of it, and by distance from the microprice."""

import polars as pl

from features import microprice  # noqa: F401 (declared before what reads it)
from features.bounded import itself, log_ratio, share, total
from features.cells import LEVELS, NEAR_BANDS
from warehouse.catalog import feature
from warehouse.schema import BANDS, DEPTH
from warehouse.units import FRACTION, LOTS

ZONES = {"bid": "below", "ask": "above"}
"""Where a side lies of the microprice."""

for side, other in (("bid", "ask"), ("ask", "bid")):
    SIZES = tuple(f"{side}_sz_{i}" for i in LEVELS)

    @feature(
        name=f"depth_{side}10_qty_eob",
        inputs=(*SIZES, f"{side}_px_00"),
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

    for band in NEAR_BANDS:
        low, high = BANDS[band]
        zone, opposite = ZONES[side], ZONES[other]
        WHERE = f"{low:g} to {high:g} pt {zone} the microprice"

        @feature(
            name=f"depth_{zone}_{band}_qty_eob",
            inputs=("microprice_eob", "point_px", *(f"{side}_px_{i}" for i in LEVELS), *SIZES),
            doc=f"Size of the ten {side} levels {WHERE}; null where they do not reach it.",
            unit=LOTS,
            swap=f"depth_{opposite}_{band}_qty_eob",
            bounds=(0, float("inf")),
        )
        def in_band(
            mp: pl.Expr, point: pl.Expr, *levels: pl.Expr, low: float = low, high: float = high
        ) -> pl.Expr:
            gaps = [(px - mp).abs() for px in levels[:DEPTH]]
            kept = [
                pl.when((gap > low * point if low else gap >= 0) & (gap <= high * point))
                .then(size)
                .otherwise(0.0)
                for gap, size in zip(gaps, levels[DEPTH:], strict=True)
            ]
            # A side with fewer than ten levels is known to any distance.
            reached = (gaps[-1] > low * point).fill_null(value=True) & gaps[0].is_not_null()
            return pl.when(reached).then(total(kept))

        feature(
            name=f"depth_{zone}_{band}_qty_twa",
            inputs=(f"{side}_{band}_qty_twa",),
            doc=f"{side.title()} size {WHERE}, averaged over the bar's time; null if never reached.",
            unit=LOTS,
            swap=f"depth_{opposite}_{band}_qty_twa",
            rises_with=f"{side}_{band}_qty_twa",
            bounds=(0, float("inf")),
        )(itself)

        for when in ("eob", "twa"):
            feature(
                name=f"depth_{zone}_{band}_frac_{when}",
                inputs=(f"depth_{zone}_{band}_qty_{when}", f"depth_{side}10_qty_{when}"),
                doc=f"Share of the ten-level {side} size that lies {WHERE}"
                + (", both averaged over the bar's time." if when == "twa" else "."),
                unit=FRACTION,
                swap=f"depth_{opposite}_{band}_frac_{when}",
                rises_with=f"depth_{zone}_{band}_qty_{when}",
                bounds=(0, 1 if when == "eob" else float("inf")),
            )(share)
