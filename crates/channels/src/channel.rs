//! What every channel implements (C-14).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Config;
use futures_util::future::BoxFuture;
use serde_json::Value;
use store::Route;
use tokio_util::sync::CancellationToken;

use crate::{Account, Desk, Media, Part, Receipt, Say, SendError, Words};

/// One kind of chat.
pub trait Channel: Send + Sync {
    /// Its name in the config, in keys and on the wire.
    fn id(&self) -> &'static str;
    /// Its name for people.
    fn label(&self) -> &'static str;
    /// The same at more length.
    fn detail_label(&self) -> &'static str {
        self.label()
    }
    /// The symbol that apps of the original show for it.
    fn system_image(&self) -> &'static str {
        "bubble.left.and.bubble.right"
    }
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// The accounts the config has, those that cannot be used among them; empty when it says nothing of this channel.
    fn accounts(&self, config: &Config, env: &base::Env) -> Vec<Account>;
    /// The account at work; nothing is sent yet.
    ///
    /// # Errors
    /// What keeps it from that, in a sentence.
    fn open(&self, account: &Account) -> Result<Arc<dyn Transport>, Failure>;
    /// A chat as people write it (C-13.3).
    ///
    /// # Errors
    /// What is wrong with it, in a sentence that names what is understood.
    fn target(&self, text: &str) -> Result<Target, String>;
    /// An id as it stands in a list of who may talk, without the prefixes people write; `None` when it is none (C-5.4).
    fn peer(&self, entry: &str) -> Option<String>;
}

/// What a channel can do (C-14.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all there is")]
#[expect(clippy::struct_excessive_bools, reason = "a list of abilities, each there or not")]
pub struct Capabilities {
    pub groups: bool,
    pub threads: bool,
    pub media: bool,
    pub reactions: bool,
    pub edit: bool,
    pub unsend: bool,
    pub reply: bool,
    pub polls: bool,
    pub buttons: bool,
    pub native_commands: bool,
    pub typing: bool,
    pub markup: Markup,
}

/// How a channel marks text up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all there is")]
pub enum Markup {
    Html,
    Markdown,
    Plain,
}

/// A chat somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The vendor's id or name of it.
    pub to: String,
    /// The topic.
    pub thread_id: Option<String>,
}

/// One account at work.
pub trait Transport: Send + Sync {
    /// Listens until told to stop. What it hears goes to `desk`, which makes it durable, before the vendor hears that it was
    /// taken (C-1.2).
    ///
    /// It goes on by itself over everything that passes (a lost network, a conflict), and says so in the desk's status; it
    /// ends early only with a [`Failure`].
    fn serve(self: Arc<Self>, desk: Desk, stop: CancellationToken) -> BoxFuture<'static, Result<(), Failure>>;

    /// The calls it takes to say this there.
    fn plan(&self, route: &Route, say: &Say) -> Vec<Part>;

    /// What shows a text that is still being written, as far as it can be shown; `None` where that cannot be (C-9.1).
    fn draft(&self, _text: &str) -> Option<Words> {
        None
    }

    /// Makes one call.
    fn perform<'a>(&'a self, route: &'a Route, part: &'a Part) -> BoxFuture<'a, Result<Receipt, SendError>>;

    /// The same, for a vendor that knows a repeated call by `key`, which is the same whenever this part is tried.
    fn perform_as<'a>(
        &'a self,
        _key: &'a str,
        route: &'a Route,
        part: &'a Part,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        self.perform(route, part)
    }

    /// Shows for a few seconds that an answer is on its way.
    fn typing<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<(), SendError>>;

    /// Brings a file here, unless it is larger than `limit` bytes.
    fn fetch<'a>(&'a self, media: &'a Media, limit: u64) -> BoxFuture<'a, Result<Fetched, SendError>>;

    /// Asks the vendor who we are.
    fn probe(&self, patience: Duration) -> BoxFuture<'_, Probe>;

    /// The path on the Gateway's own port where the vendor calls us, if it does.
    fn door(&self) -> Option<String> {
        None
    }

    /// The vendor calls us there.
    fn called<'a>(&'a self, _call: HttpCall, _desk: &'a Desk) -> BoxFuture<'a, HttpReply> {
        Box::pin(async { HttpReply { status: 404, headers: Vec::new(), body: Bytes::new() } })
    }
}

/// A file that came along.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its type, as far as the vendor says.
    pub mime_type: Option<String>,
    /// Its name, as far as the vendor has one.
    pub name: Option<String>,
}

/// What the vendor says of us (C-12.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Whether the token is good.
    pub ok: bool,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What is wrong, without any secret.
    pub error: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
    /// Who we are over there; `null` when we do not know.
    pub bot: Value,
    /// Where the vendor calls us; `null` when it does not.
    pub webhook: Value,
}

/// Why an account stopped, so that only a person can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    /// What is wrong, in one sentence without any secret.
    pub why: String,
    /// What mends it.
    pub next: String,
    /// Whether trying again may help; a refused token stays refused (C-3.2).
    pub passes: bool,
}

/// An HTTP request to [`Transport::door`].
#[derive(Debug, Clone)]
pub struct HttpCall {
    /// `POST`, usually.
    pub method: http::Method,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body; at most 1 MiB gets here.
    pub body: Bytes,
}

/// The answer to one.
#[derive(Debug, Clone)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// A command the channel may offer in a menu (C-10.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuEntry {
    /// Without the slash.
    pub name: String,
    /// What it does.
    pub description: String,
}
