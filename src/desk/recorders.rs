//! What recorders in processes of their own ask for. Each proves itself with a token that names it, and may do nothing but
//! record: no right of any person is behind it.

use super::Desk;
use crate::base::{Code, Id};
use crate::evidence::remote::{Look, ToWrite};
use crate::evidence::{Login, Orders, actor};
use crate::sequencer::Record;

impl Desk {
    /// The name of the recorder whose token this is. Only names that the settings list are let in.
    pub fn recorder(&self, token: &str) -> Result<String, Code> {
        let (name, _) = token.split_once('.').ok_or(Code::NotSignedIn)?;
        let settings = &self.evidence.settings;
        let is_listed = settings.name == name || settings.others.iter().any(|other| other == name);
        let is_same = self.identity.is_same_code(&self.identity.recorder_token(name), token);
        if is_listed && is_same { Ok(name.to_owned()) } else { Err(Code::NotSignedIn) }
    }

    pub fn orders(&self, recorder: &str, look: &Look) -> Result<Orders, Code> {
        let size = self.sequencer.read(|committed| committed.size);
        self.evidence.orders(recorder, look.holder, &look.reports, size)
    }

    pub fn camera_login(&self, camera: Id) -> Option<Login> {
        self.evidence.logins.login(camera)
    }

    /// Has it written under the recorder's own name; answers where it stands.
    pub fn write_of_recorder(&self, recorder: &str, record: ToWrite) -> Result<u64, Code> {
        let ToWrite { kind, subject, data } = record;
        let record = Record { kind, subject, actor: actor(recorder), data };
        self.evidence.write_of_recorder(&self.sequencer, recorder, &record)
    }
}
