//! `config validate`: exactly the checks the daemon makes when it starts (CFGC-5, CFG-10).

use std::path::{Path, PathBuf};

use config::{Loaded, Problems, StartOverrides};
use serde_json::{Value, json};

use super::read;
use crate::app::App;
use crate::exit::Failure;
use crate::out::{self, table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Another file; `-` is stdin
    path: Option<PathBuf>,
    /// Say what a Gateway would do with it: where it listens, how clients are let in, who can reach it, what it refuses
    #[arg(long)]
    effective: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let file = args.path.clone().unwrap_or_else(|| app.config_file().to_owned());
    let loaded = match file.as_os_str() == "-" {
        true => config::load_text(&read(None)?, app.config_file(), &app.env),
        false => config::load(&file, &app.env),
    };
    let overrides = StartOverrides { in_container: config::in_container(&app.env), ..StartOverrides::default() };
    let (issues, warnings) = findings(app, &loaded, &overrides);
    let effective = loaded.as_ref().ok().filter(|_| args.effective);
    let effective =
        effective.map(|loaded| config::report(&loaded.config, &overrides, &app.env, app.paths.profile.default_port()));
    let mut value = match issues.is_empty() {
        true => json!({"valid": true, "path": file, "warnings": warnings}),
        false => json!({"valid": false, "path": file, "issues": issues}),
    };
    if let Some(report) = &effective {
        value["effective"] = json!(report);
    }
    if app.out.json {
        app.out.value(&value);
    } else {
        effective.iter().for_each(|report| out::say(&facts(report)));
        warnings.iter().for_each(|warning| app.out.warn(warning));
    }
    verdict(app, &file, &issues)
}

fn verdict(app: &App, file: &Path, issues: &[Value]) -> Result<(), Failure> {
    if issues.is_empty() {
        if !app.out.json {
            out::say(&format!("Valid: {}", file.display()));
        }
        return Ok(());
    }
    let failure = Failure::new("CONFIG_INVALID", format!("the config is not valid: {}", file.display()));
    if app.out.json {
        return Err(failure.quietly());
    }
    issues.iter().for_each(|issue| out::complain(issue["message"].as_str().unwrap_or_default()));
    Err(failure.advise("mend the lines above, then validate again"))
}

/// What is wrong, and what is only worth a word.
fn findings(app: &App, loaded: &Result<Loaded, Problems>, overrides: &StartOverrides) -> (Vec<Value>, Vec<String>) {
    let loaded = match loaded {
        Err(problems) => {
            let issues = problems.0.iter().map(|problem| issue(&problem.path, &problem.to_string(), &problem.allowed));
            return (issues.collect(), Vec::new());
        }
        Ok(loaded) => loaded,
    };
    // A client's config starts no daemon, so what only a daemon would refuse does not count.
    let is_daemon = loaded.config.gateway.mode != Some(config::Mode::Remote);
    let mut refusals = Vec::new();
    if is_daemon {
        refusals.extend(config::may_start(loaded, false).err());
        refusals.extend(config::refusals(&loaded.config, overrides, &app.env));
    }
    let issues = refusals.iter().map(|refusal| issue(&refusal.path, &refusal.message, &[])).collect();
    (issues, loaded.warnings.iter().map(ToString::to_string).collect())
}

fn issue(path: &str, message: &str, allowed: &[String]) -> Value {
    match allowed {
        [] => json!({"path": path, "message": message}),
        allowed => json!({"path": path, "message": message, "allowedValues": allowed}),
    }
}

/// The report for people.
fn facts(report: &config::Report) -> String {
    let auth = report.auth.as_ref().map_or_else(
        || "not available".to_owned(),
        |auth| {
            let secret = auth.secret_source.map(|source| format!(", secret from {source}")).unwrap_or_default();
            let tailscale = if auth.allow_tailscale { ", Tailscale users let in" } else { "" };
            format!("{} (mode from {}{secret}{tailscale})", auth.mode, auth.mode_source)
        },
    );
    let tls = if report.tls { "yes" } else { "no" };
    let mut rows = vec![
        ("Bind:", report.bind.to_owned()),
        ("Listens on:", report.listens.join(", ")),
        ("Reachable from:", report.reachable_from.join(", ")),
        ("TLS:", tls.to_owned()),
        ("Auth:", auth),
    ];
    rows.extend(report.refusals.iter().map(|refusal| ("Refuses:", format!("{} [{}]", refusal.message, refusal.code))));
    table::pairs(rows)
}
