-- As migrations/sqlite/platform.
-- Who records under which name, and what recorders in processes of their own say of their cameras: for screens, no record.
CREATE TABLE recorder (
  name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- The folder of its notes, by an id of its own: whoever holds that is the same recorder after a restart.
  holder TEXT COLLATE "C" NOT NULL,
  seen_at BIGINT NOT NULL
);

CREATE TABLE camera_report (
  camera TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  recorder TEXT COLLATE "C" NOT NULL,
  seen_at BIGINT NOT NULL,
  body TEXT COLLATE "C" NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON recorder, camera_report TO mingjian_app;
