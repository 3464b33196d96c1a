//! The account whose rights a mirror reads with.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;
use zeroize::Zeroizing;

use crate::base::limits::WITNESS_ANSWER_MAX;

/// Signs in at the platform, and again when its session is over.
pub struct Owner {
    agent: Agent,
    /// `https://host`, before `/api`.
    platform: String,
    login: String,
    password: Zeroizing<String>,
    /// The one-time code of now, where the account has one.
    code: Option<Box<dyn Fn() -> String + Send + Sync>>,
    cookie: Mutex<Option<String>>,
}

impl Owner {
    pub fn new(
        platform: &str,
        login: &str,
        password: Zeroizing<String>,
        code: Option<Box<dyn Fn() -> String + Send + Sync>>,
    ) -> Self {
        let wait = Duration::from_micros(WITNESS_ANSWER_MAX.get());
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(wait)).build().into();
        let platform = platform.trim_end_matches('/').to_owned();
        Self { agent, platform, login: login.to_owned(), password, code, cookie: Mutex::default() }
    }

    /// The session's cookie, as a header holds it; signs in where there is none.
    pub fn cookie(&self) -> Result<String, String> {
        let mut cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cookie) = &*cookie {
            return Ok(cookie.clone());
        }
        let fresh = self.sign_in()?;
        *cookie = Some(fresh.clone());
        Ok(fresh)
    }

    /// The session is over.
    pub fn forget(&self) {
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn sign_in(&self) -> Result<String, String> {
        let mut body = serde_json::json!({ "login": self.login, "password": &*self.password });
        if let Some(code) = &self.code
            && let Some(members) = body.as_object_mut()
        {
            members.insert("totp".into(), code().into());
        }
        let url = format!("{}/api/v1/session", self.platform);
        let request = self.agent.post(&url).header("content-type", "application/json");
        let answer = request.send(body.to_string()).map_err(|error| format!("{url}: {error}"))?;
        let status = answer.status().as_u16();
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()?.split(';').next());
        match cookie {
            Some(cookie) if status == 200 => Ok(cookie.to_owned()),
            _ => Err(format!("{url}: the account {} cannot sign in (status {status})", self.login)),
        }
    }
}
