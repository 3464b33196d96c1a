//! The doorbell. Whoever commits says how far the ledger reaches; whoever hears it looks at once instead of within a
//! second. Publish/subscribe and not a stream: a ring that was missed costs nothing that the next look does not mend, the
//! ledger's `seq` is the only cursor, so there is no place to remember, no group to keep and nothing to trim.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use redis::RedisResult;

use super::frames::{self, Seal};
use super::{Relay, duration, key};
use crate::base::limits::{REDIS_FRAMES_KEPT, REDIS_PAUSE, REDIS_SILENCE_MAX};
use crate::sequencer::{CommittedBatch, Listener, WeakSequencer};

/// Batches that wait to be told of. What does not fit is found in the database.
const WAITING_MAX: usize = 64;

/// Rings for what this node commits, and hears the others.
pub struct Bell {
    relay: Relay,
    ledger: String,
    seal: Arc<dyn Seal>,
    sequencer: OnceLock<WeakSequencer>,
    out: SyncSender<Arc<CommittedBatch>>,
    rope: Mutex<Option<Receiver<Arc<CommittedBatch>>>>,
}

impl Bell {
    pub fn new(relay: Relay, ledger: &str, seal: Arc<dyn Seal>) -> Self {
        let (out, rope) = sync_channel(WAITING_MAX);
        let (ledger, rope) = (ledger.to_owned(), Mutex::new(Some(rope)));
        Self { relay, ledger, seal, sequencer: OnceLock::new(), out, rope }
    }

    /// Starts to ring and to listen; called once, when the sequencer that it listens to runs. Both threads end with it.
    pub fn start(&self, sequencer: WeakSequencer) -> std::io::Result<()> {
        let Some(rope) = self.rope.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        // There is one sequencer.
        let _ = self.sequencer.set(sequencer.clone());
        let (relay, ledger, seal) = (self.relay.clone(), self.ledger.clone(), Arc::clone(&self.seal));
        std::thread::Builder::new().name("doorbell".into()).spawn(move || pull(&relay, &ledger, &*seal, &rope))?;
        let (relay, channel) = (self.relay.clone(), channel(&self.ledger));
        std::thread::Builder::new().name("door".into()).spawn(move || listen(&relay, &channel, &sequencer))?;
        Ok(())
    }
}

impl Listener for Bell {
    /// What this node only followed, another one has told already.
    fn committed(&self, batch: &Arc<CommittedBatch>) {
        if self.sequencer.get().is_some_and(WeakSequencer::writes) {
            // Full: the next look finds it.
            let _ = self.out.try_send(Arc::clone(batch));
        }
    }
}

fn channel(ledger: &str) -> String {
    key(&["grown", ledger])
}

/// Tells of each batch; the committing thread waits for none of it.
fn pull(relay: &Relay, ledger: &str, seal: &dyn Seal, rope: &Receiver<Arc<CommittedBatch>>) {
    while let Ok(batch) = rope.recv() {
        let batches: Vec<_> = std::iter::once(batch).chain(rope.try_iter()).collect();
        let Some(head) = batches.last().and_then(|batch| batch.entries.last()) else { continue };
        let kept_s = REDIS_FRAMES_KEPT.get() / 1_000_000;
        let mut pipeline = redis::pipe();
        for batch in &batches {
            if let Some((first, value)) = frames::pack(seal, ledger, batch) {
                pipeline.cmd("SET").arg(frames::place(ledger, first)).arg(value).arg("EX").arg(kept_s).ignore();
            }
        }
        pipeline.cmd("PUBLISH").arg(channel(ledger)).arg(head.seq + 1).ignore();
        let _ = relay.ask(|connection| pipeline.query::<()>(connection));
    }
}

fn listen(relay: &Relay, channel: &str, sequencer: &WeakSequencer) {
    // Whatever was missed between two subscriptions is looked for at once.
    while sequencer.ring() {
        let heard = hear(relay, channel, sequencer);
        if let Err(error) = heard
            && !error.is_timeout()
        {
            relay.failed(&error);
            std::thread::sleep(duration(REDIS_PAUSE));
        }
    }
}

/// Rings for each message until there is none for [`REDIS_SILENCE_MAX`]: a line that was cut without a word looks like
/// silence, so after that long a new one is opened.
fn hear(relay: &Relay, channel: &str, sequencer: &WeakSequencer) -> RedisResult<()> {
    let mut connection = relay.connect()?;
    let mut door = connection.as_pubsub();
    door.subscribe(channel)?;
    door.set_read_timeout(Some(Duration::from_micros(REDIS_SILENCE_MAX.get())))?;
    while sequencer.ring() {
        door.get_message()?;
    }
    Ok(())
}
