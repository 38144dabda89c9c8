"""A tiny simulated market, written once, and a warehouse built of it."""

import datetime as dt
import os

import pytest

DATES = [dt.date(2025, 6, 24), dt.date(2025, 6, 25), dt.date(2025, 6, 26)]
HOURS = (dt.time(9, 10), dt.time(10, 20))


@pytest.fixture(scope="session")
def tiny_raw(tmp_path_factory):
    """Three dates of about an hour, at a fiftieth of the full rate."""
    from warehouse.simulate import market

    raw = tmp_path_factory.mktemp("tiny") / "raw"
    market.simulate(raw, DATES, world="planted", hours=HOURS, rate_scale=0.02, seed=1)
    return raw


@pytest.fixture(scope="session")
def tiny_built(tiny_raw, tmp_path_factory):
    """A root with all of it built; tests must not write to it."""
    from warehouse.build import build
    from warehouse.request import Request

    root = tmp_path_factory.mktemp("built") / "root"
    report = build(Request(root, "2025-06-24:2025-06-26", raw=tiny_raw), lambda *_: None)
    assert not report.errors
    return root


@pytest.fixture(autouse=True)
def _no_root_from_outside(monkeypatch):
    if "WAREHOUSE_ROOT" in os.environ:
        monkeypatch.delenv("WAREHOUSE_ROOT")
