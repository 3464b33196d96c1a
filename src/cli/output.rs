//! What commands print.

use std::error::Error;
use std::io::Write as _;

/// One line on standard error: what failed, and because of what.
pub fn complain(error: &dyn Error) {
    let mut text = format!("mingjian: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    // Nothing is left to be done when even standard error is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What else is to be said of payloads; nothing where none is damaged.
pub fn damaged(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", {count} damaged in storage: a verification fails at them") }
}

/// Prints a line; a reader that went away (`| head`) is no error.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
