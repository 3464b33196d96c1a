//! Objections, complaints and a withdrawal, seen by those who may read everything and by the public.

use mingjian::base::Span;
use mingjian::engine::command::{ComplaintAdmission, ComplaintDecision, ObjectionAnswer};
use mingjian::engine::event::{ComplaintFiled, Ground, ObjectionFiled, SignUpWithdrawn};
use mingjian::engine::{Action, Actor, Fact, Subject};
use mingjian::review::{CheckName, Language};

use crate::book::*;
use crate::whole::check;

/// Three bidders, one of whom withdraws; an objection that is nobody else's business and upheld, an open one that is overdue
/// and ends in a complaint; then the auction, with the numbers that are left.
fn contested() -> Book {
    let mut book = before_opening();
    let company = |n: u128| Actor::Company(id(100 + n));
    let lot = Subject::Lot(id(LOT));
    let file = |objection: u128, account: u128, open: bool| {
        let (objection, account, text) = (id(objection), id(100 + account), "第三条要求无依据".into());
        Action::Object(ObjectionFiled { objection, account, ground: Ground::Rules, text, open })
    };
    let answer = |objection: u128, upheld: bool| {
        Action::AnswerObjection(ObjectionAnswer { objection: id(objection), text: "答复".into(), upheld })
    };
    book.ask(when(21, 10, 0, 0), company(3), lot, Action::WithdrawSignUp(SignUpWithdrawn { account: id(103) }));
    book.ask(when(21, 11, 0, 0), company(1), lot, file(60, 1, false));
    book.ask(when(21, 12, 0, 0), company(2), lot, file(61, 2, true));
    book.office(when(21, 13, 0, 0), answer(60, true));
    // Nobody answers the open one: it is overdue by itself at the end of Tuesday.
    let complaint = ComplaintFiled { objection: id(61), account: id(102), text: "逾期未答复".into(), open: false };
    book.ask(when(26, 9, 0, 0), company(2), lot, Action::Complain(complaint));
    let supervisor = Actor::Supervisor(id(5));
    let admission = ComplaintAdmission { objection: id(61), admitted: true, reason: "受理".into(), suspend: true };
    book.ask(when(26, 10, 0, 0), supervisor, lot, Action::AdmitComplaint(admission));
    book.office(when(26, 11, 0, 0), answer(61, false));
    let decision = ComplaintDecision { objection: id(61), upheld: false, text: "驳回".into() };
    book.ask(when(27, 9, 0, 0), supervisor, lot, Action::DecideComplaint(decision));
    book.office(when(27, 10, 0, 0), Action::Resume { reason: "已改正".into() });
    // What stood still from the 21st 11:00 to the 27th 10:00 comes that much later.
    book.tick(when(23, 10, 0, 0).plus(when(27, 10, 0, 0).since(when(21, 11, 0, 0))));
    assert_eq!(book.last().fact.kind(), "auction.opened");
    book
}

#[test]
fn everyone_can_replay_what_was_contested() {
    let book = contested();
    let whole = check(&mut book.shown());
    assert!(whole.holds(), "{}", whole.to_text(Language::En));
    assert!(whole.undecided.is_empty(), "{:?}", whole.undecided);
    let public = check(&mut book.shown_to_public());
    assert!(public.holds(), "{}", public.to_text(Language::En));
    assert!(public.undecided["cause_hidden"] > 0);
    let Fact::AuctionOpened(opened) = &book.last().fact else { panic!("{:?}", book.last()) };
    assert_eq!(opened.numbers.len(), 2, "the third withdrew");
}

#[test]
fn a_time_that_the_law_does_not_give_is_found() {
    type Change = fn(&mut Fact);
    let later: [(&str, Change); 3] = [
        ("objection.received", |fact| {
            if let Fact::ObjectionReceived(fact) = fact {
                fact.due = fact.due.plus(Span::days(1));
            }
        }),
        ("complaint.admitted", |fact| {
            if let Fact::ComplaintAdmitted(fact) = fact {
                fact.due = fact.due.map(|due| due.plus(Span::days(1)));
            }
        }),
        ("objection.answered", |fact| {
            if let Fact::ObjectionAnswered(fact) = fact {
                fact.late = !fact.late;
            }
        }),
    ];
    let book = contested();
    for (kind, change) in later {
        let seq = book.find(kind, 0);
        let report = check(&mut book.with(seq, |_, event| change(&mut event.fact)).shown());
        let failure = report.failures.first().unwrap_or_else(|| panic!("{kind} was not found"));
        assert_eq!((failure.check, failure.seq), (CheckName::Replay, Some(seq as u64)), "{kind}");
    }
}
