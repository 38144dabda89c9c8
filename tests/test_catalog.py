"""Declarations: what is refused, what a fingerprint notices, names, pages and the contract."""

from pathlib import Path

import frames
import polars as pl
import pytest

from warehouse import contract, inputs, plan, reference
from warehouse.catalog import CATALOG, PREFIX, Catalog, load
from warehouse.errors import DeclarationError, DuplicateNameError, InputMismatchError, QuestionError
from warehouse.schema import BOOK, TABLES
from warehouse.units import FRACTION, LOTS, POINTS, TICKS

load()
DOCS = Path(__file__).parents[1] / "docs"

SNAPSHOT = [
    "approach_dist_to_level_pts_eob",
    "approach_side_of_level_eob",
    "state_obi0_eob",
    "state_obi10_eob",
    "state_cdi_p0_1_eob",
    "state_cdi_p1_2_eob",
    "state_cdi_p2_3_eob",
    "depth_bid10_qty_eob",
    "depth_ask10_qty_eob",
    "lvl_depth_above_qty_eob",
    "lvl_depth_below_qty_eob",
    "lvl_depth_imbal_eob",
    "wall_bid_maxz_eob",
    "wall_ask_maxz_eob",
    "wall_bid_nearest_strong_dist_pts_eob",
    "wall_ask_nearest_strong_dist_pts_eob",
    "lvl_flow_toward_net_sum",
    "lvl_flow_away_net_sum",
    "cumul_flow_net_bid",
    "cumul_flow_net_ask",
    "cumul_flow_imbal",
    "trade_signed_vol_sum",
    "trade_vol_sum",
    "cumul_signed_trade_vol",
    "deriv_dist_d1_w3",
    "deriv_dist_d1_w12",
    "deriv_dist_d1_w36",
    "deriv_dist_d2_w3",
    "deriv_dist_d2_w12",
    "deriv_dist_d2_w36",
]


def test_the_thirty_names_and_their_twins():
    assert len(SNAPSHOT) == 30
    assert {PREFIX + name for name in SNAPSHOT} <= CATALOG.keys()
    sided = {"wall_bid": "wall_sup", "wall_ask": "wall_opp"}
    twins = [PREFIX + sided.get(name[:8], name[:8]) + name[8:] + "_r" for name in SNAPSHOT]
    assert list(CATALOG.vectors["snapshot30r"]) == twins
    assert all(CATALOG[name].unit == FRACTION and CATALOG[name].grain == "setup" for name in twins)


def test_a_suffix_says_the_unit():
    told = {"_pts": POINTS, "_ticks": TICKS, "_qty": LOTS, "_vol": LOTS, "_frac": FRACTION}
    for name, one in CATALOG.items():
        *rest, last = name.split("_")
        said = rest[-1] if last in {"eob", "twa", "sum"} else last
        for suffix, unit in told.items():
            if suffix == f"_{said}":
                assert one.unit == unit, name


def test_every_row_of_a_family_is_of_one_grain():
    for family in CATALOG.families():
        assert len({one.grain for one in CATALOG.family(family)}) == 1, family


def test_a_feature_reads_bars_through_their_mirror():
    """What is swapped is swapped back, with the same mirror."""
    known = {**inputs.BAR, **inputs.LEVEL, **{name: one.mirror for name, one in CATALOG.measures.items()}}
    for name, column in known.items():
        if column.swap:
            assert known[column.swap].swap == name and known[column.swap].mirror == column.mirror
    for name, one in CATALOG.items():
        assert CATALOG[one.swap].swap == name, name


def feature(**given):
    return Catalog().feature(unit=FRACTION, **given)


def test_refused_while_the_author_is_looking():
    """But for a body that reads what it does not take, which is refused when it is first used."""

    def bare(bid_sz_00):
        return bid_sz_00

    def hidden(bid_sz_00):
        """One."""
        return bid_sz_00 / pl.col("ask_sz_00")

    def unknown(bid_sz_0):
        """One."""
        return bid_sz_0

    def fine(bid_sz_00):
        """One."""
        return bid_sz_00

    with pytest.raises(DeclarationError, match=r"`bare` \(test_catalog:\d+\) has no docstring"):
        feature()(bare)
    with pytest.raises(InputMismatchError, match=r"reads \['ask_sz_00'\] without taking them"):
        repr(feature()(hidden).expr)
    with pytest.raises(
        DeclarationError, match="reads `bid_sz_0`, which is not declared: did you mean bid_sz_0"
    ):
        feature()(unknown)
    with pytest.raises(DeclarationError, match="has a sign: say which of its inputs it `rises_with`"):
        feature(parity="odd")(fine)
    with pytest.raises(DeclarationError, match="rises with `ask_sz_00`, which it does not read"):
        feature(rises_with="ask_sz_00")(fine)
    with pytest.raises(DeclarationError, match="is faced, so reflection cannot change it"):
        feature(faced=True, parity="odd", rises_with="bid_sz_00")(fine)
    with pytest.raises(DeclarationError, match="looks back beyond the 252 bars"):
        feature(faced=True, window=253)(fine)
    with pytest.raises(DeclarationError, match=r"has the slots \['nothing'\]"):
        Catalog().vector("v", ("nothing",))
    sided = Catalog()
    one = sided.feature(unit=LOTS, name="bid", swap="ask", doc="One.", inputs=("bid_sz_00",))(fine)
    with pytest.raises(DeclarationError, match=r"has \['bar5s_bid'\] without their mirror images: add those"):
        sided.vector("v", (one.name,))
    catalog = Catalog()
    catalog.feature(unit=LOTS)(fine)
    with pytest.raises(DuplicateNameError, match="`bar5s_fine` is declared in test_catalog"):
        catalog.feature(unit=LOTS)(fine)


def test_no_family_of_that_name():
    with pytest.raises(DeclarationError, match="there is no family `lvls`: the families are absorption"):
        plan.family("lvls", {})
    with pytest.raises(DeclarationError, match="exist only at setups"):
        plan.family("snapshot", {})
    with pytest.raises(QuestionError, match="did you mean bar5s_cube_lead"):
        reference.find("bar5s_cube_leed")


def fingerprints(monkeypatch, name, **changes):
    """Families whose fingerprint a change of one feature moves."""
    before = {family: plan.fingerprint(family) for family in plan.families()}
    one = CATALOG[name]
    fields = {field: getattr(one, field) for field in one.__dataclass_fields__} | changes
    monkeypatch.setitem(CATALOG._by_name, name, type(one)(**fields))
    plan.fingerprint.cache_clear()
    moved = {family for family in plan.families() if plan.fingerprint(family) != before[family]}
    monkeypatch.undo()
    plan.fingerprint.cache_clear()
    return moved


def test_a_docstring_moves_no_fingerprint(monkeypatch):
    assert fingerprints(monkeypatch, "bar5s_microprice_eob", doc="Other words.", where="elsewhere:1") == set()


def test_a_body_moves_its_family_and_what_reads_it(monkeypatch):
    def other(obi):
        return obi * 2

    cond = "bar5s_lvl_cond1_sum"
    assert fingerprints(monkeypatch, cond, body=lambda value: value * 2) == {"retreat"}
    name = "bar5s_lvl_ask_above_retreat_sum"
    moved = fingerprints(monkeypatch, name, body=lambda move, pull: 0.4 * move + 0.6 * pull)
    assert moved == {"lvl", "retreat", "windows", "dynamics", "lookback"}
    mp = CATALOG["bar5s_microprice_eob"]
    moved = fingerprints(monkeypatch, mp.name, body=lambda b, a, bq, aq: mp.body(b, a, bq, aq) + 0 * bq)
    near = {"microprice", "depth", "state", "approach", "deriv", "lvl", "wall", "snapshot"}
    assert moved == near | {"dynamics", "lookback", "rates"}
    assert fingerprints(monkeypatch, "bar5s_cumul_trade_vol", bounds=(0, 1)) == {"cumul", "snapshot"}


def test_a_measure_or_a_constant_moves_its_readers(monkeypatch):
    before = {family: plan.fingerprint(family) for family in plan.families()}
    value, unit, doc = inputs.CONSTANTS["kappa_depth"]
    monkeypatch.setitem(inputs.CONSTANTS, "kappa_depth", (value + 1, unit, doc))
    plan.fingerprint.cache_clear()
    moved = {family for family in plan.families() if plan.fingerprint(family) != before[family]}
    monkeypatch.undo()
    plan.fingerprint.cache_clear()
    readers = {"cube", "depth", "far", "flow", "pressure", "snapshot"}
    assert moved == readers | {"barriers", "cubes", "trajectories", "windows", "zones"}


def test_pages_are_current():
    for path, text in reference.pages().items():
        assert (DOCS / path).read_text() == text, "run: just docs"
    stale = {path.name for path in (DOCS / "features").glob("*.md")} - {
        Path(path).name for path in reference.pages()
    }
    assert stale == set()


def test_features_are_found_by_unit_window_and_words():
    slopes = {row["column"] for row in reference.find("least-squares lot/bar 25")}
    assert slopes == {row["column"] for row in reference.find("LEAST-squares 25") if row["unit"] == "lot/bar"}
    assert "bar5s_deriv_dbid10_ls1_w12" in slopes and "bar5s_deriv_dbid10_ls1_w36" not in slopes
    assert all(CATALOG[name].window == 25 for name in slopes)
    with pytest.raises(QuestionError, match="there is no family and no feature `pigs fly`"):
        reference.find("pigs fly")


def test_the_catalogue_answers():
    assert [row["family"] for row in reference.find()] == plan.families()
    assert [row["column"] for row in reference.find("approach")] == [
        one.name for one in CATALOG.family("approach")
    ]
    facts = {row["fact"]: row["value"] for row in reference.find("cube_story")}
    assert facts["codes"].startswith("0 UNSEEN") and facts["rows"] == "setups"


def test_tables_are_named_as_the_layers_name_them():
    known = {name.partition(".")[2] for name in TABLES} | {"profile"}
    for family in plan.families():
        assert set(plan.reads(family)) <= known
    assert plan.reads("approach") == ("book", "levels") and plan.reads("volatility") == ("book", "profile")
    assert plan.reads("retreat") == ("book", "ladder", "retreat_profile")


def test_the_contract_names_the_rule():
    made = plan.family("approach", frames.tables(4)).collect()
    good, bad = contract.check(made, "approach")
    assert good.equals(made) and bad.is_empty()
    wrong = made.with_columns(
        bar5s_approach_side_of_level_eob=pl.when(pl.int_range(pl.len()) == 2)
        .then(7.0)
        .otherwise("bar5s_approach_side_of_level_eob")
    )
    good, bad = contract.check(pl.concat([wrong, wrong.tail(1)]), "approach")
    assert len(good) == len(made) - 2
    assert bad["broken"].to_list() == [
        ["bar5s_approach_side_of_level_eob|bounds"],
        ["key|unique"],
        ["key|unique"],
    ]


def test_a_level_has_bars_from_its_look_back_to_its_end():
    known = frames.START + 100 * 5 * 10**9
    tables = frames.tables(400)
    tables["levels"] = (
        frames.levels(6000.0, known=known + 200 * 5 * 10**9)
        .with_columns(valid_to=pl.lit(known + 210 * 5 * 10**9).cast(pl.Datetime("ns")))
        .lazy()
    )
    bars = (plan.family("approach", tables).collect()["bar_ts"].cast(pl.Int64) - frames.START) // (5 * 10**9)
    assert (bars.min(), bars.max()) == (60, 309)


def test_every_book_column_is_known_to_features():
    assert {column.name for column in BOOK.columns} <= inputs.BAR.keys()
