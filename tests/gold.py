"""A small root whose setups are drawn at random: what retrieval reads, without a build before it."""

import datetime as dt
import functools
from pathlib import Path

import numpy as np
import polars as pl

from warehouse import catalog, library, scales, session, store, trials, vectors
from warehouse.schema import (
    BAR_NS,
    DEFAULT_SCHEME,
    FRONT_CONTRACT,
    HORIZONS_S,
    LEVELS,
    NS,
    OF_A_RACE,
    OUTCOMES,
    QUOTES,
    SETUPS,
    SNAPSHOTS,
    TAUS_S,
)

SYMBOL, PRODUCT, TICK = "SIMU5", "SIM", 0.25
FIRST = dt.date(2025, 7, 7)
PRICES = {"PM_HIGH": 6008.0, "PM_LOW": 5992.0, "OR_HIGH": 6004.0, "OR_LOW": 5996.0, "CUSTOM": 6001.0}
PER_DATE = 10
OPEN, CLOSE = dt.time(9), dt.time(11)  # bars exist in between
SPECS = ("snapshot30r", "thirds", "pca")
"""Those that have scalers: of features, of summaries, along axes."""
WIDE = ("BREAK", "REJECT", "CHOP", "BORN", "CENSORED")


def dates(count: int) -> list[dt.date]:
    return session.sessions(FIRST, FIRST + dt.timedelta(days=2 * count + 7))[:count]


@functools.cache
def slots() -> tuple[str, ...]:
    return vectors.spec().slots


@functools.cache
def features() -> dict[str, pl.DataType]:
    return {f.name: f.dtype for f in catalog.load().values() if f.name not in SETUPS.schema}


def setups(date: dt.date, count: int = PER_DATE, *, symbol: str = SYMBOL, seed: int = 0) -> pl.DataFrame:
    """gold.setups of a date, every fifth one a placebo, two by two of one cluster."""
    rng = np.random.default_rng([seed, date.toordinal()])
    bars = np.sort(rng.choice(np.arange(0, 900), count, replace=False)) * BAR_NS + session.at(
        date, dt.time(9, 45)
    )
    rows = [_setup(rng, date, symbol, int(bar), placebo=n % 5 == 4) for n, bar in enumerate(bars)]
    own = pl.DataFrame(
        rows,
        schema={name: kind if kind != NS else pl.Int64() for name, kind in SETUPS.schema.items()},
        orient="row",
    )
    pairs = pl.int_range(pl.len()) // 2
    own = own.cast(SETUPS.schema).with_columns(cluster_id=pl.col("setup_id").first().over(pairs))
    drawn = {
        name: np.where(rng.random(count) < 0.05, np.nan, rng.standard_normal(count)) for name in features()
    }
    drawn |= {name: np.tanh(column) for name, column in drawn.items() if "_cube_" in name}
    drawn |= {name: np.full(count, 0.9) for name in features() if "_cov_" in name}
    drawn |= {f"bar5s_lvl_cond{n}_sum": rng.random(count) for n in range(1, 5)}
    drawn |= {f"bar5s_cube_{name}": rng.integers(0, 5, count) for name in ("story", "lead", "wall_j")}
    return own.hstack(pl.DataFrame(drawn).fill_nan(None).cast(features()))


def _setup(rng, date, symbol, bar, *, placebo):
    kind = str(rng.choice(list(PRICES)))
    kinds = [kind, "OR30_HIGH"] if rng.random() < 0.1 else [kind]
    sign = int(rng.choice([-1, 1]))
    price = PRICES[kind] + (7.25 if placebo else 0)
    level_id = f"{symbol}/{date}/{kind}" + ("/6001" if kind == "CUSTOM" else "") + ("/p+" if placebo else "")
    x0 = round(float(rng.integers(-8, 1)) / 8, 3)
    stamp = (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=bar // 1000)).isoformat() + "Z"  # noqa: DTZ001 (naive UTC, as in the tables)
    known = bar + BAR_NS
    return (
        f"{level_id}/{stamp}", level_id, kind, kinds, price, placebo, "UP" if sign > 0 else "DOWN", bar, known,
        known + 480 * 10**9, x0, price + sign * x0, 2.0, False, 1.0, 1, False, False, False, "mbp-10", False,
        "FIRST", None, None, None, 30.0, f"{level_id}/{stamp}", *[0] * 8, *[None] * 16,
    )  # fmt: skip


def alike(row, me, kinds=None) -> bool:
    """Some kinds of level, or any, from the same side."""
    return row["direction"] == me["direction"] and (
        kinds is None or bool(set(kinds) & set(row["level_kinds"]))
    )


def facing(row, direction=None):
    """The slots as when the travel is up: the six of a side change places when it is down."""
    if (direction or row["direction"]) == "UP":
        return row
    turned = dict(row)
    for one, other in (
        ("depth_bid10_qty_eob_r", "depth_ask10_qty_eob_r"),
        ("lvl_depth_above_qty_eob_r", "lvl_depth_below_qty_eob_r"),
        ("cumul_flow_net_bid_r", "cumul_flow_net_ask_r"),
    ):
        turned[f"bar5s_{one}"], turned[f"bar5s_{other}"] = row[f"bar5s_{other}"], row[f"bar5s_{one}"]
    return turned


def summaries(frame: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """gold.summaries of setups, one in twenty missing."""
    rng = np.random.default_rng([len(frame), date.toordinal()])
    names = list(catalog.load().summaries)
    values = np.where(
        rng.random((len(frame), len(names))) < 0.05, np.nan, rng.standard_normal((len(frame), len(names)))
    )
    drawn = pl.DataFrame(values.astype(np.float32), schema=dict.fromkeys(names, pl.Float32)).fill_nan(None)
    return frame.select("setup_id").hstack(drawn)


def outcomes(frame: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """gold.outcomes of setups, drawn at random."""
    rng = np.random.default_rng([seed, len(frame)])
    rows = []
    for name in frame["setup_id"]:
        for scheme in (DEFAULT_SCHEME, "level_fix3"):
            for horizon in HORIZONS_S:
                ends = str(rng.choice(WIDE, p=[0.3, 0.35, 0.25, 0.05, 0.05]))
                up, down = float(rng.integers(0, 20)) / 4, -float(rng.integers(0, 20)) / 4
                rows.append((name, scheme, horizon, ends, up, down))
    keys = ("setup_id", "scheme", "horizon_s", "outcome", "mfe_pts", "mae_pts")
    odds = {
        f"{null}_{end}": p
        for null in ("null", "cal")
        for end, p in zip(("break", "reject", "chop"), (0.3, 0.4, 0.3), strict=True)
    }
    same = {
        "barrier_pts": 3.0,
        "strength_signed": 0.1,
        "gap_event": False,
        "cal_factor": 0.9,
        "cal_power": 0.0,
        **odds,
    }
    drawn = pl.DataFrame(rows, schema={name: OUTCOMES.schema[name] for name in keys}, orient="row")
    return drawn.select(
        pl.col(name) if name in keys else pl.lit(same.get(name)).cast(dtype).alias(name)
        for name, dtype in OUTCOMES.schema.items()
    )


def snapshots(frame: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """gold.snapshots of setups, drawn at random, with the slots of the default vector."""
    rng = np.random.default_rng([seed, len(frame)])
    t0, count = frame["known_ts"].cast(pl.Int64).to_numpy(), len(frame) * len(TAUS_S)
    tau = np.tile(TAUS_S, len(frame))
    known = np.repeat(t0, len(TAUS_S)) + tau * 10**9
    phase = np.where(tau < 0, "APPROACH", np.where(rng.random(count) < 0.5, "ZONE", "AFTER"))
    own = {
        "setup_id": np.repeat(frame["setup_id"].to_numpy(), len(TAUS_S)), "tau_s": tau, "phase": phase,
        "bar_ts": known - BAR_NS, "known_ts": known,
        "resolved_ts": np.maximum(known, np.repeat(t0, len(TAUS_S))) + 480 * 10**9,
        "x": rng.integers(-64, 65, count) / 8, "sigma_60": rng.integers(4, 13, count) / 4, "sigma_ratio": np.ones(count),
        "level_known": rng.random(count) < 0.9,
    }  # fmt: skip
    ends = {"null_break": 0.3, "null_reject": 0.4, "null_chop": 0.3, "cal_break": 0.25, "cal_reject": 0.45}
    for minutes in (2, 4, 8):
        for name in OF_A_RACE:
            drawn = rng.integers(0, 20, count) / 4
            own[f"{name}_{minutes}m"] = np.full(count, ends[name]) if name in ends else drawn
        own[f"outcome_{minutes}m"] = rng.choice(WIDE, count, p=[0.3, 0.35, 0.25, 0.05, 0.05])
        own[f"cal_chop_{minutes}m"] = np.full(count, 0.3)
    cast = {name: pl.Int64() if kind == NS else kind for name, kind in SNAPSHOTS.schema.items()}
    told = pl.DataFrame(own).select(*SNAPSHOTS.schema).cast(cast).cast(SNAPSHOTS.schema)
    values = np.where(rng.random((count, 30)) < 0.05, np.nan, rng.standard_normal((count, 30)))
    return told.hstack(pl.DataFrame(values, list(slots())).fill_nan(None))


def mid(bar: int, start: int) -> float:
    """A slow swing of 16 points, on the half ticks between bid and ask."""
    return round(4 * (6000 + 8 * np.sin((bar - start) / (300 * BAR_NS)))) / 4 + 0.125


def day(root: Path, date: dt.date, symbol: str = SYMBOL) -> None:
    """The silver tables of a date that a question reads."""
    start, end = session.at(date, OPEN), session.at(date, CLOSE)
    bars = np.arange(start, end, BAR_NS)
    mids = np.array([mid(int(bar), start) for bar in bars])
    stamps = pl.Series("bar_ts", bars).cast(NS)
    sides = {"bid_px_00": mids - 0.125, "ask_px_00": mids + 0.125, "mid_min": mids, "mid_max": mids}
    book = pl.DataFrame({"bar_ts": stamps, **sides, "meta_reset": False})
    quotes = pl.DataFrame(
        {
            "ts": stamps,
            "bid_px": mids - 0.125,
            "ask_px": mids + 0.125,
            "bid_qty": 9,
            "ask_qty": 9,
            "reset": False,
        }
    ).cast(QUOTES.schema)
    known = {
        kind: session.at(date, dt.time(9, 45) if kind.startswith("OR") else dt.time(9, 30)) for kind in PRICES
    }
    levels = [
        (
            f"{symbol}/{date}/{kind}" + ("/6001" if kind == "CUSTOM" else ""),
            kind,
            price,
            known[kind],
            end,
            False,
        )
        for kind, price in PRICES.items()
    ]
    raw = {name: pl.Int64() if kind == NS else kind for name, kind in LEVELS.schema.items()}
    volatility = pl.DataFrame({"bar_ts": stamps, "sigma_60": 2.0, "sigma_warmup": False, "sigma_ratio": 1.0})
    front = pl.DataFrame([(symbol, "calendar", None)], schema=FRONT_CONTRACT.schema, orient="row")
    _write(root, "silver.book", book, symbol=symbol, date=date)
    _write(root, "silver.quotes", quotes, symbol=symbol, date=date)
    _write(
        root,
        "silver.levels",
        pl.DataFrame(levels, schema=raw, orient="row").cast(LEVELS.schema),
        symbol=symbol,
        date=date,
    )
    _write(root, "silver.volatility", volatility, symbol=symbol, date=date)
    _write(root, "silver.front_contract", front, product=session.parse_outright(symbol).product, date=date)


def gold(root: Path, date: dt.date, frame: pl.DataFrame, symbol: str = SYMBOL) -> None:
    """Setups and outcomes of a date, and summaries drawn at random."""
    _write(root, "gold.setups", frame, symbol=symbol, date=date)
    _write(root, "gold.summaries", summaries(frame, date), symbol=symbol, date=date)
    _write(root, "gold.outcomes", outcomes(frame, seed=date.toordinal()), symbol=symbol, date=date)


def moments(root: Path, days: list[dt.date]) -> None:
    """gold.snapshots of the setups there are."""
    for part in store.partitions(root, "gold.setups"):
        keys = dict(part.keys)
        if keys["date"] in {str(day) for day in days}:
            frame = pl.read_parquet(part.path, hive_partitioning=False)
            day = dt.date.fromisoformat(keys["date"])
            _write(
                root,
                "gold.snapshots",
                snapshots(frame, seed=day.toordinal()),
                symbol=keys["symbol"],
                date=day,
            )


def scalers(root: Path, days: list[dt.date]) -> None:
    """gold.scalers of some specs, of every date and product, from the setups there are."""
    parts, specs = {}, [vectors.spec(name) for name in SPECS]
    for table in ("gold.setups", "gold.summaries"):
        for part in store.partitions(root, table):
            parts.setdefault(session.parse_outright(dict(part.keys)["symbol"]).product, []).append(part)
    for product, mine in parts.items():
        frozen = library.frozen(mine, sorted({slot for spec in specs for slot in spec.slots}))
        past = trials.with_excess(frozen, library.outcomes(root))
        for date in days:
            found = scales.fitted(past, specs, date)
            _write(root, "gold.scalers", found, product=product, date=date)


def root(folder: Path, count: int = 6, per_date: int = PER_DATE) -> Path:
    """A root of `count` sessions."""
    for date in dates(count):
        day(folder, date)
        gold(folder, date, setups(date, per_date))
    scalers(folder, dates(count))
    return folder


def _write(root: Path, table: str, frame: pl.DataFrame, **keys) -> None:
    manifest = {"fingerprint": "made by hand", "parameters": {"tick": TICK}, "inputs": {}}
    store.write(store.partition(root, table, **keys), frame, manifest)
