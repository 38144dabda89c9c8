"""The pressure cube in the direction of travel over windows, and how fast it changes."""

import polars as pl

from features import changes, pressure  # noqa: F401 (declared before what reads it)
from features.bounded import balance, window_sum
from features.cells import POINTS_AROUND, suffix
from features.cube import FAR, NO_PRINTS, where_seen
from warehouse.catalog import CATALOG, PREFIX, setup
from warehouse.units import FRACTION

WINDOWS = (3, 12)
SPANS = (1, 3, 12)
PAIRS = {"flow": ("long", "short", "owners' acts"), "aggr": ("buy", "sell", "prints")}
MOVING = ("rest_eob", "rest_twa", "flow_sum", "aggr_sum", "net_sum")
"""What is differentiated."""


for j in POINTS_AROUND:
    here = suffix(j)
    AT = f"at point {j:+d} in the direction of travel"

    for bars in WINDOWS:
        for part, (up, down, words) in PAIRS.items():

            @setup(
                name=f"cube_x_{part}_sum_w{bars}_{here}",
                inputs=(f"cube_cov_{here}", f"{up}_{here}", f"{down}_{here}", "kappa_vol"),
                doc=f"Pressure with the travel {AT}: {words} of {bars} bars; null unless seen in each.",
                unit=FRACTION,
                window=bars,
                rises_with=f"{up}_{here}",
                bounds=(-1, 1),
                idle=NO_PRINTS if part == "aggr" and abs(j) >= FAR else "",
            )
            def over(cov: pl.Expr, up: pl.Expr, down: pl.Expr, kappa: pl.Expr, bars: int = bars) -> pl.Expr:
                sums = [window_sum(where_seen(cov, each), bars) for each in (up, down)]
                return balance(sums[0], sums[1], kappa * bars**0.5)

        @setup(
            name=f"cube_x_rest_twa_w{bars}_{here}",
            inputs=(f"cube_cov_{here}", f"bid_twa_{here}", f"ask_twa_{here}", f"usual_{here}", "kappa_depth"),
            doc=f"Resting size with the travel {AT}, averaged over {bars} bars; null unless seen in each.",
            unit=FRACTION,
            window=bars,
            rises_with=f"bid_twa_{here}",
            bounds=(-1, 1),
        )
        def rested(
            cov: pl.Expr, bid: pl.Expr, ask: pl.Expr, usual: pl.Expr, kappa: pl.Expr, bars: int = bars
        ) -> pl.Expr:
            sums = [window_sum(where_seen(cov, each), bars) for each in (bid, ask, usual)]
            return balance(sums[0], sums[1], sums[2] + kappa * bars)

    for part in MOVING:
        for span in SPANS:
            found = CATALOG[f"{PREFIX}cube_x_{part}_{here}"]
            for order in changes.orders(span):
                told = changes.step(found, span)
                found = setup(name=f"cube_x_{part}_{here}_d{order}_w{span}", **told)(changes.per_bar(span))
