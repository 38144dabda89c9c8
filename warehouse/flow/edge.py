"""What the moving of the ten-level window showed and hid, which is no flow."""

from __future__ import annotations

import numpy as np

from warehouse.flow.matching import Flow
from warehouse.flow.reading import Reading
from warehouse.flow.state import Side
from warehouse.flow.tape import Frame, Ints
from warehouse.flow.timeline import Timeline


def table(reading: Reading) -> Frame:
    """Lots that entered and left the window of both sides by its moving, for each bar.

    Size at prices known only after, or only before, an event, without what orders added or removed there: the
    visible depth of a side changes by `add - pull - fill + edge_in - edge_out`, always.
    """
    entered = np.zeros(reading.timeline.bars, np.int64)
    left = entered.copy()
    for side, flow in zip(reading.state.sides, reading.flows, strict=True):
        rows = side.turns.row
        rows = rows[reading.moving[rows]]
        rows = rows[side.edge[rows] != side.edge[rows - 1]]
        inward, outward = _moved(side, rows, reading.timeline)
        entered += inward
        left += outward
        more, less = _flow_beyond(side, flow, rows, reading.timeline)
        entered, left = entered - more, left + less
    return {"meta_edge_in_qty": (entered, None), "meta_edge_out_qty": (left, None)}


def _moved(side: Side, rows: Ints, time: Timeline) -> tuple[Ints, Ints]:
    """Size after the event at prices unknown before it, and size before at prices unknown after."""
    turned = side.turned
    counted = np.zeros(len(side.edge), np.bool_)
    counted[rows] = True
    turned = turned.where(counted.take(turned.row))
    before, after = side.edge.take(turned.row - 1), side.edge.take(turned.row)
    inward, outward = turned.lots * (turned.u < before), -turned.lots * (turned.u < after)
    return _per_bar(time, turned.row, inward), _per_bar(time, turned.row, outward)


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
