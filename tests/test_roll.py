"""The whole way across a roll: the session before of a contract that was not front then."""

import datetime as dt

import polars as pl
import pytest

from warehouse import session, store
from warehouse.build import build
from warehouse.request import Request
from warehouse.simulate import market

BEFORE, ROLL = dt.date(2025, 6, 13), dt.date(2025, 6, 16)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roll")
    for date, hours in ((BEFORE, (dt.time(9, 29), dt.time(16, 1))), (ROLL, (dt.time(9, 29), dt.time(9, 50)))):
        market.simulate(folder / "raw", [date], hours=hours, rate_scale=0.003, seed=4)
    report = build(Request(folder, f"{BEFORE}:{ROLL}", workers=1), lambda *_: None)
    assert not report.errors
    return folder


def test_levels_of_the_session_before_are_of_the_same_contract(root):
    found = pl.read_parquet(store.partition(root, "silver.levels", symbol="SIMU5", date=ROLL).path)
    real = found.filter(~pl.col("is_placebo"), pl.col("level_kind").str.starts_with("PRIOR"))
    tape = pl.read_parquet(store.partition(root, "bronze.mbp_10", symbol="SIMU5", date=BEFORE).path)
    start, close = session.window(BEFORE, session.RTH)
    inside = pl.col("ts_event").cast(pl.Int64).is_between(start, close, closed="left")
    prices = tape.filter(inside, pl.col("action") == "T")["price"] / 1e9
    assert dict(real.select("level_kind", "price").rows()) == {
        "PRIOR_HIGH": prices.max(), "PRIOR_LOW": prices.min(), "PRIOR_CLOSE": prices[-1],
    }  # fmt: skip
    assert real["known_ts"].cast(pl.Int64).unique().to_list() == [close]
    old = pl.read_parquet(store.partition(root, "silver.trades", symbol="SIMM5", date=BEFORE).path)
    assert abs(old["price"].max() - prices.max()) > 10, "the contract that was front trades elsewhere"
