//! Keeps the accounts that the config has at work (C-1.4): each by itself, so that one that fails stops no other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use channels::{Account, CHANNELS, Channel, Desk, MenuEntry, Status};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Chats, Live, Name};
use crate::services::Services;
use crate::slash;

/// The pauses after an account that ended and may come up again (C-12.6).
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How often it comes up again by itself within an hour.
const RESTARTS_AN_HOUR: usize = 10;
const HOUR: Duration = Duration::from_secs(3600);
/// One that worked this long is well again: its next pause is the first.
const WELL_AFTER: Duration = Duration::from_secs(600);
/// How long one waits for the one before it at the same vendor, which would otherwise find two of us.
const REST_WITHIN: Duration = Duration::from_secs(20);

/// Starts what the config has, and again whenever it changes, until told to stop.
pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let accounts = TaskTracker::new();
    loop {
        settle(&services, &accounts, &stop);
        services.chats.0.settled.notify_waiters();
        services.chats.0.changed.send_replace(());
        tokio::select! {
            () = stop.cancelled() => break,
            () = services.chats.0.wanted.notified() => {}
        }
    }
    accounts.close();
    accounts.wait().await;
}

/// Starts, stops and restarts until what runs is what the config has.
fn settle(services: &Arc<Services>, accounts: &TaskTracker, stop: &CancellationToken) {
    let (config, env) = (services.config.current(), services.config.env());
    let mut wanted: BTreeMap<Name, (&'static dyn Channel, Account)> = BTreeMap::new();
    for channel in CHANNELS {
        for account in channel.accounts(&config, env) {
            wanted.insert((channel.id().to_owned(), account.id.clone()), (*channel, account));
        }
    }
    let mut live = services.chats.live();
    let mut before: BTreeMap<Name, Arc<Live>> = BTreeMap::new();
    live.retain(|name, at_work| {
        let same = wanted.get(name).is_some_and(|(_, account)| account.mark == at_work.account.mark);
        let stays = same && !(services.chats.is_held(name) && at_work.transport.is_some());
        if !stays {
            at_work.stop.cancel();
            before.insert(name.clone(), at_work.clone());
        }
        stays
    });
    for (name, (channel, account)) in wanted {
        let known = live.get(&name).cloned();
        let made = match known {
            // Policy keys apply without reconnecting (C-2.6).
            Some(known) => Arc::new(Live {
                channel,
                account,
                transport: known.transport.clone(),
                status: known.status.clone(),
                desk: known.desk.clone(),
                stop: known.stop.clone(),
                over: known.over.clone(),
            }),
            None => open(&services.chats, channel, account, before.remove(&name), (accounts, stop)),
        };
        live.insert(name, made);
    }
}

/// An account that was not at work. One that cannot be used stands there with its reason.
fn open(
    chats: &Chats,
    channel: &'static dyn Channel,
    account: Account,
    before: Option<Arc<Live>>,
    (accounts, stop): (&TaskTracker, &CancellationToken),
) -> Arc<Live> {
    let (status, stop, over) = (Arc::new(Status::default()), stop.child_token(), CancellationToken::new());
    let held = chats.is_held(&(channel.id().to_owned(), account.id.clone()));
    let menu: Arc<[MenuEntry]> = slash::menu().into();
    let desk =
        Desk::new(chats.0.store.clone(), channel.id(), &account.id, chats.0.arrivals.clone(), status.clone(), menu);
    let usable = account.usable.clone().map_err(|why| (why.why, why.next));
    let opened = match usable {
        Ok(()) if account.enabled && !held => {
            channel.open(&account).map(Some).map_err(|failure| (failure.why, failure.next))
        }
        Ok(()) => Ok(None),
        Err(why) => Err(why),
    };
    let transport = opened.unwrap_or_else(|(why, next)| {
        tracing::warn!(channel = channel.id(), account = %account.id, why, next, "an account cannot be used");
        status.change(|seen| (seen.last_error, seen.next) = (Some(why), Some(next)));
        None
    });
    let live = Arc::new(Live { channel, account, transport, status, desk, stop, over });
    if live.transport.is_some() {
        accounts.spawn(keep(live.clone(), before));
    } else {
        live.over.cancel();
    }
    live
}

/// Lets an account serve until it is told to stop, once the one before it has come to rest.
async fn keep(live: Arc<Live>, before: Option<Arc<Live>>) {
    let _at_rest = live.over.clone().drop_guard();
    if let Some(before) = before
        && tokio::time::timeout(REST_WITHIN, before.over.cancelled()).await.is_err()
    {
        tracing::warn!(channel = live.channel.id(), account = %live.account.id, "an account did not stop in time");
    }
    let (mut pause, mut restarts) = (FIRST_PAUSE, VecDeque::new());
    while !live.stop.is_cancelled() {
        let began = Instant::now();
        if !serve(&live).await {
            return;
        }
        if began.elapsed() >= WELL_AFTER {
            pause = FIRST_PAUSE;
        }
        restarts.push_back(Instant::now());
        while restarts.front().is_some_and(|at: &Instant| at.elapsed() > HOUR) {
            restarts.pop_front();
        }
        // Too many: the next comes when the oldest of them is an hour ago.
        let wait = match restarts.front() {
            Some(oldest) if restarts.len() > RESTARTS_AN_HOUR => HOUR.saturating_sub(oldest.elapsed()).max(pause),
            _ => pause,
        };
        tokio::select! {
            () = live.stop.cancelled() => return,
            () = tokio::time::sleep(wait) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Serves once. Whether it may be tried again.
async fn serve(live: &Live) -> bool {
    let Some(transport) = live.transport.clone() else { return false };
    let (channel, account) = (live.channel.id(), &live.account.id);
    let now = base::now_ms();
    live.status.change(|seen| {
        (seen.running, seen.last_start_at) = (true, Some(now));
    });
    tracing::info!(channel, %account, "an account is at work");
    let ended = transport.serve(live.desk.clone(), live.stop.clone()).await;
    let now = base::now_ms();
    live.status.change(|seen| {
        (seen.running, seen.connected, seen.last_stop_at) = (false, false, Some(now));
    });
    let Err(failure) = ended else { return false };
    tracing::warn!(channel, %account, why = %failure.why, next = %failure.next, "an account stopped");
    live.status.change(|seen| {
        (seen.last_error, seen.next) = (Some(failure.why.clone()), Some(failure.next.clone()));
    });
    failure.passes
}
