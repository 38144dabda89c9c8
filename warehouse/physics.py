"""Features of any moment at any price, and the frames that a screen draws of them (domain B.20)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from warehouse import bars, catalog, pressure, question, store, warm
from warehouse.catalog import HISTORY
from warehouse.errors import QuestionError
from warehouse.question import DOWN, UP, Moment, Place
from warehouse.schema import BAR_NS, NS

VERSION = 1
TOUCH_PTS = 1.0
"""Half-width of the band in which price is at a level, as in moments.py, which loads DuckDB."""
_START = {"bar": pl.Int64(), "direction": pl.String(), "x0": pl.Float64(), "sigma_60": pl.Float64()}


def features(now: Moment, names: Collection[str]) -> dict[str, Any]:
    """Features and summaries of a moment: frozen with its setup, else made as those of setups are made."""
    told = [name for name in names if name in catalog.load().summaries]
    own = [name for name in names if name not in told]
    if now.setup is not None:
        known = {name: catalog.load()[name].dtype for name in sorted(own)}
        late = dict.fromkeys(sorted(told), pl.Float32())
        return _frozen(now, "gold.setups", known) | (_frozen(now, "gold.summaries", late) if late else {})
    start = pl.DataFrame([(now.place.bar, now.direction, now.x0, now.sigma_60)], _START, orient="row")
    made = _at(now.place, start, now.place.bar, own).row(0, named=True) if own else {}
    return made | (_led_up(now.place, start, told) if told else {})


def _frozen(now: Moment, table: str, schema: Mapping[str, pl.DataType]) -> dict[str, Any]:
    """Columns of the stored setup of a moment; null where there are none."""
    name = (now.setup or {}).get("setup_id")
    rows = now.place.read(table, {"setup_id": pl.String(), **schema}).filter(pl.col("setup_id") == name)
    return rows.row(0, named=True) if len(rows) else dict.fromkeys(schema)


def _led_up(place: Place, start: pl.DataFrame, names: Collection[str]) -> dict[str, Any]:
    """Summaries of the twenty minutes up to a moment."""
    from warehouse import plan, sequences, summaries  # noqa: PLC0415 (most vectors need none)

    setup = _triggers(place, start)
    tables = sorted({"book", *plan.tables(catalog.load().sequence)})
    sequence = sequences.sequences(setup, {table: _table(place, table, place.bar) for table in tables})
    return summaries.summaries(setup.lazy(), sequence.lazy(), names).drop("setup_id").row(0, named=True)


def physics(
    root: Path, level: str, ts: int, to: int | None = None, contract: str | None = None
) -> list[dict[str, Any]]:
    """A frame per bar from the one known at `ts` to the one known at `to`, both included.

    Args:
        root: The warehouse.
        level: A kind of level, or a price in points; it keeps the value known at `ts`.
        ts: First moment, ns UTC.
        to: Last moment, ns UTC; default the first.
        contract: Needed only where several are built for the date.

    Raises:
        QuestionError: As for `similar`, or if the last moment is not on the date and after the first.
        MissingStepError: If the date is not built.
    """
    first = question.place(root, level, ts, contract)
    last = first if to is None else question.place(root, level, to, contract)
    if last.bar < first.bar or last.date != first.date:
        raise QuestionError(f"--to must be a moment of {first.date} after {question.clock(first.end)}")
    starts = _starts(first, last.bar)
    found = _at(first, starts.drop_nulls("direction"), last.bar, pressure.COLUMNS)
    rows = starts.join(found, on="bar", how="left", maintain_order="left", suffix="_of_plan")
    opened = first.scan("silver.book").select(pl.col("bar_ts").cast(pl.Int64).min())
    begin = opened.collect(engine="in-memory").item()
    setups = _setups(first)
    return [_frame(first, begin, setups, row) for row in rows.iter_rows(named=True)]


def _at(place: Place, starts: pl.DataFrame, last: int, names: Collection[str]) -> pl.DataFrame:
    """Features of bars as if each were a trigger, with `bar`; no row of a bar after `last` is read."""
    from warehouse import plan  # noqa: PLC0415 (a stored setup needs no plan, and loading every feature takes time)

    tables = {table: _table(place, table, last) for table in sorted(plan.tables(names))}
    if len(starts) == 1 and (stored := plan.of_bars(names, starts["direction"].item())):
        tables["bars"] = bars.until(place, last, stored)
    triggers = _triggers(place, starts)
    made = plan.at_setups(triggers, tables, names)
    return triggers.select("bar").hstack(made.drop(triggers.columns, strict=False))


def _triggers(place: Place, starts: pl.DataFrame) -> pl.DataFrame:
    """Bars as if each were a trigger."""
    bar = pl.col("bar").cast(NS)
    return starts.with_columns(
        setup_id=place.level_id + "/" + pl.col("bar").cast(pl.String),
        level_id=pl.lit(place.level_id),
        level_price=pl.lit(place.price),
        trigger_ts=bar,
        bar_ts=bar,
    )


def _table(place: Place, name: str, last: int) -> pl.LazyFrame:
    """A table of the date up to a bar, so that nothing later can reach a feature.

    Of the ladder a moment, and the bars that led up to it, have the hours that they look back on; that of
    many moments is read as it is needed.
    """
    if name.endswith("profile"):
        named = "volume_profile" if name == "profile" else name
        past = store.partition(place.root, f"silver.{named}", product=place.product, date=place.date)
        return warm.table(past).lazy()
    if name == "trades":
        return place.scan("silver.trades")
    target, until = place.built(f"silver.{name}"), pl.col("bar_ts") <= pl.lit(last).cast(NS)
    if name != "ladder":
        rows = warm.table(target)
        return rows.lazy().filter(until) if "bar_ts" in rows else rows.lazy()
    if last > place.bar:
        return place.scan("silver.ladder").filter(until)
    return warm.hours(target, place.bar - 2 * HISTORY * BAR_NS, last).lazy().filter(until)


def _starts(place: Place, last: int) -> pl.DataFrame:
    """Side, distance and sigma at the end of every bar up to `last`; null where there is no mid."""
    mid = (pl.col("bid_px_00") + pl.col("ask_px_00")) / 2
    ours = pl.col("bar").is_between(place.bar, last)
    mids = (
        place.scan("silver.book")
        .select(bar=pl.col("bar_ts").cast(pl.Int64), away=(place.price - mid).round(9))
        .filter(ours)
    )
    sigma = place.scan("silver.volatility").select("sigma_60", bar=pl.col("bar_ts").cast(pl.Int64))
    quoted = (pl.col("bid_px") + pl.col("ask_px")) / 2
    beyond = (
        place.scan("silver.quotes")
        .select("reset", since=pl.col("ts").cast(pl.Int64), last_away=(place.price - quoted).round(9))
        .filter(~pl.col("reset"), pl.col("last_away").abs() > TOUCH_PTS)
    )
    side = pl.when(pl.col("away").abs() > TOUCH_PTS).then("away")
    came = side.otherwise(pl.coalesce("last_away", "away")).sign()
    named = pl.when(came > 0).then(pl.lit(UP)).when(came < 0).then(pl.lit(DOWN))
    return (
        mids.with_columns(end=pl.col("bar") + BAR_NS)
        .sort("end")
        .join_asof(beyond.sort("since"), left_on="end", right_on="since", allow_exact_matches=False)
        .join(sigma, on="bar", how="left", maintain_order="left")
        .select("bar", direction=named, x0=(-came * pl.col("away")).round(9) + 0.0, sigma_60="sigma_60")
        .collect(engine="in-memory")
    )


def _setups(place: Place) -> list[dict[str, Any]]:
    """Setups of this level on this date, in order of time."""
    target = place.partition("gold.setups")
    if not target.path.exists():
        return []
    columns = [pl.col("setup_id"), *(pl.col(name).cast(pl.Int64) for name in ("known_ts", "resolved_ts"))]
    found = (
        pl.scan_parquet(store.whole(target), glob=False)
        .filter(question.concerns(place))
        .select(columns)
        .sort("known_ts")
    )
    return found.collect(engine="in-memory").to_dicts()


def _frame(place: Place, begin: int, setups: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, Any]:
    end, x0, sigma = row["bar"] + BAR_NS, row["x0"], row["sigma_60"]
    running = [one for one in setups if one["known_ts"] <= end < one["resolved_ts"]]
    own = running[-1] if running else None
    points = pressure.cube(row, place.price)
    frame = {
        "v": VERSION,
        "seq": (row["bar"] - begin) // BAR_NS,
        "ts_end": end,
        "symbol": place.symbol,
        "level_id": place.level_id,
        "level_kind": place.kind,
        "is_placebo": False,
        "L": place.price,
        "d": {UP: 1, DOWN: -1}.get(row["direction"]),
        "state": _state(x0, running=own is not None),
        "setup_id": own["setup_id"] if own else None,
        "x_pts": x0,
        "x_sig": x0 / sigma if x0 is not None and sigma else None,
        "sigma_60": sigma,
        "tau_s": (end - own["known_ts"]) / 1e9 if own else None,
        "cube": {"j": list(pressure.POINTS), "px": [point["price"] for point in points]}
        | {measure: [point[measure] for point in points] for measure in pressure.MEASURES},
        "lead": pressure.lead(row),
        "wall": pressure.wall(row),
        "story": pressure.story(row),
        "told": pressure.told(row, row["direction"], place.price),
        "retreat": pressure.retreat(row),
        "cond": pressure.conditions(row),
        "quad": pressure.quadrants(row),
    }
    return frame | {"nulls": pressure.reasons(frame)}


def _state(x0: float | None, *, running: bool) -> str | None:
    """TRIGGERED while a label clock runs, else ZONE inside the touch band and OUT beyond it."""
    if running:
        return "TRIGGERED"
    return None if x0 is None else "ZONE" if abs(x0) <= TOUCH_PTS else "OUT"
