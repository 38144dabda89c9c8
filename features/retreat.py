"""Do orders beyond the level and behind price withdraw? The four conditions, in the direction of travel.

Read as if price came from below: *far* is the ask at the level and above, which opposes the travel;
*near* is the bid at the level and below, which supports it. Owners' acts only: a fill moves nothing.
"""

import polars as pl

from features.bounded import itself, logistic, total
from features.lvl import CELLS
from features.volatility import BARS_A_MINUTE
from warehouse.catalog import CATALOG, PREFIX, setup
from warehouse.units import COUNT, FRACTION

SIDES = {
    "far": ("ask_above", "opp_far", "asks beyond the level"),
    "near": ("bid_below", "sup_near", "bids behind price"),
}
"""Which cell it is when the travel is up, its name, its words."""
PARTS = {
    "lvl_{called}_cov_eob": "cov_eob",
    "lvl_{called}_com_shift_sum": "com_shift_sum",
    "lvl_move_{side}_sum": "move_sum",
    "lvl_pull_{side}_sum": "pull_sum",
    "lvl_retreat_{side}_sum": "retreat_sum",
}
"""Names of the steps to a retreat, and what each is of its cell."""
SMOOTHINGS = (3, 12)
TAPS = 3
"""A smoothing of N bars is cut off after TAPS * N, where 0.25 % of the weight is left."""
LONGEST = TAPS * max(SMOOTHINGS)
CONDITION_WORDS = "Degree in (0, 1) to which {words} {act}; 0.5 is neither."


def run(value: pl.Expr, most: int) -> pl.Expr:
    """Values in a row up to this one, at most `most`; 0 at a null."""
    count = value.is_null().cum_count()
    last_null = pl.when(value.is_null()).then(count).forward_fill().fill_null(0)
    return (count - last_null).clip(0, most).cast(pl.Float64)


def smoothed(value: pl.Expr, run: pl.Expr, bars: int) -> pl.Expr:
    """Exponentially weighted mean with alpha 2/(bars+1) over the values in a row."""
    kept = 1 - 2 / (bars + 1)
    taps = [pl.when(run > k).then(value.shift(k) * kept**k).otherwise(0.0) for k in range(TAPS * bars)]
    weight = (1 - kept ** pl.min_horizontal(run, pl.lit(float(TAPS * bars)))) / (1 - kept)
    return pl.when(run > 0).then(total(taps) / weight)


def turned(name: str, cell: str, part: str, words: str) -> None:
    """Declare what a cell's feature is in the direction of travel."""
    base = CATALOG[f"{PREFIX}lvl_{cell}_{part}"]

    setup(
        name=name,
        inputs=(f"lvl_{cell}_{part}",),
        doc=base.doc.replace(CELLS[cell], words),
        unit=base.unit,
        rises_with=f"lvl_{cell}_{part}",
        bounds=base.bounds,
        idle=base.idle,
    )(itself)


def followed(side: str, words: str) -> None:
    """Declare how long a retreat has been known, and what it is smoothed."""

    @setup(
        name=f"lvl_retreat_{side}_run",
        inputs=(f"lvl_retreat_{side}_sum",),
        doc=f"Bars in a row with a retreat of {words}, its own included, at most {LONGEST}.",
        unit=COUNT,
        window=LONGEST,
        bounds=(0, LONGEST),
    )
    def in_a_row(value: pl.Expr) -> pl.Expr:
        return run(value, LONGEST)

    for bars in SMOOTHINGS:

        @setup(
            name=f"lvl_retreat_{side}_sum_ewm{bars}",
            inputs=(f"lvl_retreat_{side}_sum", f"lvl_retreat_{side}_run"),
            doc=f"Retreat of {words}, exponentially weighted over {bars} bars; starts anew after a null.",
            unit=FRACTION,
            window=TAPS * bars,
            needs=TAPS * bars,
            rises_with=f"lvl_retreat_{side}_sum",
            bounds=(-1, 1),
        )
        def ewm(value: pl.Expr, run: pl.Expr, bars: int = bars) -> pl.Expr:
            return smoothed(value, run, bars)


for side, (cell, called, words) in SIDES.items():
    for name, part in PARTS.items():
        turned(name.format(side=side, called=called), cell, part, words)
    followed(side, words)


@setup(
    name="lvl_move_rel_sum",
    inputs=("midprice_eob", "meta_reset", "sigma_60"),
    unit=FRACTION,
    window=2,
    rises_with="midprice_eob",
)
def move_of_price(mid: pl.Expr, reset: pl.Expr, sigma: pl.Expr) -> pl.Expr:
    """Move of mid in the bar in the direction of travel, in moves expected over five seconds.

    Null across a reset.
    """
    scale: float = BARS_A_MINUTE**0.5
    kept = pl.when(reset.not_()).then(mid)
    return (kept - kept.shift(1)) * scale / sigma


@setup(
    inputs=("lvl_retreat_near_sum", "lvl_move_rel_sum", "retreat_a", "retreat_b"),
    unit=FRACTION,
    rises_with="lvl_retreat_near_sum",
)
def lvl_retreat_near_res_sum(near: pl.Expr, moved: pl.Expr, a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Retreat of bids behind price that the bar's own move of price does not explain.

    Less `a + b` times the move, as past sessions had it at this time of day; null where they had too little.
    """
    return near - (a + b * moved)


UNEXPLAINED = ("lvl_retreat_near_sum", "midprice_eob", "retreat_a", "retreat_b", "meta_reset")


def known_moves(near: pl.Expr, mid: pl.Expr, a: pl.Expr, b: pl.Expr, reset: pl.Expr) -> list[pl.Expr]:
    """The near retreat less what is usual at rest, and what is usual of the bar's move, in points; both or none."""
    kept = pl.when(reset.not_()).then(mid)
    rested, moved = near - a, b * (kept - kept.shift(1))
    known = rested.is_not_null() & moved.is_not_null()
    return [pl.when(known).then(each) for each in (rested, moved)]


for bars in SMOOTHINGS:

    @setup(
        name=f"lvl_retreat_near_res_sum_ewm{bars}",
        inputs=(*UNEXPLAINED, "sigma_60"),
        doc="Retreat of bids behind price beyond what the bars' own moves explain, by today's sigma.\n\n"
        f"Exponentially weighted over {bars} bars; starts anew after a null.",
        unit=FRACTION,
        window=TAPS * bars + 1,
        rises_with="lvl_retreat_near_sum",
    )
    def unexplained_ewm(*columns: pl.Expr, bars: int = bars) -> pl.Expr:
        *read, sigma = columns
        scale: float = BARS_A_MINUTE**0.5
        both = known_moves(*read)
        known = run(both[0], TAPS * bars)
        rested, moved = (smoothed(each, known, bars) for each in both)
        return rested - moved * scale / sigma


QUADRANTS = {
    "break": (1, -1, "asks beyond retreat and bids behind advance: a clean break"),
    "wallrej": (-1, 1, "asks beyond build and bids behind retreat: rejection at a wall"),
    "vacuum": (1, 1, "both sides retreat: a vacuum, the seed's literal rejection"),
    "compress": (-1, -1, "both sides build: compression"),
}
"""Signs of the far and the near retreat, and what it means."""

for called, (far_sign, near_sign, words) in QUADRANTS.items():

    @setup(
        name=f"lvl_quad_{called}_sum",
        inputs=("lvl_retreat_far_sum", "lvl_retreat_near_sum"),
        doc=f"Membership in (0, 1): {words}. The four sum to 1.",
        unit=FRACTION,
        bounds=(0, 1),
    )
    def quadrant(far: pl.Expr, near: pl.Expr, signs: tuple[int, int] = (far_sign, near_sign)) -> pl.Expr:
        return logistic(signs[0] * far) * logistic(signs[1] * near)


CONDITIONS = {
    1: ("move_far", SIDES["far"][2], "move away"),
    2: ("pull_far", SIDES["far"][2], "are pulled faster than added"),
    3: ("move_near", SIDES["near"][2], "move away"),
    4: ("pull_near", SIDES["near"][2], "are pulled faster than added"),
}

for n, (called, words, act) in CONDITIONS.items():

    @setup(
        name=f"lvl_cond{n}_sum",
        inputs=(f"lvl_{called}_sum",),
        doc=f"Condition {n}: " + CONDITION_WORDS.format(words=words, act=act),
        unit=FRACTION,
        rises_with=f"lvl_{called}_sum",
        bounds=(0, 1),
    )
    def condition(value: pl.Expr) -> pl.Expr:
        return logistic(value)


@setup(
    name="lvl_cond_all_sum",
    inputs=tuple(f"lvl_cond{n}_sum" for n in CONDITIONS),
    unit=FRACTION,
    rises_with="lvl_cond1_sum",
    bounds=(0, 1),
)
def condition_all(*conditions: pl.Expr) -> pl.Expr:
    """Degree to which all four conditions hold: the least of them; null where one is null."""
    known = pl.all_horizontal([each.is_not_null() for each in conditions])
    return pl.when(known).then(pl.min_horizontal(conditions))


for number in (3, 4):

    @setup(
        name=f"lvl_condb{number}_sum",
        inputs=(f"lvl_cond{number}_sum",),
        doc=f"Degree to which condition {number} is turned round: support behind price advances, as before a break.",
        unit=FRACTION,
        bounds=(0, 1),
    )
    def turned_round(condition: pl.Expr) -> pl.Expr:
        return 1 - condition
