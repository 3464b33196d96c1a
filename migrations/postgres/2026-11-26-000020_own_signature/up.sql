-- The log's own signature stays: only witnesses' lines are added. The log's line bears its name, the statement's first line.
CREATE OR REPLACE FUNCTION only_more_signatures() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place INTEGER := position(E'\n— ' || split_part(OLD.note, E'\n', 1) || ' ' IN OLD.note);
BEGIN
    IF NEW.ledger <> OLD.ledger OR NEW.size <> OLD.size OR length(NEW.note) <= length(OLD.note)
        OR split_part(NEW.note, E'\n\n', 1) <> split_part(OLD.note, E'\n\n', 1)
        OR place > 0
        AND position(E'\n' || split_part(substring(OLD.note FROM place), E'\n', 2) || E'\n' IN NEW.note) = 0 THEN
        RAISE EXCEPTION 'a kept checkpoint gets more signatures and changes no otherwise';
    END IF;
    RETURN NEW;
END $$;
