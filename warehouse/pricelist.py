"""The user's own prices: what `--levels` and `ROOT/levels.csv` say."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from pathlib import Path

import polars as pl

from warehouse import naming
from warehouse.errors import QuestionError

FIELDS = ("date", "price", "known")
SCHEMA = pl.Schema({"date": pl.Date(), "price": pl.Float64(), "known": pl.Time()})
"""date null: every date; known null: from the setup window's start, else New York time."""


def read(text: str) -> pl.DataFrame:
    """Prices from a list such as `4808,4810` or from a CSV file with columns date, price and known.

    Args:
        text: Prices with commas between them, or the path of a `.csv` file. In it `date` is a trading
            date or `*`, and `known`, which may be absent or empty, a New York time such as 10:30.

    Raises:
        QuestionError: If a price, a row or a column cannot be read; it is named.
    """
    path = Path(text)
    if path.suffix == ".csv":
        if not path.is_file():
            raise QuestionError(f"{path} is not there: give prices such as 4808,4810 or a CSV file")
        return load(path, str(path))
    rows = [(None, _price(word, "--levels"), None) for word in text.split(",")]
    return pl.DataFrame(rows, SCHEMA, orient="row")


def load(path: Path, name: str) -> pl.DataFrame:
    """Prices from a CSV file, which messages call `name`.

    Raises:
        QuestionError: If it is no UTF-8 text, or as for `parse`.
    """
    try:
        return parse(path.read_text(encoding="utf-8-sig"), name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise QuestionError(f"{name} is no CSV file in UTF-8 ({error}): save it as text in UTF-8") from None


def parse(text: str, name: str) -> pl.DataFrame:
    """Prices from the text of a CSV file, which messages call `name`.

    Raises:
        QuestionError: If a row or a column cannot be read; it is named, the header being row 1.
    """
    table = csv.reader(io.StringIO(text))
    header = [word.strip() for word in next(table, [])]
    if {"date", "price"} - set(header) or set(header) - set(FIELDS):
        raise QuestionError(f"{name} row 1: the columns must be {', '.join(FIELDS)}, not {', '.join(header)}")
    rows = [_row(header, words, f"{name} row {n}") for n, words in enumerate(table, 2) if any(words)]
    return pl.DataFrame(rows, SCHEMA, orient="row")


def render(prices: pl.DataFrame) -> str:
    """The text of a CSV file that `parse` reads back."""
    return prices.select(
        pl.col("date").cast(pl.String).fill_null("*"),
        "price",
        pl.col("known").cast(pl.String).fill_null(""),
    ).write_csv()


def _row(header: list[str], words: list[str], where: str) -> tuple[dt.date | None, float, dt.time | None]:
    if len(words) != len(header):
        raise QuestionError(f"{where}: {len(words)} columns, the header has {len(header)}")
    cells = dict(zip(header, (word.strip() for word in words), strict=True))
    return (
        _date(cells["date"], f"{where}, column date"),
        _price(cells["price"], f"{where}, column price"),
        _time(cells.get("known", ""), f"{where}, column known"),
    )


def _date(word: str, where: str) -> dt.date | None:
    try:
        return None if word == "*" else dt.date.fromisoformat(word)
    except ValueError:
        raise QuestionError(f"{where}: {word!r} is no date: write 2025-06-12, or * for every date") from None


def _price(word: str, where: str) -> float:
    try:
        price = float(word)
    except ValueError:
        price = math.nan
    if not naming.sound(price):
        raise QuestionError(f"{where}: {word!r} is no price: write index points such as 4810.25")
    return price


def _time(word: str, where: str) -> dt.time | None:
    try:
        time = dt.time.fromisoformat(word) if word else None
    except ValueError:
        raise QuestionError(f"{where}: {word!r} is no time: write New York time such as 10:30") from None
    if time is not None and time.tzinfo is not None:
        raise QuestionError(f"{where}: {word!r} carries an offset: write New York time such as 10:30")
    return time
