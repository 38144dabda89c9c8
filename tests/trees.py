"""What a root holds, so that two can be compared."""

import hashlib

import duckdb

ASIDE = {".lock", ".workers", ".hashes.json", ".database.json"}
"""Files of the machinery: locks, stamps of files, the digest of the database's bytes."""


def digests(root):
    """Every file of a root but the raw ones by its bytes, the database by its content."""
    found = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and inside.parts[0] not in {"raw", *ASIDE}:
            bytes_of = content(path) if path.suffix == ".duckdb" else path.read_bytes()
            found[str(inside)] = hashlib.sha256(bytes_of).hexdigest()
    return found


def content(database):
    """Tables, views, comments and rows of a DuckDB file, as bytes."""
    with duckdb.connect(str(database), read_only=True) as db:
        tables = "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        names = [name for (name,) in db.sql(tables).fetchall()]
        said = [
            db.sql("select table_name, comment from duckdb_tables() order by 1").fetchall(),
            db.sql(
                "select view_name, sql, comment from duckdb_views() where not internal order by 1"
            ).fetchall(),
            db.sql(
                "select function_name, macro_definition from duckdb_functions() where not internal order by 1"
            ).fetchall(),
            db.sql(
                "select table_name, column_name, data_type, comment from duckdb_columns() where not internal order by 1, 2"
            ).fetchall(),
            *(db.sql(f"select * from {name} order by all").fetchall() for name in names),
        ]
    return repr(said).encode()
