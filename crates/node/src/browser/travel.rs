//! Leading a page to an address, and seeing where it arrives. The page is asked to go by itself: the library would hold
//! every further way back while one leads to no page, such as a download.

use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::network::{EventLoadingFailed, ResourceType};
use chromiumoxide::cdp::browser_protocol::page::{
    EventFrameNavigated, EventFrameStoppedLoading, EventNavigatedWithinDocument,
};
use chromiumoxide::listeners::EventStream;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::tab::Tab;
use super::wait;
use crate::commands::Refusal;

/// How long a page may take to come when nobody says, and at most.
const DEFAULT: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(120);
/// How the browser calls the end of a way that leads to no page.
const ABORTED: &str = "net::ERR_ABORTED";
/// How long after the loading has ended a page may still come.
const LATE: Duration = Duration::from_secs(1);
/// Where to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct To {
    pub(super) url: String,
    timeout_ms: Option<u64>,
}

/// Where a way ended.
#[derive(Debug, PartialEq, Eq)]
enum Arrival {
    /// At a page.
    Page,
    /// At the browser's own page about why there is none, or at none at all: a download, an answer without one.
    Nowhere(Option<String>),
    /// The time was up.
    Late,
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
    let mut way = Way::watch(tab).await?;
    // Not before this is answered: a page that is left answers nothing.
    tab.value(&format!("setTimeout(() => location.assign({}), 0)", json!(url))).await?;
    let refused = |why: &str| Err(Refusal::unavailable(format!("`{url}` was not opened: {why}")));
    match way.arrival(until).await {
        Arrival::Page => {}
        Arrival::Nowhere(Some(why)) if why == ABORTED => return refused("it is no page; downloads are not kept"),
        Arrival::Nowhere(why) => return refused(why.as_deref().unwrap_or("it cannot be reached")),
        Arrival::Late => return refused("nothing came in time"),
    }
    let loaded = wait::loaded(tab, until).await;
    Ok(json!({"ok": true, "targetId": tab.id(), "url": tab.url().await?, "loaded": loaded}))
}

/// What happens to a page on its way.
struct Way {
    main: String,
    arrives: EventStream<EventFrameNavigated>,
    /// Within the page it is at.
    moves: EventStream<EventNavigatedWithinDocument>,
    stops: EventStream<EventFrameStoppedLoading>,
    fails: EventStream<EventLoadingFailed>,
}

impl Way {
    async fn watch(tab: &Tab) -> Result<Self, Refusal> {
        // The page's own frame has the number of the tab.
        let main = tab.id().to_owned();
        let (arrives, moves, stops) = (tab.hear().await?, tab.hear().await?, tab.hear().await?);
        Ok(Self { main, arrives, moves, stops, fails: tab.hear().await? })
    }

    async fn arrival(&mut self, until: Instant) -> Arrival {
        let (mut until, mut failed) = (until, None);
        loop {
            tokio::select! {
                biased;
                Some(event) = self.fails.next() => {
                    // It may be a part of the page before; then the page that is meant still comes.
                    if event.r#type == ResourceType::Document {
                        failed = Some(Some(event.error_text.clone()));
                        until = until.min(Instant::now() + LATE);
                    }
                }
                Some(event) = self.arrives.next() => match &event.frame.unreachable_url {
                    _ if event.frame.parent_id.is_some() => {}
                    Some(_) => return Arrival::Nowhere(failed.flatten()),
                    None => return Arrival::Page,
                },
                Some(event) = self.moves.next() => {
                    if event.frame_id.inner() == &self.main {
                        return Arrival::Page;
                    }
                }
                // The same holds here.
                Some(event) = self.stops.next() => {
                    if event.frame_id.inner() == &self.main {
                        failed.get_or_insert(None);
                        until = until.min(Instant::now() + LATE);
                    }
                }
                () = sleep_until(until) => return failed.map_or(Arrival::Late, Arrival::Nowhere),
            }
        }
    }
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
