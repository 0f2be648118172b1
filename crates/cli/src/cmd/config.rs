//! `openclaw config`: read and change the config file (CFGC-1…6). Works without a Gateway; every change is validated
//! whole before it is written, and the answer says whether a running Gateway needs a restart.

use std::path::PathBuf;

use clap::Subcommand;
use config::Restart;
use config::edit::{Applied, Change};
use serde_json::{Value, json};

use crate::app::App;
use crate::exit::Failure;
use crate::out;

/// Read and change the config file
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a value; secrets are redacted
    Get(Get),
    /// Change a value
    Set(Set),
    /// Take a value out
    Unset(Unset),
    /// Apply a JSON merge patch
    Patch(Patch),
    /// Check the file as the Gateway does when it starts
    Validate(Validate),
    /// Print the JSON Schema of the config
    Schema(Nothing),
    /// Print where the config file is
    File(Nothing),
}

#[derive(Debug, clap::Args)]
struct Nothing {}

#[derive(Debug, clap::Args)]
struct Get {
    /// Such as gateway.port or agents.list[0].name
    path: String,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Such as gateway.port or agents.list[0].name
    path: String,
    /// JSON5 if it reads as such, else text
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// Insist on JSON
    #[arg(long)]
    strict_json: bool,
    /// Merge an object into what is there
    #[arg(long, conflicts_with = "replace")]
    merge: bool,
    /// Replace what is there (the default)
    #[arg(long)]
    replace: bool,
    /// Check and show, do not write
    #[arg(long)]
    dry_run: bool,
    /// Fail unless this is the value now
    #[arg(long, value_name = "JSON", conflicts_with = "expect_current_absent")]
    expect_current_value: Option<String>,
    /// Fail unless there is no value now
    #[arg(long)]
    expect_current_absent: bool,
}

#[derive(Debug, clap::Args)]
struct Unset {
    /// Such as gateway.port
    path: String,
    /// Check and show, do not write
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct Patch {
    /// Read the patch from this file
    #[arg(long, value_name = "FILE", required_unless_present = "stdin", conflicts_with = "stdin")]
    file: Option<PathBuf>,
    /// Read the patch from stdin
    #[arg(long)]
    stdin: bool,
    /// Check and show, do not write
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct Validate {
    /// Another file; `-` is stdin
    path: Option<PathBuf>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Get(args) => get(app, args),
        Action::Set(args) => set_value(app, args),
        Action::Unset(args) => {
            let path = path(&args.path)?;
            change(app, Change::Unset { path }, args.dry_run, &format!("Removed {}.", args.path))
        }
        Action::Patch(args) => patch(app, args),
        Action::Validate(args) => validate(app, args),
        Action::Schema(_) => {
            app.out.value(&config::schema());
            Ok(())
        }
        Action::File(_) => {
            let file = app.config_file();
            let value = json!({"path": file, "exists": file.exists()});
            app.out.either(&value, || file.display().to_string());
            Ok(())
        }
    }
}

/// Sets one value, for commands that change the config in passing.
pub(super) fn set(app: &App, at: &str, value: Value, done: &str) -> Result<(), Failure> {
    change(app, Change::Set { path: path(at)?, value }, false, done)
}

fn path(text: &str) -> Result<config::Path, Failure> {
    text.parse().map_err(|error: config::path::BadPath| Failure::usage(error.to_string()))
}

fn get(app: &App, args: &Get) -> Result<(), Failure> {
    let at = path(&args.path)?;
    let source = config::redact(&app.config()?.source);
    let Some(value) = at.find(&source) else {
        return Err(match config::lookup(&at) {
            Some(_) => Failure::new("CONFIG_PATH_NOT_FOUND", format!("Config path not found: {at}")),
            None => {
                Failure::new("CONFIG_PATH_UNKNOWN", format!("Unknown config path: {at}")).run("openclaw config schema")
            }
        });
    };
    app.out.either(value, || match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        scalar => scalar.to_string(),
    });
    Ok(())
}

/// CFGC-1: JSON5 if it parses, else a string.
fn literal(text: &str, strict: bool) -> Result<Value, Failure> {
    match json5::from_str::<Value>(text) {
        Ok(value) => Ok(value),
        Err(error) if strict => Err(Failure::usage(format!("the value is not JSON: {error}"))),
        Err(_) => Ok(Value::String(text.to_owned())),
    }
}

fn set_value(app: &App, args: &Set) -> Result<(), Failure> {
    let at = path(&args.path)?;
    let value = literal(&args.value, args.strict_json)?;
    let source = &app.config()?.source;
    let now = at.find(source);
    let expected = args.expect_current_value.as_deref().map(|text| literal(text, true)).transpose()?;
    let unexpected = expected.as_ref().is_some_and(|expected| now != Some(expected));
    if unexpected || (args.expect_current_absent && now.is_some()) {
        return Err(Failure::new("CONFIG_UNEXPECTED_VALUE", format!("`{at}` is not what --expect-current says")));
    }
    let value = match (args.merge, now) {
        (true, Some(Value::Object(old))) => merged(old, value),
        _ => value,
    };
    change(app, Change::Set { path: at, value }, args.dry_run, &format!("Updated {}.", args.path))
}

fn merged(old: &serde_json::Map<String, Value>, new: Value) -> Value {
    let Value::Object(new) = new else { return new };
    let mut all = old.clone();
    all.extend(new);
    Value::Object(all)
}

fn patch(app: &App, args: &Patch) -> Result<(), Failure> {
    let text = match &args.file {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|e| Failure::usage(format!("`{}`: {e}", file.display())))?
        }
        None => std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::usage(format!("stdin: {e}")))?,
    };
    let patch = literal(&text, true)?;
    if !patch.is_object() {
        return Err(Failure::usage("a patch is a JSON object"));
    }
    change(app, Change::MergePatch(patch), args.dry_run, "Patched the config.")
}

fn change(app: &App, change: Change, dry_run: bool, done: &str) -> Result<(), Failure> {
    let file = app.config_file();
    if dry_run {
        let applied = config::edit::prepare(file, &app.env, None, change)?;
        return report(app, &applied, true, "Valid; nothing was written.");
    }
    if let Some(folder) = file.parent() {
        let made = base::ensure_private_dir(folder);
        made.map_err(|error| Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", folder.display())))?;
    }
    let applied = config::edit::apply(file, &app.env, None, change)?;
    report(app, &applied, false, done)
}

/// CFGC-3: what the owner must do now.
fn report(app: &App, applied: &Applied, dry_run: bool, done: &str) -> Result<(), Failure> {
    let (word, sentence) = match applied.restart {
        Restart::None => ("none", "Nothing else to do."),
        Restart::Live => ("live", "A running Gateway takes it over at once."),
        Restart::Required => ("required", "Restart the gateway to apply."),
    };
    let changed: Vec<String> = applied.changed.iter().map(|(path, _)| path.to_string()).collect();
    let warnings: Vec<String> = applied.warnings.iter().map(ToString::to_string).collect();
    let value = json!({"ok": true, "dryRun": dry_run, "path": app.config_file(), "hash": applied.hash,
        "changed": changed, "restart": word, "warnings": warnings});
    app.out.either(&value, || if dry_run { done.to_owned() } else { format!("{done} {sentence}") });
    if !app.out.json {
        warnings.iter().for_each(|warning| app.out.warn(warning));
    }
    Ok(())
}

fn validate(app: &App, args: &Validate) -> Result<(), Failure> {
    let file = args.path.clone().unwrap_or_else(|| app.config_file().to_owned());
    let loaded = match file.as_os_str() == "-" {
        true => {
            let text = std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::usage(format!("stdin: {e}")))?;
            config::load_text(&text, app.config_file(), &app.env)
        }
        false => config::load(&file, &app.env),
    };
    let overrides = config::StartOverrides { in_container: config::in_container(&app.env), ..Default::default() };
    let issue = |path: &str, message: String, allowed: &[String]| match allowed {
        [] => json!({"path": path, "message": message}),
        allowed => json!({"path": path, "message": message, "allowedValues": allowed}),
    };
    let (issues, warnings): (Vec<Value>, Vec<String>) = match &loaded {
        Err(problems) => {
            let issues = problems.0.iter().map(|problem| issue(&problem.path, problem.to_string(), &problem.allowed));
            (issues.collect(), Vec::new())
        }
        Ok(loaded) => {
            // A client's config starts no daemon, so what only a daemon would refuse does not count.
            let is_daemon = loaded.config.gateway.mode != Some(config::Mode::Remote);
            let refusals = if is_daemon { config::refusals(&loaded.config, &overrides, &app.env) } else { Vec::new() };
            let issues = refusals.iter().map(|refusal| issue(&refusal.path, refusal.message.clone(), &[]));
            (issues.collect(), loaded.warnings.iter().map(ToString::to_string).collect())
        }
    };
    if issues.is_empty() {
        let value = json!({"valid": true, "path": file, "warnings": warnings});
        app.out.either(&value, || format!("Valid: {}", file.display()));
        if !app.out.json {
            warnings.iter().for_each(|warning| app.out.warn(warning));
        }
        return Ok(());
    }
    let failure = Failure::new("CONFIG_INVALID", format!("the config is not valid: {}", file.display()));
    if app.out.json {
        app.out.value(&json!({"valid": false, "path": file, "issues": issues}));
        return Err(failure.quietly());
    }
    issues.iter().for_each(|issue| out::complain(issue["message"].as_str().unwrap_or_default()));
    Err(failure.advise("mend the lines above, then validate again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CFGC-1
    #[test]
    fn a_value_is_json5_when_it_reads_as_such() {
        let cases = [
            ("18789", json!(18789)),
            ("true", json!(true)),
            ("lan", json!("lan")),
            ("'x'", json!("x")),
            ("{a: 1}", json!({"a": 1})),
            ("ws://h:1", json!("ws://h:1")),
            ("", json!("")),
        ];
        for (text, value) in cases {
            assert_eq!(literal(text, false).unwrap(), value, "{text:?}");
        }
        assert_eq!(literal("lan", true).unwrap_err().exit, 2);
    }
}
