"""Questions at moments that are no arrival, on a root that was really built, beside a loop over its snapshots."""

import math

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import library, phases, physics, question, render, similar, store, vectors
from warehouse.errors import QuestionError
from warehouse.schema import AVERAGES, BAR_NS

SECOND = 10**9
SPEC = vectors.spec()


@pytest.fixture(scope="module")
def setups(tiny_built):
    """Real setups, with times as ns."""
    found = library.setups(tiny_built).filter(~pl.col("is_placebo"))
    times = pl.col("known_ts", "resolved_ts").cast(pl.Int64)
    return found.with_columns(times).to_dicts()


@pytest.fixture(scope="module")
def snapshots(tiny_built):
    found = pl.read_parquet(
        sorted(tiny_built.glob("gold/snapshots/*/*/part.parquet")), hive_partitioning=False
    )
    times = pl.col("known_ts", "resolved_ts").cast(pl.Int64)
    return found.with_columns(times).to_dicts()


def alone(setup, setups):
    """No other arrival at its level in the four minutes after it."""
    later = (one for one in setups if one["setup_id"] != setup["setup_id"])
    return not any(
        (setup["level_kind"] in one["level_kinds"] or one["level_price"] == setup["level_price"])
        and 0 <= one["known_ts"] - setup["known_ts"] <= 240 * SECOND
        for one in later
    )


def test_a_moment_after_an_arrival_is_the_setup_frozen_again(tiny_built, setups, snapshots):
    """Of levels that move too: what is asked about is the level as it was at T0."""
    seen, lone = set(), [one for one in setups if alone(one, setups)]
    moving = [one for one in lone if one["level_kind"] in AVERAGES]
    for setup in lone[:6] + moving[:3]:
        for row in snapshots:
            if row["setup_id"] != setup["setup_id"] or row["tau_s"] <= 0 or row["x"] is None:
                continue
            at = question.place(tiny_built, setup["level_kind"], row["known_ts"])
            now, stage = phases.phase(question.moment(at))
            assert (stage.name, stage.tau_s, stage.sigma_60) == (
                row["phase"],
                row["tau_s"],
                setup["sigma_60"],
            )
            assert (now.place.price, now.direction) == (setup["level_price"], setup["direction"])
            assert (now.x0, now.sigma_60) == (row["x"], row["sigma_60"])
            made = physics.features(now, SPEC.slots)
            assert [made[slot] for slot in SPEC.slots] == [row[slot] for slot in SPEC.slots]
            seen.add((stage.name, setup["level_kind"] in AVERAGES))
    assert len(seen) == 4, seen


def test_price_that_has_not_left_a_level_does_not_approach_it(tiny_built, setups):
    """Later than four minutes an arrival holds while price has not stood off the level for half a minute."""
    seen = set()
    for setup in setups:
        for tau_s in (245, 300, 400):
            try:
                at = question.place(tiny_built, setup["level_kind"], setup["known_ts"] + tau_s * SECOND)
            except QuestionError:
                continue
            if setup["level_kind"] in AVERAGES or not alone(setup, setups):
                continue
            book = pl.read_parquet(at.partition("silver.book").path).with_columns(
                pl.col("bar_ts").cast(pl.Int64)
            )
            since = book.filter(pl.col("bar_ts").is_between(setup["known_ts"], at.end - BAR_NS))
            low, high = (since[name].to_list() for name in ("mid_min", "mid_max"))
            price, left = setup["level_price"], False
            for n in range(6, len(low) + 1):
                lows, highs = low[n - 6 : n], high[n - 6 : n]
                if None not in lows:
                    left |= min(lows) - price > 2 or price - max(highs) > 2
            again = [
                one for one in setups
                if one["level_price"] == price and setup["known_ts"] < one["known_ts"] <= at.end
            ]  # fmt: skip
            now = question.moment(at)
            if again or now.setup is not None:
                continue
            _, stage = phases.phase(now)
            assert stage.name == ("APPROACH" if left else "ZONE"), (setup["setup_id"], tau_s)
            seen.add(stage.name)
    assert seen == {"APPROACH", "ZONE"}


def slow(root, card, setups, snapshots):
    """The answer by a loop: one moment of each admitted setup, then distance and caps."""
    asked = card.question
    own = {one["setup_id"]: one for one in setups}
    end = stamp(asked["known_ts"])
    scaler = pl.read_parquet(root / f"gold/scalers/product=SIM/date={asked['date']}/part.parquet")
    mine = scaler.filter(pl.col("spec") == SPEC.name)
    scale = dict(mine.select("feature", "mad").rows())
    price = asked["level"] == "price"
    at = question.place(root, str(asked["price"]) if price else asked["level"], end)
    mine = physics.features(phases.phase(question.moment(at))[0], SPEC.slots)
    best = {}
    for row in snapshots:
        setup = own.get(row["setup_id"])
        if setup is None or row["phase"] != asked["phase"] or not row["level_known"] or row["x"] is None:
            continue
        off = abs(row["x"] - asked["x0"])
        if row["resolved_ts"] > end or not like(row, asked):
            continue
        order = (off, abs(row["tau_s"]), row["tau_s"])
        if off <= max(0.5, 0.25 * asked["sigma_60"]) and order < best.get(row["setup_id"], ((math.inf,),))[0]:
            best[row["setup_id"]] = (order, row, setup)
    found, admitted = [], []
    for _, row, setup in best.values():
        ours, theirs = (gold.facing(one, setup["direction"]) for one in (mine, row))
        shared = [slot for slot in SPEC.slots if ours[slot] is not None and theirs[slot] is not None]
        if (
            gold.alike(setup, asked, None if price else [asked["level"]])
            and str(setup["date"]) != asked["date"]
        ):
            admitted.append(row)
        if row in admitted and len(shared) >= 21:
            gaps = [(theirs[slot] - ours[slot]) / scale[slot] for slot in shared]
            far = math.sqrt(sum(gap**2 for gap in gaps) * len(SPEC.slots) / len(shared))
            found.append((far, row["setup_id"], row, setup))
    kept = []
    for one in sorted(found, key=lambda one: one[:2]):
        same = [other for other in kept if other[3]["date"] == one[3]["date"]]
        if len(same) < 2 and one[3]["cluster_id"] not in {other[3]["cluster_id"] for other in kept}:
            kept.append(one)
    return kept, admitted


def like(row, asked):
    """The moment's own clock, four hours behind, and its own expected move."""
    if asked["hours"]:
        clock = (row["known_ts"] // SECOND - 4 * 3600) % 86400
        first, after = (int(one[:2]) * 3600 + int(one[3:]) * 60 for one in asked["hours"].split("-"))
        if not first <= clock < after:
            return False
    if asked["volatility"]:
        low, high = asked["volatility"]
        return row["sigma_60"] is not None and low <= row["sigma_60"] / asked["sigma_60"] <= high
    return True


def stamp(text):
    return int(pl.Series([text.removesuffix("Z")]).str.to_datetime(time_unit="ns").cast(pl.Int64).item())


def test_neighbours_are_moments_of_the_same_phase_at_a_like_distance(tiny_built, setups, snapshots):
    seen = {}
    last = max(one["date"] for one in setups)
    for setup in [one for one in setups if one["date"] == last][::2]:
        for tau_s in (-60, 30, 120, 240):
            card = similar.ask(tiny_built, setup["level_kind"], setup["known_ts"] + tau_s * SECOND, k=99)
            if card.question["setup_id"] is not None:
                continue
            want, _ = slow(tiny_built, card, setups, snapshots)
            assert [each["setup_id"] for each in card.neighbours] == [name for _, name, _, _ in want]
            assert [each["distance"] for each in card.neighbours] == pytest.approx(
                [far for far, *_ in want], rel=1e-5
            )
            for each, (_, _, row, _) in zip(card.neighbours, want, strict=True):
                assert each["outcomes"] == {m: row[f"outcome_{m}"] for m in ("2m", "4m", "8m")}
                assert (each["x0"], each["mfe_pts"]) == (row["x"], row["mfe_pts_8m"])
            stage = card.question["phase"]
            seen[stage] = seen.get(stage, 0) + len(want)
    assert seen["APPROACH"] and seen["ZONE"], seen


def test_every_phase_finds_its_own_among_many(tmp_path, monkeypatch):
    """Moments drawn at random on eight dates; by level and by price, at any hour and volatility and at some."""
    days = gold.dates(8)
    gold.root(tmp_path, 8, 30)
    gold.moments(tmp_path, days)
    for module in (similar, physics):
        monkeypatch.setattr(module, "features", lambda _now, _names: dict.fromkeys(SPEC.slots, 0.1))
    known = library.setups(tmp_path).with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64))
    setups = known.filter(~pl.col("is_placebo")).to_dicts()
    found = store.scan(store.partitions(tmp_path, "gold.snapshots")).collect()
    snapshots = found.with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64)).to_dicts()
    seen = {}
    for setup in [one for one in setups if one["date"] == days[-1] and one["level_kind"] != "CUSTOM"][::4]:
        for tau_s in (-60, 90, 180):
            for told in ({}, {"hours": "09:50-10:20", "volatility": "0.5-1.25"}):
                level = setup["level_kind"] if tau_s < 0 else repr(setup["level_price"])
                card = similar.ask(tmp_path, level, setup["known_ts"] + tau_s * SECOND, **told)
                if card.question["setup_id"] is not None:
                    continue
                want, admitted = slow(tmp_path, card, setups, snapshots)
                assert [each["setup_id"] for each in card.neighbours] == [name for _, name, _, _ in want[:30]]
                assert card.search["admissible"] == len(admitted)
                got = [(each["tau_s"], each["outcomes"]["4m"], each["x0"]) for each in card.neighbours]
                assert got == [(row["tau_s"], row["outcome_4m"], row["x"]) for _, _, row, _ in want[:30]]
                key = card.question["phase"], bool(told)
                seen[key] = seen.get(key, 0) + len(want)
    assert len(seen) == 6 and min(seen.values()) >= 5, seen


NAMES = ("BREAK", "REJECT", "CHOP")


def beyond(near, null, snapshots):
    """Of neighbours as they stood and what geometry said then, shares at eight minutes, and how many they are."""
    stood = {(row["setup_id"], row["tau_s"]): row for row in snapshots}
    ends = [(each["outcomes"]["8m"], each["weight"], stood[each["setup_id"], each["tau_s"]]) for each in near]
    ends = [one for one in ends if one[0] in NAMES]
    whole = sum(weight for _, weight, _ in ends)
    apart = [
        sum(w * ((end == name) - row[f"cal_{name.lower()}_8m"]) for end, w, row in ends) for name in NAMES
    ]
    moved = [max(0, chance + (one / whole if ends else 0)) for chance, one in zip(null, apart, strict=True)]
    count = whole**2 / sum(weight**2 for _, weight, _ in ends) if ends else 0
    return [one / sum(moved) for one in moved], count


def told(card, null, snapshots):
    """Odds of the eight minutes: the null, tilted by the nearest of every level, and drawn to the own neighbours."""
    label = card.labels["8m"]
    share, n = beyond(card.elsewhere, null, snapshots)
    resolved, m = sum(share[:2]), label.elsewhere_null_n
    tilted = [
        (n * one / resolved * (1 - null[2]) + m * chance) / (n + m)
        for one, chance in zip(share[:2], null[:2], strict=True)
    ]
    assert n == pytest.approx(label.elsewhere_n_eff)
    share, n = beyond(card.neighbours, null, snapshots)
    assert n == pytest.approx(label.n_eff)
    m = label.null_n
    return [(n * one + m * chance) / (n + m) for one, chance in zip(share, [*tilted, null[2]], strict=True)]


def test_odds_of_an_approach_begin_at_the_level_and_later_ones_where_price_stands(
    tiny_built, setups, snapshots
):
    """The null behind the card is the mean of what arrivals had, or geometry from x."""
    last = max(one["date"] for one in setups)
    seen = set()
    for setup in [one for one in setups if one["date"] == last and alone(one, setups)]:
        for tau_s in (-60, 60, 120):
            card = similar.ask(tiny_built, setup["level_kind"], setup["known_ts"] + tau_s * SECOND, k=1)
            asked, chances = card.question, card.outcomes["8m"]
            if asked["setup_id"] is not None or asked["sigma_60"] is None:
                continue
            if asked["phase"] != "APPROACH" and asked["tau_s"] != tau_s:
                continue  # an earlier arrival holds still
            if asked["phase"] == "APPROACH":
                assert (chances is None) == (not card.search["admissible"])
                if chances is None:
                    assert "No odds: no approach like this has arrived before." in card.notes
                    continue
                _, admitted = slow(tiny_built, card, setups, snapshots)
                odds = [[row[f"cal_{end}_8m"] for end in ("break", "reject", "chop")] for row in admitted]
                null = np.mean([o for o in odds if None not in o], axis=0)
                assert [each.p for each in chances.values()] == pytest.approx(told(card, null, snapshots))
            else:
                row = next(
                    row for row in snapshots if (row["setup_id"], row["tau_s"]) == (setup["setup_id"], tau_s)
                )
                assert card.labels["8m"].barrier_pts == row["barrier_pts_8m"]  # as at T0
                beyond = row["cal_break_8m"] is None
                assert (chances is None) == beyond
                if not beyond:
                    stored = [row[f"cal_{end}_8m"] for end in ("break", "reject", "chop")]
                    assert [each.p for each in chances.values()] == pytest.approx(
                        told(card, stored, snapshots)
                    )
                assert any(note.startswith("Odds begin at the level") for note in card.notes) == (
                    None in card.outcomes.values()
                )
            seen.add((asked["phase"], chances is None))
    assert {("APPROACH", False), ("ZONE", False)} <= seen, seen


def test_the_card_says_with_what_it_compares(tiny_built, setups):
    setup = next(one for one in setups if alone(one, setups))
    after = similar.ask(tiny_built, setup["level_kind"], setup["known_ts"] + 30 * SECOND)
    assert after.question["tau_s"] == 30 and after.question["direction"] == setup["direction"]
    assert "An arrival 30 s ago has this direction" in render.card(after)
    with pytest.raises(QuestionError, match="the graph holds arrivals, and this moment is none"):
        similar.ask(tiny_built, setup["level_kind"], setup["known_ts"] + 30 * SECOND, index="hnsw")


def test_an_arrival_holds_four_minutes_and_for_as_long_as_price_has_not_left() -> None:
    """Left within the four minutes it holds them out; left later it held up to the bar before; else it holds."""
    second = 10**9
    assert phases._until(0, 60 * second) == phases._until(0, 240 * second) == 240 * second
    assert phases._until(0, 300 * second) == 295 * second
    assert phases._until(0, None) is None
