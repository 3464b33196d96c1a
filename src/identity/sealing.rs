//! Secrets at rest under the server's sealing key.

use zeroize::Zeroizing;

use super::Identity;
use crate::base::Code;
pub(super) use crate::store::sealing::{open, seal};

impl Identity {
    /// A secret of another room, to be kept at rest; `purpose` says whose it is.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Code> {
        seal(self.keys.sealing(), purpose, secret, &*self.entropy)
    }

    /// Opens what [`Identity::seal`] made for the same purpose.
    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
        open(self.keys.sealing(), purpose, sealed)
    }
}
