"""The JSON Schema of a pressure frame: its keys from the frame, bounds and meanings from the catalogue."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from warehouse import catalog, pressure
from warehouse.declared import Feature
from warehouse.schema import LEVEL_KINDS

PAGE = "pressure_frame.schema.json"
Schema = dict[str, Any]

STATES = ("OUT", "ZONE", "TRIGGERED")
REASONS = ("not_visible", "not_applicable", "warmup", "no_profile")
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
        "L": {"type": "number", "exclusiveMinimum": 0, "description": "The level, points."},
        "d": {"enum": [1, -1, None], "description": "1: price comes from below; -1: from above."},
        "state": {"enum": [*STATES, None], "description": "TRIGGERED while a label clock runs."},
        "setup_id": _nullable("string", "The running setup."),
        "x_pts": _nullable("number", "d (mid - L), points; negative before the level."),
        "x_sig": _nullable("number", "The same in expected one-minute moves."),
        "sigma_60": {**_nullable("number", "Expected one-minute move, points."), "minimum": 0},
        "tau_s": {**_nullable("number", "Seconds since the running setup was frozen."), "minimum": 0},
        "cube": _object(_cube()),
        "lead": _of(names["lead"]),
        "wall": _object({name: _of(column) for name, column in names["wall"].items()}),
        "story": {"enum": [*catalog.load()[names["story"]].codes, None], "description": _doc(names["story"])},
        "told": _text("The story in words."),
        "retreat": _object({name: _of(column) for name, column in names["retreat"].items()}),
        "cond": _list([_of(column) for column in names["cond"]]),
        "quad": _object({name: _of(column) for name, column in names["quad"].items()}),
        "nulls": {
            "type": "object",
            "additionalProperties": {"enum": list(REASONS)},
            "description": "Why a value is null, by its path.",
        },
    }


def _cube() -> Schema:
    prices = [{"type": "number"} for _ in pressure.POINTS]
    points = {"j": _list([{"const": point} for point in pressure.POINTS]), "px": _list(prices)}
    measures = {
        name: _list([_of(pressure.column(name, point)) for point in pressure.POINTS])
        for name in pressure.MEASURES
    }
    return points | measures


def _of(column: str) -> Schema:
    """A feature's value: a number within its bounds, or null."""
    feature: Feature = catalog.load()[column]
    lo, hi = feature.bounds
    bounds = {"minimum": lo} if math.isfinite(lo) else {}
    bounds |= {"maximum": hi} if math.isfinite(hi) else {}
    return _nullable("number", _doc(column)) | bounds


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
