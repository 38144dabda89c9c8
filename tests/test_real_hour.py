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
    assert part(root, "gold.outcomes").height == setups.height * 6 * 3


def test_an_answer(root):
    words = ("--level", "4810", "--ts", "2023-12-25T18:48:00", "--same-day")
    data = json.loads(call(root, "similar", *words, "--json"))
    assert data["question"]["symbol"] == "ESH4"
    assert data["question"]["date"] == "2023-12-26"
    assert len(data["pressure"]) == 9
    asked = data["question"]["known_ts"]
    assert data["neighbours"] and all(near["trigger_ts"] < asked for near in data["neighbours"])
    assert "4,810.00" in call(root, "similar", *words)


def test_the_hour_is_counted_as_published(root):
    """46,097 events; 9,848 lots traded with an aggressor and 44 without; 7 fills of orders never seen."""
    quality, trades = part(root, "silver.quality"), part(root, "silver.trades")
    assert quality.select("events", "late_cnt", "unknown_order_cnt").row(0) == (46_097, 0, 7)
    by_side = dict(trades.group_by(pl.col("side") == "N").agg(pl.col("size").sum()).iter_rows())
    assert by_side == {False: 9_848, True: 44}


def test_depth_changes_by_what_was_added_pulled_and_filled_alone(root):
    known = part(root, "silver.ladder").filter(pl.col("seen_frac") == 1).drop_nulls(("qty", "qty_open"))
    change = pl.col("qty") - pl.col("qty_open")
    assert known.height > 50_000
    assert known.filter(change != pl.col("add") - pl.col("pull") - pl.col("fill")).is_empty()


def test_without_a_past_the_card_leans_on_nothing(root):
    """Another date is asked for, and there is none: no neighbours, and odds that say what they are."""
    data = json.loads(call(root, "similar", "--level", "4810", "--ts", "2023-12-25T18:56:00", "--json"))
    assert data["neighbours"] == [] and data["abstained"]
    assert any("geometry alone" in note for note in data["notes"])
    for shares in data["outcomes"].values():
        assert sum(share["p"] for share in shares.values()) == pytest.approx(1)
        assert all(share["lo"] <= share["p"] <= share["hi"] for share in shares.values())


def test_a_null_of_a_frame_says_that_the_past_is_missing_not_the_book(root):
    frame = json.loads(call(root, "physics", "--level", "4810", "--ts", "2023-12-25T18:30:00", "--json"))
    assert min(frame["cube"]["cov"]) == 1
    assert frame["story"] is None and frame["nulls"]["story"] == "no_profile"
    assert frame["nulls"]["wall.j"] == "no_profile"
