"""Size and flow three to ten points from the touch: what MBO tells and ten levels do not reach.

By the touch at bar end, so that nothing is filled there but in a leap of price. Null where no tick of the band is seen, as nearly always from MBP-10.
"""

import polars as pl

from features import cumul, depth  # noqa: F401 (declared before what reads them)
from features.bounded import balance, imbalance, itself, per, share
from features.cells import ask, averaged, bid, known, qty
from features.cumul import bars, running
from warehouse.catalog import LOOKBACK, feature, measure
from warehouse.units import BARS, COUNT, FRACTION, LOTS

BANDS = {"p3_5": (12, 19), "p5_10": (20, 39)}
"""Ticks from the touch of each band."""
HIDDEN = "null from MBP-10, which sees 2.25 points beyond the touch"
MANY = (0, float("inf"))
SIDES = {"bid": ("ask", "below", "above", bid), "ask": ("bid", "above", "below", ask)}
"""Its other side, where it lies of price and where that lies, its rows."""
IN_BANDS = {
    "qty": (qty, LOTS, "Lots resting at bar end"),
    "mean": (averaged, LOTS, "Lots resting, averaged over the bar's time"),
    "add": (pl.col("add"), LOTS, "Lots added"),
    "pull": (pl.col("pull"), LOTS, "Lots pulled by owners"),
    "fill": (pl.col("fill"), LOTS, "Lots filled"),
    "n_add": (pl.col("n_add"), COUNT, "Records that added"),
    "n_pull": (pl.col("n_pull"), COUNT, "Records that pulled"),
    "n_modify": (pl.col("n_modify"), COUNT, "Records that modified an order now resting"),
}
"""Quantity: its value in a row, its unit, its words."""
RATIOS = {
    "net_volnorm": (per, ("net", "size", "kappa_depth"), "net flow over the size there", (float("-inf"), float("inf"))),
    "pabal": (balance, ("pull", "add", "kappa_vol"), "pulled less added over both; + is pulled faster", (-1, 1)),
}  # fmt: skip


for side, (other, zone, opposite, of_side) in SIDES.items():
    for band, (low, high) in BANDS.items():
        WHERE = f"on the {side}, {band[1:].replace('_', ' to ')} pt from the touch at bar end"
        here = of_side & known & pl.col("away").is_between(low, high)

        for name, (value, unit, words) in IN_BANDS.items():
            measure(
                f"{side}_{band}_{name}",
                pl.when(here.any()).then(pl.when(here).then(value).sum()),
                doc=f"{words} {WHERE}; null where no tick of it is seen.",
                unit=unit,
                grain="bar",
                swap=f"{other}_{band}_{name}",
            )

        for when, name in (("eob", "qty"), ("twa", "mean")):
            feature(
                name=f"depth_{zone}_{band}_qty_{when}",
                inputs=(f"{side}_{band}_{name}",),
                doc=f"{IN_BANDS[name][2]} {WHERE}.",
                unit=LOTS,
                swap=f"depth_{opposite}_{band}_qty_{when}",
                rises_with=f"{side}_{band}_{name}",
                bounds=MANY,
                idle=HIDDEN,
            )(itself)
            feature(
                name=f"depth_{zone}_{band}_frac_{when}",
                inputs=(f"depth_{zone}_{band}_qty_{when}", f"depth_{side}10_qty_{when}"),
                doc=f"Size {WHERE}, over that of the side's ten levels.",
                unit=FRACTION,
                swap=f"depth_{opposite}_{band}_frac_{when}",
                rises_with=f"depth_{zone}_{band}_qty_{when}",
                bounds=MANY,
                idle=HIDDEN,
            )(share)

        ACTS = {act: f"flow_{act}_vol_{side}_{band}_sum" for act in ("add", "pull", "net")}
        TURNED = {act: f"flow_{act}_vol_{other}_{band}_sum" for act in ACTS}

        for act in ("add", "pull"):
            feature(
                name=ACTS[act],
                inputs=(f"{side}_{band}_{act}",),
                doc=f"{IN_BANDS[act][2]} {WHERE}.",
                unit=LOTS,
                swap=TURNED[act],
                rises_with=f"{side}_{band}_{act}",
                bounds=MANY,
                idle=HIDDEN,
            )(itself)
        feature(
            name=ACTS["net"],
            inputs=(ACTS["add"], ACTS["pull"], f"{side}_{band}_fill"),
            doc=f"Lots added less pulled less filled {WHERE}.",
            unit=LOTS,
            swap=TURNED["net"],
            rises_with=ACTS["add"],
            idle=HIDDEN,
        )(lambda added, pulled, filled: added - pulled - filled)

        NAMES = ACTS | {"size": f"depth_{zone}_{band}_qty_twa"}
        for called, (ratio, read, words, bounds) in RATIOS.items():
            feature(
                name=f"flow_{called}_{side}_{band}_sum",
                inputs=tuple(NAMES.get(each, each) for each in read),
                doc=f"Flow of the bar {WHERE}: {words}.",
                unit=FRACTION,
                swap=f"flow_{called}_{other}_{band}_sum",
                rises_with=NAMES[read[0]],
                bounds=bounds,
                idle=HIDDEN,
            )(ratio)

        for called, name in (("add", "n_add"), ("cancel", "n_pull"), ("modify", "n_modify")):
            feature(
                name=f"flow_cnt_{called}_{side}_{band}_sum",
                inputs=(f"{side}_{band}_{name}",),
                doc=f"{IN_BANDS[name][2]} {WHERE}.",
                unit=COUNT,
                swap=f"flow_cnt_{called}_{other}_{band}_sum",
                rises_with=f"{side}_{band}_{name}",
                bounds=MANY,
                idle=HIDDEN,
            )(itself)

        feature(
            name=f"cumul_flow_net_{side}_{band}",
            inputs=(ACTS["net"],),
            doc=f"Lots added less pulled less filled {WHERE}, over the bars of 240 in which it was seen.",
            unit=LOTS,
            window=LOOKBACK,
            swap=f"cumul_flow_net_{other}_{band}",
            rises_with=ACTS["net"],
            idle=HIDDEN,
        )(running)
        feature(
            name=f"cumul_flow_net_{side}_{band}_rate",
            inputs=(ACTS["net"], "bar"),
            doc=f"`cumul_flow_net_{side}_{band}` per bar of those in which it was seen.",
            unit=LOTS / BARS,
            window=LOOKBACK,
            swap=f"cumul_flow_net_{other}_{band}_rate",
            rises_with=ACTS["net"],
            idle=HIDDEN,
        )(lambda lots, bar: running(lots) / (bars(lots) * bar))

for band in BANDS:
    for when in ("eob", "twa"):
        feature(
            name=f"state_cdi_{band}_{when}",
            inputs=(f"depth_below_{band}_qty_{when}", f"depth_above_{band}_qty_{when}"),
            doc=f"Imbalance of the sizes {band[1:].replace('_', ' to ')} pt from the touch; +1 is all bid.",
            unit=FRACTION,
            parity="odd",
            rises_with=f"depth_below_{band}_qty_{when}",
            bounds=(-1, 1),
            idle=HIDDEN,
        )(imbalance)
