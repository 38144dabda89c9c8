"""Ten bugs planted in real features, each caught by the law that is named."""

import frames
import laws
import pytest

from warehouse.catalog import CATALOG, load

load()
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


@pytest.mark.parametrize("bug", BUGS)
def test_a_law_catches(bug, tables, monkeypatch):
    called, law, plant = BUGS[bug]
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
    }[law]
    assert told() == set()
    monkeypatch.setitem(CATALOG._by_name, name, type(one)(**(fields | {"body": plant(one.body)})))
    assert told() == {name}
