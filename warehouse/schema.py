"""The tables: every landed, derived and frozen column with its type, unit and meaning.

Times are naive `Datetime('ns')`, UTC by convention. Prices are index points from silver on. `side` is
`B` (bid, or a buyer who aggressed) or `A` (ask, or a seller who aggressed); trades also know `N`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from warehouse.units import COUNT, FRACTION, LOTS, NAME, POINTS, SECONDS, TIME, Unit

Mirror = Literal["same", "negate", "reflect"]

NS = pl.Datetime("ns")
TEXT, REAL, WHOLE, FLAG = pl.String(), pl.Float64(), pl.Int64(), pl.Boolean()

BAR_NS = 5_000_000_000
"""Length of a bar in nanoseconds."""
DEPTH = 10
"""Levels of a side that the window shows."""
BANDS = {"p0_1": (0.0, 1.0), "p1_2": (1.0, 2.0), "p2_3": (2.0, 3.0), "p3_5": (3.0, 5.0), "p5_10": (5.0, 10.0)}
"""Distance from the microprice in points, `(lo, hi]`; p0_1 holds distance 0 too."""
LEVEL_KINDS = (
    "PM_HIGH", "PM_LOW", "OR_HIGH", "OR_LOW", "OR30_HIGH", "OR30_LOW", "SMA_90", "EMA_20", "PRIOR_HIGH",
    "PRIOR_LOW", "PRIOR_CLOSE", "OVERNIGHT_HIGH", "OVERNIGHT_LOW", "SESSION_HIGH", "SESSION_LOW", "VWAP",
    "CUSTOM",
)  # fmt: skip
"""Names of levels, in the order in which one tick's setup takes its name."""
SET_ASIDE = ("duplicate", "stale", "bad_level", "no_value", "off_grid", "absurd")
"""Rules whose records stay in bronze and enter no other table; silver.quality counts each."""
AVERAGES = ("SMA_90", "EMA_20", "VWAP")
"""Levels that move all the time: each is a machine of its own, on no tick."""
MOVING = (*AVERAGES, "SESSION_HIGH", "SESSION_LOW")
"""Levels that have no one price for the date."""
HORIZONS_S = (120, 240, 480)
"""Seconds after the freeze within which an outcome is sought."""
DEFAULT_SCHEME = "level_c09"
CLASSES_SCHEME = "level_class5"
SCHEMES = (DEFAULT_SCHEME, CLASSES_SCHEME, "level_fix2", "level_fix3", "level_fix5", "trigger_c09")
"""Ways to say what followed, all stored side by side; questions and calibration read the default alone."""


TAUS_S = (-300, -240, -180, -120, -60, 0, 30, 60, 120, 240)
"""Moments around T0, in seconds, at which a setup is frozen again."""
SEQUENCE_BARS = 240
"""Bars of a sequence, the trigger's own the last."""
CUBE_BARS = 36
"""The last ones of them, of which it holds the pressure cube."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        name: Its name.
        dtype: Its Polars type.
        unit: What a value of 1 means.
        doc: One sentence; sign, zero and null where they need saying.
        swap: The column it becomes when the tape is reflected, where that is another one.
        mirror: What reflection does to the value: nothing, a change of sign, or `2 L - value`.
    """

    name: str
    dtype: pl.DataType
    unit: Unit
    doc: str
    swap: str | None = None
    mirror: Mirror = "same"


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table; its partition keys are columns of its view, not of its files."""

    name: str
    doc: str
    partition: tuple[str, ...]
    grain: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        return {column.name: column.dtype for column in self.columns}


def _sides(
    name: str, dtype: pl.DataType, unit: Unit, doc: str, mirror: Mirror = "same"
) -> tuple[Column, ...]:
    """A column of each side; `{}` in name and doc is where the side goes."""
    bid, ask = name.format("bid"), name.format("ask")
    return (
        Column(bid, dtype, unit, doc.format("bid"), ask, mirror),
        Column(ask, dtype, unit, doc.format("ask"), bid, mirror),
    )


_BAR_TS = Column("bar_ts", NS, TIME, "Start of the five-second bar, right-open; the row is known at its end.")
_SIDE = Column("side", TEXT, NAME, "B bid, A ask: the resting side.")

QUOTES = Table(
    "silver.quotes",
    "Best bid and offer, one row per change at the end of a venue event.",
    ("symbol", "date"),
    ("ts",),
    (
        Column("ts", NS, TIME, "Matching-engine time of the event, never stepping back."),
        *_sides(
            "{}_px", REAL, POINTS, "Best {}; null where that side is empty or was just reset.", "reflect"
        ),
        *_sides("{}_qty", WHOLE, LOTS, "Size at the best {}; null where there is none."),
        Column("reset", FLAG, FRACTION, "True where the book was dropped: nothing before is comparable."),
    ),
)

TRADES = Table(
    "silver.trades",
    "Prints in feed order.",
    ("symbol", "date"),
    (),
    (
        Column("ts", NS, TIME, "Matching-engine time, never stepping back."),
        Column("price", REAL, POINTS, "Price of the print.", mirror="reflect"),
        Column("size", WHOLE, LOTS, "Contracts."),
        Column("side", TEXT, NAME, "Aggressor: B bought, A sold, N unknown."),
    ),
)

LADDER = Table(
    "silver.ladder",
    "Size and flow at every visible price of every bar; any level's physics is a join on it. Every tick from "
    "the farthest seen price to the best has a row, empty ticks too; a legal tick without a row was not seen.",
    ("symbol", "date"),
    ("bar_ts", "side", "price"),
    (
        _BAR_TS,
        _SIDE,
        Column("price", REAL, POINTS, "Price of the tick.", mirror="reflect"),
        Column("qty", WHOLE, LOTS, "Resting size at bar end; 0 is seen empty, null unseen."),
        Column("orders", WHOLE, COUNT, "Resting orders at bar end; null unseen."),
        Column("qty_open", WHOLE, LOTS, "Resting size at bar start; 0 is seen empty, null unseen."),
        Column("qty_twa", REAL, LOTS, "Time-weighted size over the time it was seen; null if never seen."),
        Column("seen_frac", REAL, FRACTION, "Share of the bar in which the price lay in the known set."),
        Column("add", WHOLE, LOTS, "Added by owners."),
        Column("pull", WHOLE, LOTS, "Taken away by owners; never a fill."),
        Column("fill", WHOLE, LOTS, "Consumed by trades, of what was displayed."),
        Column("hidden", WHOLE, LOTS, "Traded beyond what was displayed."),
        Column("refill", WHOLE, LOTS, "Added after a trade at the price within the same event."),
        Column(
            "add_after_trade", WHOLE, LOTS, "Added within one second after a trade at the price in the bar."
        ),
        Column("n_add", WHOLE, COUNT, "Records that added."),
        Column("n_pull", WHOLE, COUNT, "Records that pulled."),
        Column("n_fill", WHOLE, COUNT, "Records by which trades consumed."),
        Column("n_modify", WHOLE, COUNT, "M records of known orders that name the price: where the order rests after, moved or not, by its owner or by a partial fill."),
        Column("reprice_away", WHOLE, LOTS, "Moved from here away from the other side; null from MBP-10."),
        Column("reprice_toward", WHOLE, LOTS, "Moved from here toward the other side; null from MBP-10."),
        Column("pull_young", WHOLE, LOTS, "Pulled within one second of being added; null from MBP-10."),
        Column("max_order", WHOLE, LOTS, "Largest resting order at bar end; null from MBP-10."),
    ),
)  # fmt: skip


def _book() -> tuple[Column, ...]:
    levels = [f"{i:02d}" for i in range(DEPTH)]
    eob = [
        column
        for i in levels
        for column in (
            *_sides(
                f"{{}}_px_{i}", REAL, POINTS, f"Price of {{}} level {i} at bar end; null if empty.", "reflect"
            ),
            *_sides(f"{{}}_sz_{i}", WHOLE, LOTS, f"Size of {{}} level {i} at bar end; 0 if empty."),
            *_sides(f"{{}}_ct_{i}", WHOLE, COUNT, f"Orders of {{}} level {i} at bar end; 0 if empty."),
        )
    ]
    twa = [
        c
        for i in levels
        for c in _sides(f"{{}}_sz_{i}_twa", REAL, LOTS, f"Time-weighted size of {{}} level {i}.")
    ]
    bands = [
        c
        for band, (lo, hi) in BANDS.items()
        for c in (
            *_sides(f"{{}}_{band}_qty_twa", REAL, LOTS, f"Time-weighted {{}} size {lo:g} to {hi:g} pt from the microprice; null if the window never reached it."),
            *(
                c
                for kind, what in (("add", "added"), ("pull", "pulled"), ("fill", "filled"))
                for c in _sides(f"{kind}_{{}}_{band}", WHOLE, LOTS, f"{{}} lots {what} {lo:g} to {hi:g} pt from the microprice before the event.")
            ),
        )
    ]  # fmt: skip
    ofi = [Column(f"ofi_{i}", WHOLE, LOTS, f"Order-flow imbalance of ladder index {i}, summed over events.", mirror="negate") for i in levels]  # fmt: skip
    return (*eob, *twa, *bands, *ofi)


BOOK = Table(
    "silver.book",
    "What has no price key, one row per bar of the trading date; empty bars carry the state.",
    ("symbol", "date"),
    ("bar_ts",),
    (
        _BAR_TS,
        *_book(),
        Column("ofi_abs_00", WHOLE, LOTS, "Sum of absolute order-flow imbalance at ladder index 00."),
        Column("ofi_abs", WHOLE, LOTS, "Sum of absolute order-flow imbalance over all ten indices."),
        Column("mid_min", REAL, POINTS, "Lowest mid over event ends and the state carried in.", "mid_max", "reflect"),
        Column("mid_max", REAL, POINTS, "Highest mid over event ends and the state carried in.", "mid_min", "reflect"),
        Column("spread_twa", REAL, POINTS, "Time-weighted best ask less best bid."),
        Column("tight_frac", REAL, FRACTION, "Share of the bar with a spread of one tick."),
        Column("obi0_twa", REAL, FRACTION, "Time-weighted imbalance of the best sizes.", mirror="negate"),
        Column("obi10_twa", REAL, FRACTION, "Time-weighted imbalance of the ten-level sizes.", mirror="negate"),
        Column("buy_vol", WHOLE, LOTS, "Bought by aggressors.", "sell_vol"),
        Column("sell_vol", WHOLE, LOTS, "Sold by aggressors.", "buy_vol"),
        Column("unknown_vol", WHOLE, LOTS, "Traded without an aggressor."),
        Column("trade_cnt", WHOLE, COUNT, "Trade records."),
        Column("max_trade", WHOLE, LOTS, "Largest print; 0 without a trade."),
        Column("sweep_vol", WHOLE, LOTS, "Traded by events that traded at two prices or more."),
        Column("notional", REAL, POINTS * LOTS, "Sum of price times size of the prints."),
        Column("msg_cnt", WHOLE, COUNT, "Records of the bar."),
        Column("add_cnt", WHOLE, COUNT, "A records."),
        Column("cancel_cnt", WHOLE, COUNT, "C records."),
        Column("modify_cnt", WHOLE, COUNT, "M records."),
        Column("clear_cnt", WHOLE, COUNT, "R records."),
        Column("meta_empty", FLAG, FRACTION, "No record fell into the bar."),
        Column("meta_reset", FLAG, FRACTION, "The book was dropped in the bar."),
        Column("meta_badbook", FLAG, FRACTION, "Flagged as maybe bad here or since the last reset, or crossed, or sent with levels that cannot be."),
        Column("meta_late_cnt", WHOLE, COUNT, "Records whose ts_event stepped back."),
        Column("meta_missing_last_cnt", WHOLE, COUNT, "Events that ended without the LAST flag."),
        Column("meta_unknown_order_cnt", WHOLE, COUNT, "C, M or F of an order never seen; 0 from MBP-10."),
        Column("meta_edge_in_qty", WHOLE, LOTS, "Size that entered the ten-level window by its moving."),
        Column("meta_edge_out_qty", WHOLE, LOTS, "Size that left the ten-level window by its moving."),
        Column("meta_residual_qty", WHOLE, LOTS, "Sum over prices known through the bar of |depth change - (add - pull - fill)|."),
        Column("meta_turnover_qty", WHOLE, LOTS, "Sum of add, pull and fill over the same prices."),
        Column("meta_trade_unmatched_qty", WHOLE, LOTS, "Traded with an aggressor and with no displayed removal in its event."),
    ),
)  # fmt: skip

FRONT_CONTRACT = Table(
    "silver.front_contract",
    "Which contract is front on a trading date, and why.",
    ("product", "date"),
    (),
    (
        Column("symbol", TEXT, NAME, "The front contract."),
        Column("reason", TEXT, NAME, "volume, calendar or user."),
        Column(
            "volume", WHOLE, LOTS, "Its 09:30-16:00 volume in the previous session; null unless by volume."
        ),
    ),
)

LEVELS = Table(
    "silver.levels",
    "Levels and when they may be read; a moving level has a row per value.",
    ("symbol", "date"),
    ("level_id", "known_ts"),
    (
        Column("level_id", TEXT, NAME, "symbol/date/kind[/price][/p+ or /p-]."),
        Column("level_kind", TEXT, NAME, "PM_HIGH, PM_LOW, OR_HIGH, OR_LOW, OR30_HIGH, OR30_LOW, SMA_90, EMA_20, PRIOR_HIGH, PRIOR_LOW, PRIOR_CLOSE, OVERNIGHT_HIGH, OVERNIGHT_LOW, SESSION_HIGH, SESSION_LOW, VWAP or CUSTOM."),
        Column("price", REAL, POINTS, "The level, until the next row of its level_id is known; null: none from then on.", mirror="reflect"),
        Column("known_ts", NS, TIME, "First instant at which it may be read."),
        Column("valid_to", NS, TIME, "End of its validity, exclusive."),
        Column("is_placebo", FLAG, FRACTION, "True for a negative control."),
    ),
)  # fmt: skip

VOLUME_PROFILE = Table(
    "silver.volume_profile",
    "Medians and spreads of the past sessions' bar values in each five-minute bucket: 7 previous full sessions, "
    "at least 3 (mid_var: 20, at least 5); a bucket with fewer has no row.",
    ("product", "date"),
    ("bucket", "metric"),
    (
        Column("bucket", WHOLE, COUNT, "Minute of the New York day divided by 5, 0 to 287."),
        Column("metric", TEXT, NAME, "What was measured: bid10_qty, ask10_qty, trade_vol, mid_var, size_00 .. size_80 (resting size by ticks from its touch, both sides), ..."),
        Column("median", REAL, FRACTION, "Median of the bar values, in the metric's own unit; of mid_var, of the sessions' means."),
        Column("mad", REAL, FRACTION, "Median absolute deviation of the same."),
        Column("mean", REAL, FRACTION, "Mean of the same."),
        Column("sd", REAL, FRACTION, "Standard deviation of the same."),
        Column("sessions", WHOLE, COUNT, "Sessions it rests on."),
    ),
)  # fmt: skip

RETREAT_PROFILE = Table(
    "silver.retreat_profile",
    "How the near retreat went with the bar's own move of price, in each five-minute bucket of past sessions: "
    "least squares over all bars at levels of the 20 previous sessions, at least 3. And how price went with order "
    "flow, through the origin and by half hours, at least 5. A bucket with neither has no row.",
    ("product", "date"),
    ("bucket",),
    (
        Column("bucket", WHOLE, COUNT, "Minute of the New York day divided by 5, 0 to 287."),
        Column("a", REAL, FRACTION, "Near retreat of a bar in which mid does not move."),
        Column("b", REAL, FRACTION, "Change of the near retreat per move of mid with the travel, in moves expected over five seconds."),
        Column("n", WHOLE, COUNT, "Retreats that it was fitted to; null where there is no such fit."),
        Column("sessions", WHOLE, COUNT, "Sessions they are from."),
        Column("impact_12", REAL, POINTS, "Move of mid over 12 bars per order-flow imbalance of the touch as deep as five levels; null under five sessions."),
        Column("impact_36", REAL, POINTS, "The same over 36 bars."),
    ),
)  # fmt: skip

QUALITY = Table(
    "silver.quality",
    "How right the order flow of a trading date was: one row.",
    ("symbol", "date"),
    (),
    (
        Column("source", TEXT, NAME, "mbp-10 or mbo."),
        Column("records", WHOLE, COUNT, "Records of the trading date."),
        Column("events", WHOLE, COUNT, "Venue events."),
        Column("bars", WHOLE, COUNT, "Bars, empty ones too."),
        Column("first_ts", NS, TIME, "ts_recv of the first record."),
        Column("last_ts", NS, TIME, "ts_recv of the last record."),
        Column("evening", FLAG, FRACTION, "True if the evening before was landed."),
        Column("residual_frac", REAL, FRACTION, "Conservation residual over turnover; null without turnover."),
        Column("unmatched_frac", REAL, FRACTION, "Trades without a displayed removal over traded lots; null without trades."),
        Column("late_cnt", WHOLE, COUNT, "Records whose ts_event stepped back."),
        Column("badbook_cnt", WHOLE, COUNT, "Records flagged as maybe bad book."),
        Column("reset_cnt", WHOLE, COUNT, "Resets of the book."),
        Column("missing_last_cnt", WHOLE, COUNT, "Events without the LAST flag."),
        Column("unknown_order_cnt", WHOLE, COUNT, "Records of orders never seen."),
        Column("edge_in_qty", WHOLE, LOTS, "Size that entered the window by its moving."),
        Column("edge_out_qty", WHOLE, LOTS, "Size that left the window by its moving."),
        Column("unknown_trade_frac", REAL, FRACTION, "Share of traded lots without an aggressor; null without trades."),
        Column("known_ts", NS, TIME, "Since when the whole book (the ten-level window) is known; null if never."),
        Column("known_frac", REAL, FRACTION, "Share of the bars' time with a known book; null without bars."),
        Column("duplicate_cnt", WHOLE, COUNT, "Quarantined: records that repeat the event or the act before them byte by byte."),
        Column("stale_cnt", WHOLE, COUNT, "Quarantined: records whose sequence and time lie before an earlier record's."),
        Column("bad_level_cnt", WHOLE, COUNT, "Quarantined: records of events that left a level off the tick grid or without a size."),
        Column("no_value_cnt", WHOLE, COUNT, "Quarantined: records with an undefined price or size."),
        Column("off_grid_cnt", WHOLE, COUNT, "Quarantined: records with a price between ticks."),
        Column("absurd_cnt", WHOLE, COUNT, "Quarantined: prints far from both best prices."),
        Column("renumbered_cnt", WHOLE, COUNT, "Times that the sequence stepped back while time did not; used."),
        Column("instrument_cnt", WHOLE, COUNT, "Times that the instrument number changed: the book is dropped there."),
        Column("crossed_cnt", WHOLE, COUNT, "Events that ended with a best bid not below the best ask: no mid, and the bar is flagged."),
        Column("beyond", TEXT, NAME, "Tolerances that the date is beyond; null if none."),
    ),
)  # fmt: skip


def _other_end(kind: str) -> str:
    """The kind of level that a kind becomes when the tape is reflected."""
    name, _, end = kind.rpartition("_")
    other = {"HIGH": "LOW", "LOW": "HIGH"}.get(end, end)
    return f"{name}_{other}" if name else kind


SETUPS = Table(
    "gold.setups",
    "The frozen moment of every arrival at a level; the features of its trigger bar follow these columns.",
    ("symbol", "date"),
    ("setup_id",),
    (
        Column("setup_id", TEXT, NAME, "level_id/bar_ts."),
        Column("level_id", TEXT, NAME, "The level it came to."),
        Column("level_kind", TEXT, NAME, "First of its kinds in the order of level kinds."),
        Column("level_kinds", pl.List(pl.String()), NAME, "Every kind on that tick known at the trigger."),
        Column("level_price", REAL, POINTS, "The level at the trigger.", mirror="reflect"),
        Column("is_placebo", FLAG, FRACTION, "True for a negative control."),
        Column("direction", TEXT, NAME, "UP: price came from below. DOWN: from above."),
        Column("trigger_ts", NS, TIME, "Start of the trigger bar."),
        Column("known_ts", NS, TIME, "T0, end of the trigger bar: the label clock starts here."),
        Column("resolved_ts", NS, TIME, "T0 + 8 minutes, whenever a barrier was hit."),
        Column("x0", REAL, POINTS, "Distance d*(mid - level) at T0; negative before the level."),
        Column("p_ref", REAL, POINTS, "Mid at the last event end before T0.", mirror="reflect"),
        Column("sigma_60", REAL, POINTS, "Expected one-minute move at T0; null before 180 bars."),
        Column("sigma_warmup", FLAG, FRACTION, "sigma_60 rests on fewer than 5 past sessions."),
        Column("sigma_ratio", REAL, FRACTION, "How lively the last three minutes were: their one-minute move over sigma_60; null without either."),
        Column("touch_index", WHOLE, COUNT, "n-th accepted arrival at this level today, from 1."),
        Column("gap_entry", FLAG, FRACTION, "Price stood beyond the touch band at T0."),
        Column("uses_pre_known_level", FLAG, FRACTION, "The look-back reaches before the level was known."),
        Column("maybe_back_month", FLAG, FRACTION, "The contract was named by the user, not found to be front."),
        Column("source", TEXT, NAME, "mbp-10 or mbo."),
        Column("doubtful", FLAG, FRACTION, "The order flow of its date was beyond tolerance (quality.beyond): known when the date ended, and no feature."),
        Column("touch_role", TEXT, NAME, "FIRST, RETRY (after REJECT, same way), RETEST (after BREAK, from the other side) or RETURN; null if the last touch has no outcome."),
        Column("last_outcome", TEXT, NAME, "Outcome at four minutes of the touch before, by the default scheme; null if there is none."),
        Column("since_touch_s", REAL, SECONDS, "Seconds from that touch's T0; null if there is none."),
        Column("since_break_s", REAL, SECONDS, "Seconds since a touch last broke the level; null if none did."),
        Column("since_open_min", REAL, FRACTION, "Minutes from the open to T0; negative before."),
        Column("cluster_id", TEXT, NAME, "First setup of those whose eight minutes overlap, directly or in a chain; named kinds, the user's prices and placebos apart."),
        *(
            Column(f"level_stack_{side}_{n}t", WHOLE, COUNT, f"Prices of other known levels up to {n} ticks {where} the level; the user's and placebos left out.")
            for side, where in (("ahead", "beyond"), ("behind", "before"))
            for n in (4, 8, 16, 40)
        ),
        *(
            Column(f"dist_{kind}_sig", REAL, FRACTION, f"d*({kind} - mid) at T0 over sigma_60: positive where it lies ahead; null unless it is known and stands.", swap=f"dist_{_other_end(kind)}_sig")
            for kind in LEVEL_KINDS
            if kind != "CUSTOM"
        ),
    ),
)  # fmt: skip

WEIGHTS = Table(
    "gold.weights",
    "How much of its label each setup has to itself: a weight for what is learnt from it.",
    ("symbol", "date"),
    ("setup_id", "horizon_s"),
    (
        Column("setup_id", TEXT, NAME, "The setup."),
        Column("horizon_s", WHOLE, COUNT, "Seconds of the label: 120, 240 or 480; the row is known at its end."),
        Column("uniqueness", REAL, FRACTION, "Mean over the label of one over the labels that run then; above 0, at most 1."),
    ),
)  # fmt: skip

OUTCOMES = Table(
    "gold.outcomes",
    "What followed a setup, under every scheme and horizon.",
    ("symbol", "date"),
    ("setup_id", "scheme", "horizon_s"),
    (
        Column("setup_id", TEXT, NAME, "The setup."),
        Column("scheme", TEXT, NAME, "level_c09 (default), level_class5, level_fix2, level_fix3, level_fix5, trigger_c09."),
        Column("horizon_s", WHOLE, COUNT, "Seconds of the label clock: 120, 240 or 480."),
        Column("barrier_pts", REAL, POINTS, "Distance of both barriers from the anchor; null without sigma_60 and without barriers."),
        Column("outcome", TEXT, NAME, "BREAK, REJECT, CHOP, CENSORED or BORN, of level_class5 STRONG_BREAK and STRONG_REJECT too; null without sigma_60."),
        Column("time_to_break_s", REAL, FRACTION, "Seconds to the first crossing beyond; null if none or born."),
        Column("time_to_reject_s", REAL, FRACTION, "Seconds to the first crossing back; null if none or born."),
        Column("mfe_pts", REAL, POINTS, "Largest x less x0 over the horizon, at least 0."),
        Column("mae_pts", REAL, POINTS, "Smallest x less x0 over the horizon, at most 0."),
        Column("mfe_sig", REAL, FRACTION, "mfe_pts over sigma_H."),
        Column("mae_sig", REAL, FRACTION, "mae_pts over sigma_H."),
        Column("strength_pts", REAL, POINTS, "x at the horizon's end (less x0 for the trigger anchor); null if the tape ends before."),
        Column("strength_signed", REAL, FRACTION, "strength_pts over sigma_H."),
        Column("gap_event", FLAG, FRACTION, "One event jumped through both barriers."),
        Column("cal_factor", REAL, FRACTION, "g, by which the calibrated null scales sigma: that of the past library at this horizon, 0.9 until 20 sessions exist."),
        Column("cal_power", REAL, FRACTION, "Power of sigma_ratio, between 1/4 and 4, by which it scales sigma too; 0 until then."),
        Column("null_break", REAL, FRACTION, "Plug-in geometric probability of BREAK (of level_class5, of STRONG_BREAK too); null if born or without sigma."),
        Column("null_reject", REAL, FRACTION, "Plug-in geometric probability of REJECT."),
        Column("null_chop", REAL, FRACTION, "Plug-in geometric probability of CHOP."),
        Column("cal_break", REAL, FRACTION, "The same with sigma times cal_factor and sigma_ratio to cal_power."),
        Column("cal_reject", REAL, FRACTION, "idem."),
        Column("cal_chop", REAL, FRACTION, "idem."),
    ),
)  # fmt: skip


OF_A_RACE = (
    "outcome", "barrier_pts", "time_to_break_s", "time_to_reject_s", "mfe_pts", "mae_pts",
    "null_break", "null_reject", "null_chop", "cal_break", "cal_reject", "cal_chop",
)  # fmt: skip
"""Columns of an outcome that a snapshot holds for each horizon."""


def _raced(horizon_s: int) -> list[Column]:
    """What followed a snapshot within one horizon, under the default scheme."""
    minutes, known = horizon_s // 60, {column.name: column for column in OUTCOMES.columns}
    return [
        replace(known[name], name=f"{name}_{minutes}m", doc=f"Within {minutes} minutes: {known[name].doc}")
        for name in OF_A_RACE
    ]


RACED = tuple(column for horizon_s in HORIZONS_S for column in _raced(horizon_s))


SNAPSHOTS = Table(
    "gold.snapshots",
    "A setup frozen at moments around its trigger, the race re-started there; slots of vectors follow these "
    "columns. Before T0 clock, outcome, odds and reach are the setup's own.",
    ("symbol", "date"),
    ("setup_id", "tau_s"),
    (
        Column("setup_id", TEXT, NAME, "The setup."),
        Column("tau_s", WHOLE, COUNT, "Seconds from T0 to the moment; negative before the trigger."),
        Column("phase", TEXT, NAME, "APPROACH before T0, ZONE until price has left the level again, then AFTER."),
        Column("bar_ts", NS, TIME, "Start of the bar that the features are of."),
        Column("known_ts", NS, TIME, "The moment: the end of that bar."),
        Column("resolved_ts", NS, TIME, "Eight minutes after T0, or after the moment if that is later."),
        Column("x", REAL, POINTS, "Distance d*(mid - level); negative before the level, null without two sides."),
        Column("sigma_60", REAL, POINTS, "Expected one-minute move at the moment."),
        Column("sigma_ratio", REAL, FRACTION, "That of the last three minutes over it; null without either."),
        Column("level_known", FLAG, FRACTION, "The level could be read at the moment."),
        *RACED,
    ),
)  # fmt: skip

SEQUENCES = Table(
    "gold.sequences",
    "The last 20 minutes of a setup, a row per bar, in the direction of travel; features follow these columns, those of "
    "the pressure cube null before the last three minutes.",
    ("symbol", "date"),
    ("setup_id", "step"),
    (
        Column("setup_id", TEXT, NAME, "The setup."),
        Column("step", WHOLE, COUNT, "Bars from the trigger bar: -239 to 0."),
        Column("bar_ts", NS, TIME, "Start of the five-second bar, right-open."),
        Column("x", REAL, POINTS, "Distance d*(mid - level) at bar end; negative before the level, null unseen."),
    ),
)  # fmt: skip

SUMMARIES = Table(
    "gold.summaries",
    "Numbers made of each setup's sequence, known at its T0: slots of vectors; they follow this column.",
    ("symbol", "date"),
    ("setup_id",),
    (Column("setup_id", TEXT, NAME, "The setup."),),
)  # fmt: skip

LEVEL_STATES = Table(
    "gold.level_states",
    "Every level each half minute, from when it is known: where price stands and from which side it came. Features "
    "in the direction of travel follow these columns.",
    ("symbol", "date"),
    ("level_id", "bar_ts"),
    (
        Column("level_id", TEXT, NAME, "The level."),
        Column("bar_ts", NS, TIME, "Start of the bar that ends on the half minute; the row is known at its end."),
        Column("level_price", REAL, POINTS, "The level's value at the bar's end.", mirror="reflect"),
        Column("state", TEXT, NAME, "OUT or ZONE of the arrivals' state machine; null before it first left the level, and after a reset."),
        Column("direction", TEXT, NAME, "UP: price comes, or came, from below. DOWN: from above. Null without a state."),
        Column("dist_pts", REAL, POINTS, "Mid less level at the bar's end; null without two sides.", mirror="negate"),
        Column("dist_sig", REAL, FRACTION, "dist_pts over sigma_60.", mirror="negate"),
        Column("sigma_60", REAL, POINTS, "Expected one-minute move."),
        Column("touches", WHOLE, COUNT, "Accepted arrivals at this price so far today."),
        Column("since_touch_s", REAL, FRACTION, "Seconds since the last of them was frozen; null if none."),
    ),
)  # fmt: skip

SCALERS = Table(
    "gold.scalers",
    "Centre and scale of every vector slot, from setups of the product resolved before the date.",
    ("product", "date"),
    ("spec", "feature"),
    (
        Column("spec", TEXT, NAME, "Name of the vector."),
        Column("feature", TEXT, NAME, "Slot of the vector."),
        Column("median", REAL, FRACTION, "Median of past setups; 0 until 20 have a value."),
        Column("mad", REAL, FRACTION, "1.4826 times the median absolute deviation, floored; 1 until 20 have a value."),
        Column("n", WHOLE, COUNT, "Past setups with a value."),
        Column("lean", REAL, FRACTION, "The scaled slot's part in the lean, which tells past BREAK from REJECT; null until 200 setups have an outcome."),
        Column("axes", pl.List(REAL), FRACTION, "Of a vector compared along principal axes: the slot's part in each; else null."),
    ),
)  # fmt: skip

TRIALS = Table(
    "gold.trials",
    "What odds at the date's setups would have lost had what was known before counted as so many neighbours, from earlier dates' setups alone.",
    ("product", "date"),
    ("spec", "circle", "horizon_s", "strength"),
    (
        Column("spec", TEXT, NAME, "Which vector found the neighbours; `P_cal` where everyone of the circle is asked."),
        Column("circle", TEXT, NAME, "Who is asked. own: setups of its kind and direction. elsewhere: all others at a level with a name."),
        Column("horizon_s", WHOLE, SECONDS, "Length of the label clock."),
        Column("strength", REAL, COUNT, "Neighbours that what was known before counts as: in turn geometry, that with everyone elsewhere, P_cal, and P_cal with the neighbours elsewhere."),
        Column("questions", WHOLE, COUNT, "Setups of the date that broke, were rejected or chopped; 0 before eight sessions."),
        Column("loss", REAL, FRACTION, "Sum over them of minus the natural logarithm of the chance of what came."),
    ),
)  # fmt: skip

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        QUOTES, TRADES, LADDER, BOOK, FRONT_CONTRACT, LEVELS, VOLUME_PROFILE,
        RETREAT_PROFILE, QUALITY, SETUPS, OUTCOMES, WEIGHTS, SNAPSHOTS, SEQUENCES, SUMMARIES, LEVEL_STATES, SCALERS,
        TRIALS,
    )
}  # fmt: skip
"""Declared tables by name; bronze keeps Databento's columns and families declare their own."""
