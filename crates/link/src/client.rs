//! The handle of one connection: requests out, answers and events back.
//!
//! Handles are cheap to clone and all speak to the one task that owns the socket. Answers are never dropped; events
//! wait in a bounded queue, and a reader that is too slow is told how many it missed.

use std::sync::Arc;
use std::time::Duration;

use base::{Code, Explain, Kind, Step};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};
use wire::connect::{Challenge, HelloOk};
use wire::frame::{Event, Response};
use wire::methods::Method;
use wire::{ErrorCode, ErrorShape};

use crate::error::DialError;

/// A connection to a Gateway; the socket closes when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) closed: watch::Receiver<Option<Closed>>,
    pub(crate) greeting: Arc<Greeting>,
}

/// What was learnt while connecting.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) challenge: Challenge,
    pub(crate) hello: HelloOk,
    pub(crate) timeout: Duration,
    pub(crate) latency: Duration,
}

/// What a handle asks the actor.
#[derive(Debug)]
pub(crate) enum Command {
    /// Send a request; the actor fills in the id.
    Request {
        method: String,
        params: Option<Box<RawValue>>,
        /// Keep the entry until an answer whose status is not `accepted`.
        staged: bool,
        answers: mpsc::UnboundedSender<Response>,
    },
    /// Ask for a sign of life and say how long it took; without one in time the connection ends.
    Probe { within: Duration, tell: oneshot::Sender<Duration> },
    /// Say goodbye and report when it is said.
    Close(oneshot::Sender<()>),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close code; 1006 without one, 4000 when we heard no tick.
    pub code: u16,
    /// The close reason, or what broke.
    pub reason: String,
}

/// What the events of a connection bring.
#[derive(Debug)]
pub enum Happened {
    /// An event of the protocol.
    Event(Event),
    /// This many events were lost, here (this reader was too slow) or on the way (a gap in `seq`).
    Missed(u64),
    /// Events were missed that nobody can tell any more: subscribe and fetch again. Only a [`crate::Link`] says so.
    Refetch,
    /// The connection ended; nothing follows.
    Closed(Closed),
}

/// The events of one connection, in order.
#[derive(Debug)]
pub struct Events {
    pub(crate) queue: mpsc::Receiver<Event>,
    pub(crate) closed: watch::Receiver<Option<Closed>>,
    pub(crate) last_seq: u64,
    pub(crate) held: Option<Event>,
}

impl Events {
    /// The next thing that happens. After `Closed` it is `Closed` for ever.
    pub async fn next(&mut self) -> Happened {
        if let Some(event) = self.held.take() {
            return Happened::Event(event);
        }
        let Some(event) = self.queue.recv().await else {
            let ended = self.closed.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
            let lost = Closed { code: 1006, reason: "the connection's task ended".into() };
            return Happened::Closed(ended.unwrap_or(lost));
        };
        let Some(seq) = event.seq else { return Happened::Event(event) };
        let missed = seq.saturating_sub(self.last_seq + 1);
        self.last_seq = seq;
        if missed == 0 {
            return Happened::Event(event);
        }
        self.held = Some(event);
        Happened::Missed(missed)
    }
}

/// The two answers of a staged call such as `agent`.
#[derive(Debug)]
pub struct Staged {
    first: Response,
    answers: mpsc::UnboundedReceiver<Response>,
    closed: watch::Receiver<Option<Closed>>,
    method: String,
}

impl Staged {
    /// The first answer's payload: `accepted`, or already the final one.
    pub fn first(&self) -> Option<&RawValue> {
        self.first.payload.as_deref()
    }

    /// Waits for the final answer, whose status is not `accepted`; when the call failed, the payload may stand beside
    /// the error (`protocol.md` 8).
    ///
    /// # Errors
    /// [`CallError::Timeout`] after `timeout`, [`CallError::Closed`] when the connection ended first.
    pub async fn last(mut self, timeout: Duration) -> Result<Response, CallError> {
        if !is_accepted(&self.first) {
            return Ok(self.first);
        }
        let method = self.method;
        match tokio::time::timeout(timeout, self.answers.recv()).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(ended(&mut self.closed, &method).await),
            Err(_) => Err(CallError::Timeout { method, waited: timeout }),
        }
    }
}

/// Whether more follows on the same id.
pub(crate) fn is_accepted(response: &Response) -> bool {
    #[derive(serde::Deserialize)]
    struct Status {
        status: Option<String>,
    }
    let status = response.payload.as_deref().and_then(|raw| serde_json::from_str::<Status>(raw.get()).ok());
    response.ok && status.and_then(|status| status.status).as_deref() == Some("accepted")
}

impl Client {
    /// What the Gateway said on connect.
    pub fn hello(&self) -> &HelloOk {
        &self.greeting.hello
    }

    /// The Gateway's stable identity, when it tells one (PROBE-11).
    pub fn instance_id(&self) -> Option<&str> {
        self.greeting.challenge.instance_id.as_deref().or(self.greeting.hello.server.instance_id.as_deref())
    }

    /// From the first byte to `hello-ok`.
    pub fn latency(&self) -> Duration {
        self.greeting.latency
    }

    /// Asks the other side for a sign of life; without one `within` that time the connection ends. Answers how long it
    /// took, `None` when it did not come.
    pub async fn probe(&self, within: Duration) -> Option<Duration> {
        let (tell, took) = oneshot::channel();
        self.commands.send(Command::Probe { within, tell }).await.ok()?;
        took.await.ok()
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.borrow().is_some()
    }

    /// Calls a method by its contract.
    ///
    /// # Errors
    /// [`CallError`]; an answer that does not fit the contract is one too.
    pub async fn request<M: Method>(&self, params: &M::Params) -> Result<M::Result, CallError> {
        let unreadable = |error: serde_json::Error| CallError::Unreadable { method: M::NAME.into(), source: error };
        let params = serde_json::value::to_raw_value(params).map_err(unreadable)?;
        let raw = self.call(M::NAME, Some(params)).await?;
        serde_json::from_str(raw.get()).map_err(unreadable)
    }

    /// Calls a method by name; without `params` the frame carries none.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn request_raw(&self, method: &str, params: Option<Value>) -> Result<Value, CallError> {
        let unreadable = |error: serde_json::Error| CallError::Unreadable { method: method.into(), source: error };
        let params = params.map(|params| serde_json::value::to_raw_value(&params)).transpose().map_err(unreadable)?;
        let raw = self.call(method, params).await?;
        serde_json::from_str(raw.get()).map_err(unreadable)
    }

    async fn call(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, CallError> {
        let mut answers = self.send(method, params, false).await?;
        let response = self.answer(method, &mut answers).await?;
        match response.error {
            Some(error) => Err(CallError::Answered { method: method.into(), error: Box::new(error) }),
            None => Ok(response.payload.unwrap_or_default()),
        }
    }

    /// Calls a method that answers twice and returns with the first answer (`protocol.md` 8).
    ///
    /// # Errors
    /// [`CallError`]; a refusal as first answer is one.
    pub async fn expect_final(&self, method: &str, params: Value) -> Result<Staged, CallError> {
        let unreadable = |error: serde_json::Error| CallError::Unreadable { method: method.into(), source: error };
        let params = serde_json::value::to_raw_value(&params).map_err(unreadable)?;
        let mut answers = self.send(method, Some(params), true).await?;
        let first = self.answer(method, &mut answers).await?;
        if let (Some(error), None) = (&first.error, &first.payload) {
            return Err(CallError::Answered { method: method.into(), error: Box::new(error.clone()) });
        }
        Ok(Staged { first, answers, closed: self.closed.clone(), method: method.into() })
    }

    async fn send(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        staged: bool,
    ) -> Result<mpsc::UnboundedReceiver<Response>, CallError> {
        let (answers, receiver) = mpsc::unbounded_channel();
        let command = Command::Request { method: method.into(), params, staged, answers };
        if self.commands.send(command).await.is_err() {
            return Err(ended(&mut self.closed.clone(), method).await);
        }
        Ok(receiver)
    }

    async fn answer(
        &self,
        method: &str,
        answers: &mut mpsc::UnboundedReceiver<Response>,
    ) -> Result<Response, CallError> {
        match tokio::time::timeout(self.greeting.timeout, answers.recv()).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(ended(&mut self.closed.clone(), method).await),
            Err(_) => Err(CallError::Timeout { method: method.into(), waited: self.greeting.timeout }),
        }
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) -> Closed {
        let mut closed = self.closed.clone();
        let ended = closed.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        ended.unwrap_or(Closed { code: 1006, reason: "the connection's task ended".into() })
    }

    /// Says goodbye, so that the Gateway sees a clean end, and waits until it is on its way.
    pub async fn close(self) {
        let (said, done) = oneshot::channel();
        if self.commands.send(Command::Close(said)).await.is_ok() {
            // The actor drops the sender when it ends, whichever comes first is good.
            let _gone = done.await;
        }
    }
}

/// The error for a request whose answer can no longer come.
async fn ended(closed: &mut watch::Receiver<Option<Closed>>, method: &str) -> CallError {
    let how = closed.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
    let how = how.unwrap_or(Closed { code: 1006, reason: String::new() });
    CallError::Closed { method: method.into(), code: how.code, reason: how.reason }
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The Gateway answered with an error.
    #[error("{}", .error.message)]
    Answered {
        /// Which call.
        method: String,
        /// What it said.
        error: Box<ErrorShape>,
    },
    /// The connection ended before the answer came; the action may have happened.
    #[error("gateway closed ({code}){}{reason} before it answered `{method}`", if .reason.is_empty() { "" } else { ": " })]
    Closed {
        /// Which call.
        method: String,
        /// The close code; 1006 without one.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// No answer in time; the action may have happened.
    #[error("gateway timeout after {}ms: no answer to `{method}`", .waited.as_millis())]
    Timeout {
        /// Which call.
        method: String,
        /// How long.
        waited: Duration,
    },
    /// There is no connection, and dialling again cannot help (RECON-3).
    #[error("{why}")]
    Paused {
        /// Which call.
        method: String,
        /// What stands in the way.
        why: Arc<DialError>,
    },
    /// Params that cannot be written, or an answer that is not what the method promises.
    #[error("the answer to `{method}` is not what it should be: {source}")]
    Unreadable {
        /// Which call.
        method: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl CallError {
    /// The error the Gateway answered with.
    pub fn answered(&self) -> Option<&ErrorShape> {
        match self {
            Self::Answered { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Explain for CallError {
    fn code(&self) -> Code {
        match self {
            Self::Answered { error, .. } => crate::doctor::code_of(error),
            Self::Closed { .. } => Code("GATEWAY_CLOSED"),
            Self::Timeout { .. } => Code("GATEWAY_TIMEOUT"),
            Self::Paused { why, .. } => why.code(),
            Self::Unreadable { .. } => Code("GATEWAY_ANSWER_UNREADABLE"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Answered { error, .. } if matches!(error.code, ErrorCode::Forbidden | ErrorCode::NotPaired) => {
                Kind::Refused
            }
            Self::Paused { why, .. } => why.kind(),
            Self::Answered { .. } | Self::Unreadable { .. } => Kind::Failure,
            Self::Closed { .. } | Self::Timeout { .. } => Kind::Lost,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Answered { error, .. } => crate::doctor::steps_of(error, None),
            Self::Closed { .. } => vec![Step::run("openclaw gateway status")],
            Self::Timeout { .. } => vec![Step::advise("give it longer with --timeout 60s")],
            Self::Paused { why, .. } => why.next(),
            Self::Unreadable { .. } => vec![Step::run("openclaw gateway status")],
        }
    }
}
