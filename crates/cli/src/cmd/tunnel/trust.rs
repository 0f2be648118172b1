//! `openclaw tunnel trust`: a person compares the key an SSH host offers, and it becomes known (SSH-7).

use std::io::IsTerminal as _;

use link::SshTarget;
use serde_json::json;

use crate::app::App;
use crate::exit::Failure;
use crate::tunnel::known_hosts::{Host, Key, Verdict};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// host[:port], user@host[:port], or a Host of your ~/.ssh/config
    host: String,
    /// Take only the key with this fingerprint; asks nothing then
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<String>,
    /// Take what it offers without comparing; on a network you do not trust, somebody else's key
    #[arg(long, conflicts_with = "fingerprint")]
    yes: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let target = SshTarget::parse(&args.host).map_err(|error| Failure::of(&error))?;
    let host = Host::of(app, &target)?;
    let offered = host.offered()?;
    let shown: Vec<String> = offered.iter().map(Key::to_string).collect();
    match host.verdict(&offered)? {
        Verdict::Known => {
            tell(app, &host, &shown, false);
            return Ok(());
        }
        Verdict::Changed => return Err(changed(&host, &shown)),
        Verdict::Unknown => {}
    }
    let accepted = match &args.fingerprint {
        Some(wanted) => {
            let matching: Vec<Key> = offered.into_iter().filter(|key| key.has(wanted)).collect();
            if matching.is_empty() {
                return Err(another(&host, wanted, &shown));
            }
            matching
        }
        None => {
            if !args.yes {
                confirm(app, &host, &shown)?;
            }
            offered
        }
    };
    host.know(&accepted)?;
    tell(app, &host, &accepted.iter().map(Key::to_string).collect::<Vec<_>>(), true);
    Ok(())
}

fn tell(app: &App, host: &Host, shown: &[String], is_new: bool) {
    let value = json!({"ok": true, "host": host.name, "added": is_new, "keys": shown, "file": host.file()});
    app.out.either(&value, || {
        let word = if is_new { "is known from now on" } else { "is known already" };
        format!("{} {word}:\n  {}\nin {}", host.name, shown.join("\n  "), host.file().display())
    });
}

fn confirm(app: &App, host: &Host, shown: &[String]) -> Result<(), Failure> {
    if app.out.json || !std::io::stdin().is_terminal() {
        let message = format!("{} is not known; it offers {}", host.name, shown.join(", "));
        let again = format!("openclaw tunnel trust {} --fingerprint <SHA256:…>", host.written);
        return Err(Failure::new("SSH_HOST_KEY_NOT_CONFIRMED", message).run(again));
    }
    app.out.note(&format!("{} is not known. It offers:\n  {}", host.name, shown.join("\n  ")));
    app.out.note("Compare with what its owner sees there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    match inquire::Confirm::new("Is it the same?").with_default(false).prompt() {
        Ok(true) => Ok(()),
        _ => Err(Failure::new("SSH_HOST_KEY_NOT_CONFIRMED", "nothing was changed")
            .advise("ask the host's owner for its fingerprint")),
    }
}

fn another(host: &Host, wanted: &str, shown: &[String]) -> Failure {
    let message = format!("{} offers {}, and not {wanted}", host.name, shown.join(", "));
    Failure::new("SSH_HOST_KEY_MISMATCH", message).advise("stop, and ask the host's owner for its fingerprint")
}

/// Never offered to be overwritten.
fn changed(host: &Host, shown: &[String]) -> Failure {
    let message = format!(
        "{} offers {}, and another key of it is known; somebody may be listening in, or it was installed anew",
        host.name,
        shown.join(", ")
    );
    Failure::new("SSH_HOST_KEY_CHANGED", message)
        .advise("stop, and ask the host's owner for its fingerprint before anything else")
}
