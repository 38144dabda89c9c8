"""An evaluation as a table of 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator

from warehouse.evaluate.results import Report, Row
from warehouse.evaluate.scores import Interval

WIDTH = 80
_NAME = 15
_TENTH = 0.0995  # from ten percent on a decimal says nothing
_HEAD = f"{'forecast':<15}  loss brier  rps acc top2 ece skill over P_cal   chop   b/r    p"


_VECTORS = f"{'vector':<15} slots     n  eff n  near  n_eff  null  skill over P_cal"


ALONE = "no neighbours"
_TOLD = (
    "eff n: questions, were those of a day independent; near: neighbours of a question; n_eff: what those "
    "with an outcome count as; null: what was known without them counted as."
)


def render(found: Report) -> str:
    """A line per forecast, by role; what each vector rests on; then calibration, alarms and notes."""
    head = (
        f"{found.questions} questions of {found.days} of {found.sessions} sessions, outcome at "
        f"{found.horizon_s // 60} minutes; skill in % with its 90 % interval over days"
    )
    told = [_HEAD, *_rows(found), "", _VECTORS, *_vectors(found.rows)]
    return "\n".join([*textwrap.wrap(head, WIDTH), "", *told, "", *_rest(found)])


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
    parts = "".join(f"{percent(one.value):>6}" for one in (row.resolved, row.direction))
    chance = "" if row.p is None else f"{f'{row.p:.3f}'.removeprefix('0'):>6}"
    if alone(row):
        return f"{_name(row.name)}{numbers} {ALONE}"
    return f"{_name(row.name)}{numbers} {_interval(row.skill):<18}{parts}{chance}".rstrip()


def alone(row: Row) -> bool:
    """Whether a forecast is of a vector that found no neighbour, so that nothing was measured."""
    return row.rests is not None and not row.rests.near


def _vectors(rows: Iterable[Row]) -> Iterator[str]:
    """What vectors rest on, the most skilful first."""
    for row in sorted((row for row in rows if row.rests), key=lambda row: -row.skill.value):
        if row.rests is not None:
            one = row.rests
            counts = f"{one.slots:>6}{one.questions:>6}{one.effective:>7.0f}{one.near:>6.0f}{one.n_eff:>7.1f}"
            told = ALONE if alone(row) else _interval(row.skill)
            yield f"{_name(row.name)}{counts}{one.null:>6.0f}  {told}"


def _name(name: str) -> str:
    """On a line of its own if it is longer than its column."""
    return f"{name:<{_NAME}}" if len(name) <= _NAME else f"{name}\n{'':{_NAME}}"


def _rest(found: Report) -> Iterator[str]:
    flag = "set the alarm off" if found.canary["flagged"] else "DID NOT set the alarm off: trust nothing here"
    lines = [
        f"{held(found)} of {len(found.deciles)} groups by forecast of BREAK hold their realised share.",
        f"The leak canary (AUC {found.canary['auc']:.2f}) {flag}.",
        f"{found.adjacent:.0%} of the neighbours are from the session before.",
        f"{found.configurations} vectors were tried; p counts the best of them under carried outcomes.",
        _TOLD,
        *(f"! {one['feature']}: AUC {one['auc']:.2f} of BREAK against REJECT" for one in found.suspects),
        *found.notes,
    ]
    for line in lines:
        yield from textwrap.wrap(line, WIDTH, subsequent_indent="  ")


def _interval(one: Interval) -> str:
    return f"{percent(one.value)} [{percent(one.lo)}..{percent(one.hi)}]"


def percent(value: float) -> str:
    """A share in percent with its sign, from ten on without a decimal; a dot of none."""
    return "·" if math.isnan(value) else f"{100 * value:+.{0 if abs(value) >= _TENTH else 1}f}"
