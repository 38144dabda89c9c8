import csv
import io
import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace

import duckdb
import gold
import polars as pl
import pytest

import warehouse
from warehouse import catalog, database, library, plan, session, similar, store, vectors
from warehouse.errors import BusyError, DataError, MissingStepError, QuestionError
from warehouse.schema import TABLES

COUNT = 8
DAYS = gold.dates(COUNT)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = gold.root(tmp_path_factory.mktemp("root"), COUNT, 12)
    database.build(made)
    return made


@pytest.fixture(scope="module")
def con(root):
    with warehouse.connect(str(root)) as opened:
        yield opened


@pytest.fixture(scope="module")
def setups(root):
    """Real setups that have a past, with known_ts as ns."""
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") > DAYS[3])
    return rows.with_columns(pl.col("known_ts").cast(pl.Int64)).to_dicts()


def rows(con, statement) -> pl.DataFrame:
    return con.sql(statement).pl()


def plain(path, *statements):
    """Rows of statements in a process that imports nothing but duckdb."""
    code = f"""
import sys, duckdb, json
with duckdb.connect({str(path / database.FILE)!r}, read_only=True) as con:
    print(json.dumps([con.sql(s).fetchall() for s in {list(statements)!r}], default=str))
assert not [m for m in sys.modules if m.split(".")[0] in ("warehouse", "features", "polars", "hnswlib")]
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert not ran.returncode, ran.stderr
    return json.loads(ran.stdout)


def test_nearest_in_a_plain_client_is_what_similar_answers(root, setups) -> None:
    got = plain(root, *(f"FROM nearest('{setup['setup_id']}', k := 15)" for setup in setups))
    for setup, rows in zip(setups, got, strict=True):
        level = str(setup["level_price"]) if setup["level_kind"] == "CUSTOM" else setup["level_kind"]
        card = similar.ask(root, level, setup["known_ts"], k=15)
        assert card.question["setup_id"] == setup["setup_id"]
        assert [row[1] for row in rows] == [each["setup_id"] for each in card.neighbours]
        assert [row[2] for row in rows] == pytest.approx(
            [each["distance"] for each in card.neighbours], rel=1e-12
        )
        assert [tuple(row[9:12]) for row in rows] == [
            tuple(each["outcomes"].values()) for each in card.neighbours
        ]
        assert [(row[12], row[13]) for row in rows] == [
            (each["mfe_pts"], each["mae_pts"]) for each in card.neighbours
        ]
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))


def test_nearest_leans_as_similar_does(tmp_path) -> None:
    """On a past that is large enough to lean; the lean is a float32, so distances are."""
    gold.root(tmp_path, 6, 80)
    database.build(tmp_path)
    day = gold.dates(6)[-1]
    fitted = pl.read_parquet(tmp_path / f"gold/scalers/product=SIM/date={day}/part.parquet")
    assert fitted["lean"].null_count() == 0
    asked = library.setups(tmp_path).filter(~pl.col("is_placebo"), pl.col("date") == day)
    asked = asked.filter(pl.col("level_kind") != "CUSTOM").with_columns(pl.col("known_ts").cast(pl.Int64))
    some = asked.head(3).to_dicts()
    told = plain(tmp_path, *(f"FROM nearest('{setup['setup_id']}', k := 10)" for setup in some))
    for setup, found in zip(some, told, strict=True):
        card = similar.ask(tmp_path, setup["level_kind"], setup["known_ts"], k=10)
        assert [row[1] for row in found] == [each["setup_id"] for each in card.neighbours]
        far = [each["distance"] for each in card.neighbours]
        assert [row[2] for row in found] == pytest.approx(far, rel=1e-6)
        assert len(found) > 5


def test_nearest_gives_thirty_unless_told_and_nothing_for_a_stranger(root, setups) -> None:
    price = next(setup for setup in setups[::-1] if setup["level_kind"] == "CUSTOM")
    many, none = plain(root, f"FROM nearest('{price['setup_id']}')", "FROM nearest('no such setup')")
    assert len(many) == min(
        30, len(similar.ask(root, str(price["level_price"]), price["known_ts"], k=99).neighbours)
    )
    assert none == []


def test_the_file_holds_copies_views_and_a_comment_on_every_column(root) -> None:
    names, missing, told, placebos, counts = plain(
        root,
        "SELECT DISTINCT schema_name || '.' || table_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1",
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL AND NOT (table_name = 'setups' AND column_name LIKE 'bar5s%')",
        "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'features' AND column_name <> 'setup_id'",
        "SELECT count(*) FROM setups WHERE is_placebo",
        "SELECT (SELECT count(*) FROM setups), (SELECT count(*) FROM outcomes), (SELECT count(*) FROM levels)",
    )
    assert dict(told) == {one.name: f"[{one.unit}] {one.summary}" for one in catalog.load().values()}
    assert [name for (name,) in names] == [
        *(f"features.{family}" for family in catalog.load().families()), "gold.outcomes", "gold.scalers", "gold.setups", "gold.snapshots", "gold.summaries", "gold.vectors", "gold.weights",
        "main.levels", "main.outcomes", "main.setups", "silver.levels",
    ]  # fmt: skip
    assert missing == [] and placebos == [[0]]
    real = len(library.setups(root).filter(~pl.col("is_placebo")))
    assert counts == [[real, len(library.setups(root)) * 6, COUNT * len(gold.PRICES)]]


def test_a_build_of_the_same_gives_the_same_content(root, tmp_path) -> None:
    other = gold.root(tmp_path, COUNT, 12)
    database.build(other)
    for table in ("gold.setups", "gold.outcomes", "gold.scalers", "silver.levels", "setups"):
        [one], [two] = (plain(each, f"FROM {table}") for each in (root, other))
        assert one == two and one
    assert not list((root / ".tmp").iterdir())


def test_the_wide_view_shows_outcomes_and_new_york(con, root) -> None:
    found = rows(con, "SELECT * FROM setups ORDER BY setup_id")
    outcomes = library.outcomes(root)
    for row in found.to_dicts()[:20]:
        mine = outcomes.filter(pl.col("setup_id") == row["setup_id"])
        assert [row[f"outcome_{name}m"] for name in (2, 4, 8)] == mine["outcome"].to_list()
        assert (row["mfe_pts"], row["mae_pts"]) == mine.select("mfe_pts", "mae_pts").row(-1)
        assert (row["trigger_ts"] - row["trigger_et"]).total_seconds() == 4 * 3600
    assert not found["is_placebo"].any()


def test_every_table_is_a_view_with_types_and_comments(con) -> None:
    said = con.sql(
        "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal AND database_name = 'memory'"
    ).fetchall()
    columns: dict[str, dict[str, str]] = {}
    for schema, table, column, kind, comment in said:
        in_a_family = table in {"setups", "bars", "level_bars"} and column.startswith("bar5s")
        assert in_a_family or (comment and comment.startswith("[")), (table, column)
        columns.setdefault(f"{schema}.{table}", {})[column] = kind
    for name, table in TABLES.items():
        assert set(table.schema) <= set(columns[name])
        assert set(columns[name]) == set(columns[f"main.{name.split('.')[1]}"]) or name == "gold.setups"
    for family in plan.families():
        if plan.grain(family) != "setup":
            assert {feature.name for feature in catalog.load().family(family)} <= set(
                columns[f"silver.{family}"]
            )
    assert {"bronze.mbp_10", "bronze.mbo", "bronze.definition", "silver.bars", "silver.level_bars"} <= set(
        columns
    )
    assert set(vectors.spec().slots) <= set(columns["gold.setups"])
    assert (
        columns["silver.ladder"]["bar_ts"] == "TIMESTAMP_NS" and columns["silver.ladder"]["add"] == "BIGINT"
    )
    assert (
        columns["bronze.mbp_10"]["bid_px_00"] == "BIGINT" and columns["bronze.mbp_10"]["size"] == "UINTEGER"
    )


def test_what_is_empty_is_typed_and_what_is_there_is_seen(con) -> None:
    counts = rows(
        con,
        "SELECT (SELECT count(*) FROM ladder) AS a, (SELECT count(*) FROM silver.book) AS b, (SELECT count(*) FROM bars) AS c, (SELECT count(*) FROM level_bars) AS d, (SELECT count(*) FROM bronze.mbo) AS e",
    )
    assert counts.row(0) == (0, COUNT * 1440, COUNT * 1440, 0, 0)
    assert rows(con, "SELECT qty + 1 AS more FROM ladder").schema == {"more": pl.Int64}


def test_a_partition_made_before_a_column_existed_has_null_there(tmp_path) -> None:
    gold.day(tmp_path, DAYS[0])
    for day in DAYS[:2]:
        gold.gold(tmp_path, day, gold.setups(day))
    older = store.partition(tmp_path, "gold.setups", symbol=gold.SYMBOL, date=DAYS[0])
    said = store.read_manifest(older) | {"fingerprint": "that of other columns"}
    store.write(older, gold.setups(DAYS[0]).drop(gold.slots()[3]), said)
    rows = database.sql(
        tmp_path, f"SELECT date, count({gold.slots()[3]}) AS n FROM gold.setups GROUP BY date ORDER BY date"
    )
    assert rows["n"][0] == 0 and rows["n"][1] > 0


def test_helpers_give_the_cards_numbers(con, root, setups) -> None:
    setup = next(one for one in setups[::-1] if one["level_kind"] == "PM_LOW")
    card = similar.ask(root, "PM_LOW", setup["known_ts"])
    moment = f"make_timestamp_ns({setup['known_ts']})"
    near = rows(con, f"FROM similar('PM_LOW', {moment})")
    assert near.select("setup_id", "distance", "weight").rows() == [
        (e["setup_id"], e["distance"], e["weight"]) for e in card.neighbours
    ]
    assert near.select("outcome_2m", "outcome_4m", "outcome_8m").rows() == [
        tuple(e["outcomes"].values()) for e in card.neighbours
    ]
    assert [f"{time.isoformat()}Z" for time in near["trigger_ts"]] == [
        e["trigger_ts"] for e in card.neighbours
    ]
    assert len(rows(con, f"SELECT * FROM similar('PM_LOW', {moment}, k := 3)")) == 3
    odds = rows(con, f"FROM odds('PM_LOW', {moment})")
    assert len(odds) == 9
    like = "hours := '09:30-10:30', volatility := '0.5-2'"
    cut = similar.ask(root, "PM_LOW", setup["known_ts"], hours="09:30-10:30", volatility="0.5-2")
    assert 0 < len(cut.neighbours) < len(card.neighbours)
    assert rows(con, f"FROM similar('PM_LOW', {moment}, {like})")["setup_id"].to_list() == [
        e["setup_id"] for e in cut.neighbours
    ]
    fewer = rows(con, f"SELECT horizon, base_n FROM odds('PM_LOW', {moment}, {like})")
    assert dict(fewer.rows()) == {horizon: label.base_n for horizon, label in cut.labels.items()}
    for row in odds.to_dicts():
        chance = card.outcomes[row["horizon"]][row["outcome"]]
        assert (row["p"], row["lo"], row["hi"], row["base"]) == (chance.p, chance.lo, chance.hi, chance.base)
        assert (row["lift"], row["p_cal"]) == (chance.lift, chance.p_cal)
        assert row["n_eff"] == card.labels[row["horizon"]].n_eff


def test_odds_that_there_are_none_of_are_null(con, setups, monkeypatch) -> None:
    plain = similar.ask

    def without(*asked, **options):
        card = plain(*asked, **options)
        return replace(card, outcomes=card.outcomes | {"4m": None}, abstained=True)

    monkeypatch.setattr(similar, "ask", without)
    setup = next(one for one in setups[::-1] if one["level_kind"] == "PM_LOW")
    got = rows(con, f"FROM odds('PM_LOW', make_timestamp_ns({setup['known_ts']}))")
    assert got["horizon"].to_list() == ["2m"] * 3 + ["4m"] * 3 + ["8m"] * 3
    none = got.filter(pl.col("horizon") == "4m")
    assert none.select("p", "lo", "hi", "base", "lift", "p_cal").null_count().row(0) == (3,) * 6
    assert none["base_n"].null_count() == 0 and got["p"].null_count() == 3 and got["abstained"].all()


def test_ny_reads_a_new_york_clock_on_both_sides_of_a_dst_change(con) -> None:
    """2025-03-09 and 2025-11-02: UTC-5 before, UTC-4 in between."""
    got = rows(
        con,
        "SELECT ny('2025-03-08 10:00:00') AS a, ny('2025-03-10 10:00:00') AS b, ny('2025-11-03 10:00:00') AS c",
    )
    assert [str(value) for value in got.row(0)] == [
        "2025-03-08 15:00:00",
        "2025-03-10 14:00:00",
        "2025-11-03 15:00:00",
    ]
    assert got.schema == dict.fromkeys("abc", pl.Datetime("ns"))


BAD = [
    ("selec 1", r"^DuckDB refuses that: Parser Error: syntax error at or near \"selec\""),
    ("SELECT nope FROM setups", r"^DuckDB refuses that: Binder Error: Referenced column \"nope\" not found"),
    ("DELETE FROM file.gold.setups", r"^DuckDB refuses that: .*read-only"),
    ("FROM similar('PM_HGIH', ny('2025-07-16 10:00:00'))", r"^`PM_HGIH` is no level: did you mean PM_HIGH"),
    ("FROM similar(NULL, ny('2025-07-16 10:00:00'))", r"^similar\(\) got a NULL: give it a level, a moment, and values$"),
    ("FROM similar('PM_LOW', ny('2025-07-16 10:00:00'), k := NULL)", r"^similar\(\) got a NULL: give it"),
    ("FROM odds('PM_LOW', NULL)", r"^odds\(\) got a NULL: give it"),
    ("FROM odds('OR_LOW', ny('2025-07-16 09:40:00'))", r"^OR_LOW of 2025-07-16 is known from 09:45:00 New York; 09:40:00 New York is earlier$"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "message"), BAD)
def test_a_refusal_is_one_line(root, statement, message) -> None:
    with pytest.raises(QuestionError, match=message) as error:
        database.query(root, statement)
    assert "\n" not in str(error.value)


def test_what_cannot_be_written_is_refused(root, tmp_path) -> None:
    with pytest.raises(MissingStepError, match=r"holds nothing built: put DBN files into"):
        database.query(tmp_path / "none", "SELECT 1")
    with pytest.raises(QuestionError, match=r"^there is no format `xml`: choose table, csv, json, parquet$"):
        database.query(root, "SELECT 1", "xml")
    with pytest.raises(QuestionError, match=r"^Parquet is no text: say where with --out FILE$"):
        database.query(root, "SELECT 1", "parquet")


def test_formats(con, root, tmp_path) -> None:
    statement = "SELECT setup_id, level_kinds, x0, trigger_ts FROM setups ORDER BY setup_id LIMIT 3"
    want = rows(con, statement)
    read = list(csv.DictReader(io.StringIO(database.query(root, statement, "csv"))))
    assert [row["setup_id"] for row in read] == want["setup_id"].to_list()
    assert [float(row["x0"]) for row in read] == want["x0"].to_list()
    said = json.loads(database.query(root, statement, "json"))
    assert [row["level_kinds"] for row in said] == want["level_kinds"].to_list()
    out = tmp_path / "rows.parquet"
    assert database.query(root, statement, "parquet", out) == f"3 rows written to {out}\n"
    assert pl.read_parquet(out).equals(want)
    assert database.query(root, "SELECT 1 AS one", "csv", tmp_path / "one.csv").startswith("1 rows")
    assert (tmp_path / "one.csv").read_text() == "one\n1\n"
    table = database.query(root, "SELECT * FROM setups LIMIT 2")
    assert max(map(len, table.splitlines())) <= 80 and "more columns" in table
    assert database.query(root, "SET threads = 1", "json") == "[]\n"


def test_the_file_may_be_open_elsewhere(con, root) -> None:
    [[held]] = plain(root, "SELECT count(*) FROM setups")[0:1]
    assert held == list(rows(con, "SELECT count(*) FROM file.setups").row(0))
    assert held == list(rows(con, "SELECT count(*) FROM setups").row(0))


def test_silver_joins_families_on_their_key(tmp_path) -> None:
    gold.day(tmp_path, DAYS[0])
    stamps = pl.Series("bar_ts", [session.at(DAYS[0], gold.OPEN)]).cast(pl.Datetime("ns"))
    trade = pl.DataFrame({"bar_ts": stamps, "bar5s_trade_vol_sum": [7.0]})
    store.write(store.partition(tmp_path, "silver.trade", symbol=gold.SYMBOL, date=DAYS[0]), trade, {})
    rows = database.sql(
        tmp_path, "SELECT bar_ts, sigma_60, bar5s_trade_vol_sum AS vol FROM bars ORDER BY bar_ts LIMIT 2"
    )
    assert rows.select("sigma_60", "vol").rows() == [(2.0, 7.0), (2.0, None)]


HELD = [
    # statement, what csv says below the header, what json says
    ("SELECT interval 3 days AS a", ["3 days"], "3 days"),
    ("SELECT 'x'::blob AS a", ["x"], "x"),
    ("SELECT '101'::bit AS a", ["101"], "101"),
    ("SELECT union_value(b := 1) AS a", ['{"b":1}'], '{"b":1}'),
    ("SELECT [interval 1 day] AS a", ['["1 day"]'], '["1 day"]'),
    ("SELECT ['x'::blob] AS a", ['["x"]'], '["x"]'),
    ("SELECT [1, 2] AS a", ["[1,2]"], [1, 2]),
    ("SELECT {'b': [1]} AS a, [2] AS a", ['{"b":[1]}', "[2]"], {"b": [1]}),
]


@pytest.mark.parametrize(("statement", "cells", "value"), HELD)
def test_every_type_in_every_format(root, tmp_path, monkeypatch, statement, cells, value) -> None:
    monkeypatch.setattr(database, "_open", lambda *_, **__: duckdb.connect())  # no view is read
    assert list(csv.reader(io.StringIO(database.query(root, statement, "csv"))))[1] == cells
    assert json.loads(database.query(root, statement, "json"))[0]["a"] == value
    assert database.query(root, statement, "table").splitlines()[1].split("  ") == cells or len(cells) > 1
    assert database.query(root, statement, "parquet", tmp_path / "out.parquet").startswith("1 rows")


@pytest.mark.parametrize("statement", ["", "  ", ";"])
def test_no_statement_is_refused(root, statement) -> None:
    with pytest.raises(QuestionError, match=r"^there is no statement: write one, such as"):
        database.query(root, statement)


def test_damage_is_named(root, tmp_path) -> None:
    mine = shutil.copytree(root, tmp_path / "mine")
    file, book = mine / database.FILE, store.partition(mine, "silver.book", symbol=gold.SYMBOL, date=DAYS[0])
    whole = file.read_bytes()
    file.write_bytes(b"junk" * 2000)
    with pytest.raises(DataError, match=f"^{file} is damaged: run `warehouse build` again$"):
        database.query(mine, "SELECT 1")
    file.write_bytes(whole)
    book.path.write_bytes(book.path.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"^{book.path} is damaged: run `warehouse build --dates {DAYS[0]}`"):
        database.query(mine, "FROM bars")


def test_a_file_open_for_writing_elsewhere_is_no_damage(root, tmp_path) -> None:
    mine = shutil.copytree(root, tmp_path / "mine")
    code = (
        f"import duckdb; con = duckdb.connect({str(mine / database.FILE)!r}); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        other.stdout.readline()
        with pytest.raises(BusyError, match=r"is open for writing elsewhere"):
            database.query(mine, "SELECT 1")
        other.communicate("\n")


def test_vectors_in_sql_are_those_of_the_library_either_way(root) -> None:
    """Of every spec; of DOWN setups bid is ask, and what has a sign changes it: against the columns on disk."""
    parts = [one.path for one in store.partitions(root, "gold.setups")]
    raw = {row["setup_id"]: row for row in pl.read_parquet(parts, hive_partitioning=False).to_dicts()}
    with warehouse.connect(root) as db:
        rows = db.sql("select setup_id, spec, vector from gold.vectors").fetchall()
    told = {(name, spec): vector for name, spec, vector in rows}
    for name in vectors.specs():
        spec = vectors.spec(name)
        kept = library.setups(root, spec.slots)
        for setup, mine in zip(kept["setup_id"], vectors.matrix(kept, spec).tolist(), strict=True):
            assert told[setup, name] == pytest.approx(
                [None if math.isnan(value) else value for value in mine]
            )
    down = [row for row in raw.values() if row["direction"] == "DOWN"]
    assert down
    for row in down:
        snapshot = dict(
            zip(vectors.spec("snapshot30").slots, told[row["setup_id"], "snapshot30"], strict=True)
        )
        ask, imbalance = row["bar5s_depth_ask10_qty_eob"], row["bar5s_state_obi0_eob"]
        assert snapshot["bar5s_depth_bid10_qty_eob"] == (None if ask is None else pytest.approx(ask))
        assert snapshot["bar5s_state_obi0_eob"] == (None if imbalance is None else pytest.approx(-imbalance))
