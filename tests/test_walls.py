"""Blocks behind levels: walls hold, spoofs are pulled as price comes near, both schemas tell the same."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from test_simulate import DAY, MORNING, SIDES, TICK, Replay, last

from warehouse.simulate import market, tape, truth, worlds

LOTS = 300
WORLD = worlds.turned(worlds.WORLDS["planted"], {"wall": LOTS, "spoof": 1.0})


@pytest.fixture(scope="module")
def told():
    """Both tapes of a morning and its truth, times in ns and prices in ticks."""
    asked, contract = market._session(DAY, WORLD, MORNING, 0.05, 0), tape.contracts(DAY)[0]
    tapes, known = {}, {}
    for schema in ("mbp-10", "mbo"):
        arrivals = []
        tapes[schema] = np.concatenate(list(tape.records(asked, contract, schema, arrivals)))
        known[schema] = truth.told(asked, [contract], [arrivals])
    assert known["mbo"].equals(known["mbp-10"])
    return tapes["mbo"], tapes["mbp-10"], list(known["mbo"].iter_rows(named=True))


def ns(moment):
    return int(pl.Series([moment]).dt.cast_time_unit("ns").cast(pl.Int64)[0]) if moment else None


def placed(mbo, row):
    """The block's orders: {order id: ticks behind the level}."""
    sign, side = (1, b"A") if row["direction"] == "UP" else (-1, b"B")
    now = mbo[(mbo["ts_event"].astype("i8") == ns(row["arrival_ts"])) & (mbo["size"] == LOTS)]
    now = now[(now["action"] == b"A") & (now["side"] == side)]
    level = round(row["price"] * 1e9)
    return {int(r["order_id"]): sign * (int(r["price"]) - level) // TICK for r in now}


def ends(mbo, order):
    """(action, ns, whether by a trade) of all that happens to an order after it was placed."""
    rows = mbo[(mbo["order_id"] == order) & (mbo["action"] != b"A")]
    traded = np.isin(rows["sequence"], mbo["sequence"][mbo["action"] == b"T"])
    return [(bytes(r["action"]), int(r["ts_event"]), bool(t)) for r, t in zip(rows, traded, strict=True)]


def test_a_wall_stands_for_a_reject_and_a_spoof_for_a_break(told):
    mbo, _, rows = told
    seen = dict.fromkeys((-1, 0, 1), 0)
    for row in rows:
        blocks = placed(mbo, row)
        frozen_at_once = ns(row["trigger_ts"]) and ns(row["trigger_ts"]) + truth.BAR_NS == ns(
            row["arrival_ts"]
        )
        if row["z"] == 0 or frozen_at_once:
            assert row["block_lots"] == 0 and not blocks
        else:
            assert row["block_lots"] == LOTS * len(blocks) and sorted(blocks.values()) == [0, 1, 2]
        seen[row["z"]] += bool(blocks)
        assert row["pulled_ts"] is None or row["z"] == 1
    assert seen[0] == 0 and min(seen[-1], seen[1]) >= 3


def test_nothing_but_trades_takes_a_wall_until_its_race_is_over(told):
    mbo, _, rows = told
    held = 0
    for row in rows:
        if row["z"] != -1 or not row["trigger_ts"]:
            continue
        over = ns(row["hit_ts"]) or ns(row["trigger_ts"]) + truth.BAR_NS + 480 * 10**9
        for order in placed(mbo, row):
            acts = [traded for _, ts, traded in ends(mbo, order) if ts < over]
            held += 1
            assert all(acts)
    assert held >= 6


def test_a_spoof_is_pulled_as_the_touch_comes_within_two_ticks(told):
    mbo, mbp, rows = told
    ended = last(mbp)
    times, pulled = ended["ts_event"].astype("i8"), 0
    for row in rows:
        if row["pulled_ts"] is None:
            continue
        moment = ns(row["pulled_ts"])
        sign, best = (1, "ask_px_00") if row["direction"] == "UP" else (-1, "bid_px_00")
        ahead = sign * (round(row["price"] * 1e9) - ended[best].astype("i8")) // TICK
        assert ahead[np.searchsorted(times, moment) - 1] <= 2
        # A tenth of a second is the step at which it is seen.
        quiet = slice(*np.searchsorted(times, [ns(row["arrival_ts"]), moment - 2 * 10**8]))
        steps = np.unique((times[quiet] + 10**8 - 1) // 10**8, return_index=True)[1]
        assert (ahead[quiet][np.r_[steps[1:] - 1, -1]] > 2).all() if steps.size else True
        left = [
            acts[-1]
            for acts in (ends(mbo, order) for order in placed(mbo, row))
            if not all(t for *_, t in acts)
        ]
        assert left and {(action, ts, traded) for action, ts, traded in left} == {(b"C", moment, False)}
        pulled += 1
    assert pulled >= 3


def test_the_book_behind_both_tapes_is_one(told):
    mbo, mbp, _ = told
    start = int(mbo["ts_event"].max()) - 40 * 60 * 10**9
    book, shown, compared = Replay(), {int(r["sequence"]): r for r in last(mbp)}, 0
    for record in mbo:
        book.apply(record)
        seen = shown.get(int(record["sequence"])) if record["flags"] & 128 else None
        if seen is None or record["ts_event"] < start:
            continue
        compared += 1
        for letter, name, sign in SIDES:
            columns = [[int(seen[f"{name}_{w}_{i:02d}"]) for i in range(10)] for w in ("px", "sz", "ct")]
            assert book.ten(letter, sign) == [(px, (sz, ct)) for px, sz, ct in zip(*columns, strict=True)]
    assert compared > 5_000


def test_worlds_without_a_wall_show_no_block():
    asked = market._session(DAY, worlds.WORLDS["planted"], (dt.time(9), dt.time(11)), 0.05, 0)
    arrivals, contract = [], tape.contracts(DAY)[0]
    list(tape.records(asked, contract, "mbp-10", arrivals))
    known = truth.told(asked, [contract], [arrivals])
    assert len(known) and set(known["block_lots"]) == {0} and known["pulled_ts"].is_null().all()
