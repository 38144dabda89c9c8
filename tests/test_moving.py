"""Levels that move, levels of other sessions, and placebos, on tapes worked out on paper."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from moment_tape import DAY, NO_PRICES, NO_TRADES, SECOND, custom, ns, trades, utc

from warehouse import levels
from warehouse.schema import AVERAGES, LEVELS, MOVING, NS

EVENING = dt.datetime(2025, 6, 11, 22)  # noqa: DTZ001 (18:00 New York, naive UTC as in the tables)
MINUTE = 60 * SECOND


def found(tape, kind, **options):
    """(known time, price) of one kind."""
    made = levels.levels(tape, options.pop("custom", NO_PRICES), "ESU5", DAY, **options)
    return made.filter(pl.col("level_kind") == kind).select("known_ts", "price").rows()


def candles(closes, start="18:00:00"):
    """Two prints in each two-minute candle from `start` on: a wild one, then the close."""
    first = ns(start)
    rows = [
        (first + n * 2 * MINUTE + at, price)
        for n, close in enumerate(closes)
        for at, price in ((SECOND, close + 7), (119 * SECOND, close))
    ]
    frame = pl.DataFrame(rows, {"ts": pl.Int64, "price": pl.Float64}, orient="row")
    return frame.with_columns(pl.col("ts").cast(NS), size=pl.lit(1, pl.Int64))


# --- averages --------------------------------------------------------------------------------------------------------


def test_sma_90_needs_180_minutes_and_moves_at_each_close():
    # closes 6000, 6000.25, ...: the mean of n = 0..89 is 6000 + 0.25 * 44.5, of 1..90 a quarter more
    rows = found(candles([6000 + n / 4 for n in range(91)]), "SMA_90")
    assert rows == [(utc("21:00:00"), 6011.125), (utc("21:02:00"), 6011.375)]
    assert rows[0][0] == EVENING + dt.timedelta(minutes=180)


def test_ema_20_starts_from_the_mean_of_twenty_and_is_read_from_the_hundredth():
    # twenty closes of mean 6000, 79 at 6000; then 6021: two of 21 points; then 6002 itself: no way to go
    closes = [5990.0, 6010.0] * 10 + [6000.0] * 79 + [6021.0, 6002.0]
    assert found(candles(closes), "EMA_20") == [(utc("21:20:00"), 6002.0), (utc("21:22:00"), 6002.0)]


def test_a_candle_without_a_trade_is_no_candle():
    # 89 candles, none for ten minutes, one more: the ninetieth ends at 18:00 + 178 + 10 + 2 minutes
    first = candles([6000.0] * 89)
    later = candles([6090.0], "21:08:00")
    assert found(pl.concat([first, later]), "SMA_90") == [(utc("21:10:00"), 6001.0)]


def test_vwap_is_of_lots_since_the_open_and_read_at_the_end_of_a_bar():
    # (6000 * 1 + 6003 * 2) / 3 = 6002 at 09:30:05; with 6010 * 1 in bar 09:31:00: 24016 / 4 = 6004
    tape = trades([("09:29:59", 5000.0), ("09:30:00", 6000.0), ("09:30:04.9", 6003.0), ("09:31:00", 6010.0), ("16:00:00", 9000.0)])  # fmt: skip
    sized = tape.with_columns(size=pl.Series([50, 1, 2, 1, 9]))
    assert found(sized, "VWAP") == [(utc("09:30:05"), 6002.0), (utc("09:31:05"), 6004.0)]


def wild(seed, count=3000, start="18:00:00", spread=20 * SECOND):
    """A walk on the tick grid with prints of every size at odd moments."""
    rng = np.random.default_rng(seed)
    at = ns(start) + np.cumsum(rng.integers(1, 2 * spread, count))
    price = 6000 + np.cumsum(rng.integers(-3, 4, count)) / 4
    frame = pl.DataFrame({"ts": at, "price": price, "size": rng.integers(1, 30, count)})
    return frame.with_columns(pl.col("ts").cast(NS)).filter(pl.col("ts").cast(pl.Int64) < ns("17:00:00"))


@pytest.mark.parametrize("seed", [0, 1])
def test_averages_against_a_loop(seed):
    tape = wild(seed)
    closes, lots, paid, averages, vwap = {}, 0, 0.0, {}, {}
    for at, price, size in tape.with_columns(pl.col("ts").cast(pl.Int64)).rows():
        closes[at // (2 * MINUTE)] = price
        if ns("09:30:00") <= at < ns("16:00:00"):
            lots, paid = lots + size, paid + price * size
            vwap[(at // (5 * SECOND) + 1) * 5 * SECOND] = paid / lots
    seen, ema = [], None
    for slot, close in closes.items():
        seen.append(close)
        if len(seen) == 20:
            ema = sum(seen) / 20
        elif ema is not None:
            ema = 2 / 21 * close + 19 / 21 * ema
        end = (slot + 1) * 2 * MINUTE
        averages[end] = (sum(seen[-90:]) / 90 if len(seen) >= 90 else None, ema if len(seen) >= 100 else None)
    wanted = {
        "SMA_90": {end: sma for end, (sma, _) in averages.items() if sma is not None},
        "EMA_20": {end: ema for end, (_, ema) in averages.items() if ema is not None},
        "VWAP": vwap,
    }
    made = levels.levels(tape, NO_PRICES, "ESU5", DAY)
    for kind, values in wanted.items():
        mine = made.filter(pl.col("level_kind") == kind)
        assert mine["known_ts"].cast(pl.Int64).to_list() == list(values)
        assert mine["price"].to_list() == pytest.approx(list(values.values()), abs=2e-9)
        assert len(values) > 150


# --- extremes of the session -----------------------------------------------------------------------------------------


def test_an_extreme_must_stand_for_five_minutes_and_ends_when_it_is_passed():
    # high 6000 of bar 09:30:00 is passed before it is old; 6001 of bar 09:33:00 is old at 09:38:05, met again at
    # 09:40, which renews nothing, and passed in the bar that ends at 09:41:10; 6002 is old five minutes later.
    # The low, 6000, is old at 09:35:05 and stays.
    tape = trades([
        ("09:30:02", 6000.0), ("09:33:00", 6001.0), ("09:40:00", 6001.0), ("09:41:07", 6002.0),
    ])  # fmt: skip
    assert found(tape, "SESSION_HIGH") == [
        (utc("09:38:05"), 6001.0), (utc("09:41:10"), None), (utc("09:46:10"), 6002.0),
    ]  # fmt: skip
    assert found(tape, "SESSION_LOW") == [(utc("09:35:05"), 6000.0)]


@pytest.mark.parametrize(
    ("passes", "rows"), [("09:38:04", 1), ("09:38:05", 3)]
)  # old at 09:38:05: passed in the bar before, it never was one; in that bar, it was for five seconds
def test_an_extreme_that_is_passed_as_it_comes_of_age(passes, rows):
    tape = trades([("09:30:02", 6000.0), ("09:33:00", 6001.0), (passes, 6005.0)])
    assert len(found(tape, "SESSION_HIGH")) == rows


def test_extremes_of_the_session_are_of_the_cash_session():
    tape = trades([("09:29:59", 7000.0), ("09:30:00", 6000.0), ("16:00:00", 7000.0)])
    assert found(tape, "SESSION_HIGH") == [(utc("09:35:05"), 6000.0)]


def test_minutes_without_data_age_an_extreme_and_hold_the_rest():
    # nothing between 09:31 and 09:50: the extremes come of age, VWAP stands, and nothing is made up
    tape = trades([("09:31:00", 6000.0), ("09:50:00", 6004.0)])
    assert found(tape, "SESSION_HIGH") == [
        (utc("09:36:05"), 6000.0), (utc("09:50:05"), None), (utc("09:55:05"), 6004.0),
    ]  # fmt: skip
    assert found(tape, "VWAP") == [(utc("09:31:05"), 6000.0), (utc("09:50:05"), 6002.0)]


# --- other sessions --------------------------------------------------------------------------------------------------

BEFORE = dt.date(2025, 6, 11)
YESTERDAY = [
    ("09:29:59.9", 7000.0), ("09:30:00", 5980.0), ("12:00:00", 6010.0), ("15:59:59.9", 5995.0), ("16:00:00", 5000.0),
]  # fmt: skip


def day_before(rows=YESTERDAY, day=BEFORE):
    return trades([]).clear().vstack(
        trades(rows).with_columns(ts=pl.Series([ns(time, day) for time, _ in rows]).cast(NS))
    )  # fmt: skip


def quality(first, last, day=BEFORE):
    ends = pl.LazyFrame({"first_ts": [ns(first, day)], "last_ts": [ns(last, day)]})
    return ends.with_columns(pl.all().cast(NS))


def prior(tables, date=DAY):
    made = levels.levels(NO_TRADES, NO_PRICES, "ESU5", date, prior=levels.before(tables, date))
    return {
        kind: (known, price) for kind, known, price in made.select("level_kind", "known_ts", "price").rows()
    }


def test_the_session_before_gives_three_levels_known_at_its_close():
    close = utc("16:00:00", BEFORE)
    tables = {"trades": day_before().lazy(), "quality": quality("09:30:00", "16:00:00")}
    assert prior(tables) == {
        "PRIOR_HIGH": (close, 6010.0), "PRIOR_LOW": (close, 5980.0), "PRIOR_CLOSE": (close, 5995.0),
    }  # fmt: skip


@pytest.mark.parametrize("ends", [("09:30:01", "16:30:00"), ("04:00:00", "15:59:59")])
def test_a_session_that_was_not_seen_whole_gives_none(ends):
    assert prior({"trades": day_before().lazy(), "quality": quality(*ends)}) == {}
    assert prior({}) == {}


def test_a_session_seen_whole_without_a_trade_gives_none():
    tables = {"trades": NO_TRADES.lazy(), "quality": quality("04:00:00", "17:00:00")}
    assert prior(tables) == {}


def test_across_a_roll_the_new_contracts_own_records_count():
    # bronze: a quote at either end says that it was seen whole; prints without a price or a size are none
    none = 2**63 - 1
    rows = [
        ("04:00:00", "A", 1_000_000_000_000, 5), ("09:31:00", "T", 6_030_250_000_000, 2), ("10:00:00", "T", none, 2),
        ("10:01:00", "T", 6_900_000_000_000, 0), ("11:00:00", "T", 6_020_000_000_000, 1), ("16:59:59", "C", none, 5),
    ]  # fmt: skip
    full = [(ns(time, BEFORE), action, price, size) for time, action, price, size in rows]
    names = {"ts_event": pl.Int64, "action": pl.String, "price": pl.Int64, "size": pl.UInt32}
    records = pl.DataFrame(full, names, orient="row").with_columns(pl.col("ts_event").cast(NS)).lazy()
    known = utc("16:00:00", BEFORE)
    assert prior({"mbp_10": records}) == {
        "PRIOR_HIGH": (known, 6030.25), "PRIOR_LOW": (known, 6020.0), "PRIOR_CLOSE": (known, 6020.0),
    }  # fmt: skip


def test_a_half_day_closes_early():
    # 2025-07-03 closes at 13:00; 2025-07-07 looks back on it, over the holiday and the weekend
    half, after = dt.date(2025, 7, 3), dt.date(2025, 7, 7)
    rows = [("12:59:59.9", 6001.0), ("13:00:00", 6100.0)]
    tables = {"trades": day_before(rows, half).lazy(), "quality": quality("04:00:00", "13:00:00", half)}
    assert prior(tables, after)["PRIOR_CLOSE"] == (utc("13:00:00", half), 6001.0)
    made = levels.levels(day_before(rows, half), NO_PRICES, "ESU5", half)
    assert made.filter(pl.col("level_kind") == "VWAP")["price"].to_list() == [6001.0]


def test_the_overnight_range_needs_the_evening():
    tape = trades([("18:00:00", 6100.0), ("23:00:00", 5900.0), ("09:29:59", 6000.0), ("09:30:00", 7000.0)])
    assert found(tape, "OVERNIGHT_HIGH", evening=True) == [(utc("09:30:00"), 6100.0)]
    assert found(tape, "OVERNIGHT_LOW", evening=True) == [(utc("09:30:00"), 5900.0)]
    assert found(tape, "OVERNIGHT_HIGH", evening=False) == []


# --- placebos --------------------------------------------------------------------------------------------------------


def both(tape, prices=NO_PRICES, **options):
    real = levels.levels(tape, prices, "ESU5", DAY, evening=True, **options)
    return real, levels.placebos(real, "ES", 0.25)


def test_a_placebo_lies_three_to_fifteen_points_away_in_whole_ticks():
    real, fake = both(wild(2), custom((6000.1, None)))
    assert fake.schema == pl.Schema(LEVELS.schema) and fake["is_placebo"].all()
    twins = real.join(fake.with_columns(of=pl.col("level_id").str.slice(0, pl.col("level_id").str.len_chars() - 3)),
                      left_on=["level_id", "known_ts"], right_on=["of", "known_ts"])  # fmt: skip
    assert len(twins) == 2 * len(real), "one above and one below each value"
    away = twins.select(away=(pl.col("price_right") - pl.col("price")).round(9), up=pl.col("level_id_right").str.ends_with("/p+")).drop_nulls()  # fmt: skip
    assert (away["away"].abs().is_between(3, 15) & ((away["away"] > 0) == away["up"])).all()
    assert ((away["away"] * 4).round(6) % 1 == 0).all()
    assert away["away"].n_unique() > 15
    moving = twins.filter(pl.col("level_kind").is_in(AVERAGES)).with_columns(away=(pl.col("price_right") - pl.col("price")).round(9))  # fmt: skip
    assert (moving.group_by("level_id_right").agg(pl.col("away").n_unique())["away"] == 1).all()


def in_force(real, at):
    """Prices of real levels known by an instant, the user's left out."""
    last = real.filter(pl.col("known_ts") <= at, pl.col("level_kind") != "CUSTOM").sort("known_ts")
    return last.group_by("level_id").last()["price"].drop_nulls().to_list()


@pytest.mark.parametrize("seed", range(4))
def test_a_placebo_keeps_two_points_from_what_was_known_then(seed):
    real, fake = both(wild(seed, 4000))
    drawn = fake.filter(~pl.col("level_kind").is_in(AVERAGES)).drop_nulls("price")
    assert len(drawn) > 12
    for price, known in drawn.select("price", "known_ts").rows():
        assert min(abs(price - other) for other in in_force(real, known)) >= 2


def fixed(*rows):
    """silver.levels of (kind, price, known time)."""
    full = [
        (f"ESU5/{DAY}/{kind}", kind, price, ns(known), ns("17:00:00"), False) for kind, price, known in rows
    ]
    raw = {name: pl.Int64() if dtype == NS else dtype for name, dtype in LEVELS.schema.items()}
    return pl.DataFrame(full, raw, orient="row").cast(LEVELS.schema)


def price_of(frame, name):
    return frame.filter(pl.col("level_id").str.ends_with(name))["price"].item()


def test_a_placebo_is_drawn_again_beside_a_known_level_and_not_beside_a_later_one():
    first = price_of(levels.placebos(fixed(("PM_HIGH", 6000.0, "09:30:00")), "ES", 0.25), "PM_HIGH/p+")
    for away, known, kept in ((1.75, "09:30:00", False), (2.0, "09:30:00", True), (0.0, "09:30:01", True)):
        real = fixed(("PM_HIGH", 6000.0, "09:30:00"), ("OR_HIGH", first + away, known))
        assert (price_of(levels.placebos(real, "ES", 0.25), "PM_HIGH/p+") == first) is kept
    mine = fixed(("PM_HIGH", 6000.0, "09:30:00"), ("CUSTOM", first, "09:30:00"))
    assert price_of(levels.placebos(mine, "ES", 0.25), "PM_HIGH/p+") == first, "a price of the user's"


def test_a_placebo_depends_on_product_date_kind_and_sign():
    real = fixed(("PM_HIGH", 6000.0, "09:30:00"), ("PM_LOW", 5000.0, "09:30:00"))
    here, there = levels.placebos(real, "ES", 0.25), levels.placebos(real, "NQ", 0.25)
    other = real.with_columns(pl.col("level_id").str.replace(str(DAY), "2025-06-13"))
    later = levels.placebos(other, "ES", 0.25)
    prices = [tuple(frame["price"]) for frame in (here, there, later)]
    assert len(set(prices)) == 3
    assert here.equals(levels.placebos(real, "ES", 0.25))


# --- laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["03:00:00", "09:30:00", "09:41:07", "10:00:00", "12:34:56.7", "16:20:00"])
def test_cutting_the_tape_changes_no_level_and_no_placebo_known_by_then(cut):
    tape, prices = wild(5, 5000), custom((6000.0, None), (6003.0, "10:30:00"))
    known = pl.col("known_ts").cast(pl.Int64) <= ns(cut)
    whole, part = (both(each, prices) for each in (tape, tape.filter(pl.col("ts").cast(pl.Int64) < ns(cut))))
    for now, then in zip(whole, part, strict=True):
        assert now.filter(known).equals(then.filter(known))
    assert len(whole[0].filter(known)) > 0


def test_a_reflected_tape_gives_reflected_levels():
    tape = wild(6, 5000)
    back = tape.with_columns(price=12000.0 - pl.col("price"))
    before = {"trades": day_before().lazy(), "quality": quality("04:00:00", "17:00:00")}
    turned = before | {"trades": before["trades"].with_columns(price=12000.0 - pl.col("price"))}
    one, two = (
        levels.levels(each, NO_PRICES, "ESU5", DAY, prior=levels.before(tables, DAY), evening=True)
        for each, tables in ((tape, before), (back, turned))
    )
    swapped = (
        pl.col("level_kind").str.replace("HIGH", "low").str.replace("LOW", "HIGH").str.replace("low", "LOW")
    )
    units = (pl.col("price") * 1e9).round().cast(pl.Int64)
    key = ("level_kind", "known_ts")
    here = one.select(level_kind=swapped, known_ts="known_ts", units=12000 * 10**9 - units).sort(key)
    assert here.equals(two.select("level_kind", "known_ts", units=units).sort(key))
    assert set(one["level_kind"]) > set(MOVING)


def test_a_level_added_changes_no_other():
    tape = wild(7)
    one, two = (
        pl.concat(both(tape, prices)) for prices in (NO_PRICES, custom((6001.0, None), (6002.25, None)))
    )
    assert two.filter(pl.col("level_kind") != "CUSTOM").equals(one)
