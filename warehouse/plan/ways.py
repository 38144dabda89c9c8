"""How features are made of the bars before moments, as these lie or in the direction of travel."""

from __future__ import annotations

import polars as pl

from warehouse import catalog, pieces
from warehouse.declared import Feature
from warehouse.frames import Tables
from warehouse.mirror import Turned
from warehouse.plan.layers import with_features
from warehouse.plan.reach import both_ways, depths, leaves, ordered, rows

ENTITY = "entity"
"""Key of a level with a direction, over whose bars windows run."""
GIVEN = ("sigma_60",)
"""Features that a moment brings along, frozen, rather than has made again."""
_KEYS = (ENTITY, "bar_ts", "age", "level_px", "d", "tick_px", "sigma_60")


class Route:
    """What is made for some features, of how many bars, and what is read for it.

    Args:
        wanted: The features.
        bars: Bars of a history.
        given: Features that are read rather than made.
        turned: How the frame is reflected; None as it lies.

    Attributes:
        asked: Columns of tables, and measures, with the bars up to a moment on which each is read.
    """

    def __init__(
        self, wanted: list[Feature], bars: int, given: frozenset[str], turned: Turned | None = None
    ) -> None:
        self._wanted, self._turned = [one.name for one in wanted], turned
        self._made = ordered([one for one in wanted if one.name not in given], {*GIVEN, *given})
        asked = depths(wanted, self._made)
        self._told = _twins({name: min(asked[name], bars) for name in given.intersection(asked)})
        self._needs = {one.name: min(rows(one, asked), bars) for one in self._made}
        self.asked = {name: min(back, bars) for name, back in both_ways(asked).items() if name not in _KEYS}

    def reads(self, step: int, after: int) -> set[str]:
        """Columns of tables, and measures, that are first read at a step."""
        return {name for name, back in self.asked.items() if after < back <= step}

    def told(self, step: int, after: int) -> set[str]:
        """Features stored of bars that are first read at a step."""
        return {name for name, back in self._told.items() if after < back <= step}

    def walk(self, given: Tables, step: int, after: int, few: bool) -> pl.LazyFrame:  # noqa: FBT001 (what it is planned for)
        """Take a step: leave the rows beyond it, add the columns found for it, make the features due."""
        columns, measures = leaves(self.reads(step, after))
        told = [catalog.load()[name] for name in sorted(self.told(step, after))]
        fresh = sorted(columns) + [one.name for one in measures] + [one.name for one in told]
        turned = given["found"]
        if self._turned:
            turned = self._turned(turned, [*(one.mirror for one in measures), *(one.mirror for one in told)])
        whole = turned.select(pl.col([*_KEYS, *fresh]))
        if self._turned:
            whole = whole.with_columns(d=pl.lit(1.0))
        if "old" in given:
            old = given["old"].filter(pl.col("age") < step).drop(_KEYS)
            whole = pl.concat([whole, old], how="horizontal")
        due = [one for one in self._made if after < self._needs[one.name] <= step]
        later = {name for one in self._made if self._needs[one.name] <= after for name in one.inputs}
        later.update(_KEYS, self._wanted)
        there = (*whole.collect_schema(), *(one.name for one in due))
        made = pieces.with_features(whole, due) if few else with_features(whole, due, None)
        return made.select(pl.col([name for name in there if name in later]))

    def values(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The wanted features at their moments."""
        return frame.filter(pl.col("age") == 0).select(pl.col([ENTITY, "bar_ts", *self._wanted]))


def _twins(asked: dict[str, int]) -> dict[str, int]:
    """Depths of features, each as far as it or its mirror image is read."""
    swaps = {name: catalog.load()[name].swap for name in asked}
    both = {*asked, *swaps.values()}
    return {name: max(asked.get(name, 1), asked.get(catalog.load()[name].swap, 1)) for name in both}
