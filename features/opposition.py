"""How heavy the orders that stand against the travel are, beside those that support it.

Read as if price came from below: the ask opposes, the bid supports.
"""

import polars as pl

from features.cells import NEAR, known, qty, x
from warehouse.catalog import measure, setup
from warehouse.units import FRACTION, LOTS

SHRINK = 0.1
"""In usual sizes: two sides that are both nearly empty are not far apart."""

near = (1 + NEAR - x.abs()).clip(0, 1)

for side, other, letter in (("ask", "bid", "A"), ("bid", "ask", "B")):
    there = (pl.col("side") == letter) & known & (near > 0)
    measure(
        f"{side}_near_qty",
        pl.when(there.any()).then((near * qty).filter(there).sum()),
        doc=f"Lots on the {side} at bar end, up to {NEAR} ticks from the level; null where no tick is known.",
        unit=LOTS,
        grain="level",
        swap=f"{other}_near_qty",
    )
    measure(
        f"{side}_near_usual",
        pl.when((there & pl.col("usual").is_null()).any().not_()).then(
            (near * pl.col("usual")).filter(there).sum()
        ),
        doc=f"Past median size of the same ticks of the {side}, each at its distance from the touch.",
        unit=LOTS,
        grain="level",
        swap=f"{other}_near_usual",
    )


@setup(
    inputs=("ask_near_qty", "ask_near_usual", "bid_near_qty", "bid_near_usual"),
    unit=FRACTION,
    rises_with="ask_near_qty",
    bounds=(-1, 1),
)
def lvl_opppress_eob(
    against: pl.Expr, against_usual: pl.Expr, with_it: pl.Expr, with_usual: pl.Expr
) -> pl.Expr:
    """Opposing less supporting size within 8 ticks of the level, each over what is usual there; + opposes.

    Over both, so it lies in (-1, 1). Null where a side is unseen there, or what is usual is unknown.
    """
    opposing, supporting = against / against_usual, with_it / with_usual
    return (opposing - supporting) / (opposing + supporting + SHRINK)
