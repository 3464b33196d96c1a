//! The live stream over HTTP: a WebSocket, the same feed as Server-Sent Events, and pages of it for those whom proxies
//! let through nothing else. `live` decides what is sent; here it meets connections.

use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::http::header::{self, ContentEncoding, HeaderValue};
use actix_web::rt::net::TcpStream;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, post, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::Stream as _;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant as Deadline, MissedTickBehavior, interval_at, sleep, sleep_until};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::Who;
use super::problem::Problem;
use crate::base::Code;
use crate::base::limits::{PAGE_MAX_ROWS, VIEWER_MESSAGE_MAX_BYTES, VIEWER_SUBSCRIBE_COST};
use crate::desk::Desk;
use crate::live::protocol::Allowance;
use crate::live::{ClientMessage, CloseCode, Feed, Hub, Item, Lifeline, Message, Reader, Scope, Viewer, frame};

/// The WebSocket subprotocol.
pub const PROTOCOL: &str = "mingjian.v1";

/// Finds out from the session cookie who asks; the public reader where there is none.
pub type WhoAsks = dyn Fn(&HttpRequest) -> LocalBoxFuture<'static, Result<Arc<dyn Reader>, Problem>> + Send + Sync;

/// What the routes of this file work with, as `web::Data`.
pub struct Stream {
    pub hub: Arc<Hub>,
    /// Exact values of `Origin` that may open a stream.
    pub origins: Vec<String>,
    pub who: Box<WhoAsks>,
}

/// For `HttpServer::on_connect`: keeps a second handle on each socket, with which a stalled viewer is cut off.
pub fn keep_socket(connection: &dyn Any, data: &mut Extensions) {
    if let Some(socket) = connection.downcast_ref::<TcpStream>() {
        match Lifeline::keep(socket) {
            Ok(lifeline) => {
                data.insert(Arc::new(lifeline));
            }
            Err(error) => tracing::warn!(%error, "a connection goes without a lifeline"),
        }
    }
}

fn lifeline(request: &HttpRequest) -> Option<Arc<Lifeline>> {
    let lifeline = request.conn_data::<Arc<Lifeline>>()?.clone();
    if let Err(error) = lifeline.arm() {
        tracing::warn!(%error, "a viewer's socket keeps its ordinary settings");
    }
    Some(lifeline)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(issue_ticket).service(open_socket).service(events).service(entries);
}

#[derive(Serialize, ToSchema)]
struct Ticket {
    /// For `Sec-WebSocket-Protocol: mingjian.v1, ticket.<this>`; one use, thirty seconds, never in a URL.
    ticket: String,
}

/// A ticket for the live stream, for whoever wants more of it than the public gets.
#[utoipa::path(tag = "stream", responses((status = 200, body = Ticket), (status = 401, body = Problem), (status = 429, body = Problem)))]
#[post("/live-tickets")]
async fn issue_ticket(desk: web::Data<Desk>, who: Who) -> Result<HttpResponse, Problem> {
    let ticket = web::block(move || desk.identity.issue_ticket(&who.0, desk.now()));
    let ticket = ticket.await.map_err(|_| Problem::from(Code::Internal))??;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Ticket { ticket: ticket.to_string() }))
}

/* ---- WebSocket ------------------------------------------------------------------------------------------------- */

/// The live stream as a WebSocket with the subprotocol `mingjian.v1`.
#[utoipa::path(
    tag = "stream",
    responses(
        (status = 101, description = "Then text messages; see the documentation of the live stream."),
        (status = 400, description = "Not a WebSocket handshake for `mingjian.v1`.", body = Problem),
        (status = 403, description = "`bad_origin`", body = Problem),
    )
)]
#[get("/live")]
async fn open_socket(
    request: HttpRequest,
    payload: web::Payload,
    stream: web::Data<Stream>,
) -> Result<HttpResponse, actix_web::Error> {
    let offer = Offer::of(&request)?;
    check_origin(&request, &stream.origins, offer.ticket.is_none())?;
    let reader = match offer.ticket {
        None => Ok(stream.hub.gate().public()),
        Some(ticket) => {
            let gate = stream.hub.gate().clone();
            let redeemed = web::block(move || gate.redeem(&ticket)).await.map_err(|_| Problem::from(Code::Internal))?;
            redeemed.ok_or(CloseCode::BadTicket)
        }
    };
    let (response, _, messages) = actix_ws::handle_with_protocols(&request, payload, &[PROTOCOL])?;
    // Browsers are not told the status of a failed handshake, hence a close code after a good one.
    let feed = match reader.and_then(|reader| stream.hub.enter(reader, lifeline(&request))) {
        Ok(feed) => feed,
        Err(code) => {
            stream.hub.count_close(code);
            return Ok(response.set_body(BoxBody::new(LastWord(Some(frame::close(code))))));
        }
    };
    let messages = messages
        .max_frame_size(VIEWER_MESSAGE_MAX_BYTES)
        .aggregate_continuations()
        .max_continuation_size(VIEWER_MESSAGE_MAX_BYTES);
    actix_web::rt::spawn(converse(stream.hub.clone(), feed.viewer().clone(), messages));
    let (response, inner) = response.into_parts();
    Ok(response.set_body(BoxBody::new(SocketBody { feed, _inner: inner })))
}

/// What the client offers in `Sec-WebSocket-Protocol`: our protocol, and perhaps a ticket, which is never in the URL and
/// never sent back.
struct Offer {
    ticket: Option<String>,
}

impl Offer {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let values = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let offered: Vec<&str> =
            values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim).collect();
        if !offered.contains(&PROTOCOL) {
            return Err(Problem::new(Code::Malformed, "Sec-WebSocket-Protocol: mingjian.v1"));
        }
        let ticket = offered.iter().find_map(|offer| offer.strip_prefix("ticket.")).map(str::to_owned);
        Ok(Self { ticket })
    }
}

/// RFC 6455 §10.2: browsers always send `Origin` and pages cannot forge it; only programs leave it out, and those get
/// the public stream.
fn check_origin(request: &HttpRequest, allowed: &[String], public: bool) -> Result<(), Problem> {
    match request.headers().get(header::ORIGIN) {
        None if public => Ok(()),
        Some(origin) if allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) => Ok(()),
        _ => Err(Code::BadOrigin.into()),
    }
}

/// The feed as WebSocket frames.
struct SocketBody {
    feed: Feed,
    /// The body that belongs to the incoming messages; they end when it is dropped.
    _inner: BoxBody,
}

impl MessageBody for SocketBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let item = Pin::new(&mut self.get_mut().feed).poll_next(cx);
        item.map(|item| {
            item.map(|item| {
                Ok(match item {
                    Item::Entry { message, .. } | Item::Notice(message) => message.framed(),
                    Item::Pong(frame) => frame,
                    Item::Close(code) => frame::close(code),
                })
            })
        })
    }
}

/// The body of a stream that ends before it began.
struct LastWord(Option<Bytes>);

impl MessageBody for LastWord {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

/// Listens to the client and looks after its rights until one of both sides has had enough.
async fn converse(hub: Arc<Hub>, viewer: Arc<Viewer>, mut messages: AggregatedMessageStream) {
    let limits = hub.limits();
    let start = Deadline::now();
    let mut recheck = interval_at(start + limits.recheck, limits.recheck);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let subscribe_by = start + limits.subscribe_wait;
    let mut allowance = Allowance::new(Instant::now());
    let mut subscribed = false;
    loop {
        let outcome = tokio::select! {
            message = messages.recv() => match message {
                Some(Ok(message)) => hear(&hub, &viewer, &mut allowance, &mut subscribed, message).await,
                Some(Err(error)) => Err(code_of(&error)),
                None => break,
            },
            () = viewer.rung() => heed(&hub, &viewer).await,
            _ = recheck.tick(), if viewer.account().is_some() => hub.renew(&viewer).await,
            () = sleep_until(subscribe_by), if !subscribed => Err(CloseCode::Policy),
        };
        if let Err(code) = outcome {
            viewer.close(code);
        }
        if viewer.is_over() {
            break;
        }
    }
    drop(messages);
    let_go(&viewer, limits.close_grace).await;
}

/// Ends the socket: at once if the client has left without a word, otherwise after the close frame has had time to
/// arrive. A cut resets the connection, so it must not overtake what is still on its way.
async fn let_go(viewer: &Viewer, grace: Duration) {
    if viewer.closing().is_some() {
        sleep(grace).await;
    }
    viewer.cut();
}

/// The bell rang: the stream is over, which the caller sees, or rights have changed.
async fn heed(hub: &Arc<Hub>, viewer: &Arc<Viewer>) -> Result<(), CloseCode> {
    if viewer.takes_recheck() {
        hub.renew(viewer).await?;
    }
    Ok(())
}

async fn hear(
    hub: &Arc<Hub>,
    viewer: &Arc<Viewer>,
    allowance: &mut Allowance,
    subscribed: &mut bool,
    message: AggregatedMessage,
) -> Result<(), CloseCode> {
    let mut spend = |messages| if allowance.take(messages, Instant::now()) { Ok(()) } else { Err(CloseCode::Rate) };
    spend(1)?;
    match message {
        AggregatedMessage::Text(text) => match serde_json::from_str(&text).map_err(|_| CloseCode::Policy)? {
            ClientMessage::Subscribe { scope, from } => {
                spend(VIEWER_SUBSCRIBE_COST)?;
                hub.follow(viewer, &scope, from).await?;
                *subscribed = true;
                Ok(())
            }
            ClientMessage::Ack(_) => Ok(()),
        },
        AggregatedMessage::Ping(bytes) => {
            viewer.answer_ping(frame::pong(&bytes));
            Ok(())
        }
        AggregatedMessage::Pong(_) => Ok(()),
        AggregatedMessage::Binary(_) => Err(CloseCode::Policy),
        AggregatedMessage::Close(_) => Err(CloseCode::Normal),
    }
}

fn code_of(error: &ProtocolError) -> CloseCode {
    match error {
        ProtocolError::Overflow => CloseCode::TooBig,
        // Continuations past their limit arrive as an I/O error without a kind of their own.
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::Other => CloseCode::TooBig,
        _ => CloseCode::Policy,
    }
}

/* ---- Server-Sent Events ---------------------------------------------------------------------------------------- */

/// Where a stream of events begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// `lot/ID`, `floor` or `ledger`. Only `ledger` shows the leaves of what the reader may not read.
    scope: String,
    /// The first entry wanted; without it, the first after the present head. `Last-Event-ID` goes before it.
    from: Option<u64>,
}

/// The live stream as Server-Sent Events: each event's `id` is the entry's `seq`.
#[utoipa::path(
    tag = "stream",
    params(EventsQuery),
    responses(
        (status = 200, description = "The same messages as on the WebSocket.", content_type = "text/event-stream", body = String),
        (status = 403, description = "`bad_origin`, `forbidden`", body = Problem),
        (status = 404, description = "There is no such scope.", body = Problem),
        (status = 429, description = "All seats are taken.", body = Problem),
    )
)]
#[get("/stream")]
async fn events(
    request: HttpRequest,
    query: web::Query<EventsQuery>,
    stream: web::Data<Stream>,
) -> Result<HttpResponse, Problem> {
    // A page of our own sends no `Origin` with a GET; a foreign one does.
    check_origin(&request, &stream.origins, true)?;
    let reader = (stream.who)(&request).await?;
    let from = last_event_id(&request)?.map_or(query.from, |last| last.checked_add(1));
    let feed = stream.hub.enter(reader, lifeline(&request)).map_err(problem_of)?;
    stream.hub.follow(feed.viewer(), &query.scope, from).await.map_err(problem_of)?;
    actix_web::rt::spawn(attend(stream.hub.clone(), feed.viewer().clone()));
    let mut response = event_stream();
    Ok(response.body(EventBody { feed, greeted: false }))
}

fn event_stream() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Neither a proxy nor our own compression may wait for more before passing an event on.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header(ContentEncoding::Identity);
    response
}

fn last_event_id(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let id = request.headers().get("Last-Event-ID").map(HeaderValue::to_str);
    let malformed = || Problem::new(Code::Malformed, "Last-Event-ID");
    id.map(|id| id.ok().and_then(|id| id.parse().ok()).ok_or_else(malformed)).transpose()
}

fn problem_of(code: CloseCode) -> Problem {
    Problem::from(match code {
        CloseCode::UnknownScope => Code::NotFound,
        CloseCode::Forbidden => Code::Forbidden,
        CloseCode::SessionOver => Code::SessionOver,
        CloseCode::BadTicket => Code::BadTicket,
        CloseCode::Rate => Code::RateLimited,
        CloseCode::Drain => Code::ShuttingDown,
        CloseCode::TooBig => Code::TooLarge,
        CloseCode::Normal | CloseCode::Policy | CloseCode::Slow => Code::Internal,
    })
}

/// The feed as events.
struct EventBody {
    feed: Feed,
    greeted: bool,
}

impl MessageBody for EventBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.greeted, true) {
            return Poll::Ready(Some(Ok(Bytes::from_static(b"retry: 2000\n\n"))));
        }
        Pin::new(&mut this.feed).poll_next(cx).map(|item| item.map(|item| Ok(event(&item))))
    }
}

/// Our JSON holds no line break, so one `data:` line carries it.
fn event(item: &Item) -> Bytes {
    let (id, text) = match item {
        Item::Entry { seq, message } => (Some(*seq), message.text()),
        Item::Notice(message) => (None, message.text()),
        Item::Close(code) => return format!("event: close\ndata: {{\"code\":{}}}\n\n", code.number()).into(),
        Item::Pong(_) => return Bytes::new(),
    };
    let mut event = BytesMut::with_capacity(text.len() + 40);
    if let Some(id) = id {
        event.put_slice(format!("id: {id}\n").as_bytes());
    }
    event.put_slice(b"data: ");
    event.put_slice(&text);
    event.put_slice(b"\n\n");
    event.freeze()
}

/// Looks after the rights of a viewer that only listens.
async fn attend(hub: Arc<Hub>, viewer: Arc<Viewer>) {
    let limits = hub.limits();
    let mut recheck = interval_at(Deadline::now() + limits.recheck, limits.recheck);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let outcome = tokio::select! {
            () = viewer.rung() => heed(&hub, &viewer).await,
            _ = recheck.tick(), if viewer.account().is_some() => hub.renew(&viewer).await,
        };
        if let Err(code) = outcome {
            viewer.close(code);
        }
        if viewer.is_over() {
            break;
        }
    }
    let_go(&viewer, limits.close_grace).await;
}

/* ---- Pages ----------------------------------------------------------------------------------------------------- */

/// Which part of a scope is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// `lot/ID`, `floor` or `ledger`. Only `ledger` shows the leaves of what the reader may not read.
    scope: String,
    /// Only entries after this one; without it, from the first.
    after: Option<u64>,
    /// At most this many, up to 200.
    limit: Option<usize>,
}

/// The frames of the live stream, page by page.
#[utoipa::path(
    tag = "stream",
    params(PageQuery),
    responses(
        (status = 200, description = "`entries` with the fields of the stream's `entry`, `next` for `after`, and the `head`.", content_type = "application/json", body = String),
        (status = 403, description = "`forbidden`", body = Problem),
        (status = 404, description = "There is no such scope.", body = Problem),
    )
)]
#[get("/entries")]
async fn entries(
    request: HttpRequest,
    query: web::Query<PageQuery>,
    stream: web::Data<Stream>,
) -> Result<HttpResponse, Problem> {
    let reader = (stream.who)(&request).await?;
    let scope: Scope = query.scope.parse().map_err(|_| Problem::new(Code::NotFound, "scope"))?;
    let asking = reader.clone();
    let admitted = web::block(move || asking.may_follow(scope)).await.map_err(|_| Problem::from(Code::Internal))?;
    admitted.map_err(|denied| problem_of(denied.into()))?;
    let rows = query.limit.unwrap_or(PAGE_MAX_ROWS).clamp(1, PAGE_MAX_ROWS);
    let from = query.after.map_or(0, |after| after.saturating_add(1));
    let head = stream.hub.size().checked_sub(1);
    let page = stream.hub.page(&*reader, scope, from, rows).await;
    let (messages, next) = page.map_err(|error| {
        tracing::error!(%error, "entries");
        Problem::from(Code::Internal)
    })?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(page_text(&messages, next.checked_sub(1), head)))
}

/// Put together from the frames' own text, so that a page and a stream cannot say different things.
fn page_text(messages: &[Message], next: Option<u64>, head: Option<u64>) -> Bytes {
    let number = |number: Option<u64>| number.map_or_else(|| "null".to_owned(), |number| number.to_string());
    let mut text = BytesMut::new();
    text.put_slice(b"{\"entries\":[");
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            text.put_u8(b',');
        }
        text.put_slice(&message.inner());
    }
    text.put_slice(format!("],\"next\":{},\"head\":{}}}", number(next), number(head)).as_bytes());
    text.freeze()
}
