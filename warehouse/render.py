"""Cards, frames and tables for a terminal of 80 columns, and the same as JSON."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from warehouse import pressure, prospects, question
from warehouse.card import Card
from warehouse.catalog import PREFIX
from warehouse.precedents import TOLD
from warehouse.prospects import WIDTH

UNSEEN = "·"
_BAR = 9
_ROWS = 500
_CELL = 50


def card(found: Card) -> str:
    """An answer that a trader reads in ten seconds: where, what presses, what followed, and when before."""
    asked = found.question
    level = (
        f"{asked['price']:,.2f}" if asked["level"] == "price" else f"{asked['level']} {asked['price']:,.2f}"
    )
    head = f"{level} {asked['direction']}   {asked['symbol']}   {asked['new_york']} New York"
    mark = "SIMULATED" if asked["simulated"] else ""
    return "\n".join(
        [
            f"{head}{mark:>{max(WIDTH - len(head), len(mark) + 2)}}",
            _stands(asked["p_ref"], asked["x0"], asked["sigma_60"]),
            "",
            *_ladder(found.pressure),
            "",
            *textwrap.wrap(found.told, WIDTH),
            *_conditions(found.conditions, found.retreat),
            "",
            *prospects.lines(found),
            "",
            *(
                line
                for note in found.notes
                for line in textwrap.wrap(f"! {note}", WIDTH, subsequent_indent="  ")
            ),
            *_neighbours(found.neighbours),
        ]
    )


def card_json(found: Card) -> str:
    """The card as one JSON document."""
    return json.dumps(found.data(), indent=1)


def frames(found: Sequence[Mapping[str, Any]]) -> str:
    """One frame as ladder, story and conditions; several as a line each."""
    if len(found) > 1:
        return "\n".join([_FRAME_HEAD, *map(_frame_line, found)])
    [frame] = found
    direction = {1: "UP", -1: "DOWN"}.get(frame["d"])
    head = f"{frame['level_kind']} {frame['L']:,.2f} {direction or 'no side'}   {frame['symbol']}"
    cube = frame["cube"]
    points = [
        {"point": point, "price": cube["px"][n]} | {name: cube[name][n] for name in pressure.MEASURES}
        for n, point in enumerate(cube["j"])
    ]
    return "\n".join(
        [
            f"{head}   {question.wall(frame['ts_end']):%Y-%m-%d %H:%M:%S} New York",
            _stands(None, frame["x_pts"], frame["sigma_60"]),
            "",
            *_ladder(points),
            "",
            *textwrap.wrap(frame["told"], WIDTH),
            *_conditions(frame["cond"], frame["retreat"]),
        ]
    )


def frames_json(found: Sequence[Mapping[str, Any]]) -> str:
    """One frame a line."""
    return "\n".join(json.dumps(frame) for frame in found)


def table(rows: pl.DataFrame) -> str:
    """Rows as aligned text within 80 columns; what does not fit is counted, not cut silently."""
    shown = rows.head(_ROWS)
    columns = {name: [_plain(value) for value in shown[name]] for name in shown.columns}
    widths = {name: max(map(len, (name, *values))) for name, values in columns.items()}
    kept: list[str] = []
    for name in columns:
        if kept and sum(widths[each] + 2 for each in [*kept, name]) - 2 > WIDTH:
            break
        kept.append(name)
    right = {name for name in kept if rows.schema[name].is_numeric()}
    lines = [_aligned(kept, kept, widths, right)]
    lines += [
        _aligned(line, kept, widths, right) for line in zip(*(columns[name] for name in kept), strict=True)
    ]
    if hidden := len(rows.columns) - len(kept):
        lines.append(f"({hidden} more columns: name those you want, or use --format json)")
    if len(rows) > len(shown):
        lines.append(f"({len(rows) - len(shown):,} more rows: use limit, or --format csv)")
    return "\n".join(lines if rows.columns else ["(nothing)"])


def features(name: str | None = None, write: Path | None = None) -> str:
    """The families, the features of one, or all about one; or write the pages of `docs/` to a folder."""
    from warehouse import pages, reference  # noqa: PLC0415 (a card needs neither, and they take time to load)

    if write is not None:
        return f"{len(pages.write(write))} pages written to {write}"
    lines: list[str] = []
    for row in reference.find(name):
        title, *facts, meaning = row.values()
        lines.append("  ".join((title, *filter(None, facts))))
        lines += textwrap.wrap(meaning, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _stands(price: float | None, x: float | None, sigma: float | None) -> str:
    if x is None:
        return "no two-sided market"
    where = "before" if x < 0 else "beyond" if x > 0 else "at"
    moves = f" ({abs(x) / sigma:.1f} one-minute moves of {sigma:.2f} pt)" if sigma else ""
    said = f"price {price:,.3f}, " if price is not None else "price "
    return f"{said}{round(abs(x), 3):g} pt {where} the level{moves}"


def _ladder(points: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = [f"{'':12} {'sellers':>{_BAR}} resting {'buyers':<{_BAR}}     acts   prints      all"]
    for point in sorted(points, key=lambda each: -each["point"]):
        numbers = "  ".join(f"{_signed(point[name]):>7}" for name in ("flow", "aggr", "net"))
        lines.append(
            f"{point['price']:>9,.2f} {_point(point['point']):>2} {_balance(point['rest'])}  {numbers}"
        )
    return lines


def _point(point: int) -> str:
    return f"{point:+d}" if point else "0"


def _balance(value: float | None) -> str:
    """A bar from the middle: sellers to the left, buyers to the right."""
    if value is None:
        return f"{'':{_BAR}} {UNSEEN:^7} {'':{_BAR}}"
    bar = "█" * round(abs(value) * _BAR)
    left, right = (bar, "") if value < 0 else ("", bar)
    return f"{left:>{_BAR}} {value:^+7.2f} {right:<{_BAR}}"


def _conditions(degrees: Sequence[float | None], retreat: Mapping[str, float | None]) -> list[str]:
    said = [f"{n} {words:<35}{_share(degrees[n - 1]):>5}" for n, words in enumerate(pressure.CONDITIONS, 1)]
    far, near = (f"retreat {side} {_signed(retreat[side])}" for side in ("far", "near"))
    return [f"{said[0]}   {far}", said[1], f"{said[2]}   {near}", f"{said[3]}   (0 no, 1 yes)"]


def _neighbours(near: Sequence[Mapping[str, Any]]) -> list[str]:
    if not near:
        return ["no neighbours"]
    lines = [f"{'neighbours':19} {'dist':>6}  {'2m':<8} {'4m':<8} {'8m':<8} {'mfe':>6} {'mae':>6} level"]
    for each in near:
        ends = " ".join(f"{each['outcomes'][name] or '-':<8}" for name in ("2m", "4m", "8m"))
        reach = " ".join(f"{_signed(each[name]):>6}" for name in ("mfe_pts", "mae_pts"))
        kinds = ",".join(each["level_kinds"])
        lines.append(f"{each['new_york']} {each['distance']:>6.2f}  {ends} {reach} {kinds}"[:WIDTH])
    return [*_reasons(near), *lines]


def _reasons(near: Sequence[Mapping[str, Any]]) -> list[str]:
    """What makes more of the neighbours near than far, and the other way round."""
    alike_in, apart_in = (
        Counter(one["feature"] for each in near for one in each[side]) for side in ("near", "far")
    )
    alike, apart = (
        ", ".join(name.removeprefix(PREFIX) for name, _ in found.most_common(TOLD))
        for found in (alike_in - apart_in, apart_in - alike_in)
    )
    return textwrap.wrap(f"alike in {alike or UNSEEN}; apart in {apart or UNSEEN}", WIDTH)


_FRAME_HEAD = f"{'New York':10}{'d':>3}{'x pt':>8}{'lead':>6}{'wall':>6}{'far':>7}{'near':>7}  story"


def _frame_line(frame: Mapping[str, Any]) -> str:
    time = f"{question.wall(frame['ts_end']):%H:%M:%S}"
    side = {1: "UP", -1: "DN"}.get(frame["d"], UNSEEN)
    numbers = (f"{_whole(value):>6}" for value in (frame["lead"], frame["wall"]["j"]))
    scores = (f"{_signed(frame['retreat'][name]):>7}" for name in ("far", "near"))
    cells = "".join([*numbers, *scores])
    return f"{time:10}{side:>3}{_signed(frame['x_pts']):>8}{cells}  {frame['story'] or UNSEEN}"


def _signed(value: float | None) -> str:
    return UNSEEN if value is None else f"{value:+.2f}"


def _share(value: float | None) -> str:
    return UNSEEN if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return UNSEEN if value is None else f"{value:+.0f}"


def _plain(value: object) -> str:
    text = (
        "" if value is None else f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    )
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _aligned(cells: Sequence[str], names: Sequence[str], widths: Mapping[str, int], right: set[str]) -> str:
    padded = (
        f"{cell:>{widths[name]}}" if name in right else f"{cell:<{widths[name]}}"
        for cell, name in zip(cells, names, strict=True)
    )
    return "  ".join(padded).rstrip()
