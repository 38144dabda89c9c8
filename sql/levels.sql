-- Levels of a trading date and when they may be read.
--
-- `bars` are the trades, side unknown too, by bars of five seconds: ns (the bar's start), close, high, low
-- (billionths of a point). Windows are right-open; one without a trade gives no level. `spans` names the windows with the instant from which their extremes are known. `prior` are the
-- bars of the same contract's previous cash session, none where it was not seen whole. `moving` are the
-- values of levels that move: each holds until the next one of its level. `custom` are the user's prices
-- with the instant from which they count.
--
-- grain: level_id, known_ts
-- reads: bars, spans, prior, moving, custom
WITH
extremes AS (
    SELECT name, known, max(high) AS high, min(low) AS low
    FROM spans
    JOIN bars ON ns >= first AND ns < last
    GROUP BY name, known
    UNION ALL
    SELECT 'PRIOR', $prior_close, max(high), min(low) FROM prior HAVING count(*) > 0
),
found AS (
    SELECT name || '_HIGH' AS level_kind, high / 1e9 AS price, known, '' AS suffix FROM extremes
    UNION ALL
    SELECT name || '_LOW', low / 1e9, known, '' FROM extremes
    UNION ALL
    SELECT 'PRIOR_CLOSE', arg_max(close, ns) / 1e9, $prior_close, '' FROM prior HAVING count(*) > 0
    UNION ALL
    SELECT level_kind, units / 1e9, known, '' FROM moving
    UNION ALL
    SELECT 'CUSTOM', price, min(known_ns), '/' || rtrim(rtrim(format('{:.9f}', price), '0'), '.')
    FROM custom
    GROUP BY price
)
SELECT
    $symbol || '/' || $date || '/' || level_kind || suffix AS level_id, -- [name] symbol/date/kind[/price].
    level_kind,                                 -- [name] One of the kinds of level.
    price,                                      -- [pt] The level; null: none from then on.
    make_timestamp_ns(known) AS known_ts,       -- [ns UTC] First instant at which it may be read.
    make_timestamp_ns($end) AS valid_to,        -- [ns UTC] End of its validity, exclusive: the session's end.
    false AS is_placebo                         -- [1] True for a negative control.
FROM found
WHERE known < $end
