//! How the accounts do, as clients see it (C-12): the snapshot of each, what the vendor says of us, and what is amiss.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use channels::access::{DirectPolicy, GroupPolicy};
use channels::{Probe, Snapshot};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Chats, Live};

/// How long a vendor may take to say who we are.
pub(crate) const PROBE_WITHIN: Duration = Duration::from_secs(10);
/// What a vendor said is true for so long, in milliseconds.
const PROBE_LASTS_MS: i64 = 15_000;
/// An account that began this long ago has been heard of, in milliseconds (C-12.5).
const GRACE_MS: i64 = 60_000;
/// One that is quiet for longer may have lost its line, in milliseconds.
const STALE_MS: i64 = 120_000;

impl Chats {
    /// `channels.status` but for the clock (C-12.1); the vendors are asked when there is a `patience`.
    pub(crate) async fn report(&self, only: Option<&str>, patience: Option<Duration>) -> Value {
        let all = self.all().into_iter().filter(|live| only.is_none_or(|only| live.channel.id() == only));
        let all: Vec<_> = all.collect();
        if let Some(patience) = patience {
            join_all(all.iter().map(|live| self.probe(live, patience))).await;
        }
        let mut by_channel: BTreeMap<&str, Vec<&Arc<Live>>> = BTreeMap::new();
        for live in &all {
            by_channel.entry(live.channel.id()).or_default().push(live);
        }
        let order: Vec<_> = channels::CHANNELS.iter().filter(|channel| by_channel.contains_key(channel.id())).collect();
        let each = |say: fn(&dyn channels::Channel) -> &'static str| -> Value {
            order
                .iter()
                .map(|channel| (channel.id().to_owned(), json!(say(**channel))))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let mut value = json!({
            "channelOrder": order.iter().map(|channel| channel.id()).collect::<Vec<_>>(),
            "channelLabels": each(|channel| channel.label()),
            "channelDetailLabels": each(|channel| channel.detail_label()),
            "channelSystemImages": each(|channel| channel.system_image()),
            "channelMeta": order.iter().map(|channel| json!({"id": channel.id(), "label": channel.label(),
                "detailLabel": channel.detail_label(), "systemImage": channel.system_image()})).collect::<Vec<_>>(),
            "channels": {}, "channelAccounts": {}, "channelDefaultAccountId": {},
        });
        let mut issues = Vec::new();
        for (id, accounts) in by_channel {
            let main = main_of(&accounts);
            value["channels"][id] = self.summary(main);
            value["channelDefaultAccountId"][id] = json!(main.account.id);
            value["channelAccounts"][id] = accounts.iter().map(|live| self.snapshot(live)).collect();
            issues.extend(accounts.iter().flat_map(|live| self.issues(live)));
        }
        value["statusIssues"] = json!(issues);
        value
    }

    /// `channels`, `channelOrder` and `channelLabels` of `health`.
    pub(crate) fn health(&self) -> (Value, Value, Value) {
        let (mut states, mut order, mut labels) = (json!({}), Vec::new(), json!({}));
        let all = self.all();
        for channel in channels::CHANNELS {
            let accounts: Vec<_> = all.iter().filter(|live| live.channel.id() == channel.id()).collect();
            if accounts.is_empty() {
                continue;
            }
            let mut state = self.summary(main_of(&accounts));
            let sick: Vec<_> = accounts.iter().filter(|live| live.account.enabled && !is_well(live)).collect();
            state["ok"] = json!(sick.is_empty());
            state["status"] = json!(if sick.is_empty() { "ok" } else { "error" });
            state["accounts"] = accounts
                .iter()
                .map(|live| (live.account.id.clone(), self.snapshot(live)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            states[channel.id()] = state;
            order.push(channel.id());
            labels[channel.id()] = json!(channel.label());
        }
        (states, json!(order), labels)
    }

    /// A line a channel, for `status`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |live: &Arc<Live>| {
            let name = match live.account.id.as_str() {
                super::DEFAULT_ACCOUNT => live.channel.label().to_owned(),
                id => format!("{} ({id})", live.channel.label()),
            };
            let seen = live.status.now();
            let state = match (&live.account.usable, seen.running, seen.connected) {
                (Err(why), ..) => why.why.clone(),
                (Ok(()), ..) if !live.account.enabled => "disabled".into(),
                (Ok(()), false, _) => seen.last_error.unwrap_or_else(|| "stopped".into()),
                (Ok(()), true, true) => "connected".into(),
                (Ok(()), true, false) => seen.last_error.unwrap_or_else(|| "connecting".into()),
            };
            format!("{name}: {state}")
        };
        self.all().iter().map(line).collect()
    }

    async fn probe(&self, live: &Arc<Live>, patience: Duration) {
        let Some(transport) = live.transport.clone() else { return };
        let fresh = base::now_ms() - PROBE_LASTS_MS;
        if self.probed(live).is_some_and(|(at, _)| at > fresh) {
            return;
        }
        let late = Probe {
            ok: false,
            status: None,
            error: Some("it did not answer in time".into()),
            elapsed: patience,
            bot: Value::Null,
            webhook: Value::Null,
        };
        let said = tokio::time::timeout(patience, transport.probe(patience)).await.unwrap_or(late);
        self.0.probes.lock().unwrap_or_else(PoisonError::into_inner).insert(live.name(), (base::now_ms(), said));
    }

    fn probed(&self, live: &Live) -> Option<(i64, Probe)> {
        self.0.probes.lock().unwrap_or_else(PoisonError::into_inner).get(&live.name()).cloned()
    }

    /// C-12.2
    fn summary(&self, live: &Live) -> Value {
        let seen = live.status.now();
        let mut value = json!({
            "configured": live.account.usable.is_ok(), "running": seen.running, "connected": seen.connected,
            "lastStartAt": seen.last_start_at, "lastStopAt": seen.last_stop_at, "lastError": seen.last_error,
            "tokenSource": live.account.token_source.as_str(), "mode": seen.mode,
        });
        self.add_probe(live, &mut value);
        value
    }

    /// C-12.3
    fn snapshot(&self, live: &Live) -> Value {
        let (seen, account) = (live.status.now(), &live.account);
        let lifecycle = if live.transport.is_none() {
            "stopped"
        } else if seen.connected {
            "running"
        } else if seen.running {
            "starting"
        } else {
            "failed"
        };
        let mut value = serde_json::to_value(&seen).unwrap_or_default();
        let object = value.as_object_mut().into_iter();
        for object in object {
            // `next` goes into the issues; the original's clients read absent words as absent.
            object.remove("next");
            object.retain(|name, said| !(name == "mode" && said.is_null()));
        }
        value["accountId"] = json!(account.id);
        value["enabled"] = json!(account.enabled);
        value["configured"] = json!(account.usable.is_ok());
        value["lifecycle"] = json!(lifecycle);
        value["restartPending"] = json!(account.enabled && live.transport.is_some() && !seen.running);
        value["tokenSource"] = json!(account.token_source.as_str());
        value["tokenStatus"] = json!(if account.token.is_some() { "available" } else { "missing" });
        value["dmPolicy"] = json!(policy_word(account.access.direct));
        value["allowFrom"] = json!(account.access.allow);
        value["allowUnmentionedGroups"] = json!(hears_everything(live));
        if let Some(name) = &account.name {
            value["name"] = json!(name);
        }
        if let Some(door) = live.transport.as_ref().and_then(|transport| transport.door()) {
            value["webhookPath"] = json!(door);
        }
        self.add_probe(live, &mut value);
        value
    }

    fn add_probe(&self, live: &Live, value: &mut Value) {
        let Some((at, probe)) = self.probed(live) else {
            value["lastProbeAt"] = Value::Null;
            return;
        };
        value["lastProbeAt"] = json!(at);
        value["probe"] = json!({
            "ok": probe.ok, "status": probe.status, "error": probe.error,
            "elapsedMs": u64::try_from(probe.elapsed.as_millis()).unwrap_or(u64::MAX), "bot": probe.bot,
        });
        if !probe.webhook.is_null() {
            value["probe"]["webhook"] = probe.webhook;
        }
    }

    /// C-12.5
    fn issues(&self, live: &Live) -> Vec<Value> {
        let (seen, account) = (live.status.now(), &live.account);
        let issue = |kind: &str, message: String, fix: &str| json!({"channel": live.channel.id(), "accountId": account.id, "kind": kind, "message": message, "fix": fix});
        let mut found = Vec::new();
        if let Err(why) = &account.usable {
            found.push(issue("config", why.why.clone(), &why.next));
            return found;
        }
        if !account.enabled || live.transport.is_none() {
            return found;
        }
        if let Some(error) = &seen.last_error {
            found.push(issue(
                "runtime",
                error.clone(),
                seen.next.as_deref().unwrap_or("openclaw channels status --probe"),
            ));
        } else if let Some(message) = quiet(&seen, base::now_ms()) {
            found.push(issue("runtime", message, "openclaw channels status --probe"));
        }
        let Some((_, probe)) = self.probed(live) else { return found };
        if let (false, Some(error)) = (probe.ok, &probe.error) {
            found.push(issue("auth", error.clone(), "openclaw channels status --probe"));
        }
        if probe.bot["canReadAllGroupMessages"] == false && hears_everything(live) {
            let message =
                "the bot sees only messages that mention it, but the config asks for all (requireMention: false)";
            found.push(issue(
                "intent",
                message.into(),
                "turn privacy mode off: /setprivacy at @BotFather, then add it to the group again",
            ));
        }
        let called_at = probe.webhook["url"].as_str().is_some_and(|url| !url.is_empty());
        if called_at && seen.mode == Some("polling") {
            found.push(issue(
                "config",
                "the vendor still calls a webhook while this Gateway polls".into(),
                "openclaw channels start telegram",
            ));
        }
        found
    }
}

fn main_of<'l>(accounts: &[&'l Arc<Live>]) -> &'l Arc<Live> {
    let default = accounts.iter().find(|live| live.account.id == super::DEFAULT_ACCOUNT);
    default.unwrap_or(&accounts[0])
}

fn is_well(live: &Live) -> bool {
    let seen = live.status.now();
    live.account.usable.is_ok() && (live.transport.is_none() || seen.running && seen.last_error.is_none())
}

/// Why an account that says nothing may not be heard, if it may not.
fn quiet(seen: &Snapshot, now: i64) -> Option<String> {
    let since = now - seen.last_start_at?;
    if seen.running && !seen.connected && since > GRACE_MS {
        return Some(format!("the vendor has not answered for {} s", since / 1000));
    }
    let last = seen.last_transport_activity_at?;
    let stale = seen.mode == Some("polling") && seen.connected && now - last > STALE_MS;
    stale.then(|| format!("nothing was exchanged with the vendor for {} s", (now - last) / 1000))
}

fn hears_everything(live: &Live) -> bool {
    let access = &live.account.access;
    access.group != GroupPolicy::Disabled
        && access.groups.iter().flat_map(BTreeMap::values).any(|group| group.require_mention == Some(false))
}

fn policy_word(policy: DirectPolicy) -> &'static str {
    match policy {
        DirectPolicy::Pairing => "pairing",
        DirectPolicy::Allowlist => "allowlist",
        DirectPolicy::Open => "open",
        DirectPolicy::Disabled => "disabled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-12.5
    #[test]
    fn an_account_that_is_not_heard_of_is_told_after_its_grace() {
        let seen = |connected, activity| Snapshot {
            running: true,
            connected,
            mode: Some("polling"),
            last_start_at: Some(0),
            last_transport_activity_at: activity,
            ..Snapshot::default()
        };
        assert_eq!(quiet(&seen(false, None), GRACE_MS), None);
        assert!(quiet(&seen(false, None), GRACE_MS + 1).is_some());
        assert_eq!(quiet(&seen(true, Some(0)), STALE_MS), None);
        assert!(quiet(&seen(true, Some(0)), STALE_MS + 1).is_some());
        assert_eq!(quiet(&Snapshot { mode: Some("webhook"), ..seen(true, Some(0)) }, STALE_MS + 1), None);
    }
}
