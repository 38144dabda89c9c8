"""The event pass: hand tapes, laws, and a slow order-by-order book that it must agree with."""

import datetime as dt
from collections import Counter
from pathlib import Path

import numpy as np
import oracle_book as oracle
import polars as pl
import pytest
import real
import tapes
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tapes import LAST, POINT, TICK, at

from warehouse import bronze, dbn, store
from warehouse.errors import MissingStepError
from warehouse.flow import flow, pieces, sink, tape
from warehouse.schema import BOOK, LADDER, QUALITY, QUOTES, TRADES

BAR = 5_000_000_000
START = "2025-06-04T13:30"
DATE, SYMBOL = dt.date(2025, 6, 4), "SIMM5"
TABLES = {"quotes": QUOTES, "trades": TRADES, "ladder": LADDER, "book": BOOK, "quality": QUALITY}
FLOWS = ("add", "pull", "fill")


def landed(root: Path, schema, records, symbol=SYMBOL):
    """Bronze partitions of records, one a UTC date."""
    days = records["ts_recv"].astype(np.int64) // tapes.DAY_NS
    for day in np.unique(days):
        rows = bronze.batch([records[days == day]], schema)
        date = dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
        with store.temporary(root) as path:
            writer = bronze.writer(path, schema, rows.schema)
            for first in range(0, len(rows), 1000):
                writer.write_table(rows.slice(first, 1000))
            writer.close()
            target = store.partition(root, bronze.table(schema), symbol=symbol, date=date)
            store.place(target, path, {"tick": TICK, "rows": len(rows)})


def passed(tmp: Path, schema, records, *, date=DATE, symbol=SYMBOL, until=None):
    """The five tables of a tape."""
    root, out = tmp / "root", tmp / f"out-{len(list(tmp.glob('out-*')))}"
    if not root.exists():
        landed(root, schema, records, symbol)
    out.mkdir(parents=True)
    flow(root, symbol, date, schema, out, until)
    return {name: pl.read_parquet(out / f"{name}.parquet") for name in TABLES}


@pytest.fixture
def fresh(tmp_path_factory):
    return lambda: tmp_path_factory.mktemp("flow")


# --- H.1: a tape by hand ------------------------------------------------------------------------------------
#
# Ten bids 6000.00, 5999.75 .. 5997.75 of 10 lots and ten asks 6000.25 .. 6002.50 of 10 lots, one order each.
# Prices below as ticks from 6000.00: bids 0 .. -9, asks 1 .. 10.
#
#  # record                     event   what it means
#  1 snapshot-like first state    1     state, no flow: nothing known before
#  2 A bid 0 of 5                 2     add(B, 0) 5                                       10 -> 15
#  3 C bid 0 of 3 (partial)       3     pull(B, 0) 3                                      15 -> 12
#  4 T seller 4 at 0              4     (no LAST: the book before the trade)
#  5 C bid 0 of 4                 4     fill(B, 0) 4, nothing pulled                      12 -> 8
#  6 M bid -1, size up to 14      5     add(B, -1) 4                                      10 -> 14
#  7 M bid -1, size down to 12    6     pull(B, -1) 2                                     14 -> 12
#  8 M ask from 3 to 2, 10 -> 7   7     pull(A, 3) 10, add(A, 2) 7                        3 empties, an eleventh
#                                       ask (11, size 20) comes into view: edge in 20, not an add
#  9 T buyer 10 at 1              8
# 10 C ask 1 of 10                8     fill(A, 1) 10; best ask 2; ask 12 (size 30) comes into view: edge in 30
# 11 snapshot: one record         9     reset: bid 0 is 8 -> 50 lots, and no flow
# 12 A bid -2 of 6               10     add(B, -2) 6                                       10 -> 16

BASE = 24_000


def _levels(row, bids, asks):
    for name, levels in (("bid", bids), ("ask", asks)):
        for i, (price, size) in zip(tapes.LEVELS, levels, strict=False):
            row[f"{name}_px_{i}"], row[f"{name}_sz_{i}"], row[f"{name}_ct_{i}"] = (BASE + price) * TICK, size, 1


def hand_tape():
    bids = {-i: 10 for i in range(10)}
    asks = {i: 10 for i in range(1, 11)} | {11: 20, 12: 30}
    acts = [
        ("A", "B", -9, 10, {}, LAST),
        ("A", "B", 0, 5, {("B", 0): 15}, LAST),
        ("C", "B", 0, 3, {("B", 0): 12}, LAST),
        ("T", "A", 0, 4, {}, 0),
        ("C", "B", 0, 4, {("B", 0): 8}, LAST),
        ("M", "B", -1, 14, {("B", -1): 14}, LAST),
        ("M", "B", -1, 12, {("B", -1): 12}, LAST),
        ("M", "A", 2, 7, {("A", 3): 0, ("A", 2): 17}, LAST),
        ("T", "B", 1, 10, {}, 0),
        ("C", "A", 1, 10, {("A", 1): 0}, LAST),
        ("A", "B", 0, 50, {("B", 0): 50}, 32),
        ("A", "B", -2, 6, {("B", -2): 16}, LAST),
    ]
    out = tapes.mbp10(len(acts), start=START, step_ns=100_000_000)
    for row, (action, side, price, size, change, flags) in zip(out, acts, strict=True):
        for (own, tick), lots in change.items():
            (bids if own == "B" else asks)[tick] = lots
        row["action"], row["side"], row["flags"] = action.encode(), side.encode(), flags
        row["price"], row["size"] = (BASE + price) * TICK, size
        shown = sorted(((p, q) for p, q in bids.items() if q), reverse=True), sorted((p, q) for p, q in asks.items() if q)
        _levels(row, *shown)
    for prints in (3, 8):  # an event has one time
        out["ts_event"][prints + 1] = out["ts_event"][prints]
    return with_end(out)


def with_end(records, after_ns=BAR):
    """The same tape and a record without meaning that completes its bars."""
    end = records[-1:].copy()
    end["action"], end["side"], end["flags"], end["size"] = b"N", b"N", LAST, 0
    for name in ("ts_event", "ts_recv"):
        end[name] = records["ts_event"].max() + after_ns + (name == "ts_recv")
    return np.concatenate([records, end])


def at_price(ladder, side, tick):
    found = ladder.filter((pl.col("side") == side) & (pl.col("price") == (BASE + tick) / 4))
    return found.row(0, named=True)


def test_hand_tape_tells_adds_pulls_and_fills(fresh):
    found = passed(fresh(), "mbp-10", hand_tape())["ladder"]
    expected = {
        ("B", 0): (5, 3, 4), ("B", -1): (4, 2, 0), ("B", -2): (6, 0, 0),
        ("A", 1): (0, 0, 10), ("A", 2): (7, 0, 0), ("A", 3): (0, 10, 0),
    }  # fmt: skip
    told = {
        (side, round(price * 4) - BASE): flows
        for side, price, *flows in found.select("side", "price", *FLOWS).iter_rows()
        if any(flows)
    }
    assert told == {key: list(flows) for key, flows in expected.items()}


def test_hand_tape_ends_where_the_book_ends(fresh):
    found = passed(fresh(), "mbp-10", hand_tape())
    ladder, book = found["ladder"], found["book"].row(0, named=True)
    assert {tick: at_price(ladder, "A", tick)["qty"] for tick in (2, 3, 4, 11, 12)} == {2: 17, 3: 0, 4: 10, 11: 20, 12: 30}
    assert at_price(ladder, "A", 1)["qty"] == 0  # traded away, and known to be empty
    assert at_price(ladder, "B", 0)["qty"] == 50
    assert (book["meta_edge_in_qty"], book["meta_edge_out_qty"]) == (50, 0)
    assert (book["meta_reset"], book["buy_vol"], book["sell_vol"]) == (True, 10, 4)
    assert at_price(ladder, "A", 12)["qty_open"] is None
    counts = ladder.select(pl.col("n_add", "n_pull", "n_fill").sum()).row(0)
    assert counts == (4, 3, 2)


def test_hand_tape_quotes_reset_with_nulls(fresh):
    quotes = passed(fresh(), "mbp-10", hand_tape())["quotes"]
    assert quotes.select("bid_qty", "ask_qty", "reset").rows() == [
        (10, 10, False), (15, 10, False), (12, 10, False), (8, 10, False), (8, 17, False),
        (None, None, True), (50, 17, False),
    ]  # fmt: skip


def test_naive_differencing_by_ladder_index_fails_the_hand_tape():
    tape_ = hand_tape()
    ends = np.flatnonzero(tape_["flags"] & LAST)
    adds = sum(
        int(np.maximum(np.diff(tape_[f"{side}_sz_{i}"][ends].astype(np.int64)), 0).sum())
        for side in ("bid", "ask")
        for i in tapes.LEVELS
    )
    assert adds != 5 + 4 + 6 + 7


# --- a made-up market against the slow book ------------------------------------------------------------------


def cells(ladder, names):
    """Non-zero cells by (bar, side, price in ticks, name)."""
    out = Counter()
    for bar, side, price, *values in ladder.select(pl.col("bar_ts").cast(pl.Int64), "side", "price", *names).iter_rows():
        for name, value in zip(names, values, strict=True):
            if value:
                out[bar, side, round(price * 4), name] = value
    return out


def expected_cells(flows, names, bars):
    return Counter(
        {(*key, name): cell[name] for key, cell in flows.items() if key[0] in bars for name in names if cell[name]}
    )


def bars_of(found):
    return set(found["book"]["bar_ts"].cast(pl.Int64).to_list())


ORDER_FLOWS = (*FLOWS, "n_add", "n_pull", "n_fill", "hidden", "pull_young", "reprice_away", "reprice_toward")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_orders_agree_with_the_slow_book(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 150, at(START))
    check_orders(passed(tmp_path_factory.mktemp("mbo"), "mbo", records), records)


def check_orders(found, records):
    events, book = oracle.replay(records)
    bars, ladder = bars_of(found), found["ladder"]
    assert cells(ladder, ORDER_FLOWS) == expected_cells(oracle.flows_by_bar(events), ORDER_FLOWS, bars)
    ends = oracle.books_by_bar(records)
    rows = ladder.select(pl.col("bar_ts").cast(pl.Int64), "side", "price", "qty", "orders", "max_order")
    for bar, side, price, *shown in rows.filter(pl.col("qty").is_not_null()).iter_rows():
        assert tuple(shown) == ends[bar].get((side, round(price * 4)), (0, 0, 0)), (bar, side, price)
    assert found["quality"]["unknown_order_cnt"].item() == book.unknown
    assert found["book"]["meta_residual_qty"].sum() == 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_window_agrees_with_the_slow_book(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 150, at(START))
    found = passed(tmp_path_factory.mktemp("mbp"), "mbp-10", oracle.as_mbp10(records))
    events, _ = oracle.replay(records)
    for event in events:
        event.flows = list(oracle.visible(event)) if event.before else []
    bars = bars_of(found)
    assert cells(found["ladder"], FLOWS) == expected_cells(oracle.flows_by_bar(events), FLOWS, bars)
    assert found["book"]["meta_residual_qty"].sum() == 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_levels_at_bar_ends_are_the_books(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 120, at(START))
    states = {event.ts // BAR * BAR: event.after for event in oracle.replay(records)[0]}
    for schema, tape_ in (("mbo", records), ("mbp-10", oracle.as_mbp10(records))):
        found = passed(tmp_path_factory.mktemp("levels"), schema, tape_)["book"]
        for row in found.filter(~pl.col("meta_empty")).with_columns(pl.col("bar_ts").cast(pl.Int64)).iter_rows(named=True):
            state = states[row["bar_ts"]]
            for side, name in (("B", "bid"), ("A", "ask")):
                told = [(row[f"{name}_px_{i}"], row[f"{name}_sz_{i}"], row[f"{name}_ct_{i}"]) for i in tapes.LEVELS]
                levels = [(price / 4, lots, count) for price, lots, count in state[side]]
                assert told == levels + [(None, 0, 0)] * (10 - len(levels))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_visible_depth_changes_by_flow_and_edges_and_nothing_else(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 150, at(START))
    records = records[(records["flags"] & 32) == 0]
    for schema, tape_ in (("mbo", records), ("mbp-10", oracle.as_mbp10(records))):
        found = passed(tmp_path_factory.mktemp("edges"), schema, tape_)
        if schema == "mbp-10":
            book = found["book"].with_columns(
                depth=pl.sum_horizontal(pl.col(r"^(bid|ask)_sz_\d\d$")),
            )
            flows = found["ladder"].group_by("bar_ts").agg(net=(pl.col("add") - pl.col("pull") - pl.col("fill")).sum())
            moved = book.join(flows, on="bar_ts", how="left", maintain_order="left").with_columns(
                expected=pl.col("net").fill_null(0) + pl.col("meta_edge_in_qty") - pl.col("meta_edge_out_qty"),
                change=pl.col("depth") - pl.col("depth").shift(),
            )
            assert moved[1:].filter(pl.col("expected") != pl.col("change")).is_empty()
