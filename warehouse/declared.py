"""What is known of one declared column: a feature, or a measure that features read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from warehouse.errors import InputMismatchError
from warehouse.schema import Column, Mirror
from warehouse.units import Unit

Parity = Literal["odd", "even", "reflect"]
Grain = Literal["bar", "level", "setup"]
Body = Callable[..., pl.Expr]

GRAINS: tuple[Grain, ...] = ("bar", "level", "setup")
_MIRRORS: Mapping[Parity, Mirror] = {"odd": "negate", "even": "same", "reflect": "reflect"}
EVERYTHING = (float("-inf"), float("inf"))
"""Bounds that hold nothing back."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measure:
    """A sum over ladder rows that features read as a column.

    Args:
        name: Column name.
        doc: One sentence.
        unit: What a value of 1 means.
        grain: `bar`: over all rows of a bar. `level`: over its rows within reach of the level.
        expr: Aggregation over the columns of `inputs.ROW`.
        mirror: The column it becomes when the tape is reflected, and what happens to its value.
        absent: Value where no row is in reach; null unless nothing happened there for certain.
        where: `module:line` of the declaration.
    """

    name: str
    doc: str
    unit: Unit
    grain: Literal["bar", "level"]
    expr: pl.Expr
    mirror: Column
    absent: float | None
    where: str

    @functools.cached_property
    def reads(self) -> tuple[str, ...]:
        """Columns of ladder rows that it is made from."""
        return tuple(self.expr.meta.root_names())

    @functools.cached_property
    def named(self) -> pl.Expr:
        """The aggregation under its name."""
        return self.expr.alias(self.name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """One named column of the warehouse and all that is known of it.

    Args:
        name: Column name.
        family: The module it lives in; one dataset and one page per family.
        doc: Its docstring, the text of docs and column comment.
        unit: What a value of 1 means.
        window: Bars its body looks back on, its own included; 1 is pointwise, None the date so far.
        parity: What reflecting the tape about the level does to it: `odd` flips the sign, `reflect` gives
            `2 L - value`.
        swap: The feature it becomes when the tape is reflected; itself unless told.
        rises_with: An input by whose growing it never falls; states the sign a second time.
        bounds: Closed interval every non-null value lies in.
        inputs: Columns it reads: of bars, levels, constants, measures or other features.
        body: The function, from expressions to expression.
        grain: What a row is: a bar, a bar at a level, or a setup.
        faced: Read as if the travel were up: with `d` -1 every input is its mirror image.
        codes: Names of the values 0, 1, ... of an ordered code.
        breaks: Laws that it cannot keep, each with the reason.
        idle: Why it may be constant, or the same as another, at the arrivals of a sound session.
        needs: Bars of the tables that it needs in all; None what its window and its inputs' add up to.
        dtype: Its type.
        where: `module:line` of the declaration.
    """

    name: str
    family: str
    doc: str
    unit: Unit
    window: int | None
    parity: Parity
    swap: str
    rises_with: str | None
    bounds: tuple[float, float]
    inputs: tuple[str, ...]
    body: Body
    grain: Grain
    faced: bool
    codes: tuple[str, ...]
    breaks: Mapping[str, str]
    idle: str
    needs: int | None
    dtype: pl.DataType
    where: str

    @property
    def mirror(self) -> Column:
        """The column that it becomes when the tape is reflected, and what happens to its value."""
        return Column(self.name, self.dtype, self.unit, self.summary, self.swap, _MIRRORS[self.parity])

    @property
    def summary(self) -> str:
        """First paragraph of the docstring on one line; it becomes the column comment."""
        return " ".join(self.doc.partition("\n\n")[0].split())

    @functools.cached_property
    def expr(self) -> pl.Expr:
        """The feature over columns of its inputs' names, made when it is first asked for.

        Raises:
            InputMismatchError: If its body reads other columns than it declares.
        """
        made = self.body(*map(pl.col, self.inputs))
        if (read := set(made.meta.root_names())) != set(self.inputs):
            raise InputMismatchError(self.name, self.inputs, read)
        return made
