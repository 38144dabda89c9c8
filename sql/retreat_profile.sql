-- How orders behind price retreat with price's own move, and price moves with order flow, from past sessions only.
--
-- Every bar at a level counts twice: as if price came from below, where the bids at the level and below are
-- behind it, and as if it came from above, where the asks at the level and above are. A bar counts only where
-- that retreat is known, and mid at both its ends; the user's own prices do not count, so that a level added
-- changes nothing elsewhere. Least squares of retreat on the move of mid in the direction of travel.
--
-- Impact: least squares through the origin of the move of mid over 12 and 36 bars on their order-flow imbalance of
-- the touch over the mean size of five levels on both sides, by half hours; a reset inside leaves a window out.
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
),
fits AS (
    SELECT bucket, regr_intercept(retreat, moved) AS a, regr_slope(retreat, moved) AS b, count(*) AS n,
        count(DISTINCT date) AS sessions
    FROM facing
    WHERE retreat IS NOT NULL
    GROUP BY bucket
    HAVING count(DISTINCT date) >= 3 AND max(moved) > min(moved)
),
deep AS (
    SELECT
        date,
        bar_ts,
        (epoch_ns(bar_ts) - midnight_ns + 86400000000000) % 86400000000000 // 300000000000 AS bucket,
        (bid_px_00 + ask_px_00) / 2 AS mid,
        meta_reset,
        ofi_00,
        bid_sz_00_twa + bid_sz_01_twa + bid_sz_02_twa + bid_sz_03_twa + bid_sz_04_twa
        + ask_sz_00_twa + ask_sz_01_twa + ask_sz_02_twa + ask_sz_03_twa + ask_sz_04_twa AS mass
    FROM book
    JOIN sessions USING (date)
),
spans AS (
    SELECT
        date,
        bucket,
        CASE WHEN NOT bool_or(meta_reset) OVER short AND count(mass) OVER short = 12
            THEN sum(ofi_00) OVER short / avg(mass) OVER short END AS force_12,
        mid - lag(mid, 12) OVER line AS move_12,
        CASE WHEN NOT bool_or(meta_reset) OVER long AND count(mass) OVER long = 36
            THEN sum(ofi_00) OVER long / avg(mass) OVER long END AS force_36,
        mid - lag(mid, 36) OVER line AS move_36
    FROM deep
    WINDOW
        line AS (PARTITION BY date ORDER BY bar_ts),
        short AS (PARTITION BY date ORDER BY bar_ts ROWS 11 PRECEDING),
        long AS (PARTITION BY date ORDER BY bar_ts ROWS 35 PRECEDING)
),
halves AS (
    SELECT
        bucket // 6 AS half,
        sum(force_12 * move_12) / nullif(sum(IF(move_12 IS NULL, 0, force_12 ** 2)), 0) AS impact_12,
        sum(force_36 * move_36) / nullif(sum(IF(move_36 IS NULL, 0, force_36 ** 2)), 0) AS impact_36
    FROM spans
    WHERE isfinite(force_12)
    GROUP BY half
    HAVING count(DISTINCT date) >= 5
),
impacts AS (
    SELECT half * 6 + place AS bucket, impact_12, impact_36
    FROM halves, generate_series(0, 5) AS places(place)
)
SELECT
    bucket,                                          -- [count] Minute of the New York day divided by 5, 0 to 287.
    a,                                               -- [1] Near retreat of a bar in which mid does not move.
    b,                                               -- [1] Its change per move of mid with the travel, in moves expected over five seconds.
    n,                                               -- [count] Retreats that it was fitted to.
    sessions,                                        -- [count] Sessions they are from.
    impact_12,                                       -- [pt] Move of mid over 12 bars per unit of order flow over depth.
    impact_36                                        -- [pt] The same over 36 bars.
FROM fits
FULL JOIN impacts USING (bucket)
