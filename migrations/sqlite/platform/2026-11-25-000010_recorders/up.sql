-- Who records under which name, and what recorders in processes of their own say of their cameras: for screens, no record.
CREATE TABLE recorder (
  name TEXT PRIMARY KEY NOT NULL,
  -- The folder of its notes, by an id of its own: whoever holds that is the same recorder after a restart.
  holder TEXT NOT NULL,
  seen_at INTEGER NOT NULL
);

CREATE TABLE camera_report (
  camera TEXT PRIMARY KEY NOT NULL,
  recorder TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  body TEXT NOT NULL
);
