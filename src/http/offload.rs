//! Work that would hold up the workers runs on other threads; what takes a core and much memory, on few of them.

use std::sync::Arc;

use actix_web::web::{self, Data};
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::base::limits::{HASHING_MAX, HASHING_WAITING_MAX};
use crate::base::{Code, Micros};
use crate::desk::Desk;
use crate::engine::Refusal;
use crate::identity::Identity;

/// Asks the identity room on a thread that may wait for the database.
pub async fn ask<T: Send + 'static>(
    desk: &Desk,
    work: impl FnOnce(&Identity, Micros) -> Result<T, Code> + Send + 'static,
) -> Result<T, Problem> {
    let (identity, now) = (Arc::clone(&desk.identity), desk.now());
    run(move || work(&identity, now)).await
}

/// The desk's work waits for the database, so it runs beside the workers.
pub async fn at_desk<T: Send + 'static>(
    desk: &Data<Desk>,
    work: impl FnOnce(&Desk) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Problem> {
    let desk = Arc::clone(desk);
    run(move || work(&desk)).await
}

/// Work that takes its time, on a thread of its own.
pub async fn run<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    let result = web::block(work).await.map_err(|_| {
        tracing::error!("work on another thread panicked");
        Code::Internal
    })?;
    result.map_err(Into::into)
}

/// Who may look at passwords now: [`HASHING_MAX`] at a time, and no more than [`HASHING_WAITING_MAX`] wait for their
/// turn; one more is told `busy` at once. App data, shared by all workers.
#[derive(Clone)]
pub struct HashingPermits {
    running: Arc<Semaphore>,
    /// Running and waiting.
    admitted: Arc<Semaphore>,
}

impl HashingPermits {
    pub fn new() -> Self {
        Self::of(HASHING_MAX, HASHING_WAITING_MAX)
    }

    fn of(running: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running)), admitted: Arc::new(Semaphore::new(running + waiting)) }
    }

    /// As [`ask`], for work that looks at passwords.
    pub async fn ask<T: Send + 'static>(
        &self,
        desk: &Desk,
        work: impl FnOnce(&Identity, Micros) -> Result<T, Code> + Send + 'static,
    ) -> Result<T, Problem> {
        let identity = Arc::clone(&desk.identity);
        let clock = Arc::clone(&desk.clock);
        // The time is that of the turn, not that of the arrival.
        self.run(move || work(&identity, clock.now())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Code> + Send + 'static,
    ) -> Result<T, Problem> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Code::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Code::ShuttingDown)?;
        run(move || {
            // The permits end with the work, not with the request: a client that hangs up frees no core.
            let _held = (admitted, running);
            work()
        })
        .await
    }
}

impl Default for HashingPermits {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::future::{join, join3};

    use super::*;

    #[actix_web::test]
    async fn one_runs_one_waits_and_a_third_is_told_busy() {
        let permits = HashingPermits::of(1, 1);
        let (release, released) = mpsc::channel::<()>();
        let first = permits.run(move || {
            released.recv().unwrap();
            Ok(1)
        });
        let second = permits.run(|| Ok(2));
        let third = async {
            let refused = permits.run(|| Ok(3)).await;
            release.send(()).unwrap();
            refused
        };
        let (first, second, third) = join3(first, second, third).await;
        assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
        assert_eq!(third.unwrap_err().code(), Code::Busy);
        let (again, and_again) = join(permits.run(|| Ok(4)), permits.run(|| Ok(5))).await;
        assert_eq!((again.unwrap(), and_again.unwrap()), (4, 5));
    }

    #[actix_web::test]
    async fn a_client_that_hangs_up_frees_no_core() {
        let permits = HashingPermits::of(1, 0);
        let (release, released) = mpsc::channel::<()>();
        let (started, start) = tokio::sync::oneshot::channel();
        let handle = actix_web::rt::spawn({
            let permits = permits.clone();
            async move {
                permits
                    .run(move || {
                        started.send(()).unwrap();
                        released.recv().unwrap();
                        Ok(())
                    })
                    .await
            }
        });
        start.await.unwrap();
        handle.abort();
        assert!(handle.await.unwrap_err().is_cancelled());
        assert_eq!(permits.run(|| Ok(())).await.unwrap_err().code(), Code::Busy);
        release.send(()).unwrap();
        let _turn = permits.admitted.acquire().await.unwrap();
    }

    #[actix_web::test]
    async fn a_panic_is_an_internal_error_and_gives_its_permit_back() {
        let permits = HashingPermits::of(1, 0);
        let panicked = permits.run(|| -> Result<(), Code> { panic!("on purpose") }).await;
        assert_eq!(panicked.unwrap_err().code(), Code::Internal);
        permits.run(|| Ok(())).await.unwrap();
    }
}
