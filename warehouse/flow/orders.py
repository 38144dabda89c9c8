"""Orders one by one: what every MBO record did to the order it names, without a loop over records."""

from __future__ import annotations

import numpy as np

from warehouse.flow.acts import Acts, Resting
from warehouse.flow.events import ADD, ASK, BID, CANCEL, FILL, MODIFY, NO_SIDE, TRADE, among
from warehouse.flow.reading import Sorted
from warehouse.flow.tape import Array, Flags, Ints


def told(usable: Sorted, carried: Resting, known: int) -> Acts:
    """What the records of a piece did.

    Args:
        usable: The records.
        carried: Orders that rested before.
        known: First row whose state is known; records before it do nothing.
    """
    table, epoch = _table(usable, carried, known)
    order = np.lexsort((table["at"], table["number"], epoch))
    table = {name: values[order] for name, values in table.items()}
    epoch = epoch[order]
    own = _starts(table["number"], epoch)
    alive = _alive(table, own)
    return _made(table, own, epoch, alive, usable)


def _table(usable: Sorted, carried: Resting, known: int) -> tuple[dict[str, Array], Ints]:
    """Carried orders and records that name an order, with the reset that they follow."""
    piece, records = usable.piece, usable.piece.records
    named = among(records["action"], ADD, CANCEL, MODIFY, FILL) & usable.sound
    named &= (records["action"] != ADD) | among(records["side"], BID, ASK)
    at = np.flatnonzero(named & (piece.event >= known))
    row = piece.event[at]
    resets = np.append(0, np.cumsum(piece.events.reset))
    old = len(carried.number)
    table: dict[str, Array] = {
        "number": np.concatenate([carried.number, records["order_id"][at]]),
        "at": np.concatenate([np.full(old, -1), at]),
        "row": np.concatenate([np.zeros(old, np.int64), row]),
        "action": np.concatenate([np.full(old, ADD, np.uint8), records["action"][at]]),
        "bid": np.concatenate([carried.bid, records["side"][at] == BID]),
        "price": np.concatenate([carried.price, usable.u[at]]),
        "size": np.concatenate([carried.size, records["size"][at].astype(np.int64)]),
        "born": np.concatenate([carried.born, piece.events.ts[row - 1]]),
        "fills": np.concatenate([np.zeros(old, np.int64), _resting_fills(usable, at)]),
    }
    return table, np.concatenate([np.zeros(old, np.int64), resets[row]])


def _resting_fills(usable: Sorted, at: Ints) -> Ints:
    """The resting side that the trade before each fill hit: BID, ASK, NO_SIDE for both; 0 of no fill."""
    piece, records = usable.piece, usable.piece.records
    number = np.arange(len(piece.event))
    last = np.maximum.accumulate(np.where(records["action"] == TRADE, number, -1))[at]
    same = (last >= 0) & (piece.event[last] == piece.event[at]) & (records["action"][at] == FILL)
    hit = np.full(256, NO_SIDE)
    hit[BID], hit[ASK] = ASK, BID
    return np.where(same, hit[records["side"][last]], 0)


def _starts(number: Array, epoch: Ints) -> Flags:
    """Where another order begins."""
    first = np.ones(len(number), np.bool_)
    first[1:] = (number[1:] != number[:-1]) | (epoch[1:] != epoch[:-1])
    return first


def _latest(there: Flags) -> Ints:
    """Position of the latest true entry at or before each one, -1 before the first."""
    return np.maximum.accumulate(np.where(there, np.arange(len(there)), -1))


def _alive(table: dict[str, Array], own: Flags) -> Flags:
    """Whether each record's order rests before it, were it not for the record itself being an add."""
    action = table["action"]
    begin = _latest(own | (action == ADD))
    sets = own | (action == ADD) | (action == MODIFY)
    cancelled = np.cumsum(np.where(action == CANCEL, table["size"], 0))
    setter = _latest(sets)
    left = table["size"][setter] - (cancelled - cancelled[setter])
    dies = ((action == CANCEL) & (left <= 0)) | ((action != FILL) & (left == 0))
    deaths = np.cumsum(dies)
    dead_before = deaths - dies > (deaths - dies)[begin]
    added = action[begin] == ADD
    alive: Flags = np.zeros(len(own), np.bool_)
    # An add of an order that rests already replaces it: the record before must have left it alive.
    still = added & ~dead_before & ~dies
    alive[1:] = still[:-1] & ~own[1:]
    return alive


def _made(table: dict[str, Array], own: Flags, epoch: Ints, alive: Flags, usable: Sorted) -> Acts:
    action, size, price = table["action"], table["size"], table["price"]
    add, modify, cancel = action == ADD, action == MODIFY, action == CANCEL
    known = add | alive
    setter = _latest(add | (modify & alive))
    cancelled = np.cumsum(np.where(cancel & alive, size, 0))
    left = np.where(known, size[setter] - (cancelled - cancelled[setter]), 0)
    before, bid = _before(np.maximum(left, 0), alive), table["bid"][_latest(add)]
    old_price = np.where(alive, _before(price[setter], alive), price)
    after = np.where(known, np.maximum(left, 0), 0)
    moved = add | (modify & alive & (price != old_price))
    arrived = table["born"][_latest(moved)]
    out = Acts(
        number=table["number"],
        at=table["at"],
        row=table["row"],
        was_bid=np.where(alive, _before(bid, alive), bid),
        bid=bid,
        known=known,
        old_price=old_price,
        old=before,
        price=np.where(add | modify, price, old_price),
        size=after,
        fill=np.zeros(len(own), np.int64),
        was_born=_before(arrived, alive),
        born=arrived,
        ends=_ends(table["row"], own, epoch, usable),
        last=np.append(own[1:], True),
    )
    out.fill = _filled(out, table)
    return out


def _before(values: Array, alive: Flags) -> Array:
    """What the record before left, where the order rests; else 0."""
    out = np.zeros_like(values)
    out[1:] = np.where(alive[1:], values[:-1], 0)
    return out


def _ends(row: Ints, own: Flags, epoch: Ints, usable: Sorted) -> Ints:
    """Row of the next record of the order, of the reset that drops it, or after the last."""
    events = usable.piece.events
    drops = np.append(np.flatnonzero(events.reset) + 1, len(events.ts) + 1)
    ends: Ints = drops[epoch]
    ends[:-1] = np.where(own[1:], ends[:-1], row[1:])
    return ends


def _filled(acts: Acts, table: dict[str, Array]) -> Ints:
    """Lots of each removal that the order's own resting fills in the event before it account for."""
    side = np.where(acts.was_bid, BID, ASK)
    counts = acts.known & (table["action"] == FILL) & ((table["fills"] == side) | (table["fills"] == NO_SIDE))
    lots = np.cumsum(np.where(counts, table["size"], 0))
    gone = acts.gone
    removed = np.cumsum(gone)
    first = np.ones(len(gone), np.bool_)
    first[1:] = (acts.row[1:] != acts.row[:-1]) | (table["number"][1:] != table["number"][:-1])
    group = _latest(first)
    lots = lots - (lots - np.where(counts, table["size"], 0))[group]
    removed = removed - (removed - gone)[group]
    covered = np.minimum(lots, removed)
    earlier = np.append(0, covered[:-1])
    earlier[first] = 0
    filled: Ints = np.clip(covered - earlier, 0, gone)
    return filled


def unknown(acts: Acts, records: int) -> Flags:
    """Records of the piece that name an order never seen."""
    out = np.zeros(records, np.bool_)
    out[acts.at[~acts.known & (acts.at >= 0)]] = True
    return out


def resting(acts: Acts, rows: int) -> Resting:
    """Orders that rest after the last event.

    Args:
        acts: What the records did.
        rows: Rows of the piece, the carried one among them.
    """
    last = acts.rests & (acts.ends == rows)
    return Resting(acts.number[last], acts.bid[last], acts.price[last], acts.size[last], acts.born[last])
