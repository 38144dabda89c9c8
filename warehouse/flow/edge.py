"""What the moving of the ten-level window showed and hid, which is no flow."""

from __future__ import annotations

import numpy as np

from warehouse.flow.matching import Flow
from warehouse.flow.reading import Reading
from warehouse.flow.state import ABSENT, Side
from warehouse.flow.tape import Frame, Ints
from warehouse.flow.timeline import Timeline
from warehouse.schema import DEPTH


def table(reading: Reading) -> Frame:
    """Lots that entered and left the window of both sides by its moving, for each bar.

    Size at prices known only after, or only before, an event, without what orders added or removed there: the
    visible depth of a side changes by `add - pull - fill + edge_in - edge_out`, always.
    """
    entered = np.zeros(reading.timeline.bars, np.int64)
    left = entered.copy()
    for side, flow in zip(reading.state.sides, reading.flows, strict=True):
        rows = side.changed[DEPTH - 1]
        rows = rows[reading.moving[rows]]
        rows = rows[side.edge[rows] != side.edge[rows - 1]]
        inward, outward = _moved(side, rows)
        entered += _per_bar(reading.timeline, rows, inward)
        left += _per_bar(reading.timeline, rows, outward)
        more, less = _flow_beyond(side, flow, rows, reading.timeline)
        entered, left = entered - more, left + less
    return {"meta_edge_in_qty": (entered, None), "meta_edge_out_qty": (left, None)}


def _moved(side: Side, rows: Ints) -> tuple[Ints, Ints]:
    """Size after the event at prices unknown before it, and size before at prices unknown after."""
    (old_u, old), (new_u, new) = side.levels(rows - 1), side.levels(rows)
    before, after = side.edge[rows - 1], side.edge[rows]
    inward = (new * ((new_u < before) & (new_u != ABSENT))).sum(axis=0)
    outward = (old * ((old_u < after) & (old_u != ABSENT))).sum(axis=0)
    return inward, outward


def _flow_beyond(side: Side, flow: Flow, rows: Ints, time: Timeline) -> tuple[Ints, Ints]:
    """Net adds at prices known only after the event, and at prices known only before."""
    moved = np.zeros(len(side.edge), np.bool_)
    moved[rows] = True
    more, less = np.zeros(time.bars, np.int64), np.zeros(time.bars, np.int64)
    for sign, lots in ((1, flow.add), (-1, flow.pull), (-1, flow.fill)):
        near = lots.where(moved[lots.row])
        before, after = side.edge[near.row - 1], side.edge[near.row]
        only_after = near.where((near.u < before) & (near.u >= after))
        only_before = near.where((near.u < after) & (near.u >= before))
        more += sign * _per_bar(time, only_after.row, only_after.qty)
        less += sign * _per_bar(time, only_before.row, only_before.qty)
    return more, less


def _per_bar(time: Timeline, rows: Ints, lots: Ints) -> Ints:
    return np.bincount(time.bar_of(rows), lots, time.bars).astype(np.int64)
