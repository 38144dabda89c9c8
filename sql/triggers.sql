-- Arrivals at levels: the state machine of every level, as gaps and islands over bars.
--
-- A price is one machine for all kinds that stand on it, and so is each average, whose value in a bar is the
-- last one known at the bar's start. A price's machine runs from 30 minutes before the first of its kinds is
-- known (an opening range's from the open), an average's from its first value, at the earliest 30 minutes
-- before the window; it starts unset. A bar touches when its range of
-- mid, the state carried in included, meets the band. A bar end arms a side when every state in force in the
-- 30 s before it lay beyond the re-arm band on that side; a moment without a mid breaks the 30 s. A touch
-- straight after an armed bar (no other touch, no reset between) is an arrival from the armed side. Of the
-- arrivals at a level that is in force, in the window, priced and three minutes clear of a reset, each is
-- accepted that comes at least `$cooldown_ns` after the last accepted one.
--
-- `mids` outlines the path of mid: ns, until (the next change's ns), mid (null without two sides); of a bar's
-- changes it may leave out any that is no new extreme of the bar and not its last.
--
-- grain: setup_id
-- reads: levels, mids, book, volatility
WITH RECURSIVE
kinds AS (
    SELECT
        level_id,
        level_kind,
        list_position($kinds, level_kind) AS place,
        list_contains($averages, level_kind) AS moves,
        IF(moves, level_id, price || IF(is_placebo, '/p', '')) AS machine,
        price,
        is_placebo,
        epoch_ns(known_ts) AS known,
        IF(moves, min(known) OVER (PARTITION BY level_id), known) AS since,
        least(
            epoch_ns(valid_to),
            coalesce(epoch_ns(lead(known_ts) OVER (PARTITION BY level_id ORDER BY known_ts)), epoch_ns(valid_to))
        ) AS until
    FROM levels
),
machines AS (
    SELECT
        machine,
        moves,
        price,
        CASE
            WHEN moves THEN greatest(known, $window_start - 1800000000000)
            WHEN starts_with(level_kind, 'OR') THEN $open_ns
            ELSE known - 1800000000000
        END AS run_from
    FROM kinds
    WHERE price IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY machine ORDER BY known, run_from) = 1
),
bars AS (
    SELECT epoch_ns(bar_ts) AS bar, mid_min, mid_max, meta_reset
    FROM book
    WHERE epoch_ns(bar_ts) < $window_end AND epoch_ns(bar_ts) >= (SELECT min(run_from) FROM machines)
),
in_force AS (
    SELECT bar, min(mid) AS low, max(mid) AS high, max((mid IS NULL)::INT) AS unknown
    FROM (
        SELECT bar, mid
        FROM bars
        ASOF LEFT JOIN (SELECT ns, mid FROM mids WHERE until > ns) AS held ON bars.bar >= held.ns
        UNION ALL
        SELECT ns // 5000000000 * 5000000000, mid FROM mids WHERE ns % 5000000000 > 0
    )
    GROUP BY bar
),
spans AS (
    SELECT
        bar,
        mid_min,
        mid_max,
        meta_reset,
        low,
        high,
        min(low) OVER half_minute AS lowest,
        max(high) OVER half_minute AS highest,
        max(unknown) OVER half_minute = 0 AND count(*) OVER half_minute = $rearm_bars AS known_throughout,
        max(meta_reset::INT) OVER three_minutes = 1 AS recent_reset
    FROM bars
    JOIN in_force USING (bar)
    WINDOW
        half_minute AS (ORDER BY bar RANGE BETWEEN ($rearm_bars - 1) * 5000000000 PRECEDING AND CURRENT ROW),
        three_minutes AS (ORDER BY bar RANGE BETWEEN 35 * 5000000000 PRECEDING AND CURRENT ROW)
),
followed AS (
    SELECT machine, held.price, spans.*
    FROM (
        SELECT
            machine,
            price,
            unnest(range(
                (greatest(known, $window_start - 1800000000000) + 4999999999) // 5000000000 * 5000000000,
                least(until, $window_end),
                5000000000
            )) AS bar
        FROM kinds
        WHERE moves
    ) AS held
    JOIN spans USING (bar)
),
stands AS (
    SELECT machine, price, bar, mid_min, mid_max, meta_reset, recent_reset, known_throughout,
        lowest - price AS lowest, highest - price AS highest
    FROM machines
    JOIN spans ON NOT moves AND bar >= run_from
    UNION ALL
    SELECT machine, price, bar, mid_min, mid_max, meta_reset, recent_reset,
        known_throughout AND count(*) OVER half_minute = $rearm_bars,
        min(low - price) OVER half_minute, max(high - price) OVER half_minute
    FROM followed
    WINDOW half_minute AS (
        PARTITION BY machine
        ORDER BY bar
        RANGE BETWEEN ($rearm_bars - 1) * 5000000000 PRECEDING AND CURRENT ROW
    )
),
marked AS (
    SELECT
        machine,
        price,
        bar,
        recent_reset,
        CASE
            WHEN meta_reset THEN 'reset'
            WHEN round(mid_min - price, 9) <= $touch_pts AND round(price - mid_max, 9) <= $touch_pts THEN 'touch'
            WHEN NOT known_throughout THEN NULL
            WHEN round(lowest, 9) > $rearm_pts THEN 'above'
            WHEN round(-highest, 9) > $rearm_pts THEN 'below'
        END AS mark
    FROM stands
),
arrivals AS (
    SELECT *, lag(mark) OVER (PARTITION BY machine ORDER BY bar) AS came_from
    FROM marked
    WHERE mark IS NOT NULL
    QUALIFY mark = 'touch' AND came_from IN ('above', 'below')
),
named AS (
    SELECT
        machine,
        bar,
        arrivals.price,
        IF(came_from = 'below', 1, -1) AS d,
        first(level_id ORDER BY place) AS level_id,
        list(level_kind ORDER BY place) AS level_kinds,
        bool_or(is_placebo) AS is_placebo,
        min(since) AS known
    FROM arrivals
    JOIN kinds USING (machine)
    WHERE kinds.known <= bar AND bar < kinds.until
        AND bar >= $window_start AND bar + 5000000000 <= $window_end
        AND NOT recent_reset
    GROUP BY machine, bar, arrivals.price, came_from
),
candidates AS (
    SELECT
        named.*,
        mid AS p_ref,
        min(bar) OVER (
            PARTITION BY machine
            ORDER BY bar
            RANGE BETWEEN $cooldown_ns FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS next_bar
    FROM named
    ASOF JOIN (SELECT ns, mid FROM mids WHERE until > ns) AS held ON bar + 5000000000 > ns
    WHERE mid IS NOT NULL
),
accepted AS (
    SELECT *, 1 AS touch_index
    FROM candidates
    QUALIFY row_number() OVER (PARTITION BY machine ORDER BY bar) = 1
    UNION ALL
    SELECT candidates.*, touch_index + 1
    FROM accepted
    JOIN candidates ON candidates.machine = accepted.machine AND candidates.bar = accepted.next_bar
)
SELECT
    level_id || '/' || strftime(make_timestamp_ns(bar), '%Y-%m-%dT%H:%M:%SZ') AS setup_id, -- [name] level_id/bar_ts.
    level_id,                                           -- [name] The level it came to.
    level_kinds[1] AS level_kind,                       -- [name] First of its kinds in the order of level kinds.
    level_kinds,                                        -- [name] Every kind on that tick known at the trigger.
    price AS level_price,                               -- [pt] The level at the trigger.
    is_placebo,                                         -- [1] True for a negative control.
    IF(d = 1, 'UP', 'DOWN') AS direction,               -- [name] UP: price came from below. DOWN: from above.
    make_timestamp_ns(bar) AS trigger_ts,               -- [ns UTC] Start of the trigger bar.
    make_timestamp_ns(bar + 5000000000) AS known_ts,    -- [ns UTC] T0, end of the trigger bar: the label clock starts here.
    make_timestamp_ns(bar + 485000000000) AS resolved_ts, -- [ns UTC] T0 + 8 minutes, whenever a barrier was hit.
    round(d * (p_ref - price), 9) + 0.0 AS x0,          -- [pt] Distance d*(mid - level) at T0; negative before the level.
    p_ref,                                              -- [pt] Mid at the last event end before T0.
    sigma_60,                                           -- [pt] Expected one-minute move at T0; null before 180 bars.
    sigma_warmup,                                       -- [1] sigma_60 rests on fewer than 5 past sessions.
    sigma_ratio,                                        -- [1] How lively the last three minutes were: their one-minute move over sigma_60; null without either.
    touch_index::BIGINT AS touch_index,                 -- [count] n-th accepted arrival at this level today, from 1.
    abs(x0) > $touch_pts AS gap_entry,                  -- [1] Price stood beyond the touch band at T0.
    bar - 239 * 5000000000 < known AS uses_pre_known_level, -- [1] The look-back reaches before the level was known.
    $maybe_back_month AS maybe_back_month,              -- [1] The contract was named by the user, not found to be front.
    $source AS source,                                  -- [name] mbp-10 or mbo.
    $doubtful AS doubtful                               -- [1] The order flow of its date was beyond tolerance (quality.beyond): known when the date ended, and no feature.
FROM accepted
LEFT JOIN (SELECT epoch_ns(bar_ts) AS bar, sigma_60, sigma_warmup, sigma_ratio FROM volatility) AS expected USING (bar)
