"""Hand-made tapes: a mid by New York time becomes the quotes and bars that the models read."""

import datetime as dt

import polars as pl

from warehouse import moments, races, session
from warehouse.schema import BAR_NS, QUOTES, TRADES

DAY = dt.date(2025, 6, 12)
RESET = "reset"
EMPTY = "empty"  # one side of the book is gone
SECOND = 10**9


def ns(text: str, day: dt.date = DAY) -> int:
    """Nanoseconds UTC of a New York time such as 09:30:05.25."""
    whole, _, fraction = text.partition(".")
    return session.at(day, dt.time.fromisoformat(whole)) + int(fraction.ljust(9, "0"))


def utc(text: str, day: dt.date = DAY) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=ns(text, day) // 1000)  # noqa: DTZ001 (naive UTC, as in the tables)


def quotes(path, *, spread: float = 0.25) -> pl.LazyFrame:
    """silver.quotes of a path of (time, mid, RESET or EMPTY)."""
    rows = [
        (ns(time), *((None, None, None, None) if isinstance(mid, str) else (mid - spread / 2, mid + spread / 2, 10, 10)), mid == RESET)
        for time, mid in path
    ]  # fmt: skip
    raw = {**QUOTES.schema, "ts": pl.Int64()}
    return pl.DataFrame(rows, raw, orient="row").cast(QUOTES.schema).lazy()


def book(path, end: str) -> pl.LazyFrame:
    """The columns of silver.book that the models read, by a slow loop over bars and states."""
    states = [(ns(time), None if isinstance(mid, str) else mid, mid == RESET) for time, mid in path]
    rows = []
    carried = None
    for bar in range(states[0][0] // BAR_NS * BAR_NS, ns(end), BAR_NS):
        inside = [state for state in states if bar <= state[0] < bar + BAR_NS]
        reset = any(state[2] for state in inside)
        seen = [mid for mid in [carried, *(state[1] for state in inside)] if mid is not None]
        rows.append((bar, min(seen, default=None), max(seen, default=None), reset, not inside))
        carried = inside[-1][1] if inside else carried
    names = {"bar_ts": pl.Int64, "mid_min": pl.Float64, "mid_max": pl.Float64}
    flags = {"meta_reset": pl.Boolean, "meta_empty": pl.Boolean}
    return pl.DataFrame(rows, {**names, **flags}, orient="row").with_columns(pl.col("bar_ts").cast(pl.Datetime("ns"))).lazy()  # fmt: skip


def alive(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The same bars as if sizes had changed in each, so that none is a silence."""
    return frame.with_columns(meta_empty=pl.lit(value=False))


def trades(rows) -> pl.DataFrame:
    """silver.trades of (time, price)."""
    raw = {**TRADES.schema, "ts": pl.Int64()}
    full = [(ns(time), price, 1, "N") for time, price in rows]
    return pl.DataFrame(full, raw, orient="row").cast(TRADES.schema)


def custom(*rows) -> pl.DataFrame:
    """Prices as `pricelist.read` gives them, from (price, known or None)."""
    full = [(None, price, None if known is None else dt.time.fromisoformat(known)) for price, known in rows]
    return pl.DataFrame(full, {"date": pl.Date, "price": pl.Float64, "known": pl.Time}, orient="row")


NO_TRADES = trades([])
NO_PRICES = custom()


def sigma(value, bars: pl.LazyFrame) -> pl.LazyFrame:
    """Family `volatility` with one value throughout."""
    return bars.select(
        "bar_ts",
        sigma_60=pl.lit(value, pl.Float64),
        sigma_warmup=pl.lit(value=False),
        sigma_ratio=pl.lit(1.0),
    )


def arrivals(path, end, levels, *, sigma_60=2.0, **options) -> pl.DataFrame:
    """Setups of a path."""
    bars = book(path, end)
    return moments.triggers(
        levels,
        races.mids(quotes(path)),
        bars,
        sigma(sigma_60, bars),
        DAY,
        source="mbp-10",
        tick=0.25,
        **options,
    )


def followed(setups, path, end, **options) -> pl.DataFrame:
    """Outcomes of setups on a path whose bars are all alive."""
    options = {"tick": 0.25, "calibrated": {}, **options}
    return races.outcomes(setups, races.mids(quotes(path)), alive(book(path, end)), DAY, **options)
