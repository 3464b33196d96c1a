-- One ledger. Times are microseconds of UTC, hashes SHA-256. Rows of `entry` and `tile` are written once and never
-- changed, except that a payload may be erased.

CREATE TABLE entry (
    seq     INTEGER PRIMARY KEY,
    leaf    BLOB NOT NULL,
    -- NULL once erased by law.
    payload BLOB
) STRICT;

-- Only full tiles (256 hashes): a partial one is made from the leaves, so a bid costs one row.
CREATE TABLE tile (
    level INTEGER NOT NULL,
    idx   INTEGER NOT NULL,
    bytes BLOB NOT NULL CHECK (length(bytes) = 8192),
    PRIMARY KEY (level, idx)
) STRICT;

-- Where the ledger ends. It moves by compare-and-swap on `size`, in the transaction that writes the entries.
CREATE TABLE head (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    time INTEGER NOT NULL,
    leaf BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (0, 0, zeroblob(32), 0, zeroblob(32));

-- What was answered under an idempotency key or a bid's nonce.
CREATE TABLE outcome (
    key   BLOB NOT NULL PRIMARY KEY,
    body  BLOB NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    rule  TEXT
) STRICT, WITHOUT ROWID;

-- A shorter way to the engine's state; may be deleted at any time.
CREATE TABLE snapshot (
    size  INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- Signed notes, about one a second while entries come in.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    at   INTEGER NOT NULL
) STRICT;

-- When the platform is last known to have been alive: what an outage is measured from.
CREATE TABLE alive (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    at   INTEGER NOT NULL
) STRICT;
