-- Which nodes could write a ledger, and how many they write already: so that many ledgers are shared out evenly.
CREATE TABLE standby (
    ledger  TEXT COLLATE "C" NOT NULL,
    node    TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    leads   BIGINT NOT NULL,
    -- By this server's clock; who has said nothing since is dead.
    until   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (ledger, node)
);

-- Says that the node lives and leads so many ledgers. Answers, of the other nodes that live, the one that leads the fewest.
CREATE FUNCTION standby_say(p_ledger TEXT, p_node TEXT, p_address TEXT, p_ttl_ms BIGINT, p_leads BIGINT)
    RETURNS TABLE (node TEXT, leads BIGINT)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    moment TIMESTAMPTZ := clock_timestamp();
BEGIN
    INSERT INTO standby VALUES (p_ledger, p_node, p_address, p_leads, moment + p_ttl_ms * INTERVAL '1 millisecond')
        ON CONFLICT (ledger, node) DO UPDATE SET address = excluded.address, leads = excluded.leads, until = excluded.until;
    -- A node has another name in each of its lives.
    DELETE FROM standby WHERE ledger = p_ledger AND node <> p_node AND until <= moment;
    RETURN QUERY SELECT node, leads FROM standby WHERE ledger = p_ledger AND node <> p_node AND until > moment
        ORDER BY leads, node LIMIT 1;
END $$;

-- Makes a node that lives the holder of the lease, under the next epoch, if the lease is still that of p_epoch.
CREATE FUNCTION lease_hand_over(p_ledger TEXT, p_epoch BIGINT, p_node TEXT, p_ttl_ms BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    next standby;
BEGIN
    PERFORM 1 FROM lease WHERE ledger = p_ledger AND epoch = p_epoch FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO next FROM standby WHERE ledger = p_ledger AND node = p_node AND until > clock_timestamp();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE lease SET epoch = p_epoch + 1, node = next.node, address = next.address,
            until = clock_timestamp() + p_ttl_ms * INTERVAL '1 millisecond'
        WHERE ledger = p_ledger;
    UPDATE head SET epoch = p_epoch + 1 WHERE ledger = p_ledger;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION standby_say(TEXT, TEXT, TEXT, BIGINT, BIGINT), lease_hand_over(TEXT, BIGINT, TEXT, BIGINT)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION standby_say(TEXT, TEXT, TEXT, BIGINT, BIGINT), lease_hand_over(TEXT, BIGINT, TEXT, BIGINT)
    TO mingjian_app;
GRANT SELECT ON standby TO mingjian_app;
