import base64
import dataclasses
import json
import pickle
from collections import Counter

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import real
import tapes

from warehouse import bronze, dbn, store
from warehouse.errors import DamagedFileError, DataError, MissingStepError, OverlapError, QuestionError
from warehouse.land import land, plan, restore, stale, survey
from warehouse.ledger import Ledger

TABLES = ("bronze.mbp_10", "bronze.mbo", "bronze.definition")


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def land_all(raw, root):
    return [target for landing in plan(survey(raw, root)) for target in land(root, landing)]


def landed(root):
    return [target for table in TABLES for target in store.partitions(root, table)]


def names(root):
    return [target.name for target in landed(root)]


def only(root):
    (target,) = landed(root)
    return target, store.read_manifest(target)


def untouched(root):
    """No partition, no temporary file."""
    return not [path for path in root.rglob("*") if path.is_file() and path.name != ".hashes.json"]


def all_of(path):
    return np.concatenate(list(dbn.read(path)))


# What lands


@pytest.mark.parametrize("name", ["a.dbn", "a.dbn.zst", "deep/er/whatever.bin"])
def test_a_file_lands_and_comes_back_byte_for_byte(raw, root, name):
    sent = tapes.walk(5000)
    tapes.write_mbp10(raw / name, "SIMM5", sent)
    land_all(raw, root)
    target, manifest = only(root)
    assert target.name == "bronze/mbp_10/symbol=SIMM5/date=2025-06-04"
    assert restore(target).tobytes() == sent.tobytes()
    assert restore(target).dtype == dbn.MBP_10
    assert manifest["inputs"] == {name: store.sha256(raw / name)}
    assert base64.b64decode(manifest["header"][name]) == dbn.read_header(raw / name).raw
    assert (manifest["rows"], manifest["tick"], manifest["dataset"]) == (5000, 250_000_000, "XSIM.MDP3")
    assert manifest["first_ts_recv"] == int(sent["ts_recv"][0])
    assert manifest["last_ts_recv"] == int(sent["ts_recv"][-1])
    assert manifest["header_end"] == tapes.at("2025-06-05")
    assert (manifest["misdated"], manifest["left_out"]) == (0, 0)


def test_what_was_landed_can_be_written_back_as_the_same_file(raw, root, tmp_path):
    path = tapes.write_mbo(raw / "a.dbn", "SIMM5", tapes.mbo(300))
    land_all(raw, root)
    target, manifest = only(root)
    dbn.write(tmp_path / "back.dbn", base64.b64decode(manifest["header"]["a.dbn"]), [restore(target)])
    assert (tmp_path / "back.dbn").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("layout", [dbn.MBP_10, dbn.MBO, *dbn.DEFINITIONS.values()])
def test_any_bytes_survive(raw, root, layout):
    """All but what says length, type, instrument and date may be noise: letters above 127, odd times, NULs."""
    rng, n = np.random.default_rng(0), 3000
    sent = rng.integers(0, 256, (n, layout.itemsize), np.uint8).reshape(-1).view(layout)
    version = {layout.itemsize: version for version, layout in dbn.DEFINITIONS.items()}.get(layout.itemsize)
    schema = {dbn.MBP_10: "mbp-10", dbn.MBO: "mbo"}.get(layout, "definition")
    sent["length"], sent["rtype"], sent["instrument_id"] = layout.itemsize // 4, dbn.RTYPES[schema], 5
    sent["ts_recv"] = tapes.at("2025-06-04T10:00") + np.arange(n)
    if schema == "definition":
        sent["raw_symbol"], sent["instrument_class"], sent["min_price_increment"] = b"SIMM5", b"F", tapes.TICK
    tapes.write(raw / "a.dbn.zst", schema, [sent], version=version or 3)
    land_all(raw, root)
    assert restore(only(root)[0]).tobytes() == sent.tobytes()


def test_columns_are_those_declared(raw, root):
    tapes.write_mbp10(raw / "a.dbn", "SIMM5", tapes.walk(100))
    tapes.write_mbo(raw / "b.dbn", "SIMM5", tapes.mbo(100))
    tapes.write_definition(raw / "c.dbn", tapes.definition("SIMM5"))
    land_all(raw, root)
    for target in landed(root):
        declared = bronze.TABLES[target.table]
        frame = pl.read_parquet(target.path, hive_partitioning=False)
        assert dict(frame.schema) == declared.schema
        said = json.loads(pl.read_parquet_metadata(target.path)["warehouse.columns"])
        assert list(said) == frame.columns
        with duckdb.connect() as con:
            assert len(
                con.sql(f"FROM read_parquet('{target.path}', hive_partitioning = false)").fetchall()
            ) == len(frame)
    assert bronze.TABLES["bronze.mbp_10"].schema["price"] == pl.Int64
    assert list(bronze.TABLES["bronze.mbp_10"].schema) == [
        name for name in dbn.MBP_10.names if name not in {"length", "rtype"}
    ]  # fmt: skip


def test_columns_mean_what_they_say(raw, root):
    sent = tapes.mbp10(3, start="2025-06-04T13:30", step_ns=5)
    sent["action"], sent["side"], sent["price"] = (
        [b"A", b"T", b"N"],
        [b"A", b"B", b"N"],
        [-7, 0, dbn.UNDEF_PRICE],
    )
    sent["bid_sz_00"] = [0, 1, 2**32 - 1]
    tapes.write_mbp10(raw / "a.dbn", "SIMM5", sent)
    land_all(raw, root)
    got = pl.read_parquet(only(root)[0].path)
    assert got["action"].to_list() == ["A", "T", "N"]
    assert got["side"].to_list() == ["A", "B", "N"]
    assert got["price"].to_list() == [-7, 0, 2**63 - 1]
    assert got["bid_sz_00"].to_list() == [0, 1, 2**32 - 1]
    assert got["ts_recv"].dt.strftime("%F %T%.9f").to_list()[2] == "2025-06-04 13:30:00.000001010"


def test_definitions_are_decoded_beside_their_bytes(raw, root):
    for version in (1, 2, 3):
        sent = tapes.definition("SIMM5", version=version, at_=f"2025-06-0{version}T00:00", tick=5)
        sent["expiration"] = dbn.UNDEF_TIMESTAMP
        tapes.write_definition(raw / f"{version}.dbn", sent, version=version, date=f"2025-06-0{version}")
    land_all(raw, root)
    for target, version in zip(landed(root), (1, 2, 3), strict=True):
        (row,) = pl.read_parquet(target.path).to_dicts()
        assert (row["raw_symbol"], row["asset"], row["instrument_class"]) == ("SIMM5", "SIM", "F")
        assert (row["min_price_increment"], row["expiration"], row["currency"]) == (5, None, "")
        assert row["record"] == restore(target).tobytes()
        assert restore(target).dtype == dbn.DEFINITIONS[version]


def test_a_long_file_has_row_groups_and_the_same_bytes_each_time(raw, root, tmp_path):
    sent = np.concatenate(
        [tapes.walk(bronze.ROWS // 2, seed=i, start=f"2025-06-04T1{i}:00") for i in range(5)]
    )
    tapes.write_mbp10(raw / "a.dbn.zst", "SIMM5", sent)
    land_all(raw, root)
    target, manifest = only(root)
    assert restore(target).tobytes() == sent.tobytes()
    with pq.ParquetFile(target.path) as file:
        assert [file.metadata.row_group(i).num_rows for i in range(3)] == [
            bronze.ROWS,
            bronze.ROWS,
            bronze.ROWS // 2,
        ]
    assert land_all(raw, tmp_path / "again")
    assert only(tmp_path / "again")[1] == manifest
    assert pl.scan_parquet(target.path).select(pl.len()).collect().item() == len(sent)


def test_what_waits_is_bounded_over_all_instruments(raw, root, monkeypatch):
    monkeypatch.setattr("warehouse.land._BATCH", 100)
    monkeypatch.setattr("warehouse.land._WAITING", 250)
    symbols = {"SIMM5": 5, "SIMU5": 6, "SIMZ5": 7}
    sent = tapes.walk(3000)
    sent["instrument_id"] = np.arange(3000) % 3 + 5
    tapes.write(raw / "a.dbn", "mbp-10", [sent], symbols)
    land_all(raw, root)
    for target, number in zip(landed(root), symbols.values(), strict=True):
        assert restore(target).tobytes() == sent[sent["instrument_id"] == number].tobytes()
        with pq.ParquetFile(target.path) as file:
            assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) <= 250


# How records find their partition


def test_days_and_instruments_are_taken_apart(raw, root):
    one = tapes.walk(4000, instrument=5, start="2025-06-04T23:59:58", step_ns=10**6)
    two = tapes.walk(4000, instrument=6, start="2025-06-04T23:59:58", step_ns=10**6, seed=1)
    spread = tapes.walk(4000, instrument=7, start="2025-06-04T23:59:58", step_ns=10**6, seed=2)
    sent = np.concatenate([one, two, spread])
    sent = sent[np.argsort(sent["ts_recv"], kind="stable")]
    symbols = {"SIMM5": 5, "SIMU5": 6, "SIMM5-SIMU5": 7}
    tapes.write(raw / "a.dbn.zst", "mbp-10", [sent], symbols, days=2)
    found = survey(raw, root)
    assert found.skipped == {"spread": 1}
    land_all(raw, root)
    midnight = tapes.at("2025-06-05")
    assert names(root) == [
        f"bronze/mbp_10/symbol={symbol}/date={date}"
        for symbol in ("SIMM5", "SIMU5")
        for date in ("2025-06-04", "2025-06-05")
    ]
    for target in landed(root):
        keys = dict(target.keys)
        own = sent[sent["instrument_id"] == symbols[keys["symbol"]]]
        own = own[(own["ts_recv"] < midnight) == (keys["date"] == "2025-06-04")]
        assert len(own) and restore(target).tobytes() == own.tobytes()
        manifest = store.read_manifest(target)
        assert manifest["left_out"] == 4000
        assert manifest["landed"] == names(root)


def test_two_numbers_of_one_contract_keep_their_common_order(raw, root):
    sent = tapes.walk(1000)
    sent["instrument_id"][1::2] = 6
    tapes.write(raw / "a.dbn", "mbp-10", [sent], {"SIMM5": 5, "SIMM25": 6})
    land_all(raw, root)
    assert restore(only(root)[0]).tobytes() == sent.tobytes()


def test_an_illegal_time_stays_where_it_stands_and_is_counted(raw, root):
    sent = tapes.walk(1000, start="2025-06-04T23:59:59.500")
    sent["ts_recv"][[0, 10, 700]] = [dbn.UNDEF_TIMESTAMP, 0, dbn.UNDEF_TIMESTAMP]
    sent["ts_recv"][701] = tapes.at("2025-06-09")
    tapes.write_mbp10(raw / "a.dbn", "SIMM5", sent, days=2)
    land_all(raw, root)
    before, after = landed(root)
    cut = 500  # received 1 us after the event of every millisecond
    assert restore(before).tobytes() == sent[:cut].tobytes()
    assert restore(after).tobytes() == sent[cut:].tobytes()
    assert [store.read_manifest(target)["misdated"] for target in (before, after)] == [2, 2]
    assert store.read_manifest(after)["last_ts_recv"] == int(sent["ts_recv"][-1])


def test_an_illegal_time_remembers_the_day_across_batches(raw, root, monkeypatch):
    monkeypatch.setattr("warehouse.land._BATCH", 100)
    sent = tapes.walk(300, start="2025-06-04T23:59:59.950")
    sent["ts_recv"][200:202] = dbn.UNDEF_TIMESTAMP
    tapes.write_mbp10(raw / "a.dbn", "SIMM5", sent, days=2)
    land_all(raw, root)
    assert [restore(target).tobytes() for target in landed(root)] == [
        sent[:50].tobytes(),
        sent[50:].tobytes(),
    ]


def test_a_number_means_what_it_meant_on_its_day(raw, root):
    mappings = {
        "SIMM5": ((tapes.day("2025-06-04"), tapes.day("2025-06-05"), 5),),
        "SIMU5": ((tapes.day("2025-06-05"), tapes.day("2025-06-06"), 5),),
    }
    head = dbn.header_bytes("XSIM.MDP3", "mbp-10", mappings, tapes.at("2025-06-04"), tapes.at("2025-06-06"))
    sent = tapes.walk(1000, start="2025-06-04T23:59:59.500")
    dbn.write(raw / "a.dbn", head, [sent])
    land_all(raw, root)
    assert [name.split("/", 2)[2] for name in names(root)] == [
        "symbol=SIMM5/date=2025-06-04",
        "symbol=SIMU5/date=2025-06-05",
    ]


def test_a_year_of_two_digits_is_the_same_contract(raw, root):
    tapes.write_mbp10(raw / "a.dbn", "SIMM25", tapes.walk(10, start="2025-06-04T10:00"))
    tapes.write_mbp10(raw / "b.dbn", "SIMM5", tapes.walk(10, start="2025-06-04T11:00", instrument=6))
    land_all(raw, root)
    assert only(root)[1]["rows"] == 20


# Files of one partition


def test_files_are_joined_in_the_order_of_their_times_not_of_their_names(raw, root):
    hours = {"c.dbn": "09:00", "a.dbn.zst": "10:00", "b.dbn": "11:00"}
    sent = {
        name: tapes.walk(100, start=f"2025-06-04T{hour}", seed=i)
        for i, (name, hour) in enumerate(hours.items())
    }
    for name, records in sent.items():
        tapes.write_mbp10(raw / name, "SIMM5", records)
    assert len(plan(survey(raw, root))) == 1
    land_all(raw, root)
    target, manifest = only(root)
    assert restore(target).tobytes() == b"".join(records.tobytes() for records in sent.values())
    assert sorted(manifest["inputs"]) == ["a.dbn.zst", "b.dbn", "c.dbn"]


def test_overlapping_files_are_refused_by_name(raw, root):
    tapes.write_mbp10(raw / "a.dbn", "SIMM5", tapes.walk(100, start="2025-06-04T10:00"))
    tapes.write_mbp10(raw / "b.dbn", "SIMM5", tapes.walk(100, start="2025-06-04T10:00:00.05"))
    (landing,) = plan(survey(raw, root))
    with pytest.raises(OverlapError) as caught:
        land(root, landing)
    assert str(caught.value) == (
        f"{raw / 'a.dbn'} and {raw / 'b.dbn'} overlap in ts_recv for"
        " bronze/mbp_10/symbol=SIMM5/date=2025-06-04: remove one of the two"
    )
    assert untouched(root)


def test_a_copy_overlaps(raw, root):
    for name in ("a.dbn", "b.dbn"):
        tapes.write_mbp10(raw / name, "SIMM5", tapes.walk(1))
    with pytest.raises(OverlapError):
        land_all(raw, root)


def test_one_download_may_be_cut_within_an_instant(raw, root):
    sent = tapes.walk(100)
    sent["ts_recv"][40:60] = sent["ts_recv"][40]
    tapes.write_mbp10(raw / "a.dbn", "SIMM5", sent[:50])
    tapes.write_mbp10(raw / "b.dbn", "SIMM5", sent[50:])
    land_all(raw, root)
    assert restore(only(root)[0]).tobytes() == sent.tobytes()


def test_only_files_that_may_meet_are_landed_together(raw, root):
    for day in ("04", "05"):
        tapes.write_mbp10(
            raw / f"{day}.dbn", "SIMM5", tapes.walk(10, start=f"2025-06-{day}T10:00"), date=f"2025-06-{day}"
        )
    tapes.write_mbp10(raw / "u.dbn", "SIMU5", tapes.walk(10))
    tapes.write_mbo(raw / "mbo.dbn", "SIMM5", tapes.mbo(10))
    tapes.write_mbp10(raw / "later.dbn", "SIMM5", tapes.walk(10, start="2025-06-05T11:00"), date="2025-06-05")
    groups = [[source.name for source in landing.sources] for landing in plan(survey(raw, root))]
    assert sorted(groups) == [["04.dbn"], ["05.dbn", "later.dbn"], ["mbo.dbn"], ["u.dbn"]]
    for landing in plan(survey(raw, root)):
        assert pickle.loads(pickle.dumps(landing)) == landing
        json.dumps(dataclasses.asdict(landing))


def test_a_mapping_that_reaches_beyond_its_file_joins_no_other(raw, root):
    """Databento's mappings of a definition file begin the day before the file does."""
    for day in ("04", "05"):
        mappings = {"SIMM5": ((tapes.day("2025-06-03"), tapes.day("2025-06-08"), 5),)}
        span = tapes.at(f"2025-06-{day}"), tapes.at(f"2025-06-{day}") + tapes.DAY_NS
        head = dbn.header_bytes("XSIM.MDP3", "mbp-10", mappings, *span)
        dbn.write(raw / f"{day}.dbn", head, [tapes.walk(10, start=f"2025-06-{day}T10:00")])
    assert len(plan(survey(raw, root))) == 2


def test_versions_of_definitions_do_not_mix_in_one_partition(raw, root):
    for version, hour in ((1, "01"), (3, "02")):
        sent = tapes.definition("SIMM5", version=version, at_=f"2025-06-04T{hour}:00")
        tapes.write_definition(raw / f"{version}.dbn", sent, version=version)
    with pytest.raises(DataError, match="different DBN versions"):
        land_all(raw, root)
    assert untouched(root)


# Damage


def test_a_damaged_file_leaves_nothing_and_others_land(raw, root):
    tapes.write_mbp10(raw / "good.dbn.zst", "SIMU5", tapes.walk(100))
    first = tapes.walk(bronze.ROWS + 5000)
    tapes.write_mbp10(raw / "half.dbn.zst", "SIMM5", first)
    whole = (raw / "half.dbn.zst").read_bytes()
    (raw / "half.dbn.zst").write_bytes(whole[:-3])
    tapes.write_mbp10(raw / "later.dbn", "SIMM5", tapes.walk(10, start="2025-06-04T20:00"))
    (raw / "head.dbn").write_bytes(b"DBN\x03\xff")
    (raw / "empty.dbn.zst").write_bytes(b"")
    (raw / "page.dbn.zst").write_bytes(b"<html>not found</html>")
    found = survey(raw, root)
    assert sorted(error.path.name for error in found.damaged) == ["empty.dbn.zst", "head.dbn", "page.dbn.zst"]
    outcomes = Counter()
    for landing in plan(found):
        try:
            land(root, landing)
            outcomes["landed"] += 1
        except DamagedFileError as error:
            outcomes[error.path.name] += 1
    assert outcomes == {"landed": 1, "half.dbn.zst": 1}
    assert names(root) == ["bronze/mbp_10/symbol=SIMU5/date=2025-06-04"]
    assert not list((root / ".tmp").iterdir())
    (raw / "half.dbn.zst").write_bytes(whole)
    land_all(raw, root)
    assert len(names(root)) == 2


def test_a_damaged_definition_file_is_reported_by_the_survey(raw, root):
    path = tapes.write_definition(raw / "d.dbn", tapes.definition("SIMM5"))
    path.write_bytes(path.read_bytes()[:-1])
    found = survey(raw, root)
    assert [error.path for error in found.damaged] == [path]
    assert found.sources == ()


def test_a_file_cut_between_records_shows_in_its_last_time(raw, root):
    sent = tapes.walk(100)
    path = tapes.write_mbp10(raw / "a.dbn", "SIMM5", sent)
    path.write_bytes(path.read_bytes()[: -60 * dbn.MBP_10.itemsize])
    land_all(raw, root)
    manifest = only(root)[1]
    assert manifest["last_ts_recv"] == int(sent["ts_recv"][39])
    assert manifest["header_end"] == tapes.at("2025-06-05")


def test_a_missing_folder_and_an_unlanded_partition_are_named(raw, root):
    with pytest.raises(QuestionError, match="nowhere is no folder"):
        survey(raw / "nowhere", root)
    with pytest.raises(MissingStepError, match="is not landed"):
        restore(store.partition(root, "bronze.mbo", symbol="SIMM5", date="2025-06-04"))


# What is left out, and what names and ticks rest on


def test_other_things_are_skipped_and_counted(raw, root):
    (raw / "README.md").write_text("hello")
    (raw / "condition.json").write_text("{}")
    (raw / ".part").write_bytes(b"DBN")
    (raw / "trades.dbn").write_bytes(tapes.head("trades", {"SIMM5": 5}))
    symbols = {"ESM5 P5250": 1, "ESM5-ESU5": 2, "NVDA": 3, "XYZM5": 4, "SIMM5": 5}
    tapes.write(raw / "a.dbn", "mbp-10", [tapes.walk(5)], symbols)
    tapes.write(raw / "b.dbn", "mbo", [], {"ESM5 P5250": 1})
    found = survey(raw, root)
    assert found.skipped == {
        "file of schema trades": 1,
        "file that is not DBN": 2,
        "future of unknown tick size (land its definition)": 1,
        "option": 1,
        "spread": 1,
        "symbol that is no outright (land its definition)": 1,
    }
    assert found.damaged == ()
    assert [source.name for source in found.sources] == ["a.dbn"]


def test_the_definition_says_what_is_an_outright_and_its_tick(raw, root):
    told = [
        tapes.definition("XYZM5", instrument=5, tick=10_000_000, asset=b"XYZ"),
        tapes.definition("XYZU5", instrument=6, kind=b"S", asset=b"XYZ"),
        tapes.definition("XYZM5 C10", instrument=7, kind=b"C", asset=b"XYZ"),
    ]
    tapes.write_definition(raw / "d.dbn.zst", np.concatenate(told))
    sent = tapes.walk(90)
    sent["instrument_id"] = np.tile([5, 6, 7], 30)
    tapes.write(raw / "a.dbn", "mbp-10", [sent], {"XYZM5": 5, "XYZU5": 6, "XYZM5 C10": 7})
    assert survey(raw, root).skipped == {"option": 1, "spread": 1}
    land_all(raw, root)
    assert names(root) == [
        f"bronze/{table}/symbol=XYZM5/date=2025-06-04" for table in ("mbp_10", "definition")
    ]
    assert [store.read_manifest(target)["tick"] for target in landed(root)] == [10_000_000] * 2


@pytest.mark.parametrize("asked", ["SIM.c.0", "SIM.FUT", "5", None])
def test_other_symbologies_go_through_definitions(raw, root, asked):
    sent = tapes.walk(50)
    tapes.write(raw / "a.dbn", "mbp-10", [sent], {asked: 5} if asked else {"": 0})
    if asked is None:
        head = dbn.header_bytes("XSIM.MDP3", "mbp-10", {}, tapes.at("2025-06-04"), tapes.at("2025-06-05"))
        dbn.write(raw / "a.dbn", head, [sent])
    reason = "symbol that is no outright" if asked else "file without symbols"
    assert survey(raw, root).skipped == {f"{reason} (land its definition{'' if asked else 's'})": 1}
    assert land_all(raw, root) == []
    tapes.write_definition(
        raw / "d.dbn", np.concatenate([tapes.definition("SIMU5"), tapes.definition("SIMZ5", instrument=6)])
    )
    land_all(raw, root)
    target = store.partition(root, "bronze.mbp_10", symbol="SIMU5", date="2025-06-04")
    assert restore(target).tobytes() == sent.tobytes()


def test_definitions_of_the_warehouse_serve_when_their_file_is_gone(raw, root):
    tapes.write_definition(raw / "d.dbn", tapes.definition("SIMU5"))
    land_all(raw, root)
    (raw / "d.dbn").unlink()
    tapes.write(raw / "a.dbn", "mbp-10", [tapes.walk(50)], {"SIM.c.0": 5})
    land_all(raw, root)
    assert "bronze/mbp_10/symbol=SIMU5/date=2025-06-04" in names(root)


def test_a_definition_file_that_changed_speaks_for_itself(raw, root):
    tapes.write_definition(raw / "d.dbn", tapes.definition("XYZM5", tick=1000))
    land_all(raw, root)
    tapes.write_definition(raw / "d.dbn", tapes.definition("XYZM5", tick=500))
    tapes.write_mbp10(raw / "a.dbn", "XYZM5", tapes.walk(5))
    assert {item.tick for source in survey(raw, root).sources for item in source.instruments} == {500}


# Again


def test_what_lies_there_is_not_stale_until_something_changes(raw, root):
    path = tapes.write_mbp10(
        raw / "a.dbn", "SIMM5", tapes.walk(1000, start="2025-06-04T23:59:59.500"), days=2
    )

    def why():
        (landing,) = plan(survey(raw, root))
        return stale(root, landing, Ledger(root))

    assert why() == "absent"
    one, two = land_all(raw, root)
    assert why() is None
    two.manifest_path.unlink()
    assert "absent" in why()
    land_all(raw, root)
    one.path.write_bytes(one.path.read_bytes()[:-1])
    assert "damaged" in why()
    land_all(raw, root)
    tapes.write_mbp10(path, "SIMM5", tapes.walk(10), days=2)
    assert "a.dbn" in why()
    assert land_all(raw, root) == [one]
    assert landed(root) == [one], "what the file no longer holds is gone"
    assert why() is None
    tapes.write_mbp10(raw / "b.dbn", "SIMM5", tapes.walk(10, start="2025-06-04T20:00"), days=2)
    assert why() == "absent"
    land_all(raw, root)
    assert only(root)[1]["rows"] == 20


# Real files


@real.needs_real
def test_real_order_flow_comes_back_byte_for_byte(root):
    found = survey(real.FOLDER / "es", root)
    assert found.damaged == ()
    assert found.skipped["spread"] == 2 and found.skipped["option"] == 2
    assert found.skipped["file of schema ohlcv-1m"] == 2
    for landing in plan(found):
        land(root, landing)
    mbo = {
        dict(target.keys)["symbol"] + dict(target.keys)["date"]: target
        for target in store.partitions(root, "bronze.mbo")
    }
    assert sorted(mbo) == ["ESH42023-12-24", "ESH42023-12-25", "ESM42024-05-08"]
    for key, name in {
        "ESH42023-12-24": "esh4-glbx-mdp3-20231224.mbo.dbn.zst",
        "ESH42023-12-25": "esh4-glbx-mdp3-20231225.mbo.dbn.zst",
        "ESM42024-05-08": "orderbooks_mbo_2024-05-08T00-00-00_2024-05-08T00-00-02.dbn.zst",
    }.items():
        assert restore(mbo[key]).tobytes() == all_of(real.FOLDER / "es" / name).tobytes()
        assert store.read_manifest(mbo[key])["tick"] == 250_000_000
    definitions = [dict(target.keys)["symbol"] for target in store.partitions(root, "bronze.definition")]
    assert sorted(set(definitions)) == ["ESH6", "ESM3", "ESM4", "ESZ5", "NQM4"]


@real.needs_real
@pytest.mark.parametrize("schema", ["mbp-10", "mbo"])
def test_every_version_comes_back_byte_for_byte(raw, root, schema):
    for path in real.files(f"test_data.{schema}"):
        if path.parent.name == "XNAS.ITCH":
            continue
        (raw / "one").write_bytes(path.read_bytes())
        land_all(raw, root)
        assert restore(only(root)[0]).tobytes() == all_of(path).tobytes()


@real.needs_real
def test_a_live_capture_and_other_venues_are_skipped(root):
    assert survey(real.FOLDER / "databento" / "LIVE", root).skipped == {"file of schema mixed": 1}
    other = survey(real.FOLDER / "databento" / "XNAS.ITCH", root)
    assert (other.sources, other.damaged) == ((), ())
    assert other.skipped == {"file of schema trades": 1, "instrument that is no future": 1}
