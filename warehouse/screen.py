"""The JSON Schema of a pressure frame: its keys from the frame, bounds and meanings from the catalogue."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from warehouse import catalog, nulls, pressure
from warehouse.declared import Feature
from warehouse.schema import LEVEL_KINDS

PAGE = "pressure_frame.schema.json"
Schema = dict[str, Any]

STATES = ("OUT", "ZONE", "TRIGGERED", "RESOLVED")
_STATE = (
    "TRIGGERED: an arrival's label clock runs. RESOLVED: it has run out, and price has not left the level. "
    "Else ZONE within a point of the level, OUT beyond."
)
_SEEN = {
    "type": ["number", "null"], "minimum": 0, "maximum": 1,
    "description": "Seen share of ticks beyond the level or behind price, the lesser; null where none count.",
}  # fmt: skip
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def text() -> str:
    """The schema as it is committed."""
    return json.dumps(schema(), indent=1) + "\n"


def schema() -> Schema:
    """Every key of a frame is required and no other is allowed; null means unknown, and `nulls` says why."""
    return {"$schema": _DRAFT, "title": "Pressure frame", **_object(_frame())}


def _frame() -> Schema:
    names = pressure.NAMES
    return {
        "v": {"const": 1, "description": "Version of this format."},
        "seq": _whole("Bars since the date's first; without gaps."),
        "ts_end": _whole("Bar end, ns UTC: when the frame is known."),
        "symbol": _text("The contract."),
        "level_id": _text("The level."),
        "level_kind": {"enum": list(LEVEL_KINDS), "description": "CUSTOM is a price that was asked for."},
        "is_placebo": {"const": False},
        "L": {
            **_nullable(
                "number", "The level as the bar knows it, points; of an arrival that holds that at T0."
            ),
            "exclusiveMinimum": 0,
        },
        "d": {"enum": [1, -1, None], "description": "1: price comes from below; -1: from above."},
        "state": {"enum": [*STATES, None], "description": _STATE},
        "setup_id": _nullable("string", "The arrival that is TRIGGERED or RESOLVED."),
        "x_pts": _nullable("number", "d (mid - L), points; negative before the level."),
        "x_sig": _nullable("number", "The same in expected one-minute moves."),
        "sigma_60": {**_nullable("number", "Expected one-minute move, points."), "minimum": 0},
        "tau_s": {**_nullable("number", "Seconds since T0 of that arrival."), "minimum": 0},
        "cube": _object(_cube()),
        "lead": _of(names["lead"]),
        "wall": _group(names["wall"]),
        "story": _of(names["story"]),
        "told": _text("The story in words."),
        "retreat": _group(names["retreat"]),
        "cond": _list([_of(column) for column in names["cond"]]),
        "quad": _group(names["quad"]),
        "opppress": _of(names["opppress"]),
        "absorb": _of(names["absorb"]),
        "barrier": _group(names["barrier"]),
        "kin": _group(names["kin"]),
        "ofi": {**_group(names["ofi"]), "description": "Raw sign, as the cube: + is long pressure."},
        "rvol": _of(names["rvol"]),
        "candle": {**_group(names["candle"]), "description": "The running one, in the direction of travel."},
        "quality": _object({"cov_min": _SEEN, **_group(names["quality"])["properties"]}),
        "nulls": {
            "type": "object",
            "additionalProperties": {"enum": list(nulls.REASONS)},
            "description": "Why a value is null, by its path.",
        },
    }


def _cube() -> Schema:
    prices = [_nullable("number", "The point's price; null without a level.") for _ in pressure.POINTS]
    points = {"j": _list([{"const": point} for point in pressure.POINTS]), "px": _list(prices)}
    measures = {
        name: _list([_of(pressure.column(name, point)) for point in pressure.POINTS])
        for name in pressure.MEASURES
    }
    return points | measures


def _of(column: str) -> Schema:
    """A feature's value: a number within its bounds or the name of its code, or null."""
    feature: Feature = catalog.load()[column]
    if feature.codes:
        return {"enum": [*feature.codes, None], "description": _doc(column)}
    lo, hi = feature.bounds
    bounds = {"minimum": lo} if math.isfinite(lo) else {}
    bounds |= {"maximum": hi} if math.isfinite(hi) else {}
    return _nullable("number", _doc(column)) | bounds


def _group(columns: Mapping[str, str]) -> Schema:
    return _object({name: _of(column) for name, column in columns.items()})


def _doc(column: str) -> str:
    return catalog.load()[column].summary


def _object(properties: Mapping[str, Any]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: list[Schema]) -> Schema:
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _nullable(kind: str, doc: str) -> Schema:
    return {"type": [kind, "null"], "description": doc}


def _text(doc: str) -> Schema:
    return {"type": "string", "description": doc}


def _whole(doc: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": doc}
