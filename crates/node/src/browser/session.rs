//! One browser that runs.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdin};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::cdp::{ANSWER, Command, Fault};
use super::connection::Connection;
use super::launch::{How, Started};
use super::tab::Tab;
use super::tabs::Tabs;
use crate::commands::Refusal;
use crate::guard::GRACE;

/// A browser nobody has used for this long ends.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How long a browser may take to say that it lives; one that takes longer is busy, not dead.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);
/// How long a browser may take to tell of a tab it has.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// How long a browser may take to end.
const ENDED_WITHIN: Duration = GRACE.saturating_add(Duration::from_secs(3));

/// A browser that runs, until it is stopped, idle, gone by itself, or this is dropped.
pub(super) struct Session {
    connection: Connection,
    tabs: Arc<Tabs>,
    /// Closing it ends the browser.
    leash: Mutex<Option<ChildStdin>>,
    /// Whether its process is gone.
    ended: watch::Receiver<bool>,
    used: Mutex<Instant>,
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
        let (pid, port) = (child.id(), address.port().unwrap_or_default());
        let (gone, ended) = watch::channel(false);
        let tabs = Arc::new(Tabs::default());
        // It is not stopped, but takes the browser's leave, whenever that is.
        tokio::spawn(async move {
            let left: std::io::Result<ExitStatus> = child.wait().await;
            tracing::info!(?left, "the browser has ended");
            gone.send_replace(true);
        });
        let hears = tokio::spawn(hear(says)).abort_handle();
        let (connection, steers) = match Connection::open(&address, tabs.clone()).await {
            Ok(connected) => connected,
            Err(fault) => {
                let_go(leash, ended, pid).await;
                return Err(fault.of("connect"));
            }
        };
        tracing::info!(profile, pid, port, "a browser runs");
        let session = Arc::new_cyclic(|this: &std::sync::Weak<Self>| Self {
            connection,
            tabs,
            leash: Mutex::new(Some(leash)),
            ended,
            used: Mutex::new(Instant::now()),
            focused: Mutex::default(),
            pid,
            port,
            tasks: vec![steers, hears, tokio::spawn(end_when_idle(this.clone())).abort_handle()],
        });
        if let Err(refused) = session.prepare().await {
            // Another one with this profile would find it taken.
            session.stop().await;
            return Err(refused);
        }
        Ok(session)
    }

    async fn prepare(&self) -> Result<(), Refusal> {
        // What a page sends to be kept is not: files are written by their own command.
        self.call("Browser.setDownloadBehavior", json!({"behavior": "deny"})).await?;
        self.call("Target.setAutoAttach", Tabs::watched()).await.map(drop)
    }

    /// Whether it still runs.
    pub(super) fn lives(&self) -> bool {
        !*self.ended.borrow() && self.connection.lives() && lock(&self.leash).is_some()
    }

    /// The same, from its own mouth: one that died a moment ago is not always missed yet.
    pub(super) async fn answers(&self) -> bool {
        let asked = Command { session_id: None, method: "Browser.getVersion", params: json!({}) };
        self.lives() && !matches!(self.connection.call(asked, ALIVE_WITHIN).await, Err(Fault::Lost(_)))
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
        let leash = lock(&self.leash).take();
        let_go(leash, self.ended.clone(), self.pid).await;
        ran
    }

    /// Tells the browser itself something.
    async fn call(&self, method: &'static str, params: Value) -> Result<Value, Refusal> {
        let answer = self.connection.call(Command { session_id: None, method, params }, ANSWER).await;
        answer.map_err(|fault| fault.of(method))
    }

    /// The tabs there are: id, title and address.
    pub(super) async fn tabs(&self) -> Result<Vec<Value>, Refusal> {
        let targets = self.call("Target.getTargets", json!({})).await?;
        let pages = targets["targetInfos"].as_array().into_iter().flatten().filter(|target| target["type"] == "page");
        let row = |target: &Value| json!({"targetId": target["targetId"], "title": target["title"], "url": target["url"], "type": "page"});
        Ok(pages.map(row).collect())
    }

    /// A new tab.
    pub(super) async fn open(&self) -> Result<Tab, Refusal> {
        let made = self.call("Target.createTarget", json!({"url": "about:blank"})).await?;
        let id = made["targetId"].as_str().ok_or_else(|| Refusal::unavailable("browser: a new tab has no id"))?;
        self.focus(id);
        self.known(id).await
    }

    /// A tab: the one that is named, else the last one that was used, else any.
    pub(super) async fn tab(&self, id: Option<&str>) -> Result<Tab, Refusal> {
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
                    None => return self.open().await,
                }
            }
        };
        self.focus(&id);
        self.known(&id).await
    }

    /// A tab the browser tells of, which may be a moment later than we hear of it.
    async fn known(&self, id: &str) -> Result<Tab, Refusal> {
        let known = tokio::select! {
            known = timeout(KNOWN_WITHIN, self.tabs.get(id)) => known.map_err(|_| no_tab(id))?,
            () = self.connection.ended() => return Err(Refusal::unavailable("browser: a tab: it has ended")),
        };
        Ok(Tab::new(self.connection.clone(), known))
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
        self.call("Target.closeTarget", json!({"targetId": id})).await.map(drop)
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

/// Ends a browser, and waits until it is gone.
async fn let_go(leash: impl Into<Option<ChildStdin>>, mut ended: watch::Receiver<bool>, pid: Option<u32>) {
    drop(leash.into());
    if timeout(ENDED_WITHIN, ended.wait_for(|ended| *ended)).await.is_err() {
        tracing::warn!(pid, "the browser takes its time to end");
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
