//! Several centres behind one listening address: whose host name a request carries, that centre's application answers it.
//! The first centre answers whoever names none of them, so an address without a name leads to it as well. The applications
//! share nothing: each has its own desk, accounts, sessions and ledger.

use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::{HttpMessage as _, Request};
use actix_service::{IntoServiceFactory as _, Service, ServiceFactory};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header;
use futures_util::future::{FutureExt as _, LocalBoxFuture, try_join_all};

use super::app::{Parts, app};

/// The application of each centre, for those who name one of its hosts.
pub fn by_host(
    centres: &[(Parts, Vec<String>)],
) -> impl ServiceFactory<
    Request,
    Config = AppConfig,
    Response = ServiceResponse<impl MessageBody + use<>>,
    Error = Error,
    InitError = (),
> + use<> {
    ByHost::new(centres.iter().map(|(parts, hosts)| (app(parts.clone()).into_factory(), hosts.clone())).collect())
}

/// The applications of one worker, not yet started.
struct ByHost<F> {
    apps: Vec<F>,
    hosts: HashMap<String, usize>,
}

impl<F> ByHost<F> {
    /// Each application with the host names (and ports, where a browser would name them) that lead to it.
    fn new(apps: Vec<(F, Vec<String>)>) -> Self {
        let mut by_host = Self { apps: Vec::new(), hosts: HashMap::new() };
        for (app, hosts) in apps {
            let place = by_host.apps.len();
            by_host.hosts.extend(hosts.into_iter().map(|host| (host.to_ascii_lowercase(), place)));
            by_host.apps.push(app);
        }
        by_host
    }
}

impl<F> ServiceFactory<Request> for ByHost<F>
where
    F: ServiceFactory<Request, Config = AppConfig>,
    F::Future: 'static,
{
    type Response = F::Response;
    type Error = F::Error;
    type Config = AppConfig;
    type Service = Started<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, F::InitError>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let starting: Vec<F::Future> = self.apps.iter().map(|app| app.new_service(config.clone())).collect();
        let hosts = Rc::new(self.hosts.clone());
        async move { Ok(Started { apps: try_join_all(starting).await?, hosts }) }.boxed_local()
    }
}

/// The applications of one worker.
struct Started<S> {
    apps: Vec<S>,
    hosts: Rc<HashMap<String, usize>>,
}

impl<S: Service<Request>> Service<Request> for Started<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        for app in &self.apps {
            match app.poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                not_yet => return not_yet,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn call(&self, request: Request) -> S::Future {
        // HTTP/1.1 has it in a header, HTTP/2 in the address.
        let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = named.or_else(|| request.uri().authority().map(actix_http::uri::Authority::as_str));
        let place = host.and_then(|host| self.hosts.get(&host.to_ascii_lowercase())).copied().unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "places come from the same list, and there is a first")]
        self.apps[place].call(request)
    }
}
