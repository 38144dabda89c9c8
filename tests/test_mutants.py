"""Known mistakes of order flow, planted one at a time: each must break the law that is named beside it."""

import datetime as dt
from collections import Counter

import numpy as np
import oracle_book as oracle
import polars as pl
import pytest
from flow_pass import passed
from tapes import TICK, at

from warehouse.flow import mbo, mbp10, orders, tape
from warehouse.flow.lots import Lots, joined, no_lots
from warehouse.flow.state import ABSENT

START = at("2025-06-04T13:30")
DATE = dt.date(2025, 6, 4)
HIT = {b"B": "A", b"A": "B"}


# --- laws ---------------------------------------------------------------------------------------------------


def conservation(_, found):
    """Size at a price that was known through a bar changes by what was added, pulled and filled alone."""
    return found["book"]["meta_turnover_qty"].sum() > 100 and found["book"]["meta_residual_qty"].sum() == 0


def trades_are_fills(records, found):
    """At every bar, side and price: what printed against it is what it was filled and hidden there."""
    printed = Counter()
    bars = set(found["book"]["bar_ts"].cast(pl.Int64).to_list())
    running = np.maximum.accumulate(records["ts_event"].astype(np.int64))
    for ts, record in zip(running, records, strict=True):
        bar = int(ts) // oracle.BAR * oracle.BAR
        if record["action"] == b"T" and bar in bars:
            printed[bar, HIT[record["side"]], int(record["price"]) // TICK] += int(record["size"])
    told = found["ladder"].select(
        pl.col("bar_ts").cast(pl.Int64), "side", "price", lots=pl.col("fill") + pl.col("hidden")
    )
    filled = {(bar, side, round(price * 4)): lots for bar, side, price, lots in told.iter_rows() if lots}
    return len(printed) > 10 and filled == printed


def aggressors_cross(_, found):
    """A buyer prints at the best ask before it or above, a seller at the best bid or below."""
    quotes = found["quotes"].select("ts", "bid_px", "ask_px")
    late = quotes.group_by("ts").len().filter(pl.col("len") > 1)
    prints = found["trades"].join(late, on="ts", how="anti", maintain_order="left")
    prints = prints.with_columns(before=pl.col("ts") - pl.duration(nanoseconds=1))
    beside = prints.join_asof(quotes, left_on="before", right_on="ts", check_sortedness=False)
    bought = (pl.col("side") == "B") & (pl.col("price") < pl.col("ask_px"))
    sold = (pl.col("side") == "A") & (pl.col("price") > pl.col("bid_px"))
    return prints.height > 10 and beside.filter(bought | sold).is_empty()


# --- tapes --------------------------------------------------------------------------------------------------


def market(schema):
    """A made-up market whose events are a tenth of a second apart, some of them late, without resets."""
    records = oracle.random_mbo(29, 500, START)
    records = records[(records["flags"] & oracle.SNAPSHOT) == 0]
    ends = (records["flags"] & oracle.LAST) != 0
    event = np.cumsum(np.append(0, ends[:-1]))
    back = np.where(event % 7 == 6, 250_000_000, 0)  # behind the two events before
    records["ts_event"] = START + event * 100_000_000 - back
    records["ts_recv"] = START + event * 100_000_000 + 1000
    return oracle.as_mbp10(records) if schema == "mbp-10" else records


# --- mistakes -----------------------------------------------------------------------------------------------


def fills_as_pulls(patch):
    whole = mbp10.split

    def split(*args):
        flow = whole(*args)
        flow.pull, flow.fill = joined((flow.pull, flow.fill)), no_lots()
        return flow

    patch.setattr(mbp10, "split", split)
    patch.setattr(orders, "_filled", lambda _, table: np.zeros(len(table["at"]), np.int64))
    patch.setattr(mbo, "hidden_by", lambda traded, _: traded.of(np.zeros_like(traded.qty)))


def _altered(patch, change):
    whole = tape.batches

    def batches(*args):
        for batch in whole(*args):
            yield change({name: values.copy() for name, values in batch.items()})

    patch.setattr(tape, "batches", batches)


def aggressor_inverted(patch):
    def turned(batch):
        trade = batch["action"] == ord("T")
        batch["side"][trade] = ord("A") + ord("B") - batch["side"][trade]
        return batch

    _altered(patch, turned)


def sorted_by_ts_event(patch):
    def in_time(batch):
        order = np.argsort(batch["ts_event"], kind="stable")
        return {name: values[order] for name, values in batch.items()}

    _altered(patch, in_time)


def ladder_index_differencing(patch):
    def by_index(own, wanted, _):
        rows = np.flatnonzero(wanted[1:]) + 1
        (_, old), (u, new) = own.levels(rows - 1), own.levels(rows)
        level, row = np.nonzero((new != old) & (u != ABSENT))
        change = (new - old)[level, row]
        return Lots(rows[row], u[level, row], change, rows[row])

    patch.setattr(mbp10, "_differences", by_index)


def modifies_ignored(patch):
    patch.setattr(mbp10, "_modified", lambda *_: (no_lots(), no_lots()))
    whole = orders._table

    def without(*args):
        table, epoch = whole(*args)
        kept = table["action"] != ord("M")
        return {name: values[kept] for name, values in table.items()}, epoch[kept]

    patch.setattr(orders, "_table", without)


MUTANTS = [
    (fills_as_pulls, trades_are_fills, "mbp-10"),
    (fills_as_pulls, trades_are_fills, "mbo"),
    (aggressor_inverted, aggressors_cross, "mbp-10"),
    (aggressor_inverted, aggressors_cross, "mbo"),
    (ladder_index_differencing, conservation, "mbp-10"),
    (modifies_ignored, conservation, "mbp-10"),
    (sorted_by_ts_event, conservation, "mbp-10"),
    (sorted_by_ts_event, trades_are_fills, "mbo"),
]


@pytest.mark.parametrize("schema", ["mbp-10", "mbo"])
def test_every_law_holds_where_nothing_is_planted(tmp_path, schema):
    records = market(schema)
    found = passed(tmp_path, schema, records, date=DATE)
    assert found["quality"]["late_cnt"].item() > 50
    for law in (conservation, trades_are_fills, aggressors_cross):
        assert law(records, found), law.__name__


@pytest.mark.parametrize(("plant", "law", "schema"), MUTANTS, ids=lambda one: getattr(one, "__name__", one))
def test_a_planted_mistake_breaks_its_law(tmp_path, monkeypatch, plant, law, schema):
    records = market(schema)
    plant(monkeypatch)
    found = passed(tmp_path, schema, records, date=DATE)
    assert not law(records, found)
