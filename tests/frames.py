"""Random books, ladders, levels and profiles with the columns of schema.py, consistent with one another."""

import datetime as dt

import numpy as np
import polars as pl

from warehouse.inputs import KINDS, METRICS
from warehouse.schema import BAR_NS, BOOK, LADDER, LEVELS, NS, RETREAT_PROFILE, TRADES, VOLUME_PROFILE
from warehouse.units import POINTS

START = int(dt.datetime(2025, 6, 12, 13, 0, tzinfo=dt.UTC).timestamp()) * 10**9
TICK = 0.25
DEPTH = 10
FAR = 40
"""Ticks of the ladder on each side where it is whole."""
WINDOW = 14
"""Ticks of the ladder on each side; the ten-level window is smaller where ticks are empty."""


def book_and_ladder(n: int, seed: int = 7, price: float = 6000.0) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    walk = rng.integers(-1, 2, n).cumsum()
    touch = (
        np.round(price / TICK) + np.abs((walk - 12) % 48 - 24) - 12
    )  # folded, so that price stays about the level
    spread = rng.choice([1, 1, 1, 2, 3], n)
    prices = {"bid": touch, "ask": touch + spread}
    drawn, book = [], {"bar_ts": START + BAR_NS * np.arange(n)}
    for side, sign in (("bid", -1), ("ask", 1)):
        sizes = rng.integers(1, 60, (n, WINDOW)) * (rng.random((n, WINDOW)) > 0.08)
        sizes *= rng.choice([1, 20], (n, WINDOW), p=[0.9, 0.1])
        sizes[:, 0] = np.maximum(sizes[:, 0], 1)
        ranks = (sizes > 0).cumsum(axis=1)
        ticks = prices[side][:, None] + sign * np.arange(WINDOW)[None, :]
        last = np.minimum(ranks.max(axis=1), DEPTH)
        for level in range(DEPTH):
            hit = (ranks == level + 1) & (sizes > 0)
            there = hit.any(axis=1)
            at = hit.argmax(axis=1)
            book[f"{side}_px_{level:02d}"] = np.where(there, ticks[np.arange(n), at] * TICK, np.nan)
            book[f"{side}_sz_{level:02d}"] = np.where(there, sizes[np.arange(n), at], 0)
        seen = (ranks <= last[:, None]) & ~((ranks == last[:, None]) & (sizes == 0))
        shape = (n, WINDOW)
        drawn.append(
            pl.DataFrame(
                {
                    "bar_ts": np.repeat(book["bar_ts"], WINDOW),
                    "side": np.full(n * WINDOW, side[0].upper()),
                    "price": (ticks * TICK).ravel(),
                    "qty": sizes.ravel(),
                    "seen": seen.ravel(),
                    "seen_frac": np.where(rng.random(shape) > 0.1, 1.0, 0.5).ravel(),
                    **{
                        name: rng.integers(0, top, shape).ravel()
                        for name, top in (
                            ("qty_open", 60),
                            ("add", 30),
                            ("pull", 30),
                            ("fill", 9),
                            ("hidden", 2),
                            ("n_add", 9),
                            ("n_pull", 9),
                            ("pull_young", 9),
                            ("reprice_away", 9),
                            ("reprice_toward", 9),
                        )
                    },
                }
            )
        )
    # A third of the bars shows every tick up to ten points from the touch, as from MBO.
    whole = (pl.col("bar_ts") - START) // BAR_NS // 40 % 3 == 2
    rows = pl.concat([*drawn, _far(seed, n, prices)], how="diagonal").filter(pl.col("seen") | whole)
    ladder = rows.drop("seen").sort("bar_ts", "side", "price")
    book |= _rest(rng, n, book)
    frame = pl.DataFrame(book).select(
        pl.col(column.name).cast(pl.Float64).fill_nan(None).cast(column.dtype)
        if column.dtype == pl.Float64()
        else pl.col(column.name).cast(column.dtype)
        for column in BOOK.columns
    )
    ladder = ladder.with_columns(pull=pl.min_horizontal("pull", pl.col("qty_open") + pl.col("add")))
    ladder = ladder.with_columns(
        orders=(pl.col("qty") + 2) // 3,
        qty_twa=(pl.col("qty") + pl.col("qty_open")) / 2,
        add_after_trade=pl.when(pl.col("fill") > 0).then(pl.col("add") // 2).otherwise(0),
    )
    ladder = ladder.with_columns(n_modify=(5 * pl.col("n_add") + 3 * pl.col("n_pull")) % 7)
    ladder = ladder.with_columns(pull_young=pl.min_horizontal("pull_young", "pull"))
    full = ladder.with_columns(
        pl.lit(None).cast(column.dtype).alias(column.name)
        for column in LADDER.columns
        if column.name not in ladder.columns
    )
    return frame, full.select(pl.col(column.name).cast(column.dtype) for column in LADDER.columns)


def _far(seed, n, prices):
    """Rows of the ticks beyond the window."""
    rng, many = np.random.default_rng(seed + 1), FAR - WINDOW
    parts = []
    for side, sign in (("bid", -1), ("ask", 1)):
        ticks = prices[side][:, None] + sign * np.arange(WINDOW, FAR)[None, :]
        flows = {
            name: rng.integers(0, top, n * many)
            for name, top in (
                ("qty", 60),
                ("qty_open", 60),
                ("add", 30),
                ("pull", 30),
                ("fill", 9),
                ("hidden", 2),
                ("n_add", 9),
                ("n_pull", 9),
            )
        }
        keys = {
            "bar_ts": np.repeat(START + BAR_NS * np.arange(n), many),
            "side": np.full(n * many, side[0].upper()),
            "price": (ticks * TICK).ravel(),
            "seen_frac": np.ones(n * many),
            "seen": np.zeros(n * many, bool),
        }
        parts.append(pl.DataFrame(keys | flows))
    return pl.concat(parts)


def _rest(rng, n, book):
    """The columns of the book beside its ladder."""
    made = {}
    for column in BOOK.columns:
        if column.name in book or column.name == "notional":
            continue
        if column.dtype == pl.Boolean():
            made[column.name] = np.zeros(n, bool)
        elif column.name.startswith("ofi_0"):
            made[column.name] = rng.integers(-60, 60, n)
        elif column.name in {"obi0_twa", "obi10_twa"}:
            made[column.name] = rng.integers(-64, 65, n) / 64
        elif column.name == "tight_frac":
            made[column.name] = rng.integers(0, 65, n) / 64
        elif column.unit == POINTS:
            made[column.name] = rng.integers(1, 9, n) * TICK
        else:
            made[column.name] = rng.integers(0, 60, n)
    prints = book["bid_px_00"] + rng.integers(1, 4, n) * TICK
    made["notional"] = prints * (made["buy_vol"] + made["sell_vol"] + made["unknown_vol"])
    made |= {name: np.minimum(made[name], made["buy_vol"]) for name in ("max_trade", "sweep_vol")}
    made["ofi_abs_00"] += np.abs(made["ofi_00"])
    made["ofi_abs"] = made["ofi_abs_00"] + sum(np.abs(made[f"ofi_{i:02d}"]) for i in range(1, DEPTH))
    return made


def prints(book: pl.DataFrame, seed: int = 7) -> pl.DataFrame:
    """Up to three prints of most bars, within three ticks of the best bid."""
    rng = np.random.default_rng(seed)
    bars = np.repeat(np.arange(len(book)), rng.integers(0, 4, len(book)))
    return pl.DataFrame(
        {
            "ts": START + BAR_NS * bars + np.sort(rng.integers(0, BAR_NS, len(bars))),
            "price": book["bid_px_00"].to_numpy()[bars] + rng.integers(-1, 4, len(bars)) * TICK,
            "size": rng.integers(1, 9, len(bars)),
            "side": rng.choice(["A", "B"], len(bars)),
        }
    ).select(pl.col(column.name).cast(column.dtype) for column in TRADES.columns)


def levels(*prices: float, known: int = START) -> pl.DataFrame:
    rows = [
        (f"ESM5/2025-06-12/CUSTOM/{price}", "CUSTOM", price, known, known + 10**14, False) for price in prices
    ]
    raw = {column.name: pl.Int64() if column.dtype == NS else column.dtype for column in LEVELS.columns}
    return pl.DataFrame(rows, raw, orient="row").cast(LEVELS.schema)


def kinds(seed: int) -> pl.DataFrame:
    """A level of every kind, known from the start."""
    prices = 6000 + TICK * np.random.default_rng(seed).integers(-40, 40, len(KINDS))
    rows = [levels(price, known=START) for price in prices.tolist()]
    return pl.concat(rows).with_columns(
        level_kind=pl.Series(list(KINDS.values())),
        level_id=pl.Series([f"ESM5/2025-06-12/{kind}" for kind in KINDS.values()]),
    )


def profile(size: float = 24.0, mid_var: float | None = 0.125) -> pl.DataFrame:
    metrics = {f"size_{k:02d}": size + (k % 3) * 8 for k in range(81)}
    metrics |= {name: 0.0 if name.startswith("net") else 64.0 for name in METRICS}
    metrics |= {"trade_imbal": 0.125, "flow_imbal": -0.0625}
    metrics |= {"bid10_qty": 256.0, "ask10_qty": 256.0, "trade_cnt": 24.0, "msg_cnt": 24.0}
    metrics |= {} if mid_var is None else {"mid_var": mid_var}
    rows = [
        (bucket, metric, median, 0.125 if metric.endswith("imbal") else 8.0, median, 16.0, 7)
        for bucket in range(288)
        for metric, median in metrics.items()
    ]
    return pl.DataFrame(rows, VOLUME_PROFILE.schema, orient="row")


def retreats(a: float = 0.125, b: float = -0.25) -> pl.DataFrame:
    rows = [(bucket, a, b, 600, 20, 0.5, 0.75) for bucket in range(288)]
    return pl.DataFrame(rows, RETREAT_PROFILE.schema, orient="row")


def tables(
    n: int = 260, seed: int = 7, prices: tuple[float, ...] = (6000.0, 6001.5)
) -> dict[str, pl.LazyFrame]:
    book, ladder = book_and_ladder(n, seed)
    made = {"book": book, "ladder": ladder, "levels": levels(*prices), "profile": profile()}
    made["trades"] = prints(book, seed)
    made["retreat_profile"] = retreats()
    made["levels"] = pl.concat([made["levels"], kinds(seed)])
    return {name: frame.lazy() for name, frame in made.items()}


def triggers(*rows: tuple[float, int, str]) -> pl.DataFrame:
    """Of (level price, number of the bar, direction)."""
    return pl.DataFrame(
        {
            "setup_id": [f"{price}/{bar}/{way}" for price, bar, way in rows],
            "level_id": [str(price) for price, _, _ in rows],
            "level_price": [price for price, _, _ in rows],
            "trigger_ts": [START + bar * BAR_NS for _, bar, _ in rows],
            "direction": [way for _, _, way in rows],
            "x0": [0.0] * len(rows),
            "sigma_60": [1.5] * len(rows),
        },
        schema_overrides={"trigger_ts": pl.Int64},
    ).with_columns(pl.col("trigger_ts").cast(NS))
