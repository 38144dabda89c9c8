"""Dead columns: at most one in fifty of a planted session says nothing of its own, and each says why."""

import datetime as dt

import polars as pl
import pytest

from warehouse import land, levels, liveness, moments, plan, profiles, reasons, session, snapshots
from warehouse.flow import flow
from warehouse.pricelist import SCHEMA
from warehouse.races import mids
from warehouse.schema import TAUS_S
from warehouse.simulate import market

DAY = dt.date(2025, 6, 24)
HOURS = (dt.time(6), dt.time(11))
BEFORE = session.previous(DAY, 5)
TICK, SYMBOL = 0.25, "SIMU5"
FLOW = ("quotes", "trades", "ladder", "book", "quality")


def past(frame, days):
    """The same on some days before."""
    return pl.concat(
        frame.with_columns(pl.col("bar_ts") - pl.duration(days=(DAY - day).days), date=pl.lit(day)).lazy()
        for day in BEFORE[-days:]
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Every feature at the moments of a session's snapshots, landed from orders; those before it were like it."""
    folder = tmp_path_factory.mktemp("planted")
    given = {"world": "planted", "hours": HOURS, "rate_scale": 0.02, "seed": 1, "schema": ("mbo",)}
    market.simulate(folder / "raw", [DAY], **given)
    for landing in land.plan(land.survey(folder / "raw", folder)):
        land.land(folder, landing)
    flow(folder, SYMBOL, DAY, "mbo", folder)
    made = {name: pl.read_parquet(folder / f"{name}.parquet") for name in FLOW}
    profile = profiles.volume_profile(DAY, past(made["book"], 5), past(made["ladder"], 3), TICK)
    tables = {name: frame.lazy() for name, frame in made.items()} | {"profile": profile.lazy()}
    real = levels.levels(
        made["trades"], pl.DataFrame(schema=SCHEMA), SYMBOL, DAY, prior=made["trades"].lazy()
    )
    known = pl.concat([real, levels.placebos(real, "SIM", TICK)])
    tables["levels"] = known.lazy()
    sigma = plan.family("volatility", tables).collect()
    lvl = plan.family("lvl", tables | {"levels": real.lazy()}).collect()
    fitted = profiles.retreat_profile(DAY, past(lvl, 5), past(sigma, 5), past(made["book"], 5))
    tables |= {"retreat_profile": fitted.lazy(), "volatility": sigma.lazy()}
    path = mids(tables["quotes"])
    setups = moments.triggers(known, path, tables["book"], tables["volatility"], DAY, tick=TICK, source="mbo")
    at = snapshots.places(setups, tables, path, TAUS_S)
    starts = at.join(setups.select("setup_id", "direction", "level_price"), on="setup_id")
    starts = starts.with_columns(trigger_ts="bar_ts", setup_id=pl.concat_str("setup_id", "tau_s"))
    return reasons.beside(starts.select("sigma_60").hstack(plan.at_setups(starts, tables)))


def test_two_in_a_hundred_columns_are_idle_at_most_and_each_says_why(rows):
    idle = liveness.idle(rows)
    columns = sum(family.features for family in liveness.families(rows))
    assert len(rows) > 300 and columns > 2_300
    assert {name for name, one in idle.items() if not one.why} == set()
    assert len(idle) <= 0.02 * columns, sorted(idle)
