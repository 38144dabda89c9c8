"""Two-minute candles of the clock, from prints, in the direction of travel: the last five closed and the running one.

Prices are points beyond the level, so a candle's high is its extreme in the direction of travel. Sizes are in
moves expected over two minutes. A candle without a print is null.
"""

from math import sqrt

import polars as pl

from features import kinematics, trade  # noqa: F401 (declared before what reads it)
from features.bounded import CLIP_LR, log_ratio, total, window_sum
from warehouse.catalog import setup
from warehouse.units import COUNT, FRACTION, LOTS, POINTS, SECONDS

BARS = 24
CLOSED = (1, 2, 3, 4, 5)
PARTS = ("open", "high", "low", "close")
MINUTES = 2


def first(values: list[pl.Expr]) -> pl.Expr:
    """The first of them that is known."""
    return pl.coalesce(values)


def held(bar: pl.Expr, value: pl.Expr) -> pl.Expr:
    """The value of the last bar that closed a candle, null if it was."""
    # What is missing is held as NaN, or what lies before would stand for it.
    nothing = pl.lit(float("nan"))
    ended = pl.when(bar.is_null()).then(nothing).when(bar == BARS - 1).then(value.fill_null(nothing))
    return ended.forward_fill().fill_nan(None)


def so_far(bar: pl.Expr, value: pl.Expr) -> list[pl.Expr]:
    """The value in each bar of the running candle, the latest first; null beyond its start and once it closed."""
    return [pl.when((bar >= ago) & (bar < BARS - 1)).then(value.shift(ago)) for ago in range(BARS - 1)]


def whole(part: str, values: list[pl.Expr]) -> pl.Expr:
    """A part of a candle from the values of its bars, the latest first."""
    if part in {"high", "low"}:
        return (pl.max_horizontal if part == "high" else pl.min_horizontal)(values)
    return first(values if part == "close" else values[::-1])


for part in PARTS:

    @setup(
        name=f"c2_{part}_pts",
        inputs=("candle_bar", f"print_{part}", "level_px"),
        doc=f"The {part} of the last closed two-minute candle, in points beyond the level; null without a print.",
        unit=POINTS,
        window=2 * BARS - 1,
    )
    def closed(bar: pl.Expr, price: pl.Expr, level: pl.Expr, part: str = part) -> pl.Expr:
        return held(bar, whole(part, [price.shift(ago) for ago in range(BARS)])) - level

    @setup(
        name=f"c2_{part}_pts_0",
        inputs=("candle_bar", f"print_{part}", "level_px"),
        doc=f"The {part} of the running two-minute candle, in points beyond the level; null without a print.",
        unit=POINTS,
        window=BARS - 1,
        rises_with=None if part == "open" else f"print_{part}",
    )
    def running(bar: pl.Expr, price: pl.Expr, level: pl.Expr, part: str = part) -> pl.Expr:
        return whole(part, so_far(bar, price)) - level


@setup(inputs=("candle_bar", "trade_vol_sum"), unit=LOTS, window=2 * BARS - 1, bounds=(0, float("inf")))
def c2_vol(bar: pl.Expr, lots: pl.Expr) -> pl.Expr:
    """Lots traded in the last closed two-minute candle."""
    return held(bar, window_sum(lots, BARS))


@setup(inputs=("candle_bar", "usual_trade_vol"), unit=LOTS, window=2 * BARS - 1, bounds=(0, float("inf")))
def c2_usual_vol(bar: pl.Expr, lots: pl.Expr) -> pl.Expr:
    """Lots that past sessions traded in its bars, by their medians; null without a profile."""
    return held(bar, window_sum(lots, BARS))


for called, column, words in (
    ("vol", "trade_vol_sum", "Lots traded"),
    ("usual_vol", "usual_trade_vol", "Lots that past sessions traded, by their medians,"),
):

    @setup(
        name=f"c2_{called}_0",
        inputs=("candle_bar", column),
        doc=f"{words} so far in the running two-minute candle; null where one has just closed.",
        unit=LOTS,
        window=BARS - 1,
        rises_with=column,
        bounds=(0, float("inf")),
    )
    def gathered(bar: pl.Expr, lots: pl.Expr) -> pl.Expr:
        now, *before = so_far(bar, lots)
        return total([now, *(each.fill_null(0.0) for each in before)])


@setup(
    name="c2_vol_lr_0",
    inputs=("candle_bar", "c2_vol_0", "c2_usual_vol_0", "kappa_vol"),
    unit=FRACTION,
    rises_with="c2_vol_0",
    bounds=(-CLIP_LR, CLIP_LR),
)
def running_volume(bar: pl.Expr, lots: pl.Expr, usual: pl.Expr, kappa: pl.Expr) -> pl.Expr:
    """Log ratio of the lots of the running candle to the usual ones so far; null without a profile."""
    return log_ratio(lots, usual, kappa * (bar + 1).sqrt())


def shapes(number: int, ends: tuple[str, ...]) -> None:
    """Declare a candle's shape; candle 0 is the running one."""
    ago, which = (0, "running candle") if number == 0 else (BARS * (number - 1), f"candle {number} back")
    opened, high, low, close = ends
    forms = {
        "body": ((close, opened), "Close less open", float("-inf")),
        "range": ((high, low), "High less low", 0),
        "over": ((high,), "How far its high poked beyond the level, 0 if not,", 0),
    }

    for called, (read, words, least) in forms.items():

        @setup(
            name=f"c2_{called}_{number}",
            inputs=(*read, "sigma_60"),
            doc=f"{words} of the {which}, in moves expected over two minutes.",
            unit=FRACTION,
            window=ago + 1,
            rises_with=read[0] if ago == 0 else None,
            bounds=(least, float("inf")),
        )
        def sized(*columns: pl.Expr) -> pl.Expr:
            *prices, sigma = columns
            most, *rest = (price.shift(ago) for price in prices)
            return (most - rest[0] if rest else most.clip(lower_bound=0.0)) / (sigma * sqrt(MINUTES))

    @setup(
        name=f"c2_clv_{number}",
        inputs=ends[1:],
        doc=f"Where the {which} closed between its low, -1, and its high, 1; null if they are one price.",
        unit=FRACTION,
        window=ago + 1,
        bounds=(-1, 1),
    )
    def place(*columns: pl.Expr) -> pl.Expr:
        high, low, end = (column.shift(ago) for column in columns)
        return ((end - low) - (high - end)) / (high - low)

    @setup(
        name=f"c2_wick_{number}",
        inputs=ends,
        doc=f"Share of the {which}'s range above open and close: what was rejected; null if it has none.",
        unit=FRACTION,
        window=ago + 1,
        bounds=(0, 1),
    )
    def wick(*columns: pl.Expr) -> pl.Expr:
        begin, high, low, end = (column.shift(ago) for column in columns)
        return (high - pl.max_horizontal(begin, end)) / (high - low)


for number in (0, *CLOSED):
    shapes(number, tuple(f"c2_{part}_pts{'_0' if number == 0 else ''}" for part in PARTS))

for number in CLOSED:

    @setup(
        name=f"c2_vol_lr_{number}",
        inputs=("c2_vol", "c2_usual_vol", "kappa_vol"),
        doc=f"Log ratio of the lots of the candle {number} back to the usual ones; null without a profile.",
        unit=FRACTION,
        window=BARS * (number - 1) + 1,
        rises_with="c2_vol" if number == 1 else None,
        bounds=(-CLIP_LR, CLIP_LR),
    )
    def volume(lots: pl.Expr, usual: pl.Expr, kappa: pl.Expr, ago: int = BARS * (number - 1)) -> pl.Expr:
        return log_ratio(lots.shift(ago), usual.shift(ago), kappa * sqrt(BARS))


@setup(inputs=("c2_close_pts",), unit=COUNT, window=BARS * (CLOSED[-1] - 1) + 1, bounds=(0, len(CLOSED)))
def c2_closes_beyond(close: pl.Expr) -> pl.Expr:
    """Of the last five closed candles, how many closed beyond the level; null unless all five have a print."""
    closes = [close.shift(BARS * (number - 1)) for number in CLOSED]
    return total((each > 0).cast(pl.Float64) for each in closes)


@setup(
    inputs=tuple(f"c2_body_{number}" for number in CLOSED),
    unit=COUNT,
    bounds=(-len(CLOSED), len(CLOSED)),
)
def c2_run(*bodies: pl.Expr) -> pl.Expr:
    """Closed candles in a row whose bodies point the same way as the last one's, signed; 0 if that has none."""
    last = bodies[0].sign()
    alike = [(body.sign() == last).fill_null(value=False) for body in bodies]
    return last * total(pl.all_horizontal(alike[: n + 1]).cast(pl.Float64) for n in range(len(alike)))


@setup(inputs=("candle_bar", "bar_s"), unit=SECONDS, bounds=(0, 120))
def c2_age_0(bar: pl.Expr, bar_s: pl.Expr) -> pl.Expr:
    """Seconds that the running candle is old at the bar's end; 0 where one has just closed."""
    return pl.when(bar < BARS - 1).then((bar + 1) * bar_s).otherwise(bar * 0 * bar_s)
