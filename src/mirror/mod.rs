//! Lives here: a mirror (C2SP tlog-mirror): a full copy of a log, with the payloads that its owner may read, verified entry
//! by entry before it is kept, cosigned by the mirror's own key, and kept current by asking the log.
//! Must never know: SQL, routes, trading rules.
//! Start reading at `pull` (one look at the log), then `shelf` (what is kept).

pub mod owner;
pub mod pull;
pub mod shelf;

pub use owner::Owner;
pub use pull::{Mirror, MirrorError, Sight, Source};
pub use shelf::{Copied, Shelf, Standing, Text};
