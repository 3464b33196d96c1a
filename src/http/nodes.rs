//! Between the nodes of a deployment. A request that only the writing node can take is passed on to it, whole, and its
//! answer handed back: the same routes, the same idempotency keys and nonces, so receipts and repeated answers are the same
//! whichever node was asked. While the writer changes, the request is offered again until somebody takes it or
//! [`PASS_ON_MAX`] is over; a request whose outcome is unknown may be offered again because it carries its key.
//!
//! Nodes answer each other on an address of their own, where nobody else is heard: each request carries a code that only
//! a holder of the deployment's keys can make, over everything in it and the time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpResponse, ResponseError as _, web};
use serde::Deserialize;
use ureq::Agent;

use super::extract::address;
use super::problem::Problem;
use crate::base::limits::{
    BODY_MAX_BYTES, NODE_ANSWER_MAX, NODE_CLOCKS_APART_MAX, NODE_LEVEL_MAX, PASS_ON_EVERY, PASS_ON_MAX,
    POSTGRES_CONNECTIONS_MAX,
};
use crate::base::{Code, Hash, Micros, Span};
use crate::desk::Desk;
use crate::sequencer::Status;

/// `<micros>.<code>`.
const NODE_HEADER: &str = "mingjian-node";
/// How many entries the answering node has shown: whoever passes the answer on waits until it knows them too.
const HEAD_HEADER: &str = "mingjian-head";
/// The client's address as the first node saw it.
const CLIENT_HEADER: &str = "x-forwarded-for";
/// What of a request goes along, in this order.
const PASSED_ON: &[&str] = &[
    "accept",
    "authorization",
    "content-type",
    "cookie",
    "host",
    "idempotency-key",
    "origin",
    "user-agent",
    "x-csrf-token",
    CLIENT_HEADER,
];
/// What of an answer goes back.
const HANDED_BACK: &[&str] = &["cache-control", "content-type", "location", "retry-after"];
/// An answer is a receipt or a problem, a few kilobytes.
const ANSWER_MAX_BYTES: u64 = 1_024 * 1_024;

/// Which side of the house a request came in at; app data of deployments with several nodes.
#[derive(Clone)]
pub enum Door {
    /// Anybody; what this node cannot take is passed on.
    Public(Arc<Nodes>),
    /// Other nodes; what this node cannot take is refused, so that nothing is passed on twice.
    Nodes,
}

/// The way to other nodes.
pub struct Nodes {
    agent: Agent,
    /// Where this node answers the others: the writer may have become this very node meanwhile.
    own_address: String,
}

/// A request as it is passed on.
struct Parcel {
    method: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    head: Option<u64>,
    body: Vec<u8>,
}

const fn duration(span: Span) -> Duration {
    Duration::from_micros(span.get())
}

impl Door {
    pub fn public(own_address: String) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(POSTGRES_CONNECTIONS_MAX as usize * 8)
            .max_idle_connections_per_host(POSTGRES_CONNECTIONS_MAX as usize * 4)
            .timeout_global(Some(duration(NODE_ANSWER_MAX)))
            .build()
            .new_agent();
        Self::Public(Arc::new(Nodes { agent, own_address }))
    }
}

/// The middleware at either door; without a door there is one node, and nothing to do.
pub async fn at_the_door(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let door = request.app_data::<Data<Door>>().cloned();
    let desk = request.app_data::<Data<Desk>>().cloned();
    let (Some(door), Some(desk)) = (door, desk) else { return boxed(next, request).await };
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let small =
        length.is_none_or(|length| length <= BODY_MAX_BYTES) && !request.headers().contains_key("transfer-encoding");
    let writes = !request.method().is_safe() && small;
    let nodes = match &**door {
        Door::Nodes => {
            // Cut short on the way between nodes: that is not the client's fault, and whoever passed it on has it whole.
            let body = request.extract::<Bytes>().await.map_err(|_| Problem::from(Code::NotLeader))?;
            let parcel = Parcel::of(&request, body);
            if !is_from_a_node(&request, &parcel, &desk) {
                return Ok(request.into_response(Problem::from(Code::Forbidden).error_response()));
            }
            request.set_payload(whole(parcel.body));
            let mut response = boxed(next, request).await?;
            let head = desk.sequencer.read(|committed| committed.size);
            response.headers_mut().insert(HeaderName::from_static(HEAD_HEADER), HeaderValue::from(head));
            return Ok(response);
        }
        Door::Public(_) if !writes => return boxed(next, request).await,
        Door::Public(nodes) => Arc::clone(nodes),
    };
    let began = Instant::now();
    let body = request.extract::<Bytes>().await.map_err(|_| Problem::from(Code::Malformed))?;
    let mut parcel = Parcel::of(&request, body);
    parcel
        .set(CLIENT_HEADER, address(request.request()).map_or_else(String::new, |address: IpAddr| address.to_string()));
    request.set_payload(whole(parcel.body.clone()));
    let response = boxed(next, request).await?;
    if !code_of(&response).is_some_and(is_for_another) {
        return Ok(response);
    }
    match nodes.pass_on(Arc::new(parcel), &desk, began).await {
        Some(answer) => Ok(response.into_response(answer.into_response())),
        None => Ok(response),
    }
}

async fn boxed(
    next: Next<impl MessageBody + 'static>,
    request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error> {
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// A body that was read, to be read again.
fn whole(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(futures_util::stream::once(std::future::ready(Ok(body)))) }
}

fn code_of(response: &ServiceResponse<BoxBody>) -> Option<Code> {
    response.response().error()?.as_error::<Problem>().map(Problem::code)
}

/// Nothing was written, or nobody knows: whoever writes now knows, or takes it.
fn is_for_another(code: Code) -> bool {
    matches!(code, Code::NotLeader | Code::OutcomeUnknown)
}

impl Nodes {
    /// Offers the request to whoever writes until it is answered; `None` when nobody could in time.
    async fn pass_on(&self, parcel: Arc<Parcel>, desk: &Data<Desk>, began: Instant) -> Option<Answer> {
        while began.elapsed() < duration(PASS_ON_MAX) {
            let writer = match desk.sequencer.leader() {
                Some(leader) => Some(leader.address),
                None => (desk.sequencer.status() == Status::Running).then(|| self.own_address.clone()),
            };
            if let Some(writer) = writer {
                let (agent, parcel, seal) = (self.agent.clone(), Arc::clone(&parcel), desk.clone());
                match web::block(move || parcel.send(&agent, &writer, &seal)).await {
                    Ok(Ok(answer)) if !answer.is_for_another() => {
                        level(desk, answer.head).await;
                        return Some(answer);
                    }
                    Ok(Err(error)) => tracing::warn!(%error, "the writing node does not answer"),
                    Ok(Ok(_)) | Err(_) => {}
                }
            }
            actix_web::rt::time::sleep(duration(PASS_ON_EVERY)).await;
        }
        None
    }
}

/// Waits until this node shows what the answer speaks of, so that its client can ask here for the receipt.
async fn level(desk: &Data<Desk>, head: Option<u64>) {
    let began = Instant::now();
    while head.is_some_and(|head| desk.sequencer.read(|committed| committed.size) < head)
        && began.elapsed() < duration(NODE_LEVEL_MAX)
    {
        desk.sequencer.ring();
        actix_web::rt::time::sleep(Duration::from_millis(2)).await;
    }
}

impl Parcel {
    fn of(request: &ServiceRequest, body: Bytes) -> Self {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let value = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let headers = PASSED_ON.iter().map(|name| (*name, value(name).to_owned())).collect();
        Self { method: request.method().to_string(), path, headers, body }
    }

    fn set(&mut self, name: &str, value: String) {
        if let Some((_, old)) = self.headers.iter_mut().find(|(known, _)| *known == name) {
            *old = value;
        }
    }

    /// The code over all of it.
    fn seal(&self, desk: &Desk, at: Micros) -> String {
        let (at, body) = (at.get().to_be_bytes(), Hash::of(&self.body));
        let mut parts: Vec<&[u8]> = vec![&at, self.method.as_bytes(), self.path.as_bytes(), &body.0];
        parts.extend(self.headers.iter().map(|(_, value)| value.as_bytes()));
        desk.identity.node_code(&parts)
    }

    fn send(&self, agent: &Agent, writer: &str, desk: &Desk) -> Result<Answer, String> {
        let at = desk.now();
        let mut request = ureq::http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("http://{writer}{}", self.path))
            .header(NODE_HEADER, format!("{}.{}", at.get(), self.seal(desk, at)));
        for (name, value) in self.headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }
        let request = request.body(&self.body[..]).map_err(|error| error.to_string())?;
        let mut response = agent.run(request).map_err(|error| error.to_string())?;
        let header = |name: &&str| {
            let value = HeaderValue::from_bytes(response.headers().get(*name)?.as_bytes()).ok()?;
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        };
        let headers = HANDED_BACK.iter().filter_map(header).collect();
        let head = response.headers().get(HEAD_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let status = StatusCode::from_u16(response.status().as_u16()).map_err(|error| error.to_string())?;
        let body = response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec();
        Ok(Answer { status, headers, head, body: body.map_err(|error| error.to_string())? })
    }
}

#[derive(Deserialize)]
struct OfProblem {
    code: String,
}

impl Answer {
    fn is_for_another(&self) -> bool {
        let code = || serde_json::from_slice::<OfProblem>(&self.body).ok()?.code.parse().ok();
        // A node that is on its way out takes nothing either, and another will take over from it.
        self.status == StatusCode::SERVICE_UNAVAILABLE
            && code().is_some_and(|code| is_for_another(code) || code == Code::ShuttingDown)
    }

    fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for header in self.headers {
            response.insert_header(header);
        }
        response.body(self.body)
    }
}

/// Whether another node sent the request, just now.
fn is_from_a_node(request: &ServiceRequest, parcel: &Parcel, desk: &Desk) -> bool {
    let headers: &HeaderMap = request.headers();
    let stamp = headers.get(NODE_HEADER).and_then(|value| value.to_str().ok()?.split_once('.'));
    let Some((at, code)) = stamp else { return false };
    let Some(at) = at.parse().ok().and_then(Micros::new) else { return false };
    let now = desk.now();
    let apart = now.since(at).max(at.since(now));
    if apart > NODE_CLOCKS_APART_MAX {
        tracing::warn!(seconds = apart.get() / 1_000_000, "a node's clock is far from this one's");
        return false;
    }
    desk.identity.is_same_code(&parcel.seal(desk, at), code)
}
