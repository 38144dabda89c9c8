"""Two products in one root: each has its own scale, in the build, in an answer and in SQL."""

import datetime as dt
import shutil

import duckdb
import gold
import polars as pl
import pytest

from warehouse import barrier, database, fronts, graph, index, library, retrieval, similar, store, vectors
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
    setup = arrival(both, symbol)
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


@pytest.mark.parametrize("symbol", ["SIMU5", "ESU5"])
def test_the_graph_of_a_product_answers_for_it(both, tmp_path, symbol) -> None:
    root = shutil.copytree(both, tmp_path / "root")
    for product in ("SIM", "ES"):
        retrieval.index(tasks(root, "SIM")[f"index/snapshot30r.{product}.hnsw"], {})
    setup = arrival(root, symbol)
    exact, graph_ = (
        similar.ask(root, setup["level_kind"], setup["known_ts"], k=3, contract=symbol, index=how)
        for how in ("exact", "hnsw")
    )
    assert exact.neighbours == graph_.neighbours and len(exact.neighbours) == 3


def test_another_products_past_and_dates_change_nothing(both, alone, tmp_path, monkeypatch) -> None:
    """ES has a date fewer and outcomes of its own; an answer for SIM is that of a root without ES, and back."""
    monkeypatch.setattr(barrier, "SESSIONS_NEEDED", 3)
    root = shutil.copytree(both, tmp_path / "root")
    part = "gold/scalers/product={}/date=" + str(DAYS[-1])
    setup = arrival(root, "ESU5")
    want = similar.ask(root, setup["level_kind"], setup["known_ts"], contract="ESU5")
    shutil.rmtree(root / part.format("SIM"))
    assert similar.ask(root, setup["level_kind"], setup["known_ts"], contract="ESU5") == want
    shutil.rmtree(root / part.format("ES"))
    shutil.copytree(both / part.format("SIM"), root / part.format("SIM"))
    older = similar.ask(root, setup["level_kind"], setup["known_ts"], contract="ESU5")
    assert older.neighbours[0]["distance"] == pytest.approx(want.neighbours[0]["distance"], rel=0.5)
    mine = arrival(alone, "SIMU5")
    for date in DAYS:
        outcomes = store.partition(root, "gold.outcomes", symbol="ESU5", date=date)
        rows = pl.read_parquet(outcomes.path, hive_partitioning=False).with_columns(outcome=pl.lit("CHOP"))
        store.write(outcomes, rows, store.read_manifest(outcomes))
    told = [
        similar.ask(each, mine["level_kind"], mine["known_ts"], contract="SIMU5") for each in (root, alone)
    ]
    assert told[0].outcomes == told[1].outcomes and told[0].neighbours == told[1].neighbours


def arrival(root, symbol):
    """The first stored setup of a symbol on the last date, at a level with a name."""
    mine = pl.col("symbol").eq(symbol) & pl.col("date").eq(DAYS[-1]) & (pl.col("level_kind") != "CUSTOM")
    rows = library.setups(root).filter(mine, ~pl.col("is_placebo"))
    return rows.with_columns(pl.col("known_ts").cast(pl.Int64)).row(0, named=True)


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
    found = [*graph.date_tasks(scope, ledger, {DAYS[-1]: front}), *retrieval.index_tasks(root, ledger)]
    return {task.name: task for task in found if task.step.endswith((":fit", ":index"))}


def test_no_product_writes_over_anothers_scalers(both) -> None:
    sim, es = tasks(both, "SIM"), tasks(both, "ES")
    name = "gold/scalers/product={}/date=" + str(DAYS[-1])
    assert name.format("SIM") in sim and name.format("ES") in es
    assert name.format("ES") not in sim and name.format("SIM") not in es


def test_an_index_holds_one_product_in_its_own_scale(both) -> None:
    for product, other in (("SIM", "ES"), ("ES", "SIM")):
        task = tasks(both, "SIM")[f"index/snapshot30r.{product}.hnsw"]
        assert not any(f"={other}" in source.name for source in task.inputs)
        retrieval.index(task, {})
        rows = library.setups(both).filter(~pl.col("is_placebo"), pl.col("symbol") == f"{product}U5")
        made = index.load(both, vectors.spec(), product, rows["setup_id"].to_list())
        last = f"gold/scalers/product={product}/date={DAYS[-1]}/part.parquet"
        own = pl.read_parquet(both / last).filter(pl.col("spec") == "snapshot30r")
        assert made.scale.mad.tolist() == own["mad"].to_list()
