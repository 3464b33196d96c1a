-- As migrations/sqlite/platform.
-- Rooms, their cameras, who sits in them when. Times are microseconds of UTC.
CREATE TABLE room (
  id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  place TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE camera (
  id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  room TEXT COLLATE "C" NOT NULL REFERENCES room (id),
  name TEXT COLLATE "C" NOT NULL,
  -- 'rtsp': recorded here; the others are recorded elsewhere and referred to.
  source TEXT COLLATE "C" NOT NULL CHECK (source IN ('rtsp', 'mediamtx', 'frigate', 'onvif', 'gb28181')),
  -- Never with user or password: those are sealed beside it.
  address TEXT COLLATE "C" NOT NULL,
  credentials BYTEA,
  retention TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT
);
CREATE INDEX camera_by_room ON camera (room);

CREATE TABLE room_booking (
  id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  room TEXT COLLATE "C" NOT NULL REFERENCES room (id),
  lot TEXT COLLATE "C" NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  cancelled_at BIGINT
);
CREATE INDEX booking_by_time ON room_booking (starts_at);
CREATE INDEX booking_by_lot ON room_booking (lot);

-- Somebody's permission to look at one interval of one camera; the entry `seq` says so in the ledger.
CREATE TABLE viewing (
  id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  camera TEXT COLLATE "C" NOT NULL,
  clip TEXT COLLATE "C",
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  seq BIGINT NOT NULL
);
CREATE INDEX viewing_by_end ON viewing (expires_at);

-- From here on views of the ledger: dropped and read again by `mingjian rebuild`.
CREATE TABLE media_stretch (
  ledger TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  camera TEXT COLLATE "C" NOT NULL,
  run TEXT COLLATE "C" NOT NULL,
  first BIGINT NOT NULL,
  count BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  deleted_at BIGINT,
  PRIMARY KEY (ledger, run, first)
);
CREATE INDEX stretch_by_time ON media_stretch (camera, ends_at);

CREATE TABLE media_gap (
  ledger TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  camera TEXT COLLATE "C" NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  cause TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (ledger, seq, camera, starts_at)
);
CREATE INDEX gap_by_time ON media_gap (camera, ends_at);

CREATE TABLE clip (
  id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  ledger TEXT COLLATE "C" NOT NULL,
  camera TEXT COLLATE "C" NOT NULL,
  room TEXT COLLATE "C" NOT NULL,
  lot TEXT COLLATE "C" NOT NULL,
  -- The entry that it shows.
  about BIGINT NOT NULL,
  about_kind TEXT COLLATE "C" NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  -- The entry that holds the reference, once it is resolved.
  seq BIGINT,
  keep_until BIGINT NOT NULL
);
CREATE INDEX clip_by_lot ON clip (lot, about);
CREATE INDEX clip_by_status ON clip (ledger, status);

CREATE TABLE camera_alarm (
  ledger TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  camera TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  raised_at BIGINT NOT NULL,
  cleared_at BIGINT,
  PRIMARY KEY (ledger, seq)
);

CREATE TABLE footage_hold (
  id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  ledger TEXT COLLATE "C" NOT NULL,
  camera TEXT COLLATE "C" NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  lifted_at BIGINT
);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    room, camera, room_booking, viewing, media_stretch, media_gap, clip, camera_alarm, footage_hold
    TO mingjian_app;
