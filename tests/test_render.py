import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import gold
import polars as pl
import pytest

from warehouse import library, nulls, pages, prospects, render, replay, session, similar
from warehouse.errors import QuestionError

DOCS = Path(__file__).parents[1] / "docs"
COUNT = 10
DAYS = gold.dates(COUNT)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return gold.root(tmp_path_factory.mktemp("root"), COUNT, 12)


@pytest.fixture(scope="module")
def cards(root):
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") == DAYS[-1])
    asked = rows.with_columns(pl.col("known_ts").cast(pl.Int64)).to_dicts()
    return [similar.ask(root, str(row["level_price"]), row["known_ts"]) for row in asked]


def test_a_card_fits_the_terminal(cards) -> None:
    for card in cards:
        lines = render.card(card).splitlines()
        assert max(map(len, lines)) <= prospects.WIDTH
        assert lines[0].startswith(f"{card.question['price']:,.2f} {card.question['direction']}") and lines[
            0
        ].endswith("SIMULATED")
        assert card.question["new_york"] + " New York" in lines[0]


def test_the_ladder_runs_from_four_above_to_four_below(cards) -> None:
    lines = render.card(cards[0]).splitlines()[4:13]
    price = cards[0].question["price"]
    assert [line.split()[:2] for line in lines] == [
        [f"{price + point:,.2f}", f"{point:+d}" if point else "0"] for point in range(4, -5, -1)
    ]


def test_what_is_unseen_is_a_dot_and_a_bar_lies_on_the_side_it_favours() -> None:
    points = [
        {"point": 1, "price": 6001.0, "rest": None, "flow": None, "aggr": 0.0, "net": None, "cov": 0.1},
        {"point": 0, "price": 6000.0, "rest": -1.0, "flow": 0.5, "aggr": 0.0, "net": 0.25, "cov": 1.0},
        {"point": -1, "price": 5999.0, "rest": 0.5, "flow": -0.5, "aggr": 0.0, "net": 0.0, "cov": 1.0},
    ]
    head, above, at, below = render._ladder(points)
    assert above.split() == ["6,001.00", "+1", "·", "·", "+0.00", "·"]
    assert at.split() == ["6,000.00", "0", "█" * 9, "-1.00", "+0.50", "+0.00", "+0.25"]
    assert below.split() == ["5,999.00", "-1", "+0.50", "█" * 4, "-0.50", "+0.00", "+0.00"]
    assert at.index("█") < head.index("resting") < below.index("█")


def test_outcomes_are_printed_with_interval_base_lift_reach_and_time(cards) -> None:
    card = cards[-1]
    text = render.card(card)
    for name, chances in card.outcomes.items():
        line = next(line for line in text.splitlines() if line.startswith(f" {name}"))
        for chance in chances.values():
            cells = f"{chance.p:.0%} [{chance.lo * 100:.0f}..{chance.hi * 100:.0f}] {chance.base:.0%} x{chance.lift:.1f}"
            assert cells in " ".join(line.split())
    rests = card.labels["4m"]
    own = rests.n_eff / (rests.n_eff + rests.null_n)
    wide = rests.elsewhere_n_eff / (rests.elsewhere_n_eff + rests.elsewhere_null_n)
    told = f"4m n_eff {rests.n_eff:.1f} weighs {own:.0%}, elsewhere {rests.elsewhere_n_eff:.1f} weighs {wide:.0%};"
    base = f"base of {rests.bucket_n} in this half hour, drawn to {rests.base_n}"
    assert f"{told} {base}" in " ".join(text.split())
    before = " ".join(f"{chance.p_cal:.0%}" for chance in card.outcomes["4m"].values())
    assert f", 4m {before}, " in next(line for line in text.splitlines() if line.endswith("(P_cal)"))
    last = card.times["4m"][-1]
    assert f"{last['BREAK']:.0%} broke, {last['REJECT']:.0%} came back" in text
    quarters = " ".join(f"{card.excursions['4m']['mfe_pts'][q]:+.2f}" for q in ("0.25", "0.5", "0.75"))
    assert f"4m quartiles: on {quarters} pt, back -" in text
    assert (
        f"{len(card.neighbours)} neighbours from {card.search['dates']} dates, n_eff {card.n_eff:.1f}" in text
    )


def test_one_neighbour_is_one(cards) -> None:
    alone = replace(cards[-1], neighbours=cards[-1].neighbours[:1], search=cards[-1].search | {"dates": 1})
    assert "1 neighbour from 1 date, n_eff" in render.card(alone)


def test_neighbours_are_printed_nearest_first(cards) -> None:
    card = cards[-1]
    lines = render.card(card).splitlines()[-len(card.neighbours) :]
    for line, each in zip(lines, card.neighbours, strict=True):
        assert line.startswith(f"{each['new_york']} {each['distance']:>6.2f}")
        assert all(outcome in line for outcome in each["outcomes"].values())


def test_the_card_says_what_makes_neighbours_near_and_far() -> None:
    """Of three neighbours two are near by the book and two far by x; size makes one near and one far."""

    def why(*names):
        return [{"feature": f"bar5s_{name}", "gap": 0.0, "share": 0.1} for name in names]

    near = [
        {"near": why("size", "book"), "far": why("x")},
        {"near": why("book", "wall", "pace"), "far": why("x", "size")},
        {"near": [], "far": [{"feature": "axis 1", "gap": 1.0, "share": 0.9}]},
    ]
    assert render._reasons(near) == ["alike in book, wall, pace; apart in x, axis 1"]
    assert render._reasons([{"near": [], "far": []}]) == ["alike in ·; apart in ·"]


def test_one_frame_is_a_ladder_and_several_are_lines(root, monkeypatch) -> None:
    made = gold.setups(DAYS[-1], 1)

    def features(_place, starts, _last, _names):
        row = made.select(*gold.features()).row(0, named=True)
        return pl.DataFrame([row] * len(starts), schema=gold.features()).with_columns(starts["bar"])

    monkeypatch.setattr(replay, "at_bars", features)
    start, end = (session.at(DAYS[-1], dt.time(10, 0, second)) for second in (0, 30))
    one = replay.physics(root, "PM_HIGH", start)
    many = replay.physics(root, "PM_HIGH", start, end)
    assert [frame["ts_end"] for frame in many] == [start + n * 5 * 10**9 for n in range(7)]
    assert [frame["seq"] for frame in many] == list(range(719, 726))
    assert one[0] == many[0]
    assert max(map(len, render.frames(one).splitlines())) <= prospects.WIDTH
    lines = render.frames(many).splitlines()
    assert len(lines) == 8 and lines[1].startswith("10:00:00") and max(map(len, lines)) <= prospects.WIDTH
    said = [json.loads(line) for line in render.frames_json(many).splitlines()]
    assert said == many
    with pytest.raises(
        QuestionError, match=rf"^--to must be a moment of {DAYS[-1]} after 10:00:30 New York$"
    ):
        replay.physics(root, "PM_HIGH", end, start)


def test_every_null_of_a_frame_has_its_reason(root, monkeypatch) -> None:
    def nothing(_place, starts, _last, _names):
        return pl.DataFrame(
            {name: [None] * len(starts) for name in gold.features()}, schema=gold.features()
        ).with_columns(starts["bar"])

    monkeypatch.setattr(replay, "at_bars", nothing)
    [frame] = replay.physics(root, "6000.5", session.at(DAYS[-1], dt.time(10)))
    leaves = {}
    for name, value in frame.items():
        if isinstance(value, dict) and name != "nulls":
            for key, inner in value.items():
                leaves |= (
                    {f"{name}.{key}[{n}]": each for n, each in enumerate(inner)}
                    if isinstance(inner, list)
                    else {f"{name}.{key}": inner}
                )
        elif isinstance(value, list):
            leaves |= {f"{name}[{n}]": each for n, each in enumerate(value)}
        elif name != "nulls":
            leaves[name] = value
    assert set(frame["nulls"]) == {name for name, value in leaves.items() if value is None}
    assert set(frame["nulls"].values()) <= {*nulls.REASONS}


def test_tables_fit_and_say_what_they_leave_out() -> None:
    wide = pl.DataFrame({f"column_{n:02d}": [n, None] for n in range(30)})
    lines = render.table(wide).splitlines()
    assert (
        max(map(len, lines)) <= prospects.WIDTH
        and lines[-1] == "(23 more columns: name those you want, or use --format json)"
    )
    long = render.table(pl.DataFrame({"n": range(700)})).splitlines()
    assert len(long) == 502 and long[-1] == "(200 more rows: use limit, or --format csv)"
    assert (
        render.table(pl.DataFrame({"name": ["a", "bcd"], "x": [1.5, -2.0]}))
        == "name    x\na     1.5\nbcd    -2"
    )
    assert render.table(pl.DataFrame()) == "(nothing)"


def test_the_catalogue_is_shown_and_near_misses_are_named() -> None:
    assert "volatility" in render.features() and "bar5s_cube_story" in render.features("pressure")
    assert max(map(len, render.features().splitlines())) <= prospects.WIDTH
    with pytest.raises(QuestionError, match=r"did you mean"):
        render.features("volatilty")


def test_pages_are_written_where_they_are_wanted(tmp_path) -> None:
    assert render.features(None, tmp_path) == f"{len(pages.pages())} pages written to {tmp_path}"
    assert (tmp_path / "sql.md").read_text() == pages.sql_page()


def test_the_sql_page_is_current() -> None:
    assert (DOCS / pages.SQL_PAGE).read_text() == pages.sql_page(), "run: just docs"
