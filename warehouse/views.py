"""Every table as a view with typed columns and comments, over Parquet files or over copies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from warehouse import bronze, plan, schema, snapshots, store
from warehouse.catalog import Feature, load
from warehouse.schema import DEFAULT_SCHEME, HORIZONS_S, NS, TEXT, Column, Table
from warehouse.units import FRACTION, NAME, POINTS, TIME

_KEYS = {
    "symbol": Column("symbol", TEXT, NAME, "The contract."),
    "product": Column("product", TEXT, NAME, "Root of the contract, such as ES."),
    "date": Column("date", pl.Date(), TIME, "Trading date, New York; in bronze the UTC date of ts_recv."),
}
_BAR_TS = Column("bar_ts", NS, TIME, "Start of the five-second bar, right-open; the row is known at its end.")
_SETUP_ID = Column("setup_id", TEXT, NAME, "The setup.")
_LEVEL_ID = Column("level_id", TEXT, NAME, "The level.")
_TYPES = {
    pl.String(): "VARCHAR", pl.Boolean(): "BOOLEAN", pl.Float64(): "DOUBLE", pl.Date(): "DATE",
    NS: "TIMESTAMP_NS",
    pl.Int8(): "TINYINT", pl.Int16(): "SMALLINT", pl.Int32(): "INTEGER", pl.Int64(): "BIGINT",
    pl.UInt8(): "UTINYINT", pl.UInt16(): "USMALLINT", pl.UInt32(): "UINTEGER", pl.UInt64(): "UBIGINT",
    pl.Binary(): "BLOB", pl.List(pl.String()): "VARCHAR[]", pl.List(pl.Float32()): "FLOAT[]",
    pl.List(pl.Float64()): "DOUBLE[]",
    pl.Datetime("us"): "TIMESTAMP",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A view or a copy, by its statement.

    Args:
        name: Qualified or not.
        doc: One sentence.
        columns: In order.
        body: A SELECT that gives them.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    body: str

    def create(self, kind: str = "VIEW") -> Iterable[str]:
        """Statements that make it and comment on it and on every column."""
        yield f"CREATE {kind} {self.name} AS {self.body}"
        yield f"COMMENT ON {kind} {self.name} IS {quoted(self.doc)}"
        for column in self.columns:
            yield f"COMMENT ON COLUMN {self.name}.{column.name} IS {quoted(f'[{column.unit}] {column.doc}')}"


def tables() -> list[Table]:
    """Every table on disk: those declared, those of setups with their features, and the families."""
    known = load()
    further = {
        schema.SETUPS: (feature for feature in known.values() if feature.name not in schema.SETUPS.schema),
        schema.SNAPSHOTS: (known[name] for name in snapshots.slots()),
        schema.SEQUENCES: (known[name] for name in (*known.sequence, *known.approach)),
        schema.LEVEL_STATES: (known[name] for name in known.sequence),
    }
    told = (Column(one.name, pl.Float64(), one.unit, one.doc) for one in known.summaries.values())
    summed = replace(schema.SUMMARIES, columns=(*schema.SUMMARIES.columns, *told))
    declared = [t for t in schema.TABLES.values() if t not in {*further, schema.SUMMARIES}]
    wide = [replace(t, columns=(*t.columns, *map(_column, more))) for t, more in further.items()]
    wide.append(summed)
    families = [_family(name) for name in plan.families() if plan.grain(name) != "setup"]
    return [*bronze.TABLES.values(), *declared, *wide, *families]


def over_files(root: Path, table: Table) -> View:
    """A view over every partition of a table; typed and empty where there is none.

    A partition made before a column existed has null there. Where one code made all of them they have the
    same columns: DuckDB then need not read every footer, of two thousand columns, each time it binds.
    """
    columns = (*(_KEYS[key] for key in table.partition), *table.columns)
    typed = ", ".join(f"NULL::{_TYPES[column.dtype]} AS {column.name}" for column in columns)
    folder = root.absolute().joinpath(*table.name.split("."), *(f"{key}=*" for key in table.partition))
    keys = ", ".join(f"'{key}': {_TYPES[_KEYS[key].dtype]}" for key in table.partition)
    body = (
        f"SELECT {', '.join(column.name for column in columns)} FROM ("
        f"SELECT {typed} WHERE false UNION ALL BY NAME "
        f"SELECT * FROM read_parquet({quoted(str(folder / 'part.parquet'))}, hive_partitioning = true,"
        f" hive_types = {{{keys}}}, allow_empty = true, union_by_name = {_unlike(root, table)}))"
    )
    return View(table.name, table.doc, columns, body)


def _unlike(root: Path, table: Table) -> str:
    """Whether partitions of a table may differ in their columns."""
    made = {
        json.dumps((store.read_manifest(part) or {}).get("fingerprint"))
        for part in store.partitions(root, table.name)
    }
    return "true" if len(made) > 1 else "false"


def joined() -> list[View]:
    """silver.bars and silver.level_bars: families of one grain side by side, absent rows null."""
    bars = _side_by_side("silver.bars", "bar", "Market-wide features, one row per bar.", (_BAR_TS,))
    at_levels = _side_by_side(
        "silver.level_bars",
        "level",
        "Features about a level, one row per level and bar.",
        (_LEVEL_ID, _BAR_TS),
    )
    known = Column("known_ts", NS, TIME, "Bar end, or when the level is known if that is later.")
    since = "SELECT level_id, min(known_ts) AS since FROM silver.levels GROUP BY level_id"
    end = "make_timestamp_ns(greatest(epoch_ns(bar_ts) + 5000000000, coalesce(epoch_ns(since), 0)))"
    rows = f"({at_levels.body}) AS bars LEFT JOIN ({since}) USING (level_id)"
    body = f"SELECT bars.*, {end} AS known_ts FROM {rows}"
    return [bars, View(at_levels.name, at_levels.doc, (*at_levels.columns, known), body)]


def people(setups: Sequence[Column]) -> View:
    """`setups` as people query it: the default scheme beside each, New York time, no placebos."""
    ends = [
        Column(f"outcome_{h // 60}m", TEXT, NAME, f"{DEFAULT_SCHEME} outcome at {h // 60} minutes.")
        for h in HORIZONS_S
    ]
    added = (
        Column("trigger_et", pl.Datetime("us"), TIME, "trigger_ts on a New York clock."),
        *ends,
        Column("mfe_pts", pl.Float64(), POINTS, "Largest x less x0 over eight minutes, at least 0."),
        Column("mae_pts", pl.Float64(), POINTS, "Smallest x less x0 over eight minutes, at most 0."),
    )
    clock = "trigger_ts::TIMESTAMP AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS trigger_et"
    wide = ", ".join(f"any_value(outcome) FILTER (horizon_s = {h}) AS outcome_{h // 60}m" for h in HORIZONS_S)
    reach = ", ".join(
        f"any_value({name}) FILTER (horizon_s = {max(HORIZONS_S)}) AS {name}"
        for name in ("mfe_pts", "mae_pts")
    )
    source = f"gold.outcomes AS o WHERE scheme = '{DEFAULT_SCHEME}' GROUP BY o.setup_id"
    ends_by_setup = f"SELECT o.setup_id, {wide}, {reach} FROM {source}"
    names = ", ".join(column.name for column in added[1:])
    body = (
        f"SELECT frozen.*, {clock}, {names}"
        f" FROM gold.setups AS frozen LEFT JOIN ({ends_by_setup}) AS ends ON ends.setup_id = frozen.setup_id"
        " WHERE NOT is_placebo"
    )
    return View("setups", "Arrivals at levels, with what followed; no placebos.", (*setups, *added), body)


def of_setups() -> list[View]:
    """Each family of features of setups by itself, placebos too."""
    known = load()
    found = ((name, tuple(map(_column, known.family(name)))) for name in known.families())
    return [
        View(
            f"features.{name}",
            f"Family `{name}` at setups: see docs/features/{name}.md.",
            (_SETUP_ID, *columns),
            f"SELECT {', '.join(column.name for column in (_SETUP_ID, *columns))} FROM gold.setups",
        )
        for name, columns in found
    ]


def vectors() -> View:
    """Slots of every spec in order: what `nearest` compares."""
    columns = (
        _SETUP_ID,
        Column("spec", TEXT, NAME, "Name of the vector."),
        Column("slots", pl.List(pl.String()), NAME, "Features in the order of the vector."),
        Column("vector", pl.List(pl.Float32()), FRACTION, "Their values, unscaled; null where unknown."),
    )
    each = [
        f"{{spec: {quoted(name)}, slots: [{', '.join(map(quoted, slots))}],"
        f" vector: [{', '.join(map(_as_up, slots))}]::FLOAT[]}}"
        for name, slots in sorted(load().vectors.items())
    ]
    rows = "gold.setups LEFT JOIN gold.summaries USING (setup_id)"
    made = f"SELECT setup_id, unnest([{', '.join(each)}]) AS made FROM {rows}"
    body = f"SELECT setup_id, made.spec, made.slots, made.vector FROM ({made})"
    doc = (
        "Vectors of setups, from features and summaries, as when the travel is up: "
        "of a DOWN setup those of its mirror image."
    )
    return View("gold.vectors", doc, columns, body)


def _as_up(slot: str) -> str:
    """As `library.as_up` has it."""
    source, sign = load().seen_down(slot)
    if (source, sign) == (slot, 1):
        return slot
    return f"CASE WHEN direction = 'DOWN' THEN {'-' if sign < 0 else ''}{source} ELSE {slot} END"


def alias(view: View, name: str) -> View:
    """The same view under another name."""
    return View(name, view.doc, view.columns, f"SELECT * FROM {view.name}")


def type_of(column: Column) -> str:
    """DuckDB's name of a column's type."""
    return _TYPES[column.dtype]


def quoted(text: str) -> str:
    """As a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _side_by_side(name: str, grain: str, doc: str, key: tuple[Column, ...]) -> View:
    families = [family for family in plan.families() if plan.grain(family) == grain]
    keys = ("symbol", "date", *(column.name for column in key))
    joins = " FULL JOIN ".join(
        f"silver.{family}" + (f" USING ({', '.join(keys)})" if n else "") for n, family in enumerate(families)
    )
    columns = tuple(_column(feature) for family in families for feature in load().family(family))
    full = (_KEYS["symbol"], _KEYS["date"], *key, *columns)
    return View(name, doc, full, f"SELECT {', '.join(column.name for column in full)} FROM {joins}")


def _family(name: str) -> Table:
    key = (_BAR_TS,) if plan.grain(name) == "bar" else (_LEVEL_ID, _BAR_TS)
    features = load().family(name)
    doc = f"Family `{name}`: see docs/features/{name}.md."
    grain = tuple(column.name for column in key)
    return Table(f"silver.{name}", doc, ("symbol", "date"), grain, (*key, *map(_column, features)))


def _column(feature: Feature) -> Column:
    return Column(feature.name, feature.dtype, feature.unit, feature.summary)
