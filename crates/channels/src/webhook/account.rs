//! The section `channels.webhook` as accounts: the root is `default`, `accounts.<id>` stand beside it with the root's keys
//! under their own (C-2.3).

use std::time::Duration;

use base::{Env, Secret};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::access::{Access, DirectPolicy, GroupPolicy};
use crate::{Account, Style, TokenSource, Unusable};

/// The shortest secret that is one.
const SHORTEST_SECRET: usize = 16;
/// The variable the account at the root may have its secret in.
const SECRET_VARIABLE: &str = "OPENCLAW_WEBHOOK_SECRET";

/// What an account may say.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Settings {
    enabled: Option<bool>,
    name: Option<String>,
    secret: Option<String>,
    url: Option<String>,
    dm_policy: Option<String>,
    allow_from: Option<Vec<Value>>,
    group_policy: Option<String>,
    group_allow_from: Option<Vec<Value>>,
    agent_id: Option<String>,
    /// Read where questions are asked.
    exec_approvals: Option<Value>,
}

/// The accounts of the section.
pub(super) fn list(section: &Value, env: &Env) -> Vec<Account> {
    let Some(section) = section.as_object() else { return Vec::new() };
    let mut root = section.clone();
    let accounts = root.remove("accounts").and_then(|accounts| accounts.as_object().cloned()).unwrap_or_default();
    let mut found = Vec::new();
    let speaks_for_itself = root.contains_key("secret") || root.contains_key("url") || accounts.is_empty();
    if speaks_for_itself && !accounts.contains_key("default") {
        found.push(account("default", root.clone(), env));
    }
    for (id, own) in accounts {
        let mut merged = root.clone();
        merged.extend(own.as_object().cloned().unwrap_or_default());
        found.push(account(&id, merged, env));
    }
    found
}

fn account(id: &str, settings: Map<String, Value>, env: &Env) -> Account {
    let settings = Value::Object(settings);
    let (said, unreadable) = match Settings::deserialize(&settings) {
        Ok(said) => (said, None),
        Err(error) => (Settings::default(), Some(error.to_string())),
    };
    let written = said.secret.clone().filter(|secret| !secret.is_empty());
    let from_env = || env.get(SECRET_VARIABLE).filter(|_| id == "default");
    let (token, token_source) = match (written, from_env()) {
        (Some(secret), _) => (Some(Secret::new(secret)), TokenSource::Config),
        (None, Some(secret)) => (Some(Secret::new(secret)), TokenSource::Env),
        (None, None) => (None, TokenSource::None),
    };
    let usable = match unreadable {
        Some(why) => Err(wrong(format!("channels.webhook cannot be read: {why}"), "openclaw config validate")),
        None => check(id, token.as_ref(), said.url.as_deref()),
    };
    let mark = format!("{:?} {:?} {:?}", token.as_ref().map(mark_of), said.url, said.enabled);
    Account {
        channel: "webhook",
        id: id.to_owned(),
        name: said.name.clone(),
        enabled: said.enabled.unwrap_or(true),
        usable,
        token_source,
        token,
        access: access(&said),
        style: Style { debounce: Duration::ZERO, text_limit: 100_000, ..Style::default() },
        settings,
        mark,
    }
}

/// Where to post, of settings that were checked.
pub(super) fn url(settings: &Value) -> Option<Url> {
    settings["url"].as_str().and_then(|url| Url::parse(url).ok())
}

/// The command that gives an account a secret.
pub(super) fn set_secret(id: &str) -> String {
    let path = if id == "default" { "channels.webhook".to_owned() } else { format!("channels.webhook.accounts.{id}") };
    format!("openclaw config set {path}.secret \"$(openssl rand -hex 32)\"")
}

fn check(id: &str, secret: Option<&Secret>, url: Option<&str>) -> Result<(), Unusable> {
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(wrong(
            format!("the account name {id:?} cannot stand in a path"),
            "openclaw config get channels.webhook.accounts",
        ));
    }
    match secret {
        None => return Err(wrong("it has no secret".into(), &set_secret(id))),
        Some(secret) if secret.expose().len() < SHORTEST_SECRET => {
            return Err(wrong(
                format!("its secret is shorter than {SHORTEST_SECRET} characters, which can be guessed"),
                &set_secret(id),
            ));
        }
        Some(_) => {}
    }
    let Some(url) = url else { return Ok(()) };
    match Url::parse(url) {
        Ok(url) if url.scheme() == "https" || url.scheme() == "http" && is_near(&url) => Ok(()),
        Ok(_) => Err(wrong(
            "its url must begin with https://, or lead to this machine or its own network".into(),
            "openclaw config get channels.webhook",
        )),
        Err(error) => Err(wrong(format!("its url is none: {error}"), "openclaw config get channels.webhook")),
    }
}

/// Whether a URL leads to this machine or a private network, where `http` may do.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn wrong(why: String, next: &str) -> Unusable {
    Unusable { why, next: next.to_owned() }
}

/// Changes with the secret, and does not tell it.
fn mark_of(secret: &Secret) -> String {
    base::sha256_hex(secret.expose().as_bytes()).unwrap_or_default()
}

/// Who holds the secret vouches for its people, so everybody may talk unless the config says otherwise.
fn access(said: &Settings) -> Access {
    let direct = match said.dm_policy.as_deref() {
        Some("pairing") => DirectPolicy::Pairing,
        Some("disabled") => DirectPolicy::Disabled,
        Some("allowlist") => DirectPolicy::Allowlist,
        None if said.allow_from.is_some() => DirectPolicy::Allowlist,
        _ => DirectPolicy::Open,
    };
    let group = match said.group_policy.as_deref() {
        Some("disabled") => GroupPolicy::Disabled,
        Some("allowlist") => GroupPolicy::Allowlist,
        _ => GroupPolicy::Open,
    };
    let everybody = || if direct == DirectPolicy::Open { vec!["*".to_owned()] } else { Vec::new() };
    let allow = said.allow_from.as_deref().map_or_else(everybody, ids);
    Access { direct, allow, group, group_allow: said.group_allow_from.as_deref().map(ids), groups: None }
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries
        .iter()
        .filter_map(|entry| {
            entry.as_str().map_or_else(|| entry.as_i64().map(|id| id.to_string()), |id| Some(id.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn of(section: Value) -> Vec<Account> {
        list(&section, &Env::default())
    }

    /// C-2.3
    #[test]
    fn accounts_stand_beside_the_root_and_over_its_keys() {
        let both = of(json!({"secret": SECRET, "accounts": {"shop": {"url": "https://shop.example/in"}}}));
        let ids: Vec<_> = both.iter().map(|account| (account.id.as_str(), account.usable.is_ok())).collect();
        assert_eq!(ids, [("default", true), ("shop", true)]);
        let alone = of(json!({"accounts": {"shop": {"secret": SECRET}}}));
        assert_eq!(alone.len(), 1);
    }

    /// C-5.4: who is to be let in by a code is not let in without.
    #[test]
    fn everybody_may_talk_only_where_nothing_narrows_it() {
        let of = |section: Value| of(section).remove(0).access;
        assert_eq!(of(json!({"secret": SECRET})).allow, ["*"]);
        assert!(of(json!({"secret": SECRET, "dmPolicy": "pairing"})).allow.is_empty());
        let listed = of(json!({"secret": SECRET, "allowFrom": ["anna"]}));
        assert_eq!((listed.direct, listed.allow), (DirectPolicy::Allowlist, vec!["anna".to_owned()]));
    }

    #[test]
    fn what_cannot_work_says_why() {
        for (section, word) in [
            (json!({}), "no secret"),
            (json!({"secret": "short"}), "guessed"),
            (json!({"secret": SECRET, "url": "http://example.com/"}), "https"),
            (json!({"secret": SECRET, "url": "no url"}), "none"),
            (json!({"secret": SECRET, "urll": "https://x.example"}), "urll"),
            (json!({"accounts": {"a/b": {"secret": SECRET}}}), "path"),
        ] {
            let accounts = of(section.clone());
            let why = accounts[0].usable.clone().expect_err("it cannot work").why;
            assert!(why.contains(word), "{section}: {why}");
        }
    }

    /// C-2.6: policy is taken over as it is; a new secret restarts, and is not told.
    #[test]
    fn only_secret_and_url_restart_an_account() {
        let base = of(json!({"secret": SECRET}));
        let policy = of(json!({"secret": SECRET, "allowFrom": [7, "anna"]}));
        assert_eq!(base[0].mark, policy[0].mark);
        assert_eq!(policy[0].access.allow, ["7", "anna"]);
        let other = of(json!({"secret": format!("{SECRET}0")}));
        assert_ne!(base[0].mark, other[0].mark);
        assert!(!base[0].mark.contains(SECRET));
    }
}
