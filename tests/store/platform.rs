//! The platform's tables mean the same on both backends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mingjian::base::{Hash, Id, Micros, Span};
use mingjian::store::platform::accounts::{self, AccountRow, OrganisationRow};
use mingjian::store::platform::identity_keys::{self, IdentityKeyRow};
use mingjian::store::platform::security_events::{self, SecurityEventRow};
use mingjian::store::platform::sessions::{self, SessionRow};
use mingjian::store::platform::views::{self, EntryRow, LotFilter, LotRow};
use mingjian::store::platform::{review_cases, throttle};
use mingjian::store::{Platform, StoreError};

use crate::backends::on_each;

fn at(seconds: u64) -> Micros {
    "2026-03-02T01:00:00.000000Z".parse::<Micros>().unwrap().plus(Span::secs(seconds))
}

fn id(number: u8) -> Id {
    Id::new(at(u64::from(number)), [number; 10])
}

fn account(number: u8, login: &str) -> AccountRow {
    AccountRow {
        id: id(number),
        login: login.into(),
        name: "王小明".into(),
        role: "bidder".into(),
        organisation: None,
        password: None,
        totp_secret: Some(vec![0, 1, 255]),
        totp_pending: None,
        totp_step: -1,
        activation: Some(Hash([7; 32])),
        activation_until: at(9),
        created_at: at(0),
        disabled_at: None,
    }
}

fn session(number: u8, account: Id) -> SessionRow {
    SessionRow {
        id: id(number),
        token_hash: Hash([number; 32]),
        account,
        network: "192.0.2.1".into(),
        opened_at: at(u64::from(number)),
        seen_at: at(u64::from(number)),
        reauth_at: at(0),
    }
}

type Done = Result<(), StoreError>;

#[test]
fn accounts_come_back_as_they_were_written_in_the_order_of_their_ids() {
    on_each(|name, platform| {
        let company = OrganisationRow {
            id: id(50),
            kind: "company".into(),
            name: "明江建设".into(),
            credit_code: Some("91350100M000100Y43".into()),
            created_at: at(0),
        };
        platform.write(|tx| accounts::insert_organisation(tx, &company)).unwrap();
        let twice =
            platform.write(|tx| accounts::insert_organisation(tx, &OrganisationRow { id: id(51), ..company.clone() }));
        assert!(twice.unwrap_err().is_duplicate(), "{name}: one company a credit code");
        let without_code = OrganisationRow { id: id(52), credit_code: None, ..company.clone() };
        assert!(platform.write(|tx| accounts::insert_organisation(tx, &without_code)).is_err(), "{name}");
        for number in [3, 1, 2] {
            platform.write(|tx| accounts::insert(tx, &account(number, &format!("login{number}")))).unwrap();
        }
        let taken = platform.write(|tx| accounts::insert(tx, &account(4, "login1"))).unwrap_err();
        assert!(taken.is_duplicate(), "{name}: {taken}");
        let mut row = platform.read(|tx| accounts::by_login(tx, "login2")).unwrap().unwrap();
        assert_eq!(
            (row.id, row.totp_secret.as_deref(), row.activation),
            (id(2), Some(&[0, 1, 255][..]), Some(Hash([7; 32])))
        );
        row.organisation = None;
        row.totp_secret = None;
        row.totp_step = 5;
        row.password = Some("$argon2id$".into());
        platform.write(|tx| accounts::update(tx, &row)).unwrap();
        let again = platform.read(|tx| accounts::by_id(tx, id(2))).unwrap().unwrap();
        assert_eq!((again.totp_secret, again.totp_step, again.password.as_deref()), (None, 5, Some("$argon2id$")));
        let page = platform.read(|tx| accounts::page(tx, Some(id(1)), 10)).unwrap();
        assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [id(2), id(3)], "{name}");
        assert!(platform.read(|tx| accounts::by_id(tx, id(9))).unwrap().is_none());
    });
}

#[test]
fn a_ticket_is_good_once_and_goes_with_its_session() {
    on_each(|name, platform| {
        platform.write(|tx| accounts::insert(tx, &account(1, "a"))).unwrap();
        for number in [10, 11] {
            platform.write(|tx| sessions::insert(tx, &session(number, id(1)))).unwrap();
        }
        let ticket = Hash([9; 32]);
        platform.write(|tx| sessions::insert_ticket(tx, ticket, id(10), at(30))).unwrap();
        assert_eq!(platform.read(|tx| sessions::count_tickets(tx, id(10), at(0))).unwrap(), 1);
        assert_eq!(platform.write(|tx| sessions::take_ticket(tx, ticket)).unwrap(), Some((id(10), at(30))), "{name}");
        assert_eq!(platform.write(|tx| sessions::take_ticket(tx, ticket)).unwrap(), None, "{name}");
        platform.write(|tx| sessions::insert_ticket(tx, ticket, id(10), at(30))).unwrap();
        assert!(platform.write(|tx| sessions::delete(tx, id(10))).unwrap());
        assert_eq!(
            platform.write(|tx| sessions::take_ticket(tx, ticket)).unwrap(),
            None,
            "{name}: void with its session"
        );
        platform.write(|tx| sessions::insert_ticket(tx, ticket, id(11), at(30))).unwrap();
        assert_eq!(platform.write(|tx| sessions::sweep(tx, at(0), at(0), at(30))).unwrap(), 1);
        assert_eq!(platform.read(|tx| sessions::of_account(tx, id(1))).unwrap().len(), 1);
        assert!(platform.write(|tx| sessions::insert(tx, &session(12, id(99)))).is_err(), "{name}: nobody's session");
    });
}

#[test]
fn keys_failures_networks_and_cases() {
    on_each(|name, platform| {
        platform.write(|tx| accounts::insert(tx, &account(1, "a"))).unwrap();
        let key = |number, until| IdentityKeyRow {
            id: id(number),
            account: id(1),
            public_key: vec![number; 32],
            valid_from: at(u64::from(number)),
            valid_until: until,
        };
        platform.write(|tx| identity_keys::insert(tx, &key(20, None))).unwrap();
        let second = platform.write(|tx| identity_keys::insert(tx, &key(21, None)));
        assert!(second.unwrap_err().is_duplicate(), "{name}: one valid key an account");
        assert_eq!(platform.write(|tx| identity_keys::close(tx, id(1), at(60))).unwrap(), Some(id(20)));
        assert_eq!(platform.write(|tx| identity_keys::close(tx, id(1), at(61))).unwrap(), None);
        platform.write(|tx| identity_keys::insert(tx, &key(21, None))).unwrap();

        for count in 1..=2 {
            platform.write(|tx| throttle::set_failures(tx, b"who", "net", count, at(0))).unwrap();
        }
        assert_eq!(platform.read(|tx| throttle::failures(tx, b"who", "net")).unwrap(), Some((2, at(0))), "{name}");
        platform.write(|tx| throttle::clear_failures(tx, b"who", "net")).unwrap();
        assert_eq!(platform.read(|tx| throttle::failures(tx, b"who", "net")).unwrap(), None);
        for (number, second) in [("1", 1), ("2", 2), ("3", 3), ("1", 4)] {
            platform.write(|tx| throttle::remember(tx, id(1), number, at(second), 2)).unwrap();
        }
        let known = |number: &str| platform.read(|tx| throttle::is_known(tx, id(1), number)).unwrap();
        assert_eq!((known("1"), known("2"), known("3")), (true, false, true), "{name}: the two newest");

        let case = |number| review_cases::ReviewCaseRow {
            id: id(number),
            reviewer: id(1),
            lot: id(70),
            reason: "投诉".into(),
            opened_at: at(0),
            closed_at: None,
        };
        platform.write(|tx| review_cases::insert(tx, &case(30))).unwrap();
        assert!(platform.write(|tx| review_cases::insert(tx, &case(31))).unwrap_err().is_duplicate(), "{name}");
        assert_eq!(platform.read(|tx| review_cases::open_lots(tx, id(1))).unwrap(), [id(70)]);
        assert_eq!(platform.read(|tx| review_cases::page(tx, id(1), None, 10)).unwrap().len(), 1, "{name}");
    });
}

#[test]
fn security_events_are_numbered_in_order() {
    on_each(|name, platform| {
        for kind in ["signed_in", "signed_out"] {
            let row = SecurityEventRow {
                id: 0,
                at: at(0),
                kind: kind.into(),
                actor: Some(id(1)),
                subject: None,
                network: "n".into(),
                detail: String::new(),
            };
            platform.write(|tx| security_events::append(tx, &row)).unwrap();
        }
        let page = platform.read(|tx| security_events::page(tx, None, 10)).unwrap();
        let kinds: Vec<_> = page.iter().map(|row| (row.id, row.kind.as_str())).collect();
        assert_eq!(kinds, [(2, "signed_out"), (1, "signed_in")], "{name}");
    });
}

fn lot(number: u8, title: &str) -> LotRow {
    LotRow {
        lot: id(number).to_string(),
        ledger: "main".into(),
        project: id(80).to_string(),
        code: format!("MJ-{number}"),
        category: "C".into(),
        method: "ascending".into(),
        phase: "noticed".into(),
        suspended: number == 2,
        title: title.into(),
        owner: id(81).to_string(),
        owner_name: "Land Bureau".into(),
        place: "明江".into(),
        estimate: 100,
        start: 90,
        price: None,
        bids: 0,
        refused: 0,
        noticed_at: i64::from(number),
        opens_at: 0,
        next_at: None,
        closed_at: None,
        awarded_at: None,
        awarded: None,
    }
}

fn follow(platform: &Platform, from: i64, kinds: &[(&str, u8)], lots: &[LotRow]) -> bool {
    let rows: Vec<EntryRow> = kinds
        .iter()
        .zip(from..)
        .map(|((kind, number), seq)| EntryRow {
            ledger: "main".into(),
            seq,
            at: at(0).get() + seq,
            kind: (*kind).into(),
            subject: format!("lot/{}", id(*number)),
        })
        .collect();
    let next = from + i64::try_from(rows.len()).unwrap();
    platform.write(|tx| views::follow(tx, "main", (from, next), &rows, lots)).unwrap()
}

#[test]
fn query_tables_follow_and_are_searched_alike() {
    on_each(|name, platform| {
        assert!(follow(
            platform,
            0,
            &[("lot.noticed", 1), ("lot.noticed", 2)],
            &[lot(1, "Harbour 100%"), lot(2, "桥梁")]
        ));
        assert!(!follow(platform, 0, &[("lot.noticed", 3)], &[lot(3, "late")]), "{name}: another was there before");
        let awarded = LotRow { awarded: Some(95), phase: "awarded".into(), ..lot(1, "Harbour 100%") };
        assert!(follow(platform, 2, &[("auction.closed", 1), ("lot.awarded", 1)], &[awarded]));
        assert_eq!(platform.read(|tx| views::next_seq(tx, "main")).unwrap(), 4);
        let find = |text: &str| {
            let filter = LotFilter { text: Some(text.into()), ..LotFilter::default() };
            let rows = platform.read(|tx| views::lots(tx, &filter, 10)).unwrap();
            rows.iter().map(|row| row.code.clone()).collect::<Vec<_>>()
        };
        for (text, found) in [
            ("harbour", &["MJ-1"][..]),
            ("HARBOUR 100%", &["MJ-1"]),
            ("100_", &[]),
            ("桥", &["MJ-2"]),
            ("land bureau", &["MJ-2", "MJ-1"]),
            ("late", &[]),
        ] {
            assert_eq!(find(text), found, "{name}: {text}");
        }
        let filter = LotFilter { phases: vec!["awarded".into(), "x".into()], ..LotFilter::default() };
        let rows = platform.read(|tx| views::lots(tx, &filter, 10)).unwrap();
        assert_eq!(
            (rows.len(), rows[0].closed_at, rows[0].awarded_at),
            (1, Some(at(0).get() + 2), Some(at(0).get() + 3))
        );
        assert!(!rows[0].suspended);
        let months = platform.read(|tx| views::awards_by_month(tx, "main")).unwrap();
        assert_eq!((months[0].month.as_str(), months[0].awarded, months[0].lots), ("2026-03", 95, 1), "{name}");
        assert_eq!(platform.read(|tx| views::award_totals(tx, "main")).unwrap(), (1, 95));
        let of = platform.read(|tx| views::entries_of(tx, "main", &format!("lot/{}", id(1)), 1, 10)).unwrap();
        assert_eq!(of.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 3], "{name}");
        platform.write(|tx| views::clear(tx, "main")).unwrap();
        assert_eq!(platform.read(|tx| views::next_seq(tx, "main")).unwrap(), 0);
    });
}

#[test]
fn the_newest_entry_of_a_kind_is_found_behind_any_number_of_others() {
    on_each(|name, platform| {
        let newest = |kind: &str, number| {
            let row =
                platform.read(|tx| views::newest_entry(tx, "main", &format!("lot/{}", id(number)), kind)).unwrap();
            row.map(|row| row.seq)
        };
        assert_eq!(newest("published", 1), None, "{name}");
        let many = vec![("other", 1); 1_500];
        assert!(follow(platform, 0, &[("published", 1)], &[]) && follow(platform, 1, &many, &[]));
        assert_eq!((newest("published", 1), newest("published", 2)), (Some(0), None), "{name}");
        assert!(
            follow(platform, 1_501, &[("published", 1), ("published", 2)], &[]) && follow(platform, 1_503, &many, &[])
        );
        assert_eq!((newest("published", 1), newest("published", 2)), (Some(1_501), Some(1_502)), "{name}");
    });
}

/// A transaction that first reads and then writes sees nothing change in between, and a failed one leaves nothing.
#[test]
fn writers_come_one_after_the_other() {
    on_each(|name, platform| {
        platform.write(|tx| throttle::set_failures(tx, b"x", "", 0, at(0))).unwrap();
        let began = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        platform
                            .write(|tx| -> Done {
                                began.store(true, Ordering::Relaxed);
                                let (count, _) = throttle::failures(tx, b"x", "")?.unwrap();
                                std::thread::sleep(Duration::from_micros(200));
                                throttle::set_failures(tx, b"x", "", count + 1, at(0))
                            })
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(platform.read(|tx| throttle::failures(tx, b"x", "")).unwrap().unwrap().0, 40, "{name}");
        let failed = platform.write(|tx| -> Done {
            throttle::set_failures(tx, b"x", "", 0, at(0))?;
            Err(StoreError::Corrupt("on purpose"))
        });
        assert!(failed.is_err());
        assert_eq!(platform.read(|tx| throttle::failures(tx, b"x", "")).unwrap().unwrap().0, 40, "{name}");
    });
}
