-- Highest and lowest trade since the open, once they have stood for a while.
--
-- The running extreme of five-second bars: one that a bar sets may be read when it has stood for `$age_ns`
-- from that bar's end, up to the end of the bar that passes it. From there until its successor is old
-- enough there is none: a row without a price says so.
--
-- `bars` are the trades by bars of five seconds: ns (the bar's start), high, low (billionths of a point).
--
-- grain: level_kind, known
-- reads: bars
WITH
cash AS (
    SELECT ns + 5000000000 AS passed, high, low FROM bars WHERE ns >= $open AND ns < $close
),
running AS (
    SELECT 'SESSION_HIGH' AS level_kind, passed, max(high) OVER (ORDER BY passed) AS units FROM cash
    UNION ALL
    SELECT 'SESSION_LOW', passed, min(low) OVER (ORDER BY passed) FROM cash
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
