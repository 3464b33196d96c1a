-- Rooms, their cameras, who sits in them when. Times are microseconds of UTC.
CREATE TABLE room (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  place TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE camera (
  id TEXT PRIMARY KEY NOT NULL,
  room TEXT NOT NULL REFERENCES room (id),
  name TEXT NOT NULL,
  -- 'rtsp': recorded here; the others are recorded elsewhere and referred to.
  source TEXT NOT NULL CHECK (source IN ('rtsp', 'mediamtx', 'frigate', 'onvif', 'gb28181')),
  -- Never with user or password: those are sealed beside it.
  address TEXT NOT NULL,
  credentials BLOB,
  retention TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT
);
CREATE INDEX camera_by_room ON camera (room);

CREATE TABLE room_booking (
  id TEXT PRIMARY KEY NOT NULL,
  room TEXT NOT NULL REFERENCES room (id),
  lot TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  cancelled_at BIGINT
);
CREATE INDEX booking_by_time ON room_booking (starts_at);
CREATE INDEX booking_by_lot ON room_booking (lot);

-- Somebody's permission to look at one interval of one camera; the entry `seq` says so in the ledger.
CREATE TABLE viewing (
  id TEXT PRIMARY KEY NOT NULL,
  account TEXT NOT NULL,
  camera TEXT NOT NULL,
  clip TEXT,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  seq BIGINT NOT NULL
);
CREATE INDEX viewing_by_end ON viewing (expires_at);

-- From here on views of the ledger: dropped and read again by `mingjian rebuild`.
CREATE TABLE media_stretch (
  ledger TEXT NOT NULL,
  seq BIGINT NOT NULL,
  camera TEXT NOT NULL,
  run TEXT NOT NULL,
  first BIGINT NOT NULL,
  count BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  deleted_at BIGINT,
  PRIMARY KEY (ledger, run, first)
);
CREATE INDEX stretch_by_time ON media_stretch (camera, ends_at);

CREATE TABLE media_gap (
  ledger TEXT NOT NULL,
  seq BIGINT NOT NULL,
  camera TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  cause TEXT NOT NULL,
  PRIMARY KEY (ledger, seq, camera, starts_at)
);
CREATE INDEX gap_by_time ON media_gap (camera, ends_at);

CREATE TABLE clip (
  id TEXT PRIMARY KEY NOT NULL,
  ledger TEXT NOT NULL,
  camera TEXT NOT NULL,
  room TEXT NOT NULL,
  lot TEXT NOT NULL,
  -- The entry that it shows.
  about BIGINT NOT NULL,
  about_kind TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  status TEXT NOT NULL,
  -- The entry that holds the reference, once it is resolved.
  seq BIGINT,
  keep_until BIGINT NOT NULL
);
CREATE INDEX clip_by_lot ON clip (lot, about);
CREATE INDEX clip_by_status ON clip (ledger, status);

CREATE TABLE camera_alarm (
  ledger TEXT NOT NULL,
  seq BIGINT NOT NULL,
  camera TEXT NOT NULL,
  kind TEXT NOT NULL,
  raised_at BIGINT NOT NULL,
  cleared_at BIGINT,
  PRIMARY KEY (ledger, seq)
);

CREATE TABLE footage_hold (
  id TEXT PRIMARY KEY NOT NULL,
  ledger TEXT NOT NULL,
  camera TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  lifted_at BIGINT
);
