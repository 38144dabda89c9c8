-- Highest and lowest trade since the open, once they have stood for a while.
--
-- The running extreme of five-second bars: one that a bar sets may be read when it has stood for `$age_ns`
-- from that bar's end, up to the end of the bar that passes it. From there until its successor is old
-- enough there is none: a row without a price says so.
--
-- `prints` are the trades: ns, units (price in billionths of a point).
--
-- grain: level_kind, known
-- reads: prints
WITH
bars AS (
    SELECT (ns // 5000000000 + 1) * 5000000000 AS passed, max(units) AS high, min(units) AS low
    FROM prints
    WHERE ns >= $open AND ns < $close
    GROUP BY passed
),
running AS (
    SELECT 'SESSION_HIGH' AS level_kind, passed, max(high) OVER (ORDER BY passed) AS units FROM bars
    UNION ALL
    SELECT 'SESSION_LOW', passed, min(low) OVER (ORDER BY passed) FROM bars
),
moves AS (
    SELECT *
    FROM running
    QUALIFY units IS DISTINCT FROM lag(units) OVER (PARTITION BY level_kind ORDER BY passed)
),
lives AS (
    SELECT
        level_kind,
        units,
        passed + $age_ns AS since,
        lead(passed) OVER (PARTITION BY level_kind ORDER BY passed) AS until
    FROM moves
    QUALIFY until IS NULL OR since < until
)
SELECT
    level_kind,                                      -- [name] SESSION_HIGH or SESSION_LOW.
    known::BIGINT AS known,                          -- [ns UTC] First instant at which the row may be read.
    units::BIGINT AS units                           -- [count] The extreme, in billionths of a point; null: none from then on.
FROM (
    SELECT level_kind, since AS known, units FROM lives
    UNION ALL
    SELECT level_kind, until, NULL FROM lives WHERE until IS NOT NULL
)
