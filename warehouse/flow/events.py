"""Venue events: which records belong together, and when the book is dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.flow.tape import Array, Batch, Flags, Ints

LAST, SNAPSHOT, BAD_RECV, BAD_BOOK = 128, 32, 8, 4
SLACK_NS = 1_000_000_000
"""How far the clocks of venue and capture may disagree."""
ADD, CANCEL, MODIFY, CLEAR, TRADE, FILL = (ord(letter) for letter in "ACMRTF")
BID, ASK, NO_SIDE = (ord(letter) for letter in "BAN")


def among(letters: Array, *wanted: int) -> Flags:
    """Which letters are wanted ones."""
    found: Flags = letters == wanted[0]
    for letter in wanted[1:]:
        found |= letters == letter
    return found


@dataclass(slots=True)
class Events:
    """Events of consecutive records (domain: a message of the venue); a run of snapshot records is one.

    Args:
        first: First record of each event, and the number of records at the end.
        ts: Time: running maximum of `ts_event` at its last record.
        reset: The book was dropped before it.
        quiet: It is state and no flow: a reset or a snapshot.
        unclosed: It ended without the LAST flag, and only a later time showed it.
        bad: Flagged as maybe bad book by one of its records.
        changed: The instrument is another one than before.
        late: Records, not events: those whose time stepped back, or lies well after they were received.
    """

    first: Ints
    ts: Ints
    reset: Flags
    quiet: Flags
    unclosed: Flags
    bad: Flags
    late: Flags
    changed: Flags


def mark(records: Batch, running: int, before: Batch | None) -> Events:
    """Events of records that begin with an event.

    Args:
        records: Columns of HEAD.
        running: Largest `ts_event` before.
        before: The record before, as columns of one row; None at the tape's begin.
    """
    times, early = event_times(records)
    flags, clear = records["flags"], records["action"] == CLEAR
    snapshot = (flags & SNAPSHOT) != 0
    was_snapshot = before is not None and bool(before["flags"][0] & SNAPSHOT)
    after_snapshot = np.concatenate([[was_snapshot], snapshot[:-1]])
    changed = _changed(records["instrument_id"], before)
    moved = times[1:] != times[:-1]
    closed = (flags[:-1] & LAST) != 0
    edge = np.ones(len(times), np.bool_)
    edge[1:] = (clear | changed)[1:] | (snapshot != after_snapshot)[1:] | ((closed | moved) & ~snapshot[1:])
    first = np.flatnonzero(edge)
    maximum = highest(times, running)
    last = np.append(first[1:], len(times)) - 1
    by_time = np.append(moved, False)[last] & ~np.append(closed, True)[last]
    followed = np.append(first[1:], len(times) - 1)
    plain = ~clear[followed] & ~snapshot[followed] & ~snapshot[last]
    late = ((times < maximum) & ~snapshot) | early
    reset = (clear | changed)[first] | (snapshot & ~after_snapshot)[first]
    return Events(
        first=np.append(first, len(times)),
        ts=maximum.take(last),
        reset=reset,
        quiet=reset | snapshot[first],
        unclosed=by_time & plain,
        bad=any_of((flags & BAD_BOOK) != 0, first),
        late=late,
        changed=changed[first],
    )


def any_of(chosen: Flags, first: Ints) -> Flags:
    """Events one of whose records is chosen, given the first record of each."""
    if not chosen.any():
        return np.zeros(len(first), np.bool_)
    # Sums rather than `reduceat`, which takes several times as long over many short ranges.
    total = np.append(0, np.cumsum(chosen))
    return np.diff(total.take(np.append(first, len(chosen)))) > 0


def _changed(instrument: Array, before: Batch | None) -> Flags:
    """Records of another instrument than the one before, whose book tells nothing of theirs."""
    first = instrument[:1] if before is None else before["instrument_id"]
    changed: Flags = instrument != np.append(first, instrument[:-1])
    return changed


def highest(values: Ints, before: int) -> Ints:
    """Running maximum of values and one before them; mostly they only rise, and are that themselves."""
    if values[0] >= before and (values[1:] >= values[:-1]).all():
        return values
    return np.maximum.accumulate(np.maximum(values, before))


def event_times(records: Batch) -> tuple[Ints, Flags]:
    """Time of each record, that of its receipt for those that say a later one, and which those are."""
    early = _too_early(records)
    if not early.any():
        return records["ts_event"], early
    return np.where(early, records["ts_recv"], records["ts_event"]), early


def _too_early(records: Batch) -> Flags:
    """Records that say they happened well after they were received: believed, they would end the date."""
    early: Flags = records["ts_event"] > records["ts_recv"] + SLACK_NS
    return early & ((records["flags"] & BAD_RECV) == 0) if early.any() else early
