//! A machine that may log in to the Gateway's host needs no secret of the Gateway's (SSH-17): over SSH the `openclaw`
//! there is asked for a token that lets one device in, once. The shared secret never leaves that host; this machine gets
//! a device token of its own, which is taken back there with `openclaw devices remove`.

use std::time::Duration;

use base::{Code, Explain as _, Secret, Step};
use link::{Connect, Credentials, DialError, Ran, SshRoute};
use serde::Deserialize;
use wire::SetupCode;
use wire::connect::Credential;

use crate::app::App;
use crate::args::Via;
use crate::exit::Failure;

/// A non-interactive shell often has a shorter `PATH` than the person who installed the program.
const PATH: &str = "$HOME/.local/bin:$HOME/.cargo/bin:/usr/local/bin:/opt/homebrew/bin:$PATH";
/// What a shell says when it has no such program.
const NO_PROGRAM: i32 = 127;

/// What `openclaw devices invite --json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invitation {
    bootstrap_token: Credential,
    /// Of the Gateway that made it.
    port: u16,
}

/// How to connect again after `error`, when that was for want of a secret and the far `openclaw` helps. Asked only where
/// `--ssh` was said for this very command: that is the owner's consent.
pub(crate) async fn after(app: &App, how: &Connect, error: &DialError) -> Result<Option<Connect>, Failure> {
    let Some(route) = how.target.ssh() else { return Ok(None) };
    if !how.credentials.is_empty() || how.device.is_none() || !helps(error.code()) {
        return Ok(None);
    }
    let login = route.target.whole();
    if !(app.ssh.ssh.is_some() || app.ssh.via == Some(Via::Ssh)) {
        return Ok(None);
    }
    let token = ask(route, &script("devices invite --json"), how.target.port(), how.timeout).await?;
    app.out.note(&format!("{login} lets this machine in; to take it back, run there: openclaw devices list"));
    // A token that is not enough would be shown first (AUTH-10).
    if let Some(tokens) = &how.tokens {
        tokens.forget(&how.target.origin(), how.role).map_err(|error| Failure::of(&error))?;
    }
    let credentials = Credentials { bootstrap_token: Some(token), ..Credentials::default() };
    Ok(Some(Connect { credentials, ..how.clone() }))
}

/// Runs the `openclaw` of the far host with `words`, which a shell reads.
pub(crate) fn script(words: &str) -> String {
    format!("PATH=\"{PATH}\"; exec openclaw {words}")
}

/// Whether an invitation mends `code`: no secret, none that is good any more, or one for less than is asked.
fn helps(code: Code) -> bool {
    let codes = [
        "AUTH_TOKEN_MISSING",
        "AUTH_PASSWORD_MISSING",
        "AUTH_DEVICE_TOKEN_MISMATCH",
        "AUTH_TOKEN_MISMATCH",
        "AUTH_SCOPE_MISMATCH",
    ];
    codes.contains(&code.0)
}

/// Has the `openclaw` of the far host, as `script` starts it, make an invitation to the Gateway on its `far_port`.
pub(crate) async fn ask(route: &SshRoute, script: &str, far_port: u16, within: Duration) -> Result<Secret, Failure> {
    let ran = link::ssh_run(route, script, tokio::io::empty(), within).await;
    let ran = ran.map_err(|failure| Failure::dial(&DialError::Ssh(Box::new(failure))))?;
    let login = route.target.whole();
    let invitation = serde_json::from_slice::<Invitation>(&ran.stdout).ok().filter(|_| ran.is_ok());
    let Some(invitation) = invitation else { return Err(not_invited(route, &why_not(&ran))) };
    if invitation.port != far_port {
        let port = invitation.port;
        let mut failure = not_invited(route, &format!("it speaks for the Gateway on port {port}, not {far_port}"));
        // The first step is the one that a person is shown.
        let step =
            format!("set gateway.remote.remotePort to {port}, or log in as the owner of {login}'s other Gateway");
        failure.next.insert(0, Step::advise(step));
        return Err(failure);
    }
    Ok(Secret::new(invitation.bootstrap_token.as_str()))
}

/// What `openclaw qr --json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    setup_code: Credential,
}

/// Has the `openclaw` of the far host make a setup code that lets this machine in as a node (N-3.7). The address in it
/// plays no part: this machine comes the same way again.
pub(crate) async fn ask_for_node(route: &SshRoute, url: &str, within: Duration) -> Result<SetupCode, Failure> {
    let script = script(&format!("qr --json --url {url}"));
    let ran = link::ssh_run(route, &script, tokio::io::empty(), within).await;
    let ran = ran.map_err(|failure| Failure::dial(&DialError::Ssh(Box::new(failure))))?;
    let made = serde_json::from_slice::<Made>(&ran.stdout).ok().filter(|_| ran.is_ok());
    let code = made.and_then(|made| SetupCode::parse(made.setup_code.as_str()).ok());
    code.ok_or_else(|| not_invited(route, &why_not(&ran)))
}

/// What the far side said, without anything that could be a secret.
fn why_not(ran: &Ran) -> String {
    match ran.status {
        Some(NO_PROGRAM) => "there is no `openclaw` in its PATH".into(),
        Some(0) => "its `openclaw` gave an answer that is none; is it an older one?".into(),
        _ if ran.complaint().is_empty() => "its `openclaw` failed without a word".into(),
        _ => format!("its `openclaw` says: {}", ran.complaint()),
    }
}

fn not_invited(route: &SshRoute, why: &str) -> Failure {
    let login = route.target.whole();
    let message =
        format!("this machine is not paired with the Gateway of {login}, and its host cannot let it in: {why}");
    Failure::refused("SSH_NOT_INVITED", message)
        .advise("show the Gateway's own token once, with --token-file PATH; a device token follows from it")
        .step(route.command_there("openclaw gateway status"))
}
