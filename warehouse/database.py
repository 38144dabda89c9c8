"""DuckDB over a root: the database file for any client, and our own connection with its helpers."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse import macros, pressure, render, similar, store, views
from warehouse.errors import MissingStepError, QuestionError, WarehouseError
from warehouse.views import View

FILE = "warehouse.duckdb"
ATTACHED = "file"
"""Name under which our connections attach the database file."""
COPIED = ("gold.setups", "gold.outcomes", "gold.scalers", "silver.levels")
Row = dict[str, Any]
FORMATS = ("table", "csv", "json", "parquet")

_NEIGHBOUR = {
    "setup_id": "VARCHAR", "trigger_ts": "TIMESTAMP", "distance": "DOUBLE", "weight": "DOUBLE",
    "level_kinds": "VARCHAR[]", "level_price": "DOUBLE", "direction": "VARCHAR", "x0": "DOUBLE",
    "outcome_2m": "VARCHAR", "outcome_4m": "VARCHAR", "outcome_8m": "VARCHAR", "mfe_pts": "DOUBLE",
    "mae_pts": "DOUBLE",
}  # fmt: skip
_ODDS = {
    "horizon": "VARCHAR", "outcome": "VARCHAR", "p": "DOUBLE", "lo": "DOUBLE", "hi": "DOUBLE",
    "base": "DOUBLE", "base_n": "BIGINT", "n": "BIGINT", "n_eff": "DOUBLE", "barrier_pts": "DOUBLE",
}  # fmt: skip
_PHYSICS = {
    "point": "BIGINT", "price": "DOUBLE", "rest": "DOUBLE", "flow": "DOUBLE", "aggr": "DOUBLE",
    "net": "DOUBLE", "cov": "DOUBLE", "story": "VARCHAR", "lead": "DOUBLE", "wall_j": "DOUBLE",
    "wall_strength": "DOUBLE", "retreat_far": "DOUBLE", "retreat_near": "DOUBLE", "cond": "DOUBLE[]",
}  # fmt: skip


def build(root: Path) -> None:
    """Write ROOT/warehouse.duckdb anew: copies of the gold tables and levels, views, macros, comments.

    It is made aside and put in place at the end; it is never open while anything else reads it.
    """
    with store.temporary(root, ".duckdb") as aside:
        with duckdb.connect(str(aside)) as con:
            _run(con, ["CREATE SCHEMA gold", "CREATE SCHEMA silver", *_copies(root), *_shared()])
        aside.replace(root / FILE)


def connect(root: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database over a root; close it, or use it in a `with`.

    Schemas bronze, silver and gold are views over the Parquet files; every silver and gold table has an
    unqualified view too. The database file is attached read-only as `file`. Helpers: similar, odds,
    physics, nearest, ny.

    Raises:
        MissingStepError: If nothing was built there.
    """
    return _open(root, _Helpers(root))


def sql(root: Path, statement: str) -> pl.DataFrame:
    """The answer to a statement; empty where it has none.

    Raises:
        QuestionError: If DuckDB refuses it.
    """
    helpers = _Helpers(root)
    with _open(root, helpers) as con:
        try:
            relation = con.sql(statement)
            rows: pl.DataFrame = pl.DataFrame() if relation is None else relation.pl()
        except duckdb.Error as error:
            if helpers.failed is not None:
                raise helpers.failed from None
            raise QuestionError(f"DuckDB refuses that: {' '.join(str(error).split())}") from None
    return rows


def query(root: Path, statement: str, form: str = "table", out: Path | None = None) -> str:
    """The answer to a statement as text, or where it was written.

    Args:
        root: The warehouse.
        statement: DuckDB SQL.
        form: table, csv, json or parquet.
        out: File to write instead; parquet needs one.

    Raises:
        QuestionError: If DuckDB refuses it, or there is no such format.
    """
    if form not in FORMATS:
        raise QuestionError(f"there is no format `{form}`: choose {', '.join(FORMATS)}")
    if form == "parquet" and out is None:
        raise QuestionError("Parquet is no text: say where with --out FILE")
    rows = sql(root, statement)
    if form == "parquet" and out is not None:
        rows.write_parquet(out)
    else:
        text = _text(rows, form)
        if out is None:
            return text
        out.write_text(text)
    return f"{len(rows):,} rows written to {out}\n"


def _text(rows: pl.DataFrame, form: str) -> str:
    if form == "table":
        return render.table(rows) + "\n"
    if form == "json":
        return json.dumps(json.loads(rows.write_json()), indent=1) + "\n"
    nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
    flat = (pl.struct(name).struct.json_encode().alias(name) for name in nested)
    return rows.with_columns(flat).write_csv()


class _Helpers:
    """Our code as SQL functions of one root; DuckDB hides what they raise, so it is kept here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.failed: WarehouseError | None = None

    def register(self, con: duckdb.DuckDBPyConnection) -> None:
        for name, function, count, fields in (
            ("similar", self._similar, 3, _NEIGHBOUR),
            ("odds", self._odds, 2, _ODDS),
            ("physics", self._physics, 2, _PHYSICS),
        ):
            arguments: list[Any] = ["VARCHAR", "BIGINT", "BIGINT"][:count]
            row = ", ".join(f"{field} {kind}" for field, kind in fields.items())
            con.create_function(
                f"warehouse_{name}", self._rows(function, fields), arguments, f"STRUCT({row})[]"
            )

    def _rows(
        self, function: Callable[..., Iterable[Row]], fields: Iterable[str]
    ) -> Callable[..., list[Row]]:
        """The function's rows with exactly the fields of its SQL type."""

        @functools.wraps(function)
        def rows(*arguments: Any) -> list[Row]:  # noqa: ANN401 (values of SQL)
            try:
                return [{field: row[field] for field in fields} for row in function(*arguments)]
            except WarehouseError as error:
                self.failed = error
                raise

        return rows

    def _similar(self, level: str, ns: int, k: int) -> Iterable[Row]:
        for each in similar.ask(self.root, level, ns, k).neighbours:
            ends = {f"outcome_{name}": outcome for name, outcome in each["outcomes"].items()}
            yield (
                each | ends | {"trigger_ts": dt.datetime.fromisoformat(each["trigger_ts"].removesuffix("Z"))}
            )

    def _odds(self, level: str, ns: int) -> Iterable[Row]:
        found = similar.ask(self.root, level, ns).data()
        for horizon, chances in found["outcomes"].items():
            for outcome, chance in (chances or {}).items():
                yield {"horizon": horizon, "outcome": outcome, **chance, **found["labels"][horizon]}

    def _physics(self, level: str, ns: int) -> Iterable[Row]:
        [frame] = similar.physics(self.root, level, ns)
        told = {name: frame[name] for name in ("story", "lead", "cond")}
        told |= {f"wall_{name}": value for name, value in frame["wall"].items()}
        told |= {f"retreat_{name}": value for name, value in frame["retreat"].items()}
        cube = frame["cube"]
        for n, (point, price) in enumerate(zip(cube["j"], cube["px"], strict=True)):
            yield (
                told | {"point": point, "price": price} | {name: cube[name][n] for name in pressure.MEASURES}
            )


def _open(root: Path, helpers: _Helpers) -> duckdb.DuckDBPyConnection:
    if not (root / "silver").is_dir():
        raise MissingStepError(
            f"{root} holds nothing built: put DBN files into {root / 'raw'} and run `warehouse build`"
        )
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    if (root / FILE).exists():
        con.execute(f"ATTACH {views.quoted(str(root.absolute() / FILE))} AS {ATTACHED} (READ_ONLY)")
    helpers.register(con)
    schemas = [f"CREATE SCHEMA {layer}" for layer in ("bronze", "silver", "gold")]
    _run(con, [*schemas, *_over_files(root), *_shared(), *(macro.statement for macro in macros.HELPERS)])
    return con


def _run(con: duckdb.DuckDBPyConnection, statements: Iterable[str]) -> None:
    con.execute("BEGIN")
    for statement in statements:
        con.execute(statement)
    con.execute("COMMIT")


def _over_files(root: Path) -> Iterable[str]:
    found = [views.over_files(root, table) for table in views.tables()]
    found += views.joined()
    for view in found:
        yield from view.create()
    for view in found:
        layer, name = view.name.split(".")
        if layer != "bronze" and name != "setups":
            yield from views.alias(view, name).create()


def _copies(root: Path) -> Iterable[str]:
    """Copies of the gold tables and of levels, in the order of their grain."""
    for table in views.tables():
        if table.name in COPIED:
            view = views.over_files(root, table)
            order = ", ".join((*table.partition, *table.grain))
            yield from View(view.name, view.doc, view.columns, f"{view.body} ORDER BY {order}").create(
                "TABLE"
            )
    for name in ("levels", "outcomes"):
        layer = "silver" if name == "levels" else "gold"
        table = next(table for table in views.tables() if table.name == f"{layer}.{name}")
        yield from views.alias(views.over_files(root, table), name).create()


def _shared() -> Iterable[str]:
    """What both databases have: the wide view of setups, vectors, and macros in plain SQL."""
    setups = next(table for table in views.tables() if table.name == "gold.setups")
    columns = views.over_files(Path(), setups).columns
    for view in (views.people(columns), views.vectors()):
        yield from view.create()
    for macro in (macros.NY, macros.NEAREST):
        yield macro.statement
