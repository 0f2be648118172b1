//! This machine's profile leads there from now on.

use config::edit::{self, Change};
use config::{Config, Mode, Transport};
use serde_json::{Value, json};

use super::There;
use crate::exit::Failure;
use crate::up::plan::{Standing, Step};

pub(super) struct Profile;

impl Step<There<'_>> for Profile {
    fn name(&self) -> &'static str {
        "profile"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        let file = cx.app.config_file().display();
        let config = &cx.app.config()?.config;
        if config.gateway.mode == Some(Mode::Local) {
            let message = format!("`{file}` is that of a Gateway of this machine (gateway.mode is local)");
            let again = format!("openclaw --profile {} up {}", profile_name(cx), cx.wanted.host);
            return Err(Failure::new("UP_IS_A_GATEWAY", message).run(again));
        }
        if leads_there(cx, config) {
            return Ok(Standing::Done(format!("{file} leads there")));
        }
        let before = config.gateway.remote.ssh_target.as_deref().or(config.gateway.remote.url.as_deref());
        let before = before.map(|before| format!(", no more to {before}")).unwrap_or_default();
        Ok(Standing::ToDo(format!("{file} leads there{before}")))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        let loaded = config::load(cx.app.config_file(), &cx.app.env)?;
        let patch = patch(cx, &loaded.config);
        edit::apply(cx.app.config_file(), &cx.app.env, loaded.hash.as_deref(), Change::MergePatch(patch))?;
        Ok(format!("{} leads there", cx.app.config_file().display()))
    }
}

/// Whether commands reach this Gateway by the config alone.
fn leads_there(cx: &There<'_>, config: &Config) -> bool {
    let remote = &config.gateway.remote;
    let Some(found) = &cx.gateway else { return false };
    config.gateway.mode == Some(Mode::Remote)
        && remote.transport == Transport::Ssh
        && is_same_host(cx, config)
        && remote.remote_port == Some(found.port)
        && remote.url.is_none()
        && remote.tls_fingerprint == found.pin.map(|pin| pin.to_string())
        && (cx.app.ssh.ssh_identity.is_none() || remote.ssh_identity == identity(cx))
}

fn is_same_host(cx: &There<'_>, config: &Config) -> bool {
    config.gateway.remote.ssh_target.as_deref() == Some(cx.wanted.host.to_string().as_str())
}

/// What another Gateway was reached with does not stay: no secret goes to a host it is not for (CRED-4).
fn patch(cx: &There<'_>, before: &Config) -> Value {
    let mut remote = json!({"transport": "ssh", "sshTarget": cx.wanted.host.to_string(), "url": null});
    if let Some(found) = &cx.gateway {
        remote["remotePort"] = json!(found.port);
        remote["tlsFingerprint"] = json!(found.pin.map(|pin| pin.to_string()));
    }
    if !is_same_host(cx, before) {
        ["token", "password", "sshHostKeyPolicy", "sshIdentity"].iter().for_each(|key| remote[*key] = Value::Null);
    }
    if let Some(identity) = identity(cx) {
        remote["sshIdentity"] = json!(identity);
    }
    json!({"gateway": {"mode": "remote", "remote": remote}})
}

fn identity(cx: &There<'_>) -> Option<std::path::PathBuf> {
    cx.app.ssh.ssh_identity.as_ref().and_then(|path| std::path::absolute(path).ok())
}

/// A name for the profile that is proposed, from the host's.
fn profile_name(cx: &There<'_>) -> String {
    let name: String = cx.wanted.host.host().chars().take_while(char::is_ascii_alphanumeric).collect();
    if name.is_empty() || name.chars().all(|c| c.is_ascii_digit()) { "far".into() } else { name }
}
