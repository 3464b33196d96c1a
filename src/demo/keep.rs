//! What is kept beside a demonstration's ledger, so that a later process can go on with it: from seed, end and master
//! secret the year, its accounts and its live auctions can be planned again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::seed::Secrets;
use super::year::Brief;
use crate::base::{Hash, Micros};
use crate::ledger::Origin;

const FILE: &str = "demonstration.json";
const FILE_MAX_BYTES: u64 = 4_096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    seed: u64,
    projects: usize,
    #[serde(default)]
    rush: usize,
    until: Micros,
    origin: Origin,
    /// 32 bytes, in standard base64 as hashes are.
    master: Hash,
}

/// Writes `brief` into the directory of keys, readable by its owner only.
pub fn store(dir: &Path, brief: &Brief) -> io::Result<()> {
    let Brief { seed, projects, rush, until, secrets, origin } = brief;
    let kept = Kept {
        seed: *seed,
        projects: *projects,
        rush: *rush,
        until: *until,
        origin: origin.clone(),
        master: Hash(secrets.master()),
    };
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(dir.join(FILE))?;
    file.write_all(&serde_json::to_vec(&kept)?)?;
    file.sync_all()
}

/// Reads what [`store`] wrote; `None` when there is no demonstration here.
pub fn load(dir: &Path) -> io::Result<Option<Brief>> {
    let file = match File::open(dir.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text)?;
    let Kept { seed, projects, rush, until, origin, master } = serde_json::from_str(&text)?;
    Ok(Some(Brief { seed, projects, rush, until, secrets: Secrets::from_master(master.0), origin }))
}
