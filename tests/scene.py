"""Hand-made books about a level, bar by bar, in ticks from it."""

import polars as pl
from frames import START, TICK, levels, profile, retreats, triggers

from warehouse.schema import BAR_NS, BOOK, LADDER, TRADES

LEVEL = 6800.0


def scene(bids, asks, *, bars=1, acts=None, last=None, usual=50.0, mid_var=0.125, metrics=None, **book):
    """Tables of a book that looks the same at the end of every bar.

    Args:
        bids: Size by ticks from the level; 0 is seen empty.
        asks: idem.
        bars: How many.
        acts: `{(side, ticks): {"add": lots, ...}}` of every bar.
        last: The same of the last bar only, in place of `acts`.
        usual: Past median size at any distance; None for no profile at all.
        mid_var: Past mean squared move in every bucket; None for none.
        metrics: Other medians of the past by metric.
        book: Columns of the book, a value for every bar or one for all.
    """
    rows = []
    for bar in range(bars):
        flows = (last if last is not None and bar == bars - 1 else acts) or {}
        for side, sizes in (("B", bids), ("A", asks)):
            for ticks, qty in sizes.items():
                act = {"add": 0, "pull": 0, "fill": 0, "hidden": 0, **flows.get((side, ticks), {})}
                opened = qty - act["add"] + act["pull"] + act["fill"]
                rows.append(
                    {
                        "bar_ts": START + bar * BAR_NS,
                        "side": side,
                        "price": LEVEL + ticks * TICK,
                        "qty": qty,
                        "qty_open": opened,
                        "seen_frac": 1.0,
                        **act,
                    }
                )
    ladder = pl.DataFrame(rows, infer_schema_length=None)
    ladder = ladder.select(
        (pl.col(column.name) if column.name in ladder.columns else pl.lit(None).alias(column.name)).cast(
            column.dtype
        )
        for column in LADDER.columns
    )
    past = profile(0.0, mid_var).with_columns(
        median=pl.when(pl.col("metric").str.starts_with("size_")).then(usual).otherwise("median")
    )
    for metric, median in (metrics or {}).items():
        past = past.with_columns(median=pl.when(pl.col("metric") == metric).then(median).otherwise("median"))
    if usual is None:
        past = past.clear()
    made = {"book": _book(bids, asks, bars, book), "ladder": ladder, "levels": levels(LEVEL), "profile": past}
    made["retreat_profile"] = retreats()
    made["trades"] = pl.DataFrame(schema=TRADES.schema)
    return {name: frame.lazy() for name, frame in made.items()}


def at(bars=1, direction="UP", sigma=1.5):
    """A setup at the level in the last bar."""
    return triggers((LEVEL, bars - 1, direction)).with_columns(sigma_60=pl.lit(sigma))


def _book(bids, asks, bars, given):
    columns = {"bar_ts": [START + bar * BAR_NS for bar in range(bars)]}
    for side, sizes, order in (("bid", bids, sorted(bids, reverse=True)), ("ask", asks, sorted(asks))):
        best = [ticks for ticks in order if sizes[ticks] > 0]
        for level in range(10):
            there = level < len(best)
            columns[f"{side}_px_{level:02d}"] = [LEVEL + best[level] * TICK if there else None] * bars
            columns[f"{side}_sz_{level:02d}"] = [sizes[best[level]] if there else 0] * bars
    for column in BOOK.columns:
        default = False if column.dtype == pl.Boolean() else 0
        value = given.get(column.name, columns.get(column.name, default))
        columns[column.name] = value if isinstance(value, list) else [value] * bars
    return pl.DataFrame(columns, strict=False).select(
        pl.col(column.name).cast(column.dtype) for column in BOOK.columns
    )
