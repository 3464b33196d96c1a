//! The figures of this process as Prometheus reads them (text format 0.0.4), in base units.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::observe::{STATUSES, Traffic};
use crate::desk::Desk;
use crate::live::{CloseCode, Hub};
use crate::sequencer::{Histogram, Status};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// One page of figures; families are written one after the other, each with what it means.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Labels as they stand between the braces; empty for none.
    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }

    /// `unit` spells a bound or a sum.
    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram, unit: fn(u64) -> String) {
        let before = if labels.is_empty() { String::new() } else { format!("{labels},") };
        for (bound, count) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), unit);
            self.sample(&format!("{name}_bucket"), &format!("{before}le=\"{bound}\""), count);
        }
        self.sample(&format!("{name}_sum"), labels, unit(histogram.sum()));
        self.sample(&format!("{name}_count"), labels, histogram.count());
    }
}

/// Everything that an operator looks at. Reads the disk and the database: not for a thread that drives requests.
pub fn page(desk: &Desk, hub: &Hub, traffic: &Traffic) -> String {
    let mut page = Page(String::with_capacity(16_384));
    page.family("mingjian_build_info", "gauge", "The version that runs; always 1.");
    page.sample("mingjian_build_info", concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""), 1);
    ledger(&mut page, desk);
    live(&mut page, hub);
    requests(&mut page, traffic);
    machine(&mut page, desk);
    page.0
}

fn ledger(page: &mut Page, desk: &Desk) {
    let measured = desk.sequencer.metrics();
    let (size, written) = desk.sequencer.read(|committed| (committed.size, committed.time));
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let running = u8::from(desk.sequencer.status() == Status::Running);
    page.single("mingjian_ledger_running", "gauge", "1 while the ledger takes entries.", running);
    page.single("mingjian_ledger_entries", "gauge", "Entries committed.", size);
    page.single("mingjian_queue_depth", "gauge", "Places taken and not decided.", desk.sequencer.queue_depth());
    for (name, help, value) in [
        ("mingjian_refused_total", "Submissions refused without an entry.", load(&measured.refused)),
        ("mingjian_replayed_total", "Submissions answered again.", load(&measured.replayed)),
        ("mingjian_timers_total", "Timers fired.", load(&measured.timers)),
        ("mingjian_journal_errors_total", "Writes of the journal that failed.", load(&measured.journal_errors)),
        ("mingjian_clock_steps_total", "Jumps of the machine's clock.", load(&measured.clock_steps)),
    ] {
        page.single(name, "counter", help, value);
    }
    let behind = written.since(desk.clock.now()).get();
    let help = "How far the machine's clock is behind the last entry; stamps stand still for so long.";
    page.single("mingjian_clock_behind_seconds", "gauge", help, seconds(behind));
    page.family("mingjian_batch_entries", "histogram", "Entries per commit.");
    page.histogram("mingjian_batch_entries", "", &measured.batch, |entries| entries.to_string());
    page.family("mingjian_commit_duration_seconds", "histogram", "Time of a durable commit.");
    page.histogram("mingjian_commit_duration_seconds", "", &measured.commit_micros, seconds);
    page.family("mingjian_timer_lateness_seconds", "histogram", "From a timer's deadline to its decision.");
    page.histogram("mingjian_timer_lateness_seconds", "", &measured.lateness_micros, seconds);
    nodes(page, desk);
    if let Ok(read) = desk.views_reach() {
        let help = "Entries that the query tables have not read yet.";
        page.single("mingjian_follower_lag_entries", "gauge", help, size.saturating_sub(read));
    }
}

/// Of a node among others; one that is alone leads for ever, under no epoch.
fn nodes(page: &mut Page, desk: &Desk) {
    let measured = desk.sequencer.metrics();
    let leads = u8::from(desk.sequencer.status() == Status::Running);
    page.single("mingjian_node_leads", "gauge", "1 on the node that writes the ledger.", leads);
    let help = "Each new holder of the lease gets the next epoch.";
    page.single("mingjian_lease_epoch", "gauge", help, measured.epoch.load(Relaxed));
    page.single(
        "mingjian_terms_total",
        "counter",
        "Times that this node began to write.",
        measured.terms.load(Relaxed),
    );
    let lag = measured.lag().filter(|_| leads == 0).unwrap_or_default();
    let help = "How long ago a node that follows last knew all that the database had.";
    let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
    page.single("mingjian_node_lag_seconds", "gauge", help, seconds(micros));
    // Without a Redis there is nothing to be up or down.
    page.family("mingjian_redis_up", "gauge", "1 while Redis answers.");
    if let Some(relay) = desk.identity.relay() {
        page.sample("mingjian_redis_up", "", u8::from(relay.is_up()));
    }
    let failures = desk.identity.relay().map_or(0, crate::relay::Relay::failures);
    page.single("mingjian_redis_failures_total", "counter", "Redis did not answer.", failures);
}

fn live(page: &mut Page, hub: &Hub) {
    let counts = hub.counts();
    page.single("mingjian_viewers", "gauge", "Viewers of the live stream.", counts.viewers);
    page.single("mingjian_frames_sent_total", "counter", "Frames sent to viewers.", counts.frames_sent);
    page.single("mingjian_slow_viewers_total", "counter", "Viewers cut off for being slow.", counts.slow_viewers);
    page.family("mingjian_stream_closes_total", "counter", "Streams that the server ended, by close code.");
    for (code, count) in CloseCode::ALL.into_iter().zip(counts.closes) {
        let labels = format!("code=\"{}\",reason=\"{}\"", code.number(), code.reason());
        page.sample("mingjian_stream_closes_total", &labels, count);
    }
}

fn requests(page: &mut Page, traffic: &Traffic) {
    page.family("mingjian_http_requests_total", "counter", "Requests answered, by class and status.");
    for (class, measured) in traffic.classes() {
        for (status, count) in STATUSES.into_iter().zip(&measured.statuses) {
            let labels = format!("class=\"{}\",status=\"{status}\"", class.name());
            page.sample("mingjian_http_requests_total", &labels, count.load(Relaxed));
        }
    }
    page.family("mingjian_http_request_duration_seconds", "histogram", "Time to the answer's head, by class.");
    for (class, measured) in traffic.classes() {
        let labels = format!("class=\"{}\"", class.name());
        page.histogram("mingjian_http_request_duration_seconds", &labels, &measured.answers, seconds);
    }
}

/// The names that Prometheus's own libraries use for a process, so that ready-made panels fit.
fn machine(page: &mut Page, desk: &Desk) {
    if let Ok(Some(space)) = desk.platform.space() {
        page.single("mingjian_data_free_bytes", "gauge", "Free on the disk of the data directory.", space.free_bytes);
        page.single("mingjian_data_size_bytes", "gauge", "Size of the disk of the data directory.", space.size_bytes);
    }
    if let Some(bytes) = resident_bytes() {
        page.single("process_resident_memory_bytes", "gauge", "Memory in use.", bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        page.single("process_open_fds", "gauge", "File descriptors in use.", open.count());
    }
    if let Some(max) = fds_max() {
        page.single("process_max_fds", "gauge", "File descriptors allowed.", max);
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn fds_max() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

/// Seconds with six decimals, as many as are not zero.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn seconds_are_spelled_exactly() {
        for (micros, text) in [(0, "0"), (1, "0.000001"), (2_500, "0.0025"), (1_000_000, "1"), (61_500_000, "61.5")] {
            assert_eq!(seconds(micros), text);
        }
    }
}
