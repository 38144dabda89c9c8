-- What is usual in each five-minute bucket of the New York day, from past sessions only.
--
-- Metrics, of the bar's value over the seven sessions marked `recent` (at least three):
--   bid10_qty, ask10_qty                  ten-level size of a side at bar end; null without that side
--   trade_vol, trade_cnt, msg_cnt         lots traded, trade records, all records
--   buy_vol, sell_vol                     lots by aggressor
--   add_bid, add_ask, pull_bid, pull_ask, fill_bid, fill_ask
--                                         lots within 3 points of the microprice (bands p0_1 to p2_3)
--   rem_bid, rem_ask, net_bid, net_ask    the same, pulled or filled, and added less those
--   trade_imbal, flow_imbal               bought less sold over traded, net of bid less ask over both, each
--                                         with 20 lots more below
--   absorb                                lots that an aggressor's side traded, over one more than the ticks by which
--                                         mid went its way in the bar; buyers' and sellers' bars pooled
--   size_00 .. size_80                    resting size by ticks from its own touch at bar end, both sides
--                                         pooled: seen empty counts as 0, unseen does not count
-- and over up to twenty sessions (at least five):
--   mid_var                               a session's mean of squared changes of mid from bar end to bar end
--
-- grain: bucket, metric
-- reads: book, ladder, sessions
WITH
bars AS (
    SELECT
        sessions.date,
        recent,
        bar_ts,
        (epoch_ns(bar_ts) - midnight_ns + 86400000000000) % 86400000000000 // 300000000000 AS bucket,
        bid_px_00,
        ask_px_00,
        CASE WHEN NOT meta_reset THEN (bid_px_00 + ask_px_00) / 2 END AS mid,
        CASE WHEN bid_px_00 IS NOT NULL THEN bid_sz_00 + bid_sz_01 + bid_sz_02 + bid_sz_03 + bid_sz_04
            + bid_sz_05 + bid_sz_06 + bid_sz_07 + bid_sz_08 + bid_sz_09 END AS bid10_qty,
        CASE WHEN ask_px_00 IS NOT NULL THEN ask_sz_00 + ask_sz_01 + ask_sz_02 + ask_sz_03 + ask_sz_04
            + ask_sz_05 + ask_sz_06 + ask_sz_07 + ask_sz_08 + ask_sz_09 END AS ask10_qty,
        buy_vol + sell_vol + unknown_vol AS trade_vol,
        trade_cnt,
        msg_cnt,
        buy_vol,
        sell_vol,
        add_bid_p0_1 + add_bid_p1_2 + add_bid_p2_3 AS add_bid,
        add_ask_p0_1 + add_ask_p1_2 + add_ask_p2_3 AS add_ask,
        pull_bid_p0_1 + pull_bid_p1_2 + pull_bid_p2_3 AS pull_bid,
        pull_ask_p0_1 + pull_ask_p1_2 + pull_ask_p2_3 AS pull_ask,
        fill_bid_p0_1 + fill_bid_p1_2 + fill_bid_p2_3 AS fill_bid,
        fill_ask_p0_1 + fill_ask_p1_2 + fill_ask_p2_3 AS fill_ask,
        pull_bid + fill_bid AS rem_bid,
        pull_ask + fill_ask AS rem_ask,
        add_bid - rem_bid AS net_bid,
        add_ask - rem_ask AS net_ask,
        (buy_vol - sell_vol) / (trade_vol + 20) AS trade_imbal,
        (net_bid - net_ask) / (abs(net_bid) + abs(net_ask) + 20) AS flow_imbal
    FROM book
    JOIN sessions USING (date)
),
metrics AS (
    UNPIVOT (
        SELECT bucket, date, bid10_qty, ask10_qty, trade_vol, trade_cnt, msg_cnt, buy_vol, sell_vol,
            add_bid, add_ask, pull_bid, pull_ask, fill_bid, fill_ask, rem_bid, rem_ask, net_bid, net_ask,
            trade_imbal, flow_imbal
        FROM bars WHERE recent
    ) ON COLUMNS(* EXCLUDE (bucket, date)) INTO NAME metric VALUE value
),
sizes AS (
    SELECT
        bucket,
        date,
        round(CASE side WHEN 'B' THEN bid_px_00 - price ELSE price - ask_px_00 END / $tick)::BIGINT AS ticks,
        qty
    FROM ladder
    JOIN bars USING (date, bar_ts)
    WHERE recent AND qty IS NOT NULL
),
moves AS (
    SELECT bucket, date, (mid - lag(mid) OVER (PARTITION BY date ORDER BY bar_ts)) ** 2 AS moved
    FROM bars
),
paths AS (
    SELECT *, (mid - lag(mid) OVER (PARTITION BY date ORDER BY bar_ts)) / $tick AS went
    FROM bars
),
absorbed AS (
    SELECT bucket, date, 'absorb' AS metric, buy_vol / (greatest(went, 0) + 1) AS value
    FROM paths
    WHERE recent AND went IS NOT NULL
    UNION ALL
    SELECT bucket, date, 'absorb', sell_vol / (greatest(-went, 0) + 1) FROM paths WHERE recent AND went IS NOT NULL
),
profile AS (
    SELECT bucket, metric, median(value) AS median, mad(value) AS mad, avg(value) AS mean,
        stddev_pop(value) AS sd, count(DISTINCT date) AS sessions, 3 AS needed
    FROM (SELECT bucket, date, metric, value FROM metrics UNION ALL SELECT bucket, date, metric, value FROM absorbed)
    GROUP BY bucket, metric
    UNION ALL
    SELECT bucket, format('size_{:02d}', ticks), median(qty), mad(qty), avg(qty), stddev_pop(qty),
        count(DISTINCT date), 3
    FROM sizes
    WHERE ticks BETWEEN 0 AND 80
    GROUP BY bucket, ticks
    UNION ALL
    SELECT bucket, 'mid_var', median(value), mad(value), avg(value), stddev_pop(value), count(*), 5
    FROM (
        SELECT bucket, avg(moved) AS value FROM moves WHERE moved IS NOT NULL GROUP BY bucket, date
    )
    GROUP BY bucket
)
SELECT
    bucket,                                          -- [count] Minute of the New York day divided by 5, 0 to 287.
    metric,                                          -- [name] What was measured; see above.
    median::DOUBLE AS median,                        -- [1] Median of the values, in the metric's own unit.
    mad::DOUBLE AS mad,                              -- [1] Median absolute deviation of the same.
    mean::DOUBLE AS mean,                            -- [1] Mean of the same.
    sd::DOUBLE AS sd,                                -- [1] Standard deviation (population) of the same.
    sessions::BIGINT AS sessions                     -- [count] Sessions it rests on.
FROM profile
WHERE sessions >= needed
