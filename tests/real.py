"""Where the real DBN samples lie, and how a test says that it needs them."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("WAREHOUSE_TEST_DBN", Path(__file__).parents[2] / "shared" / "dbn"))

needs_real = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no real DBN samples in {FOLDER}: set WAREHOUSE_TEST_DBN to their folder"
)


def files(*schemas: str) -> list[Path]:
    """Sample files with one of these schemas in their name, all without any; empty where absent."""
    found = sorted(FOLDER.rglob("*.dbn*"))
    return [path for path in found if not schemas or any(schema in path.name for schema in schemas)]
