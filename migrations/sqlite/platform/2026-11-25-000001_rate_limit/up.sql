-- How often strangers have asked for what, where nodes count together and Redis does not answer: the moment at which each
-- bucket of tokens is full again.
CREATE TABLE rate_limit (
    what    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    full_at INTEGER NOT NULL,
    PRIMARY KEY (what, subject)
) STRICT;
