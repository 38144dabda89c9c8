"""Reference pages of `docs/`: those of the catalogue, the one of SQL, and the schema of a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from warehouse import macros, plan, reference, screen, sqlfile, views
from warehouse.schema import SETUPS, Column, Table
from warehouse.views import View

SQL_PAGE = "sql.md"
_INTRO = """# SQL

Generated from the declarations in `warehouse/` and `sql/` by `just docs`; do not edit.

`warehouse sql "..."` and `warehouse.connect(root)` open an in-memory DuckDB over a root. Schemas
`bronze`, `silver` and `gold` are views over the Parquet files; every silver and gold table also has a view
without its schema. Times are UTC; `ny('2025-07-08 10:14:35')` makes one from New York wall time.

`ROOT/warehouse.duckdb` holds `setups`, `levels`, `outcomes`, the gold tables, `nearest`, and a view of each
family at setups with a comment on every column, such as `features.wall`, for any DuckDB 2 client; our
connections attach it read-only as `file`.
"""
_SETUPS = """`setups` is gold.setups with the default scheme's outcomes and without placebos. Every feature is
a column too: see [features](features/index.md).
"""
_FAMILIES = """`silver.bars` joins {bars}. `silver.level_bars` joins {level_bars}, and adds `known_ts`.
"""


def pages() -> dict[str, str]:
    """Every generated page by its path under `docs/`."""
    return {**reference.pages(), SQL_PAGE: sql_page(), screen.PAGE: screen.text()}


def write(folder: Path) -> list[Path]:
    """Write every page below a folder."""
    made = []
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return made


def sql_page() -> str:
    """Helpers, tables and models, with unit and meaning of every column."""
    families = {f"silver.{family}" for family in plan.families()}
    wide = views.people(SETUPS.columns)
    tables = [table for table in views.tables() if table.name not in families | {SETUPS.name}]
    sections = {
        "Helpers": map(_helper, (*macros.HELPERS, macros.NEAREST, macros.NY)),
        "Setups, as people query them": [_SETUPS, _columns(wide.columns)],
        "Families": [_FAMILIES.format(bars=_named("bar"), level_bars=_named("level"))],
        "Tables": map(_table, tables),
        "Models": [_model(name) for name in sqlfile.names()],
    }
    told = (f"\n## {title}\n\n" + "\n".join(parts) for title, parts in sections.items())
    return _INTRO + "".join(told)


def _named(grain: str) -> str:
    families = (name for name in plan.families() if plan.grain(name) == grain)
    return ", ".join(f"[{name}](features/{name}.md)" for name in families)


def _helper(macro: macros.Macro) -> str:
    return f"### `{macro.call}`\n\n{macro.doc}\n\n```sql\n{macro.example};\n```\n"


def _table(table: Table) -> str:
    view: View = views.over_files(Path(), table)
    grain = ", ".join((*table.partition, *table.grain))
    return f"### {table.name}\n\n{table.doc} Grain: {grain}.\n\n{_columns(view.columns)}"


def _columns(columns: Iterable[Column]) -> str:
    head = "| column | type | unit | meaning |\n| --- | --- | --- | --- |\n"
    rows = ((f"`{c.name}`", views.type_of(c), str(c.unit), c.doc.replace("|", "\\|")) for c in columns)
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _model(name: str) -> str:
    model = sqlfile.load(name)
    return f"- `sql/{name}.sql`: {model.doc} Grain: {', '.join(model.grain)}; reads {', '.join(model.reads)}."
