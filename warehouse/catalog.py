"""Declare features, measures and vectors, and list them.

Importing this module imports nothing of `features/`; features import this.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import polars as pl

from warehouse import inputs
from warehouse.declared import EVERYTHING, GRAINS, Body, Feature, Grain, Measure, Parity
from warehouse.errors import DeclarationError, DuplicateNameError, InputMismatchError
from warehouse.schema import Column
from warehouse.selections import Selections, Summary
from warehouse.units import Unit

__all__ = ["CATALOG", "Catalog", "Feature", "Summary", "feature", "load", "measure", "setup", "vector"]

LOOKBACK = 240
"""Bars before and including its own of running sums and of a setup's summary, twenty minutes."""
HISTORY = 252
"""Bars before and including its own that a feature may need; a setup's direction is frozen over them."""
PREFIX = "bar5s_"
"""What the name of every feature of a bar starts with; declarations leave it out."""
_REAL = pl.Float64()


class Catalog(Selections):
    """Features by name in order of declaration, beside them measures, and what is picked out of them."""

    def __init__(self) -> None:
        super().__init__()
        self._by_name: dict[str, Feature] = {}
        self._reach: dict[str, int | None] = {}
        self.measures: dict[str, Measure] = {}

    def __getitem__(self, name: str) -> Feature:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def features(self) -> tuple[Feature, ...]:
        """Every feature, in order of declaration."""
        return tuple(self._by_name.values())

    def families(self) -> list[str]:
        """Every family, sorted."""
        return sorted({feature.family for feature in self._by_name.values()})

    def family(self, family: str) -> list[Feature]:
        """The features of a family, in order of declaration."""
        return [feature for feature in self._by_name.values() if feature.family == family]

    def column(self, name: str) -> Column | None:
        """A column that features may read and that is no feature."""
        if measure := self.measures.get(name):
            return measure.mirror
        return inputs.BAR.get(name) or inputs.LEVEL.get(name)

    def reach_of(self, feature: Feature) -> int | None:
        """Bars of the tables that a value needs, its own included; None the date so far."""
        if feature.needs is not None:
            return feature.needs
        below = [self._reach.get(read, 1) for read in feature.inputs]
        if feature.window is None or None in below:
            return None
        return feature.window - 1 + max(bars for bars in below if bars is not None)

    def measure(
        self,
        name: str,
        expr: pl.Expr,
        *,
        doc: str,
        unit: Unit,
        grain: Literal["bar", "level"],
        swap: str,
        mirror: Literal["same", "negate", "reflect"] = "same",
        absent: float | None = None,
    ) -> None:
        """Register an aggregation over ladder rows under a name that features can take."""
        where = _caller()
        if name in self.measures:
            raise DuplicateNameError(name, self.measures[name].where, where)
        if hidden := set(expr.meta.root_names()) - inputs.ROW.keys() - inputs.CONSTANTS.keys():
            raise InputMismatchError(name, (), hidden)
        column = Column(name, _REAL, unit, doc, swap, mirror)
        self.measures[name] = Measure(
            name=name, doc=doc, unit=unit, grain=grain, expr=expr, mirror=column, absent=absent, where=where
        )

    def feature(
        self,
        *,
        unit: Unit,
        window: int | None = 1,
        parity: Parity = "even",
        swap: str | None = None,
        rises_with: str | None = None,
        bounds: tuple[float, float] = EVERYTHING,
        name: str | None = None,
        inputs: tuple[str, ...] | None = None,
        doc: str | None = None,
        grain: Grain | None = None,
        faced: bool = False,
        codes: tuple[str, ...] = (),
        breaks: Mapping[str, str] | None = None,
        idle: str = "",
        needs: int | None = None,
        dtype: pl.DataType = _REAL,
        prefix: str = PREFIX,
    ) -> Callable[[Body], Feature]:
        """Register a function of expressions as a feature.

        Its name with the prefix is the column's, its parameters the columns it reads (features without
        their prefix), its docstring the documentation. Pass `name`, `inputs` and `doc` to declare one body
        many times. The name then stands for the `Feature`, so that others can be declared from it.

        Raises:
            DeclarationError: If the declaration contradicts itself.
        """

        def declare(body: Body) -> Feature:
            where = _caller()
            if not (text := doc or inspect.getdoc(body)):
                said = f"`{name or body.__name__}` ({where}) has no docstring"
                raise DeclarationError(f"{said}: write one, it is the column's documentation")
            called = prefix + (name or body.__name__)
            read = tuple(map(self._full, inputs or tuple(inspect.signature(body).parameters)))
            found = Feature(
                name=called,
                family=where.partition(":")[0].rpartition(".")[2],
                doc=text,
                unit=unit,
                window=window,
                parity=parity,
                swap=prefix + swap if swap else called,
                rises_with=rises_with and self._full(rises_with),
                bounds=bounds,
                inputs=read,
                body=body,
                grain="setup" if faced else grain or self._grain(called, read, where),
                faced=faced,
                codes=codes,
                breaks=breaks or {},
                idle=idle,
                needs=needs,
                dtype=dtype,
                where=where,
            )
            self._check(found)
            self._by_name[called] = found
            self._reach[called] = self.reach_of(found)
            return found

        return declare

    def _full(self, name: str) -> str:
        """The name of an input as a column: a feature's with its prefix, any other as it is."""
        return PREFIX + name if PREFIX + name in self._by_name else name

    def _grain(self, name: str, read: tuple[str, ...], where: str) -> Grain:
        """The coarsest row on which every input exists."""
        return max((self._grain_of(name, column, where) for column in read), key=GRAINS.index)

    def _grain_of(self, name: str, column: str, where: str) -> Grain:
        if column in self._by_name:
            return self[column].grain
        if column in self.measures:
            return self.measures[column].grain
        if column in inputs.BAR:
            return "bar"
        if column in inputs.LEVEL:
            return "level"
        known = [*self._by_name, *self.measures, *inputs.BAR, *inputs.LEVEL]
        near = difflib.get_close_matches(column, known) or ["the columns of warehouse/inputs.py"]
        raise DeclarationError(
            f"`{name}` ({where}) reads `{column}`, which is not declared: did you mean {', '.join(near)}?"
        )

    def _check(self, found: Feature) -> None:
        """Refuse what contradicts itself, while the author is looking."""
        self._grain(found.name, found.inputs, found.where)
        if found.name in self._by_name:
            raise DuplicateNameError(found.name, self[found.name].where, found.where)
        if found.grain == "setup" and (self.reach_of(found) or 0) > HISTORY:
            raise DeclarationError(
                f"`{found.name}` ({found.where}) looks back beyond the {HISTORY} bars of a setup: shorten it"
            )
        if found.parity == "odd" and found.rises_with is None:
            said = f"`{found.name}` ({found.where}) has a sign"
            raise DeclarationError(f"{said}: say which of its inputs it `rises_with`")
        if found.rises_with is not None and found.rises_with not in found.inputs:
            raise DeclarationError(
                f"`{found.name}` ({found.where}) rises with `{found.rises_with}`, "
                "which it does not read: name one of its inputs"
            )
        if found.faced and (found.parity != "even" or found.swap != found.name):
            raise DeclarationError(
                f"`{found.name}` ({found.where}) is faced, so reflection cannot change it: drop its parity"
            )


def _caller() -> str:
    """`module:line` of the declaration, outside this module."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals["__name__"] == __name__:
        frame = frame.f_back
    return f"{frame.f_globals['__name__']}:{frame.f_lineno}" if frame else "?"


CATALOG = Catalog()
feature, measure, vector = CATALOG.feature, CATALOG.measure, CATALOG.vector
setup = functools.partial(feature, faced=True)
"""A feature of setups in the direction of travel."""


def described(family: str) -> str:
    """Docstring of the module that declares a family."""
    return inspect.getdoc(importlib.import_module(f"features.{family}")) or ""


@functools.cache
def load() -> Catalog:
    """The catalogue with everything declared; importing the package of features registers them."""
    importlib.import_module("features")
    return CATALOG
