"""Our exception hierarchy, by who must act.

* WarehouseError
  x DeclarationError        (a feature, table or model is written wrongly: fix the code)
    + DuplicateNameError
    + InputMismatchError
  x DataError               (a file or a record is damaged or impossible: fix the data)
    + DamagedFileError
    + OverlapError
    + ContractError
  x MissingStepError        (what is needed is not built yet: run the step before)
  x QuestionError           (what was asked cannot be answered: ask otherwise)
  x ShapeError              (vectors do not fit the index)
  x BusyError               (another process works on this root: wait)
  x KilledError             (a worker was killed from outside: run the same again)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


class WarehouseError(Exception):
    """Base class of every error raised on purpose by this package; its text is one line."""


class DeclarationError(WarehouseError):
    """A feature, table or model is declared wrongly."""


class DuplicateNameError(DeclarationError):
    """Two declarations share one name.

    Args:
        name: The name declared twice.
        first: Where it was declared first, as `module:line`.
        second: Where it was declared again.
    """

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(name, first, second)
        self.name, self.first, self.second = name, first, second

    def __str__(self) -> str:
        return f"`{self.name}` is declared in {self.first} and again in {self.second}: rename one of the two"


class InputMismatchError(DeclarationError):
    """A feature reads columns other than its parameters."""

    def __init__(self, name: str, declared: Iterable[str], read: Iterable[str]) -> None:
        super().__init__(name, declared, read)
        self.name, self.declared, self.read = name, set(declared), set(read)

    def __str__(self) -> str:
        unused, hidden = sorted(self.declared - self.read), sorted(self.read - self.declared)
        return f"`{self.name}` takes {unused} and never reads them; reads {hidden} without taking them"


class DataError(WarehouseError):
    """Data is damaged or impossible."""


class DamagedFileError(DataError):
    """A DBN file that cannot be trusted.

    Args:
        path: The file.
        what: What is wrong with it.
        where: Byte offset or record number, in words.
    """

    def __init__(self, path: Path, what: str, where: str) -> None:
        super().__init__(path, what, where)
        self.path, self.what, self.where = path, what, where

    def __str__(self) -> str:
        return f"{self.path}: {self.what}, {self.where}; nothing of it was landed, download it again"


class OverlapError(DataError):
    """Two files claim the same time of one partition."""

    def __init__(self, first: Path, second: Path, what: str) -> None:
        super().__init__(first, second, what)
        self.first, self.second, self.what = first, second, what

    def __str__(self) -> str:
        return f"{self.first} and {self.second} overlap in ts_recv for {self.what}: remove one of the two"


class ContractError(DataError):
    """Rows break what was declared.

    Args:
        what: The partition.
        counts: Rows broken, by rule.
    """

    def __init__(self, what: str, counts: Mapping[str, int]) -> None:
        super().__init__(what, counts)
        self.what, self.counts = what, counts

    def __str__(self) -> str:
        broken = ", ".join(f"{rows:,} rows break {rule}" for rule, rows in self.counts.items())
        return f"{self.what} was not written: {broken}"


class MissingStepError(WarehouseError):
    """What is needed is not built yet."""


class QuestionError(WarehouseError):
    """What was asked cannot be answered as asked."""


class ShapeError(WarehouseError):
    """Vectors do not fit the index.

    Args:
        shape: Their shape.
        width: Columns the index has, or None when it is being made.
        rows: Rows holding NaN or infinity.
    """

    def __init__(self, shape: tuple[int, ...], width: int | None, rows: Iterable[int] = ()) -> None:
        super().__init__(shape, width, rows)
        self.shape, self.width, self.rows = shape, width, list(rows)

    def __str__(self) -> str:
        if self.rows:
            return f"{len(self.rows)} vectors hold NaN or infinity, first at row {self.rows[0]}"
        return f"vectors are {self.shape}; the index takes (n, {self.width or 'd'})"


class BusyError(WarehouseError):
    """Another process works on this root."""


class KilledError(WarehouseError):
    """A worker was killed from outside."""

    def __str__(self) -> str:
        return "a worker was killed (out of memory?): what is finished stays; run the same command again"
