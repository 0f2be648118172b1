//! Model servers on this machine: Ollama, LM Studio and llama.cpp on their default ports.
//!
//! Asked only when nothing is configured, at the first turn or listing and never at start, all at once and for at most
//! [`BUDGET`]. What was found is remembered for the catalog's life; that nothing was found only for a while, so that a
//! server started a minute later is noticed.

use std::time::{Duration, Instant};

use base::Env;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use crate::providers::{self, ListedModel};

/// How long all of them together may take to answer.
const BUDGET: Duration = Duration::from_millis(300);
/// How long "nothing is there" is believed.
const NOTHING_FOR: Duration = Duration::from_secs(30);
/// Longest listing that is read.
const LISTING_MAX_BYTES: usize = 1024 * 1024;

/// A server that may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalServer {
    /// The provider's id.
    pub id: String,
    /// Where its API begins.
    pub base_url: Url,
    /// What its listing names as the owner of its models; told apart by it where the port belongs to many programs.
    pub owner: Option<&'static str>,
}

impl LocalServer {
    /// The three at their default ports; `OLLAMA_HOST` moves the first.
    pub fn usual(env: &Env) -> Vec<Self> {
        let server = |id: &str, url: &str, owner| Some(Self { id: id.into(), base_url: url.parse().ok()?, owner });
        let ollama = env.raw("OLLAMA_HOST").and_then(|host| ollama_url(&host));
        let ollama = ollama.map(|base_url| Self { id: "ollama".into(), base_url, owner: None });
        [
            ollama.or_else(|| server("ollama", "http://127.0.0.1:11434/v1", None)),
            server("lmstudio", "http://127.0.0.1:1234/v1", None),
            server("llama.cpp", "http://127.0.0.1:8080/v1", Some("llamacpp")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// `OLLAMA_HOST` as Ollama reads it: an address, a port, or a URL; one to listen on everywhere is called on loopback.
fn ollama_url(host: &str) -> Option<Url> {
    let text = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    let text = text.replace("://0.0.0.0", "://127.0.0.1").replace("://:", "://127.0.0.1:");
    let mut url: Url = text.parse().ok()?;
    if url.port().is_none() && !host.contains("://") {
        url.set_port(Some(11434)).ok()?;
    }
    url.set_path("/v1");
    Some(url)
}

/// A server that is there, with the models it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) server: LocalServer,
    pub(super) models: Vec<ListedModel>,
}

/// Finds servers, once.
pub(super) struct Locals {
    servers: Vec<LocalServer>,
    known: Mutex<Option<(Instant, Vec<Found>)>>,
}

impl Locals {
    pub(super) fn new(servers: Vec<LocalServer>) -> Self {
        Self { servers, known: Mutex::new(None) }
    }

    /// Those that answered when they were last asked; none if nobody has asked, or somebody is asking now.
    pub(super) fn remembered(&self) -> Vec<Found> {
        let known = self.known.try_lock().ok();
        known.and_then(|known| known.as_ref().map(|(_, found)| found.clone())).unwrap_or_default()
    }

    /// Those that answer. Callers at the same time share one look.
    pub(super) async fn find(&self) -> Vec<Found> {
        let mut known = self.known.lock().await;
        if let Some((at, found)) = &*known
            && (!found.is_empty() || at.elapsed() < NOTHING_FOR)
        {
            return found.clone();
        }
        let found = look(&self.servers).await;
        *known = Some((Instant::now(), found.clone()));
        found
    }
}

async fn look(servers: &[LocalServer]) -> Vec<Found> {
    // A client of its own, dropped at the end: no proxy stands between us and this machine, and nothing is kept open.
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else { return Vec::new() };
    let asked = servers.iter().map(|server| timeout(BUDGET, ask(&client, server)));
    let found: Vec<Found> = join_all(asked).await.into_iter().filter_map(|answer| answer.ok().flatten()).collect();
    for found in &found {
        tracing::info!(server = %found.server.id, models = found.models.len(), "found a local model server");
    }
    found
}

async fn ask(client: &reqwest::Client, server: &LocalServer) -> Option<Found> {
    let url = format!("{}/models", server.base_url.as_str().trim_end_matches('/'));
    let mut response = client.get(url).send().await.ok()?.error_for_status().ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > LISTING_MAX_BYTES {
            return None;
        }
    }
    let listing: Value = serde_json::from_slice(&body).ok()?;
    if let Some(owner) = server.owner {
        // Some other program has the port.
        let ours = |row: &Value| row["owned_by"] == owner;
        listing["data"].as_array()?.iter().any(ours).then_some(())?;
    }
    let models = providers::read_listing(&listing)?;
    (!models.is_empty()).then(|| Found { server: server.clone(), models })
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn ollama_is_looked_for_where_its_variable_says() {
        let cases = [
            ("127.0.0.1", "http://127.0.0.1:11434/v1"),
            ("0.0.0.0:9999", "http://127.0.0.1:9999/v1"),
            (":9999", "http://127.0.0.1:9999/v1"),
            ("https://ollama.example", "https://ollama.example/v1"),
            ("box:11434", "http://box:11434/v1"),
        ];
        for (host, url) in cases {
            let servers = LocalServer::usual(&Env::of([("OLLAMA_HOST", host)]));
            assert_eq!(servers[0].base_url.as_str(), url, "{host}");
        }
        let ids: Vec<String> = LocalServer::usual(&Env::default()).into_iter().map(|server| server.id).collect();
        assert_eq!(ids, ["ollama", "lmstudio", "llama.cpp"]);
    }
}
