"""How the size of a side is spread over its ten levels: as it lies, by share, by slope."""

from math import log

import polars as pl

from features import depth  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, itself, total
from features.cells import LEVELS
from warehouse.catalog import feature
from warehouse.schema import DEPTH
from warehouse.units import COUNT, FRACTION, LOTS, POINTS, Unit

CENTRE = (DEPTH - 1) / 2
SLOPE = tuple((i - CENTRE) / sum((k - CENTRE) ** 2 for k in range(DEPTH)) for i in range(DEPTH))
"""Weights of ten values that give their least-squares slope."""
_BOW = tuple((i - CENTRE) ** 2 - (DEPTH**2 - 1) / 12 for i in range(DEPTH))
CURVE = tuple(bow / sum(each**2 for each in _BOW) for bow in _BOW)
"""Weights that give the quadratic coefficient of their least-squares parabola."""
PER_LEVEL, PER_LEVEL2 = Unit("1/level"), Unit("1/level^2")
FEW = 0.05
"""Slope below which sides do not count as different."""
WHY = {"unit": "the logarithm is of one more than the lots"}
FITS = {
    "slope": (SLOPE, PER_LEVEL, "Least-squares slope of", None),
    "curv": (CURVE, PER_LEVEL2, "Quadratic coefficient of the least-squares parabola through", None),
}

for side, other in (("bid", "ask"), ("ask", "bid")):
    COUNTS = tuple(f"{side}_ct_{i}" for i in LEVELS)

    for what, words, unit in (
        ("px", "Price", POINTS),
        ("sz", "Size; 0 is none", LOTS),
        ("ct", "Orders; 0 is none", COUNT),
    ):
        for i in LEVELS:
            feature(
                name=f"shape_{side}_{what}_l{i}_eob",
                inputs=(f"{side}_{what}_{i}",),
                doc=f"{words}, at {side} level {i} at bar end.",
                unit=unit,
                parity="reflect" if what == "px" else "even",
                swap=f"shape_{other}_{what}_l{i}_eob",
                rises_with=f"{side}_{what}_{i}",
            )(itself)

    for what, words in (("sz", "size"), ("ct", "orders")):
        COLUMNS = tuple(f"{side}_{what}_{i}" for i in LEVELS)

        for place, i in enumerate(LEVELS):

            @feature(
                name=f"shape_{side}_{what}_frac_l{i}_eob",
                inputs=COLUMNS,
                doc=f"Share of the ten {side} levels' {words} at level {i}; null where the side is empty.",
                unit=FRACTION,
                swap=f"shape_{other}_{what}_frac_l{i}_eob",
                rises_with=COLUMNS[place],
                bounds=(0, 1),
            )
            def share(*columns: pl.Expr, place: int = place) -> pl.Expr:
                return columns[place] / total(columns)

    SIZES = tuple(f"{side}_sz_{i}" for i in LEVELS)

    for called, (weights, unit, words, _) in FITS.items():

        @feature(
            name=f"shape_{side}_{called}_eob",
            inputs=SIZES,
            doc=f"{words} ln(1 + cumulative {side} size) over ten level indices; null unless ten are populated.",
            unit=unit,
            swap=f"shape_{other}_{called}_eob",
            breaks=WHY,
        )
        def fit(*sizes: pl.Expr, weights: tuple[float, ...] = weights) -> pl.Expr:
            logs = [total(sizes[: n + 1]).log1p() for n in range(DEPTH)]
            found = total(each * weight for each, weight in zip(logs, weights, strict=True))
            return pl.when(sizes[-1] > 0).then(found)

    SHARES = tuple(f"shape_{side}_sz_frac_l{i}_eob" for i in LEVELS)

    @feature(
        name=f"shape_{side}_entropy_eob",
        inputs=SHARES,
        doc=f"Entropy of the {side}'s size over its ten levels; 1 is even, 0 all at one.",
        unit=FRACTION,
        swap=f"shape_{other}_entropy_eob",
        bounds=(0, 1),
    )
    def entropy(*shares: pl.Expr) -> pl.Expr:
        parts = [pl.when(share > 0).then(share * share.log()).otherwise(share * 0) for share in shares]
        return (-total(parts) / log(DEPTH)).clip(0, 1)

    @feature(
        name=f"shape_{side}_avgord_lr_eob",
        inputs=(*SIZES, *COUNTS),
        doc=f"Log ratio of the mean order at the best {side} to the mean order of its ten levels.",
        unit=FRACTION,
        swap=f"shape_{other}_avgord_lr_eob",
        rises_with=SIZES[0],
        bounds=(-CLIP_LR, CLIP_LR),
    )
    def mean_order(*columns: pl.Expr) -> pl.Expr:
        sizes, counts = columns[:DEPTH], columns[DEPTH:]
        ratio = (sizes[0] * total(counts)) / (counts[0] * total(sizes))
        return ratio.log().clip(-CLIP_LR, CLIP_LR)


@feature(
    name="shape_asym_eob",
    inputs=("shape_bid_slope_eob", "shape_ask_slope_eob"),
    unit=FRACTION,
    parity="odd",
    rises_with="shape_bid_slope_eob",
    bounds=(-1, 1),
    breaks=WHY,
)
def asymmetry(bid: pl.Expr, ask: pl.Expr) -> pl.Expr:
    """How much steeper the bid's cumulative size grows than the ask's; + is steeper bid."""
    return (bid - ask) / (bid.abs() + ask.abs() + FEW)
