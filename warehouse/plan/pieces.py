"""Declared expressions cut into pieces: none is deep, and what several features share is made once.

Polars plans an expression in a time that grows with the square of its depth, and of few rows that is most of
the time there is. Pieces are columns beside those of features, so of many rows they would fill the memory.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from warehouse.declared import Feature
from warehouse.plan.layers import finite

_SHARED, _LONG = 3, 12
"""Nodes from which an expression becomes a piece: one that is shared, and any."""
_PIECE = "piece "
"""What the names of pieces start with."""


class Layer(NamedTuple):
    """Columns that read only what layers before made, and those to be made finite after."""

    columns: list[pl.Expr]
    finite: list[pl.Expr]


def with_pieces(frame: pl.LazyFrame, made: Sequence[Feature]) -> pl.LazyFrame:
    """What `with_features` adds over all rows, and pieces.

    Args:
        frame: Columns that the features read.
        made: Features, each after those of them that it reads; each row of one is made of rows, and none of
            its parts is a single value made of a column.
    """
    for layer in _layers(tuple(made)):
        frame = frame.with_columns(layer.columns).with_columns(layer.finite)
    return frame


@functools.lru_cache(16)
def _layers(made: tuple[Feature, ...]) -> list[Layer]:
    forest = _Forest()
    grown = [(forest.grow(one.expr), len(forest)) for one in made]
    forest.cut(root for root, _ in grown)
    found: list[Layer] = []
    for one, (root, end) in zip(made, grown, strict=True):
        for name, written, depth in forest.pieces(end):
            _at(found, depth).columns.append(pl.Expr.deserialize(written).alias(name))
        written, depth = forest.seen(root)
        forest.made[one.name] = depth + 1
        _at(found, depth).columns.append(pl.Expr.deserialize(written).cast(one.dtype).alias(one.name))
        if one.dtype.is_float():
            _at(found, depth).finite.append(finite(one.name))
    return found


def _at(found: list[Layer], depth: int) -> Layer:
    while len(found) <= depth:
        found.append(Layer([], []))
    return found[depth]


class _Node(NamedTuple):
    """A part of an expression: as Polars writes it, its operands, its column, and whether it has rows."""

    written: bytes
    below: tuple[int, ...]
    column: str | None
    rows: bool


class _Forest:
    """Expressions whose equal parts are one node; a node comes after those it is made of."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self._nodes: list[_Node] = []
        self._places: dict[bytes, int] = {}
        self._cut: set[int] = set()
        self._seen: list[tuple[bytes, int]] = []

    def __len__(self) -> int:
        return len(self._nodes)

    def grow(self, expr: pl.Expr) -> int:
        """The place of an expression's node."""
        written = expr.meta.serialize()
        if written not in self._places:
            below = tuple(map(self.grow, expr.meta.pop()))
            column = expr.meta.output_name() if expr.meta.is_column() else None
            rows = column is not None or any(self._nodes[place].rows for place in below)
            self._places[written] = len(self._nodes)
            self._nodes.append(_Node(written, below, column, rows))
        return self._places[written]

    def cut(self, roots: Iterable[int]) -> None:
        """Choose what is a piece: never what has no rows, since Polars divides by a scalar in another way."""
        uses = Counter(roots)
        uses.update(place for node in self._nodes for place in node.below)
        size: list[int] = []
        for place, node in enumerate(self._nodes):
            size.append(1 + sum(1 if below in self._cut else size[below] for below in node.below))
            if node.rows and size[place] >= (_SHARED if uses[place] > 1 else _LONG):
                self._cut.add(place)

    def pieces(self, end: int) -> Iterator[tuple[str, bytes, int]]:
        """Name, expression and layer of the pieces among the nodes up to `end`, each told once."""
        for place in range(len(self._seen), end):
            node = self._nodes[place]
            told = self._within(node)
            if place in self._cut:
                name = f"{_PIECE}{place}"
                yield name, *told
                told = pl.col(name).meta.serialize(), told[1] + 1
            self._seen.append(told)

    def seen(self, place: int) -> tuple[bytes, int]:
        """A told node as others are made of it, and the first layer that can."""
        return self._seen[place]

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
    start = whole.find(part)
    while any(start < end and begin < start + len(part) for begin, end, _ in taken):
        start = whole.find(part, start + 1)
    return start, start + len(part)
