CREATE OR REPLACE FUNCTION only_more_signatures() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.ledger <> OLD.ledger OR NEW.size <> OLD.size OR length(NEW.note) <= length(OLD.note)
        OR split_part(NEW.note, E'\n\n', 1) <> split_part(OLD.note, E'\n\n', 1) THEN
        RAISE EXCEPTION 'a kept checkpoint gets more signatures and changes no otherwise';
    END IF;
    RETURN NEW;
END $$;
