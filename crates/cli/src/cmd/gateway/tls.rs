//! `openclaw gateway tls`: the certificate of this host's Gateway, its renewal, and trust in another's (TLS-11…13).

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Subcommand;
use gateway::{CertFacts, TlsFiles};
use link::{Leaf, Pin, Source, Target};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::millis;
use crate::cmd::config;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// Show, renew or trust a certificate
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the certificate of this host's Gateway and its fingerprint
    Show,
    /// Make the next certificate; pinned clients hear of it and it takes over a week later
    Rotate(Rotate),
    /// Look at the certificate of a Gateway elsewhere and pin it
    Trust(Trust),
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// Put it in place at once; clients that did not hear of it must pin anew
    #[arg(long)]
    now: bool,
}

#[derive(Debug, clap::Args)]
struct Trust {
    /// wss:// address of the Gateway
    url: String,
    /// The fingerprint, as `openclaw gateway tls show` prints it on the Gateway's host; asks nothing then
    #[arg(long, value_name = "SHA256")]
    accept_fingerprint: Option<String>,
    /// For the look; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = millis)]
    timeout: Option<Duration>,
}

/// Hex digits a person must type of a fingerprint: enough that a chance match is no danger, few enough to type.
const TYPED_DIGITS: usize = 8;

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Show => show(app),
        Action::Rotate(args) => rotate(app, args),
        Action::Trust(args) => trust(app, args),
    }
}

fn files(app: &App) -> Result<TlsFiles, Failure> {
    Ok(TlsFiles::of(&app.config()?.config.gateway.tls, &app.paths))
}

fn show(app: &App) -> Result<(), Failure> {
    let files = files(app)?;
    let enabled = app.config()?.config.gateway.tls.enabled;
    if !files.cert.exists() {
        let message = format!("there is no certificate yet: `{}`", files.cert.display());
        let failure = Failure::new("TLS_PAIR_MISSING", message);
        return Err(if enabled {
            failure.run("openclaw gateway run")
        } else {
            failure.run("openclaw config set gateway.tls.enabled true")
        });
    }
    let facts = CertFacts::read(&files.cert).map_err(|error| Failure::of(&error))?;
    let next = CertFacts::read(&files.next_cert).ok();
    let mut value = facts_json(&facts);
    value["enabled"] = json!(enabled);
    value["certPath"] = json!(files.cert);
    value["keyPath"] = json!(files.key);
    value["next"] = next.as_ref().map_or(Value::Null, facts_json);
    app.out.either(&value, || {
        let mut rows = vec![("Certificate:", files.cert.display().to_string())];
        rows.extend(facts_rows(&facts));
        rows.extend(next.map(|next| ("Next:", next.fingerprint)));
        table::pairs(rows)
    });
    if !enabled {
        app.out.warn("gateway.tls.enabled is off: this certificate is not served");
    }
    Ok(())
}

fn rotate(app: &App, args: &Rotate) -> Result<(), Failure> {
    let done = gateway::rotate(&files(app)?, args.now).map_err(|error| Failure::of(&error))?;
    let value = json!({"ok": true, "fingerprint": done.current.fingerprint,
        "next": done.next.as_ref().map(facts_json), "switchAtMs": done.switch_at_ms});
    app.out.either(&value, || match (&done.next, done.switch_at_ms) {
        (Some(next), Some(at)) => format!(
            "The next certificate is made and a running Gateway announces it.\nNow:   {}\nNext:  {}\nFrom:  {}",
            done.current.fingerprint,
            next.fingerprint,
            base::iso(at)
        ),
        _ => format!("In place, and taken over by a running Gateway at once.\nNow:   {}", done.current.fingerprint),
    });
    Ok(())
}

fn trust(app: &App, args: &Trust) -> Result<(), Failure> {
    let target = Target::parse(&args.url, Source::Flag)?;
    let remote = &app.config()?.config.gateway.remote;
    refuse_another(&target, remote.url.as_deref())?;
    let accepted = args.accept_fingerprint.as_deref().map(str::parse::<Pin>).transpose();
    let accepted = accepted.map_err(|error| Failure::of(&error))?;
    let leaf = leaf(app, &target, args.timeout.unwrap_or(rpc::TIMEOUT))?;
    let Some(pin) = compared(app, &target, &leaf, accepted)? else {
        let value = json!({"ok": true, "trusted": true, "pinned": false, "fingerprint": leaf.pin.to_string()});
        app.out.either(&value, || {
            format!(
                "{target} is trusted by this machine's authorities; it needs no pin, and a pin would break at renewal."
            )
        });
        return Ok(());
    };
    let done = format!("Pinned {pin} for {target}.");
    config::set(app, "gateway.remote.tlsFingerprint", json!(pin.to_string()), &done)
}

/// The certificate to insist on at `target`, compared by a person or with `accepted`; `None` where this machine's
/// authorities vouch for it (TLS-11).
pub(crate) fn accept(
    app: &App,
    target: &Target,
    accepted: Option<Pin>,
    within: Duration,
) -> Result<Option<Pin>, Failure> {
    compared(app, target, &leaf(app, target, within)?, accepted)
}

fn leaf(app: &App, target: &Target, within: Duration) -> Result<Leaf, Failure> {
    let roots = app.config()?.config.gateway.tls.ca_path.clone();
    rpc::block_on(async { Ok(link::fetch_leaf(target, roots, within).await?) })
}

fn compared(app: &App, target: &Target, leaf: &Leaf, accepted: Option<Pin>) -> Result<Option<Pin>, Failure> {
    match accepted {
        None if leaf.trusted => return Ok(None),
        Some(pin) if pin == leaf.pin => {}
        Some(pin) => return Err(not_the_one(target, &pin.to_string(), leaf.pin)),
        None => confirm(app, target, leaf)?,
    }
    Ok(Some(leaf.pin))
}

/// The pin is kept beside `gateway.remote.url` and used for it alone (TLS-8), so it must be that Gateway's.
fn refuse_another(target: &Target, remote: Option<&str>) -> Result<(), Failure> {
    let Some(remote) = remote.filter(|url| !url.trim().is_empty()) else { return Ok(()) };
    if Target::parse(remote, Source::ConfigRemote)?.origin() == target.origin() {
        return Ok(());
    }
    let message = "gateway.remote.url is another Gateway, and the pin would be used for that one";
    Err(Failure::new("TLS_PIN_OTHER_GATEWAY", message).run(format!("openclaw config set gateway.remote.url {target}")))
}

fn not_the_one(target: &Target, given: &str, shown: Pin) -> Failure {
    let message = format!("gateway tls fingerprint mismatch: {target} showed {shown}, not {given}");
    Failure::new("TLS_PIN_MISMATCH", message).run("on the Gateway host run: openclaw gateway tls show")
}

/// TLS-11: a person reads the fingerprint at the other end and types its beginning here.
fn confirm(app: &App, target: &Target, leaf: &Leaf) -> Result<(), Failure> {
    let shown = leaf.pin.to_string();
    if app.out.json || !std::io::stdin().is_terminal() {
        let message = format!("{target} showed a certificate nobody vouches for: {shown}");
        let again = format!("openclaw gateway tls trust {target} --accept-fingerprint <fingerprint>");
        return Err(Failure::new("TLS_NOT_CONFIRMED", message).run(again));
    }
    app.out.note(&format!("{target} shows a certificate nobody vouches for:"));
    if let Ok(facts) = CertFacts::of_der(&leaf.der) {
        app.out.note(&table::pairs(facts_rows(&facts)));
    }
    app.out.note("On the Gateway's host run: openclaw gateway tls show");
    let question = format!("Type the first {TYPED_DIGITS} digits of the fingerprint it prints:");
    let typed =
        inquire::Text::new(&question).prompt().map_err(|error| Failure::new("TLS_NOT_CONFIRMED", error.to_string()))?;
    if is_confirmed(&typed, leaf.pin) { Ok(()) } else { Err(not_the_one(target, typed.trim(), leaf.pin)) }
}

/// Whether what was typed is the fingerprint, or enough of its beginning.
fn is_confirmed(typed: &str, pin: Pin) -> bool {
    let digits: String = typed.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
    typed.parse() == Ok(pin) || (digits.len() >= TYPED_DIGITS && pin.to_string().starts_with(&digits))
}

fn facts_json(facts: &CertFacts) -> Value {
    json!({"subject": facts.subject, "san": facts.names, "notBefore": base::iso(facts.not_before_ms),
        "notAfter": base::iso(facts.not_after_ms), "fingerprint": facts.fingerprint})
}

fn facts_rows(facts: &CertFacts) -> Vec<(&'static str, String)> {
    vec![
        ("Subject:", facts.subject.clone()),
        ("Names:", facts.names.join(", ")),
        ("Valid from:", base::iso(facts.not_before_ms)),
        ("Valid until:", base::iso(facts.not_after_ms)),
        ("Fingerprint:", facts.fingerprint.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TLS-11
    #[test]
    fn a_fingerprint_is_confirmed_by_its_beginning_or_the_whole_of_it() {
        let pin = Pin::of_der(b"x");
        let whole = pin.to_string();
        for good in [&*whole, &whole[..8], &whole[..20].to_uppercase(), &format!("sha256:{whole}")] {
            assert!(is_confirmed(good, pin), "{good}");
        }
        for bad in ["", "y", "yes", &whole[..7], &whole[1..], &format!("0{whole}")] {
            assert!(!is_confirmed(bad, pin), "{bad}");
        }
    }
}
