-- The history of one exchange. Valid for SQLite and PostgreSQL alike: 64-bit integers, text, doubles.
-- Amounts that can exceed 64 signed bits are text. Times are Unix seconds.

-- Which exchange on which chain this is the history of: one row.
CREATE TABLE subject (
    id BIGINT NOT NULL PRIMARY KEY,
    exchange TEXT NOT NULL,
    genesis TEXT NOT NULL
);

-- How far the record is complete: one row. Every transaction up to and including `signature` is recorded.
CREATE TABLE progress (
    id BIGINT NOT NULL PRIMARY KEY,
    signature TEXT,
    last_slot BIGINT NOT NULL,
    -- When the node was last asked what there is and all of it was recorded.
    checked_at BIGINT NOT NULL,
    backfilling BIGINT NOT NULL
);

-- Margin accounts, banks and markets of the exchange: several exchanges share the program, and most events do not name
-- theirs.
CREATE TABLE members (
    address TEXT NOT NULL PRIMARY KEY
);

-- Transactions that succeeded. `gap` tells of events that may be missing: 0 none, 1 the logs were cut short, 2 the node
-- no longer had the transaction, 3 data of another version of the program.
CREATE TABLE transactions (
    signature TEXT NOT NULL PRIMARY KEY,
    slot BIGINT NOT NULL,
    time BIGINT NOT NULL,
    gap BIGINT NOT NULL
);

-- `position` is slot * 2^20 + a running number within the slot: it orders events and is the cursor of paged answers. Each trade
-- of an event has its own, the last of them the event's.
CREATE TABLE events (
    signature TEXT NOT NULL,
    event_index BIGINT NOT NULL,
    position BIGINT NOT NULL UNIQUE,
    slot BIGINT NOT NULL,
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (signature, event_index)
);
CREATE INDEX events_by_kind ON events (kind, position);

-- The addresses that an event names.
CREATE TABLE touched (
    address TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (address, position)
);

CREATE TABLE fills (
    position BIGINT NOT NULL PRIMARY KEY,
    signature TEXT NOT NULL,
    slot BIGINT NOT NULL,
    time BIGINT NOT NULL,
    market BIGINT NOT NULL,
    -- Price lots.
    price BIGINT NOT NULL,
    lots BIGINT NOT NULL,
    -- 0 when the taker bought.
    taker_side BIGINT NOT NULL,
    maker TEXT NOT NULL,
    taker TEXT NOT NULL,
    -- Id of the taker's order.
    taker_order BIGINT NOT NULL
);
CREATE INDEX fills_by_order ON fills (market, taker_order);
CREATE INDEX fills_by_position ON fills (market, position);
CREATE INDEX fills_by_time ON fills (market, time);

-- Every order that was placed. A market counts its orders without a gap, so a number that is missing here is an order of which
-- no event was recorded; and one whose fills add up to less than `filled_lots` lacks some of them.
CREATE TABLE orders (
    market BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    filled_lots BIGINT NOT NULL,
    PRIMARY KEY (market, id)
);

-- Native quote, 128 bits, as text.
CREATE TABLE health_samples (
    address TEXT NOT NULL,
    time BIGINT NOT NULL,
    init TEXT NOT NULL,
    liquidation_end TEXT NOT NULL,
    maintenance TEXT NOT NULL,
    equity TEXT NOT NULL,
    PRIMARY KEY (address, time)
);
CREATE INDEX health_samples_by_time ON health_samples (time);

-- USD per whole token, by the oracle's publish time.
CREATE TABLE asset_prices (
    asset BIGINT NOT NULL,
    time BIGINT NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (asset, time)
);
CREATE INDEX asset_prices_by_time ON asset_prices (time);

-- Prices in price lots; rate and premium as ratios, the rate per day; indices Q40.24 native quote per lot, as text.
CREATE TABLE funding_samples (
    market BIGINT NOT NULL,
    time BIGINT NOT NULL,
    rate DOUBLE PRECISION NOT NULL,
    premium DOUBLE PRECISION NOT NULL,
    mark DOUBLE PRECISION NOT NULL,
    oracle DOUBLE PRECISION NOT NULL,
    index_long TEXT NOT NULL,
    index_short TEXT NOT NULL,
    PRIMARY KEY (market, time)
);
CREATE INDEX funding_samples_by_time ON funding_samples (time);
