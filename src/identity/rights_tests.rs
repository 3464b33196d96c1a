use std::fmt::Write as _;

use super::*;

const ME: Id = Id::from_u128(1);
const OTHER: Id = Id::from_u128(2);
const MY_ORGANISATION: Id = Id::from_u128(3);
const LOT: Id = Id::from_u128(4);
const OTHER_LOT: Id = Id::from_u128(5);

fn viewer(role: Role) -> Viewer {
    if role == Role::Public {
        return Viewer::public();
    }
    Viewer { account: Some(ME), role, organisation: Some(MY_ORGANISATION), proved_recently: true, ..Viewer::public() }
}

fn printed() -> String {
    let mut text = String::from(
        "# Rights\n\nWho may do what: `A` everywhere, `O` on what is their own, `C` on lots of an open case, `·` never.\n\
         Actions marked `!` ask for a proof of identity within the last ten minutes. Printed from `src/identity/rights.rs`.\n\n| action |",
    );
    for role in Role::ALL {
        write!(text, " {role} |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&":-:|".repeat(Role::ALL.len()));
    for action in Action::ALL {
        let mark = if action.proof() == Proof::Recent { " !" } else { "" };
        write!(text, "\n| `{}`{mark} |", action.name()).unwrap();
        for role in Role::ALL {
            let letter = match scope(role, *action) {
                Scope::All => "A",
                Scope::Own => "O",
                Scope::Case => "C",
                Scope::None => "·",
            };
            write!(text, " {letter} |").unwrap();
        }
    }
    text.push('\n');
    text
}

/// `UPDATE_DOCS=1 cargo test` writes the page anew.
#[test]
fn the_printed_table_is_this_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rights.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, printed()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == printed(), "docs/rights.md is out of date: run UPDATE_DOCS=1 cargo test rights");
}

#[test]
fn nobody_reads_what_is_sealed() {
    for role in Role::ALL {
        assert_eq!(scope(role, Action::ReadSealed), Scope::None);
    }
}

#[test]
fn administrators_neither_trade_nor_read_nor_do_each_others_work() {
    let own = [Action::AccountSelf, Action::AccountSecure];
    let work = |role| {
        let mine = |a: &&Action| {
            scope(role, **a) != Scope::None && scope(Role::Public, **a) == Scope::None && !own.contains(a)
        };
        Action::ALL.iter().filter(mine).copied().collect::<Vec<_>>()
    };
    let by_role = [Role::SystemAdmin, Role::SecurityAdmin, Role::AuditAdmin].map(work);
    let shared = [Action::AccountsRead, Action::SettingsRead];
    for actions in &by_role {
        for action in actions {
            let group = action.name().split('.').next().unwrap();
            assert!(["accounts", "roles", "sessions", "settings", "audit", "camera"].contains(&group), "{action:?}");
            let holders = by_role.iter().filter(|others| others.contains(action)).count();
            assert!(holders == 1 || shared.contains(action), "{action:?} belongs to one administrator");
        }
    }
}

#[test]
fn only_three_actions_are_open_to_everybody() {
    let open: Vec<_> = Action::ALL.iter().filter(|a| scope(Role::Public, **a) != Scope::None).collect();
    assert_eq!(open, [&Action::PublicRead, &Action::LedgerVerify, &Action::LedgerExport]);
}

#[test]
fn rights_hold_for_the_object_not_for_the_kind() {
    let mine = ObjectRef::lot(LOT, OTHER).of_bidder(ME);
    let theirs = ObjectRef::lot(LOT, OTHER).of_bidder(OTHER);
    let my_project = ObjectRef::lot(LOT, MY_ORGANISATION).of_bidder(OTHER);
    for (role, action, object, expected) in [
        (Role::Bidder, Action::Bid, mine, Ok(())),
        (Role::Bidder, Action::Bid, theirs, Err(Code::Forbidden)),
        (Role::Bidder, Action::Bid, ObjectRef::NONE, Err(Code::Forbidden)),
        (Role::Bidder, Action::ReadBidder, mine, Ok(())),
        (Role::Bidder, Action::ReadBidder, theirs, Err(Code::Forbidden)),
        (Role::Bidder, Action::Award, my_project, Err(Code::Forbidden)),
        (Role::Owner, Action::Award, my_project, Ok(())),
        (Role::Owner, Action::Award, theirs, Err(Code::Forbidden)),
        (Role::Owner, Action::ReadBidder, my_project, Err(Code::Forbidden)),
        (Role::Operator, Action::DepositConfirm, theirs, Ok(())),
        (Role::Operator, Action::ReadBidder, theirs, Err(Code::Forbidden)),
        (Role::Owner, Action::ReadObjection, my_project, Ok(())),
        (Role::Owner, Action::ReadObjection, theirs, Err(Code::Forbidden)),
        (Role::Bidder, Action::ReadObjection, mine, Ok(())),
        (Role::Bidder, Action::ReadObjection, theirs, Err(Code::Forbidden)),
        (Role::Supervisor, Action::OrderPause, theirs, Ok(())),
        (Role::Supervisor, Action::ReadBidder, theirs, Err(Code::Forbidden)),
        (Role::Public, Action::PublicRead, ObjectRef::NONE, Ok(())),
        (Role::Public, Action::Bid, mine, Err(Code::NotSignedIn)),
        (Role::Public, Action::AccountSelf, ObjectRef::NONE, Err(Code::NotSignedIn)),
        (Role::SystemAdmin, Action::AccountSelf, ObjectRef::account(ME), Ok(())),
        (Role::SystemAdmin, Action::AccountSelf, ObjectRef::account(OTHER), Err(Code::Forbidden)),
    ] {
        assert_eq!(may(&viewer(role), action, object), expected, "{role} {action:?} {object:?}");
    }
}

#[test]
fn a_case_opens_its_lot_and_no_other() {
    let reviewer = Viewer { cases: vec![LOT], ..viewer(Role::Reviewer) };
    let object = |lot| ObjectRef::lot(lot, OTHER).of_bidder(OTHER);
    assert_eq!(may(&reviewer, Action::ReadBidder, object(LOT)), Ok(()));
    assert_eq!(may(&reviewer, Action::ReadBidder, object(OTHER_LOT)), Err(Code::Forbidden));
    assert_eq!(may(&reviewer, Action::EvidenceView, ObjectRef::NONE), Err(Code::Forbidden));
}

#[test]
fn a_stale_proof_and_a_missing_factor_are_told_only_to_those_who_may() {
    let stale = Viewer { proved_recently: false, ..viewer(Role::Operator) };
    assert_eq!(may(&stale, Action::LotTerminate, ObjectRef::NONE), Err(Code::ReauthRequired));
    assert_eq!(may(&stale, Action::RolesGrant, ObjectRef::NONE), Err(Code::Forbidden));
    let bare = Viewer { must_enrol_totp: true, ..viewer(Role::Operator) };
    assert_eq!(may(&bare, Action::LotSuspend, ObjectRef::NONE), Err(Code::TotpNotEnrolled));
    assert_eq!(may(&bare, Action::PublicRead, ObjectRef::NONE), Ok(()));
    assert_eq!(may(&bare, Action::AccountSecure, ObjectRef::account(ME)), Ok(()));
}
