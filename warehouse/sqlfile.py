"""Read and run `sql/*.sql`: one file is one model, its comments are its documentation."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from warehouse.errors import DeclarationError
from warehouse.schema import TABLES

if TYPE_CHECKING:
    import duckdb

Source = pl.DataFrame | pl.LazyFrame | Sequence[Path]
"""What a model reads from: a frame, or Parquet files whose hive keys become columns."""

_HEADER = re.compile(r"\A((?:--.*\n)+)")
_FIELD = re.compile(r"^-- (grain|reads): (.+)$", re.MULTILINE)
_COLUMN = re.compile(r"^\s+(?:.*\bAS )?(?:\w+\.)?(\w+),?\s+-- \[(.+?)\] (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Model:
    """One SQL statement, as written in a file.

    Args:
        name: File stem.
        doc: First line of the header comment.
        grain: Columns that identify a row and order the answer.
        reads: Views the statement needs.
        columns: Unit and meaning by output column, from `-- [unit] doc` at the end of its line.
        body: The statement; its parameters are `$name`.
    """

    name: str
    doc: str
    grain: tuple[str, ...]
    reads: tuple[str, ...]
    columns: Mapping[str, tuple[str, str]]
    body: str

    @property
    def fingerprint(self) -> str:
        """Changes with the statement or its order, not with comments or white space."""
        code = " ".join(re.sub(r"--.*", "", self.body).split())
        return hashlib.sha256(repr((code, self.grain)).encode()).hexdigest()


def names() -> list[str]:
    """Every model there is, sorted."""
    files = resources.files("sql").iterdir()
    return sorted(file.name.removesuffix(".sql") for file in files if file.name.endswith(".sql"))


@functools.cache
def load(name: str) -> Model:
    """The model of `sql/<name>.sql`.

    Raises:
        DeclarationError: If there is no such file or its header is not complete.
    """
    file = resources.files("sql") / f"{name}.sql"
    if not file.is_file():
        raise DeclarationError(f"there is no sql/{name}.sql: the models are {', '.join(names())}")
    return parse(name, file.read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Model:
    """A model from the text of its file.

    Raises:
        DeclarationError: If its header or the comments on its columns are missing.
    """
    if not (header := _HEADER.match(text)):
        raise DeclarationError(f"sql/{name}.sql must open with a comment: a sentence, `grain:`, `reads:`")
    fields = {
        key: tuple(word.strip() for word in words.split(",")) for key, words in _FIELD.findall(header[1])
    }
    if missing := {"grain", "reads"} - fields.keys():
        raise DeclarationError(f"sql/{name}.sql does not say {sorted(missing)} in its header")
    body = text[header.end() :]
    columns = {column: (unit, doc) for column, unit, doc in _COLUMN.findall(body)}
    if undocumented := set(fields["grain"]) - columns.keys():
        raise DeclarationError(f"sql/{name}.sql has no `-- [unit] doc` on {sorted(undocumented)}")
    doc = header[1].splitlines()[0].removeprefix("-- ")
    return Model(name, doc, fields["grain"], fields["reads"], columns, body)


def run(model: Model, tables: Mapping[str, Source], **params: object) -> pl.DataFrame:
    """The answer of a model, ordered by its grain.

    Args:
        model: What to run.
        tables: A source for every name in `model.reads`.
        params: Values of the statement's `$name` parameters.

    Raises:
        DeclarationError: If a table is missing or the answer has other columns than are documented.
    """
    if missing := set(model.reads) - tables.keys():
        raise DeclarationError(f"sql/{model.name}.sql reads {sorted(missing)}, which it was not given")
    with _engine().cursor() as con:
        con.execute("SET enable_progress_bar = false")  # it would go to stdout
        for name in model.reads:
            _view(con, name, tables[name])
        statement = f"SELECT * FROM ({model.body}) ORDER BY {', '.join(model.grain)}"
        answer: pl.DataFrame = con.sql(statement, params=dict[str, Any](params)).pl()
    if answer.columns != list(model.columns):
        raise DeclarationError(
            f"sql/{model.name}.sql gives {answer.columns}, documents {list(model.columns)}"
        )
    return answer


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    """The process's own database in memory: opening one takes as long as running most models."""
    import duckdb  # noqa: PLC0415 (a question loads this module and runs no model)

    return duckdb.connect(config={"threads": 1})


def _view(con: duckdb.DuckDBPyConnection, name: str, source: Source) -> None:
    """A view under its short name; a frame of no files has the declared columns."""
    if isinstance(source, pl.LazyFrame):
        source = source.collect(engine="in-memory")
    if not isinstance(source, pl.DataFrame) and not source:
        source = _empty(name)
    if isinstance(source, pl.DataFrame):
        con.register(name, source)
        return
    paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in source)
    con.execute(
        f"CREATE TEMP VIEW {name} AS SELECT * FROM read_parquet([{paths}], hive_partitioning = true,"
        " hive_types = {'date': DATE, 'symbol': VARCHAR}, union_by_name = true)"
    )


def _empty(name: str) -> pl.DataFrame:
    table = TABLES[f"silver.{name}"]
    keys = {"symbol": pl.String(), "date": pl.Date()}
    return pl.DataFrame(schema={**keys, **table.schema})
