-- Query tables: views of the ledger, each follower remembering how far it has read. Dropped and rebuilt by `mingjian rebuild`.
CREATE TABLE follower (
  ledger TEXT PRIMARY KEY NOT NULL,
  next_seq BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE entry_index (
  ledger TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (ledger, seq)
) WITHOUT ROWID;
CREATE INDEX entry_by_subject ON entry_index (ledger, subject, seq);

CREATE TABLE lot_view (
  lot TEXT PRIMARY KEY NOT NULL,
  ledger TEXT NOT NULL,
  project TEXT NOT NULL,
  code TEXT NOT NULL,
  category TEXT NOT NULL,
  method TEXT NOT NULL,
  phase TEXT NOT NULL,
  suspended BOOLEAN NOT NULL,
  title TEXT NOT NULL,
  owner TEXT NOT NULL,
  owner_name TEXT NOT NULL,
  place TEXT NOT NULL,
  estimate BIGINT NOT NULL,
  start BIGINT NOT NULL,
  price BIGINT,
  bids BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  noticed_at BIGINT NOT NULL,
  opens_at BIGINT NOT NULL,
  next_at BIGINT,
  closed_at BIGINT,
  awarded_at BIGINT,
  awarded BIGINT
) WITHOUT ROWID;
CREATE INDEX lot_by_notice ON lot_view (noticed_at, lot);
CREATE INDEX lot_by_phase ON lot_view (phase, opens_at);
