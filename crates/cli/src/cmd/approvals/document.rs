//! The document of a machine (N-12.1): where it is, reading it, and putting another in its place.

use std::path::PathBuf;

use exec_policy::{Document, Host, ReplaceError, Stored};
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{Method as _, exec_approval};

use crate::app::App;
use crate::args::Rpc;
use crate::cmd::nodes;
use crate::exit::Failure;
use crate::rpc::{self, Connection, Want};

/// Which machine is meant.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Place {
    /// The Gateway's host; so it is without another
    #[arg(long)]
    gateway: bool,
    /// A node: its id, its name, its address, or the first letters of its id
    #[arg(long, value_name = "NODE", conflicts_with = "gateway")]
    node: Option<String>,
    /// This machine's own, without asking a Gateway
    #[arg(long, conflicts_with_all = ["gateway", "node"])]
    local: bool,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// The document, JSON
    #[arg(long, value_name = "FILE", required_unless_present = "stdin")]
    file: Option<PathBuf>,
    /// Read it from stdin
    #[arg(long, conflicts_with = "file")]
    stdin: bool,
    /// Only in place of the one with this hash [default: the one that is there now]
    #[arg(long, value_name = "SHA256")]
    base_hash: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// A machine's document as it is stored, and the way back to it.
pub(super) enum Desk {
    Here(PathBuf),
    There { connection: Box<Connection>, node: Option<(String, String)> },
}

impl Place {
    /// Whether it is the Gateway's host, whose config has a word, too.
    pub(super) fn is_gateways(&self) -> bool {
        self.node.is_none() && !self.local
    }

    /// What the machine is called here.
    pub(super) fn name(&self) -> String {
        match &self.node {
            Some(node) => format!("node {node}"),
            None if self.local => "this machine".into(),
            None => "the Gateway's host".into(),
        }
    }

    /// Does something with the document of this place.
    pub(super) fn at<T>(
        &self,
        app: &App,
        work: impl AsyncFnOnce(&mut Desk) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        rpc::block_on(async {
            let mut desk = self.open(app).await?;
            let done = work(&mut desk).await;
            if let Desk::There { connection, .. } = desk {
                connection.client.close().await;
            }
            done
        })
    }

    async fn open(&self, app: &App) -> Result<Desk, Failure> {
        if self.local {
            return Ok(Desk::Here(app.paths.exec_approvals()));
        }
        let name = exec_approval::DocumentGet::NAME;
        let scopes = vec![Scope::Admin, Scope::Read];
        let want = Want { scopes, ..Want::of(name, self.rpc.timeout_or(rpc::TIMEOUT)) };
        let connection = rpc::open(app, &self.rpc.reach, None, &want).await?;
        let node = match &self.node {
            None => None,
            Some(asked) => {
                let rows = nodes::all(&connection).await?;
                let row = nodes::resolve(&rows, asked)?;
                Some((row["nodeId"].as_str().unwrap_or_default().to_owned(), nodes::name(row)))
            }
        };
        Ok(Desk::There { connection: Box::new(connection), node })
    }
}

impl Desk {
    /// What is stored, as the Gateway shows it: `path, exists, hash, file, resolvedDefaults`.
    pub(super) async fn read(&self) -> Result<Value, Failure> {
        match self {
            Self::Here(file) => {
                let stored = Stored::read(file).map_err(|error| Failure::new("EXEC_APPROVALS", error.to_string()))?;
                Ok(shown(&stored))
            }
            Self::There { connection, node: None } => {
                connection.call(exec_approval::DocumentGet::NAME, Some(json!({}))).await
            }
            Self::There { connection, node: Some((id, _)) } => {
                connection.call(exec_approval::NodeDocumentGet::NAME, Some(json!({"nodeId": id}))).await
            }
        }
    }

    /// Puts `file` in place of the document whose hash is `base`.
    pub(super) async fn write(&self, file: Value, base: Option<&str>) -> Result<Value, Failure> {
        let stale = |failure: Failure| match failure.message.contains("reload") {
            true => failure.advise("somebody else changed it meanwhile; look at it again: openclaw approvals get"),
            false => failure,
        };
        match self {
            Self::Here(path) => {
                let new = Document::from_value(file).map_err(|why| malformed(&why))?;
                let stored = Stored::replace(path, new, base).map_err(|error| match error {
                    ReplaceError::Malformed(why) => malformed(&why),
                    other => stale(Failure::new("EXEC_APPROVALS", other.to_string())),
                })?;
                Ok(shown(&stored))
            }
            Self::There { connection, node } => {
                let mut params = json!({"file": file});
                if let Some(base) = base {
                    params["baseHash"] = json!(base);
                }
                let method = match node {
                    None => exec_approval::DocumentSet::NAME,
                    Some((id, _)) => {
                        params["nodeId"] = json!(id);
                        exec_approval::NodeDocumentSet::NAME
                    }
                };
                connection.call(method, Some(params)).await.map_err(stale)
            }
        }
    }

    /// The connection, where there is one.
    pub(super) fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Here(_) => None,
            Self::There { connection, .. } => Some(&**connection),
        }
    }
}

/// The hash to say when a document is replaced: none where there is none.
pub(super) fn base_of(stored: &Value) -> Option<&str> {
    stored["hash"].as_str().filter(|_| stored["exists"] == true)
}

pub(super) fn set(app: &App, args: &Set) -> Result<(), Failure> {
    let text = match &args.file {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("--file `{}`: {error}", file.display())))?,
        None => {
            std::io::read_to_string(std::io::stdin()).map_err(|error| Failure::usage(format!("--stdin: {error}")))?
        }
    };
    let file: Value = serde_json::from_str(&text).map_err(|error| malformed(&error.to_string()))?;
    // What can be seen here is not sent in vain.
    Document::from_value(file.clone()).map_err(|why| malformed(&why))?;
    let stored = args.place.at(app, async |desk| {
        let now;
        let base = match &args.base_hash {
            Some(base) => Some(base.as_str()),
            None => {
                now = desk.read().await?;
                base_of(&now)
            }
        };
        desk.write(file, base).await
    })?;
    app.out.either(&stored, || format!("What {} may run is replaced.", args.place.name()));
    Ok(())
}

fn malformed(why: &str) -> Failure {
    Failure::usage(format!("the document is not understood: {why}")).run("openclaw approvals get --json")
}

fn shown(stored: &Stored) -> Value {
    json!({"path": stored.path, "exists": stored.exists, "hash": stored.hash, "file": stored.document.shown(),
        "resolvedDefaults": stored.document.defaults(Host::Node)})
}
