"""How well the event pass agrees with order-level truth, as the tables of docs/order_flow.md.

Run `uv run just agreement`. The truth is the slow book of `oracle_book`; MBP-10 is cut from the orders at
every event's end, with their ids hidden. Of the simulated session the venue's own MBP-10 is read as well.
"""

import datetime as dt
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import oracle_book as oracle
import polars as pl
import real
import tapes
from flow_pass import passed

from warehouse import dbn
from warehouse.simulate import market, tape, worlds

FLOWS = ("add", "pull", "fill")
HOUR = real.FOLDER / "es" / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
HOUR_DATE, OPEN = dt.date(2023, 12, 26), tapes.at("2023-12-25T23:00")
SIM_DATE, SIM_HOURS, SIM_SCALE = dt.date(2025, 6, 4), (dt.time(9, 28), dt.time(9, 48)), 0.3
SEEN = ("qty", "orders", "qty_open", "qty_twa", "seen_frac", "add", "pull", "fill", "hidden", "refill", "add_after_trade", "n_add", "n_pull", "n_fill", "n_modify")  # fmt: skip


def is_auction(event):
    return any(record.action == "T" and record.side == "N" for record in event.records)


def truth(events, since=0):
    """Lots of each kind that a ten-level window can tell, the auction apart."""
    lots = Counter(dict.fromkeys(FLOWS, 0))
    for event in events:
        if event.before and event.ts >= since and not is_auction(event):
            for act in oracle.visible(event):
                lots[act.kind] += act.qty
    return lots


def compared(events, ladder, bars):
    """Truth and the window's tale over the same whole bars, by kind; and the cells in which they differ."""
    seen = Counter()
    for event in events:
        bar = event.ts // oracle.BAR * oracle.BAR
        if event.before and bar in bars and not event.quiet:
            for act in oracle.visible(event):
                seen[bar, act.side, act.price, act.kind] += act.qty
    mine = Counter()
    for bar, side, price, *lots in ladder.select(
        pl.col("bar_ts").cast(pl.Int64), "side", "price", *FLOWS
    ).iter_rows():
        if bar in bars:
            for kind, qty in zip(FLOWS, lots, strict=True):
                mine[bar, side, round(price * 4), kind] += qty
    keys = seen.keys() | mine.keys()
    off = Counter(key[3] for key in keys if seen[key] != mine[key])
    return {kind: (total(seen, kind), total(mine, kind), off[kind]) for kind in FLOWS}


def total(cells, kind):
    return sum(lots for key, lots in cells.items() if key[3] == kind)


def line_of_trades(events):
    """Trade events, those whose resting fills are their trades, and resting lots of both."""
    traded = [event for event in events if event.trades]
    equal = sum(+event.trades == +event.resting_fills for event in traded)
    return len(traded), equal, sum(sum(event.trades.values()) for event in traded)


def both(orders, window):
    """Where the two schemas differ inside what the window knew through the bar, and what it could not know."""
    same = {name: orders[name].equals(window[name]) for name in ("quotes", "trades")}
    keys = ["bar_ts", "side", "price"]
    joined = window["ladder"].join(orders["ladder"], on=keys, how="left", suffix="_mbo")
    inside = joined.filter(pl.col("seen_frac") == 1, pl.col("seen_frac_mbo") == 1)
    off = {name: inside.filter(pl.col(name).ne_missing(pl.col(f"{name}_mbo"))).height for name in SEEN}
    moved = {
        name: inside.select((pl.col(name) - pl.col(f"{name}_mbo")).abs().sum()).item()
        for name in ("add", "pull", "fill", "hidden")
    }
    outside = {
        kind: orders["ladder"][kind].sum() - window["ladder"][kind].sum() for kind in (*FLOWS, "hidden")
    }
    return same, inside.height, off, moved, outside


def report(name, replay, orders, ten, *, since=0, apart=()):
    """Figures of one tape as lines of Markdown.

    Args:
        name: Heading.
        replay: Its records, the slow book's events and what they leave, and the MBP-10 records cut from them.
        orders, ten: Tables from orders and from ten levels.
        since: Events before it are not counted in the totals over events.
        apart: Bars that count in no comparison.
    """
    records, events, book, cut = replay
    bars = set(ten["book"]["bar_ts"].cast(pl.Int64).to_list()) - set(apart)
    trades, equal, lots = line_of_trades(events)
    seen = truth(events, since)
    yield f"### {name}"
    yield ""
    yield (
        f"{len(records):,} records of orders, {len(events):,} events, {len(cut):,} records of ten levels. "
        f"{_unknown(book, orders['quality']['unknown_order_cnt'].item())}."
    )
    yield ""
    yield "| in the known set, whole bars | truth | told from MBP-10 | off | cells that differ |"
    yield "|---|---|---|---|---|"
    for kind, (theirs, mine, cells) in compared(events, ten["ladder"], bars).items():
        off = f"{mine - theirs:+,} ({(mine - theirs) / theirs:+.3%})"
        yield f"| {kind} | {theirs:,} | {mine:,} | {off} | {cells} |"
    yield ""
    yield (
        f"Truth over all events but the auction's: {seen['add']:,} added, {seen['pull']:,} pulled, "
        f"{seen['fill']:,} filled. Resting fills are the trades in {equal:,} of {trades:,} trade events "
        f"({lots:,} lots). Conservation residual: {_residual(orders)} from orders, {_residual(ten)} from ten levels."
    )
    yield ""
    yield from _both(orders, ten)


def _unknown(book, counted):
    named = [record for record in book.unknown if record.action != "F"]
    fills = sum(record.size for record in book.unknown if record.action == "F")
    rest = len(book.unknown) - len(named)
    return (
        f"Orders cancelled or modified that were never seen: {len(named)}; fills of orders that never rested: "
        f"{rest} ({fills} lots); the event pass counts {counted}"
    )


def _residual(found):
    lots, turnover = found["book"].select(pl.col("meta_residual_qty", "meta_turnover_qty").sum()).row(0)
    return f"{lots} of {turnover:,} lots"


def _both(orders, window):
    same, rows, off, moved, outside = both(orders, window)
    yield f"From orders and from ten levels: {_equal(same)}."
    yield ""
    yield "| ladder rows known through their bar | differ |"
    yield "|---|---|"
    yield f"| all {rows:,} rows: {', '.join(name for name, count in off.items() if not count)} | 0 |"
    for name, count in off.items():
        if count:
            lots = f", {moved[name]:,} lots" if name in moved else ""
            yield f"| {name} | {count}{lots} |"
    yield ""
    whole = {kind: orders["ladder"][kind].sum() for kind in outside}
    unseen = ", ".join(f"{lots:,} of {whole[kind]:,} lots {kind}" for kind, lots in outside.items())
    yield f"Told from orders and not from ten levels: {unseen}."
    own = ("reprice_away", "reprice_toward", "pull_young")
    lots = ", ".join(f"{orders['ladder'][name].sum():,} lots {name}" for name in own)
    yield f"Null from ten levels: {lots}, and the largest order at every price."


def _equal(found):
    return ", ".join(f"{name} {'identical' if same else 'DIFFER'}" for name, same in found.items())


def real_hour(tmp):
    records = np.concatenate(list(dbn.read(HOUR)))
    replay = (records, *oracle.replayed(records))
    orders = passed(tmp / "hour-mbo", "mbo", records, date=HOUR_DATE, symbol="ESH4")
    ten = passed(tmp / "hour-mbp", "mbp-10", replay[-1], date=HOUR_DATE, symbol="ESH4")
    return report("The real hour", replay, orders, ten, since=OPEN, apart={OPEN})


def session(schema, hours=SIM_HOURS, scale=SIM_SCALE):
    """Records of the front contract of a simulated session."""
    asked = market._session(SIM_DATE, worlds.world_named("planted"), hours, scale, 0)
    return np.concatenate(list(tape.records(asked, tape.contracts(SIM_DATE)[0], schema, [])))


def simulated(tmp):
    records = session("mbo")
    replay = (records, *oracle.replayed(records))
    orders, ten, native = (
        passed(tmp / name, schema, found)
        for name, schema, found in (
            ("mbo", "mbo", records),
            ("cut", "mbp-10", replay[-1]),
            ("native", "mbp-10", session("mbp-10")),
        )
    )
    yield from report("A simulated session", replay, orders, ten)
    yield ""
    yield f"The venue's own MBP-10 against the one cut from its orders, after the first bar: {_equal(alike(native, ten))}."


def alike(one, other):
    """Which tables are the same after the first bar; one tape begins with a snapshot, the other does not."""
    begin = one["book"]["bar_ts"][0] + dt.timedelta(seconds=5)
    return {
        name: one[name].filter(pl.col(time) >= begin).equals(other[name].filter(pl.col(time) >= begin))
        for name, time in (("quotes", "ts"), ("trades", "ts"), ("ladder", "bar_ts"), ("book", "bar_ts"))
    }


def main():
    with tempfile.TemporaryDirectory() as folder:
        tmp = Path(folder)
        if HOUR.is_file():
            sys.stdout.writelines(f"{line}\n" for line in real_hour(tmp))
        sys.stdout.writelines(f"{line}\n" for line in simulated(tmp))


if __name__ == "__main__":
    main()
