"""A simulated tape keeps the feed's grammar, its books add up, and its truth acts where it says."""

import datetime as dt
import errno
import hashlib
import itertools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse import dbn, session
from warehouse.errors import QuestionError
from warehouse.simulate import market, tape, truth, worlds

DAY = dt.date(2025, 6, 4)
MORNING = (dt.time(4), dt.time(12, 45))
OPENING = (dt.time(9, 28), dt.time(9, 36))
TICK = 250_000_000
LAST = 128
SIDES = ((b"B", "bid", -1), (b"A", "ask", 1))


def records(day=DAY, hours=OPENING, *, scale=0.3, world="null", seed=0, schema="mbp-10"):
    """The front contract's records and the truth, without files."""
    truth = []
    asked = market._session(day, worlds.world_named(world), hours, scale, seed)
    parts = list(tape.records(asked, tape.contracts(day)[0], schema, truth))
    return np.concatenate(parts), truth[0]


@pytest.fixture(scope="module")
def mbp():
    return records()[0]


@pytest.fixture(scope="module")
def mbo():
    return records(schema="mbo")[0]


def last(found):
    return found[(found["flags"] & LAST) != 0]


def mid(found):
    """In half ticks."""
    return (found["bid_px_00"] + found["ask_px_00"]) // TICK


def events(found):
    """Slices between LAST records."""
    ends = np.flatnonzero(found["flags"] & LAST) + 1
    return [found[a:b] for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]


def resting(record, side):
    """{price: size} of one side's ten levels."""
    return {int(record[f"{side}_px_{i:02d}"]): int(record[f"{side}_sz_{i:02d}"]) for i in range(10)}


def test_heads_and_clocks_are_those_of_a_feed(mbp, mbo):
    for found, length, rtype in ((mbp, 92, 10), (mbo, 14, 160)):
        assert set(found["length"]) == {length} and set(found["rtype"]) == {rtype}
        assert set(found["publisher_id"]) == {65_001} and set(found["instrument_id"]) == {202506}
        live = found[(found["flags"] & 32) == 0]
        assert (np.diff(live["ts_event"].astype("i8")) >= 0).all() and (
            np.diff(live["sequence"].astype("i8")) >= 0
        ).all()
        assert (np.diff(found["ts_recv"].astype("i8")) >= 0).all() and (
            live["ts_recv"] > live["ts_event"]
        ).all()
        start, end = session.at(DAY, OPENING[0]), session.at(DAY, OPENING[1])
        assert start <= found["ts_recv"].min() and found["ts_recv"].max() < end
    assert len(mbp) > 10_000


def test_ladders_are_monotone_and_never_crossed_at_last(mbp):
    for side, sign in (("bid", -1), ("ask", 1)):
        prices = np.stack([mbp[f"{side}_px_{i:02d}"] for i in range(10)], axis=1)
        assert (prices < dbn.UNDEF_PRICE).all()
        assert (np.diff(prices, axis=1) * sign >= TICK).all() and (prices % TICK == 0).all()
        for what in ("sz", "ct"):
            assert min(mbp[f"{side}_{what}_{i:02d}"].min() for i in range(10)) >= 1
    ended = last(mbp)
    assert (ended["bid_px_00"] < ended["ask_px_00"]).all()


def test_an_aggressor_prints_first_on_the_book_before_and_what_it_took_is_gone_after(mbp):
    before, trades = None, 0
    for event in events(mbp):
        kinds = event["action"].tobytes()
        printed = kinds.count(b"T")
        assert printed == 0 or (len(kinds) > printed and kinds[:printed] == b"T" * printed)
        assert printed or len(kinds) == 1
        if printed and before is not None:
            trades += 1
            prints, after = event[:printed], event[-1]
            side, rest = ("ask", b"A") if prints["side"][0] == b"B" else ("bid", b"B")
            assert set(event[printed:]["side"]) == {rest}
            for record in prints:
                assert resting(record, "bid") == resting(before, "bid") and resting(record, "ask") == resting(
                    before, "ask"
                )
                price = int(record["price"])
                assert record["depth"] == sorted(resting(before, side), reverse=side == "bid").index(price)
                assert resting(before, side)[price] - resting(after, side).get(price, 0) == record["size"]
        before = event[-1]
    assert trades > 200


class Replay:
    """A book by order id, as A.5 says; every change that a feed cannot make fails."""

    def __init__(self):
        self.orders, self.levels, self.filled = {}, {b"B": {}, b"A": {}}, {}

    def change(self, side, price, size, count):
        levels = self.levels[side]
        before = levels.get(price, (0, 0))
        levels[price] = before[0] + size, before[1] + count
        assert min(levels[price]) >= 0
        if levels[price][1] == 0:
            assert levels.pop(price) == (0, 0)

    def apply(self, record):
        action, order, size = bytes(record["action"]), int(record["order_id"]), int(record["size"])
        side, price = bytes(record["side"]), int(record["price"])
        if action == b"F":
            assert self.orders[order][:2] == (side, price) and size <= self.orders[order][2]
            self.filled[order] = size
        if action in (b"C", b"M"):
            _, old, had = self.orders.pop(order)
            self.change(side, old, -had, -1)
            if fill := self.filled.pop(order, 0):
                assert (action, size) == ((b"C", had) if fill == had else (b"M", had - fill))
        if action in (b"A", b"M"):
            assert order not in self.orders
            self.orders[order] = side, price, size
            self.change(side, price, size, 1)

    def ten(self, side, sign):
        return sorted(self.levels[side].items(), key=lambda item: sign * item[0])[:10]


def test_replaying_the_orders_gives_the_ten_levels_of_every_event(mbp, mbo):
    book, compared = Replay(), 0
    shown = {int(record["sequence"]): record for record in last(mbp)}
    for record in mbo:
        book.apply(record)
        seen = shown.get(int(record["sequence"])) if record["flags"] & LAST else None
        if seen is None:
            continue
        compared += 1
        assert not book.filled
        for letter, name, sign in SIDES:
            columns = [
                [int(seen[f"{name}_{what}_{i:02d}"]) for i in range(10)] for what in ("px", "sz", "ct")
            ]
            assert book.ten(letter, sign) == [(px, (sz, ct)) for px, sz, ct in zip(*columns, strict=True)]
    assert compared == len(shown) > 5_000


def test_moves_are_most_of_the_modifies():
    found = records(hours=(dt.time(10, 10), dt.time(10, 14)), scale=1.0, schema="mbo")[0]
    orders, moved, still = {}, 0, 0
    for record in found[np.isin(found["action"], [b"A", b"M"])]:
        order, price = int(record["order_id"]), int(record["price"])
        if record["action"] == b"M":
            moved, still = moved + (orders[order] != price), still + (orders[order] == price)
        orders[order] = price
    assert 0.6 < moved / (moved + still) < 0.9  # F.4, 24b


def test_the_null_world_has_no_favourite_side():
    found = records(hours=(dt.time(9, 45), dt.time(12, 30)), scale=0.1)[0]
    sizes = [last(found)[f"{side}_sz_00"].mean() for side in ("bid", "ask")]
    assert 0.9 < sizes[0] / sizes[1] < 1.1
    trades = found[found["action"] == b"T"]
    assert abs((trades["side"] == b"B").mean() - 0.5) < 0.06


def volatility_and_touch(scale):
    """Points per square root of a minute over 60 s, mean touch size, share of time at one tick."""
    hours = (dt.time(9, 45), dt.time(12, 30))
    found = last(records(hours=hours, scale=scale)[0])
    every = np.arange(session.at(DAY, hours[0]) + 10**10, session.at(DAY, hours[1]), 10**9)
    found = found[np.searchsorted(found["ts_event"].astype("i8"), every) - 1]
    moves = (mid(found)[60:] - mid(found)[:-60]) / 8
    spread = found["ask_px_00"] - found["bid_px_00"]
    return moves.std(), (found["bid_sz_00"].mean() + found["ask_sz_00"].mean()) / 2, (spread == TICK).mean()


def test_a_thinned_flow_keeps_volatility_touch_and_spread():
    sigma, touch, tight = zip(*map(volatility_and_touch, (0.05, 0.5)), strict=True)
    assert all(1.0 < value < 3.0 for value in sigma) and 0.85 < sigma[0] / sigma[1] < 1.15
    assert all(20 < value < 60 for value in touch) and 0.75 < touch[0] / touch[1] < 1.35
    assert min(tight) > 0.96


def arrivals(found, price, known):
    """D.1 by hand: bars of five seconds at which the mid comes within a point after half a minute beyond two."""
    ended = last(found)
    bar = (ended["ts_event"].astype("i8") - session.at(DAY, MORNING[0])) // 5_000_000_000
    values, state, out, carried, quiet = mid(ended), None, [], None, 0
    bounds = np.searchsorted(bar, np.arange(bar[-1] + 2))
    for number, (a, b) in enumerate(itertools.pairwise(bounds)):
        inside = [*([] if carried is None else [carried]), *values[a:b]]
        carried = values[b - 1] if b > a else carried
        start = session.at(DAY, MORNING[0]) + number * 5_000_000_000
        if not inside or start < known - 1800 * 10**9:
            continue
        low, high = min(inside) - 2 * price, max(inside) - 2 * price
        if state is not None:
            if low <= 8 and high >= -8:
                if start >= known:
                    out.append((start, state))
                state, quiet = None, 0
            continue
        side = 1 if high < -16 else -1 if low > 16 else 0
        quiet = (quiet + side if quiet * side >= 0 else side) if side else 0
        state = side if abs(quiet) >= 6 else None
    return out


def test_the_truth_holds_the_arrivals_that_the_tape_shows():
    found, truth = records(hours=MORNING, scale=0.05, world="planted")
    trades = found[found["action"] == b"T"]
    seen = 0
    for place, (kind, span) in enumerate(tape.LEVELS):
        start, end = (session.at(DAY, time) for time in (span.start, span.end))
        made = trades["price"][(trades["ts_event"] >= start) & (trades["ts_event"] < end)] // TICK
        price = made.max() if kind.endswith("HIGH") else made.min()
        rows = truth[truth[:, 2] == place]
        assert set(rows[:, 3]) <= {price} and (rows[:, 0] >= end).all()
        expected = dict(arrivals(found, int(price), end))
        written = {int(row[1]): int(row[4]) for row in rows if row[1] >= 0}
        # While a race runs, an arrival at the same level is no new one.
        assert written.items() <= expected.items()
        assert all(any(0 < ts - t <= 490 * 10**9 for t in written) for ts in set(expected) - set(written))
        seen += len(written)
    assert seen >= 4


def test_what_is_planted_moves_what_follows():
    broke = {1: [], -1: []}
    for day in session.sessions(DAY, dt.date(2025, 6, 26)):
        found, truth = records(day, MORNING, scale=0.05, world="planted")
        ended = last(found)
        times, values = ended["ts_event"].astype("i8"), mid(ended)
        for _, trigger, _, price, direction, z in truth[(truth[:, 1] >= 0) & (truth[:, 5] != 0), :6]:
            freeze = trigger + 5_000_000_000
            x = direction * (
                values[slice(*np.searchsorted(times, [freeze, freeze + 240 * 10**9]))] - 2 * price
            )
            hits = x[np.abs(x) >= 24]
            if hits.size:
                broke[z].append(hits[0] > 0)
    assert min(map(len, broke.values())) > 30
    assert np.mean(broke[1]) > np.mean(broke[-1]) + 0.2


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_files_are_the_same_alone_and_in_company_and_follow_the_seed(tmp_path):
    days = [dt.date(2025, 6, 4), dt.date(2025, 6, 5)]
    given = {"hours": OPENING, "rate_scale": 0.05, "schema": ("mbp-10", "mbo")}
    done = []
    paths = market.simulate(tmp_path / "two", days, workers=2, progress=lambda *at: done.append(at), **given)
    market.simulate(tmp_path / "one", days[1:], **given)
    market.simulate(tmp_path / "other", days[1:], seed=1, **given)
    two, one, other = (digests(tmp_path / name) for name in ("two", "one", "other"))
    assert one.items() <= two.items() and len(two) == 2 * len(one) == 10
    assert [p.name for p in paths[:3]] == [
        f"xsim-mdp3-20250604.{s}.dbn.zst" for s in ("definition", "mbp-10", "mbo")
    ]
    name = "xsim-mdp3-20250605.mbp-10.dbn.zst"
    assert one[name] != other[name] and done == [("simulated sessions", 1, 2), ("simulated sessions", 2, 2)]
    header = dbn.read_header(tmp_path / "one" / name)
    assert (header.dataset, header.schema, header.symbols) == ("XSIM.MDP3", "mbp-10", ("SIMM5",))
    assert header.start == session.at(days[1], OPENING[0]) and header.end == session.at(days[1], OPENING[1])
    assert json.loads((tmp_path / "one" / "xsim-mdp3-20250605.json").read_text())["seed"] == 0
    assert "z" in pl.read_parquet(tmp_path / "one" / "xsim-mdp3-20250605.truth.parquet").columns


def test_the_last_session_before_a_roll_has_both_contracts_and_more_volume_in_the_next(tmp_path):
    eve = dt.date(2025, 6, 13)
    definitions, tape_file = market.simulate(tmp_path, [eve], hours=OPENING, rate_scale=0.2)
    found = np.concatenate(list(dbn.read(tape_file)))
    assert (np.diff(found["ts_recv"].astype("i8")) >= 0).all()
    trades = found[found["action"] == b"T"]
    volume = {n: trades["size"][trades["instrument_id"] == n].sum() for n in (202506, 202509)}
    assert volume[202509] > volume[202506] > 0
    defined = np.concatenate(list(dbn.read(definitions)))
    assert dict(zip(defined["raw_symbol"], defined["instrument_id"], strict=True)) == {
        b"SIMM5": 202506,
        b"SIMU5": 202509,
    }
    assert set(defined["min_price_increment"]) == {TICK} and set(defined["instrument_class"]) == {b"F"}


def test_prices_go_on_from_day_to_day():
    opens = [
        int(tape._open_ticks(market._session(day, worlds.WORLDS["null"], None, 1.0, 0)))
        for day in session.sessions(DAY, dt.date(2025, 9, 30))
    ]
    assert opens[0] == 24_000
    assert 0 < np.abs(np.diff(opens)).max() < 400
    early = tape._open_ticks(market._session(dt.date(2025, 6, 3), worlds.WORLDS["null"], None, 1.0, 0))
    assert 0 < abs(early - 24_000) < 400


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate_scale": 0.0}, "rate scale 0"),
        ({"rate_scale": float("nan")}, "rate scale nan"),
        ({"world": "plantd"}, "null, decoy, hidden, planted, flip, literal"),
        ({"dates": [dt.date(2025, 6, 19)]}, "Juneteenth"),
        ({"dates": [dt.date(2025, 6, 7)]}, "weekend"),
        ({"hours": (dt.time(12), dt.time(9))}, "12:00 to 09:00"),
        ({"schema": ("mbp-1",)}, "mbp-1"),
        ({"schema": ("mbo", "mbo")}, "mbo,mbo"),
        ({"seed": -1}, "seed -1"),
        ({"dials": {"kg": 0.1}}, "no dial kg"),
        ({"dials": {"kf": float("nan")}}, "dial kf cannot be nan"),
        ({"dials": {"km": 7.0}}, "dial km cannot be 7"),
        ({"dials": {"spoof": 1.5}}, "dial spoof cannot be 1.5"),
        ({"dials": {"wall": -1.0}}, "dial wall cannot be -1"),
        ({"dials": {"p_break": 0.8}}, "p_break 0.8 and p_reject 0.3 are more than all"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(tmp_path, given, says):
    out = tmp_path / "out"
    with pytest.raises(QuestionError, match=says) as refused:
        market.simulate(out, given.pop("dates", [DAY]), **given)
    assert "\n" not in str(refused.value) and not out.exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(QuestionError, match=r"cannot write to .*file"):
        market.simulate(tmp_path / "file", [DAY])


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(market.json, "dumps", full)
    given = {"hours": (dt.time(10), dt.time(10, 1)), "rate_scale": 0.05}
    with pytest.raises(QuestionError, match=r"2025-06-04 .*No space left on device.*make room") as refused:
        market.simulate(tmp_path, [DAY], **given)
    assert "\n" not in str(refused.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_disk_that_takes_no_more_is_one_line_and_leaves_nothing(tmp_path, workers):
    """A real limit, which meets one worker while the other is still writing."""
    command = shlex.join(
        [str(Path(sys.executable).with_name("warehouse")), "simulate", "--out", str(tmp_path / "out"), "--workers",
         workers, "--dates", "2025-06-04,2025-06-05", "--hours", "09:30-10:00", "--rate-scale", "0.5"]
    )  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 64; {command}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(
        r"error: cannot write 2025-06-0[45] to .*File too large.*: make room or .*\n", done.stderr
    )
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [("kf", "not written as"), ("kf=x", "not written as"), ("kf=1, kf=2", "kf is given more than once")],
)
def test_dials_that_say_nothing_clear_are_refused(words, says):
    with pytest.raises(QuestionError, match=says):
        worlds.parsed(words)


def test_the_truth_says_how_an_arrival_ended():
    """Against the tape: the mid at the freeze, and the barrier that it touches first within four minutes."""
    contract, told = tape.contracts(DAY)[0], []
    whole = market._session(DAY, worlds.WORLDS["planted"], MORNING, 0.05, 0)
    ended = last(np.concatenate(list(tape.records(whole, contract, "mbp-10", told))))
    times, values = ended["ts_event"].astype("i8"), mid(ended)
    freeze = pl.col("trigger_ts").cast(pl.Int64) + 5 * 10**9
    known = truth.told(whole, [contract], [told]).with_columns(freeze=freeze).filter(freeze.is_not_null())
    assert len(known) > 5
    for row in known.iter_rows(named=True):
        sign = 1 if row["direction"] == "UP" else -1
        freeze = row["freeze"]
        at = np.searchsorted(times, freeze)
        x = sign * (values / 8 - row["price"])
        assert x[at - 1] == pytest.approx(row["x0_pts"])
        race = x[at : np.searchsorted(times, freeze + 240 * 10**9)]
        hits = race[np.abs(race) >= row["barrier_pts"]]
        expected = "CHOP" if not hits.size else "BREAK" if hits[0] > 0 else "REJECT"
        assert row["outcome"] == (None if abs(row["x0_pts"]) >= row["barrier_pts"] else expected)
        width = row["barrier_pts"]
        assert width == max(2.0, np.ceil(0.9 * row["sigma_60"] * 2 * 8) / 8)


def test_the_effect_flips_by_date_and_placebo_worlds_have_none():
    flipped = {
        tape.flipped(market._session(day, worlds.WORLDS["flip"], None, 1.0, 0))
        for day in session.sessions(DAY, dt.date(2025, 6, 30))
    }
    assert flipped == {True, False}
    flip = worlds.WORLDS["flip"]
    assert (worlds.on(flip, True).km, worlds.on(flip, False).km) == (-flip.km, flip.km)
    assert worlds.on(worlds.WORLDS["planted"], True) == worlds.WORLDS["planted"]
    acts = {name: (bool(w.kf or w.kn), bool(w.km)) for name, w in worlds.WORLDS.items()}
    assert (
        acts["null"] == (False, False) and acts["decoy"] == (True, False) and acts["hidden"] == (False, True)
    )
