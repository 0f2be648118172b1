//! The way to a Gateway elsewhere, step by step (DOC-6): the questions of `openclaw why`, with SSH's own told apart.

use std::time::Duration;

use base::{Explain as _, Step};
use link::{Finding as Answer, Probe, State, Target, Told};

use super::{Look, Passed, Patient};
use crate::args::Reach;
use crate::cmd::why;
use crate::cred::PinSource;
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::rpc;

pub(super) const IDS: &[&str] = &[
    "remote.target",
    "remote.ssh_program",
    "remote.ssh_host",
    "remote.ssh_host_key",
    "remote.ssh_login",
    "remote.ssh_forward",
    "remote.dns",
    "remote.route",
    "remote.tcp",
    "remote.tls",
    "remote.pin",
    "gateway.remote_pin_public",
    "remote.http",
    "remote.websocket",
    "remote.auth",
    "remote.pairing",
    "remote.scope",
    "remote.clock",
    "remote.version",
];

/// SSH's own steps, in order: id, and what is well.
const SSH: [(&str, &str); 5] = [
    ("remote.ssh_program", "ssh is there, the system's own or the built-in one"),
    ("remote.ssh_host", "the name or alias leads to a host that answers"),
    ("remote.ssh_host_key", "the host's key is the known one"),
    ("remote.ssh_login", "a key lets us in without asking"),
    ("remote.ssh_forward", "the forward reaches the Gateway's port"),
];

/// Through SSH, with a first login on a slow line; each step has a shorter limit of its own.
const WITHIN: Duration = Duration::from_secs(30);
/// One more TLS handshake with a host that has just answered.
const LEAF_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn look(patient: &Patient<'_>) -> Look {
    let app = patient.app;
    let is_named = app.env.get("GATEWAY_URL").is_some() || app.ssh.ssh.is_some();
    if !patient.is_remote() && !is_named {
        return Look::skipped("the Gateway is on this machine");
    }
    match ask(patient) {
        Ok((place, told, unneeded)) => {
            let mut look = Look::with(place, Vec::new());
            look.found.extend(unneeded.map(Into::into));
            told.findings.iter().for_each(|answer| tell(answer, &mut look));
            version(&told, &mut look);
            look
        }
        Err(failure) => {
            let title = "It is not clear which Gateway is meant";
            let finding = Finding::new("remote.target", Severity::Critical, title, format!("{}.", failure.message));
            Look::with("not asked", vec![finding.first_of(&failure.next).into()])
        }
    }
}

fn ask(patient: &Patient<'_>) -> Result<(String, Told, Option<Finding>), Failure> {
    let app = patient.app;
    let way = rpc::way(app, &Reach::default(), None, false)?;
    let place = rpc::place(app, &way);
    let is_written = way.pin.is_some_and(|(_, source)| source == PinSource::Config);
    let how = why::connection(app, way, WITHIN)?;
    rpc::block_on(async {
        let told = link::why(&how, |_| {}).await;
        let holds = |answer: &Answer| answer.probe == Probe::Pin && answer.state == State::Ok;
        let unneeded = match is_written && told.findings.iter().any(holds) {
            true => unneeded_pin(&how.target).await,
            false => None,
        };
        Ok((format!("{}, from {}", place.shown, place.source), told, unneeded))
    })
}

/// TLS-12: what a public authority vouches for needs no pin, and a pin breaks when the certificate is renewed. The roots
/// of this machine alone count: who gave one of their own as `caPath` has no public authority.
async fn unneeded_pin(target: &Target) -> Option<Finding> {
    if !is_public(target) || !link::fetch_leaf(target, None, LEAF_WITHIN).await.is_ok_and(|leaf| leaf.trusted) {
        return None;
    }
    let detail = format!(
        "This machine trusts the certificate of {} without gateway.remote.tlsFingerprint, and the pin will not fit the \
         renewed one.",
        target.host()
    );
    let title = "A pin that is not needed";
    let finding = Finding::new("gateway.remote_pin_public", Severity::Info, title, detail);
    Some(finding.mend("openclaw config unset gateway.remote.tlsFingerprint"))
}

/// Where plaintext would be refused, or at a name whose certificates come from a public authority all the same (WS-1).
fn is_public(target: &Target) -> bool {
    let plain = target.url().as_str().replacen("wss:", "ws:", 1);
    let plain = Target::parse(&plain, target.source().clone());
    target.host().ends_with(".ts.net") || plain.is_ok_and(|plain| link::plaintext_rule(&plain, false).is_err())
}

fn tell(answer: &Answer, look: &mut Look) {
    if answer.probe == Probe::Ssh && answer.state != State::Skipped {
        return tell_ssh(answer, look);
    }
    let id = id_of(answer.probe);
    match &answer.error {
        Some(error) => look.found.push(stop(id, error.to_string(), &error.code().to_string(), &error.next()).into()),
        None => {
            let is_skipped = answer.state == State::Skipped;
            look.passed.push(Passed { id, is_skipped, said: answer.said.clone() });
        }
    }
}

/// What came before the step where SSH stopped is well, and what comes after was not reached.
fn tell_ssh(answer: &Answer, look: &mut Look) {
    let stopped = answer.error.as_ref().map(|error| ssh_step(error.code().0));
    let place = stopped.and_then(|id| SSH.iter().position(|(step, _)| *step == id)).unwrap_or(SSH.len());
    for (position, (id, well)) in SSH.iter().enumerate() {
        match (&answer.error, position.cmp(&place)) {
            (Some(error), std::cmp::Ordering::Equal) => {
                look.found.push(stop(id, error.to_string(), &error.code().to_string(), &error.next()).into());
            }
            (_, std::cmp::Ordering::Greater) => {
                look.passed.push(Passed { id, is_skipped: true, said: "not reached".into() });
            }
            _ => look.passed.push(Passed { id, is_skipped: false, said: (*well).to_owned() }),
        }
    }
}

fn stop(id: &'static str, message: String, code: &str, next: &[Step]) -> Finding {
    let title = "The way to the Gateway ends here";
    Finding::new(id, Severity::Critical, title, format!("{message} [{code}]")).first_of(next)
}

/// At which of SSH's steps a failure is, by its code.
fn ssh_step(code: &str) -> &'static str {
    match code {
        "SSH_NOT_INSTALLED" => "remote.ssh_program",
        "SSH_DNS" | "SSH_REFUSED" | "SSH_NO_ROUTE" | "SSH_TIMEOUT" => "remote.ssh_host",
        "SSH_HOST_KEY_UNKNOWN" | "SSH_HOST_KEY_CHANGED" => "remote.ssh_host_key",
        "SSH_AUTH" | "SSH_IDENTITY_UNREADABLE" | "SSH_KEY_LOCKED" => "remote.ssh_login",
        _ => "remote.ssh_forward",
    }
}

const fn id_of(probe: Probe) -> &'static str {
    match probe {
        Probe::Dns => "remote.dns",
        Probe::Route => "remote.route",
        Probe::Tcp => "remote.tcp",
        // Not on this way; one that is has its own steps.
        Probe::Ssh => "remote.ssh_forward",
        Probe::Tls => "remote.tls",
        Probe::Pin => "remote.pin",
        Probe::Http => "remote.http",
        Probe::Upgrade => "remote.websocket",
        Probe::Auth => "remote.auth",
        Probe::Pairing => "remote.pairing",
        Probe::Scope => "remote.scope",
        Probe::Clock => "remote.clock",
    }
}

pub(super) fn version(told: &Told, look: &mut Look) {
    let ours = env!("CARGO_PKG_VERSION");
    match told.version.as_deref() {
        None => look.passed.push(Passed { id: "remote.version", is_skipped: true, said: "not reached".into() }),
        Some(theirs) if theirs == ours => {
            look.passed.push(Passed { id: "remote.version", is_skipped: false, said: format!("both are {ours}") });
        }
        Some(theirs) => {
            let detail = format!("The Gateway is {theirs}, this program is {ours}.");
            let title = "The Gateway is of another release";
            let finding = Finding::new("remote.version", Severity::Warn, title, detail);
            look.found.push(finding.mend("install the same release on both sides").into());
        }
    }
}
