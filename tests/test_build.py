"""The whole way of a tiny market: what is made, what is skipped, what a change makes again."""

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import tapes
from trees import digests

from warehouse import (
    audit,
    contract,
    forecast,
    fronts,
    graph,
    plan,
    retrieval,
    session,
    status,
    steps,
    store,
    workers,
)
from warehouse.build import build
from warehouse.errors import BusyError, MissingStepError, QuestionError, WarehouseError
from warehouse.ledger import Ledger
from warehouse.request import Request, Stock, without
from warehouse.run import Task
from warehouse.simulate import market
from warehouse.survey import Survey
from warehouse.wording import Asked

GRAPHS = {f"{name}.SIM.hnsw" for name in retrieval.INDEXED}

SPAN = "2025-06-24:2025-06-26"
CHECKOUT = Path(__file__).parents[1]


def made(root, **options):
    return build(Request(root, **{"dates": SPAN, "workers": 1, **options}), lambda *_: None)


def part(root, table, date="2025-06-26", **keys):
    return store.partition(root, table, **(keys or {"symbol": "SIMU5"}), date=date)


@pytest.fixture
def root(tiny_built, tmp_path):
    """A copy of the built root; stamps are kept, so that nothing is read twice."""
    return Path(shutil.copytree(tiny_built, tmp_path / "root"))


def test_everything_is_made(tiny_built):
    tables = {
        "/".join(path.relative_to(tiny_built).parts[:2]) for path in tiny_built.glob("[bsg]*/**/part.json")
    }
    assert tables >= {
        "bronze/mbp_10", "bronze/definition", "silver/quotes", "silver/trades", "silver/ladder", "silver/book",
        "silver/quality", "silver/levels", "silver/front_contract", "silver/volume_profile", "silver/volatility",
        "silver/retreat_profile", "gold/setups", "gold/outcomes", "gold/scalers",
        "gold/snapshots", "gold/sequences", "gold/summaries", "gold/level_states",
    }  # fmt: skip
    assert (tiny_built / "index" / "snapshot30r.SIM.hnsw").exists()
    assert (tiny_built / "warehouse.duckdb").exists()
    assert not (tiny_built / "quarantine").exists()
    assert not (tiny_built / ".tmp").exists()


def test_a_manifest_says_what_it_was_made_from(tiny_built):
    said = store.read_manifest(part(tiny_built, "gold.setups"))
    book = part(tiny_built, "silver.book")
    assert said["inputs"][book.name] == store.sha256(book.path)
    assert said["sha256"] == store.sha256(part(tiny_built, "gold.setups").path)
    assert said["parameters"]["setup_window"] == "09:30-12:30"
    assert "/" not in json.dumps(said["parameters"])  # nothing of this machine


def test_front_contracts_and_their_reasons(tiny_built):
    rows = [
        pl.read_parquet(part(tiny_built, "silver.front_contract", date, product="SIM").path).row(0)
        for date in ("2025-06-24", "2025-06-25")
    ]
    assert rows[0] == ("SIMU5", "calendar", None)  # the session before is not landed
    assert rows[1][:2] == ("SIMU5", "volume")
    traded = pl.read_parquet(part(tiny_built, "silver.trades", "2025-06-24").path)
    start, end = session.window(dt.date(2025, 6, 24), session.RTH)
    inside = traded.filter(pl.col("ts").cast(pl.Int64).is_between(start, end, closed="left"))
    assert rows[1][2] == inside["size"].sum()


def test_a_rebuild_does_nothing(root, tiny_raw):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    report = made(root, raw=tiny_raw)
    assert not report.made and not report.errors
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert list(forecast.lines(Request(root, SPAN, raw=tiny_raw)))[-1].startswith("0 to make")


def test_a_second_product_leaves_the_first_as_it_is(root, tiny_raw, tmp_path):
    (tmp_path / "raw").mkdir()
    tape = tapes.walk(2000, start="2025-06-26T13:00", step_ns=10**9)
    tapes.write(tmp_path / "raw" / "es.dbn", "mbp-10", [tape], {"ESU5": 5}, date="2025-06-26")
    report = made(root, raw=tmp_path / "raw", product="ES", dates="2025-06-26")
    assert not report.errors and "warehouse.duckdb" in report.made
    for product, raw in (("SIM", tiny_raw), ("ES", tmp_path / "raw")):
        report = made(root, raw=raw, product=product, dates="2025-06-26")
        assert not report.made and not report.errors


def test_one_worker_and_a_date_at_a_time_give_the_same_bytes(tiny_built, tiny_raw, tmp_path):
    for dates in ("2025-06-24", "2025-06-25:2025-06-26"):
        assert not made(tmp_path, raw=tiny_raw, dates=dates).errors
    assert digests(tmp_path) == digests(tiny_built)


def test_a_damaged_partition_and_a_lost_manifest_are_made_again(root, tiny_raw, tiny_built):
    damaged, lost = part(root, "silver.levels"), part(root, "silver.book", "2025-06-25")
    damaged.path.write_bytes(b"rubbish")
    lost.manifest_path.unlink()
    assert status.status(root, verify=True).damaged == [damaged.name]
    report = made(root, raw=tiny_raw)
    assert set(report.made) == {damaged.name, part(root, "silver.quotes", "2025-06-25").name}
    assert digests(root) == digests(tiny_built)


def test_a_changed_file_rebuilds_its_date_and_what_looks_back_on_it(root, tiny_raw, tmp_path):
    raw = Path(shutil.copytree(tiny_raw, tmp_path / "raw"))
    market.simulate(
        raw, [dt.date(2025, 6, 25)], hours=(dt.time(9, 10), dt.time(10, 20)), rate_scale=0.02, seed=2
    )
    report = made(root, raw=raw)
    assert not report.errors
    dates = {name.partition("date=")[2] for name in report.made if name.startswith(("silver", "gold"))}
    assert dates == {"2025-06-25", "2025-06-26"}
    again = {name.split("/")[1] for name in report.made if name.endswith("2025-06-26")}
    assert again >= {"front_contract", "outcomes"}
    assert "approach" not in again, "the date before must not reach the prints of this one, nor its levels"
    assert not made(root, raw=raw).made


def test_a_damaged_file_takes_its_own_date_only(tiny_raw, tmp_path):
    raw = Path(shutil.copytree(tiny_raw, tmp_path / "raw"))
    bad = raw / "xsim-mdp3-20250625.mbp-10.dbn.zst"
    bad.write_bytes(bad.read_bytes()[:-1000])
    two = "2025-06-24:2025-06-25"
    report = made(tmp_path / "root", raw=raw, dates=two)
    assert len(report.errors) == 1 and str(bad) in report.errors[0]
    built = {dict(each.keys)["date"] for each in store.partitions(tmp_path / "root", "gold.outcomes")}
    assert built == {"2025-06-24"}
    bad.write_bytes(b"not DBN at all")
    report = made(tmp_path / "root", raw=raw, dates=two)
    assert len(report.errors) == 1 and str(bad) in report.errors[0]
    shutil.copy(tiny_raw / bad.name, bad)
    assert not made(tmp_path / "root", raw=raw, dates=two).errors


def test_a_second_build_is_refused(root, tiny_raw):
    with workers.owner(root), pytest.raises(BusyError, match="another build works on"):
        made(root, raw=tiny_raw)


def test_own_prices_become_levels(root, tiny_raw, tmp_path):
    prices = tmp_path / "mine.csv"
    prices.write_text("date,price,known\n2025-06-26,6012.5,09:40\n*,6020,\n")
    wanted = list(forecast.lines(Request(root, SPAN, raw=tiny_raw, levels=str(prices))))
    assert wanted[1] == "levels.csv: absent"
    report = made(root, raw=tiny_raw, levels=str(prices), dates="2025-06-26")
    assert not report.errors
    mine = (pl.col("level_kind") == "CUSTOM") & ~pl.col("is_placebo")
    found = pl.read_parquet(part(root, "silver.levels").path).filter(mine)
    assert found["level_id"].to_list() == ["SIMU5/2025-06-26/CUSTOM/6012.5", "SIMU5/2025-06-26/CUSTOM/6020"]
    assert found["known_ts"].cast(pl.Int64).to_list() == [
        session.at(dt.date(2025, 6, 26), dt.time(9, 40)),
        session.at(dt.date(2025, 6, 26), dt.time(9, 30)),
    ]
    assert not made(root, raw=tiny_raw, dates="2025-06-26").made  # kept without being named again
    assert not any("/book/" in name for name in report.made)
    prices.write_text("date,price\n2025-06-26,much\n")
    with pytest.raises(QuestionError, match="row 2"):
        made(root, raw=tiny_raw, levels=str(prices))


def test_the_users_contract(root, tiny_raw):
    report = made(root, raw=tiny_raw, contract="SIMU5", dates="2025-06-26")
    assert not report.errors
    assert pl.read_parquet(part(root, "gold.setups").path)["maybe_back_month"].all()


REFUSED = [
    ({"contract": "foo"}, "`foo` is no contract of SIM: name one of SIMU5"),
    ({"contract": "ESU5"}, "`ESU5` is no contract of SIM: name one of SIMU5"),
    ({"contract": "SIMZ5"}, "SIMZ5 is not landed for 2025-06-24 and 2 more (SIMU5 is): add its file, or name one with --contract"),
    ({"schema": "mbo", "dates": "2025-06-26"}, "MBO of SIMU5 is not landed for 2025-06-26 (mbp-10 is): add its file, or name another --schema"),
    ({"schema": "mbo", "contract": "SIMU5"}, "MBO of SIMU5 is not landed for 2025-06-24 and 2 more (mbp-10 is): add its file, or name another --schema"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_refused_contract_or_schema_changes_nothing(root, tiny_raw, tmp_path, options, message):
    before = digests(root)
    for place in (root, tmp_path / "none"):
        with pytest.raises(WarehouseError) as error:
            made(place, raw=tiny_raw, levels="6012.5", **options)
        assert str(error.value) == message
    assert digests(root) == before
    assert not (tmp_path / "none").exists()


def test_a_range_leaves_out_dates_without_the_named_contract_and_a_named_date_does_not(tmp_path):
    days = session.sessions(dt.date(2025, 6, 12), dt.date(2025, 6, 17))
    landed = [("SIMM5", day) for day in days[:2]] + [("SIMU5", day) for day in days[2:]]
    parts = tuple(store.partition(tmp_path, "bronze.mbp_10", symbol=name, date=day) for name, day in landed)
    there = Stock("SIM", Survey(tmp_path, (), {}, ()), parts)
    scope = fronts.Scope(tmp_path, "SIM", tuple(days), contract="SIMU5")
    assert without([Asked(day, named=False) for day in days], there, scope) == days[:2]
    with pytest.raises(
        MissingStepError, match=r"^SIMU5 is not landed for 2025-06-13 \(SIMM5 is\): add its file"
    ):
        without([Asked(day, named=day == days[1]) for day in days], there, scope)


def test_a_contract_without_records_takes_no_front(tmp_path):
    raw = tmp_path / "raw"
    name = "xsim-mdp3-20250626.mbp-10.dbn"
    tapes.write(
        raw / name,
        "mbp-10",
        [tapes.walk(9, start="2025-06-26T14:00")],
        {"SIMU5": 5, "SIMZ5": 6},
        date="2025-06-26",
    )
    report = made(tmp_path / "other", raw=raw, contract="SIMZ5", dates="2025-06-26")
    assert report.errors == [
        "SIMZ5 is not landed for 2025-06-26 (SIMU5 is): add its file, or name one with --contract"
    ]
    assert not store.partitions(tmp_path / "other", "silver.front_contract")


def test_plan_says_why_and_writes_nothing(tiny_raw, tmp_path, root):
    assert list(forecast.lines(Request(tmp_path / "none", SPAN, raw=tiny_raw)))[-1] == "12 to make, 0 current"
    assert not (tmp_path / "none").exists()
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    said = list(forecast.lines(Request(root, SPAN, raw=tiny_raw, setup_window="09:30-10:00")))
    why = {line.partition(": ")[0]: line.partition(": ")[2] for line in said}
    assert why[part(root, "gold.setups").name] == "`setup_window` was 09:30-12:30, is 09:30-10:00"
    assert why[part(root, "gold.outcomes").name].startswith("may: gold/setups")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.fixture
def elsewhere(tmp_path):
    """A copy of the code, to be edited."""
    for name in ("warehouse", "features", "sql"):
        shutil.copytree(
            CHECKOUT / name, tmp_path / "code" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(CHECKOUT / "cli.py", tmp_path / "code")
    return tmp_path / "code"


def planned(code, root, raw):
    command = [sys.executable, "cli.py", "--root", root, "plan", "--dates", SPAN, "--raw", raw]
    run = subprocess.run(
        [str(word) for word in command], cwd=code, capture_output=True, text=True, check=True
    )
    return run.stdout.splitlines()


def edit(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def due(code, root, raw):
    """Tables that a build by this code would make for certain, and those that it might."""
    lines = [line.partition(": ") for line in planned(code, root, raw)[:-1]]
    found = {True: set(), False: set()}
    for name, _, why in lines:
        if name.startswith(("bronze/", "silver/", "gold/", "index/", "warehouse.duckdb")):
            found[why.startswith("may")].add(name.split("/")[1] if "/" in name else name)
    return found[False], found[True] - found[False]


def test_a_docstring_rebuilds_nothing_and_a_body_what_depends_on_it(elsewhere, tiny_built, tiny_raw):
    assert due(elsewhere, tiny_built, tiny_raw) == (set(), set())
    for path in [*elsewhere.glob("features/*.py"), *elsewhere.glob("warehouse/**/*.py")]:
        documented = re.sub(r'^( *)"""(?=\w)', r'\1"""Of course: ', path.read_text(), flags=re.MULTILINE)
        path.write_text(documented + "# and so on\n")
    for path in elsewhere.glob("sql/*.sql"):
        path.write_text(path.read_text().replace("--", "-- Of course:", 1))
    assert due(elsewhere, tiny_built, tiny_raw) == (set(), set())
    edit(elsewhere / "warehouse" / "reasons.py", "SEEN = 0.5", "SEEN = 0.6")
    assert due(elsewhere, tiny_built, tiny_raw)[0] == {"setups"}
    edit(elsewhere / "features" / "depth.py", "return total(sizes)", "return total(sizes) + 1")
    surely, perhaps = due(elsewhere, tiny_built, tiny_raw)
    around = {"snapshots", "sequences", "level_states"}
    assert surely == {"depth", "far", "setups", "snapshots"}
    assert (
        perhaps
        == {"outcomes", "scalers", "summaries", "trials", *GRAPHS, "warehouse.duckdb", *around} - surely
    )
    edit(elsewhere / "warehouse" / "barrier.py", "Calibration(0.9, 0.0)", "Calibration(0.8, 0.0)")
    assert due(elsewhere, tiny_built, tiny_raw)[0] == {"depth", "far", "setups", "outcomes", "snapshots"}
    edit(elsewhere / "warehouse" / "frames/__init__.py", "REACH = 19", "REACH = 20")
    made = {name for name in plan.families() if plan.grain(name) != "setup"}
    assert due(elsewhere, tiny_built, tiny_raw)[0] == {*made, "setups", "outcomes", *around}
    edit(elsewhere / "warehouse" / "scales.py", "VALUES_NEEDED = 20", "VALUES_NEEDED = 30")
    surely, perhaps = due(elsewhere, tiny_built, tiny_raw)
    assert surely == {*made, "setups", "outcomes", *around, "scalers", *GRAPHS}
    assert {"trials", "warehouse.duckdb"} <= perhaps


def test_rows_that_break_the_declaration_are_set_aside(root, monkeypatch):
    scope = fronts.Scope(root, "SIM", (dt.date(2025, 6, 26),))
    ledger = Ledger(root)
    known = {scope.dates[0]: fronts.front(scope, ledger, scope.dates[0])}
    [task] = [
        task
        for task in graph.date_tasks(scope, ledger, known)
        if task.parameters.get("family") == "volatility"
    ]
    aside = part(root, "quarantine.silver.volatility")

    def two_broken(frame, _name):
        rules = pl.Series("broken", [["sigma_60|bounds"], ["sigma_60|bounds", "key|unique"]])
        return frame.slice(2), frame.head(2).with_columns(rules)

    with monkeypatch.context() as patch:
        patch.setattr(contract, "check", two_broken)
        steps.family(task, {})
    rows = pl.read_parquet(aside.path).height
    assert rows == 2
    assert store.read_manifest(task.outputs[0])["quarantined"] == {"key|unique": 1, "sigma_60|bounds": 2}
    assert status.status(root).tables
    steps.family(task, {})
    assert not aside.path.exists()
    assert "quarantined" not in store.read_manifest(task.outputs[0])


def test_the_law_holds_on_a_built_date_and_sees_a_change(root):
    found = audit.audit(root, "2025-06-26", 2)
    assert not found.differences
    assert all(sum(cut.values.values()) > 1000 for cut in found.cuts)
    for table, column, more in (
        ("snapshots", "mfe_pts_8m", 1e-9),
        ("summaries", "lead_x_mean", 1),
        ("level_states", "dist_pts", 1e-9),
    ):
        target = part(root, f"gold.{table}")
        manifest, rows = store.read_manifest(target), pl.read_parquet(target.path)
        store.write(target, rows.with_columns(pl.col(column) + more), manifest)
    seen = {(each.table, each.column) for each in audit.audit(root, "2025-06-26", 2).differences}
    assert seen == {
        ("gold.level_states", "dist_pts"),
        ("gold.summaries", "lead_x_mean"),
        ("gold.snapshots", "mfe_pts_8m"),
    }


def test_audit_wants_a_date_that_is_current(root):
    with pytest.raises(MissingStepError, match="2025-06-27 is not built"):
        audit.audit(root, "2025-06-27", 1)
    target = part(root, "silver.levels")
    store.write(target, pl.read_parquet(target.path), {**store.read_manifest(target), "fingerprint": "older"})
    with pytest.raises(MissingStepError, match=r"is stale \(the code changed\): run"):
        audit.audit(root, "2025-06-26", 1)


def test_status_shows_a_file_that_ends_before_its_header_says(tiny_raw, tmp_path):
    import zstandard

    raw = tmp_path / "raw"
    raw.mkdir()
    name = "xsim-mdp3-20250625.mbp-10.dbn.zst"
    whole = zstandard.ZstdDecompressor().decompressobj().decompress((tiny_raw / name).read_bytes())
    shutil.copy(tiny_raw / name.replace("mbp-10", "definition"), raw)
    (raw / name.removesuffix(".zst")).write_bytes(whole[: -368 * 20_000])
    assert not made(tmp_path / "root", raw=raw, dates="2025-06-25").errors
    [arrival] = status.status(tmp_path / "root").arrivals
    assert arrival.header_end == "2025-06-25T14:20:00Z"
    assert arrival.short_s > 600
    assert "its header ends 2025-06-25T14:20:00Z" in status.to_text(status.status(tmp_path / "root"))


def test_what_is_fitted_reads_earlier_dates_alone(tiny_built):
    dates = tuple(dt.date(2025, 6, day) for day in (24, 25, 26))
    scope, ledger = fronts.Scope(tiny_built, "SIM", dates), Ledger(tiny_built)
    known = {date: fronts.front(scope, ledger, date) for date in dates}
    read = {"volume_profile": [], "retreat_profile": [], "fit": []}
    for task in graph.date_tasks(scope, ledger, known):
        if (step := task.step.partition(":")[2]) in read:
            days = {dict(source.keys)["date"] for source in task.inputs}
            assert all(day < task.parameters["date"] for day in days)
            read[step].append(len(days))
    assert read == {"volume_profile": [0, 1, 2], "retreat_profile": [0, 1, 2], "fit": [0, 1, 2]}


def test_a_task_is_plain_data(tiny_built):
    scope = fronts.Scope(tiny_built, "SIM", (dt.date(2025, 6, 26),))
    ledger = Ledger(tiny_built)
    known = {scope.dates[0]: fronts.front(scope, ledger, scope.dates[0])}
    for task in graph.date_tasks(scope, ledger, known):
        assert isinstance(task, Task)
        assert json.loads(json.dumps(task.parameters)) == task.parameters


def test_a_date_beyond_a_tolerance_is_marked_and_its_setups_carry_the_flag(root):
    quality = part(root, "silver.quality")
    clean = pl.read_parquet(quality.path)
    assert clean["beyond"].item() is None
    assert not pl.read_parquet(part(root, "gold.setups").path)["doubtful"].any()
    marked = clean.with_columns(
        beyond=pl.lit("quarantined"),
        duplicate_cnt=pl.lit(7, pl.Int64),
        crossed_cnt=pl.lit(1234, pl.Int64),
        known_frac=pl.lit(0.5),
    )
    store.write(quality, marked, store.read_manifest(quality))
    said = store.read_manifest(part(root, "gold.setups"))
    layers = [f"{path.parent.name}.{path.name}" for path in root.glob("silver/*")]
    there = {source.name: source for table in layers for source in store.partitions(root, table)}
    inputs = [there[name] for name in said["inputs"]]
    made = part(root, "gold.setups"), part(root, "gold.weights")
    steps.setups(Task("setups", made, tuple(inputs), "", said["parameters"]), said)
    setups = pl.read_parquet(part(root, "gold.setups").path)
    assert setups.height and setups["doubtful"].all()
    shown = status.to_text(status.status(root))
    assert re.search(r"2025-06-26  SIMU5 .*  quarantined\n", shown)
    assert re.search(r"2025-06-25  SIMU5 .*  nothing\n", shown)
    assert "2025-06-26 SIMU5: set aside 7 duplicate\n" in shown
    assert "2025-06-26 SIMU5: used and marked 1,234 crossed\n" in shown
    assert "2025-06-26 SIMU5: the book is known from 2025-06-2" in shown
