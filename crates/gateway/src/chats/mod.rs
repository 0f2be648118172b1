//! Channels at work in this Gateway (C-1.1): accounts are started and kept up ([`supervise`]), what they bring is taken from
//! the inbox to the lanes ([`inbox`]), and what is to be said is taken from the outbox to their transports ([`outbox`]), after
//! it was shown that an answer is on its way ([`follow`]). What is said of a run is decided in [`reply`].

pub(crate) mod approvers;
pub(crate) mod deed;
pub(crate) mod deliver;
pub(crate) mod errand;
mod follow;
mod import;
mod inbox;
pub(crate) mod look;
mod outbox;
pub(crate) mod owners;
pub(crate) mod pairing;
mod port;
pub(crate) mod reply;
mod reset;
mod supervise;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use channels::{Account, Channel, Desk, Event, Probe, Status, Transport};
use store::{Arrived, Route, Store};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::lanes::Followed;
use crate::services::Services;
use follow::Previews;
use reply::Told;

/// The account of a route that names none.
pub(crate) const DEFAULT_ACCOUNT: &str = "default";

/// The accounts of this Gateway; cheap to clone.
#[derive(Clone)]
pub(crate) struct Chats(Arc<Inner>);

struct Inner {
    store: Store,
    live: Mutex<BTreeMap<Name, Arc<Live>>>,
    /// Where desks put what arrives.
    arrivals: mpsc::UnboundedSender<Arrived>,
    /// The config says something else, or somebody wants an account started or stopped.
    wanted: Notify,
    /// What runs is what is wanted again.
    settled: Notify,
    /// Those that somebody stopped; until they are started, or this Gateway is (C-12.6).
    held: Mutex<BTreeSet<Name>>,
    /// What vendors said of us, and when (C-12.4).
    probes: Mutex<BTreeMap<Name, (i64, Probe)>>,
    /// The accounts at work are others now.
    changed: watch::Sender<()>,
    previews: Previews,
    told: Told,
}

/// How long an account that is stopped may take.
const STOPS_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take until what is wanted is tried.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// Which account: channel and account id.
type Name = (String, String);

/// What arrives, in the order it was taken.
pub(crate) type Arrivals = mpsc::UnboundedReceiver<Arrived>;

/// One configured account, and its transport while it runs.
pub(crate) struct Live {
    /// What kind of chat.
    pub(crate) channel: &'static dyn Channel,
    /// As the config had it when it was started.
    pub(crate) account: Account,
    /// The vendor's side; `None` for one that cannot be used.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// How it does.
    pub(crate) status: Arc<Status>,
    /// Where what it hears goes.
    pub(crate) desk: Desk,
    stop: CancellationToken,
    /// Its transport has come to rest.
    over: CancellationToken,
}

impl Live {
    /// Where `event` is answered: the chat and topic it came from.
    pub(crate) fn route(&self, event: &Event) -> Route {
        Route {
            channel: self.channel.id().to_owned(),
            to: event.chat.id.clone(),
            account_id: Some(self.account.id.clone()),
            thread_id: event.thread_id.clone(),
        }
    }

    fn name(&self) -> Name {
        (self.channel.id().to_owned(), self.account.id.clone())
    }

    /// Whether it is the same transport, at work for the same start.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.transport, &other.transport) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        }
    }

    /// Its token was refused: it stops, and what is to be said waits for another.
    fn refuse(&self) {
        let next = format!("check the token, then `openclaw channels status --probe` ({})", self.channel.id());
        self.status.change(|seen| {
            (seen.connected, seen.last_error) = (false, Some("the account's token is refused".into()));
            seen.next = Some(next);
        });
        self.stop.cancel();
    }
}

impl Chats {
    /// No account is started yet. What arrives comes out of the second.
    pub(crate) fn new(store: Store) -> (Self, Arrivals) {
        let (arrivals, taken) = mpsc::unbounded_channel();
        let inner = Inner {
            store,
            live: Mutex::default(),
            arrivals,
            wanted: Notify::new(),
            settled: Notify::new(),
            held: Mutex::default(),
            probes: Mutex::default(),
            changed: watch::Sender::new(()),
            previews: Previews::default(),
            told: Told::default(),
        };
        (Self(Arc::new(inner)), taken)
    }

    /// The account's present state, if the config has it.
    pub(crate) fn find(&self, channel: &str, account: &str) -> Option<Arc<Live>> {
        self.live().get(&(channel.to_owned(), account.to_owned())).cloned()
    }

    /// The account that speaks for a route.
    pub(crate) fn of(&self, route: &Route) -> Option<Arc<Live>> {
        self.find(&route.channel, route.account_id.as_deref().unwrap_or(DEFAULT_ACCOUNT))
    }

    /// The account at work that is called at this path of the Gateway's port.
    pub(crate) fn at_door(&self, path: &str) -> Option<Arc<Live>> {
        let is_it =
            |live: &&Arc<Live>| live.transport.as_ref().is_some_and(|at_work| at_work.door().as_deref() == Some(path));
        self.live().values().find(is_it).cloned()
    }

    /// Every configured account, by channel and id.
    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.live().values().cloned().collect()
    }

    /// The config was taken over, or an account is to be started or stopped.
    pub(crate) fn look_again(&self) {
        self.0.wanted.notify_one();
    }

    /// Starts an account afresh, one that was stopped or failed.
    pub(crate) async fn start(&self, live: &Live) {
        let name = live.name();
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        if !live.status.now().running {
            live.stop.cancel();
            self.live().remove(&name);
        }
        self.settle().await;
    }

    /// Stops an account until it is started, or this Gateway is. Whether it came to rest.
    pub(crate) async fn stop(&self, live: &Live) -> bool {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner).insert(live.name());
        self.settle().await;
        tokio::time::timeout(STOPS_WITHIN, live.over.cancelled()).await.is_ok()
    }

    async fn settle(&self) {
        let settled = self.0.settled.notified();
        tokio::pin!(settled);
        settled.as_mut().enable();
        self.look_again();
        // Going down, nothing settles any more; what is said of the account is true all the same.
        let _in_time = tokio::time::timeout(SETTLES_WITHIN, settled).await;
    }

    fn is_held(&self, name: &Name) -> bool {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Told whenever other accounts are at work.
    fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn previews(&self) -> &Previews {
        &self.0.previews
    }

    fn told(&self) -> &Told {
        &self.0.told
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Live>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the accounts and the two ways; `followed` are the runs whose answers go to chats.
pub(crate) fn start(
    services: &Arc<Services>,
    arrivals: Arrivals,
    followed: mpsc::UnboundedReceiver<Followed>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    tasks.spawn(follow::run(services.clone(), followed, stop.clone()));
    tasks.spawn(outbox::run(services.clone(), stop.clone()));
    tasks.spawn(inbox::run(services.clone(), arrivals, stop.clone()));
    tasks.spawn(supervise::run(services.clone(), stop.clone()));
}
