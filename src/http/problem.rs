//! Errors as RFC 9457 problem documents with our stable codes.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::base::{Code, Micros};
use crate::engine::Refusal;

/// What a failed request answers with.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A page that explains the code, relative to this server (RFC 9457 §3.1.1).
    #[serde(rename = "type")]
    kind: String,
    /// In Chinese, what happened and what to do.
    title: &'static str,
    /// The same in English.
    title_en: &'static str,
    status: u16,
    /// Stable; see the table of codes.
    #[schema(value_type = String)]
    code: Code,
    /// What exactly was wrong this time.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The ledger entry that records the refusal, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// The refusal's time on the platform's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    time: Option<Micros>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems#{}", code.name()),
            title: code.zh(),
            title_en: code.en(),
            status: code.status(),
            code,
            detail: detail.into(),
            seq: None,
            time: None,
        }
    }

    /// The refusal stands in the ledger as entry `seq`.
    #[must_use]
    pub fn recorded(mut self, seq: u64, time: Micros) -> Self {
        self.seq = Some(seq);
        self.time = Some(time);
        self
    }

    pub const fn code(&self) -> Code {
        self.code
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, "")
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if matches!(self.code, Code::Busy | Code::RateLimited | Code::ShuttingDown) {
            response.insert_header(("Retry-After", "1"));
        }
        // The body is ours and always serialises; an empty one would still carry the status.
        let body = serde_json::to_vec(self).unwrap_or_default();
        response.content_type("application/problem+json").insert_header(("Cache-Control", "no-store")).body(body)
    }
}
