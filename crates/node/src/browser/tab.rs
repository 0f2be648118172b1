//! One page of a browser, and what it is told.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::cdp::{ANSWER, Fault};
use super::connection::Connection;
use super::known::Known;
use crate::commands::Refusal;

/// Longest complaint of a page that is passed on, in characters.
const COMPLAINT_CHARS: usize = 2000;

/// A page that can be told things.
pub(super) struct Tab {
    connection: Connection,
    known: Arc<Known>,
}

impl Deref for Tab {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

impl Tab {
    pub(super) const fn new(connection: Connection, known: Arc<Known>) -> Self {
        Self { connection, known }
    }

    pub(super) fn id(&self) -> &str {
        &self.known.id
    }

    /// Tells the page something.
    ///
    /// # Errors
    /// What the browser says against it.
    pub(super) async fn call(&self, method: &'static str, params: Value) -> Result<Value, Refusal> {
        let answer = self.connection.call(self.known.command(method, params), ANSWER).await;
        answer.map_err(|fault| fault.of(method))
    }

    /// Leads it to an address; returns when it is there, or at the browser's own page about why it is not.
    ///
    /// # Errors
    /// That it is on its way yet when the time is up; what the browser says against it.
    pub(super) async fn lead(&self, url: &str, until: Instant) -> Result<Value, Fault> {
        let command = self.known.command("Page.navigate", json!({"url": url}));
        self.connection.call(command, until.saturating_duration_since(Instant::now())).await
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
    let first: String = text.lines().next().unwrap_or(text).chars().take(COMPLAINT_CHARS).collect();
    Err(Refusal::invalid(format!("the page says: {first}")))
}
