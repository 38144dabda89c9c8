"""SQL files as models: header, columns, fingerprint, and a run that depends on nothing but its inputs."""

import datetime as dt

import polars as pl
import pytest

from warehouse import sqlfile
from warehouse.errors import DeclarationError
from warehouse.schema import TABLES
from warehouse.units import COUNT, FRACTION, LOTS, NAME, POINTS, SECONDS, TIME

TEXT = """-- What a toy does.
--
-- grain: side, n
-- reads: trades
SELECT
    side,                       -- [name] Aggressor.
    row_number() OVER () AS n,  -- [count] Place.
    price * $factor AS price    -- [pt] Price, scaled.
FROM trades
"""
TOY = sqlfile.parse("toy", TEXT)
TRADES = pl.DataFrame({"side": ["B", "A", "B"], "price": [1.0, 2.0, 3.0]})


def test_a_file_is_a_model():
    assert (TOY.name, TOY.doc, TOY.grain, TOY.reads) == (
        "toy",
        "What a toy does.",
        ("side", "n"),
        ("trades",),
    )
    assert TOY.columns == {
        "side": ("name", "Aggressor."),
        "n": ("count", "Place."),
        "price": ("pt", "Price, scaled."),
    }


@pytest.mark.parametrize(
    "text", [TEXT.replace("Aggressor", "Who bought"), TEXT.replace("\n    side,  ", "\n\n  side,\n")]
)
def test_comments_and_white_space_leave_the_fingerprint(text):
    assert text != TEXT
    assert sqlfile.parse("toy", text.replace("side,\n", "side,")).fingerprint == TOY.fingerprint


@pytest.mark.parametrize("change", [("* $factor", "/ $factor"), ("grain: side, n", "grain: n")])
def test_statement_and_order_change_the_fingerprint(change):
    assert sqlfile.parse("toy", TEXT.replace(*change)).fingerprint != TOY.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "must open with a comment"),
        (TEXT.replace("-- reads: trades\n", ""), r"does not say \['reads'\]"),
        (TEXT.replace("-- [count] Place.", ""), r"no `-- \[unit\] doc` on \['n'\]"),
    ],
)
def test_an_incomplete_file_is_refused(text, message):
    with pytest.raises(DeclarationError, match=message):
        sqlfile.parse("toy", text)


def test_run_orders_by_the_grain():
    rows = sqlfile.run(TOY, {"trades": TRADES}, factor=2.0).rows()
    assert rows == [("A", 2, 4.0), ("B", 1, 2.0), ("B", 3, 6.0)]


def test_frames_lazy_frames_and_files_are_one(tmp_path):
    files = []
    for day, part in enumerate(TRADES.iter_slices(1), 1):
        path = tmp_path / "o'clock" / "symbol=ESU5" / f"date=2025-06-0{day}" / "part.parquet"
        path.parent.mkdir(parents=True)
        part.write_parquet(path)
        files.append(path)
    want = sqlfile.run(TOY, {"trades": TRADES}, factor=1.0)
    assert sqlfile.run(TOY, {"trades": TRADES.lazy()}, factor=1.0).equals(want)
    assert sqlfile.run(TOY, {"trades": files}, factor=1.0).equals(want)
    keyed = sqlfile.parse(
        "keyed",
        "-- K.\n-- grain: date\n-- reads: trades\nSELECT\n  date, -- [name] Day.\n  symbol -- [name] S.\nFROM trades",
    )
    assert sqlfile.run(keyed, {"trades": files}).rows() == [(dt.date(2025, 6, n), "ESU5") for n in (1, 2, 3)]


def test_no_files_are_an_empty_table_as_declared():
    assert sqlfile.run(TOY, {"trades": []}, factor=1.0).is_empty()


def test_what_is_missing_is_named():
    with pytest.raises(DeclarationError, match=r"reads \['trades'\], which it was not given"):
        sqlfile.run(TOY, {}, factor=1.0)
    with pytest.raises(
        DeclarationError,
        match=r"there is no sql/nothing\.sql: the models are averages, front_contract, level_states",
    ):
        sqlfile.load("nothing")


def test_an_undocumented_column_is_refused():
    model = sqlfile.parse("toy", TEXT.replace("-- [pt] Price, scaled.", ""))
    with pytest.raises(DeclarationError, match=r"gives .*'price'.*, documents"):
        sqlfile.run(model, {"trades": TRADES}, factor=1.0)


@pytest.mark.parametrize("name", sqlfile.names())
def test_every_model_is_documented(name):
    model = sqlfile.load(name)
    assert model.doc.endswith(".")
    units = {unit.symbol for unit in (COUNT, FRACTION, LOTS, NAME, POINTS, SECONDS, TIME)}
    for unit, doc in model.columns.values():
        assert unit in units
        assert doc.endswith(".")


@pytest.mark.parametrize(
    ("names", "table"),
    [
        ("levels", "silver.levels"),
        ("placebos", "silver.levels"),
        ("volume_profile", "silver.volume_profile"),
        ("retreat_profile", "silver.retreat_profile"),
        ("triggers touches", "gold.setups"),
        ("weights", "gold.weights"),
        ("outcomes", "gold.outcomes"),
        ("snapshots", "gold.snapshots"),
        ("level_states", "gold.level_states"),
    ],
)
def test_models_give_what_the_tables_declare(names, table):
    columns, models = TABLES[table].columns, [sqlfile.load(name) for name in names.split()]
    declared = {column.name: column.unit.symbol for column in columns}
    given = {column: unit for model in models for column, (unit, _) in model.columns.items()}
    later = (
        ("null_", "cal_", "barrier_pts_", "outcome_", "time_to_", "mfe_pts_", "mae_pts_")
        if names == "snapshots"
        else ("null_", "cal_")
    )
    assert given == {column: unit for column, unit in declared.items() if not column.startswith(later)}
    assert {model.grain for model in models} == {TABLES[table].grain}
