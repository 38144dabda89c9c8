"""A tiny simulated market, written once, and a warehouse built of it."""

import datetime as dt
import fcntl
import os

import pytest

DATES = [dt.date(2025, 6, 24), dt.date(2025, 6, 25), dt.date(2025, 6, 26)]
HOURS = (dt.time(9, 10), dt.time(10, 20))


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Make a folder that every process of this run shares: `once(name, make)`, made by whoever comes first."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def shared(name, make):
        with (base / f"{name}.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            if lock.read() != "made":
                make(base / name)
                lock.write("made")
        return base / name

    return shared


@pytest.fixture(scope="session")
def tiny_raw(once):
    """Three dates of about an hour, at a fiftieth of the full rate."""
    from warehouse.simulate import market

    return once(
        "raw",
        lambda raw: market.simulate(raw, DATES, world="planted", hours=HOURS, rate_scale=0.02, seed=1),
    )


@pytest.fixture(scope="session")
def tiny_built(once, tiny_raw):
    """A root with all of it built; tests must not write to it."""
    from warehouse.build import build
    from warehouse.request import Request

    def make(root):
        report = build(Request(root, "2025-06-24:2025-06-26", raw=tiny_raw), lambda *_: None)
        assert not report.errors

    return once("built", make)


@pytest.fixture(autouse=True)
def _no_root_from_outside(monkeypatch):
    if "WAREHOUSE_ROOT" in os.environ:
        monkeypatch.delenv("WAREHOUSE_ROOT")
