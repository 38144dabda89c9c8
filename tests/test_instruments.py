import datetime as dt

import numpy as np
import pytest
import tapes

from warehouse.instruments import TICKS, Directory, Instrument, Listing, listings, resolve, symbol

DAYS = (dt.date(2025, 6, 4), dt.date(2025, 6, 6))


def test_names_have_one_digit_of_the_year():
    assert [symbol(raw) for raw in ("ESU5", "ESU25", "ESU5-ESZ5", "ESU5 C6000", "NVDA", "")] == [
        "ESU5", "ESU5", None, None, None, None,
    ]  # fmt: skip


def test_definitions_are_told_once_each():
    told = [tapes.definition("SIMM5", at_=f"2025-06-0{day}T0{hour}:00") for day in (4, 5) for hour in (0, 1)]
    assert sorted(listings(np.concatenate(told))) == [
        Listing("2025-06-04", 5, "SIMM5", "F", tapes.TICK),
        Listing("2025-06-05", 5, "SIMM5", "F", tapes.TICK),
    ]


@pytest.mark.parametrize(
    ("day", "tick"),
    [("2025-05-01", 1), ("2025-06-01", 1), ("2025-06-09", 1), ("2025-06-10", 2), ("2025-07-01", 3)],
)
def test_a_definition_holds_until_the_next_and_the_first_also_before(day, tick):
    days = {"2025-06-01": 1, "2025-06-10": 2, "2025-06-20": 3}
    told = [Listing(date, 5, "SIMM5", "F", tick) for date, tick in days.items()]
    assert Directory(told).of_number(5, day).tick == tick
    assert Directory(told[::-1]).of_symbol("SIMM25", day).tick == tick


def test_numbers_that_change_hands_are_mapped_by_date():
    told = [Listing("2025-06-01", 5, "SIMM5", "F", 1), Listing("2025-06-05", 5, "SIMU5", "F", 1)]
    middle = dt.date(2025, 6, 5)
    assert Directory(told).mappings(*DAYS) == {
        "SIMM5": ((DAYS[0], middle, 5),),
        "SIMU5": ((middle, DAYS[1], 5),),
    }


@pytest.mark.parametrize(
    ("name", "told", "found"),
    [
        ("ESU5", None, Instrument(5, "2025-06-04", "2025-06-06", "ESU5", 250_000_000)),
        ("YMU25", None, Instrument(5, "2025-06-04", "2025-06-06", "YMU5", 1_000_000_000)),
        ("ESU5", ("ESU5", "F", 7), Instrument(5, "2025-06-04", "2025-06-06", "ESU5", 7)),
        ("ESU5", ("ESU5", "F", 2**63 - 1), Instrument(5, "2025-06-04", "2025-06-06", "ESU5", 250_000_000)),
        ("ES.v.0", ("ESU5", "F", 7), Instrument(5, "2025-06-04", "2025-06-06", "ESU5", 7)),
        ("XYZU5", None, "future of unknown tick size (land its definition)"),
        ("ESU5-ESZ5", None, "spread"),
        ("ES.FUT", ("ESU5-ESZ5", "S", 7), "spread"),
        ("ESU5 P6000", None, "option"),
        ("NVDA", ("NVDA", "K", 7), "instrument that is no future"),
        ("ES.v.0", None, "symbol that is no outright (land its definition)"),
    ],
)
def test_a_mapping_leads_to_an_outright_or_to_a_reason(name, told, found):
    directory = Directory([Listing("2025-06-04", 5, *told)] if told else [])
    assert resolve(name, (*DAYS, 5), directory) == found


def test_ticks_are_those_of_the_contract_specifications():
    points = {
        "ES": 0.25,
        "NQ": 0.25,
        "YM": 1,
        "RTY": 0.1,
        "MES": 0.25,
        "MNQ": 0.25,
        "MYM": 1,
        "M2K": 0.1,
        "SIM": 0.25,
    }
    assert {product: TICKS[product] / 1e9 for product in points} == points
