//! The socket under every fake vendor: it records requests and plays the script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::reply::Part;
use super::{Fault, Gate, Reply};

/// How one vendor spells things.
pub(super) struct Dialect {
    /// Added to the socket's address; what a person would write as `baseUrl`.
    pub(super) base_path: &'static str,
    /// The events of an answer, each a whole SSE event; the bool asks for the end marker.
    pub(super) render: fn(&Reply, bool) -> Vec<String>,
    /// An error event inside a stream: type, message.
    pub(super) in_stream: fn(&str, &str) -> String,
    /// The usual error body: status, message.
    pub(super) error_body: fn(u16, &str) -> Value,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, `null` when it is not JSON.
    pub body: Value,
}

impl Request {
    /// A header's text, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A running fake vendor; stops when dropped. [`super::FakeOpenAi`] and [`super::FakeAnthropic`] deref to it.
pub struct Vendor {
    shared: Arc<Shared>,
    root: String,
    task: JoinHandle<()>,
}

struct Shared {
    dialect: Dialect,
    script: Mutex<Script>,
    seen: watch::Sender<usize>,
    abandoned: watch::Sender<usize>,
}

/// What a call is answered with.
type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

#[derive(Default)]
struct Script {
    queue: VecDeque<Reply>,
    always: Option<Answer>,
    requests: Vec<Request>,
    models: Vec<String>,
}

impl Vendor {
    pub(super) async fn start(dialect: Dialect) -> Self {
        let shared = Arc::new(Shared {
            dialect,
            script: Mutex::default(),
            seen: watch::Sender::new(0),
            abandoned: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move {
            let _stopped: Result<(), Infallible> = axum::serve(listener, app).await.map_err(|error| panic!("{error}"));
        });
        Self { shared, root: format!("http://{address}"), task }
    }

    /// What goes into the config as `baseUrl`.
    pub fn base_url(&self) -> String {
        format!("{}{}", self.root, self.shared.dialect.base_path)
    }

    /// Scheme, host and port alone.
    pub fn root_url(&self) -> &str {
        &self.root
    }

    /// Adds an answer to the script.
    pub fn then(&self, reply: impl Into<Reply>) -> &Self {
        self.shared.script().queue.push_back(reply.into());
        self
    }

    /// Then says `text`.
    pub fn reply_text(&self, text: impl Into<String>) -> &Self {
        self.then(Reply::text(text))
    }

    /// Then calls one tool.
    pub fn reply_tool_call(&self, name: impl Into<String>, arguments: Value) -> &Self {
        self.then(Reply::tool_call(name, arguments))
    }

    /// Then goes wrong at once.
    pub fn fault(&self, fault: impl Into<Reply>) -> &Self {
        self.then(fault)
    }

    /// Answers every call beyond the script like this.
    pub fn always(&self, reply: impl Into<Reply>) -> &Self {
        let reply = reply.into();
        self.answer_with(move |_| reply.clone())
    }

    /// Answers every call beyond the script with what `answer` makes of it.
    pub fn answer_with(&self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> &Self {
        self.shared.script().always = Some(Arc::new(answer));
        self
    }

    /// What `GET /models` lists.
    pub fn serve_models<S: Into<String>>(&self, ids: impl IntoIterator<Item = S>) -> &Self {
        self.shared.script().models = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Every model call so far; listings of models are not among them.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.script().requests.clone()
    }

    /// Resolves once so many model calls have arrived, with all of them.
    pub async fn requests_reached(&self, count: usize) -> Vec<Request> {
        let mut seen = self.shared.seen.subscribe();
        seen.wait_for(|seen| *seen >= count).await.expect("the vendor owns the sender");
        self.requests()
    }

    /// Resolves once a client has dropped so many streams before their end.
    pub async fn abandoned(&self, count: usize) {
        let mut abandoned = self.shared.abandoned.subscribe();
        abandoned.wait_for(|seen| *seen >= count).await.expect("the vendor owns the sender");
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, request: Request) -> Option<Reply> {
        let mut script = self.script();
        let scripted = script.queue.pop_front();
        let reply = scripted.or_else(|| script.always.as_ref().map(|answer| answer(&request)));
        script.requests.push(request);
        self.seen.send_replace(script.requests.len());
        reply
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // What is below `/api` is Ollama's own; a call of the dialect never goes there.
    if method == Method::GET || uri.path().starts_with("/api/") {
        return listing(&shared, uri.path());
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match shared.record(Request { method, path: uri.to_string(), headers, body }) {
        Some(reply) => play(&shared, reply),
        None => error(&shared, 400, "the test scripted no answer for this call", None),
    }
}

fn listing(shared: &Shared, path: &str) -> Response {
    if !path.ends_with("/models") {
        return error(shared, 404, "not here", None);
    }
    let models: Vec<Value> = shared.script().models.iter().map(|id| json!({"id": id, "object": "model"})).collect();
    respond(200, "application/json", None, Body::from(json!({"object": "list", "data": models}).to_string()))
}

fn play(shared: &Arc<Shared>, reply: Reply) -> Response {
    let retry_after = reply.retry_after.clone();
    match &reply.fault {
        Some(Fault::Status(status)) => error(shared, *status, "as the test wished", retry_after),
        Some(Fault::StatusBody(status, body)) => {
            respond(*status, "application/json", retry_after, Body::from(body.clone()))
        }
        Some(Fault::Html) => {
            let page = "<!doctype html><html><body><h1>Welcome to the hotel Wi-Fi</h1></body></html>";
            respond(200, "text/html", None, Body::from(page))
        }
        Some(Fault::Redirect(to)) => {
            let mut response = respond(307, "text/plain", None, Body::empty());
            response.headers_mut().insert(header::LOCATION, to.parse().expect("a test redirects to a valid address"));
            response
        }
        _ => respond(200, "text/event-stream", retry_after, stream_body(shared, &reply)),
    }
}

fn error(shared: &Shared, status: u16, message: &str, retry_after: Option<String>) -> Response {
    let body = (shared.dialect.error_body)(status, message);
    respond(status, "application/json", retry_after, Body::from(body.to_string()))
}

fn respond(status: u16, content_type: &'static str, retry_after: Option<String>, body: Body) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).expect("a test answers with a valid status"))
        .header(header::CONTENT_TYPE, content_type);
    if let Some(seconds) = retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(body).expect("status and headers are valid")
}

/// How a stream ends after its chunks.
enum Ending {
    Clean,
    Reset,
    Silence,
}

fn stream_body(shared: &Arc<Shared>, reply: &Reply) -> Body {
    let dialect = &shared.dialect;
    let mut chunks: VecDeque<Bytes> = match &reply.parts[..] {
        [Part::Raw(chunks)] => chunks.iter().cloned().collect(),
        _ => (dialect.render)(reply, reply.fault.is_none()).into_iter().map(Bytes::from).collect(),
    };
    let mut ending = Ending::Clean;
    match &reply.fault {
        Some(Fault::Reset) => ending = Ending::Reset,
        Some(Fault::Silence) => ending = Ending::Silence,
        Some(Fault::GarbageLine) => chunks.push_back(Bytes::from_static(b"data: {\"half\": tru\n\n")),
        Some(Fault::InStream(kind, message)) => chunks.push_back((dialect.in_stream)(kind, message).into()),
        Some(Fault::HugeLine(size)) => chunks.push_back(Bytes::from([b"data: ".to_vec(), vec![b'x'; *size]].concat())),
        _ => {}
    }
    let guard = Unfinished { shared: Some(shared.clone()) };
    Body::from_stream(paced(chunks, reply.gate.clone(), ending, guard))
}

/// Counts a stream its client left early.
struct Unfinished {
    shared: Option<Arc<Shared>>,
}

impl Unfinished {
    fn finish(&mut self) {
        self.shared = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.abandoned.send_modify(|count| *count += 1);
        }
    }
}

fn paced(
    chunks: VecDeque<Bytes>,
    gate: Option<Gate>,
    ending: Ending,
    guard: Unfinished,
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold((chunks, gate, Some(ending), guard), |(mut chunks, gate, mut ending, mut guard)| async move {
        if let Some(chunk) = chunks.pop_front() {
            if let Some(gate) = &gate {
                gate.pass().await;
            }
            // Each chunk in its own turn of the loop, so that the server writes it before it asks for the next.
            tokio::task::yield_now().await;
            return Some((Ok(chunk), (chunks, gate, ending, guard)));
        }
        match ending.take()? {
            Ending::Clean => {
                guard.finish();
                None
            }
            Ending::Reset => {
                tokio::task::yield_now().await;
                guard.finish();
                Some((Err(std::io::Error::other("the test cut this stream")), (chunks, gate, None, guard)))
            }
            Ending::Silence => std::future::pending().await,
        }
    })
    .boxed()
}
