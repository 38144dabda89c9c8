"""The table of targets: what real sessions of ES show, to be printed beside what a simulated one measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"
REAL = {
    "share of records": {"A": 0.341, "C": 0.300, "M": 0.204, "T": 0.049, "F": 0.106},
    "events": {
        "A": 0.462, "C": 0.283, "M": 0.255, "T F C": 0.388, "T F M": 0.255, "T F C M": 0.002,
        "longer sweeps": 0.355, "other": 0.000,
    },
    "after A": {"A": 0.545, "C": 0.223, "M": 0.185, "T": 0.047, "F": 0.000},
    "after C": {"A": 0.291, "C": 0.469, "M": 0.182, "T": 0.058, "F": 0.000},
    "after M": {"A": 0.330, "C": 0.241, "M": 0.362, "T": 0.068, "F": 0.000},
    "after T": {"A": 0.000, "C": 0.000, "M": 0.000, "T": 0.000, "F": 1.000},
    "after F": {"A": 0.007, "C": 0.320, "M": 0.118, "T": 0.022, "F": 0.533},
}  # fmt: skip
"""The same of a real hour of ES: order by order, 2023-12-25 23:00 to 24:00 UTC, a holiday's evening."""


@dataclass(frozen=True, slots=True)
class Target:
    """A row of the table.

    Args:
        number: As in the specification.
        name: What is measured, with its unit.
        low: Least value that passes.
        high: Greatest value that passes.
    """

    number: str
    name: str
    low: float
    high: float


TARGETS = tuple(
    Target(*row)
    for row in (
        ("1", "spread of one tick, share of time", 0.97, 0.998),
        ("1", "the same before 09:30", 0.85, 0.97),
        ("2", "mean gap between levels, points", 0.25, 0.253),
        ("3", "lots at the best price", 20, 60),
        ("3", "second level over first", 1.4, 2.0),
        ("3", "tenth level over second", 0.9, 1.5),
        ("4", "orders at the best price", 12, 35),
        ("4", "orders at the tenth level", 25, 60),
        ("4", "lots per resting order", 1.3, 1.9),
        ("5", "depth before 09:30 over depth after", 0.2, 0.6),
        ("6", "records a second", 150, 400),
        ("6", "deviation over mean of 5 s counts", 0.6, 1.5),
        ("7", "cancels over adds, records", 0.75, 1.05),
        ("7", "pulled and filled over added, lots", 0.85, 1.02),
        ("8", "pulls among removals within a point", 0.6, 0.8),
        ("9", "lots traded in 5 s", 100, 400),
        ("9", "lots per print", 2, 5),
        ("10", "adds within a point of the touch, share of lots", 0.8, 0.95),
        ("11", "records in the first half hour over noon", 2, 4),
        ("12", "deviation of one-minute moves, points", 1.2, 3.0),
        ("12", "range 09:30 to 16:00, points", 40, 100),
        ("13", "variance ratio, 300 s against 1 s", 0.7, 1.4),
        ("14", "autocorrelation of 1 s moves, lag 1", -0.25, 0.05),
        ("14", "autocorrelation of their size, lag 60 s", 0.1, 1.0),
        ("15", "kurtosis of 1 min moves", 4, 20),
        ("15", "kurtosis, 1 s over 5 min", 1, np.inf),
        ("16", "OFI explains 10 s moves, R2", 0.5, 0.85),
        ("16", "slope times depth, thickest quarter over thinnest", 0.5, 2.0),
        ("17", "R2 gained by levels 2 to 5", 0.0, 1.0),
        ("18", "next move up at imbalance -0.8", 0.2, 0.3),
        ("18", "next move up at imbalance +0.8", 0.7, 0.8),
        ("18", "AUC of the imbalance", 0.65, 0.8),
        ("19", "autocorrelation of trade signs, lag 1", 0.1, 0.5),
        ("19", "the same, lags 40 to 60", 0.005, 0.5),
        ("20", "deviation over mean of waits, within minutes", 1.5, 6),
        ("21", "adds of one lot, share", 0.6, 0.9),
        ("21", "adds of ten lots over those of nine and eleven", 1.5, np.inf),
        ("21", "999 in 1000 adds are smaller, lots over the mean", 10, np.inf),
        ("22", "cancels within a second of the add, share", 0.35, 0.65),
        ("22", "upper over lower quartile of lives", 10, np.inf),
        ("23", "volume and size of the move, 1 min, correlation", 0.3, 0.8),
        ("24", "new best price at first, share of the mean size", 0.0, 0.6),
        ("24", "seconds until a thin one has nine tenths of it", 1, 5),
        ("24b", "modifies that move the price, share", 0.6, 0.9),
        ("25", "crossed or unsorted books at an event's end", 0, 0),
        ("25", "lots by which fills and prints differ", 0, 0),
        ("26", "BREAK less geometry, null world, standard errors", -1.96, 1.96),
    )
)
"""What sessions of ES show, by several sources. Where those give no figures, ours:
15 (1 s over 5 min), 16 (slope), 17, 19 (lags 40 to 60), 21, 22 (quartiles) and 24 (first size)."""


def text(measures: Sequence[float], grammar: Mapping[str, Mapping[str, float]]) -> str:
    """The table, then the grammar; what misses its target is red."""
    rows = [f"{'':4} {'':50} {'target':>14} {'value':>9}"]
    for target, value in zip(TARGETS, measures, strict=True):
        kept = target.low <= value <= target.high
        span = f"{target.low:g} .. {target.high:g}" if target.high < np.inf else f"from {target.low:g}"
        line = f"{target.number:4} {target.name:50} {span:>14} {value:>9.4g}"
        rows.append(line if kept else f"{_RED}{line} missed{_PLAIN}")
    missed = sum("missed" in row for row in rows)
    rows.append(f"{len(TARGETS) - missed} of {len(TARGETS)} within their targets")
    rows.append("")
    rows.append(f"{'':34} {'real':>8} {'simulated':>10}")
    for what, shares in grammar.items():
        for name, share in shares.items():
            rows.append(f"{what + ', ' + name:34} {REAL[what][name]:>8.3f} {share:>10.3f}")
    return "\n".join(rows)
