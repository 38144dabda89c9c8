"""The pressure cube in the direction of travel, and what it says: lead, wall and story.

Read as if price came from below: point +1 lies one index point beyond the level, + pushes with the travel.
"""

import polars as pl

from features.bounded import itself, slope, total, window_sum
from features.cells import POINTS_AROUND, TICKS_A_POINT, suffix
from features.cube import FAR, FULL, NO_PRINTS, SEEN, net, where_seen
from warehouse.catalog import setup
from warehouse.units import COUNT, FRACTION, POINTS, Unit

PARTS = {
    "rest_eob": "resting size: + supports the travel, - stands against it",
    "rest_twa": "resting size over the bar's time: + supports the travel",
    "flow_sum": "owners' acts of the bar",
    "aggr_sum": "prints of the bar",
    "net_sum": "owners' acts and prints of the bar",
}
AHEAD = tuple(j for j in POINTS_AROUND if j >= 0)
FROM_BEHIND = tuple(j for j in POINTS_AROUND if j >= -1)
PUSHES = 0.15
"""Balance from which a point pushes."""
STANDS, OPEN = 0.7, 0.55
"""Balances against the travel from which there is a wall, and below which there is none."""
TOLD = 2
"""Points ahead that must be seen for a story."""
STORIES = ("UNSEEN", "CLEAR_PATH", "TWO_SIDED", "PUSH_INTO_MELTING_WALL", "PUSH_INTO_WALL")
"""From no knowledge over no resistance to most; the code is the place."""
BUILD_BARS = 12
PER_MINUTE = Unit("1/min", time=-1)


def steady(value: pl.Expr, bars: int) -> pl.Expr:
    """The slope rounded, since a wall that stands still must not seem to melt by the last bit."""
    return slope(value, bars).round(9)


for j in POINTS_AROUND:
    here = suffix(j)
    AT = f"around point {j:+d} in the direction of travel" if j else "around the level"

    PRINTED = NO_PRINTS if abs(j) >= FAR else ""

    for part, words in PARTS.items():
        setup(
            name=f"cube_x_{part}_{here}",
            inputs=(f"cube_{part}_{here}",),
            doc=f"Pressure with the travel {AT}: {words}.",
            unit=FRACTION,
            rises_with=f"cube_{part}_{here}",
            bounds=(-1, 1),
            idle=PRINTED if part in {"aggr_sum", "net_sum"} else "",
        )(itself)

    setup(
        name=f"cube_x_cov_{here}",
        inputs=(f"cube_cov_{here}",),
        doc=f"Share of the ticks {AT} whose size is known at bar end; never null.",
        unit=FRACTION,
        rises_with=f"cube_cov_{here}",
        bounds=(0, 1),
        idle=FULL,
    )(itself)

    FLOWS = tuple(f"{what}_{here}" for what in ("long", "short", "buy", "sell"))

    @setup(
        name=f"cube_x_net_sum_w3_{here}",
        inputs=(f"cube_cov_{here}", *FLOWS, "kappa_vol"),
        doc=f"Pressure with the travel {AT}: owners' acts and prints of the last three bars.\n\n"
        "Null unless the point was seen in each.",
        unit=FRACTION,
        window=3,
        rises_with=f"long_{here}",
        bounds=(-1, 1),
        idle=PRINTED,
    )
    def over_three(cov: pl.Expr, *columns: pl.Expr) -> pl.Expr:
        *flows, kappa = columns
        long, short, buy, sell = (window_sum(where_seen(cov, flow), 3) for flow in flows)
        return net(long, short, buy, sell, kappa * 3**0.5)


@setup(
    name="cube_lead",
    inputs=tuple(f"cube_x_net_sum_w3_{suffix(j)}" for j in FROM_BEHIND),
    unit=COUNT,
    bounds=(-2, 4),
)
def lead(*pushes: pl.Expr) -> pl.Expr:
    """Farthest point up to which all push with the travel, from -1; -2 if none, null if -1 is unseen."""
    reached = [
        pl.all_horizontal([(push > PUSHES).fill_null(value=False) for push in pushes[: n + 1]])
        for n in range(len(pushes))
    ]
    found = total(reach.cast(pl.Float64) for reach in reached) - 2
    return pl.when(pushes[0].is_not_null()).then(found)


RESTS = tuple(f"cube_x_rest_eob_{suffix(j)}" for j in AHEAD)


@setup(name="cube_wall_strength", inputs=RESTS, unit=FRACTION, bounds=(-1, 1))
def wall_strength(*rests: pl.Expr) -> pl.Expr:
    """Largest balance of resting size against the travel at points 0 to 4; null where none is seen."""
    return pl.max_horizontal([-rest for rest in rests])


@setup(name="cube_wall_j", inputs=("cube_wall_strength", *RESTS), unit=COUNT, bounds=(0, 4))
def wall_j(strength: pl.Expr, *rests: pl.Expr) -> pl.Expr:
    """Point of 0 to 4 at which most rests against the travel, the nearest of equals."""
    return pl.coalesce(
        [pl.when(-rest == strength).then(float(j)) for j, rest in zip(AHEAD, rests, strict=True)]
    )


@setup(name="cube_wall_build", inputs=("cube_wall_j", "bar_s", *RESTS), unit=PER_MINUTE, window=BUILD_BARS)
def wall_build(found: pl.Expr, bar_s: pl.Expr, *rests: pl.Expr) -> pl.Expr:
    """Slope over a minute of what rests against the travel at the wall's point; + builds.

    Null unless the point was seen in 70 % of the minute's bars.
    """
    slopes = [
        pl.when(found == j).then(steady(-rest, BUILD_BARS)) for j, rest in zip(AHEAD, rests, strict=True)
    ]
    return pl.coalesce(slopes) * 60 / bar_s


@setup(name="cube_wall_gap_pts", inputs=("cube_wall_j", "midprice_eob", "level_px", "tick_px"), unit=POINTS)
def wall_gap(found: pl.Expr, mid: pl.Expr, level: pl.Expr, tick: pl.Expr) -> pl.Expr:
    """Points from mid on to the wall, in the direction of travel; negative once it is passed."""
    return found * TICKS_A_POINT * tick - (mid - level)


@setup(
    name="cube_story",
    inputs=(
        "cube_lead",
        "cube_wall_strength",
        "cube_wall_build",
        *(f"cube_cov_{suffix(j)}" for j in AHEAD),
    ),
    unit=FRACTION,
    bounds=(0, len(STORIES) - 1),
    codes=STORIES,
)
def story(lead: pl.Expr, strength: pl.Expr, build: pl.Expr, *covs: pl.Expr) -> pl.Expr:
    """What the cube says, as an ordered code.

    UNSEEN: fewer than two of points 0 to 4 are seen. PUSH_INTO_WALL: the push reaches the level and at
    least 0.7 stands against it that does not shrink; PUSH_INTO_MELTING_WALL: that shrinks. CLEAR_PATH: it
    reaches point 1 and less than 0.55 stands against it. TWO_SIDED: anything else. Null where one of
    these cannot be told apart, such as without a profile.
    """
    code = {name: pl.lit(float(place)) for place, name in enumerate(STORIES)}
    unseen = total((cov >= SEEN).cast(pl.Float64) for cov in covs) < TOLD
    pushed = (lead >= 0) & (strength >= STANDS)
    clear = (lead >= 1) & (strength < OPEN)
    return (
        pl.when(unseen)
        .then(code["UNSEEN"])
        .when(strength.is_null() | lead.is_null() | (pushed & build.is_null()))
        .then(None)
        .when(pushed & (build >= 0))
        .then(code["PUSH_INTO_WALL"])
        .when(pushed)
        .then(code["PUSH_INTO_MELTING_WALL"])
        .when(clear)
        .then(code["CLEAR_PATH"])
        .otherwise(code["TWO_SIDED"])
    )
