//! Makes a change. A Gateway of this host that runs on the same file writes it itself, so that it applies at once what
//! it can and says what it cannot (CFGC-3); without one the file is written here.

use std::time::Duration;

use config::Restart;
use config::edit::{Applied, Change, EditError};
use serde_json::{Value, json};
use wire::methods::{self, Method as _};

use crate::app::App;
use crate::args::Reach;
use crate::exit::Failure;
use crate::rpc::{self, Want};

/// What asking a Gateway of this host may take; it answers within milliseconds.
const ASK: Duration = Duration::from_secs(2);

/// What the owner must do, and who says so.
struct Verdict {
    /// `none`, `live` or `required`.
    restart: &'static str,
    /// `gateway`, or `rules` when none was there to ask.
    source: &'static str,
}

/// Checks the change whole, then makes it unless this is a dry run.
pub(super) fn make(app: &App, change: Change, dry_run: bool, done: &str) -> Result<(), Failure> {
    let file = app.config_file();
    let applied = config::edit::prepare(file, &app.env, None, change.clone())?;
    if dry_run {
        let verdict = Verdict { restart: word(applied.restart), source: "rules" };
        return report(app, &applied, &verdict, true, "Valid; nothing was written.");
    }
    config::edit::may_write(file, &app.env)?;
    if let Some(restart) = by_the_gateway(app, &applied) {
        return report(app, &applied, &Verdict { restart, source: "gateway" }, false, done);
    }
    if let Some(folder) = file.parent() {
        let made = base::ensure_private_dir(folder);
        made.map_err(|error| Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", folder.display())))?;
    }
    let applied = match config::edit::apply(file, &app.env, applied.before_hash.as_deref(), change) {
        // The Gateway had written it, and its answer was lost.
        Err(EditError::Stale { found, .. }) if found.as_ref() == Some(&applied.hash) => applied,
        written => written?,
    };
    let verdict = Verdict { restart: word(applied.restart), source: "rules" };
    report(app, &applied, &verdict, false, done)
}

const fn word(restart: Restart) -> &'static str {
    match restart {
        Restart::None => "none",
        Restart::Live => "live",
        Restart::Required => "required",
    }
}

/// Has the Gateway of this host write the new text; `None` when there is none, it runs on another file, or it does not
/// let us. Whatever it did not do is then done here.
fn by_the_gateway(app: &App, applied: &Applied) -> Option<&'static str> {
    let before = applied.before_hash.as_ref().filter(|before| **before != applied.hash)?;
    let way = rpc::way(app, &Reach::default(), None, true).ok()?;
    let is_held = matches!(store::GatewayLock::holder(&app.paths), Ok(Some(_)));
    if !is_held || !way.target.source().is_this_host() {
        return None;
    }
    let want = Want::of(methods::config::Set::NAME, ASK);
    let params = json!({"raw": applied.text, "baseHash": before});
    let answer = rpc::block_on(async {
        let connection = rpc::open(app, &Reach::default(), None, &want).await?;
        let now = connection.call(methods::config::Get::NAME, Some(json!({}))).await?;
        if now["path"].as_str().map(std::path::Path::new) != Some(app.config_file()) {
            return Err(Failure::new("ANOTHER_CONFIG", "the Gateway runs on another config file"));
        }
        let answer = connection.call(methods::config::Set::NAME, Some(params)).await;
        connection.client.close().await;
        answer
    });
    match answer.ok()?["restart"].as_str()? {
        "none" => Some("none"),
        "live" => Some("live"),
        _ => Some("required"),
    }
}

/// CFGC-3: what the owner must do now.
fn report(app: &App, applied: &Applied, verdict: &Verdict, dry_run: bool, done: &str) -> Result<(), Failure> {
    let sentence = match (verdict.restart, verdict.source) {
        ("none", _) => "Nothing else to do.",
        ("live", "gateway") => "The running Gateway took it over.",
        ("live", _) => "A running Gateway takes it over at once.",
        _ => "Restart the gateway to apply.",
    };
    let changed: Vec<String> = applied.changed.iter().map(|(path, _)| path.to_string()).collect();
    let warnings: Vec<String> = applied.warnings.iter().map(ToString::to_string).collect();
    let value: Value = json!({"ok": true, "dryRun": dry_run, "path": app.config_file(), "hash": applied.hash,
        "changed": changed, "restart": verdict.restart, "restartSource": verdict.source, "warnings": warnings});
    app.out.either(&value, || if dry_run { done.to_owned() } else { format!("{done} {sentence}") });
    if !app.out.json {
        warnings.iter().for_each(|warning| app.out.warn(warning));
    }
    Ok(())
}
