-- What followed each setup, in event order, under every scheme and horizon.
--
-- States of T0 <= ts < T0 + H count, as far as the tape is one piece: it ends at `$end_ns` (session's
-- end or end of data), at a reset, and where 60 s pass without a record (a halt). Barriers stand at
-- +b and -b of x = d * (mid - level), or of x - x0 for the trigger's own anchor. The first one reached
-- is the outcome; an end before the horizon without one is CENSORED, never CHOP; a barrier behind
-- price at T0 is BORN. b scales with sigma_60, has a floor and is rounded up to a half tick, where mids
-- live. A barrier is reached when any x at or beyond it is first visited. `gap_event`: the deciding step
-- was as long as the whole corridor, so no price in it was quoted.
-- `level_class5` has no barriers: its five classes say where price stands at the horizon's end, as
-- x over sigma_H, cut at 0.5 and 1.5 on either side.
--
-- Schemes that `$schemes` does not name are left out.
--
-- `mids` outlines the path of mid: seq, ns, until (the next change's ns), mid (null without two sides), step
-- (from the last known mid), reset. Of a bar's changes it may leave out any that is no new extreme of the bar
-- and not its last.
--
-- grain: setup_id, scheme, horizon_s
-- reads: setups, mids, book
WITH
starts AS (
    SELECT
        row_number() OVER () AS start,
        setup_id,
        epoch_ns(known_ts) AS t0,
        IF(direction = 'UP', 1, -1) AS d,
        level_price,
        x0,
        sigma_60
    FROM setups
),
silences AS (
    SELECT epoch_ns(bar_ts) + 5000000000 AS since, lead(epoch_ns(bar_ts), 1, $end_ns) OVER (ORDER BY bar_ts) AS until
    FROM book
    WHERE NOT meta_empty
    QUALIFY until - since >= $halt_ns
),
horizons AS (
    SELECT
        starts.*,
        horizon_s,
        t0 + horizon_s * 1000000000 AS due,
        sigma_60 * sqrt(horizon_s / 60) AS sigma_h,
        least(
            $end_ns,
            (SELECT min(ns) FROM mids WHERE reset AND ns >= t0 AND ns < t0 + horizon_s * 1000000000),
            (SELECT min(greatest(since, t0)) FROM silences WHERE least(until, due) - greatest(since, t0) >= $halt_ns)
        ) AS cut
    FROM starts
    CROSS JOIN (SELECT unnest([120, 240, 480]::BIGINT[]) AS horizon_s)
),
clocks AS (
    SELECT start, t0, d, level_price, unnest(range(t0 // 5000000000, (t0 + 480000000000) // 5000000000 + 1)) AS bar
    FROM starts
),
visits AS (
    SELECT start, x, min(seq) AS seq, min(ns) AS ns, min_by(step, seq) AS step
    FROM (
        SELECT start, seq, ns, round(d * (mid - level_price), 9) + 0.0 AS x, step
        FROM clocks
        JOIN (SELECT *, ns // 5000000000 AS bar FROM mids WHERE mid IS NOT NULL) AS path USING (bar)
        WHERE ns >= t0 AND ns < t0 + 480000000000
    )
    GROUP BY start, x
),
ends AS (
    SELECT start, horizon_s, round(d * (mid - level_price), 9) AS x_end
    FROM (FROM horizons WHERE cut >= due) AS whole
    ASOF JOIN (SELECT ns, mid FROM mids WHERE until > ns) AS held ON due > ns
),
schemes AS (
    SELECT
        horizons.*,
        scheme,
        IF(anchored, 0.0, x0) AS anchor,
        CASE
            WHEN scheme = 'level_class5' THEN NULL
            WHEN points IS NOT NULL THEN points
            WHEN sigma_h IS NOT NULL THEN ceil(greatest(0.9 * sigma_h, $touch_pts + 1) / $tick * 2) * $tick / 2
        END AS b,
        coalesce(anchored AND abs(x0) >= b, false) AS born
    FROM horizons
    CROSS JOIN (
        VALUES ('level_c09', true, NULL), ('level_class5', true, NULL), ('level_fix2', true, 2.0),
            ('level_fix3', true, 3.0), ('level_fix5', true, 5.0), ('trigger_c09', false, NULL)
    ) AS known (scheme, anchored, points)
    WHERE x0 IS NOT NULL AND scheme IN (SELECT unnest($schemes::VARCHAR[]))
),
crossings AS (
    SELECT
        start,
        horizon_s,
        scheme,
        min(seq) FILTER (round(x - anchor, 6) >= b) AS break_seq,
        min(seq) FILTER (round(x - anchor, 6) <= -b) AS reject_seq,
        min(ns) FILTER (round(x - anchor, 6) >= b) AS break_ns,
        min(ns) FILTER (round(x - anchor, 6) <= -b) AS reject_ns,
        min_by(step, seq) FILTER (round(abs(x - anchor), 6) >= b) AS step,
        max(x) AS highest,
        min(x) AS lowest
    FROM schemes
    JOIN visits USING (start)
    WHERE ns < least(due, cut)
    GROUP BY start, horizon_s, scheme
),
reached AS (
    SELECT
        schemes.*,
        break_seq,
        reject_seq,
        CASE WHEN NOT born THEN (break_ns - t0) / 1e9 END AS to_break,
        CASE WHEN NOT born THEN (reject_ns - t0) / 1e9 END AS to_reject,
        greatest(coalesce(highest, x0) - x0, 0.0) AS mfe,
        least(coalesce(lowest, x0) - x0, 0.0) AS mae,
        x_end - anchor + 0.0 AS strength,
        nullif(sigma_h, 0) AS unit,
        step
    FROM schemes
    LEFT JOIN crossings USING (start, horizon_s, scheme)
    LEFT JOIN ends USING (start, horizon_s)
)
SELECT
    setup_id,                                        -- [name] The setup.
    scheme,                                          -- [name] level_c09 (default), level_class5, level_fix2, level_fix3, level_fix5, trigger_c09.
    horizon_s::BIGINT AS horizon_s,                  -- [count] Seconds of the label clock: 120, 240 or 480.
    b AS barrier_pts,                                -- [pt] Distance of both barriers from the anchor; null without sigma_60 and without barriers.
    CASE
        WHEN scheme = 'level_class5' THEN CASE
            WHEN unit IS NULL THEN NULL
            WHEN cut < due THEN 'CENSORED'
            WHEN strength / unit >= 1.5 THEN 'STRONG_BREAK'
            WHEN strength / unit >= 0.5 THEN 'BREAK'
            WHEN strength / unit <= -1.5 THEN 'STRONG_REJECT'
            WHEN strength / unit <= -0.5 THEN 'REJECT'
            WHEN strength IS NOT NULL THEN 'CHOP'
        END
        WHEN b IS NULL THEN NULL
        WHEN born THEN 'BORN'
        WHEN break_seq < reject_seq OR break_seq IS NOT NULL AND reject_seq IS NULL THEN 'BREAK'
        WHEN reject_seq IS NOT NULL THEN 'REJECT'
        WHEN cut < due THEN 'CENSORED'
        ELSE 'CHOP'
    END AS outcome,                                  -- [name] BREAK, REJECT, CHOP, CENSORED or BORN, of level_class5 STRONG_BREAK and STRONG_REJECT too; null without sigma_60.
    to_break AS time_to_break_s,                     -- [1] Seconds to the first crossing beyond; null if none or born.
    to_reject AS time_to_reject_s,                   -- [1] Seconds to the first crossing back; null if none or born.
    mfe AS mfe_pts,                                  -- [pt] Largest x less x0 over the horizon, at least 0.
    mae AS mae_pts,                                  -- [pt] Smallest x less x0 over the horizon, at most 0.
    mfe / unit AS mfe_sig,                           -- [1] mfe_pts over sigma_H.
    mae / unit AS mae_sig,                           -- [1] mae_pts over sigma_H.
    strength AS strength_pts,                        -- [pt] x at the horizon's end (less x0 for the trigger anchor); null if the tape ends before.
    strength / unit AS strength_signed,              -- [1] strength_pts over sigma_H.
    coalesce(NOT born AND step >= 2 * b, false) AS gap_event -- [1] One event jumped through both barriers.
FROM reached
