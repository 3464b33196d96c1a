//! One lot, planned from its notice to its archive: rules whose steps meet the target, bidders, bids, and what befalls it.

use super::bidding::{Prices, fen, round_down};
use super::calendar;
use super::cast::{Cast, Trade};
use super::course::{self, Course};
use super::seed::{Rng, Secrets};
use super::words;
use crate::base::{Fen, Hash, Id, Micros, Span, reserve_commitment};
use crate::engine::event::Failure;
use crate::engine::rules::{Category, Document, ListingRules, Method, PriceRules, Reserve, Rules, Timetable};

/// What is special about a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Twist {
    #[default]
    Plain,
    /// Too few are admitted: nothing is opened.
    TooFew,
    /// Those who signed up do not bid.
    NoBids,
    ReserveNotMet,
    ReserveMet,
    /// The owner does not disclose the reserve in time.
    ReserveLapsed,
    /// The winner does not stand by the bid; its deposit is kept.
    Withdrawn,
    Terminated,
    /// A priority buyer matches the last price.
    Priority,
    /// The price reaches its cap; a quantity decides.
    CapRung,
    /// The centre suspends the auction and resumes it.
    Suspended,
    /// A supervisor orders a pause and lifts it.
    Paused,
    /// A supervisor's question is answered in time.
    Question,
    /// The centre answers late.
    LateAnswer,
    /// A listing in which somebody bids who did not confirm.
    Unconfirmed,
    /// The office has still to make the result public.
    Unpublished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Awarded at this price, to this one of the lot's bidders.
    Awarded {
        bidder: usize,
        price: Fen,
        offer: Option<Fen>,
    },
    Failed(Failure),
    Terminated,
    /// Still going on at the end of the year; nothing is promised.
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BidderPlan {
    /// Index in the cast's companies.
    pub company: usize,
    pub signs_up: Micros,
    /// `None`: never pays, or nothing is to be paid.
    pub pays: Option<Micros>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservePlan {
    pub amount: Fen,
    pub nonce: Hash,
    /// After the close; `None`: not in time.
    pub disclosed_after: Option<Span>,
}

/// A supervisor asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionPlan {
    pub id: Id,
    pub asked_at: Micros,
    pub due: Micros,
    pub answered_at: Option<Micros>,
    /// Index in `words::QUESTIONS`.
    pub text: usize,
    pub open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotPlan {
    pub id: Id,
    pub title: String,
    pub estimate: Fen,
    pub rules: Rules,
    pub documents: Vec<Document>,
    pub noticed_at: Micros,
    pub bidders: Vec<BidderPlan>,
    pub course: Course,
    pub reserve: Option<ReservePlan>,
    pub question: Option<QuestionPlan>,
    pub twist: Twist,
    pub outcome: Outcome,
    /// Goes on live after the year: see `auction`.
    pub live: bool,
    /// Of those that take a bid a second.
    pub rush: bool,
    /// Its sign-up is still open then, for whoever tries the demonstration.
    pub for_visitors: bool,
}

/// What a lot is planned from.
pub struct Order<'a> {
    pub cast: &'a Cast,
    pub secrets: &'a Secrets,
    pub category: Category,
    pub trade: Trade,
    pub title: String,
    /// What the award shall be, in 分.
    pub target: i64,
    pub noticed_at: Micros,
    pub opens_at: Micros,
    pub listing: bool,
    pub twist: Twist,
    /// Other than the usual lengths: for the auctions that go on at the year's end.
    pub free: Option<Span>,
    pub window: Option<Span>,
    pub admitted: Option<usize>,
    pub sign_up_closes: Option<Micros>,
}

const DAY: i64 = 1;

impl Order<'_> {
    pub fn plan(self, rng: &mut Rng) -> LotPlan {
        let id = rng.id(self.noticed_at);
        let falls = matches!(self.category, Category::A | Category::D);
        let admitted = self.admitted.unwrap_or_else(|| self.draw_admitted(rng));
        let target = if self.twist == Twist::ReserveNotMet { self.target / 20 * 17 } else { self.target };
        let rounds = admitted.max(4) + rng.index(admitted.max(2) + 3);
        let spread = self.spread(rng);
        let prices = Prices::new(rng, falls, target, rounds.min(18), spread);
        let estimate = fen(prices.start);
        let deposit = self.deposit(rng, prices.start);
        let timetable = self.timetable();
        let bidders = self.bidders(rng, admitted, timetable, deposit);
        let quiet = matches!(self.twist, Twist::TooFew | Twist::NoBids | Twist::Terminated);
        let may_bid: Vec<usize> = (0..if quiet { 0 } else { admitted }).collect();
        let reserve = self.reserve(rng, id, prices.start);
        let (method, free, window) = self.method(rng, &prices);
        let documents = self.documents(rng);
        let capped = self.twist == Twist::CapRung;
        let rules = Rules {
            method,
            min_bidders: self.min_bidders(),
            deposit,
            timetable,
            reserve: reserve.map(|(reserve, disclosure)| Reserve {
                commitment: reserve_commitment(id, reserve.amount, &reserve.nonce.0),
                disclosure,
            }),
            priority: self.priority(&bidders),
            cap: capped.then_some(fen(target)),
            ladder: if capped { vec![course::rung(window)] } else { Vec::new() },
        };
        let course = Course::new(rng, &prices, &may_bid, free, window, self.twist, self.listing);
        let outcome = self.outcome(&course, target);
        LotPlan {
            id,
            title: self.title.clone(),
            estimate,
            rules,
            documents,
            noticed_at: self.noticed_at,
            bidders,
            course,
            reserve: reserve.map(|(reserve, _)| reserve),
            question: self.question(rng),
            twist: self.twist,
            outcome,
            live: false,
            rush: false,
            for_visitors: false,
        }
    }

    fn outcome(&self, course: &Course, target: i64) -> Outcome {
        match (self.twist, self.failure(), course.winner) {
            (Twist::Terminated, ..) => Outcome::Terminated,
            (_, Some(why), _) => Outcome::Failed(why),
            (_, None, Some(bidder)) => Outcome::Awarded { bidder, price: fen(target), offer: course.offer },
            (_, None, None) => Outcome::Open,
        }
    }

    const fn failure(&self) -> Option<Failure> {
        match self.twist {
            Twist::TooFew => Some(Failure::TooFewBidders),
            Twist::NoBids => Some(Failure::NoBids),
            Twist::ReserveNotMet => Some(Failure::ReserveNotMet),
            Twist::Withdrawn => Some(Failure::WinnerWithdrew),
            _ => None,
        }
    }

    const fn min_bidders(&self) -> u32 {
        match self.category {
            Category::A | Category::D => 3,
            Category::B => 1,
            Category::C => 2,
        }
    }

    fn draw_admitted(&self, rng: &mut Rng) -> usize {
        let count = match (self.twist, self.category) {
            (Twist::TooFew, Category::A | Category::D) => rng.between(1, 2),
            (Twist::TooFew, _) => 1,
            (_, Category::A) => rng.between(3, 11),
            (_, Category::D) | (Twist::Priority, _) => rng.between(3, 8),
            (Twist::Unconfirmed, _) => rng.between(4, 8),
            (Twist::NoBids, _) => 2,
            _ => rng.between(2, 9),
        };
        usize::try_from(count).unwrap_or(3)
    }

    /// Between start and award, in hundredths of a per cent.
    fn spread(&self, rng: &mut Rng) -> u64 {
        match self.category {
            Category::A => rng.between(400, 1_600),
            Category::B => rng.between(300, 4_000),
            Category::C => rng.between(500, 5_000),
            Category::D => rng.between(300, 1_800),
        }
    }

    fn deposit(&self, rng: &mut Rng, estimate: i64) -> Fen {
        let percent = match self.category {
            Category::A => 2,
            Category::B => 30,
            Category::C => 15,
            // Forfeiting needs something to forfeit.
            Category::D if self.twist != Twist::Withdrawn && rng.chance(30) => return Fen::ZERO,
            Category::D => 1,
        };
        fen(round_down(estimate / 100 * percent))
    }

    fn timetable(&self) -> Timetable {
        let (noticed, opening) = (calendar::day_of(self.noticed_at), calendar::day_of(self.opens_at));
        let sign_up_opens = calendar::at(calendar::days_after(noticed, DAY), 9 * 60);
        if let Some(closes) = self.sign_up_closes {
            let auction_opens = self.opens_at;
            let deposit_due = closes.plus(Span::micros(auction_opens.since(closes).get() / 2));
            return Timetable { sign_up_opens, sign_up_closes: closes, deposit_due, auction_opens };
        }
        Timetable {
            sign_up_opens,
            sign_up_closes: calendar::at(calendar::days_after(opening, -2 * DAY), 17 * 60),
            deposit_due: calendar::at(calendar::days_after(opening, -DAY), 17 * 60),
            auction_opens: self.opens_at,
        }
    }

    fn bidders(&self, rng: &mut Rng, admitted: usize, times: Timetable, deposit: Fen) -> Vec<BidderPlan> {
        let mut companies = match self.category {
            // Property is sold to whoever comes.
            Category::C => (0..self.cast.companies.len()).collect(),
            _ => self.cast.companies_of(self.trade),
        };
        rng.shuffle(&mut companies);
        // Some sign up and never pay; they get no number.
        let idle = usize::from(!deposit.is_zero() && self.twist != Twist::TooFew && rng.chance(12));
        let mut bidders = Vec::new();
        for (index, company) in companies.into_iter().take(admitted + idle).enumerate() {
            let opened = times.sign_up_opens;
            let (signed_up_by, paid_by) = match self.sign_up_closes {
                // Before the visitors come.
                Some(_) => (opened.plus(Span::days(1)), opened.plus(Span::days(2))),
                None => (times.sign_up_closes, times.deposit_due),
            };
            let signs_up = opened.plus(Span::micros(rng.between(60_000_000, signed_up_by.since(opened).get() - 1)));
            let pays = (!deposit.is_zero() && index < admitted).then(|| {
                let earliest = signs_up.plus(Span::minutes(20));
                earliest.plus(Span::micros(rng.below(paid_by.since(earliest).get())))
            });
            bidders.push(BidderPlan { company, signs_up, pays });
        }
        bidders
    }

    /// The first to sign up rented or held a share before.
    fn priority(&self, bidders: &[BidderPlan]) -> Vec<String> {
        let holder = bidders.first().filter(|_| self.twist == Twist::Priority);
        let company = holder.and_then(|bidder| self.cast.companies.get(bidder.company));
        company.map(|company| company.credit_code.clone()).into_iter().collect()
    }

    fn reserve(&self, rng: &mut Rng, lot: Id, start: i64) -> Option<(ReservePlan, Span)> {
        let disclosure = Span::hours(48);
        let soon = Span::minutes(rng.between(20, 180));
        let (amount, disclosed_after) = match self.twist {
            Twist::ReserveMet => (self.target - (self.target - start) / 4, Some(soon)),
            Twist::ReserveNotMet => (self.target, Some(soon)),
            Twist::ReserveLapsed => (self.target, None),
            _ => return None,
        };
        let nonce = Hash(self.secrets.derive("reserve nonce", lot, 0));
        Some((ReservePlan { amount: fen(amount), nonce, disclosed_after }, disclosure))
    }

    /// Asked in the first days of the notice; the centre has three days.
    fn question(&self, rng: &mut Rng) -> Option<QuestionPlan> {
        let asked_at = self.noticed_at.plus(Span::days(1)).plus(Span::minutes(rng.between(10, 240)));
        let due = asked_at.plus(Span::days(3));
        let answered_at = match self.twist {
            Twist::Question => asked_at.plus(Span::hours(rng.between(2, 60))),
            Twist::LateAnswer => due.plus(Span::hours(rng.between(5, 30))),
            _ => return None,
        };
        let text = rng.index(words::QUESTIONS.len());
        let (id, open) = (rng.id(asked_at), rng.chance(50));
        Some(QuestionPlan { id, asked_at, due, answered_at: Some(answered_at), text, open })
    }

    fn method(&self, rng: &mut Rng, prices: &Prices) -> (Method, Span, Span) {
        let (start, step, max_steps) = (fen(prices.start), fen(prices.step), prices.max_steps);
        let window = self.window.unwrap_or(Span::minutes(rng.between(3, 5)));
        if self.listing {
            let quoting = self.free.unwrap_or(Span::days(rng.between(10, 14)));
            let rules = ListingRules { start, step, max_steps, quoting, confirm: Span::minutes(5), window };
            return (Method::Listing(rules), quoting, window);
        }
        let free = self.free.unwrap_or(Span::minutes(10 * rng.between(1, 6)));
        let rules = PriceRules { start, step, max_steps, free, window };
        (if prices.falls { Method::Descending(rules) } else { Method::Ascending(rules) }, free, window)
    }

    fn documents(&self, rng: &mut Rng) -> Vec<Document> {
        let main = match self.category {
            Category::A => "招标文件.pdf",
            Category::B => "出让文件.pdf",
            Category::C => "竞价文件.pdf",
            Category::D => "采购文件.pdf",
        };
        let mut names = vec![main];
        names.extend(match self.category {
            Category::A => Some("工程量清单.xlsx"),
            Category::B => Some("宗地图.pdf"),
            Category::C | Category::D => None,
        });
        names
            .into_iter()
            .map(|name| Document { name: name.into(), sha256: rng.hash(), bytes: rng.between(90_000, 9_000_000) })
            .collect()
    }
}

impl Twist {
    /// The lot ends without an award, and its project tries again with another.
    pub const fn is_first_attempt(self) -> bool {
        matches!(self, Self::TooFew | Self::NoBids | Self::ReserveNotMet | Self::Withdrawn | Self::Terminated)
    }
}
