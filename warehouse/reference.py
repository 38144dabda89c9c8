"""The catalogue as text: pages for `docs/` and tables for the terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from warehouse import catalog, plan
from warehouse.catalog import Catalog
from warehouse.declared import EVERYTHING, Feature
from warehouse.errors import QuestionError

FOLDER = "features"
Row = dict[str, str]

_ROWS = {"bar": "bars", "level": "bars at a level", "setup": "setups"}
_HEAD = "Generated from the declarations in `features/` by `just docs`; do not edit."


def pages() -> dict[str, str]:
    """Every page of `docs/features/` by its path under `docs/`: one per family, and an index."""
    made = {f"{FOLDER}/{family}.md": page(family) for family in plan.families()}
    return {f"{FOLDER}/index.md": index(), **made}


def index() -> str:
    """The families with their counts, the vectors with their slots."""
    known = catalog.load()
    rows = [
        {
            "family": f"[{one['family']}]({one['family']}.md)",
            **{key: one[key] for key in ("features", "rows", "meaning")},
        }
        for one in families()
    ]
    vectors = "".join(
        f"\n## Vector `{name}`\n\n" + "".join(f"{n}. `{slot}`\n" for n, slot in enumerate(slots, 1))
        for name, slots in known.vectors.items()
    )
    return (
        f"# Features\n\n{_HEAD}\n\n{len(known)} features in {len(rows)} families.\n\n{_table(rows)}{vectors}"
    )


def page(family: str) -> str:
    """Every feature of a family: unit, window, bounds, sign and meaning."""
    features = catalog.load().family(family)
    broken = [
        f"- `{one.name}` cannot keep the {law} law: {reason}.\n"
        for one in features
        for law, reason in one.breaks.items()
    ]
    notes = [
        f"\n## `{one.name}`\n\n{one.doc}\n" + (f"\nCodes: {_codes(one)}.\n" if one.codes else "")
        for one in features
        if one.codes or "\n\n" in one.doc
    ]
    counted = (
        f"{len(features)} features of {_ROWS[plan.grain(family)]}; from {', '.join(plan.reads(family))}."
    )
    intro = f"# {family}\n\n{_HEAD}\n\n{_meaning(family)}\n\n{counted}\n\n"
    exceptions = "\n## Exceptions\n\n" + "".join(broken) if broken else ""
    return intro + _table(map(row, features)) + exceptions + "".join(notes)


def families() -> list[Row]:
    """One row per family: its name, count, what a row is, and meaning."""
    return [
        {
            "family": family,
            "features": str(len(catalog.load().family(family))),
            "rows": _ROWS[plan.grain(family)],
            "meaning": _meaning(family),
        }
        for family in plan.families()
    ]


def find(name: str | None = None) -> list[Row]:
    """What `warehouse features` shows: the families, the features of one, all about one feature, or a search.

    Args:
        name: A family, a feature, or words: each is found in a name or a meaning, or is a unit or a window
            in bars; features that have all of them are found.

    Raises:
        QuestionError: If nothing is found.
    """
    known = catalog.load()
    if name is None:
        return families()
    if name in known.families():
        return [row(feature) for feature in known.family(name)]
    for called in (name, catalog.PREFIX + name):
        if called in known:
            return about(known, known[called])
    if found := [row(feature) for feature in known.values() if _has(known, feature, name.lower().split())]:
        return found
    near = difflib.get_close_matches(name, [*known.families(), *known]) or known.families()
    raise QuestionError(f"there is no family and no feature `{name}`: did you mean {', '.join(near)}?")


def _has(known: Catalog, feature: Feature, words: list[str]) -> bool:
    """Whether a feature has all words: in name or meaning, or as unit or window."""
    text, exact = f"{feature.name} {feature.summary}".lower(), {str(feature.unit), _window(known, feature)}
    return all(word in exact or (word in text and not word.isdigit()) for word in words)


def row(feature: Feature) -> Row:
    """A feature on one line."""
    return {
        "column": f"{feature.name}",
        "unit": str(feature.unit),
        "window": _window(catalog.load(), feature),
        "bounds": _bounds(feature),
        "mirror": _mirror(feature),
        "meaning": feature.summary,
    }


def about(known: Catalog, feature: Feature) -> list[Row]:
    """All that is declared of a feature, a fact a row."""
    facts = {
        **row(feature),
        "meaning": feature.doc,
        "family": feature.family,
        "rows": _ROWS[feature.grain],
        "reads": ", ".join(feature.inputs),
        "rises with": feature.rises_with or "",
        "codes": _codes(feature),
        "breaks": "; ".join(f"{law}: {reason}" for law, reason in feature.breaks.items()),
        "idle": feature.idle,
        "vectors": ", ".join(name for name, slots in known.vectors.items() if feature.name in slots),
        "declared": feature.where,
    }
    return [{"fact": fact, "value": value} for fact, value in facts.items() if value]


def _table(rows: Iterable[Row]) -> str:
    """A Markdown table of rows with the same keys."""
    told = list(rows)
    lines = [list(told[0]), ["---"] * len(told[0]), *(_escaped(one) for one in told)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _escaped(one: Row) -> list[str]:
    return [f"`{value}`" if key == "column" else value.replace("|", "\\|") for key, value in one.items()]


def _window(known: Catalog, feature: Feature) -> str:
    bars = known.reach_of(feature)
    return "date so far" if bars is None else str(bars)


def _bounds(feature: Feature) -> str:
    low, high = feature.bounds
    return "" if feature.bounds == EVERYTHING else f"{low:g} to {high:g}"


def _mirror(feature: Feature) -> str:
    """What reflecting the tape about the level makes of it."""
    if feature.faced:
        return "same"
    told = {"odd": "-", "even": "", "reflect": "2 L - "}[feature.parity]
    return (
        f"{told}{feature.swap}"
        if feature.swap != feature.name
        else {"odd": "flips"}.get(feature.parity, told + "same")
    )


def _codes(feature: Feature) -> str:
    return ", ".join(f"{place} {name}" for place, name in enumerate(feature.codes))


def _meaning(family: str) -> str:
    """First sentence of the module's docstring."""
    return " ".join(catalog.described(family).partition("\n\n")[0].split())
