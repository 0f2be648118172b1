//! Leading a page to an address, and seeing where it arrives.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::cdp::Fault;
use super::tab::Tab;
use super::wait;
use crate::commands::Refusal;

/// How long a page may take to come when nobody says, and at most.
const DEFAULT: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(120);
/// How the browser calls the end of a way that leads to no page, such as a download.
const ABORTED: &str = "net::ERR_ABORTED";

/// Where to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct To {
    pub(super) url: String,
    timeout_ms: Option<u64>,
}

/// An address that may be opened: of the web, or the empty page. Not this machine's files, which have commands of their
/// own, and not the browser's own pages.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(super) fn address(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let refused = |why: &str| Refusal::invalid(format!("url: `{text}` {why}"));
    if text == "about:blank" {
        return Ok(text.to_owned());
    }
    let url = url::Url::parse(text).map_err(|error| refused(&format!("is no address: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url.into()),
        other => Err(refused(&format!("begins with `{other}:`; only http and https are opened"))),
    }
}

/// Leads a page there, and waits until it has loaded; `loaded` is false when that takes longer than it may.
///
/// # Errors
/// That it cannot be reached, or is no page.
pub(super) async fn go(tab: &Tab, to: &To) -> Result<Value, Refusal> {
    let url = address(&to.url)?;
    let until = Instant::now() + to.timeout_ms.map_or(DEFAULT, Duration::from_millis).min(LONGEST);
    let refused = |why: &str| Err(Refusal::unavailable(format!("`{url}` was not opened: {why}")));
    match tab.lead(&url, until).await {
        Ok(answer) => match answer["errorText"].as_str() {
            None | Some("") => {}
            Some(ABORTED) => return refused("it is no page; downloads are not kept"),
            Some(why) => return refused(why),
        },
        Err(Fault::Silent(_)) => return refused("nothing came in time"),
        Err(fault) => return Err(fault.of("Page.navigate")),
    }
    let loaded = wait::loaded(tab, until).await;
    Ok(json!({"ok": true, "targetId": tab.id(), "url": tab.url().await?, "loaded": loaded}))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-10.20: a browser does not read this machine's files.
    #[test]
    fn only_the_web_is_opened() {
        for fine in ["http://127.0.0.1:1/x", "https://a.example", "about:blank"] {
            assert!(address(fine).is_ok(), "{fine}");
        }
        for wrong in
            ["file:///etc/passwd", "chrome://settings", "view-source:http://a", "javascript:1", "data:,x", "x", ""]
        {
            assert_eq!(address(wrong).unwrap_err().code, "INVALID_REQUEST", "{wrong}");
        }
    }
}
