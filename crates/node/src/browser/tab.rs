//! One page of a browser: what it is told, what it said in its console, and what is answered when it asks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chromiumoxide::Page;
use chromiumoxide::cdp::IntoEventKind;
use chromiumoxide::cdp::browser_protocol::page::EventJavascriptDialogOpening;
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown, RemoteObject};
use chromiumoxide::listeners::EventStream;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::cdp::{Message, within};
use crate::commands::Refusal;

/// Messages of a console that are kept, and the longest of them in characters.
const KEPT_MESSAGES: usize = 200;
const MESSAGE_CHARS: usize = 2000;

/// A page.
pub(super) struct Tab {
    page: Page,
    heard: Arc<Heard>,
    /// What the last snapshot called the things of the page: their numbers in the browser.
    refs: Mutex<HashMap<String, i64>>,
    tasks: Vec<AbortHandle>,
}

/// What a page has said, and what it will be answered.
#[derive(Default)]
struct Heard {
    console: Mutex<VecDeque<Value>>,
    /// The answer to the next question a page asks.
    answer: Mutex<Option<Answer>>,
}

/// What is answered to a question of a page, such as `confirm`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) accept: bool,
    pub(super) text: Option<String>,
}

impl Tab {
    /// Listens to a page from now on.
    ///
    /// # Errors
    /// That the browser has ended.
    pub(super) async fn of(page: Page) -> Result<Self, Refusal> {
        let heard = Arc::new(Heard::default());
        let mut said = hear::<EventConsoleApiCalled>(&page).await?;
        let mut thrown = hear::<EventExceptionThrown>(&page).await?;
        let mut asks = hear::<EventJavascriptDialogOpening>(&page).await?;
        let (console, errors, dialogs) = (heard.clone(), heard.clone(), heard.clone());
        let asker = page.clone();
        let tasks = [
            tokio::spawn(async move {
                while let Some(event) = said.next().await {
                    let words = event.args.iter().map(shown).collect::<Vec<_>>().join(" ");
                    console.note(event.r#type.as_ref(), &words);
                }
            }),
            tokio::spawn(async move {
                while let Some(event) = thrown.next().await {
                    let about = event.exception_details.exception.as_ref().and_then(|error| error.description.clone());
                    errors.note("error", &about.unwrap_or_else(|| event.exception_details.text.clone()));
                }
            }),
            tokio::spawn(async move {
                while let Some(event) = asks.next().await {
                    dialogs.note("dialog", &event.message);
                    // A page that stands still until somebody answers would stand still for ever; leaving is let happen.
                    let leaves = event.r#type.as_ref() == "beforeunload";
                    let armed = lock(&dialogs.answer).take();
                    let answer = armed.unwrap_or(Answer { accept: leaves, text: None });
                    let mut params = json!({"accept": answer.accept});
                    if let Some(text) = answer.text {
                        params["promptText"] = json!(text);
                    }
                    let told = asker.execute(Message::new("Page.handleJavaScriptDialog", params)).await;
                    if let Err(error) = told {
                        tracing::debug!(%error, "a page's question was not answered");
                    }
                }
            }),
        ];
        Ok(Self { page, heard, refs: Mutex::default(), tasks: tasks.map(|task| task.abort_handle()).into() })
    }

    /// What happens to the page from now on.
    ///
    /// # Errors
    /// That the browser has ended.
    pub(super) async fn hear<T: IntoEventKind>(&self) -> Result<EventStream<T>, Refusal> {
        hear(&self.page).await
    }

    pub(super) fn id(&self) -> &str {
        self.page.target_id().as_ref()
    }

    /// Tells the page something.
    ///
    /// # Errors
    /// What the browser says against it.
    pub(super) async fn call(&self, method: &'static str, params: Value) -> Result<Value, Refusal> {
        Ok(within(self.page.execute(Message::new(method, params)), method).await?.result)
    }

    /// The value of an expression of ours, which may be a promise.
    ///
    /// # Errors
    /// What it threw.
    pub(super) async fn value(&self, expression: &str) -> Result<Value, Refusal> {
        let params = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        returned(self.call("Runtime.evaluate", params).await?)
    }

    /// Where it is.
    pub(super) async fn url(&self) -> Result<String, Refusal> {
        let value = self.value("location.href").await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Answers the next question of the page.
    pub(super) fn arm(&self, answer: Answer) {
        *lock(&self.heard.answer) = Some(answer);
    }

    /// What its console said, the oldest first.
    pub(super) fn console(&self, level: Option<&str>) -> Vec<Value> {
        let is_wanted = |message: &&Value| level.is_none_or(|level| message["type"] == level);
        lock(&self.heard.console).iter().filter(is_wanted).cloned().collect()
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

async fn hear<T: IntoEventKind>(page: &Page) -> Result<EventStream<T>, Refusal> {
    within(page.event_listener::<T>(), "listen").await
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Heard {
    fn note(&self, kind: &str, text: &str) {
        let text: String = text.chars().take(MESSAGE_CHARS).collect();
        let mut console = lock(&self.console);
        if console.len() == KEPT_MESSAGES {
            console.pop_front();
        }
        let kind = if kind == "warn" { "warning" } else { kind };
        console.push_back(json!({"type": kind, "text": text, "timestamp": base::iso(base::now_ms())}));
    }
}

/// A value as a console shows it.
fn shown(value: &RemoteObject) -> String {
    match (&value.value, &value.description) {
        (Some(Value::String(text)), _) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, Some(text)) => text.clone(),
        (None, None) => "undefined".to_owned(),
    }
}

/// The value a call came back with.
///
/// # Errors
/// What it threw.
pub(super) fn returned(mut answer: Value) -> Result<Value, Refusal> {
    let thrown = &answer["exceptionDetails"];
    if thrown.is_null() {
        return Ok(answer["result"]["value"].take());
    }
    let text = thrown["exception"]["description"].as_str().or_else(|| thrown["text"].as_str()).unwrap_or("it failed");
    let first: String = text.lines().next().unwrap_or(text).chars().take(MESSAGE_CHARS).collect();
    Err(Refusal::invalid(format!("the page says: {first}")))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
