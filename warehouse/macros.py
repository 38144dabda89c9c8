"""SQL helpers: those that any DuckDB client can run, and those that call our code."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.spread import PER_CLUSTER, PER_DATE
from warehouse.vectors import CLIPPED, DEFAULT, SHARED_TENTHS

_SCALED = (
    f"greatest(-{CLIPPED}, least({CLIPPED}, "
    "coalesce(({}[place] - scale.median[place]) / scale.mad[place], 0)))"
)
"""A slot as principal axes and the lean are taken of it: the median where it is missing."""
_PRODUCT = "regexp_extract(one.symbol, '^(.+?)[FGHJKMNQUVXZ][0-9]+$', 1)"


@dataclass(frozen=True, slots=True)
class Macro:
    """A helper.

    Args:
        name: As it is called.
        call: With its parameters, as the documentation shows it.
        doc: What it gives.
        statement: Creates it.
        example: A statement that uses it.
    """

    name: str
    call: str
    doc: str
    statement: str
    example: str


# A parameter hides columns of its name even inside the views that the macro reads: no column is called so.
NEAREST = Macro(
    "nearest",
    f"nearest(setup_id, k := 30, vector_spec := '{DEFAULT}')",
    "The nearest earlier setups of the same kind and direction that were resolved before the setup's moment, "
    f"and what followed each; at most {PER_DATE} of a date and {PER_CLUSTER} of a cluster. What "
    "`warehouse similar` answers at that moment; pure SQL, in the database file too.",
    f"""
CREATE MACRO nearest(setup, k := 30, vector_spec := '{DEFAULT}') AS TABLE
WITH placed AS MATERIALIZED (
    SELECT
        one.setup_id,
        one.date,
        one.level_kind,
        one.level_kinds,
        one.direction,
        one.known_ts,
        one.resolved_ts,
        one.cluster_id,
        one.is_placebo,
        {_PRODUCT} AS product,
        mine.vector,
        mine.slots
    FROM gold.setups AS one
    JOIN gold.vectors AS mine ON mine.setup_id = one.setup_id AND mine.spec = vector_spec
),
asked AS MATERIALIZED (
    FROM placed WHERE placed.setup_id = setup
),
fits AS (
    SELECT max(fit.date) AS fitted
    FROM gold.scalers AS fit
    JOIN asked ON fit.product = asked.product AND fit.date <= asked.date
    WHERE fit.spec = vector_spec
),
scale AS (
    SELECT
        list(coalesce(known.mad, 1.0) ORDER BY slot.place) AS mad,
        list(coalesce(known.median, 0.0) ORDER BY slot.place) AS median,
        list(known.axes ORDER BY slot.place) AS axes,
        list(known.lean ORDER BY slot.place) AS lean
    FROM (
        SELECT
            asked.product,
            fits.fitted,
            unnest(asked.slots) AS feature,
            generate_subscripts(asked.slots, 1) AS place
        FROM asked, fits
    ) AS slot
    LEFT JOIN gold.scalers AS known
        ON known.spec = vector_spec
        AND known.product = slot.product
        AND known.date = slot.fitted
        AND known.feature = slot.feature
),
gaps AS (
    SELECT
        other.setup_id AS found,
        coalesce(len(scale.axes[1]), len(asked.slots)) + (scale.lean[1] IS NOT NULL)::INT AS width,
        least(list_count(other.vector), list_count(asked.vector)) * 10
            >= {SHARED_TENTHS} * len(asked.slots) AS enough,
        list_transform(
            other.vector,
            lambda value, place: {_SCALED.format("other.vector")} - {_SCALED.format("asked.vector")}
        ) AS apart,
        list_concat(
            CASE
                WHEN scale.axes[1] IS NULL THEN list_transform(
                    other.vector,
                    lambda value, place:
                        ((value::DOUBLE - asked.vector[place]::DOUBLE) / scale.mad[place]) ** 2
                )
                WHEN enough THEN list_transform(
                    scale.axes[1],
                    lambda part, axis: list_sum(list_transform(
                        apart, lambda gap, place: scale.axes[place][axis] * gap
                    )) ** 2
                )
            END,
            CASE
                WHEN enough AND scale.lean[1] IS NOT NULL
                THEN [list_sum(list_transform(apart, lambda gap, place: scale.lean[place] * gap)) ** 2]
            END
        ) AS squares
    FROM asked, scale, placed AS other
    WHERE NOT other.is_placebo
        AND other.direction = asked.direction
        AND (asked.level_kind = 'CUSTOM' OR list_contains(other.level_kinds, asked.level_kind))
        AND other.resolved_ts <= asked.known_ts
        AND other.date <> asked.date
        AND other.product = asked.product
),
ranked AS (
    SELECT found, sqrt(list_sum(squares) * width / list_count(squares)) AS distance
    FROM gaps
    WHERE list_count(squares) * 10 >= {SHARED_TENTHS} * width
),
firsts AS (
    SELECT ranked.found, ranked.distance, other.date
    FROM ranked
    JOIN placed AS other ON other.setup_id = ranked.found
    QUALIFY row_number() OVER (PARTITION BY other.cluster_id ORDER BY distance, found) <= {PER_CLUSTER}
),
spread AS (
    SELECT found, distance
    FROM firsts
    QUALIFY row_number() OVER (PARTITION BY date ORDER BY distance, found) <= {PER_DATE}
)
SELECT
    row_number() OVER (ORDER BY distance, found) AS rank,
    found AS setup_id,
    distance,
    followed.trigger_ts,
    followed.trigger_et,
    followed.level_kind,
    followed.level_price,
    followed.direction,
    followed.x0,
    followed.outcome_2m,
    followed.outcome_4m,
    followed.outcome_8m,
    followed.mfe_pts,
    followed.mae_pts
FROM spread
JOIN setups AS followed ON followed.setup_id = found
QUALIFY rank <= k
ORDER BY rank
""",
    "FROM nearest('SIMU5/2025-07-08/PM_HIGH/2025-07-08T14:14:30Z', k := 10)",
)
NY = Macro(
    "ny",
    "ny(text)",
    "The UTC instant at which a New York clock shows a time.",
    """
CREATE MACRO ny(clock) AS
    (clock::TIMESTAMP AT TIME ZONE 'America/New_York' AT TIME ZONE 'UTC')::TIMESTAMP_NS
""",
    "SELECT * FROM trades WHERE ts >= ny('2025-07-08 10:14:35')",
)


def _helper(name: str, call: str, parameters: str, arguments: str, doc: str, example: str) -> Macro:
    rows = f"SELECT unnest(warehouse_{name}({arguments})) AS found"
    # `similar` is a keyword, so its name is quoted
    body = f'CREATE MACRO "{name}"({parameters}) AS TABLE SELECT found.* FROM ({rows})'
    return Macro(name, call, doc, body, example)


_MOMENT = "level::VARCHAR, epoch_ns(ts::TIMESTAMP_NS)"
_LIKE = "hours := NULL, volatility := NULL"
_LIKE_ARGUMENTS = "coalesce(hours, '')::VARCHAR, coalesce(volatility, '')::VARCHAR"
SIMILAR = _helper(
    "similar",
    f"similar(level, ts, k := 30, vector_spec := '{DEFAULT}', {_LIKE})",
    f"level, ts, k := 30, vector_spec := '{DEFAULT}', {_LIKE}",
    f"{_MOMENT}, k::BIGINT, vector_spec::VARCHAR, {_LIKE_ARGUMENTS}",
    "The neighbours that `warehouse similar` shows, nearest first; `hours` and `volatility` as its options.",
    "FROM similar('PM_HIGH', ny('2025-07-08 10:14:35'), k := 10, hours := '09:30-10:30')",
)
ODDS = _helper(
    "odds",
    f"odds(level, ts, vector_spec := '{DEFAULT}', {_LIKE})",
    f"level, ts, vector_spec := '{DEFAULT}', {_LIKE}",
    f"{_MOMENT}, vector_spec::VARCHAR, {_LIKE_ARGUMENTS}",
    "The distribution that `warehouse similar` shows: a row per horizon and outcome, p null without odds.",
    "FROM odds('PM_HIGH', ny('2025-07-08 10:14:35'))",
)
PHYSICS = _helper(
    "physics",
    "physics(level, ts)",
    "level, ts",
    _MOMENT,
    "The pressure cube that `warehouse physics` shows: a row per point, with story and conditions.",
    "FROM physics(6800.25, ny('2025-07-08 10:14:35'))",
)
HELPERS = (SIMILAR, ODDS, PHYSICS)
"""Those that need our code, so only our connections have them."""
