-- Placebo levels: beside each real one two prices that nobody looks at, as negative controls.
--
-- The distance is 3 to 15 points in whole ticks, taken from a hash of product, date, kind and sign (and of
-- a user's price), and taken again while it ends within 2 points of a real level that was known by then.
-- A level that becomes known afterwards, and a price of the user's, has no say. A moving average takes one
-- distance for the date, when it is first known; a running extreme takes one for each value.
--
-- grain: level_id, known_ts
-- reads: levels
WITH
reals AS (
    SELECT
        *,
        lead(known_ts) OVER (PARTITION BY level_id ORDER BY known_ts) AS until,
        list_contains($averages, level_kind)
            AND row_number() OVER (PARTITION BY level_id ORDER BY known_ts) > 1 AS follows
    FROM levels
),
asked AS (
    SELECT level_id, level_kind, known_ts, price FROM reals WHERE price IS NOT NULL AND NOT follows
),
standing AS (
    SELECT moments.known_ts, reals.price
    FROM (SELECT DISTINCT known_ts FROM asked) AS moments
    JOIN reals
        ON reals.known_ts <= moments.known_ts
        AND (reals.until IS NULL OR reals.until > moments.known_ts)
        AND reals.level_kind <> 'CUSTOM'
),
drawn AS (
    SELECT
        level_id,
        level_kind,
        known_ts,
        price,
        mark,
        attempt,
        sign * $tick * (
            ceil(3 / $tick)::BIGINT
            + ('0x' || left(md5(concat_ws('/', $product, split_part(level_id, '/', 2), split_part(level_id, '/', 3),
                split_part(level_id, '/', 4), mark, attempt)), 12))::BIGINT
            % (floor(15 / $tick)::BIGINT - ceil(3 / $tick)::BIGINT + 1)
        ) AS away
    FROM asked
    CROSS JOIN (VALUES (1, 'p+'), (-1, 'p-')) AS signs (sign, mark)
    CROSS JOIN range(64) AS attempts (attempt)
),
free AS (
    SELECT drawn.*
    FROM drawn
    ANTI JOIN standing
        ON standing.known_ts = drawn.known_ts AND abs(round(standing.price - drawn.price - away, 9)) < 2
),
taken AS (
    SELECT level_id, mark, known_ts, arg_min(away, attempt) AS away
    FROM free
    GROUP BY level_id, mark, known_ts
)
SELECT
    reals.level_id || '/' || reals.mark AS level_id, -- [name] The real level's, then p+ (above it) or p- (below).
    level_kind,                                      -- [name] Kind of the real level.
    round(price + away, 9) AS price,                 -- [pt] The placebo; null: none from then on.
    reals.known_ts,                                  -- [ns UTC] As of the real level.
    valid_to,                                        -- [ns UTC] As of the real level.
    true AS is_placebo                               -- [1] True for a negative control.
FROM (FROM reals CROSS JOIN (VALUES ('p+'), ('p-')) AS marks (mark)) AS reals
ASOF JOIN taken
    ON reals.level_id = taken.level_id AND reals.mark = taken.mark AND reals.known_ts >= taken.known_ts
WHERE follows OR reals.known_ts = taken.known_ts OR price IS NULL
