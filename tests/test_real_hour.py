"""An hour of real ES orders, from the file to an answer."""

import datetime as dt
import json

import polars as pl
import pytest
import real
from typer.testing import CliRunner

import cli
from warehouse import session, store

ES = real.FOLDER / "es"
LEVELS = ",".join(str(price) for price in range(4803, 4812))

pytestmark = pytest.mark.skipif(not ES.is_dir(), reason="no real ES order flow: set WAREHOUSE_TEST_DBN")


def call(root, *words):
    found = CliRunner().invoke(cli.app, ["--root", str(root), *map(str, words)])
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("es")
    words = ("--dates", "2023-12-26", "--levels", LEVELS, "--setup-window", "18:00-19:00")
    call(folder, "build", "--raw", ES, *words)
    return folder


def part(root, table):
    return pl.read_parquet(store.partition(root, table, symbol="ESH4", date="2023-12-26").path)


def test_the_ladder_shows_more_than_ten_levels(root):
    quality = part(root, "silver.quality").row(0, named=True)
    assert (quality["source"], quality["records"], quality["evening"]) == ("mbo", 59_142, True)
    assert quality["residual_frac"] == 0
    book, ladder = part(root, "silver.book"), part(root, "silver.ladder")
    asks = ladder.filter(pl.col("side") == "A").join(book.select("bar_ts", "ask_px_00"), on="bar_ts")
    assert asks.select((pl.col("price") - pl.col("ask_px_00")).max()).item() > 9 * 0.25


def test_setups_at_the_users_prices(root):
    setups = part(root, "gold.setups")
    start, end = session.window(dt.date(2023, 12, 26), session.Window(dt.time(18), dt.time(19)))
    assert setups.height >= 5
    assert set(setups["level_kind"]) == {"CUSTOM"}
    assert setups["trigger_ts"].cast(pl.Int64).is_between(start, end - 5 * 10**9).all()
    assert part(root, "gold.outcomes").height == setups.height * 5 * 3


def test_an_answer(root):
    words = ("--level", "4810", "--ts", "2023-12-25T18:30:00", "--same-day")
    data = json.loads(call(root, "similar", *words, "--json"))
    assert data["question"]["symbol"] == "ESH4"
    assert data["question"]["date"] == "2023-12-26"
    assert len(data["pressure"]) == 9
    asked = data["question"]["known_ts"]
    assert data["neighbours"] and all(near["trigger_ts"] < asked for near in data["neighbours"])
    assert "4,810.00" in call(root, "similar", *words)
