"""Which value of a level a bar is held against, on a table written by hand."""

import polars as pl

from warehouse.schema import BAR_NS, LEVELS
from warehouse.values import values


def told(rows):
    raw = {
        name: pl.Int64() if name in {"known_ts", "valid_to"} else kind for name, kind in LEVELS.schema.items()
    }
    frame = pl.DataFrame(rows, schema=raw, orient="row").cast(LEVELS.schema)
    return values(frame, "VWAP").select("price", "since").rows()


def test_a_bar_is_held_against_what_was_known_at_its_start() -> None:
    """The first value from the bar in which it became known; others a bar later; placebos and other kinds never."""
    rows = [
        ("V", "VWAP", 12.0, 9 * BAR_NS, 0, False),
        ("V", "VWAP", 10.0, 3 * BAR_NS, 0, False),
        ("V", "VWAP", None, 5 * BAR_NS, 0, False),
        ("V/p+", "VWAP", 99.0, 4 * BAR_NS, 0, True),
        ("E", "EMA_20", 98.0, 4 * BAR_NS, 0, False),
    ]
    assert told(rows) == [(10.0, 3 * BAR_NS), (None, 6 * BAR_NS), (12.0, 10 * BAR_NS)]
    assert told([]) == []
