"""What owners and trades do to each side of the book in a bar, by distance from the microprice."""

import math

import polars as pl

from features import depth  # noqa: F401 (declared before what reads it)
from features.bounded import balance, itself, per, share_of_both, total
from features.cells import LEVELS, NEAR_BANDS, ask, bid
from warehouse.catalog import feature, measure
from warehouse.schema import BANDS
from warehouse.units import COUNT, FRACTION, LOTS

ACTS = {"add": "added", "pull": "pulled by owners", "fill": "filled"}
SUMS = {
    "rem": (("pull", "fill"), (), "pulled or filled"),
    "net": (("add",), ("pull", "fill"), "added less pulled less filled"),
}
"""Kinds that count for and against a sum, and its words."""
ZONES = {"bid": "below", "ask": "above"}
UNFILLED = "trades of a bar seldom reach a point beyond the touch"

for side, other in (("bid", "ask"), ("ask", "bid")):
    for band in NEAR_BANDS:
        low, high = BANDS[band]
        SIZE = f"depth_{ZONES[side]}_{band}_qty_twa"
        WHERE = f"on the {side}, {low:g} to {high:g} pt from the microprice"

        DEEP = UNFILLED if low else ""

        for act, words in ACTS.items():

            @feature(
                name=f"flow_{act}_vol_{side}_{band}_sum",
                inputs=(f"{act}_{side}_{band}", SIZE),
                doc=f"Lots {words} {WHERE}; null where the window never reached there.",
                unit=LOTS,
                swap=f"flow_{act}_vol_{other}_{band}_sum",
                rises_with=f"{act}_{side}_{band}",
                bounds=(0, float("inf")),
                idle=DEEP if act == "fill" else "",
            )
            def volume(lots: pl.Expr, seen: pl.Expr) -> pl.Expr:
                return pl.when(seen.is_not_null()).then(lots)

        ADD, PULL, FILL = (f"flow_{act}_vol_{side}_{band}_sum" for act in ACTS)

        for called, (plus, minus, words) in SUMS.items():
            SIGNED = [f"flow_{act}_vol_{side}_{band}_sum" for act in (*plus, *minus)]

            @feature(
                name=f"flow_{called}_vol_{side}_{band}_sum",
                inputs=tuple(SIGNED),
                doc=f"Lots {words} {WHERE}.",
                unit=LOTS,
                swap=f"flow_{called}_vol_{other}_{band}_sum",
                rises_with=SIGNED[0],
                idle=DEEP if called == "rem" else "",
            )
            def summed(*lots: pl.Expr, plus: int = len(plus)) -> pl.Expr:
                return total([*lots[:plus], *(-each for each in lots[plus:])])

        RATIOS = {
            "net_volnorm": (per, (f"flow_net_vol_{side}_{band}_sum", SIZE, "kappa_depth"), "net flow over the size there", (float("-inf"), float("inf"))),
            "pabal": (balance, (PULL, ADD, "kappa_vol"), "pulled less added over both; + is pulled faster", (-1, 1)),
            "fillshare": (share_of_both, (FILL, PULL, "kappa_vol"), "filled of all that went", (0, 1)),
        }  # fmt: skip

        for called, (ratio, read, words, bounds) in RATIOS.items():
            feature(
                name=f"flow_{called}_{side}_{band}_sum",
                inputs=read,
                doc=f"Flow of the bar {WHERE}: {words}.",
                unit=FRACTION,
                swap=f"flow_{called}_{other}_{band}_sum",
                rises_with=read[0],
                bounds=bounds,
                idle=DEEP if called == "fillshare" else "",
            )(ratio)

for i in LEVELS:
    feature(
        name=f"flow_ofi_l{i}_sum",
        inputs=(f"ofi_{i}",),
        doc=f"Order-flow imbalance of ladder index {i}, summed over events; + is bid.\n\n"
        + ("" if i == "00" else "By index, so it counts shifts of the window too."),
        unit=LOTS,
        parity="odd",
        rises_with=f"ofi_{i}",
    )(itself)


@feature(
    name="flow_ofin_sum",
    inputs=("flow_ofi_l00_sum", "bid_sz_00_twa", "ask_sz_00_twa", "kappa_depth"),
    unit=FRACTION,
    parity="odd",
    rises_with="flow_ofi_l00_sum",
    bounds=(-5, 5),
)
def normalised(ofi: pl.Expr, bid: pl.Expr, ask: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Order-flow imbalance of the touch over the size that rests there, clipped at 5; + is bid."""
    return (ofi / (bid + ask + kappa)).clip(-5, 5)


@feature(
    name="flow_ofi10_bal_sum",
    inputs=(*(f"flow_ofi_l{i}_sum" for i in LEVELS), "ofi_abs"),
    unit=FRACTION,
    parity="odd",
    rises_with="flow_ofi_l00_sum",
    bounds=(-1, 1),
)
def over_ten(*columns: pl.Expr) -> pl.Expr:
    """Order-flow imbalance of ten indices over its gross; + is bid, null where nothing changed."""
    *each, gross = columns
    return total(each) / gross


COUNTS = (
    ("add", "n_add", "added to"),
    ("cancel", "n_pull", "pulled from"),
    ("modify", "n_modify", "modified an order now resting on"),
)
"""Act, column of the ladder, words."""
AWAY = {"p0_1": (-math.inf, 3), "p1_2": (4, 7), "p2_3": (8, 11)}
"""Ticks from the touch at bar end that stand for each band; what lies inside the touch counts to the nearest."""

for side, other, of_side in (("bid", "ask", bid), ("ask", "bid", ask)):
    for act, column, words in COUNTS:
        for band, (low, high) in AWAY.items():
            here = of_side & pl.col("away").is_between(low, high)
            measure(
                f"{side}_{column}_{band}",
                pl.when(pl.col("away").is_not_null().any()).then(pl.col(column).filter(here).sum()),
                doc=f"Records that {words} the {side} in the band.",
                unit=COUNT,
                grain="bar",
                swap=f"{other}_{column}_{band}",
            )

            feature(
                name=f"flow_cnt_{act}_{side}_{band}_sum",
                inputs=(f"{side}_{column}_{band}",),
                doc=f"Records that {words} the {side}, {band.replace('_', ' to ')} points off; by the touch at bar end.",
                unit=COUNT,
                swap=f"flow_cnt_{act}_{other}_{band}_sum",
                rises_with=f"{side}_{column}_{band}",
                bounds=(0, float("inf")),
            )(itself)
