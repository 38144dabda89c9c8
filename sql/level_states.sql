-- Every level each half minute: where price stands, and what the arrivals' state machine says.
--
-- The machine is that of `sql/triggers.sql` on the range of mid of each bar, the state carried in included:
-- a touch puts price in the ZONE, 30 s beyond the re-arm band on one side puts it OUT there, a reset
-- leaves it without a state. A level's value in a bar is the last one known by the bar's end.
--
-- grain: level_id, bar_ts
-- reads: levels, setups, book, volatility
WITH
valued AS (
    SELECT
        level_id,
        price,
        is_placebo,
        epoch_ns(known_ts) AS known,
        min(epoch_ns(known_ts)) OVER (PARTITION BY level_id) AS first_known,
        lead(epoch_ns(known_ts), 1, epoch_ns(valid_to)) OVER (PARTITION BY level_id ORDER BY known_ts) AS until,
        epoch_ns(valid_to) AS valid,
        CASE
            WHEN epoch_ns(known_ts) > first_known THEN epoch_ns(known_ts)
            WHEN level_kind IN ('OR_HIGH', 'OR_LOW', 'OR30_HIGH', 'OR30_LOW') THEN $open_ns
            ELSE epoch_ns(known_ts) - 1800000000000
        END AS run_from
    FROM levels
),
held AS (
    SELECT
        level_id,
        price,
        first_known,
        unnest(range((run_from + 4999999999) // 5000000000 * 5000000000, least(until, valid + 5000000000), 5000000000)) AS now
    FROM valued
),
bars AS (
    SELECT
        epoch_ns(bar_ts) AS bar,
        bar + 5000000000 AS now,
        mid_min,
        mid_max,
        meta_reset,
        (bid_px_00 + ask_px_00) / 2 AS mid,
        min(mid_min) OVER half_minute AS low,
        max(mid_max) OVER half_minute AS high,
        count(mid_min) OVER half_minute = $rearm_bars AS known_throughout
    FROM book
    WINDOW half_minute AS (ORDER BY epoch_ns(bar_ts) RANGE BETWEEN ($rearm_bars - 1) * 5000000000 PRECEDING AND CURRENT ROW)
),
marked AS (
    SELECT
        level_id,
        price,
        first_known,
        bar,
        now,
        mid,
        CASE
            WHEN meta_reset THEN 'reset'
            WHEN round(mid_min - price, 9) <= $touch_pts AND round(price - mid_max, 9) <= $touch_pts THEN 'touch'
            WHEN NOT known_throughout THEN NULL
            WHEN round(low - price, 9) > $rearm_pts THEN 'above'
            WHEN round(price - high, 9) > $rearm_pts THEN 'below'
        END AS mark
    FROM held
    JOIN bars USING (now)
),
placed AS (
    SELECT
        *,
        last_value(mark IGNORE NULLS) OVER path AS mark_now,
        last_value(nullif(mark, 'touch') IGNORE NULLS) OVER path AS side
    FROM marked
    WINDOW path AS (PARTITION BY level_id ORDER BY bar)
),
touched AS (
    SELECT level_id, t0, row_number() OVER (PARTITION BY level_id ORDER BY t0) AS touches
    FROM (
        SELECT DISTINCT valued.level_id, epoch_ns(setups.known_ts) AS t0
        FROM setups
        JOIN valued ON setups.level_id = valued.level_id
            OR setups.level_price = valued.price AND setups.is_placebo = valued.is_placebo
                AND valued.known <= epoch_ns(setups.known_ts)
    )
),
sampled AS (
    SELECT * FROM placed WHERE now % 30000000000 = 0 AND now >= first_known
)
SELECT
    sampled.level_id AS level_id,                    -- [name] The level.
    make_timestamp_ns(bar) AS bar_ts,                -- [ns UTC] Start of the bar that ends on the half minute.
    price AS level_price,                            -- [pt] The level's value at the bar's end.
    CASE
        WHEN side = 'reset' OR side IS NULL THEN NULL
        WHEN mark_now = 'touch' THEN 'ZONE'
        ELSE 'OUT'
    END AS state,                                    -- [name] OUT or ZONE; null before price first left the level, and after a reset.
    CASE side WHEN 'below' THEN 'UP' WHEN 'above' THEN 'DOWN' END AS direction, -- [name] UP: price comes, or came, from below. DOWN: from above.
    mid - price AS dist_pts,                         -- [pt] Mid less level at the bar's end; null without two sides.
    (mid - price) / nullif(sigma_60, 0) AS dist_sig, -- [1] dist_pts over sigma_60.
    sigma_60,                                        -- [pt] Expected one-minute move.
    coalesce(touches, 0)::BIGINT AS touches,         -- [count] Accepted arrivals at this price so far today.
    (now - t0) / 1e9 AS since_touch_s                -- [1] Seconds since the last of them was frozen; null if none.
FROM sampled
LEFT JOIN (SELECT epoch_ns(bar_ts) AS bar, sigma_60 FROM volatility) AS expected USING (bar)
ASOF LEFT JOIN touched ON sampled.level_id = touched.level_id AND sampled.now >= touched.t0
