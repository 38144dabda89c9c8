"""Features of any moment at any price, made as those of setups are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from warehouse import bars, catalog, store, warm
from warehouse.catalog import HISTORY
from warehouse.question import Moment, Place
from warehouse.schema import BAR_NS, NS

_START = {
    "bar": pl.Int64(), "direction": pl.String(), "level_price": pl.Float64(), "x0": pl.Float64(),
    "sigma_60": pl.Float64(),
}  # fmt: skip


def features(now: Moment, names: Collection[str]) -> dict[str, Any]:
    """Features and summaries of a moment: frozen with its setup, else made as those of setups are made."""
    told = [name for name in names if name in catalog.load().summaries]
    own = [name for name in names if name not in told]
    if now.setup is not None:
        known = {name: catalog.load()[name].dtype for name in sorted(own)}
        late = dict.fromkeys(sorted(told), pl.Float32())
        return _frozen(now, "gold.setups", known) | (_frozen(now, "gold.summaries", late) if late else {})
    stands = (now.place.bar, now.direction, now.place.price, now.x0, now.sigma_60)
    start = pl.DataFrame([stands], _START, orient="row")
    made = at_bars(now.place, start, now.place.bar, own).row(0, named=True) if own else {}
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


def at_bars(place: Place, starts: pl.DataFrame, last: int, names: Collection[str]) -> pl.DataFrame:
    """Features of bars as if each were a trigger; no row of a bar after `last` is read.

    Args:
        place: Whose tables are read; it tells of no level.
        starts: bar (ns UTC), direction, level_price (points), sigma_60.
        last: The last bar, ns UTC.
        names: The features.

    Returns:
        A row per bar, in their order: bar and the features.
    """
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
