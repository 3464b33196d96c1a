-- Query tables: views of the ledgers, each follower remembering how far it has read. Dropped and rebuilt by
-- `mingjian rebuild`.
CREATE TABLE follower (
    ledger   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next_seq BIGINT NOT NULL
);

CREATE TABLE entry_index (
    ledger  TEXT COLLATE "C" NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (ledger, seq)
);
CREATE INDEX entry_by_subject ON entry_index (ledger, subject, seq);

CREATE TABLE lot_view (
    lot        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    ledger     TEXT COLLATE "C" NOT NULL,
    project    TEXT COLLATE "C" NOT NULL,
    code       TEXT COLLATE "C" NOT NULL,
    category   TEXT COLLATE "C" NOT NULL,
    method     TEXT COLLATE "C" NOT NULL,
    phase      TEXT COLLATE "C" NOT NULL,
    suspended  BOOLEAN NOT NULL,
    title      TEXT COLLATE "C" NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    owner_name TEXT COLLATE "C" NOT NULL,
    place      TEXT COLLATE "C" NOT NULL,
    estimate   BIGINT NOT NULL,
    start      BIGINT NOT NULL,
    price      BIGINT,
    bids       BIGINT NOT NULL,
    refused    BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    opens_at   BIGINT NOT NULL,
    next_at    BIGINT,
    closed_at  BIGINT,
    awarded_at BIGINT,
    awarded    BIGINT
);
CREATE INDEX lot_by_notice ON lot_view (noticed_at, lot);
CREATE INDEX lot_by_phase ON lot_view (phase, opens_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON follower, entry_index, lot_view TO mingjian_app;
