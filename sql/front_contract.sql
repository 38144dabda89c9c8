-- Landed outrights of a product by their volume in one cash session, the front contract first.
--
-- `records` is bronze.mbp_10 or bronze.mbo of that session's UTC date, one schema for each contract.
--
-- grain: rank
-- reads: records
SELECT
    row_number() OVER (ORDER BY volume DESC, symbol) AS rank, -- [count] Place by volume, from 1.
    symbol,                                                   -- [name] The contract.
    volume                                                    -- [lot] Traded in the window, at least 1.
FROM (
    SELECT symbol, sum(size)::BIGINT AS volume
    FROM records
    WHERE action = 'T' AND epoch_ns(ts_event) >= $start AND epoch_ns(ts_event) < $end
    GROUP BY symbol
)
WHERE volume > 0
