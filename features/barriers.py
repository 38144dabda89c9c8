"""The barrier that opposes the travel: size up to eight ticks beyond the level, its growth and its fate."""

from collections.abc import Callable
from math import log

import polars as pl

from features import retreat  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, log_ratio, window_sum
from features.cube import where_seen
from features.kinematics import unbroken
from features.volatility import BARS_A_MINUTE
from warehouse.catalog import setup
from warehouse.units import FRACTION, LOTS

MINUTES = (1, 2, 3, 5)
ACTS = {"add": "added", "pull": "pulled by owners", "fill": "filled"}
STATES = ("CONSUMED", "PULLED", "STABLE", "REFILLED", "BUILT")
"""From most gone to most grown; the code is the place."""
THIN, STEP = log(0.25), log(1.5)
"""Log ratios to the usual below which there is no barrier, and of change from which it is told."""
REFILL = 0.5
"""Share of the old size which, filled and yet there, says that it was refilled."""
COV = "lvl_opp_far_cov_eob"


def grown(bars: int) -> Callable[..., pl.Expr]:
    """Log change of the barrier over some bars; null across a reset."""

    def change(size: pl.Expr, kappa: pl.Expr, reset: pl.Expr) -> pl.Expr:
        return unbroken(log_ratio(size, size.shift(bars), kappa), reset, bars)

    return change


@setup(inputs=(COV, "ask_above_rest"), unit=LOTS, rises_with="ask_above_rest", bounds=(0, float("inf")))
def barrier_qty_eob(cov: pl.Expr, rest: pl.Expr) -> pl.Expr:
    """Size that opposes the travel from the level to eight ticks beyond; null where less than half is seen."""
    return where_seen(cov, rest)


@setup(
    inputs=("barrier_qty_eob", "ask_above_past", "kappa_depth"),
    unit=FRACTION,
    rises_with="barrier_qty_eob",
    bounds=(-CLIP_LR, CLIP_LR),
)
def barrier_rel_eob(size: pl.Expr, past: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Log ratio of the barrier to what usually rests at its known ticks; null without a profile."""
    return pl.when(past > 0).then(log_ratio(size, past, kappa))


for minutes in MINUTES:
    BARS = minutes * BARS_A_MINUTE
    SPAN = f"over {minutes} min"

    setup(
        name=f"barrier_dlog_{minutes}m",
        inputs=("barrier_qty_eob", "kappa_depth", "meta_reset"),
        doc=f"Log change of the barrier {SPAN}; + grows. Null unless half is seen at both ends.",
        unit=FRACTION,
        window=BARS + 1,
        rises_with="barrier_qty_eob",
        bounds=(-CLIP_LR, CLIP_LR),
    )(grown(BARS))

    @setup(
        name=f"barrier_pct_change_{minutes}m",
        inputs=(f"barrier_dlog_{minutes}m",),
        doc=f"Share by which the barrier grew {SPAN}.",
        unit=FRACTION,
        rises_with=f"barrier_dlog_{minutes}m",
        bounds=(-1, 20),
    )
    def change(dlog: pl.Expr) -> pl.Expr:
        return dlog.exp() - 1

    @setup(
        name=f"barrier_delta_qty_{minutes}m",
        inputs=("barrier_qty_eob", "meta_reset"),
        doc=f"Lots by which the barrier grew {SPAN}.",
        unit=LOTS,
        window=BARS + 1,
        rises_with="barrier_qty_eob",
    )
    def delta(size: pl.Expr, reset: pl.Expr, bars: int = BARS) -> pl.Expr:
        return unbroken(size - size.shift(bars), reset, bars)

    for act, words in ACTS.items():

        @setup(
            name=f"barrier_{act}_rate_{minutes}m",
            inputs=(
                "barrier_qty_eob",
                *dict.fromkeys((f"ask_above_{act}", "ask_above_add")),
                "kappa_depth",
                "meta_reset",
            ),
            doc=f"Lots {words} {SPAN}, of the barrier as it was and all that was added since.",
            unit=FRACTION,
            window=BARS + 1,
            rises_with=f"ask_above_{act}",
            bounds=(0, 1 if act == "add" else float("inf")),
        )
        def rate(size: pl.Expr, *columns: pl.Expr, bars: int = BARS) -> pl.Expr:
            *acts, kappa, reset = columns
            done, added = (window_sum(each, bars) for each in (acts[0], acts[-1]))
            return unbroken(done / (size.shift(bars) + added + kappa), reset, bars)

    @setup(
        name=f"barrier_state_{minutes}m",
        inputs=(
            "barrier_rel_eob",
            f"barrier_dlog_{minutes}m",
            "barrier_qty_eob",
            "ask_above_fill",
            "ask_above_pull",
        ),
        doc=f"What became of the barrier {SPAN}, as an ordered code.\n\n"
        "CONSUMED: shrank by a third or more, filled at least as much as pulled; PULLED: shrank so otherwise;\n"
        "REFILLED: at least half of what it was got filled, and yet it did not shrink so; BUILT: grew by half or\n"
        "more; STABLE: anything else, and where less than a quarter of the usual rests at all.",
        unit=FRACTION,
        window=BARS + 1,
        bounds=(0, len(STATES) - 1),
        codes=STATES,
    )
    def state(
        rel: pl.Expr, dlog: pl.Expr, size: pl.Expr, fill: pl.Expr, pull: pl.Expr, bars: int = BARS
    ) -> pl.Expr:
        code = {name: pl.lit(float(place)) for place, name in enumerate(STATES)}
        filled, pulled = window_sum(fill, bars), window_sum(pull, bars)
        shrank = dlog < -STEP
        return (
            pl.when(dlog.is_null() | rel.is_null() | filled.is_null())
            .then(None)
            .when(rel < THIN)
            .then(code["STABLE"])
            .when(shrank & (filled >= pulled))
            .then(code["CONSUMED"])
            .when(shrank)
            .then(code["PULLED"])
            .when((filled > 0) & (filled >= REFILL * size.shift(bars)))
            .then(code["REFILLED"])
            .when(dlog > STEP)
            .then(code["BUILT"])
            .otherwise(code["STABLE"])
        )
