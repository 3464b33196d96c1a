-- Witnesses cosign a checkpoint after it was kept: the same statement gets more signatures, and neither it nor the log's own
-- signature changes. What was signed is everything before the blank line; the log's line bears its name, the first line.
CREATE TRIGGER checkpoint_only_gains BEFORE UPDATE ON checkpoint
WHEN NEW.size <> OLD.size OR length(NEW.note) <= length(OLD.note)
    OR instr(NEW.note, substr(OLD.note, 1, instr(OLD.note, char(10, 10)) + 1)) <> 1
    OR (
        SELECT place > 0
            AND instr(NEW.note, substr(OLD.note, place, instr(substr(OLD.note, place + 1), char(10)) + 1)) = 0
        FROM (
            SELECT instr(
                OLD.note, char(10) || '— ' || substr(OLD.note, 1, instr(OLD.note, char(10)) - 1) || ' '
            ) AS place
        )
    )
BEGIN
    SELECT RAISE(ABORT, 'a kept checkpoint gets more signatures and changes no otherwise');
END;
