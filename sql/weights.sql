-- How much of its label each setup has to itself.
--
-- The mean over the label's five-second steps of one over the labels that run then, itself included: 1 where
-- no other runs. It rests on later setups up to the label's end and is known there. Named kinds, the user's
-- prices and placebos are counted apart.
--
-- grain: setup_id, horizon_s
-- reads: setups
WITH
labels AS (
    SELECT
        setup_id,
        CASE WHEN is_placebo THEN 'placebo' WHEN level_kind = 'CUSTOM' THEN 'custom' ELSE 'named' END AS class,
        horizon_s,
        unnest(range(epoch_ns(known_ts), epoch_ns(known_ts) + horizon_s * 1000000000, 5000000000)) AS step
    FROM setups
    CROSS JOIN (SELECT unnest([120, 240, 480]::BIGINT[]) AS horizon_s)
),
running AS (
    SELECT setup_id, horizon_s, count(*) OVER (PARTITION BY class, horizon_s, step) AS labels FROM labels
)
SELECT
    setup_id,                                        -- [name] The setup.
    horizon_s,                                       -- [count] Seconds of the label: 120, 240 or 480.
    round(avg(1 / labels), 12) AS uniqueness         -- [1] Mean of one over the labels running; above 0, at most 1.
FROM running
GROUP BY setup_id, horizon_s
