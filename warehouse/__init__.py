"""Order-book physics around price levels: Databento files in, precedents out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["connect"]


def connect(root: Path | str) -> DuckDBPyConnection:
    """An in-memory DuckDB over a root, with its views and helpers: see docs/sql.md.

    Raises:
        MissingStepError: If nothing was built there.
    """
    from warehouse import database  # noqa: PLC0415 (importing the package loads nothing)

    return database.connect(Path(root))
