//! `openclaw tunnel down`: asks keepers to end, and makes those that do not (SSH-9).

use std::time::Duration;

use serde_json::json;

use super::place::{not_up, those_to};
use crate::app::App;
use crate::exit::Failure;
use crate::service::process::wait;
use crate::tunnel::{Near, Record, Records, process};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tunnels to this host; may be left out when only one is up
    target: Option<String>,
    /// Every tunnel but those that a service keeps
    #[arg(long, conflicts_with = "target")]
    all: bool,
}

/// From being asked to being made to.
const ENDS_WITHIN: Duration = Duration::from_millis(1500);
/// From then on it is the kernel's work.
const IS_GONE_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let records = Records::of(&app.paths)?;
    let _turn = records.turn()?;
    let meant = those_to(records.live(), args.target.as_deref())?;
    if let Some(target) = args.target.as_deref().filter(|_| meant.is_empty()) {
        return Err(not_up(target));
    }
    if meant.len() > 1 && args.target.is_none() && !args.all {
        let failure = Failure::usage(format!("{} tunnels are up: name one, or say --all", meant.len()));
        return Err(failure.run("openclaw tunnel list"));
    }
    // Its manager would start it again.
    if let Some(kept) = meant.iter().find(|record| record.service && !args.all) {
        let message = format!("a service keeps {} to {}", kept.near(), kept.target);
        return Err(
            Failure::new("TUNNEL_IS_A_SERVICE", message).run(format!("openclaw tunnel uninstall {}", kept.target))
        );
    }
    let meant: Vec<Record> = meant.into_iter().filter(|record| !record.service).collect();
    meant.iter().try_for_each(|record| end(&records, record))?;
    let ends = meant.iter().map(|record| match record.near() {
        Near::Port(port) => json!(port),
        Near::Socket(path) => json!(path),
    });
    app.out.either(&json!({"ok": true, "closed": ends.collect::<Vec<_>>()}), || {
        let lines = meant.iter().map(|record| format!("Closed {} to {}.", record.near(), record.target));
        if meant.is_empty() { "No tunnel is up.".to_owned() } else { lines.collect::<Vec<_>>().join("\n") }
    });
    Ok(())
}

pub(super) fn end(records: &Records, record: &Record) -> Result<(), Failure> {
    let near = record.near();
    for (by_force, patience) in [(false, ENDS_WITHIN), (true, IS_GONE_WITHIN)] {
        process::end(record.pid, by_force);
        if wait(patience, || Ok(!records.is_kept(&near)))? {
            records.forget(&near);
            return Ok(());
        }
    }
    let message = format!("the keeper of {near} (pid {}) does not end", record.pid);
    Err(Failure::new("TUNNEL_NOT_ENDED", message).run(format!("kill -9 {}", record.pid)))
}
