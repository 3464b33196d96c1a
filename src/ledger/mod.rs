//! Lives here: the ledger format of `docs/ledger-format.md`, pure: payloads, leaves, the chain, the Merkle tree, tiles,
//! checkpoints, cosignatures, receipts, statements, and the one rule by which a signature holds.
//! Must never know: I/O, threads, SQL, HTTP, clocks, randomness. Salts, times and keys come in as arguments.
//! Start reading at `payload`, then `leaf` and `tree`; each file is named after the specification that it follows.

pub mod add_checkpoint;
pub mod checkpoint;
pub mod cosignature;
pub mod jcs;
pub mod leaf;
pub mod media;
pub mod note;
pub mod origin;
pub mod payload;
pub mod policy;
pub mod proof;
pub mod record;
pub mod signature;
#[cfg(feature = "server")]
pub mod sm2;
pub mod statement;
pub mod tile;
#[cfg(feature = "timestamps")]
pub mod token;
pub mod tree;

pub use add_checkpoint::AddCheckpoint;
pub use checkpoint::{Checkpoint, SignedCheckpoint, TreeHead};
pub use leaf::{Chain, Leaf, leaf_hash};
pub use note::{Note, NoteError, NoteSignature, VerifierKey};
pub use origin::Origin;
pub use payload::Payload;
pub use policy::{Policy, PolicyText, Quorum};
pub use proof::Proof;
pub use signature::{PublicKey, SeedSigner, Signer, SignerError};
pub use statement::{BidStatement, ConfirmStatement, KeyBinding, Nonce, Seen, StatementError};
pub use tile::{TileBuilder, TilePath};
pub use tree::{Frontier, HashReader};
