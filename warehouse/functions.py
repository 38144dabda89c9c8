"""Our code as SQL functions of one root: similar, odds and physics."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
from duckdb.func import SPECIAL

from warehouse import pressure, replay, similar
from warehouse.errors import QuestionError, WarehouseError
from warehouse.odds import CLASSES, Chance

Row = dict[str, Any]

_NEIGHBOUR = {
    "setup_id": "VARCHAR", "trigger_ts": "TIMESTAMP", "phase": "VARCHAR", "tau_s": "BIGINT",
    "distance": "DOUBLE", "weight": "DOUBLE", "level_kinds": "VARCHAR[]", "level_price": "DOUBLE",
    "direction": "VARCHAR", "x0": "DOUBLE",
    "outcome_2m": "VARCHAR", "outcome_4m": "VARCHAR", "outcome_8m": "VARCHAR", "mfe_pts": "DOUBLE",
    "mae_pts": "DOUBLE",
}  # fmt: skip
_ODDS = {
    "horizon": "VARCHAR", "outcome": "VARCHAR", "p": "DOUBLE", "lo": "DOUBLE", "hi": "DOUBLE",
    "base": "DOUBLE", "lift": "DOUBLE", "p_cal": "DOUBLE",
    "base_n": "BIGINT", "bucket_n": "BIGINT", "n": "BIGINT", "n_eff": "DOUBLE", "whole_n": "DOUBLE",
    "barrier_pts": "DOUBLE", "abstained": "BOOLEAN",
}  # fmt: skip
_PHYSICS = {
    "point": "BIGINT", "price": "DOUBLE", "rest": "DOUBLE", "flow": "DOUBLE", "aggr": "DOUBLE",
    "net": "DOUBLE", "cov": "DOUBLE", "story": "VARCHAR", "lead": "DOUBLE", "wall_j": "DOUBLE",
    "wall_strength": "DOUBLE", "retreat_far": "DOUBLE", "retreat_near": "DOUBLE", "cond": "DOUBLE[]",
}  # fmt: skip
_NONE: Row = dict.fromkeys(CLASSES, dict.fromkeys(field.name for field in fields(Chance)))


class Helpers:
    """Our code as SQL functions of one root; DuckDB hides what they raise, so it is kept here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.failed: WarehouseError | None = None

    def register(self, con: duckdb.DuckDBPyConnection) -> None:
        for name, function, further, columns in (
            ("similar", self._similar, ["BIGINT", *["VARCHAR"] * 3], _NEIGHBOUR),
            ("odds", self._odds, ["VARCHAR"] * 3, _ODDS),
            ("physics", self._physics, [], _PHYSICS),
        ):
            arguments: list[Any] = ["VARCHAR", "BIGINT", *further]
            row = ", ".join(f"{field} {kind}" for field, kind in columns.items())
            con.create_function(
                f"warehouse_{name}", self._rows(name, function, columns), arguments, f"STRUCT({row})[]",
                null_handling=SPECIAL,
            )  # fmt: skip

    def _rows(
        self, name: str, function: Callable[..., Iterable[Row]], names: Iterable[str]
    ) -> Callable[..., list[Row]]:
        """The function's rows with exactly the fields of its SQL type."""

        @functools.wraps(function)
        def rows(*arguments: Any) -> list[Row]:  # noqa: ANN401 (values of SQL)
            try:
                if None in arguments:
                    raise QuestionError(f"{name}() got a NULL: give it a level, a moment, and values")
                return [{field: row[field] for field in names} for row in function(*arguments)]
            except WarehouseError as error:
                self.failed = error
                raise

        return rows

    def _similar(self, level: str, ns: int, k: int, spec: str, hours: str, volatility: str) -> Iterable[Row]:
        card = similar.ask(
            self.root, level, ns, k, spec=spec, hours=hours or None, volatility=volatility or None
        )
        for each in card.neighbours:
            ends = {f"outcome_{name}": outcome for name, outcome in each["outcomes"].items()}
            yield (
                each | ends | {"trigger_ts": dt.datetime.fromisoformat(each["trigger_ts"].removesuffix("Z"))}
            )

    def _odds(self, level: str, ns: int, spec: str, hours: str, volatility: str) -> Iterable[Row]:
        found = similar.ask(
            self.root, level, ns, spec=spec, hours=hours or None, volatility=volatility or None
        ).data()
        for horizon, chances in found["outcomes"].items():
            told = {"horizon": horizon, "abstained": found["abstained"], **found["labels"][horizon]}
            for outcome in CLASSES:
                yield told | {"outcome": outcome} | (chances or _NONE)[outcome]

    def _physics(self, level: str, ns: int) -> Iterable[Row]:
        [frame] = replay.physics(self.root, level, ns)
        told = {name: frame[name] for name in ("story", "lead", "cond")}
        told |= {f"wall_{name}": value for name, value in frame["wall"].items()}
        told |= {f"retreat_{name}": value for name, value in frame["retreat"].items()}
        cube = frame["cube"]
        for n, (point, price) in enumerate(zip(cube["j"], cube["px"], strict=True)):
            yield (
                told | {"point": point, "price": price} | {name: cube[name][n] for name in pressure.MEASURES}
            )
