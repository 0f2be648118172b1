//! What a node is asked, and how it answers: each question in a task of its own, as many at once as there are places,
//! until its answer, its deadline or its cancellation (N-5). A repeated key is the same question (N-5.11).

mod kept;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use link::{Happenings, Link};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use wire::events;
use wire::frame::Event;
use wire::methods::Method as _;
use wire::methods::node::{
    Answer, AnswerParams, CHUNK_MAX_BYTES, EventParams, InvokeCancel, InvokeRequest, NodeError, Progress,
    ProgressParams,
};

use self::kept::{Joined, Kept};
use crate::commands::Refusal;
use crate::offer::{Call, Offer};

/// Questions answered at once; more are told to come again.
const PLACES: usize = 32;
/// Words that may wait to be told; a piece more is lost, for it is only a preview of the answer.
const WORDS: usize = 64;
/// How often a question that takes long gives a sign of life, well within what a Gateway waits for one (N-5.12).
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// An answer: JSON text, or why there is none.
type Outcome = Result<Arc<str>, Refusal>;

/// Answers questions.
pub(crate) struct Server {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    running: HashMap<String, AbortHandle>,
    tasks: JoinSet<()>,
    /// Told when a person has decided about this node.
    decided: Arc<Notify>,
}

struct Shared {
    link: Link,
    node_id: String,
    offers: Vec<Arc<dyn Offer>>,
    kept: Kept,
}

impl Server {
    /// One that makes `offers` over `link`.
    pub(crate) fn new(link: Link, node_id: String, offers: Vec<Arc<dyn Offer>>, decided: Arc<Notify>) -> Self {
        let shared = Arc::new(Shared { link, node_id, offers, kept: Kept::default() });
        Self {
            shared,
            places: Arc::new(Semaphore::new(PLACES)),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            decided,
        }
    }

    /// Until the link has ended. Dropping it stops everything that runs.
    pub(crate) async fn run(mut self, mut happenings: Happenings) {
        loop {
            tokio::select! {
                happened = happenings.next() => match happened {
                    link::Happened::Event(event) => self.on_event(&event),
                    link::Happened::Closed(_) => return,
                    link::Happened::Missed(_) | link::Happened::Refetch => {}
                },
                Some(_) = self.tasks.join_next() => self.running.retain(|_, task| !task.is_finished()),
            }
        }
    }

    fn on_event(&mut self, event: &Event) {
        let name = event.event.as_str();
        if name == events::NODE_INVOKE_REQUEST.name {
            self.begin(event);
        } else if name == events::NODE_INVOKE_CANCEL.name {
            let Some(cancel) = read::<InvokeCancel>(event) else { return };
            if let Some(task) = self.running.remove(&cancel.invoke_id) {
                tracing::info!(id = %cancel.invoke_id, "a call was cancelled");
                task.abort();
            }
        } else if name == events::NODE_PAIR_RESOLVED.name {
            self.decided.notify_one();
        }
    }

    fn begin(&mut self, event: &Event) {
        let Some(request) = read::<InvokeRequest>(event) else { return };
        let (shared, id) = (self.shared.clone(), request.id.clone());
        let task = match self.places.clone().try_acquire_owned() {
            Ok(place) => self.tasks.spawn(async move { shared.serve(request, place).await }),
            Err(_) => self.tasks.spawn(async move {
                let busy =
                    Refusal { code: "NODE_NOT_READY", message: format!("this node does {PLACES} things already") };
                shared.answer(&request, Err(busy)).await;
            }),
        };
        self.running.insert(id, task);
    }
}

/// The payload of an event; what is not understood is nobody's question.
fn read<T: DeserializeOwned>(event: &Event) -> Option<T> {
    let payload = event.payload.as_deref().map_or("null", |payload| payload.get());
    let read = serde_json::from_str(payload);
    read.inspect_err(|error| tracing::warn!(event = %event.event, %error, "an event that is not understood")).ok()
}

impl Shared {
    async fn serve(&self, request: InvokeRequest, _place: OwnedSemaphorePermit) {
        let outcome = match request.idempotency_key.as_deref().map(str::trim).filter(|key| !key.is_empty()) {
            None => self.handle(&request).await,
            Some(key) => match self.kept.join(key, &request) {
                Joined::First(first) => {
                    let outcome = self.handle(&request).await;
                    first.done(&outcome);
                    outcome
                }
                Joined::Same(same) => same.outcome().await,
                Joined::Other => Err(Refusal::invalid("this idempotencyKey was used for another call")),
            },
        };
        self.answer(&request, outcome).await;
    }

    /// The command itself, within the time there is.
    async fn handle(&self, request: &InvokeRequest) -> Outcome {
        let offer = self.offers.iter().find(|offer| offer.name() == request.command);
        let offer = offer.ok_or_else(|| Refusal::unavailable("this node does not offer that command"))?;
        let params = serde_json::from_str(request.params_json.as_deref().unwrap_or("null"));
        let params = params.map_err(|error| Refusal::invalid(format!("paramsJSON: {error}")))?;
        let (voice, words) = Voice::new();
        let handled = offer.handle(Call { params, voice });
        let done = async { tokio::join!(handled, self.tell(&request.id, words)).0 };
        let outcome = match request.timeout_ms.filter(|ms| *ms > 0) {
            None => done.await,
            Some(ms) => timeout(Duration::from_millis(ms), done)
                .await
                .unwrap_or_else(|_| Err(Refusal { code: "TIMEOUT", message: format!("not done within {ms} ms") })),
        };
        outcome.map(|value| value.to_string().into())
    }

    /// Passes words on until nobody has any more. Once the Gateway does not wait any more, they are only taken.
    async fn tell(&self, id: &str, mut words: mpsc::Receiver<Word>) {
        let (mut seq, mut is_heard) = (0, true);
        loop {
            let piece = match timeout(SIGN_OF_LIFE, words.recv()).await {
                Ok(None) => return,
                Ok(Some(Word::Event(event, payload))) => {
                    self.event(event, payload).await;
                    continue;
                }
                Ok(Some(Word::Chunk(piece))) => piece,
                Err(_) => String::new(),
            };
            if is_heard {
                let params = ProgressParams { invoke_id: id.into(), node_id: self.node_id.clone(), seq, chunk: piece };
                let told = self.link.request_raw(Progress::NAME, Some(json!(params))).await;
                is_heard = told.is_ok_and(|taken| taken["ignored"] != json!(true));
                seq += 1;
            }
        }
    }

    async fn event(&self, name: &str, payload: Value) {
        let params = EventParams { event: name.into(), payload: Some(payload), payload_json: None };
        if let Err(error) = self.link.request_raw(wire::methods::node::Event::NAME, Some(json!(params))).await {
            tracing::debug!(event = name, %error, "an event was not taken");
        }
    }

    async fn answer(&self, request: &InvokeRequest, outcome: Outcome) {
        let failed = outcome.as_ref().err().map(|refusal| refusal.code);
        tracing::info!(command = %request.command, id = %request.id, failed, "answered");
        let (payload, error) = match outcome {
            Ok(text) => (Some(Value::from(&*text)), None),
            Err(refusal) => (None, Some(NodeError { code: Some(refusal.code.into()), message: Some(refusal.message) })),
        };
        let params = AnswerParams {
            id: request.id.clone(),
            node_id: self.node_id.clone(),
            ok: error.is_none(),
            payload: None,
            payload_json: payload,
            error,
        };
        if let Err(error) = self.link.request_raw(Answer::NAME, Some(json!(params))).await {
            tracing::warn!(command = %request.command, %error, "an answer could not be told");
        }
    }
}

/// What a command says before its answer.
enum Word {
    Chunk(String),
    Event(&'static str, Value),
}

/// A command's way to say something before its answer.
#[derive(Debug, Clone)]
pub struct Voice(mpsc::Sender<Word>);

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chunk(piece) => write!(f, "Chunk({} bytes)", piece.len()),
            Self::Event(name, _) => write!(f, "Event({name})"),
        }
    }
}

impl Voice {
    fn new() -> (Self, mpsc::Receiver<Word>) {
        let (sender, words) = mpsc::channel(WORDS);
        (Self(sender), words)
    }

    /// One that nobody hears, for what is none of the caller's business.
    pub(crate) fn nowhere() -> Self {
        Self::new().0
    }

    /// One whose words are kept.
    #[cfg(test)]
    pub(crate) fn heard() -> (Self, Words) {
        let (voice, words) = Self::new();
        (voice, Words(words))
    }

    /// A piece of the answer, for who watches; one that is too long or too many is left out.
    pub fn chunk(&self, piece: String) {
        if piece.len() <= CHUNK_MAX_BYTES {
            // Lost pieces are in the answer all the same.
            let _lost = self.0.try_send(Word::Chunk(piece));
        }
    }

    /// Something that happened and is to be told even where it has to wait for what was said before.
    pub(crate) async fn event_surely(&self, name: &'static str, payload: Value) {
        if self.0.send(Word::Event(name, payload)).await.is_err() {
            tracing::debug!(event = name, "an event was not told: nobody listens any more");
        }
    }

    /// Something that happened.
    pub fn event(&self, name: &'static str, payload: Value) {
        if self.0.try_send(Word::Event(name, payload)).is_err() {
            tracing::debug!(event = name, "an event was not told: too many wait");
        }
    }
}

/// What a command said, for tests.
#[cfg(test)]
pub(crate) struct Words(mpsc::Receiver<Word>);

#[cfg(test)]
impl Words {
    /// The events so far.
    pub(crate) fn events(mut self) -> Vec<(&'static str, Value)> {
        let words = std::iter::from_fn(|| self.0.try_recv().ok());
        words
            .filter_map(|word| if let Word::Event(name, payload) = word { Some((name, payload)) } else { None })
            .collect()
    }
}
