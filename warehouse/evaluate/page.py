"""An evaluation as one HTML page: intervals of every forecast, reliability, the table."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from warehouse.evaluate import table
from warehouse.evaluate.results import Report, Row

_WIDE, _LINE, _LEFT, _SIDE = 720, 22, 170, 320
_STYLE = (
    "body{font:15px sans-serif;margin:2em auto;max-width:52em;color:#222}pre{font-size:13px;overflow-x:auto}"
    "text{font:12px sans-serif;fill:#222}.axis{stroke:#999}.bar{stroke:#369;stroke-width:2}"
    ".dot{fill:#369}.band{stroke:#9bd;stroke-width:6;opacity:.6}"
)


def render(found: Report) -> str:
    """The page; it needs nothing but itself."""
    title = f"Does it work? {found.root}"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>',
            f"<style>{_STYLE}</style></head><body>",
            f"<h1>{html.escape(title)}</h1>",
            "<h2>Skill over the calibrated geometric null, 90 % intervals over days</h2>",
            *_forest([row for row in found.rows if row.role != "reference"]),
            "<h2>Reliability of the forecast of BREAK, ten groups of equal size</h2>",
            *_reliability(found.deciles),
            f"<pre>{html.escape(table.render(found))}</pre>",
            "</body></html>\n",
        ]
    )


def _forest(rows: list[Row]) -> Iterator[str]:
    """A line per forecast: its interval and its value, around zero."""
    lo = min(0.0, *(row.skill.lo for row in rows))
    hi = max(0.0, *(row.skill.hi for row in rows))
    scale = (_WIDE - _LEFT - 20) / (hi - lo or 1)
    tall = _LINE * (len(rows) + 1)
    yield _svg(_WIDE, tall)
    zero = _LEFT - lo * scale
    yield _stroke("axis", zero, 0, zero, tall - _LINE)
    yield f'<text x="{zero:.1f}" y="{tall - 6}" text-anchor="middle">0 %</text>'
    for n, row in enumerate(rows):
        y = _LINE * (n + 0.6)
        if table.alone(row):
            yield f'<text x="0" y="{y + 4:.1f}">{html.escape(row.name)}: {table.ALONE}</text>'
            continue
        left, at, right = (
            _LEFT + (each - lo) * scale for each in (row.skill.lo, row.skill.value, row.skill.hi)
        )
        yield f'<text x="0" y="{y + 4:.1f}">{html.escape(row.name)}</text>'
        yield _stroke("bar", left, y, right, y)
        yield f'<circle class="dot" cx="{at:.1f}" cy="{y:.1f}" r="4"/>'
    yield "</svg>"


def _reliability(deciles: Iterable[dict[str, float]]) -> Iterator[str]:
    """Realised share over mean forecast; the band is the groups' mean 90 % interval."""
    yield _svg(_SIDE + 60, _SIDE + 40)
    yield _stroke("axis", 40, _SIDE, 40 + _SIDE, 0)
    yield _stroke("axis", 40, _SIDE, 40 + _SIDE, _SIDE)
    yield _stroke("axis", 40, 0, 40, _SIDE)
    for one in deciles:
        x = 40 + one["forecast"] * _SIDE
        yield _stroke("band", x, (1 - one["lo"]) * _SIDE, x, (1 - one["hi"]) * _SIDE)
        yield f'<circle class="dot" cx="{x:.1f}" cy="{(1 - one["share"]) * _SIDE:.1f}" r="4"/>'
    yield f'<text x="{40 + _SIDE / 2:.0f}" y="{_SIDE + 30}" text-anchor="middle">forecast</text>'
    yield f'<text x="4" y="{_SIDE / 2:.0f}">share</text></svg>'


def _svg(width: float, height: float) -> str:
    return f'<svg role="img" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">'


def _stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
