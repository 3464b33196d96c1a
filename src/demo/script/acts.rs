//! What a cue comes to: the command, with everything that its event records.

use super::{Cue, Script, What, bid_of};
use crate::base::{Hash, Id, Span};
use crate::demo::drive::DemoError;
use crate::demo::lots::{LotPlan, QuestionPlan, Twist};
use crate::demo::statements::Hand;
use crate::demo::words;
use crate::demo::year::ProjectPlan;
use crate::engine::command::{ComplaintAdmission, ComplaintDecision, ObjectionAnswer};
use crate::engine::event::{
    ComplaintFiled, Contracted, DepositConfirmed, DepositForfeited, DepositReturned, Ground, Noticed, ObjectionFiled,
    PauseOrdered, ProjectRegistered, PublicityStarted, QuestionRaised, ReserveDisclosed, SignedUp,
};
use crate::engine::state::Deposit;
use crate::engine::{Action, Actor, Command, Phase, Subject};

impl<'y> Script<'y> {
    /// The command of a cue; `None` when there is nothing to do, or not yet.
    pub(super) fn act(
        &mut self,
        cue: Cue,
        project: &'y ProjectPlan,
        plan: &'y LotPlan,
    ) -> Result<Option<Command>, DemoError> {
        let operator = self.operator(cue);
        let supervisor = Actor::Supervisor(self.year.cast.supervisor);
        let (actor, action) = match cue.what {
            What::Register => return Ok(self.register(operator, project)),
            What::Notice => (operator, Action::Notice(Box::new(noticed(project, plan)))),
            What::SignUp(bidder) => {
                if self.phase(plan) != Some(Phase::SignUp) {
                    return Ok(None);
                }
                return self.sign_up(cue, plan, bidder);
            }
            What::Pay(bidder) => match self.pay(plan, bidder) {
                Some(action) => (operator, action),
                None => return Ok(None),
            },
            What::Ask => match &plan.question {
                Some(question) => (supervisor, Action::Question(question_raised(question))),
                None => return Ok(None),
            },
            What::Answer => match &plan.question {
                Some(question) => {
                    let (_, answer) = text(&words::QUESTIONS, question.text);
                    (operator, Action::Answer { question: question.id, text: answer.into() })
                }
                None => return Ok(None),
            },
            What::Object(_) | What::Reply | What::Complain(_) | What::Admit | What::Decide => {
                match self.contested(cue, plan) {
                    Some(step) => step,
                    None => return Ok(None),
                }
            }
            What::Terminate => {
                let reason = self.rng.pick(&words::TERMINATIONS).into();
                (operator, Action::Terminate { reason })
            }
            What::Early | What::Free(_) | What::Timed(_) | What::Knock | What::Late => return self.bid(cue, plan),
            What::Confirm(index) => return self.confirm(cue, plan, index),
            What::StandStill => match plan.twist {
                Twist::Paused => {
                    let reason = words::PAUSE_ORDER.0.into();
                    let mut due = cue.at.plus(Span::days(3));
                    if !project.completed {
                        due = due.max(self.year.brief.until.plus(Span::days(1)));
                    }
                    let order = order_id(plan);
                    (supervisor, Action::OrderPause(PauseOrdered { order, entry: None, reason, due, open: true }))
                }
                _ => (operator, Action::Suspend { reason: text(&words::SUSPENSIONS, cue.project).0.into() }),
            },
            What::Report => (operator, Action::Answer { question: order_id(plan), text: words::PAUSE_ORDER.1.into() }),
            What::GoOn => match plan.twist {
                Twist::Paused => {
                    let reason = words::PAUSE_ORDER.2.into();
                    (supervisor, Action::LiftPause { order: order_id(plan), reason })
                }
                _ => (operator, Action::Resume { reason: text(&words::SUSPENSIONS, cue.project).1.into() }),
            },
            What::Close => {
                self.close(cue, plan);
                return Ok(None);
            }
            What::Office => match self.step(cue, project, plan) {
                Some(step) => step,
                None => return Ok(None),
            },
            What::Return(bidder) | What::Forfeit(bidder) => match self.settle(cue, plan, bidder) {
                Some(action) => (operator, action),
                None => return Ok(None),
            },
        };
        Ok(Some(Command { actor, subject: Subject::Lot(plan.id), action }))
    }

    /// An objection to the result, or a step of what follows it; nothing when there was no such objection.
    fn contested(&self, cue: Cue, plan: &LotPlan) -> Option<(Actor, Action)> {
        let objection = objection_id(plan);
        let (complaint, admission, decision) = words::COMPLAINT;
        let supervisor = Actor::Supervisor(self.year.cast.supervisor);
        let company = |bidder: usize| Some(self.hand(plan, bidder)?.company.person.account);
        if !matches!(cue.what, What::Object(_)) && !self.rehearsal.state.objections.contains_key(&objection) {
            return None;
        }
        Some(match cue.what {
            What::Object(bidder) => {
                let account = company(bidder)?;
                // Only who was admitted.
                self.lot(plan)?.applicants.get(&account)?.number?;
                let text = text(&words::OBJECTIONS, cue.project).0.into();
                let fact = ObjectionFiled { objection, account, ground: Ground::Result, text, open: true };
                (Actor::Company(account), Action::Object(fact))
            }
            What::Reply => {
                let text = text(&words::OBJECTIONS, cue.project).1.into();
                (self.operator(cue), Action::AnswerObjection(ObjectionAnswer { objection, text, upheld: false }))
            }
            What::Complain(bidder) => {
                let account = company(bidder)?;
                let fact = ComplaintFiled { objection, account, text: complaint.into(), open: true };
                (Actor::Company(account), Action::Complain(fact))
            }
            What::Admit => {
                let reason = admission.into();
                let ask = ComplaintAdmission { objection, admitted: true, reason, suspend: false };
                (supervisor, Action::AdmitComplaint(ask))
            }
            _ => {
                let ask = ComplaintDecision { objection, upheld: false, text: decision.into() };
                (supervisor, Action::DecideComplaint(ask))
            }
        })
    }

    fn operator(&self, cue: Cue) -> Actor {
        let [first, second] = self.year.cast.operators;
        Actor::Operator(if cue.project.is_multiple_of(2) { first } else { second })
    }

    pub(super) fn phase(&self, plan: &LotPlan) -> Option<Phase> {
        self.lot(plan).map(|lot| lot.phase)
    }

    fn register(&self, actor: Actor, project: &ProjectPlan) -> Option<Command> {
        let owner = self.year.cast.owners.get(project.owner)?;
        let fact = ProjectRegistered {
            code: project.code.clone(),
            category: project.category,
            title: project.title.clone(),
            owner: owner.person.organisation,
            owner_name: owner.name.clone(),
            place: project.place.clone(),
        };
        Some(Command { actor, subject: Subject::Project(project.id), action: Action::RegisterProject(fact) })
    }

    fn hand(&self, plan: &LotPlan, bidder: usize) -> Option<Hand<'y>> {
        let company = self.year.cast.companies.get(plan.bidders.get(bidder)?.company)?;
        let applicant = self.lot(plan).and_then(|lot| lot.applicants.get(&company.person.account));
        let number = applicant.and_then(|applicant| applicant.number).unwrap_or(0);
        let brief = &self.year.brief;
        Some(Hand { secrets: &brief.secrets, origin: &brief.origin, company, lot: plan.id, number })
    }

    fn sign_up(&mut self, cue: Cue, plan: &LotPlan, bidder: usize) -> Result<Option<Command>, DemoError> {
        let Some(hand) = self.hand(plan, bidder) else { return Ok(None) };
        let (key, binding) = hand.binding(cue.at)?;
        let account = hand.company.person.account;
        let fact = SignedUp {
            account,
            company: hand.company.name.clone(),
            credit_code: hand.company.credit_code.clone(),
            reference: reference(plan.id, account),
            key,
            binding,
            random: self.rng.hash(),
        };
        let (actor, subject) = (Actor::Company(account), Subject::Lot(plan.id));
        Ok(Some(Command { actor, subject, action: Action::SignUp(fact) }))
    }

    fn pay(&mut self, plan: &LotPlan, bidder: usize) -> Option<Action> {
        let account = self.hand(plan, bidder)?.company.person.account;
        let lot = self.lot(plan)?;
        let waits = lot.applicants.get(&account).is_some_and(|applicant| applicant.deposit == Deposit::Awaited);
        if !waits || !matches!(lot.phase, Phase::SignUp | Phase::Waiting) {
            return None;
        }
        let (reference, amount) = (reference(plan.id, account), plan.rules.deposit);
        Some(Action::ConfirmDeposit(DepositConfirmed { reference, amount, random: self.rng.hash() }))
    }

    fn bid(&mut self, cue: Cue, plan: &LotPlan) -> Result<Option<Command>, DemoError> {
        let Some(bid) = bid_of(cue, plan) else { return Ok(None) };
        let Some(hand) = self.hand(plan, bid.bidder) else { return Ok(None) };
        self.statements += 1;
        let signed = hand.bid(bid.amount, bid.rung, cue.at, self.seen, self.statements)?;
        let (actor, subject) = (Actor::Bidder(hand.number), Subject::Lot(plan.id));
        Ok(Some(Command { actor, subject, action: Action::Bid(signed) }))
    }

    fn confirm(&mut self, cue: Cue, plan: &LotPlan, index: usize) -> Result<Option<Command>, DemoError> {
        let Some(bidder) = plan.course.confirms.get(index) else { return Ok(None) };
        let Some(hand) = self.hand(plan, *bidder) else { return Ok(None) };
        self.statements += 1;
        let signed = hand.confirmation(cue.at, self.statements)?;
        let (actor, subject) = (Actor::Bidder(hand.number), Subject::Lot(plan.id));
        Ok(Some(Command { actor, subject, action: Action::ConfirmEntry(signed) }))
    }

    /// The office's next step on a lot whose auction is over.
    fn step(&mut self, cue: Cue, project: &ProjectPlan, plan: &LotPlan) -> Option<(Actor, Action)> {
        let operator = self.operator(cue);
        let owner = Actor::Owner(self.year.cast.owners.get(project.owner)?.person.account);
        let lot = self.lot(plan)?;
        match lot.phase {
            Phase::Disclosing => {
                let reserve = plan.reserve?;
                if reserve.disclosed_after.is_none() {
                    let lapses = lot.reserve_due?;
                    self.office(cue, lapses);
                    return None;
                }
                let fact = ReserveDisclosed { amount: reserve.amount, nonce: reserve.nonce };
                Some((owner, Action::DiscloseReserve(fact)))
            }
            Phase::Ranked if plan.twist == Twist::Withdrawn => {
                Some((operator, Action::DeclareFailed { reason: words::WITHDRAWAL.into() }))
            }
            Phase::Ranked if plan.twist == Twist::Unpublished => None,
            Phase::Ranked => {
                let settings = &self.rehearsal.state.settings;
                let days = settings.periods.publicity_days_min(project.category).value;
                let until = settings.holidays.end_of_days(cue.at, days)?;
                Some((operator, Action::StartPublicity(PublicityStarted { until })))
            }
            // The year's sum is that of its completed projects.
            Phase::Publicity if !project.completed => None,
            Phase::Publicity => {
                // An objection has stopped the clock meanwhile.
                let until = lot.publicity_until.filter(|until| lot.is_suspended() || cue.at < *until);
                if let Some(until) = until {
                    self.office(cue, until.max(cue.at.plus(Span::days(1))));
                    return None;
                }
                Some((owner, Action::Award))
            }
            Phase::Awarded => Some((owner, Action::Contract(Contracted { sha256: contract_digest(plan.id) }))),
            Phase::Contracted => Some((operator, Action::Archive)),
            _ => None,
        }
    }

    fn settle(&self, cue: Cue, plan: &LotPlan, bidder: usize) -> Option<Action> {
        let account = self.hand(plan, bidder)?.company.person.account;
        let lot = self.lot(plan)?;
        if lot.applicants.get(&account)?.deposit != Deposit::Held {
            return None;
        }
        let reference = reference(plan.id, account);
        if matches!(cue.what, What::Forfeit(_)) {
            let reason = words::FORFEITURE.into();
            return Some(Action::ForfeitDeposit(DepositForfeited { reference, reason }));
        }
        let reason = match lot.phase {
            Phase::Failed => words::RETURN_FAILED,
            Phase::Terminated => words::RETURN_TERMINATED,
            _ if plan.course.winner == Some(bidder) => words::RETURN_WON,
            _ => words::RETURN_LOST,
        };
        Some(Action::ReturnDeposit(DepositReturned { reference, reason: reason.into() }))
    }
}

fn noticed(project: &ProjectPlan, plan: &LotPlan) -> Noticed {
    Noticed {
        project: project.id,
        title: plan.title.clone(),
        estimate: plan.estimate,
        rules: plan.rules.clone(),
        documents: plan.documents.clone(),
    }
}

fn question_raised(question: &QuestionPlan) -> QuestionRaised {
    let (text, _) = text(&words::QUESTIONS, question.text);
    let (question, due, open) = (question.id, question.due, question.open);
    QuestionRaised { question, entry: None, text: text.into(), due, open }
}

fn text(from: &[(&'static str, &'static str)], index: usize) -> (&'static str, &'static str) {
    from.get(index % from.len().max(1)).copied().unwrap_or_default()
}

/// What the deposit's payment must name: says nothing about who pays.
pub fn reference(lot: Id, account: Id) -> String {
    let Hash(hash) = Hash::of_parts(&[&lot.to_u128().to_be_bytes(), &account.to_u128().to_be_bytes()]);
    let digits = hash.iter().take(6).fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("BZJ{digits:015}")
}

fn order_id(plan: &LotPlan) -> Id {
    Id::from_u128(plan.id.to_u128() ^ 1)
}

fn objection_id(plan: &LotPlan) -> Id {
    Id::from_u128(plan.id.to_u128() ^ 2)
}

fn contract_digest(lot: Id) -> Hash {
    Hash::of_parts(&[b"contract", &lot.to_u128().to_be_bytes()])
}
