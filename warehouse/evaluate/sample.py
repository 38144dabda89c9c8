"""The setups of a root with their outcomes at one horizon, as arrays in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse import catalog, library, session, vectors
from warehouse.circles import ELSEWHERE, OWN
from warehouse.errors import MissingStepError
from warehouse.naming import CUSTOM, NAMED
from warehouse.odds import CLASSES
from warehouse.schema import LEVEL_KINDS, TEXT
from warehouse.sequel import half_hour
from warehouse.trials import LEARNING, chances, coded, excess

Reals = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WARM_UP = 20
"""Sessions before the first question that is scored."""
_ENDS = tuple(name.lower() for name in CLASSES)


class Turn(NamedTuple):
    """The questions of a session.

    Args:
        rows: (q,) of the sample.
        admitted: Of either circle, for each question, (n,) who may answer; those asked alike share one.
    """

    rows: Codes
    admitted: dict[str, list[Mask]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Setups in order of time.

    Args:
        frame: gold.setups with `symbol, date, half_hour, excess` and the slots that were asked for.
        y: (n,) place of the outcome in BREAK, REJECT, CHOP; -1 born, censored or without barriers.
        cal: (n, 3) calibrated geometric null; NaN where there is none.
        null: (n, 3) plug-in null.
        day: (n,) number of the session.
        kinds: (n, kinds) which kinds of level each setup has.
        races: Setups and placebos with `date`, their starts and outcomes, as `library.starts` gives them.
        about: Kinds whose questions are scored; None every one that has a name.
    """

    frame: pl.DataFrame
    y: Codes
    cal: Reals
    null: Reals
    day: Codes
    kinds: Mask
    races: pl.DataFrame
    about: frozenset[str] | None = None

    @property
    def questions(self) -> Codes:
        """Rows that are asked, in order of time: with an outcome and a null to hold it against."""
        named = (self.frame["level_kind"] != CUSTOM).to_numpy()
        asked = (self.day >= LEARNING) & (self.y >= 0) & np.isfinite(self.cal).all(axis=1) & named
        return np.flatnonzero(asked)

    @property
    def scored(self) -> Mask:
        """Which questions are scored, (q,): after the warm-up, about the kinds in question; all teach."""
        late: Mask = self.day[self.questions] >= WARM_UP
        if self.about is None:
            return late
        kinds = self.frame["level_kind"].is_in(sorted(self.about)).to_numpy()
        mine: Mask = late & kinds[self.questions]
        return mine

    def turns(self, embargo: int = 0) -> Iterator[Turn]:
        """The questions, session by session, and who may answer each of them."""
        asked = self.questions
        named = self.kinds[:, [kind in NAMED for kind in LEVEL_KINDS]].any(axis=1)
        cuts = np.flatnonzero(np.diff(self.day[asked])) + 1
        for rows in np.split(asked, cuts) if len(asked) else ():
            past = named & (self.day < self.day[rows[0]] - embargo)
            mine = self.frame[rows.tolist()].select("level_kind", "direction").rows()
            first = dict(zip(reversed(mine), reversed(rows.tolist()), strict=True))
            own = {one: self.admitted(row, embargo) for one, row in first.items()}
            others = {one: past & ~mask for one, mask in own.items()}
            yield Turn(rows, {ELSEWHERE: [others[one] for one in mine], OWN: [own[one] for one in mine]})

    def admitted(self, row: int, embargo: int = 0) -> Mask:
        """Who may answer row: earlier dates by more than the embargo, its direction, its kind."""
        kind = LEVEL_KINDS.index(self.frame["level_kind"][row])
        way = (self.frame["direction"] == self.frame["direction"][row]).to_numpy()
        past: Mask = (self.day < self.day[row] - embargo) & way & self.kinds[:, kind]
        return past


def load(root: Path, horizon_s: int, *, placebo: bool = False, about: frozenset[str] | None = None) -> Sample:
    """The front product's setups of a root; of two products, the one with more.

    Args:
        root: The warehouse.
        horizon_s: 120, 240 or 480.
        placebo: Those at placebo levels instead.
        about: Kinds of level whose questions are scored; default every one that has a name.

    Raises:
        MissingStepError: If there are too few sessions to ask a single question.
    """
    stored = library.setups(root, catalog.load().slots_of(vectors.specs()))
    product = {symbol: session.product(symbol) for symbol in stored["symbol"].unique()}
    mine = stored.with_columns(product=pl.col("symbol").replace_strict(product, return_dtype=TEXT))
    if len(mine):
        most = (
            mine["product"].value_counts(sort=True, name="n").sort("n", "product", descending=[True, False])
        )
        mine = mine.filter(pl.col("product") == most["product"][0])
    outcomes = library.outcomes(root).filter(pl.col("horizon_s") == horizon_s)
    ends = outcomes.select(
        "setup_id", "outcome", *(f"{kind}_{end}" for kind in ("cal", "null") for end in _ENDS)
    )
    dates = mine["date"].unique().sort()
    if len(dates) <= WARM_UP:
        raise MissingStepError(
            f"{root} has setups of {len(dates)} sessions; evaluating needs more than {WARM_UP}: "
            "build more with `warehouse build --dates`"
        )
    own = mine.filter(pl.col("is_placebo") == placebo).sort("known_ts", "setup_id")
    joined = own.join(ends, on="setup_id", how="left", maintain_order="left")
    y, cal = coded(joined["outcome"]), chances(joined, "cal")
    return Sample(
        own.with_columns(half_hour=half_hour(pl.col("known_ts")), excess=pl.Series(excess(y, cal))),
        y,
        cal,
        chances(joined, "null"),
        np.searchsorted(dates.to_numpy(), own["date"].to_numpy()).astype(np.int64),
        np.stack([own["level_kinds"].list.contains(kind).to_numpy() for kind in LEVEL_KINDS], axis=1),
        library.starts(mine, outcomes),
        about,
    )
