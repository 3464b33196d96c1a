//! Every limit of the system has its name, its reason and its arithmetic here.

use super::{Rate, Span};

/// 10^17 分 = 10^15 yuan, about ten times China's yearly product: nothing real is larger, and sums of ninety such
/// amounts still fit an `i64`.
pub const AMOUNT_MAX_FEN: i64 = 100_000_000_000_000_000;
/// Ledger format §2.
pub const PAYLOAD_MAX_BYTES: usize = 60_000;
/// A leaf has a fixed shape; 255 bytes of origin leave it far below this, and a uint16 counts it in a bundle.
pub const LEAF_MAX_BYTES: usize = 1_024;
/// A schemeless URL; longer names no witness accepts.
pub const ORIGIN_MAX_BYTES: usize = 255;
/// Nesting of JSON that we parse; our deepest payload has six levels.
pub const JSON_DEPTH_MAX: usize = 16;
/// A compact JWS of a bid is about 700 bytes.
pub const STATEMENT_MAX_BYTES: usize = 2_048;
/// A checkpoint is about 300 bytes, a witness's line 150.
pub const NOTE_MAX_BYTES: usize = 64 * 1_024;
/// The specification asks for at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;
/// Unauthenticated bytes beside somebody else's proof; ours has none.
pub const PROOF_EXTRA_MAX_BYTES: usize = 8 * 1_024;
/// Entries of one group commit: past 256 a batch buys little and costs latency.
pub const BATCH_MAX_ENTRIES: usize = 256;
/// Commands waiting for the sequencer. At 10,000 a second this is under half a second of work; beyond it the answer is
/// `busy` at once rather than a late refusal.
pub const QUEUE_MAX: usize = 4_096;
/// A slot that was reserved and not filled holds back everything behind it, so its check has a bound.
pub const CHECK_MAX: Span = Span::secs(5);
/// Entries between two snapshots of the engine's state: what a restart replays at most, a fraction of a second.
pub const SNAPSHOT_EVERY: u64 = 10_000;
/// Signed notes are kept this often; each is enough to convict a ledger that was rewritten before it.
pub const CHECKPOINT_EVERY: Span = Span::secs(1);
/// Between two looks at the clock, a second apart: slewing comes to half a millisecond, a busy machine to tens.
pub const CLOCK_STEP_MIN: Span = Span::micros(250_000);
/// How often the platform notes that it is alive: while something is due within a day, and otherwise. An outage is
/// measured from the last note.
pub const ALIVE_EVERY: Span = Span::secs(1);
pub const ALIVE_EVERY_IDLE: Span = Span::minutes(1);
/// Text of a title, a name, a place.
pub const TITLE_MAX_CHARS: usize = 200;
/// A reason, a question, an answer.
pub const TEXT_MAX_CHARS: usize = 4_000;
/// Days of one list of the holiday calendar: a decade of the State Council's notices.
pub const HOLIDAYS_MAX: usize = 400;
/// Lots of one project.
pub const LOTS_PER_PROJECT_MAX: usize = 200;
/// Bidders of one lot: three-digit numbers.
pub const BIDDERS_PER_LOT_MAX: usize = 900;
/// Three digits: more than [`BIDDERS_PER_LOT_MAX`], so that even the last number is drawn at random.
pub const BIDDER_NUMBER_MAX: u32 = 999;
/// Documents of one notice.
pub const DOCUMENTS_MAX: usize = 50;
/// Rungs of a lot's ladder past the price.
pub const RUNGS_MAX: usize = 4;
/// An HTTP body: the largest is a notice with its documents' digests.
pub const BODY_MAX_BYTES: usize = 64 * 1_024;
/// Rows of one page; a list may be read one row further, to see whether another page follows.
pub const PAGE_MAX_ROWS: usize = 200;
/// A viewer's unsent bytes before it is cut off; it resumes by `from`.
pub const VIEWER_QUEUE_MAX_BYTES: usize = 256 * 1_024;
/// A viewer's unsent frames before it is cut off.
pub const VIEWER_QUEUE_MAX_FRAMES: usize = 512;
/// A viewer over its budget that has taken nothing for this long is slow. Shorter, and a burst that the server itself is
/// slow to send would throw out everybody at once, to come back at the worst moment.
pub const VIEWER_OVERDUE_MAX: Span = Span::secs(1);
/// A viewer's write that makes no progress.
pub const VIEWER_STALL_MAX: Span = Span::secs(5);
/// 招标拍卖挂牌出让国有建设用地使用权规定 art. 18: a listing lasts at least ten days.
pub const LISTING_QUOTING_MIN: Span = Span::days(10);
/// A countdown shorter than this cannot be answered by a person on a slow line.
pub const WINDOW_MIN: Span = Span::secs(10);
/// Longest single period of a lot's clock: keeps every sum of times far inside the calendar.
pub const PERIOD_MAX: Span = Span::days(366);
/// Steps that one bid may take at most, whatever the notice says.
pub const MAX_STEPS_MAX: u32 = 1_000_000;
/// An outage longer than this suspends the affected auctions by rule; a shorter one is within the countdown's margin.
pub const OUTAGE_TOLERATED: Span = Span::secs(10);
/// Argon2id after OWASP's password storage advice: 19 MiB, two passes, one lane; about 25 ms of a core.
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1_024;
pub const PASSWORD_PASSES: u32 = 2;
pub const PASSWORD_LANES: u32 = 1;
/// ASVS 6.2.1 asks for 8 and recommends 15; 12 with a list of common passwords and a second factor.
pub const PASSWORD_MIN_CHARS: usize = 12;
/// ASVS 6.2.9 asks for at least 64; Argon2 first hashes its input, so longer ones would add cost and no strength.
pub const PASSWORD_MAX_CHARS: usize = 256;
/// Login names: an e-mail address fits.
pub const LOGIN_MAX_CHARS: usize = 64;
/// A session without a request: half an hour, as long as a bidder may think without losing the seat.
pub const SESSION_IDLE_MAX: Span = Span::minutes(30);
/// A session in all: one working day.
pub const SESSION_MAX: Span = Span::hours(12);
/// A session's last use is written no more often than this: reading a page must not cost a disk write.
pub const SESSION_TOUCH_EVERY: Span = Span::minutes(1);
/// Sessions of one account at a time; the oldest gives way.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 10;
/// How long a proof of identity is good for sensitive actions.
pub const REAUTH_MAX: Span = Span::minutes(10);
/// Rows that move between two databases at a time: of the largest payloads, 15 MB.
pub const MIGRATE_PAGE_ROWS: usize = 128;
/// Between two looks for sessions, tickets and counts that have run out: nothing of them is accepted meanwhile either.
pub const SWEEP_EVERY: Span = Span::minutes(5);
/// How long Redis may take for an answer: it is asked on the way to one that a person waits for.
pub const REDIS_WAIT_MAX: Span = Span::micros(200_000);
/// After Redis did not answer, nobody asks for this long: one that is down costs at most two waits a second.
pub const REDIS_PAUSE: Span = Span::micros(500_000);
/// A subscription that heard nothing for this long is made anew: the line may have been cut without a word.
pub const REDIS_SILENCE_MAX: Span = Span::secs(15);
/// Connections that a node keeps for its request threads; more are opened when needed and closed again.
pub const REDIS_CONNECTIONS_IDLE_MAX: usize = 16;
/// How long committed entries lie in Redis for the nodes that follow: many times their look at the database.
pub const REDIS_FRAMES_KEPT: Span = Span::secs(30);
/// A batch of entries that is larger is read from the database: 256 bids of a kilobyte.
pub const REDIS_FRAME_MAX_BYTES: usize = 256 * 1_024;
/// A ticket for the live stream: long enough for one request to follow another.
pub const TICKET_MAX: Span = Span::secs(30);
/// Unused tickets of one session at a time: a person with many windows open has fewer.
pub const TICKETS_PER_SESSION_MAX: i64 = 32;
/// The one-time code with which a person first chooses a password, or chooses a new one after a reset.
pub const ACTIVATION_MAX: Span = Span::days(3);
/// Identity keys of one account in its whole life.
pub const IDENTITY_KEYS_MAX: usize = 100;
/// RFC 6238 §5.2: steps of 30 seconds, one of drift either way.
pub const TOTP_STEP: Span = Span::secs(30);
pub const TOTP_DRIFT_STEPS: i64 = 1;
/// Failed sign-ins are forgotten after this time without another.
pub const FAILURE_MEMORY: Span = Span::hours(24);
/// Networks from which an account is known to sign in.
pub const KNOWN_NETWORKS_MAX: i64 = 16;
/// A network is forgotten when the account has not used it for this long.
pub const KNOWN_NETWORK_MEMORY: Span = Span::days(90);
/// One account from one network: three slips are free, then 2 s, 4 s … up to 15 min, which leaves 96 guesses a day.
pub const PAIR_FAILURES_FREE: u32 = 3;
pub const PAIR_DELAY_MIN: Span = Span::secs(2);
pub const PAIR_DELAY_MAX: Span = Span::minutes(15);
/// One network over all accounts: an office behind one address makes a few dozen slips a day.
pub const NETWORK_FAILURES_FREE: u32 = 30;
pub const NETWORK_DELAY_MIN: Span = Span::secs(1);
pub const NETWORK_DELAY_MAX: Span = Span::minutes(5);
/// One account over all networks from which it has never signed in. The longest wait is short, since a stranger can
/// impose it on a holder who travels; where the holder is known it does not apply.
pub const ACCOUNT_FAILURES_FREE: u32 = 10;
pub const ACCOUNT_DELAY_MIN: Span = Span::secs(1);
pub const ACCOUNT_DELAY_MAX: Span = Span::secs(30);
/// Connections to the platform's database. SQLite has one writer at a time, so more would only wait for each other.
pub const DATABASE_CONNECTIONS_MAX: u32 = 8;
/// Waiting for a connection or for SQLite's write lock; a writer holds it for milliseconds.
pub const DATABASE_WAIT_MAX: Span = Span::secs(5);
/// Connections of one node to PostgreSQL; twenty nodes stay below the 300 that a small server is set to.
pub const POSTGRES_CONNECTIONS_MAX: u32 = 12;
/// How long a node may write a ledger without renewing its lease. With a look at it every [`LEASE_LOOK_EVERY`], another
/// node takes over within four seconds of a death.
pub const LEASE: Span = Span::secs(3);
/// How often the holder renews the lease, and the others look whether it has run out.
pub const LEASE_LOOK_EVERY: Span = Span::micros(500_000);
/// Between two ledgers that a node hands to one which leads fewer: by then every count that it acts on is a fresh one.
pub const SHED_EVERY: Span = Span::secs(2);
/// How long a node waits at its start for another to write a new ledger's first entries.
pub const NODE_START_MAX: Span = Span::secs(30);
/// How long a request is offered to whoever writes: a take-over, and room for the answer.
pub const PASS_ON_MAX: Span = Span::secs(8);
/// Between two offers of one request.
pub const PASS_ON_EVERY: Span = Span::micros(50_000);
/// Threads that answer other nodes, beside those that answer everybody: a full house does not keep the nodes apart.
pub const NODE_WORKERS: usize = 2;
/// How long a node waits for another's answer; a paused one takes connections and answers nothing.
pub const NODE_ANSWER_MAX: Span = Span::secs(3);
/// How long an answer is held back until this node shows the entries that it speaks of.
pub const NODE_LEVEL_MAX: Span = Span::secs(1);
/// Nodes' clocks may differ by this much; what is older was perhaps heard on the wire and is said again.
pub const NODE_CLOCKS_APART_MAX: Span = Span::secs(30);
/// How often a node that follows looks at the database without having been told to.
pub const FOLLOW_EVERY: Span = Span::secs(1);
/// Roots of earlier checkpoints kept in memory, 56 bytes each: hours of a busy day; older ones are read from the tiles.
pub const ROOTS_REMEMBERED: usize = 65_536;
/// Full tiles of the tree kept decoded for proofs, 16 kB each: those of 260,000 entries; others are read when they are needed.
pub const TILES_REMEMBERED: usize = 1_024;
/// Lot keys kept decoded, about 250 bytes each; when there are more, all are forgotten and come back as they bid.
pub const LOT_KEYS_REMEMBERED: usize = 16_384;
/// Bytes of entries after which the write-ahead log is brought into the ledger's file, beside the writer.
pub const WAL_REST_BYTES: usize = 1 << 20;
/// Pages of 4 KiB after which the writer does that itself: 64 MiB, read again at a start in well under a second.
pub const WAL_MAX_PAGES: usize = 16_384;
/// Between two looks of the query tables at the ledger: each costs a commit of its own, beside those of the bids.
pub const FOLLOWER_REST: Span = Span::micros(100_000);
/// How often a node keeps the newest checkpoint apart from the ledger: a database that is set back by more than this is noticed.
pub const REMEMBER_EVERY: Span = Span::secs(1);
/// Entries that the query tables take in at a time: a few megabytes at most.
pub const FOLLOWER_PAGE_ENTRIES: usize = 1_024;
/// A UUID has 36; some clients like longer names.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 64;
/// Viewers of one node: at about 20 KB each under half a gigabyte.
pub const VIEWERS_MAX: usize = 20_000;
/// A request's name in the logs; proxies give 32 digits, a UUID has 36.
pub const REQUEST_ID_MAX_CHARS: usize = 64;
/// A viewer's message: a subscription is about a hundred bytes.
pub const VIEWER_MESSAGE_MAX_BYTES: usize = 4 * 1_024;
/// A viewer's messages: it acknowledges every 64 entries, so this keeps up with 10,000 entries a second.
pub const VIEWER_MESSAGES_PER_SECOND: u32 = 200;
/// Messages that a viewer may send at once after a silence.
pub const VIEWER_MESSAGES_BURST: u32 = 400;
/// A subscription may read history, so it counts as many messages.
pub const VIEWER_SUBSCRIBE_COST: u32 = 20;
/// A connection that subscribes to nothing is let go.
pub const VIEWER_SUBSCRIBE_WAIT_MAX: Span = Span::secs(10);
/// How often a viewer hears where the ledger's head is.
pub const VIEWER_HEARTBEAT_EVERY: Span = Span::secs(10);
/// How often a viewer's rights are looked at again without being told.
pub const VIEWER_RECHECK_EVERY: Span = Span::secs(60);
/// From the close frame to the dead socket.
pub const VIEWER_CLOSE_GRACE: Span = Span::secs(2);
/// What the kernel may hold for a viewer; without a bound it grows to megabytes before a stalled reader is noticed.
pub const VIEWER_SEND_BUFFER_BYTES: usize = 128 * 1_024;
/// Rows of history that a joining viewer holds at a time.
pub const HISTORY_PAGE_ROWS: usize = 64;
/// Joining viewers that read history at the same time; the others wait for their turn.
pub const HISTORY_READS_MAX: usize = 8;
/// Entries that one page of history looks through; a lot's few entries among many come in several pages.
pub const HISTORY_SCAN_ROWS: usize = 4_096;
/// Open connections of one worker: two workers carry `VIEWERS_MAX` viewers and some thousands of requests.
pub const CONNECTIONS_MAX: usize = 25_000;
/// A node's name: it stands in the lease and in logs.
pub const NODE_NAME_MAX_BYTES: usize = 64;
/// Threads that serve requests: more than any machine has cores.
pub const WORKERS_MAX: usize = 1_024;
/// A client's request head must be here within this.
pub const HEADERS_WAIT_MAX: Span = Span::secs(5);
/// An idle connection is kept for this long.
pub const IDLE_MAX: Span = Span::secs(30);
/// Requests under way at shutdown get this long to end.
pub const DRAIN_MAX: Span = Span::secs(10);
/// Passwords hashed at a time: 76 MiB, and no more cores than a small machine can spare.
pub const HASHING_MAX: usize = 4;
/// Requests that wait for their password's turn: at 25 ms each and four at a time, under half a second of waiting.
pub const HASHING_WAITING_MAX: usize = 64;
/// Companies that sign up from one network: an office helps a few at a sitting, then one a minute.
pub const SIGN_UPS: Rate = Rate { burst: 20, every: Span::minutes(1) };
/// Networks whose recent requests are remembered, about 100 bytes each.
pub const THROTTLED_NETWORKS_MAX: usize = 65_536;
/// Rows of a page when the client names no number.
pub const PAGE_ROWS: usize = 50;
/// Failures that a verification report lists; the first is what matters.
pub const REPORT_FAILURES_MAX: usize = 100;
/// Entries that a verifier holds at once: sixteen tiles, about 6 MB, enough to keep every core busy.
pub const VERIFY_CHUNK_ENTRIES: usize = 4_096;
/// Earlier checkpoints that a verifier compares, or that a bundle holds.
pub const CHECKPOINTS_MAX: usize = 10_000;
/// A bundle's manifest is about 1 KB, and 8 bytes more for each earlier checkpoint.
pub const BUNDLE_MANIFEST_MAX_BYTES: usize = 256 * 1_024;
/// Files of a bundle: two for 256 entries, so room for 30 million entries.
pub const BUNDLE_FILES_MAX: u64 = 262_144;
/// 256 payloads, each behind two bytes of length: whatever a bundle's file claims to unpack to, no more is unpacked.
pub const BUNDLE_FILE_MAX_BYTES: u64 = 256 * (2 + PAYLOAD_MAX_BYTES as u64);
/// An error in the form of RFC 9457.
pub const PROBLEM_MAX_BYTES: u64 = 16 * 1_024;
/// Case files made at a time: each takes a core, and room on the disk for the ledger twice over.
pub const CASES_AT_ONCE: usize = 2;
/// The ledger's bundle in a case file. It is not compressed again, so the case itself is as large.
pub const CASE_LEDGER_MAX_BYTES: u64 = 4 * 1_024 * 1_024 * 1_024;
/// The footage of a case: forty clips of twelve minutes at 4 Mbit/s.
pub const CASE_MEDIA_MAX_BYTES: u64 = 16 * 1_024 * 1_024 * 1_024;
/// The same of a case that is made for a browser: `verify.html` opens files of up to 1.5 GB.
pub const CASE_MEDIA_SERVED_MAX_BYTES: u64 = 1_024 * 1_024 * 1_024;
/// Pages of a case's printed report: a contest of ten thousand bids.
pub const REPORT_PAGES_MAX: usize = 500;
/// Any other file of a case; the largest is the verifier's page of about 2 MB.
pub const CASE_FILE_MAX_BYTES: u64 = 16 * 1_024 * 1_024;
/// A receipt file: leaf, payload and proof as JSON strings, in which quotation marks and newlines take two bytes.
pub const RECEIPT_MAX_BYTES: usize = 2 * (LEAF_MAX_BYTES + PAYLOAD_MAX_BYTES + 2 * NOTE_MAX_BYTES);
/// Holders of a right of priority on one lot; a handful of tenants or shareholders.
pub const PRIORITY_MAX: usize = 9;
/// GB 32100 codes have 18.
pub const CREDIT_CODE_MAX_BYTES: usize = 32;

/// Objections about one lot: with their complaints some tens of kilobytes of state.
pub const OBJECTIONS_PER_LOT_MAX: usize = 64;

/// «On the spot» (条例 art. 44): as long as it takes to read, ask and write an answer.
pub const ON_THE_SPOT: Span = Span::minutes(30);
/// C2SP tlog-witness: hashes of a consistency proof that a client may send.
pub const WITNESS_PROOF_MAX_HASHES: usize = 63;
/// Old size, proof and a note of the largest kind.
pub const WITNESS_REQUEST_MAX_BYTES: usize = NOTE_MAX_BYTES + 8 * 1_024;
/// Logs that one witness watches.
pub const WITNESS_LOGS_MAX: usize = 1_000;
/// Alarms that a witness keeps of one log: the first ones convict it, more say nothing new.
pub const WITNESS_ALARMS_MAX: i64 = 1_000;
/// How often a witness looks at a log by itself, unless told otherwise.
pub const WITNESS_LOOK_EVERY: Span = Span::secs(10);
/// A log that has shown nothing sound for this long is stale, unless told otherwise.
pub const WITNESS_STALE_AFTER: Span = Span::minutes(10);
/// What a log asks of one witness must be answered within this.
pub const WITNESS_ANSWER_MAX: Span = Span::secs(5);
/// Between two checkpoints that a log submits to its witnesses; sooner when all have answered.
pub const COSIGN_EVERY: Span = Span::secs(1);
/// A witness that does not answer is asked again after this.
pub const COSIGN_RETRY_AFTER: Span = Span::secs(5);
/// Submitted checkpoints to which a late cosignature is still added.
pub const COSIGN_ROUNDS_KEPT: usize = 16;
/// How long publication waits for missing witnesses unless the setting says otherwise, and at most: behind it stand
/// readers who may see no newer entry proven.
pub const PUBLICATION_WAIT: Span = Span::secs(2);
pub const PUBLICATION_WAIT_MAX: Span = Span::hours(1);
/// How far an authority's clock and the ledger's may be apart before one of them is called wrong: a server that keeps time
/// by the network is within a second, one that lost it drifts by some seconds a day.
pub const TIMESTAMP_SKEW_MAX: Span = Span::minutes(5);
/// Changes of the log's key that a receipt brings along: one a year for longer than any file must be kept.
pub const HANDOVERS_MAX: usize = 32;
/// Digests of offline verifiers that a verification remembers: one a release.
pub const VERIFIERS_KEPT: usize = 64;
/// A token with its authority's chain of certificates is three to six kilobytes, and must fit a payload in base64.
pub const TIMESTAMP_MAX_BYTES: usize = 40_000;
/// Between two timestamps, unless the setting says otherwise.
pub const TIMESTAMP_EVERY: Span = Span::hours(1);
/// C2SP tlog-policy asks for at least 32 of each.
pub const POLICY_LINES_MAX: usize = 64;
/// Sixty-four lines of a name, a key and a URL.
pub const POLICY_MAX_BYTES: usize = 32 * 1_024;
/// Rooms and cameras of one centre: a large one has some dozens of each.
pub const ROOMS_MAX: i64 = 500;
pub const CAMERAS_MAX: i64 = 500;
/// Bookings that one look reads: a month of a busy centre.
pub const BOOKINGS_MAX: i64 = 2_000;
/// A camera's address, user name or password.
pub const CAMERA_TEXT_MAX_BYTES: usize = 512;
/// RFC 2326 messages of cameras are a few hundred bytes, a session description a few thousand.
pub const RTSP_HEAD_MAX_BYTES: usize = 16 * 1_024;
pub const RTSP_BODY_MAX_BYTES: usize = 64 * 1_024;
/// How long a camera may take to answer before it is taken for gone.
pub const CAMERA_ANSWER_MAX: Span = Span::secs(8);
/// A camera sends some frames every second: nothing for this long means that nothing comes through any more.
pub const CAMERA_STALL_MAX: Span = Span::secs(3);
/// Between two attempts to read a camera that is away: at first, and at most.
pub const CAMERA_RETRY_MIN: Span = Span::secs(1);
pub const CAMERA_RETRY_MAX: Span = Span::secs(30);
/// A segment is cut at the first key frame past this.
pub const SEGMENT_MIN: Span = Span::secs(2);
/// Two seconds of 8 Mbit/s are 2 MB; a camera with rare key frames makes longer ones.
pub const SEGMENT_MAX_BYTES: usize = 32 * 1_024 * 1_024;
/// From a picture in front of the lens to its arrival here, at most: exposure, encoder, network. The assumption behind
/// every time that footage claims; half of it either way is the least uncertainty.
pub const CAMERA_DELAY_MAX: Span = Span::secs(1);
/// Segments over which the quickest arrival is looked for: five minutes, in which a cheap clock drifts by 15 ms.
pub const CLOCK_WINDOW_SEGMENTS: usize = 150;
/// Of these, the latest ones that say how late pictures arrive just now.
pub const CLOCK_RECENT_SEGMENTS: usize = 15;
/// More than this and supervisors are told that times cannot be relied on.
pub const CLOCK_UNCERTAINTY_MAX: Span = Span::secs(2);
/// Missing pictures shorter than this are the camera's own unevenness.
pub const GAP_MIN: Span = Span::secs(1);
/// Between two entries of a recorder while a room is in session, and otherwise.
pub const ANNOUNCE_EVERY: Span = Span::secs(10);
pub const ANNOUNCE_EVERY_IDLE: Span = Span::minutes(1);
/// Footage whose digest comes into the ledger later than this after its last picture proves nothing: it could have been
/// made meanwhile. Room for one idle interval, a retry, and the longest segment.
pub const ANNOUNCE_LATE_MAX: Span = Span::minutes(3);
/// An entry has at most 60,000 bytes. Segments of about 110 bytes, stretches of about 260 besides, gaps of about 140: together
/// under 54,000.
pub const SEGMENTS_PER_ENTRY_MAX: usize = 300;
pub const STRETCHES_PER_ENTRY_MAX: usize = 48;
pub const GAPS_PER_ENTRY_MAX: usize = 60;
/// How far a recorder's clock may be ahead of the ledger's.
pub const RECORDER_AHEAD_MAX: Span = Span::secs(2);
/// How often a recorder says that it is there, and after how long without a word another may record under its name.
pub const RECORDER_CLAIM_EVERY: Span = Span::secs(3);
pub const RECORDER_SILENCE_MAX: Span = Span::secs(10);
/// Cameras of which a recorder speaks in one request: each with half a minute of segments, some 7 KB.
pub const REPORTS_PER_REQUEST_MAX: usize = 8;
/// How long a recorder waits for its server's answer.
pub const RECORDER_ANSWER_MAX: Span = Span::secs(15);
/// Segments whose times are no further apart than this follow each other in one stretch.
pub const STRETCH_SHIFT_MAX: Span = Span::micros(50_000);
/// Below this level, in hundredths of a decibel of full scale, a microphone hears nothing: a quiet room is around −55 dB.
pub const SILENCE_LEVEL: i32 = -7_000;
/// How long silence, or the same picture, may last before it is an alarm.
pub const SILENCE_MAX: Span = Span::secs(30);
pub const FROZEN_MAX: Span = Span::secs(30);
/// How long a camera may be away before it is an alarm.
pub const CAMERA_DOWN_MAX: Span = Span::secs(10);
/// Free room on the disk of the footage below which supervisors are told, and below which nothing more is recorded.
pub const FOOTAGE_SPACE_LOW_BYTES: u64 = 2 * 1_024 * 1_024 * 1_024;
pub const FOOTAGE_SPACE_MIN_BYTES: u64 = 256 * 1_024 * 1_024;
/// Segments of a camera that are kept in memory for those who watch live: half a minute.
pub const LIVE_SEGMENTS: usize = 15;
/// Around an entry that gets a clip by itself: what led to it, and what the room did then.
pub const CLIP_BEFORE: Span = Span::secs(10);
pub const CLIP_AFTER: Span = Span::secs(20);
/// A clip that somebody asks for: a reference of 60,000 bytes holds some 500 segments.
pub const CLIP_SPAN_MAX: Span = Span::minutes(12);
/// How long a clip waits for footage or for a gap to be announced; then it is resolved with what there is.
pub const CLIP_WAIT_MAX: Span = Span::minutes(10);
/// How long another recorder may take to answer with footage, and how long what it lists may be.
pub const ELSEWHERE_ANSWER_MAX: Span = Span::secs(30);
pub const ELSEWHERE_LIST_MAX_BYTES: u64 = 4 * 1_024 * 1_024;
/// Another recorder writes footage out late: it is asked this long after a clip's end, and again as often.
pub const ELSEWHERE_ASK_AFTER: Span = Span::secs(15);
/// Nobody here looks after another recorder's clock.
pub const ELSEWHERE_UNCERTAINTY: Span = Span::minutes(1);
/// How long a bucket may take for one file, and how often it is asked again.
pub const BUCKET_ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(20);
pub const BUCKET_RETRIES: usize = 3;
/// Clips that one look resolves.
pub const CLIPS_AT_ONCE: i64 = 32;
/// A contest of some hundred extensions before three cameras.
pub const CLIPS_PER_LOT_MAX: i64 = 1_000;
/// Alarms that stand at once: five kinds for each camera of a large centre would be a disaster of its own.
pub const ALARMS_MAX: i64 = 1_000;
/// How long leave to look lasts: a sitting.
pub const VIEWING_MAX: Span = Span::hours(2);
/// Stretches of one camera that one entry buries, about 90 bytes each.
pub const RETENTION_PAGE_ROWS: i64 = 400;
/// How often the recorder looks for footage whose time is over.
pub const RETENTION_EVERY: Span = Span::minutes(1);
/// Holds that stand at once.
pub const HOLDS_MAX: i64 = 1_000;
/// Twelve minutes of 4 Mbit/s.
pub const EXPORT_MAX_BYTES: usize = 384 * 1_024 * 1_024;
/// Payloads that were not public when a mirror copied them are asked for again, so many at each look.
pub const MIRROR_ASKED_AGAIN: usize = 256;
