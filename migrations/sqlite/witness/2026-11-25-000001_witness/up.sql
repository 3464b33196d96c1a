-- What a witness knows. Times are microseconds of UTC, hashes SHA-256.

-- The newest checkpoint of each log that was cosigned: it moves by compare-and-swap on size and root.
CREATE TABLE seen (
    origin TEXT NOT NULL PRIMARY KEY,
    size   INTEGER NOT NULL,
    root   BLOB NOT NULL,
    note   TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is wrong with a log. `ours` and `theirs` are signed notes where they convict it.
CREATE TABLE alarm (
    id     INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    kind   TEXT NOT NULL,
    began  INTEGER NOT NULL,
    ended  INTEGER,
    ours   TEXT NOT NULL,
    theirs TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_origin ON alarm (origin, kind);
