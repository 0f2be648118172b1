//! Telegram, against a Bot API of the tests.

mod accounts;
mod calling;
mod double;
mod inbound;
mod polling;

use std::sync::Arc;
use std::time::Duration;

use base::Env;
use channels::{Account, Desk, Event, Failure, MenuEntry, Status, Transport};
use kit::FakeTelegram;
use serde_json::{Value, json};
use store::{Arrived, Store};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// The accounts of a `channels` section.
pub(crate) fn accounts(section: &Value, env: &Env) -> Vec<Account> {
    let text = json!({"channels": section}).to_string();
    let file = std::path::Path::new("/nowhere/openclaw.json");
    let loaded = config::load_text(&text, file, env).unwrap_or_else(|problems| panic!("{problems}"));
    channels::find("telegram").unwrap().accounts(&loaded.config, env)
}

/// A place where an account works: a store, and what comes out of it.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) store: Store,
}

/// An account at work.
pub(crate) struct AtWork {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) status: Arc<Status>,
    pub(crate) desk: Desk,
    arrivals: mpsc::UnboundedReceiver<Arrived>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), Failure>>,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(folder.path());
        Self { folder, store }
    }

    /// The same state, opened anew.
    pub(crate) fn again(self) -> Self {
        let Self { folder, store } = self;
        drop(store);
        let store = open_store(folder.path());
        Self { folder, store }
    }

    /// Sets the account of `telegram` with `more` keys to work.
    pub(crate) fn begins(&self, telegram: &FakeTelegram, more: &Value) -> AtWork {
        let mut section = telegram.channels(42);
        for (key, value) in more.as_object().into_iter().flatten() {
            section["telegram"][key] = value.clone();
        }
        self.sets_to_work(&section)
    }

    fn sets_to_work(&self, section: &Value) -> AtWork {
        let account = accounts(section, &Env::default()).remove(0);
        account.usable.clone().unwrap();
        let transport = channels::find("telegram").unwrap().open(&account).unwrap();
        let (next, arrivals) = mpsc::unbounded_channel();
        let status = Arc::new(Status::default());
        let menu: Arc<[MenuEntry]> = [MenuEntry { name: "new".into(), description: "a new session".into() }].into();
        let desk = Desk::new(self.store.clone(), "telegram", &account.id, next, status.clone(), menu);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(transport.clone().serve(desk.clone(), stop.clone()));
        AtWork { transport, status, desk, arrivals, stop, serving }
    }
}

fn open_store(folder: &std::path::Path) -> Store {
    Store::open_in(&folder.join("state.sqlite")).unwrap()
}

impl AtWork {
    /// The next event.
    pub(crate) async fn event(&mut self) -> Event {
        let arrived = tokio::time::timeout(COMES_WITHIN, self.arrivals.recv()).await;
        let arrived = arrived.expect("an event comes in time").unwrap();
        serde_json::from_value(arrived.event).unwrap()
    }

    /// The text of the next.
    pub(crate) async fn text(&mut self) -> String {
        self.event().await.text
    }

    /// Nothing more has come.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.arrivals.is_empty()
    }

    /// Stops it, and waits.
    pub(crate) async fn stops(self) -> Result<(), Failure> {
        self.stop.cancel();
        tokio::time::timeout(COMES_WITHIN, self.serving).await.unwrap().unwrap()
    }

    /// How it ends by itself.
    pub(crate) async fn ends(self) -> Failure {
        tokio::time::timeout(COMES_WITHIN, self.serving).await.unwrap().unwrap().unwrap_err()
    }
}

/// Resolves once it is so.
pub(crate) async fn eventually(is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(COMES_WITHIN, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("it comes to be so in time");
}
