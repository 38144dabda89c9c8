"""Two products in one root: each has its own scale, in the build, in an answer and in SQL."""

import datetime as dt
import shutil

import duckdb
import gold
import polars as pl
import pytest

from warehouse import database, fronts, graph, index, library, similar, steps, vectors
from warehouse.ledger import Ledger

DAYS = gold.dates(6)
WIDE = 50.0


def wide(date: dt.date) -> pl.DataFrame:
    """Setups of ES, of which one half of the slots spreads fifty times as far as SIM's."""
    own = gold.setups(date, 12, symbol="ESU5", seed=3)
    return own.with_columns(pl.col(slot) * WIDE for slot in gold.slots()[::2])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return gold.root(tmp_path_factory.mktemp("alone"), len(DAYS), 12)


@pytest.fixture(scope="module")
def both(alone, tmp_path_factory):
    root = shutil.copytree(alone, tmp_path_factory.mktemp("both") / "root")
    for date in DAYS:
        gold.day(root, date, "ESU5")
        gold.gold(root, date, wide(date), "ESU5")
    gold.scalers(root, DAYS)
    database.build(root)
    return root


@pytest.mark.parametrize("symbol", ["SIMU5", "ESU5"])
def test_an_answer_is_scaled_by_its_own_product_in_sql_too(both, symbol) -> None:
    mine = pl.col("symbol").eq(symbol) & pl.col("date").eq(DAYS[-1]) & (pl.col("level_kind") != "CUSTOM")
    rows = library.setups(both).filter(mine, ~pl.col("is_placebo"))
    setup = rows.with_columns(pl.col("known_ts").cast(pl.Int64)).row(0, named=True)
    card = similar.ask(both, setup["level_kind"], setup["known_ts"], k=5, contract=symbol)
    stored = library.setups(both, gold.slots())
    past = stored.filter(pl.col("symbol") == symbol, pl.col("date") < DAYS[-1], ~pl.col("is_placebo"))
    asked = stored.filter(pl.col("setup_id") == setup["setup_id"]).row(0, named=True)
    assert card.neighbours
    for near in card.neighbours:
        other = stored.filter(pl.col("setup_id") == near["setup_id"]).row(0, named=True)
        assert near["distance"] == pytest.approx(by_hand(past, asked, other), rel=1e-6)
    with duckdb.connect(str(both / database.FILE), read_only=True) as con:
        told = con.sql(f"FROM nearest('{setup['setup_id']}', k := 5)").pl()
    assert told["setup_id"].to_list() == [each["setup_id"] for each in card.neighbours]
    assert told["distance"].to_list() == pytest.approx([each["distance"] for each in card.neighbours])


def by_hand(past, one, other) -> float:
    """Mean squared gap over the slots that both have, in spreads of the product's past, times 30."""
    gaps = []
    for slot in gold.slots():
        seen = past[slot].drop_nulls()
        spread = max(1.4826 * (seen - seen.median()).abs().median(), seen.std(ddof=0) / 2)
        if one[slot] is not None and other[slot] is not None:
            gaps.append((one[slot] - other[slot]) / spread)
    return (sum(gap**2 for gap in gaps) / len(gaps) * 30) ** 0.5


def tasks(root, product: str) -> dict[str, dict]:
    """What a build of the last date's scalers and of the indexes takes and gives, by step."""
    front = fronts.Front(f"{product}U5", "volume", "mbp-10", 0.25, ())
    scope, ledger = fronts.Scope(root, product, (DAYS[-1],)), Ledger(root)
    found = [*graph.date_tasks(scope, ledger, {DAYS[-1]: front}), *graph.index_tasks(root, ledger)]
    return {task.name: task for task in found if task.step.endswith((":scalers", ":index"))}


def test_no_product_writes_over_anothers_scalers(both) -> None:
    sim, es = tasks(both, "SIM"), tasks(both, "ES")
    name = "gold/scalers/spec=snapshot30r/product={}/date=" + str(DAYS[-1])
    assert name.format("SIM") in sim and name.format("ES") in es
    assert name.format("ES") not in sim and name.format("SIM") not in es


def test_an_index_holds_one_product_in_its_own_scale(both) -> None:
    for product, other in (("SIM", "ES"), ("ES", "SIM")):
        task = tasks(both, "SIM")[f"index/snapshot30r.{product}.hnsw"]
        assert not any(f"={other}" in source.name for source in task.inputs)
        steps.index(task, {})
        rows = library.setups(both).filter(~pl.col("is_placebo"), pl.col("symbol") == f"{product}U5")
        made = index.load(both, vectors.spec(), product, rows["setup_id"].to_list())
        last = f"gold/scalers/spec=snapshot30r/product={product}/date={DAYS[-1]}/part.parquet"
        assert made.scale.mad.tolist() == pl.read_parquet(both / last)["mad"].to_list()
