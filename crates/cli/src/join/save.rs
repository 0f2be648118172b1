//! The way there, in the config: `gateway.mode` and `gateway.remote.*`, nothing else (CON-1).

use config::edit::{self, Change};
use link::{Pin, Target};
use serde_json::{Value, json};

use super::{To, Wanted};
use crate::app::App;
use crate::exit::Failure;

/// Writes it. The shared secret is only kept where this machine has no token of its own instead.
pub(super) fn save(
    app: &App,
    wanted: &Wanted,
    target: &Target,
    pin: Option<Pin>,
    with_secret: bool,
) -> Result<(), Failure> {
    let loaded = config::load(app.config_file(), &app.env)?;
    let secret = |secret: &Option<base::Secret>| secret.as_ref().filter(|_| with_secret).map(|s| s.expose().to_owned());
    let mut remote = json!({"url": null, "transport": null, "sshTarget": null, "remotePort": null,
        "sshHostKeyPolicy": null, "sshIdentity": null, "tlsFingerprint": pin.map(|pin| pin.to_string()),
        "token": secret(&wanted.token), "password": secret(&wanted.password)});
    match &wanted.to {
        To::Url(_) => remote["url"] = json!(target.url().as_str().trim_end_matches('/')),
        To::Host { host, .. } => {
            remote["transport"] = json!("ssh");
            remote["sshTarget"] = json!(host.to_string());
            remote["remotePort"] = json!(target.port());
            let identity = app.ssh.ssh_identity.as_ref().and_then(|path| std::path::absolute(path).ok());
            remote["sshIdentity"] = identity.map_or(Value::Null, |path| json!(path));
        }
    }
    let patch = json!({"gateway": {"mode": "remote", "remote": remote}});
    edit::apply(app.config_file(), &app.env, loaded.hash.as_deref(), Change::MergePatch(patch))?;
    Ok(())
}
