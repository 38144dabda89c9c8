"""Bad input: each kind is quarantined or flagged under its rule's name, counted, and changes nothing in silence."""

import numpy as np
import oracle_book as oracle
import polars as pl
import pytest
import tapes
from flow_pass import DATE, SYMBOL, passed
from polars.testing import assert_frame_equal
from tapes import LAST, POINT, TICK, at

from warehouse import dbn, land, store
from warehouse.flow import flow, tape

START = at("2025-06-04T13:30")
BASE = 24_000
UNDEF_SIZE = (1 << 32) - 1
SCHEMAS = ("mbp-10", "mbo")
LADDERS = ("quotes", "trades", "ladder")


def market(schema, events=200):
    """A made-up market; each event has its own number and time."""
    records = oracle.random_mbo(41, events, START)
    records = records[(records["flags"] & oracle.SNAPSHOT) == 0]
    event = np.cumsum(np.append(0, (records["flags"] & LAST) != 0)[:-1])
    records["ts_event"] = START + event * 100_000_000
    records["ts_recv"] = records["ts_event"] + 1000
    records["sequence"] = event + 1
    return oracle.as_mbp10(records) if schema == "mbp-10" else records


def inserted(records, where, extra):
    return np.concatenate([records[:where], extra, records[where:]])


def unchanged(found, clean, tables=(*LADDERS, "book")):
    for name in tables:
        assert_frame_equal(found[name], clean[name], check_exact=True)


def told(found, *names):
    return found["quality"].select(*(f"{name}_cnt" for name in names)).row(0)


def beyond(found):
    """Tolerances that the date is beyond; the made-up market hides more than a real one, so `unmatched`."""
    return set((found["quality"]["beyond"].item() or "").split(", ")) - {""}


def events_of(records):
    """First and last-but-one record of each event."""
    ends = np.flatnonzero((records["flags"] & LAST) != 0) + 1
    return list(zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True))


# --- told twice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", [1 << 16, 7, 1])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_event_told_again_at_once_is_a_duplicate(tmp_path, monkeypatch, schema, pieces):
    records = market(schema)
    clean = passed(tmp_path / "clean", schema, records)
    out, extra = [], 0
    for number, (first, end) in enumerate(events_of(records)):
        copies = 1 + (number % 5 == 3) + (number % 10 == 3)
        out += [records[first:end]] * copies
        extra += (copies - 1) * (end - first)
    monkeypatch.setattr(tape, "RECORDS", pieces)
    found = passed(tmp_path / "twice", schema, np.concatenate(out))
    unchanged(found, clean)
    assert told(found, "duplicate", "stale") == (extra, 0)
    assert extra > 50
    assert beyond(found) - beyond(clean) == {"quarantined"}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_act_told_twice_within_its_event_is_a_duplicate_and_a_print_is_not(tmp_path, schema):
    records = market(schema)
    clean = passed(tmp_path / "clean", schema, records)
    acts = np.isin(records["action"], [b"A", b"C", b"M"]) & ((records["flags"] & LAST) == 0)
    found = passed(tmp_path / "acts", schema, np.repeat(records, 1 + acts))
    unchanged(found, clean)
    assert told(found, "duplicate") == (acts.sum(),)
    assert acts.sum() > 5
    prints = records["action"] == b"T"
    again = passed(tmp_path / "prints", schema, np.repeat(records, 1 + prints))
    assert told(again, "duplicate") == (0,)
    assert again["trades"].height == 2 * clean["trades"].height


@pytest.mark.parametrize("pieces", [1 << 16, 7])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_block_told_again_later_is_stale(tmp_path, monkeypatch, schema, pieces):
    records = market(schema)
    events = events_of(records)
    clean = passed(tmp_path / "clean", schema, records)
    block = records[events[60][0] : events[99][1]]
    monkeypatch.setattr(tape, "RECORDS", pieces)
    # Straight after itself its last event has the latest number: that one is a duplicate.
    for after, repeated in ((120, 0), (99, events[99][1] - events[99][0])):
        again = inserted(records, events[after][1], block)
        found = passed(tmp_path / f"again-{after}", schema, again)
        unchanged(found, clean)
        assert told(found, "stale", "duplicate") == (len(block) - repeated, repeated)
        assert told(found, "renumbered", "late") == (0, 0)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_numbers_that_start_anew_are_counted_and_the_records_used(tmp_path, schema):
    records = market(schema)
    clean = passed(tmp_path / "clean", schema, records)
    half = events_of(records)[100][0]
    records["sequence"][half:] -= records["sequence"][half] - 1
    found = passed(tmp_path / "anew", schema, records)
    unchanged(found, clean)
    assert told(found, "stale", "renumbered") == (0, 1)
    assert beyond(found) - beyond(clean) == {"renumbered"}


# --- values that cannot be ----------------------------------------------------------------------------------

SPOILT = {
    "off_grid": {"price": BASE * TICK + 1},
    "no_value": {"price": dbn.UNDEF_PRICE},
    "no_value without a size": {"size": UNDEF_SIZE},
    "absurd": {"price": 50 * POINT + 3 * TICK},
}


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("rule", SPOILT)
def test_a_print_that_cannot_be_is_left_out_under_its_rule(tmp_path, schema, rule):
    records = market(schema)
    clean = passed(tmp_path / "clean", schema, records)
    first, _ = events_of(records)[80]
    extra = records[first - 1 : first].copy()
    extra["action"], extra["side"], extra["price"], extra["size"] = b"T", b"A", BASE * TICK, 3
    for name, value in SPOILT[rule].items():
        extra[name] = value
    found = passed(tmp_path / "spoilt", schema, inserted(records, first, extra))
    unchanged(found, clean, LADDERS)
    assert told(found, rule.partition(" ")[0]) == (1,)
    assert found["book"]["notional"].sum() == clean["book"]["notional"].sum()


def absurd_print(record, side=b"B"):
    extra = record.copy()
    extra["action"], extra["side"], extra["size"], extra["flags"] = b"T", side, 3, LAST
    extra["price"] = 50 * POINT + 3 * TICK
    return extra


@pytest.mark.parametrize("pieces", [1 << 16, 7])
def test_an_absurd_print_before_the_book_is_known_is_left_out(tmp_path, monkeypatch, pieces):
    """A tape of orders that begins without a snapshot: orders told so far say where the market is."""
    monkeypatch.setattr(tape, "RECORDS", pieces)
    whole = market("mbo")
    records = whole[events_of(whole)[50][0] :]
    clean = passed(tmp_path / "clean", "mbo", records)
    assert clean["trades"].height > 10 and clean["quotes"].is_empty()
    for number in (0, 1, 60):
        first, _ = events_of(records)[number]
        spoilt = inserted(records, first, absurd_print(records[max(first - 1, 0)][None]))
        found = passed(tmp_path / f"spoilt-{number}", "mbo", spoilt)
        unchanged(found, clean, LADDERS)
        assert told(found, "absurd") == (1,)


@pytest.mark.parametrize("empty", ["bid", "ask", "both"])
def test_an_absurd_print_into_an_empty_side_is_left_out(tmp_path, empty):
    records = market("mbp-10")
    first, _ = events_of(records)[80]
    for side in ("bid", "ask") if empty == "both" else (empty,):
        for i in tapes.LEVELS:
            records[f"{side}_px_{i}"][first - 1 :] = dbn.UNDEF_PRICE
            records[f"{side}_sz_{i}"][first - 1 :] = records[f"{side}_ct_{i}"][first - 1 :] = 0
    clean = passed(tmp_path / "clean", "mbp-10", records)
    for side in (b"A", b"B"):
        extra = absurd_print(records[first - 1 : first], side)
        found = passed(tmp_path / f"spoilt-{side}", "mbp-10", inserted(records, first, extra))
        unchanged(found, clean, LADDERS)
        assert told(found, "absurd") == (1,)


@pytest.mark.parametrize("rule", list(SPOILT)[:3])
def test_an_order_that_cannot_be_never_rests(tmp_path, rule):
    records = market("mbo")
    clean = passed(tmp_path / "clean", "mbo", records)
    first, _ = events_of(records)[80]
    extra = records[first - 1 : first].copy()
    extra["action"], extra["side"], extra["price"], extra["size"] = b"A", b"B", (BASE - 3) * TICK, 3
    extra["order_id"] = 10**6
    for name, value in SPOILT[rule].items():
        extra[name] = value
    found = passed(tmp_path / "spoilt", "mbo", inserted(records, first, extra))
    unchanged(found, clean, LADDERS)
    assert told(found, rule.partition(" ")[0]) == (1,)


@pytest.mark.parametrize("name", ["bid_px_03", "ask_px_00", "bid_sz_00", "ask_sz_09"])
def test_a_level_that_cannot_be_holds_the_book_before_and_flags_the_bar(tmp_path, name):
    records = market("mbp-10")
    clean = passed(tmp_path / "clean", "mbp-10", records)
    first, _ = events_of(records)[80]
    extra = records[first - 1 : first].copy()
    extra["action"], extra["side"], extra["price"], extra["size"] = b"A", b"B", BASE * TICK, 5
    extra["flags"] = LAST
    extra[name] = UNDEF_SIZE if "sz" in name else extra[name] + 1
    found = passed(tmp_path / "spoilt", "mbp-10", inserted(records, first, extra))
    unchanged(found, clean, LADDERS)
    assert told(found, "bad_level") == (1,)
    flagged = found["book"].filter("meta_badbook")["bar_ts"].cast(pl.Int64).to_list()
    assert flagged == [int(extra["ts_event"][0]) // oracle.BAR * oracle.BAR]


def test_a_crossed_book_has_no_mid_and_flags_its_bars(tmp_path):
    records = market("mbp-10")
    clean = passed(tmp_path / "clean", "mbp-10", records)
    first, _ = events_of(records)[80]
    extra = records[first - 1 : first].copy()
    extra["action"], extra["side"], extra["flags"] = b"N", b"N", LAST
    extra["bid_px_00"] = extra["ask_px_00"] + 200 * TICK
    found = passed(tmp_path / "crossed", "mbp-10", inserted(records, first, extra))
    assert told(found, "crossed") == (1,)
    assert found["quotes"].filter(pl.col("bid_px") >= pl.col("ask_px")).is_empty()
    assert found["quotes"].filter(pl.col("bid_px").is_null() & pl.col("ask_px").is_null()).height >= 1
    mids = ["bar_ts", "mid_min", "mid_max"]
    assert_frame_equal(found["book"].select(mids), clean["book"].select(mids), check_exact=True)
    assert found["book"].filter("meta_badbook").height == 1
    assert_frame_equal(found["trades"], clean["trades"])


# --- another instrument -------------------------------------------------------------------------------------


def test_records_of_another_instrument_in_mid_file_stay_out(tmp_path):
    records = market("mbp-10")
    clean = passed(tmp_path / "clean", "mbp-10", records)
    first, end = events_of(records)[80]
    other = records[first:end].copy()
    other["instrument_id"] = 6
    for name in other.dtype.names:
        if "_px_" in name:
            other[name] -= 700 * POINT
    raw, root = tmp_path / "raw", tmp_path / "root"
    raw.mkdir()
    tapes.write_definition(raw / "definition.dbn", tapes.definition(SYMBOL))
    tapes.write(raw / "mbp-10.dbn", "mbp-10", [inserted(records, first, other)], {SYMBOL: 5})
    for landing in land.plan(land.survey(raw, root)):
        land.land(root, landing)
    part = store.partition(root, "bronze.mbp_10", symbol=SYMBOL, date=DATE)
    assert store.read_manifest(part)["left_out"] == len(other)
    (out := tmp_path / "out").mkdir()
    flow(root, SYMBOL, DATE, "mbp-10", out)
    unchanged({name: pl.read_parquet(out / f"{name}.parquet") for name in LADDERS}, clean, LADDERS)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_symbol_that_changes_its_number_starts_a_new_book(tmp_path, schema):
    records = market(schema)
    half = events_of(records)[100][0]
    records["instrument_id"][half:] = 6
    found = passed(tmp_path, schema, records)
    assert told(found, "instrument") == (1,)
    assert "instrument" in beyond(found)
    reset = found["book"].filter("meta_reset")["bar_ts"].cast(pl.Int64).to_list()
    assert int(records["ts_event"][half]) // oracle.BAR * oracle.BAR in reset
    assert found["quotes"]["reset"].sum() == 2  # the tape begins with one


# --- the start of the book ----------------------------------------------------------------------------------


def test_orders_without_a_snapshot_are_used_from_the_reset_on_and_it_says_so(tmp_path):
    records = market("mbo", 400)
    clean = passed(tmp_path / "clean", "mbo", records)
    events = events_of(records)
    begin, half = events[50][0], events[220][0]
    book = oracle.replay(records[:half])[1]
    snapshot = tapes.mbo(len(book.orders))
    for row, (number, order) in zip(snapshot, book.orders.items(), strict=True):
        row["order_id"], row["side"] = number, order.side.encode()
        row["price"], row["size"], row["flags"] = order.price * TICK, order.size, 32 | 8
        row["ts_event"], row["ts_recv"] = START - 10**12, records["ts_recv"][half - 1]
    found = passed(tmp_path / "late", "mbo", inserted(records, half, snapshot)[begin:])
    known = int(records["ts_event"][half - 1])
    assert found["quality"]["known_ts"].cast(pl.Int64).item() == known
    assert "unknown book" in beyond(found)
    bars = found["book"]["bar_ts"].cast(pl.Int64)
    share = (bars[-1] + oracle.BAR - known) / (oracle.BAR * len(bars))
    assert found["quality"]["known_frac"].item() == pytest.approx(share)
    after = pl.col("bar_ts").cast(pl.Int64) > known
    for name in ("ladder", "book"):
        kept = [column for column in found[name].columns if column not in {"meta_badbook", "pull_young"}]
        one, other = (table[name].filter(after).select(kept) for table in (found, clean))
        assert one.height >= 3
        assert_frame_equal(one, other, check_exact=True)
