//! Channels at work in this Gateway (C-1.1): accounts are started and kept up ([`supervise`]), what they bring is taken from
//! the inbox to the lanes ([`inbox`]), and what is to be said is taken from the outbox to their transports ([`outbox`]).

mod inbox;
mod outbox;
mod supervise;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channels::{Account, Channel, Desk, Status, Transport};
use store::{Arrived, Route, Store};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::services::Services;

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
}

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
}

impl Chats {
    /// No account is started yet. What arrives comes out of the second.
    pub(crate) fn new(store: Store) -> (Self, Arrivals) {
        let (arrivals, taken) = mpsc::unbounded_channel();
        let (live, wanted) = (Mutex::default(), Notify::new());
        (Self(Arc::new(Inner { store, live, arrivals, wanted })), taken)
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
        let is_it = |live: &&Arc<Live>| live.transport.as_ref().is_some_and(|at_work| at_work.door().as_deref() == Some(path));
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

    fn live(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Live>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the accounts and the two ways.
pub(crate) fn start(services: &Arc<Services>, arrivals: Arrivals, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(outbox::run(services.clone(), stop.clone()));
    tasks.spawn(inbox::run(services.clone(), arrivals, stop.clone()));
    tasks.spawn(supervise::run(services.clone(), stop.clone()));
}
