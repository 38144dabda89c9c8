"""The replay of a level: a frame per bar, as a screen draws it (domain B.20)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse import course, nulls, pressure, question, session
from warehouse.course import TOUCH_PTS
from warehouse.errors import QuestionError
from warehouse.physics import at_bars
from warehouse.question import DOWN, UP, Place
from warehouse.schema import BAR_NS

VERSION = 1


def physics(
    root: Path, level: str, ts: int, to: int | None = None, contract: str | None = None
) -> list[dict[str, Any]]:
    """A frame per bar from the one known at `ts` to the one known at `to`, both included.

    Each is what it is when its bar is asked about alone, whatever the span. Where a level that moves was
    passed, and no arrival holds, there is no level: all that needs one is null.

    Args:
        root: The warehouse.
        level: A kind of level, or a price in points; one that moves has its value at each bar.
        ts: First moment, ns UTC.
        to: Last moment, ns UTC; default the first.
        contract: Needed only where several are built for the date.

    Raises:
        QuestionError: As for `similar`, or if the last moment is not on the date and after the first.
        MissingStepError: If the date is not built.
    """
    first = question.place(root, level, ts, contract)
    last = first.bar if to is None else _last(first, to)
    bars = course.course(first, last)
    found = at_bars(first, bars.drop_nulls("direction"), last, pressure.COLUMNS)
    rows = bars.join(found, on="bar", how="left", maintain_order="left", suffix="_of_plan")
    return [_frame(first, row) for row in rows.iter_rows(named=True)]


def _last(first: Place, to: int) -> int:
    """Start of the last bar."""
    if session.trading_date(to) == first.date:
        bar = question.bar(first.partition("silver.book"), to)
        if bar >= first.bar:
            return bar
    raise QuestionError(f"--to must be a moment of {first.date} after {question.clock(first.end)}")


def _frame(place: Place, row: dict[str, Any]) -> dict[str, Any]:
    end, x0, sigma, price = row["bar"] + BAR_NS, row["x0"], row["sigma_60"], row["level_price"]
    state = _state(row, end)
    arrived = state in {"TRIGGERED", "RESOLVED"}
    frame = {
        "v": VERSION,
        "seq": row["seq"],
        "ts_end": end,
        "symbol": place.symbol,
        "level_id": place.level_id,
        "level_kind": place.kind,
        "is_placebo": False,
        "L": price,
        "d": {UP: 1, DOWN: -1}.get(row["direction"]),
        "state": state,
        "setup_id": row["setup_id"] if arrived else None,
        "x_pts": x0,
        "x_sig": x0 / sigma if x0 is not None and sigma else None,
        "sigma_60": sigma,
        "tau_s": (end - row["t0"]) / 1e9 if arrived else None,
    }
    frame |= pressure.frame(row, row["direction"], price)
    return frame | {"nulls": nulls.reasons(frame, row)}


def _state(row: dict[str, Any], end: int) -> str | None:
    """TRIGGERED while a label clock runs, RESOLVED while its arrival holds longer, else by the distance."""
    if row["t0"] is not None and end < row["resolved"]:
        return "TRIGGERED"
    if row["holds"]:
        return "RESOLVED"
    return None if row["x0"] is None else "ZONE" if abs(row["x0"]) <= TOUCH_PTS else "OUT"
