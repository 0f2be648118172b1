//! One browser that runs.

use std::collections::HashMap;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chromiumoxide::Browser;
use chromiumoxide::cdp::browser_protocol::target::TargetId;
use chromiumoxide::error::CdpError;
use chromiumoxide::handler::HandlerConfig;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdin};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::cdp::{ANSWER, Message, within};
use super::launch::{How, Started};
use super::tab::Tab;
use crate::commands::Refusal;
use crate::guard::GRACE;

/// A browser nobody has used for this long ends.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How long the library may take to know of a tab, and between two looks.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// How long a browser may take to end.
const ENDED_WITHIN: Duration = GRACE.saturating_add(Duration::from_secs(3));

/// A browser that runs, until it is stopped, idle, gone by itself, or this is dropped.
pub(super) struct Session {
    browser: Browser,
    /// Closing it ends the browser.
    leash: Mutex<Option<ChildStdin>>,
    /// Whether its process is gone.
    ended: watch::Receiver<bool>,
    /// Whether it does not speak with us any more.
    is_deaf: Arc<AtomicBool>,
    used: Mutex<Instant>,
    tabs: Mutex<HashMap<String, Arc<Tab>>>,
    /// The tab that is meant when none is named.
    focused: Mutex<Option<String>>,
    pid: Option<u32>,
    port: u16,
    tasks: Vec<AbortHandle>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("pid", &self.pid).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Session {
    /// Starts a profile's browser and speaks with it.
    ///
    /// # Errors
    /// That it does not start or listen.
    pub(super) async fn start(how: &How, profile: &str) -> Result<Arc<Self>, Refusal> {
        let Started { mut child, leash, says, address } = how.start(profile).await?;
        // Certificates are judged as in any browser.
        let config =
            HandlerConfig { ignore_https_errors: false, viewport: None, request_timeout: ANSWER, ..Default::default() };
        let connected = Browser::connect_with_config(address.as_str(), config);
        let (browser, mut handler) = within(connected, "connect").await?;
        let (pid, port) = (child.id(), address.port().unwrap_or_default());
        let (gone, ended) = watch::channel(false);
        let is_deaf = Arc::new(AtomicBool::new(false));
        let deaf = is_deaf.clone();
        // Each of the three ends with the browser.
        let waits = tokio::spawn(async move {
            let left: std::io::Result<ExitStatus> = child.wait().await;
            tracing::info!(?left, "the browser has ended");
            gone.send_replace(true);
        });
        let steers = tokio::spawn(async move {
            while let Some(Ok(())) = handler.next().await {}
            deaf.store(true, Ordering::Relaxed);
        });
        let hears = tokio::spawn(hear(says));
        tracing::info!(profile, pid, port, "a browser runs");
        let session = Arc::new_cyclic(|this: &std::sync::Weak<Self>| {
            let idles = tokio::spawn(end_when_idle(this.clone()));
            // The one that waits is not stopped: it takes the browser's leave, whenever that is.
            drop(waits);
            Self {
                browser,
                leash: Mutex::new(Some(leash)),
                ended,
                is_deaf,
                used: Mutex::new(Instant::now()),
                tabs: Mutex::default(),
                focused: Mutex::default(),
                pid,
                port,
                tasks: [steers, hears, idles].map(|task| task.abort_handle()).into(),
            }
        });
        // What a page sends to be kept is not: files are written by their own command.
        session.call("Browser.setDownloadBehavior", json!({"behavior": "deny"})).await?;
        Ok(session)
    }

    /// Whether it still runs.
    pub(super) fn lives(&self) -> bool {
        !*self.ended.borrow() && !self.is_deaf.load(Ordering::Relaxed) && lock(&self.leash).is_some()
    }

    /// It is in use.
    pub(super) fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    pub(super) const fn pid(&self) -> Option<u32> {
        self.pid
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it. Whether it ran until now.
    pub(super) async fn stop(&self) -> bool {
        let ran = self.lives();
        drop(lock(&self.leash).take());
        let mut ended = self.ended.clone();
        if timeout(ENDED_WITHIN, ended.wait_for(|ended| *ended)).await.is_err() {
            tracing::warn!(pid = self.pid, "the browser takes its time to end");
        }
        ran
    }

    /// Tells the browser itself something.
    async fn call(&self, method: &'static str, params: Value) -> Result<Value, Refusal> {
        Ok(within(self.browser.execute(Message::new(method, params)), method).await?.result)
    }

    /// The tabs there are: id, title and address.
    pub(super) async fn tabs(&self) -> Result<Vec<Value>, Refusal> {
        let targets = self.call("Target.getTargets", json!({})).await?;
        let pages = targets["targetInfos"].as_array().into_iter().flatten().filter(|target| target["type"] == "page");
        let row = |target: &Value| json!({"targetId": target["targetId"], "title": target["title"], "url": target["url"], "type": "page"});
        let rows: Vec<Value> = pages.map(row).collect();
        // What is known of tabs that are gone goes with them.
        lock(&self.tabs).retain(|id, _| rows.iter().any(|row| row["targetId"] == id.as_str()));
        Ok(rows)
    }

    /// A new tab.
    pub(super) async fn open(&self) -> Result<Arc<Tab>, Refusal> {
        let page = within(self.browser.new_page("about:blank"), "a new tab").await?;
        self.focus(page.target_id().as_ref());
        self.tab(Some(page.target_id().as_ref())).await
    }

    /// A tab: the one that is named, else the last one that was used, else any.
    pub(super) async fn tab(&self, id: Option<&str>) -> Result<Arc<Tab>, Refusal> {
        let there = self.tabs().await?;
        let is_there = |id: &str| there.iter().any(|row| row["targetId"] == id);
        let id = match id {
            Some(id) if is_there(id) => id.to_owned(),
            Some(id) => return Err(no_tab(id)),
            None => {
                let focused = lock(&self.focused).clone().filter(|id| is_there(id));
                let first = || there.first().and_then(|row| row["targetId"].as_str()).map(str::to_owned);
                match focused.or_else(first) {
                    Some(id) => id,
                    None => return Box::pin(self.open()).await,
                }
            }
        };
        self.focus(&id);
        if let Some(tab) = lock(&self.tabs).get(&id) {
            return Ok(tab.clone());
        }
        let tab = Arc::new(Tab::of(self.page(&id).await?).await?);
        // Two may have come at once; both use the first one's.
        Ok(lock(&self.tabs).entry(id).or_insert(tab).clone())
    }

    /// The library's page of a tab, which it hears of a moment later than we do.
    async fn page(&self, id: &str) -> Result<chromiumoxide::Page, Refusal> {
        let until = Instant::now() + KNOWN_WITHIN;
        loop {
            match self.browser.get_page(TargetId::new(id)).await {
                Err(CdpError::NotFound) if Instant::now() < until => sleep(LOOK).await,
                found => return within(std::future::ready(found), "a tab").await,
            }
        }
    }

    /// From now on this tab is meant when none is named.
    pub(super) fn focus(&self, id: &str) {
        *lock(&self.focused) = Some(id.to_owned());
    }

    /// Closes a tab, also one that stands still.
    pub(super) async fn close(&self, id: &str) -> Result<(), Refusal> {
        if !self.tabs().await?.iter().any(|row| row["targetId"] == id) {
            return Err(no_tab(id));
        }
        self.call("Target.closeTarget", json!({"targetId": id})).await?;
        lock(&self.tabs).remove(id);
        Ok(())
    }
}

fn no_tab(id: &str) -> Refusal {
    Refusal { code: "NOT_FOUND", message: format!("there is no tab `{id}`") }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The leash goes with us, and the browser with the leash.
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn end_when_idle(session: std::sync::Weak<Session>) {
    loop {
        let Some(until) = session.upgrade().map(|session| *lock(&session.used) + IDLE) else {
            // Not built yet, or gone; the latter aborts this task.
            sleep(LOOK).await;
            continue;
        };
        sleep_until(until).await;
        let Some(session) = session.upgrade() else { return };
        if lock(&session.used).elapsed() >= IDLE {
            tracing::info!("nobody has used the browser for a while; it ends");
            session.stop().await;
            return;
        }
    }
}

/// Takes what a browser says, which is nobody's business once it runs.
async fn hear(mut says: ChildStderr) {
    let mut buffer = [0; 4096];
    while matches!(says.read(&mut buffer).await, Ok(count) if count > 0) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
