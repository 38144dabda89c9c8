-- How each arrival follows the earlier ones at its level, and what stands around it.
--
-- Of an earlier touch counts what was known by T0: its outcome once its label has ended. Labels are those of
-- the default scheme over `$label_ns`. Arrivals whose eight minutes overlap, directly or in a chain, are one
-- cluster, named after its first; named kinds, the user's prices and placebos cluster apart, so that a price
-- added changes nothing elsewhere. Nor does it count in a stack, nor do placebos.
--
-- grain: setup_id
-- reads: setups, outcomes, levels
WITH
touches AS (
    SELECT
        setup_id,
        IF(list_contains($averages, level_kind), level_id, level_price || IF(is_placebo, '/p', '')) AS machine,
        CASE WHEN is_placebo THEN 'placebo' WHEN level_kind = 'CUSTOM' THEN 'custom' ELSE 'named' END AS class,
        IF(direction = 'UP', 1, -1) AS d,
        level_price,
        p_ref,
        nullif(sigma_60, 0) AS sigma,
        epoch_ns(trigger_ts) AS bar,
        epoch_ns(known_ts) AS t0,
        epoch_ns(known_ts) + $label_ns AS label_end
    FROM setups
),
labels AS (
    SELECT touches.*, outcome, t0 + (time_to_break_s * 1e9)::BIGINT AS broke
    FROM touches
    JOIN outcomes USING (setup_id)
),
followed AS (
    SELECT touches.setup_id, labels.t0 AS touched, labels.d AS came, labels.outcome
    FROM touches
    ASOF JOIN labels ON touches.machine = labels.machine AND touches.t0 >= labels.label_end
),
breaks AS (
    SELECT touches.setup_id, max(broke) AS broke
    FROM touches
    JOIN labels ON touches.machine = labels.machine AND touches.t0 >= labels.label_end
    WHERE outcome = 'BREAK'
    GROUP BY touches.setup_id
),
linked AS (
    SELECT setup_id, class, t0, coalesce(t0 >= lag(t0) OVER line + 480000000000, true) AS opens
    FROM touches
    WINDOW line AS (PARTITION BY class ORDER BY t0, setup_id)
),
clusters AS (
    SELECT
        setup_id,
        last_value(IF(opens, setup_id, NULL) IGNORE NULLS) OVER (PARTITION BY class ORDER BY t0, setup_id) AS cluster_id
    FROM linked
),
others AS (
    SELECT
        level_kind,
        price,
        epoch_ns(known_ts) AS known,
        coalesce(epoch_ns(lead(known_ts) OVER (PARTITION BY level_id ORDER BY known_ts)), epoch_ns(valid_to)) AS until
    FROM levels
    WHERE NOT is_placebo AND level_kind <> 'CUSTOM'
),
standing AS (
    SELECT setup_id, level_kind, d, level_price, price, d * (price - p_ref) / sigma + 0.0 AS away
    FROM touches
    JOIN others ON known <= bar AND bar < until
),
distances AS (
    SELECT
        setup_id,
        max(away) FILTER (level_kind = 'PM_HIGH') AS PM_HIGH,
        max(away) FILTER (level_kind = 'PM_LOW') AS PM_LOW,
        max(away) FILTER (level_kind = 'OR_HIGH') AS OR_HIGH,
        max(away) FILTER (level_kind = 'OR_LOW') AS OR_LOW,
        max(away) FILTER (level_kind = 'OR30_HIGH') AS OR30_HIGH,
        max(away) FILTER (level_kind = 'OR30_LOW') AS OR30_LOW,
        max(away) FILTER (level_kind = 'SMA_90') AS SMA_90,
        max(away) FILTER (level_kind = 'EMA_20') AS EMA_20,
        max(away) FILTER (level_kind = 'PRIOR_HIGH') AS PRIOR_HIGH,
        max(away) FILTER (level_kind = 'PRIOR_LOW') AS PRIOR_LOW,
        max(away) FILTER (level_kind = 'PRIOR_CLOSE') AS PRIOR_CLOSE,
        max(away) FILTER (level_kind = 'OVERNIGHT_HIGH') AS OVERNIGHT_HIGH,
        max(away) FILTER (level_kind = 'OVERNIGHT_LOW') AS OVERNIGHT_LOW,
        max(away) FILTER (level_kind = 'SESSION_HIGH') AS SESSION_HIGH,
        max(away) FILTER (level_kind = 'SESSION_LOW') AS SESSION_LOW,
        max(away) FILTER (level_kind = 'VWAP') AS VWAP
    FROM standing
    GROUP BY setup_id
),
around AS (
    SELECT DISTINCT setup_id, round(d * (price - level_price) / $tick, 6) AS ticks
    FROM standing
    WHERE price <> level_price AND abs(price - level_price) < 40.5 * $tick
),
stacks AS (
    SELECT
        setup_id,
        count(*) FILTER (ticks BETWEEN 0 AND 4) AS ahead_4,
        count(*) FILTER (ticks BETWEEN 0 AND 8) AS ahead_8,
        count(*) FILTER (ticks BETWEEN 0 AND 16) AS ahead_16,
        count(*) FILTER (ticks BETWEEN 0 AND 40) AS ahead_40,
        count(*) FILTER (-ticks BETWEEN 0 AND 4) AS behind_4,
        count(*) FILTER (-ticks BETWEEN 0 AND 8) AS behind_8,
        count(*) FILTER (-ticks BETWEEN 0 AND 16) AS behind_16,
        count(*) FILTER (-ticks BETWEEN 0 AND 40) AS behind_40
    FROM around
    GROUP BY setup_id
)
SELECT
    setup_id,                                        -- [name] The setup.
    CASE
        WHEN touched IS NULL THEN 'FIRST'
        WHEN outcome IS NULL THEN NULL
        WHEN outcome = 'REJECT' AND came = d THEN 'RETRY'
        WHEN outcome = 'BREAK' AND came <> d THEN 'RETEST'
        ELSE 'RETURN'
    END AS touch_role,                               -- [name] FIRST, RETRY (after REJECT, same way), RETEST (after BREAK, from the other side) or RETURN; null if the last touch has no outcome.
    outcome AS last_outcome,                         -- [name] Outcome of the touch before; null if there is none.
    (t0 - touched) / 1e9 AS since_touch_s,           -- [s] Seconds from that touch's T0; null if there is none.
    (t0 - broke) / 1e9 AS since_break_s,             -- [s] Seconds since the level last broke; null if it did not.
    (t0 - $open_ns) / 6e10 AS since_open_min,        -- [1] Minutes from the open to T0; negative before.
    cluster_id,                                      -- [name] First setup of those whose eight minutes overlap.
    coalesce(ahead_4, 0)::BIGINT AS level_stack_ahead_4t,     -- [count] Prices of other known levels up to 4 ticks beyond.
    coalesce(ahead_8, 0)::BIGINT AS level_stack_ahead_8t,     -- [count] The same up to 8 ticks beyond.
    coalesce(ahead_16, 0)::BIGINT AS level_stack_ahead_16t,   -- [count] The same up to 16 ticks beyond.
    coalesce(ahead_40, 0)::BIGINT AS level_stack_ahead_40t,   -- [count] The same up to 40 ticks beyond.
    coalesce(behind_4, 0)::BIGINT AS level_stack_behind_4t,   -- [count] The same up to 4 ticks before the level.
    coalesce(behind_8, 0)::BIGINT AS level_stack_behind_8t,   -- [count] The same up to 8 ticks before.
    coalesce(behind_16, 0)::BIGINT AS level_stack_behind_16t, -- [count] The same up to 16 ticks before.
    coalesce(behind_40, 0)::BIGINT AS level_stack_behind_40t, -- [count] The same up to 40 ticks before.
    PM_HIGH AS dist_PM_HIGH_sig,                              -- [1] d*(level - mid) at T0 over sigma_60: how far it lies ahead; null if not known.
    PM_LOW AS dist_PM_LOW_sig,                                -- [1] The same.
    OR_HIGH AS dist_OR_HIGH_sig,                              -- [1] The same.
    OR_LOW AS dist_OR_LOW_sig,                                -- [1] The same.
    OR30_HIGH AS dist_OR30_HIGH_sig,                          -- [1] The same.
    OR30_LOW AS dist_OR30_LOW_sig,                            -- [1] The same.
    SMA_90 AS dist_SMA_90_sig,                                -- [1] The same.
    EMA_20 AS dist_EMA_20_sig,                                -- [1] The same.
    PRIOR_HIGH AS dist_PRIOR_HIGH_sig,                        -- [1] The same.
    PRIOR_LOW AS dist_PRIOR_LOW_sig,                          -- [1] The same.
    PRIOR_CLOSE AS dist_PRIOR_CLOSE_sig,                      -- [1] The same.
    OVERNIGHT_HIGH AS dist_OVERNIGHT_HIGH_sig,                -- [1] The same.
    OVERNIGHT_LOW AS dist_OVERNIGHT_LOW_sig,                  -- [1] The same.
    SESSION_HIGH AS dist_SESSION_HIGH_sig,                    -- [1] The same.
    SESSION_LOW AS dist_SESSION_LOW_sig,                      -- [1] The same.
    VWAP AS dist_VWAP_sig                                     -- [1] The same.
FROM touches
JOIN clusters USING (setup_id)
LEFT JOIN followed USING (setup_id)
LEFT JOIN breaks USING (setup_id)
LEFT JOIN stacks USING (setup_id)
LEFT JOIN distances USING (setup_id)
