"""Every frame of a session against the committed schema, by a validator of the words that it uses."""

import copy
import json
from pathlib import Path

import polars as pl
import pytest

from warehouse import library, question, replay, screen
from warehouse.schema import BAR_NS

COMMITTED = json.loads((Path(__file__).parents[1] / "docs" / screen.PAGE).read_text())
KINDS = {
    "number": (int, float),
    "integer": int,
    "string": str,
    "null": type(None),
    "object": dict,
    "array": list,
}
WORDS = {
    "$schema", "title", "description", "type", "const", "enum", "minimum", "maximum", "exclusiveMinimum", "properties",
    "required", "additionalProperties", "prefixItems", "items", "minItems",
}  # fmt: skip


def wrong(value, schema, path="$"):
    """Where a value breaks a schema, as JSON Schema 2020-12 has it."""
    assert set(schema) <= WORDS, "a word that is not checked here"
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if kinds and (isinstance(value, bool) or not any(isinstance(value, KINDS[kind]) for kind in kinds)):
        return [f"{path} is no {kinds}"]
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        return [f"{path} is {value!r}"]
    found = []
    if isinstance(value, (int, float)):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high or value <= schema.get("exclusiveMinimum", value - 1):
            found.append(f"{path} is {value}")
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{path}.{name} is missing" for name in schema.get("required", []) if name not in value]
        found += [f"{path}.{name} is unknown" for name in value if name not in known and rest is False]
        for name, one in value.items():
            found += wrong(one, known.get(name, rest if isinstance(rest, dict) else {}), f"{path}.{name}")
    if isinstance(value, list):
        heads = schema.get("prefixItems", [])
        if len(value) < schema.get("minItems", 0) or (
            schema.get("items") is False and len(value) > len(heads)
        ):
            found.append(f"{path} has {len(value)} items")
        for n, (one, head) in enumerate(zip(value, heads, strict=False)):
            found += wrong(one, head, f"{path}[{n}]")
    return found


@pytest.fixture(scope="module")
def frames(tiny_built):
    """Every bar of a session at one of its levels, from when it is known."""
    setup = library.setups(tiny_built).filter(~pl.col("is_placebo")).sort("known_ts")
    row = setup.with_columns(pl.col("known_ts").cast(pl.Int64)).row(-1, named=True)
    place = question.place(tiny_built, row["level_kind"], row["known_ts"])
    ends = place.scan("silver.book").select(pl.col("bar_ts").cast(pl.Int64).max()).collect().item()
    levels = place.scan("silver.levels").filter(pl.col("level_id") == place.level_id)
    known = levels.select(pl.col("known_ts").cast(pl.Int64).min()).collect().item()
    return replay.physics(tiny_built, row["level_kind"], known, ends + BAR_NS)


def test_the_committed_schema_is_the_catalogues() -> None:
    assert screen.schema() == COMMITTED, "run: just docs"


def test_every_frame_of_a_session_keeps_the_schema(frames) -> None:
    assert len(frames) > 300
    for frame in frames:
        assert wrong(json.loads(json.dumps(frame)), COMMITTED) == []
    assert [frame["seq"] for frame in frames] == list(range(frames[0]["seq"], frames[0]["seq"] + len(frames)))
    assert {frame["state"] for frame in frames} >= {"OUT", "TRIGGERED"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("state",), "LOST"), (("x_pts",), "3"), (("cube", "rest", 3), 1.5), (("cond", 0), -0.1), (("L",), 0), (("story",), "NEW"),
        (("seq",), -1), (("seq",), 1.5), (("d",), 0), (("nulls", "x_pts"), "because"), (("cube", "j", 0), 4), (("is_placebo",), True),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_seen(frames, path, value) -> None:
    frame = copy.deepcopy(frames[100])
    inner = frame
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert wrong(frame, COMMITTED) != []


def test_a_key_too_few_or_too_many_is_seen(frames) -> None:
    fewer = {name: value for name, value in frames[0].items() if name != "quad"}
    assert wrong(fewer, COMMITTED) == ["$.quad is missing"]
    assert wrong({**frames[0], "new": 1}, COMMITTED) == ["$.new is unknown"]
    short = copy.deepcopy(frames[0])
    short["cube"]["px"].pop()
    assert wrong(short, COMMITTED) == ["$.cube.px has 8 items"]
