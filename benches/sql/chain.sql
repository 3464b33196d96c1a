-- What one would build without us, as a baseline: a table whose trigger makes a hash chain under one lock, refuses late
-- bids, and keeps an idempotency key unique; beside it the same table without a chain.
CREATE EXTENSION IF NOT EXISTS pgcrypto;

CREATE TABLE lot (id INT PRIMARY KEY, deadline TIMESTAMPTZ NOT NULL);
INSERT INTO lot SELECT id, now() + INTERVAL '1 day' FROM generate_series(1, 64) AS id;

CREATE TABLE plain_bid (
    seq    BIGSERIAL PRIMARY KEY,
    lot    INT NOT NULL,
    bidder INT NOT NULL,
    amount BIGINT NOT NULL,
    key    UUID NOT NULL UNIQUE,
    at     TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE chained_bid (LIKE plain_bid INCLUDING ALL, prev BYTEA NOT NULL, hash BYTEA NOT NULL);
CREATE TABLE tip (one INT PRIMARY KEY CHECK (one = 0), hash BYTEA NOT NULL);
INSERT INTO tip VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION chain_bid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock(1);
    IF (SELECT deadline FROM lot WHERE id = NEW.lot) <= clock_timestamp() THEN
        RAISE EXCEPTION 'closed';
    END IF;
    SELECT hash INTO NEW.prev FROM tip;
    NEW.hash := digest(
        NEW.prev || convert_to(concat_ws('|', NEW.seq, NEW.lot, NEW.bidder, NEW.amount, NEW.key, NEW.at), 'UTF8'), 'sha256');
    UPDATE tip SET hash = NEW.hash;
    RETURN NEW;
END $$;
CREATE TRIGGER chain_bid BEFORE INSERT ON chained_bid FOR EACH ROW EXECUTE FUNCTION chain_bid();
