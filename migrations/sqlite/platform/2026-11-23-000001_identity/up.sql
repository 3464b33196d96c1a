-- Times are microseconds of UTC; ids are ULIDs of 26 characters; hashes are SHA-256.

CREATE TABLE organisation (
    id          TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL CHECK (kind IN ('company', 'owner', 'authority', 'centre')),
    name        TEXT   NOT NULL,
    -- Unified social credit code, GB 32100; only companies must have one.
    credit_code TEXT   UNIQUE CHECK (kind <> 'company' OR credit_code IS NOT NULL),
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    id           TEXT   NOT NULL PRIMARY KEY,
    -- Folded to lower case before it comes here.
    login        TEXT   NOT NULL UNIQUE,
    name         TEXT   NOT NULL,
    -- One role an account; 'public' until one is granted.
    role         TEXT   NOT NULL,
    organisation TEXT   REFERENCES organisation (id),
    -- PHC string; NULL until the holder has activated the account.
    password     TEXT,
    -- Sealed under the server's key.
    totp_secret  BLOB,
    totp_pending BLOB,
    -- The newest time step whose code was used (RFC 6238 §5.2: no code twice).
    totp_step    INTEGER NOT NULL DEFAULT -1,
    -- SHA-256 of the one-time code that lets the holder choose a password.
    activation   BLOB,
    activation_until INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    disabled_at  INTEGER
) STRICT;

CREATE INDEX account_by_organisation ON account (organisation);

CREATE TABLE session (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- SHA-256 of the token; the token itself is nowhere on this side.
    token_hash BLOB   NOT NULL UNIQUE,
    account    TEXT   NOT NULL REFERENCES account (id),
    network    TEXT   NOT NULL,
    opened_at  INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    -- When the holder last proved who they are.
    reauth_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX session_by_account ON session (account, opened_at);

-- One-use tickets for the live stream.
CREATE TABLE ticket (
    hash       BLOB   NOT NULL PRIMARY KEY,
    session    TEXT   NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX ticket_by_session ON ticket (session);

CREATE TABLE identity_key (
    id         TEXT   NOT NULL PRIMARY KEY,
    account    TEXT   NOT NULL REFERENCES account (id),
    -- Ed25519; one key never stands for two accounts.
    public_key BLOB   NOT NULL UNIQUE CHECK (length(public_key) = 32),
    valid_from  INTEGER NOT NULL,
    -- NULL: still valid.
    valid_until INTEGER
) STRICT;

CREATE UNIQUE INDEX identity_key_valid ON identity_key (account) WHERE valid_until IS NULL;

-- Failed sign-ins by what was tried and from where; subject '' counts the network alone.
CREATE TABLE sign_in_failure (
    subject  BLOB   NOT NULL,
    network  TEXT   NOT NULL,
    failures INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (subject, network)
) STRICT;

CREATE INDEX sign_in_failure_by_time ON sign_in_failure (last_at);

-- Networks from which an account has signed in: no stranger's failures slow these down.
CREATE TABLE known_network (
    account TEXT   NOT NULL REFERENCES account (id),
    network TEXT   NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (account, network)
) STRICT;

-- A disciplinary reviewer's case on a lot: what opens protected data to that reviewer.
CREATE TABLE review_case (
    id        TEXT   NOT NULL PRIMARY KEY,
    reviewer  TEXT   NOT NULL REFERENCES account (id),
    lot       TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;

CREATE UNIQUE INDEX review_case_open ON review_case (reviewer, lot) WHERE closed_at IS NULL;

-- For the audit administrator. Append-only: the triggers refuse what no code here does.
CREATE TABLE security_event (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at      INTEGER  NOT NULL,
    kind    TEXT    NOT NULL,
    actor   TEXT,
    subject TEXT,
    network TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;

CREATE TRIGGER security_event_no_update BEFORE UPDATE ON security_event
BEGIN SELECT RAISE(ABORT, 'security events are append-only'); END;

CREATE TRIGGER security_event_no_delete BEFORE DELETE ON security_event
BEGIN SELECT RAISE(ABORT, 'security events are append-only'); END;
