"""Values of DuckDB as text, where polars or a format cannot hold them."""

from __future__ import annotations

import re

import duckdb
import polars as pl

_ODD = re.compile(r"\b(INTERVAL|BIT|BIGNUM|TIME WITH TIME ZONE|UNION|VARIANT|GEOMETRY)\b")
"""Types, alone or inside others, that polars cannot take."""
_BYTES = re.compile(r"\bBLOB\b")
_SPAN, _DAY_US = (-719_162, 2_932_895), 86_400 * 10**6
"""Days from 1970 within which calendars have dates."""
_NESTED = re.compile(r"\]$|^(STRUCT|MAP|UNION|VARIANT)\b")


def fit(relation: duckdb.DuckDBPyRelation, form: str) -> duckdb.DuckDBPyRelation:
    """The same rows, what cannot be held being text, and JSON text where it is nested.

    Args:
        relation: Any rows.
        form: parquet keeps bytes, lists and structs; json keeps lists and structs; table and csv neither.
    """
    kinds = [str(kind) for kind in relation.types]
    if not any(_refused(kind, form) for kind in kinds):
        return relation
    # By number, as two columns may share a name.
    columns = [_text(f"#{n}", kind) if _refused(kind, form) else f"#{n}" for n, kind in enumerate(kinds, 1)]
    names = [name.replace('"', '""') for name in relation.columns]
    return relation.project(
        ", ".join(f'{column} AS "{name}"' for column, name in zip(columns, names, strict=True))
    )


def beyond(rows: pl.DataFrame) -> str | None:
    """First column with a time that cannot be shown: infinite, or outside the years 1 to 9999."""
    for name, kind in rows.schema.items():
        if kind == pl.Date or kind == pl.Datetime("us", getattr(kind, "time_zone", None)):
            first, last = _SPAN if kind == pl.Date else (end * _DAY_US for end in _SPAN)
            if not rows[name].to_physical().drop_nulls().is_between(first, last).all():
                return name
    return None


def _refused(kind: str, form: str) -> bool:
    if _ODD.search(kind):
        return True
    if form == "parquet":
        return False
    return bool(_BYTES.search(kind)) or (form != "json" and bool(_NESTED.search(kind)))


def _text(column: str, kind: str) -> str:
    return f"to_json({column})::VARCHAR" if _NESTED.search(kind) else f"{column}::VARCHAR"
