//! Everything that is asked of the engine by somebody who signed in: rights first, object by object, then the command.

use super::Desk;
use crate::base::{Code, Hash, Id};
use crate::engine::{Action, Actor, Command, Refusal, Subject};
use crate::identity::rights::{self, ObjectRef, may};
use crate::identity::{Role, Viewer};
use crate::sequencer::{Once, Outcome, Slot, Submission, Work};

/// A command with its author, as it came in.
pub struct Ask {
    pub viewer: Viewer,
    /// What the rights table calls it.
    pub right: rights::Action,
    pub subject: Subject,
    pub action: Action,
    /// The client's idempotency key, and the digest of what was asked.
    pub key: String,
    pub body: Hash,
}

impl Desk {
    /// Refuses with `not_signed_in`, `forbidden`, `reauth_required`, `idempotency_key_reused`, or with the rule of the
    /// engine that was broken; then nothing is recorded.
    pub async fn ask(&self, slot: Slot, ask: Ask) -> Result<Outcome, Refusal> {
        let object = self.object_of(&ask)?;
        may(&ask.viewer, ask.right, object)?;
        let command = Command { actor: actor_of(&ask.viewer)?, subject: ask.subject, action: ask.action };
        let account = ask.viewer.account.ok_or(Code::NotSignedIn)?;
        let key = Hash::of(format!("command/{account}/{}", ask.key).as_bytes());
        let once = Once { key, body: ask.body, reused: Code::KeyReused };
        slot.submit(Submission { work: Work::Command(command), once: Some(once) }).await
    }

    /// What rights are decided on: the owner of the project or lot, and the bidder whose participation it is.
    fn object_of(&self, ask: &Ask) -> Result<ObjectRef, Refusal> {
        let object = match (ask.subject, &ask.action) {
            (Subject::Project(_), Action::RegisterProject(fact)) => ObjectRef::project(fact.owner),
            (Subject::Lot(_), Action::Notice(fact)) => {
                let owner = self.sequencer.read(|c| c.state.projects.get(&fact.project).map(|p| p.owner));
                ObjectRef::project(owner.ok_or(Code::ProjectUnknown)?)
            }
            (Subject::Lot(id), action) => {
                let object = ObjectRef::lot(id, self.owner_of(id)?);
                match action {
                    Action::SignUp(fact) => object.of_bidder(fact.account),
                    Action::WithdrawSignUp(fact) => object.of_bidder(fact.account),
                    Action::Object(fact) => object.of_bidder(fact.account),
                    Action::Complain(fact) => object.of_bidder(fact.account),
                    _ => object,
                }
            }
            _ => ObjectRef::NONE,
        };
        Ok(object)
    }

    fn owner_of(&self, lot: Id) -> Result<Id, Code> {
        self.sequencer.read(|c| c.state.lots.get(&lot).map(|lot| lot.owner)).ok_or(Code::LotUnknown)
    }
}

/// Under which name the ledger knows the author.
pub(super) fn actor_of(viewer: &Viewer) -> Result<Actor, Code> {
    let account = viewer.account.ok_or(Code::NotSignedIn)?;
    Ok(match viewer.role {
        Role::Bidder => Actor::Company(account),
        Role::Owner => Actor::Owner(account),
        Role::Operator => Actor::Operator(account),
        Role::Supervisor => Actor::Supervisor(account),
        Role::Reviewer => Actor::Reviewer(account),
        Role::SystemAdmin | Role::SecurityAdmin | Role::AuditAdmin => Actor::Administrator(account),
        Role::Public | Role::Expert => return Err(Code::Forbidden),
    })
}
