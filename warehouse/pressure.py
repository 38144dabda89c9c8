"""The pressure around a level at a bar's end: the cube, its story and the four conditions.

Signs of the cube are raw: + is long pressure, point +1 is one index point above the level. `d` says which
way price travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POINTS = tuple(range(-4, 5))
"""Index points around the level, upward."""
MEASURES = {"rest": "rest_eob", "flow": "flow_sum", "aggr": "aggr_sum", "net": "net_sum", "cov": "cov"}
"""Measures of the cube by their short names: balance of resting size, of owners' acts, of prints, of all."""
CONDITIONS = (
    "orders beyond the level move away",
    "they are pulled faster than added",
    "orders behind price move away",
    "they are pulled faster than added",
)
"""The four conditions in words, in their order; each is a degree in (0, 1), 0.5 is neither."""

VISIBLE = 0.5
"""Coverage from which a point counts as seen."""
_STRONG, _WEAK, _POINTS_TOLD = 0.7, 0.55, 2
_REASONS = {
    "d": "not_applicable", "setup_id": "not_applicable", "tau_s": "not_applicable", "state": "not_applicable",
    "x_pts": "not_applicable", "x_sig": "warmup", "sigma_60": "warmup", "lead": "not_visible",
    "story": "not_visible",
}  # fmt: skip

Row = Mapping[str, Any]


def column(measure: str, point: int) -> str:
    """Name of a feature of the cube: `bar5s_cube_rest_eob_p2`, `..._m4`, `..._0`."""
    sign = "p" if point > 0 else "m" if point < 0 else ""
    return f"bar5s_cube_{MEASURES[measure]}_{sign}{abs(point)}"


def cube(row: Row, price: float) -> list[dict[str, Any]]:
    """One entry per point from -4 to +4: its price and its measures, None where unseen."""
    return [
        {"point": point, "price": price + point}
        | {measure: row.get(column(measure, point)) for measure in MEASURES}
        for point in POINTS
    ]


def wall(row: Row) -> dict[str, float | None]:
    """Where orders stand most against the travel: point beyond the level, strength, build, gap."""
    return {
        "j": row.get("bar5s_cube_wall_j"),
        "strength": row.get("bar5s_cube_wall_strength"),
        "build": row.get("bar5s_cube_wall_build"),
        "gap_pts": row.get("bar5s_cube_wall_gap_pts"),
    }


def retreat(row: Row) -> dict[str, float | None]:
    """Whether orders beyond the level and behind price withdraw, in (-1, 1); + withdraws."""
    return {side: row.get(f"bar5s_lvl_retreat_{side}_sum") for side in ("far", "near")}


def conditions(row: Row) -> list[float | None]:
    """The four conditions, each in (0, 1)."""
    return [row.get(f"bar5s_lvl_cond{n}_sum") for n in range(1, 5)]


def lead(row: Row) -> float | None:
    """Farthest point beyond the level up to which flow pushes with the travel; -2 none, None unseen."""
    found: float | None = row.get("bar5s_cube_lead")
    return found


def story(row: Row, direction: str | None) -> str | None:
    """What the cube shows, as a code; None where a direction or its features are missing.

    UNSEEN: fewer than two of the points 0 to 4 in the direction of travel are visible. PUSH_INTO_WALL: the
    push reaches the level, and beyond it at least 0.7 of the balance stands against it and does not
    shrink. PUSH_INTO_MELTING_WALL: the same, shrinking. CLEAR_PATH: the push reaches a point beyond and
    no balance of 0.55 stands against it. TWO_SIDED: anything else.
    """
    reach, stands = lead(row), wall(row)
    if direction is None or not {column("cov", point) for point in POINTS} <= row.keys():
        return None
    sign = 1 if direction == "UP" else -1
    ahead = [row[column("cov", sign * point)] for point in range(5)]
    if sum(share is not None and share >= VISIBLE for share in ahead) < _POINTS_TOLD:
        return "UNSEEN"
    strength, build = stands["strength"], stands["build"]
    if reach is None or strength is None:
        return "TWO_SIDED"
    if reach >= 0 and strength >= _STRONG and build is not None:
        return "PUSH_INTO_WALL" if build >= 0 else "PUSH_INTO_MELTING_WALL"
    return "CLEAR_PATH" if reach >= 1 and strength < _WEAK else "TWO_SIDED"


def told(code: str | None, row: Row, direction: str | None, price: float) -> str:
    """The story in one or two sentences."""
    sign = 1 if direction == "UP" else -1
    pushers, holders, way = ("Buyers", "sellers", "up") if sign > 0 else ("Sellers", "buyers", "down")
    reach, stands = lead(row), wall(row)
    pushed = f"{pushers} push {way}{_through(reach, sign, price)}"
    if code in {"PUSH_INTO_WALL", "PUSH_INTO_MELTING_WALL"} and stands["j"] is not None:
        where = price + sign * stands["j"]
        grows = "it melts" if code.endswith("MELTING_WALL") else "it is not melting"
        return (
            f"{pushed} into a wall: {holders} hold {where:,.2f} ({stands['strength']:.2f} of 1), and {grows}."
        )
    sentences = {
        "CLEAR_PATH": f"{pushed}, and no wall is visible beyond.",
        "TWO_SIDED": "Neither side leads: no push through the level against a wall, and no clear path.",
        "UNSEEN": "Too little of the book beyond the level is visible to tell a story.",
    }
    return sentences.get(code or "", "The cube was not built for this moment.")


def reasons(frame: Row) -> dict[str, str]:
    """Why each null of a frame is one, by its path."""
    found = {name: reason for name, reason in _REASONS.items() if frame[name] is None}
    cov = frame["cube"]["cov"]
    for measure in MEASURES:
        for place, value in enumerate(frame["cube"][measure]):
            if value is None:
                hidden = cov[place] is None or cov[place] < VISIBLE
                found[f"cube.{measure}[{place}]"] = "not_visible" if hidden else "no_profile"
    for group in ("wall", "retreat"):
        found |= {f"{group}.{name}": "not_visible" for name, value in frame[group].items() if value is None}
    return found | {f"cond[{n}]": "not_visible" for n, value in enumerate(frame["cond"]) if value is None}


def _through(reach: float | None, sign: int, price: float) -> str:
    return "" if reach is None or reach < 0 else f" through {price + sign * reach:,.2f}"
