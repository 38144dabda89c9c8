"""The laws that every declared feature obeys; each gives the names of those that break it."""

import contextlib

import polars as pl
import pytest
from frames import START

from warehouse import contract, liveness, plan, reasons
from warehouse import frames as columns_of
from warehouse.catalog import CATALOG, HISTORY
from warehouse.inputs import BAR, CONSTANTS, LEVEL, METRICS
from warehouse.mirror import facing
from warehouse.plan import arrivals, layers, reach, ways
from warehouse.schema import BAR_NS, BOOK, LADDER

KEYS = {"bar": ["bar_ts"], "level": ["level_id", "bar_ts"], "setup": ["setup_id"]}
FACTORS = {"price": 4.0, "size": 8.0, "time": 2.0}
"""Powers of two rescale without rounding, so the law needs no tolerance."""
COUNTS_FROM_ZERO = {
    "bar5s_lvl_retreat_far_run",
    "bar5s_lvl_retreat_near_run",
    "bar5s_meta_known_bars",
}
"""Counts of what is known: nothing known is zero of them."""


def everything(tables, triggers, names=None):
    """Every feature (or the named ones) of bars, of bars at levels, and of setups, keyed and in order."""
    wanted = [one for one in CATALOG.values() if names is None or one.name in names]
    families = {one.family for one in wanted if one.grain != "setup"}
    made = {}
    asked = {**tables, "levels": tables["levels"].filter(pl.col("level_kind") == "CUSTOM")}
    for row in ("bar", "level"):
        frames = [plan.family(each, asked) for each in sorted(families) if plan.grain(each) == row]
        if frames:
            parts = pl.collect_all(frames, engine="in-memory")
            made[row] = pl.concat([parts[0], *(part.drop(KEYS[row]) for part in parts[1:])], how="horizontal")
    if names is None or any(one.grain == "setup" for one in wanted):
        made["setup"] = plan.at_setups(triggers, tables, names)
    return made


def found(made, name):
    return next(made[row][name] for row in KEYS if row in made and name in made[row].columns)


def same(one, two):
    """Equal bit for bit, null with null."""
    return one.eq_missing(two).all()


def close(one, two):
    """Equal but for rounding: Polars divides a column of one row another way than a longer one."""
    if not one.dtype.is_float():
        return same(one, two)
    return same(one.is_null(), two.is_null()) and ((one - two).abs().max() or 0.0) <= 1e-12 * (
        1 + (one.abs().max() or 0.0)
    )


def cut(tables, first, last):
    """The tables of the bars from `first` to `last`, both numbers included."""
    begin, end = START + first * BAR_NS, START + (last + 1) * BAR_NS
    clocks = {"book": "bar_ts", "ladder": "bar_ts", "trades": "ts"}
    return {
        name: table.filter(pl.col(clocks[name]).cast(pl.Int64).is_between(begin, end, closed="left"))
        if name in clocks
        else table
        for name, table in tables.items()
    }


def ends(tables, first=250):
    """The last bar, and the ones in which price stood lowest and highest from the `first` on."""
    prices = tables["book"].collect()["bid_px_00"][first:]
    return [first + len(prices) - 1, first + prices.arg_min(), first + prices.arg_max()]


def bars_of(triggers):
    return (triggers["trigger_ts"].cast(pl.Int64) - START) // BAR_NS


def look_ahead(tables, triggers, at, names=None):
    """Later bars change nothing."""
    past = triggers.filter(bars_of(triggers) <= at)
    whole, early = everything(tables, past, names), everything(cut(tables, 0, at), past, names)
    known = pl.col("bar_ts").cast(pl.Int64) <= START + at * BAR_NS
    whole = {row: frame.filter(known) if "bar_ts" in frame.columns else frame for row, frame in whole.items()}
    return {name for name in _named(names) if not same(found(whole, name), found(early, name))}


def too_short(tables, triggers, names=None):
    """The last value needs no more than the declared window."""
    return {name for name, kept in _windows(tables, triggers, names, 0) if not all(kept)}


def too_long(tables, triggers, names=None):
    """The last value needs all of the declared window."""
    return {name for name, kept in _windows(tables, triggers, names, 1) if all(kept)}


def _windows(tables, triggers, names, less):
    """Whether the values of each last bar stay the same, made from its window's bars less some."""
    reach = {name: CATALOG.reach_of(CATALOG[name]) for name in _named(names)}
    reach = {name: bars for name, bars in reach.items() if bars is not None and bars > less}
    kept = {name: [] for name in reach}
    for end in bars_of(triggers).unique():
        last = triggers.filter(bars_of(triggers) == end)
        with unhurried():
            whole = _at(tables, last, 0, end, tuple(reach))
        for bars in sorted(set(reach.values())):
            group = [name for name, needs in reach.items() if needs == bars]
            made = _at(tables, last, end - bars + 1 + less, end, group)
            for name in group:
                kept[name].append(close(found(whole, name), found(made, name)))
    return kept.items()


def planned_anew(patch):
    """What is planned keeps what was patched by then: nothing planned under a patch may outlive it."""
    patch.setattr(arrivals, "_walk", getattr(arrivals._walk, "__wrapped__", arrivals._walk))


@contextlib.contextmanager
def unhurried():
    """Make every feature of setups from all bars that a setup may look back on, whatever it declares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "history", lambda _: HISTORY)
        patch.setattr(arrivals, "steps", lambda bars, _moments: [(bars, 0)])
        patch.setattr(ways, "rows", lambda *_: HISTORY)
        planned_anew(patch)
        yield


def _at(tables, triggers, first, end, names):
    """Values of bar `end` made from the bars from `first` on."""
    ends = pl.col("bar_ts").cast(pl.Int64) == START + end * BAR_NS
    made = everything(cut(tables, first, end), triggers, names)
    return {row: frame.filter(ends) if "bar_ts" in frame.columns else frame for row, frame in made.items()}


def not_alone(tables, triggers, names=None):
    """A level's and a setup's values do not depend on what else is asked."""
    whole = everything(tables, triggers, names)
    levels = tables["levels"].filter(pl.col("level_kind") == "CUSTOM").collect()
    apart = [
        everything({**tables, "levels": level.lazy()}, triggers.head(1), names)
        for level in levels.partition_by("level_id", maintain_order=True)
    ]
    rows = {
        "setup": pl.concat(
            plan.at_setups(one, tables, names)
            for one in triggers.partition_by("setup_id", maintain_order=True)
        )
    }
    if "bar" in whole:
        rows["bar"] = apart[0]["bar"]
    if "level" in whole:
        rows["level"] = pl.concat(each["level"] for each in apart)
    return {name for name in _named(names) if not same(found(whole, name), found(rows, name))}


def unit(tables, triggers, monkeypatch, names=None):
    """Rescale every input by its unit: the output rescales by its own."""
    before = everything(tables, triggers, names)
    with monkeypatch.context() as patch:
        planned_anew(patch)
        for name, (value, unit, doc) in CONSTANTS.items():
            patch.setitem(CONSTANTS, name, (value * unit.factor(**FACTORS), unit, doc))
        after = everything(rescaled(tables), _rescaled_triggers(triggers), names)
    factors = {name: CATALOG[name].unit.factor(**FACTORS) for name in _named(names)}
    return {
        name
        for name, factor in factors.items()
        if not same(_times(found(before, name), factor), found(after, name))
    }


def rescaled(tables):
    made = dict(tables)
    for name, declared in (("book", BOOK), ("ladder", LADDER)):
        made[name] = tables[name].with_columns(
            (pl.col(column.name) * column.unit.factor(**FACTORS)).cast(column.dtype)
            for column in declared.columns
            if column.dtype.is_numeric()
        )
    for name in ("levels", "trades"):
        made[name] = tables[name].with_columns(price=pl.col("price") * FACTORS["price"])
    impact = pl.col("^impact_.*$") * FACTORS["price"]
    made["retreat_profile"] = tables["retreat_profile"].with_columns(impact)
    metric = pl.col("metric")
    pure = metric.is_in([name for name, (unit, _, _) in METRICS.items() if unit.factor(**FACTORS) == 1])
    variance = pl.when(metric == "mid_var").then(FACTORS["price"] ** 2)
    factor = variance.when(pure).then(1.0).otherwise(FACTORS["size"])
    made["profile"] = tables["profile"].with_columns(pl.col("median", "mad", "mean") * factor)
    return made


def _rescaled_triggers(triggers):
    return triggers.with_columns(pl.col("level_price", "x0", "sigma_60") * FACTORS["price"])


def _times(series, factor):
    return series * factor if series.dtype.is_float() else series


def reflected(tables, centre):
    """The tape seen in a mirror at a price: bid and ask, buyers and sellers, above and below change places."""
    made = dict(tables)
    columns = []
    for column in BOOK.columns:
        source = pl.col(column.swap or column.name)
        if column.name == "notional":
            continue
        value = {"same": source, "negate": -source, "reflect": 2 * centre - source}[column.mirror]
        columns.append(value.alias(column.name))
    volume = pl.col("buy_vol") + pl.col("sell_vol") + pl.col("unknown_vol")
    turned = (2 * centre * volume - pl.col("notional")).alias("notional")
    made["book"] = tables["book"].with_columns([*columns, turned])
    made["ladder"] = (
        tables["ladder"]
        .with_columns(price=2 * centre - pl.col("price"), side=pl.col("side").replace({"A": "B", "B": "A"}))
        .sort("bar_ts", "side", "price")
    )
    for name in ("levels", "trades"):
        made[name] = tables[name].with_columns(price=2 * centre - pl.col("price"))
    swapped = {name: swap for name, (_, swap, _) in METRICS.items() if swap}
    signed = pl.col("metric").is_in([name for name, (_, _, mirror) in METRICS.items() if mirror == "negate"])
    made["profile"] = tables["profile"].with_columns(
        pl.when(signed).then(0.0 - pl.col("median")).otherwise("median").alias("median"),
        pl.when(signed).then(0.0 - pl.col("mean")).otherwise("mean").alias("mean"),
        metric=pl.col("metric").replace(swapped),
    )
    return made


def _turned(triggers, centre):
    return triggers.with_columns(
        level_price=2 * centre - pl.col("level_price"),
        direction=pl.col("direction").replace({"UP": "DOWN", "DOWN": "UP"}),
    )


def mirror(tables, triggers, centre, names=None):
    """Reflect the tape: signs follow the parity, sides swap, and what is faced does not change by a bit.

    Raw features may differ by rounding, since prices on the other side are other numbers.
    """
    before = everything(tables, triggers, names)
    after = everything(reflected(tables, centre), _turned(triggers, centre), names)
    broken = set()
    for name in _named(names):
        feature = CATALOG[name]
        here, there = found(before, feature.swap), found(after, name)
        if feature.faced or not here.dtype.is_float():
            kept = same(here, there)
        else:
            expected = {"even": here, "odd": -here, "reflect": 2 * centre - here}[feature.parity]
            gap = (expected - there).abs().max() or 0.0
            kept = same(here.is_null(), there.is_null()) and gap < 1e-9
        if not kept:
            broken.add(name)
    return broken


def wide(tables, triggers, names=None):
    """Every feature (or the named ones) of the look-back of setups and all they read, as it lies and turned."""
    # sigma_60 is frozen at a setup; for the bars before it, it is made.
    made = [CATALOG[name] for name in dict.fromkeys([*_named(names), "sigma_60"])]
    ordered = reach.ordered(made, ways.GIVEN)
    read = [name for one in ordered for name in one.inputs]
    _, measures = reach.leaves(read)
    starts = triggers.lazy().select(
        "setup_id", "sigma_60", bar_ts="trigger_ts", level_px="level_price", entity=pl.int_range(pl.len()),
        d=pl.when(pl.col("direction") == "UP").then(1.0).otherwise(-1.0),
    )  # fmt: skip
    bars = arrivals._bars_before(starts, HISTORY).collect()
    near = arrivals._near(arrivals._span(triggers["trigger_ts"], HISTORY), tables, read)
    near = {name: table.lazy() for name, table in near.items()}
    frame = bars.lazy().join(columns_of.tick(near), how="cross")
    frame = arrivals._with_bars(frame, near, [*read, "level_px"]).collect().lazy()
    frame = arrivals._with_sums(frame, near, read).collect().lazy()
    raw = layers.with_features(frame, [one for one in ordered if not one.faced], "entity").collect()
    faced = facing(frame, [one.mirror for one in measures]).with_columns(d=pl.lit(1.0))
    return raw, layers.with_features(faced, ordered, "entity").collect()


def sign(tables, triggers, names=None):
    """More of `rises_with` in the last bar never lowers the last value, and somewhere raises it."""
    views = dict(zip((False, True), wide(tables, triggers, names), strict=True))
    broken = set()
    for name in _named(names):
        feature = CATALOG[name]
        if feature.rises_with is None:
            continue
        frame = views[feature.faced].select("entity", *feature.inputs)
        bars = 1 if feature.window == 1 else 40 if feature.window < 40 else HISTORY
        last = pl.int_range(pl.len()).over("entity") % bars == bars - 1
        more = frame.with_columns(
            pl.when(last)
            .then(pl.col(feature.rises_with) + 1)
            .otherwise(feature.rises_with)
            .alias(feature.rises_with)
        )
        changed = [layers.added(one, [feature], "entity").filter(last) for one in (frame, more)]
        gap = (changed[1][name] - changed[0][name]).drop_nulls()
        if not len(gap) or gap.min() < -1e-12 or gap.max() <= 0:
            broken.add(name)
    return broken


def bounds(tables, triggers, names=None):
    """Every value lies inside the declared bounds, and none is infinite or NaN."""
    made = everything(tables, triggers, names)
    broken = set()
    for name in _named(names):
        values, (low, high) = found(made, name).drop_nulls(), CATALOG[name].bounds
        if values.dtype.is_float() and not (values.is_finite().all() and values.is_between(low, high).all()):
            broken.add(name)
    return broken


def alive(tables, triggers):
    """Every feature says something of its own, or its declaration tells when it does not."""
    made = triggers.hstack(plan.at_setups(triggers, tables).drop("setup_id", "sigma_60", strict=False))
    found = liveness.idle(reasons.beside(made))
    return {name for name, one in found.items() if not one.why or one.why.startswith("null in")}


def fills_move_nothing(tables, triggers, names):
    """What owners do is not what trades consume: more fills change none of the named features."""
    fills = {"ladder": pl.col("fill"), "book": pl.col("^fill_.*$")}
    more = tables | {name: tables[name].with_columns(filled * 3 + 7) for name, filled in fills.items()}
    before, after = everything(tables, triggers, names), everything(more, triggers, names)
    return {name for name in names if not same(found(before, name), found(after, name))}


def null_is_not_zero(names=None):
    """Where no input is known, neither is the value."""
    broken = set()
    for name in _named(names):
        feature = CATALOG[name]
        if name in COUNTS_FROM_ZERO or name.startswith("bar5s_cube_cov"):
            continue
        types = {read: (BAR.get(read) or LEVEL.get(read)) for read in feature.inputs}
        nothing = {
            read: pl.Series([None] * 3, dtype=column.dtype if column else pl.Float64())
            for read, column in types.items()
        }
        known = {read: pl.Series([CONSTANTS[read][0]] * 3) for read in feature.inputs if read in CONSTANTS}
        made = layers.added(pl.DataFrame(nothing | known), [feature], None)
        if made[name].null_count() != 3:
            broken.add(name)
    return broken


def out_of_bounds_rows(made):
    """What the contract calls broken, by family."""
    rows = {}
    for family in plan.families():
        frame = made[plan.grain(family)]
        _, bad = contract.check(frame, family)
        if len(bad):
            rows[family] = bad["broken"].explode().unique().to_list()
    return rows


def _named(names):
    return CATALOG.keys() if names is None else names
