"""What a built warehouse shows of simulated worlds: geometry at placebo levels, the dial at real ones.

Run `uv run just placebo`. Sessions are simulated, landed and built like anybody's files; then setups and
outcomes are read, and at real levels the truth beside the files says what was hidden. Placebo arrivals of
a date share its price, so the intervals take a date as one draw.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import library, session, store
from warehouse.build import build
from warehouse.request import Request
from warehouse.simulate import market
from warehouse.simulate.statistics import separation
from warehouse.workers import cores

FIRST, HOURS, RATE_SCALE, SEED = dt.date(2025, 6, 4), (dt.time(9), dt.time(12, 45)), 0.05, 0
HORIZON_S = 240
CASES = ((0.0, 0.0, 48), (0.4, 0.1, 16), (0.4, 0.05, 16), (0.4, 0.2, 16))
"""kf and kn, km, sessions."""
HEAD = (
    f"{'kf=kn':>5} {'km':>5} {'dates':>5}   {'placebo':>7} {'BREAK':>6} {'q':>6} {'BREAK - q':>16}   "
    f"{'real':>5} {'z=+1':>6} {'z=0':>6} {'z=-1':>6} {'AUC':>6}"
)


def made(root: Path, visible: float, effect: float, count: int) -> None:
    """Simulate and build a root."""
    dates = session.sessions(FIRST, FIRST + dt.timedelta(days=2 * count))[:count]
    dials = {"kf": visible, "kn": visible, "km": effect}
    given = {"dials": dials, "hours": HOURS, "rate_scale": RATE_SCALE, "seed": SEED, "workers": cores()}
    market.simulate(root / "raw", dates, **given)
    report = build(Request(root, f"{dates[0]}:{dates[-1]}"), lambda *_: None)
    assert not report.errors, report.errors


def resolved(root: Path) -> pl.DataFrame:
    """Setups that broke or were rejected within the horizon, with q: BREAK among resolved by geometry."""
    ended = library.outcomes(root).filter(
        pl.col("horizon_s") == HORIZON_S, pl.col("outcome").is_in(["BREAK", "REJECT"])
    )
    told = ended.select(
        "setup_id",
        broke=pl.col("outcome") == "BREAK",
        q=pl.col("null_break") / (pl.col("null_break") + pl.col("null_reject")),
    )
    return library.setups(root).join(told, on="setup_id")


def gap(setups: pl.DataFrame) -> tuple[float, float]:
    """Mean of BREAK less q, and half its 95 % interval with a date as one draw."""
    off = setups.with_columns(off=pl.col("broke").cast(pl.Float64) - pl.col("q"))
    mean = off["off"].mean()
    sums = off.group_by("date").agg(((pl.col("off") - mean).sum()).alias("sum"))["sum"].to_numpy()
    return mean, 1.96 * float(np.sqrt((sums**2).sum())) / len(off)


def hidden(root: Path, setups: pl.DataFrame) -> pl.DataFrame:
    """Setups at levels that worlds act on, with their hidden state and when they came in sight."""
    known = pl.concat(pl.read_parquet(path) for path in sorted((root / "raw").glob("*.truth.parquet")))
    keys = ["symbol", "date", "trigger_ts", "direction", "level_price"]
    sides = known.rename({"price": "level_price"}).select(*keys, "z", "arrival_ts").unique(keys, keep="none")
    return setups.filter(~pl.col("is_placebo")).join(sides, on=keys)


def balances(root: Path, setups: pl.DataFrame) -> np.ndarray:
    """Net adds over all acts, supporting less opposing side, over the bars from sight to the freeze."""
    ladder = store.scan(store.partitions(root, "silver.ladder"))
    flow = ladder.select("symbol", "date", "bar_ts", "side", "price", "add", "pull").collect()
    asked = setups.select(
        "setup_id", "symbol", "date", "trigger_ts", "arrival_ts", "level_price", "direction"
    )
    sign = pl.when(pl.col("direction") == "UP").then(1).otherwise(-1)
    place = (sign * (pl.col("price") - pl.col("level_price")) / 0.25).round().cast(pl.Int64)
    ahead = (pl.col("side") == "A") == (pl.col("direction") == "UP")
    seen = asked.join(flow, on=["symbol", "date"]).filter(
        pl.col("bar_ts") > pl.col("arrival_ts") - dt.timedelta(seconds=5),
        pl.col("bar_ts") <= pl.col("trigger_ts"),
        pl.when(ahead).then(place.is_between(-1, 8)).otherwise(place.is_between(-8, 0)),
    )
    added, pulled = pl.col("add").cast(pl.Int64).sum(), pl.col("pull").cast(pl.Int64).sum()
    share = (added - pulled) / (added + pulled + 20)
    sums = seen.group_by("setup_id", ahead=ahead).agg(share=share)
    total = sums.group_by("setup_id").agg(
        balance=(pl.col("share") * pl.when("ahead").then(-1).otherwise(1)).sum()
    )
    joined = setups.join(total, on="setup_id", how="left", maintain_order="left")
    return joined["balance"].fill_null(0.0).to_numpy()


def line(root: Path, visible: float, effect: float, count: int) -> str:
    ended = resolved(root)
    aside = ended.filter(pl.col("is_placebo"))
    off, half = gap(aside)
    real = hidden(root, ended)
    by = [real.filter(pl.col("z") == z)["broke"].mean() for z in (1, 0, -1)]
    told = real.filter(pl.col("z") != 0)
    auc = separation(balances(root, told), (told["z"] > 0).to_numpy())
    return (
        f"{visible:5g} {effect:5g} {count:5}   {len(aside):7} {aside['broke'].mean():6.3f} {aside['q'].mean():6.3f}"
        f" {off:+8.3f} ± {half:.3f}   {len(real):5} {by[0]:6.3f} {by[1]:6.3f} {by[2]:6.3f} {auc:6.3f}"
    )


def main() -> None:
    sys.stdout.write(HEAD + "\n")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            made(Path(folder), *case)
            sys.stdout.write(line(Path(folder), *case) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
