-- Levels of a trading date and when they may be read.
--
-- Extremes are of trades, side unknown too, in right-open windows; a window without a trade gives no
-- level. `custom` holds prices with the instant from which they count.
--
-- grain: level_id, known_ts
-- reads: trades, custom
WITH
prints AS (
    SELECT epoch_ns(ts) AS ns, price FROM trades
),
named AS (
    SELECT 'PM' AS name, $premarket_start AS first, $premarket_end AS known
    UNION ALL
    SELECT 'OR', $opening_start, $opening_end
),
extremes AS (
    SELECT name, known, max(price) AS high, min(price) AS low
    FROM named
    JOIN prints ON ns >= first AND ns < known
    GROUP BY name, known
),
found AS (
    SELECT name || '_HIGH' AS level_kind, high AS price, known, '' AS suffix FROM extremes
    UNION ALL
    SELECT name || '_LOW', low, known, '' FROM extremes
    UNION ALL
    SELECT 'CUSTOM', price, min(known_ns), '/' || rtrim(rtrim(format('{:.9f}', price), '0'), '.')
    FROM custom
    GROUP BY price
)
SELECT
    $symbol || '/' || $date || '/' || level_kind || suffix AS level_id, -- [name] symbol/date/kind[/price].
    level_kind,                                 -- [name] PM_HIGH, PM_LOW, OR_HIGH, OR_LOW or CUSTOM.
    price,                                      -- [pt] The level.
    make_timestamp_ns(known) AS known_ts,       -- [ns UTC] First instant at which it may be read.
    make_timestamp_ns($end) AS valid_to,        -- [ns UTC] End of its validity, exclusive: the session's end.
    false AS is_placebo                         -- [1] True for a negative control.
FROM found
WHERE known < $end
