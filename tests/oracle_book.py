"""A slow, obvious, order-by-order book: what the event pass must agree with. Independent of `warehouse.flow`.

Prices are whole ticks, sides "B" and "A", sizes lots. Nothing here is fast and nothing is clever.
"""

import bisect
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from tapes import LEVELS, TICK, mbo, mbp10

from warehouse import dbn

BAR = 5_000_000_000
LAST, SNAPSHOT = 128, 32
OTHER = {"B": "A", "A": "B"}


FIELDS = ("action", "side", "price", "size", "order_id", "flags", "ts_event", "ts_recv", "sequence")


class Record(NamedTuple):
    action: str
    side: str
    price: int
    size: int
    order_id: int
    flags: int
    ts_event: int
    ts_recv: int
    sequence: int


@dataclass
class Order:
    side: str
    price: int
    size: int
    born: int


@dataclass
class Flow:
    """One act at one price: kind is add, pull or fill; action the record's letter."""

    side: str
    price: int
    kind: str
    qty: int
    action: str
    young: bool = False
    moved: int = 0


@dataclass
class Event:
    ts: int
    quiet: bool
    records: list
    flows: list = field(default_factory=list)
    modified: list = field(default_factory=list)
    before: dict = None
    after: dict = None
    trades: Counter = field(default_factory=Counter)
    resting_fills: Counter = field(default_factory=Counter)
    fills: Counter = field(default_factory=Counter)
    aggressor: str = ""


class Book:
    def __init__(self):
        self.clear()
        self.unknown = []

    def clear(self):
        self.orders, self.queues = {}, {"B": {}, "A": {}}
        self.lots, self.prices = {"B": {}, "A": {}}, {"B": [], "A": []}

    def _put(self, number, order):
        queue = self.queues[order.side].setdefault(order.price, [])
        if not queue:
            bisect.insort(self.prices[order.side], order.price)
            self.lots[order.side][order.price] = 0
        queue.append(number)
        self.lots[order.side][order.price] += order.size
        self.orders[number] = order

    def _take(self, number):
        order = self.orders.pop(number)
        queue = self.queues[order.side][order.price]
        queue.remove(number)
        self.lots[order.side][order.price] -= order.size
        if not queue:
            del self.prices[order.side][bisect.bisect_left(self.prices[order.side], order.price)]
            del self.queues[order.side][order.price], self.lots[order.side][order.price]
        return order

    def level(self, side, price):
        """Lots, orders, largest order at a price."""
        sizes = [self.orders[number].size for number in self.queues[side].get(price, ())]
        return sum(sizes), len(sizes), max(sizes, default=0)

    def ten(self):
        """The ten best (price, lots, orders) of each side."""
        best = {"B": self.prices["B"][:-11:-1], "A": self.prices["A"][:10]}
        return {
            side: [(price, self.lots[side][price], len(self.queues[side][price])) for price in prices]
            for side, prices in best.items()
        }

    def apply(self, record, ts, fills):
        """What a record does to the order it names. `fills` holds resting fills not yet accounted for."""
        number, price, size = record.order_id, record.price // TICK, record.size
        if record.action == "A":
            self._put(number, Order(record.side, price, size, ts))
            return [Flow(record.side, price, "add", size, "A")]
        if record.action in "CM":
            if number in self.orders:
                change = self._cancel if record.action == "C" else self._modify
                return change(number, self._take(number), price, size, fills, ts)
            self.unknown.append(record)
        return []

    def _cancel(self, number, old, _, size, fills, ts):
        gone = min(size, old.size)
        if gone < old.size:
            self._put(number, Order(old.side, old.price, old.size - gone, old.born))
        return self._removed(old, gone, number, fills, ts, "C")

    def _modify(self, number, old, price, size, fills, ts):
        if price != old.price:
            self._put(number, Order(old.side, price, size, ts))
            out = self._removed(old, old.size, number, fills, ts, "M")
            pulled = sum(flow.qty for flow in out if flow.kind == "pull")
            for flow in out:
                if flow.kind == "pull":
                    toward = (price > old.price) == (old.side == "B")
                    flow.moved = min(pulled, size) * (1 if toward else -1)
            return [*out, Flow(old.side, price, "add", size, "M")]
        self._put(number, Order(old.side, price, size, old.born))
        if size > old.size:
            return [Flow(old.side, price, "add", size - old.size, "M")]
        return self._removed(old, old.size - size, number, fills, ts, "M")

    def _removed(self, old, gone, number, fills, ts, action):
        filled = min(gone, fills[number])
        fills[number] -= filled
        young = ts - old.born < 1_000_000_000
        out = []
        if filled:
            out.append(Flow(old.side, old.price, "fill", filled, action))
        if gone > filled:
            out.append(Flow(old.side, old.price, "pull", gone - filled, action, young))
        return out


def grouped(records):
    """Records of each event, with the largest ts_event so far and whether it is a reset or snapshot."""
    running, out = 0, []
    records = [Record(r[0].decode(), r[1].decode(), *r[2:]) for r in records[list(FIELDS)].tolist()]
    for i, record in enumerate(records):
        snapshot = bool(record.flags & SNAPSHOT)
        was = bool(i and records[i - 1].flags & SNAPSHOT)
        new = i == 0 or record.action == "R" or snapshot != was
        if not new and not snapshot:
            new = bool(records[i - 1].flags & LAST) or record.ts_event != records[i - 1].ts_event
        running = max(running, record.ts_event)
        reset = record.action == "R" or (snapshot and not was)
        if new:
            out.append([running, reset, snapshot or reset, []])
        out[-1][0] = running
        out[-1][3].append(record)
    return out


def note_trades(book, event, record):
    """Aggressor and trades of the event so far, and fills of orders on the resting side."""
    price = record.price // TICK
    if record.action == "T":
        event.aggressor = record.side
        if record.side != "N":
            event.trades[OTHER[record.side], price] += record.size
    elif record.action == "F" and event.aggressor:
        order = book.orders.get(record.order_id)
        side = order.side if order else record.side
        if order is None:
            book.unknown.append(record)
        if event.aggressor == "N" or side == OTHER[event.aggressor]:
            event.fills[record.order_id] += record.size
            event.resting_fills[side, price] += record.size


def replay(records, watch=None, ahead=None):
    """Every event with its flows and the ten levels before and after.

    `watch(book, record, event)` sees each record applied, `ahead(book, ts)` the book before each event.
    """
    book, out = Book(), []
    for ts, reset, quiet, members in grouped(records):
        if ahead:
            ahead(book, ts)
        before = out[-1].after if out else None
        if reset:
            book.clear()
        event = Event(ts, quiet, members, before=before)
        for record in members:
            note_trades(book, event, record)
            if record.action == "M" and record.order_id in book.orders:
                event.modified.append((book.orders[record.order_id].side, record.price // TICK))
            event.flows += book.apply(record, ts, event.fills)
            if watch:
                watch(book, record, event)
        if quiet:
            event.flows, event.modified = [], []
        event.after = book.ten()
        out.append(event)
    return out, book


def known(levels, side, price):
    """Whether a price lies in the known set of ten levels."""
    mine = levels[side]
    if len(mine) < 10:
        return True
    return price >= mine[9][0] if side == "B" else price <= mine[9][0]


def visible(event):
    """Flows that the ten-level window can tell: A and C known before or after, M before and after."""
    for flow in event.flows:
        sides = (known(event.before, flow.side, flow.price), known(event.after, flow.side, flow.price))
        if all(sides) if flow.action == "M" else any(sides):
            yield flow


def visible_modifies(event):
    """Sides and prices of modifies whose own price the window knows before or after."""
    both = (event.before, event.after)
    return [at for at in event.modified if any(known(levels, *at) for levels in both)]


def as_mbp10(records):
    """The MBP-10 tape of MBO records: order ids and fills hidden, ten levels after each visible record."""
    return replayed(records)[2]


def replayed(records):
    """Events, the book they leave, and the MBP-10 tape."""
    rows, levels_of = [], []
    last = {}

    def watch(book, record, event):
        action, side = record.action, record.side
        old, new = last.get("ten", {"B": [], "A": []}), book.ten()
        last["ten"] = new
        if action == "F":
            return
        price = record.price // TICK
        seen = action in "TRN" or old != new or any(known(ten, side, price) for ten in (old, new))
        if seen:
            rows.append((record, event))
            levels_of.append(new)

    events, left = replay(records, watch)
    out = mbp10(len(rows))
    for i, (record, event) in enumerate(rows):
        for name in ("ts_event", "ts_recv", "action", "side", "price", "size", "flags", "sequence"):
            out[name][i] = getattr(record, name)
        final = i + 1 == len(rows) or rows[i + 1][1] is not event
        if final and event.records[-1].flags & LAST:
            out["flags"][i] |= LAST
        for side, name in (("B", "bid"), ("A", "ask")):
            for level, (price, size, count) in zip(LEVELS, levels_of[i][side], strict=False):
                out[f"{name}_px_{level}"][i] = price * TICK
                out[f"{name}_sz_{level}"][i], out[f"{name}_ct_{level}"][i] = size, count
    return events, left, out


class RandomMarket:
    """A made-up venue that writes MBO records of adds, cancels, modifies and trades, some of them odd."""

    def __init__(self, seed, start):
        self.random, self.now, self.number = random.Random(seed), start, 0
        self.orders, self.rows, self.mid = {}, [], 24_000

    def _row(self, action, side, price, size, number=0, flags=0):
        self.rows.append((self.now, action, side, price, size, number, flags))

    def run(self, events):
        self._row("R", "N", 0, 0, flags=LAST)
        for _ in range(40):
            self.add()
        for _ in range(events):
            self.now += self.random.choice([0, 1, 1000, 400_000_000, 1_500_000_000, 12_000_000_000])
            act = self.random.choices(
                [self.add, self.cancel, self.modify, self.trade, self.snapshot], [8, 5, 6, 5, 0.1]
            )
            act[0]()
        return self.array()

    def best(self, side):
        prices = [price for own, price, _ in self.orders.values() if own == side]
        if not prices:
            return self.mid - 1 if side == "B" else self.mid
        return max(prices) if side == "B" else min(prices)

    def _price(self, side):
        away = self.random.choice([-1, 0, 0, 1, 1, 2, 3, 5, 8, 13, 30, 120])
        if side == "B":
            return min(self.best("B") - away, self.best("A") - 1)
        return max(self.best("A") + away, self.best("B") + 1)

    def add(self):
        side, self.number = self.random.choice("BA"), self.number + 1
        price, size = self._price(side), self.random.randint(1, 9)
        self.orders[self.number] = [side, price, size]
        self._row("A", side, price, size, self.number, LAST)

    def _pick(self):
        return self.random.choice(list(self.orders))

    def cancel(self):
        if not self.orders:
            return
        number = self._pick()
        side, price, size = self.orders[number]
        gone = size if self.random.random() < 0.6 else self.random.randint(1, size)
        self.orders[number][2] -= gone
        if not self.orders[number][2]:
            del self.orders[number]
        self._row("C", side, price, gone, number, LAST)

    def modify(self):
        if not self.orders:
            return
        number = self._pick()
        side, price, _ = self.orders.pop(number)
        new = price if self.random.random() < 0.4 else self._price(side)
        self.orders[number] = [side, new, self.random.randint(1, 9)]
        self._row("M", side, new, self.orders[number][2], number, LAST)

    def trade(self):
        side = self.random.choice("BA")
        rests = OTHER[side]
        queue = sorted(
            (n for n, o in self.orders.items() if o[0] == rests),
            key=lambda n: (self.orders[n][1] * (1 if side == "B" else -1), n),
        )
        left, after = self.random.randint(1, 12), []
        for number in queue[:4]:
            if not left:
                break
            _, price, size = self.orders[number]
            hit = min(left, size)
            left -= hit
            self._row("T", side, price, hit)
            self._row("F", rests, price, hit, number)
            if self.random.random() < 0.1:  # an iceberg shows its next part at once
                after.append(("M", rests, price, size, number))
            elif hit == size:
                del self.orders[number]
                after.append(("C", rests, price, hit, number))
            else:
                self.orders[number][2] -= hit
                after.append(("M", rests, price, size - hit, number))
        if not after:
            return
        for row in after:
            self._row(*row)
        self.rows[-1] = (*self.rows[-1][:-1], LAST)

    def snapshot(self):
        if self.rows[-1][-1] & SNAPSHOT:
            return  # records of two in a row would be one snapshot that lists every order twice
        for number, (side, price, size) in self.orders.items():
            self._row("A", side, price, size, number, SNAPSHOT | 8)

    def array(self):
        out = mbo(len(self.rows))
        for i, (now, action, side, price, size, number, flags) in enumerate(self.rows):
            out["ts_event"][i], out["ts_recv"][i] = now, now + 1000
            out["action"][i], out["side"][i] = action.encode(), side.encode()
            out["price"][i] = price * TICK if action != "R" else dbn.UNDEF_PRICE
            out["size"][i], out["order_id"][i], out["flags"][i] = size, number, flags
        return out


def random_mbo(seed, events, start):
    """MBO records of a made-up market."""
    return RandomMarket(seed, start).run(events)


def flows_by_bar(events):
    """What each bar's flows would be, by (bar start, side, price)."""
    flows = defaultdict(Counter)
    for event in events:
        for flow in event.flows:
            cell = flows[event.ts // BAR * BAR, flow.side, flow.price]
            cell[flow.kind] += flow.qty
            cell[f"n_{flow.kind}"] += 1
            cell["pull_young"] += flow.qty * (flow.kind == "pull" and flow.young)
            cell["reprice_toward" if flow.moved > 0 else "reprice_away"] += abs(flow.moved)
        for side, price in event.modified:
            flows[event.ts // BAR * BAR, side, price]["n_modify"] += 1
        if not event.quiet:
            _traded(event, flows)
    return flows


def _traded(event, flows):
    filled = Counter()
    for flow in event.flows:
        filled[flow.side, flow.price] += flow.qty * (flow.kind == "fill")
    for (side, price), lots in event.trades.items():
        if lots > filled[side, price]:
            flows[event.ts // BAR * BAR, side, price]["hidden"] += lots - filled[side, price]


def books_by_bar(records, wanted):
    """(lots, orders, largest order) at the end of each bar, at the prices wanted by bar: {bar: [(side, price)]}."""
    found, state = {}, {"bar": None}

    def ahead(book, ts):
        bar = ts // BAR * BAR
        if state["bar"] is not None:
            for ended in range(state["bar"], bar, BAR):
                found.update({(ended, *at): book.level(*at) for at in wanted.get(ended, ())})
        state["bar"] = bar

    replay(records, ahead=ahead)
    return found
