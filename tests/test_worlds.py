"""Whole sessions of the simulator: both schemas tell one market, and the worlds do what they say."""

import datetime as dt
import hashlib
import json
import platform
import re

import numpy as np
import placebo
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from real import files, needs_real
from test_simulate import DAY, SIDES, Replay, last, records

from warehouse import dbn, session, store
from warehouse.build import build
from warehouse.request import Request
from warehouse.simulate import calibration, market, orders, realism, statistics, tape, targets, truth, worlds

HALF = dt.date(2025, 7, 3)
PINNED = {
    "mbp-10": "4b03011d95fd0ad41f1a0122a912d55264532404481a05858184dd6edf58f721",
    "mbo": "085e1d44f6cd17d9d0308b60e6b8c9f2ac8a2cf22e29b1713ca818c7fc3cfa72",
}
"""Of the uncompressed records of five minutes."""


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="pinned there")
@pytest.mark.parametrize("schema", PINNED)
def test_the_record_bytes_are_pinned(schema):
    hours = (dt.time(10), dt.time(10, 5))
    found = records(hours=hours, scale=0.3, world="planted", seed=3, schema=schema)[0]
    assert hashlib.sha256(found.tobytes()).hexdigest() == PINNED[schema]


def whole(schema):
    """A half day from 18:00 to its close, at a trickle."""
    asked = market._session(HALF, worlds.WORLDS["null"], None, 0.004, 0)
    return asked, np.concatenate(list(tape.records(asked, tape.contracts(HALF)[0], schema, [])))


def test_a_whole_session_replayed_from_its_orders_has_the_ten_levels_of_every_event():
    asked, mbp = whole("mbp-10")
    mbo = whole("mbo")[1]
    assert (asked.start, asked.end) == session.bounds(HALF)
    hours = (mbp["ts_event"].astype("i8") - asked.start) // (3600 * 10**9)
    assert set(hours) == set(range(20))  # 18:00 to 13:15
    book, compared = Replay(), 0
    shown = {int(record["sequence"]): record for record in last(mbp)}
    for record in mbo:
        book.apply(record)
        seen = shown.get(int(record["sequence"])) if record["flags"] & 128 else None
        if seen is None:
            continue
        compared += 1
        for letter, name, sign in SIDES:
            columns = [[int(seen[f"{name}_{w}_{i:02d}"]) for i in range(10)] for w in ("px", "sz", "ct")]
            assert book.ten(letter, sign) == [(px, (sz, ct)) for px, sz, ct in zip(*columns, strict=True)]
    assert compared == len(shown) > 2_000


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The silver of one session, landed from either schema."""
    folder = tmp_path_factory.mktemp("both")
    hours = (dt.time(9, 29), dt.time(9, 44))
    market.simulate(folder / "raw", [DAY], hours=hours, rate_scale=0.1, schema=("mbp-10", "mbo"))
    for schema in ("mbp-10", "mbo"):
        report = build(Request(folder / schema, str(DAY), raw=folder / "raw", schema=schema), lambda *_: None)
        assert not report.errors

    def part(schema, table):
        return pl.read_parquet(store.partition(folder / schema, table, symbol="SIMM5", date=str(DAY)).path)

    return part


@pytest.mark.parametrize("table", ["silver.quotes", "silver.trades"])
def test_both_schemas_give_the_same(both, table):
    shared = max(both(schema, table)["ts"].min() for schema in ("mbp-10", "mbo"))
    ten, full = (both(schema, table).filter(pl.col("ts") > shared) for schema in ("mbp-10", "mbo"))
    assert len(ten) > 100
    assert_frame_equal(ten, full)


def test_both_schemas_give_the_same_ladder_where_ten_levels_reach(both):
    ten, full = (both(schema, "silver.ladder") for schema in ("mbp-10", "mbo"))
    key, told = ["bar_ts", "side", "price"], ["qty", "orders", "add", "pull", "fill", "hidden"]
    bars = ten["bar_ts"].unique().sort()[1:]
    seen = ten.filter(
        pl.col("qty").is_not_null(), pl.col("seen_frac") == 1, pl.col("bar_ts").is_in(bars.implode())
    )
    assert len(seen) > 2_000
    assert_frame_equal(
        seen.select(*key, *told),
        seen.select(key).join(full, on=key, how="left", maintain_order="left").select(*key, *told),
    )


def test_the_oracle_is_a_distribution_and_null_where_nothing_was_calibrated():
    known = pl.DataFrame(
        {"z": [-1, 0, 1, 1], "x0_pts": [-1.0, -1.0, -1.0, None], "sigma_60": [2.0, 2.0, 2.0, None]}
    )
    chances = truth.oracle(worlds.WORLDS["planted"], known, truth.tabulated())
    assert chances[0, 0] < chances[0, 1] < chances[0, 2] and chances[1, 0] > chances[1, 1] > chances[1, 2]
    assert np.allclose(chances[:, :3].sum(axis=0), 1, atol=1e-3) and np.isnan(chances[:, 3]).all()
    assert np.isnan(truth.oracle(worlds.World("own", kf=0.123), known, truth.tabulated())).all()


def test_the_statistics_are_the_textbook_ones():
    path = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    assert statistics.variance_ratio(path, 2) == 0 and statistics.variance_ratio(np.arange(9), 3) == 3
    assert statistics.autocorrelation(np.array([1.0, -1] * 50), 2) == pytest.approx(0.98)
    assert statistics.kurtosis(np.array([1.0, -1, 1, -1])) == 1
    assert statistics.separation(np.array([1, 2, 2, 3]), np.array([False, False, True, True])) == 0.875
    x = np.arange(10.0)
    assert statistics.explained(3 * x + 1, x) == pytest.approx(1) and statistics.slope(
        3 * x + 1, x
    ) == pytest.approx(3)


def test_the_report_reddens_what_misses_and_nothing_else():
    values = [(t.low + min(t.high, t.low + 1)) / 2 for t in targets.TARGETS]
    grammar = {what: dict.fromkeys(shares, 0.5) for what, shares in targets.REAL.items()}
    assert "\x1b[31m" not in targets.text(values, grammar)
    values[11] = 99.0
    red = [line for line in targets.text(values, grammar).splitlines() if "\x1b[31m" in line]
    assert len(red) == 1 and targets.TARGETS[11].name in red[0] and red[0].count("missed") == 1


def test_a_session_with_default_parameters_keeps_every_target():
    found = realism.report(DAY, worlds.WORLDS["null"], 0)
    assert f"{len(targets.TARGETS)} of {len(targets.TARGETS)} within" in found, found
    assert re.search(
        r"^simulated +[\d.]+ million .*\nsimulated, compressed and written +[\d.]+ mill", found, re.MULTILINE
    )


def test_moves_lives_and_grammar_by_hand():
    told = pl.DataFrame(
        [
            (0, 0, "A", "B", 1, 100, 5), (1, 1, "A", "B", 2, 100, 2), (2, 2, "M", "B", 1, 101, 5),
            (3, 3, "T", "A", 9, 101, 3), (3, 3, "F", "B", 1, 101, 3), (3, 3, "M", "B", 1, 101, 2),
            (2_000_000_001, 4, "C", "B", 2, 100, 2),
        ],
        schema=["ts", "event", "action", "side", "order_id", "price", "size"],
        orient="row",
    )  # fmt: skip
    assert orders.moved(told) == 0.5 and orders.lives(told).tolist() == [2.0] and orders.unpaid(told) == 0
    shapes = orders.grammar(told)
    assert (shapes["A"], shapes["C"], shapes["M"], shapes["T F M"], shapes["other"]) == (
        0.5,
        0.25,
        0.25,
        1.0,
        0.0,
    )
    assert (
        orders.unpaid(told.with_columns(size=pl.when(pl.col("action") == "F").then(2).otherwise("size"))) == 1
    )


@needs_real
def test_the_grammar_of_the_real_hour_is_what_the_report_prints_beside_the_simulators():
    [path] = files("esh4-glbx-mdp3-20231225.mbo")
    told = orders.table(np.concatenate(list(dbn.read(path))))
    found = {
        "share of records": orders.shares(told),
        "events": orders.grammar(told),
        **orders.following(told),
    }
    assert {what: {k: round(v, 3) for k, v in by.items()} for what, by in found.items()} == targets.REAL


def test_which_action_follows_which_by_hand():
    told = pl.DataFrame({"action": list("AATFCA")})
    after = orders.following(told)
    assert after["after A"] == {"A": 0.5, "C": 0, "M": 0, "T": 0.5, "F": 0} and after["after T"]["F"] == 1
    assert after["after C"]["A"] == 1 and np.isnan(after["after M"]["A"])


def test_a_date_is_one_draw_where_arrivals_of_a_date_share_its_price():
    dates = [DAY, DAY, HALF, HALF]
    ended = pl.DataFrame({"date": dates, "broke": [True, True, False, False], "q": [0.5] * 4})
    off, half = placebo.gap(ended)
    assert off == 0 and half == pytest.approx(1.96 * np.sqrt(1 + 1) / 4)


def test_a_date_that_ends_early_has_no_report():
    with pytest.raises(realism.QuestionError, match="2025-07-03 has no session until 16:00"):
        realism.report(HALF, worlds.WORLDS["null"], 0)


def test_dials_that_the_table_lacks_are_calibrated_for_the_occasion(tmp_path, monkeypatch):
    """Against a count by hand of the same run's arrivals."""
    monkeypatch.setattr(calibration, "SESSIONS", 3)
    monkeypatch.setattr(calibration, "FEW", 2)
    monkeypatch.setattr(calibration, "ARRIVALS", 70)
    said = []
    given = {"world": "planted", "dials": {"km": 0.3, "p_break": 0.5}, "hours": (dt.time(9), dt.time(11))}
    market.simulate(tmp_path, [DAY], rate_scale=0.05, progress=lambda *at: said.append(at), **given)
    note = json.loads((tmp_path / "xsim-mdp3-20250604.json").read_text())["oracle"]
    dates, world = (
        session.sessions(calibration.FIRST, dt.date(2025, 3, 1)),
        worlds.World("own", 0.4, 0.4, 0.3),
    )
    known = pl.concat([calibration.session_of(world, day) for day in dates[: note["sessions"]]])
    known = known.filter(pl.col("outcome").is_not_null())
    assert len(known) == note["arrivals"] >= 70 and note["sessions"] in {3, 5, 7}
    place = pl.col("x0_pts") / pl.col("sigma_60")
    bins = [
        place < -0.6,
        place.is_between(-0.6, -0.4, closed="left"),
        place.is_between(-0.4, -0.2, closed="left"),
        place >= -0.2,
    ]
    for z, rows in zip((-1, 0, 1), note["cells"], strict=True):
        for inside, row in zip(bins, rows, strict=True):
            ended = known.filter(pl.col("z") == z, inside)["outcome"].to_list()
            expected = [ended.count(name) / len(ended) if ended else None for name in truth.OUTCOMES]
            assert row == (pytest.approx(expected, abs=1e-4) if ended else expected)
    told = pl.read_parquet(tmp_path / "xsim-mdp3-20250604.truth.parquet").filter(
        pl.col("x0_pts").is_not_null()
    )
    cells = [note["cells"][z + 1] for z in told["z"]]
    for row, by, x in zip(told["oracle_break"], cells, told["x0_pts"] / told["sigma_60"], strict=True):
        assert row == by[(x >= -0.6) + (x >= -0.4) + (x >= -0.2)][0]
    assert told["p_break"][0] == 0.5 and said[0] == ("calibrated sessions of kf=0.4,kn=0.4,km=0.3", 1, 3)
