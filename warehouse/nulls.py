"""Why values of a frame are null (domain B.20)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from warehouse import catalog, pressure
from warehouse.pressure import BANDS, VISIBLE, Row

REASONS = ("not_visible", "not_applicable", "warmup", "empty_band", "no_profile", "reset")
_BANDS = {
    "retreat.far": ("far",), "retreat.near": ("near",), "retreat.near_res": ("near",),
    "cond[0]": ("far",), "cond[1]": ("far",), "cond[2]": ("near",), "cond[3]": ("near",),
    "barrier.rel": ("far",), "barrier.state": ("far",),
}  # fmt: skip
"""Bands whose orders a value tells of; of others both."""
_EXPECTED = ("kin.vel_1", "kin.acc_1", "candle.body", "candle.over", "retreat.near_res")
"""Told in expected moves."""
_WINDOWED = ("retreat", "cond", "quad", "opppress", "absorb", "barrier", "kin", "ofi")
_PLAIN = {
    "L": "not_applicable", "d": "not_applicable", "state": "not_applicable", "setup_id": "not_applicable",
    "tau_s": "not_applicable", "x_pts": "not_applicable", "sigma_60": "warmup",
}  # fmt: skip
_OTHERS = {
    "lead": "not_visible", "kin": "not_visible", "ofi": "not_visible", "absorb": "no_profile",
    "rvol": "no_profile", "candle": "not_applicable", "quality": "not_applicable",
}  # fmt: skip
"""Of what looks back, where neither a reset nor the beginning of the data is the reason."""


def reasons(frame: Row, row: Row) -> dict[str, str]:
    """Why each null of a frame is one, by its path, such as `cube.rest[3]`.

    Args:
        frame: The frame, without its nulls.
        row: What it was made of: the columns of `pressure.COLUMNS`, and `clear`, bars since the book was
            last dropped, 0 in it, null if it never was.
    """
    return {path: _why(path, frame, row) for path in _nulls(frame)}


def _nulls(value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 (any part of a frame)
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _nulls(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for n, one in enumerate(value):
            yield from _nulls(one, f"{path}[{n}]")
    elif value is None:
        yield path


def _why(path: str, frame: Row, row: Row) -> str:
    group = path.replace("[", ".").split(".")[0]
    if path in _PLAIN:
        return _PLAIN[path]
    if path == "x_sig":
        return "warmup" if frame["sigma_60"] is None else "not_applicable"
    if frame["d"] is None:
        return "not_applicable"
    if group in _WINDOWED and (broken := _broken(_window(path, group), frame["seq"], row.get("clear"))):
        return broken
    if frame["sigma_60"] is None and path in _EXPECTED:
        return "warmup"
    return _OTHERS.get(group) or _of_orders(path, group, frame, row)


def _window(path: str, group: str) -> int:
    columns = pressure.NAMES[group]
    if group == "cond":
        columns = columns[int(path[-2])]
    elif path != group:
        columns = columns[path.split(".")[1]]
    window: int = catalog.load()[columns].window or 1
    return window


def _broken(window: int, seq: int, clear: int | None) -> str | None:
    """Whether a reset, or the beginning of the data, lies in the bars that a value looks back on."""
    if clear is not None and clear < window:
        return "reset"
    return "warmup" if seq + 1 < window else None


def _of_orders(path: str, group: str, frame: Row, row: Row) -> str:
    """Of what tells of resting orders."""
    if group == "cube":
        place = int(path[path.index("[") + 1 : -1])
        return "no_profile" if (frame["cube"]["cov"][place] or 0) >= VISIBLE else "not_visible"
    if group in {"story", "wall"}:
        return _unusual(frame)
    if path == "retreat.near_res" and frame["retreat"]["near"] is not None:
        return "no_profile"
    if path == "barrier.dlog_1" or (path == "barrier.state" and frame["barrier"]["rel"] is not None):
        return "not_visible"
    return _of_bands(path, row, "no_profile" if group in {"opppress", "barrier"} else "empty_band")


def _of_bands(path: str, row: Row, otherwise: str) -> str:
    """Of what tells of the bands of a level: whether orders may rest in them, and enough of them is seen."""
    shares = [row.get(BANDS[band]) for band in _BANDS.get(path, BANDS)]
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        return "empty_band"
    return otherwise if min(known) >= VISIBLE else "not_visible"


def _unusual(frame: Row) -> str:
    """no_profile where a point is seen and yet cannot be held against the usual."""
    cov, rest = frame["cube"]["cov"], frame["cube"]["rest"]
    seen = any(value is None and (share or 0) >= VISIBLE for value, share in zip(rest, cov, strict=True))
    return "no_profile" if seen else "not_visible"
