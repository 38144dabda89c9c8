"""What is picked out of features: vectors, what a sequence holds of every bar, and summaries of sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from warehouse.declared import Feature
from warehouse.errors import DeclarationError
from warehouse.units import Unit


@dataclass(frozen=True, slots=True)
class Summary:
    """One number of a setup's sequence.

    Args:
        name: Column of gold.summaries.
        doc: One sentence.
        unit: What a value of 1 means.
        expr: An aggregation over the bars of a sequence, the oldest first: over its features as Float64, over
            `x_sig`, which is x in expected one-minute moves of the setup's bar, and over `step`.
    """

    name: str
    doc: str
    unit: Unit
    expr: pl.Expr


class Selections(Mapping[str, Feature]):
    """Vectors, the sequence and its summaries, beside the features that they pick from."""

    def __init__(self) -> None:
        self.vectors: dict[str, tuple[str, ...]] = {}
        self.components: dict[str, int] = {}
        self.sequence: tuple[str, ...] = ()
        self.approach: tuple[str, ...] = ()
        self.summaries: dict[str, Summary] = {}

    def vector(self, name: str, slots: tuple[str, ...], components: int | None = None) -> None:
        """Register a vector: features and summaries of a setup in the order of its slots.

        With `components`, setups are compared along so many principal axes of the past instead of the slots.
        The mirror image of a slot has to be a slot too.
        """
        self.vectors[name] = self._known(f"vector `{name}` has the slots", slots)
        if lone := [slot for slot in slots if self.seen_down(slot)[0] not in slots]:
            raise DeclarationError(f"vector `{name}` has {lone} without their mirror images: add those")
        if components is not None:
            self.components[name] = components

    def slots_of(self, vectors: Iterable[str]) -> list[str]:
        """Slots of some vectors, sorted."""
        return sorted({slot for name in vectors for slot in self.vectors[name]})

    def seen_down(self, slot: str) -> tuple[str, int]:
        """Where a slot of a vector stands when the travel is down: a column, and 1 or -1 to multiply it with.

        There it is the mirror image of what it is when the travel is up; what is faced is so already.
        """
        if slot not in self or self[slot].faced:
            return slot, 1
        return self[slot].swap, -1 if self[slot].parity == "odd" else 1

    def hold(self, every: tuple[str, ...], last: tuple[str, ...]) -> None:
        """Say which features a sequence holds of every bar, and which of its last bars besides."""
        self.sequence, self.approach = (self._known("a sequence holds", slots) for slots in (every, last))

    def summary(self, one: Summary) -> str:
        """Register a summary of the sequence and give its name."""
        self.summaries[one.name] = one
        return one.name

    def _known(self, what: str, slots: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [slot for slot in slots if slot not in self and slot not in self.summaries]:
            raise DeclarationError(f"{what} {unknown}, which are no features: declare them")
        return slots
