"""DuckDB over a root: the database file for any client, and our own connection with its helpers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl

from warehouse import casts, macros, render, store, views
from warehouse.catalog import load
from warehouse.errors import BusyError, DataError, MissingStepError, QuestionError, WarehouseError
from warehouse.functions import Helpers
from warehouse.schema import SETUPS
from warehouse.views import View

FILE = "warehouse.duckdb"
ATTACHED = "file"
"""Name under which our connections attach the database file."""
COPIED = (
    "gold.setups", "gold.outcomes", "gold.weights", "gold.snapshots", "gold.summaries", "gold.scalers",
    "silver.levels",
)  # fmt: skip
FORMATS = ("table", "csv", "json", "parquet")
CATALOGUE = re.compile(r"duckdb_|information_schema|comment", re.IGNORECASE)
"""What a statement names that asks for comments."""
WIDE = ("setups", "bars", "level_bars")
"""Views whose features carry their comments in the views of their families."""


def build(root: Path) -> None:
    """Write ROOT/warehouse.duckdb anew: copies of the gold tables and levels, views, macros, comments.

    It is made aside and put in place at the end; it is never open while anything else reads it.
    """
    with store.temporary(root, ".duckdb") as aside:
        with duckdb.connect(str(aside)) as con:
            quiet = "SET enable_progress_bar = false"
            schemas = (f"CREATE SCHEMA {name}" for name in ("gold", "silver", "features"))
            _run(con, [quiet, *schemas, *_copies(root), *_shared(), *_families()])
        aside.replace(root / FILE)


def connect(root: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database over a root; close it, or use it in a `with`.

    Schemas bronze, silver and gold are views over the Parquet files; every silver and gold table has an
    unqualified view too. The database file is attached read-only as `file`. Helpers: similar, odds,
    physics, nearest, ny.

    Raises:
        MissingStepError: If nothing was built there.
        DataError: If a file of it is damaged.
    """
    return _open(root, Helpers(root))


def sql(root: Path, statement: str, form: str = "parquet") -> pl.DataFrame:
    """The answer to a statement; empty where it has none.

    Args:
        root: The warehouse.
        statement: DuckDB SQL.
        form: What it is for: see `casts.fit`.

    Raises:
        QuestionError: If DuckDB refuses it.
        DataError: If a file that it reads is damaged.
    """
    if not statement.strip(" \n\t;"):
        raise QuestionError("there is no statement: write one, such as 'select count(*) from setups'")
    helpers = Helpers(root)
    with _open(root, helpers, told=CATALOGUE.search(statement) is not None) as con:
        try:
            relation = con.sql(statement)
            rows: pl.DataFrame = pl.DataFrame() if relation is None else casts.fit(relation, form).pl()
        except duckdb.Error as error:
            if helpers.failed is not None:
                raise helpers.failed from None
            if str(root.absolute()) in str(error):
                raise _damage(root, error) from None
            raise QuestionError(f"DuckDB refuses that: {' '.join(str(error).split())}") from None
    if (name := casts.beyond(rows)) is not None and form != "parquet":
        raise QuestionError(f"`{name}` holds a time that cannot be shown: select it as text, {name}::VARCHAR")
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
    rows = sql(root, statement, form)
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
    return rows.write_csv()


def _damage(root: Path, error: duckdb.Error) -> DataError:
    """Why the files of a root cannot be read.

    Raises:
        DataError: If a file is not as long as its manifest says.
    """
    for table in views.tables():
        for part in store.partitions(root, table.name):
            store.whole(part)
    said = " ".join(str(error).split())
    return DataError(f"a file of {root} cannot be read ({said}): run `warehouse status --verify`")


def _open(root: Path, helpers: Helpers, *, told: bool = True) -> duckdb.DuckDBPyConnection:
    """A connection with every view; their thousands of comments take a second, so only where `told`."""
    if not (root / "silver").is_dir():
        raise MissingStepError(
            f"{root} holds nothing built: put DBN files into {root / 'raw'} and run `warehouse build`"
        )
    con = duckdb.connect()
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")  # it would go to stdout
        _attach(con, root / FILE)
        helpers.register(con)
        schemas = [f"CREATE SCHEMA {layer}" for layer in ("bronze", "silver", "gold")]
        made = [*schemas, *_over_files(root), *_shared(), *(macro.statement for macro in macros.HELPERS)]
        _run(con, [each for each in made if told or not each.startswith("COMMENT")])
    except WarehouseError:
        con.close()
        raise
    except duckdb.Error as error:
        con.close()
        raise _damage(root, error) from None
    return con


def _attach(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    if not file.exists():
        return
    try:
        con.execute(f"ATTACH {views.quoted(str(file.absolute()))} AS {ATTACHED} (READ_ONLY)")
    except duckdb.Error as error:
        if "lock on file" in str(error):
            raise BusyError(f"{file} is open for writing elsewhere: close it there") from None
        raise DataError(f"{file} is damaged: run `warehouse build` again") from None


def _run(con: duckdb.DuckDBPyConnection, statements: Iterable[str]) -> None:
    con.execute("BEGIN")
    for statement in statements:
        con.execute(statement)
    con.execute("COMMIT")


def _over_files(root: Path) -> Iterable[str]:
    found = [views.over_files(root, table) for table in views.tables()]
    found += views.joined()
    for view in found:
        yield from _brief(view).create()
    for view in found:
        layer, name = view.name.split(".")
        if layer != "bronze" and name != "setups":
            yield from _brief(views.alias(view, name)).create()


def _copies(root: Path) -> Iterable[str]:
    """Copies of the gold tables and of levels, in the order of their grain."""
    for table in views.tables():
        if table.name in COPIED:
            view = views.over_files(root, table)
            order = ", ".join((*table.partition, *table.grain))
            told = _brief(view).columns
            yield from View(view.name, view.doc, told, f"{view.body} ORDER BY {order}").create("TABLE")
    for name in ("levels", "outcomes"):
        layer = "silver" if name == "levels" else "gold"
        table = next(table for table in views.tables() if table.name == f"{layer}.{name}")
        yield from views.alias(views.over_files(root, table), name).create()


def _brief(view: View) -> View:
    """A wide view that leaves the comments of its features to their families.

    Each comment copies all that the view has, so that two thousand of them take seconds and a gigabyte.
    """
    if view.name.rpartition(".")[2] not in WIDE:
        return view
    known = load()
    kept = tuple(one for one in view.columns if one.name not in known or one.name in SETUPS.schema)
    return View(view.name, view.doc, kept, view.body)


def _shared() -> Iterable[str]:
    """What both databases have: the wide view of setups, vectors, and macros in plain SQL."""
    setups = next(table for table in views.tables() if table.name == SETUPS.name)
    columns = views.over_files(Path(), setups).columns
    for view in (views.people(columns), views.vectors()):
        yield from _brief(view).create()
    for macro in (macros.NY, macros.NEAREST):
        yield macro.statement


def _families() -> Iterable[str]:
    for view in views.of_setups():
        yield from view.create()
