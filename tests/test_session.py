"""The calendar, against dates and offsets written out by hand."""

import datetime as dt

import pytest

from warehouse import session
from warehouse.errors import QuestionError

D, T = dt.date, dt.time


def utc(text: str) -> int:
    return int(dt.datetime.fromisoformat(text + "+00:00").timestamp()) * 10**9


@pytest.mark.parametrize(
    ("day", "open_utc", "start_utc"),
    [
        (D(2025, 3, 7), "2025-03-07 14:30", "2025-03-06 23:00"),  # EST, UTC-5
        (D(2025, 3, 10), "2025-03-10 13:30", "2025-03-09 22:00"),  # clocks went forward at 02:00 on the 9th
        (D(2025, 10, 31), "2025-10-31 13:30", "2025-10-30 22:00"),  # EDT, UTC-4
        (D(2025, 11, 3), "2025-11-03 14:30", "2025-11-02 23:00"),  # clocks went back at 02:00 on the 2nd
    ],
)
def test_both_sides_of_dst(day, open_utc, start_utc):
    assert session.at(day, T(9, 30)) == utc(open_utc)
    assert session.window(day, session.OPENING_RANGE) == (utc(open_utc), utc(open_utc) + 900 * 10**9)
    start, end = session.bounds(day)
    assert start == utc(start_utc)
    assert end - start == 23 * 3600 * 10**9
    assert session.bucket(utc(open_utc)) == 114  # 9.5 h * 12
    assert session.bucket(utc(open_utc) - 1) == 113


def test_82_sessions_in_the_summer_of_2025():
    days = session.sessions(D(2025, 6, 4), D(2025, 9, 30))
    assert len(days) == 82
    assert not {D(2025, 6, 19), D(2025, 7, 4), D(2025, 9, 1)} & set(days)


@pytest.mark.parametrize(("year", "count"), [(2023, 250), (2024, 252), (2025, 250), (2026, 251)])
def test_trading_days_of_the_nyse_by_year(year, count):
    assert len(session.sessions(D(year, 1, 1), D(year, 12, 31))) == count


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (D(2023, 12, 25), "Christmas"),
        (D(2025, 1, 9), "a national day of mourning"),
        (D(2025, 4, 18), "Good Friday"),
        (D(2026, 7, 3), "Independence Day"),
        (D(2025, 6, 7), "a weekend"),
        (D(2022, 6, 7), "the calendar covers 2023-01-01 to 2026-12-31"),
        (D(2023, 12, 26), None),
        (D(2026, 7, 2), None),
    ],
)
def test_why_a_date_is_no_session(day, reason):
    assert session.explain(day) == reason
    assert session.is_session(day) == (reason is None)


def test_holidays_and_half_days_are_weekdays_and_apart():
    assert all(day.weekday() < 5 for day in session.HOLIDAYS)
    assert all(session.is_session(day) for day in session.HALF_DAYS)


def test_a_half_day_closes_early():
    day = D(2025, 7, 3)  # EDT
    assert session.is_half_day(day)
    assert session.bounds(day)[1] == utc("2025-07-03 17:15")
    assert session.window(day, session.RTH) == (utc("2025-07-03 13:30"), utc("2025-07-03 17:00"))
    assert session.window(day, session.SETUP_WINDOW)[1] == utc("2025-07-03 16:30")
    late = session.window(day, session.Window(T(14), T(15)))
    assert late[0] == late[1]
    assert session.bounds(D(2025, 7, 2))[1] == utc("2025-07-02 21:00")


def test_evening_times_lie_on_the_day_before():
    evening = session.Window(T(18), T(19))
    assert session.window(D(2023, 12, 26), evening) == (utc("2023-12-25 23:00"), utc("2023-12-26 00:00"))
    overnight = session.Window(T(18), T(9, 30))
    assert session.window(D(2025, 6, 5), overnight) == (utc("2025-06-04 22:00"), utc("2025-06-05 13:30"))
    with pytest.raises(QuestionError, match="12:30-09:30 ends before"):
        session.window(D(2025, 6, 5), session.Window(T(12, 30), T(9, 30)))


def test_trading_dates_of_instants():
    assert session.trading_date(utc("2025-06-04 20:59:59")) == D(2025, 6, 4)
    assert session.trading_date(utc("2025-06-04 21:30")) == D(2025, 6, 5)  # 17:30: waits for the next
    assert session.trading_date(utc("2025-06-04 22:00")) == D(2025, 6, 5)
    assert session.trading_date(utc("2025-06-05 03:00")) == D(2025, 6, 5)
    assert session.trading_date(utc("2025-06-08 22:00")) == D(2025, 6, 9)  # Sunday evening
    assert session.utc_dates(D(2025, 6, 9)) == [D(2025, 6, 8), D(2025, 6, 9)]


def test_previous_sessions_step_over_holidays():
    assert session.previous(D(2025, 6, 20), 2) == [D(2025, 6, 17), D(2025, 6, 18)]
    assert session.previous(D(2023, 1, 4), 7) == [D(2023, 1, 3)]


def test_symbols():
    assert session.parse_outright("ESU5") == session.Outright("ES", "U", 2025)
    assert session.parse_outright("SIMM5") == session.Outright("SIM", "M", 2025)
    assert session.parse_outright("ESH26") == session.Outright("ES", "H", 2026)
    for other in ("ESH4-ESM4", "EW4Z5 C6000", "UD:1V: VT 2", "ES", "U5", ""):
        assert session.parse_outright(other) is None
    assert session.next_quarterly("ESM5") == "ESU5"
    assert session.next_quarterly("ESZ9") == "ESH0"
    with pytest.raises(QuestionError, match="CLF6 is no quarterly"):
        session.next_quarterly("CLF6")


@pytest.mark.parametrize(
    ("day", "front"),
    [
        (D(2025, 6, 4), "ESM5"),
        (D(2025, 6, 13), "ESM5"),
        (D(2025, 6, 16), "ESU5"),
        (D(2025, 9, 12), "ESU5"),
        (D(2025, 9, 15), "ESZ5"),
        (D(2025, 12, 15), "ESH6"),
        (D(2023, 12, 26), "ESH4"),
        (D(2024, 3, 11), "ESM4"),  # 2024-03-15 is the third Friday
    ],
)
def test_calendar_front(day, front):
    assert session.calendar_front("ES", day) == front
