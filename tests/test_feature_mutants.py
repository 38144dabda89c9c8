"""Bugs planted in real features, each caught by the law that is named."""

import frames
import laws
import polars as pl
import pytest

from warehouse.catalog import CATALOG, feature, load
from warehouse.errors import DuplicateNameError, InputMismatchError
from warehouse.units import FRACTION, TICKS

load()
CLASSICS = {
    "tick_hard_coded": ("state_spread_ticks_eob", "unit", lambda _: lambda s, t: s / 0.25 + 0 * t),
    "points_called_ticks": ("kin_x_pts_eob", "unit", {"unit": TICKS}),
    "reads_the_future": (
        "deriv_dist_d1_w12",
        "look_ahead",
        lambda _: lambda v, b: (v.shift(-12) - v) / (12 * b),
    ),
    "demeaned_by_the_whole_day": (
        "trade_signed_vol_sum",
        "look_ahead",
        lambda body: lambda b, s: body(b, s) - body(b, s).mean(),
    ),
    "window_24_declared_12": (
        "ofi_bal_60s",
        "too_short",
        lambda body: lambda o, g, k, r: body(o, g, k, r, bars=24),
    ),
    "rolling_declared_pointwise": (
        "lvl_depth_imbal_eob",
        "not_alone",
        lambda body: lambda b, a: body(b, a).rolling_mean(12),
    ),
    "bid_typed_twice": ("state_obi0_eob", "mirror", lambda _: lambda b, a: (b - a) / (b + b)),
    "aggressor_inverted": ("trade_signed_vol_sum", "sign", lambda _: lambda b, s: s - b),
    "cumulative_declared_12": ("fma_force_12", "too_short", lambda _: lambda o, r: o.cum_sum() + 0 * r),
    "kappa_without_its_unit": (
        "trade_imbal_sum",
        "unit",
        lambda _: lambda b, s, v, k: (b - s) / (v + 20) + 0 * k,
    ),
    "per_bar_by_a_bare_12": (
        "deriv_obi0_d1_w12",
        "unit",
        lambda _: lambda v, b: (v - v.shift(12)) / 12 + 0 * b,
    ),
}
"""The mistakes that authors of such features make first."""
BUGS = {
    "vel_turned": ("kin_vel_1m", "sign", lambda body: lambda x, *r: body(0 - x, *r)),
    "ofi_turned": ("ofi_bal_30s", "sign", lambda body: lambda o, *r: body(0 - o, *r)),
    "z_turned": ("rvol_trade_vol_zscore", "sign", lambda body: lambda v, *r: 0 - body(v, *r)),
    "cdi_by_ask": ("state_cdi_p0_1_eob", "sign", lambda body: lambda b, a: body(a, b)),
    "pull_for_add": ("flow_pabal_bid_p0_1_sum", "sign", lambda body: lambda p, a, k: body(a, p, k)),
    "window_long": (
        "trade_x_imbal_w3",
        "too_short",
        lambda body: lambda p, w, k, r: body(p, w, k, r, span=12),
    ),
    "next_bar": ("rvol_trade_vol_ratio_1min", "look_ahead", lambda body: lambda v, *r: body(v.shift(-3), *r)),
    "kappa_bare": ("barrier_rel_eob", "unit", lambda body: lambda s, p, k: body(s, p, k * 0 + 50)),
    "twice_as_far": ("lvl_opppress_eob", "bounds", lambda body: lambda *c: 2.5 * body(*c)),
    "zero_for_null": (
        "shape_bid_entropy_eob",
        "null_is_not_zero",
        lambda body: lambda *c: body(*c).fill_null(0.0),
    ),
}


@pytest.fixture(scope="module")
def tables():
    return {name: table.collect().lazy() for name, table in frames.tables(330).items()}


@pytest.mark.parametrize("bug", [*CLASSICS, *BUGS])
def test_a_law_catches(bug, tables, monkeypatch):
    called, law, plant = (CLASSICS | BUGS)[bug]
    one = CATALOG[name := f"bar5s_{called}"]
    fields = {field: getattr(one, field) for field in one.__dataclass_fields__}
    at = frames.triggers((6000.0, 319, "UP"), (6001.5, 311, "DOWN"), (6000.0, 270, "UP"))
    told = {
        "sign": lambda: laws.sign(tables, at, {name}),
        "too_short": lambda: laws.too_short(tables, at, {name}),
        "look_ahead": lambda: laws.look_ahead(tables, at, 300, {name}),
        "unit": lambda: laws.unit(tables, at, monkeypatch, {name}),
        "bounds": lambda: laws.bounds(tables, at, {name}),
        "null_is_not_zero": lambda: laws.null_is_not_zero({name}),
        "mirror": lambda: laws.mirror(tables, at[:1], 6000.0, {name}),
        "not_alone": lambda: laws.not_alone(tables, at, {name}),
    }[law]
    assert told() == set()
    changed = plant if isinstance(plant, dict) else {"body": plant(one.body)}
    monkeypatch.setitem(CATALOG._by_name, name, type(one)(**(fields | changed)))
    assert told() == {name}


def test_what_no_law_needs_to_catch_is_refused(monkeypatch):
    """A column that is read and not taken, and a name that is taken."""
    monkeypatch.setattr(CATALOG, "_by_name", dict(CATALOG._by_name))
    monkeypatch.setattr(CATALOG, "_reach", dict(CATALOG._reach))
    obi = CATALOG["bar5s_state_obi0_eob"]
    declare = feature(name="obi", inputs=("bid_sz_00",), doc="One.", unit=FRACTION)
    hidden = declare(lambda bid: obi.body(bid, pl.col("ask_sz_00")))
    with pytest.raises(InputMismatchError, match=r"reads \['ask_sz_00'\] without taking them"):
        repr(hidden.expr)
    with pytest.raises(DuplicateNameError, match="`bar5s_state_obi0_eob` is declared in "):
        feature(name="state_obi0_eob", inputs=("bid_sz_00", "ask_sz_00"), doc="One.", unit=FRACTION)(obi.body)
