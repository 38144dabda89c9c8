-- How the retreat of orders behind price goes with the bar's own move of price, from past sessions only.
--
-- Every bar at a level counts twice: as if price came from below, where the bids at the level and below are
-- behind it, and as if it came from above, where the asks at the level and above are. A bar counts only where
-- that retreat is known, and mid at both its ends; the user's own prices do not count, so that a level added
-- changes nothing elsewhere. Least squares of retreat on the move of mid in the direction of travel.
--
-- grain: bucket
-- reads: lvl, volatility, book, sessions
WITH
mids AS (
    SELECT date, bar_ts, CASE WHEN NOT meta_reset THEN (bid_px_00 + ask_px_00) / 2 END AS mid
    FROM book
),
moves AS (
    SELECT
        date,
        bar_ts,
        (epoch_ns(bar_ts) - midnight_ns + 86400000000000) % 86400000000000 // 300000000000 AS bucket,
        (mid - lag(mid) OVER (PARTITION BY date ORDER BY bar_ts)) / (sigma_60 * sqrt(5 / 60)) AS moved
    FROM mids
    JOIN sessions USING (date)
    LEFT JOIN volatility USING (date, bar_ts)
),
bars AS (
    SELECT lvl.*, bucket, moved
    FROM lvl
    JOIN moves USING (date, bar_ts)
    WHERE isfinite(moved) AND split_part(level_id, '/', 3) <> 'CUSTOM'
),
facing AS (
    SELECT bucket, date, bar5s_lvl_bid_below_retreat_sum AS retreat, moved FROM bars
    UNION ALL
    SELECT bucket, date, bar5s_lvl_ask_above_retreat_sum AS retreat, -moved AS moved FROM bars
)
SELECT
    bucket,                                          -- [count] Minute of the New York day divided by 5, 0 to 287.
    regr_intercept(retreat, moved) AS a,             -- [1] Near retreat of a bar in which mid does not move.
    regr_slope(retreat, moved) AS b,                 -- [1] Its change per move of mid with the travel, in moves expected over five seconds.
    count(*) AS n,                                   -- [count] Retreats that it was fitted to.
    count(DISTINCT date) AS sessions                 -- [count] Sessions they are from.
FROM facing
WHERE retreat IS NOT NULL
GROUP BY bucket
HAVING count(DISTINCT date) >= 3 AND max(moved) > min(moved)
