"""What explains the near retreat of the past: a fit on paper, what it may read, what it leaves over."""

import datetime as dt

import frames
import numpy as np
import polars as pl
import pytest

from warehouse import plan, profiles, session
from warehouse.schema import BAR_NS, NS, RETREAT_PROFILE

DAY = dt.date(2025, 6, 12)
DAYS = session.previous(DAY, 4)
ABOVE, BELOW = "bar5s_lvl_ask_above_retreat_sum", "bar5s_lvl_bid_below_retreat_sum"
TEN_AM = 120
"""Its five-minute bucket."""

MASS = [f"{side}_sz_{i:02d}_twa" for side in ("bid", "ask") for i in range(5)]


def ns(day, time="10:00"):
    return session.at(day, dt.time.fromisoformat(time))


def sessions(days, *, mids=(0.0, 1.0, 1.0), below=(9.0, 0.1, 0.3), above=(9.0, 0.5, None), **given):
    """Three bars from 10:00 on of each day at one level: mid, and the raw retreats below and above it.

    A move of one point is the one expected over five seconds.
    """
    rows = [
        {
            "date": day,
            "bar_ts": ns(day) + k * BAR_NS,
            "level_id": f"ESM5/{day}/{given.get('kind', 'PM_HIGH')}",
            BELOW: below[k],
            ABOVE: above[k],
            "sigma_60": given.get("sigma", 12**0.5),
            "meta_reset": given.get("reset") == k,
            "bid_px_00": 6000.0 + mids[k],
            "ask_px_00": 6000.25 + mids[k],
            "ofi_00": 0,
            **dict.fromkeys(MASS, 10.0),
        }
        for day in days
        for k in range(3)
    ]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("bar_ts").cast(NS))


def fitted(*made, date=DAY):
    rows = pl.concat(made)
    keys = ("date", "bar_ts")
    found = profiles.retreat_profile(
        date,
        rows.select(*profiles.LVL).lazy(),
        rows.select(*profiles.VOLATILITY).unique(maintain_order=True).lazy(),
        rows.select(*keys, "meta_reset", "bid_px_00", "ask_px_00", "ofi_00", *MASS).unique(
            maintain_order=True
        ),
    )
    assert found.schema == pl.Schema(RETREAT_PROFILE.schema)
    assert found["impact_12"].null_count() == len(found)
    return {bucket: rest for bucket, *rest in found.drop("^impact_.*$").rows()}


def test_least_squares_on_paper():
    # A session gives (move, retreat): from below (1, 0.1) and (0, 0.3), from above (-1, 0.5); the first
    # bar has no move and the last nothing known above. Means 0 and 0.3; slope (0.1 - 0.5) / 2.
    assert fitted(sessions(DAYS[:3])) == {TEN_AM: pytest.approx([0.3, -0.2, 9, 3])}


def test_twice_the_expected_move_is_half_as_far():
    assert fitted(sessions(DAYS[:3], sigma=2 * 12**0.5))[TEN_AM] == pytest.approx([0.3, -0.4, 9, 3])


def test_three_sessions_and_a_move_are_needed():
    assert fitted(sessions(DAYS[:2])) == {}
    assert fitted(sessions(DAYS, mids=(1.0, 1.0, 1.0))) == {}
    assert fitted(sessions(DAYS, sigma=None)) == fitted(sessions(DAYS, sigma=0.0)) == {}
    assert fitted(sessions(DAYS[:2]), sessions(DAYS[2:], below=(None,) * 3, above=(None,) * 3)) == {}


def test_a_reset_is_no_move():
    # Only the last bar's move is left, or none: what comes before a reset is not comparable.
    assert fitted(sessions(DAYS[:3], reset=1)) == {}
    assert fitted(sessions(DAYS[:3], reset=0, mids=(7.0, 0.0, 1.0), above=(9.0, 0.5, 0.5))) == {
        TEN_AM: pytest.approx([0.4, -0.1, 6, 3])
    }


def test_a_price_of_the_users_own_changes_nothing():
    mine = sessions(DAYS[:3], kind="CUSTOM/6000", below=(0.9, 0.8, -0.7))
    assert fitted(sessions(DAYS[:3]), mine) == fitted(sessions(DAYS[:3]))


def test_the_date_itself_and_what_is_older_than_twenty_sessions_are_not_read():
    past = sessions(DAYS)
    other = {"below": (0.0, -0.9, 0.4), "above": (0.0, 0.8, 0.7)}
    older, later = session.previous(DAY, 21)[0], dt.date(2025, 6, 13)
    assert fitted(past, *(sessions([day], **other) for day in (older, DAY, later))) == fitted(past)
    assert fitted(past, sessions([DAY], **other), date=later) != fitted(past, date=later)


def test_no_past_is_no_profile():
    nothing = sessions(DAYS[:1]).clear()
    assert fitted(nothing) == {}
    missing = pl.LazyFrame(schema={name: profiles.LVL[name] for name in ("date", "bar_ts", "level_id")})
    book = nothing.select("date", "bar_ts", "meta_reset", "bid_px_00", "ask_px_00", "ofi_00", *MASS)
    assert profiles.retreat_profile(DAY, missing, nothing.lazy(), book).is_empty()


BARS = 320


def shifted(tables, days):
    """The tables of another date: bars that many sessions earlier."""
    back = pl.duration(days=days, time_unit="ns")
    return {
        name: table.with_columns(pl.col("bar_ts") - back).collect() if name in {"book", "ladder"} else table
        for name, table in tables.items()
    }


@pytest.fixture(scope="module")
def past():
    """Tables and stored families of three sessions."""
    found = {}
    for day in DAYS[-3:]:
        made = shifted(frames.tables(BARS, seed=day.day), (DAY - day).days)
        made["levels"] = frames.levels(6000.0, 6001.5, known=ns(day, "09:00")).with_columns(
            level_id=pl.col("level_id").str.replace("CUSTOM", "PM_HIGH")
        )
        tables = {name: table.lazy() for name, table in made.items()}
        stored = {name: plan.family(name, tables).collect() for name in ("lvl", "volatility")}
        found[day] = (tables, stored)
    return found


@pytest.fixture(scope="module")
def fit(past):
    def of(name):
        return pl.concat(
            stored[name].lazy().with_columns(date=pl.lit(day)) for day, (_, stored) in past.items()
        )

    book = pl.concat(tables["book"].with_columns(date=pl.lit(day)) for day, (tables, _) in past.items())
    return profiles.retreat_profile(DAY, of("lvl"), of("volatility"), book.collect())


def asked(tables, stored, fit):
    """The features of setups at every bar of the sample, both levels, both ways."""
    sigma = stored["volatility"].select("bar_ts", "sigma_60").drop_nulls()
    ways = pl.DataFrame({"direction": ["UP", "DOWN"]})
    at = stored["lvl"].select("level_id", "bar_ts").join(sigma, on="bar_ts").join(ways, how="cross")
    triggers = at.with_row_index("setup_id").with_columns(
        pl.col("setup_id").cast(pl.String),
        level_price=pl.col("level_id").str.split("/").list.last().cast(pl.Float64),
        trigger_ts="bar_ts",
        x0=0.0,
    )
    made = plan.at_setups(triggers, {**tables, "retreat_profile": fit.lazy()})
    return triggers.select("setup_id", "bar_ts").join(made, on="setup_id")


def test_what_is_left_over_does_not_go_with_the_move(past, fit):
    names = [f"bar5s_lvl_{name}_sum" for name in ("retreat_near", "move_rel", "retreat_near_res")]
    rows = pl.concat(asked(*one, fit).select("bar_ts", *names) for one in past.values()).drop_nulls()
    assert fit["sessions"].to_list() == [3] * len(fit) and fit["n"].min() > 100
    assert rows.height == fit["n"].sum()
    bucket = (pl.col("bar_ts").dt.hour().cast(pl.Int64) - 4) * 12 + pl.col("bar_ts").dt.minute() // 5
    for (at,), part in rows.group_by(bucket.alias("bucket")):
        near, move, left = (part[name].to_numpy() for name in names)
        assert abs(left.mean()) < 1e-12
        assert abs(np.cov(left, move)[0, 1]) < 1e-12
        slope, level = np.polyfit(move, near, 1)
        assert fit.filter(bucket=at).select("a", "b").row(0) == pytest.approx((level, slope))
