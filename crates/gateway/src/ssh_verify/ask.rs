//! The question itself: the system's `ssh`, which asks nobody anything, believes no host it does not know, and runs one
//! command there.

use std::net::IpAddr;

use base::Env;
use serde::Deserialize;
use tokio::process::Command;

use crate::pairing::canonical_key;
use crate::program::{self, Unanswered};

/// What `ssh` gets of the daemon's environment, which also holds secrets.
const PASSED_ON: [&str; 5] = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"];
/// An identity is a line; a chatty shell may say more before it.
const ANSWER_MAX_BYTES: u64 = 64 * 1024;
/// A shell that nobody logged in to by hand often has a shorter `PATH` than whoever installed the program.
const COMMAND: &str = "PATH=\"$HOME/.local/bin:$HOME/.cargo/bin:/usr/local/bin:/opt/homebrew/bin:$PATH\"; \
                       exec openclaw node identity --json";

/// Which device a machine is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    /// Its id.
    pub(super) device_id: String,
    /// Its key, base64url without padding.
    pub(super) public_key: String,
}

/// Why nobody said.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unasked {
    /// There is no `ssh` here.
    #[error("there is no ssh program in the Gateway's PATH")]
    NoProgram,
    /// It could not be run, or took too long.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// It was not let in, or there is no `openclaw`.
    #[error("ssh says: {0}")]
    Refused(String),
    /// What came back names no device.
    #[error("its openclaw did not say which device it is")]
    Unclear,
}

/// Asks the machine at `address`.
pub(super) async fn identity(rules: &config::SshVerify, env: &Env, address: IpAddr) -> Result<Identity, Unasked> {
    let ssh = program::on_path(env, if cfg!(windows) { "ssh.exe" } else { "ssh" }).ok_or(Unasked::NoProgram)?;
    let mut command = Command::new(ssh);
    command.env_clear().envs(PASSED_ON.into_iter().filter_map(|name| Some((name, env.raw(name)?))));
    if let Some(file) = env.get("SSH_CONFIG") {
        command.arg("-F").arg(file);
    }
    let seconds = rules.timeout.as_secs().max(1);
    let options = [
        "BatchMode=yes".to_owned(),
        "StrictHostKeyChecking=yes".into(),
        format!("ConnectTimeout={seconds}"),
        "ClearAllForwardings=yes".into(),
        "ForwardAgent=no".into(),
        "PermitLocalCommand=no".into(),
        "ControlMaster=no".into(),
    ];
    for option in options {
        command.arg("-o").arg(option);
    }
    if let Some(key) = &rules.identity {
        command.arg("-i").arg(key).args(["-o", "IdentitiesOnly=yes"]);
    }
    if let Some(user) = rules.user.as_deref().filter(|user| !user.is_empty()) {
        command.arg("-l").arg(user);
    }
    command.arg("-T").arg("--").arg(address.to_string()).arg(COMMAND);
    let answer = program::run(command, rules.timeout, ANSWER_MAX_BYTES).await?;
    if !answer.ok {
        let said = answer.complained.lines().rev().find(|line| !line.trim().is_empty());
        return Err(Unasked::Refused(said.unwrap_or("nothing").trim().to_owned()));
    }
    let said = answer.said.lines().rev().find_map(|line| serde_json::from_str::<Identity>(line).ok());
    let Identity { device_id, public_key } = said.ok_or(Unasked::Unclear)?;
    Ok(Identity { device_id, public_key: canonical_key(&public_key) })
}
