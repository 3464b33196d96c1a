//! Logs: structured, one line an event, never a secret. A failure is logged once, at the boundary where it is answered.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::LogSettings;

/// The filter text cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log.filter: {0}")]
pub struct BadFilter(#[from] tracing_subscriber::filter::ParseError);

/// Sends the process's log to standard error. A second call in one process changes nothing.
pub fn start(settings: &LogSettings) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // try_init fails only when a subscriber is there already, as in tests that start two servers.
    let _already_started = if settings.json { builder.json().try_init() } else { builder.compact().try_init() };
    Ok(())
}
