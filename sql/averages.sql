-- Averages of trades that move through a trading date, with the instant from which each value may be read.
--
-- SMA_90 is the mean close of the last 90 two-minute candles. EMA_20 starts from the mean of the first 20
-- closes, goes on with 2/21 of the way to each later one, and is read from the 100th on. A candle exists
-- where a trade fell into it, the evening before included, and is known at its end. VWAP is of all lots
-- since the open, known at the end of each five-second bar; the last bar is that of the close.
--
-- `bars` are the trades by bars of five seconds: ns (the bar's start), close (last price in billionths of a point),
-- lots, moved (lots times billionths from `$base`, the price of the first trade). Averages are taken of
-- distances from there and rounded to a unit, so that a reflected tape gives reflected averages, exactly.
--
-- grain: level_kind, known
-- reads: bars
WITH
closes AS (
    SELECT (ns // 120000000000 + 1) * 120000000000 AS known, arg_max(close, ns) - $base AS away
    FROM bars
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
    SELECT 'VWAP', ns + 5000000000, (sum(moved) OVER so_far)::DOUBLE / (sum(lots) OVER so_far)::DOUBLE
    FROM bars
    WHERE ns >= $open AND ns < $close
    WINDOW so_far AS (ORDER BY ns ROWS UNBOUNDED PRECEDING)
)
SELECT
    level_kind,                                      -- [name] SMA_90, EMA_20 or VWAP.
    known::BIGINT AS known,                          -- [ns UTC] First instant at which the value may be read.
    $base + round(away)::BIGINT AS units             -- [count] The average, in billionths of a point.
FROM averages
