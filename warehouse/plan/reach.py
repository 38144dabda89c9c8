"""How far back each column is read, so that moments are made from no more rows than they need."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from warehouse import catalog, inputs
from warehouse.catalog import HISTORY
from warehouse.declared import Feature, Measure

STEPS = (145, 73, 37, 13, 2)
"""Bars up to a moment, its own included: what needs no more than a step is made of those rows alone.

Never of one row: Polars divides one value by a number in another way than many, in the last bit.
"""


_WORTH = 200


def ordered(wanted: Iterable[Feature], given: Collection[str]) -> list[Feature]:
    """The wanted features and all that they read, but for the given ones; what is read comes first."""
    known = catalog.load()
    found: dict[str, Feature] = {}

    def visit(feature: Feature) -> None:
        for name in feature.inputs:
            if name in known and name not in found and name not in given:
                visit(known[name])
        found.setdefault(feature.name, feature)

    for feature in wanted:
        visit(feature)
    return list(found.values())


@functools.lru_cache(1)
def stored(declared: tuple[Feature, ...]) -> frozenset[str]:
    """Features that every bar is stored with: of families without levels, and not of the date so far."""
    known = catalog.load()
    others = {one.family for one in declared if one.grain != "bar"}
    return frozenset(
        one.name
        for one in declared
        if one.family not in others and (known.reach_of(one) or HISTORY + 1) <= HISTORY
    )


def leaves(names: Iterable[str]) -> tuple[set[str], list[Measure]]:
    """Of the columns that features read: those of tables, and measures; each with its mirror image."""
    known = catalog.load()
    read = {name for name in names if name not in known}
    summed = read & known.measures.keys()
    summed |= {swap for name in summed if (swap := known.measures[name].mirror.swap)}
    columns = read - known.measures.keys()
    twins = {one.swap for name in columns if (one := inputs.BAR.get(name)) and one.swap}
    return columns | twins, [known.measures[name] for name in sorted(summed)]


def both_ways(asked: Mapping[str, int]) -> dict[str, int]:
    """Depths of columns and measures, each as far as it or its mirror image is read."""
    columns, measures = leaves(asked)
    swaps = {name: one.swap for name in columns if (one := inputs.BAR.get(name))}
    swaps |= {one.name: one.mirror.swap for one in measures}
    return {
        name: max(asked.get(name, 1), asked.get(swaps.get(name) or name, 1))
        for name in (*columns, *(one.name for one in measures))
    }


def history(wanted: Iterable[Feature]) -> int:
    """Bars that some features need, their own included, as far as a moment looks back; at least two."""
    return max(STEPS[-1], 0, *(catalog.load().reach_of(one) or HISTORY for one in wanted))


def depths(wanted: Iterable[Feature], made: Sequence[Feature]) -> dict[str, int]:
    """Bars up to a moment, its own included, on which each column has to have its value.

    Args:
        wanted: Features asked of the moment alone.
        made: All that are made for them, each after those that it reads.
    """
    asked = {one.name: 1 for one in wanted}
    for feature in reversed(made):
        for name in feature.inputs:
            asked[name] = max(asked.get(name, 1), rows(feature, asked))
    return asked


def rows(feature: Feature, asked: dict[str, int]) -> int:
    """Bars up to a moment that a feature is made from, to have its values where they are asked."""
    return asked[feature.name] + (feature.window or HISTORY) - 1


def steps(bars: int, moments: int) -> list[tuple[int, int]]:
    """Steps over a history of some bars, each with the next: what needs more than the next is made there.

    Those that would leave out few rows of so many moments are not taken: a step takes longer than they do.
    """
    taken = [bars]
    for step in STEPS:
        if (taken[-1] - step) * moments >= _WORTH:
            taken.append(step)
    return [*pairwise([*taken, 0])]
