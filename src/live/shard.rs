//! The viewers of one worker thread. A commit rings one bell per thread; waking its viewers is then that thread's own
//! work, where waking a task is a push onto a local queue. Waking 5,000 tasks from the committing thread would cost a
//! system call each and hold up the next commit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, interval_at};

use super::CloseCode;
use super::hub::Hub;
use super::viewer::Viewer;

/// How often slow viewers are looked for; the shorter of their two clocks is a second.
const PATROL_EVERY: Duration = Duration::from_millis(250);

/// One worker thread's viewers.
#[derive(Default)]
pub struct Shard {
    viewers: Mutex<BTreeMap<u64, Arc<Viewer>>>,
    pub(super) bell: Notify,
}

impl Shard {
    pub(super) fn viewers(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Viewer>>> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves this shard for as long as the hub exists; runs on the thread whose viewers these are.
    pub(super) async fn run(self: Arc<Self>, hub: std::sync::Weak<Hub>) {
        let Some(limits) = hub.upgrade().map(|hub| hub.limits.clone()) else { return };
        let mut patrol = interval(PATROL_EVERY.min(limits.stall / 2));
        let mut heartbeat = interval_at((Instant::now() + limits.heartbeat).into(), limits.heartbeat);
        patrol.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.bell.notified() => self.wake(),
                _ = patrol.tick() => {
                    let Some(hub) = hub.upgrade() else { return };
                    self.patrol(&hub);
                }
                _ = heartbeat.tick() => {
                    let Some(hub) = hub.upgrade() else { return };
                    self.beat(&hub);
                }
            }
        }
    }

    fn wake(&self) {
        let now = Instant::now();
        for viewer in self.viewers().values() {
            viewer.nudge(now);
        }
    }

    fn beat(&self, hub: &Hub) {
        let heartbeat = hub.heartbeat();
        let now = Instant::now();
        for viewer in self.viewers().values() {
            viewer.give_heartbeat(&heartbeat, now);
        }
    }

    /// Sends away who is over its budget, and cuts off who has taken nothing for too long whatever the amount.
    fn patrol(&self, hub: &Hub) {
        let now = Instant::now();
        for viewer in self.viewers().values() {
            let stalled = viewer.is_stalled(hub.limits.stall, now);
            if (stalled || viewer.is_over_budget(hub.limits.overdue, now)) && viewer.close(CloseCode::Slow) {
                hub.metrics.slow();
            }
            if stalled {
                viewer.cut();
            }
        }
    }
}
