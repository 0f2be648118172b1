//! Keeps the accounts that the config has at work (C-1.4): each by itself, so that one that fails stops no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use channels::{Account, CHANNELS, Channel, Desk, MenuEntry, Status};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Chats, Live, Name};
use crate::services::Services;
use crate::slash;

/// The pauses after an account that ended and may come up again (C-12.6).
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Starts what the config has, and again whenever it changes, until told to stop.
pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let accounts = TaskTracker::new();
    loop {
        settle(&services, &accounts, &stop);
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
    live.retain(|name, at_work| {
        let stays = wanted.get(name).is_some_and(|(_, account)| account.mark == at_work.account.mark);
        if !stays {
            at_work.stop.cancel();
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
            }),
            None => open(&services.chats, channel, account, accounts, stop),
        };
        live.insert(name, made);
    }
}

/// An account that was not at work. One that cannot be used stands there with its reason.
fn open(
    chats: &Chats,
    channel: &'static dyn Channel,
    account: Account,
    accounts: &TaskTracker,
    stop: &CancellationToken,
) -> Arc<Live> {
    let (status, stop) = (Arc::new(Status::default()), stop.child_token());
    let menu: Arc<[MenuEntry]> = slash::menu().into();
    let desk =
        Desk::new(chats.0.store.clone(), channel.id(), &account.id, chats.0.arrivals.clone(), status.clone(), menu);
    let usable = account.usable.clone().map_err(|why| (why.why, why.next));
    let opened = match usable {
        Ok(()) if account.enabled => channel.open(&account).map(Some).map_err(|failure| (failure.why, failure.next)),
        Ok(()) => Ok(None),
        Err(why) => Err(why),
    };
    let transport = opened.unwrap_or_else(|(why, next)| {
        tracing::warn!(channel = channel.id(), account = %account.id, why, next, "an account cannot be used");
        status.change(|seen| (seen.last_error, seen.next) = (Some(why), Some(next)));
        None
    });
    let live = Arc::new(Live { channel, account, transport, status, desk, stop });
    if live.transport.is_some() {
        accounts.spawn(keep(live.clone()));
    }
    live
}

/// Lets an account serve until it is told to stop, again after a pause when it ended in a way that may pass.
async fn keep(live: Arc<Live>) {
    let Some(transport) = live.transport.clone() else { return };
    let (channel, account) = (live.channel.id(), live.account.id.clone());
    let mut pause = FIRST_PAUSE;
    while !live.stop.is_cancelled() {
        let now = base::now_ms();
        live.status.change(|seen| {
            (seen.running, seen.last_start_at) = (true, Some(now));
        });
        tracing::info!(channel, %account, "an account is at work");
        let ended = transport.clone().serve(live.desk.clone(), live.stop.clone()).await;
        let now = base::now_ms();
        live.status.change(|seen| {
            (seen.running, seen.connected, seen.last_stop_at) = (false, false, Some(now));
        });
        let Err(failure) = ended else { return };
        tracing::warn!(channel, %account, why = %failure.why, next = %failure.next, "an account stopped");
        live.status.change(|seen| {
            (seen.last_error, seen.next) = (Some(failure.why.clone()), Some(failure.next.clone()));
        });
        if !failure.passes {
            return;
        }
        tokio::select! {
            () = live.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}
