"""Turn declared features into lazy queries; the only place that knows windows, joins and directions."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from warehouse.catalog import Grain

Tables = Mapping[str, pl.LazyFrame]


def families() -> list[str]:
    """Every family, sorted."""
    raise NotImplementedError


def grain(family: str) -> Grain:
    """What a row of a family is: a bar, a bar at a level, or a setup."""
    raise NotImplementedError


def reads(family: str) -> tuple[str, ...]:
    """Tables that a family needs, by their short names: book, ladder, levels, profile."""
    raise NotImplementedError


def fingerprint(family: str) -> str:
    """Changes with what a family computes, not with how it is described."""
    raise NotImplementedError


def family(name: str, tables: Tables) -> pl.LazyFrame:
    """A family of bars or of bars at levels: its key (`bar_ts`, or `level_id, bar_ts`) and its features.

    Args:
        name: The family.
        tables: Tables of one symbol and date by their short names.
    """
    raise NotImplementedError


def at_setups(triggers: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Every feature of trigger bars: market-wide, about the level, and in the direction of travel.

    Args:
        triggers: setup_id, level_price, trigger_ts (start of the bar), direction (UP or DOWN), sigma_60.
        tables: Tables of one symbol and date by their short names; later bars are not read.

    Returns:
        One row per trigger, in their order: setup_id and the features that are not columns of `triggers`.
    """
    raise NotImplementedError
