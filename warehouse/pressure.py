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
_OPPPRESS, _ABSORB, _RVOL = "bar5s_lvl_opppress_eob", "bar5s_lvl_absorb_sum", "bar5s_rvol_trade_vol_ratio"
_BARRIER = {
    "rel": "bar5s_barrier_rel_eob", "dlog_1": "bar5s_barrier_dlog_1m", "state": "bar5s_barrier_state_1m",
}  # fmt: skip
_KIN = {"vel_1": "bar5s_kin_vel_1m", "acc_1": "bar5s_kin_acc_1m", "trend_5": "bar5s_kin_trend_5m"}
_OFI = {f"b{seconds}": f"bar5s_ofi_bal_{seconds}s" for seconds in (30, 60, 120, 300)}
_CANDLE = {name: f"bar5s_c2_{name}_0" for name in ("body", "over", "wick", "age")}
_QUALITY = {
    "late": "bar5s_meta_late_cnt_sum", "badbook": "bar5s_meta_badbook_sum",
    "reset": "bar5s_meta_reset_sum", "mismatch": "bar5s_meta_flow_mismatch_frac_sum",
}  # fmt: skip
BANDS = {"far": "bar5s_lvl_opp_far_cov_eob", "near": "bar5s_lvl_sup_near_cov_eob"}
"""Seen share of the ticks beyond the level and behind price; null where no order may rest."""
NAMES: Final[dict[str, Any]] = {
    "story": _STORY, "lead": _LEAD, "wall": _WALL, "retreat": _RETREAT, "cond": _CONDITIONS,
    "quad": _QUADRANTS, "opppress": _OPPPRESS, "absorb": _ABSORB, "barrier": _BARRIER, "kin": _KIN,
    "ofi": _OFI, "rvol": _RVOL, "candle": _CANDLE, "quality": _QUALITY,
}  # fmt: skip
"""Columns that a frame's keys are read from."""
_WALLS = {"PUSH_INTO_WALL": "it is not melting", "PUSH_INTO_MELTING_WALL": "it melts"}
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
COLUMNS = OF_CARD | frozenset(
    {_OPPPRESS, _ABSORB, _RVOL}.union(
        *(group.values() for group in (_QUADRANTS, _BARRIER, _KIN, _OFI, _CANDLE, _QUALITY, BANDS))
    )
)
"""Every column that a frame is made of."""


def cube(row: Row, price: float | None) -> list[dict[str, Any]]:
    """One entry per point from -4 to +4: its price and its measures, None where unseen."""
    return [
        {"point": point, "price": None if price is None else price + point}
        | {measure: row.get(column(measure, point)) for measure in MEASURES}
        for point in POINTS
    ]


def wall(row: Row) -> dict[str, float | None]:
    """Where orders stand most against the travel: point beyond the level, strength, build, gap."""
    return _group(row, _WALL)


def retreat(row: Row) -> dict[str, float | None]:
    """Whether orders beyond the level and behind price withdraw; + withdraws.

    `far` and `near` lie in (-1, 1); `near_res` is what price's own move does not explain of `near`.
    """
    return _group(row, _RETREAT)


def conditions(row: Row) -> list[float | None]:
    """The four conditions, each in (0, 1)."""
    return [row.get(column) for column in _CONDITIONS]


def lead(row: Row) -> float | None:
    """Farthest point beyond the level up to which flow pushes with the travel; -2 none, None unseen."""
    found: float | None = row.get(_LEAD)
    return found


def story(row: Row) -> str | None:
    """What the cube shows, by name; None where it cannot be told, such as without a profile of the past."""
    return _named(row, _STORY)


def _named(row: Row, column: str) -> str | None:
    """The name of a code."""
    code = row.get(column)
    return None if code is None else catalog.load()[column].codes[int(code)]


def quadrants(row: Row) -> dict[str, float | None]:
    """Memberships of break, wall rejection, vacuum and compression; they sum to 1."""
    return _group(row, _QUADRANTS)


def told(row: Row, direction: str | None, price: float | None) -> str:
    """The story in one or two sentences; `price` is the level, None where there is none."""
    if price is None:
        return "There is no level now: price has passed it."
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
        "told": told(row, direction, price),
        "retreat": retreat(row),
        "cond": conditions(row),
        "quad": quadrants(row),
        "opppress": row.get(_OPPPRESS),
        "absorb": row.get(_ABSORB),
        "barrier": _group(row, _BARRIER) | {"state": _named(row, _BARRIER["state"])},
        "kin": _group(row, _KIN),
        "ofi": {name: _raw(value, direction) for name, value in _group(row, _OFI).items()},
        "rvol": row.get(_RVOL),
        "candle": _group(row, _CANDLE),
        "quality": {"cov_min": _seen(row)} | _group(row, _QUALITY),
    }


def _group(row: Row, columns: Mapping[str, str]) -> dict[str, Any]:
    return {name: row.get(column) for name, column in columns.items()}


def _raw(value: float | None, direction: str | None) -> float | None:
    """A value in the direction of travel as one whose plus is up."""
    return None if value is None else (-value if direction == "DOWN" else value) + 0.0


def _seen(row: Row) -> float | None:
    """The lesser coverage of the bands; None where no order may rest in either."""
    known = [share for share in _group(row, BANDS).values() if share is not None]
    return min(known, default=None)
