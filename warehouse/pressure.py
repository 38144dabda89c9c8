"""The pressure around a level at a bar's end: the cube, its story and the four conditions.

Signs of the cube are raw: + is long pressure, point +1 is one index point above the level. `d` says which
way price travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from warehouse import catalog

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
_STORY, _LEAD = "bar5s_cube_story", "bar5s_cube_lead"
_WALL = {
    "j": "bar5s_cube_wall_j", "strength": "bar5s_cube_wall_strength",
    "build": "bar5s_cube_wall_build", "gap_pts": "bar5s_cube_wall_gap_pts",
}  # fmt: skip
_RETREAT = {side: f"bar5s_lvl_retreat_{side}_sum" for side in ("far", "near", "near_res")}
_CONDITIONS = tuple(f"bar5s_lvl_cond{n}_sum" for n in range(1, 5))
_QUADRANTS = {name: f"bar5s_lvl_quad_{name}_sum" for name in ("break", "wallrej", "vacuum", "compress")}
NAMES: Final[dict[str, Any]] = {
    "story": _STORY, "lead": _LEAD, "wall": _WALL, "retreat": _RETREAT, "cond": _CONDITIONS,
    "quad": _QUADRANTS,
}  # fmt: skip
"""Columns that a frame's keys are read from."""
_WALLS = {"PUSH_INTO_WALL": "it is not melting", "PUSH_INTO_MELTING_WALL": "it melts"}
_REASONS = {
    "d": "not_applicable", "setup_id": "not_applicable", "tau_s": "not_applicable", "state": "not_applicable",
    "x_pts": "not_applicable", "x_sig": "warmup", "sigma_60": "warmup", "lead": "not_visible",
}  # fmt: skip

Row = Mapping[str, Any]


def column(measure: str, point: int) -> str:
    """Name of a feature of the cube: `bar5s_cube_rest_eob_p2`, `..._m4`, `..._0`."""
    sign = "p" if point > 0 else "m" if point < 0 else ""
    return f"bar5s_cube_{MEASURES[measure]}_{sign}{abs(point)}"


OF_CARD = frozenset(
    {column(measure, point) for measure in MEASURES for point in POINTS}
    | {_STORY, _LEAD, *_WALL.values(), *_RETREAT.values(), *_CONDITIONS}
)
"""Columns that a card is told from."""
COLUMNS = OF_CARD | frozenset(_QUADRANTS.values())
"""Every column that is read here."""


def cube(row: Row, price: float | None) -> list[dict[str, Any]]:
    """One entry per point from -4 to +4: its price and its measures, None where unseen."""
    return [
        {"point": point, "price": None if price is None else price + point}
        | {measure: row.get(column(measure, point)) for measure in MEASURES}
        for point in POINTS
    ]


def wall(row: Row) -> dict[str, float | None]:
    """Where orders stand most against the travel: point beyond the level, strength, build, gap."""
    return {name: row.get(column) for name, column in _WALL.items()}


def retreat(row: Row) -> dict[str, float | None]:
    """Whether orders beyond the level and behind price withdraw; + withdraws.

    `far` and `near` lie in (-1, 1); `near_res` is what price's own move does not explain of `near`.
    """
    return {side: row.get(column) for side, column in _RETREAT.items()}


def conditions(row: Row) -> list[float | None]:
    """The four conditions, each in (0, 1)."""
    return [row.get(column) for column in _CONDITIONS]


def lead(row: Row) -> float | None:
    """Farthest point beyond the level up to which flow pushes with the travel; -2 none, None unseen."""
    found: float | None = row.get(_LEAD)
    return found


def story(row: Row) -> str | None:
    """What the cube shows, by name; None where it cannot be told, such as without a profile of the past."""
    code = row.get(_STORY)
    return None if code is None else catalog.load()[_STORY].codes[int(code)]


def quadrants(row: Row) -> dict[str, float | None]:
    """Memberships of break, wall rejection, vacuum and compression; they sum to 1."""
    return {name: row.get(column) for name, column in _QUADRANTS.items()}


def told(row: Row, direction: str | None, price: float) -> str:
    """The story in one or two sentences; `price` is the level."""
    code, sign = story(row), -1 if direction == "DOWN" else 1
    pushers, holders, way = ("Buyers", "sellers", "up") if sign > 0 else ("Sellers", "buyers", "down")
    reach, stands = lead(row), wall(row)
    through = f" through {price + sign * reach:,.2f}" if reach is not None and reach >= 0 else ""
    pushed = f"{pushers} push {way}{through}"
    if code in _WALLS and stands["j"] is not None and stands["strength"] is not None:
        where = f"{price + sign * stands['j']:,.2f} ({stands['strength']:.2f} of 1)"
        return f"{pushed} into a wall: {holders} hold {where}, and {_WALLS[code]}."
    return {
        "CLEAR_PATH": f"{pushed}, and no wall is seen beyond.",
        "TWO_SIDED": "Neither side leads: no push into a wall, and no clear path.",
        "UNSEEN": "Too little of the book beyond the level is seen to tell a story.",
    }.get(
        code or "",
        "No story can be told of this moment: the usual sizes or the flow at the level are unknown.",
    )


def frame(row: Row, direction: str | None, price: float | None) -> dict[str, Any]:
    """What a frame shows of a bar; `price` is the level, null where there is none."""
    points = cube(row, price)
    return {
        "cube": {"j": list(POINTS), "px": [point["price"] for point in points]}
        | {measure: [point[measure] for point in points] for measure in MEASURES},
        "lead": lead(row),
        "wall": wall(row),
        "story": story(row),
        "told": "There is no level now: price has passed it."
        if price is None
        else told(row, direction, price),
        "retreat": retreat(row),
        "cond": conditions(row),
        "quad": quadrants(row),
    }


def reasons(frame: Row) -> dict[str, str]:
    """Why each null of a frame is one, by its path."""
    cov, rest = frame["cube"]["cov"], frame["cube"]["rest"]
    unusual = any(value is None and (seen or 0) >= VISIBLE for value, seen in zip(rest, cov, strict=True))
    unknown = "no_profile" if unusual else "not_visible"
    known = _REASONS | {"story": unknown}
    found = {name: reason for name, reason in known.items() if frame[name] is None}
    for measure in MEASURES:
        for place, value in enumerate(frame["cube"][measure]):
            if value is None:
                hidden = cov[place] is None or cov[place] < VISIBLE
                found[f"cube.{measure}[{place}]"] = "not_visible" if hidden else "no_profile"
    for group, reason in (("wall", unknown), ("retreat", "not_visible"), ("quad", "not_visible")):
        found |= {f"{group}.{name}": reason for name, value in frame[group].items() if value is None}
    if "retreat.near_res" in found and frame["retreat"]["near"] is not None:
        found["retreat.near_res"] = "no_profile"
    return found | {f"cond[{n}]": "not_visible" for n, value in enumerate(frame["cond"]) if value is None}
