//! Where a transport brings what it hears: everything is durable when [`Desk::take`] returns.

use std::sync::Arc;

use serde_json::Value;
use store::{Arrived, Cursor, NewArrival, Store, StoreError};
use tokio::sync::mpsc;

use crate::{Event, MenuEntry, Status};

/// The desk of one account; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    channel: &'static str,
    account: String,
    /// Bounded by the vendor: it brings nothing more before it hears that the last was taken.
    next: mpsc::UnboundedSender<Arrived>,
    status: Arc<Status>,
    menu: Arc<[MenuEntry]>,
}

impl Desk {
    /// A desk whose events go on to `next`.
    pub fn new(
        store: Store,
        channel: &'static str,
        account: &str,
        next: mpsc::UnboundedSender<Arrived>,
        status: Arc<Status>,
        menu: Arc<[MenuEntry]>,
    ) -> Self {
        Self { store, channel, account: account.to_owned(), next, status, menu }
    }

    /// Takes events, with how far the vendor was read by that. Those known already are dropped. Answers how many were new.
    ///
    /// # Errors
    /// When they could not be made durable: then the vendor must bring them again (C-3.6).
    pub async fn take(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<usize, StoreError> {
        let arrivals = events.iter().map(|event| NewArrival {
            event_id: event.event_id.clone(),
            lane: event.lane(),
            event: serde_json::to_value(event).unwrap_or(Value::Null),
        });
        let arrivals = arrivals.collect();
        // Whoever waits for this may go away (a caller that hangs up, an account that is stopped). What is on disk by then is
        // handed on all the same, or nobody would look at it before the next start.
        let desk = self.clone();
        let keeping = tokio::spawn(async move { desk.keep(arrivals, cursor).await });
        keeping.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn keep(&self, arrivals: Vec<NewArrival>, cursor: Option<Cursor>) -> Result<usize, StoreError> {
        let taken = self.store.take_in(self.channel, &self.account, arrivals, cursor).await?;
        let now = base::now_ms();
        self.status.change(|seen| {
            seen.last_event_at = Some(now);
            if !taken.is_empty() {
                seen.last_inbound_at = Some(now);
            }
        });
        let count = taken.len();
        for arrived in taken {
            // Closed only when the Gateway goes down; the next start finds it in the store.
            let _going_down = self.next.send(arrived);
        }
        Ok(count)
    }

    /// How far the vendor was read for `owner`, its own id of the account (C-3.4).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cursor(&self, owner: &str) -> Result<Option<String>, StoreError> {
        self.store.cursor(self.channel, owner).await
    }

    /// What a status shows of this account.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The commands a menu may offer.
    pub fn menu(&self) -> &[MenuEntry] {
        &self.menu
    }

    /// The account.
    pub fn account(&self) -> &str {
        &self.account
    }
}
