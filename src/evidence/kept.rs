//! What a recorder was told last, on its own disk: with it a recorder that starts while its server is away knows its cameras.
//! Logins lie there sealed under the recorder's token, which it is given at each start: whoever has the file alone has
//! nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::host::Orders;
use super::journal::replace;
use super::remote::SentLogin;
use super::{Login, lock};
use crate::base::{Code, Entropy, Hash, Id};
use crate::ledger::media::SegmentsRecorded;
use crate::store::sealing;

/// So that the key is good for nothing else.
const KEY_DOMAIN: &[u8] = b"mingjian recorder logins v1\0";
const FILE: &str = "told.json";

/// As it lies on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    orders: Option<Orders>,
    /// Of each camera that has one: base64 of the sealed login.
    logins: BTreeMap<Id, String>,
}

/// The recorder's memory of its orders.
pub struct Kept {
    /// `None`: they are forgotten with the process.
    disk: Option<Disk>,
    told: Mutex<Told>,
    logins: Mutex<BTreeMap<Id, Login>>,
}

struct Disk {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    entropy: Arc<dyn Entropy>,
}

impl Kept {
    /// For the time of this process alone.
    pub fn in_memory() -> Self {
        Self { disk: None, told: Mutex::default(), logins: Mutex::default() }
    }

    /// In `folder`, which is made where it is missing.
    pub fn open(folder: &Path, token: &str, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let key = Zeroizing::new(Hash::of_parts(&[KEY_DOMAIN, token.as_bytes()]).0);
        let disk = Disk { path: folder.join(FILE), key, entropy };
        let told: Told = match std::fs::read(&disk.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "what this recorder was told last cannot be read: it waits for its server");
                Told::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Told::default(),
            Err(error) => return Err(error),
        };
        let login = |(camera, sealed): (&Id, &String)| {
            let opened = disk.open(*camera, sealed);
            if opened.is_err() {
                tracing::warn!(%camera, "a camera's login was kept under another token: it is asked for anew");
            }
            Some((*camera, opened.ok()?))
        };
        let logins = told.logins.iter().filter_map(login).collect();
        Ok(Self { disk: Some(disk), told: Mutex::new(told), logins: Mutex::new(logins) })
    }

    /// What there was to record when the server last answered. How much of it the ledger knows by now, nobody can say.
    pub fn orders(&self) -> Option<Orders> {
        lock(&self.told).orders.clone().map(|orders| Orders { is_level: false, ..orders })
    }

    pub fn tell(&self, orders: &Orders) {
        self.change(|told| told.orders = Some(Orders { is_level: false, ..orders.clone() }));
    }

    /// The ledger has taken this.
    pub fn written(&self, data: &SegmentsRecorded) {
        let stretches = data.stretches.iter().map(|stretch| (stretch.camera, stretch.to()));
        let ends: Vec<_> = stretches.chain(data.gaps.iter().map(|gap| (gap.camera, gap.to))).collect();
        self.change(|told| {
            for order in told.orders.iter_mut().flat_map(|orders| &mut orders.cameras) {
                let own = ends.iter().filter(|(camera, _)| *camera == order.camera).map(|(_, to)| *to);
                order.accounted = order.accounted.max(own.max());
            }
        });
    }

    pub fn login(&self, camera: Id) -> Option<Login> {
        lock(&self.logins).get(&camera).cloned()
    }

    /// `None`: the camera asks for none.
    pub fn keep_login(&self, camera: Id, login: Option<&Login>) {
        let is_same = match (lock(&self.logins).get(&camera), login) {
            (None, None) => true,
            (Some(known), Some(login)) => known.user == login.user && known.password == login.password,
            _ => false,
        };
        if is_same {
            return;
        }
        match login {
            Some(login) => drop(lock(&self.logins).insert(camera, login.clone())),
            None => drop(lock(&self.logins).remove(&camera)),
        }
        let sealed = login.zip(self.disk.as_ref()).map(|(login, disk)| disk.seal(camera, login)).transpose();
        match sealed {
            Ok(Some(sealed)) => self.change(|told| drop(told.logins.insert(camera, sealed))),
            Ok(None) => self.change(|told| drop(told.logins.remove(&camera))),
            Err(code) => tracing::warn!(%code, %camera, "a camera's login cannot be kept"),
        }
    }

    fn change(&self, how: impl FnOnce(&mut Told)) {
        let mut told = lock(&self.told);
        let before = told.clone();
        how(&mut told);
        if *told == before {
            return;
        }
        let Some(disk) = &self.disk else { return };
        let written = serde_json::to_vec(&*told).map_err(io::Error::from).and_then(|bytes| replace(&disk.path, &bytes));
        if let Err(error) = written {
            tracing::warn!(%error, "what this recorder is told cannot be kept: it will have to wait for its server");
        }
    }
}

impl Disk {
    fn seal(&self, camera: Id, login: &Login) -> Result<String, Code> {
        let Login { user, password } = login.clone();
        let text = serde_json::to_vec(&SentLogin { user, password }).map_err(|_| Code::Internal)?;
        let sealed = sealing::seal(&self.key, &purpose(camera), &Zeroizing::new(text), &*self.entropy)?;
        Ok(STANDARD.encode(sealed))
    }

    fn open(&self, camera: Id, sealed: &str) -> Result<Login, Code> {
        let sealed = STANDARD.decode(sealed).map_err(|_| Code::Internal)?;
        let text = sealing::open(&self.key, &purpose(camera), &sealed)?;
        let SentLogin { user, password } = serde_json::from_slice(&text).map_err(|_| Code::Internal)?;
        Ok(Login { user, password })
    }
}

fn purpose(camera: Id) -> String {
    format!("login of camera {camera}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::Micros;
    use crate::evidence::host::Order;
    use crate::ledger::media::{Cause, Gap};
    use crate::sim::SeededEntropy;

    fn open(folder: &Path, token: &str) -> Kept {
        Kept::open(folder, token, Arc::new(SeededEntropy::new(1))).unwrap()
    }

    #[test]
    fn what_was_told_is_known_again_to_whoever_has_the_token() {
        let dir = tempfile::tempdir().unwrap();
        let camera = Id::from_u128(7);
        let login = Login { user: "watcher".into(), password: "tall-herons".to_owned().into() };
        let kept = open(dir.path(), "hall.secret");
        assert_eq!(kept.orders(), None);
        let order = Order {
            camera,
            room: Id::from_u128(8),
            address: "rtsp://127.0.0.1/live".into(),
            accounted: Micros::new(5),
            retention: None,
        };
        let orders = Orders { cameras: vec![order], is_level: true, ..Orders::default() };
        kept.tell(&orders);
        kept.keep_login(camera, Some(&login));
        let gap = |to| Gap { camera, cause: Cause::Network, from: Micros::default(), to: Micros::new(to).unwrap() };
        for to in [9, 3] {
            kept.written(&SegmentsRecorded { gaps: vec![gap(to)], stretches: Vec::new() });
        }

        let again = open(dir.path(), "hall.secret");
        let known = again.orders().unwrap();
        assert!(!known.is_level && known.cameras[0].accounted == Micros::new(9), "{known:?}");
        let found = again.login(camera).unwrap();
        assert_eq!((found.user, found.password), (login.user.clone(), login.password.clone()));
        let file = dir.path().join(FILE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("tall-herons") && !text.contains("watcher"), "{text}");
        // A seal moved to another camera opens nothing, and neither does another token.
        std::fs::write(&file, text.replace(&format!("\"{camera}\":\""), &format!("\"{}\":\"", Id::from_u128(9))))
            .unwrap();
        assert!(open(dir.path(), "hall.secret").login(Id::from_u128(9)).is_none());
        std::fs::write(&file, &text).unwrap();
        assert!(open(dir.path(), "hall.other").login(camera).is_none());
        // A camera that asks for none any more.
        again.keep_login(camera, None);
        assert!(open(dir.path(), "hall.secret").login(camera).is_none());
        std::fs::write(&file, "{").unwrap();
        assert_eq!(open(dir.path(), "hall.secret").orders(), None);
    }
}
