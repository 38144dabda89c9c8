"""The outcomes of a card as lines: odds, base rates, reach and time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from warehouse.card import Card, Labels
from warehouse.odds import CLASSES, Chance

WIDTH = 80
_USUAL, _QUARTERS, _DECIDED = "4m", ("0.25", "0.5", "0.75"), (60, 120, 240)
_TEN = 9.95


def lines(found: Card) -> list[str]:
    """Odds with their base rates, how far price went, and how soon it was decided."""
    count, search = len(found.neighbours), found.search
    rare = "" if found.percentile is None else f"; farther than {found.percentile:.0%} of past moments"
    among = f"of {search['admissible']:,} admissible{rare}"
    near = f"{_some(count, 'neighbour')} from {_some(search['dates'], 'date')}"
    head = f"{near}, n_eff {found.n_eff:.1f}, {among}"
    told = textwrap.wrap(head, WIDTH)
    odds = any(found.outcomes.values())
    if found.abstained:
        told.append(f"NOTHING SIMILAR HAS BEEN SEEN{': do not lean on these odds' if odds else ''}")
    if odds:
        told.append("   " + "".join(f"  {name + '  90 %':<14}base lift" for name in CLASSES))
        told += [_horizon(name, chances) for name, chances in found.outcomes.items()]
        told.append(f"before the nearest spoke: {', '.join(_before(found.outcomes))} (P_cal)")
    return [*told, *_sequel(found)]


def _before(outcomes: Mapping[str, Mapping[str, Chance] | None]) -> Iterator[str]:
    for name, chances in outcomes.items():
        if chances is not None:
            yield f"{name} {' '.join(f'{chances[each].p_cal:.0%}' for each in CLASSES)}"


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _horizon(name: str, chances: Mapping[str, Chance] | None) -> str:
    if chances is None:
        return f"{name:>3}  no odds from here"
    return f"{name:>3}{''.join(f'  {_chance(chances[each]):<23}' for each in CLASSES)}".rstrip()


def _chance(chance: Chance) -> str:
    interval = f"[{chance.lo * 100:.0f}..{chance.hi * 100:.0f}]"
    base = "" if chance.base is None else f"{chance.base:>4.0%}"
    lift = "" if chance.lift is None else f"x{chance.lift:{'.1f' if chance.lift < _TEN else '.0f'}}"
    return f"{chance.p:>4.0%} {interval:<9}{base} {lift}"


def _sequel(found: Card) -> list[str]:
    """At four minutes: what the base rate rests on, how far price went, how soon it was decided."""
    labels, reach, times = found.labels[_USUAL], found.excursions[_USUAL], found.times[_USUAL]
    rest = f"of {labels.bucket_n} in this half hour, drawn to {labels.base_n}" if labels.base_n else "of none"
    told = textwrap.wrap(
        f"{_USUAL} n_eff {labels.n_eff:.1f}{_beside(labels)}; base {rest}",
        WIDTH,
        subsequent_indent="   ",
    )
    went = [_quartiles(reach[name]) for name in ("mfe_pts", "mae_pts")]
    if all(went):
        told.append(f"{_USUAL} quartiles: on {went[0]} pt, back {went[1]} pt")
    at = {row["s"]: row for row in times}
    if at:
        soon = ", ".join(f"{at[s]['BREAK'] + at[s]['REJECT']:.0%} in {s // 60}m" for s in _DECIDED)
        last = times[-1]
        told.append(f"{_USUAL} decided {soon}; {last['BREAK']:.0%} broke, {last['REJECT']:.0%} came back")
    return told


def _beside(labels: Labels) -> str:
    """How much of the odds the neighbours are, and of what these are drawn into the nearest elsewhere."""
    if labels.null_n is None or labels.elsewhere_n_eff is None or labels.elsewhere_null_n is None:
        return ""
    own, other = labels.n_eff + labels.null_n, labels.elsewhere_n_eff + labels.elsewhere_null_n
    weight, there = labels.n_eff / own, labels.elsewhere_n_eff / other
    return f" weighs {weight:.0%}, elsewhere {labels.elsewhere_n_eff:.1f} weighs {there:.0%}"


def _quartiles(cut: Mapping[str, float] | None) -> str:
    return "" if cut is None else " ".join(f"{cut[q]:+.2f}" for q in _QUARTERS)
