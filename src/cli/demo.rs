//! `mingjian serve --demo`: the demonstration's accounts, simulated bidders who bid through the public API with their own
//! keys, as any bidder would, and a simulated bank that confirms visitors' deposits.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::demo_cameras::Cameras;
use super::output::say;
use crate::base::{Entropy, Fen, Hash, Id, Micros, Span};
use crate::demo::auction::{LiveAuction, LiveBidder, View};
use crate::demo::{Year, accounts, auction, keep};
use crate::desk::Desk;
use crate::engine::event::DepositConfirmed;
use crate::engine::state::{Applicant, Deposit};
use crate::engine::{Action, Actor, Command, Phase, Subject};
use crate::identity::password::Passwords;
use crate::identity::seed::{SeedAccount, SeedOrganisation};
use crate::identity::{NewAccount, SystemEntropy};
use crate::ledger::statement::{BidStatement, Nonce, Seen, sign};
use crate::ledger::{Origin, SeedSigner, SignedCheckpoint};
use crate::sequencer::{Clock as _, Sequencer, Submission, SystemClock};

/// How often a simulated bidder looks at the price.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How long the server may take to answer; a bid whose answer is lost is simply not repeated.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How often the simulated bank looks for deposits that are waited for.
const BANK_EVERY: Duration = Duration::from_secs(1);

/// What the demonstration needs once the server runs.
pub struct Demonstration {
    auctions: Vec<LiveAuction>,
    origin: Origin,
    bank: Bank,
    /// They run for as long as the demonstration is prepared or played.
    cameras: Cameras,
}

impl Demonstration {
    /// Makes the accounts with one fresh password and prints those worth trying. `keys` is the directory in which
    /// `simulate` left the year's plan.
    pub fn prepare(desk: &Desk, keys: &Path, url: &str) -> Result<Self, Box<dyn Error>> {
        let brief = keep::load(keys)?.ok_or("--demo needs a data directory that `mingjian simulate` has filled")?;
        let year = Year::plan(brief)?;
        let auctions = desk.sequencer.read(|committed| auction::plan(&year, &committed.state));
        let password = fresh_password();
        seed(desk, &year, &password)?;
        say(&format!("\n  Open {url}\n\n  Demonstration accounts (password of all: {password}):"));
        for account in accounts::accounts(&year.cast).into_iter().filter(|account| account.shown) {
            say(&format!("    {:<12} {:<15} {}", account.login, account.role.name(), account.display_name));
        }
        let list = |heading: &str, for_visitors: bool| {
            say(heading);
            for auction in auctions.iter().filter(|auction| auction.for_visitors == for_visitors) {
                say(&format!("    {url}/lots/{}  {}", auction.lot, auction.title));
            }
        };
        list("\n  Live auctions; the first opens within a minute:", false);
        list(
            "\n  To bid in yourself: sign up a company, make keys, sign up for the next of these; the deposit is paid:",
            true,
        );
        say("");
        let bank = Bank {
            sequencer: desk.sequencer.clone(),
            operator: year.cast.operators[0],
            lots: auctions.iter().filter(|auction| auction.for_visitors).map(|auction| auction.lot).collect(),
        };
        let first = auctions.iter().find(|auction| !auction.for_visitors).map(|auction| auction.lot);
        let sits: Vec<Id> = first.into_iter().chain(longest_running(desk)).collect();
        let cameras = Cameras::start(desk, year.cast.operators[0], &sits);
        Ok(Self { auctions, origin: desk.origin.clone(), bank, cameras })
    }

    /// Sends the simulated bidders; each auction has a thread of its own, which ends with it. So has the bank. The cameras run
    /// for as long as what is answered is held.
    pub fn play(self, server: SocketAddr) -> Cameras {
        let bank = self.bank;
        if let Err(error) = std::thread::Builder::new().name("demo bank".into()).spawn(move || bank.serve()) {
            tracing::warn!(%error, "the demonstration's bank cannot start");
        }
        for auction in self.auctions {
            let origin = self.origin.clone();
            let played = std::thread::Builder::new().name("demo bidders".into()).spawn(move || {
                let hall = Hall::new(server, origin);
                if let Err(error) = hall.play(&auction) {
                    tracing::warn!(lot = %auction.lot, %error, "a demonstration auction stopped");
                }
            });
            if let Err(error) = played {
                tracing::warn!(%error, "a demonstration auction cannot start");
            }
        }
        self.cameras
    }
}

/// The session that goes on for longest: there is a picture of it whenever somebody looks.
fn longest_running(desk: &Desk) -> Option<Id> {
    desk.sequencer.read(|committed| {
        let running = committed.state.lots.values().filter(|lot| lot.phase == Phase::Running && !lot.is_suspended());
        running.max_by_key(|lot| lot.auction.as_ref().map(|auction| auction.until)).map(|lot| lot.id)
    })
}

fn fresh_password() -> String {
    let mut random = [0; 10];
    SystemEntropy::new().fill(&mut random);
    // Ten bytes as sixteen letters and digits of an id: long enough, and easy to type.
    let id = crate::base::Id::new(Micros::default(), random).to_string().to_lowercase();
    id.chars().skip(10).collect()
}

fn seed(desk: &Desk, year: &Year, password: &str) -> Result<(), Box<dyn Error>> {
    let (organisations, people) = (accounts::organisations(&year.cast), accounts::accounts(&year.cast));
    let organisations: Vec<SeedOrganisation<'_>> = organisations
        .iter()
        .map(|o| SeedOrganisation { id: o.id, kind: o.kind, name: &o.name, credit_code: o.credit_code.as_deref() })
        .collect();
    let people: Vec<SeedAccount<'_>> = people
        .iter()
        .map(|account| SeedAccount {
            id: account.id,
            role: account.role,
            new: NewAccount {
                login: &account.login,
                name: &account.display_name,
                organisation: Some(account.organisation),
            },
        })
        .collect();
    let passwords =
        Passwords::cheap_for_demonstration(&SystemEntropy::new()).map_err(super::super::base::codes::Code::en)?;
    desk.identity
        .seed(&organisations, &people, password, &passwords, desk.now())
        .map_err(super::super::base::codes::Code::en)?;
    Ok(())
}

/// Where visitors' deposits are paid, and the operator who confirms what the bank reports.
struct Bank {
    sequencer: Sequencer,
    operator: Id,
    lots: Vec<Id>,
}

impl Bank {
    /// Until no visitor can come any more.
    fn serve(&self) {
        while self.any_open() {
            for (lot, payment) in self.awaited() {
                let command = Command {
                    actor: Actor::Operator(self.operator),
                    subject: Subject::Lot(lot),
                    action: Action::ConfirmDeposit(payment),
                };
                let answer = self.sequencer.reserve().map_err(Into::into);
                if let Err(refusal) = answer.and_then(|slot| slot.submit(Submission::command(command)).wait()) {
                    tracing::warn!(%lot, %refusal, "a demonstration deposit was not confirmed");
                }
            }
            sleep(BANK_EVERY);
        }
    }

    fn any_open(&self) -> bool {
        let before_opening = |phase| matches!(phase, Phase::Noticed | Phase::SignUp | Phase::Waiting);
        self.sequencer.read(|now| {
            let mut lots = self.lots.iter().filter_map(|lot| now.state.lots.get(lot));
            lots.any(|lot| before_opening(lot.phase))
        })
    }

    fn awaited(&self) -> Vec<(Id, DepositConfirmed)> {
        self.sequencer.read(|now| {
            let open = self.lots.iter().filter_map(|lot| now.state.lots.get(lot));
            let open = open.filter(|lot| matches!(lot.phase, Phase::SignUp | Phase::Waiting));
            open.flat_map(|lot| {
                let waits = |a: &&Applicant| a.deposit == Deposit::Awaited && !a.withdrawn;
                let waiting = lot.applicants.values().filter(waits);
                waiting.map(|applicant| {
                    let mut random = [0; 32];
                    SystemEntropy::new().fill(&mut random);
                    let (reference, amount) = (applicant.reference.clone(), lot.rules.deposit);
                    (lot.id, DepositConfirmed { reference, amount, random: Hash(random) })
                })
            })
            .collect()
        })
    }
}

/// The public API as a bidder's program uses it.
struct Hall {
    agent: ureq::Agent,
    base: String,
    origin: Origin,
}

/// What of a lot's description these bidders look at.
#[derive(Deserialize)]
struct LotState {
    phase: String,
    suspended: Option<serde::de::IgnoredAny>,
    auction: Option<AuctionState>,
}

#[derive(Deserialize)]
struct AuctionState {
    leader: Option<LeaderState>,
    accepted: u64,
}

#[derive(Deserialize)]
struct LeaderState {
    number: u32,
    amount: Fen,
}

impl Hall {
    fn new(server: SocketAddr, origin: Origin) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_MAX)).http_status_as_error(false);
        Self { agent: config.build().into(), base: format!("http://{server}"), origin }
    }

    /// Bids until nobody goes further or the auction is over.
    fn play(&self, auction: &LiveAuction) -> Result<(), Box<dyn Error>> {
        loop {
            let lot = self.lot(auction)?;
            let Some(state) = lot.auction.filter(|_| lot.phase == "running") else {
                if matches!(lot.phase.as_str(), "noticed" | "sign_up" | "waiting") {
                    sleep(LOOK_EVERY);
                    continue;
                }
                return Ok(());
            };
            let view = view(&state);
            let Some(next) = auction.next_bid(view) else { return Ok(()) };
            let suspended = lot.suspended.is_some();
            // Under load nobody looks again before bidding: the bids are the load, not the looks.
            if auction.rush && !suspended {
                sleep(Duration::from_micros(next.delay.get()));
            } else if suspended || !self.price_holds(auction, view, next.delay)? {
                sleep(LOOK_EVERY);
                continue;
            }
            let bidder = auction.bidders.get(next.bidder).ok_or("the plan names a bidder that it does not have")?;
            self.bid(auction, bidder, next.amount)?;
        }
    }

    /// Thinks for `delay`, but not longer than the price stands.
    fn price_holds(&self, auction: &LiveAuction, view: View, delay: Span) -> Result<bool, Box<dyn Error>> {
        let until = Instant::now() + Duration::from_micros(delay.get());
        while Instant::now() < until {
            sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now())));
            let now = self.lot(auction)?;
            if now.suspended.is_some() || now.auction.as_ref().map(self::view) != Some(view) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lot(&self, auction: &LiveAuction) -> Result<LotState, Box<dyn Error>> {
        let url = format!("{}/api/v1/lots/{}", self.base, auction.lot);
        Ok(self.agent.get(url).call()?.body_mut().read_json()?)
    }

    /// Signs and sends a bid; a refusal is part of the demonstration.
    fn bid(&self, auction: &LiveAuction, bidder: &LiveBidder, amount: Fen) -> Result<(), Box<dyn Error>> {
        let now = SystemClock.now();
        let note =
            self.agent.get(format!("{}/ledger/main/checkpoint", self.base)).call()?.body_mut().read_to_string()?;
        let checkpoint = SignedCheckpoint::parse(&note)?;
        let seen = Seen { root: checkpoint.unverified().root, size: checkpoint.unverified().size };
        let mut random = [0; 10];
        SystemEntropy::new().fill(&mut random);
        let claims = BidStatement {
            amount,
            issued_at: now,
            ledger: self.origin.clone(),
            lot: auction.lot,
            nonce: Nonce::new(now, random),
            number: bidder.number,
            rung: None,
            seen,
        };
        let statement = sign(&claims, &SeedSigner::new(&bidder.key_seed))?;
        let url = format!("{}/api/v1/lots/{}/bids", self.base, auction.lot);
        let answer = self.agent.post(url).send_json(serde_json::json!({ "statement": statement }))?;
        tracing::debug!(lot = %auction.lot, number = bidder.number, %amount, status = %answer.status(), "demo bid");
        Ok(())
    }
}

fn view(auction: &AuctionState) -> View {
    View { leader: auction.leader.as_ref().map(|leader| (leader.number, leader.amount)), accepted: auction.accepted }
}
