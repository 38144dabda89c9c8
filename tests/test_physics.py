"""Any moment at any price, on a root that was really built."""

import dataclasses

import polars as pl
import pytest

from warehouse import (
    bars,
    catalog,
    library,
    phases,
    physics,
    plan,
    pressure,
    prospects,
    question,
    render,
    replay,
    similar,
    vectors,
)
from warehouse.errors import QuestionError
from warehouse.schema import AVERAGES, BAR_NS


@pytest.fixture(scope="module")
def triggers(tiny_built):
    """Stored setups at real levels, with known_ts as ns."""
    real = library.setups(tiny_built).filter(~pl.col("is_placebo"))
    found = real.with_columns(pl.col("known_ts").cast(pl.Int64)).to_dicts()
    assert len(found) >= 5
    return found


def frozen(root, setup):
    return question.moment(question.place(root, setup["level_kind"], setup["known_ts"]))


def test_a_moment_that_is_a_setup_is_that_setup(tiny_built, triggers) -> None:
    for setup in triggers:
        now = frozen(tiny_built, setup)
        assert now.setup["setup_id"] == setup["setup_id"]
        assert (now.direction, now.x0, now.p_ref) == (setup["direction"], setup["x0"], setup["p_ref"])
        by_price = question.moment(question.place(tiny_built, str(setup["level_price"]), setup["known_ts"]))
        assert by_price.setup == now.setup


def test_features_of_a_moment_are_those_frozen_with_its_setup(tiny_built, triggers) -> None:
    """Bit for bit, from the date's tables cut at the moment, as if nothing were stored; all of them or some."""
    some = {*vectors.spec().slots, *pressure.COLUMNS}
    for n, setup in enumerate(triggers[:8]):
        now, wanted = frozen(tiny_built, setup), some if n % 2 else catalog.load().keys()
        made = physics.features(dataclasses.replace(now, setup=None), wanted)
        whole = pl.scan_parquet(now.place.partition("gold.setups").path, glob=False)
        row = whole.filter(setup_id=now.setup["setup_id"]).collect().row(0, named=True)
        names = [name for name in made if name in row]
        assert len(names) > 200 if not n % 2 else some <= {*made, *row} and some & {*made} <= {*names}
        told = physics.features(now, names)
        for name in names:
            assert made[name] == told[name] == row[name], (setup["setup_id"], name)


def test_what_bars_were_stored_with_is_read_up_to_the_moment(tiny_built, triggers, monkeypatch) -> None:
    """Other values after the moment change nothing; of a row that was set aside all is unknown."""
    now = dataclasses.replace(frozen(tiny_built, triggers[0]), setup=None)
    stored, slots = {*plan.of_bars(vectors.spec().slots, now.direction)}, {*vectors.spec().slots}
    want, read = physics.features(now, slots | stored), bars._joined
    later = pl.col("bar_ts").cast(pl.Int64) > now.place.bar
    spoilt = pl.when(~later).then(pl.all().exclude("bar_ts")).otherwise(1e6)
    monkeypatch.setattr(bars, "_joined", lambda *asked: read(*asked).with_columns(spoilt))
    assert physics.features(now, slots | stored) == want
    gone = pl.col("bar_ts").cast(pl.Int64) != now.place.bar
    monkeypatch.setattr(bars, "_joined", lambda *asked: read(*asked).filter(gone))
    lost = physics.features(now, slots | stored)
    assert len(stored) > 10 and all(lost[name] is None for name in stored)
    assert any(lost[name] != want[name] for name in slots)


def test_pressure_reads_the_columns_it_names_and_no_other() -> None:
    read = set()

    class Spy(dict):
        def get(self, name, default=None):
            read.add(name)
            return super().get(name, default)

    row = Spy()
    pressure.cube(row, 1.0), pressure.told(row, "UP", 1.0), pressure.retreat(row)
    pressure.wall(row), pressure.lead(row), pressure.conditions(row), pressure.story(row)
    assert read == pressure.OF_CARD
    pressure.frame(row, "UP", 1.0)
    assert read == pressure.COLUMNS <= catalog.load().keys()


def test_the_physics_of_a_card_is_the_same_without_the_stored_setup(
    tiny_built, triggers, monkeypatch
) -> None:
    setup = triggers[0]
    want = similar.ask(tiny_built, setup["level_kind"], setup["known_ts"])
    monkeypatch.setattr(question, "_stored", lambda _at: None)
    made = similar.ask(tiny_built, setup["level_kind"], setup["known_ts"])
    assert (made.pressure, made.conditions, made.told) == (want.pressure, want.conditions, want.told)
    unknown = [[note for note in card.notes if "unknown" in note] for card in (made, want)]
    assert unknown[0] == unknown[1]
    assert (made.question["phase"], made.question["tau_s"]) == ("ZONE", 0)


def test_without_the_stored_setup_the_moment_is_the_same(tiny_built, triggers, monkeypatch) -> None:
    monkeypatch.setattr(question, "_stored", lambda _at: None)
    for setup in triggers:
        now = frozen(tiny_built, setup)
        assert now.setup is None
        assert (now.p_ref, now.sigma_60) == (setup["p_ref"], pytest.approx(setup["sigma_60"]))
        assert abs(now.x0) == abs(setup["x0"])


def test_frames_and_card_show_the_same_cube(tiny_built, triggers) -> None:
    for setup in triggers[:3]:
        card = similar.ask(tiny_built, setup["level_kind"], setup["known_ts"])
        [frame] = replay.physics(tiny_built, setup["level_kind"], setup["known_ts"])
        assert frame["L"] == setup["level_price"] and frame["setup_id"] == setup["setup_id"]
        assert frame["state"] == "TRIGGERED" and frame["tau_s"] == 0 and frame["x_pts"] == setup["x0"]
        assert frame["story"] == card.story and frame["lead"] == card.lead and frame["told"] == card.told
        for n, point in enumerate(card.pressure):
            assert [frame["cube"][name][n] for name in pressure.MEASURES] == [
                point[name] for name in pressure.MEASURES
            ]


STORED = {
    ("opppress",): "lvl_opppress_eob", ("absorb",): "lvl_absorb_sum", ("rvol",): "rvol_trade_vol_ratio",
    ("barrier", "rel"): "barrier_rel_eob", ("barrier", "dlog_1"): "barrier_dlog_1m", ("kin", "vel_1"): "kin_vel_1m",
    ("kin", "acc_1"): "kin_acc_1m", ("kin", "trend_5"): "kin_trend_5m", ("candle", "body"): "c2_body_0",
    ("candle", "over"): "c2_over_0", ("candle", "wick"): "c2_wick_0", ("candle", "age"): "c2_age_0",
    ("quality", "late"): "meta_late_cnt_sum", ("quality", "mismatch"): "meta_flow_mismatch_frac_sum",
    ("quality", "badbook"): "meta_badbook_sum", ("quality", "reset"): "meta_reset_sum",
}  # fmt: skip


def test_a_frame_at_an_arrival_shows_what_was_stored_with_it(tiny_built, triggers) -> None:
    seen = set()
    for setup in triggers:
        now = frozen(tiny_built, setup)
        whole = pl.scan_parquet(now.place.partition("gold.setups").path, glob=False)
        row = whole.filter(setup_id=now.setup["setup_id"]).collect().row(0, named=True)
        [frame] = replay.physics(tiny_built, setup["level_kind"], setup["known_ts"])
        for path, name in STORED.items():
            value = frame[path[0]][path[1]] if len(path) > 1 else frame[path[0]]
            assert value == row[f"bar5s_{name}"], (setup["setup_id"], name)
            seen |= {path} if value is not None else set()
        for seconds in (30, 60, 120, 300):
            stored = row[f"bar5s_ofi_bal_{seconds}s"]
            assert frame["ofi"][f"b{seconds}"] == (stored and frame["d"] * stored)
        code, names = row["bar5s_barrier_state_1m"], ("CONSUMED", "PULLED", "STABLE", "REFILLED", "BUILT")
        assert frame["barrier"]["state"] == (None if code is None else names[int(code)])
        shares = [row[f"bar5s_lvl_{band}_cov_eob"] for band in ("opp_far", "sup_near")]
        assert frame["quality"]["cov_min"] == min(share for share in shares if share is not None)
    no_profile = {("opppress",), ("absorb",), ("rvol",), ("barrier", "rel")}  # of three dates there is none
    assert seen == {*STORED} - no_profile


def test_a_barrier_is_named_and_flow_turned_by_hand() -> None:
    row = {"bar5s_barrier_state_1m": 3.0, "bar5s_ofi_bal_30s": 0.25, "bar5s_lvl_opppress_eob": -0.5}
    up, down = (pressure.frame(row, direction, 10.0) for direction in ("UP", "DOWN"))
    assert up["barrier"]["state"] == "REFILLED" and up["opppress"] == down["opppress"] == -0.5
    assert (up["ofi"]["b30"], down["ofi"]["b30"], up["ofi"]["b60"]) == (0.25, -0.25, None)


def test_order_flow_has_one_sign_and_the_course_of_price_that_of_the_travel(tiny_built, triggers) -> None:
    """Of one bar, from a price above and from one below."""
    flows = set()
    for setup in triggers:
        above, below = (
            replay.physics(tiny_built, str(round(setup["p_ref"]) + away), setup["known_ts"])[0]
            for away in (7, -7)
        )
        assert (above["d"], below["d"]) == (1, -1)
        assert (
            above["ofi"] == pytest.approx(below["ofi"])
            and above["quality"]["late"] == below["quality"]["late"]
        )
        assert above["rvol"] == below["rvol"]
        for name, value in above["kin"].items():
            assert (value is None) == (below["kin"][name] is None)
            assert value is None or value == pytest.approx(-below["kin"][name])
        flows |= {value for value in above["ofi"].values() if value}
    assert min(flows) < 0 < max(flows)


def test_frames_come_bar_by_bar_and_do_not_depend_on_later_ones(tiny_built, triggers) -> None:
    setup = triggers[0]
    end = setup["known_ts"] + 60 * 10**9
    many = replay.physics(tiny_built, setup["level_kind"], setup["known_ts"], end)
    assert [frame["ts_end"] for frame in many] == list(range(setup["known_ts"], end + 1, BAR_NS))
    assert [frame["seq"] for frame in many] == list(range(many[0]["seq"], many[0]["seq"] + 13))
    fewer = replay.physics(tiny_built, setup["level_kind"], setup["known_ts"], setup["known_ts"] + 20 * 10**9)
    assert fewer == many[:5]


def unless_passed(ask, *question_, **further):
    """An answer; None where the level was passed and has no value."""
    try:
        return ask(*question_, **further)
    except QuestionError as error:
        if "was passed" not in str(error):
            raise
        return None


def spans(root, triggers, names):
    """Of the last date, the frames of levels from the first bar at which each is known to the last."""
    last = max(setup["date"] for setup in triggers)
    one = next(setup for setup in triggers if setup["date"] == last)
    place = question.place(root, one["level_kind"], one["known_ts"])
    levels = place.scan("silver.levels").filter(~pl.col("is_placebo")).collect()
    end = place.scan("silver.book").select(pl.col("bar_ts").cast(pl.Int64).max()).collect().item() + BAR_NS
    for name in names(levels):
        known = levels.filter(level_kind=name)["known_ts"].cast(pl.Int64).min() or one["known_ts"]
        yield name, replay.physics(root, name, known, end)


def test_frames_after_an_arrival_have_the_level_and_the_side_that_a_card_has(tiny_built, triggers) -> None:
    """At every 17th bar of every level, one that moves and one asked for by its price too."""
    seen = set()

    def names(levels):
        return [*levels["level_kind"].unique(), str(triggers[-1]["level_price"])]

    for name, found in spans(tiny_built, triggers, names):
        for frame in found[::17]:
            if not (at := unless_passed(question.place, tiny_built, name, frame["ts_end"])):
                continue
            now, stage = phases.phase(question.moment(at))
            d = {1: "UP", -1: "DOWN"}[frame["d"]]
            assert (frame["L"], d, frame["x_pts"]) == (now.place.price, now.direction, now.x0)
            told = physics.features(now, pressure.OF_CARD)
            assert frame["cube"]["rest"] == [each["rest"] for each in pressure.cube(told, now.place.price)]
            assert frame["told"] == pressure.told(told, now.direction, now.place.price)
            assert (frame["state"] == "RESOLVED") <= (stage.name == "ZONE")
            seen.add((stage.name, frame["state"], name in AVERAGES))
    assert {stage for stage, _, _ in seen} == {"APPROACH", "ZONE", "AFTER"}
    assert {("ZONE", "RESOLVED", True), ("AFTER", "TRIGGERED", True), ("AFTER", "TRIGGERED", False)} <= seen


def test_frames_and_cards_agree_after_arrivals(tiny_built, triggers) -> None:
    seen = set()
    for setup in triggers[::3]:
        at = question.place(tiny_built, setup["level_kind"], setup["known_ts"])
        bars = at.scan("silver.book").select(pl.col("bar_ts").cast(pl.Int64).max()).collect().item()
        end = min(setup["known_ts"] + 420 * 10**9, bars + BAR_NS)
        for frame in replay.physics(tiny_built, setup["level_kind"], setup["known_ts"], end)[4::26]:
            card = unless_passed(similar.ask, tiny_built, setup["level_kind"], frame["ts_end"], k=1)
            if card is None:
                continue
            asked = card.question
            assert (frame["L"], frame["x_pts"]) == (asked["price"], asked["x0"])
            assert {1: "UP", -1: "DOWN"}[frame["d"]] == asked["direction"]
            assert (frame["story"], frame["told"], frame["lead"]) == (card.story, card.told, card.lead)
            assert (frame["wall"], frame["cond"], frame["retreat"]) == (
                card.wall,
                card.conditions,
                card.retreat,
            )
            for measure in pressure.MEASURES:
                assert frame["cube"][measure] == [point[measure] for point in card.pressure]
            seen.add(asked["phase"])
    assert seen == {"APPROACH", "ZONE", "AFTER"}


def test_a_frame_does_not_depend_on_the_span_it_was_asked_in(tiny_built, triggers) -> None:
    """Of levels that stand, that move with every bar, and that are passed."""
    moved = set()
    for name, found in spans(tiny_built, triggers, lambda _: ("PM_HIGH", "VWAP", "SESSION_HIGH")):
        for frame in found[::41]:
            alone = unless_passed(replay.physics, tiny_built, name, frame["ts_end"])
            assert alone in ([frame], None)
            assert alone or frame["L"] is None or frame["state"] in {"TRIGGERED", "RESOLVED"}
        if len({frame["L"] for frame in found}) > 1:
            moved.add(name)
        passed = [frame for frame in found if frame["L"] is None]
        assert bool(passed) == (name == "SESSION_HIGH")
        for frame in passed:
            assert (frame["d"], frame["x_pts"], frame["story"]) == (None, None, None)
            assert {*frame["cube"]["px"]} == {None} and frame["nulls"]["L"] == "not_applicable"
    assert moved == {"VWAP", "SESSION_HIGH"}


def test_any_price_is_a_level(tiny_built, triggers) -> None:
    setup = triggers[0]
    price = setup["level_price"] + 0.6  # between ticks
    card = similar.ask(tiny_built, str(price), setup["known_ts"] + 30 * 10**9, same_day=True)
    assert card.question["level"] == "price" and card.question["setup_id"] is None
    assert any(point["rest"] is not None or point["flow"] is not None for point in card.pressure)
    assert max(map(len, render.card(card).splitlines())) <= prospects.WIDTH


def test_a_moments_summaries_are_those_that_its_setup_would_have(tiny_built) -> None:
    """Asked as a price, a stored arrival's moment gives the numbers that were stored, bit for bit."""
    names = vectors.spec("thirds").slots + vectors.spec("trajectory").slots
    rows = library.setups(tiny_built, names).filter(~pl.col("is_placebo")).sort("known_ts")
    setup = rows.with_columns(pl.col("known_ts").cast(pl.Int64)).row(-1, named=True)
    place = question.place(tiny_built, str(setup["level_price"]), setup["known_ts"])
    stored = question.moment(place)
    fresh = question.Moment(
        place, stored.direction, stored.p_ref, stored.x0, stored.sigma_60, stored.sigma_ratio, None
    )
    found, want = (physics.features(now, set(names)) for now in (fresh, stored))
    assert {name: found[name] for name in names} == {name: want[name] for name in names}
    assert sum(found[name] is not None for name in names) > 30
