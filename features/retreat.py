"""Do orders beyond the level and behind price withdraw? The four conditions, in the direction of travel.

Read as if price came from below: *far* is the ask at the level and above, which opposes the travel;
*near* is the bid at the level and below, which supports it. Owners' acts only: a fill moves nothing.
"""

import polars as pl

from features.bounded import balance, logistic, total
from features.cells import NEAR, up_to
from features.cube import SEEN, ticks
from warehouse.catalog import setup
from warehouse.units import COUNT, FRACTION, TICKS

SIDES = {
    "far": ("ask", "ask_above", "opp_far", "asks beyond the level"),
    "near": ("bid", "bid_below", "sup_near", "bids behind price"),
}
"""Which side it is when the travel is up, its cell of the ladder, its cell's name, its words."""
TYPICAL_SHIFT = 0.25
"""Ticks of shift that count as clearly away."""
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


for side, (book, cell, called, words) in SIDES.items():

    @setup(
        name=f"lvl_{called}_cov_eob",
        inputs=(f"{book}_px_00", f"{book}_seen_px", "level_px", "tick_px"),
        doc=f"Known share of the ticks from the level on where {words} may rest; null where none may.",
        unit=FRACTION,
        bounds=(0, 1),
    )
    def coverage(
        best: pl.Expr, seen: pl.Expr, level: pl.Expr, tick: pl.Expr, sign: int = 1 if book == "ask" else -1
    ) -> pl.Expr:
        first, last = (sign * ticks(price, level, tick) for price in (best, seen))
        closed = up_to(first - 1, -1, NEAR + 1)
        return (up_to(last, -1, NEAR + 1) - closed) / (NEAR + 1 - closed)

    @setup(
        name=f"lvl_{called}_com_shift_sum",
        inputs=(
            f"lvl_{called}_cov_eob",
            *(f"{cell}_{what}" for what in ("open", "open_x", "stays", "stays_x")),
        ),
        doc=f"Ticks by which owners moved the mean distance of {words} in the bar; + away from the level.\n\n"
        "At prices known throughout the bar and up to 16 ticks away, fills left out. Null where nothing\n"
        "rested or less than half is seen.",
        unit=TICKS,
        rises_with=f"{cell}_stays_x",
        bounds=(-16, 16),
    )
    def com_shift(
        cov: pl.Expr, opened: pl.Expr, opened_x: pl.Expr, stays: pl.Expr, stays_x: pl.Expr
    ) -> pl.Expr:
        return pl.when(cov >= SEEN).then(stays_x / stays - opened_x / opened)

    @setup(
        name=f"lvl_move_{side}_sum",
        inputs=(f"lvl_{called}_com_shift_sum",),
        doc=f"How clearly {words} moved away from the level in the bar, in (-1, 1).",
        unit=FRACTION,
        rises_with=f"lvl_{called}_com_shift_sum",
        bounds=(-1, 1),
    )
    def move(shift: pl.Expr) -> pl.Expr:
        return (shift / TYPICAL_SHIFT).tanh()

    @setup(
        name=f"lvl_pull_{side}_sum",
        inputs=(f"lvl_{called}_cov_eob", f"{cell}_pull", f"{cell}_add", "kappa_vol"),
        doc=f"Pulled less added over both, of {words}, up to {NEAR} ticks from the level; + pulled faster.",
        unit=FRACTION,
        rises_with=f"{cell}_pull",
        bounds=(-1, 1),
    )
    def pull(cov: pl.Expr, pulled: pl.Expr, added: pl.Expr, kappa: pl.Expr) -> pl.Expr:
        return pl.when(cov >= SEEN).then(balance(pulled, added, kappa))

    @setup(
        name=f"lvl_retreat_{side}_sum",
        inputs=(f"lvl_move_{side}_sum", f"lvl_pull_{side}_sum"),
        doc=f"Retreat of {words} in the bar: mean of moving away and of being pulled faster than added.",
        unit=FRACTION,
        rises_with=f"lvl_pull_{side}_sum",
        bounds=(-1, 1),
    )
    def retreat(move: pl.Expr, pull: pl.Expr) -> pl.Expr:
        return 0.5 * move + 0.5 * pull

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
    1: ("move_far", SIDES["far"][3], "move away"),
    2: ("pull_far", SIDES["far"][3], "are pulled faster than added"),
    3: ("move_near", SIDES["near"][3], "move away"),
    4: ("pull_near", SIDES["near"][3], "are pulled faster than added"),
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
