-- How often strangers have asked for what, where nodes count together and Redis does not answer: the moment at which each
-- bucket of tokens is full again.
CREATE TABLE rate_limit (
    what    TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    full_at BIGINT NOT NULL,
    PRIMARY KEY (what, subject)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limit TO mingjian_app;
