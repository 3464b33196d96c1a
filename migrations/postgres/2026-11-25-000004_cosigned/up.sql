-- Witnesses cosign a checkpoint after it was kept: the same statement gets more signatures, and nothing else of it may
-- change. What was signed is everything before the blank line.
CREATE FUNCTION only_more_signatures() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.ledger <> OLD.ledger OR NEW.size <> OLD.size OR length(NEW.note) <= length(OLD.note)
        OR split_part(NEW.note, E'\n\n', 1) <> split_part(OLD.note, E'\n\n', 1) THEN
        RAISE EXCEPTION 'a kept checkpoint gets more signatures and changes no otherwise';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER checkpoint_only_gains BEFORE UPDATE ON checkpoint FOR EACH ROW EXECUTE FUNCTION only_more_signatures();

GRANT UPDATE (note, at) ON checkpoint TO mingjian_app;
