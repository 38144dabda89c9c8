"""Levels, the user's prices, the front contract and the volume profile, on tapes worked out on paper."""

import datetime as dt
import statistics

import polars as pl
import pytest
from moment_tape import DAY, NO_PRICES, NO_TRADES, custom, ns, trades, utc

from warehouse import moments, naming, pricelist, profiles, session
from warehouse.errors import QuestionError
from warehouse.schema import BOOK, FRONT_CONTRACT, LADDER, LEVELS, MOVING, VOLUME_PROFILE

TAPE = [
    ("03:59:59.999999999", 6100.0),  # before the premarket
    ("04:00:00", 6010.0),
    ("09:29:59.999999999", 5990.0),
    ("09:30:00", 6020.0),  # right-open: the opening range's
    ("09:44:59.999999999", 5980.0),
    ("09:45:00", 6200.0),  # after it
]


def named(frame):
    """Levels of one price for the date, by kind."""
    fixed = frame.filter(~pl.col("level_kind").is_in(MOVING))
    return {row["level_kind"]: row for row in fixed.iter_rows(named=True)}


def test_windows_are_right_open_and_tell_when_a_level_is_known():
    frame = moments.levels(trades(TAPE), NO_PRICES, "ESU5", DAY)
    assert frame.schema == pl.Schema(LEVELS.schema)
    found = named(frame)
    prices = {kind: row["price"] for kind, row in found.items()}
    assert prices == {
        "PM_HIGH": 6010.0, "PM_LOW": 5990.0, "OR_HIGH": 6020.0, "OR_LOW": 5980.0,
        "OR30_HIGH": 6200.0, "OR30_LOW": 5980.0,
    }  # fmt: skip
    assert found["OR30_LOW"]["known_ts"] == utc("10:00:00")
    assert found["PM_LOW"]["known_ts"] == utc("09:30:00")
    assert found["OR_HIGH"]["known_ts"] == utc("09:45:00")
    assert found["OR_HIGH"]["level_id"] == "ESU5/2025-06-12/OR_HIGH"
    assert {row["valid_to"] for row in found.values()} == {utc("17:00:00")}
    assert not frame["is_placebo"].any()


def test_a_window_without_a_trade_gives_no_level():
    opening = named(moments.levels(trades(TAPE[3:5]), NO_PRICES, "ESU5", DAY))
    assert set(opening) == {"OR_HIGH", "OR_LOW", "OR30_HIGH", "OR30_LOW"}
    late = named(moments.levels(trades(TAPE[5:]), NO_PRICES, "ESU5", DAY))
    assert set(late) == {"OR30_HIGH", "OR30_LOW"}, "no trade in the first fifteen minutes"
    assert moments.levels(NO_TRADES, NO_PRICES, "ESU5", DAY).schema == pl.Schema(LEVELS.schema)
    one = named(moments.levels(trades(TAPE[1:2]), NO_PRICES, "ESU5", DAY))
    assert one["PM_HIGH"]["price"] == one["PM_LOW"]["price"] == 6010.0


def test_trades_of_every_side_count():
    sides = trades(TAPE[1:3]).with_columns(side=pl.Series(["A", "B"]))
    assert named(moments.levels(sides, NO_PRICES, "ESU5", DAY))["PM_HIGH"]["price"] == 6010.0


@pytest.mark.parametrize("cut", ["09:30:00", "09:40:00", "09:45:00", "12:00:00"])
def test_cutting_the_tape_changes_no_level_known_by_then(cut):
    prices = custom((6001.0, None), (6002.0, "09:41:00"))
    full = moments.levels(trades(TAPE), prices, "ESU5", DAY)
    short = moments.levels(trades([row for row in TAPE if row[0] < cut]), prices, "ESU5", DAY)
    by_then = pl.col("known_ts").cast(pl.Int64) <= ns(cut)
    assert short.filter(by_then).equals(full.filter(by_then))


def test_the_users_prices_are_known_from_the_windows_start_or_as_told():
    prices = custom((4810.0, None), (4808.25, "10:30:00"), (4810.0, "08:00:00"))
    frame = moments.levels(NO_TRADES, prices, "ESH4", DAY)
    assert frame.select("level_id", "price", "known_ts").rows() == [
        # the same price twice is one level, from when it was first known
        ("ESH4/2025-06-12/CUSTOM/4808.25", 4808.25, utc("10:30:00")),
        ("ESH4/2025-06-12/CUSTOM/4810", 4810.0, utc("08:00:00")),
    ]
    evening = session.Window(dt.time(18), dt.time(19))
    frame = moments.levels(NO_TRADES, custom((4810.0, None)), "ESH4", DAY, evening)
    assert frame["known_ts"].to_list() == [utc("18:00:00")] == [dt.datetime(2025, 6, 11, 22)]  # noqa: DTZ001


def test_a_price_off_the_tick_grid_or_far_away_is_taken_as_it_is():
    frame = moments.levels(NO_TRADES, custom((4810.1, None), (0.01, None)), "ESH4", DAY)
    assert frame["level_id"].to_list() == ["ESH4/2025-06-12/CUSTOM/0.01", "ESH4/2025-06-12/CUSTOM/4810.1"]


def test_a_half_day_ends_levels_early():
    day = dt.date(2025, 7, 3)
    frame = moments.levels(NO_TRADES, custom((4810.0, None), (4811.0, "13:15:00")), "ESU5", day)
    assert frame.select("price", "valid_to").rows() == [(4810.0, utc("13:15:00", day))]


# --- the user's prices ---------------------------------------------------------------------------------------------


def test_a_price_is_read_as_the_card_prints_it():
    assert naming.price("6,025.00") == 6025.0 and naming.price("12,345") == 12345.0
    assert naming.price("6,02") is None and naming.price("PM_HIGH") is None


def test_prices_from_a_list():
    assert pricelist.read("4808, 4810.25").rows() == [(None, 4808.0, None), (None, 4810.25, None)]


def test_prices_from_a_file_and_back(tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("price,date,known\n4808,*,\n\n4810.25,2025-06-12,10:30\n")
    frame = pricelist.read(str(path))
    assert frame.rows() == [(None, 4808.0, None), (DAY, 4810.25, dt.time(10, 30))]
    assert pricelist.parse(pricelist.render(frame), "x").equals(frame)
    assert pricelist.parse("date,price\n*,1\n", "x").rows() == [(None, 1.0, None)]


def test_a_dated_price_counts_on_its_date():
    prices = pricelist.parse("date,price,known\n2025-06-11,1,\n2025-06-12,2,\n*,3,\n", "x")
    assert moments.levels(NO_TRADES, prices, "ESU5", DAY)["price"].to_list() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.csv row 1: the columns must be date, price, known, not "),
        ("date,prise\n", "x.csv row 1: the columns must be date, price, known, not date, prise"),
        (
            "date,price\n*,1\n*,48x8\n",
            "x.csv row 3, column price: '48x8' is no price: write index points such as 4810.25",
        ),
        (
            "date,price\n*,-1\n",
            "x.csv row 2, column price: '-1' is no price: write index points such as 4810.25",
        ),
        (
            "date,price\n*,nan\n",
            "x.csv row 2, column price: 'nan' is no price: write index points such as 4810.25",
        ),
        (
            "date,price\n12.6.25,1\n",
            "x.csv row 2, column date: '12.6.25' is no date: write 2025-06-12, or * for every date",
        ),
        (
            "date,price,known\n*,1,noon\n",
            "x.csv row 2, column known: 'noon' is no time: write New York time such as 10:30",
        ),
        (
            "date,price,known\n*,1,10:30Z\n",
            "x.csv row 2, column known: '10:30Z' carries an offset: write New York time such as 10:30",
        ),
        ("date,price\n*\n", "x.csv row 2: 1 columns, the header has 2"),
    ],
)
def test_a_bad_row_is_named(text, message):
    with pytest.raises(QuestionError) as caught:
        pricelist.parse(text, "x.csv")
    assert str(caught.value) == message


def test_a_bad_list_is_named(tmp_path):
    with pytest.raises(QuestionError, match=r"^--levels: '' is no price"):
        pricelist.read("4808,")
    with pytest.raises(QuestionError, match="is not there"):
        pricelist.read(str(tmp_path / "none.csv"))


# --- the front contract ----------------------------------------------------------------------------------------------


def records(*rows) -> pl.DataFrame:
    """Bronze records of 2025-06-11 from (symbol, time, action, size)."""
    day = dt.date(2025, 6, 11)
    full = [(symbol, ns(time, day), action, size) for symbol, time, action, size in rows]
    frame = pl.DataFrame(full, {"symbol": pl.String, "ts_event": pl.Int64, "action": pl.String, "size": pl.UInt32}, orient="row")  # fmt: skip
    return frame.with_columns(pl.col("ts_event").cast(pl.Datetime("ns")))


def test_yesterdays_cash_volume_names_the_front_contract():
    tape = records(
        ("ESM5", "09:30:00", "T", 5),
        ("ESU5", "15:59:59.9", "T", 4),
        ("ESU5", "16:00:00", "T", 90),  # after the close
        ("ESU5", "09:29:59", "T", 90),  # before the open
        ("ESU5", "12:00:00", "A", 90),  # no trade
    )
    frame = moments.front_contract("ES", DAY, tape)
    assert frame.schema == pl.Schema(FRONT_CONTRACT.schema)
    assert frame.rows() == [("ESM5", "volume", 5)]
    more = pl.concat([tape, records(("ESU5", "12:00:00", "T", 2))])
    assert moments.front_contract("ES", DAY, more).rows() == [("ESU5", "volume", 6)]


def test_without_yesterday_the_calendar_does_and_the_users_word_is_last():
    assert moments.front_contract("ES", DAY, []).rows() == [("ESM5", "calendar", None)]
    silent = records(("ESU5", "18:00:00", "T", 5))
    assert moments.front_contract("ES", DAY, silent).rows() == [("ESM5", "calendar", None)]
    assert moments.front_contract("ES", DAY, records(("ESU5", "10:00:00", "T", 5)), "ESZ5").rows() == [
        ("ESZ5", "user", None)
    ]
    assert moments.front_contract("ES", DAY, []).schema == pl.Schema(FRONT_CONTRACT.schema)


# --- the volume profile ----------------------------------------------------------------------------------------------


def bars(day: dt.date, rows) -> pl.DataFrame:
    """silver.book of (New York time, changed columns), the rest 0 or false, best prices 6000 and 6000.25."""
    usual = {c.name: False if c.dtype == pl.Boolean() else 0 for c in BOOK.columns} | {"bid_px_00": 6000.0, "ask_px_00": 6000.25}  # fmt: skip
    full = [{**usual, "bar_ts": ns(time, day), **changed} for time, changed in rows]
    raw = {**BOOK.schema, "bar_ts": pl.Int64()}
    return pl.DataFrame(full, raw).cast(BOOK.schema).with_columns(date=pl.lit(day))


def rungs(day: dt.date, rows) -> pl.DataFrame:
    """silver.ladder of (New York time, side, price, qty)."""
    full = [
        {"bar_ts": ns(time, day), "side": side, "price": price, "qty": qty} for time, side, price, qty in rows
    ]
    frame = pl.DataFrame(full, {"bar_ts": pl.Int64, "side": pl.String, "price": pl.Float64, "qty": pl.Int64})
    return frame.cast({"bar_ts": LADDER.schema["bar_ts"]}).with_columns(date=pl.lit(day))


RECENT, TWENTY = profiles.profile_dates(DAY)
NO_RUNGS = rungs(DAY, [])


def profile(book, ladder=NO_RUNGS):
    frame = profiles.volume_profile(DAY, book, ladder, 0.25)
    assert frame.schema == pl.Schema(VOLUME_PROFILE.schema)
    return {(bucket, metric): tuple(rest) for bucket, metric, *rest in frame.rows()}


def test_the_profile_rests_on_full_sessions_before_the_date():
    assert session.previous(DAY, 7) == RECENT
    recent, twenty = profiles.profile_dates(dt.date(2025, 7, 8))
    assert dt.date(2025, 7, 3) not in recent  # a half day
    assert dt.date(2025, 7, 3) in twenty
    assert [len(recent), len(twenty), max(recent)] == [7, 20, dt.date(2025, 7, 7)]


def test_medians_and_spreads_of_bar_values():
    # three sessions, two bars each in bucket 114 (09:30), one bar in 115
    values = [(1, 3), (5, 9), (2, 100)]
    frames = [
        bars(day, [("09:30:00", {"buy_vol": a}), ("09:34:55", {"buy_vol": b}), ("09:35:00", {"buy_vol": 7})])
        for day, (a, b) in zip(RECENT, values, strict=False)
    ]
    got = profile(pl.concat(frames))
    # sorted 1 2 3 5 9 100: median 4; deviations 3 2 1 1 5 96: sorted 1 1 2 3 5 96, median 2.5; mean 20
    assert got[114, "buy_vol"] == pytest.approx((4.0, 2.5, 20.0, statistics.pstdev([1, 2, 3, 5, 9, 100]), 3))
    assert got[115, "trade_vol"] == (7.0, 0.0, 7.0, 0.0, 3)
    two = profile(pl.concat(frames[:2]))
    assert two == {}  # fewer than three sessions


def test_the_date_itself_and_older_sessions_are_not_read():
    days = [TWENTY[0], *RECENT[:3], DAY]
    frames = [bars(day, [("10:00:00", {"sell_vol": 4})]) for day in days]
    steps = [rungs(day, [("10:00:00", "B", 6000.0, 4)]) for day in days]
    got = profile(pl.concat(frames), pl.concat(steps))
    assert got[120, "sell_vol"][4] == got[120, "size_00"][4] == 3


def test_the_evening_has_its_own_buckets():
    frames = [bars(day, [("18:00:00", {}), ("00:00:00", {})]) for day in RECENT[:3]]
    assert {bucket for bucket, _ in profile(pl.concat(frames))} == {216, 0}


def test_depth_is_of_the_ten_levels_and_null_without_that_side():
    ten = {f"bid_sz_{i:02}": i + 1 for i in range(10)}  # 55
    frames = [bars(day, [("09:30:00", {**ten, "ask_px_00": None})]) for day in RECENT[:3]]
    got = profile(pl.concat(frames))
    assert got[114, "bid10_qty"][0] == 55.0
    assert (114, "ask10_qty") not in got


def test_flow_is_of_three_points():
    near = {f"pull_ask_{band}": 10**k for k, band in enumerate(("p0_1", "p1_2", "p2_3", "p3_5", "p5_10"))}
    frames = [bars(day, [("09:30:00", near)]) for day in RECENT[:3]]
    assert profile(pl.concat(frames))[114, "pull_ask"][0] == 111.0


def test_size_by_distance_pools_the_sides():
    # per session: bid touch 6000 has 8, two ticks below seen empty; ask touch 6000.25 has 4, two ticks above unseen;
    # inside the spread nothing counts
    frames = [bars(day, [("09:30:00", {})]) for day in RECENT[:3]]
    steps = [
        rungs(day, [
            ("09:30:00", "B", 6000.0, 8), ("09:30:00", "B", 5999.5, 0), ("09:30:00", "A", 6000.25, 4),
            ("09:30:00", "A", 6000.75, None), ("09:30:00", "A", 6001.0, None), ("09:30:00", "B", 6000.25, 0),
        ])
        for day in RECENT[:3]
    ]  # fmt: skip
    got = profile(pl.concat(frames), pl.concat(steps))
    sizes = {metric: row for (_, metric), row in got.items() if metric.startswith("size_")}
    assert sizes == {"size_00": (6.0, 2.0, 6.0, 2.0, 3), "size_02": (0.0, 0.0, 0.0, 0.0, 3)}


def test_size_stops_at_eighty_ticks():
    frames = [bars(day, [("09:30:00", {})]) for day in RECENT[:3]]
    steps = [rungs(day, [("09:30:00", "B", 5980.0, 1), ("09:30:00", "A", 6020.5, 1)]) for day in RECENT[:3]]
    got = profile(pl.concat(frames), pl.concat(steps))
    assert {metric for _, metric in got if metric.startswith("size_")} == {"size_80"}


def test_mid_var_is_a_median_of_session_means():
    # mids of a session: 6000.125 before, then +1 and 0 points in bucket 114: mean square 0.5 k^2 for a step of k
    def day_of(day, k):
        best = {"bid_px_00": 6000.0 + k, "ask_px_00": 6000.25 + k}
        return bars(day, [("09:29:55", {}), ("09:30:00", best), ("09:30:05", best)])

    frames = [day_of(day, k) for day, k in zip(TWENTY, (1, 2, 3, 4, 5), strict=False)]
    got = profile(pl.concat(frames))
    means = [0.5, 2.0, 4.5, 8.0, 12.5]  # deviations from 4.5, sorted: 0 2.5 3.5 4 8
    assert got[114, "mid_var"] == pytest.approx(
        (4.5, 3.5, statistics.fmean(means), statistics.pstdev(means), 5)
    )
    assert (113, "mid_var") not in got  # a first bar has no move
    assert (114, "mid_var") not in profile(pl.concat(frames[:4]))


def test_mid_var_does_not_reach_across_a_reset():
    moved = {"bid_px_00": 6010.0, "ask_px_00": 6010.25}
    rows = [
        ("09:29:55", {}),
        ("09:30:00", {**moved, "meta_reset": True}),
        ("09:30:05", moved),
        ("09:30:10", moved),
    ]
    frames = [bars(day, rows) for day in TWENTY[:5]]
    assert profile(pl.concat(frames))[114, "mid_var"] == (0.0, 0.0, 0.0, 0.0, 5)


@pytest.mark.parametrize("word", ["1e300", "inf", "1000000", "-5", "0"])
def test_a_number_that_is_no_price(word):
    with pytest.raises(QuestionError, match=f"^--levels: '{word}' is no price"):
        pricelist.read(f"6000,{word}")
    assert pricelist.read("999999.99")["price"].to_list() == [999999.99]


@pytest.mark.parametrize("content", ["date,price\n*,4810 caf\xe9\n".encode("latin-1"), bytes(range(256))])
def test_a_file_that_is_no_text_is_named(tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(QuestionError) as error:
        pricelist.read(str(path))
    assert str(error.value).startswith(f"{path} is no CSV file in UTF-8")
    assert "\n" not in str(error.value)


def test_a_field_that_never_ends_is_no_row(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('date,price\n*,"' + "x" * 200_000)
    with pytest.raises(QuestionError, match=r"is no CSV file"):
        pricelist.read(str(path))
