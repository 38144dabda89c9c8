-- Every setup at moments around its trigger: where price stood, and in which phase.
--
-- A moment is a bar's end, so there is one only where that bar exists. Level and direction are those of
-- the setup. The phase is APPROACH before T0; from T0 on ZONE, until price has stood beyond the re-arm
-- band on one side for 30 s without interruption, and AFTER from the end of that bar on.
--
-- `mids` outlines the path of mid: ns, until (the next change's ns), mid (null without two sides); of a bar's
-- changes it may leave out any that is no new extreme of the bar and not its last.
--
-- grain: setup_id, tau_s
-- reads: setups, levels, mids, book, volatility
WITH
frozen AS (
    SELECT setup_id, level_id, level_price, epoch_ns(known_ts) AS t0, IF(direction = 'UP', 1, -1) AS d
    FROM setups
),
bars AS (
    SELECT epoch_ns(bar_ts) AS bar, mid_min, mid_max FROM book
),
instants AS (
    SELECT frozen.*, tau_s, bar, bar + 5000000000 AS now
    FROM frozen
    CROSS JOIN (SELECT unnest($taus_s::BIGINT[]) AS tau_s)
    JOIN bars ON bar = t0 + tau_s * 1000000000 - 5000000000
),
departures AS (
    SELECT
        setup_id,
        bar + 5000000000 AS left_at,
        min(mid_min - level_price) OVER half_minute AS low,
        max(mid_max - level_price) OVER half_minute AS high,
        count(mid_min) OVER half_minute = $rearm_bars AS known_throughout
    FROM frozen
    JOIN bars ON bar BETWEEN t0 AND t0 + list_max($taus_s::BIGINT[]) * 1000000000
    WINDOW half_minute AS (
        PARTITION BY setup_id
        ORDER BY bar
        RANGE BETWEEN ($rearm_bars - 1) * 5000000000 PRECEDING AND CURRENT ROW
    )
),
departed AS (
    SELECT setup_id, min(left_at) AS left_at
    FROM departures
    WHERE known_throughout AND (round(low, 9) > $rearm_pts OR round(high, 9) < -$rearm_pts)
    GROUP BY setup_id
),
since AS (
    SELECT level_id, min(epoch_ns(known_ts)) AS known FROM levels GROUP BY level_id
)
SELECT
    instants.setup_id AS setup_id,                   -- [name] The setup.
    tau_s::BIGINT AS tau_s,                          -- [count] Seconds from T0 to the moment; negative before the trigger.
    CASE
        WHEN tau_s < 0 THEN 'APPROACH'
        WHEN left_at <= now THEN 'AFTER'
        ELSE 'ZONE'
    END AS phase,                                    -- [name] APPROACH before T0, ZONE until price has left the level again, then AFTER.
    make_timestamp_ns(bar) AS bar_ts,                -- [ns UTC] Start of the bar that the features are of.
    make_timestamp_ns(now) AS known_ts,              -- [ns UTC] The moment: the end of that bar.
    make_timestamp_ns(greatest(t0, now) + 480000000000) AS resolved_ts, -- [ns UTC] Eight minutes after T0, or after the moment if that is later.
    round(d * (mid - level_price), 9) + 0.0 AS x,    -- [pt] Distance d*(mid - level); negative before the level, null without two sides.
    sigma_60,                                        -- [pt] Expected one-minute move at the moment.
    sigma_ratio,                                     -- [1] That of the last three minutes over it; null without either.
    coalesce(now >= known, false) AS level_known     -- [1] The level could be read at the moment.
FROM instants
LEFT JOIN departed USING (setup_id)
LEFT JOIN since USING (level_id)
LEFT JOIN (SELECT epoch_ns(bar_ts) AS bar, sigma_60, sigma_ratio FROM volatility) AS expected USING (bar)
ASOF LEFT JOIN (SELECT ns, mid FROM mids WHERE until > ns) AS held ON instants.now > held.ns
