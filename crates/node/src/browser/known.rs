//! What is known of one tab: what its page said in its console, what it is answered when it asks, and what its things
//! were called last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::cdp::{Command, Event, SessionId};
use crate::commands::Refusal;

/// Messages of a console that are kept, and the longest of them in characters.
const KEPT_MESSAGES: usize = 200;
const MESSAGE_CHARS: usize = 2000;

/// What is known of a tab.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) session: SessionId,
    console: Mutex<VecDeque<Value>>,
    /// The answer to the next question the page asks.
    answer: Mutex<Option<Answer>>,
    /// What the last snapshot called the things of the page: their numbers in the browser.
    refs: Mutex<HashMap<String, i64>>,
}

/// What is answered to a question of a page, such as `confirm`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) accept: bool,
    pub(super) text: Option<String>,
}

/// `Runtime.consoleAPICalled`
#[derive(Deserialize)]
struct Said {
    r#type: String,
    args: Vec<Value>,
}

/// `Page.javascriptDialogOpening`
#[derive(Deserialize)]
struct Asks {
    r#type: String,
    message: String,
}

impl Known {
    pub(super) fn new(id: String, session: SessionId) -> Self {
        Self { id, session, console: Mutex::default(), answer: Mutex::default(), refs: Mutex::default() }
    }

    /// A command to its page.
    pub(super) fn command(&self, method: &'static str, params: Value) -> Command {
        Command { session_id: Some(self.session.clone()), method, params }
    }

    /// What happened to its page, and what it is told at once.
    pub(super) fn hear(&self, event: &Event<'_>) -> Option<Command> {
        match event.method.as_str() {
            "Runtime.consoleAPICalled" => {
                let Said { r#type, args } = event.read()?;
                self.note(&r#type, &args.iter().map(shown).collect::<Vec<_>>().join(" "));
                None
            }
            "Runtime.exceptionThrown" => {
                let details = event.read::<Value>()?["exceptionDetails"].take();
                let about = details["exception"]["description"].as_str().or_else(|| details["text"].as_str());
                self.note("error", about.unwrap_or_default());
                None
            }
            "Page.javascriptDialogOpening" => {
                // A page that stands still until somebody answers would stand still for ever, whatever it asks.
                let asks = event.read().unwrap_or_else(|| Asks { r#type: String::new(), message: String::new() });
                Some(self.answered(&asks))
            }
            _ => None,
        }
    }

    fn answered(&self, asks: &Asks) -> Command {
        self.note("dialog", &asks.message);
        // Leaving is let happen.
        let usual = || Answer { accept: asks.r#type == "beforeunload", text: None };
        let answer = lock(&self.answer).take().unwrap_or_else(usual);
        let mut params = json!({"accept": answer.accept});
        if let Some(text) = answer.text {
            params["promptText"] = json!(text);
        }
        self.command("Page.handleJavaScriptDialog", params)
    }

    fn note(&self, kind: &str, text: &str) {
        let text: String = text.chars().take(MESSAGE_CHARS).collect();
        let mut console = lock(&self.console);
        if console.len() == KEPT_MESSAGES {
            console.pop_front();
        }
        let kind = if kind == "warn" { "warning" } else { kind };
        console.push_back(json!({"type": kind, "text": text, "timestamp": base::iso(base::now_ms())}));
    }

    /// Answers the next question of the page.
    pub(super) fn arm(&self, answer: Answer) {
        *lock(&self.answer) = Some(answer);
    }

    /// What its console said, the oldest first.
    pub(super) fn console(&self, level: Option<&str>) -> Vec<Value> {
        let is_wanted = |message: &&Value| level.is_none_or(|level| message["type"] == level);
        lock(&self.console).iter().filter(is_wanted).cloned().collect()
    }

    /// Names things of the page anew.
    pub(super) fn name(&self, refs: HashMap<String, i64>) {
        *lock(&self.refs) = refs;
    }

    /// What a name of the last snapshot stands for.
    ///
    /// # Errors
    /// That it stands for nothing.
    pub(super) fn named(&self, name: &str) -> Result<i64, Refusal> {
        let plain = name.trim().trim_start_matches('@').trim_start_matches("ref=");
        let found = lock(&self.refs).get(plain).copied();
        found.ok_or_else(|| Refusal::invalid(format!("ref: `{name}` is not in the last snapshot; take a new one")))
    }
}

/// A value as a console shows it.
fn shown(value: &Value) -> String {
    match (value.get("value"), value["description"].as_str()) {
        (Some(Value::String(text)), _) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, Some(text)) => text.to_owned(),
        (None, None) => "undefined".to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
