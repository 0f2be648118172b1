//! `openclaw config`: read and change the config file (CFGC-1…6). Works without a Gateway; every change is validated
//! whole before it is written. A Gateway that runs on the file writes it itself and says what it took over.

mod change;
mod restore;
mod set;
mod validate;

use std::path::PathBuf;

use clap::Subcommand;
use config::edit::Change;
use config::path::Step;
use serde_json::{Value, json};

use crate::app::App;
use crate::exit::Failure;

pub(super) use set::set;

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
    /// Change a value, or several at once
    Set(Box<set::Args>),
    /// Take a value out
    Unset(Unset),
    /// Apply a JSON merge patch
    Patch(Patch),
    /// Check the file as the Gateway does when it starts
    Validate(validate::Args),
    /// Bring back an earlier version of the file
    Restore(restore::Args),
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
    /// Put what the patch has at this path in place of what is there, instead of merging it
    #[arg(long, value_name = "PATH")]
    replace_path: Vec<String>,
    /// Check and show, do not write
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Get(args) => get(app, args),
        Action::Set(args) => set::run(app, args),
        Action::Unset(args) => {
            let path = path(&args.path)?;
            change::make(app, Change::Unset { path }, args.dry_run, &format!("Removed {}.", args.path))
        }
        Action::Patch(args) => patch(app, args),
        Action::Validate(args) => validate::run(app, args),
        Action::Restore(args) => restore::run(app, args),
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

/// A text of a file, or of stdin for `-` and nothing.
fn read(file: Option<&std::path::Path>) -> Result<String, Failure> {
    match file.filter(|file| file.as_os_str() != "-") {
        Some(file) => std::fs::read_to_string(file).map_err(|e| Failure::usage(format!("`{}`: {e}", file.display()))),
        None => std::io::read_to_string(std::io::stdin()).map_err(|e| Failure::usage(format!("stdin: {e}"))),
    }
}

fn patch(app: &App, args: &Patch) -> Result<(), Failure> {
    let patch = literal(&read(args.file.as_deref())?, true)?;
    let change = replacing(patch, &args.replace_path)?;
    change::make(app, change, args.dry_run, "Patched the config.")
}

/// The patch with what stands at each of `paths` taken out of it and set as a whole.
fn replacing(mut patch: Value, paths: &[String]) -> Result<Change, Failure> {
    if !patch.is_object() {
        return Err(Failure::usage("a patch is a JSON object"));
    }
    let mut whole = Vec::new();
    for text in paths {
        let at = path(text)?;
        let value = at.find(&patch).cloned();
        let value =
            value.ok_or_else(|| Failure::usage(format!("--replace-path {text}: the patch has nothing there")))?;
        take(&mut patch, &at);
        whole.push(Change::Set { path: at, value });
    }
    whole.insert(0, Change::MergePatch(patch));
    Ok(Change::Batch(whole))
}

/// Takes the member at `at` out of `patch`, where it is known to be.
fn take(patch: &mut Value, at: &config::Path) {
    let Some((last, above)) = at.steps().split_last() else { return };
    let mut holder = patch;
    for step in above {
        let below = match step {
            Step::Key(key) => holder.get_mut(key),
            Step::Index(index) => holder.get_mut(*index),
        };
        let Some(below) = below else { return };
        holder = below;
    }
    if let (Value::Object(members), Step::Key(key)) = (holder, last) {
        members.remove(key);
    }
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

    /// CFGC-2
    #[test]
    fn a_replaced_path_is_taken_out_of_the_patch_and_set_whole() {
        let patch = json!({"tools": {"exec": {"ask": "off"}}, "session": {"mainKey": "m"}});
        let Change::Batch(changes) = replacing(patch, &["tools.exec".into()]).unwrap() else { panic!("a batch") };
        let [Change::MergePatch(rest), Change::Set { path, value }] = changes.as_slice() else { panic!("two changes") };
        assert_eq!(rest, &json!({"tools": {}, "session": {"mainKey": "m"}}));
        assert_eq!((path.to_string().as_str(), value), ("tools.exec", &json!({"ask": "off"})));
        assert_eq!(replacing(json!({}), &["tools".into()]).unwrap_err().exit, 2);
    }
}
