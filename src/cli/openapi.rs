//! `mingjian openapi`: the document that the web client is generated from.

use std::process::ExitCode;

use super::Outcome;
use super::output::say;
use crate::http::app;

pub fn run() -> Outcome {
    say(&app::document().to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}
