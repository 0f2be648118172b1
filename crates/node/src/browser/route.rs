//! What is asked of a browser: a method and a path, as its local service has them, and what each leads to.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::act::{Act, act};
use super::known::Answer;
use super::pages::{self, Picture};
use super::snapshot::{Seen, Wanted};
use super::tab::Tab;
use super::travel::{self, To};
use super::{Browsers, Session};
use crate::commands::Refusal;

/// A question: what stands behind `?` and the body are one set of named values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without what stands behind `?`.
    pub(crate) path: String,
    pub(crate) profile: Option<String>,
    pub(crate) values: Map<String, Value>,
}

/// An answer, with the files it speaks of.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) result: Value,
    pub(crate) files: Vec<File>,
}

/// A file an answer speaks of.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) base64: String,
    pub(crate) mime: &'static str,
}

impl From<Value> for Done {
    fn from(result: Value) -> Self {
        Self { result, files: Vec::new() }
    }
}

/// The tab that is meant.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    target_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dialog {
    accept: bool,
    prompt_text: Option<String>,
}

#[derive(Deserialize)]
struct Console {
    level: Option<String>,
}

impl Asked {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_value(Value::Object(self.values.clone()))
            .map_err(|error| Refusal::invalid(format!("{} {}: {error}", self.method, self.path)))
    }

    /// Whether it makes or removes a profile, which nobody does from afar (N-4.11).
    fn changes_profiles(&self) -> bool {
        let path = self.path.trim_end_matches('/');
        path == "/reset-profile" || (path.starts_with("/profiles") && self.method != "GET")
    }
}

/// Does what is asked with the browser of a profile.
pub(super) async fn serve(browsers: &Browsers, profile: &str, asked: &Asked) -> Result<Done, Refusal> {
    if asked.changes_profiles() {
        return Err(Refusal::invalid(
            "browser.proxy does not make, empty or remove profiles; the owner of the node does",
        ));
    }
    let path = asked.path.trim_end_matches('/');
    match (asked.method.as_str(), path) {
        ("GET", "") => Ok(browsers.status(profile).await.into()),
        ("GET", "/profiles") => Ok(browsers.profiles().await.into()),
        ("POST", "/start") => {
            browsers.started(profile).await?;
            Ok(json!({"ok": true, "profile": profile}).into())
        }
        ("POST", "/stop") => {
            let stopped = browsers.stop(profile).await;
            Ok(json!({"ok": true, "stopped": stopped, "profile": profile}).into())
        }
        ("GET", "/tabs") => match browsers.running(profile).await {
            Some(session) => Ok(json!({"running": true, "tabs": session.tabs().await?}).into()),
            None => Ok(json!({"running": false, "tabs": []}).into()),
        },
        _ => {
            let page = Page::of(&asked.method, path).ok_or_else(|| unknown(asked))?;
            let act = matches!(page, Page::Act).then(|| asked.read::<Act>()).transpose()?;
            if !browsers.evaluates && act.as_ref().is_some_and(Act::has_code) {
                return Err(Refusal::invalid(
                    "browser.evaluateEnabled is off on this node: no code of a caller's runs there",
                ));
            }
            page.serve(browsers.started(profile).await?, asked).await
        }
    }
}

fn unknown(asked: &Asked) -> Refusal {
    Refusal::invalid(format!("browser.proxy: this node knows no {} {}", asked.method, asked.path))
}

/// What is asked of a page, and starts a browser that does not run.
enum Page<'a> {
    Open,
    Focus,
    Close(&'a str),
    Navigate,
    Snapshot,
    Picture,
    Console,
    Pdf,
    Act,
    Dialog,
}

impl<'a> Page<'a> {
    fn of(method: &str, path: &'a str) -> Option<Self> {
        Some(match (method, path) {
            ("POST", "/tabs/open") => Self::Open,
            ("POST", "/tabs/focus") => Self::Focus,
            ("POST", "/navigate") => Self::Navigate,
            ("GET", "/snapshot") => Self::Snapshot,
            ("POST", "/screenshot") => Self::Picture,
            ("GET", "/console") => Self::Console,
            ("POST", "/pdf") => Self::Pdf,
            ("POST", "/act") => Self::Act,
            ("POST", "/hooks/dialog") => Self::Dialog,
            ("DELETE", _) => Self::Close(path.strip_prefix("/tabs/").filter(|id| !id.contains('/'))?),
            _ => return None,
        })
    }

    async fn serve(self, session: Arc<Session>, asked: &Asked) -> Result<Done, Refusal> {
        match self {
            Self::Open => return open(&session, asked).await,
            Self::Close(id) => {
                session.close(id).await?;
                return Ok(json!({"ok": true, "targetId": id}).into());
            }
            _ => {}
        }
        let which: Which = asked.read()?;
        let tab = session.tab(which.target_id.as_deref()).await?;
        match self {
            Self::Focus => {
                tab.call("Page.bringToFront", json!({})).await?;
                Ok(json!({"ok": true, "targetId": tab.id()}).into())
            }
            Self::Navigate => Ok(travel::go(&tab, &asked.read::<To>()?).await?.into()),
            Self::Snapshot => snapshot(&tab, &asked.read()?).await,
            Self::Picture => pages::picture(&tab, &asked.read::<Picture>()?).await,
            Self::Pdf => pages::pdf(&tab).await,
            Self::Console => {
                let Console { level } = asked.read()?;
                let messages = tab.console(level.as_deref());
                Ok(json!({"ok": true, "targetId": tab.id(), "messages": messages}).into())
            }
            Self::Act => Ok(act(&session, &tab, asked.read::<Act>()?).await?.into()),
            Self::Dialog => {
                let Dialog { accept, prompt_text } = asked.read()?;
                tab.arm(Answer { accept, text: prompt_text });
                Ok(json!({"ok": true, "targetId": tab.id()}).into())
            }
            Self::Open | Self::Close(_) => Err(unknown(asked)),
        }
    }
}

/// A new tab at an address; when that cannot be opened, no tab stays.
async fn open(session: &Session, asked: &Asked) -> Result<Done, Refusal> {
    let to: To = asked.read()?;
    travel::address(&to.url)?;
    let tab = session.open().await?;
    match travel::go(&tab, &to).await {
        Ok(mut told) => {
            told["title"] = tab.value("document.title").await?;
            told["type"] = json!("page");
            Ok(told.into())
        }
        Err(refused) => {
            if let Err(error) = session.close(tab.id()).await {
                tracing::debug!(error = %error.message, "a tab that leads nowhere was not closed");
            }
            Err(refused)
        }
    }
}

async fn snapshot(tab: &Tab, wanted: &Wanted) -> Result<Done, Refusal> {
    if !matches!(wanted.format.as_deref(), None | Some("ai" | "aria")) {
        return Err(Refusal::invalid("format: is neither ai nor aria"));
    }
    let seen = Seen::of(&tab.call("Accessibility.getFullAXTree", json!({})).await?, wanted);
    tab.name(seen.refs());
    let mut told = seen.told(wanted);
    told["targetId"] = json!(tab.id());
    told["url"] = json!(tab.url().await?);
    Ok(told.into())
}
