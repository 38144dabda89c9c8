"""The command line: help, exit codes, one line for every bad input, and a warehouse unchanged by it."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from conftest import DATES, HOURS
from typer.testing import CliRunner

import cli
from warehouse import dbn, store, workers

CHECKOUT = Path(__file__).parents[1]
COMMANDS = {
    "demo", "simulate", "build", "plan", "status", "similar", "physics", "sql", "features", "audit", "evaluate",
}  # fmt: skip
SPAN = "2025-06-24:2025-06-26"


def call(root, *words):
    return CliRunner().invoke(cli.app, ["--root", str(root), *map(str, words)])


def snapshot(root):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}


def test_every_command_is_there_with_its_help():
    said = CliRunner().invoke(cli.app, ["--help"]).stdout
    assert {command.callback.__name__ for command in cli.app.registered_commands} == COMMANDS
    for name in COMMANDS:
        shown = CliRunner().invoke(cli.app, [name, "--help"])
        assert shown.exit_code == 0
        assert name in said
        assert len(shown.stdout.split("Options:")[0].splitlines()) > 2


@pytest.fixture(scope="module")
def trigger(tiny_built):
    """Level and moment of the last setup at a named level."""
    rows = [pl.read_parquet(part.path) for part in store.partitions(tiny_built, "gold.setups")]
    last = pl.concat(rows).sort("known_ts").row(-1, named=True)
    return last["level_kind"], last["known_ts"].isoformat() + "Z", last["setup_id"]


BAD = [
    # words, exit code, what the line says
    (("build", "--dates", "2025-06-27"), 1, "there is no SIM data of 2025-06-27"),
    (("build", "--dates", "2025-06-27:2025-06-30"), 1, "there is no SIM data of 2025-06-27, 2025-06-30"),
    (("build", "--dates", "2025-06-19"), 1, "2025-06-19 is no session (Juneteenth)"),
    (("build", "--dates", "2025-06-28"), 1, "2025-06-28 is no session (a weekend)"),
    (("build", "--dates", "2025-06-28:2025-06-29"), 1, "holds no session"),
    (("build", "--dates", "2025-06-26:2025-06-24"), 1, "holds no session"),
    (("build", "--dates", "yesterday"), 1, "'yesterday' is no date"),
    (("build", "--dates", SPAN, "--product", "ES"), 1, "there is nothing of ES: name one of SIM"),
    (("build", "--dates", SPAN, "--schema", "mbp-1"), 1, "there is no source mbp-1"),
    (("build", "--dates", SPAN, "--levels", "6000,up"), 1, "'up' is no price"),
    (("build", "--dates", SPAN, "--levels", "1e300"), 1, "'1e300' is no price"),
    (("build", "--dates", SPAN, "--levels", "none.csv"), 1, "none.csv is not there"),
    (("build", "--dates", SPAN, "--setup-window", "noon"), 1, "'noon' is no window"),
    (("build", "--dates", SPAN, "--setup-window", "10:00-09:30"), 1, "ends before it begins"),
    (("build", "--dates", SPAN, "--raw", "nowhere"), 1, "nowhere is no folder"),
    (("build", "--dates", SPAN, "--workers", "0"), 2, "--workers"),
    (("build",), 2, "--dates"),
    (("plan", "--dates", "2025-06-27"), 1, "there is no SIM data of 2025-06-27"),
    (("similar", "--level", "OR_HIGH", "--ts", "2025-06-26T09:40"), 1, "OR_HIGH of 2025-06-26 is known from 09:45:00"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T17:30"), 1, "2025-06-27"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:40"), 1, "lies outside the data of 2025-06-26"),
    (("similar", "--level", "PM_HIHG", "--ts", "2025-06-26T10:00"), 1, "did you mean PM_HIGH"),
    (("similar", "--level", "PRIOR_HIGH", "--ts", "2025-06-26T10:00"), 1, "there is PM_HIGH, PM_LOW, OR_HIGH, OR_LOW"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-23T10:00"), 1, "warehouse build --dates 2025-06-23"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-28T10:00"), 1, "is no session (a weekend)"),
    (("similar", "--level", "PM_HIGH", "--ts", "ten"), 1, "'ten' is no moment"),
    (("similar", "--level", "PM_HIGH", "--ts", "9999-12-31T23:00"), 1, "9999-12-31T23:00 is out of reach"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "--as-of", ""), 1, "'' is no moment"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "--contract", ""), 2, "it is empty"),
    (("sql", "select 'infinity'::timestamp as a"), 1, "`a` holds a time that cannot be shown"),
    (("sql", "select date '10000-01-01' as a"), 1, "`a` holds a time that cannot be shown"),
    (("sql", "from read_parquet('nope/part.parquet')"), 1, "DuckDB refuses that: IO Error"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "--spec", "snapshot31"), 1, "there is no vector spec"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "--index", "faiss"), 1, "hnsw"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "-k", "0"), 2, "-k"),
    (("similar", "--level", "PM_HIGH"), 2, "--ts"),
    (("similar", "--level", "1e300", "--ts", "2025-06-26T10:00"), 1, "`1e300` is no price"),
    (("similar", "--level=-5", "--ts", "2025-06-26T10:00"), 1, "`-5` is no price"),
    (("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "--kinds", "foo"), 1, "`FOO` is no kind of level: there is PM_HIGH, PM_LOW, OR_HIGH, OR_LOW, OR30_HIGH"),
    (("physics", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00", "--contract", "SIMZ9"), 1, "SIMZ9 of 2025-06-26 is not built"),
    (("physics", "--level", "OR_LOW", "--ts", "2025-06-26T09:44:59"), 1, "OR_LOW of 2025-06-26 is known from 09:45:00"),
    (("sql", "select nonsense"), 1, "nonsense"),
    (("sql", "selec 1"), 1, "syntax error"),
    (("sql", ""), 1, "there is no statement"),
    (("features", "no_such_feature"), 1, "no_such_feature"),
    (("audit", "--date", "2025-06-27"), 1, "2025-06-27 is not built"),
    (("audit", "--date", "2025-06-28"), 1, "is no session"),
    (("simulate", "--out", "x", "--dates", "2025-06-28"), 1, "is no session"),
    (("simulate", "--out", "x", "--dates", "2025-06-26", "--world", "flat"), 1, "there is no world flat"),
    (("simulate", "--out", "x", "--dates", "2025-06-26", "--schema", "mbp-1"), 1, "mbp-1"),
    (("nonsense",), 2, "No such command"),
]  # fmt: skip


@pytest.fixture(scope="module")
def before(tiny_built):
    return snapshot(tiny_built)


@pytest.mark.parametrize(("words", "code", "line"), BAD, ids=lambda value: str(value)[:60])
def test_bad_input_is_one_line_and_changes_nothing(
    words, code, line, tiny_built, tiny_raw, before, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if words[0] in {"build", "plan"} and "--raw" not in words:
        words = (*words, "--raw", str(tiny_raw))
    found = call(tiny_built, *words)
    assert found.exit_code == code, found.output
    assert line in found.stderr
    assert not found.stdout
    assert code == 2 or found.stderr.count("\n") == 1
    assert found.exception is None or isinstance(found.exception, SystemExit)
    assert snapshot(tiny_built) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("similar", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00"),
        ("physics", "--level", "PM_HIGH", "--ts", "2025-06-26T10:00"),
        ("sql", "from setups"),
        ("audit", "--date", "2025-06-26"),
        ("build", "--dates", "2025-06-26"),
        ("plan", "--dates", "2025-06-26"),
    ],
    ids=lambda words: words[0],
)
def test_a_root_that_was_never_built(words, tmp_path):
    found = call(tmp_path / "none", *words)
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1
    assert "build" in found.stderr or "--raw" in found.stderr
    assert not (tmp_path / "none").exists()


def test_two_products_and_none_named(tiny_raw, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    name = "xsim-mdp3-20250626.mbp-10.dbn.zst"
    shutil.copy(tiny_raw / name, raw)
    header = dbn.read_header(tiny_raw / name)
    day = dt.date(2025, 6, 26)
    valid = {"ESU5": [(day, day + dt.timedelta(days=1), 1)]}
    other = dbn.header_bytes("GLBX.MDP3", "mbp-10", valid, header.start, header.end)
    dbn.write(raw / "other.dbn.zst", other, dbn.read(tiny_raw / name))
    found = call(tmp_path / "root", "build", "--dates", "2025-06-26", "--raw", raw)
    assert found.exit_code == 1
    assert found.stderr == "error: there are several products: name one of ES, SIM with --product\n"
    assert not (tmp_path / "root").exists()


def test_a_damaged_file_among_good_ones(tiny_raw, tmp_path):
    raw = Path(shutil.copytree(tiny_raw, tmp_path / "raw"))
    bad = raw / "xsim-mdp3-20250625.mbp-10.dbn.zst"
    bad.write_bytes(bad.read_bytes()[:-5])
    found = call(tmp_path / "root", "build", "--dates", SPAN, "--raw", raw)
    assert found.exit_code == 1
    errors = [line for line in found.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and str(bad) in errors[0]
    assert found.stdout.endswith("1 failed\n")


def test_a_second_build_while_one_runs(tiny_built, tiny_raw):
    with workers.owner(tiny_built):
        found = call(tiny_built, "build", "--dates", SPAN, "--raw", tiny_raw)
    assert (found.exit_code, found.stderr) == (
        1,
        f"error: another build works on {tiny_built}: wait until it ends\n",
    )


def test_ctrl_c_is_one_line(tiny_built, monkeypatch):
    from warehouse import status

    monkeypatch.setattr(status, "status", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    found = call(tiny_built, "status")
    assert found.exit_code == 130
    assert found.stderr.startswith("stopped:") and found.stderr.count("\n") == 1


def test_a_system_error_is_one_line(tiny_built, tmp_path):
    (tmp_path / "file").touch()
    found = call(tmp_path / "file" / "root", "build", "--dates", SPAN, "--raw", tiny_built / "raw")
    assert found.exit_code == 1 and found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (OSError("No space left on device"), "error: No space left on device: check space and permissions\n"),
        (OSError(28, "No space left", "a/b"), "error: a/b: No space left\n"),
        (pl.exceptions.ComputeError("bad page"), "error: a file cannot be read (bad page): run `warehouse status --verify`\n"),
    ],
)  # fmt: skip
def test_what_the_system_or_an_engine_refuses_says_what_to_do(tiny_built, monkeypatch, failure, line):
    from warehouse import status

    monkeypatch.setattr(status, "status", lambda *_, **__: (_ for _ in ()).throw(failure))
    found = call(tiny_built, "status")
    assert (found.exit_code, found.stderr) == (1, line)


def test_status_of_a_damaged_root_names_what_is_damaged(tiny_built, tmp_path):
    root = Path(shutil.copytree(tiny_built, tmp_path / "root"))
    [note, *_] = sorted((root / "index").glob("*.json"))
    note.write_text("junk")
    (root / ".hashes.json").write_text("[1]")
    quality = store.partitions(root, "silver.quality")[0]
    quality.path.write_bytes(quality.path.read_bytes()[:50])
    found = call(root, "status", "--verify", "--json")
    assert found.exit_code == 1 and not found.stderr
    assert json.loads(found.stdout)["damaged"] == [quality.name, str(note.relative_to(root))]


def test_a_build_mends_what_is_damaged(tiny_built, tiny_raw, tmp_path):
    root = Path(shutil.copytree(tiny_built, tmp_path / "root"))
    (root / "warehouse.duckdb").write_bytes(b"junk" * 2000)
    (root / "index" / "snapshot30r.SIM.json").write_text("[]")
    (root / ".hashes.json").write_text("[1]")
    setups = store.partitions(root, "gold.setups")[0]
    setups.path.write_bytes(b"")
    built = call(root, "build", "--dates", SPAN, "--raw", tiny_raw)
    assert built.exit_code == 0, built.stderr
    assert call(root, "status", "--verify").exit_code == 0
    assert call(root, "sql", "select count(*) from file.setups").exit_code == 0


def test_build_plan_and_status(tiny_built, tiny_raw):
    built = call(tiny_built, "build", "--dates", SPAN, "--raw", tiny_raw)
    assert built.exit_code == 0
    assert built.stdout.startswith("0 made, ")
    assert (
        call(tiny_built, "plan", "--dates", SPAN, "--raw", tiny_raw)
        .stdout.splitlines()[-1]
        .startswith("0 to make")
    )
    shown = call(tiny_built, "status")
    assert "gold.setups" in shown.stdout and "index snapshot30r" in shown.stdout
    assert re.search(
        r"columns are constant or duplicates .* SIMU5 on 2025-06-26 from mbp-10, \d+ moments", shown.stdout
    )
    data = json.loads(call(tiny_built, "status", "--verify", "--json").stdout)
    assert not data["damaged"]
    assert {row["date"] for row in data["quality"]} == {str(date) for date in DATES}


def test_similar_and_physics(tiny_built, trigger):
    level, ts, setup = trigger
    shown = call(tiny_built, "similar", "--level", level, "--ts", ts)
    assert shown.exit_code == 0, shown.stderr
    assert level in shown.stdout and max(map(len, shown.stdout.splitlines())) <= 80
    data = json.loads(call(tiny_built, "similar", "--level", level, "--ts", ts, "--json").stdout)
    assert set(data) >= {"question", "outcomes", "n_eff", "abstained", "pressure", "story", "neighbours"}
    assert [point["point"] for point in data["pressure"]] == list(range(-4, 5))
    assert set(data["outcomes"]) == {"2m", "4m", "8m"}
    wall = dt.datetime.fromisoformat(ts).astimezone(dt.timezone(dt.timedelta(hours=-4)))  # EDT
    as_read = call(tiny_built, "similar", "--level", level, "--ts", f"{wall:%Y-%m-%dT%H:%M:%S}", "--json")
    assert json.loads(as_read.stdout) == data
    assert all(near["setup_id"] != setup for near in data["neighbours"])
    frames = json.loads(call(tiny_built, "physics", "--level", level, "--ts", ts, "--json").stdout)
    assert len(frames if isinstance(frames, list) else [frames]) == 1
    assert call(tiny_built, "physics", "--level", level, "--ts", ts).exit_code == 0


def test_sql(tiny_built, tmp_path):
    counted = call(tiny_built, "sql", "select count(*) as n from setups", "--format", "json")
    found = store.scan(store.partitions(tiny_built, "gold.setups")).select((~pl.col("is_placebo")).sum())
    rows = found.collect().item()
    assert json.loads(counted.stdout) == [{"n": rows}]
    out = tmp_path / "levels.csv"
    assert call(tiny_built, "sql", "from levels", "--format", "csv", "--out", out).exit_code == 0
    assert out.read_text().startswith("symbol,date,level_id,")


def test_features(tmp_path):
    listed = call(tmp_path, "features").stdout
    assert "volatility" in listed
    assert "sigma_60" in call(tmp_path, "features", "volatility").stdout
    assert "sigma_60" in call(tmp_path, "features", "sigma_60").stdout


def test_simulate_writes_what_it_lists(tmp_path):
    out = tmp_path / "raw"
    hours = f"{HOURS[0]:%H:%M}-{HOURS[0]:%H}:20"
    words = ("--dates", "2025-06-24", "--hours", hours, "--rate-scale", "0.02", "--workers", "1")
    found = call(tmp_path, "simulate", "--out", out, *words)
    assert found.exit_code == 0
    assert all(Path(line).exists() for line in found.stdout.splitlines())
    assert len(found.stdout.splitlines()) == 2


def test_the_root_comes_from_the_environment(tiny_built, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_ROOT", str(tiny_built))
    assert "gold.setups" in CliRunner().invoke(cli.app, ["status"]).stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys, cli; print(sorted({'polars', 'numpy', 'duckdb', 'rich', 'pyarrow'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"


def test_nothing_but_json_on_stdout_and_a_closed_pipe_is_no_traceback(tiny_built):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "cli.py", "--root", str(tiny_built), "status", "--json"]
    run = subprocess.run(command, cwd=CHECKOUT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert "Traceback" not in run.stderr
    assert run.returncode == 1


def test_a_rebuild_of_nothing_makes_nothing(tiny_built, tiny_raw):
    command = [sys.executable, "cli.py", "--root", str(tiny_built), "build", "--dates", SPAN]
    told = subprocess.run(
        [*command, "--raw", str(tiny_raw)], cwd=CHECKOUT, capture_output=True, check=True, text=True
    )
    assert "\n0 made, " in f"\n{told.stdout}" and ", 0 failed" in told.stdout


def test_a_page_that_cannot_be_written_is_refused_before_any_work(tmp_path) -> None:
    for path in (tmp_path, tmp_path / "none" / "page.html"):
        done = call(tmp_path / "root", "evaluate", "--html", path)
        assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
        assert done.output == f"error: {path} cannot be written: give --html a file in a folder that exists\n"
