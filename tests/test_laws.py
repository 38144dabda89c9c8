"""Every law on every feature, and planted bugs that the laws must catch."""

import dataclasses

import frames
import laws
import polars as pl
import pytest

from features.lvl import CELLS
from warehouse import contract, mirror, plan
from warehouse.catalog import CATALOG, feature, load, measure, setup
from warehouse.units import BARS, FRACTION, LOTS, POINTS, TICKS

load()
BARS_MADE = 330
ENDS_FROM = 260
OWNERS_ONLY = {
    name
    for name, one in CATALOG.items()
    if one.family == "retreat"
    or "_netpull_" in name
    or name.startswith(("bar5s_cube_flow", "bar5s_cube_x_flow", *(f"bar5s_lvl_{cell}" for cell in CELLS)))
}
RARE = {
    name
    for name, one in CATALOG.items()
    if one.codes
    or one.family in {"candles", "trajectories"}
    or name.endswith(("_wall_age_eob", "_known_bars", "_clear_bars"))
    or (name.startswith("bar5s_setup") and name.endswith(("_min", "_max", "_range")))
} | {"bar5s_rvol_lookback_trade_vol_max_ratio"}
"""Ordered codes and the extremes of 240 bars hardly ever turn on their oldest bar, a candle on its oldest print."""


ALWAYS_THE_SAME = {"sigma_60", "bar5s_c2_usual_vol", "bar5s_rvol_lookback_trade_vol_max_ratio"} | {
    f"bar5s_lvl_{cell}_{band}_cov_eob"
    for cell in ("opp_near", "sup_far")
    for band in ("t2_4", "t5_8", "t9_16")
}
ALWAYS_THE_SAME |= {f"bar5s_lvl_{cell}_t9_16_void_twa" for cell in ("opp_near", "sup_far")}
"""In the made-up session: setups are given one sigma, the past is the same all day, the near side is in sight
and never thin for a whole bar."""


@pytest.fixture(scope="module")
def tables():
    made = frames.tables(BARS_MADE)
    return {name: table.collect().lazy() for name, table in made.items()}


@pytest.fixture(scope="module")
def triggers():
    rows = (
        (6000.0, 319, "UP"),
        (6001.5, 319, "DOWN"),
        (6000.0, 260, "DOWN"),
        (6000.0, 180, "UP"),
        (6001.5, 90, "UP"),
    )
    return frames.triggers(*rows)


@pytest.fixture(scope="module")
def ends(tables):
    return frames.triggers(
        *(
            (price, bar, way)
            for price, way in ((6000.0, "UP"), (6001.5, "DOWN"), (6003.0, "UP"))
            for bar in laws.ends(tables, ENDS_FROM)
        )
    )


def test_no_look_ahead(tables, triggers):
    assert laws.look_ahead(tables, triggers, 200) == set()


def test_the_window_is_enough(tables, ends):
    assert laws.too_short(tables, ends) == set()


def test_the_window_is_needed(tables, ends):
    assert laws.too_long(tables, ends) <= RARE


def test_a_level_stands_alone(tables, triggers):
    assert laws.not_alone(tables, triggers) == set()


def test_unit(tables, monkeypatch):
    """Those that say that they break it do break it."""
    told = {name for name, one in CATALOG.items() if "unit" in one.breaks}
    many = frames.triggers(*((6000.0, bar, "UP") for bar in range(240, BARS_MADE)))
    assert laws.unit(tables, many, monkeypatch) == told


def test_mirror(tables):
    at_one = frames.triggers((6000.0, 319, "UP"), (6000.0, 250, "DOWN"), (6000.0, 180, "UP"))
    assert laws.mirror(tables, at_one, 6000.0) == set()


def test_sign(tables, triggers):
    assert laws.sign(tables, triggers) == set()


def test_bounds(tables, triggers):
    assert laws.bounds(tables, triggers) == set()
    assert laws.out_of_bounds_rows(laws.everything(tables, triggers)) == {}


@pytest.fixture(scope="module")
def many():
    """Ninety moments: three levels from both sides."""
    return frames.triggers(
        *(
            (price, bar, way)
            for price in (6000.0, 6001.5, 6003.0)
            for bar in range(243, BARS_MADE, 6)
            for way in ("UP", "DOWN")
        )
    )


def test_alive(tables, many):
    """What the made-up past or book fixes is named."""
    assert laws.alive(tables, many) == ALWAYS_THE_SAME


def test_unknown_is_null():
    assert laws.null_is_not_zero() == set()


def test_fills_are_not_pulls(tables, triggers):
    assert laws.fills_move_nothing(tables, triggers, OWNERS_ONLY) == set()


def test_a_setup_has_the_values_of_its_bar(tables, triggers):
    """The same expressions on the look-back give what the families hold."""
    made = laws.everything(tables, triggers)
    for name, one in CATALOG.items():
        if one.grain == "setup" or one.family == "volatility":
            continue
        frame = made[one.grain].with_columns(trigger_ts="bar_ts")
        if one.grain == "level":
            frame = frame.filter(pl.col("level_id").str.contains("CUSTOM")).with_columns(
                level_price=pl.col("level_id").str.split("/").list.last().cast(pl.Float64)
            )
        keys = ["trigger_ts", *(["level_price"] if one.grain == "level" else [])]
        stored = triggers.join(frame.select(*keys, name), on=keys, how="left", maintain_order="left")[name]
        if name not in {"bar5s_lvl_flow_toward_net_sum", "bar5s_lvl_flow_away_net_sum"}:
            assert laws.close(stored, made["setup"][name]), name


def test_a_setup_alone_is_the_setup_among_many(tables):
    """Bit for bit, at levels between ticks too: sums in polars depend on how many rows there are besides."""
    prices = (6000.0, 6000.13, 5999.876543211, 6001.087654321)
    many = frames.triggers(
        *((price, bar, way) for price in prices for bar in range(250, 320, 9) for way in ("UP", "DOWN"))
    )
    among = plan.at_setups(many, tables)
    for n in range(0, len(many), 17):
        alone = plan.at_setups(many[n : n + 1], tables)
        differing = {name for name in alone.columns if not laws.same(alone[name], among[n : n + 1][name])}
        assert differing == set()


def test_weights_of_the_points_sum_to_one():
    from features.cells import POINTS_AROUND, TICKS_A_POINT, at_point, up_to

    x = pl.DataFrame({"x": [k / 8 for k in range(-139, 140)]})
    total = x.select(pl.sum_horizontal([at_point(pl.col("x"), j) for j in POINTS_AROUND]))
    assert (total.to_series() == 1).all()
    steps = x.select(up_to(pl.col("x"), 5.5, TICKS_A_POINT) - up_to(pl.col("x") - 1, 5.5, TICKS_A_POINT))
    assert (steps.to_series() - x.select(at_point(pl.col("x"), 2)).to_series()).abs().max() == 0


# Planted bugs. Each is declared as its author would have, and a law must name it.


@pytest.fixture
def planted(monkeypatch):
    """Declarations made in a test are forgotten after it."""
    monkeypatch.setattr(CATALOG, "_by_name", dict(CATALOG._by_name))
    monkeypatch.setattr(CATALOG, "measures", dict(CATALOG.measures))
    laws.planned_anew(monkeypatch)


def names(*features):
    return {one.name for one in features}


@pytest.mark.usefixtures("planted")
def test_aggressor_inverted(tables, triggers):
    @feature(unit=LOTS, parity="odd", rises_with="buy_vol")
    def inverted(buy_vol, sell_vol):
        """Sold less bought."""
        return sell_vol - buy_vol

    assert laws.sign(tables, triggers, names(inverted)) == names(inverted)
    assert laws.mirror(tables, triggers.head(1), 6000.0, names(inverted)) == set()


@pytest.mark.usefixtures("planted")
def test_bid_typed_twice(tables, triggers):
    @feature(unit=FRACTION, parity="odd", rises_with="bid_sz_00", bounds=(-1, 1))
    def twice(bid_sz_00, ask_sz_00):
        """Imbalance."""
        return (bid_sz_00 - ask_sz_00) / (bid_sz_00 + bid_sz_00)

    assert laws.mirror(tables, triggers.head(1), 6000.0, names(twice)) == names(twice)
    assert laws.bounds(tables, triggers, names(twice)) == names(twice)
    _, bad = contract.check(plan.family("test_laws", tables).collect(), "test_laws")
    assert bad["broken"].explode().unique().to_list() == ["bar5s_twice|bounds"]


@pytest.mark.usefixtures("planted")
def test_reads_the_future(tables, triggers):
    @feature(unit=POINTS, window=2, parity="odd", rises_with="microprice_eob")
    def next_move(microprice_eob):
        """Move of the microprice."""
        return microprice_eob.shift(-1) - microprice_eob

    @feature(unit=POINTS, window=2, parity="odd", rises_with="microprice_eob")
    def demeaned(microprice_eob):
        """Microprice less its mean."""
        return microprice_eob - microprice_eob.mean()

    both = names(next_move, demeaned)
    assert laws.look_ahead(tables, triggers, 200, both) == both


@pytest.mark.usefixtures("planted")
def test_window_declared_wrongly(tables, ends):
    @feature(unit=LOTS, window=12)
    def short(buy_vol):
        """Bought over two minutes."""
        return buy_vol.rolling_sum(24)

    @feature(unit=LOTS, window=36)
    def long(buy_vol):
        """Bought over two minutes."""
        return buy_vol.rolling_sum(24)

    @feature(unit=LOTS, window=240)
    def unbounded(buy_vol):
        """Bought so far."""
        return buy_vol.cum_sum()

    wrong = names(short, unbounded)
    assert laws.too_short(tables, ends, names(short, long, unbounded)) == wrong
    assert names(long) <= laws.too_long(tables, ends, names(short, long, unbounded))


@pytest.mark.usefixtures("planted")
def test_window_that_crosses_levels(tables, triggers):
    @feature(unit=POINTS, parity="odd", rises_with="approach_dist_to_level_pts_eob")
    def crossing(approach_dist_to_level_pts_eob):
        """Change of the distance, declared pointwise."""
        return approach_dist_to_level_pts_eob - approach_dist_to_level_pts_eob.shift(1)

    assert laws.not_alone(tables, triggers, names(crossing)) == names(crossing)


@pytest.mark.usefixtures("planted")
def test_fills_counted_as_pulls(tables, triggers):
    gone = pl.col("pull") + pl.col("fill")
    measure(
        "gone", gone.filter(pl.col("side") == "A").sum(), doc="Gone.", unit=LOTS, grain="level", swap="gone"
    )

    @setup(unit=FRACTION, rises_with="gone", bounds=(0, 1))
    def pulled(gone, ask_above_add, kappa_vol):
        """Pulled over pulled and added."""
        return gone / (gone + ask_above_add + kappa_vol)

    assert laws.fills_move_nothing(tables, triggers, OWNERS_ONLY | names(pulled)) == names(pulled)


@pytest.mark.usefixtures("planted")
def test_a_number_without_its_unit(tables, triggers, monkeypatch):
    @feature(unit=TICKS, parity="odd", rises_with="microprice_eob")
    def point_bug(microprice_eob, level_px):
        """Ticks from the level, of an instrument whose tick is a quarter."""
        return (microprice_eob - level_px) / 0.25

    @feature(unit=FRACTION, parity="odd", rises_with="buy_vol", bounds=(-1, 1))
    def bare_kappa(buy_vol, sell_vol):
        """Balance of aggressors."""
        return (buy_vol - sell_vol) / (buy_vol + sell_vol + 20)

    @feature(unit=POINTS / BARS, window=13, parity="odd", rises_with="microprice_eob")
    def bare_span(microprice_eob):
        """Change per bar."""
        return (microprice_eob - microprice_eob.shift(12)) / 12

    wrong = names(point_bug, bare_kappa, bare_span)
    assert laws.unit(tables, triggers, monkeypatch, wrong) == wrong


def test_dead_dimensions(tables, many, monkeypatch):
    """One that lost its input, and one that is another under its own name."""
    speed, obi0, obi10 = (
        CATALOG[f"bar5s_{name}"] for name in ("kin_vel_1m", "state_obi0_eob", "state_obi10_eob")
    )
    planted = (
        dataclasses.replace(speed, body=lambda *read: 0 * sum(read)),
        dataclasses.replace(obi10, body=obi0.body, inputs=obi0.inputs),
    )
    for one in planted:
        monkeypatch.setitem(CATALOG._by_name, one.name, one)
    dead = laws.alive(tables, many) - ALWAYS_THE_SAME
    assert {"bar5s_kin_vel_1m", "bar5s_state_obi10_eob", "bar5s_setup_obi10_mean"} <= dead


@pytest.mark.usefixtures("planted")
def test_unknown_filled_with_zero():
    @feature(unit=FRACTION, bounds=(-1, 1))
    def filled(bid_sz_00, ask_sz_00):
        """Imbalance."""
        return ((bid_sz_00 - ask_sz_00) / (bid_sz_00 + ask_sz_00)).fill_null(0.0)

    assert laws.null_is_not_zero(names(filled)) == names(filled)


def test_a_side_not_turned(tables, monkeypatch):
    """If facing forgot to swap the sides, the mirror would show it."""
    laws.planned_anew(monkeypatch)
    monkeypatch.setattr(mirror, "_turns", lambda column: column.mirror != "same")
    at_one = frames.triggers((6000.0, 319, "UP"), (6000.0, 250, "DOWN"))
    broken = laws.mirror(tables, at_one, 6000.0)
    assert {"bar5s_lvl_retreat_far_sum", "bar5s_cube_x_rest_eob_p1", "bar5s_wall_sup_maxz_eob_r"} <= broken
