//! Waiting for a page.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::tab::Tab;
use crate::commands::Refusal;

/// How long when nobody says, and at most.
const DEFAULT: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(120);
/// Between two looks at a page.
const LOOK: Duration = Duration::from_millis(100);
/// How long a page may take to do what a click started, and to load what that leads to.
const SETTLES: Duration = Duration::from_millis(150);
const LOADS: Duration = Duration::from_secs(10);
/// Comes to an end when the page has loaded.
const LOADED: &str = "new Promise(done => document.readyState === 'complete' ? done(true) \
    : addEventListener('load', () => done(true), {once: true}))";

/// What is waited for; all that is named must come true.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct For {
    /// Only time.
    time_ms: Option<u64>,
    text: Option<String>,
    text_gone: Option<String>,
    selector: Option<String>,
    /// A part of the address.
    url: Option<String>,
    load_state: Option<String>,
    r#fn: Option<String>,
    timeout_ms: Option<u64>,
}

impl For {
    /// Whether it has code of the caller's own.
    pub(super) const fn has_code(&self) -> bool {
        self.r#fn.is_some()
    }

    /// The same as one expression of the page's.
    fn expression(&self) -> String {
        let mut parts = Vec::new();
        let text = |text: &String| format!("(document.body?.innerText ?? '').includes({})", json!(text));
        parts.extend(self.text.as_ref().map(text));
        parts.extend(self.text_gone.as_ref().map(|gone| format!("!{}", text(gone))));
        parts.extend(self.selector.as_ref().map(|one| format!("!!document.querySelector({})", json!(one))));
        parts.extend(self.url.as_ref().map(|part| format!("location.href.includes({})", json!(part.replace('*', "")))));
        parts.extend(self.load_state.as_ref().map(|state| match state.as_str() {
            "domcontentloaded" => "document.readyState !== 'loading'".to_owned(),
            _ => "document.readyState === 'complete'".to_owned(),
        }));
        parts.extend(self.r#fn.as_ref().map(|source| {
            format!("(async () => {{ const it = ({source}\n); return !!(typeof it === 'function' ? await it() : await it); }})()")
        }));
        match parts.len() {
            0 => "true".to_owned(),
            _ => format!(
                "(async () => {})()",
                parts.iter().map(|part| format!("(await {part})")).collect::<Vec<_>>().join(" && ")
            ),
        }
    }
}

/// Waits for it.
///
/// # Errors
/// That it did not come true in time.
pub(super) async fn wait(tab: &Tab, what: &For) -> Result<(), Refusal> {
    if let Some(ms) = what.time_ms {
        sleep(Duration::from_millis(ms).min(LONGEST)).await;
    }
    let patience = what.timeout_ms.map_or(DEFAULT, Duration::from_millis).min(LONGEST);
    let (until, expression) = (Instant::now() + patience, what.expression());
    loop {
        // A page that is being left has no answer; the next one has.
        let seen = timeout_at(until, tab.value(&expression)).await;
        if matches!(seen, Ok(Ok(Value::Bool(true)))) {
            return Ok(());
        }
        if Instant::now() >= until {
            let why = match seen {
                Ok(Err(refused)) => format!(": {}", refused.message),
                _ => String::new(),
            };
            let message = format!("what was waited for did not come true within {} ms{why}", patience.as_millis());
            return Err(Refusal { code: "TIMEOUT", message });
        }
        sleep(LOOK).await;
    }
}

/// Lets a page do what it was just told, and load what that leads to; never longer than it should take.
pub(super) async fn settled(tab: &Tab) {
    sleep(SETTLES).await;
    loaded(tab, Instant::now() + LOADS).await;
}

/// Whether the page has loaded before the time is up.
pub(super) async fn loaded(tab: &Tab, until: Instant) -> bool {
    while Instant::now() < until {
        match timeout_at(until, tab.value(LOADED)).await {
            Ok(Ok(_)) => return true,
            // Left in the middle: the next page is asked.
            Ok(Err(_)) => sleep(LOOK).await,
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_caller_are_only_words() {
        let what: For = serde_json::from_value(json!({"text": "a\")+alert(1)", "url": "**/done"})).unwrap();
        let expression = what.expression();
        assert!(expression.contains(r#".includes("a\")+alert(1)")"#) && expression.contains(r#"includes("/done")"#));
        assert_eq!(For::default().expression(), "true");
    }
}
