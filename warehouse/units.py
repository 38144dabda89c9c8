"""Units as exponents of price, size and time, so that a law can check them.

>>> LOTS / SECONDS
lot/s
>>> (POINTS / POINTS) == FRACTION
True
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure.

    Args:
        symbol: How it is printed in docs and column comments.
        price: Exponent of price; a spread in points has 1, a count of ticks 0.
        size: Exponent of quantity, in lots.
        time: Exponent of time; bars count as time.
    """

    symbol: str = field(compare=False)
    price: int = 0
    size: int = 0
    time: int = 0

    def __truediv__(self, other: Unit) -> Unit:
        exponents = (self.price - other.price, self.size - other.size, self.time - other.time)
        return Unit(f"{self.symbol}/{other.symbol}", *exponents)

    def __mul__(self, other: Unit) -> Unit:
        exponents = (self.price + other.price, self.size + other.size, self.time + other.time)
        return Unit(f"{self.symbol}*{other.symbol}", *exponents)

    def __repr__(self) -> str:
        return self.symbol

    def factor(self, *, price: float, size: float, time: float) -> float:
        """How much a value in this unit grows when the base units grow.

        >>> POINTS.factor(price=2.0, size=5.0, time=1.0)
        2.0
        """
        return float(price**self.price * size**self.size * time**self.time)


FRACTION = Unit("1")
"""A share, a balance, a log ratio, a score, a flag: anything without dimension."""
COUNT = Unit("count")
"""Records, orders, bars or touches counted."""
POINTS = Unit("pt", price=1)
TICKS = Unit("tick")
LOTS = Unit("lot", size=1)
SECONDS = Unit("s", time=1)
BARS = Unit("bar", time=1)
TIME = Unit("ns UTC")
"""An instant; rescaling durations does not move it."""
NAME = Unit("name")
"""A text that identifies."""
