"""An evaluation as a table of 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

from warehouse.evaluate.report import Report, Row
from warehouse.evaluate.scores import Interval

WIDTH = 80
_TENTH = 0.0995  # from ten percent on a decimal says nothing
_HEAD = f"{'forecast':<15}  loss brier  rps acc top2 ece skill over P_cal   chop   b/r    p"


def render(found: Report) -> str:
    """One table: a line per forecast, by role; then calibration, alarms and notes."""
    head = (
        f"{found.questions} questions of {found.days} of {found.sessions} sessions, outcome at "
        f"{found.horizon_s // 60} minutes; skill in % with its 90 % interval over days"
    )
    return "\n".join([*textwrap.wrap(head, WIDTH), "", _HEAD, *_rows(found), "", *_rest(found)])


def held(found: Report) -> int:
    """Deciles of the forecast of BREAK whose realised share lies in their mean 90 % interval."""
    return sum(one["lo"] <= one["share"] <= one["hi"] for one in found.deciles)


def _rows(found: Report) -> Iterator[str]:
    role = found.rows[0].role
    for row in found.rows:
        if row.role != role:
            yield ""
            role = row.role
        yield _row(row)


def _row(row: Row) -> str:
    s = row.scores
    means = "".join(f"{f'{one:.3f}'.removeprefix('0'):>5}" for one in (s.brier, s.rps))
    shares = "".join(f"{100 * one:>4.0f}" for one in (s.accuracy, s.top2))
    numbers = f"{s.log_loss:>6.3f}{means}{shares}{f'{s.ece:.2f}'.removeprefix('0'):>4}"
    parts = "".join(f"{_percent(one.value):>6}" for one in (row.resolved, row.direction))
    chance = "" if row.p is None else f"{f'{row.p:.3f}'.removeprefix('0'):>5}"
    return f"{row.name:<15}{numbers} {_interval(row.skill):<18}{parts}{chance}".rstrip()


def _rest(found: Report) -> Iterator[str]:
    flag = "set the alarm off" if found.canary["flagged"] else "DID NOT set the alarm off: trust nothing here"
    lines = [
        f"{held(found)} of {len(found.deciles)} groups by forecast of BREAK hold their realised share.",
        f"The leak canary (AUC {found.canary['auc']:.2f}) {flag}.",
        f"{found.adjacent:.0%} of the neighbours are from the session before.",
        f"{found.configurations} vectors were tried; p counts the best of them under carried outcomes.",
        *(f"! {one['feature']}: AUC {one['auc']:.2f} of BREAK against REJECT" for one in found.suspects),
        *found.notes,
    ]
    for line in lines:
        yield from textwrap.wrap(line, WIDTH, subsequent_indent="  ")


def _interval(one: Interval) -> str:
    return f"{_percent(one.value)} [{_percent(one.lo)}..{_percent(one.hi)}]"


def _percent(value: float) -> str:
    return "·" if math.isnan(value) else f"{100 * value:+.{0 if abs(value) >= _TENTH else 1}f}"
