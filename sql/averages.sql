-- Averages of trades that move through a trading date, with the instant from which each value may be read.
--
-- SMA_90 is the mean close of the last 90 two-minute candles. EMA_20 starts from the mean of the first 20
-- closes, goes on with 2/21 of the way to each later one, and is read from the 100th on. A candle exists
-- where a trade fell into it, the evening before included, and is known at its end. VWAP is of all lots
-- since the open, known at the end of each five-second bar; the last bar is that of the close.
--
-- `prints` are the trades in feed order: seq, ns, units (price in billionths of a point), size. Averages are
-- taken of distances from the first of them and rounded to a unit, so that a reflected tape gives reflected
-- averages, exactly.
--
-- grain: level_kind, known
-- reads: prints
WITH
first_print AS (
    SELECT arg_min(units, seq) AS base FROM prints
),
closes AS (
    SELECT (ns // 120000000000 + 1) * 120000000000 AS known, arg_max(units, seq) - any_value(base) AS away
    FROM prints, first_print
    GROUP BY known
),
candles AS (
    SELECT
        known,
        row_number() OVER past AS n,
        sum(away) OVER (past ROWS 89 PRECEDING) AS ninety,
        list(away::DOUBLE) OVER (past ROWS UNBOUNDED PRECEDING) AS path
    FROM closes
    WINDOW past AS (ORDER BY known)
),
bars AS (
    SELECT (ns // 5000000000 + 1) * 5000000000 AS known, sum(size) AS lots, sum((units - base) * size) AS moved
    FROM prints, first_print
    WHERE ns >= $open AND ns < $close
    GROUP BY known
),
averages AS (
    SELECT 'SMA_90' AS level_kind, known, ninety / 90 AS away FROM candles WHERE n >= 90
    UNION ALL
    SELECT
        'EMA_20',
        known,
        list_reduce([list_sum(path[1:20]) / 20] || path[21:], lambda ema, away: ema + 2 * (away - ema) / 21)
    FROM candles
    WHERE n >= 100
    UNION ALL
    SELECT 'VWAP', known, (sum(moved) OVER so_far)::DOUBLE / (sum(lots) OVER so_far)::DOUBLE
    FROM bars
    WINDOW so_far AS (ORDER BY known ROWS UNBOUNDED PRECEDING)
)
SELECT
    level_kind,                                      -- [name] SMA_90, EMA_20 or VWAP.
    known::BIGINT AS known,                          -- [ns UTC] First instant at which the value may be read.
    base + round(away)::BIGINT AS units              -- [count] The average, in billionths of a point.
FROM averages, first_print
