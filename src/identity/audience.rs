//! Who is in an audience class. `engine::audience` says which class a payload is for; this says, with the one table of
//! rights, whether the viewer belongs to it. Stream, routes, exports and case files ask here.

use super::rights::{Action, ObjectRef, may};
use super::role::Role;
use super::viewer::Viewer;
use crate::engine::Audience;

/// Whether `viewer` may read payloads of this class now.
pub fn may_read(viewer: &Viewer, audience: &Audience) -> bool {
    let (action, object) = match *audience {
        Audience::Public => (Action::PublicRead, ObjectRef::NONE),
        Audience::Bidder { account, lot, over } => {
            // 招标投标法 art. 22: until the auction is over, a case does not open who takes part either.
            if viewer.role == Role::Reviewer && !over {
                return false;
            }
            let object = ObjectRef { lot: Some(lot), bidder: Some(account), ..ObjectRef::NONE };
            (Action::ReadBidder, object)
        }
        Audience::Office => (Action::ReadOffice, ObjectRef::NONE),
        Audience::Objection { lot, owner, objector } => {
            (Action::ReadObjection, ObjectRef { bidder: objector, ..ObjectRef::lot(lot, owner) })
        }
        Audience::Supervision => (Action::ReadSupervision, ObjectRef::NONE),
        Audience::Sealed => (Action::ReadSealed, ObjectRef::NONE),
    };
    may(viewer, action, object).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    const ME: Id = Id::from_u128(1);
    const OTHER: Id = Id::from_u128(2);
    const LOT: Id = Id::from_u128(3);
    const OTHER_LOT: Id = Id::from_u128(4);

    fn viewer(role: Role) -> Viewer {
        match role {
            Role::Public => Viewer::public(),
            Role::Reviewer => Viewer { account: Some(ME), role, cases: vec![LOT], ..Viewer::public() },
            Role::Owner => Viewer { account: Some(OTHER), organisation: Some(ME), role, ..Viewer::public() },
            _ => Viewer { account: Some(ME), role, ..Viewer::public() },
        }
    }

    #[test]
    fn every_class_with_its_readers() {
        use Role::{Bidder, Operator, Owner, Reviewer, Supervisor};
        let bidder = |account, lot, over| Audience::Bidder { account, lot, over };
        let objection = |lot, owner, objector| Audience::Objection { lot, owner, objector };
        for (audience, readers) in [
            (Audience::Public, &Role::ALL[..]),
            (bidder(ME, LOT, false), &[Bidder]),
            (bidder(ME, LOT, true), &[Bidder, Reviewer]),
            (bidder(ME, OTHER_LOT, true), &[Bidder]),
            (bidder(OTHER, LOT, true), &[Reviewer]),
            (bidder(OTHER, LOT, false), &[]),
            (bidder(OTHER, OTHER_LOT, true), &[]),
            (Audience::Office, &[Operator, Supervisor]),
            (objection(LOT, ME, Some(ME)), &[Bidder, Owner, Operator, Supervisor, Reviewer]),
            (objection(OTHER_LOT, OTHER, Some(OTHER)), &[Operator, Supervisor]),
            (objection(OTHER_LOT, OTHER, None), &[Operator, Supervisor]),
            (Audience::Supervision, &[Supervisor, Reviewer]),
            (Audience::Sealed, &[]),
        ] {
            let found: Vec<Role> = Role::ALL.into_iter().filter(|r| may_read(&viewer(*r), &audience)).collect();
            assert_eq!(found, readers, "{audience:?}");
        }
    }
}
