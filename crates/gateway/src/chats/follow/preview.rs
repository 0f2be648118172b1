//! One message that shows an answer while it is written.

use std::time::{Duration, Instant};

use channels::{Part, Receipt, SendError, Streaming, Transport, Words};
use store::Route;
use tokio_util::sync::CancellationToken;

use super::cadence::{Cadence, wanted};
use super::{Preview, Shows};
use crate::lanes::Run;
use crate::services::Services;

/// How often the run is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is shown, and where.
pub(super) struct Way<'a> {
    pub(super) run: &'a Run,
    pub(super) transport: &'a dyn Transport,
    pub(super) route: &'a Route,
    pub(super) reply_to: Option<String>,
    pub(super) mode: Streaming,
}

impl Way<'_> {
    /// Shows the answer until told to stop; a call under way is finished first. Answers the message that shows it.
    pub(super) async fn show(&self, services: &Services, stop: &CancellationToken) -> Option<Preview> {
        if self.mode == Streaming::Off {
            return None;
        }
        let (mut cadence, mut shown) = (Cadence::default(), String::new());
        let mut preview = self.left(services).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return preview,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let Some(words) = self.words().filter(|words| words.text != shown) else { continue };
            if !cadence.is_due(Instant::now()) {
                continue;
            }
            shown.clone_from(&words.text);
            let called = self.call(words, preview.as_ref()).await;
            let wants = match &called {
                Err(SendError::Retry { after, .. }) => *after,
                _ => None,
            };
            cadence.called(Instant::now(), wants);
            match called {
                Ok(receipt) if preview.is_none() => preview = Some(self.note(services, receipt).await),
                Ok(_) => {}
                Err(SendError::Retry { .. }) => shown.clear(),
                // An edit is made good by the next one.
                Err(SendError::Ambiguous(_)) if preview.is_some() => {}
                Err(error) => {
                    tracing::debug!(%error, run = %self.run.id, "an answer is not shown while it is written");
                    stop.cancelled().await;
                    return preview;
                }
            }
        }
    }

    /// What an earlier process left of this run: it is taken up, so that nothing is shown twice.
    async fn left(&self, services: &Services) -> Option<Preview> {
        let kept = services.store.preview(&self.run.id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, run = %self.run.id, "what showed an answer before is not known");
            None
        });
        kept.and_then(|kept| serde_json::from_value(kept).ok())
    }

    /// What there is to show.
    fn words(&self) -> Option<Words> {
        let text = wanted(self.mode, &self.run.text(), self.run.tool().as_deref())?;
        self.transport.draft(&text).filter(|words| !words.text.trim().is_empty())
    }

    async fn call(&self, words: Words, preview: Option<&Preview>) -> Result<Receipt, SendError> {
        let buttons = Vec::new();
        let part = match preview {
            Some(preview) => Part::Edit { message_id: preview.message_id.clone(), words, buttons },
            None => Part::Text { words, reply_to: self.reply_to.clone(), buttons, silent: false },
        };
        self.transport.perform(self.route, &part).await
    }

    /// The message is there; the store remembers it for a process that comes after this one.
    async fn note(&self, services: &Services, receipt: Receipt) -> Preview {
        let shows = if self.mode == Streaming::Progress { Shows::Work } else { Shows::Text };
        let preview = Preview { message_id: receipt.message_id, shows, reply_to: self.reply_to.clone() };
        let kept = serde_json::to_value(&preview).ok();
        if let Err(error) = services.store.note_preview(&self.run.id, kept).await {
            tracing::warn!(%error, run = %self.run.id, "the message that shows an answer is not remembered");
        }
        preview
    }
}
