import datetime as dt
import json
import math
import shutil

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import (
    barrier,
    index,
    library,
    odds,
    question,
    render,
    replay,
    session,
    similar,
    store,
    vectors,
    warm,
)
from warehouse.errors import DataError, MissingStepError, QuestionError
from warehouse.schema import LEVELS, NS

COUNT = 14
DAYS = gold.dates(COUNT)
SECOND = 10**9


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return gold.root(tmp_path_factory.mktemp("root"), COUNT, 12)


@pytest.fixture
def mine(root, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(root, tmp_path / "mine")


def ns(day: dt.date, text: str) -> int:
    return session.at(day, dt.time.fromisoformat(text))


def trigger(root, kind: str | None = None, day: dt.date | None = None) -> dict:
    """A stored setup that is no placebo: of the last date, of a named kind."""
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") == (day or DAYS[-1]))
    named = rows.filter(pl.col("level_kind") == kind if kind else pl.col("level_kind") != "CUSTOM")
    return named.with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64)).row(0, named=True)


def asked(root, setup, **options):
    return similar.ask(root, setup["level_kind"], setup["known_ts"], **options)


def slow(root, setup, kinds=None, *, other_dates=True, as_of=None, among=None):
    """The answer by a loop: admission, scaling, distance and caps as the architecture writes them."""
    slots = vectors.spec().slots
    rows = (
        library.setups(root, slots).with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64)).to_dicts()
    )
    me = next(row for row in rows if row["setup_id"] == setup["setup_id"])
    scale = {
        row["feature"]: row["mad"]
        for row in pl.read_parquet(root / f"gold/scalers/product=SIM/date={me['date']}/part.parquet")
        .filter(pl.col("spec") == "snapshot30r")
        .to_dicts()
    }
    found = []
    for row in rows:
        admitted = not row["is_placebo"] and gold.alike(row, me, kinds)
        admitted &= row["resolved_ts"] <= (as_of or setup["known_ts"]) and (
            row["date"] != me["date"] or not other_dates
        )
        admitted &= among is None or row["setup_id"] in among
        shared = [slot for slot in slots if row[slot] is not None and me[slot] is not None]
        if admitted and len(shared) >= 21:
            gaps = [
                (np.float32(row[slot]).item() - np.float32(me[slot]).item()) / scale[slot] for slot in shared
            ]
            far = float(np.sqrt(sum(gap**2 for gap in gaps) * 30 / len(shared)))
            found.append((far, row["setup_id"], row))
    return [(far, name) for far, name, _ in spread_out(sorted(found, key=lambda one: one[:2]))]


def spread_out(found):
    """Two of a date and one of a cluster, walking down the list."""
    kept = []
    for far, name, row in found:
        same = [one for one in kept if one[2]["date"] == row["date"]]
        if len(same) < 2 and row["cluster_id"] not in {one[2]["cluster_id"] for one in kept}:
            kept.append((far, name, row))
    return kept


def test_neighbours_are_those_of_a_slow_search(root) -> None:
    for kind in ("PM_HIGH", "PM_LOW", "OR_HIGH", "OR_LOW"):
        for day in (DAYS[5], DAYS[-1]):
            try:
                setup = trigger(root, kind, day)
            except pl.exceptions.OutOfBoundsError:
                continue
            got = [(each["distance"], each["setup_id"]) for each in asked(root, setup, k=1000).neighbours]
            want = slow(root, setup, [kind])
            assert [name for _, name in got] == [name for _, name in want]
            assert [far for far, _ in got] == pytest.approx([far for far, _ in want])


def volatile(root) -> None:
    """The third setup of every date moves twice as much as the first, the second is not known to move."""
    for day in DAYS:
        part = store.partition(root, "gold.setups", symbol=gold.SYMBOL, date=day)
        rows = pl.read_parquet(part.path, hive_partitioning=False).with_row_index("n")
        turn = pl.col("n") % 3
        moved = pl.when(turn == 0).then(2.0).when(turn == 2).then(4.0)
        store.write(part, rows.with_columns(sigma_60=moved).drop("n"), store.read_manifest(part))


def like(row, setup, hours, ratios) -> bool:
    """By a New York clock four hours behind, and by the ratio of expected moves."""
    clock = (row["known_ts"] // SECOND - 4 * 3600) % 86400
    first, after = (int(text[:2]) * 3600 + int(text[3:5]) * 60 for text in hours)
    moves = row["sigma_60"] is not None and ratios[0] <= row["sigma_60"] / setup["sigma_60"] <= ratios[1]
    return first <= clock < after and moves


def test_time_of_day_and_volatility_leave_moments_out_everywhere(mine) -> None:
    """Neighbours, base rates and their counts are of the same moments, by scan and by graph, and by SQL."""
    volatile(mine)
    index_of(mine)
    rows = library.setups(mine).with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64)).to_dicts()
    setup = next(
        row for row in rows if row["date"] == DAYS[-1] and row["sigma_60"] == 2.0 and not row["is_placebo"]
    )
    edge = sorted(row["known_ts"] for row in rows)[len(rows) // 2]
    clock = f"{dt.datetime.fromtimestamp(edge // SECOND - 4 * 3600, dt.UTC):%H:%M}"
    level, seen = str(setup["level_price"]), set()
    ends = dict(
        library.outcomes(mine).filter(pl.col("horizon_s") == 240).select("setup_id", "outcome").rows()
    )
    for hours, ratios in (
        ((clock, "16:00"), (0.0, 9.0)),
        (("09:30", clock), (0.5, 1.0)),
        (("09:00", "16:00"), (1.5, 2.0)),
    ):
        told = {"hours": "-".join(hours), "volatility": f"{ratios[0]}-{ratios[1]}"}
        exact, graph = (
            similar.ask(mine, level, setup["known_ts"], k=12, index=how, **told) for how in ("exact", "hnsw")
        )
        fits = {row["setup_id"] for row in rows if like(row, setup, hours, ratios)}
        want = [(far, name) for far, name in slow(mine, setup, among=fits)][:12]
        assert [each["setup_id"] for each in exact.neighbours] == [name for _, name in want]
        assert graph.neighbours == exact.neighbours and graph.outcomes == exact.outcomes
        admitted = [
            row for row in rows if row["setup_id"] in fits and not row["is_placebo"] and gold.alike(row, setup)
            and row["resolved_ts"] <= setup["known_ts"] and row["date"] != setup["date"]
        ]  # fmt: skip
        assert exact.search["admissible"] == len(admitted)
        assert exact.labels["4m"].base_n == sum(ends[row["setup_id"]] in odds.CLASSES for row in admitted)
        assert (exact.question["hours"], exact.question["volatility"]) == ("-".join(hours), list(ratios))
        assert any(note.startswith(f"Of all moments those from {hours[0]}") for note in exact.notes)
        seen |= {
            len(exact.neighbours) == 12,
            f"Only {len(exact.neighbours)} of 12 neighbours exist." in exact.notes,
        }
    assert seen == {True, False}


def test_where_nothing_is_left_out_nothing_is_said(root) -> None:
    card = asked(root, trigger(root))
    assert card.question["hours"] is None and card.question["volatility"] is None
    assert not any("Of all moments" in note for note in card.notes)
    assert asked(root, trigger(root), hours="18:00-17:00", volatility="0-9").neighbours == card.neighbours


def test_volatility_that_is_not_known_cannot_be_compared(mine) -> None:
    volatile(mine)
    known = library.setups(mine).with_columns(pl.col("known_ts").cast(pl.Int64))
    setup = known.filter(pl.col("sigma_60").is_null(), ~pl.col("is_placebo")).row(-1, named=True)
    with pytest.raises(
        QuestionError, match=r"^volatility needs 180 bars of data before the moment: ask without"
    ):
        similar.ask(mine, str(setup["level_price"]), setup["known_ts"], volatility="0.8-1.25")


def test_graph_and_scan_agree(mine) -> None:
    setup = trigger(mine)
    index_of(mine)
    exact, graph = (asked(mine, setup, k=10, index=how) for how in ("exact", "hnsw"))
    assert exact.neighbours == graph.neighbours and exact.outcomes == graph.outcomes
    assert exact.search["index"] == "exact" and graph.search["index"] == "hnsw"


def index_of(root) -> None:
    spec = vectors.spec()
    rows = library.setups(root, spec.slots).filter(~pl.col("is_placebo"))
    scale = vectors.scaler(
        pl.read_parquet(root / f"gold/scalers/product=SIM/date={DAYS[-1]}/part.parquet"),
        spec,
    )
    index.write(root, spec, "SIM", rows["setup_id"].to_list(), vectors.matrix(rows, spec), scale, {})


def test_a_library_that_is_small_is_scanned(root) -> None:
    assert asked(root, trigger(root)).search["index"] == "exact"


def test_no_setup_is_seen_before_it_is_resolved(root) -> None:
    """Also with --same-day: a setup of the same morning counts from T0 + 8 minutes on, not from its barrier."""
    setup = trigger(root, day=DAYS[-1])
    later = similar.ask(root, str(gold.PRICES[setup["level_kind"]]), setup["known_ts"], k=1000, same_day=True)
    resolved = {
        row["setup_id"]: row["resolved_ts"]
        for row in library.setups(root).with_columns(pl.col("resolved_ts").cast(pl.Int64)).to_dicts()
    }
    assert all(resolved[each["setup_id"]] <= setup["known_ts"] for each in later.neighbours)
    assert setup["setup_id"] not in {each["setup_id"] for each in later.neighbours}


def test_the_own_date_comes_in_only_when_asked_for(root) -> None:
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") == DAYS[-1])
    rows = rows.with_columns(pl.col("known_ts", "resolved_ts").cast(pl.Int64)).sort("known_ts").to_dicts()
    last = next(
        row
        for row in reversed(rows)
        if any(one["resolved_ts"] <= row["known_ts"] and one["direction"] == row["direction"] for one in rows)
    )
    for same_day in (False, True):
        card = similar.ask(root, str(last["level_price"]), last["known_ts"], k=1000, same_day=same_day)
        dates = {each["setup_id"].split("/")[1] for each in card.neighbours}
        assert (str(DAYS[-1]) in dates) is same_day
        assert card.question["same_day"] is same_day


def test_as_of_moves_the_moment_back_and_never_forward(root) -> None:
    setup = trigger(root)
    back = ns(DAYS[6], "10:00:00")
    got = asked(root, setup, k=1000, as_of=back)
    assert got.neighbours and all(each["setup_id"].split("/")[1] <= str(DAYS[6]) for each in got.neighbours)
    assert len(got.neighbours) < len(asked(root, setup, k=1000).neighbours)
    with pytest.raises(
        QuestionError, match=r"^--as-of .* lies after the moment, .*: nothing later may answer$"
    ):
        asked(root, setup, as_of=setup["known_ts"] + SECOND)


def chop(root, dates) -> None:
    """Make every outcome of some dates a CHOP, which bends whatever learns from them."""
    for date in dates:
        part = store.partition(root, "gold.outcomes", symbol=gold.SYMBOL, date=date)
        rows = pl.read_parquet(part.path, hive_partitioning=False)
        store.write(part, rows.with_columns(outcome=pl.lit("CHOP")), store.read_manifest(part))


@pytest.fixture
def soon(monkeypatch):
    """Sigma is calibrated after three sessions, so that small roots have factors."""
    monkeypatch.setattr(barrier, "SESSIONS_NEEDED", 3)


@pytest.mark.usefixtures("soon")
def test_odds_learn_from_nothing_that_was_resolved_later(mine) -> None:
    setup, back = trigger(mine), ns(DAYS[9], "18:00:00")
    want, free = asked(mine, setup, as_of=back), asked(mine, setup)
    chop(mine, DAYS[10:])
    assert asked(mine, setup, as_of=back).outcomes == want.outcomes
    assert asked(mine, setup).outcomes != free.outcomes


@pytest.mark.usefixtures("soon")
def test_odds_learn_from_no_setup_of_the_own_date(mine) -> None:
    rows = library.setups(mine).filter(~pl.col("is_placebo"), pl.col("date") == DAYS[-1]).sort("known_ts")
    named = rows.filter(pl.col("level_kind") != "CUSTOM").with_columns(pl.col("known_ts").cast(pl.Int64))
    setup = named.row(-1, named=True)
    assert rows.select((pl.col("resolved_ts").cast(pl.Int64) < setup["known_ts"]).sum()).item() > 2
    want = asked(mine, setup).outcomes
    chop(mine, DAYS[-1:])
    assert asked(mine, setup).outcomes == want


def test_files_are_read_once_and_again_when_one_changes(mine, monkeypatch) -> None:
    read, plain = [], library.outcomes
    monkeypatch.setattr(library, "outcomes", lambda root: read.append(root) or plain(root))
    setup = trigger(mine)
    first = asked(mine, setup)
    assert asked(mine, setup) == first and len(read) == 1
    chop(mine, DAYS[:-1])
    ends = {each["outcomes"]["4m"] for each in asked(mine, setup).neighbours}
    assert ends == {"CHOP"} and len(read) == 2
    part = store.partition(mine, "gold.outcomes", symbol=gold.SYMBOL, date=DAYS[0])
    part.path.write_bytes(part.path.read_bytes()[:-9])
    with pytest.raises(DataError, match="is damaged"):
        asked(mine, setup)


EARLIER = pl.when(pl.col("trigger_ts").dt.date() < DAYS[-1])
TURNED = pl.col("direction").replace({"UP": "DOWN", "DOWN": "UP"})


@pytest.mark.parametrize(
    ("table", "change", "later"),
    [
        ("gold.setups", {"bar5s_cumul_flow_imbal_r": pl.col("bar5s_cumul_flow_imbal_r") * 3 + 1}, 0),
        ("gold.setups", {"direction": EARLIER.then(TURNED).otherwise("direction")}, 0),
        ("gold.outcomes", {"outcome": pl.lit("CHOP")}, 0),
        ("gold.scalers", {"mad": pl.col("mad") * pl.int_range(1, pl.len() + 1)}, 0),
        ("gold.snapshots", {"x": pl.col("x") * 0.5}, 60),
        ("silver.levels", {"price": pl.col("price") - 0.25}, 0),
        ("silver.book", {"bid_px_00": pl.col("bid_px_00") - 0.5}, 60),
    ],
)
def test_a_warm_process_answers_as_a_fresh_one(mine, monkeypatch, table, change, later) -> None:
    """After files were made anew: at an arrival, and a minute after one."""
    monkeypatch.setattr(similar, "features", lambda *_: dict.fromkeys(gold.slots(), 0.1))
    gold.moments(mine, DAYS)
    setup = trigger(mine)

    def ask():
        return similar.ask(mine, setup["level_kind"], setup["known_ts"] + later * SECOND)

    before = ask()
    for part in store.partitions(mine, table):
        frame = pl.read_parquet(part.path, hive_partitioning=False).with_columns(**change)
        store.write(part, frame, {"parameters": {"tick": gold.TICK}})
    warmed = ask()
    for kept in vars(warm).values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()
    assert warmed == ask() != before


def test_a_cut_answer_says_so_and_the_moment_itself_is_no_cut(root) -> None:
    setup, back = trigger(root), ns(DAYS[6], "10:00:00")
    assert any(
        note.startswith(f"Cut by --as-of: what was resolved after {DAYS[6]} 10:00:00 New York")
        for note in asked(root, setup, as_of=back).notes
    )
    late = setup["known_ts"] + 3 * SECOND
    same = similar.ask(root, setup["level_kind"], late, as_of=late)
    assert same == asked(root, setup) and not any("--as-of" in note for note in same.notes)


def test_as_of_before_any_session_leaves_geometry_alone(root) -> None:
    card = asked(root, trigger(root), as_of=ns(DAYS[0] - dt.timedelta(days=30), "10:00:00"))
    assert not card.neighbours and card.search["admissible"] == 0 and card.abstained
    assert "The odds are of geometry alone: no precedent stands behind them." in card.notes


def test_as_of_scales_by_what_was_known_then(mine) -> None:
    """The scalers of later dates are gone, and the answer stays."""
    setup, back = trigger(mine), ns(DAYS[6], "16:00:00")
    want = asked(mine, setup, as_of=back)
    for day in DAYS[7:]:
        shutil.rmtree(mine / f"gold/scalers/product=SIM/date={day}")
    assert asked(mine, setup, as_of=back).neighbours == want.neighbours


def test_the_future_changes_nothing(mine) -> None:
    """Later setups, later outcomes and later scalers may be anything."""
    setup = trigger(mine, day=DAYS[8])
    before = asked(mine, setup)
    for day in DAYS[9:]:
        gold.gold(mine, day, gold.setups(day, 12, seed=7))
    gold.scalers(mine, DAYS[9:])
    assert asked(mine, setup) == before


def test_placebos_are_never_neighbours(root) -> None:
    placebos = set(library.setups(root).filter("is_placebo")["setup_id"])
    for setup in (trigger(root), trigger(root, day=DAYS[7])):
        price = similar.ask(root, str(setup["level_price"]), setup["known_ts"], k=1000)
        assert placebos.isdisjoint(
            each["setup_id"] for each in (*price.neighbours, *asked(root, setup, k=1000).neighbours)
        )


def test_custom_setups_answer_questions_by_price_only(root) -> None:
    setup = trigger(root)
    named, price = (
        asked(root, setup, k=1000),
        similar.ask(root, str(setup["level_price"]), setup["known_ts"], k=1000),
    )
    kinds = {kind for each in named.neighbours for kind in each["level_kinds"]}
    assert "CUSTOM" not in kinds and setup["level_kind"] in kinds
    assert [each["setup_id"] for each in price.neighbours] == [name for _, name in slow(root, setup)]
    assert any(each["level_kinds"] == ["CUSTOM"] for each in price.neighbours)
    with pytest.raises(
        QuestionError, match=r"^CUSTOM levels answer questions by price only: ask with --level 6"
    ):
        asked(root, setup, kinds=["CUSTOM"])


def test_kinds_widen_and_any_of_a_setups_kinds_counts(root) -> None:
    setup = trigger(root, "PM_HIGH")
    wide = asked(root, setup, k=1000, kinds=["or_high", "OR30_HIGH"])
    assert [each["setup_id"] for each in wide.neighbours] == [
        name for _, name in slow(root, setup, ["PM_HIGH", "OR_HIGH", "OR30_HIGH"])
    ]
    second = [each for each in wide.neighbours if "OR30_HIGH" in each["level_kinds"]]
    assert any(each["level_kinds"][0] != "OR30_HIGH" for each in second)


def shares(near, ends, known, horizon, null):
    """Of (setup_id, weight): what came beyond their geometry at the question's start, and how many they are."""
    told = [(weight, name) for name, weight in near if ends[name] in odds.CLASSES]
    total = sum(weight for weight, _ in told)
    moved = [
        max(0.0, null[place] + sum(
            weight * ((ends[name] == outcome) - known[name, horizon][f"cal_{outcome.lower()}"])
            for weight, name in told
        ) / total)
        for place, outcome in enumerate(odds.CLASSES)
    ]  # fmt: skip
    return np.array(moved) / sum(moved), total**2 / sum(weight**2 for weight, _ in told)


def test_odds_are_those_of_the_neighbours(root) -> None:
    """The distribution again, from the printed neighbours, what geometry gave them, and the definition.

    Before there are trials P_cal is geometry; it counts as ten beside the nearest elsewhere, and those as ten.
    """
    setup = trigger(root)
    known = {(row["setup_id"], row["horizon_s"]): row for row in library.outcomes(root).to_dicts()}
    card = asked(root, setup, k=20)
    own, wide = (
        [(each["setup_id"], math.exp(-((each["distance"] / rows[-1]["distance"]) ** 2) / 2)) for each in rows]
        for rows in (card.neighbours, card.elsewhere)
    )
    assert [weight for _, weight in wide] == pytest.approx([each["weight"] for each in card.elsewhere])
    for name, horizon in (("2m", 120), ("4m", 240), ("8m", 480)):
        ends = {key: row["outcome"] for (key, clock), row in known.items() if clock == horizon}
        null = odds.null(setup["x0"], odds.width(2.0, horizon, 0.25), 2.0, horizon, 0.9)
        labels, chances = card.labels[name], card.outcomes[name]
        told, beside = shares(wide, ends, known, horizon, null)
        side = told[:2] / told[:2].sum() * (1 - null[2])
        tilted = np.append((beside * side + 10 * null[:2]) / (beside + 10), null[2])
        told, n_eff = shares(own, ends, known, horizon, null)
        came = [ends[key] for key, _ in own]
        assert labels.n == sum(end in odds.CLASSES for end in came) and labels.born == came.count("BORN")
        assert labels.n + labels.born + labels.censored == len(came)
        assert labels.n_eff == pytest.approx(n_eff) and labels.elsewhere_n_eff == pytest.approx(beside)
        assert (labels.null_n, labels.elsewhere_null_n) == (10, 10)
        for place, outcome in enumerate(odds.CLASSES):
            p = (n_eff * told[place] + 10 * tilted[place]) / (n_eff + 10)
            assert chances[outcome].p == pytest.approx(p)
            assert chances[outcome].p_cal == pytest.approx(null[place])  # no trials have told more
            assert chances[outcome].lo < chances[outcome].p < chances[outcome].hi
        assert labels.whole_n == pytest.approx(n_eff + 10)
        a = chances["BREAK"].p * labels.whole_n
        assert chances["BREAK"].lo == pytest.approx(odds.beta_quantile(a, labels.whole_n - a, 0.05))


LATER = {
    "plain": ({}, lambda _row: True),
    "hours": ({"hours": "09:50-10:20"}, lambda row: "09:50" <= clock(row) < "10:20"),
    "volatility": ({"volatility": "1.5-9"}, lambda _row: False),
    "same day": ({"same_day": True}, lambda _row: True),
    "as of": ({"as_of": DAYS[-3]}, lambda row: row["date"] < DAYS[-3]),
    "kinds": ({"kinds": {"OR_LOW"}}, lambda _row: True),
}


def clock(row):
    """New York is four hours behind in July."""
    minutes = (row["known_ts"] // SECOND - 4 * 3600) % 86400 // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


@pytest.mark.parametrize("which", LATER)
def test_other_levels_are_held_against_it_as_mirror_images(root, which) -> None:
    """The nearest of other kinds and directions by a loop: of DOWN setups bid is ask, above is below."""
    options, fits = LATER[which]
    setup = trigger(root)
    as_of = ns(options["as_of"], "04:00:00") if "as_of" in options else setup["known_ts"]
    card = asked(root, setup, k=20, **{**options, **({"as_of": as_of} if "as_of" in options else {})})
    raw = {row["setup_id"]: row for row in stored(root)}
    me = raw[setup["setup_id"]]
    scale = scales_of(root, session.trading_date(as_of))
    near = []
    for row in raw.values():
        late = row["resolved_ts"] > as_of or (row["date"] == setup["date"] and "same_day" not in options)
        if row["is_placebo"] or late or not set(row["level_kinds"]) - {"CUSTOM"} or not fits(row):
            continue
        if gold.alike(row, me, [me["level_kind"], *options.get("kinds", ())]):
            continue
        ours, theirs = (gold.facing(one) for one in (me, row))
        shared = [slot for slot in scale if ours[slot] is not None and theirs[slot] is not None]
        if len(shared) * 10 >= 7 * len(scale):
            gap = sum(
                ((np.float32(ours[slot]).item() - np.float32(theirs[slot]).item()) / scale[slot]) ** 2
                for slot in shared
            )
            near.append((math.sqrt(gap * len(scale) / len(shared)), row["setup_id"]))
    kept = []
    for far, name in sorted(near):
        row = raw[name]
        mates = [one for _, one in kept if raw[one]["date"] == row["date"]]
        if len(mates) < 2 and row["cluster_id"] not in {raw[one]["cluster_id"] for _, one in kept}:
            kept.append((far, name))
    assert [each["setup_id"] for each in card.elsewhere] == [name for _, name in kept[:40]]
    assert [each["distance"] for each in card.elsewhere] == pytest.approx([far for far, _ in kept[:40]])
    ways = {each["direction"] for each in card.elsewhere}
    assert ways == (set() if which == "volatility" else {"UP", "DOWN"})
    assert {each["direction"] for each in card.neighbours} <= {setup["direction"]}
    assert not {each["setup_id"] for each in card.elsewhere} & {each["setup_id"] for each in card.neighbours}


def test_by_price_elsewhere_is_the_other_direction_and_prices_of_the_user_too(root) -> None:
    setup = trigger(root)
    card = similar.ask(root, str(gold.PRICES[setup["level_kind"]]), setup["known_ts"], k=1000)
    other = {"UP": "DOWN", "DOWN": "UP"}[card.question["direction"]]
    assert {each["direction"] for each in card.elsewhere} == {other}
    assert any(each["level_kinds"] == ["CUSTOM"] for each in card.elsewhere)


def stored(root):
    """Setups as they lie on disk, with `date`."""
    parts = store.partitions(root, "gold.setups")
    rows = [pl.read_parquet(one.path, hive_partitioning=False) for one in parts]
    day = pl.col("setup_id").str.split("/").list.get(1).str.to_date()
    return pl.concat(rows).with_columns(pl.col("resolved_ts", "known_ts").cast(pl.Int64), date=day).to_dicts()


def scales_of(root, day):
    rows = pl.read_parquet(root / f"gold/scalers/product=SIM/date={day}/part.parquet")
    assert rows.filter(pl.col("spec") == "snapshot30r")["lean"].null_count() == 30
    return dict(rows.filter(pl.col("spec") == "snapshot30r").select("feature", "mad").rows())


@pytest.mark.parametrize(
    ("x0", "there"),
    [(-6.0, ""), (-3.0, "4m 8m"), (3.0, "4m 8m"), (4.0, "8m"), (2.625, "4m 8m"), (-2.5, "2m 4m 8m")],
)
def test_odds_are_told_between_the_barriers_alone(mine, x0, there) -> None:
    """0.9 of two points times the root of 2, 4, 8, up to half ticks: 2.625, 3.625, 5.125."""
    setup = trigger(mine)
    part = store.partition(mine, "gold.setups", symbol=gold.SYMBOL, date=DAYS[-1])
    rows = pl.read_parquet(part.path, hive_partitioning=False)
    moved = pl.when(pl.col("setup_id") == setup["setup_id"]).then(x0).otherwise("x0")
    store.write(part, rows.with_columns(x0=moved), store.read_manifest(part))
    card = asked(mine, setup)
    assert [card.labels[name].barrier_pts for name in ("2m", "4m", "8m")] == [2.625, 3.625, 5.125]
    assert " ".join(name for name, chances in card.outcomes.items() if chances) == there
    said = [note for note in card.notes if note.startswith("Odds begin at the level: price is")]
    assert len(said) == (there != "2m 4m 8m")
    assert not said or f"price is {abs(x0):g} pt away, the barriers stand at 2.625 pt at 2m" in said[0]


def admitted(root, setup) -> set[str]:
    """Setups of the kind and direction on earlier dates."""
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") < setup["date"])
    like = rows.filter(
        pl.col("direction") == setup["direction"], pl.col("level_kinds").list.contains(setup["level_kind"])
    )
    return set(like["setup_id"])


def test_the_base_rate_is_that_of_the_half_hour_drawn_to_the_levels(root) -> None:
    """Counts of the half hour, and ten more spread as the level's and direction's are."""
    setup = trigger(root)
    ends = {
        row["setup_id"]: row["outcome"]
        for row in library.outcomes(root).filter(pl.col("horizon_s") == 240).to_dicts()
    }
    half = lambda ns: (ns // SECOND - 4 * 3600) % 86400 // 1800  # noqa: E731 (New York is four hours behind in July)
    clock = dict(library.setups(root).select("setup_id", pl.col("known_ts").cast(pl.Int64)).rows())
    whole, now = dict.fromkeys(odds.CLASSES, 0), dict.fromkeys(odds.CLASSES, 0)
    for name in admitted(root, setup):
        if ends[name] in whole:
            whole[ends[name]] += 1
            now[ends[name]] += half(clock[name]) == half(setup["known_ts"])
    card = asked(root, setup, k=5)
    n, n_now = sum(whole.values()), sum(now.values())
    assert (card.labels["4m"].base_n, card.labels["4m"].bucket_n) == (n, n_now) and 0 < n_now < n
    for name, chance in card.outcomes["4m"].items():
        assert chance.base == pytest.approx((now[name] + 10 * whole[name] / n) / (n_now + 10))
        assert chance.lift == pytest.approx(chance.p / chance.base)


def test_what_is_far_from_the_past_is_not_leaned_on(mine) -> None:
    setup = trigger(mine, "PM_HIGH")
    price = {"level": str(setup["level_price"]), "ts": setup["known_ts"], "k": 3}
    path = store.partition(mine, "gold.setups", symbol=gold.SYMBOL, date=DAYS[-1])

    def asked_with(value):
        """The card of the moment, were each of its slots of that value."""
        given = pl.when(pl.col("setup_id") == setup["setup_id"]).then(value)
        frame = pl.read_parquet(path.path).with_columns(
            given.otherwise(pl.col(slot)).alias(slot) for slot in gold.slots()
        )
        store.write(path, frame, store.read_manifest(path))
        return similar.ask(mine, **price)

    usual, got = asked_with(0.1), asked_with(50.0)
    assert usual.percentile is not None and not usual.abstained
    assert got.percentile == 1.0 and got.abstained
    assert "NOTHING SIMILAR HAS BEEN SEEN" in render.card(got)
    price["k"] = 1000  # more than there are: held against the last that each of the past has
    all_usual, all_got = asked_with(0.1), asked_with(50.0)
    assert all_usual.percentile is not None and len(all_usual.neighbours) < 1000
    assert all_got.percentile == 1.0 and all_got.abstained
    early = asked(mine, trigger(mine, day=DAYS[2]), k=3)
    assert early.percentile is None and not early.abstained
    assert "The past is too small to say how unusual this moment is." in early.notes


def test_a_moment_that_is_no_arrival_says_so_and_without_a_past_has_no_odds(root, monkeypatch) -> None:
    monkeypatch.setattr(similar, "features", lambda _now, _names: dict.fromkeys(vectors.spec().slots, 0.1))
    near = similar.ask(root, "6000", ns(DAYS[-1], "10:00:02"))
    assert near.question["setup_id"] is None and near.question["level_id"] == f"SIMU5/{DAYS[-1]}/CUSTOM/6000"
    assert near.question["phase"] == "APPROACH" and near.question["tau_s"] is None
    assert any(
        note.startswith("This moment is no arrival; it is compared with approaches") for note in near.notes
    )
    price = gold.mid(ns(DAYS[-1], "09:59:55"), ns(DAYS[-1], "09:00:00"))
    assert near.question["p_ref"] == price
    far = similar.ask(root, str(price + 20), ns(DAYS[-1], "10:00:02"))
    assert far.question["direction"] == "UP" and far.question["x0"] == -20
    assert set(far.outcomes.values()) == {None}
    assert "No odds: no approach like this has arrived before." in far.notes
    below = similar.ask(root, str(price - 3), ns(DAYS[-1], "10:00:02"))
    assert below.question["direction"] == "DOWN" and below.question["x0"] == -3


def test_inside_the_band_the_direction_is_where_price_came_from(root, monkeypatch) -> None:
    """The swing falls from 6008 after its crest, so near 6004.25 it came from above."""
    monkeypatch.setattr(similar, "features", lambda _now, _names: dict.fromkeys(vectors.spec().slots, 0.1))
    start = ns(DAYS[-1], "09:00:00")
    bars = [start + n * 5 * SECOND for n in range(480, 900)]
    falling = next(bar for bar in bars if gold.mid(bar, start) < 6003.5)
    card = similar.ask(root, "6004", falling + 5 * SECOND)
    assert card.question["direction"] == "DOWN"
    assert card.question["x0"] == 6004 - gold.mid(falling, start) > 0


def test_a_bar_counts_from_its_end(root, monkeypatch) -> None:
    monkeypatch.setattr(similar, "features", lambda _now, _names: dict.fromkeys(vectors.spec().slots, 0.1))
    for text, bar in (("10:00:04.999999", "09:59:55"), ("10:00:05", "10:00:00")):
        card = similar.ask(root, "6000", ns(DAYS[-1], text))
        assert card.question["bar_ts"].endswith(str(int(bar[:2]) + 4) + bar[2:] + "Z")


def test_the_contract_narrows(mine) -> None:
    for day in DAYS[:6]:
        gold.gold(mine, day, gold.setups(day, 12, symbol="SIMM5", seed=3), symbol="SIMM5")
    setup = trigger(mine)
    both, one = asked(mine, setup, k=1000), asked(mine, setup, k=1000, contract="SIMU5")
    assert {each["setup_id"][:5] for each in both.neighbours} == {"SIMM5", "SIMU5"}
    assert {each["setup_id"][:5] for each in one.neighbours} == {"SIMU5"}
    gold.gold(mine, DAYS[0], gold.setups(DAYS[0], 12, symbol="ESU5"), symbol="ESU5")
    assert asked(mine, setup, k=1000).neighbours == both.neighbours  # another product is no neighbour


def test_trials_of_an_older_build_are_refused(mine) -> None:
    rows = pl.DataFrame(
        {"spec": ["P_cal"], "horizon_s": [240], "strength": [10.0], "questions": [1], "loss": [1.0]}
    )
    store.write(store.partition(mine, "gold.trials", product=gold.PRODUCT, date=DAYS[0]), rows, {})
    with pytest.raises(
        MissingStepError, match=r"gold\.trials of SIM is of an older build: run `warehouse build` again"
    ):
        asked(mine, trigger(mine))


def test_json_is_plain_and_complete(root) -> None:
    card = asked(root, trigger(root))
    said = json.loads(render.card_json(card))
    assert {"question", "outcomes", "n_eff", "abstained", "pressure", "story", "neighbours"} <= said.keys()
    assert set(said["outcomes"]) == {"2m", "4m", "8m"}
    assert all(
        set(chance) == {"p", "lo", "hi", "base", "lift", "p_cal"}
        for chances in said["outcomes"].values()
        for chance in chances.values()
    )
    assert [point["point"] for point in said["pressure"]] == list(range(-4, 5))
    first = said["neighbours"][0]
    assert {"setup_id", "trigger_ts", "distance", "outcomes"} <= first.keys()
    other = {"setup_id", "phase", "tau_s", "level_kinds", "direction", "distance", "weight", "outcomes"}
    assert all(each.keys() == other for each in said["elsewhere"]) and said["elsewhere"]
    assert said["search"].keys() == {"index", "admissible", "dates", "elsewhere"}
    assert {"null_n", "elsewhere_n_eff", "elsewhere_null_n", "whole_n"} <= said["labels"]["4m"].keys()
    assert first["setup_id"].endswith(first["trigger_ts"])  # ISO 8601, UTC


BAD = [
    ("OR_HIGH", "09:40:00", {}, r"^OR_HIGH of {day} is known from 09:45:00 New York; 09:40:00 New York is earlier$"),
    ("PM_HIHG", "10:00:00", {}, r"^`PM_HIHG` is no level: did you mean PM_HIGH"),
    ("whatever", "10:00:00", {}, r"^`whatever` is no level: there is PM_HIGH, PM_LOW, OR_HIGH, OR_LOW, and any price$"),
    ("SMA_90", "10:00:00", {}, r"^there is no SMA_90 for SIMU5 on {day}: there is PM_HIGH, PM_LOW, OR_HIGH, OR_LOW, and any price$"),
    ("CUSTOM", "10:00:00", {}, r"^CUSTOM is any price of yours: give the price itself, or one of PM_HIGH"),
    ("nan", "10:00:00", {}, r"^`nan` is no price: give a number of points, such as 6800.25$"),
    ("1e300", "10:00:00", {}, r"^`1e300` is no price"),
    ("1000000", "10:00:00", {}, r"^`1000000` is no price"),
    ("-5", "10:00:00", {}, r"^`-5` is no price"),
    ("0", "10:00:00", {}, r"^`0` is no price"),
    ("PM_HIGH", "08:59:00", {}, r"^08:59:00 New York lies outside the data of {day}, which is 09:00:05 New York to 11:00:00 New York$"),
    ("PM_HIGH", "12:00:00", {}, r"^12:00:00 New York lies outside the data of {day}"),
    ("PM_HIGH", "10:00:00", {"spec": "snapshot"}, r"^there is no vector spec `snapshot`: did you mean snapshot30, snapshot30r(, \S+)?\?$"),
    ("PM_HIGH", "10:00:00", {"hours": "10"}, r"^'10' is no window: write New York times such as 09:30-12:30$"),
    ("PM_HIGH", "10:00:00", {"hours": "09:30Z-10:30Z"}, "^'09:30Z-10:30Z' is no window: write New York times"),
    ("PM_HIGH", "10:00:00", {"hours": "09:30:00.5-10:30"}, "^'09:30:00.5-10:30' is no window: write New York times"),
    ("PM_HIGH", "10:00:00", {"hours": "11:00-10:00"}, r"^the window 11:00-10:00 ends before it begins$"),
    ("PM_HIGH", "10:00:00", {"volatility": "low"}, r"^'low' is no range of ratios: write the least and the most, such as 0.8-1.25$"),
    ("PM_HIGH", "10:00:00", {"volatility": "1.2-0.8"}, r"^'1.2-0.8' is no range of ratios"),
    ("PM_HIGH", "10:00:00", {"volatility": "0-inf"}, r"^'0-inf' is no range of ratios"),
    ("PM_HIGH", "10:00:00", {"volatility": "nan-1"}, r"^'nan-1' is no range of ratios"),
    ("PM_HIGH", "10:00:00", {"k": 0}, r"^0 neighbours cannot be shown: ask for 1 or more$"),
    ("PM_HIGH", "10:00:00", {"index": "faiss"}, r"^there is no search `faiss`: choose hnsw or exact$"),
    ("PM_HIGH", "10:00:00", {"kinds": ["PM_HI"]}, r"^`PM_HI` is no kind of level: did you mean PM_HIGH, PM_LOW"),
]  # fmt: skip


@pytest.mark.parametrize(("level", "time", "options", "message"), BAD)
def test_what_cannot_be_answered_is_said_in_one_line(root, level, time, options, message) -> None:
    with pytest.raises(QuestionError, match=message.format(day=DAYS[-1])) as error:
        similar.ask(root, level, ns(DAYS[-1], time), **options)
    assert "\n" not in str(error.value)


def test_what_is_not_built_says_what_to_run(root, mine, tmp_path) -> None:
    with pytest.raises(
        MissingStepError, match=r"holds nothing built: put DBN files into .*raw and run `warehouse build`$"
    ):
        similar.ask(tmp_path / "none", "PM_HIGH", ns(DAYS[-1], "10:00:00"))
    with pytest.raises(
        MissingStepError,
        match=rf"^2025-09-10 is not built \({DAYS[0]} to {DAYS[-1]} are\): run `warehouse build --dates 2025-09-10`, or ask about those$",
    ):
        similar.ask(root, "PM_HIGH", ns(dt.date(2025, 9, 10), "10:00:00"))
    with pytest.raises(
        QuestionError, match=r"^2025-07-04 is no session \(Independence Day\): ask about another moment$"
    ):
        similar.ask(root, "PM_HIGH", ns(dt.date(2025, 7, 4), "10:00:00"))
    with pytest.raises(
        MissingStepError,
        match=rf"^SIMZ5 of {DAYS[-1]} is not built \(of that date SIMU5 is\): run `warehouse build --dates {DAYS[-1]} --contract SIMZ5`",
    ):
        similar.ask(root, "PM_HIGH", ns(DAYS[-1], "10:00:00"), contract="SIMZ5")
    setup = trigger(mine)
    shutil.rmtree(mine / "gold/scalers")
    with pytest.raises(
        MissingStepError,
        match=r"^there is no scaler of snapshot30r for SIM: run `warehouse build` again$",
    ):
        asked(mine, setup)


def test_two_products_need_a_name(mine) -> None:
    gold.day(mine, DAYS[-1], symbol="ESU5")
    setup = trigger(mine)
    with pytest.raises(
        QuestionError, match=rf"^ESU5 and SIMU5 are built for {DAYS[-1]}: name one with --contract$"
    ):
        asked(mine, setup)
    assert asked(mine, setup, contract="SIMU5").neighbours


def test_a_damaged_or_missing_graph_is_refused_only_where_it_is_asked(mine) -> None:
    setup = trigger(mine)
    with pytest.raises(
        MissingStepError, match=r"does not exist: run `warehouse build`, or ask with --index exact$"
    ):
        asked(mine, setup, index="hnsw")
    index_of(mine)
    path, _ = index.paths(mine, "snapshot30r", "SIM")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match=r"is damaged: run `warehouse build` to make it anew$"):
        asked(mine, setup, index="hnsw")
    assert asked(mine, setup).neighbours


def test_a_moment_with_too_many_unknown_slots_has_no_neighbours(root, monkeypatch) -> None:
    slots = vectors.spec().slots
    monkeypatch.setattr(similar, "features", lambda _now, _names: dict.fromkeys(slots[:20], 0.1))
    card = similar.ask(root, "6000", ns(DAYS[-1], "10:00:00"))
    assert card.neighbours == [] and card.n_eff == 0
    assert "10 of the 30 numbers compared are unknown: too many to compare it with anything." in card.notes
    assert "No neighbour exists." in card.notes
    null = odds.null(card.question["x0"], card.labels["4m"].barrier_pts, 2.0, 240, 0.9)
    assert null is None or [chance.p for chance in card.outcomes["4m"].values()] == pytest.approx(
        null.tolist()
    )
    assert "no neighbours" in render.card(card)


def test_no_past_at_all_is_an_answer_too(root) -> None:
    setup = trigger(root, day=DAYS[0])
    card = asked(root, setup)
    assert card.neighbours == [] and card.labels["4m"].base_n == 0
    assert card.times["4m"] == [] and set(card.excursions["4m"].values()) == {None}
    assert all(chance.base is None and chance.lift is None for chance in card.outcomes["4m"].values())
    assert len(render.card(card).splitlines()) > 15


def test_simulated_data_says_so(root) -> None:
    card = asked(root, trigger(root))
    assert card.question["simulated"] and "SIMULATED" in render.card(card).splitlines()[0]


def test_a_date_without_levels_is_not_built(mine) -> None:
    setup = trigger(mine)
    shutil.rmtree(store.partition(mine, "silver.levels", symbol=gold.SYMBOL, date=DAYS[-1]).path.parent)
    said = f"^silver.levels of {gold.SYMBOL} on {DAYS[-1]} is not built: run `warehouse build --dates {DAYS[-1]}`$"
    with pytest.raises(MissingStepError, match=said):
        asked(mine, setup)


@pytest.mark.parametrize("table", ["silver.book", "gold.setups", "gold.outcomes", "silver.levels"])
@pytest.mark.parametrize("bytes_left", [0, 100])
def test_a_file_cut_short_is_named(mine, table, bytes_left) -> None:
    setup = trigger(mine)
    target = store.partition(mine, table, symbol=gold.SYMBOL, date=DAYS[-1])
    target.path.write_bytes(target.path.read_bytes()[:bytes_left])
    with pytest.raises(DataError) as error:
        asked(mine, setup)
    assert str(error.value) == f"{target.path} is damaged: run `warehouse build --dates {DAYS[-1]}` again"
    if table in {"silver.book", "silver.levels"}:
        with pytest.raises(DataError, match=r"is damaged"):
            replay.physics(mine, setup["level_kind"], setup["known_ts"])


@pytest.mark.parametrize("junk", [b"{", b"[]", b"{}", bytes([0, 255])])
def test_a_junk_sidecar_of_the_index_is_named(mine, junk) -> None:
    setup = trigger(mine)
    index_of(mine)
    _, note = index.paths(mine, "snapshot30r", "SIM")
    note.write_bytes(junk)
    with pytest.raises(DataError) as error:
        asked(mine, setup, index="hnsw")
    assert str(error.value) == f"{note} is damaged: run `warehouse build` again"


def moving(folder, *rows):
    """A date whose levels are (kind, price, known time)."""
    date = gold.dates(1)[0]
    gold.day(folder, date)
    full = [
        (f"SIMU5/{date}/{kind}", kind, price, ns(date, known), ns(date, "17:00:00"), False)
        for kind, price, known in rows
    ]
    raw = {name: pl.Int64() if dtype == NS else dtype for name, dtype in LEVELS.schema.items()}
    made = pl.DataFrame(full, raw, orient="row").cast(LEVELS.schema)
    store.write(store.partition(folder, "silver.levels", symbol="SIMU5", date=date), made, {})
    return lambda level, clock: question.place(folder, level, ns(date, clock)).price


def test_a_moving_level_has_the_value_known_when_the_bar_began(tmp_path):
    ask = moving(
        tmp_path, ("VWAP", 6000.0, "09:30:05"), ("VWAP", 6001.5, "09:40:00"), ("VWAP", 6002.0, "09:40:05")
    )
    assert ask("VWAP", "09:39:59") == ask("VWAP", "09:40:00") == 6000.0  # bar 09:39:55 ends at 09:40:00
    assert ask("vwap", "09:40:05") == 6001.5
    assert ask("VWAP", "09:40:10") == 6002.0
    assert ask("VWAP", "09:30:05") == 6000.0, "just known: there is no other"
    with pytest.raises(
        QuestionError, match=r"^VWAP of .* is known from 09:30:05 New York; 09:30:00 New York is earlier$"
    ):
        ask("VWAP", "09:30:04")


def test_an_extreme_that_was_passed_is_no_level_until_the_next_is_old_enough(tmp_path):
    ask = moving(
        tmp_path,
        ("SESSION_HIGH", 6001.0, "09:38:05"),
        ("SESSION_HIGH", None, "09:41:10"),
        ("SESSION_HIGH", 6002.0, "09:46:10"),
    )
    assert ask("SESSION_HIGH", "09:41:10") == 6001.0
    passed = r"^SESSION_HIGH of .* was passed by 09:41:10 New York, and the new one is not old enough yet: ask later$"
    for clock in ("09:41:15", "09:46:10"):
        with pytest.raises(QuestionError, match=passed):
            ask("SESSION_HIGH", clock)
    assert ask("SESSION_HIGH", "09:46:15") == 6002.0
