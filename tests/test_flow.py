"""The event pass: hand tapes, laws, and a slow order-by-order book that it must agree with."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from pathlib import Path

import agreement
import numpy as np
import oracle_book as oracle
import polars as pl
import pytest
import tapes
from agreement import HOUR, HOUR_DATE, OPEN
from flow_pass import DATE, SYMBOL, TABLES, landed, passed
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tapes import LAST, POINT, TICK, at

from warehouse import dbn
from warehouse.errors import MissingStepError
from warehouse.flow import flow, pieces, sink, tape

BAR = 5_000_000_000
START = "2025-06-04T13:30"
FLOWS = ("add", "pull", "fill")


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
            row[f"{name}_px_{i}"], row[f"{name}_sz_{i}"], row[f"{name}_ct_{i}"] = (
                (BASE + price) * TICK,
                size,
                1,
            )


def hand_tape():
    bids = {-i: 10 for i in range(10)}
    asks = dict.fromkeys(range(1, 11), 10) | {11: 20, 12: 30}
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
        shown = (
            sorted(((p, q) for p, q in bids.items() if q), reverse=True),
            sorted((p, q) for p, q in asks.items() if q),
        )
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
    assert {tick: at_price(ladder, "A", tick)["qty"] for tick in (2, 3, 4, 11, 12)} == {
        2: 17,
        3: 0,
        4: 10,
        11: 20,
        12: 30,
    }
    assert at_price(ladder, "A", 1)["qty"] == 0  # traded away, and known to be empty
    assert at_price(ladder, "B", 0)["qty"] == 50
    assert (book["meta_edge_in_qty"], book["meta_edge_out_qty"]) == (50, 0)
    assert (book["meta_reset"], book["buy_vol"], book["sell_vol"]) == (True, 10, 4)
    assert at_price(ladder, "A", 12)["qty_open"] is None
    counts = ladder.select(pl.col("n_add", "n_pull", "n_fill", "n_modify").sum()).row(0)
    assert counts == (4, 3, 2, 3)


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
    for bar, side, price, *values in ladder.select(
        pl.col("bar_ts").cast(pl.Int64), "side", "price", *names
    ).iter_rows():
        for name, value in zip(names, values, strict=True):
            if value:
                out[bar, side, round(price * 4), name] = value
    return out


def expected_cells(flows, names, bars):
    return Counter(
        {
            (*key, name): cell[name]
            for key, cell in flows.items()
            if key[0] in bars
            for name in names
            if cell[name]
        }
    )


def bars_of(found):
    return set(found["book"]["bar_ts"].cast(pl.Int64).to_list())


ORDER_FLOWS = (
    *FLOWS,
    "n_add",
    "n_pull",
    "n_fill",
    "n_modify",
    "hidden",
    "pull_young",
    "reprice_away",
    "reprice_toward",
)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_orders_agree_with_the_slow_book(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 150, at(START))
    check_orders(passed(tmp_path_factory.mktemp("mbo"), "mbo", records), records)


def check_orders(found, records):
    events, book = oracle.replay(records)
    bars, ladder = bars_of(found), found["ladder"]
    assert cells(ladder, ORDER_FLOWS) == expected_cells(oracle.flows_by_bar(events), ORDER_FLOWS, bars)
    rows = ladder.select(pl.col("bar_ts").cast(pl.Int64), "side", "price", "qty", "orders", "max_order")
    told = {(bar, side, round(price * 4)): tuple(shown) for bar, side, price, *shown in rows.iter_rows()}
    told = {key: shown for key, shown in told.items() if shown[0] is not None}
    wanted = {}
    for bar, *price in told:
        wanted.setdefault(bar, []).append(tuple(price))
    assert told == oracle.books_by_bar(records, wanted)
    assert found["quality"]["unknown_order_cnt"].item() == len(book.unknown)
    assert found["book"]["meta_residual_qty"].sum() == 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_window_agrees_with_the_slow_book(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 150, at(START))
    found = passed(tmp_path_factory.mktemp("mbp"), "mbp-10", oracle.as_mbp10(records))
    events, _ = oracle.replay(records)
    for event in events:
        event.flows = list(oracle.visible(event)) if event.before else []
        event.modified = oracle.visible_modifies(event) if event.before else []
    bars, names = bars_of(found), (*FLOWS, "n_modify")
    assert cells(found["ladder"], names) == expected_cells(oracle.flows_by_bar(events), names, bars)
    assert found["book"]["meta_residual_qty"].sum() == 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_levels_at_bar_ends_are_the_books(tmp_path_factory, seed):
    records = oracle.random_mbo(seed, 120, at(START))
    states = {event.ts // BAR * BAR: event.after for event in oracle.replay(records)[0]}
    for schema, tape_ in (("mbo", records), ("mbp-10", oracle.as_mbp10(records))):
        found = passed(tmp_path_factory.mktemp("levels"), schema, tape_)["book"]
        for row in (
            found.filter(~pl.col("meta_empty"))
            .with_columns(pl.col("bar_ts").cast(pl.Int64))
            .iter_rows(named=True)
        ):
            state = states[row["bar_ts"]]
            for side, name in (("B", "bid"), ("A", "ask")):
                told = [
                    (row[f"{name}_px_{i}"], row[f"{name}_sz_{i}"], row[f"{name}_ct_{i}"])
                    for i in tapes.LEVELS
                ]
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
            flows = (
                found["ladder"]
                .group_by("bar_ts")
                .agg(net=(pl.col("add") - pl.col("pull") - pl.col("fill")).sum())
            )
            moved = book.join(flows, on="bar_ts", how="left", maintain_order="left").with_columns(
                expected=pl.col("net").fill_null(0)
                + pl.col("meta_edge_in_qty")
                - pl.col("meta_edge_out_qty"),
                change=pl.col("depth") - pl.col("depth").shift(),
            )
            assert moved[1:].filter(pl.col("expected") != pl.col("change")).is_empty()


# --- laws ------------------------------------------------------------------------------------------------------


def market(seed=7, events=400):
    return oracle.as_mbp10(oracle.random_mbo(seed, events, at(START)))


def files(tmp):
    return {name: (tmp / f"{name}.parquet").read_bytes() for name in TABLES}


@pytest.mark.parametrize("schema", ["mbp-10", "mbo"])
def test_what_is_written_does_not_depend_on_how_it_is_cut(fresh, monkeypatch, schema):
    records = oracle.random_mbo(3, 120, at(START))
    landed(root := fresh(), schema, oracle.as_mbp10(records) if schema == "mbp-10" else records)
    monkeypatch.setattr(sink, "ROWS", 100)
    written = []
    for rows, bars in ((1 << 17, 256), (37, 3), (5, 1)):
        monkeypatch.setattr(tape, "RECORDS", rows)
        monkeypatch.setattr(pieces, "BARS", bars)
        flow(root, SYMBOL, DATE, schema, out := fresh())
        written.append(files(out))
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("schema", ["mbp-10", "mbo"])
def test_records_cut_off_later_change_nothing_before(fresh, schema):
    records = oracle.random_mbo(11, 200, at(START))
    records = oracle.as_mbp10(records) if schema == "mbp-10" else records
    whole = passed(tmp := fresh(), schema, records)
    for cut in np.linspace(records["ts_recv"][50], records["ts_recv"][-2], 6).astype(np.int64):
        part = passed(tmp, schema, records, until=int(cut))
        for name in ("ladder", "book"):
            assert part[name].height
            kept = whole[name].filter(pl.col("bar_ts") <= part[name]["bar_ts"].max())
            assert_frame_equal(part[name], kept, check_exact=True)
        for name in ("quotes", "trades"):
            assert_frame_equal(part[name], whole[name].head(part[name].height), check_exact=True)


def test_tables_are_what_is_declared(fresh):
    found = passed(fresh(), "mbp-10", market(events=60))
    for name, declared in TABLES.items():
        assert dict(found[name].schema) == declared.schema


def test_bars_tile_and_empty_ones_carry_the_state(fresh):
    found = passed(fresh(), "mbp-10", market())
    book = found["book"]
    assert book["bar_ts"].diff().drop_nulls().cast(pl.Int64).unique().to_list() == [BAR]
    sizes = [
        f"{side}_{what}_{i}" for side in ("bid", "ask") for what in ("px", "sz", "ct") for i in tapes.LEVELS
    ]
    before = book.select(pl.col(sizes).shift())[1:]
    empty = book[1:]["meta_empty"]
    assert empty.any()
    assert_frame_equal(book[1:].filter(empty).select(sizes), before.filter(empty))
    quiet = book.filter(pl.col("meta_empty"))
    assert_frame_equal(
        quiet.select(pl.col("bid_sz_00_twa", "ask_sz_09_twa")),
        quiet.select(
            bid_sz_00_twa=pl.col("bid_sz_00").cast(float), ask_sz_09_twa=pl.col("ask_sz_09").cast(float)
        ),
    )
    assert quiet["msg_cnt"].sum() == quiet["ofi_abs"].sum() == 0


def still(n, **changes):
    """A tape of `n` records over a book of ten levels of 10 lots each side, first ask one tick above 6000."""
    out = tapes.mbp10(n, start=START)
    for row in out:
        _levels(row, [(-i, 10) for i in range(10)], [(i, 10) for i in range(1, 11)])
    out["action"], out["side"], out["size"], out["price"] = b"A", b"B", 1, (BASE - 9) * TICK
    for name, values in changes.items():
        out[name] = values
    return out


def at_times(records, *seconds):
    out = records.copy()
    out["ts_event"] = [at(START) + int(s * 1e9) for s in seconds]
    out["ts_recv"] = out["ts_event"] + 1000
    return out


def test_time_weighted_size_reaches_the_edges_of_the_bar(fresh):
    # 10 lots at the best bid until second 1 of the second bar, 30 lots until its end and through an empty third
    # bar: (10 * 1 + 30 * 4) / 5 = 26. The book is known from second 2 of the first bar on.
    records = at_times(still(3), 2.0, 6.0, 15.0)
    records["price"][1:], records["size"][1] = BASE * TICK, 20
    records["bid_sz_00"][1:] = 30
    found = passed(fresh(), "mbp-10", records)
    ladder = found["ladder"].filter(side="B", price=BASE / 4)
    assert ladder["qty_twa"].to_list() == [10, 26, 30]
    assert ladder["seen_frac"].to_list() == [0.6, 1, 1]
    assert ladder["qty_open"].to_list() == [None, 10, 30]
    book = found["book"]
    assert book["bid_sz_00_twa"].to_list() == [10, 26, 30]
    # Balance of the best sizes: 0 for one second, (30 - 10) / 40 for four.
    assert book["obi0_twa"].to_list() == [0, 0.4, 0.5]
    assert book["spread_twa"].to_list() == [0.25, 0.25, 0.25]
    assert book["tight_frac"].to_list() == [1, 1, 1]
    # The microprice lies between 6000 and 6000.25: four bids within a point of it, four more within two.
    assert book["bid_p0_1_qty_twa"].to_list() == [40, 56, 60]
    assert book["bid_p1_2_qty_twa"].to_list() == [40, 40, 40]
    assert book["bid_p2_3_qty_twa"].to_list() == [20, 20, 20]
    assert book["ask_p3_5_qty_twa"].null_count() == 3


def test_a_lone_buyer_who_lifts_the_ask_bought(fresh):
    records = at_times(still(3), 0, 1, 1)
    records["action"][1:] = b"T", b"C"
    records["side"][1:], records["price"][1:], records["size"][1:] = (b"B", b"A"), (BASE + 1) * TICK, 4
    records["flags"][1], records["ask_sz_00"][2] = 0, 6
    found = passed(fresh(), "mbp-10", with_end(records))
    assert found["trades"].drop("ts").rows() == [(6000.25, 4, "B")]
    assert found["book"].select("buy_vol", "sell_vol", "ofi_00").row(0) == (4, 0, 4)
    assert at_price(found["ladder"], "A", 1)["fill"] == 4
    assert found["book"]["fill_ask_p0_1"][0] == 4


def test_a_trade_without_aggressor_consumes_each_side_best_first_and_counts_for_none(fresh):
    records = at_times(still(4), 0, 1, 1, 1)
    records["action"][1:], records["side"][1:] = (b"T", b"C", b"C"), (b"N", b"B", b"A")
    records["price"][1:] = (BASE * TICK, BASE * TICK, (BASE + 1) * TICK)
    records["size"][1:], records["flags"][1:3] = (5, 7, 3), 0
    records["bid_sz_00"][2:], records["ask_sz_00"][3:] = 3, 7
    found = passed(fresh(), "mbp-10", with_end(records))
    bid, ask = at_price(found["ladder"], "B", 0), at_price(found["ladder"], "A", 1)
    # Five lots traded at 6000: of seven that left the bid five; the ask at 6000.25 is worse than the trade.
    assert (bid["fill"], bid["pull"], ask["fill"], ask["pull"]) == (5, 2, 0, 3)
    assert found["book"].select("buy_vol", "sell_vol", "unknown_vol").row(0) == (0, 0, 5)
    assert found["quality"]["unknown_trade_frac"].item() == 1


def test_a_removal_just_after_a_trade_that_changed_no_book_is_its_fill(fresh):
    records = at_times(still(4), 0, 1, 1.0005, 1.5)
    records["action"][1:], records["side"][1:] = (b"T", b"C", b"C"), (b"A", b"B", b"B")
    records["price"][1:], records["size"][1:] = BASE * TICK, (4, 4, 2)
    records["bid_sz_00"][2:] = 6, 4
    found = passed(fresh(), "mbp-10", with_end(records))
    bid = at_price(found["ladder"], "B", 0)
    assert (bid["fill"], bid["pull"], bid["hidden"]) == (4, 2, 0)
    assert found["book"]["meta_trade_unmatched_qty"][0] == 0


def test_traded_beyond_what_was_shown_is_hidden_and_an_answer_is_a_refill(fresh):
    records = at_times(still(5), 0, 1, 1, 1, 1.5)
    records["action"][1:], records["side"][1:] = (b"T", b"C", b"A", b"A"), (b"A", b"B", b"B", b"B")
    records["price"][1:], records["size"][1:] = BASE * TICK, (12, 10, 3, 2)
    records["flags"][1:3] = 0
    records["bid_sz_00"][3:] = 3, 5
    found = passed(fresh(), "mbp-10", with_end(records))
    bid = at_price(found["ladder"], "B", 0)
    assert {name: bid[name] for name in ("fill", "pull", "hidden", "add", "refill", "add_after_trade")} == {
        "fill": 10, "pull": 0, "hidden": 2, "add": 5, "refill": 3, "add_after_trade": 5,
    }  # fmt: skip


def test_late_records_stay_in_the_bar_of_the_latest_time_and_are_counted(fresh):
    records = at_times(still(3), 4, 6, 4.5)
    found = passed(fresh(), "mbp-10", with_end(records, 2 * BAR))
    assert found["book"]["msg_cnt"].to_list()[:2] == [1, 2]
    assert found["book"]["meta_late_cnt"].to_list()[:2] == [0, 1]
    assert found["quality"]["late_cnt"].item() == 1


def test_a_time_from_the_future_does_not_end_the_date(fresh):
    records = at_times(still(4), 0, 6, 11, 16)
    records["ts_event"][1] = at("2025-06-09T13:30")
    found = passed(fresh(), "mbp-10", records)
    assert found["book"]["msg_cnt"].to_list() == [1, 1, 1]
    assert found["quality"]["late_cnt"].item() == 1


ODD = {
    "action": [b"A", b"C", b"M", b"R", b"T", b"F", b"N", b"?"],
    "side": [b"A", b"B", b"N"],
    "flags": [0, LAST, 32, 32 | 8, LAST | 4, LAST | 8],
    "size": [0, 1, 7, dbn.UNDEF_PRICE >> 31],
    "price": [BASE * TICK, (BASE + 3) * TICK, BASE * TICK + 1, -5 * TICK, 0, 10**17, dbn.UNDEF_PRICE],
    "order_id": [0, 1, 2, 3],
}


@pytest.mark.parametrize("schema", ["mbp-10", "mbo"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nonsense_is_read_without_a_fall_and_the_same_in_any_pieces(tmp_path_factory, schema, seed):
    rng = np.random.default_rng(seed)
    records = {"mbp-10": tapes.walk, "mbo": tapes.mbo}[schema](120, start=START)
    for name, values in ODD.items():
        if name in records.dtype.names:
            spoilt = rng.random(len(records)) < rng.choice([0.05, 0.5])
            records[name][spoilt] = rng.choice(np.array(values), spoilt.sum())
    for name in ("ts_event", "ts_recv"):
        records[name] += (np.cumsum(rng.choice([0, 1, 2], len(records))) * 10**9).astype(np.uint64)
    records["ts_event"][rng.random(len(records)) < 0.05] += np.uint64(rng.choice([0, 2**62, 10**10]))
    spoilt = rng.random(len(records)) < 0.05
    for name in set(records.dtype.names) & {"bid_px_00", "ask_px_09", "bid_px_09"}:
        records[name][spoilt] = rng.choice(ODD["price"], spoilt.sum())
    records["sequence"][rng.random(len(records)) < 0.1] = rng.choice([1, 2**32 - 1])
    told = rng.choice([1, 2], len(records), p=[0.9, 0.1])
    block = int(rng.integers(len(records) - 20))
    records = np.concatenate([np.repeat(records, told), records[block : block + 20]])
    landed(root := tmp_path_factory.mktemp("odd"), schema, records)
    written = []
    for rows in (1 << 16, 9):
        out = tmp_path_factory.mktemp("out")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tape, "RECORDS", rows)
            flow(root, SYMBOL, DATE, schema, out)
        written.append(files(out))
    assert written[0] == written[1]


def test_bad_book_sticks_until_the_next_reset(fresh):
    records = at_times(still(4), 0, 6, 11, 16)
    records["flags"] = LAST, LAST | 4, LAST, 32
    found = passed(fresh(), "mbp-10", with_end(records, 2 * BAR))
    assert found["book"]["meta_badbook"].to_list()[:5] == [False, True, True, True, False]
    assert found["quality"].select("badbook_cnt", "reset_cnt").row(0) == (1, 1)


def test_absurd_prints_and_prices_off_the_grid_touch_no_table(fresh):
    records = at_times(still(4), 0, 1, 2, 3)
    records["action"], records["side"] = (b"A", b"T", b"T", b"C"), (b"B", b"A", b"A", b"B")
    records["price"] = (BASE - 9) * TICK, int(50.90 * POINT), BASE * TICK + 1, BASE * TICK
    records["size"][3] = dbn.UNDEF_PRICE >> 31
    found = passed(fresh(), "mbp-10", with_end(records))
    assert found["trades"].is_empty()
    assert found["ladder"].select(*FLOWS, "hidden").sum().row(0) == (0, 0, 0, 0)
    assert found["ladder"]["price"].min() > 5990
    assert found["quality"].select("off_grid_cnt", "no_value_cnt", "absurd_cnt").row(0) == (2, 1, 0)


def test_a_far_level_does_not_fill_the_ladder_with_ticks(fresh):
    records = at_times(still(2), 0, 6)
    records["bid_px_09"] = 85 * POINT
    found = passed(fresh(), "mbp-10", records)
    assert found["ladder"].height == 401 + 10
    assert found["book"]["bid_px_09"].to_list() == [85]


def test_prices_outside_of_the_window_are_unknown_and_empty_ticks_inside_are_zero(fresh):
    records = at_times(still(3), 0, 6, 11)
    records["action"][1:], records["price"][1:] = b"C", (BASE - 4) * TICK
    for i in range(4, 9):
        records[f"bid_px_{tapes.LEVELS[i]}"][1:] = (BASE - i - 1) * TICK
    records["bid_px_09"][1:] = (BASE - 12) * TICK
    ladder = passed(fresh(), "mbp-10", records)["ladder"].filter(pl.col("side") == "B")
    second = ladder.filter(pl.col("bar_ts").cast(pl.Int64) == at(START) + BAR).sort("price")
    assert [round(p * 4) - BASE for p in second["price"]] == list(range(-12, 1))
    assert second["qty"].to_list() == [10, 0, 0, 10, 10, 10, 10, 10, 0, 10, 10, 10, 10]
    assert second["qty_open"].to_list() == [None, None, None, *[10] * 10]
    assert second["seen_frac"].to_list() == [0.8, 0.8, 0.8, *[1.0] * 10]


def test_the_evening_belongs_to_the_date_and_the_halt_before_it_only_gives_the_state(fresh):
    # 18:00 in New York is 22:00 UTC of the day before.
    records = still(5)
    times = ["2025-06-03T20:59:59", "2025-06-03T21:59:58", "2025-06-03T22:00:03", "2025-06-04T00:00:01", "2025-06-04T21:00:01"]  # fmt: skip
    records["ts_event"], records["ts_recv"] = [at(t) for t in times], [at(t) + 1000 for t in times]
    found = passed(fresh(), "mbp-10", records)
    bars = found["book"]["bar_ts"].cast(pl.Int64)
    assert (bars[0], bars[-1]) == (at("2025-06-03T22:00"), at("2025-06-04T20:59:55"))
    assert found["ladder"].row(0, named=True)["qty_open"] == 10
    assert found["ladder"]["seen_frac"][0] == 1
    assert found["quality"].select("evening", "records").row(0) == (True, 2)
    assert found["quotes"].is_empty()


def test_no_state_and_no_flow_cross_the_halt(fresh):
    records = still(3)
    times = ["2025-06-03T20:59:59", "2025-06-03T22:00:03", "2025-06-03T22:00:11"]
    records["ts_event"], records["ts_recv"] = [at(t) for t in times], [at(t) + 1000 for t in times]
    records["bid_sz_00"][0], records["bid_px_00"][0] = 99, 8000 * POINT
    records["price"][1], records["action"][1] = BASE * TICK, b"T"
    found = passed(fresh(), "mbp-10", records)
    first = found["ladder"].filter(side="B", price=6000).row(0, named=True)
    assert (first["qty_open"], first["qty"], first["seen_frac"], first["pull"]) == (None, 10, 0.4, 0)
    assert found["book"].select("ofi_00", "meta_edge_in_qty", "meta_turnover_qty").row(0) == (0, 0, 0)
    assert (found["quotes"].height, found["trades"].height) == (1, 1)


def test_orders_rest_through_the_halt(fresh):
    records = tapes.mbo(4)
    times = ["2025-06-03T10:00", "2025-06-03T10:01", "2025-06-03T22:00:03", "2025-06-03T22:00:11"]
    records["ts_event"], records["ts_recv"] = [at(t) for t in times], [at(t) + 1000 for t in times]
    records["action"][0], records["side"][0] = b"R", b"N"
    found = passed(fresh(), "mbo", records)
    ladder = found["ladder"].filter(price=6000)
    assert ladder.select("qty_open", "qty", "add", "orders").row(0) == (1, 2, 1, 2)
    assert found["quality"].select("records", "reset_cnt").row(0) == (2, 0)


def test_orders_before_the_book_is_known_do_nothing_and_are_counted(fresh):
    records = oracle.random_mbo(5, 60, at(START))
    headless = records[60:]
    found = passed(fresh(), "mbo", headless)
    assert found["quotes"].is_empty()
    assert found["ladder"].is_empty()
    assert found["book"]["bid_sz_00_twa"].null_count() == found["book"].height
    assert found["trades"].height == (headless["action"] == b"T").sum()
    named = np.isin(headless["action"], (b"C", b"M", b"F"))
    assert found["quality"]["unknown_order_cnt"].item() == named.sum()


def test_a_date_that_is_not_landed_is_refused(tmp_path):
    with pytest.raises(MissingStepError, match="no mbo records of SIMM5 for 2025-06-04 are landed"):
        flow(tmp_path, SYMBOL, DATE, "mbo", tmp_path)


# --- the real hour -----------------------------------------------------------------------------------------------

needs_hour = pytest.mark.skipif(not HOUR.is_file(), reason=f"no real order flow at {HOUR}")


@pytest.fixture(scope="module")
def hour():
    """Records, events, the book they leave and the MBP-10 tape of the real hour."""
    records = np.concatenate(list(dbn.read(HOUR)))
    return records, *oracle.replayed(records)


@pytest.fixture(scope="module")
def hour_passed(tmp_path_factory, hour):
    """Tables of the real hour from orders, and from the window."""
    tmp = tmp_path_factory.mktemp("hour")
    return (
        passed(tmp / "mbo", "mbo", hour[0], date=HOUR_DATE, symbol="ESH4"),
        passed(tmp / "mbp", "mbp-10", hour[3], date=HOUR_DATE, symbol="ESH4"),
    )


@needs_hour
def test_the_real_hour_agrees_with_the_slow_book(hour, hour_passed):
    found, _ = hour_passed
    check_orders(found, hour[0])
    assert found["book"]["meta_turnover_qty"].sum() > 100_000
    assert found["quality"]["unknown_order_cnt"].item() == 7  # fills of orders that never rested
    assert found["quotes"].filter(pl.col("bid_px") >= pl.col("ask_px")).is_empty()


@needs_hour
def test_no_order_of_the_real_hour_is_cancelled_or_modified_before_it_was_seen(hour):
    """The seven fills are of the opening auction, of orders that were filled before they rested."""
    unknown = hour[2].unknown
    assert {(record.action, record.side, record.ts_event) for record in unknown} == {("F", "N", OPEN)}
    assert (len(unknown), sum(record.size for record in unknown)) == (7, 14)


@needs_hour
def test_resting_fills_are_the_trades_in_every_event_of_the_real_hour(hour):
    traded = [event for event in hour[1] if event.trades]
    assert len(traded) == sum(+event.trades == +event.resting_fills for event in traded) == 2833


@needs_hour
def test_the_window_of_the_real_hour_tells_the_truth_inside_the_known_set(hour, hour_passed):
    _, found = hour_passed
    truth = Counter()
    for event in hour[1]:
        if event.ts >= OPEN and not agreement.is_auction(event):
            for act in oracle.visible(event):
                truth[act.kind] += act.qty
    assert truth == {"add": 45_478, "pull": 35_994, "fill": 9_517}
    ladder = cells(found["ladder"], FLOWS)
    bars = bars_of(found) - {OPEN}  # the auction is in the first
    seen = [replace(event, flows=list(oracle.visible(event))) for event in hour[1] if event.ts >= OPEN]
    expected = expected_cells(oracle.flows_by_bar(seen), FLOWS, bars)
    for kind, tolerance in (("add", 0), ("pull", 0.005), ("fill", 0.005)):
        mine, theirs = (
            sum(lots for key, lots in counted.items() if key[0] in bars and key[3] == kind)
            for counted in (ladder, expected)
        )
        assert abs(mine - theirs) <= tolerance * theirs, kind
    assert found["book"]["meta_residual_qty"].sum() == 0


@needs_hour
def test_both_schemas_tell_the_same_of_the_real_hour(hour_passed):
    orders, window = hour_passed
    assert_frame_equal(orders["quotes"], window["quotes"])
    assert_frame_equal(orders["trades"], window["trades"])
    ends = [
        f"{side}_{what}_{i}" for side in ("bid", "ask") for what in ("px", "sz", "ct") for i in tapes.LEVELS
    ]
    ofi = [f"ofi_{i}" for i in tapes.LEVELS]
    same = [*ends, *ofi, "spread_twa", "obi0_twa", "obi10_twa", "mid_min", "mid_max", "bid_p0_1_qty_twa"]
    assert_frame_equal(orders["book"].select(same), window["book"].select(same))


@needs_hour
def test_the_page_tells_the_agreement_of_the_real_hour(hour, hour_passed):
    page = (Path(__file__).parents[1] / "docs" / "order_flow.md").read_text().splitlines()
    lines = agreement.report("The real hour", hour, *hour_passed, since=OPEN, apart={OPEN})
    assert [line for line in lines if line not in page] == [], "run `uv run just agreement`"


def test_schemas_of_a_simulated_session_agree_with_the_slow_book_and_each_other(fresh):
    hours = dt.time(9, 29), dt.time(9, 33)
    records, native = agreement.session("mbo", hours), agreement.session("mbp-10", hours)
    events, _, cut = oracle.replayed(records)
    orders = passed(fresh(), "mbo", records)
    check_orders(orders, records)
    ten, sent = passed(fresh(), "mbp-10", cut), passed(fresh(), "mbp-10", native)
    bars = bars_of(ten)
    assert len(bars) > 40 and len(events) > 10_000
    for theirs, mine, cells_off in agreement.compared(events, ten["ladder"], bars).values():
        assert theirs == mine > 1000 and not cells_off
    same, rows, off, *_ = agreement.both(orders, ten)
    assert all(same.values()) and rows > 500 and not any(off.values())
    assert all(agreement.alike(sent, ten).values())
