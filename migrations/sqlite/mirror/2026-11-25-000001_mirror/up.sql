-- Beside the tables of a ledger, in the same file: which payloads the public may not read. An entry without a row here is
-- public, or erased if it has no payload.

CREATE TABLE standing (
    seq  INTEGER PRIMARY KEY,
    -- 1: the mirror's owner may read it, the public not; 2: withheld from the owner too, so far.
    kind INTEGER NOT NULL CHECK (kind IN (1, 2))
) STRICT;
CREATE INDEX standing_kind ON standing (kind, seq);
