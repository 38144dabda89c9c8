"""Declared expressions cut into pieces: none is deep, and what several share is made once.

Polars plans an expression in a time that grows with the square of its depth, and of few rows that is most of
the time there is. Pieces are columns beside those of features, so of many rows they would fill the memory.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import polars as pl

from warehouse.declared import Feature, Measure

_SHARED, _LONG = 3, 12
"""Nodes from which an expression becomes a piece: one that is shared, and any."""
Layer = list[pl.Expr]
_PIECE = "piece "
"""What the names of pieces start with."""


def with_features(frame: pl.LazyFrame, made: Sequence[Feature]) -> pl.LazyFrame:
    """What `plan.with_features` adds over all rows, and pieces.

    Args:
        frame: Columns that the features read.
        made: Features, each after those of them that it reads.
    """
    for layer in _layers(tuple(made)):
        frame = frame.with_columns_seq(layer)
    return frame


def summed(frame: pl.LazyFrame, key: str, measures: Sequence[Measure]) -> pl.LazyFrame:
    """Measures of the rows of each key."""
    layers, sums = _sums(tuple(measures))
    for layer in layers:
        frame = frame.with_columns_seq(layer)
    return frame.group_by(key).agg(sums)


@functools.cache
def finite(column: str) -> pl.Expr:
    """The column where it is finite, otherwise null."""
    made = pl.col(column)
    return pl.when(made.is_finite()).then(made)


@functools.lru_cache(16)
def _layers(made: tuple[Feature, ...]) -> list[Layer]:
    """Columns by layer; those of one read only what layers before made."""
    found: list[Layer] = []
    forest = _Forest([one.expr for one in made], lambda part: part.meta.is_length_preserving())
    for place, one in enumerate(made):
        expr, depth = forest.told(place, found)
        _at(found, depth).append(expr.cast(one.dtype).alias(one.name))
        if one.dtype.is_float():
            depth += 1
            _at(found, depth).append(finite(one.name))
        forest.made[one.name] = depth + 1
    return found


@functools.lru_cache(16)
def _sums(measures: tuple[Measure, ...]) -> tuple[list[Layer], list[pl.Expr]]:
    found: list[Layer] = []
    forest = _Forest([one.expr for one in measures], _of_its_row)
    sums = [forest.told(place, found)[0].alias(one.name) for place, one in enumerate(measures)]
    return found, sums


def _of_its_row(part: pl.Expr) -> bool:
    return part.meta.is_length_preserving() and part.meta.is_row_separable()


def _at(found: list[Layer], depth: int) -> Layer:
    while len(found) <= depth:
        found.append([])
    return found[depth]


class _Node(NamedTuple):
    """A part of an expression.

    Args:
        written: As Polars writes it.
        below: Its operands.
        column: Which it is, if it is one.
        read: Whether it reads any.
        rows: Whether it could be one: it and all that it is made of have a value for each row.
    """

    written: bytes
    below: tuple[int, ...]
    column: str | None
    read: bool
    rows: bool


class _Forest:
    """Expressions whose equal parts are one node; a node comes after those it is made of.

    Args:
        exprs: The expressions.
        apart: Which parts may be columns of their own.
    """

    def __init__(self, exprs: Sequence[pl.Expr], apart: Callable[[pl.Expr], bool]) -> None:
        self.made: dict[str, int] = {}
        """Columns that are made, with the first layer that can read them."""
        self._apart = apart
        self._nodes: list[_Node] = []
        self._places: dict[bytes, int] = {}
        self._seen: list[tuple[bytes, int]] = []
        self._roots = [(self._grow(expr), len(self._nodes)) for expr in exprs]
        self._cut = self._pieces()

    def told(self, place: int, found: list[Layer]) -> tuple[pl.Expr, int]:
        """An expression of pieces and the first layer that can make it; new pieces are put in theirs."""
        root, end = self._roots[place]
        for at in range(len(self._seen), end):
            written, layer = self._within(self._nodes[at])
            if at in self._cut:
                name = f"{_PIECE}{at}"
                _at(found, layer).append(pl.Expr.deserialize(written).alias(name))
                written, layer = pl.col(name).meta.serialize(), layer + 1
            self._seen.append((written, layer))
        written, layer = self._seen[root]
        return pl.Expr.deserialize(written), layer

    def _grow(self, expr: pl.Expr) -> int:
        """The place of an expression's node."""
        written = expr.meta.serialize()
        if written not in self._places:
            below = tuple(map(self._grow, expr.meta.pop()))
            column = expr.meta.output_name() if expr.meta.is_column() else None
            read = bool(expr.meta.root_names())
            parts = [self._nodes[place] for place in below]
            rows = read and self._apart(expr) and all(part.rows or not part.read for part in parts)
            self._places[written] = len(self._nodes)
            self._nodes.append(_Node(written, below, column, read, rows))
        return self._places[written]

    def _pieces(self) -> set[int]:
        """Nodes that are pieces: never one without rows, since Polars divides by a scalar in another way."""
        uses = Counter(root for root, _ in self._roots)
        uses.update(place for node in self._nodes for place in node.below)
        size: list[int] = []
        cut: set[int] = set()
        for place, node in enumerate(self._nodes):
            size.append(1 + sum(1 if below in cut else size[below] for below in node.below))
            if node.rows and size[place] >= (_SHARED if uses[place] > 1 else _LONG):
                cut.add(place)
        return cut

    def _within(self, node: _Node) -> tuple[bytes, int]:
        """A node made of what is seen of its operands, and the first layer that can make it."""
        if node.column is not None:
            return node.written, self.made.get(node.column, 0)
        spans: list[tuple[int, int, bytes]] = []
        for place in sorted(node.below, key=lambda below: -len(self._nodes[below].written)):
            start, end = _free(node.written, self._nodes[place].written, spans)
            spans.append((start, end, self._seen[place][0]))
        written, at = b"", 0
        for start, end, seen in sorted(spans):
            written, at = written + node.written[at:start] + seen, end
        layers = [self._seen[place][1] for place in node.below]
        return written + node.written[at:], max(layers, default=0)


def _free(whole: bytes, part: bytes, taken: Iterable[tuple[int, int, bytes]]) -> tuple[int, int]:
    """Where a part is written in a whole; the longer ones are found before, so what is free is its own."""
    start = whole.index(part)
    while any(start < end and begin < start + len(part) for begin, end, _ in taken):
        start = whole.index(part, start + 1)
    return start, start + len(part)
