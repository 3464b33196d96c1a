//! What a witness and a mirror have in common as programs: options, a server of one small application, and a thread that looks
//! at logs again and again.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server};
use actix_web::{Error, HttpServer, rt};
use clap::Args as ClapArgs;

use super::Outcome;
use super::serve::wait_for_signal;
use crate::base::limits::{DRAIN_MAX, HEADERS_WAIT_MAX, IDLE_MAX, WITNESS_LOOK_EVERY};
use crate::ledger::policy::LogLine;
use crate::witness::Log;

/// Where it lies, what it is called, where it listens.
#[derive(Debug, ClapArgs)]
pub struct Place {
    /// Where its key (made at the first start, mode 0600) and all that it keeps lie
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Its name in every cosignature: a schemeless URL, fixed for ever by the first start
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What its page calls it, such as the agency that runs it [default: the name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Seconds between two looks at the log
    #[arg(long, value_name = "SECONDS", default_value_t = WITNESS_LOOK_EVERY.get() / 1_000_000)]
    look_every: u64,
}

impl Place {
    pub fn title(&self) -> String {
        self.title.clone().unwrap_or_else(|| self.name.clone())
    }

    pub fn look_every(&self) -> Duration {
        Duration::from_secs(self.look_every.max(1))
    }
}

/// A server of this application; its address, for a port that the system chose.
pub fn bind<F, I, S, B>(app: F, workers: usize, listen: SocketAddr) -> Result<(SocketAddr, Server), String>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let server = HttpServer::new(app)
        .workers(workers)
        .client_request_timeout(Duration::from_micros(HEADERS_WAIT_MAX.get()))
        .keep_alive(Duration::from_micros(IDLE_MAX.get()))
        .shutdown_timeout(DRAIN_MAX.get() / 1_000_000)
        .disable_signals()
        .bind(listen)
        .map_err(|error| format!("listen: cannot use {listen}: {error}"))?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((address, server.run()))
}

/// Serves what `start` makes until the process is told to end.
pub fn run(start: impl FnOnce() -> Result<Server, Box<dyn std::error::Error>>) -> Outcome {
    rt::System::new().block_on(async {
        let server = start()?;
        let handle = server.handle();
        let running = rt::spawn(server);
        wait_for_signal().await?;
        handle.stop(true).await;
        running.await??;
        Ok(ExitCode::SUCCESS)
    })
}

/// Looks again and again, on a thread that ends with the process or with the last other user of `who`.
pub fn keep_looking<T: Send + Sync + 'static>(
    who: &Arc<T>,
    every: Duration,
    look: impl Fn(&T) + Send + 'static,
) -> std::io::Result<()> {
    let who = Arc::downgrade(who);
    std::thread::Builder::new().name("looking".into()).spawn(move || {
        while let Some(who) = who.upgrade() {
            look(&who);
            drop(who);
            std::thread::sleep(every);
        }
    })?;
    Ok(())
}

/// Lines with keys of one name are one log; its origin is that name (C2SP tlog-policy).
pub fn by_name(lines: Vec<LogLine>) -> Vec<Log> {
    let mut logs: Vec<Log> = Vec::new();
    for LogLine { key, url } in lines {
        match logs.iter_mut().find(|log| log.origin == key.name()) {
            Some(log) => {
                log.keys.push(key);
                log.url = log.url.take().or(url);
            }
            None => logs.push(Log { origin: key.name().to_owned(), keys: vec![key], url }),
        }
    }
    logs
}
