-- All ledgers of a deployment. As migrations/sqlite/ledger, with the ledger's name before each key, and with what many
-- nodes need: a lease that says who writes a ledger, and an epoch that fences off whoever wrote before.
--
-- The application's role only reads here. What changes a ledger are the functions below; they run with the rights of the
-- tables' owner, and each checks the epoch itself. So no node, and no SQL that somebody gets to run as the application,
-- can alter or remove an entry, or add one out of turn.

CREATE TABLE entry (
    ledger  TEXT COLLATE "C" NOT NULL,
    seq     BIGINT NOT NULL,
    leaf    BYTEA  NOT NULL,
    -- NULL once erased by law.
    payload BYTEA,
    PRIMARY KEY (ledger, seq)
);

-- Only full tiles (256 hashes): a partial one is made from the leaves, so a bid costs one row.
CREATE TABLE tile (
    ledger TEXT COLLATE "C" NOT NULL,
    level  BIGINT NOT NULL,
    idx    BIGINT NOT NULL,
    bytes  BYTEA  NOT NULL CHECK (length(bytes) = 8192),
    PRIMARY KEY (ledger, level, idx)
);
-- Hashes do not compress.
ALTER TABLE tile ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Where the ledger ends. It moves by compare-and-swap on (epoch, size), in the transaction that writes the entries.
CREATE TABLE head (
    ledger TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    epoch  BIGINT NOT NULL,
    size   BIGINT NOT NULL,
    root   BYTEA  NOT NULL,
    time   BIGINT NOT NULL,
    leaf   BYTEA  NOT NULL
);

-- Who writes the ledger, until when by this server's clock: no node's clock has a say.
CREATE TABLE lease (
    ledger  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    epoch   BIGINT NOT NULL,
    node    TEXT COLLATE "C" NOT NULL,
    -- Where the node answers the other nodes.
    address TEXT COLLATE "C" NOT NULL,
    until   TIMESTAMPTZ NOT NULL
);

-- What was answered under an idempotency key or a bid's nonce.
CREATE TABLE outcome (
    ledger TEXT COLLATE "C" NOT NULL,
    key    BYTEA  NOT NULL,
    body   BYTEA  NOT NULL,
    first  BIGINT NOT NULL,
    count  BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    rule   TEXT COLLATE "C",
    PRIMARY KEY (ledger, key)
);

-- A shorter way to the engine's state; may be deleted at any time.
CREATE TABLE snapshot (
    ledger TEXT COLLATE "C" NOT NULL,
    size   BIGINT NOT NULL,
    bytes  BYTEA  NOT NULL,
    PRIMARY KEY (ledger, size)
);

-- Signed notes, about one a second while entries come in.
CREATE TABLE checkpoint (
    ledger TEXT COLLATE "C" NOT NULL,
    size   BIGINT NOT NULL,
    note   TEXT COLLATE "C" NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (ledger, size)
);

-- When the platform is last known to have been alive: what an outage is measured from.
CREATE TABLE alive (
    ledger TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL
);

-- Which payloads were erased, when, for whom and why. The leaf keeps the payload's hash.
CREATE TABLE erasure (
    ledger     TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    actor      TEXT COLLATE "C" NOT NULL CHECK (actor <> ''),
    reason     TEXT COLLATE "C" NOT NULL CHECK (reason <> ''),
    -- Who had signed in to the database.
    session_user_name TEXT COLLATE "C" NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (ledger, seq)
);

CREATE TRIGGER erasure_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON erasure EXECUTE FUNCTION append_only();

-- Takes the lease if it is free, run out, or the node's own; a new holder gets the next epoch, and from that moment no
-- commit of an earlier one succeeds. Answers who holds it now, and for how many milliseconds yet.
CREATE FUNCTION lease_take(p_ledger TEXT, p_node TEXT, p_address TEXT, p_ttl_ms BIGINT)
    RETURNS TABLE (epoch BIGINT, node TEXT, address TEXT, left_ms BIGINT)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    held lease;
    moment TIMESTAMPTZ;
BEGIN
    INSERT INTO head VALUES (p_ledger, 0, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'))
        ON CONFLICT DO NOTHING;
    INSERT INTO lease VALUES (p_ledger, 0, '', '', '-infinity') ON CONFLICT DO NOTHING;
    SELECT * INTO held FROM lease WHERE ledger = p_ledger FOR UPDATE;
    -- After the lock, not before: whoever waited for it must not take a time from before its wait.
    moment := clock_timestamp();
    IF held.until <= moment THEN
        held.epoch := held.epoch + 1;
        held.node := p_node;
        UPDATE head SET epoch = held.epoch WHERE ledger = p_ledger;
    END IF;
    IF held.node = p_node THEN
        held.address := p_address;
        held.until := moment + p_ttl_ms * INTERVAL '1 millisecond';
        UPDATE lease SET epoch = held.epoch, node = held.node, address = held.address, until = held.until
            WHERE ledger = p_ledger;
    END IF;
    RETURN QUERY SELECT held.epoch, held.node, held.address,
        floor(extract(epoch FROM held.until - moment) * 1000)::BIGINT;
END $$;

-- Gives the lease back, if it is still the node's of that epoch.
CREATE FUNCTION lease_release(p_ledger TEXT, p_epoch BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
    UPDATE lease SET until = '-infinity' WHERE ledger = p_ledger AND epoch = p_epoch;
    RETURN FOUND;
END $$;

-- ONE commit: entries from p_before on, the tiles that they filled, the answers to keep, the head. Answers false, and
-- nothing is written, when the head is not where the writer left it, or the writer is not the present one.
CREATE FUNCTION ledger_append(
    p_ledger TEXT, p_epoch BIGINT, p_before BIGINT,
    p_leaves BYTEA[], p_payloads BYTEA[],
    p_tile_levels BIGINT[], p_tile_idxs BIGINT[], p_tile_bytes BYTEA[],
    p_keys BYTEA[], p_bodies BYTEA[], p_firsts BIGINT[], p_counts BIGINT[], p_ats BIGINT[], p_rules TEXT[],
    p_root BYTEA, p_time BIGINT, p_leaf BYTEA
) RETURNS BOOLEAN LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
    IF cardinality(p_leaves) = 0 OR cardinality(p_leaves) <> cardinality(p_payloads) THEN
        RAISE EXCEPTION 'a commit needs as many payloads as leaves, and at least one';
    END IF;
    UPDATE head SET size = p_before + cardinality(p_leaves), root = p_root, time = p_time, leaf = p_leaf
        WHERE ledger = p_ledger AND epoch = p_epoch AND size = p_before;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO entry SELECT p_ledger, p_before + place - 1, leaf, payload
        FROM unnest(p_leaves, p_payloads) WITH ORDINALITY AS new (leaf, payload, place);
    IF cardinality(p_tile_levels) > 0 THEN
        INSERT INTO tile SELECT p_ledger, level, idx, bytes
            FROM unnest(p_tile_levels, p_tile_idxs, p_tile_bytes) AS new (level, idx, bytes);
    END IF;
    IF cardinality(p_keys) > 0 THEN
        INSERT INTO outcome SELECT p_ledger, key, body, first, count, at, rule
            FROM unnest(p_keys, p_bodies, p_firsts, p_counts, p_ats, p_rules)
                AS new (key, body, first, count, at, rule);
    END IF;
    RETURN true;
END $$;

-- Erases one payload by law and says so; false when there is none (any more).
CREATE FUNCTION ledger_erase(p_ledger TEXT, p_seq BIGINT, p_actor TEXT, p_reason TEXT) RETURNS BOOLEAN
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
    UPDATE entry SET payload = NULL WHERE ledger = p_ledger AND seq = p_seq AND payload IS NOT NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO erasure VALUES (p_ledger, p_seq, p_actor, p_reason, session_user, clock_timestamp());
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION
    lease_take(TEXT, TEXT, TEXT, BIGINT), lease_release(TEXT, BIGINT),
    ledger_append(TEXT, BIGINT, BIGINT, BYTEA[], BYTEA[], BIGINT[], BIGINT[], BYTEA[], BYTEA[], BYTEA[], BIGINT[],
        BIGINT[], BIGINT[], TEXT[], BYTEA, BIGINT, BYTEA),
    ledger_erase(TEXT, BIGINT, TEXT, TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    lease_take(TEXT, TEXT, TEXT, BIGINT), lease_release(TEXT, BIGINT),
    ledger_append(TEXT, BIGINT, BIGINT, BYTEA[], BYTEA[], BIGINT[], BIGINT[], BYTEA[], BYTEA[], BYTEA[], BIGINT[],
        BIGINT[], BIGINT[], TEXT[], BYTEA, BIGINT, BYTEA),
    ledger_erase(TEXT, BIGINT, TEXT, TEXT) TO mingjian_app;
GRANT SELECT ON entry, tile, head, lease, outcome, erasure TO mingjian_app;
GRANT SELECT, INSERT ON checkpoint TO mingjian_app;
GRANT SELECT, INSERT, UPDATE ON alive TO mingjian_app;
GRANT SELECT, INSERT, DELETE ON snapshot TO mingjian_app;
